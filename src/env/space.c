/* space.c - sizes of observation and action spaces, and the check that a definition makes sense. */
#include "matchbox/foreign.h"

int mb_space_nindex(const mb_space *act)
{
    int n = 0;
    for (int f = 0; f < act->nfields; f++) n += act->field[f].kind == MB_FIELD_DISCRETE;
    return n;
}

int mb_space_nvalue(const mb_space *act)
{
    int n = 0;
    for (int f = 0; f < act->nfields; f++)
        if (act->field[f].kind == MB_FIELD_BOX) n += act->field[f].n;
    return n;
}

int mb_space_nmask(const mb_space *act)
{
    int n = 0;
    for (int f = 0; f < act->nfields; f++)
        if (act->field[f].kind == MB_FIELD_DISCRETE) n += act->field[f].n;
    return n;
}

size_t mb_field_bytes(const mb_field *f)
{
    switch (f->kind) {
    case MB_FIELD_BOX:
        return (size_t)f->n * sizeof(float);
    case MB_FIELD_DISCRETE:
        return sizeof(int32_t);
    case MB_FIELD_IMAGE:
        return (size_t)f->n;
    }
    return 0;
}

enum { MAX_COMPONENTS = 1 << 24, MAX_AGENTS = 4096 };

static bool check_bounds(const char *env, const char *space, int index, const mb_field *f,
                         mb_error *err)
{
    if ((f->lows != NULL) != (f->highs != NULL))
        return mb_fail(
            err, MB_ERR_ENV,
            "environment '%s': %s field %d gives only one of lows and highs; give both or neither",
            env, space, index);
    int n = f->lows ? f->n : 1;
    for (int i = 0; i < n; i++) {
        float lo = f->lows ? f->lows[i] : f->low, hi = f->highs ? f->highs[i] : f->high;
        if (!(lo <= hi))
            return mb_fail(
                err, MB_ERR_ENV,
                "environment '%s': %s field %d, component %d: its bounds [%g, %g] are empty", env,
                space, index, i, (double)lo, (double)hi);
    }
    return true;
}

static bool check_field(const char *env, const char *space, int index, const mb_field *f,
                        bool action, mb_error *err)
{
    if ((unsigned)f->kind > MB_FIELD_IMAGE || (action && f->kind == MB_FIELD_IMAGE))
        return mb_fail(err, MB_ERR_ENV,
                       "environment '%s': %s field %d has kind %d; actions are boxes or discrete, "
                       "observations may be images too",
                       env, space, index, (int)f->kind);
    if (f->n < 1 || f->n > MAX_COMPONENTS)
        return mb_fail(err, MB_ERR_ENV,
                       "environment '%s': %s field %d has %d components or choices; give 1 to %d",
                       env, space, index, f->n, MAX_COMPONENTS);
    bool grid = f->h || f->w || f->c || f->kind == MB_FIELD_IMAGE;
    if (grid && (f->h < 1 || f->w < 1 || f->c < 1 || (int64_t)f->h * f->w * f->c != f->n))
        return mb_fail(
            err, MB_ERR_ENV,
            "environment '%s': %s field %d is %d x %d x %d but says it has %d components", env,
            space, index, f->h, f->w, f->c, f->n);
    return f->kind != MB_FIELD_BOX || check_bounds(env, space, index, f, err);
}

static bool check_space(const char *env, const char *what, const mb_space *s, bool action,
                        mb_error *err)
{
    if (s->nfields < 1 || s->nfields > MB_MAX_FIELDS)
        return mb_fail(err, MB_ERR_ENV,
                       "environment '%s': its %s space has %d fields; give 1 to %d", env, what,
                       s->nfields, MB_MAX_FIELDS);
    for (int i = 0; i < s->nfields; i++) {
        if (!check_field(env, what, i, &s->field[i], action, err)) return false;
        if (s->nfields > 1 && !s->field[i].name)
            return mb_fail(err, MB_ERR_ENV,
                           "environment '%s': %s field %d of %d has no name; fields of a larger "
                           "space need one",
                           env, what, i, s->nfields);
        for (int j = 0; j < i; j++)
            if (strcmp(s->field[i].name, s->field[j].name) == 0)
                return mb_fail(err, MB_ERR_ENV,
                               "environment '%s': %s fields %d and %d are both called '%s'", env,
                               what, j, i, s->field[i].name);
    }
    return true;
}

static bool check_def(const mb_env_def *def, mb_error *err)
{
    if (def->abi != MB_ABI || def->size != sizeof(mb_env_def))
        return mb_fail(
            err, MB_ERR_ENV,
            "environment descriptor of version %d and %zu bytes; this library knows version %d of "
            "%zu bytes: begin the descriptor with MB_ENV_HEAD and compile it again with these "
            "headers",
            def->abi, def->size, MB_ABI, sizeof(mb_env_def));
    if (!def->name || !*def->name)
        return mb_fail(err, MB_ERR_ENV, "environment descriptor without a name; set .name");
    if (!def->foreign && (!def->reset || !def->step))
        return mb_fail(err, MB_ERR_ENV, "environment '%s' has no %s function; set .%s", def->name,
                       def->reset ? "step" : "reset", def->reset ? "step" : "reset");
    return true;
}

bool mb_env_open(const mb_env_def *def, void *options, mb_arena *a, mb_error *err)
{
    if (!def->open || def->open(options, a, err)) return true;
    if (err->code == MB_OK)
        mb_fail(err, MB_ERR_ENV, "environment '%s' could not be opened and does not say why", def->name);
    return mb_note(err, "while opening environment '%s'", def->name);
}

void mb_env_close(const mb_env_def *def, void *options)
{
    if (def->close) def->close(options);
}

/* Goals can be compared and exchanged: the three fields, two of them alike. */
static bool check_goals(const mb_env_def *def, const mb_env_shape *s, mb_error *err)
{
    static const char *const names[] = {"observation", "achieved_goal", "desired_goal"};
    if (!def->goal_reward) return true;
    bool good = s->obs.nfields == MB_GOAL_FIELDS;
    for (int i = 0; good && i < MB_GOAL_FIELDS; i++)
        good = strcmp(s->obs.field[i].name, names[i]) == 0;
    const mb_field *a = &s->obs.field[MB_GOAL_ACHIEVED], *d = &s->obs.field[MB_GOAL_DESIRED];
    if (good && a->kind == d->kind && a->n == d->n) return true;
    return mb_fail(err, MB_ERR_ENV,
                   "environment '%s' has goals, so it must be seen as observation, achieved_goal and "
                   "desired_goal, the last two alike: use .obs = MB_GOALS(...)",
                   def->name);
}

bool mb_env_shape_of(const mb_env_def *def, const void *options, mb_env_shape *shape, mb_error *err)
{
    if (!check_def(def, err)) return false;
    *shape = (mb_env_shape){.obs = def->obs,
                            .act = def->act,
                            .nagents = def->nagents ? def->nagents : 1,
                            .time_limit = def->time_limit,
                            .masked = def->masked,
                            .state_size = def->state_size};
    bool good = def->foreign ? def->foreign->shape(def->foreign->self, options, shape, err)
                             : !def->shape || def->shape(options, shape, err);
    if (!good) {
        if (err->code == MB_OK)
            mb_fail(err, MB_ERR_ENV,
                    "environment '%s': its shape function refused the options without saying why",
                    def->name);
        return mb_note(err, "while making environment '%s'", def->name);
    }
    if (shape->nagents < 1 || shape->nagents > MAX_AGENTS)
        return mb_fail(err, MB_ERR_ENV, "environment '%s' has %d agents; give 1 to %d", def->name,
                       shape->nagents, MAX_AGENTS);
    if (shape->time_limit < 0)
        return mb_fail(err, MB_ERR_ENV,
                       "environment '%s' has a time limit of %d steps; give 0 (none) or more",
                       def->name, shape->time_limit);
    if (shape->state_size < 1 || shape->state_size > (size_t)1 << 40)
        return mb_fail(
            err, MB_ERR_ENV,
            "environment '%s' has a state of %zu bytes; set .state_size = sizeof(struct ...)",
            def->name, shape->state_size);
    return check_space(def->name, "observation", &shape->obs, false, err) &&
           check_space(def->name, "action", &shape->act, true, err) && check_goals(def, shape, err);
}

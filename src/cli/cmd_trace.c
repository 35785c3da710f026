/* matchbox trace ENV --state v1,v2 --actions a1,a2: step one instance from a given full state. */
#include "cli/command.h"
#include <stdlib.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                        \
    TEXT(state, "", "the full state, numbers with commas between (their order: matchbox help ENV)")                  \
    TEXT(actions, "", "actions with commas between; components of one action are joined by a colon")                 \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON array")
MB_OPTIONS(trace, OPTIONS)

struct instance {
    mb_env_shape shape;
    const mb_env_def *def;
    void *options;
    void *state;
    mb_rng rng;
    mb_io io;
    int32_t *index;
    float *value;
    int nindex, nvalue, nmask;
};

static bool make_instance(const cli *c, const mb_settings *s, struct instance *x, mb_error *err)
{
    x->def = mb_settings_env(s);
    if (!(x->options = mb_alloc(c->arena, 1, x->def->options_size, err))) return false;
    memcpy(x->options, mb_settings_env_options(s), x->def->options_size);
    if (!mb_env_shape_of(x->def, x->options, &x->shape, err)) return false;
    size_t agents = (size_t)x->shape.nagents;
    x->nindex = mb_space_nindex(&x->shape.act);
    x->nvalue = mb_space_nvalue(&x->shape.act);
    x->nmask = mb_space_nmask(&x->shape.act);
    x->rng = mb_rng_make(1, "trace", 0);
    x->state = mb_alloc(c->arena, 1, x->shape.state_size, err);
    x->index = mb_alloc(c->arena, agents * (size_t)x->nindex, sizeof *x->index, err);
    x->value = mb_alloc(c->arena, agents * (size_t)x->nvalue, sizeof *x->value, err);
    x->io = (mb_io){ .index = x->index, .value = x->value };
    x->io.mask = x->shape.masked ? mb_alloc(c->arena, agents, (size_t)x->nmask, err) : NULL;
    x->io.reward = mb_alloc(c->arena, agents, sizeof *x->io.reward, err);
    x->io.active = mb_alloc(c->arena, agents, 1, err);
    for (int f = 0; f < x->shape.obs.nfields; f++)
        x->io.obs_field[f] = mb_alloc(c->arena, agents, mb_field_bytes(&x->shape.obs.field[f]), err);
    x->io.obs = x->shape.obs.field[0].kind == MB_FIELD_BOX ? x->io.obs_field[0] : NULL;
    return err->code == MB_OK && mb_env_open(x->def, x->options, c->arena, err);
}

static void clear(struct instance *x)
{
    for (int k = 0; k < x->shape.nagents; k++) {
        x->io.reward[k] = 0;
        x->io.active[k] = 1;
    }
    if (x->io.mask) memset(x->io.mask, 1, (size_t)(x->shape.nagents * x->nmask));
    x->io.broken = false;
}

static int count_items(const char *text)
{
    int n = *text != 0;
    for (; *text; text++) n += *text == ',';
    return n;
}

static bool place(const cli *c, struct instance *x, mb_error *err)
{
    const char *text = cli_text(c, "state");
    if (!x->def->place) return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: cannot be put into a given state", x->def->name);
    if (!text) {
        mb_fail(err, MB_ERR_USAGE, "trace: needs --state%s%s", x->def->state_names ? " " : "", x->def->state_names ? x->def->state_names : "");
        return mb_help(err, "matchbox help %s", x->def->name);
    }
    int n = count_items(text);
    double *values = mb_alloc(c->arena, (size_t)n, sizeof *values, err);
    if (!values) return false;
    for (int i = 0; i < n; i++) {
        char item[64];
        snprintf(item, sizeof item, "%.*s", (int)strcspn(text, ","), text);
        if (!mb_parse_double(item, &values[i]))
            return mb_fail(err, MB_ERR_USAGE, "trace: number %d of --state is '%s', which is not a number", i + 1, item);
        text += strcspn(text, ",");
        text += *text == ',';
    }
    clear(x);
    if (x->def->place(x->state, x->options, values, n, &x->io, err)) return true;
    if (x->def->state_names) mb_note(err, "the full state is %s", x->def->state_names);
    return mb_help(err, "matchbox help %s", x->def->name);
}

/* One action: a component for every discrete field and every number of a box, agent after agent. */
static bool read_action(struct instance *x, const char *text, int number, mb_error *err)
{
    int32_t *index = x->index;
    float *value = x->value;
    int wanted = x->shape.nagents * (x->nindex + x->nvalue), seen = 0;
    const char *at = text;
    for (int k = 0; k < x->shape.nagents; k++)
        for (int f = 0; f < x->shape.act.nfields; f++) {
            const mb_field *field = &x->shape.act.field[f];
            bool choice = field->kind == MB_FIELD_DISCRETE;
            for (int i = 0; i < (choice ? 1 : field->n); i++) {
                double v;
                char item[64];
                snprintf(item, sizeof item, "%.*s", (int)strcspn(at, ":"), at);
                if (!mb_parse_double(item, &v))
                    return mb_fail(err, MB_ERR_USAGE, "trace: action %d is '%s': %d component%s wanted, joined by ':'", number, text,
                                   wanted, wanted == 1 ? "" : "s");
                if (choice && !(v >= 0 && v < field->n && v == (double)(int)v))
                    return mb_fail(err, MB_ERR_RANGE, "trace: action %d is %s, and must be a whole number in [0, %d]", number, item, field->n - 1);
                if (choice) *index++ = (int32_t)v;
                else *value++ = (float)v;
                seen++;
                at += strcspn(at, ":");
                at += *at == ':';
            }
        }
    if (*at) return mb_fail(err, MB_ERR_USAGE, "trace: action %d is '%s': %d component%s wanted", number, text, seen, seen == 1 ? "" : "s");
    return true;
}

static void write_obs(const struct instance *x, mb_str *out)
{
    bool first = true;
    mb_str_add(out, "[");
    for (int f = 0; f < x->shape.obs.nfields; f++) {
        const mb_field *field = &x->shape.obs.field[f];
        int n = x->shape.nagents * (field->kind == MB_FIELD_DISCRETE ? 1 : field->n);
        for (int i = 0; i < n; i++) {
            const void *p = x->io.obs_field[f];
            double v = field->kind == MB_FIELD_BOX        ? (double)((const float *)p)[i]
                       : field->kind == MB_FIELD_DISCRETE ? (double)((const int32_t *)p)[i]
                                                          : (double)((const uint8_t *)p)[i];
            if (!first) mb_str_add(out, ",");
            mb_str_number(out, v);
            first = false;
        }
    }
    mb_str_add(out, "]");
}

static void write_step(const struct instance *x, bool terminated, bool truncated, mb_str *out)
{
    mb_str_add(out, "{\"obs\":");
    write_obs(x, out);
    mb_str_add(out, ",\"reward\":");
    mb_str_number(out, (double)x->io.reward[0]);
    if (x->shape.nagents > 1) {
        mb_str_add(out, ",\"rewards\":[");
        for (int k = 0; k < x->shape.nagents; k++) {
            if (k) mb_str_add(out, ",");
            mb_str_number(out, (double)x->io.reward[k]);
        }
        mb_str_add(out, "]");
    }
    mb_str_add(out, ",\"terminated\":%s,\"truncated\":%s}", terminated ? "true" : "false", truncated ? "true" : "false");
}

/* Steps until the actions or the episode are used up. */
static bool play(struct instance *x, const char *actions, bool json, mb_str *out, mb_error *err)
{
    int n = count_items(actions);
    bool terminated = false, truncated = false;
    for (int i = 0; i < n && !terminated && !truncated; i++) {
        char action[1024];
        snprintf(action, sizeof action, "%.*s", (int)strcspn(actions, ","), actions);
        if (!read_action(x, action, i + 1, err)) return mb_help(err, "matchbox help trace");
        actions += strcspn(actions, ",");
        actions += *actions == ',';
        clear(x);
        mb_step s = x->def->step(x->state, x->options, &x->rng, &x->io);
        for (int k = 0; k < x->shape.nagents; k++) x->io.reward[k] += s.reward;
        terminated = s.terminated && !x->io.broken;
        truncated = x->io.broken || (!terminated && x->shape.time_limit > 0 && i + 1 >= x->shape.time_limit);
        mb_str_add(out, "%s", i && json ? "," : "");
        write_step(x, terminated, truncated, out);
        if (!json) mb_str_add(out, "\n");
        if ((terminated || truncated) && i + 1 < n)
            fprintf(stderr, "trace: the episode ended at action %d of %d\n", i + 1, n);
    }
    return true;
}

static bool run(cli *c, mb_error *err)
{
    enum { BYTES = 64 << 20 };
    const struct trace_options *o = c->options;
    const char *actions = cli_text(c, "actions");
    struct instance x = { 0 };
    mb_str out;
    mb_settings *s = mb_settings_new(c->arena, "random", c->words[0], err);
    if (!s || !cli_settings(c, "none", NULL, s, err) || !make_instance(c, s, &x, err) || !place(c, &x, err)) return false;
    if (!actions) {
        mb_fail(err, MB_ERR_USAGE, "trace: needs --actions");
        return mb_help(err, "matchbox help trace");
    }
    char *memory = mb_alloc(c->arena, 1, BYTES, err);
    if (!memory) return false;
    mb_str_init(&out, memory, BYTES);
    if (o->json) mb_str_add(&out, "[");
    if (!play(&x, actions, o->json, &out, err)) return false;
    if (o->json) mb_str_add(&out, "]\n");
    mb_env_close(x.def, x.options);
    if (out.full) return mb_fail(err, MB_ERR_MEMORY, "trace: more than %d bytes of output", BYTES);
    fputs(out.s, stdout);
    return true;
}

CLI_COMMAND(trace) = {
    .name = "trace", .usage = "trace ENV --state v1,.. --actions a1,..", .summary = "step one environment from a given state",
    .about = "Puts one environment into a full state given as numbers, steps it with the actions and prints each observation, reward, "
             "terminated and truncated. It ends with the episode. Options of the environment: --env.NAME.",
    .min_words = 1, .max_words = 1, .takes_settings = true, MB_USE_OPTIONS(trace), .run = run,
};

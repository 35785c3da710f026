/* Arms of an experiment: their settings, checked like those of the command line; the command that makes a run; its name. */
#include "run/experiment.h"
#include <stdio.h>
#include <string.h>

enum { ALGO, ENV, PRESET, PROGRAM, COMMAND, FIELDS, OPTIONS_MAX = 256, IDENTITY_BYTES = 32768, WORDS_MAX = 64 };
static const char *const fields[FIELDS] = { "algo", "env", "preset", "program", "command" };

int mb__arm_field(const char *name)
{
    for (int i = 0; i < FIELDS; i++)
        if (strcmp(fields[i], name) == 0) return i;
    return -1;
}

/* ---- options: a later one of the same key replaces an earlier one ---- */

static bool put(struct reader *r, mb_arm *arm, const char *key, const mb_yaml_item *at)
{
    char name[128];
    snprintf(name, sizeof name, "%s", key);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
    int i = 0;
    while (i < arm->noptions && strcmp(arm->options[i].key, name) < 0) i++;
    bool same = i < arm->noptions && strcmp(arm->options[i].key, name) == 0;
    if (!same) {
        if (arm->noptions == OPTIONS_MAX) return mb__experiment_fail(r, at, "is one option too many", NULL);
        for (int k = arm->noptions++; k > i; k--) arm->options[k] = arm->options[k - 1];
        if (!(arm->options[i].key = mb_strdup(r->arena, name, r->err))) return false;
    }
    arm->options[i].value = at->value;
    arm->options[i].line = at->line;
    return true;
}

/* All keys "UNDER...": what follows is an option. */
static bool put_all(struct reader *r, mb_arm *arm, const char *under)
{
    size_t n = strlen(under);
    for (int i = 0; i < r->y.n; i++)
        if (strncmp(r->y.items[i].key, under, n) == 0 && !put(r, arm, r->y.items[i].key + n, &r->y.items[i])) return false;
    return true;
}

/* ---- training: the settings must be good ---- */

static bool identity_of(struct reader *r, mb_arm *arm, const char *text, size_t n)
{
    char *copy = mb_alloc(r->arena, n + 1, 1, r->err);
    if (!copy) return false;
    memcpy(copy, text, n);
    arm->identity = copy;
    return true;
}

/* Settings that never change a result. */
static bool harmless(const char *key)
{
    static const char *const names[] = { "run", "threads", "checkpoint-every", "checkpoint-steps", "stop-after", "seed", "preset", NULL };
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], key) == 0) return true;
    return false;
}

/* Every setting that is not the default, preset included: the lines of config.yaml that have an origin. */
static bool train_identity(struct reader *r, const mb_settings *s, mb_arm *arm)
{
    char *memory = mb_alloc(r->arena, 2, IDENTITY_BYTES, r->err), *text = memory ? memory + IDENTITY_BYTES : NULL;
    mb_str all, out;
    if (!memory) return false;
    mb_str_init(&all, memory, IDENTITY_BYTES);
    mb_str_init(&out, text, IDENTITY_BYTES);
    mb_settings_yaml(s, &all, true);
    mb_str_add(&out, "train %s %s\n", arm->algo, arm->env);
    for (int i = 0; i < arm->noptions; i++)
        if (strcmp(arm->options[i].value, MB__THE_SEED) == 0) mb_str_add(&out, "%s is the seed\n", arm->options[i].key);
    for (char *line = all.s; *line;) {
        char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end, *from = NULL, *at = line;
        *end = 0;
        while ((at = strstr(at, " # "))) from = at++;
        char key[128];
        snprintf(key, sizeof key, "%.*s", (int)strcspn(line, ":"), line);
        if (from && strcmp(from, " # default") != 0 && !harmless(key)) {
            while (from > line && from[-1] == ' ') from--;
            mb_str_add(&out, "%.*s\n", (int)(from - line), line);
        }
        line = next;
    }
    if (all.full || out.full) return mb_fail(r->err, MB_ERR_MEMORY, "%s: arm '%s' has too many settings", r->y.path, arm->name);
    return identity_of(r, arm, out.s, out.n);
}

static bool check_training(struct reader *r, mb_arm *arm)
{
    char value[64];
    int64_t n = 0;
    mb_settings *s = mb_settings_new(r->arena, arm->algo, arm->env, r->err);
    if (!s || !mb_settings_preset(s, arm->preset, r->err)) return false;
    for (int i = 0; i < arm->noptions; i++) {
        char origin[256];
        snprintf(origin, sizeof origin, "%.180s, line %d", r->y.path, arm->options[i].line);
        if (strcmp(arm->options[i].key, "run") == 0 || strcmp(arm->options[i].key, "seed") == 0)
            return mb_fail(r->err, MB_ERR_USAGE, "%s: option '%s' is given by the experiment itself", origin, arm->options[i].key);
        bool seed = strcmp(arm->options[i].value, MB__THE_SEED) == 0;
        if (!mb_settings_set(s, arm->options[i].key, seed ? "1" : arm->options[i].value, origin, r->err)) return false;
    }
    if (mb_settings_get(s, "eval-episodes", value, sizeof value) && mb_parse_int(value, &n)) arm->eval_episodes = (int)n;
    if (mb_settings_get(s, "total-steps", value, sizeof value) && mb_parse_int(value, &n)) arm->total_steps = n;
    return train_identity(r, s, arm);
}

static bool other_identity(struct reader *r, mb_arm *arm)
{
    char *text = mb_alloc(r->arena, 1, IDENTITY_BYTES, r->err);
    mb_str out;
    if (!text) return false;
    mb_str_init(&out, text, IDENTITY_BYTES);
    mb_str_add(&out, "%s %s\n", arm->kind == MB_ARM_PROGRAM ? "program" : "command", arm->command);
    for (int i = 0; i < arm->noptions; i++) mb_str_add(&out, "%s: %s\n", arm->options[i].key, arm->options[i].value);
    if (out.full) return mb_fail(r->err, MB_ERR_MEMORY, "%s: arm '%s' has too many settings", r->y.path, arm->name);
    return identity_of(r, arm, out.s, out.n);
}

/* ---- one arm ---- */

static bool fields_of(struct reader *r, const char *prefix, const mb_yaml_item *found[FIELDS])
{
    size_t n = strlen(prefix);
    for (int i = 0; i < r->y.n; i++) {
        const mb_yaml_item *at = &r->y.items[i];
        if (strncmp(at->key, prefix, n) != 0) continue;
        const char *rest = at->key + n;
        int k = mb__arm_field(rest);
        if (k >= 0) found[k] = at;
        else if (n > 0 && strncmp(rest, "options.", 8) != 0 && strncmp(rest, "quick.", 6) != 0) {
            mb__experiment_fail(r, at, "is no key of an arm", NULL);
            return mb_note(r->err, "an arm has algo, env, preset, command, program, options and quick; its name holds no dot");
        }
    }
    return true;
}

static bool kind_of(struct reader *r, const mb_yaml_item *f[FIELDS], mb_arm *arm)
{
    const mb_yaml_item *by = f[PROGRAM] ? f[PROGRAM] : f[COMMAND];
    if (by && !*by->value) return mb__experiment_fail(r, by, "is empty", NULL);
    if (by) {
        arm->kind = f[PROGRAM] ? MB_ARM_PROGRAM : MB_ARM_COMMAND;
        arm->command = by->value;
        return true;
    }
    if (!f[ALGO] || !f[ENV]) {
        mb_fail(r->err, MB_ERR_USAGE, "%.200s, line %d: arm '%.60s' has no '%s'", r->y.path, arm->line, arm->name, f[ALGO] ? "env" : "algo");
        return mb_note(r->err, "an arm names algo and env, or a command, or a program");
    }
    arm->algo = f[ALGO]->value;
    arm->env = f[ENV]->value;
    arm->preset = f[PRESET] ? f[PRESET]->value : NULL;
    return true;
}

bool mb__arm_read(struct reader *r, const mb_experiment *e, mb_arm *arm)
{
    char own[96], options[112], quick[112];
    const mb_yaml_item *f[FIELDS] = { NULL }, *top[FIELDS] = { NULL };
    snprintf(own, sizeof own, "arms.%.64s.", arm->name);
    snprintf(options, sizeof options, "%soptions.", own);
    snprintf(quick, sizeof quick, "%squick.", own);
    if (!fields_of(r, "", top) || !fields_of(r, own, f)) return false;
    bool named = f[PROGRAM] || f[COMMAND] || f[ALGO]; /* how runs are made comes from the arm or from the top, not from both */
    for (int i = 0; i < FIELDS; i++)
        if (!f[i] && (!named || (i != PROGRAM && i != COMMAND))) f[i] = top[i];
    if (!kind_of(r, f, arm)) return false;
    if (!(arm->options = mb_alloc(r->arena, OPTIONS_MAX, sizeof *arm->options, r->err))) return false;
    if (!put_all(r, arm, "options.") || !put_all(r, arm, options)) return false;
    if (e->quick && (!put_all(r, arm, "quick.options.") || !put_all(r, arm, quick))) return false;
    bool ok = arm->kind == MB_ARM_TRAIN ? check_training(r, arm) : other_identity(r, arm);
    return ok || mb_note(r->err, "%.120s, line %d: arm '%s'", r->y.path, arm->line, arm->name);
}

/* ---- running it ---- */

static uint64_t fnv(uint64_t h, const char *text)
{
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

bool mb_experiment_run_name(const mb_experiment *e, int arm, int64_t seed, char *out, size_t n, mb_error *err)
{
    const mb_arm *m = &e->arm[arm];
    char end[32], what[160];
    snprintf(end, sizeof end, "seed %lld", (long long)seed);
    uint64_t h = fnv(fnv(0xcbf29ce484222325u, m->identity), end);
    if (m->kind == MB_ARM_TRAIN) {
        const char *slash = strrchr(m->env, '/');
        snprintf(what, sizeof what, "%.60s-%.60s", m->algo, slash ? slash + 1 : m->env);
    } else {
        size_t words = m->kind == MB_ARM_PROGRAM ? strcspn(m->command, " ") : strlen(m->command), from = words;
        while (from > 0 && m->command[from - 1] != '/') from--;
        snprintf(what, sizeof what, "%.*s", (int)(words - from > 100 ? 100 : words - from), m->command + from);
    }
    for (char *c = what; *c; c++)
        if (*c == ' ' || *c == '.' || *c == '_') *c = '-';
    int need = snprintf(out, n, "%s-%016llx", what, (unsigned long long)h);
    return (need > 0 && (size_t)need < n) || mb_fail(err, MB_ERR_USAGE, "the name of a run of '%s' is too long", m->name);
}

struct args { const char **word; int n; mb_arena *arena; mb_error *err; bool bad; };

static void add(struct args *a, const char *key, const char *value)
{
    char *text = mb_alloc(a->arena, strlen(key) + strlen(value) + 4, 1, a->err);
    if (!text) {
        a->bad = true;
        return;
    }
    if (*value) sprintf(text, "--%s=%s", key, value);
    else strcpy(text, key);
    a->word[a->n++] = text;
}

static void add_number(struct args *a, const char *key, int64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)v);
    add(a, key, text);
}

static void add_words(struct args *a, const char *words)
{
    for (int k = 0; k < WORDS_MAX;  k++) {
        words += strspn(words, " ");
        size_t n = strcspn(words, " ");
        if (n == 0) return;
        char *text = mb_alloc(a->arena, n + 1, 1, a->err);
        if (!text) {
            a->bad = true;
            return;
        }
        memcpy(text, words, n);
        a->word[a->n++] = text;
        words += n;
    }
}

const char *const *mb_experiment_args(const mb_experiment *e, int arm, int64_t seed, const char *dir, bool resume, mb_arena *a,
                                      mb_error *err)
{
    const mb_arm *m = &e->arm[arm];
    struct args out = { mb_alloc(a, (size_t)m->noptions + WORDS_MAX + 16, sizeof *out.word, err), 0, a, err, false };
    bool threads = false;
    if (!out.word) return NULL;
    if (m->kind != MB_ARM_PROGRAM) out.word[out.n++] = NULL;
    if (resume && m->kind != MB_ARM_PROGRAM) {
        add(&out, "resume", "");
        add(&out, dir, "");
        if (m->kind == MB_ARM_TRAIN) add_number(&out, "eval-episodes", m->eval_episodes);
        add_number(&out, "threads", 1);
        add(&out, "--json", "");
        return out.bad ? NULL : out.word;
    }
    if (m->kind == MB_ARM_TRAIN) {
        add(&out, "train", "");
        add(&out, m->algo, "");
        add(&out, m->env, "");
        if (m->preset) add(&out, "preset", m->preset);
    } else {
        add_words(&out, m->command);
    }
    for (int i = 0; i < m->noptions; i++) {
        if (strcmp(m->options[i].value, MB__THE_SEED) == 0) add_number(&out, m->options[i].key, seed);
        else add(&out, m->options[i].key, m->options[i].value);
        threads = threads || strcmp(m->options[i].key, "threads") == 0;
    }
    add_number(&out, "seed", seed);
    if (m->kind != MB_ARM_PROGRAM) {
        if (!threads) add_number(&out, "threads", 1);
        add(&out, "run", dir);
        add(&out, "--json", "");
    }
    return out.bad ? NULL : out.word;
}

void mb_experiment_command(const mb_arm *arm, mb_str *out)
{
    if (arm->kind == MB_ARM_TRAIN) mb_str_add(out, "matchbox train %s %s", arm->algo, arm->env);
    else mb_str_add(out, "%s%s", arm->kind == MB_ARM_COMMAND ? "matchbox " : "build/", arm->command);
    if (arm->preset) mb_str_add(out, " --preset %s", arm->preset);
    for (int i = 0; i < arm->noptions; i++) mb_str_add(out, " --%s %s", arm->options[i].key, arm->options[i].value);
}

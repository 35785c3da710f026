/* matchbox lm loss FILE: any objective on given arrays, in double precision, with its gradient. */
#include "cli/command.h"
#include "cli/lm_arrays.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON object")                                          \
    TEXT(preset, "", "grpo, dapo, dpo ...: instead of the one in the file's config")                                  \
    TEXT(convention, "", "paper, trl, verl, openrlhf or open-instruct: instead of the one in the file's config")      \
    NUM(bool, presets, false, 0, 1, "list the presets")                                                               \
    NUM(bool, fields, false, 0, 1, "list the fields of a config, with defaults and ranges; with --preset: those that it sets, by convention")
MB_OPTIONS(lm_loss, OPTIONS)

struct result { double loss, *grad, *advantages, kl[4]; bool per_token, has_kl; int dropped; };

/* A graph of float inputs, evaluated in double: the values are given to mb_eval64, not stored. */
struct audit { mb_graph *g; mb_value64 given[16]; int n; mb_arena *a; };

static mb_var input(struct audit *t, const char *name, mb_shape shape, const double *values)
{
    mb_var v = mb_input(t->g, name, MB_F32, shape);
    t->given[t->n++] = (mb_value64){ v, (double *)(uintptr_t)values };
    return v;
}

static double *as_doubles(mb_arena *a, const uint8_t *x, size_t n, mb_error *err)
{
    double *v = mb_alloc(a, n, sizeof *v, err);
    for (size_t i = 0; v && i < n; i++) v[i] = x[i];
    return v;
}

static bool gradient(struct audit *t, mb_var loss, mb_var *wrt, int nwrt, double **out, size_t n, double *value, mb_error *err)
{
    mb_var d[2];
    mb_value64 wanted[3] = { { loss, value } };
    mb_grad(loss, wrt, nwrt, d);
    for (int k = 0; k < nwrt; k++) {
        out[k] = mb_alloc(t->a, n, sizeof(double), err);
        if (!out[k]) return false;
        wanted[1 + k] = (mb_value64){ d[k], out[k] };
    }
    return mb_eval64(t->g, t->given, t->n, wanted, 1 + nwrt, t->a, err);
}

/* ---- sequences ---- */

static bool token_means(struct audit *t, const mb_objective_terms *terms, const uint8_t *mask, size_t cells, double out[4], mb_error *err)
{
    for (int k = 1; k <= 3; k++) {
        double *v = mb_alloc(t->a, cells, sizeof *v, err), sum = 0, n = 0;
        if (!v || !mb_eval64(t->g, t->given, t->n, &(mb_value64){ terms->kl[k], v }, 1, t->a, err)) return false;
        for (size_t i = 0; i < cells; i++)
            if (mask[i]) sum += v[i], n++;
        out[k] = n > 0 ? sum / n : 0;
    }
    return true;
}

static bool sequences(struct audit *t, const mb_objective *o, const mb_sequences *x, struct result *r, mb_error *err)
{
    size_t cells = (size_t)x->n * (size_t)x->longest;
    mb_objective_weights w;
    double **arrays[] = { &w.adv, &w.weight, &w.gain, &w.kl, &w.returns };
    for (int k = 0; k < 5; k++)
        if (!(*arrays[k] = mb_alloc(t->a, cells, sizeof(double), err))) return false;
    double *mask = as_doubles(t->a, x->mask, cells, err), *teacher = x->teacher ? as_doubles(t->a, x->teacher, cells, err) : NULL;
    if (!mask || (x->teacher && !teacher) || !mb_objective_prepare(o, x, &w, t->a, err)) return false;
    mb_shape s = MB_S2(x->n, x->longest);
    mb_var none = { t->g, -1 };
    mb_objective_inputs in = {
        .logp = input(t, "logp", s, x->logp),
        .old_logp = input(t, "old_logp", s, x->old_logp ? x->old_logp : x->logp),
        .ref_logp = x->ref_logp ? input(t, "ref_logp", s, x->ref_logp) : none,
        .mask = input(t, "mask", s, mask),
        .adv = input(t, "advantage", s, w.adv),
        .weight = input(t, "weight", s, w.weight),
        .gain = input(t, "gain", s, w.gain),
        .kl = input(t, "kl", s, w.kl),
        .teacher = teacher ? input(t, "teacher", s, teacher) : none,
    };
    mb_objective_terms terms = mb_objective_loss(o, &in);
    *r = (struct result){ .advantages = w.adv, .per_token = w.per_token, .has_kl = x->ref_logp,
                          .dropped = w.groups_dropped };
    if (!gradient(t, terms.loss, &in.logp, 1, &r->grad, cells, &r->loss, err)) return false;
    return !r->has_kl || token_means(t, &terms, x->mask, cells, r->kl, err);
}

/* ---- printing ---- */

static void numbers(mb_str *out, const double *v, int n, int step)
{
    mb_str_add(out, "[");
    for (int i = 0; i < n; i++) {
        if (i) mb_str_add(out, ",");
        mb_str_number(out, v[(size_t)i * (size_t)step]);
    }
    mb_str_add(out, "]");
}

static void rows(mb_str *out, const double *v, const mb_sequences *x, const int *lengths)
{
    mb_str_add(out, "[");
    for (int i = 0; i < x->n; i++) {
        if (i) mb_str_add(out, ",");
        numbers(out, v + (size_t)i * (size_t)x->longest, lengths[i], 1);
    }
    mb_str_add(out, "]");
}

static void print_sequences(mb_str *out, const struct result *r, const mb_sequences *x, const int *lengths)
{
    mb_str_add(out, "{\"loss\":");
    mb_str_number(out, r->loss);
    mb_str_add(out, ",\"advantages\":");
    if (r->per_token) rows(out, r->advantages, x, lengths);
    else numbers(out, r->advantages, x->n, x->longest);
    mb_str_add(out, ",\"grad\":");
    rows(out, r->grad, x, lengths);
    if (r->has_kl) {
        for (int k = 1; k <= 3; k++) {
            mb_str_add(out, k == 1 ? ",\"kl\":{\"k1\":" : k == 2 ? ",\"k2\":" : ",\"k3\":");
            mb_str_number(out, r->kl[k]);
        }
        mb_str_add(out, "}");
    }
    if (r->dropped) mb_str_add(out, ",\"groups_dropped\":%d", r->dropped);
    mb_str_add(out, "}");
}

static bool pairs(struct audit *t, const struct lm_arrays *in, mb_str *out, mb_error *err)
{
    const struct lm_pairs *p = &in->pairs;
    mb_shape s = MB_S1(p->n);
    mb_pair_inputs x = { input(t, "chosen_logp", s, p->chosen),     input(t, "chosen_ref", s, p->chosen_ref),
                         input(t, "chosen_tokens", s, p->chosen_n), input(t, "rejected_logp", s, p->rejected),
                         input(t, "rejected_ref", s, p->rejected_ref), input(t, "rejected_tokens", s, p->rejected_n) };
    mb_var wrt[] = { x.chosen, x.rejected };
    double loss, *grad[2];
    if (!gradient(t, mb_preference_loss(&in->objective, &x), wrt, 2, grad, (size_t)p->n, &loss, err)) return false;
    mb_str_add(out, "{\"loss\":");
    mb_str_number(out, loss);
    mb_str_add(out, ",\"grad\":[");
    for (int i = 0; i < p->n; i++) {
        mb_str_add(out, i ? ",[" : "[");
        mb_str_number(out, grad[0][i]);
        mb_str_add(out, ",");
        mb_str_number(out, grad[1][i]);
        mb_str_add(out, "]");
    }
    mb_str_add(out, "]}");
    return true;
}

static bool items(struct audit *t, const struct lm_arrays *in, mb_str *out, mb_error *err)
{
    const struct lm_items *p = &in->items;
    mb_shape s = MB_S1(p->n);
    mb_var logp = input(t, "logp", s, p->logp), ref = input(t, "ref", s, p->ref), good = input(t, "desirable", s, p->desirable);
    mb_var z0 = input(t, "z0", MB_S0(), &p->z0);
    double loss, *grad[1];
    if (!gradient(t, mb_kto_loss(&in->objective, logp, ref, good, z0), &logp, 1, grad, (size_t)p->n, &loss, err)) return false;
    mb_str_add(out, "{\"loss\":");
    mb_str_number(out, loss);
    mb_str_add(out, ",\"grad\":");
    numbers(out, grad[0], p->n, 1);
    mb_str_add(out, "}");
    return true;
}

static bool evaluate(const struct lm_arrays *in, mb_arena *a, mb_str *out, mb_error *err)
{
    mb_scope scope = { .arena = a };
    struct audit t = { .g = mb_graph_new(&scope, "loss", err), .a = a };
    if (!t.g) return false;
    if (mb_objective_pairs(&in->objective)) return pairs(&t, in, out, err);
    if (in->objective.objective == MB_OBJ_KTO) return items(&t, in, out, err);
    struct result r;
    if (!sequences(&t, &in->objective, &in->seq, &r, err)) return false;
    print_sequences(out, &r, &in->seq, in->lengths);
    return true;
}

/* The fields that a preset sets, by convention, as the table of its page: those that differ from a field's default somewhere. */
static bool preset_fields(const char *preset, mb_error *err)
{
    enum { CONVENTIONS = 5, ROWS = 64 };
    static const char *const names[CONVENTIONS] = { "paper", "trl", "verl", "openrlhf", "open-instruct" };
    mb_objective o[CONVENTIONS], plain;
    char text[CONVENTIONS][ROWS][48], standard[48];
    const mb_option *rows = mb_objective_rows();
    bool shown[ROWS] = { false }, column[CONVENTIONS] = { true };
    mb_objective_default(&plain);
    for (int k = 0; k < CONVENTIONS; k++) {
        if (!mb_objective_preset(&o[k], preset, names[k], err)) return false;
        for (int i = 0; rows[i].name && i < ROWS; i++) {
            mb_options_get(&rows[i], &plain, standard, sizeof standard);
            mb_options_get(&rows[i], &o[k], text[k][i], sizeof text[k][i]);
            shown[i] = shown[i] || strcmp(text[k][i], standard) != 0;
            column[k] = column[k] || strcmp(text[k][i], text[0][i]) != 0;
        }
    }
    printf("| field |");
    for (int k = 0; k < CONVENTIONS; k++)
        if (column[k]) printf(" %s |", names[k]);
    printf(" default |\n|---|");
    for (int k = 0; k < CONVENTIONS; k++)
        if (column[k]) printf("---|");
    printf("---|\n");
    for (int i = 0; rows[i].name && i < ROWS; i++) {
        if (!shown[i]) continue;
        printf("| `%s` |", rows[i].name);
        for (int k = 0; k < CONVENTIONS; k++)
            if (column[k]) printf(" %s |", text[k][i]);
        mb_options_get(&rows[i], &plain, standard, sizeof standard);
        printf(" %s |\n", standard);
    }
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_loss_options *o = c->options;
    const char *name, *source;
    if (o->presets)
        for (int i = 0; (name = mb_objective_preset_at(i, &source)); i++) printf("%-22s %s\n", name, source);
    if (o->fields && cli_text(c, "preset")) return preset_fields(cli_text(c, "preset"), err);
    if (o->fields) rows_text(stdout, mb_objective_rows(), "");
    if (o->presets || o->fields) return true;
    if (c->nwords == 0) {
        mb_fail(err, MB_ERR_USAGE, "lm loss: the file is missing: matchbox lm loss FILE.json");
        return mb_help(err, "matchbox help lm loss");
    }
    struct lm_arrays in = { 0 };
    mb_str out;
    size_t cap = (size_t)64 << 20;
    char *memory = mb_alloc(c->arena, cap, 1, err);
    if (!memory) return false;
    mb_str_init(&out, memory, cap);
    if (!lm_arrays_read(c->words[0], cli_text(c, "preset"), cli_text(c, "convention"), c->arena, &in, err)) return false;
    if (!evaluate(&in, c->arena, &out, err)) return false;
    if (out.full) return mb_fail(err, MB_ERR_MEMORY, "lm loss: the result does not fit 64 MiB of text");
    cli_json(&out);
    return true;
}

CLI_COMMAND(lm_loss) = {
    .name = "lm loss", .usage = "lm loss FILE.json [--json]", .summary = "any objective on given arrays: loss, advantages, gradient",
    .about = "Evaluates an objective of language-model training on the arrays of a file, in double precision: the loss, the advantages, "
             "the derivative with respect to each token's log-probability and the KL estimates. For auditing a trainer, this one or another. "
             "docs/guide/objectives.md describes the file.",
    .min_words = 0, .max_words = 1, MB_USE_OPTIONS(lm_loss), .run = run,
};

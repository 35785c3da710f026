/* grpo - answers to a task's problems are sampled in groups, judged, and made more or less likely (Shao et al. 2024).  Which loss that is,
   the option `objective` says: any preset of objective.h but those on pairs.  The sampler and the learner are one engine: the difference between
   the log-probability a token was sampled with and the one the learner's first pass gives is reported at every step, and is 0.
   Supervised steps may come first (pretrain-steps, sft-steps): one run from nothing to a model that was reinforced. */
#include "matchbox/algo.h"
#include "matchbox/lm_task.h"
#include "matchbox/objective.h"
#include <math.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                     \
    MB_LM_COMMON_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                            \
    SCHED(lr, "3e-5", 0, 1, "step size of reinforcement")                                                         \
    NUM(int, warm, 10, 0, 1000000, "steps of each stage over which its step size grows")                          \
    NUM(int, problems, 32, 1, 100000, "problems of a step")                                                       \
    NUM(int, samples, 16, 1, 4096, "answers to each problem: a group")                                            \
    NUM(int, epochs, 1, 1, 100, "passes over the answers of a step")                                              \
    NUM(int, minibatches, 1, 1, 10000, "updates of a pass; each has whole groups")                                \
    TEXT(objective, "grpo", "preset of the loss: matchbox lm loss --presets")                                     \
    TEXT(convention, "", "whose: paper, trl, verl, openrlhf, open-instruct")                                      \
    TEXT(fields, "", "fields of the objective over its preset: kl=none:beta=0")                                   \
    TEXT(reward, "", "how verdicts become rewards: form-weight=0.1:length=range")                                 \
    MB_SAMPLING_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                             \
    NUM(int, pretrain_steps, 0, 0, 1e9, "steps on whole documents first")                                         \
    NUM(int, sft_steps, 0, 0, 1e9, "then steps on what the model is to write")                                    \
    NUM(float, sft_lr, 2e-3f, 0, 1, "step size of both; falls to a tenth by their end")
MB_OPTIONS(grpo, OPTIONS)

struct part { /* what the answers of one update are, as arrays [n, longest] */
    int *group;
    double *reward, *logp, *old, *ref, *entropy;
    uint8_t *mask, *truncated;
};

struct grpo {
    mb_lm_school school;
    mb_objective objective;
    mb_reward reward;
    mb_lm_sampling sampling;
    mb_lm_player *player;
    mb_lm *reference;             /* NULL: none is asked for */
    mb_lm_learner *scorer;        /* of the reference */
    mb_objective_plan *plan;
    struct part part;
    mb_lm_text *text;             /* [n] of one update */
    float *coefficient, *scored, *current; /* [n, longest] */
    double *rewards, *turns;      /* [all answers] */
    float *reference_logp;        /* [all answers, longest] */
    mb_ruling *ruling;
    int *length;
    int n, longest;               /* answers of an update; tokens of a conversation */
    double mismatch;
};

/* ---- set-up ---- */

static bool set_all(const char *owner, const mb_option *rows, void *to, const char *text, mb_arena *a, mb_error *err)
{
    char *next = mb_strdup(a, text, err);
    if (!next) return false;
    for (char *at = next; at && *at; at = next) {
        if ((next = strchr(at, ':'))) *next++ = 0;
        char *value = strchr(at, '=');
        if (!value) return mb_fail(err, MB_ERR_USAGE, "%s: '%.60s' is not key=value", owner, at);
        *value++ = 0;
        if (!mb_options_set(owner, rows, to, at, value, err)) return false;
    }
    return true;
}

static bool read_objective(struct grpo *s, const struct grpo_options *o, mb_arena *a, mb_error *err)
{
    mb_objective_default(&s->objective);
    if (!mb_objective_preset(&s->objective, o->objective.s, *o->convention.s ? o->convention.s : NULL, err)) return false;
    if (!set_all("grpo.fields", mb_objective_rows(), &s->objective, o->fields.s, a, err) || !mb_objective_check(&s->objective, err)) return false;
    if (mb_objective_pairs(&s->objective) || s->objective.objective == MB_OBJ_KTO)
        return mb_fail(err, MB_ERR_USAGE, "grpo: the objective '%s' is not one for sampled answers", o->objective.s);
    if (s->objective.advantage == MB_ADV_GAE || s->objective.advantage == MB_ADV_TURN)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "grpo: the objective '%s' needs %s, which this trainer has not", o->objective.s,
                       s->objective.advantage == MB_ADV_GAE ? "a critic" : "rewards by turn");
    if (o->problems % o->minibatches)
        return mb_fail(err, MB_ERR_USAGE, "grpo: %d problems do not divide into %d minibatches", o->problems, o->minibatches);
    mb_options_default(mb_reward_rows(), &s->reward);
    return set_all("grpo.reward", mb_reward_rows(), &s->reward, o->reward.s, a, err);
}

static bool has_kl(const mb_objective *o) { return o->kl != 0 && o->beta > 0; }

/* the model as it is when reinforcement begins; its weights are kept, so a run goes on with the same */
static bool open_reference(struct grpo *s, mb_scope *scope, mb_error *err)
{
    if (!has_kl(&s->objective)) return true;
    mb_lm_learner_options l = MB_LM_LEARNER_DEFAULT;
    l.tokens = s->school.o.micro > s->longest ? s->school.o.micro : s->longest;
    l.scores_only = true;
    l.sampling = s->sampling;
    s->reference = mb_lm_new(scope, "reference", mb_lm_config_of(s->school.kit->lm), err);
    s->scorer = s->reference ? mb_lm_learner_new(s->reference, "lm reference", l, err) : NULL;
    return s->scorer && mb_params_copy(mb_lm_params(s->reference), mb_lm_params(s->school.kit->lm), err);
}

static bool make_arrays(struct grpo *s, mb_arena *a, int all, mb_error *err)
{
    size_t n = (size_t)s->n, cells = n * (size_t)s->longest;
    struct { void *to; size_t n, size; } list[] = {
        { &s->part.group, n, sizeof(int) },       { &s->part.reward, n, sizeof(double) },  { &s->part.logp, cells, sizeof(double) },
        { &s->part.old, cells, sizeof(double) },  { &s->part.ref, cells, sizeof(double) }, { &s->part.entropy, cells, sizeof(double) },
        { &s->part.mask, cells, 1 },              { &s->part.truncated, n, 1 },            { &s->text, (size_t)all, sizeof *s->text },
        { &s->coefficient, cells, sizeof(float) },{ &s->scored, cells, sizeof(float) },    { &s->current, cells, sizeof(float) },
        { &s->rewards, (size_t)all, sizeof(double) }, { &s->turns, (size_t)all, sizeof(double) }, { &s->ruling, (size_t)all, sizeof *s->ruling },
        { &s->length, (size_t)all, sizeof(int) }, { &s->reference_logp, s->reference ? (size_t)all * (size_t)s->longest : 1, sizeof(float) },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        void *p = mb_alloc(a, list[i].n, list[i].size, err);
        if (!p) return false;
        memcpy(list[i].to, &p, sizeof p);
    }
    return true;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct grpo_options *o = options;
    struct grpo *s = self;
    mb_lm_common common;
    memcpy(&common, options, sizeof common);
    s->sampling = (mb_lm_sampling){ o->temperature, o->top_k, o->top_p, o->min_p, o->repetition_penalty };
    if (!read_objective(s, o, run->scope->arena, err)) return false;
    if (!(o->temperature > 0)) return mb_fail(err, MB_ERR_RANGE, "grpo: a temperature of 0 samples one answer only; nothing can be learned");
    if (!mb_lm_school_open(&s->school, run->scope, run->env->name, run->env_options, &common, &s->sampling, err)) return false;
    if (!s->school.task) return mb_fail(err, MB_ERR_USAGE, "grpo: '%s' is no task: there is nobody to judge answers", run->env->name), mb_help(err, "matchbox list tasks");
    s->player = mb_lm_player_new(run->scope, s->school.kit, s->school.task, o->problems, o->samples, o->most, &s->sampling, err);
    if (!s->player) return false;
    s->longest = mb_lm_player_longest(s->player);
    s->n = o->problems / o->minibatches * o->samples;
    if (has_kl(&s->objective) && common.lora && o->pretrain_steps + o->sft_steps > 0)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "grpo: adapters with a KL need a model that was taught before: no pretrain-steps, no sft-steps");
    if (!open_reference(s, run->scope, err) || !make_arrays(s, run->scope->arena, o->problems * o->samples, err)) return false;
    s->plan = mb_objective_plan_new(run->scope, &s->objective, s->n, s->longest, s->reference != NULL, err);
    return s->plan != NULL;
}

/* ---- supervised steps ---- */

static bool taught(mb_run *run, struct grpo *s, const struct grpo_options *o, mb_error *err)
{
    mb_lm_lesson lesson;
    int64_t first = run->step < o->pretrain_steps ? 0 : o->pretrain_steps, all = o->pretrain_steps + o->sft_steps;
    float lr = mb_lm_warm(o->sft_lr, run->step - first, o->warm) * (1 - 0.9f * (float)run->step / (float)all);
    if (!mb_lm_teach(s->school.teacher, run->step, run->step < o->pretrain_steps, lr, &lesson, err)) return false;
    mb_report(run->metrics, "sft/loss", lesson.loss);
    mb_report(run->metrics, "sft/grad_norm", lesson.norm);
    if (run->step + 1 == all && s->reference) return mb_params_copy(mb_lm_params(s->reference), mb_lm_params(s->school.kit->lm), err);
    return true;
}

/* ---- rewards ---- */

struct tally { double reward, right, length[2], count[2], truncated, invalid, errors, tokens, entropy, kept; };

static void judge(struct grpo *s, const struct grpo_options *o, const mb_lm_episode *e, struct tally *t)
{
    int all = o->problems * o->samples;
    for (int i = 0; i < all; i++) {
        const mb_lm_episode *x = &e[i];
        bool right = x->ruling.outcome == MB_SCORED && x->ruling.score >= 1 - 1e-9;
        s->ruling[i] = x->ruling;
        s->length[i] = x->written;
        s->turns[i] = isfinite(x->turns) ? x->turns : 0;
        t->right += right;
        t->length[right] += x->written;
        t->count[right]++;
        t->truncated += x->truncated;
        t->invalid += x->ruling.outcome == MB_INVALID;
        t->errors += x->ruling.outcome == MB_VERIFIER_ERROR;
        t->tokens += x->written;
        for (int k = 0; k < x->n; k++)
            if (x->counts[k]) t->entropy += (double)x->entropy[k], t->kept += (double)x->kept[k];
    }
    for (int p = 0; p < all; p += o->samples) mb_reward_group(&s->reward, s->ruling + p, s->length + p, s->turns + p, o->samples, s->rewards + p);
    for (int i = 0; i < all; i++) t->reward += isfinite(s->rewards[i]) ? s->rewards[i] : 0;
}

/* ---- one update ---- */

/* Answers first .. first + n - 1 as arrays.  A verifier's error leaves its group and counts nowhere. */
static void fill(struct grpo *s, const mb_lm_episode *e, int first, int samples)
{
    size_t cells = (size_t)s->n * (size_t)s->longest;
    memset(s->part.mask, 0, cells);
    memset(s->coefficient, 0, cells * sizeof *s->coefficient);
    for (int i = 0; i < s->n; i++) {
        const mb_lm_episode *x = &e[first + i];
        size_t at = (size_t)i * (size_t)s->longest;
        bool judged = isfinite(s->rewards[first + i]);
        s->part.group[i] = judged ? i / samples : -1 - i;
        s->part.reward[i] = judged ? s->rewards[first + i] : 0;
        s->part.truncated[i] = x->truncated;
        for (int k = 0; k < x->n; k++, at++) {
            s->part.mask[at] = x->counts[k] && judged;
            s->part.logp[at] = s->part.old[at] = x->counts[k] ? (double)x->logp[k] : 0;
            s->part.entropy[at] = x->counts[k] ? (double)x->entropy[k] : 0;
            if (s->reference) s->part.ref[at] = x->counts[k] ? (double)s->reference_logp[(size_t)first * (size_t)s->longest + at] : 0;
        }
        for (int k = x->n; k < s->longest; k++, at++) s->part.logp[at] = s->part.old[at] = s->part.ref[at] = s->part.entropy[at] = 0;
    }
}

static void point(struct grpo *s, const mb_lm_episode *e, int first, float *logp)
{
    for (int i = 0; i < s->n; i++) {
        size_t at = (size_t)i * (size_t)s->longest;
        const mb_lm_episode *x = &e[first + i];
        s->text[i] = (mb_lm_text){ x->token, x->n, x->counts, s->coefficient + at, logp + at, NULL, NULL };
    }
}

/* the log-probabilities of the present weights: those of the sampler where they have not changed since */
static bool rescore(struct grpo *s, const mb_lm_episode *e, int first, mb_error *err)
{
    point(s, e, first, s->scored);
    if (!mb_lm_score(s->school.learner, s->text, s->n, err)) return false;
    for (size_t i = 0; i < (size_t)s->n * (size_t)s->longest; i++)
        if (s->part.mask[i]) s->part.logp[i] = (double)s->scored[i];
    return true;
}

/* The largest difference between what the learner's pass gave and `part.logp`; on-policy that is the sampler's. */
static void compare(struct grpo *s)
{
    for (size_t i = 0; i < (size_t)s->n * (size_t)s->longest; i++) {
        if (!s->part.mask[i]) continue;
        double d = fabs((double)s->current[i] - s->part.logp[i]);
        if (!(d <= s->mismatch)) s->mismatch = d;
    }
}

static bool update(mb_run *run, struct grpo *s, const struct grpo_options *o, const mb_lm_episode *e, int first, bool fresh, float lr, mb_error *err)
{
    mb_objective_result r;
    fill(s, e, first, o->samples);
    if (!fresh && !rescore(s, e, first, err)) return false;
    mb_sequences x = { .n = s->n, .longest = s->longest, .group = s->part.group, .reward = s->part.reward, .logp = s->part.logp, .old_logp = s->part.old,
                       .ref_logp = s->reference ? s->part.ref : NULL, .mask = s->part.mask, .truncated = s->part.truncated, .entropy = s->part.entropy };
    if (!mb_objective_run(s->plan, &x, &r, err)) return false;
    memcpy(s->coefficient, r.grad, (size_t)s->n * (size_t)s->longest * sizeof *s->coefficient);
    point(s, e, first, s->current);
    if (!mb_lm_gradient(s->school.learner, s->text, s->n, err)) return false;
    compare(s);
    mb_report(run->metrics, "loss", r.loss);
    mb_report(run->metrics, "grad_norm", (double)mb_lm_step(s->school.learner, lr));
    mb_report(run->metrics, "clip/low", r.clipped_low);
    mb_report(run->metrics, "clip/high", r.clipped_high);
    mb_report(run->metrics, "groups_flat", r.flat);
    if (r.dropped) mb_report(run->metrics, "groups_dropped", r.dropped);
    static const char *const names[4] = { "", "kl/k1", "kl/k2", "kl/k3" };
    for (int k = 1; k <= 3 && s->reference; k++) mb_report(run->metrics, names[k], r.kl[k]);
    return true;
}

static void report(mb_run *run, const struct grpo *s, const struct tally *t, int all)
{
    mb_report(run->metrics, "reward", t->reward / all);
    mb_report(run->metrics, "right", t->right / all);
    if (t->count[1] > 0) mb_report(run->metrics, "length/right", t->length[1] / t->count[1]);
    if (t->count[0] > 0) mb_report(run->metrics, "length/wrong", t->length[0] / t->count[0]);
    mb_report(run->metrics, "truncated", t->truncated / all);
    mb_report(run->metrics, "invalid", t->invalid / all);
    mb_report(run->metrics, "verifier_errors", t->errors / all);
    mb_report(run->metrics, "entropy", t->entropy / t->tokens);
    mb_report(run->metrics, "kept_mass", t->kept / t->tokens);
    mb_report(run->metrics, "tokens", t->tokens);
    mb_report(run->metrics, "mismatch", s->mismatch);
}

static bool reinforced(mb_run *run, struct grpo *s, const struct grpo_options *o, int64_t before, mb_error *err)
{
    const mb_lm_episode *e;
    struct tally t = { 0 };
    int64_t step = run->step - before;
    int all = o->problems * o->samples;
    double progress = (double)step / (double)(run->total_steps - before);
    float lr = mb_lm_warm(mb_schedule_at(&o->lr, progress < 1 ? progress : 1), step, o->warm);
    if (!mb_lm_play(s->player, MB_SPLIT_TRAIN, (uint64_t)(step * o->problems), run->scope->seed, &e, err)) return false;
    judge(s, o, e, &t);
    for (int i = 0; s->reference && i < all; i++) s->text[i] = (mb_lm_text){ e[i].token, e[i].n, e[i].counts, NULL, s->reference_logp + (size_t)i * (size_t)s->longest, NULL, NULL };
    if (s->reference && !mb_lm_score(s->scorer, s->text, all, err)) return false;
    s->mismatch = 0;
    bool fresh = true;
    for (int epoch = 0; epoch < o->epochs; epoch++)
        for (int first = 0; first < all; first += s->n, fresh = false)
            if (!update(run, s, o, e, first, fresh, lr, err)) return false;
    report(run, s, &t, all);
    return true;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct grpo_options *o = options;
    struct grpo *s = self;
    int64_t before = (int64_t)o->pretrain_steps + o->sft_steps;
    const char *name;
    double value;
    bool tested;
    if (!(run->step < before ? taught(run, s, o, err) : reinforced(run, s, o, before, err))) return false;
    run->step++;
    if (!mb_lm_school_test(&s->school, run->step, run->step >= run->total_steps || run->step == before, &tested, err)) return false;
    for (int i = 0; tested && mb_lm_report_at(&s->school.report, i, &name, &value); i++) mb_report(run->metrics, name, value);
    return true;
}

static bool folder(mb_run *run, void *self, const void *options, const char *path, mb_error *err)
{
    return mb_lm_kit_save(((struct grpo *)self)->school.kit, path, MB_ST_F32, err);
}

static void end(void *self)
{
    struct grpo *s = self;
    mb_lm_school_close(&s->school);
    mb_objective_plan_free(s->plan);
}

MB_LM_ALGO(grpo) = {
    MB_ALGO_HEAD, .name = "grpo", .summary = "answers in groups, judged by the task: GRPO and relatives", .paper = "Shao et al. 2024",
    .state_size = sizeof(struct grpo), MB_USE_OPTIONS(grpo), .default_envs = 1, .default_steps = 100,
    .setup = setup, .iterate = iterate, .folder = folder, .close = end, .place = mb_lm_text_env,
};

/* The fields of an objective, and what papers and frameworks set them to.  A row sets fields over those of the rows above it
   for the same preset: first the paper's, then the framework's differences. */
#include "matchbox/objective.h"
#include <stdio.h>
#include <string.h>

typedef mb_objective mb__options_here;
static const mb_option rows[] = {
    MB_OBJECTIVE_OPTIONS(MB_R_NUM, MB_R_PICK, MB_R_TEXT, MB_R_LIST, MB_R_SCHED) { NULL, MB_OPT_INT, 0, 0, 0, 0, NULL, NULL, NULL }
};

const mb_option *mb_objective_rows(void) { return rows; }
void mb_objective_default(mb_objective *o) { mb_options_default(rows, o); }

static const struct preset { const char *name, *convention, *fields, *source; } presets[] = {
    { "sft", "paper", "objective=sft denominator=token-mean", "likelihood of the given tokens" },
    { "reinforce", "paper", "ratio=none advantage=none denominator=sequence-sum", "Williams 1992" },
    { "rloo", "paper", "ratio=none advantage=leave-one-out denominator=sequence-sum kl=k1 kl-place=reward beta=0.05", "Ahmadian et al. 2024" },
    { "rloo", "trl", "ratio=sequence ratio-norm=sum denominator=sequence-mean", NULL },
    { "rloo", "verl", "ratio=token denominator=token-mean", NULL },
    { "rloo", "openrlhf", "ratio=token denominator=token-mean", NULL },
    { "reinforce++", "paper", "advantage=whiten std-eps=1e-8 denominator=token-mean kl=k1 kl-place=reward beta=0.01", "Hu 2025" },
    { "reinforce++", "openrlhf", "std=population", NULL },
    { "reinforce++-baseline", "paper", "advantage=center-whiten std-eps=1e-8 denominator=token-mean kl=k2 beta=0.01", "Hu 2025" },
    { "reinforce++-baseline", "openrlhf", "std=population", NULL },
    { "ppo", "paper", "advantage=gae std-eps=1e-8 denominator=token-mean kl=k1 kl-place=reward beta=0.05 lambda=0.95", "Ouyang et al. 2022" },
    { "ppo", "verl", "lambda=1 dual-clip=3 beta=0 kl=none", NULL },
    { "ppo", "openrlhf", "lambda=1 beta=0.01 std=population", NULL },
    { "grpo", "paper", "kl=k3 beta=0.04", "Shao et al. 2024" },
    { "grpo", "trl", "kl=none beta=0", NULL },
    { "grpo", "verl", "std-eps=1e-6 denominator=token-mean beta=0.001", NULL },
    { "grpo", "openrlhf", "std-eps=1e-9 denominator=token-mean kl=k3 beta=0.01", NULL },
    { "grpo", "open-instruct", "std=population std-eps=1e-8 denominator=token-mean clip-high=0.272 beta=0.05", NULL },
    { "bnpo", "paper", "denominator=token-mean", "GRPO with the token mean of the batch" },
    { "dr-grpo", "paper", "advantage=center denominator=constant constant=3000", "Liu et al. 2025" },
    { "dapo", "paper", "denominator=token-mean denominator-scope=group clip-high=0.28 group-filter=mixed", "Yu et al. 2025" },
    { "dapo", "trl", "denominator-scope=batch group-filter=none", NULL },
    { "dapo", "verl", "denominator-scope=batch std-eps=1e-6", NULL },
    { "dapo", "openrlhf", "denominator-scope=batch std-eps=1e-9", NULL },
    { "dapo", "open-instruct", "denominator-scope=batch std=population std-eps=1e-8 clip-high=0.272", NULL },
    { "gspo", "paper", "ratio=sequence clip-low=3e-4 clip-high=4e-4", "Zheng et al. 2025" },
    { "gspo", "verl", "std-eps=1e-6", NULL },
    { "cispo", "paper", "objective=cispo denominator=token-mean clip-low=-1 clip-high=4", "MiniMax 2025" },
    { "cispo", "verl", "clip-low=0.2 clip-high=0.2 std-eps=1e-6", NULL },
    { "brpo", "paper", "advantage=relative denominator=token-mean clip-high=0.28 group-filter=mixed", "Jia et al. 2025" },
    { "kimi", "paper", "objective=mirror advantage=center denominator=sequence-sum beta=0.1", "Kimi k1.5 2025" },
    { "luffy", "paper", "advantage=center denominator=total-constant constant=8192 clip-high=-1", "Yan et al. 2025" },
    { "mt-grpo", "paper", "advantage=turn", "Zeng et al. 2025" },
    { "joint-ppo", "paper", "ratio=sequence ratio-norm=sum", "one ratio of a joint action" },
    { "lite-ppo", "paper", "std-scope=batch denominator=token-mean", "Liu et al. 2025b" },
    { "dpo", "paper", "objective=dpo beta=0.1", "Rafailov et al. 2023" },
    { "dpo", "open-instruct", "average=true beta=5", NULL },
    { "ipo", "paper", "objective=ipo beta=0.1", "Azar et al. 2023" },
    { "ipo", "trl", "average=true", NULL },
    { "simpo", "paper", "objective=simpo beta=2 margin=1", "Meng et al. 2024" },
    { "simpo", "trl", "beta=0.1 margin=0.5", NULL },
    { "orpo", "paper", "objective=orpo beta=0.1", "Hong et al. 2024" },
    { "slic", "paper", "objective=hinge beta=0.1", "Zhao et al. 2023" },
    { "kto", "paper", "objective=kto beta=0.1", "Ethayarajh et al. 2024" },
    { "reward", "paper", "objective=reward", "Bradley and Terry 1952" },
};
enum { PRESETS = sizeof presets / sizeof presets[0] };
static const char *const conventions = "paper|trl|verl|openrlhf|open-instruct";

static bool apply(mb_objective *o, const struct preset *p, mb_error *err)
{
    char fields[256];
    snprintf(fields, sizeof fields, "%s", p->fields);
    for (char *at = fields; *at;) {
        char *end = at + strcspn(at, " "), *equals = strchr(at, '=');
        bool last = !*end;
        *end = 0;
        *equals = 0;
        if (!mb_options_set("objective", rows, o, at, equals + 1, err)) return mb_note(err, "in preset %s (%s)", p->name, p->convention);
        at = last ? end : end + 1;
    }
    return true;
}

static bool known_convention(const char *name)
{
    size_t n = strlen(name);
    const char *at = strstr(conventions, name);
    return n && at && (at == conventions || at[-1] == '|') && (at[n] == 0 || at[n] == '|');
}

bool mb_objective_preset(mb_objective *o, const char *name, const char *convention, mb_error *err)
{
    char plain[64];
    int found = 0;
    snprintf(plain, sizeof plain, "%s", name);
    for (char *c = plain; *c; c++)
        if (*c == '_') *c = '-';
    if (convention && !known_convention(convention))
        {
        mb_fail(err, MB_ERR_USAGE, "objective: no convention is called '%.100s'", convention);
        return mb_note(err, "there are %s", conventions);
    }
    mb_objective_default(o);
    for (int i = 0; i < PRESETS; i++) {
        if (strcmp(presets[i].name, plain) != 0) continue;
        if (strcmp(presets[i].convention, "paper") != 0 && !(convention && strcmp(presets[i].convention, convention) == 0)) continue;
        if (!apply(o, &presets[i], err)) return false;
        found++;
    }
    if (found) return true;
    mb_fail(err, MB_ERR_USAGE, "objective: no preset is called '%.100s'", name);
    return mb_help(err, "matchbox lm loss --presets");
}

const char *mb_objective_preset_at(int i, const char **summary)
{
    for (int k = 0; k < PRESETS; k++)
        if (presets[k].source && i-- == 0) {
            *summary = presets[k].source;
            return presets[k].name;
        }
    return NULL;
}

bool mb_objective_pairs(const mb_objective *o) { return o->objective >= MB_OBJ_DPO && o->objective <= MB_OBJ_REWARD; }

bool mb_objective_check(const mb_objective *o, mb_error *err)
{
    bool preference = o->objective >= MB_OBJ_DPO && o->objective != MB_OBJ_REWARD;
    if (!preference && o->denominator >= MB_DEN_CONSTANT && !(o->constant > 0))
        return mb_fail(err, MB_ERR_RANGE, "objective: this denominator needs 'constant', the number of tokens to divide by");
    if ((preference || o->objective == MB_OBJ_MIRROR) && !(o->beta > 0))
        return mb_fail(err, MB_ERR_RANGE, "objective: 'beta' must be positive here, not %g", o->beta);
    if (o->overlong_max > 0 && !(o->overlong_cache > 0 && o->overlong_cache < o->overlong_max))
        return mb_fail(err, MB_ERR_RANGE, "objective: 'overlong-cache' must lie between 0 and overlong-max %g, not %g", o->overlong_max,
                       o->overlong_cache);
    if (o->dual_clip > 0 && o->dual_clip <= 1)
        return mb_fail(err, MB_ERR_RANGE, "objective: 'dual-clip' must be above 1 (or 0: off), not %g", o->dual_clip);
    return true;
}

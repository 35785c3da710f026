/* hindsight.c - goals that were reached in place of the wanted ones, when transitions are drawn.  Andrychowicz et al. (2017),
   Hindsight experience replay, arXiv:1707.01495: sections 3.3 and 4.5.  The paper stores k copies with other goals beside every
   transition; drawing a transition with another goal at a chance of k / (k + 1) gives the same mixture and stores nothing twice. */
#include "rl/replay.h"

bool mb__hindsight_check(const mb_replay *r, mb_error *err)
{
    const mb_env_def *env = mb_vec_env(r->vec, NULL);
    if (!r->o.hindsight) return true;
    if (!env->goal_reward) {
        mb_fail(err, MB_ERR_USAGE, "replay '%s': hindsight needs an environment with goals, and %s has none", r->name, env->name);
        return mb_note(err, "bitflip, pointmaze and reacher-goal have goals; set .goal_reward in an environment of your own");
    }
    if (r->o.sequence > 0 || r->o.stack > 1)
        return mb_fail(err, MB_ERR_USAGE, "replay '%s': hindsight works on single transitions of single frames, not on %s", r->name,
                       r->o.sequence > 0 ? "sequences" : "stacks");
    if (r->o.hindsight_k >= 0 && r->o.hindsight_k < MB_INF) return true;
    return mb_fail(err, MB_ERR_RANGE, "replay '%s': the share of hindsight must be 0 or more, not %g", r->name, (double)r->o.hindsight_k);
}

void mb__hindsight_track(mb_replay *r, int64_t at, int row)
{
    size_t place = mb__replay_place(r, at, row);
    bool start = r->flag[place] & SLOT_START;
    r->before[place] = start ? 0 : r->before[mb__replay_place(r, at - 1, row)] + 1;
    r->after[place] = 0;
    if (!(r->flag[place] & SLOT_FINAL)) return;
    for (int32_t k = 1; k <= r->before[place] && k < r->length; k++) r->after[mb__replay_place(r, at - k, row)] = k;
}

/* A number of [low, high]. */
static int64_t between(mb_rng *rng, int64_t low, int64_t high)
{
    return low + (int64_t)(mb_uniform64(rng) * (double)(high - low + 1));
}

void mb__hindsight_choose(mb_replay *r, drawn *d)
{
    float k = r->o.hindsight_k;
    if (!(mb_uniform(r->rng, 0, k + 1) < k)) return;
    size_t place = mb__replay_place(r, d->at, d->row), open = mb__replay_place(r, r->head[d->row], d->row);
    int64_t oldest = mb__replay_oldest(r, d->row), first = d->at - r->before[place] + 1; /* the first that was reached by acting */
    int64_t last = d->at >= r->head[d->row] - r->before[open] ? r->head[d->row] : d->at + r->after[place];
    d->goal_row = d->row;
    switch (r->o.hindsight) {
    case MB_HINDSIGHT_NONE: return;
    case MB_HINDSIGHT_FUTURE: d->goal = between(r->rng, d->at + 1, last); return;
    case MB_HINDSIGHT_FINAL: d->goal = last; return;
    case MB_HINDSIGHT_EPISODE: d->goal = between(r->rng, first > oldest ? first : oldest, last); return;
    case MB_HINDSIGHT_RANDOM:
        d->goal_row = (int32_t)between(r->rng, 0, r->rows - 1);
        d->goal = between(r->rng, mb__replay_oldest(r, d->goal_row), r->head[d->goal_row]);
    }
}

static const void *achieved(const mb_replay *r, int64_t at, int row)
{
    return r->obs[MB_GOAL_ACHIEVED] + mb__replay_place(r, at, row) * r->field_bytes[MB_GOAL_ACHIEVED];
}

const void *mb__hindsight_goal(const mb_replay *r, const drawn *d)
{
    return achieved(r, d->goal, d->goal_row);
}

/* Where the episode ended because the wanted goal was reached, the other one is still ahead: the value of the last observation
   counts, as it does at a time limit. */
void mb__hindsight_walk(const mb_replay *r, const drawn *d, float *ret, float *discount, int64_t *next)
{
    const void *options, *goal = mb__hindsight_goal(r, d);
    const mb_env_def *env = mb_vec_env(r->vec, &options);
    float g = 1;
    int64_t at = d->at;
    *ret = 0;
    for (int k = 0; k < r->o.nstep; k++) {
        bool ended = r->flag[mb__replay_place(r, at, d->row)] & (SLOT_TERMINATED | SLOT_TRUNCATED);
        mb_step s = env->goal_reward(options, achieved(r, ++at, d->row), goal);
        *ret = mb_fmaf(g, mb__replay_shaped(r, s.reward), *ret);
        g = s.terminated ? 0 : g * r->o.gamma;
        if (ended || s.terminated) break;
    }
    *next = at;
    *discount = g;
}

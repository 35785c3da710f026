/* cliff.h - on-policy and off-policy control on cliff walking (row A110). */
#ifndef CLIFF_H
#define CLIFF_H
#include "agent.h"

struct cliff_result { double online, greedy; };

/* `episodes` of training with epsilon 0.1 and a constant step size: the mean return of the second half of them, and the return
   of the greedy policy at the end (-100 when it does not arrive within 100 steps). */
static inline struct cliff_result cliff_run(const char *algo, uint64_t seed, int episodes)
{
    static struct agent a;
    agent_open(&a, algo, "cliffwalking", (const char *const[]){ "alpha=0.5", "gamma=1", "epsilon=0.1", "horizon=1", NULL }, seed, INT64_MAX / 2);
    const mb_vec_view *v = mb_vec_view_of(a.run.vec);
    struct cliff_result out = { 0 };
    for (int episode = 0; episode < episodes;) {
        agent_train(&a, a.run.step + 1);
        if (v->last_length[0] == 0) continue;
        if (episode >= episodes / 2) out.online += (double)v->last_return[0] / (episodes - episodes / 2);
        episode++;
    }
    mb_actor actor;
    bool ok = a.algo->actor(&a.run, a.self, a.algo_options, a.run.vec, &actor, &a.err);
    out.greedy = -100;
    for (int t = 0; ok && t < 100; t++) {
        if (!actor.act(actor.self, a.run.vec, true, &a.err) || !mb_vec_step(a.run.vec, &a.err)) break;
        if (v->last_length[0] == 0) continue;
        out.greedy = (double)v->last_return[0];
        break;
    }
    agent_close(&a);
    return out;
}
#endif

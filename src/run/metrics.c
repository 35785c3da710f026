/* Numbers an algorithm reports, and the returns of the last episodes.  All of it is in the checkpoint, so that the
   lines written after a resume are those of a run that was never stopped. */
#include "run/impl.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS = 64, NAME_BYTES = 48 };

/* As it lies in the checkpoint: no pointers, no padding. */
struct kept {
    int64_t episodes, nslots;
    double returns[METRIC_WINDOW], lengths[METRIC_WINDOW]; /* ring, episode i at i mod METRIC_WINDOW */
    double sum[SLOTS];                                     /* since the last line */
    int64_t count[SLOTS];
    char name[SLOTS][NAME_BYTES];
};

struct mb_metrics {
    struct kept kept;
    const char *seen[SLOTS]; /* the caller's pointer of each slot: found without comparing text */
    const char *bad;
    double bad_value;
};

mb_metrics *mb__metrics_new(mb_scope *s, mb_error *err)
{
    mb_metrics *m = mb_alloc(s->arena, 1, sizeof *m, err);
    if (!m) return NULL;
    if (s->store && !mb_keep(s->store, "metrics", &m->kept, sizeof m->kept, err)) return NULL;
    return m;
}

/* The slot of a name; -1 when all are taken. */
static int slot_of(mb_metrics *m, const char *name)
{
    int n = (int)m->kept.nslots;
    for (int i = 0; i < n; i++)
        if (m->seen[i] == name) return i;
    for (int i = 0; i < n; i++)
        if (strncmp(m->kept.name[i], name, NAME_BYTES - 1) == 0) {
            m->seen[i] = name;
            return i;
        }
    if (n == SLOTS) return -1;
    snprintf(m->kept.name[n], NAME_BYTES, "%s", name);
    m->seen[n] = name;
    m->kept.nslots = n + 1;
    return n;
}

void mb_report(mb_metrics *m, const char *name, double value)
{
    if (!m) return;
    if (!isfinite(value)) {
        if (!m->bad) {
            m->bad = name;
            m->bad_value = value;
        }
        return;
    }
    int i = slot_of(m, name);
    if (i < 0) return;
    m->kept.sum[i] += value;
    m->kept.count[i]++;
}

void mb_report_episodes(mb_metrics *m, const mb_vec *vec)
{
    if (!m) return;
    const mb_vec_view *view = mb_vec_view_of((mb_vec *)(uintptr_t)vec);
    for (int e = 0; e < view->nenvs; e++) {
        if (view->last_length[e] <= 0) continue;
        int64_t at = m->kept.episodes++ % METRIC_WINDOW;
        m->kept.returns[at] = (double)view->last_return[e * view->nagents]; /* agent 0 speaks for all */
        m->kept.lengths[at] = (double)view->last_length[e];
    }
}

static double window_mean(const mb_metrics *m, const double *ring)
{
    int64_t n = m->kept.episodes < METRIC_WINDOW ? m->kept.episodes : METRIC_WINDOW;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += ring[i];
    return n ? sum / (double)n : (double)NAN;
}

double mb__metrics_return(const mb_metrics *m) { return window_mean(m, m->kept.returns); }
int64_t mb__metrics_episodes(const mb_metrics *m) { return m->kept.episodes; }
const char *mb__metrics_bad(const mb_metrics *m) { return m->bad; }
double mb__metrics_bad_value(const mb_metrics *m) { return m->bad_value; }

int mb__metrics_take(mb_metrics *m, mb_scalar_at *out)
{
    int n = 0;
    out[n++] = (mb_scalar_at){ "episodes", (double)m->kept.episodes };
    out[n++] = (mb_scalar_at){ "return_mean", mb__metrics_return(m) };
    out[n++] = (mb_scalar_at){ "length_mean", window_mean(m, m->kept.lengths) };
    for (int i = 0; i < (int)m->kept.nslots; i++) {
        if (m->kept.count[i]) out[n++] = (mb_scalar_at){ m->kept.name[i], m->kept.sum[i] / (double)m->kept.count[i] };
        m->kept.sum[i] = 0;
        m->kept.count[i] = 0;
    }
    return n;
}

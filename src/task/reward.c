/* From verdicts to rewards: weights, form, lengths. */
#include "matchbox/math.h"
#include "matchbox/task.h"
#include <math.h>

MB_OPTIONS(mb__reward, MB_REWARD_OPTIONS)
const mb_option *mb_reward_rows(void) { return mb__reward_option_rows; }

static double cosine(double share) { return 0.5 * (1 + mb_cos64(share * 3.14159265358979323846)); }

static double length_reward(const mb_reward *r, const mb_ruling *v, double length, double least, double most)
{
    bool right = v->outcome == MB_SCORED && v->score >= 1;
    if (r->length == MB_LENGTH_RANGE) {
        double l = most > least ? 0.5 - (length - least) / (most - least) : 0;
        return right || l < 0 ? l : 0;
    }
    if (r->length_target <= 0) return 0;
    double share = length / r->length_target;
    if (r->length == MB_LENGTH_TARGET) return -fabs(share - 1);
    share = share < 1 ? share : 1;
    return right ? cosine(share) : -cosine(share);
}

int mb_reward_group(const mb_reward *r, const mb_ruling *v, const int *length, const double *turn, int n, double *out)
{
    double least = 0, most = 0;
    int errors = 0, seen = 0;
    for (int i = 0; i < n && length; i++) {
        if (v[i].outcome == MB_VERIFIER_ERROR) continue;
        if (!seen || length[i] < least) least = length[i];
        if (!seen++ || length[i] > most) most = length[i];
    }
    for (int i = 0; i < n; i++) {
        if (v[i].outcome == MB_VERIFIER_ERROR) {
            out[i] = (double)NAN;
            errors++;
            continue;
        }
        out[i] = v[i].outcome == MB_INVALID ? r->invalid : r->score_weight * v[i].score;
        out[i] += r->form_weight * v[i].form;
        if (turn) out[i] += r->turn_weight * turn[i];
        if (r->length != MB_LENGTH_NONE && length) out[i] += r->length_weight * length_reward(r, &v[i], length[i], least, most);
    }
    return errors;
}

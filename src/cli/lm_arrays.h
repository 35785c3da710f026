/* Arrays of a loss from a JSON file: what `matchbox lm loss` reads. */
#ifndef MB_CLI_LM_ARRAYS_H
#define MB_CLI_LM_ARRAYS_H
#include "matchbox/objective.h"

struct lm_pairs { int n; double *chosen, *chosen_ref, *chosen_n, *rejected, *rejected_ref, *rejected_n; };
struct lm_items { int n; double *logp, *ref, *desirable, z0; };
struct lm_arrays {
    mb_objective objective;
    mb_sequences seq;        /* where the objective takes sequences */
    int *lengths;            /* [seq.n] tokens of each in the file, masked ones included */
    struct lm_pairs pairs;
    struct lm_items items;
};
/* Read FILE ("-": standard input).  preset, convention (may be NULL) win over the file's.  Memory from `a`. */
bool lm_arrays_read(const char *file, const char *preset, const char *convention, mb_arena *a, struct lm_arrays *out, mb_error *err);

#endif

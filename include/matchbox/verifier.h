/* matchbox/verifier.h - verifiers of the user's own, as processes with limits.  Rank 5 (layer: run). */
#ifndef MATCHBOX_VERIFIER_H
#define MATCHBOX_VERIFIER_H
#include "matchbox/task.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `command` is run by sh with the prompt and the answer in the environment (MATCHBOX_PROMPT, MATCHBOX_ANSWER).  The last line of its standard
   output is "score NUMBER", from 0 to 1, or "invalid: REASON".  Anything else is a verifier error: another line, a status that is not 0, a
   signal, a limit. */
typedef struct mb_outside_verifier {
    const char *command;
    const char *out;      /* a file for its standard output, written anew by each call */
    double seconds;       /* by the clock; it is ended then */
    int megabytes;        /* of address space */
} mb_outside_verifier;
MB_API mb_ruling mb_verify_outside(const mb_outside_verifier *v, const char *prompt, const char *answer, size_t n, mb_arena *scratch);

#ifdef __cplusplus
}
#endif
#endif

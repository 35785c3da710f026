/* The algorithms there are, found by name. */
#include "matchbox/algo.h"
#include <string.h>

/* those of src/algo/lm/; weak, so that a program linked with the static library has them, and the libraries they need, only if it asks */
extern const mb_algo_def *const mb__lm_algo_table[] __attribute__((weak));
extern const mb_algo_def *const mb__algo_table[]; /* generated from the listing of src/algo/ */

enum { MANY = 512 };

static bool same(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b)) return false;
    return *a == *b;
}

const mb_algo_def *mb_algo_at(int i)
{
    int n = 0;
    while (mb__algo_table[n]) n++;
    return i >= 0 && i < n ? mb__algo_table[i] : NULL;
}

const mb_algo_def *mb_lm_algo_at(int i)
{
    int n = 0;
    while (mb__lm_algo_table && mb__lm_algo_table[n]) n++;
    return i >= 0 && i < n ? mb__lm_algo_table[i] : NULL;
}

const mb_algo_def *mb_algo_find(const char *name, mb_error *err)
{
    const char *names[MANY] = { NULL };
    int n = 0;
    for (int table = 0; table < 2; table++) {
        const mb_algo_def *const *d = table ? mb__lm_algo_table : mb__algo_table;
        for (; d && *d && n < MANY - 1; d++) {
            if (same((*d)->name, name)) return *d;
            names[n++] = (*d)->name;
        }
    }
    mb_fail(err, MB_ERR_USAGE, "no algorithm is called '%.64s'", name);
    const char *near = mb_nearest(name, names);
    if (near) mb_note(err, "did you mean '%s'?", near);
    mb_help(err, "matchbox list algos");
    return NULL;
}

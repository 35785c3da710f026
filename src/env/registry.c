/* registry.c - environments by name, in the build that suits this CPU.
   The tables are generated from the directory listing by tools/registry.sh: one per instruction
   set, best first. */
#include "matchbox/env.h"
#include <stdlib.h>

extern const char *const mb__isa_names[];                   /* "avx512", "avx2", "plain", NULL */
extern const mb_env_def *const *const mb__env_isa_tables[]; /* one table for each */

static bool cpu_runs(const char *isa)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (strcmp(isa, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(isa, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return strcmp(isa, "plain") == 0;
}

/* Position in mb__isa_names of the variant to use, or -1 with the error filled. */
static int choose(mb_error *err)
{
    const char *wish = getenv("MATCHBOX_KERNELS");
    for (int i = 0; mb__isa_names[i]; i++) {
        if (wish && *wish && strcmp(wish, mb__isa_names[i]) != 0) continue;
        if (cpu_runs(mb__isa_names[i])) return i;
        if (!wish || !*wish) continue;
        mb_fail(err, MB_ERR_USAGE,
                "MATCHBOX_KERNELS=%s: this CPU cannot run it; unset it, or set plain", wish);
        return -1;
    }
    mb_fail(err, MB_ERR_USAGE, "MATCHBOX_KERNELS=%s: no such kernels in this build; it knows",
            wish ? wish : "");
    for (int i = 0; mb__isa_names[i]; i++) {
        size_t n = strlen(err->what), room = sizeof err->what - n;
        if (room > strlen(mb__isa_names[i]) + 2) {
            strcat(err->what, i ? ", " : " ");
            strcat(err->what, mb__isa_names[i]);
        }
    }
    return -1;
}

bool mb_isa(const char **name, mb_error *err)
{
    int i = choose(err);
    if (i >= 0) *name = mb__isa_names[i];
    return i >= 0;
}

static const mb_env_def *const *table(mb_error *err)
{
    int i = choose(err);
    return i < 0 ? NULL : mb__env_isa_tables[i];
}

/* Names are equal when only hyphens and underscores differ. */
static bool same_name(const char *a, const char *b)
{
    for (; *a || *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b)) return false;
    return true;
}

enum { MAX_NAMES = 1024 };

const mb_env_def *mb_env_find(const char *name, mb_error *err)
{
    const mb_env_def *const *t = table(err);
    if (!t) return NULL;
    const char *names[MAX_NAMES + 1];
    int n = 0;
    for (int i = 0; t[i]; i++) {
        if (same_name(t[i]->name, name)) return t[i];
        if (n < MAX_NAMES) names[n++] = t[i]->name;
    }
    names[n] = NULL;
    mb_fail(err, MB_ERR_USAGE, "unknown environment '%s'", name);
    const char *near = mb_nearest(name, names);
    if (near) mb_note(err, "did you mean '%s'?", near);
    mb_help(err, "matchbox list envs");
    return NULL;
}

const mb_env_def *mb_env_at(int i)
{
    mb_error err = {0};
    const mb_env_def *const *t = table(&err);
    if (!t || i < 0) return NULL;
    for (int k = 0; k <= i; k++)
        if (!t[k]) return NULL;
    return t[i];
}

/* The checker over the whole registry: a new environment is tested before its author writes a test.
 */
#include "matchbox/env.h"
#include "mb_test.h"

enum { STEPS = 100000, FOREIGN_STEPS = 600, PIXEL_STEPS = 100 }; /* a library's own steps are tested by its authors, and slow */

static void report(void *ctx, bool ok, const char *what)
{
    if (!ok) printf("FAIL conformance of %s: %s\n", (const char *)ctx, what);
}

TEST(every_environment_keeps_the_contract)
{
    mb_error err = {0};
    for (int i = 0; mb_env_at(i); i++) {
        const mb_env_def *def = mb_env_at(i);
        char name[64];
        snprintf(name, sizeof name, "%s", def->name);
        double begin = mb_now();
        err = (mb_error){0};
        bool good = mb_env_check(def, NULL, !def->open ? STEPS : strncmp(def->name, "pixel-", 6) == 0 ? PIXEL_STEPS : FOREIGN_STEPS, report, name, &err);
        if (err.code == MB_ERR_UNSUPPORTED) { /* its library is not here */
            printf("skipped %s: %s\n", name, err.what);
            continue;
        }
        CHECK(good);
        if (err.code != MB_OK) printf("     %s\n", err.what);
        if (mb_now() - begin > 5) printf("     %s took %.1f s\n", name, mb_now() - begin);
    }
}

TEST(registry_is_sorted_and_found_by_name)
{
    mb_error err = {0};
    CHECK(mb_env_at(0) != NULL);
    for (int i = 0; mb_env_at(i); i++) CHECK(mb_env_find(mb_env_at(i)->name, &err) == mb_env_at(i));
    CHECK(mb_env_find("mountaincar_continuous", &err) ==
          mb_env_find("mountaincar-continuous", &err));
    CHECK(err.code == MB_OK);
    CHECK(mb_env_find("cartpoel", &err) == NULL);
    CHECK_ERROR(err, "unknown environment 'cartpoel'");
    CHECK_ERROR(err, "did you mean 'cartpole'?");
}

TEST(kernels_can_be_forced)
{
    mb_error err = {0};
    const char *isa = NULL;
    setenv("MATCHBOX_KERNELS", "plain", 1);
    CHECK(mb_isa(&isa, &err) && strcmp(isa, "plain") == 0);
    const mb_env_def *plain = mb_env_find("cartpole", &err);
    CHECK(plain != NULL);
    setenv("MATCHBOX_KERNELS", "fast", 1);
    CHECK(!mb_isa(&isa, &err));
    CHECK_ERROR(err, "MATCHBOX_KERNELS=fast");
    CHECK_ERROR(err, "plain");
    unsetenv("MATCHBOX_KERNELS");
    err = (mb_error){0};
    CHECK(mb_isa(&isa, &err) && err.code == MB_OK);
}

MB_TESTS(T(every_environment_keeps_the_contract), T(registry_is_sorted_and_found_by_name),
         T(kernels_can_be_forced))

/* Libraries loaded on use: what is found, and what is said of what is not. */
#include "matchbox/core.h"
#include "mb_test.h"
#include <string.h>

TEST(functions_are_found)
{
    mb_error err = { 0 };
    size_t (*length)(const char *) = NULL;
    const mb_symbol symbols[] = { { "strlen", &length }, { NULL, NULL } };
    CHECK(mb_library_load("libc.so.6", symbols, "test", "libc6", &err));
    CHECK(length && length("match") == 5);
}

TEST(missing_library_names_feature_and_package)
{
    mb_error err = { 0 };
    const mb_symbol none[] = { { NULL, NULL } };
    CHECK(!mb_library_load("libno-such-thing.so.1", none, "plot: PNG", "libno-such1", &err));
    CHECK(err.code == MB_ERR_UNSUPPORTED);
    CHECK(strstr(err.what, "plot: PNG") && strstr(err.what, "libno-such-thing.so.1"));
    CHECK(strstr(err.help, "apt-get install libno-such1"));
}

TEST(missing_function_is_named)
{
    mb_error err = { 0 };
    void (*f)(void) = NULL;
    const mb_symbol symbols[] = { { "no_such_function_here", &f }, { NULL, NULL } };
    CHECK(!mb_library_load("libc.so.6", symbols, "test", "libc6", &err));
    CHECK(err.code == MB_ERR_UNSUPPORTED && strstr(err.what, "no_such_function_here"));
    CHECK(!f);
}

MB_TESTS(T(functions_are_found), T(missing_library_names_feature_and_package), T(missing_function_is_named))

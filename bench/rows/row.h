/* row.h - arguments and output of the programs that measure a row.  With --seed=N a program measures one seed and prints one
   line of JSON, which is what experiments/ID.yaml asks it for; without, it prints the tables of docs/results. */
#ifndef ROW_H
#define ROW_H
#include "matchbox/core.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value of --key=value, or NULL. */
static inline const char *row_text(int argc, char **argv, const char *key)
{
    size_t n = strlen(key);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, key, n) == 0 && argv[i][2 + n] == '=') return argv[i] + 3 + n;
    return NULL;
}

static inline bool row_is(int argc, char **argv, const char *key, const char *value)
{
    const char *text = row_text(argc, argv, key);
    return text && strcmp(text, value) == 0;
}

static inline double row_number(int argc, char **argv, const char *key, double otherwise)
{
    const char *text = row_text(argc, argv, key);
    double v = otherwise;
    int64_t whole;
    if (!text || mb_parse_double(text, &v)) return v;
    if (mb_parse_int(text, &whole)) return (double)whole;
    fprintf(stderr, "--%s: '%s' is not a number\n", key, text);
    exit(2);
}

static inline uint64_t row_seed(int argc, char **argv) { return (uint64_t)row_number(argc, argv, "seed", 1); }

/* The folder of the build (this program lies in bench/rows of it), and of the sources. */
static inline void row_build(char *out, size_t n)
{
    ssize_t got = readlink("/proc/self/exe", out, n - 1);
    out[got > 0 ? got : 0] = 0;
    for (int up = 0; up < 3; up++) {
        char *slash = strrchr(out, '/');
        if (slash) *slash = 0;
    }
}

static inline void row_root(char *out, size_t n)
{
    row_build(out, n);
    char *slash = strrchr(out, '/');
    if (slash) *slash = 0;
}

/* A folder of its own to work in, among the temporary ones; row_scratch_end removes it. */
static inline void row_scratch(char *out, size_t n)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, n, "%s/matchbox-row-XXXXXX", base && *base ? base : "/tmp");
    if (mkdtemp(out) && chdir(out) == 0) return;
    fprintf(stderr, "%s: this folder cannot be made\n", out);
    exit(1);
}

static inline int row_scratch_end(const char *dir)
{
    char command[1200];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return chdir("/") != 0 || system(command) != 0;
}

/* {"a":1,"b":2}: names and numbers in turn. */
static inline void row_print(int n, const char *const *names, const double *values)
{
    char memory[4096];
    mb_str out;
    mb_str_init(&out, memory, sizeof memory);
    for (int i = 0; i < n; i++) {
        mb_str_add(&out, i ? "," : "{");
        mb_str_json(&out, names[i]);
        mb_str_add(&out, ":");
        mb_str_number(&out, values[i]);
    }
    printf("%s}\n", out.s);
}
#endif

#!/bin/sh
# Calls: the library never allocates outside the arena, prints, exits, reads the clock or uses libm functions whose
# result differs between machines.  Looks at the undefined symbols of every object, so comments and macros cannot hide one.
#   calls.sh libmatchbox.a        exceptions: lines `call OBJECT SYMBOL reason` in tools/allow.txt
allow=$(dirname "$0")/allow.txt
nm -A -u "$1" 2>/dev/null | awk -v allow="$allow" '
BEGIN {
    group("malloc calloc realloc free reallocarray aligned_alloc posix_memalign memalign strdup strndup asprintf vasprintf getline alloca", \
          "mb_alloc from the arena of the scope")
    group("printf vprintf puts putchar putc fputs fputc fprintf vfprintf fwrite perror psignal stdout stderr stdin __printf_chk __fprintf_chk __vfprintf_chk __vprintf_chk", \
          "fill the mb_error, or mb_log_line")
    group("exit _exit _Exit quick_exit abort raise kill system popen fork execve execv execvp atexit __assert_fail", \
          "return false with mb_fail; MB_ASSERT for our own bugs")
    group("rand rand_r srand random srandom random_r drand48 lrand48 mrand48 arc4random getrandom getentropy", \
          "mb_rng_make and mb_rand")
    group("time clock clock_gettime gettimeofday localtime localtime_r gmtime nanosleep usleep sleep", "mb_now, or nothing at all")
    group("getenv secure_getenv setenv putenv setlocale", "a setting (MB_OPTIONS)")
    group("qsort qsort_r bsearch", "a sort of your own: the order of equal items must be fixed, and qsort may allocate")
    group("strtok strerror asctime ctime", "the reentrant form")
    n = split("sin cos tan asin acos atan atan2 sinh cosh tanh exp exp2 expm1 log log2 log10 log1p pow cbrt erf erfc tgamma lgamma hypot sincos", f, " ")
    for (i = 1; i <= n; i++) group(f[i] " " f[i] "f", "mb_" f[i] "f and relatives of matchbox/math.h (libm differs between machines)")
    while ((getline line < allow) > 0) { split(line, w, " "); if (w[1] == "call") allowed[w[2], w[3]] = 1 }
}
function group(names, mend,    i, n, t) { n = split(names, t, " "); for (i = 1; i <= n; i++) banned[t[i]] = mend }
{
    split($1, p, ":"); object = p[2]; symbol = $NF; sub(/@.*/, "", symbol)
    if (!(symbol in banned)) next
    plain = object; sub(/\.(avx512|avx2|plain)\.o$/, ".o", plain)
    if ((plain, symbol) in allowed) next
    printf "%s calls %s\n    mend: use %s\n", object, symbol, banned[symbol]
    bad = 1
}
END { exit bad }' || exit 1

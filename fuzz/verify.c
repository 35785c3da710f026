/* Any bytes as turns of any task, in any style: a ruling that keeps its promises.  First byte: the task and the style; then turns with |
   between them. */
#include "matchbox/task.h"

#include <math.h>
#include <string.h>

static void keeps_promises(mb_ruling v)
{
    bool scored = v.outcome == MB_SCORED && v.score >= 0 && v.score <= 1, invalid = v.outcome == MB_INVALID && v.score == 0;
    bool error = v.outcome == MB_VERIFIER_ERROR && isnan(v.score);
    if (!scored && !invalid && !error) __builtin_trap();
    if ((scored && v.score < 1) + invalid + error == 1 && !memchr(v.why, 0, sizeof v.why)) __builtin_trap();
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n); /* called by the fuzzer */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static _Alignas(16) unsigned char problem[MB_TASK_PROBLEM];
    static char back[MB_TASK_TEXT];
    mb_error e = {0};
    int ntasks = 0;
    while (mb_task_at(ntasks)) ntasks++;
    if (n < 2) return 0;
    mb_arena *a = mb_arena_new(1 << 16, &e);
    mb_task *t = a ? mb_task_open(a, mb_task_at(data[0] % ntasks)->name, 1, &e) : NULL;
    if (!t) __builtin_trap();
    t->settings.style = data[0] / ntasks % 3;
    t->settings.level = 1 + data[1] % t->def->levels;
    if (!mb_task_problem(t, MB_SPLIT_ALL, 0, problem, &e)) __builtin_trap();
    const char *text = (const char *)data + 2, *end = (const char *)data + n;
    for (int k = 0; k < MB_TASK_TURNS; k++) {
        const char *bar = memchr(text, '|', (size_t)(end - text));
        size_t length = (size_t)((bar ? bar : end) - text);
        mb_str s;
        mb_ruling turn;
        mb_str_init(&s, back, sizeof back);
        keeps_promises(mb_task_verify(t, problem, text, length));
        bool more = mb_task_reply(t, problem, text, length, &s, &turn);
        keeps_promises(turn);
        if (s.full) __builtin_trap();
        if (!more || !bar) break;
        text = bar + 1;
    }
    mb_arena_free(a);
    return 0;
}

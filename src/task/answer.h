/* task/answer.h - reading what a model wrote: the few forms that several tasks share.  All work is linear in the text. */
#ifndef MB_TASK_ANSWER_H
#define MB_TASK_ANSWER_H
#include "matchbox/task.h"
#include <string.h>

#define MB_TASK(name) extern const mb_task_def mb_task_##name; const mb_task_def mb_task_##name

mb_ruling mb__score(double score);
mb_ruling mb__wrong(const char *fmt, ...) MB_PRINTF(1, 2);   /* an answer, with score 0 */
mb_ruling mb__invalid(const char *fmt, ...) MB_PRINTF(1, 2);
mb_ruling mb__broken(const char *fmt, ...) MB_PRINTF(1, 2);  /* a verifier error */

/* The whole text is one integer of at most 18 digits: an optional minus, no plus, no leading zeros but "0". */
bool mb__integer(const char *text, int64_t *out);
/* The verdict on an answer that must be this integer. */
mb_ruling mb__expect(const char *text, int64_t want);

/* Exact fractions of an arithmetic expression: + - * / ( ) and unsigned integers. */
typedef struct mb__ratio { int64_t num, den; } mb__ratio; /* den > 0, lowest terms */
enum { MB__NUMBERS = 32, MB__DEPTH = 24 };
typedef enum mb__value { MB__VALUE, MB__NOT_AN_EXPRESSION, MB__DIVIDES_BY_ZERO, MB__TOO_LARGE } mb__value;
/* Read the whole text; numbers (room for MB__NUMBERS) in the order they stand.  Where the text is an expression, *n is set even when it has
   no value. */
mb__value mb__calculate(const char *text, mb__ratio *out, int64_t *numbers, int *n);
#endif

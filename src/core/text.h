/* Number text that does not depend on the locale, shared by options, JSON and errors. */
#ifndef MB_CORE_TEXT_H
#define MB_CORE_TEXT_H
#include <stdbool.h>
#include <stddef.h>

enum { MB__NUMBER_MAX = 40 };
/* The shortest decimal text that reads back to the same double (or, `single`, to the same float).
   */
void mb__format_number(double v, bool single, char out[MB__NUMBER_MAX]);
/* Edit distance with swaps of neighbours, capped at `most` + 1; hyphens equal underscores. */
int mb__edit_distance(const char *a, const char *b, int most);
/* How far a mistyped word may be from what was meant. */
int mb__typo_limit(const char *word);
#endif

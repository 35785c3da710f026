/* cli/sweep_view.h - the state of a sweep as a table, as JSON and as pictures. */
#ifndef MB_CLI_SWEEP_VIEW_H
#define MB_CLI_SWEEP_VIEW_H
#include "cli/command.h"
#include "matchbox/sweep.h"

struct shares { bool known; double alone[MB_SWEEP_DIMS], total[MB_SWEEP_DIMS]; };

/* The best trials, one line each, and what is at work; at most `rows` lines of `columns`. */
int sweep_table(FILE *f, const mb_sweep_info *s, int rows, int columns, bool color);
void sweep_headline(char *out, size_t n, const mb_sweep_info *s);
/* "lr 0.0003, clip 0.2" */
void sweep_settings_text(char *out, size_t n, const mb_sweep_info *s, int trial);
void sweep_json(const mb_sweep_info *s, const struct shares *shares, const char *preset, double seconds, mb_str *out);
/* Positions of the trials, best first: the highest rung, then the value; those without a value last. */
void sweep_order(const mb_sweep_info *s, int *order);
void sweep_importance_text(FILE *f, const mb_sweep_info *s, const struct shares *shares, int columns);
bool sweep_importance_svg(const mb_sweep_info *s, const struct shares *shares, const char *path, mb_arena *a, mb_error *err);
/* One panel per option: its value against the objective, later trials darker, the best ringed. */
bool sweep_slices_svg(const mb_sweep_info *s, const char *path, mb_arena *a, mb_error *err);

#endif

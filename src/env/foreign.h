/* foreign.h - inside of the vectoriser: instances that are stepped elsewhere. */
#ifndef MB_ENV_FOREIGN_H
#define MB_ENV_FOREIGN_H
#include "env/vec.h"
#include "matchbox/foreign.h"

/* Blocks for all instances of `v`; nobody serves them yet. */
mb__group *mb__group_new(mb_vec *v, mb_scope *s, mb_error *err);
/* Reset (v->resetting) or step all instances; `b` holds the places of the first of them. */
bool mb__group_run(mb__group *g, const mb_env_batch *b, mb_error *err);
void mb__group_close(mb__group *g);
/* The worker that steps an instance. */
int mb__group_worker(const mb__group *g, int env);
#endif

/* run/clone.h - a run that continues where another stands. */
#ifndef MB_RUN_CLONE_H
#define MB_RUN_CLONE_H
#include "matchbox/core.h"

/* Make the directory `to` a run that continues where run `from` stands, with some settings changed (key, value, ..., NULL).
   `to` appears whole or not at all; when it is there already, nothing is done. */
bool mb__run_clone(const char *from, const char *to, const char *const *changes, mb_error *err);

#endif

/* run/outside.h - environments from outside: files of C, shared objects, Python. */
#ifndef MB_RUN_OUTSIDE_H
#define MB_RUN_OUTSIDE_H
#include "matchbox/run.h"

/* `gym:ID[?kwargs]`: an environment of Python, stepped in processes of its own. */
bool mb__is_gym(const char *name);
bool mb__is_env_file(const char *name); /* FILE.c or FILE.so */
const mb_env_def *mb__gym_env(mb_arena *a, const char *name, mb_error *err);
/* A file that came with this library or program, like mb_find_data but never from the current directory: code is not picked
   up by accident. */
bool mb__find_own(const char *name, char *path, size_t n);

#endif

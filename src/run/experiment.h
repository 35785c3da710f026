/* run/experiment.h - what the files about experiments share. */
#ifndef MB_RUN_EXPERIMENT_H
#define MB_RUN_EXPERIMENT_H
#include "matchbox/experiment.h"
#include "matchbox/run.h"

struct reader {
    mb_arena *arena;
    mb_yaml y;
    mb_error *err;
    const char *metric; /* of checks that name none */
};
/* "FILE, line N: 'KEY' WHAT 'VALUE'"; value may be NULL, at NULL is the file as a whole.  False. */
bool mb__experiment_fail(const struct reader *r, const mb_yaml_item *at, const char *what, const char *value);
/* Index of a field that says how runs are made (algo, env, preset, program, command); -1: none. */
int mb__arm_field(const char *name);
int mb__metric_parse(const char *metric, char word[128], char name[128], double *bound);
/* An option whose value is this is different in every run. */
#define MB__THE_SEED "{seed}"
/* Everything about the arm called arm->name. */
bool mb__arm_read(struct reader *r, const mb_experiment *e, mb_arm *arm);

#endif

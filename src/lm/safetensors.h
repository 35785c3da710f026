/* lm/safetensors.h - what reading and checking share. */
#ifndef MB_LM_SAFETENSORS_H
#define MB_LM_SAFETENSORS_H
#include "matchbox/lm.h"

typedef struct mb__shard { const char *path; const char *data; size_t bytes; } mb__shard;
struct mb_safetensors {
    int n, nshards;
    mb_st_tensor *tensor; /* in order of names */
    mb__shard *shard;
};

#endif

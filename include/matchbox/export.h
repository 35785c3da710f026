/* matchbox/export.h - a trained policy leaves: as one C file, as ONNX, or as a policy file of matchbox's own.
   Rank 5 (layer: run). */
#ifndef MATCHBOX_EXPORT_H
#define MATCHBOX_EXPORT_H
#include "matchbox/run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mb_export_target {
    MB_EXPORT_C,     /* one C99 file without dependencies */
    MB_EXPORT_ONNX,  /* an ONNX model of opset MB_ONNX_OPSET */
    MB_EXPORT_POLICY /* settings and weights, which eval, play and export open like a run */
} mb_export_target;
#define MB_EXPORT_TARGETS "c|onnx|policy"
enum { MB_ONNX_OPSET = 17 };

typedef struct mb_export_options {
    mb_export_target target;
    const char *name; /* names in the file begin with it; NULL: the environment's */
    int agent;        /* whose policy, where several agents have one each */
    bool int8;        /* weights in 8 bits (C only) */
    int episodes;     /* evaluation episodes that the written form is checked on; 0: none */
} mb_export_options;

/* How the exported form compared with the library on the checked episodes. */
typedef struct mb_export_report {
    int64_t weights, bytes;  /* numbers in the file; size of the file */
    int memory;              /* floats kept between decisions */
    int episodes;
    int64_t decisions;       /* all of them equal, bit for bit */
    double return_mean;
    /* of 8-bit weights, on the same observations */
    double agreement;        /* share of equal discrete choices; NaN: there are none */
    bool values;             /* choices are made by values, not by probabilities */
    double worst, mean;      /* difference of probabilities (or values); of continuous actions as a share of their range */
    double int8_return_mean; /* of whole episodes with them */
} mb_export_report;

/* Write the player's policy to `path`, all or nothing, after executing it beside the library for o->episodes episodes: a
   form that decides otherwise in a single bit is refused (C; ONNX is held against the C form by the tests).  Advances the
   player's environments.  An algorithm without an exportable policy: MB_ERR_UNSUPPORTED. */
MB_API bool mb_export(mb_player *p, const char *path, const mb_export_options *o, mb_export_report *r, mb_error *err);

#ifdef __cplusplus
}
#endif
#endif

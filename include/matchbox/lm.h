/* matchbox/lm.h - language models: their files.  Rank 3; knows graphs, no algorithm. */
#ifndef MATCHBOX_LM_H
#define MATCHBOX_LM_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- safetensors: 8 bytes of header length, a JSON header, tensors (huggingface.co/docs/safetensors) ----
   Files are mapped, not copied.  Everything the header says is checked before anything is read: lengths, types, shapes, offsets that
   leave the file, overlap or leave holes. */

typedef enum mb_st_type {
    MB_ST_BOOL, MB_ST_U8, MB_ST_I8, MB_ST_I16, MB_ST_U16, MB_ST_F16, MB_ST_BF16, MB_ST_I32, MB_ST_U32, MB_ST_F32, MB_ST_F64, MB_ST_I64, MB_ST_U64,
    MB_ST_TYPES
} mb_st_type;
MB_API const char *mb_st_type_name(mb_st_type t);  /* "BF16" */
MB_API size_t mb_st_type_bytes(mb_st_type t);

enum { MB_ST_RANK = 8 };
typedef struct mb_st_tensor {
    const char *name;
    mb_st_type type;
    int rank;
    int64_t d[MB_ST_RANK];
    int64_t n;           /* elements */
    const void *data;    /* in the mapped file, aligned to the element's size or not; n * bytes of the type */
} mb_st_tensor;

typedef struct mb_safetensors mb_safetensors;
/* A file, or a folder with model.safetensors or with model.safetensors.index.json and its shards.  NULL: see err. */
MB_API mb_safetensors *mb_safetensors_open(mb_arena *a, const char *path, mb_error *err);
MB_API void mb_safetensors_close(mb_safetensors *f); /* unmaps; NULL is fine */
MB_API int mb_safetensors_count(const mb_safetensors *f);
MB_API const mb_st_tensor *mb_safetensors_at(const mb_safetensors *f, int i);           /* in order of names */
MB_API const mb_st_tensor *mb_safetensors_find(const mb_safetensors *f, const char *name); /* NULL: there is none */
/* Elements as float32; F16, BF16 exactly, F64 and integers rounded. */
MB_API void mb_st_read(const mb_st_tensor *t, float *out);
/* float32 to the bits of F16 or BF16 (to nearest, ties to even) or F32, where `out` has room for n elements of the type. */
MB_API bool mb_st_convert(const float *x, int64_t n, mb_st_type to, void *out, mb_error *err);
/* Write a file, replaced in one step, tensors in order of type size (largest first) and name, as the reference library does. */
MB_API bool mb_safetensors_write(const char *path, const mb_st_tensor *tensors, int n, mb_arena *scratch, mb_error *err);

/* ---- tokenizers: the tokenizer.json of Hugging Face, byte-level BPE ----
   Added tokens are cut out first, then normalisation (NFC), pre-tokenisation (the file's own regular expressions, digits, byte level), merges
   by rank, and the template of the post-processor.  Bytes that are not UTF-8 are tokens of their own, so that any text comes back. */

typedef struct mb_tokenizer mb_tokenizer;
/* tokenizer.json, or a folder that holds one.  What the file asks for and is not known is named in the error.  NULL: see err. */
MB_API mb_tokenizer *mb_tokenizer_open(mb_arena *a, const char *path, mb_error *err);
MB_API void mb_tokenizer_close(mb_tokenizer *t); /* compiled expressions; NULL is fine */
MB_API int mb_tokenizer_size(const mb_tokenizer *t); /* largest id + 1 */
/* Ids of n bytes of text into `ids` (room for `cap`); specials: what the post-processor adds around a text.  The number of ids, or -1.
   Scratch is given back. */
MB_API int mb_tokenize(const mb_tokenizer *t, const char *text, size_t n, bool specials, int32_t *ids, int cap, mb_arena *scratch, mb_error *err);
/* Bytes of the tokens one after the other; ids out of range give nothing.  skip_specials leaves out special added tokens. */
MB_API void mb_detokenize(const mb_tokenizer *t, const int32_t *ids, int n, bool skip_specials, mb_str *out);
/* Bytes of one token, not NUL-terminated; NULL: no such id. */
MB_API const char *mb_token_bytes(const mb_tokenizer *t, int32_t id, size_t *n);
MB_API int32_t mb_token_id(const mb_tokenizer *t, const char *bytes, size_t n); /* -1: no token has these bytes */

/* Make a byte-level BPE vocabulary from a text: special tokens, the alphabet (all 256 bytes, or those that occur), then merges of the most
   frequent neighbours until `vocab` tokens are reached (0: characters alone).  Of equally frequent pairs the one of the lower ids is merged, so
   the result is that of the reference library's trainer. */
typedef struct mb_tokenizer_plan {
    int vocab;
    bool all_bytes;      /* the alphabet holds bytes that do not occur, so that any text can be encoded */
    bool digits;         /* every digit is a token of its own */
    const char *const *specials;
    int nspecials;
} mb_tokenizer_plan;
/* Written as the tokenizer.json at `path`, replaced in one step; *size (may be NULL): how many tokens there are. */
MB_API bool mb_tokenizer_train(const mb_tokenizer_plan *p, const char *text, size_t n, const char *path, int *size, mb_arena *scratch, mb_error *err);

#ifdef __cplusplus
}
#endif
#endif

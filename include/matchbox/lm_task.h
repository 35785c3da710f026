/* matchbox/lm_task.h - language models meet tasks: a model with its tokenizer, demonstrations as tokens, answers sampled and judged.
   layer: lm. */
#ifndef MATCHBOX_LM_TASK_H
#define MATCHBOX_LM_TASK_H
#include "matchbox/env.h"
#include "matchbox/task.h"
#include "matchbox/transformer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a model and its tokenizer ---- */

#define MB_LM_MODEL_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    TEXT(model, "", "folder of Hugging Face, or a run, to begin with; default: a new model of the sizes below") \
    PICK(family, MB_LM_QWEN3, "gpt2|llama|qwen2|qwen3", "architecture of a new model")                          \
    NUM(int, layers, 4, 1, 512, "of a new model")                                                               \
    NUM(int, width, 128, 2, 65536, "of a new model")                                                            \
    NUM(int, heads, 4, 1, 1024, "attention heads of a new model")                                               \
    NUM(int, kv_heads, 0, 0, 1024, "heads of keys and values of a new model; 0: as many as heads")              \
    NUM(int, inner, 0, 0, 1048576, "width of its feed-forward layers; 0: 4 times the width, 8/3 where gated")   \
    NUM(int, context, 256, 8, 1000000, "tokens of a text at most, of a new model")                              \
    NUM(int, vocab, 0, 0, 1000000, "tokens of a new model's tokenizer; 0: the characters of its texts")         \
    TEXT(tokenizer, "", "folder with the tokenizer.json of a new model; default: made of the texts")
typedef struct mb_lm_model_options { MB_LM_MODEL_OPTIONS(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) } mb_lm_model_options;

typedef struct mb_lm_kit {
    mb_lm *lm;
    mb_tokenizer *tokenizer;
    const char *json; size_t json_bytes; /* tokenizer.json, as it is written beside the weights */
    int32_t begin, end;                  /* what texts begin with (-1: nothing) and end with */
    mb_arena *scratch;                   /* of tokenising */
} mb_lm_kit;
/* o->model names a folder, a run (its model/) or nothing; then corpus, n bytes, is what the tokenizer is made of.  Parameters are called `name`.
   NULL: see err. */
MB_API mb_lm_kit *mb_lm_kit_new(mb_scope *s, const char *name, const mb_lm_model_options *o, const char *corpus, size_t n, mb_error *err);
MB_API void mb_lm_kit_close(mb_lm_kit *k); /* what does not lie in the scope; NULL is fine */
MB_API bool mb_lm_kit_save(const mb_lm_kit *k, const char *folder, mb_st_type type, mb_error *err); /* weights, config, tokenizer */
/* Room for `cap` ids; the number of ids, -1: see err. */
MB_API int mb_lm_encode(const mb_lm_kit *k, const char *text, size_t n, int32_t *ids, int cap, mb_error *err);

/* ---- texts to learn from ---- */

/* Where they come from: demonstrations of a task (any number), or the documents of a file: .jsonl with "prompt" and "completion", "messages", or
   "text"; any other file is one text, cut at blank lines. */
typedef struct mb_lm_source mb_lm_source;
MB_API mb_lm_source *mb_lm_source_task(mb_arena *a, const mb_task *t, mb_error *err);
MB_API mb_lm_source *mb_lm_source_file(mb_arena *a, const char *path, mb_error *err);
MB_API int64_t mb_lm_source_count(const mb_lm_source *s); /* documents; 0: without end */
/* Document i as parts one after the other in `out`; returns how many.  Files: i modulo their number. */
MB_API int mb_lm_source_read(const mb_lm_source *s, uint64_t i, mb_str *out, mb_task_part part[2 * MB_TASK_TURNS + 1], mb_error *err);
/* Bytes of the first documents, for a tokenizer. */
MB_API bool mb_lm_source_corpus(const mb_lm_source *s, int documents, mb_arena *a, char **text, size_t *n, mb_error *err);
/* Tokens of document i, counts 1 for those the model writes (everything: all but the first), its end token included; room for cap of each.
   Cut at cap.  The number of tokens, -1: see err. */
MB_API int mb_lm_document(const mb_lm_kit *k, const mb_lm_source *s, uint64_t i, bool everything, int32_t *token, uint8_t *counts, int cap, mb_error *err);

/* Supervised steps on documents of a source. */
typedef struct mb_lm_teacher mb_lm_teacher;
MB_API mb_lm_teacher *mb_lm_teacher_new(mb_arena *a, const mb_lm_kit *k, mb_lm_learner *l, const mb_lm_source *s, int batch, int longest, uint64_t seed,
                                        mb_error *err);
typedef struct mb_lm_lesson { double loss, norm; int64_t tokens; } mb_lm_lesson; /* loss: mean over counted tokens */
/* Step number `step` decides which documents: the same in every process. */
MB_API bool mb_lm_teach(mb_lm_teacher *t, int64_t step, bool everything, float lr, mb_lm_lesson *out, mb_error *err);

/* ---- answers ---- */

/* One conversation: what the task and the model wrote, as tokens. */
typedef struct mb_lm_episode {
    int32_t *token;
    uint8_t *counts;          /* 1: the model's */
    float *logp, *kept, *entropy;
    int n, prompt;            /* tokens; of the first prompt */
    int written;              /* tokens the model wrote */
    bool truncated;
    double turns;             /* mean verdict on the turns before the last, NaN: there was one only */
    mb_ruling ruling;
} mb_lm_episode;

typedef struct mb_lm_player mb_lm_player;
/* problems * samples conversations at a time, `most` new tokens in a turn.  Everything is allocated here. */
MB_API mb_lm_player *mb_lm_player_new(mb_scope *s, mb_lm_kit *k, const mb_task *t, int problems, int samples, int most, const mb_lm_sampling *sampling,
                                      mb_error *err);
/* Play problems first .. first + problems - 1 of a split, `samples` times each; out[problem * samples + sample], valid until the next call.
   The seed and the problem's index name the random streams. */
MB_API bool mb_lm_play(mb_lm_player *p, int split, uint64_t first, uint64_t seed, const mb_lm_episode **out, mb_error *err);
MB_API void mb_lm_player_set(mb_lm_player *p, const mb_lm_sampling *sampling);
MB_API int mb_lm_player_longest(const mb_lm_player *p);  /* tokens of a conversation at most */
MB_API int mb_lm_player_problems(const mb_lm_player *p); /* of a call */
MB_API int mb_lm_player_samples(const mb_lm_player *p);
MB_API void mb_lm_player_text(const mb_lm_player *p, const mb_lm_episode *e, bool answer, mb_str *out); /* its prompt, or what followed */

/* ---- evaluation ---- */

enum { MB_LM_KS = 8 };
typedef struct mb_lm_report {
    int problems, samples;
    double pass[MB_LM_KS]; int k[MB_LM_KS], nks; /* unbiased pass@k (Chen et al. 2021): 1 - C(n - c, k) / C(n, k); k = 1, 2, 4 ... samples */
    double majority;      /* the most frequent answer is right */
    double mean, length, truncated, invalid, errors, kept; /* means over samples */
} mb_lm_report;
/* `problems` held-out problems, a player's number at a time. */
MB_API bool mb_lm_evaluate(mb_lm_player *p, int split, int problems, uint64_t seed, mb_lm_report *out, mb_error *err);

/* ---- settings that trainers share ---- */

#define MB_LM_TRAIN_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    NUM(int, batch, 64, 1, 100000, "documents of a supervised step")                                            \
    NUM(int, lora, 0, 0, 4096, "rank of adapters that are trained instead of the weights; 0: the weights")      \
    NUM(float, lora_alpha, 16, 0, 1e6, "adapters count times this over their rank")                             \
    NUM(int, longest, 0, 0, 1000000, "tokens after which a document is cut; 0: the model's context")            \
    NUM(int, micro, 2048, 16, 1048576, "tokens computed together; results agree for any number up to rounding") \
    NUM(float, beta1, 0.9f, 0, 1, "momentum of AdamW")                                                          \
    NUM(float, beta2, 0.99f, 0, 1, "smoothing of AdamW")                                                        \
    NUM(float, decay, 0, 0, 10, "weight decay of AdamW")                                                        \
    NUM(float, max_norm, 1, 0, 1e9, "largest norm of a gradient; 0: any")                                       \
    NUM(bool, recompute, false, 0, 1, "compute layers again on the way back: less memory, more time")           \
    NUM(bool, bfloat16, false, 0, 1, "multiply matrices in bfloat16")                                           \
    NUM(int, test_every, 0, 0, 1e9, "steps between tests on held-out problems; 0: at the end alone")            \
    NUM(int, test_problems, 256, 0, 1000000, "held-out problems of a test; 0: no tests")                        \
    NUM(int, test_samples, 16, 1, 128, "answers to each problem of a test")                                     \
    NUM(int, most, 64, 1, 1000000, "new tokens of a turn at most")
/* What stands in an environment's place: the name of a task, or `text` with a file. */
#define MB_TEXT_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                            \
    TEXT(settings, "", "settings of the task: level=2:style=work")                                              \
    TEXT(file, "", "documents to learn from instead of the task's own (.jsonl, or plain text)")
typedef struct mb_text_options { MB_TEXT_OPTIONS(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) } mb_text_options;
/* Named after a task, or `text`: has one state; the task itself is opened by the algorithm. */
MB_API const mb_env_def *mb_lm_text_env(mb_arena *a, const char *name, mb_error *err);
/* The task called `name` with "key=value:key=value". */
MB_API mb_task *mb_lm_task_open(mb_arena *a, const char *name, const char *settings, uint64_t seed, mb_error *err);

/* What trainers begin their options with. */
#define MB_LM_COMMON_OPTIONS(NUM, PICK, TEXT, LIST, SCHED) \
    MB_LM_MODEL_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)      \
    MB_LM_TRAIN_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
typedef struct mb_lm_common { MB_LM_COMMON_OPTIONS(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) } mb_lm_common;

/* All of it together, made in the set-up of a run. */
typedef struct mb_lm_school {
    mb_lm_common o;
    mb_lm_kit *kit;
    mb_task *task;            /* NULL: documents of a file alone */
    mb_lm_source *source;
    mb_lm_learner *learner;
    mb_lm_teacher *teacher;
    mb_lm_player *tester;     /* NULL: no tests */
    mb_lm_report report;      /* of the last test */
    uint64_t seed;
} mb_lm_school;
/* name: of the task, or "text".  sampling (NULL: plain): of the learner's distribution. */
MB_API bool mb_lm_school_open(mb_lm_school *c, mb_scope *s, const char *name, const mb_text_options *text, const mb_lm_common *o,
                              const mb_lm_sampling *sampling, mb_error *err);
MB_API void mb_lm_school_close(mb_lm_school *c);
/* Tests where step is a multiple of test_every or `last`; *tested: it did. */
MB_API bool mb_lm_school_test(mb_lm_school *c, int64_t step, bool last, bool *tested, mb_error *err);
/* lr over the first `warm` steps, counted from 0 */
MB_API float mb_lm_warm(float lr, int64_t step, int warm);
/* The i-th number of a report with its name ("test/pass_1"), false behind the last. */
MB_API bool mb_lm_report_at(const mb_lm_report *r, int i, const char **name, double *value);

#ifdef __cplusplus
}
#endif
#endif

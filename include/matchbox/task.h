/* matchbox/task.h - problems in text with exact verifiers: what language models are trained and tested on.  Rank 1 (layer: task):
   knows core alone, no models, no tokens.

   A problem is plain data of the task's `problem_size` bytes: copies are independent, so that n samples may share one prompt.
   The model writes turns.  After each the task either says what comes back (the result of a tool, the opponent's move) or that the
   problem is over; then the verifier speaks.  Nothing here runs, evaluates or trusts what a model wrote, and every function's work is
   bounded by MB_TASK_READ bytes of it. */
#ifndef MATCHBOX_TASK_H
#define MATCHBOX_TASK_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MB_TASK_TEXT = 4096,    /* bytes that hold any prompt, correct turn or reply, the NUL included */
    MB_TASK_READ = 8192,    /* bytes of a turn that are looked at; a longer turn is invalid */
    MB_TASK_PROBLEM = 2048, /* largest problem_size */
    MB_TASK_TURNS = 16      /* no task takes more turns */
};

/* ---- what a verifier says: never a silent 0 ---- */

typedef enum mb_task_outcome {
    MB_SCORED,        /* an answer, right or wrong: `score` in [0, 1] */
    MB_INVALID,       /* no answer in the form that was asked for; score 0 */
    MB_VERIFIER_ERROR /* the verifier failed (limits, a crash, a number out of range): score NaN, the sample must not be learned from */
} mb_task_outcome;
typedef struct mb_ruling {
    mb_task_outcome outcome;
    double score;
    double form;   /* 1: the turn keeps to the style (tags, separator), 0: it does not */
    char why[96];  /* what is wrong, for people; "" for a right answer */
} mb_ruling;
MB_API const char *mb_task_outcome_name(mb_task_outcome o); /* "score", "invalid", "error" */

/* ---- descriptors: src/task/KIND/NAME.c defines mb_task_NAME; the listing is the registry ---- */

typedef struct mb_task_def {
    const char *name, *summary, *source;
    const char *instructions;      /* what to do, in words, put before the prompt for models that read */
    int levels;                    /* difficulties 1 .. levels */
    const char *level_help;        /* what a level changes */
    const mb_option *options; size_t options_size;
    size_t problem_size;
    int roles;                     /* 2: a game that can be played against itself (option opponent); else 0 */
    /* A problem of this level; false: the options leave none. */
    bool (*make)(const void *options, int level, mb_rng *rng, void *problem, mb_error *err);
    /* What the model (the role whose turn it is) sees. */
    void (*prompt)(const void *options, const void *problem, mb_str *out);
    /* What makes two problems the same, for the held-out split; NULL: the prompt. */
    void (*key)(const void *options, const void *problem, mb_str *out);
    /* Steps that lead to the answer; NULL: none. */
    void (*work)(const void *options, const void *problem, mb_str *out);
    /* The correct answer of this turn. */
    void (*answer)(const void *options, const void *problem, mb_str *out);
    /* A random answer, to make pairs of; NULL: only tasks with preferences have it. */
    void (*candidate)(const void *options, const void *problem, mb_rng *rng, mb_str *out);
    /* Take a turn (`text` without what the style puts around it): write what comes back and return true, or return false: over.
       `turn`: how good the turn itself was.  NULL: the first turn is the last. */
    bool (*reply)(const void *options, void *problem, const char *text, mb_str *out, mb_ruling *turn);
    /* The verdict on the last turn's text.  Games go by the problem: they keep score of the role `verify_role`. */
    mb_ruling (*verify)(const void *options, const void *problem, const char *text);
    /* Games: whose turn it is, and the verdict on a role once it is over. */
    int (*role)(const void *problem);
    mb_ruling (*result)(const void *options, const void *problem, int role);
} mb_task_def;

MB_API const mb_task_def *mb_task_at(int i); /* in alphabetical order; NULL after the last */
MB_API const mb_task_def *mb_task_find(const char *name, mb_error *err);

/* ---- a task with its settings ---- */

enum { MB_STYLE_ANSWER, MB_STYLE_WORK, MB_STYLE_TAGS };
enum { MB_SPLIT_TRAIN, MB_SPLIT_HELD_OUT, MB_SPLIT_ALL };
#define MB_TASK_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                                \
    NUM(int, level, 1, 1, 100, "difficulty; matchbox help TASK says what it changes")                                               \
    NUM(int, level_to, 0, 0, 100, "levels up to this one, drawn evenly; 0: one level")                                              \
    PICK(style, MB_STYLE_ANSWER, "answer|work|tags", "a turn is the answer; steps#answer; <think>steps</think><answer>answer</answer>") \
    NUM(bool, instruct, false, 0, 1, "prompts begin with instructions in words")                                                    \
    NUM(double, held_out, 0.1, 0, 0.9, "share of all problems, by hash, that is never in the training split")
typedef struct mb_task_settings { MB_TASK_OPTIONS(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) } mb_task_settings;
MB_API const mb_option *mb_task_option_rows(void); /* of every task */

typedef struct mb_task {
    const mb_task_def *def;
    void *options;             /* of the task, filled with defaults */
    mb_task_settings settings;
    uint64_t seed;
} mb_task;
/* Open a task with its defaults.  Memory from `a`. */
MB_API mb_task *mb_task_open(mb_arena *a, const char *name, uint64_t seed, mb_error *err);
/* Set one option, the task's own or one of every task, with or without "task." before it. */
MB_API bool mb_task_set(mb_task *t, const char *key, const char *value, mb_error *err);

/* ---- problems ---- */

/* Problem `index` of a split (MB_SPLIT_*): a pure function of settings, seed and index.  Splits never share a problem, whatever
   the seed.  `problem`: def->problem_size bytes, aligned as malloc would.  False: no problem of this split was found. */
MB_API bool mb_task_problem(const mb_task *t, int split, uint64_t index, void *problem, mb_error *err);
MB_API void mb_task_prompt(const mb_task *t, const void *problem, mb_str *out);
/* A correct turn in the task's style: a demonstration.  Call it again after each reply. */
MB_API void mb_task_show(const mb_task *t, const void *problem, mb_str *out);
/* Take a turn of n bytes.  True: `out` holds what comes back and another turn follows.  False: over, ask mb_task_verify about this
   same text.  turn (may be NULL): the verdict on the turn itself, for rewards by turn. */
MB_API bool mb_task_reply(const mb_task *t, void *problem, const char *text, size_t n, mb_str *out, mb_ruling *turn);
/* The verdict on the last turn; `text` need not end in a NUL. */
MB_API mb_ruling mb_task_verify(const mb_task *t, const void *problem, const char *text, size_t n);
/* Everything at once: prompt, correct turns and what comes back, one after the other, as a document to learn from.  Part i ends at byte
   part[i].end of `out` and was written by the model or not; the number of parts.  The problem is played to its end. */
typedef struct mb_task_part { size_t end; bool model; } mb_task_part;
MB_API int mb_task_transcript(const mb_task *t, void *problem, mb_str *out, mb_task_part part[2 * MB_TASK_TURNS + 1]);
/* Two-role games: the verdict on one role. */
MB_API mb_ruling mb_task_result(const mb_task *t, const void *problem, int role);

/* Two random answers, the better one (by score) first with probability sigmoid(scale * difference), as annotators label
   (Bradley and Terry 1952); flipped: it is second.  False: the task makes no candidates. */
MB_API bool mb_task_pair(const mb_task *t, const void *problem, double scale, mb_rng *rng, mb_str *chosen, mb_str *rejected, bool *flipped, mb_error *err);

/* ---- rewards: verdicts of the n answers to one prompt, made into numbers ---- */

enum { MB_LENGTH_NONE, MB_LENGTH_RANGE, MB_LENGTH_TARGET, MB_LENGTH_COSINE };
#define MB_REWARD_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                              \
    NUM(double, score_weight, 1, -100, 100, "of the verifier's score")                                                              \
    NUM(double, form_weight, 0, -100, 100, "of keeping to the style")                                                               \
    NUM(double, invalid, 0, -100, 100, "what an invalid answer gets instead of a score")                                            \
    NUM(double, turn_weight, 0, -100, 100, "of the mean verdict on the turns before the last")                                      \
    PICK(length, MB_LENGTH_NONE, "none|range|target|cosine", "range: shorter than others of the group; target: near a length; cosine: long pays less when right") \
    NUM(double, length_weight, 0, -100, 100, "of the length reward")                                                                \
    NUM(double, length_target, 0, 0, 1e9, "tokens: the target, or the longest length of cosine")
typedef struct mb_reward { MB_REWARD_OPTIONS(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) } mb_reward;
MB_API const mb_option *mb_reward_rows(void);
/* Rewards of a group.  length: tokens of each answer, needed when `length` is not none; turn: mean turn score or NULL.
   A verifier error gives NaN and is left out of what the others are compared with: returns how many there are.
   range (Kimi k1.5, section 2.3.3): l = 0.5 - (len - min) / (max - min), for answers of score < 1 min(l, 0).
   target (L1, Aggarwal and Welleck 2025, eq. 1): -|len - target| / target.
   cosine (Yeo et al. 2025): right answers 1 falling to 0 along half a cosine as the length nears the longest, wrong ones -1 rising to 0. */
MB_API int mb_reward_group(const mb_reward *r, const mb_ruling *v, const int *length, const double *turn, int n, double *out);

#ifdef __cplusplus
}
#endif
#endif

/* matchbox/core.h - errors, memory, random numbers, options, log, threads, files, checkpoint store.
   Rank 0: knows nothing of graphs, environments or algorithms.  Nothing here prints, exits or keeps
   writable globals.  Every function that can fail returns false or NULL and fills the caller's
   mb_error. */
#ifndef MATCHBOX_CORE_H
#define MATCHBOX_CORE_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MB_VERSION "0.1.0"
#define MB_ABI 1 /* descriptors of another number are refused */

#if defined(__GNUC__)
#define MB_API __attribute__((visibility("default")))
#define MB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define MB_API
#define MB_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors: caller-owned, fixed size; the first cause stays, notes come on the way up ---- */

typedef enum mb_code {
    MB_OK,
    MB_ERR_USAGE,       /* unknown name or option, wrong combination: exit status 2 */
    MB_ERR_RANGE,       /* a value outside its range: exit status 2 */
    MB_ERR_SHAPE,       /* tensors that do not fit */
    MB_ERR_IO,          /* the system refused: file, disk, permission */
    MB_ERR_FORMAT,      /* a file that is not what it should be: torn, foreign, newer */
    MB_ERR_MEMORY,      /* an arena or the machine is full */
    MB_ERR_NUMERIC,     /* NaN or infinity where there must be none */
    MB_ERR_ENV,         /* an environment broke its contract */
    MB_ERR_BUSY,        /* in use by another process */
    MB_ERR_UNSUPPORTED, /* built without it, or not possible for this pair */
    MB_ERR_INTERRUPTED  /* stopped by request, after a checkpoint: exit status 3 */
} mb_code;

enum { MB_ERROR_NOTES = 6 };
typedef struct mb_error {
    mb_code code;                     /* MB_OK: no error yet */
    char what[384];                   /* the first cause */
    int nnotes;
    char notes[MB_ERROR_NOTES][192];  /* context, innermost first */
    char help[96];                    /* what to type for more, or "" */
} mb_error;

/* Record the first cause (later calls on the same error keep it) and return false. */
MB_API bool mb_fail(mb_error *err, mb_code code, const char *fmt, ...) MB_PRINTF(3, 4);
/* Add context to a recorded error and return false.  With all places taken the last is replaced. */
MB_API bool mb_note(mb_error *err, const char *fmt, ...) MB_PRINTF(2, 3);
/* Say what to type for more ("matchbox help ppo"); the first help stays.  Returns false. */
MB_API bool mb_help(mb_error *err, const char *fmt, ...) MB_PRINTF(2, 3);
/* The error as the program prints it, several lines, NUL-terminated, cut at n bytes. */
MB_API void mb_error_text(const mb_error *err, char *out, size_t n);

/* Our own bugs only; never for what a caller passed. */
#define MB_ASSERT(cond) ((cond) ? (void)0 : mb__assert_failed(#cond, __FILE__, __LINE__))
MB_API void mb__assert_failed(const char *cond, const char *file, int line);

/* ---- arenas: address space reserved once, pages committed as used, pointers stable ---- */

typedef struct mb_arena mb_arena;
/* Reserve `bytes` of address space (no memory is used yet).  NULL: the system refused. */
MB_API mb_arena *mb_arena_new(size_t bytes, mb_error *err);
/* The same in a file that is made at `path` and has no name from then on: pages that are not in use can leave memory without
   swap space.  For what is large and seldom touched; NULL also where the file cannot be made. */
MB_API mb_arena *mb_arena_file(const char *path, size_t bytes, mb_error *err);
MB_API void mb_arena_idle(mb_arena *a); /* of a file: write its pages back and let them leave memory until they are touched again */
MB_API void mb_arena_free(mb_arena *a); /* NULL is fine */
MB_API void mb_arena_adopt(mb_arena *a, mb_arena *child); /* child is freed together with a */
/* n * size zeroed bytes, 64-byte aligned.  NULL (and err filled) when the product overflows or the
   arena is full.  n == 0 gives a valid unique pointer. */
MB_API void *mb_alloc(mb_arena *a, size_t n, size_t size, mb_error *err);
MB_API char *mb_strdup(mb_arena *a, const char *text, mb_error *err);
MB_API size_t mb_arena_mark(const mb_arena *a);
/* Back to the mark: everything given since is gone.  Released bytes are zero when given again. */
MB_API void mb_arena_release(mb_arena *a, size_t mark);
/* While sealed, mb_alloc fails with MB_ERR_MEMORY. */
MB_API void mb_arena_seal(mb_arena *a, bool sealed);
MB_API size_t mb_arena_used(const mb_arena *a);
MB_API size_t mb_arena_peak(const mb_arena *a);
/* Overflow-checked size arithmetic: false when the result does not fit. */
MB_API bool mb_size_mul(size_t a, size_t b, size_t *out);
MB_API bool mb_size_add(size_t a, size_t b, size_t *out);

/* ---- random numbers: Philox 4x32-10 (Salmon et al. 2011), counter-based ----
   A stream is named by (seed, purpose, index): one per environment, agent and purpose, so that the
   order in which streams are used never shows.  Plain data: copying a stream copies its future. */

typedef struct mb_rng {
    uint32_t key[2];
    uint32_t ctr[4]; /* block counter (0,1) and stream index (2,3) */
    uint32_t out[4]; /* the current block */
    uint32_t used;   /* words of it already given, 4: none left */
} mb_rng;

MB_API void mb__philox(const uint32_t key[2], const uint32_t ctr[4], uint32_t out[4]);
MB_API void mb__rng_refill(mb_rng *r);
/* Those of streams[which[0]], ..., streams[which[n - 1]] (all different) that have given all words of their block get the next one,
   as their next draw would do, but several streams at once. */
MB_API void mb__rng_refill_many(mb_rng *streams, const int *which, int n);
MB_API float mb__uniform_edge(float low, float high);
MB_API int mb__below_slow(mb_rng *r, uint32_t n, uint64_t product);

/* The stream `index` of `purpose`: all are independent, those of one purpose never overlap. */
MB_API mb_rng mb_rng_make(uint64_t seed, const char *purpose, uint64_t index);

/* 32 random bits */
static inline uint32_t mb_rand(mb_rng *r)
{
    if (r->used >= 4) mb__rng_refill(r);
    return r->out[r->used++];
}

/* [low, high), 24 bits; `low` when the interval is empty.  high - low must be finite. */
static inline float mb_uniform(mb_rng *r, float low, float high)
{
    float v = low + (high - low) * ((float)(mb_rand(r) >> 8) * 0x1p-24f);
    return v < high ? v : mb__uniform_edge(low, high); /* rounding may reach `high` */
}

/* 0 .. n-1 without bias; n >= 1 */
static inline int mb_below(mb_rng *r, int n)
{
    uint64_t product = (uint64_t)mb_rand(r) * (uint32_t)n;
    if ((uint32_t)product >= (uint32_t)n) return (int)(product >> 32);
    return mb__below_slow(r, (uint32_t)n, product);
}

MB_API double mb_uniform64(mb_rng *r);                /* [0, 1); 53 bits */
MB_API float mb_normal(mb_rng *r);                    /* standard normal; Box-Muller */
MB_API void mb_shuffle(mb_rng *r, int *items, int n); /* Fisher-Yates */

/* ---- options: one row per setting ----
   #define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                            \
       NUM(int, horizon, 128, 1, 65536, "steps per environment")            \
       PICK(value_loss, CLIPPED, "clipped|mse", "how the error is measured")\
       TEXT(layout, "", "file with the layout")                             \
       LIST(hidden, "64,64", 1, 8192, "units of each hidden layer")         \
       SCHED(lr, "linear:2.5e-4:0", 0, 1, "step size")
   MB_OPTIONS(ppo, OPTIONS)     gives struct ppo_options and its rows
   An underscore in a name is a hyphen on the command line and in YAML (both are accepted). */

typedef enum mb_option_kind {
    MB_OPT_INT, MB_OPT_INT64, MB_OPT_FLOAT, MB_OPT_DOUBLE, MB_OPT_BOOL,
    MB_OPT_PICK, MB_OPT_TEXT, MB_OPT_LIST, MB_OPT_SCHED
} mb_option_kind;

enum { MB_TEXT_MAX = 128, MB_LIST_MAX = 16 };
typedef struct mb_text { char s[MB_TEXT_MAX]; } mb_text;
typedef struct mb_list { int n; int v[MB_LIST_MAX]; } mb_list;
/* A value over training progress 0..1: constant "3e-4", "linear:3e-4:0", "cosine:3e-4:0". */
typedef struct mb_schedule { int kind; float from, to; } mb_schedule;
MB_API float mb_schedule_at(const mb_schedule *s, double progress);

typedef struct mb_option {
    const char *name; /* as the C field; NULL ends the rows */
    mb_option_kind kind;
    size_t offset;
    double def, lo, hi;       /* numbers, picks (def = index) */
    const char *def_text;     /* TEXT, LIST, SCHED */
    const char *choices;      /* PICK: "a|b|c" */
    const char *help;
} mb_option;

#define MB_KIND_OF(T)                                                                              \
    _Generic((T){0}, int: MB_OPT_INT, int64_t: MB_OPT_INT64, float: MB_OPT_FLOAT,                  \
             double: MB_OPT_DOUBLE, bool: MB_OPT_BOOL)
#define MB_OPTIONS(owner, LIST)                                                                    \
    struct owner##_options { LIST(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) };        \
    typedef struct owner##_options mb__options_here;                                               \
    static const mb_option owner##_option_rows[] = {                                               \
        LIST(MB_R_NUM, MB_R_PICK, MB_R_TEXT, MB_R_LIST, MB_R_SCHED)                                \
        { NULL, MB_OPT_INT, 0, 0, 0, 0, NULL, NULL, NULL } };
#define MB_F_NUM(T, name, def, lo, hi, help)   T name;
#define MB_F_PICK(name, def, choices, help)    int name;
#define MB_F_TEXT(name, def, help)             mb_text name;
#define MB_F_LIST(name, def, lo, hi, help)     mb_list name;
#define MB_F_SCHED(name, def, lo, hi, help)    mb_schedule name;
#define MB_AT(name) offsetof(mb__options_here, name)
#define MB_R_NUM(T, name, def, lo, hi, help)                                                       \
    { #name, MB_KIND_OF(T), MB_AT(name), (double)(def), (double)(lo), (double)(hi), NULL, NULL,    \
      help },
#define MB_R_PICK(name, def, choices, help)                                                        \
    { #name, MB_OPT_PICK, MB_AT(name), def, 0, 0, NULL, choices, help },
#define MB_R_TEXT(name, def, help)                                                                 \
    { #name, MB_OPT_TEXT, MB_AT(name), 0, 0, 0, def, NULL, help },
#define MB_R_LIST(name, def, lo, hi, help)                                                         \
    { #name, MB_OPT_LIST, MB_AT(name), 0, lo, hi, def, NULL, help },
#define MB_R_SCHED(name, def, lo, hi, help)                                                        \
    { #name, MB_OPT_SCHED, MB_AT(name), 0, lo, hi, def, NULL, help },
#define MB_USE_OPTIONS(owner)                                                                      \
    .options = owner##_option_rows, .options_size = sizeof(struct owner##_options)

/* Fill every field with its default.  rows may be NULL (no options). */
MB_API void mb_options_default(const mb_option *rows, void *options);
/* Parse `text` into the option called `key` (hyphens = underscores); a refusal changes nothing.
   Unknown: MB_ERR_USAGE with the nearest name as a note.  Outside [lo, hi], NaN too: MB_ERR_RANGE.
   Integers accept 500k, 2M and 1e6.  `owner` begins the message. */
MB_API bool mb_options_set(const char *owner, const mb_option *rows, void *options,
                           const char *key, const char *text, mb_error *err);
/* NULL: no such row. */
MB_API const mb_option *mb_options_find(const mb_option *rows, const char *key);
/* The value as text that mb_options_set reads back to the same bits. */
MB_API void mb_options_get(const mb_option *row, const void *options, char *out, size_t n);
/* The nearest of `names` (NULL-terminated) to a mistyped word, or NULL when none is near. */
MB_API const char *mb_nearest(const char *word, const char *const *names);
/* Whole-text number parsing: false when anything is left over.  Integers accept k, M, G and 1e6. */
MB_API bool mb_parse_int(const char *text, int64_t *out);
MB_API bool mb_parse_double(const char *text, double *out);

/* ---- YAML: scalars of nested mappings under dotted keys ("env.gravity"), with their lines ---- */

typedef struct mb_yaml_item { const char *key, *value; int line; } mb_yaml_item;
typedef struct mb_yaml { mb_yaml_item *items; int n; const char *path; } mb_yaml;
/* Sequences of scalars become "a,b,c".  Memory comes from `a`. */
MB_API bool mb_yaml_read(const char *path, mb_arena *a, mb_yaml *out, mb_error *err);
MB_API bool mb_yaml_parse(const char *text, size_t n, const char *path, mb_arena *a, mb_yaml *out,
                          mb_error *err);
MB_API const char *mb_yaml_get(const mb_yaml *y, const char *key); /* NULL: absent */

/* ---- text building: JSON and everything else that is written ---- */

/* Over caller memory, always NUL-terminated.  What does not fit is left out whole and sets `full`;
   nothing is added after that, so the text is always the beginning of what was meant. */
typedef struct mb_str { char *s; size_t n, cap; bool full; } mb_str;
MB_API void mb_str_init(mb_str *b, char *memory, size_t cap);
MB_API void mb_str_add(mb_str *b, const char *fmt, ...) MB_PRINTF(2, 3);
/* Quoted and escaped; what is not UTF-8 becomes U+FFFD. */
MB_API void mb_str_json(mb_str *b, const char *text);
/* The shortest text that reads back equal; null for NaN and infinities. */
MB_API void mb_str_number(mb_str *b, double v);

/* ---- log: the caller's function receives whole lines; NULL: silence ---- */

typedef enum mb_log_level { MB_LOG_INFO, MB_LOG_WARN } mb_log_level;
typedef struct mb_logger {
    void (*line)(void *ctx, mb_log_level level, const char *text);
    void *ctx;
} mb_logger;
MB_API void mb_log_line(const mb_logger *log, mb_log_level level, const char *fmt, ...)
    MB_PRINTF(3, 4);

/* ---- clock ---- */
MB_API double mb_now(void);         /* monotonic seconds */
MB_API double mb_thread_cpu(void);  /* CPU seconds of the calling thread */
/* Bytes of memory that a process could still take without swapping: of the machine or of its container. */
MB_API double mb_memory_free(void);
MB_API double mb_disk_free(const char *dir); /* bytes that may still be written there; -1: no such folder */
MB_API double mb_wall_time(void);   /* seconds since 1970, for people: nothing is computed from it */

/* ---- threads: jobs claimed one by one; which thread ran a job never shows in its result ---- */

typedef struct mb_pool mb_pool;
/* nthreads >= 1; the caller is one of them.  Workers spin a short bounded time, then sleep, and
   rest for a while when they cost more than they save (a busy machine). */
MB_API mb_pool *mb_pool_new(int nthreads, mb_error *err);
MB_API void mb_pool_free(mb_pool *p);
MB_API int mb_pool_size(const mb_pool *p);
/* thread: 0 .. size-1, for scratch memory */
typedef void (*mb_job)(void *ctx, int job, int thread);
/* Run jobs 0 .. njobs-1 and return when all are done.  Jobs must not wait for each other, nor run
   jobs in the same pool.  p NULL, one job or one thread: all in the caller, in order. */
MB_API void mb_pool_run(mb_pool *p, int njobs, mb_job fn, void *ctx);

/* ---- files ---- */

/* Write all or nothing: a temporary file, fsync, rename, fsync of the directory. */
MB_API bool mb_file_write(const char *path, const void *data, size_t n, mb_error *err);
/* The whole file, plus a NUL behind it. */
MB_API bool mb_file_read(const char *path, mb_arena *a, char **data, size_t *n, mb_error *err);
MB_API bool mb_dir_make(const char *path, mb_error *err); /* and its parents; existing is fine */
/* Exclusive lock on PATH (created); false with MB_ERR_BUSY when another process holds it.  It lasts
   until mb_file_unlock or the end of the process, however it ends. */
MB_API bool mb_file_lock(const char *path, int *fd, mb_error *err);
MB_API void mb_file_unlock(int fd);
MB_API uint32_t mb_crc32c(uint32_t crc, const void *data, size_t n); /* Castagnoli; start with 0 */

/* ---- checkpoint store: named blocks of memory that survive a restart ----
   Whoever owns a block keeps it; the store writes all of them into one file: magic, version, step,
   then every block's name, size and bytes, each with a checksum, and one over the whole.  No
   pointers, padding, times or paths. */

typedef struct mb_store mb_store;
MB_API mb_store *mb_store_new(mb_arena *a, mb_error *err);
/* Register `bytes` at `data` (stable until the store goes) under a unique name of 1 to 127 bytes.
   The same name twice: MB_ERR_USAGE. */
MB_API bool mb_keep(mb_store *s, const char *name, void *data, size_t bytes, mb_error *err);
/* The same for a block that is large and of which little changes between two checkpoints.  It is stored in pieces of
   MB_STORE_PIECE bytes, each once: files named after their contents in the folder "pieces" beside the checkpoint, which itself
   holds their names only.  What did not change since an earlier checkpoint is not written again, and equal runs still have
   equal checkpoints.  A block of no more than one piece is stored like any other. */
MB_API bool mb_keep_large(mb_store *s, const char *name, void *data, size_t bytes, mb_error *err);
enum { MB_STORE_PIECE = 1 << 21 };
MB_API bool mb_store_save(const mb_store *s, const char *path, int64_t step, mb_error *err);
/* Remove the pieces that no checkpoint of the folder `dir` names any more, temporary files included.  Nothing is removed when
   one of them cannot be read. */
MB_API bool mb_store_sweep(const char *dir, mb_error *err);
/* Check everything first (checksums, names, sizes), then copy: a refused file changes nothing. */
MB_API bool mb_store_load(mb_store *s, const char *path, int64_t *step, mb_error *err);
/* The same without the blocks that are stored in pieces, whose memory and files are not touched: what acting needs of a
   run, and not its replay. */
MB_API bool mb_store_load_small(mb_store *s, const char *path, int64_t *step, mb_error *err);
/* Step of a valid checkpoint without loading it. */
MB_API bool mb_store_peek(const char *path, int64_t *step, mb_error *err);
/* The name and size of the block registered at `data`; NULL: there is none. */
MB_API const char *mb_store_name(const mb_store *s, const void *data, size_t *bytes);
/* Check a whole file and read one block of it, whatever its size, plus a NUL behind it. */
MB_API bool mb_store_read(const char *path, const char *name, mb_arena *a, char **data, size_t *n, mb_error *err);
/* Load only the blocks whose name begins with `prefix` (for evaluation: parameters, not replay). */
MB_API bool mb_store_load_prefix(mb_store *s, const char *path, const char *prefix, int64_t *step,
                                 mb_error *err);

/* ---- what graphs, networks, replays and environments are built in ---- */

typedef struct mb_phases mb_phases; /* matchbox/phase.h */
typedef struct mb_scope {
    mb_arena *arena;    /* whole run */
    mb_store *store;    /* NULL: nothing is checkpointed */
    mb_pool *pool;      /* NULL: one thread */
    uint64_t seed;      /* root of every stream */
    const char *kernels;/* "avx512", "avx2", "plain" or NULL: the best this CPU has */
    const mb_logger *log;
    mb_phases *phases;  /* clocks of the runner; NULL: nobody measures */
    const char *dir;    /* an existing folder for memory in files; NULL: nowhere; "": no need, nothing large will be written to memory */
} mb_scope;

/* ---- shared libraries, loaded when a feature first needs them ----
   The program links only small libraries (tools/needed.sh): what brings others along is loaded on use. */

typedef struct mb_symbol {
    const char *name; /* NULL ends a list */
    void *to;         /* where its address goes: a pointer to a pointer to a function */
} mb_symbol;
/* Load `soname` ("libcairo.so.2") for the rest of the process and fill in every symbol.  `feature` ("plot: PNG") and
   `package` (Debian's runtime package) are for the error, MB_ERR_UNSUPPORTED. */
MB_API bool mb_library_load(const char *soname, const mb_symbol *symbols, const char *feature, const char *package, mb_error *err);

#ifdef __cplusplus
}
#endif
#endif

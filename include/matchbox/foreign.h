/* matchbox/foreign.h - environments that are stepped elsewhere: in other processes, or by functions of another language.
   Rank 1 (layer: env).  A descriptor with `foreign` set has no reset and step of its own.  The vectoriser cuts its instances into blocks,
   one for each worker, writes actions into a block, sends a command, and takes results from whichever block is ready first.
   Statistics, checks and the learner's memory stay the vectoriser's.  Instances cannot be saved: after a restart they begin
   new episodes. */
#ifndef MATCHBOX_FOREIGN_H
#define MATCHBOX_FOREIGN_H
#include "matchbox/env.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MB_BLOCK_TEXT = 2048 };
typedef enum mb_command { MB_COMMAND_RESET = 'r', MB_COMMAND_STEP = 's' } mb_command;
typedef enum mb_reply {
    MB_REPLY_DONE = 'k',
    MB_REPLY_FAILED = 'e', /* the text of the block says why, in lines */
    MB_REPLY_LOST = 'l'    /* the worker is gone; the text says how */
} mb_reply;

/* One worker's instances, and the memory through which it is spoken to.  Offsets count from `base`. */
typedef struct mb_block {
    int worker, nworkers, first, count; /* instances first .. first + count - 1 */
    const mb_env_shape *shape;
    char *base; size_t bytes;           /* 64-byte aligned */
    int fd;                             /* of that memory, for another process; -1: memory of this process */
    int pid, channel;                   /* the worker's, for whoever runs it; -1: none */
    char *layout;                       /* everything above and below as JSON, for the other side */
    size_t text;                        /* char[MB_BLOCK_TEXT] */
    size_t seed;                        /* int64[count], read by a reset */
    size_t index, value;                /* int32[count, nagents, nindex], float[count, nagents, nvalue] */
    size_t reward;                      /* float[count, nagents] */
    size_t terminated, truncated;       /* uint8[count]; either one: the instance has begun a new episode, `final` is the old one's end */
    size_t active;                      /* uint8[count, nagents] */
    size_t mask;                        /* uint8[count, nagents, nmask]; unused unless masked */
    size_t obs[MB_MAX_FIELDS], final_obs[MB_MAX_FIELDS]; /* [count, nagents, n], each in the type of its field */
} mb_block;

/* Who steps.  Every function may be called from one thread at a time. */
struct mb_foreign {
    void *self;
    bool shared;                        /* blocks lie in shared memory with an fd */
    /* spaces, agents, limit; called more than once */
    bool (*shape)(void *self, const void *options, mb_env_shape *shape, mb_error *err);
    int (*workers)(void *self, const void *options, int nenvs); /* how many blocks; NULL: one */
    /* begin to serve a block; it need not be ready when this returns */
    bool (*open)(void *self, const void *options, mb_block *b, mb_error *err);
    bool (*send)(void *self, mb_block *b, mb_command command, mb_error *err); /* a lost worker is told by receive */
    /* wait until one of the n blocks has answered: its place in b, and the answer; -1: see err */
    int (*receive)(void *self, mb_block *const *b, int n, mb_reply *reply, mb_error *err);
    void (*close)(void *self, mb_block *b); /* also of a lost worker */
};

/* The descriptor of an environment that `f` steps; what is given must live as long as the descriptor.  Options may be NULL. */
MB_API const mb_env_def *mb_env_foreign(mb_arena *a, const char *name, const mb_foreign *f, const mb_option *options,
                                        size_t options_size, mb_error *err);

/* Workers that are processes: open, send, receive and close for them.  `self` of the mb_foreign begins with this. */
typedef struct mb_process {
    const char *const *args; /* program, arguments, NULL; the block's layout is added as the last one */
} mb_process;
MB_API bool mb_process_open(void *self, const void *options, mb_block *b, mb_error *err);
MB_API bool mb_process_send(void *self, mb_block *b, mb_command command, mb_error *err);
MB_API int mb_process_receive(void *self, mb_block *const *b, int n, mb_reply *reply, mb_error *err);
MB_API void mb_process_close(void *self, mb_block *b);
/* Run a program to its end and keep what it writes to file descriptor 3, NUL-terminated, cut at n bytes.  The status it ended
   with, or -1: see err. */
MB_API int mb_process_ask(const char *const *args, char *out, size_t n, mb_error *err);

#ifdef __cplusplus
}
#endif
#endif

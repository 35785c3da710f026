/* Threads: a fixed crew that claims jobs from one counter.

   Nothing waits for a thread that has not claimed a job: the caller works too and takes whatever is left, so a crew
   that the system has put aside costs nothing but the wake-up calls, and those stop when they prove useless.
   A claim is one atomic decrement.  What a run is about is read after a successful claim only: a claim succeeds only
   while its run is going on, so a late thread can never mix two runs. */
#include "matchbox/core.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#define SPIN_SECONDS 20e-6  /* then sleep: two switches cost about as much */
#define LONG_JOB 20e-6      /* a job of this length is worth a wake-up even when the last ones were not */
enum { LINE = 64, PAUSES = 32, BACKOFF_MAX = 6, THREADS_MAX = 1024 };

typedef struct worker {
    mb_pool *pool;
    pthread_t thread;
    int index;
} worker;

struct mb_pool {
    /* of the run going on; written by the caller while nobody can claim */
    mb_job fn;
    void *ctx;
    int njobs;
    _Alignas(LINE) atomic_int unclaimed; /* jobs nobody has taken; below zero after late claims */
    _Alignas(LINE) atomic_int done;      /* jobs finished by workers */
    _Alignas(LINE) atomic_int sleeping;  /* workers asleep, or about to be */
    atomic_bool waiting;                 /* the caller sleeps until `done` grows */
    atomic_bool quit;
    pthread_mutex_t lock;                /* for sleeping and waking alone */
    pthread_cond_t work, finished;
    mb_arena *arena;
    worker *workers; /* [size - 1] */
    int size;
    bool running;
    /* wake-ups in a row that came too late to help, and runs to let pass before the next */
    int useless, skip;
};

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Take jobs until none is left; how many. */
static int take_jobs(mb_pool *p, int thread)
{
    int mine = 0;
    while (atomic_load_explicit(&p->unclaimed, memory_order_relaxed) > 0) {
        int left = atomic_fetch_sub_explicit(&p->unclaimed, 1, memory_order_acquire);
        if (left <= 0) break;
        p->fn(p->ctx, p->njobs - left, thread);
        mine++;
    }
    return mine;
}

static bool any_work(mb_pool *p) { return atomic_load(&p->unclaimed) > 0 || atomic_load(&p->quit); }

static void sleep_until_work(mb_pool *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleeping, 1);
    while (!any_work(p)) pthread_cond_wait(&p->work, &p->lock);
    atomic_fetch_sub(&p->sleeping, 1);
    pthread_mutex_unlock(&p->lock);
}

/* Spin for a short time; true when work came. */
static bool spin_until_work(mb_pool *p)
{
    double end = mb_now() + SPIN_SECONDS;
    do {
        for (int i = 0; i < PAUSES; i++) {
            if (atomic_load_explicit(&p->unclaimed, memory_order_relaxed) > 0) return true;
            pause_cpu();
        }
    } while (mb_now() < end);
    return any_work(p);
}

static void *work(void *arg)
{
    worker *w = arg;
    mb_pool *p = w->pool;
    bool spin = false; /* only who has just worked may expect more */
    while (!atomic_load(&p->quit)) {
        if (!spin || !spin_until_work(p)) sleep_until_work(p);
        int mine = take_jobs(p, w->index);
        spin = mine > 0;
        if (!mine) continue;
        atomic_fetch_add(&p->done, mine);
        if (atomic_load(&p->waiting)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->finished);
            pthread_mutex_unlock(&p->lock);
        }
    }
    return NULL;
}

/* Wake as many sleepers as there are jobs for. */
static void wake(mb_pool *p, int jobs)
{
    int asleep = atomic_load(&p->sleeping);
    if (asleep == 0) return;
    pthread_mutex_lock(&p->lock);
    for (int i = 0; i < jobs && i < asleep; i++) pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

/* Wait for the jobs that workers have claimed: a short spin, then sleep, which lets a worker have this CPU. */
static void wait_for_workers(mb_pool *p, int jobs)
{
    double end = mb_now() + SPIN_SECONDS;
    do {
        for (int i = 0; i < PAUSES; i++) {
            if (atomic_load_explicit(&p->done, memory_order_acquire) == jobs) return;
            pause_cpu();
        }
    } while (mb_now() < end);
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->waiting, true);
    while (atomic_load(&p->done) != jobs) pthread_cond_wait(&p->finished, &p->lock);
    atomic_store(&p->waiting, false);
    pthread_mutex_unlock(&p->lock);
}

/* While wake-ups have proved useless the caller works alone, and calls for help only once a job has been long. */
static int take_jobs_watching(mb_pool *p)
{
    double start = mb_now();
    int left = atomic_fetch_sub_explicit(&p->unclaimed, 1, memory_order_acquire);
    if (left <= 0) return 0;
    p->fn(p->ctx, p->njobs - left, 0);
    if (left > 1 && mb_now() - start > LONG_JOB) {
        p->useless = p->skip = 0;
        wake(p, left - 1);
    }
    return 1 + take_jobs(p, 0);
}

/* Were sleepers called in vain?  Then let more and more runs pass before calling again. */
static void learn(mb_pool *p, bool called, int by_workers)
{
    if (by_workers > 0) p->useless = 0;
    else if (called) {
        if (p->useless < BACKOFF_MAX) p->useless++;
        p->skip = (1 << p->useless) - 1;
    }
}

void mb_pool_run(mb_pool *p, int njobs, mb_job fn, void *ctx)
{
    if (!p || p->size == 1 || njobs <= 1) {
        for (int i = 0; i < njobs; i++) fn(ctx, i, 0);
        return;
    }
    MB_ASSERT(!p->running); /* a job must not start jobs in its own pool */
    p->running = true;
    p->fn = fn;
    p->ctx = ctx;
    p->njobs = njobs;
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    atomic_store(&p->unclaimed, njobs); /* from here on workers may claim */
    bool asleep = atomic_load(&p->sleeping) > 0, call = asleep && p->skip == 0;
    int mine;
    if (asleep && !call) {
        p->skip--;
        mine = take_jobs_watching(p);
    } else {
        if (call) wake(p, njobs - 1);
        mine = take_jobs(p, 0);
    }
    if (mine < njobs) wait_for_workers(p, njobs - mine);
    learn(p, call, njobs - mine);
    p->running = false;
}

/* Signals are the caller's business: workers take none. */
static int start_worker(mb_pool *p, int index)
{
    sigset_t all, old;
    worker *w = &p->workers[index - 1];
    *w = (worker){ .pool = p, .index = index };
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

mb_pool *mb_pool_new(int nthreads, mb_error *err)
{
    if (nthreads < 1 || nthreads > THREADS_MAX) {
        mb_fail(err, MB_ERR_RANGE, "the number of threads must lie in [1, %d], not %d", THREADS_MAX, nthreads);
        return NULL;
    }
    mb_arena *a = mb_arena_new((size_t)nthreads * sizeof(worker) + 4096, err);
    mb_pool *p = a ? mb_alloc(a, 1, sizeof *p, err) : NULL;
    worker *workers = p ? mb_alloc(a, (size_t)nthreads, sizeof *workers, err) : NULL;
    if (!workers) {
        mb_arena_free(a);
        return NULL;
    }
    p->arena = a;
    p->workers = workers;
    p->size = 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->finished, NULL);
    for (; p->size < nthreads; p->size++) {
        if (start_worker(p, p->size) == 0) continue;
        mb_fail(err, MB_ERR_MEMORY, "the system refused to start thread %d of %d", p->size + 1, nthreads);
        mb_note(err, "ask for fewer threads, or raise the limit (ulimit -u)");
        mb_pool_free(p);
        return NULL;
    }
    return p;
}

void mb_pool_free(mb_pool *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->quit, true);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->size - 1; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->finished);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    mb_arena_free(p->arena);
}

int mb_pool_size(const mb_pool *p) { return p ? p->size : 1; }

/* Threads: a fixed crew that claims jobs from one counter.

   The caller works too and takes whatever is left, so it waits only for jobs that a worker has
   begun.  On a busy machine even that can be long: a worker may lose its CPU in the middle of a
   job.  So the caller keeps an account of what its crew saves and what it costs, and works alone
   for a while when the account is overdrawn; that bounds the loss to a few per cent of one thread's
   speed, whatever else runs on the machine.

   A claim is one atomic decrement.  What a run is about is read after a successful claim only: a
   claim succeeds only while its run is going on, so a late thread can never mix two runs. */
#include "matchbox/core.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#define SPIN_SECONDS 20e-6 /* then sleep: two switches cost about as much */
#define SPIN_MOST 100e-6   /* as long as a job, when jobs are longer: others are then about to be done, or to come */
#define LONG_JOB 20e-6     /* worth a wake-up even when the last ones came too late */
#define OVERDRAFT 1e-3     /* s the crew may cost more than it saves, then the caller works alone */
#define CREDIT_MAX 1e-3    /* s it may have saved up at most */
#define ALONE_SECONDS 20e-3   /* the first time; doubled while the crew does not prove itself */
#define PROVEN_SECONDS 100e-3 /* a crew that lasted so long starts afresh */
enum { LINE = 64, PAUSES = 32, BACKOFF_MAX = 6, DOUBLINGS_MAX = 5, THREADS_MAX = 1024 };

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
    pthread_mutex_t lock; /* for sleeping and waking alone */
    pthread_cond_t work, finished;
    mb_arena *arena;
    worker *workers; /* [size - 1] */
    int size;
    bool running;
    int useless;        /* wake-ups in a row that came too late to help */
    int skip;           /* runs to let pass before the next wake-up */
    double credit;      /* seconds saved by the crew less what it cost */
    double alone_until; /* the caller works alone before this time */
    double crew_since;  /* when the crew was last given a chance */
    int doublings;
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

static bool any_work(mb_pool *p)
{
    return atomic_load(&p->unclaimed) > 0 || atomic_load(&p->quit);
}

static void sleep_until_work(mb_pool *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleeping, 1);
    while (!any_work(p)) pthread_cond_wait(&p->work, &p->lock);
    atomic_fetch_sub(&p->sleeping, 1);
    pthread_mutex_unlock(&p->lock);
}

static double spin_time(double job_seconds)
{
    return job_seconds < SPIN_SECONDS ? SPIN_SECONDS : job_seconds < SPIN_MOST ? job_seconds : SPIN_MOST;
}

/* Spin for a short time; true when work came. */
static bool spin_until_work(mb_pool *p, double seconds)
{
    double end = mb_now() + seconds;
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
    double spin = 0; /* only who has just worked, or was woken for it, may expect more */
    while (!atomic_load(&p->quit)) {
        bool woken = !(spin > 0 && spin_until_work(p, spin));
        if (woken) sleep_until_work(p);
        double begin = mb_now();
        int mine = take_jobs(p, w->index);
        spin = mine > 0 ? spin_time(mb_now() - begin) : woken ? SPIN_MOST : 0; /* woken too late: perhaps in time for the next */
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

/* Wait for the jobs that workers have claimed: a short spin, then sleep, which lets a worker have
   this CPU. */
static void wait_for_workers(mb_pool *p, int jobs, double job_seconds)
{
    double end = mb_now() + spin_time(job_seconds);
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

/* What one run has shown: measured by the caller alone. */
typedef struct account {
    int mine;        /* jobs the caller did */
    double shortest; /* its shortest job, seconds: never inflated by a lost CPU */
    double cost;     /* seconds spent on waking and waiting */
} account;

/* The caller's share of the jobs.  With `hold` the crew sleeps on until a job has proved long
   enough to wake it. */
static void lead(mb_pool *p, bool hold, account *a)
{
    double before = mb_now();
    while (atomic_load_explicit(&p->unclaimed, memory_order_relaxed) > 0) {
        int left = atomic_fetch_sub_explicit(&p->unclaimed, 1, memory_order_acquire);
        if (left <= 0) break;
        p->fn(p->ctx, p->njobs - left, 0);
        double now = mb_now(), took = now - before;
        if (a->mine++ == 0 || took < a->shortest) a->shortest = took;
        if (hold && left > 1 && took > LONG_JOB) {
            hold = false;
            p->useless = p->skip = 0;
            wake(p, left - 1);
        }
        before = now;
    }
}

/* Were sleepers called in vain?  Then let more and more runs pass before calling again. */
static void learn_to_call(mb_pool *p, bool called, bool helped)
{
    if (helped) {
        p->useless = 0;
    } else if (called) {
        if (p->useless < BACKOFF_MAX) p->useless++;
        p->skip = (1 << p->useless) - 1;
    }
}

/* Balance the account; overdrawn, send the crew to sleep for a while. */
static void settle(mb_pool *p, int njobs, const account *a)
{
    p->credit += (double)(njobs - a->mine) * a->shortest - a->cost;
    if (p->credit > CREDIT_MAX) p->credit = CREDIT_MAX;
    if (p->credit >= -OVERDRAFT) return;
    double now = mb_now();
    if (now - p->crew_since > PROVEN_SECONDS) p->doublings = 0;
    p->alone_until = now + ALONE_SECONDS * (double)(1 << p->doublings);
    if (p->doublings < DOUBLINGS_MAX) p->doublings++;
    p->credit = 0;
}

static void run_with_crew(mb_pool *p, int njobs, mb_job fn, void *ctx)
{
    account a = {0, 0, 0};
    p->fn = fn;
    p->ctx = ctx;
    p->njobs = njobs;
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    atomic_store(&p->unclaimed, njobs); /* from here on workers may claim */
    bool asleep = atomic_load(&p->sleeping) > 0, call = asleep && p->skip == 0;
    if (call) {
        double start = mb_now();
        wake(p, njobs - 1);
        a.cost += mb_now() - start;
    } else if (asleep) {
        p->skip--;
    }
    lead(p, asleep && !call, &a);
    if (a.mine < njobs) {
        double start = mb_now();
        wait_for_workers(p, njobs - a.mine, a.shortest);
        a.cost += mb_now() - start;
    }
    learn_to_call(p, call, a.mine < njobs);
    settle(p, njobs, &a);
}

/* Is this one of the times when the caller works alone? */
static bool alone(mb_pool *p)
{
    if (p->alone_until == 0) return false;
    double now = mb_now();
    if (now < p->alone_until) return true;
    p->alone_until = 0;
    p->crew_since = now;
    return false;
}

void mb_pool_run(mb_pool *p, int njobs, mb_job fn, void *ctx)
{
    if (!p || p->size == 1 || njobs <= 1) {
        for (int i = 0; i < njobs; i++) fn(ctx, i, 0);
        return;
    }
    MB_ASSERT(!p->running); /* a job must not start jobs in its own pool */
    p->running = true;
    if (alone(p))
        for (int i = 0; i < njobs; i++) fn(ctx, i, 0);
    else run_with_crew(p, njobs, fn, ctx);
    p->running = false;
}

/* Signals are the caller's business: workers take none. */
static int start_worker(mb_pool *p, int index)
{
    sigset_t all, old;
    worker *w = &p->workers[index - 1];
    *w = (worker){.pool = p, .index = index};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

mb_pool *mb_pool_new(int nthreads, mb_error *err)
{
    if (nthreads < 1 || nthreads > THREADS_MAX) {
        mb_fail(err, MB_ERR_RANGE, "the number of threads must lie in [1, %d], not %d", THREADS_MAX,
                nthreads);
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
        mb_fail(err, MB_ERR_MEMORY, "the system refused to start thread %d of %d", p->size + 1,
                nthreads);
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

int mb_pool_size(const mb_pool *p)
{
    return p ? p->size : 1;
}

/* Threads: every job once, one job per thread at a time, runs of all lengths back to back and with
   pauses. */
#include "matchbox/core.h"
#include "mb_test.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { JOBS = 2000, THREADS = 8 };
static const int sizes[] = {1, 2, 3, THREADS};

typedef struct tally {
    int ran[JOBS];            /* plain on purpose: a thread sanitizer sees any missing order */
    atomic_int busy[THREADS]; /* jobs going on in each thread */
    atomic_int wrong, work;
    int spin;
} tally;

static void job(void *ctx, int i, int thread)
{
    tally *t = ctx;
    if (thread < 0 || thread >= THREADS || atomic_fetch_add(&t->busy[thread], 1) != 0) t->wrong++;
    t->ran[i]++;
    for (int k = 0; k < t->spin; k++) atomic_fetch_add_explicit(&t->work, 1, memory_order_relaxed);
    atomic_fetch_sub(&t->busy[thread % THREADS], 1);
}

TEST(every_job_runs_once)
{
    static tally t;
    for (int s = 0; s < 4; s++) {
        mb_error e = {0};
        mb_pool *p = mb_pool_new(sizes[s], &e);
        CHECK(p && mb_pool_size(p) == sizes[s]);
        memset(&t, 0, sizeof t);
        int want[JOBS] = {0};
        for (int run = 0; run < 400; run++) {
            int n = run % 7 == 0 ? JOBS : run % 9;
            t.spin = run % 5 * 20;
            mb_pool_run(p, n, job, &t);
            for (int i = 0; i < n; i++) want[i]++;
        }
        CHECK(memcmp(want, t.ran, sizeof want) == 0 && t.wrong == 0);
        mb_pool_free(p);
    }
}

/* Long enough between the runs for every worker to fall asleep. */
TEST(sleepers_wake)
{
    static tally t;
    mb_error e = {0};
    mb_pool *p = mb_pool_new(4, &e);
    memset(&t, 0, sizeof t);
    t.spin = 2000;
    for (int run = 0; run < 60; run++) {
        nanosleep(&(struct timespec){0, 300000}, NULL);
        mb_pool_run(p, 6, job, &t);
    }
    for (int i = 0; i < 6; i++) CHECK(t.ran[i] == 60);
    CHECK(t.wrong == 0);
    mb_pool_free(p);
}

static void remember_order(void *ctx, int i, int thread)
{
    int *at = ctx;
    if (thread == 0 && at[0] == i) at[0]++;
}

TEST(alone_means_in_order)
{
    mb_error e = {0};
    int at = 0;
    mb_pool_run(NULL, 100, remember_order, &at);
    CHECK(at == 100 && mb_pool_size(NULL) == 1);
    mb_pool *p = mb_pool_new(1, &e);
    at = 0;
    mb_pool_run(p, 100, remember_order, &at);
    CHECK(at == 100);
    mb_pool_free(p);
    mb_pool_run(NULL, 0, remember_order, NULL);
    mb_pool_free(NULL);
}

typedef struct roll {
    pthread_t who[3];
    atomic_int ended;
} roll;

static void note_thread(void *ctx, int i, int thread)
{
    roll *r = ctx;
    r->who[thread] = pthread_self();
    nanosleep(&(struct timespec){0, 1000000 * (1 + thread)}, NULL);
    atomic_fetch_add(&r->ended, 1);
}

/* A job that blocks leaves the others to other threads: all of the crew take part. */
TEST(the_whole_crew_works)
{
    mb_error e = {0};
    mb_pool *p = mb_pool_new(3, &e);
    roll r;
    memset(&r, 0, sizeof r);
    for (int run = 0; run < 4; run++) {
        mb_pool_run(p, 20, note_thread, &r);
        CHECK(r.ended == 20 * (run + 1)); /* nobody is still at work */
    }
    pthread_t nobody;
    memset(&nobody, 0, sizeof nobody);
    CHECK(pthread_equal(r.who[0], pthread_self()));
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < i; k++)
            CHECK(!pthread_equal(r.who[i], r.who[k]) && !pthread_equal(r.who[i], nobody));
    mb_pool_free(p);
}

/* The first job waits a while for the second: that can only be seen when two threads work at the
   same time. */
static void meet(void *ctx, int i, int thread)
{
    atomic_int *here = ctx;
    atomic_fetch_add(here, 1);
    for (double end = mb_now() + 0.05; atomic_load(here) < 2 && mb_now() < end;) {
    }
    if (atomic_load(here) == 2) atomic_fetch_add(here + 1, 1);
}

TEST(two_jobs_run_side_by_side)
{
    mb_error e = {0};
    mb_pool *p = mb_pool_new(2, &e);
    int met = 0;
    for (int run = 0; run < 20; run++) {
        atomic_int here[2] = {0, 0};
        mb_pool_run(p, 2, meet, here);
        met += here[1] == 2;
        if (run % 2) nanosleep(&(struct timespec){0, 500000}, NULL);
    }
    CHECK(met >= 2); /* nearly all on a quiet machine */
    mb_pool_free(p);
}

TEST(running_allocates_nothing)
{
    static tally t;
    mb_error e = {0};
    mb_pool *p = mb_pool_new(3, &e);
    mb_pool_run(p, 100, job, &t);
    struct mallinfo2 before = mallinfo2();
    for (int run = 0; run < 200; run++) mb_pool_run(p, 100, job, &t);
    struct mallinfo2 after = mallinfo2();
    CHECK(before.uordblks == after.uordblks && before.hblkhd == after.hblkhd);
    mb_pool_free(p);
}

TEST(impossible_sizes)
{
    mb_error e = {0};
    CHECK(mb_pool_new(0, &e) == NULL && e.code == MB_ERR_RANGE);
    CHECK_ERROR(e, "the number of threads must lie in [1, 1024], not 0");
    e = (mb_error){0};
    CHECK(mb_pool_new(100000, &e) == NULL && e.code == MB_ERR_RANGE);
}

TEST(pools_come_and_go)
{
    static tally t;
    for (int i = 0; i < 50; i++) {
        mb_error e = {0};
        mb_pool *p = mb_pool_new(3, &e);
        if (i % 3) mb_pool_run(p, i, job, &t);
        mb_pool_free(p);
    }
    CHECK(t.wrong == 0);
}

MB_TESTS(T(every_job_runs_once), T(sleepers_wake), T(alone_means_in_order), T(the_whole_crew_works),
         T(two_jobs_run_side_by_side), T(running_allocates_nothing), T(impossible_sizes),
         T(pools_come_and_go))

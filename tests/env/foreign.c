/* Environments stepped elsewhere: blocks, first-ready order, episodes cut short by the other side, lost workers, errors.  The
   other side is a counter in this file, so that every number is known. */
#include "matchbox/foreign.h"
#include "mb_test.h"

enum { ENVS = 7, WORKERS = 3 };

/* An instance shows 10 * its number + t.  It terminates at t = 5 (even numbers) or is cut at t = 4 (odd ones). */
struct other {
    mb_block *block[WORKERS];
    mb_command command[WORKERS];
    int t[ENVS], opened, closed, order, lose, fail;
    int64_t seed[ENVS];
};

static bool shape(void *self, const void *options, mb_env_shape *s, mb_error *err)
{
    *s = (mb_env_shape){ .obs = MB_BOX(2), .act = MB_DISCRETE(3), .nagents = 1, .state_size = 8 };
    return true;
}

static int workers(void *self, const void *options, int nenvs) { return WORKERS; }

static bool open_block(void *self, const void *options, mb_block *b, mb_error *err)
{
    struct other *o = self;
    o->opened++;
    o->block[b->worker] = b;
    return true;
}

static bool send(void *self, mb_block *b, mb_command command, mb_error *err)
{
    ((struct other *)self)->command[b->worker] = command;
    return true;
}

static void show(float *obs, int env, int t, int action)
{
    obs[0] = (float)(10 * env + t);
    obs[1] = (float)action;
}

static void serve(struct other *o, mb_block *b)
{
    float *obs = (void *)(b->base + b->obs[0]), *final = (void *)(b->base + b->final_obs[0]), *reward = (void *)(b->base + b->reward);
    const int32_t *index = (void *)(b->base + b->index);
    const int64_t *seed = (void *)(b->base + b->seed);
    memset(b->base + b->active, 1, (size_t)b->count);
    for (int i = 0; i < b->count; i++) {
        int env = b->first + i, *t = &o->t[env];
        if (o->command[b->worker] == MB_COMMAND_RESET) {
            *t = 0;
            o->seed[env] = seed[i];
            show(obs + 2 * i, env, 0, -1);
            continue;
        }
        ++*t;
        reward[i] = (float)env;
        b->base[b->terminated + (size_t)i] = env % 2 == 0 && *t == 5;
        b->base[b->truncated + (size_t)i] = env % 2 == 1 && *t == 4;
        show(obs + 2 * i, env, *t, index[i]);
        if (!b->base[b->terminated + (size_t)i] && !b->base[b->truncated + (size_t)i]) continue;
        show(final + 2 * i, env, *t, index[i]);
        show(obs + 2 * i, env, *t = 0, -1);
    }
}

/* Answers the last of those that wait first, so that order can show if it wants to. */
static int receive(void *self, mb_block *const *b, int n, mb_reply *reply, mb_error *err)
{
    struct other *o = self;
    int i = o->order ? n - 1 : 0;
    *reply = MB_REPLY_DONE;
    if (o->lose && b[i]->worker == 1 && o->command[1] == MB_COMMAND_STEP) {
        o->lose--;
        strcpy(b[i]->base + b[i]->text, "was struck by lightning");
        *reply = MB_REPLY_LOST;
    } else if (o->fail && b[i]->worker == 2) {
        strcpy(b[i]->base + b[i]->text, "step of instance 5 raised Oops: no\nfile.py:3, in step: oops()");
        *reply = MB_REPLY_FAILED;
    } else {
        serve(o, b[i]);
    }
    return i;
}

static void close_block(void *self, mb_block *b) { ((struct other *)self)->closed++; }

static void count_line(void *ctx, mb_log_level level, const char *text)
{
    if (level == MB_LOG_WARN && strstr(text, "worker 1 was struck by lightning")) ++*(int *)ctx;
}

struct bench { struct other o; mb_foreign f; mb_arena *arena; mb_logger log; int warnings; mb_scope scope; mb_vec *v; mb_vec_view *w; mb_error err; };

static void begin(struct bench *b)
{
    *b = (struct bench){ .f = { .self = &b->o, .shape = shape, .workers = workers, .open = open_block, .send = send, .receive = receive, .close = close_block } };
    b->arena = mb_arena_new((size_t)1 << 24, &b->err);
    b->log = (mb_logger){ count_line, &b->warnings };
    b->scope = (mb_scope){ .arena = b->arena, .seed = 3, .log = &b->log };
    const mb_env_def *def = mb_env_foreign(b->arena, "other", &b->f, NULL, 0, &b->err);
    b->v = def ? mb_vec_new(&b->scope, "train", def, NULL, ENVS, &b->err) : NULL;
    CHECK(b->v != NULL && b->o.opened == 0);
    if (!b->v) exit(1);
    b->w = mb_vec_view_of(b->v);
    CHECK(mb_vec_reset(b->v, &b->err) && b->o.opened == WORKERS);
}

static void end(struct bench *b)
{
    mb_vec_close(b->v);
    mb_arena_free(b->arena);
}

static bool step(struct bench *b, int t)
{
    for (int i = 0; i < ENVS; i++) b->w->index[i] = (t + i) % 3;
    return mb_vec_step(b->v, &b->err);
}

TEST(episodes)
{
    struct bench b;
    begin(&b);
    for (int t = 1; t <= 40; t++) {
        b.o.order = t % 2;
        CHECK(step(&b, t));
        for (int i = 0; i < ENVS; i++) {
            int length = i % 2 ? 4 : 5, at = t % length;
            const float *obs = (const float *)b.w->obs[0] + 2 * i, *final = (const float *)b.w->final_obs[0] + 2 * i;
            CHECK_NEAR(obs[0], 10 * i + at, 0);
            CHECK_NEAR(obs[1], at == 0 ? -1 : (t + i) % 3, 0);
            CHECK_NEAR(b.w->reward[i], i, 0);
            CHECK(b.w->terminated[i] == (at == 0 && i % 2 == 0) && b.w->truncated[i] == (at == 0 && i % 2 == 1) && b.w->start[i] == (at == 0));
            CHECK(b.w->last_length[i] == (at == 0 ? length : 0));
            if (at) continue;
            CHECK_NEAR(final[0], 10 * i + length, 0);
            CHECK_NEAR(b.w->last_return[i], i * length, 0);
        }
    }
    end(&b);
    CHECK(b.o.closed == WORKERS);
}

TEST(seeds)
{
    struct bench b;
    int64_t first[ENVS];
    begin(&b);
    memcpy(first, b.o.seed, sizeof first);
    for (int i = 0; i < ENVS; i++)
        for (int j = 0; j < i; j++) CHECK(first[i] != first[j] && first[i] >= 0 && first[i] <= INT32_MAX);
    CHECK(mb_vec_reset(b.v, &b.err) && memcmp(first, b.o.seed, sizeof first) != 0);
    mb_vec_seed(b.v, 3);
    CHECK(mb_vec_reset(b.v, &b.err) && memcmp(first, b.o.seed, sizeof first) == 0);
    end(&b);
}

TEST(a_lost_worker_is_started_again)
{
    struct bench b;
    begin(&b);
    CHECK(step(&b, 1) && step(&b, 2));
    b.o.lose = 1;
    CHECK(step(&b, 3) && b.warnings == 1 && b.o.opened == WORKERS + 1);
    int lost = 0;
    for (int i = 0; i < ENVS; i++) {
        const float *obs = (const float *)b.w->obs[0] + 2 * i, *final = (const float *)b.w->final_obs[0] + 2 * i;
        bool was = i >= b.o.block[1]->first && i < b.o.block[1]->first + b.o.block[1]->count;
        lost += was;
        CHECK(b.w->truncated[i] == was && !b.w->terminated[i] && b.w->last_length[i] == (was ? 3 : 0));
        CHECK_NEAR(obs[0], 10 * i + (was ? 0 : 3), 0);
        if (was) CHECK_NEAR(final[0], 10 * i + 2, 0); /* the last that was seen of it */
    }
    CHECK(lost > 0 && step(&b, 4) && b.warnings == 1);
    b.o.lose = 100;
    bool ok = true;
    for (int t = 0; t < 10 && ok; t++) ok = step(&b, t);
    CHECK(!ok);
    CHECK_ERROR(b.err, "environment 'other', worker 1: was struck by lightning");
    end(&b);
}

TEST(errors_are_told_as_the_other_side_says)
{
    struct bench b;
    begin(&b);
    b.o.fail = 1;
    CHECK(!step(&b, 1));
    CHECK_ERROR(b.err, "environment 'other', worker 2: step of instance 5 raised Oops: no");
    CHECK_ERROR(b.err, "note: file.py:3, in step: oops()");
    b.o.fail = 0;
    b.err = (mb_error){ 0 };
    for (int i = 0; i < ENVS; i++) b.w->index[i] = 0;
    b.w->index[6] = 3;
    CHECK(!mb_vec_step(b.v, &b.err));
    CHECK_ERROR(b.err, "instance 6: action is 3");
    CHECK_ERROR(b.err, "instance 6 is stepped by worker 2");
    end(&b);
}

MB_TESTS(T(episodes), T(seeds), T(a_lost_worker_is_started_again), T(errors_are_told_as_the_other_side_says))

/* The vectoriser: time limits, final observations, statistics, threads, saving, resuming, mixed
   spaces with several agents, errors, and no allocation while stepping. */
#include "matchbox/env.h"
#include "mb_test.h"
#include <unistd.h>

/* ---- corridor: one reward per step for ever; action 1 leaves it ---- */

struct corridor {
    int32_t at;
};

static void corridor_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    *(struct corridor *)state = (struct corridor){0};
    io->obs[0] = 0;
}

static mb_step corridor_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct corridor *s = state;
    io->obs[0] = (float)++s->at;
    return (mb_step){1, io->index[0] == 1};
}

static const mb_env_def corridor = {
    MB_ENV_HEAD,
    .name = "corridor",
    .summary = "walk for ever",
    .obs = MB_BOX_IN(1, 0, 1e6f),
    .act = MB_DISCRETE(2),
    .time_limit = 5,
    .state_size = sizeof(struct corridor),
    .reset = corridor_reset,
    .step = corridor_step,
};

/* ---- bazaar: two agents, a dictionary of observations, a mixed action, masks and turns ---- */

struct bazaar {
    int32_t turn, steps, gold[2];
    float aim[2][2];
};

static void bazaar_observe(const struct bazaar *s, mb_io *io)
{
    float *stall = io->obs_field[0];
    int32_t *gold = io->obs_field[1];
    uint8_t *picture = io->obs_field[2];
    for (int k = 0; k < 2; k++) {
        memcpy(stall + 2 * k, s->aim[k], sizeof s->aim[k]);
        gold[k] = s->gold[k];
        for (int i = 0; i < 4; i++) picture[4 * k + i] = (uint8_t)(s->steps * 4 + i);
        io->active[k] = s->turn == k;
        io->mask[5 * k] =
            s->gold[k] < 9; /* buying is the first of three moves, then come two speeds */
        io->mask[5 * k + 1] = s->gold[k] > 0;
    }
}

static void bazaar_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct bazaar *s = state;
    *s = (struct bazaar){.turn = mb_below(rng, 2), .gold = {mb_below(rng, 10), mb_below(rng, 10)}};
    bazaar_observe(s, io);
}

static mb_step bazaar_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct bazaar *s = state;
    int k = s->turn;
    const int32_t *move = io->index + 2 * k;
    s->gold[k] += move[0] == 0 ? 1 : move[0] == 1 ? -1 : 0;
    memcpy(s->aim[k], io->value + 2 * k, sizeof s->aim[k]);
    io->reward[k] = (float)(1 + move[1]);
    s->turn = !k;
    s->steps++;
    bazaar_observe(s, io);
    return (mb_step){0.5f, s->steps >= 7 + mb_below(rng, 3)};
}

MB_BATCH(bazaar_reset, bazaar_step)

static const mb_env_def bazaar = {
    MB_ENV_HEAD,
    .name = "bazaar",
    .summary = "trade in turns",
    .obs = MB_FIELDS(3, MB_F_BOX("aim", 2, -1, 1), MB_F_DISCRETE("gold", 10),
                     MB_F_IMAGE("picture", 2, 2, 1)),
    .act = MB_FIELDS(3, MB_F_DISCRETE("move", 3), MB_F_BOX("aim", 2, -1, 1),
                     MB_F_DISCRETE("speed", 2)),
    .nagents = 2,
    .time_limit = 20,
    .masked = true,
    .state_size = sizeof(struct bazaar),
    .reset = bazaar_reset,
    .step = bazaar_step,
    .batch = batch,
};

/* ---- harness ---- */

static mb_vec *make(mb_scope *s, const mb_env_def *def, int n)
{
    mb_error err = {0};
    if (!s->arena) s->arena = mb_arena_new((size_t)1 << 30, &err);
    mb_vec *v = mb_vec_new(s, "train", def, NULL, n, &err);
    CHECK(v != NULL);
    if (!v) exit(1);
    return v;
}

/* Random allowed actions for every row. */
static void act(mb_vec *v, mb_rng *r)
{
    mb_vec_view *w = mb_vec_view_of(v);
    const mb_space *space = &mb_vec_shape(v)->act;
    for (int row = 0; row < w->rows; row++) {
        int32_t *index = w->index + row * w->nindex;
        float *value = w->value + row * w->nvalue;
        const uint8_t *mask = w->mask ? w->mask + row * w->nmask : NULL;
        for (int f = 0; f < space->nfields; f++) {
            const mb_field *a = &space->field[f];
            if (a->kind == MB_FIELD_BOX) {
                for (int k = 0; k < a->n; k++) *value++ = mb_uniform(r, -1.5f, 1.5f);
                continue;
            }
            int pick = mb_below(r, a->n);
            while (mask && !mask[pick]) pick = mb_below(r, a->n);
            *index++ = pick;
            if (mask) mask += a->n;
        }
    }
}

static uint32_t digest(mb_vec *v, uint32_t crc)
{
    mb_vec_view *w = mb_vec_view_of(v);
    size_t rows = (size_t)w->rows, envs = (size_t)w->nenvs;
    for (int f = 0; f < w->nfields; f++) {
        size_t n = rows * mb_field_bytes(&mb_vec_shape(v)->obs.field[f]);
        crc = mb_crc32c(mb_crc32c(crc, w->obs[f], n), w->final_obs[f], n);
    }
    if (w->mask) crc = mb_crc32c(crc, w->mask, rows * (size_t)w->nmask);
    crc = mb_crc32c(mb_crc32c(crc, w->active, rows), w->start, envs);
    crc = mb_crc32c(mb_crc32c(crc, w->terminated, envs), w->truncated, envs);
    crc = mb_crc32c(mb_crc32c(crc, w->reward, rows * 4), w->last_return, rows * 4);
    return mb_crc32c(crc, w->last_length, envs * 4);
}

/* ---- tests ---- */

TEST(truncation_is_not_termination)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 1};
    mb_vec *v = make(&scope, &corridor, 2);
    mb_vec_view *w = mb_vec_view_of(v);
    const float *obs = w->obs[0], *last = w->final_obs[0];
    CHECK(mb_vec_reset(v, &err) && w->start[0] && w->start[1]);
    for (int t = 1; t <= 5; t++) {
        w->index[0] = 0;
        w->index[1] = t == 3;
        CHECK(mb_vec_step(v, &err));
        CHECK(w->reward[0] == 1 && w->truncated[0] == (t == 5) && !w->terminated[0] &&
              w->start[0] == (t == 5));
        CHECK(w->last_length[0] == (t == 5 ? 5 : 0));
        CHECK(w->terminated[1] == (t == 3) && !w->truncated[1] && w->start[1] == (t == 3));
        CHECK(obs[0] == (float)(t % 5) && obs[1] == (float)(t % 3));
        if (t == 3) CHECK(last[1] == 3 && w->last_return[1] == 3 && w->last_length[1] == 3);
        if (t == 5) CHECK(last[0] == 5 && w->last_return[0] == 5);
    }
    /* terminating on the very step of the limit is termination */
    for (int t = 1; t <= 5; t++) {
        w->index[0] = t == 5;
        CHECK(mb_vec_step(v, &err));
    }
    CHECK(w->terminated[0] && !w->truncated[0] && w->last_return[0] == 5);
    mb_arena_free(scope.arena);
}

TEST(mixed_spaces_and_several_agents)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 4};
    mb_vec *v = make(&scope, &bazaar, 9);
    mb_vec_view *w = mb_vec_view_of(v);
    CHECK(w->rows == 18 && w->nagents == 2 && w->nindex == 2 && w->nvalue == 2 && w->nmask == 5 &&
          w->nfields == 3);
    CHECK(mb_vec_reset(v, &err));
    mb_rng r = mb_rng_make(1, "act", 0);
    double sum[18] = {0};
    for (int t = 0; t < 300; t++) {
        act(v, &r);
        int32_t gold[18], index[36];
        uint8_t active[18];
        float value[36];
        memcpy(gold, w->obs[1], sizeof gold);
        memcpy(index, w->index, sizeof index);
        memcpy(value, w->value, sizeof value);
        memcpy(active, w->active, sizeof active);
        CHECK(mb_vec_step(v, &err));
        CHECK(memcmp(value, w->value, sizeof value) ==
              0); /* clipping leaves the caller's numbers alone */
        for (int row = 0; row < 18; row++) {
            bool ended = w->start[row / 2];
            const int32_t *now = ended ? w->final_obs[1] : w->obs[1];
            const float *aim = ended ? w->final_obs[0] : w->obs[0];
            int32_t change = active[row] ? (index[2 * row] == 0) - (index[2 * row] == 1) : 0;
            float x = value[2 * row];
            CHECK(now[row] == gold[row] + change);
            if (active[row]) CHECK(aim[2 * row] == (x < -1 ? -1 : x > 1 ? 1 : x));
            CHECK(w->reward[row] == 0.5f + (active[row] ? (float)(1 + index[2 * row + 1]) : 0));
            sum[row] += (double)w->reward[row];
            if (w->last_length[row / 2]) {
                CHECK((double)w->last_return[row] == sum[row]);
                sum[row] = 0;
            }
            CHECK(w->active[row] + w->active[row ^ 1] == 1);
        }
    }
    mb_arena_free(scope.arena);
}

static uint32_t run_threads(int threads, const mb_env_def *def, int n, int steps)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 8, .pool = mb_pool_new(threads, &err)};
    mb_vec *v = make(&scope, def, n);
    uint32_t crc = 0;
    mb_rng r = mb_rng_make(2, "act", 0);
    CHECK(mb_vec_reset(v, &err));
    crc = digest(v, crc);
    for (int t = 0; t < steps; t++) {
        act(v, &r);
        CHECK(mb_vec_step(v, &err));
        crc = digest(v, crc);
    }
    mb_pool_free(scope.pool);
    mb_arena_free(scope.arena);
    return crc;
}

TEST(threads_never_show)
{
    mb_error err = {0};
    uint32_t one = run_threads(1, &bazaar, 5000, 60);
    CHECK(run_threads(2, &bazaar, 5000, 60) == one);
    CHECK(run_threads(4, &bazaar, 5000, 60) == one);
    const mb_env_def *cartpole = mb_env_find("cartpole", &err);
    one = run_threads(1, cartpole, 8192, 60);
    CHECK(run_threads(4, cartpole, 8192, 60) == one);
}

TEST(instances_do_not_depend_on_their_number)
{
    mb_error err = {0};
    mb_scope a = {.seed = 8}, b = {.seed = 8};
    mb_vec *few = make(&a, &bazaar, 3), *many = make(&b, &bazaar, 50);
    CHECK(mb_vec_reset(few, &err) && mb_vec_reset(many, &err));
    CHECK(memcmp(mb_vec_view_of(few)->obs[1], mb_vec_view_of(many)->obs[1], 6 * sizeof(int32_t)) ==
          0);
    const int32_t *gold = mb_vec_view_of(many)->obs[1];
    bool all_equal = true;
    for (int i = 2; i < 100; i++) all_equal &= gold[i] == gold[0];
    CHECK(!all_equal);
    mb_arena_free(a.arena);
    mb_arena_free(b.arena);
}

TEST(saved_instances_repeat_their_future)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 5};
    mb_vec *v = make(&scope, &bazaar, 1);
    mb_rng r = mb_rng_make(3, "act", 0);
    CHECK(mb_vec_reset(v, &err));
    for (int t = 0; t < 4; t++) {
        act(v, &r);
        CHECK(mb_vec_step(v, &err));
    }
    void *saved = mb_alloc(scope.arena, 1, mb_vec_state_bytes(v), &err);
    mb_vec_save(v, 0, saved);
    uint32_t future[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        mb_rng actions = r;
        mb_vec_load(v, 0, saved);
        for (int t = 0; t < 40; t++) {
            act(v, &actions);
            CHECK(mb_vec_step(v, &err));
            mb_vec_view *w = mb_vec_view_of(v);
            future[k] = mb_crc32c(future[k], w->obs[1], 8);
            future[k] = mb_crc32c(future[k], w->last_length, 4);
            if (w->last_length[0]) future[k] = mb_crc32c(future[k], w->last_return, 8);
        }
    }
    CHECK(future[0] == future[1]);
    mb_arena_free(scope.arena);
}

/* Steps; every third observation goes to memory of the caller, and home again at the end. */
static uint32_t steps_elsewhere(mb_vec *v, mb_rng *r, int steps, mb_arena *arena)
{
    mb_error err = {0};
    mb_vec_view *w = mb_vec_view_of(v);
    void *mine[MB_MAX_FIELDS];
    uint8_t *mask = mb_alloc(arena, (size_t)(w->rows * w->nmask), 1, &err);
    for (int f = 0; f < w->nfields; f++)
        mine[f] =
            mb_alloc(arena, (size_t)w->rows, mb_field_bytes(&mb_vec_shape(v)->obs.field[f]), &err);
    uint32_t crc = 0;
    for (int t = 0; t < steps; t++) {
        act(v, r);
        if (t % 3 == 0) mb_vec_bind(v, mine, mask);
        CHECK(w->obs[0] == mine[0] || t % 3);
        CHECK(mb_vec_step(v, &err));
        crc = mb_crc32c(mb_crc32c(crc, w->obs[1], (size_t)w->rows * 4), w->reward,
                        (size_t)w->rows * 4);
        crc = mb_crc32c(crc, w->mask, (size_t)(w->rows * w->nmask));
        if (t % 3 == 2) mb_vec_bind(v, NULL, NULL);
    }
    mb_vec_bind(v, NULL, NULL);
    return crc;
}

TEST(resumes_through_the_store)
{
    mb_error err = {0};
    char path[64];
    snprintf(path, sizeof path, "/tmp/mb-vec-%d.ckpt", (int)getpid());
    uint32_t rest[2];
    mb_rng middle = mb_rng_make(6, "act", 0);
    for (int k = 0; k < 2; k++) {
        mb_scope scope = {.seed = 21, .arena = mb_arena_new((size_t)1 << 28, &err)};
        scope.store = mb_store_new(scope.arena, &err);
        mb_vec *v = make(&scope, &bazaar, 11);
        CHECK(mb_vec_reset(v, &err));
        if (k == 0) {
            steps_elsewhere(v, &middle, 31, scope.arena);
            CHECK(mb_store_save(scope.store, path, 31, &err));
        } else {
            int64_t step = 0;
            CHECK(mb_store_load(scope.store, path, &step, &err) && step == 31);
        }
        mb_rng r = middle;
        rest[k] = steps_elsewhere(v, &r, 64, scope.arena);
        mb_arena_free(scope.arena);
    }
    unlink(path);
    CHECK(rest[0] == rest[1]);
}

TEST(steps_allocate_nothing)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 1, .pool = mb_pool_new(2, &err)};
    mb_vec *v = make(&scope, &bazaar, 600);
    mb_arena_seal(scope.arena, true);
    size_t used = mb_arena_used(scope.arena);
    mb_rng r = mb_rng_make(1, "act", 0);
    CHECK(mb_vec_reset(v, &err));
    for (int t = 0; t < 50; t++) {
        act(v, &r);
        CHECK(mb_vec_step(v, &err));
    }
    CHECK(mb_arena_used(scope.arena) == used);
    mb_pool_free(scope.pool);
    mb_arena_free(scope.arena);
}

/* ---- errors ---- */

static mb_step broken_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step s = bazaar_step(state, options, rng, io);
    const struct bazaar *b = state;
    float *aim = io->obs_field[0];
    if (b->steps == 2) aim[3] = 1e30f; /* agent 1, component 1: a tanh would hide it */
    if (b->steps == 3) ((int32_t *)io->obs_field[1])[0] = 10;
    if (b->steps == 4) io->reward[1] = MB_INF;
    return s;
}

/* Skip to step `at` of a new episode, then expect the complaint. */
static void expect(int at, const char *text)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 1};
    mb_env_def broken = bazaar;
    broken.step = broken_step;
    broken.batch = NULL;
    mb_vec *v = make(&scope, &broken, 40);
    mb_rng r = mb_rng_make(1, "act", 0);
    CHECK(mb_vec_reset(v, &err));
    for (int i = 0; i < 40; i++)
        ((struct bazaar *)mb_vec_state(v, i))->steps = i == 33 ? at - 1 : 10;
    act(v, &r);
    CHECK(!mb_vec_step(v, &err));
    CHECK_ERROR(err, text);
    mb_arena_free(scope.arena);
}

TEST(bad_results_are_named)
{
    expect(2, "environment 'bazaar', instance 33, agent 1: observation 'aim', component 1, is "
              "1e+30; it must be finite and lie in [-1, 1]");
    expect(3, "environment 'bazaar', instance 33, agent 0: observation 'gold' is 10; it must lie "
              "in 0 .. 9");
    expect(4, "environment 'bazaar', instance 33, agent 1: the reward is inf");
}

static mb_step ends_badly(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step s = corridor_step(state, options, rng, io);
    if (s.terminated) io->obs[0] = -1;
    return s;
}

TEST(bad_final_observation_is_named)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 1};
    mb_env_def d = corridor;
    d.step = ends_badly;
    mb_vec *v = make(&scope, &d, 3);
    CHECK(mb_vec_reset(v, &err));
    mb_vec_view_of(v)->index[1] = 1;
    CHECK(!mb_vec_step(v, &err));
    CHECK_ERROR(err, "environment 'corridor', instance 1: final observation, component 0, is -1");
    CHECK_ERROR(err, "matchbox check corridor");
    mb_arena_free(scope.arena);
}

TEST(bad_actions_are_named)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 1};
    mb_vec *v = make(&scope, &bazaar, 20);
    mb_vec_view *w = mb_vec_view_of(v);
    mb_rng r = mb_rng_make(1, "act", 0);
    CHECK(mb_vec_reset(v, &err));
    act(v, &r);
    w->index[2 * 37 + 1] = 2;
    CHECK(!mb_vec_step(v, &err));
    CHECK_ERROR(
        err,
        "environment 'bazaar', instance 18, agent 1: action 'speed' is 2; it must lie in 0 .. 1");
    err = (mb_error){0};
    w->index[2 * 37 + 1] = -1;
    CHECK(!mb_vec_step(v, &err));
    CHECK_ERROR(err, "action 'speed' is -1");
    err = (mb_error){0};
    w->index[2 * 37 + 1] = 0;
    w->value[2 * 5] = NAN;
    CHECK(!mb_vec_step(v, &err));
    CHECK(err.code == MB_ERR_NUMERIC);
    CHECK_ERROR(err,
                "environment 'bazaar', instance 2, agent 1: action 'aim', component 0, is nan");
    mb_arena_free(scope.arena);
}

TEST(impossible_numbers_are_refused)
{
    mb_error err = {0};
    mb_scope scope = {.seed = 1, .arena = mb_arena_new((size_t)1 << 24, &err)};
    CHECK(!mb_vec_new(&scope, "train", &bazaar, NULL, 0, &err));
    CHECK_ERROR(err, "environment 'bazaar': 0 instances asked for");
    err = (mb_error){0};
    CHECK(!mb_vec_new(&scope, "train", &bazaar, NULL, 1000000, &err));
    CHECK(err.code == MB_ERR_MEMORY);
    CHECK_ERROR(err, "while making 1000000 instances of environment 'bazaar'");
    mb_arena_free(scope.arena);
}

TEST(flags_become_bits)
{
    mb_rng r = mb_rng_make(3, "flags", 0);
    int different = 0;
    for (int n = 0; n <= 64; n++) {
        uint8_t flags[64];
        uint64_t want = 0;
        for (int i = 0; i < 64; i++) flags[i] = (uint8_t)mb_below(&r, 2);
        for (int i = 0; i < n; i++) want |= (uint64_t)flags[i] << i;
        different += mb__flags64(flags, n) != want;
    }
    CHECK(different == 0);
}

MB_TESTS(T(flags_become_bits), T(truncation_is_not_termination), T(mixed_spaces_and_several_agents),
         T(threads_never_show), T(instances_do_not_depend_on_their_number),
         T(saved_instances_repeat_their_future), T(resumes_through_the_store),
         T(steps_allocate_nothing), T(bad_results_are_named), T(bad_final_observation_is_named),
         T(bad_actions_are_named), T(impossible_numbers_are_refused))

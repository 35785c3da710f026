/* Replay: every number drawn is compared with a plain record of what happened. */
#include "matchbox/replay.h"
#include "nn/graph_test.h"
#include <unistd.h>

/* Two agents; episodes of 3 steps that end by themselves and of 5 steps (the limit) take turns.  Seen: agent, episode and step as
   numbers, and a picture with the step in it. */
enum { LIMIT = 5, ENVS = 3, AGENTS = 2, ROWS = ENVS * AGENTS, SIDE = 2, CHANNELS = 2, PIXELS = SIDE * SIDE * CHANNELS, STEPS = 60, CHOICES = 3 };
struct line { float episode, t; };
static void line_see(const struct line *s, mb_io *io)
{
    for (int k = 0; k < AGENTS; k++) {
        float *v = (float *)io->obs_field[0] + 3 * k;
        uint8_t *p = (uint8_t *)io->obs_field[1] + PIXELS * k;
        v[0] = (float)k, v[1] = s->episode, v[2] = s->t;
        for (int i = 0; i < PIXELS; i++) p[i] = (uint8_t)(16 * (int)s->t + i);
        if (io->mask) io->mask[CHOICES * k + ((int)s->t + k) % CHOICES] = 0;
    }
}
static void line_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct line *s = state;
    s->episode++;
    s->t = 0;
    line_see(s, io);
}
static mb_step line_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct line *s = state;
    s->t++;
    io->reward[1] = 100;
    line_see(s, io);
    return (mb_step){ 10 * s->episode + s->t, (int)s->episode % 2 == 1 && s->t >= 3 };
}
static const mb_env_def line = { MB_ENV_HEAD, .name = "line", .obs = MB_FIELDS(2, MB_F_BOX("v", 3, -MB_INF, MB_INF), MB_F_IMAGE("p", SIDE, SIDE, CHANNELS)),
                                 .act = MB_FIELDS(2, MB_F_DISCRETE("a", CHOICES), MB_F_BOX("b", 1, -9, 9)), .nagents = AGENTS, .time_limit = LIMIT,
                                 .masked = true, .state_size = sizeof(struct line), .reset = line_reset, .step = line_step };

/* what happened, row by row, one entry per slot as the header describes them */
struct entry { float seen[3], value, reward; uint8_t picture[PIXELS], mask[CHOICES]; int32_t index; bool start, final, terminated, truncated; };
static struct entry record[ROWS][2 * STEPS];
static int slots_of[ROWS];
static mb_vec *vec;

static struct entry *next_entry(int row, void *const obs[], const uint8_t *mask)
{
    struct entry *e = &record[row][slots_of[row]++];
    memset(e, 0, sizeof *e);
    memcpy(e->seen, (const float *)obs[0] + 3 * row, sizeof e->seen);
    memcpy(e->picture, (const uint8_t *)obs[1] + PIXELS * row, PIXELS);
    if (mask) memcpy(e->mask, mask + CHOICES * row, CHOICES);
    else memset(e->mask, 1, CHOICES);
    return e;
}

static mb_replay *make_in(mb_scope *s, mb_replay_options o)
{
    vec = mb_vec_new(s, "train", &line, NULL, ENVS, &err);
    if (!vec || !mb_vec_reset(vec, &err)) printf("FAIL vec: %s\n", err.what), exit(1);
    const mb_vec_view *w = mb_vec_view_of(vec);
    memset(slots_of, 0, sizeof slots_of);
    for (int r = 0; r < ROWS; r++) next_entry(r, w->obs, w->mask)->start = true;
    mb_replay *r = mb_replay_new(s, "replay", vec, 0, 1, o, &err);
    if (!r) printf("FAIL replay: %s\n", err.what), exit(1);
    return r;
}

static mb_replay *make(mb_replay_options o)
{
    begin();
    return make_in(&scope, o);
}

static void end(void)
{
    if (err.code) printf("%s\n", err.what);
    CHECK(err.code == MB_OK);
}

static void go(mb_replay *r, int n, const float *memory)
{
    mb_vec_view *w = mb_vec_view_of(vec);
    for (int i = 0; i < n; i++) {
        for (int row = 0; row < ROWS; row++) {
            struct entry *e = &record[row][slots_of[row] - 1];
            int32_t a = (int32_t)((e->seen[2] + (float)row + 1)) % CHOICES;
            e->index = w->index[row] = a;
            e->value = w->value[row] = e->seen[1] + e->seen[2] / 8;
        }
        if (!mb_vec_step(vec, &err)) printf("FAIL step: %s\n", err.what), exit(1);
        for (int row = 0; row < ROWS; row++) {
            struct entry *e = &record[row][slots_of[row] - 1];
            int env = row / AGENTS;
            e->reward = w->reward[row];
            e->terminated = w->terminated[env];
            e->truncated = w->truncated[env];
            bool ended = e->terminated || e->truncated;
            if (ended) next_entry(row, w->final_obs, NULL)->final = true;
            next_entry(row, w->obs, w->mask)->start = ended;
        }
        mb_replay_add(r, memory);
    }
}

/* ---- single transitions ---- */

static bool same_seen(const struct entry *e, const mb_obs_input *in, int i)
{
    return !memcmp((float *)mb_input_data(in->field[0]) + 3 * i, e->seen, sizeof e->seen) &&
           !memcmp((uint8_t *)mb_input_data(in->field[1]) + PIXELS * i, e->picture, PIXELS) &&
           !memcmp((uint8_t *)mb_input_data(in->mask) + CHOICES * i, e->mask, CHOICES);
}

static void check_transition(const mb_replay *r, const mb_sample *b, int i, int nstep, float gamma)
{
    int row;
    int64_t at = mb_replay_drawn(r, i, &row);
    const struct entry *e = &record[row][at], *next = e;
    double ret = 0, g = 1;
    for (int k = 0; k < nstep; k++) {
        bool ended = next->terminated || next->truncated;
        ret += g * (double)next->reward;
        g = next->terminated ? 0 : g * (double)gamma;
        next++;
        if (ended) break;
    }
    CHECK(!e->final && next - record[row] < slots_of[row]);
    CHECK(same_seen(e, &b->obs, i) && same_seen(next, &b->next, i));
    CHECK(((int32_t *)mb_input_data(b->act.index[0]))[i] == e->index && ((float *)mb_input_data(b->act.value))[i] == e->value);
    CHECK_NEAR(((float *)mb_input_data(b->reward))[i], ret, 1e-4 * (1 + fabs(ret)));
    CHECK_NEAR(((float *)mb_input_data(b->discount))[i], g, 1e-6);
    CHECK(((float *)mb_input_data(b->weight))[i] == 1);
}

TEST(transitions_are_what_happened)
{
    for (int nstep = 1; nstep <= 7; nstep += 3) {
        mb_replay *r = make((mb_replay_options){ .capacity = 120, .nstep = nstep, .gamma = 0.9f });
        mb_graph *g = mb_graph_new(&scope, "g", &err);
        mb_sample b = mb_replay_inputs(g, r, 32);
        for (int i = 0; i < STEPS; i++) {
            go(r, 1, NULL);
            if (!mb_replay_ready(r)) {
                CHECK(i < nstep && !mb_replay_draw(r, &b, 0, &(mb_error){ 0 }));
                continue;
            }
            CHECK(mb_replay_draw(r, &b, 0, &err));
            for (int k = 0; k < 32; k++) check_transition(r, &b, k, nstep, 0.9f);
        }
        CHECK(mb_replay_added(r) == STEPS * ROWS);
        end();
    }
}

TEST(every_transition_has_the_same_chance)
{
    enum { BATCH = 64, DRAWS = 400 };
    mb_replay *r = make((mb_replay_options){ .capacity = 90, .nstep = 1, .gamma = 1 });
    mb_graph *g = mb_graph_new(&scope, "g", &err);
    mb_sample b = mb_replay_inputs(g, r, BATCH);
    static int count[ROWS][2 * STEPS];
    memset(count, 0, sizeof count);
    go(r, 40, NULL);
    for (int i = 0; i < DRAWS; i++) {
        CHECK(mb_replay_draw(r, &b, 0, &err));
        for (int k = 0; k < BATCH; k++) {
            int row;
            int64_t at = mb_replay_drawn(r, k, &row);
            count[row][at]++;
        }
    }
    int kinds = 0;
    double chi = 0;
    for (int j = 0; j < ROWS; j++)
        for (int t = slots_of[j] - 1 - 15; t < slots_of[j] - 1; t++) kinds += !record[j][t].final; /* 90 / 6 slots each */
    double mean = (double)BATCH * DRAWS / kinds;
    for (int j = 0; j < ROWS; j++)
        for (int t = slots_of[j] - 1 - 15; t < slots_of[j] - 1; t++)
            if (!record[j][t].final) chi += (count[j][t] - mean) * (count[j][t] - mean) / mean;
    CHECK_NEAR(chi, kinds - 1, 5 * sqrt(2.0 * kinds)); /* five deviations */
    end();
}

TEST(frames_are_stacked_from_single_ones)
{
    enum { STACK = 3, BATCH = 32 };
    mb_replay *r = make((mb_replay_options){ .capacity = 120, .nstep = 2, .gamma = 0.9f, .stack = STACK });
    mb_graph *g = mb_graph_new(&scope, "g", &err);
    mb_sample b = mb_replay_inputs(g, r, BATCH);
    mb_stack *acting = mb_stack_new(&scope, "acting", vec, STACK, &err);
    CHECK(mb_stack_shape(&(mb_env_shape){ .obs = MB_FIELDS(2, MB_F_DISCRETE("a", 4), MB_F_IMAGE("p", 2, 2, 3)) }, 4).obs.field[1].c == 12);
    for (int i = 0; i < 50; i++) {
        void *const *now = mb_stack_observe(acting);
        for (int row = 0; row < ROWS; row++)
            for (int k = 0; k < STACK; k++) { /* what acts sees what will be drawn */
                int t = slots_of[row] - 1;
                for (int back = STACK - 1 - k; back > 0 && !record[row][t].start; back--) t--;
                const float *v = (const float *)now[0] + (row * STACK + k) * 3;
                CHECK(!memcmp(v, record[row][t].seen, sizeof record[row][t].seen));
            }
        go(r, 1, NULL);
        if (i < 3) continue;
        CHECK(mb_replay_draw(r, &b, 0, &err));
        for (int n = 0; n < BATCH; n++) {
            int row;
            int64_t at = mb_replay_drawn(r, n, &row);
            for (int k = 0; k < STACK; k++) {
                int64_t t = at;
                for (int back = STACK - 1 - k; back > 0 && !record[row][t].start; back--) t--;
                const uint8_t *p = (uint8_t *)mb_input_data(b.obs.field[1]) + n * PIXELS * STACK;
                for (int x = 0; x < PIXELS; x++)
                    CHECK(p[x / CHANNELS * CHANNELS * STACK + k * CHANNELS + x % CHANNELS] == record[row][t].picture[x]);
                CHECK(!memcmp((float *)mb_input_data(b.obs.field[0]) + (n * STACK + k) * 3, record[row][t].seen, 12));
            }
        }
    }
    end();
}

TEST(noise_is_added_to_rewards)
{
    enum { BATCH = 64, DRAWS = 50 };
    mb_replay *r = make((mb_replay_options){ .capacity = 300, .gamma = 1, .reward_noise = 2 });
    mb_graph *g = mb_graph_new(&scope, "g", &err);
    mb_sample b = mb_replay_inputs(g, r, BATCH);
    double sum = 0;
    go(r, 40, NULL);
    for (int i = 0; i < DRAWS; i++) {
        CHECK(mb_replay_draw(r, &b, 0, &err));
        for (int k = 0; k < BATCH; k++) {
            int row;
            int64_t at = mb_replay_drawn(r, k, &row);
            float noise = ((float *)mb_input_data(b.reward))[k] - record[row][at].reward;
            CHECK(noise > -1e-4f && noise < 2.0001f);
            sum += (double)noise;
        }
    }
    CHECK_NEAR(sum / (BATCH * DRAWS), 1, 0.15); /* 240 rewards: four deviations */
    end();
}

/* ---- priorities ---- */

TEST(a_tree_of_sums_finds_what_it_should)
{
    begin();
    enum { N = 37 };
    mb_sum_tree t, u;
    CHECK(mb_sum_tree_new(&t, &scope, "t", N, &err) && mb_sum_tree_new(&u, &scope, "u", N, &err));
    mb_rng rng = mb_rng_make(3, "test", 0);
    double p[N] = { 0 };
    for (int i = 0; i < 500; i++) {
        int k = mb_below(&rng, N);
        p[k] = mb_below(&rng, 3) ? mb_uniform64(&rng) : 0;
        mb_sum_tree_set(&t, k, p[k]);
        double at = mb_uniform64(&rng) * mb_sum_tree_total(&t), sum = 0;
        int want = 0;
        while (want < N && at >= sum + p[want]) sum += p[want++];
        int64_t got = mb_sum_tree_total(&t) > 0 ? mb_sum_tree_find(&t, at) : want;
        CHECK(got == want || fabs(at - sum) < 1e-9 || fabs(at - sum - p[want]) < 1e-9);
    }
    for (int k = N; k-- > 0;) mb_sum_tree_set(&u, k, p[k]); /* another order, the same tree */
    CHECK(!memcmp(t.node, u.node, mb_sum_tree_bytes(N)));
    for (int k = 0; k < N; k++) mb_sum_tree_set(&t, k, k == 11 ? 1e-300 : 0);
    CHECK(mb_sum_tree_find(&t, mb_sum_tree_total(&t)) == 11); /* past the end: never where nothing is */
    end();
}

TEST(priorities_decide_what_is_drawn)
{
    enum { BATCH = 32, DRAWS = 300 };
    mb_replay *r = make((mb_replay_options){ .capacity = 300, .nstep = 1, .gamma = 1, .prioritized = true, .alpha = 0.5f, .eps = 0 });
    mb_graph *g = mb_graph_new(&scope, "g", &err);
    mb_sample b = mb_replay_inputs(g, r, BATCH);
    static bool seen[ROWS][2 * STEPS];
    memset(seen, 0, sizeof seen);
    go(r, 8, NULL);
    float error[BATCH];
    for (int i = 0; i < 400; i++) { /* everything new has the same priority and is met; then row 2 weighs 4^2 times the others */
        CHECK(mb_replay_draw(r, &b, 0.4f, &err));
        for (int k = 0; k < BATCH; k++) {
            int row;
            int64_t at = mb_replay_drawn(r, k, &row);
            seen[row][at] = true;
            error[k] = row == 2 ? 16 : 1;
            CHECK(!record[row][at].final);
        }
        CHECK(mb_replay_update(r, error, &err));
    }
    for (int j = 0; j < ROWS; j++)
        for (int t = 0; t < slots_of[j] - 1; t++) CHECK(seen[j][t] == !record[j][t].final);
    int two = 0;
    for (int i = 0; i < DRAWS; i++) {
        CHECK(mb_replay_draw(r, &b, 0.5f, &err));
        for (int k = 0; k < BATCH; k++) {
            int row;
            mb_replay_drawn(r, k, &row);
            two += row == 2;
            CHECK_NEAR(((float *)mb_input_data(b.weight))[k], row == 2 ? 0.5 : 1, 1e-6); /* (1/4)^0.5 */
        }
    }
    CHECK_NEAR((double)two / (BATCH * DRAWS), 4.0 / 9, 0.02); /* 4 : 1 : 1 : 1 : 1 : 1 */
    for (int k = 0; k < BATCH; k++) error[k] = 1;
    error[5] = NAN;
    mb_error e = { 0 };
    CHECK(!mb_replay_update(r, error, &e));
    CHECK_ERROR(e, "the new priority of item 5 is");
    end();
}

TEST(priorities_follow_the_ring_and_the_end)
{
    enum { BATCH = 48 };
    for (int nstep = 1; nstep <= 4; nstep += 3) {
        mb_replay *r = make((mb_replay_options){ .capacity = 60, .nstep = nstep, .gamma = 0.9f, .prioritized = true, .alpha = 0, .stack = 2 });
        mb_graph *g = mb_graph_new(&scope, "g", &err);
        mb_sample b = mb_replay_inputs(g, r, BATCH);
        go(r, 45, NULL);
        for (int i = 0; i < 100; i++) {
            CHECK(mb_replay_draw(r, &b, 0, &err));
            for (int k = 0; k < BATCH; k++) {
                int row;
                int64_t at = mb_replay_drawn(r, k, &row);
                CHECK(at < slots_of[row] - 1 && at >= slots_of[row] - 1 - 11 && !record[row][at].final);
            }
        }
        end();
    }
}

/* ---- stretches ---- */

TEST(stretches_cross_episodes)
{
    enum { S = 8, PERIOD = 4, NSTEP = 2, BATCH = 16, MEMORY = 2 };
    for (int prioritized = 0; prioritized < 2; prioritized++) {
        mb_replay *r = make((mb_replay_options){ .capacity = 180, .nstep = NSTEP, .gamma = 0.5f, .sequence = S, .period = PERIOD, .memory = MEMORY,
                                                 .prioritized = prioritized, .alpha = 1 });
        mb_graph *g = mb_graph_new(&scope, "g", &err);
        mb_sample b = mb_replay_inputs(g, r, BATCH);
        static float after[ROWS][2 * STEPS], memory[ROWS * MEMORY];
        for (int i = 0; i < 50; i++) {
            for (int j = 0; j < ROWS; j++) memory[j * MEMORY] = memory[j * MEMORY + 1] = (float)(100 * i + j);
            int before[ROWS];
            memcpy(before, slots_of, sizeof before);
            go(r, 1, memory);
            for (int j = 0; j < ROWS; j++)
                for (int t = before[j]; t < slots_of[j]; t++) after[j][t] = memory[j * MEMORY];
        }
        for (int draw = 0; draw < 20; draw++) {
            CHECK(mb_replay_draw(r, &b, 0, &err));
            for (int i = 0; i < BATCH; i++) {
                int row;
                int64_t at = mb_replay_drawn(r, i, &row);
                CHECK(at % PERIOD == 0 && at + S <= slots_of[row] - 1);
                CHECK(((float *)mb_input_data(b.state))[i * MEMORY] == after[row][at]);
                for (int t = 0; t < S; t++) {
                    const struct entry *e = &record[row][at + t], *n = e;
                    int k = i * S + t, steps = 0;
                    float reward = 0, discount = 1;
                    for (; steps < NSTEP && !e->final; steps++, n++) {
                        reward += discount * n->reward;
                        discount = n->terminated ? 0 : discount * 0.5f;
                        if (n->terminated || n->truncated) { n++; break; }
                    }
                    bool valid = !e->final && (n - &record[row][at] < S || discount == 0);
                    CHECK(same_seen(e, &b.obs, k));
                    CHECK(((float *)mb_input_data(b.keep))[k] == (e->start ? 0 : 1));
                    CHECK(((float *)mb_input_data(b.valid))[k] == (valid ? 1 : 0));
                    if (!valid) continue;
                    CHECK_NEAR(((float *)mb_input_data(b.reward))[k], reward, 1e-4);
                    CHECK(((float *)mb_input_data(b.discount))[k] == discount);
                    if (discount > 0) CHECK(((int32_t *)mb_input_data(b.boot))[k] == n - &record[row][at]);
                }
            }
        }
        end();
    }
}

/* ---- demonstrations, memory, restarts, threads ---- */

TEST(demonstrations_have_their_share)
{
    mb_replay *demo = make((mb_replay_options){ .capacity = 60, .gamma = 1 });
    go(demo, 9, NULL);
    mb_replay *r = mb_replay_new(&scope, "own", vec, 0, 1, (mb_replay_options){ .capacity = 60, .gamma = 1, .reward_scale = 0.5f }, &err);
    mb_graph *g = mb_graph_new(&scope, "g", &err);
    mb_sample b = mb_replay_inputs(g, r, 16);
    mb_error e = { 0 };
    CHECK(r && mb_replay_mix(r, demo, 0.25f, &err) && !mb_replay_mix(r, demo, 1.5f, &e));
    CHECK(!mb_replay_ready(r));
    mb_vec_view *w = mb_vec_view_of(vec);
    float top = 0;
    for (int i = 0; i < ROWS; i++) w->index[i] = 0, w->value[i] = 0;
    for (int i = 0; i < 20; i++) {
        CHECK(mb_vec_step(vec, &err));
        mb_replay_add(r, NULL);
        for (int k = 0; k < ROWS; k++) top = w->reward[k] > top ? w->reward[k] : top;
    }
    CHECK(mb_replay_ready(r) && mb_replay_draw(r, &b, 0, &err));
    for (int i = 0; i < 16; i++) {
        float episode = ((float *)mb_input_data(b.obs.field[0]))[3 * i + 1];
        CHECK(i < 4 ? episode <= 3 : episode >= 3); /* 9 steps are two episodes and one begun */
    }
    end();
}

TEST(what_does_not_fit_is_refused_before_it_is_used)
{
    begin();
    vec = mb_vec_new(&scope, "train", &line, NULL, ENVS, &err);
    CHECK(mb_vec_reset(vec, &err));
    size_t bytes = 0, used = mb_arena_used(scope.arena);
    mb_replay_options o = { .capacity = 600, .gamma = 1, .limit = 20000 };
    CHECK(mb_replay_bytes(mb_vec_shape(vec), ROWS, &o, &bytes, &err) && bytes == 606u * (12 + PIXELS + CHOICES + 4 + 4 + 4 + 1));
    mb_error e = { 0 };
    CHECK(!mb_replay_new(&scope, "r", vec, 0, 1, o, &e));
    CHECK_ERROR(e, "lower the capacity");
    CHECK(mb_arena_used(scope.arena) < used + 8192);
    e = (mb_error){ 0 };
    o.limit = 0;
    o.capacity = (int64_t)1 << 40;
    CHECK(!mb_replay_new(&scope, "r", vec, 0, 1, o, &e));
    CHECK_ERROR(e, "are free");
    e = (mb_error){ 0 };
    o.capacity = INT64_MAX - 1;
    CHECK(!mb_replay_bytes(mb_vec_shape(vec), ROWS, &o, &bytes, &e));
    CHECK_ERROR(e, "more than can be addressed");
    end();
}

static void draw_hash(mb_replay *r, mb_sample *b, uint64_t *hash)
{
    for (int i = 0; i < 5; i++) {
        float error[24];
        CHECK(mb_replay_draw(r, b, 0.5f, &err));
        for (int k = 0; k < 24; k++) {
            int row;
            *hash = (*hash ^ (uint64_t)mb_replay_drawn(r, k, &row)) * 0x100000001b3u + (uint64_t)row;
            error[k] = (float)(k % 7) + 0.5f;
        }
        if (!mb_replay_update(r, error, &err)) printf("FAIL update: %s\n", err.what);
    }
}

TEST(a_restart_changes_nothing)
{
    char path[] = "/tmp/matchbox-replay-XXXXXX";
    int fd = mkstemp(path);
    mb_replay_options o = { .capacity = 90, .nstep = 2, .gamma = 0.9f, .prioritized = true, .alpha = 0.6f, .eps = 1e-3f };
    uint64_t straight = 1, resumed = 1;
    for (int half = 0; half < 2; half++) {
        begin();
        mb_scope s = scope;
        s.store = mb_store_new(scope.arena, &err);
        mb_replay *r = make_in(&s, o);
        mb_graph *g = mb_graph_new(&s, "g", &err);
        mb_sample b = mb_replay_inputs(g, r, 24);
        uint64_t warm = 1;
        if (!half) {
            go(r, 30, NULL);
            draw_hash(r, &b, &warm);
            CHECK(mb_store_save(s.store, path, 0, &err));
        } else {
            CHECK(mb_store_load(s.store, path, NULL, &err));
        }
        for (int i = 0; i < 10; i++) {
            draw_hash(r, &b, half ? &resumed : &straight);
            go(r, 2, NULL);
        }
        end();
    }
    CHECK(straight == resumed && straight != 1);
    close(fd);
    unlink(path);
}

TEST(threads_never_show)
{
    uint64_t first = 0;
    for (int threads = 1; threads <= 4; threads += 3) {
        begin();
        mb_scope s = scope;
        s.pool = mb_pool_new(threads, &err);
        mb_replay *r = make_in(&s, (mb_replay_options){ .capacity = 240, .nstep = 3, .gamma = 0.9f });
        mb_graph *g = mb_graph_new(&s, "g", &err);
        mb_sample b = mb_replay_inputs(g, r, 200);
        go(r, 30, NULL);
        CHECK(mb_replay_draw(r, &b, 0, &err));
        uint64_t hash = 1;
        for (int i = 0; i < 600; i++) hash = hash * 31 + (uint64_t)((float *)mb_input_data(b.obs.field[0]))[i];
        for (int i = 0; i < 200; i++) hash = hash * 31 + (uint64_t)((float *)mb_input_data(b.reward))[i];
        CHECK(threads == 1 || hash == first);
        first = hash;
        mb_pool_free(s.pool);
        end();
    }
}

MB_TESTS(T(transitions_are_what_happened), T(every_transition_has_the_same_chance), T(frames_are_stacked_from_single_ones), T(noise_is_added_to_rewards),
         T(a_tree_of_sums_finds_what_it_should), T(priorities_decide_what_is_drawn), T(priorities_follow_the_ring_and_the_end),
         T(stretches_cross_episodes), T(demonstrations_have_their_share), T(what_does_not_fit_is_refused_before_it_is_used),
         T(a_restart_changes_nothing), T(threads_never_show))

/* Hindsight: everything that is drawn is compared with a plain record of what happened. */
#include "matchbox/replay.h"
#include "nn/graph_test.h"
#include <unistd.h>

/* Steps of -1 or +1 on a line.  Two numbers are a goal: the place, and the place halved, so that other places look different.  A
   step gives minus the distance; the goal ends the episode, and so does the limit. */
enum { LIMIT = 6, ENVS = 3, STEPS = 80, NSTEPS = 2 };
struct line { int at, goal; };
static void see(const struct line *s, mb_io *io)
{
    float *seen = io->obs_field[0], *achieved = io->obs_field[1], *desired = io->obs_field[2];
    seen[0] = (float)s->at;
    achieved[0] = (float)s->at, achieved[1] = 0.5f * (float)s->at;
    desired[0] = (float)s->goal, desired[1] = 0.5f * (float)s->goal;
}
static mb_step judge(const void *options, const void *achieved, const void *desired)
{
    const float *a = achieved, *d = desired;
    return (mb_step){ -__builtin_fabsf(a[0] - d[0]) - 2 * __builtin_fabsf(a[1] - d[1]), a[0] == d[0] };
}
static void line_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct line *s = state;
    s->at = mb_below(rng, 3);
    s->goal = s->at + 2;
    see(s, io);
}
static mb_step line_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct line *s = state;
    s->at += 2 * io->index[0] - 1;
    see(s, io);
    return judge(options, io->obs_field[1], io->obs_field[2]);
}
static const mb_env_def line = { MB_ENV_HEAD, .name = "line", .obs = MB_GOALS(1, 2, -MB_INF, MB_INF), .act = MB_DISCRETE(2), .time_limit = LIMIT,
                                 .state_size = sizeof(struct line), .reset = line_reset, .step = line_step, .goal_reward = judge };

/* what happened, one entry per slot */
struct entry { int at, goal; float reward; bool start, final, terminated, truncated; };
static struct entry record[ENVS][2 * STEPS];
static int slots_of[ENVS];
static mb_vec *vec;
static mb_rng choices;

static struct entry *next_entry(int row, void *const obs[])
{
    struct entry *e = &record[row][slots_of[row]++];
    *e = (struct entry){ .at = (int)((const float *)obs[0])[row], .goal = (int)((const float *)obs[2])[2 * row] };
    return e;
}

static mb_replay *make(mb_scope *s, mb_replay_options o)
{
    vec = mb_vec_new(s, "train", &line, NULL, ENVS, &err);
    if (!vec || !mb_vec_reset(vec, &err)) printf("FAIL vec: %s\n", err.what), exit(1);
    memset(slots_of, 0, sizeof slots_of);
    for (int r = 0; r < ENVS; r++) next_entry(r, mb_vec_view_of(vec)->obs)->start = true;
    choices = mb_rng_make(1, "choices", 0);
    mb_replay *r = mb_replay_new(s, "replay", vec, 0, 1, o, &err);
    if (!r) printf("FAIL replay: %s\n", err.what), exit(1);
    return r;
}

static void go(mb_replay *r, int n)
{
    mb_vec_view *w = mb_vec_view_of(vec);
    for (int i = 0; i < n; i++) {
        for (int row = 0; row < ENVS; row++) w->index[row] = mb_below(&choices, 2);
        if (!mb_vec_step(vec, &err)) printf("FAIL step: %s\n", err.what), exit(1);
        for (int row = 0; row < ENVS; row++) {
            struct entry *e = &record[row][slots_of[row] - 1];
            e->reward = w->reward[row], e->terminated = w->terminated[row], e->truncated = w->truncated[row];
            if (e->terminated || e->truncated) next_entry(row, w->final_obs)->final = true;
            next_entry(row, w->obs)->start = e->terminated || e->truncated;
        }
        mb_replay_add(r, NULL);
    }
}

/* The slots whose goals may take the place of the one of slot `at`. */
static void allowed(mb_hindsight how, int row, int at, int length, int *low, int *high)
{
    int newest = slots_of[row] - 1, oldest = newest < length ? 0 : newest - length + 1, end = at, begin = at;
    while (end < newest && !record[row][end].final) end++;
    while (!record[row][begin].start) begin--;
    *high = end;
    *low = how == MB_HINDSIGHT_FUTURE ? at + 1 : how == MB_HINDSIGHT_FINAL ? end : begin + 1 > oldest ? begin + 1 : oldest;
    if (how == MB_HINDSIGHT_RANDOM) *low = oldest, *high = newest;
}

/* Reward, discount and next slot by the record, with a goal of the caller's. */
static int walk(int row, int at, int goal, int nstep, double *ret, double *discount)
{
    double g = 1;
    for (*ret = 0; nstep-- > 0;) {
        const struct entry *e = &record[row][at++];
        int miss = abs(record[row][at].at - goal);
        *ret += g * -2 * miss;
        g = miss ? g * 0.5 : 0;
        if (e->terminated || e->truncated || !miss) break;
    }
    *discount = g;
    return at;
}

static bool check_item(mb_replay *r, const mb_sample *b, int i, mb_hindsight how, int nstep, int length)
{
    int row, goal_row, low, high;
    int at = (int)mb_replay_drawn(r, i, &row), from = (int)mb_replay_goal(r, i, &goal_row);
    const float *now = mb_input_data(b->obs.field[0]), *later = mb_input_data(b->next.field[0]);
    const float *want = (float *)mb_input_data(b->obs.field[2]) + 2 * i, *then = (float *)mb_input_data(b->next.field[2]) + 2 * i;
    const float *reached = mb_input_data(b->next.field[1]);
    if (from >= 0) {
        allowed(how, goal_row, how == MB_HINDSIGHT_RANDOM ? 0 : at, length, &low, &high);
        CHECK(from >= low && from <= high && (goal_row == row || how == MB_HINDSIGHT_RANDOM));
    }
    int goal = from < 0 ? record[row][at].goal : record[goal_row][from].at;
    double ret, discount;
    int next = walk(row, at, goal, nstep, &ret, &discount);
    CHECK(!record[row][at].final && now[i] == (float)record[row][at].at && later[i] == (float)record[row][next].at);
    CHECK(reached[2 * i] == (float)record[row][next].at);
    CHECK(want[0] == (float)goal && want[1] == 0.5f * (float)goal && then[0] == want[0] && then[1] == want[1]);
    CHECK_NEAR(((float *)mb_input_data(b->reward))[i], ret, 1e-5);
    CHECK_NEAR(((float *)mb_input_data(b->discount))[i], discount, 1e-6);
    return from >= 0;
}

TEST(drawn_goals_were_reached_and_pay_what_they_should)
{
    enum { BATCH = 64, SLOTS = 15 };
    for (int how = MB_HINDSIGHT_FUTURE; how <= MB_HINDSIGHT_RANDOM; how++)
        for (int nstep = 1; nstep <= 3; nstep += 2)
            for (int prioritized = 0; prioritized < 2; prioritized++) {
                begin();
                mb_replay *r = make(&scope, (mb_replay_options){ .capacity = SLOTS * ENVS, .nstep = nstep, .gamma = 0.5f, .hindsight = (mb_hindsight)how,
                                                                 .hindsight_k = 4, .prioritized = prioritized, .alpha = 1 });
                mb_sample b = mb_replay_inputs(mb_graph_new(&scope, "g", &err), r, BATCH);
                int changed = 0, drawn = 0;
                for (int t = 0; t < STEPS; t++) {
                    go(r, 1);
                    if (!mb_replay_ready(r)) continue;
                    CHECK(mb_replay_draw(r, &b, 0, &err));
                    for (int i = 0; i < BATCH; i++, drawn++) changed += check_item(r, &b, i, (mb_hindsight)how, nstep, SLOTS + 1);
                }
                CHECK_NEAR((double)changed / drawn, 0.8, 5 * sqrt(0.16 / drawn));
                CHECK(err.code == MB_OK);
            }
}

TEST(every_later_goal_has_the_same_chance)
{
    enum { BATCH = 64, DRAWS = 600 };
    begin();
    mb_replay *r = make(&scope, (mb_replay_options){ .capacity = 300, .gamma = 1, .hindsight = MB_HINDSIGHT_FUTURE, .hindsight_k = 1 });
    mb_sample b = mb_replay_inputs(mb_graph_new(&scope, "g", &err), r, BATCH);
    static int count[LIMIT + 1][LIMIT + 1];
    memset(count, 0, sizeof count);
    go(r, 30);
    for (int n = 0; n < DRAWS; n++) {
        CHECK(mb_replay_draw(r, &b, 0, &err));
        for (int i = 0; i < BATCH; i++) {
            int row, low, high;
            int at = (int)mb_replay_drawn(r, i, &row), goal = (int)mb_replay_goal(r, i, NULL);
            allowed(MB_HINDSIGHT_FUTURE, row, at, 1000, &low, &high);
            if (goal >= 0) count[high - at][goal - at]++;
        }
    }
    for (int left = 2; left <= LIMIT; left++) {
        double all = 0, chi = 0;
        for (int k = 1; k <= left; k++) all += count[left][k];
        for (int k = 1; k <= left; k++) chi += (count[left][k] - all / left) * (count[left][k] - all / left) / (all / left);
        CHECK(all > 500 && chi < left - 1 + 5 * sqrt(2.0 * left));
    }
}

TEST(a_restart_changes_nothing)
{
    char path[] = "/tmp/matchbox-hindsight-XXXXXX";
    int fd = mkstemp(path);
    double sum[2] = { 0 };
    for (int half = 0; half < 2; half++) {
        begin();
        mb_scope s = scope;
        s.store = mb_store_new(scope.arena, &err);
        mb_replay *r = make(&s, (mb_replay_options){ .capacity = 60, .gamma = 0.9f, .hindsight = MB_HINDSIGHT_EPISODE, .hindsight_k = 2 });
        CHECK(mb_keep(s.store, "choices", &choices, sizeof choices, &err));
        mb_sample b = mb_replay_inputs(mb_graph_new(&s, "g", &err), r, 32);
        if (!half) go(r, 33);
        CHECK(half ? mb_store_load(s.store, path, NULL, &err) : mb_store_save(s.store, path, 0, &err));
        size_t used = mb_arena_used(scope.arena);
        for (int n = 1; n <= 10; n++) {
            go(r, 1);
            CHECK(mb_replay_draw(r, &b, 0, &err));
            for (int i = 0; i < 32; i++) sum[half] += n * (double)((float *)mb_input_data(b.reward))[i] + i * (double)mb_replay_goal(r, i, NULL);
        }
        CHECK(mb_arena_used(scope.arena) == used);
    }
    CHECK(sum[0] == sum[1] && sum[0] != 0);
    close(fd);
    unlink(path);
}

TEST(what_cannot_be_is_refused)
{
    begin();
    mb_error e = { 0 };
    mb_replay_options o = { .capacity = 60, .gamma = 0.9f, .hindsight = MB_HINDSIGHT_FUTURE, .hindsight_k = 4 };
    make(&scope, o);
    o.stack = 2;
    CHECK(!mb_replay_new(&scope, "stacks", vec, 0, 1, o, &e));
    CHECK_ERROR(e, "not on stacks");
    e = (mb_error){ 0 };
    o.stack = 1, o.sequence = 4;
    CHECK(!mb_replay_new(&scope, "sequences", vec, 0, 1, o, &e));
    CHECK_ERROR(e, "not on sequences");
    e = (mb_error){ 0 };
    o.sequence = 0, o.hindsight_k = -1;
    CHECK(!mb_replay_new(&scope, "share", vec, 0, 1, o, &e));
    CHECK_ERROR(e, "must be 0 or more");
    e = (mb_error){ 0 };
    mb_env_def blind = line;
    blind.goal_reward = NULL;
    vec = mb_vec_new(&scope, "blind", &blind, NULL, ENVS, &err);
    o.hindsight_k = 4;
    CHECK(vec && mb_vec_reset(vec, &err) && !mb_replay_new(&scope, "blind", vec, 0, 1, o, &e));
    CHECK_ERROR(e, "an environment with goals, and line has none");
    e = (mb_error){ 0 };
    mb_env_def vague = line;
    mb_env_shape shape;
    vague.obs.field[1].n = 1;
    CHECK(!mb_env_shape_of(&vague, NULL, &shape, &e));
    CHECK_ERROR(e, "use .obs = MB_GOALS");
}

MB_TESTS(T(drawn_goals_were_reached_and_pay_what_they_should), T(every_later_goal_has_the_same_chance), T(a_restart_changes_nothing),
         T(what_cannot_be_is_refused))

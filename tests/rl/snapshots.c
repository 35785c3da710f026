/* States kept in a replay: episodes begin where others have been; and a replay in a file is the replay in memory. */
#include "matchbox/replay.h"
#include "nn/graph_test.h"

enum { LIMIT = 9, ENVS = 3, PERIOD = 4, SLOTS = 40 };
/* Counts from 0 in steps of 1 or 2, chosen by the stream; the place and a number drawn at the start are seen. */
struct count { int at, mark; };
static void see(const struct count *s, mb_io *io) { io->obs[0] = (float)s->at, io->obs[1] = (float)s->mark; }
static void count_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct count *s = state;
    *s = (struct count){ 0, mb_below(rng, 1 << 20) };
    see(s, io);
}
static mb_step count_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct count *s = state;
    s->at += 1 + mb_below(rng, 2);
    see(s, io);
    return (mb_step){ 1, s->mark % 3 == 0 && s->at > 6 };
}
static const mb_env_def counting = { MB_ENV_HEAD, .name = "counting", .obs = MB_BOX(2), .act = MB_DISCRETE(2), .time_limit = LIMIT,
                                     .state_size = sizeof(struct count), .reset = count_reset, .step = count_step };
static mb_vec *vec;

static mb_replay *make(const char *dir, mb_replay_options o)
{
    begin();
    scope.dir = dir;
    vec = mb_vec_new(&scope, "train", &counting, NULL, ENVS, &err);
    if (!vec || !mb_vec_reset(vec, &err)) printf("FAIL vec: %s\n", err.what), exit(1);
    mb_replay *r = mb_replay_new(&scope, "replay", vec, 0, 1, o, &err);
    if (!r) printf("FAIL replay: %s\n", err.what), exit(1);
    return r;
}

/* what was seen in every slot, as the replay's header describes them */
struct seen { float at, mark; bool final; };
static struct seen slot[ENVS][2000];
static int slots_of[ENVS];

static void look(int row, const float *obs, bool final) { slot[row][slots_of[row]++] = (struct seen){ obs[2 * row], obs[2 * row + 1], final }; }

static bool was_kept(const mb_replay_options *o, int row, float at, float mark)
{
    for (int i = 0; i < slots_of[row]; i += o->snapshot)
        if (!slot[row][i].final && slot[row][i].at == at && slot[row][i].mark == mark) return true;
    return false;
}

TEST(episodes_begin_in_states_that_were_kept)
{
    mb_replay_options o = { .capacity = SLOTS * ENVS, .gamma = 1, .snapshot = PERIOD };
    mb_replay *r = make(NULL, o);
    mb_vec_view *w = mb_vec_view_of(vec);
    int begun = 0, elsewhere = 0, longest = 0;
    memset(slots_of, 0, sizeof slots_of);
    for (int row = 0; row < ENVS; row++) look(row, w->obs[0], false);
    for (int t = 0; t < 900; t++) {
        CHECK(mb_vec_step(vec, &err));
        for (int row = 0; row < ENVS; row++) longest = w->last_length[row] > longest ? w->last_length[row] : longest;
        mb_replay_restart(r, 0.5f, 5);
        for (int row = 0; row < ENVS; row++) {
            bool ended = w->terminated[row] || w->truncated[row];
            const float *now = (float *)w->obs[0] + 2 * row;
            if (ended) look(row, w->final_obs[0], true);
            if (ended) begun++, elsewhere += now[0] > 0;
            if (ended && now[0] > 0) CHECK(was_kept(&o, row, now[0], now[1]));
            CHECK(w->start[row] == ended);
            look(row, w->obs[0], false);
        }
        mb_replay_add(r, NULL);
    }
    /* half of the episodes, less those whose state is a first one (a kept state is that of slot 0, 4, 8, ... of any episode) */
    CHECK(begun > 300 && elsewhere > begun / 4 && elsewhere < begun / 2 + 5 * (int)sqrt(begun / 4.0));
    CHECK(longest == LIMIT);
    CHECK(err.code == MB_OK);
}

TEST(a_restarted_episode_goes_its_own_way)
{
    make(NULL, (mb_replay_options){ .capacity = 60, .gamma = 1 });
    mb_vec_view *w = mb_vec_view_of(vec);
    char state[256];
    CHECK(mb_vec_state_bytes(vec) <= sizeof state && mb_vec_step(vec, &err) && mb_vec_step(vec, &err));
    mb_vec_save(vec, 0, state);
    int ways = 0, first = -1;
    for (int i = 0; i < 40; i++) {
        mb_vec_restart(vec, 0, state, i % 4 == 0 ? 3 : 0);
        CHECK(w->start[0] && mb_vec_step(vec, &err));
        int at = (int)(w->start[0] ? ((float *)w->final_obs[0])[0] : ((float *)w->obs[0])[0]);
        if (first < 0) first = at;
        ways += at != first;
        if (w->start[0]) continue;
        for (int n = 2; !w->start[0]; n++) {
            CHECK(mb_vec_step(vec, &err));
            if (w->truncated[0]) CHECK(w->last_return[0] == (float)n && n == (i % 4 == 0 ? 3 : LIMIT - 2));
        }
    }
    CHECK(ways > 5 && ways < 35);
}

TEST(a_file_holds_what_memory_holds)
{
    double sum[2] = { 0 };
    for (int disk = 0; disk < 2; disk++) {
        mb_replay *r = make("/tmp", (mb_replay_options){ .capacity = 600, .nstep = 2, .gamma = 0.9f, .disk = disk, .prioritized = true, .alpha = 1 });
        mb_sample b = mb_replay_inputs(mb_graph_new(&scope, "g", &err), r, 16);
        for (int t = 0; t < 300; t++) {
            CHECK(mb_vec_step(vec, &err));
            mb_replay_add(r, NULL);
            if (!mb_replay_ready(r)) continue;
            float error[16];
            CHECK(mb_replay_draw(r, &b, 0.5f, &err));
            for (int i = 0; i < 16; i++) error[i] = ((float *)mb_input_data(b.obs.field[0]))[2 * i] + 1, sum[disk] += (t + i) * (double)error[i];
            CHECK(mb_replay_update(r, error, &err));
        }
    }
    CHECK(sum[0] == sum[1] && sum[0] > 0);
}

static void refused(const char *dir, const mb_env_def *env, mb_replay_options o, const char *words)
{
    mb_error e = { 0 };
    make("/tmp", (mb_replay_options){ .capacity = 60, .gamma = 1 });
    scope.dir = dir;
    if (env) CHECK((vec = mb_vec_new(&scope, "other", env, NULL, 1, &err)) && mb_vec_reset(vec, &err));
    CHECK(!mb_replay_new(&scope, "refused", vec, 0, 1, o, &e));
    CHECK_ERROR(e, words);
}

TEST(what_cannot_be_is_refused)
{
    mb_replay_options o = { .capacity = 1000, .gamma = 1, .disk = true };
    refused(NULL, NULL, o, "needs a run directory");
    refused("/nowhere/at/all", NULL, o, "are free");
    o.limit = 100;
    refused("/tmp", NULL, o, "lower the capacity");
    o = (mb_replay_options){ .capacity = (int64_t)1 << 42, .gamma = 1, .disk = true };
    refused("/tmp", NULL, o, "room on the disk");
    size_t plain, kept;
    o = (mb_replay_options){ .capacity = 1000, .gamma = 1 };
    CHECK(mb_replay_bytes(mb_vec_shape(vec), 1, &o, &plain, &err));
    o.snapshot = 10;
    CHECK(mb_replay_bytes(mb_vec_shape(vec), 1, &o, &kept, &err));
    CHECK(kept == plain + 101 * (mb_vec_state_bytes(vec) + 1)); /* 1003 slots / 10, and one */
}

MB_TESTS(T(episodes_begin_in_states_that_were_kept), T(a_restarted_episode_goes_its_own_way), T(a_file_holds_what_memory_holds),
         T(what_cannot_be_is_refused))

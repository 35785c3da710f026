/* Every task: correct turns score 1, problems repeat bit for bit, splits are apart, texts fit, options are checked; and rewards of groups. */
#include "matchbox/task.h"
#include "mb_test.h"

static mb_arena *arena(void)
{
    mb_error err = { 0 };
    return mb_arena_new((size_t)1 << 28, &err);
}

static _Alignas(16) unsigned char problem[MB_TASK_PROBLEM], other[MB_TASK_PROBLEM];

/* Play correct turns to the end; the number of turns, 0 for a failure. */
static int walk(const mb_task *t, mb_ruling *v)
{
    static char text[MB_TASK_TEXT], back[MB_TASK_TEXT];
    for (int k = 1; k <= MB_TASK_TURNS; k++) {
        mb_str s, b;
        mb_ruling turn;
        mb_str_init(&s, text, sizeof text);
        mb_str_init(&b, back, sizeof back);
        mb_task_show(t, problem, &s);
        bool more = mb_task_reply(t, problem, s.s, s.n, &b, &turn);
        if (s.full || b.full || turn.outcome != MB_SCORED || turn.score < 1) return 0;
        if (more) continue;
        *v = mb_task_verify(t, problem, s.s, s.n);
        return k;
    }
    return 0;
}

TEST(correct_answers_score)
{
    static const char *const styles[] = { "answer", "work", "tags" };
    mb_arena *a = arena();
    mb_error err = { 0 };
    for (int i = 0; mb_task_at(i); i++) {
        const mb_task_def *d = mb_task_at(i);
        CHECK(d->problem_size <= MB_TASK_PROBLEM);
        for (int level = 1; level <= d->levels; level++) {
            mb_task *t = mb_task_open(a, d->name, 11, &err);
            char number[16];
            snprintf(number, sizeof number, "%d", level);
            CHECK(t && mb_task_set(t, "level", number, &err) && mb_task_set(t, "task.style", styles[level % 3], &err));
            double sum = 0;
            int bad = 0;
            for (uint64_t k = 0; k < 40; k++) {
                mb_ruling v = { 0 };
                CHECK(mb_task_problem(t, MB_SPLIT_TRAIN, k, problem, &err));
                bool ok = walk(t, &v) > 0 && v.outcome == MB_SCORED && v.form > 0;
                if (!ok || (!d->roles && !d->candidate && v.score < 1)) bad++;
                sum += v.score;
            }
            if (bad) printf("%s, level %d, style %s: %d of 40 correct answers do not score\n", d->name, level, styles[level % 3], bad);
            CHECK(bad == 0);
            if (strcmp(d->name, "tictactoe-text") == 0) CHECK(sum / 40 >= 0.5); /* perfect play loses nothing */
            if (d->candidate) CHECK(sum / 40 > 0.85);
        }
    }
    mb_arena_free(a);
}

TEST(splits_share_nothing_and_problems_repeat)
{
    enum { N = 200 };
    static char keys[2][N][MB_TASK_TEXT];
    mb_arena *a = arena();
    mb_error err = { 0 };
    for (int i = 0; mb_task_at(i); i++) {
        const mb_task_def *d = mb_task_at(i);
        int held = 0, shared = 0;
        for (int split = 0; split < 2; split++) {
            mb_task *t = mb_task_open(a, d->name, split ? 5 : 6, &err);
            CHECK(d->levels < 2 || mb_task_set(t, "level", "2", &err));
            for (int k = 0; k < N; k++) {
                mb_str s;
                mb_str_init(&s, keys[split][k], MB_TASK_TEXT);
                CHECK(mb_task_problem(t, split, (uint64_t)k, problem, &err) && mb_task_problem(t, split, (uint64_t)k, other, &err));
                CHECK(memcmp(problem, other, d->problem_size) == 0);
                (d->key ? d->key : d->prompt)(t->options, problem, &s);
            }
            for (uint64_t k = 0; k < N && split == 0; k++) { /* the share, over all problems */
                mb_task *all = mb_task_open(a, d->name, 7, &err);
                CHECK(mb_task_set(all, "held-out", "0.3", &err));
                held += mb_task_problem(all, MB_SPLIT_ALL, k, problem, &err) && mb_task_problem(all, MB_SPLIT_HELD_OUT, k, other, &err) &&
                        memcmp(problem, other, d->problem_size) == 0;
            }
        }
        for (int x = 0; x < N; x++)
            for (int y = 0; y < N; y++) shared += strcmp(keys[0][x], keys[1][y]) == 0;
        if (shared) printf("%s: %d problems are in both splits\n", d->name, shared);
        CHECK(shared == 0);
        if (held < 0.15 * N || held > 0.45 * N) printf("%s: %d of %d problems are held out\n", d->name, held, N);
        CHECK(held >= 0.15 * N && held <= 0.45 * N);
    }
    mb_arena_free(a);
}

TEST(settings_are_checked)
{
    mb_arena *a = arena();
    mb_error err = { 0 };
    CHECK(!mb_task_open(a, "count-down", 1, &err));
    CHECK_ERROR(err, "did you mean 'countdown'");
    err = (mb_error){ 0 };
    mb_task *t = mb_task_open(a, "tictactoe_text", 1, &err);
    CHECK(t && !mb_task_set(t, "level", "9", &err));
    CHECK_ERROR(err, "levels go from 1 to 3");
    err = (mb_error){ 0 };
    CHECK(!mb_task_set(t, "task.plys", "1", &err));
    CHECK_ERROR(err, "did you mean 'plies'");
    err = (mb_error){ 0 };
    t = mb_task_open(a, "addition", 1, &err);
    CHECK(mb_task_set(t, "held-out", "0", &err) && !mb_task_problem(t, MB_SPLIT_HELD_OUT, 0, problem, &err));
    CHECK_ERROR(err, "no problem of the held-out split");
    mb_arena_free(a);
}

/* The game's value at equilibrium, over many hands against the equilibrium opponent in both seats: 0.5 on average. */
TEST(kuhn_equilibrium)
{
    mb_arena *a = arena();
    mb_error err = { 0 };
    mb_task *t = mb_task_open(a, "kuhn-text", 3, &err);
    CHECK(mb_task_set(t, "opponent", "self", &err));
    double sum = 0;
    enum { N = 20000 };
    for (uint64_t k = 0; k < N; k++) {
        mb_ruling v;
        CHECK(mb_task_problem(t, MB_SPLIT_ALL, k, problem, &err) && walk(t, &v) > 0);
        mb_ruling first = mb_task_result(t, problem, 0), second = mb_task_result(t, problem, 1);
        CHECK_NEAR(first.score + second.score, 1, 0);
        sum += first.score;
    }
    CHECK_NEAR(sum / N, (2 - 1.0 / 18) / 4, 4 * 0.36 / 141); /* four standard errors */
    mb_arena_free(a);
}

TEST(pairs_follow_their_scores)
{
    mb_arena *a = arena();
    mb_error err = { 0 };
    mb_task *t = mb_task_open(a, "gold", 3, &err);
    char text[2][MB_TASK_TEXT];
    int flipped = 0, sharp = 0;
    for (uint64_t k = 0; k < 2000; k++) {
        for (int s = 0; s < 2; s++) {
            mb_rng rng = mb_rng_make(3, "pair", k);
            mb_str chosen, rejected;
            bool f;
            mb_str_init(&chosen, text[0], MB_TASK_TEXT);
            mb_str_init(&rejected, text[1], MB_TASK_TEXT);
            CHECK(mb_task_problem(t, MB_SPLIT_TRAIN, k, problem, &err) && mb_task_pair(t, problem, s ? 1e6 : 0, &rng, &chosen, &rejected, &f, &err));
            *(s ? &sharp : &flipped) += f;
        }
    }
    CHECK(sharp == 0 && flipped > 850 && flipped < 1150);
    t = mb_task_open(a, "chain", 1, &err);
    mb_rng rng = mb_rng_make(1, "x", 0);
    CHECK(!mb_task_pair(t, problem, 1, &rng, NULL, NULL, NULL, &err));
    CHECK_ERROR(err, "makes no pairs");
    mb_arena_free(a);
}

TEST(rewards_of_a_group)
{
    mb_reward r;
    mb_options_default(mb_reward_rows(), &r);
    mb_ruling v[4] = { { MB_SCORED, 1, 1, "" }, { MB_SCORED, 0, 1, "" }, { MB_INVALID, 0, 0, "" }, { MB_VERIFIER_ERROR, (double)NAN, 1, "" } };
    int length[4] = { 10, 20, 30, 99 };
    double out[4], turn[4] = { 1, 0.5, 0, 0 };
    r.invalid = -1, r.form_weight = 0.1, r.turn_weight = 0.2;
    CHECK(mb_reward_group(&r, v, length, turn, 4, out) == 1);
    CHECK_NEAR(out[0], 1.3, 1e-12);
    CHECK_NEAR(out[1], 0.2, 1e-12);
    CHECK_NEAR(out[2], -1, 1e-12);
    CHECK(isnan(out[3]));
    /* Kimi k1.5: lengths 10..30 without the failed one: 0.5, 0, -0.5; wrong answers get at most 0 */
    r = (mb_reward){ .length = MB_LENGTH_RANGE, .length_weight = 1 };
    mb_reward_group(&r, v, length, NULL, 4, out);
    CHECK_NEAR(out[0], 0.5, 1e-12);
    CHECK_NEAR(out[1], 0, 1e-12);
    CHECK_NEAR(out[2], -0.5, 1e-12);
    r = (mb_reward){ .length = MB_LENGTH_TARGET, .length_weight = 2, .length_target = 20 };
    mb_reward_group(&r, v, length, NULL, 4, out);
    CHECK_NEAR(out[0], -1, 1e-12);
    CHECK_NEAR(out[1], 0, 1e-12);
    r = (mb_reward){ .length = MB_LENGTH_COSINE, .length_weight = 1, .length_target = 20 };
    mb_reward_group(&r, v, length, NULL, 4, out);
    CHECK_NEAR(out[0], 0.5, 1e-12); /* half way: (1 + cos(pi / 2)) / 2 */
    CHECK_NEAR(out[1], 0, 1e-12);
}

MB_TESTS(T(correct_answers_score), T(splits_share_nothing_and_problems_repeat), T(settings_are_checked), T(kuhn_equilibrium),
         T(pairs_follow_their_scores), T(rewards_of_a_group))

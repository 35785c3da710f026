/* Repeat previous against POPGym's episodes, card by card, and its returns from closed forms. */
#include "env/memory/repeat_previous.c"
#include "mb_test.h"

enum { LONGEST = 52 * 3 };

static int32_t action, obs;
static mb_io io = { .index = &action, .obs_field = { &obs } };

/* One line of the file: an episode with given cards. */
static int replay(int decks, int k, const char *suits, const char *actions, const char *signs)
{
    struct repeat_previous_options o = { .k = k, .decks = decks };
    struct repeat_previous s;
    float share = 1.0f / (float)(52 * decks - k);
    int steps = (int)strlen(actions);
    begin(&s, &o);
    show(&s, suits[0] - '0');
    for (int t = 0; t < steps; t++) {
        mb_step out = answer(&s, &o, actions[t] - '0', suits[t + 1] - '0');
        CHECK(out.reward == (signs[t] == '+' ? share : signs[t] == '-' ? -share : 0));
        CHECK(out.terminated == (t == steps - 1));
    }
    for (int i = 0; i < SUITS; i++) CHECK(s.left[i] == 0);
    return steps;
}

TEST(reference_episodes)
{
    int decks, k, steps = 0, episodes = 0;
    char suits[LONGEST + 1], actions[LONGEST + 1], signs[LONGEST + 1];
    FILE *f = fopen("tests/reference/data/popgym-repeat-previous.txt", "r");
    CHECK(f != NULL);
    for (; f && fscanf(f, "%d %d %156s %156s %156s", &decks, &k, suits, actions, signs) == 5; episodes++)
        steps += replay(decks, k, suits, actions, signs);
    if (f) fclose(f);
    CHECK(episodes == 140 && steps > 10000);
}

/* Who remembers gets 1; who guesses gets -1/2 on average. */
TEST(returns)
{
    struct repeat_previous_options o = { .k = 4, .decks = 1 };
    struct repeat_previous s;
    mb_rng env = mb_rng_make(1, "env", 0), policy = mb_rng_make(1, "policy", 0);
    double guessed = 0;
    enum { EPISODES = 4000 };
    for (int e = 0; e < 2 * EPISODES; e++) {
        int seen[64], n = 0;
        double total = 0;
        reset(&s, &o, &env, &io);
        for (mb_step out = { 0 }; !out.terminated; total += (double)out.reward) {
            seen[n++] = obs;
            action = e < EPISODES ? mb_below(&policy, SUITS) : n >= 4 ? seen[n - 4] : 0;
            out = step(&s, &o, &env, &io);
        }
        CHECK(n == 51);
        if (e < EPISODES) guessed += total / EPISODES;
        else CHECK_NEAR(total, 1, 1e-5);
    }
    /* 48 judged answers of +-1/48 with probability 1/4: variance 3/4 * 1/48 per episode */
    CHECK_NEAR(guessed, -0.5, 5 * sqrt(0.75 / 48 / EPISODES));
}

TEST(place_and_shape_refuse)
{
    struct repeat_previous_options o = { .k = 52, .decks = 1 };
    struct repeat_previous s;
    mb_env_shape sh = { .obs = MB_DISCRETE(4) };
    mb_error err = { 0 };
    CHECK(!shape(&o, &sh, &err));
    CHECK_ERROR(err, "k = 52 looks back farther than 52 cards");
    err = (mb_error){ 0 };
    o.k = 4;
    CHECK(!place(&s, &o, (double[]){ 0, 4 }, 2, &io, &err));
    CHECK_ERROR(err, "card 2 must be a suit");
    err = (mb_error){ 0 };
    CHECK(place(&s, &o, (double[]){ 0, 3, 2 }, 3, &io, &err) && obs == 2 && s.left[0] == 12 && s.left[1] == 13);
}

MB_TESTS(T(reference_episodes), T(returns), T(place_and_shape_refuse))

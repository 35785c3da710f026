/* Blackjack hands against Gymnasium's, card by card, and the random policy's return. */
#include "env/text/blackjack.c"
#include "mb_test.h"

static const char file[] = "tests/reference/data/toytext-blackjack.txt";
static int32_t obs[3], action;
static mb_io io = { .index = &action, .obs_field = { &obs[0], &obs[1], &obs[2] } };

/* The reference's cards of one step; more than it drew counts as wrong. */
struct given { int n, used; int card[24]; };
static int next_given(void *deck)
{
    struct given *d = deck;
    d->used++;
    return d->used <= d->n ? d->card[d->used - 1] : 10;
}

static bool equal_step(char *line)
{
    int sab, natural, v[5], n, at, more, want[3], done;
    double reward, values[5];
    struct given deck = { 0 };
    struct blackjack s;
    mb_error err = { 0 };
    if (sscanf(line, "h %d %d %d %d %d %d %d %d %d%n", &sab, &natural, &v[0], &v[1], &v[2], &v[3], &v[4], &action, &n, &at) != 9) return false;
    for (deck.n = 0; deck.n < n && deck.n < 24; deck.n++, at += more)
        if (sscanf(line + at, "%d%n", &deck.card[deck.n], &more) != 1) return false;
    if (sscanf(line + at, " | %d %d %d %lf %d", &want[0], &want[1], &want[2], &reward, &done) != 5) return false;
    struct blackjack_options o = { .sab = sab, .natural = natural };
    for (int i = 0; i < 5; i++) values[i] = v[i];
    if (!place(&s, &o, values, 5, &io, &err)) return false;
    mb_step out = play(&s, &o, action, next_given, &deck);
    observe(&s, &io);
    return deck.used == n && out.reward == (float)reward && out.terminated == (done != 0) && memcmp(obs, want, sizeof obs) == 0;
}

TEST(reference_steps)
{
    char line[256];
    int steps = 0, wrong = 0;
    FILE *f = fopen(file, "r");
    CHECK(f != NULL);
    while (f && fgets(line, sizeof line, f)) {
        if (line[0] != 'h') continue;
        steps++;
        if (!equal_step(line) && wrong++ < 3) printf("FAIL: %s differs: %s", file, line);
    }
    if (f) fclose(f);
    CHECK(steps >= 10000 && wrong == 0);
}

TEST(random_policy)
{
    double mean = 0, error = 0, sum = 0;
    FILE *f = fopen(file, "r");
    CHECK(f != NULL && fscanf(f, "r %lf %lf", &mean, &error) == 2);
    if (f) fclose(f);
    struct blackjack_options o = { .sab = true };
    struct blackjack s;
    mb_rng env = mb_rng_make(1, "env", 0), policy = mb_rng_make(1, "policy", 0);
    enum { EPISODES = 400000 };
    for (int e = 0; e < EPISODES; e++) {
        reset(&s, &o, &env, &io);
        for (mb_step out = { 0 }; !out.terminated; sum += (double)out.reward) {
            action = mb_below(&policy, NACTIONS);
            out = step(&s, &o, &env, &io);
        }
    }
    CHECK_NEAR(sum / EPISODES, mean, 4 * error * sqrt(1.25)); /* ours has a quarter of the reference's variance */
}

TEST(place_refuses_impossible_hands)
{
    struct blackjack s;
    mb_error err = { 0 };
    CHECK(!place(&s, NULL, (double[]){ 21, 0, 2, 5, 5 }, 5, &io, &err));
    CHECK_ERROR(err, "no 2 cards without an ace make a sum of 21");
    err = (mb_error){ 0 };
    CHECK(!place(&s, NULL, (double[]){ 12, 0, 2, 11, 5 }, 5, &io, &err));
    CHECK_ERROR(err, "[1, 10], not 11");
}

MB_TESTS(T(reference_steps), T(random_policy), T(place_refuses_impossible_hands))

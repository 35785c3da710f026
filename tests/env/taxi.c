/* Taxi's transition tables, masks and start states against Gymnasium's. */
#include "env/text/taxi.c"
#include "table.h"

static const char file[] = "tests/reference/data/toytext-taxi.txt";

static int model(const void *options, int state, int action, struct outcome *out)
{
    return outcomes(options, state, action, out);
}

static struct taxi_options defaults(void)
{
    struct taxi_options o;
    mb_options_default(taxi_option_rows, &o);
    return o;
}

TEST(dry_streets)
{
    struct taxi_options o = defaults();
    CHECK(compare_table(file, &o, model) == 3000);
}

TEST(rainy_streets)
{
    struct taxi_options o = defaults();
    o.rainy = true;
    CHECK(compare_table("tests/reference/data/toytext-taxi-rainy.txt", &o, model) == 3000);
}

/* The lines of the reference file that begin with `kind`: numbers into out; returns how many. */
static int read_lines(char kind, int (*out)[2])
{
    char line[128];
    int n = 0;
    FILE *f = fopen(file, "r");
    CHECK(f != NULL);
    while (f && n < STATES && fgets(line, sizeof line, f))
        if (line[0] == kind && sscanf(line + 1, "%d %d", &out[n][0], &out[n][1]) >= 1) n++;
    if (f) fclose(f);
    return n;
}

TEST(masks)
{
    static int want[STATES][2];
    CHECK(read_lines('m', want) == STATES);
    struct taxi_options o = defaults();
    for (int i = 0; i < STATES; i++) {
        struct taxi s;
        int32_t obs;
        uint8_t mask[NACTIONS] = { 0 };
        mb_error err = { 0 };
        mb_io io = { .obs_field = { &obs }, .mask = mask };
        CHECK(place(&s, &o, (double[]){ want[i][0] }, 1, &io, &err));
        int bits = 0;
        for (int a = 0; a < NACTIONS; a++) bits |= mask[a] << a;
        CHECK(bits == want[i][1]);
    }
}

TEST(starts_are_uniform)
{
    static int want[STATES][2], seen[STATES];
    enum { STARTS = 300, EPISODES = 300000 };
    CHECK(read_lines('i', want) == STARTS);
    struct taxi_options o = defaults();
    struct taxi s;
    int32_t obs;
    mb_io io = { .obs_field = { &obs } };
    mb_rng rng = mb_rng_make(1, "env", 0);
    for (int i = 0; i < EPISODES; i++) {
        reset(&s, &o, &rng, &io);
        seen[obs]++;
    }
    double total = 0, chi = 0;
    for (int i = 0; i < STARTS; i++) {
        double d = seen[want[i][0]] - EPISODES / STARTS;
        total += seen[want[i][0]];
        chi += d * d / (EPISODES / STARTS);
    }
    CHECK(total == EPISODES);
    CHECK_NEAR(chi, STARTS - 1, 5 * sqrt(2.0 * STARTS)); /* chi-squared: mean k, variance 2k */
}

TEST(steps_follow_the_table)
{
    struct taxi_options o = defaults();
    o.rainy = true;
    for (int a = 0; a < NACTIONS; a++) check_frequencies(&mb_env_taxi, &o, model, 246, a, 10000);
}

/* A fickle passenger changes the destination at the first move after boarding, once, to each other stand equally often. */
TEST(fickle_passenger)
{
    struct taxi_options o = defaults();
    mb_rng rng = mb_rng_make(1, "env", 0);
    int changed[STANDS] = { 0 };
    for (int i = 0; i < 9000; i++) {
        struct taxi s;
        int32_t obs, action = SOUTH;
        mb_error err = { 0 };
        mb_io io = { .index = &action, .obs_field = { &obs } };
        int code = encode((struct place){ 2, 2, ABOARD, 1 });
        CHECK(place(&s, &o, (double[]){ code, 1 }, 2, &io, &err));
        action = DROPOFF; /* nobody gets out here: nothing moves, no change of mind */
        step(&s, &o, &rng, &io);
        CHECK(obs == code && s.fickle);
        action = SOUTH;
        step(&s, &o, &rng, &io);
        changed[decode(obs).destination]++;
        code = obs;
        step(&s, &o, &rng, &io);
        CHECK(!s.fickle && decode(obs).destination == decode(code).destination);
    }
    CHECK(changed[1] == 0);
    for (int i = 0; i < STANDS; i++)
        if (i != 1) CHECK_NEAR(changed[i], 3000, 225);
}

MB_TESTS(T(dry_streets), T(rainy_streets), T(masks), T(starts_are_uniform), T(steps_follow_the_table), T(fickle_passenger))

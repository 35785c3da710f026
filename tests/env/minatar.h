/* Compares a MinAtar game with the reference's steps (tests/reference/minatar_games.py).  The including test first
   includes the game's own file, and so sees its `advance` and state, and then defines
       static mb_step replay(struct GAME *s, int action, const int *draws)     one step with given random numbers
   The game's descriptor compiled in this way is tested, and so is the library's build for this CPU. */
#ifndef TESTS_ENV_MINATAR_H
#define TESTS_ENV_MINATAR_H
#include "mb_test.h"

enum { MAX_VALUES = 512, MAX_DRAWS = 8, LINE_BYTES = 4096 };

static uint32_t fnv(uint32_t h, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x01000193u;
    return h;
}

static int read_numbers(char *text, double *out, int max)
{
    int n = 0;
    for (char *end; n < max; n++, text = end) {
        out[n] = strtod(text, &end);
        if (end == text) break;
    }
    return n;
}

struct minatar_reference { double return_mean, return_error, length_mean, length_error; };

/* Every step of the file; returns their number.  `state` and `cells` have room for one instance and its picture. */
static int compare_steps(const mb_env_def *def, const char *file, void *state, uint8_t *cells, struct minatar_reference *ref,
                         mb_step (*play)(void *state, int action, const int *draws), void (*look)(const void *, uint8_t *))
{
    char line[LINE_BYTES];
    int steps = 0, wrong = 0;
    mb_io io = { .obs_field = { cells } };
    FILE *f = fopen(file, "r");
    if (!f) printf("FAIL: cannot read %s (run the tests in the project's root)\n", file);
    while (f && fgets(line, sizeof line, f)) {
        double v[MAX_VALUES];
        mb_error err = { 0 };
        if (line[0] == 'r') {
            int n = read_numbers(line + 1, v, 4);
            CHECK(n == 4);
            *ref = (struct minatar_reference){ v[0], v[1], v[2], v[3] };
        } else if (line[0] == 's') {
            int n = read_numbers(line + 1, v, MAX_VALUES);
            bool placed = def->place(state, NULL, v, n, &io, &err);
            if (!placed) printf("FAIL: %s: %s\n", def->name, err.what);
            CHECK(placed);
        } else {
            int action, reward, done, at = 0, draws[MAX_DRAWS] = { 0 };
            unsigned hash;
            CHECK(sscanf(line, "a %d %d %d %x%n", &action, &reward, &done, &hash, &at) == 4);
            int n = read_numbers(line + at, v, MAX_DRAWS);
            for (int i = 0; i < n; i++) draws[i] = (int)v[i];
            mb_step s = play(state, action, draws);
            look(state, cells);
            uint32_t h = fnv(fnv(0x811c9dc5u, cells, (size_t)def->obs.field[0].n), state, def->state_size);
            bool equal = s.reward == (float)reward && s.terminated == (done != 0) && h == hash;
            if (!equal && wrong++ < 3) printf("FAIL: %s: step %d of %s differs: %s", def->name, steps + 1, file, line);
            steps++;
        }
    }
    if (f) fclose(f);
    CHECK(wrong == 0);
    return steps;
}

/* Mean return and length of the random policy against the reference's, within 4 standard errors of the difference. */
static void compare_random_policy(const mb_env_def *def, const struct minatar_reference *ref, int episodes, void *state, uint8_t *cells)
{
    char options[256];
    CHECK(def->options_size <= sizeof options);
    mb_options_default(def->options, options);
    mb_rng env = mb_rng_make(1, "env", 0), policy = mb_rng_make(1, "policy", 0);
    int32_t action = 0;
    mb_io io = { .index = &action, .obs_field = { cells } };
    double sum[2] = { 0 }, square[2] = { 0 };
    for (int e = 0; e < episodes; e++) {
        double ret = 0, length = 0;
        def->reset(state, options, &env, &io);
        for (mb_step s = { 0 }; !s.terminated; length++) {
            action = mb_below(&policy, def->act.field[0].n);
            s = def->step(state, options, &env, &io);
            ret += (double)s.reward;
        }
        sum[0] += ret, square[0] += ret * ret;
        sum[1] += length, square[1] += length * length;
    }
    double mean[2], error[2];
    for (int k = 0; k < 2; k++) {
        mean[k] = sum[k] / episodes;
        error[k] = sqrt((square[k] / episodes - mean[k] * mean[k]) / episodes);
    }
    CHECK_NEAR(mean[0], ref->return_mean, 1e-9 + 4 * hypot(error[0], ref->return_error));
    CHECK_NEAR(mean[1], ref->length_mean, 1e-9 + 4 * hypot(error[1], ref->length_error));
}

/* Sticky actions: with probability 1 nothing but the first (no operation) is ever done. */
static void check_sticky(const mb_env_def *def, void *state, uint8_t *cells)
{
    char options[256];
    mb_error err = { 0 };
    mb_options_default(def->options, options);
    CHECK(mb_options_set(def->name, def->options, options, "sticky", "1", &err));
    mb_rng rng = mb_rng_make(2, "env", 0);
    int32_t action = 1;
    mb_io io = { .index = &action, .obs_field = { cells } };
    def->reset(state, options, &rng, &io);
    for (int i = 0; i < 5; i++) def->step(state, options, &rng, &io);
    CHECK(*(int16_t *)state == 0);
    CHECK(mb_options_set(def->name, def->options, options, "sticky", "0", &err));
    def->step(state, options, &rng, &io);
    CHECK(*(int16_t *)state != 0);
}

/* The tests of one game; `game` is its struct and name. */
#define MINATAR_TESTS(game, episodes)                                                              \
    static struct game instance;                                                                   \
    static uint8_t picture[SIDE * SIDE * CHANNELS];                                                \
    static struct minatar_reference reference;                                                     \
    static mb_step replay_any(void *s, int action, const int *draws)                               \
    {                                                                                              \
        return replay(s, action, draws);                                                           \
    }                                                                                              \
    static void observe_any(const void *s, uint8_t *cells)                                         \
    {                                                                                              \
        observe(s, cells);                                                                         \
    }                                                                                              \
    TEST(reference_steps)                                                                          \
    {                                                                                              \
        CHECK(compare_steps(&mb_env_##game, "tests/reference/data/minatar-" #game ".txt", &instance, picture, &reference, \
                            replay_any, observe_any) == 10000);                                    \
    }                                                                                              \
    TEST(random_policy)                                                                            \
    {                                                                                              \
        CHECK(reference.length_mean > 0);                                                          \
        compare_random_policy(&mb_env_##game, &reference, episodes, &instance, picture);           \
    }                                                                                              \
    TEST(sticky_actions)                                                                           \
    {                                                                                              \
        check_sticky(&mb_env_##game, &instance, picture);                                          \
    }
#endif

/* Options: every kind of row, its messages, and text that reads back to the same bits. */
#include "matchbox/core.h"
#include "mb_test.h"

enum { CLIPPED, MSE };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, horizon, 128, 1, 65536, "steps per environment")                                      \
    NUM(int64_t, total_steps, 500000, 0, INT64_MAX, "steps in all")                                \
    NUM(float, clip, 0.2f, 0, 1, "clip range")                                                     \
    NUM(float, any, 0, -INFINITY, INFINITY, "any float")                                           \
    NUM(double, gamma, 0.99, 0, 1, "discount")                                                     \
    NUM(bool, norm_adv, true, 0, 1, "standardize advantages")                                      \
    PICK(value_loss, CLIPPED, "clipped|mse|clip", "how the error is measured")                     \
    TEXT(layout, "none", "file with the layout")                                                   \
    LIST(hidden, "64,64", 1, 8192, "units of each hidden layer")                                   \
    SCHED(lr, "linear:2.5e-4:0", 0, 1, "step size")
MB_OPTIONS(ppo, OPTIONS)
typedef struct ppo_options options;

static options defaults(void)
{
    options o;
    memset(&o, 0, sizeof o);
    mb_options_default(ppo_option_rows, &o);
    return o;
}

static bool set(options *o, const char *key, const char *text, mb_error *e)
{
    *e = (mb_error){0};
    return mb_options_set("ppo", ppo_option_rows, o, key, text, e);
}

TEST(defaults_come_from_the_rows)
{
    options o = defaults();
    CHECK(o.horizon == 128 && o.total_steps == 500000 && o.clip == 0.2f && o.gamma == 0.99 &&
          o.norm_adv);
    CHECK(o.value_loss == CLIPPED && strcmp(o.layout.s, "none") == 0);
    CHECK(o.hidden.n == 2 && o.hidden.v[0] == 64 && o.hidden.v[1] == 64);
    CHECK(mb_schedule_at(&o.lr, 0) == 2.5e-4f && mb_schedule_at(&o.lr, 1) == 0);
    mb_options_default(NULL, NULL);
    CHECK(mb_options_find(NULL, "x") == NULL);
}

TEST(every_kind_is_set)
{
    options o = defaults();
    mb_error e;
    CHECK(set(&o, "horizon", "2k", &e) && o.horizon == 2000);
    CHECK(set(&o, "total-steps", "1e6", &e) && o.total_steps == 1000000);
    CHECK(set(&o, "total_steps", "2M", &e) && o.total_steps == 2000000);
    CHECK(set(&o, "clip", "0.1", &e) && o.clip == 0.1f);
    CHECK(set(&o, "gamma", "0.999", &e) && o.gamma == 0.999);
    CHECK(set(&o, "norm-adv", "false", &e) && !o.norm_adv && set(&o, "norm_adv", "on", &e) &&
          o.norm_adv);
    CHECK(set(&o, "value-loss", "mse", &e) && o.value_loss == MSE);
    CHECK(set(&o, "value-loss", "clip", &e) && o.value_loss == 2); /* not the choice it begins */
    CHECK(set(&o, "layout", "maze.txt", &e) && strcmp(o.layout.s, "maze.txt") == 0);
    CHECK(set(&o, "layout", "", &e) && o.layout.s[0] == '\0');
    CHECK(set(&o, "hidden", "32,16,8", &e) && o.hidden.n == 3 && o.hidden.v[2] == 8);
    CHECK(set(&o, "hidden", "", &e) && o.hidden.n == 0);
    CHECK(set(&o, "lr", "3e-4", &e) && mb_schedule_at(&o.lr, 0) == 3e-4f &&
          mb_schedule_at(&o.lr, 0.9) == 3e-4f);
    CHECK(set(&o, "lr", "cosine:1:0.5", &e) && mb_schedule_at(&o.lr, 0.5) == 0.75f);
    CHECK(e.code == MB_OK);
}

/* A refused value: its code, its words, and nothing changed. */
static void check_refused(const char *key, const char *text, mb_code code, const char *words)
{
    options o = defaults(), before = o;
    mb_error e;
    CHECK(!set(&o, key, text, &e) && e.code == code);
    CHECK(memcmp(&o, &before, sizeof o) == 0);
    CHECK_ERROR(e, words);
    CHECK_ERROR(e, "error: ppo: ");
    CHECK_ERROR(e, "help: matchbox help ppo");
}

TEST(values_out_of_range)
{
    check_refused("clip", "1.7", MB_ERR_RANGE, "ppo: option 'clip' must lie in [0, 1], not 1.7");
    check_refused("clip", "nan", MB_ERR_RANGE, "must lie in [0, 1], not nan");
    check_refused("any", "nan", MB_ERR_RANGE, "must lie in [-inf, inf], not nan");
    check_refused("any", "1e39", MB_ERR_RANGE, "not 1e39"); /* no float, though inside */
    check_refused("gamma", "-1e-300", MB_ERR_RANGE, "not -1e-300");
    check_refused("horizon", "0", MB_ERR_RANGE, "must lie in [1, 65536], not 0");
    check_refused("horizon", "5000000000", MB_ERR_RANGE, "not 5000000000");
    check_refused("total-steps", "-1", MB_ERR_RANGE, "option 'total-steps' must lie in [0, ");
    check_refused("hidden", "64,0", MB_ERR_RANGE, "must lie in [1, 8192], not 64,0");
    check_refused("hidden", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", MB_ERR_RANGE,
                  "at most 16 numbers");
    check_refused("lr", "linear:0.1:2", MB_ERR_RANGE, "must lie in [0, 1], not linear:0.1:2");
    check_refused("lr", "nan", MB_ERR_RANGE, "not nan");
    char text[200];
    memset(text, 'x', sizeof text);
    text[MB_TEXT_MAX] = '\0';
    check_refused("layout", text, MB_ERR_RANGE, "at most 127 bytes");
}

TEST(values_of_another_form)
{
    check_refused("horizon", "1.5", MB_ERR_USAGE,
                  "option 'horizon' must be a whole number, not '1.5'");
    check_refused("clip", "", MB_ERR_USAGE, "must be a number, not ''");
    check_refused("clip", "0,2", MB_ERR_USAGE, "must be a number, not '0,2'");
    check_refused("norm_adv", "maybe", MB_ERR_USAGE,
                  "option 'norm-adv' must be true or false, not 'maybe'");
    check_refused("value-loss", "msee", MB_ERR_USAGE,
                  "must be one of clipped, mse, clip, not 'msee'");
    check_refused("value-loss", "msee", MB_ERR_USAGE, "did you mean 'mse'?");
    check_refused("value-loss", "", MB_ERR_USAGE, "not ''");
    static const char *const lists[] = {",", "64,", ",64", "64,,64", "64x64", "a", "1.5", "64 64"};
    for (int i = 0; i < 8; i++)
        check_refused("hidden", lists[i], MB_ERR_USAGE, "whole numbers separated by commas");
    static const char *const schedules[] = {
        "",     "linear", "linear:",    "linear:1", "linear:1:", "linear:1:0:0", "quadratic:1:0",
        ":1:0", "1:0",    "linear:x:0", "linear::0"};
    for (int i = 0; i < 11; i++)
        check_refused("lr", schedules[i], MB_ERR_USAGE, "linear:FROM:TO or cosine:FROM:TO");
}

TEST(unknown_options)
{
    check_refused("gama", "1", MB_ERR_USAGE,
                  "ppo: unknown option 'gama'\n  note: did you mean 'gamma'?");
    check_refused("norm-avd", "1", MB_ERR_USAGE, "did you mean 'norm-adv'?");
    check_refused("total_step", "1", MB_ERR_USAGE, "did you mean 'total-steps'?");
    options o = defaults();
    mb_error e;
    CHECK(!set(&o, "completely-different", "1", &e) && e.nnotes == 0);
    CHECK(!set(&o, "", "1", &e) && e.code == MB_ERR_USAGE);
    CHECK(!mb_options_set("pg", NULL, NULL, "lr", "1", &(mb_error){0}));
}

/* get, set, get: the same text and the same bits. */
static void check_round_trip(const options *o)
{
    options back = defaults();
    mb_error e;
    for (const mb_option *row = ppo_option_rows; row->name; row++) {
        char text[256], again[256];
        mb_options_get(row, o, text, sizeof text);
        CHECK(set(&back, row->name, text, &e));
        mb_options_get(row, &back, again, sizeof again);
        CHECK(strcmp(text, again) == 0);
    }
    CHECK(memcmp(o, &back, sizeof back) == 0);
}

TEST(text_reads_back_to_the_same_bits)
{
    mb_rng r = mb_rng_make(1, "test", 0);
    options o = defaults();
    check_round_trip(&o);
    for (int i = 0; i < 5000; i++) {
        union {
            uint32_t bits;
            float v;
        } f = {mb_rand(&r)};
        o.any = f.v != f.v ? -0.0f : f.v;
        o.clip = mb_uniform(&r, 0, 1) * (i % 2 ? 1e-30f : 1);
        o.gamma = mb_uniform64(&r);
        o.horizon = 1 + mb_below(&r, 65536);
        o.total_steps = (int64_t)((uint64_t)mb_rand(&r) << 31 | mb_rand(&r) >> 1);
        o.norm_adv = i % 2;
        o.value_loss = i % 3;
        o.hidden = (mb_list){0, {0}};
        o.hidden.n = mb_below(&r, MB_LIST_MAX + 1);
        for (int k = 0; k < o.hidden.n; k++) o.hidden.v[k] = 1 + mb_below(&r, 8192);
        o.lr = (mb_schedule){i % 3, mb_uniform(&r, 0, 1), mb_uniform(&r, 0, 1)};
        if (o.lr.kind == 0) o.lr.to = o.lr.from;
        check_round_trip(&o);
    }
}

TEST(text_of_values_is_as_typed)
{
    options o = defaults();
    static const char *const want[] = {"128",  "500000",  "0.2",  "0",     "0.99",
                                       "true", "clipped", "none", "64,64", "linear:0.00025:0"};
    for (int i = 0; i < 10; i++) {
        char text[64];
        mb_options_get(&ppo_option_rows[i], &o, text, sizeof text);
        CHECK(strcmp(text, want[i]) == 0);
    }
    char small[3];
    mb_options_get(&ppo_option_rows[8], &o, small,
                   sizeof small); /* too small: cut, never past the end */
    CHECK(strlen(small) < sizeof small);
}

TEST(schedules)
{
    mb_schedule linear = {1, 1, 3}, cosine = {2, 1, 0}, constant = {0, 5, 5};
    CHECK(mb_schedule_at(&linear, 0.25) == 1.5f && mb_schedule_at(&linear, -1) == 1 &&
          mb_schedule_at(&linear, 2) == 3);
    CHECK(mb_schedule_at(&linear, (double)NAN) == 1);
    CHECK_NEAR(mb_schedule_at(&cosine, 1.0 / 3), 0.75, 1e-6);
    CHECK(mb_schedule_at(&cosine, 0) == 1 && mb_schedule_at(&cosine, 1) == 0 &&
          mb_schedule_at(&constant, 0.3) == 5);
}

MB_TESTS(T(defaults_come_from_the_rows), T(every_kind_is_set), T(values_out_of_range),
         T(values_of_another_form), T(unknown_options), T(text_reads_back_to_the_same_bits),
         T(text_of_values_is_as_typed), T(schedules))

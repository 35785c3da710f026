/* DoorKey and FourRooms against the Python package minigrid: one step from each of 10,000 states,
   and the distribution of first states against its closed form. */
#include "solo.h"
#include "../reference/minigrid_cases.inc"

static int digit(char c)
{
    return c == '.' ? -1 : c <= '9' ? c - '0' : c - 'a' + 10;
}

static uint32_t crc32_byte(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    return crc;
}

static uint32_t obs_crc(const struct solo *s)
{
    uint32_t crc = 0xffffffffu;
    for (int i = 0; i < 7 * 7 * 3; i++) crc = crc32_byte(crc, (uint8_t)s->obs[0][i]);
    return ~crc32_byte(crc, (uint8_t) * (const int32_t *)(const void *)s->obs[1]);
}

/* Step one case of `nstate` state numbers; false at the first difference. */
static bool same_step(struct solo *s, const char *text, int nstate)
{
    double v[10];
    mb_error err = { 0 };
    const char *at = text + 1;
    for (int i = 0; i < nstate; i++) {
        v[i] = digit(*at++);
        if (i == 3) {
            v[i] = v[i] * 1296 + digit(at[0]) * 36 + digit(at[1]);
            at += 2;
        }
    }
    if (!s->def->place(s->state, s->options, v, nstate, &s->io, &err)) {
        printf("%s: %s\n", text, err.what);
        return false;
    }
    s->index[0] = digit(*at++);
    bool expected_end = *at++ == '1', end = solo_step(s);
    char hex[9] = { 0 };
    uint32_t expected_crc = (uint32_t)strtoul(memcpy(hex, at, 8), NULL, 16), reward_bits = 0;
    if (expected_end) reward_bits = (uint32_t)strtoul(memcpy(hex, at + 8, 8), NULL, 16);
    float expected_reward;
    memcpy(&expected_reward, &reward_bits, 4);
    return end == expected_end && s->reward[0] == expected_reward && obs_crc(s) == expected_crc;
}

TEST(doorkey_steps)
{
    static struct solo env[17];
    int ends = 0, wrong = 0, n = sizeof doorkey_cases / sizeof *doorkey_cases;
    for (int i = 0; i < n; i++) {
        int size = digit(doorkey_cases[i][0]);
        if (!env[size].def) {
            char setting[16];
            snprintf(setting, sizeof setting, "size=%d", size);
            solo_open(&env[size], "doorkey", (const char *const[]){ setting, NULL }, 1);
            CHECK(env[size].shape.time_limit == 10 * size * size);
        }
        wrong += !same_step(&env[size], doorkey_cases[i], 9);
        ends += env[size].reward[0] > 0;
    }
    CHECK(n == 6000 && wrong == 0 && ends > 100);
}

TEST(fourrooms_steps)
{
    static struct solo env;
    int ends = 0, wrong = 0, n = sizeof fourrooms_cases / sizeof *fourrooms_cases;
    solo_open(&env, "fourrooms", NULL, 1);
    CHECK(env.shape.time_limit == 100);
    for (int i = 0; i < n; i++) {
        wrong += !same_step(&env, fourrooms_cases[i], 10);
        ends += env.reward[0] > 0;
    }
    CHECK(n == 4000 && wrong == 0 && ends > 100);
}

/* A grid's state: four bytes of step count, then x, y, direction, carried cell, size, mission and
   the cells. */
enum { EMPTY = 1, WALL, GOAL, KEY, DOOR_LOCKED = 7 };
static const uint8_t *pose(const struct solo *s) { return (const uint8_t *)s->state + 4; }
static int cell_at(const struct solo *s, int x, int y)
{
    const uint8_t *p = pose(s);
    return p[6 + y * p[4] + x];
}

static void near_share(int count, int total, double p)
{
    CHECK_NEAR(count, total * p, 5 * sqrt(total * p * (1 - p)));
}

/* Size 6: the wall's column, the door's row, and agent and key within the left room are uniform. */
TEST(doorkey_reset)
{
    struct solo s;
    enum { N = 20000 };
    int split[6] = { 0 }, door[6] = { 0 }, agent[36] = { 0 }, key[36] = { 0 }, dir[4] = { 0 };
    solo_open(&s, "doorkey", NULL, 2);
    for (int i = 0; i < N; i++) {
        solo_reset(&s);
        const uint8_t *p = pose(&s);
        int column = cell_at(&s, 2, 4) == WALL ? 2 : 3; /* the door is never in row 4 */
        split[column]++;
        dir[p[2]]++;
        CHECK(cell_at(&s, 4, 4) == GOAL);
        for (int y = 1; y < 5; y++) door[y] += cell_at(&s, column, y) == DOOR_LOCKED;
        if (column != 2) continue;
        agent[p[1]]++;
        for (int y = 1; y < 5; y++) key[y] += cell_at(&s, 1, y) == KEY;
    }
    for (int c = 2; c <= 3; c++) near_share(split[c], N, 0.5);
    for (int y = 1; y <= 3; y++) near_share(door[y], N, 1.0 / 3);
    for (int d = 0; d < 4; d++) near_share(dir[d], N, 0.25);
    CHECK(door[4] == 0);
    for (int y = 1; y <= 4; y++)
        near_share(agent[y], split[2], 0.25), near_share(key[y], split[2], 0.25);
}

/* FourRooms: each gap uniform over eight cells; agent and goal uniform over the 260 free cells. */
TEST(fourrooms_reset)
{
    struct solo s;
    enum { N = 20000 };
    int gap[4][19] = { 0 }, room[4] = { 0 }, at_gap = 0;
    solo_open(&s, "fourrooms", NULL, 3);
    for (int i = 0; i < N; i++) {
        solo_reset(&s);
        const uint8_t *p = pose(&s);
        int goals = 0, free_cells = 0;
        for (int j = 1; j < 18; j++) {
            gap[j > 9 ? 3 : 0][j] += cell_at(&s, 9, j) != WALL;
            gap[j > 9 ? 2 : 1][j] += cell_at(&s, j, 9) != WALL;
        }
        for (int j = 0; j < 19 * 19; j++) {
            int cell = cell_at(&s, j % 19, j / 19);
            goals += cell == GOAL;
            free_cells += cell != WALL;
        }
        CHECK(goals == 1 && free_cells == 260 && cell_at(&s, p[0], p[1]) == EMPTY);
        if (p[0] == 9 || p[1] == 9) at_gap++;
        else room[(p[0] > 9) + 2 * (p[1] > 9)]++;
    }
    for (int g = 0; g < 4; g++)
        for (int j = g > 1 ? 10 : 1; j <= (g > 1 ? 17 : 8); j++) near_share(gap[g][j], N, 0.125);
    for (int r = 0; r < 4; r++) near_share(room[r], N, 64.0 / 260);
    near_share(at_gap, N, 4.0 / 260);
}

TEST(refused_states)
{
    struct solo s;
    mb_error err = { 0 };
    solo_open(&s, "doorkey", NULL, 1);
    double v[9] = { 1, 1, 0, 0, 2, 1, 2, 1, 1 };
    CHECK(!s.def->place(s.state, s.options, v, 9, &s.io, &err));
    CHECK_ERROR(err, "key cannot lie at (1, 1)");
    err = (mb_error){ 0 };
    v[0] = 2, v[7] = v[8] = -1; /* in the locked door */
    CHECK(!s.def->place(s.state, s.options, v, 9, &s.io, &err));
    CHECK_ERROR(err, "cannot stand at (2, 1)");
    err = (mb_error){ 0 };
    v[2] = 4;
    CHECK(!s.def->place(s.state, s.options, v, 9, &s.io, &err));
    CHECK_ERROR(err, "direction");
    int size = 8;
    solo_open(&s, "fourrooms", NULL, 1);
    memcpy(s.options, &size, sizeof size);
    err = (mb_error){ 0 };
    CHECK(!mb_env_shape_of(s.def, s.options, &s.shape, &err));
    CHECK_ERROR(err, "must be odd");
}

MB_TESTS(T(doorkey_steps), T(fourrooms_steps), T(doorkey_reset), T(fourrooms_reset),
         T(refused_states))

/* The canvas: exact coverage of rectangles, areas of round shapes, clipping, letters, pictures of
 * every environment. */
#include "matchbox/env.h"
#include "mb_test.h"

enum { W = 64, H = 48, GUARD = 256 };
static uint8_t memory[GUARD + W * H * 3 + GUARD];
static mb_canvas canvas = {W, H, memory + GUARD};

static void clear(void)
{
    memset(memory, 0x5A, sizeof memory);
    mb_canvas_clear(&canvas, 0x000000);
}

static bool guards_intact(void)
{
    for (int i = 0; i < GUARD; i++)
        if (memory[i] != 0x5A || memory[sizeof memory - 1 - (size_t)i] != 0x5A) return false;
    return true;
}

static int red(int x, int y)
{
    return canvas.rgb[(y * W + x) * 3];
}

/* Covered pixels, as the sum of brightness. */
static double area(void)
{
    double sum = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) sum += red(x, y) / 255.0;
    return sum;
}

TEST(colors_have_their_order)
{
    clear();
    mb_canvas_clear(&canvas, 0x123456);
    CHECK(canvas.rgb[0] == 0x12 && canvas.rgb[1] == 0x34 && canvas.rgb[2] == 0x56);
    CHECK(canvas.rgb[W * H * 3 - 1] == 0x56 && guards_intact());
}

TEST(rectangles_cover_exactly)
{
    clear();
    mb_canvas_rect(&canvas, 10.0f / W, 8.0f / H, 20.5f / W, 16.25f / H, 0xFFFFFF);
    CHECK(red(10, 8) == 255 && red(9, 8) == 0 && red(10, 7) == 0 && red(19, 15) == 255);
    CHECK_NEAR(red(20, 10), 127.5, 1);
    CHECK_NEAR(red(12, 16), 63.75, 1);
    CHECK_NEAR(area(), 10.5 * 8.25, 0.2);
    clear();
    mb_canvas_rect(&canvas, 20.5f / W, 16.25f / H, 10.0f / W, 8.0f / H,
                   0xFFFFFF); /* corners in any order */
    CHECK_NEAR(area(), 10.5 * 8.25, 0.2);
}

TEST(round_shapes_have_their_area)
{
    clear();
    mb_canvas_disc(&canvas, 0.5f, 0.5f, 10.0f / W, 0xFFFFFF);
    CHECK_NEAR(area(), 3.14159 * 100, 3);
    CHECK(red(W / 2, H / 2) == 255 && red(W / 2 + 12, H / 2) == 0);
    clear();
    mb_canvas_line(&canvas, 12.0f / W, 12.0f / H, 42.0f / W, 32.0f / H, 6.0f / W,
                   0xFFFFFF); /* round ends */
    CHECK_NEAR(area(), sqrt(30 * 30 + 20 * 20) * 6 + 3.14159 * 9, 5);
    clear();
    mb_canvas_line(&canvas, 10.0f / W, 20.5f / H, 50.0f / W, 20.5f / H, 0.25f / W,
                   0xFFFFFF); /* thinner than a pixel: fainter */
    CHECK(red(30, 20) > 40 && red(30, 20) < 90 && red(30, 22) == 0);
}

TEST(nothing_is_drawn_outside)
{
    const float far[] = {-1e30f, -5, -0.1f, 0, 0.5f, 1, 1.1f, 5, 1e30f, MB_INF, -MB_INF, NAN};
    enum { N = sizeof far / sizeof *far };
    clear();
    for (int i = 0; i < N * N; i++) {
        float a = far[i % N], b = far[i / N];
        mb_canvas_rect(&canvas, a, b, b, a, 0xFFFFFF);
        mb_canvas_line(&canvas, a, b, b, 0.5f, 0.05f, 0xFFFFFF);
        mb_canvas_disc(&canvas, a, b, 0.1f, 0xFFFFFF);
        mb_canvas_text(&canvas, a, b, 0.2f, "outside", 0xFFFFFF);
    }
    CHECK(guards_intact());
}

TEST(letters_are_drawn_and_differ)
{
    static uint8_t seen[127 - 32][W * H * 3];
    for (int ch = 32; ch < 127; ch++) {
        char text[2] = {(char)ch, 0};
        clear();
        mb_canvas_text(&canvas, 0.1f, 0.1f, 14.0f / H, text, 0xFFFFFF); /* two pixels to a dot */
        memcpy(seen[ch - 32], canvas.rgb, sizeof seen[0]);
        for (int other = 32; other < ch; other++)
            CHECK(memcmp(seen[ch - 32], seen[other - 32], sizeof seen[0]) != 0);
        CHECK(ch == ' ' ? area() <= 0 : area() >= 4 * 2);
    }
    CHECK(guards_intact());
    clear();
    mb_canvas_text(&canvas, 0, 0, 14.0f / H, "I\n-", 0xFFFFFF);
    double two_lines = area();
    CHECK_NEAR(two_lines, (3 + 5 + 3 + 5) * 4, 0.1); /* I: 3 + 5 + 3 dots, -: 5, four pixels each */
}

/* Every environment draws something, or shows its name. */
TEST(every_environment_has_a_picture)
{
    enum { PW = 400, PH = 300 };
    static uint8_t pixels[PW * PH * 3];
    mb_canvas picture = {PW, PH, pixels};
    for (int i = 0; mb_env_at(i); i++) {
        mb_error err = {0};
        mb_arena *a = mb_arena_new((size_t)1 << 28, &err);
        mb_scope scope = {.arena = a, .seed = 1};
        mb_vec *v = mb_vec_new(&scope, "picture", mb_env_at(i), NULL, 1, &err);
        if (!v && err.code == MB_ERR_UNSUPPORTED) continue; /* its library is not here */
        CHECK(v != NULL && mb_vec_reset(v, &err));
        mb_canvas_clear(&picture, 0xFF00FF);
        mb_vec_draw(v, 0, &picture);
        int other = 0, left = 0;
        for (int p = 1; p < PW * PH; p++) {
            other += memcmp(pixels, pixels + 3 * p, 3) != 0;
            left += pixels[3 * p] == 0xFF && pixels[3 * p + 1] == 0 && pixels[3 * p + 2] == 0xFF;
        }
        CHECK(other > 100 && left == 0);
        if (other <= 100 || left)
            printf("     %s: %d pixels differ, %d not drawn\n", mb_env_at(i)->name, other, left);
        mb_vec_close(v);
        mb_arena_free(a);
    }
}

MB_TESTS(T(colors_have_their_order), T(rectangles_cover_exactly), T(round_shapes_have_their_area),
         T(nothing_is_drawn_outside), T(letters_are_drawn_and_differ),
         T(every_environment_has_a_picture))

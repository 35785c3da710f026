/* matchbox play RUN|ENV */
#include "cli/frames.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                         \
    TEXT(gif, "", "write an animated GIF to this file")                                               \
    TEXT(png, "", "write one picture to this file")                                                   \
    TEXT(mp4, "", "write a film to this file (needs the program ffmpeg)")                             \
    NUM(int, episodes, 1, 1, 1000000, "episodes to play")                                             \
    NUM(int, frame, -1, -1, 1000000000, "frame for --png, the first is 0; -1: the last")              \
    NUM(int, frames, 3000, 1, 1000000000, "stop after so many frames")                                \
    NUM(double, fps, 30, 0.1, 1000, "frames per second")                                              \
    NUM(int, size, 400, 16, 2048, "height and width of pictures in files, pixels")                    \
    NUM(int64_t, seed, 1, 0, 9007199254740992.0, "of the episodes")                                   \
    NUM(bool, random, false, 0, 1, "random actions instead of the policy")                            \
    NUM(bool, sample, false, 0, 1, "sample actions instead of taking the greedy ones")
MB_OPTIONS(play, OPTIONS)

struct show {
    const struct play_options *o;
    mb_player *player;
    mb_canvas canvas;
    gif *gif;
    film *film;
    const char *png;
    bool screen;
    int frames, episodes, steps;
    double sum;
};

/* ---- who plays ---- */

static mb_player *random_player(const cli *c, const mb_env_def *env, int64_t seed, mb_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)seed);
    mb_settings *s = env ? mb_settings_of(c->arena, mb_algo_find("random", err), env, err) : mb_settings_new(c->arena, "random", c->words[0], err);
    if (!s || !mb_settings_set(s, "seed", text, "on the command line", err) || !cli_settings(c, "none", NULL, s, err)) return NULL;
    return mb_player_random(s, 1, err);
}

static mb_player *open_player(const cli *c, mb_error *err)
{
    const struct play_options *o = c->options;
    const char *name = c->words[0];
    if (!mb_is_run(name)) {
        if (strchr(name, '/') && access(name, F_OK) == 0 && !strstr(name, ".c")) {
            mb_fail(err, MB_ERR_USAGE, "play: '%.200s' is neither a run (no config.yaml in it) nor an environment", name);
            mb_help(err, "matchbox list envs");
            return NULL;
        }
        return random_player(c, NULL, o->seed, err);
    }
    struct term_bar bar = { 0 };
    mb_hooks hooks = term_hooks(&bar);
    mb_player *p = mb_player_open(name, 1, (uint64_t)o->seed, &hooks, err);
    if (!p || !o->random) return p;
    mb_player *r = mb_player_random(mb_player_settings(p), 1, err);
    mb_player_free(p);
    return r;
}

/* ---- where it is shown ---- */

enum { SCREEN_SIDE = 120 };

/* As large as the terminal is now, which people resize while they watch. */
static int fit_screen(struct show *s)
{
    int columns, rows;
    term_size(&columns, &rows);
    int side = columns < 2 * (rows - 2) ? columns : 2 * (rows - 2);
    side = side < 8 ? 8 : side > SCREEN_SIDE ? SCREEN_SIDE : side & ~1;
    if (s->canvas.w && s->canvas.w != side) screen_begin(stdout);
    s->canvas.w = s->canvas.h = side;
    return columns;
}

static bool make_canvas(const cli *c, struct show *s, mb_error *err)
{
    int side = s->screen ? SCREEN_SIDE : s->o->size & ~1; /* films want even sizes */
    uint8_t *rgb = mb_alloc(c->arena, (size_t)side * (size_t)side, 3, err);
    s->canvas = (mb_canvas){ s->screen ? 0 : side, s->screen ? 0 : side, rgb };
    return rgb != NULL;
}

static bool open_files(const cli *c, struct show *s, mb_error *err)
{
    const char *gif_file = cli_text(c, "gif"), *film_file = cli_text(c, "mp4");
    s->png = cli_text(c, "png");
    s->screen = !gif_file && !film_file && !s->png;
    if (s->screen && !term_is_tty(stdout)) {
        mb_fail(err, MB_ERR_USAGE, "play: standard output is not a terminal");
        mb_note(err, "write to a file instead: --gif F, --png F or --mp4 F");
        return mb_help(err, "matchbox help play");
    }
    if (!make_canvas(c, s, err)) return false;
    if (gif_file && !(s->gif = gif_open(gif_file, s->canvas.w, s->canvas.h, s->o->fps, c->arena, err))) return false;
    return !film_file || (s->film = film_open(film_file, s->canvas.w, s->canvas.h, s->o->fps, c->arena, err));
}

static bool show_frame(struct show *s, mb_error *err)
{
    int columns = s->screen ? fit_screen(s) : 0;
    mb_vec_draw(mb_player_vec(s->player), 0, &s->canvas);
    s->frames++;
    if (s->gif && !gif_add(s->gif, s->canvas.rgb, err)) return false;
    if (s->film && !film_add(s->film, s->canvas.rgb, err)) return false;
    if (!s->screen) return true;
    char below[128];
    snprintf(below, sizeof below, "episode %d  step %d  return %.6g", s->episodes + 1, s->steps, s->sum);
    if (columns > 0 && columns < (int)sizeof below) below[columns - 1] = 0; /* a second line would scroll the picture */
    screen_draw(stdout, &s->canvas, below);
    double pause = 1 / s->o->fps;
    struct timespec t = { (time_t)pause, (long)((pause - (double)(time_t)pause) * 1e9) };
    nanosleep(&t, NULL);
    return true;
}

static bool play_on(struct show *s, mb_error *err)
{
    const mb_vec_view *v = mb_vec_view_of(mb_player_vec(s->player));
    bool want_all = !s->png || s->gif || s->film || s->o->frame < 0;
    while (s->episodes < s->o->episodes && s->frames < s->o->frames && !*cli_stop_flag()) {
        if (!show_frame(s, err)) return false;
        if (!want_all && s->frames > s->o->frame) break;
        if (!mb_player_step(s->player, !s->o->sample, err)) return false;
        s->sum += (double)v->reward[0];
        s->steps++;
        if (v->last_length[0] <= 0) continue;
        if (!s->screen) printf("episode %d: return %.6g in %d steps\n", s->episodes + 1, s->sum, s->steps);
        s->episodes++;
        s->sum = s->steps = 0;
    }
    return true;
}

static bool close_files(const cli *c, struct show *s, mb_error *err)
{
    if (s->gif && !gif_close(s->gif, err)) return false;
    if (s->film && !film_close(s->film, err)) return false;
    if (s->png && s->o->frame >= s->frames) return mb_fail(err, MB_ERR_RANGE, "play: there were only %d frames, and frame %d was wanted", s->frames, s->o->frame);
    return !s->png || png_write(s->png, s->canvas.rgb, s->canvas.w, s->canvas.h, c->arena, err);
}

static bool run(cli *c, mb_error *err)
{
    struct show s = { .o = c->options };
    if (!(s.player = open_player(c, err))) return false;
    if (!open_files(c, &s, err)) {
        mb_player_free(s.player);
        return false;
    }
    if (s.screen) screen_begin(stdout);
    bool ok = play_on(&s, err);
    if (s.screen) {
        screen_end(stdout);
        printf("\n");
    }
    if (!close_files(c, &s, err)) ok = false;
    mb_player_free(s.player);
    if (ok && *cli_stop_flag()) return mb_fail(err, MB_ERR_INTERRUPTED, "play: stopped");
    return ok;
}

CLI_COMMAND(play) = {
    .name = "play", .usage = "play RUN|ENV [--gif F|--png F|--mp4 F]", .summary = "watch a policy, or random actions",
    .about = "Shows episodes in the terminal, or writes them to a file. Of a run it is the newest checkpoint that plays; of an "
             "environment (--env.NAME for its options) random actions do.",
    .min_words = 1, .max_words = 1, .takes_settings = true, MB_USE_OPTIONS(play), .run = run,
};

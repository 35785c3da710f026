/* The dashboard of train and resume: the whole terminal, redrawn a few times a second, in its alternate screen, so that what was
   there before comes back, however the program ends.  It draws what the runner tells and keeps no other state than the curve. */
#include "cli/curves.h"
#include "cli/dashboard.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_LINES = 64, LOG_BYTES = 256, SHOWN_LOGS = 5, FRAME_BYTES = 256 * 1024 };
/* Between frames: at least this long, and a hundred times as long as the last frame took, so that drawing costs 1 % of the time on a
   slow terminal or a busy machine too; but no longer than the last. */
static const double FRAME_SECONDS = 0.2, FRAME_COST = 100, LONGEST_PAUSE = 2;

struct dashboard {
    struct curve curve[2];             /* training, evaluation */
    int stride, skipped;               /* every stride-th point is kept */
    int64_t eval_step;                 /* of the last evaluation taken in */
    char log[LOG_LINES][LOG_BYTES];    /* ring */
    int nlogs;
    double opens_at, next;             /* seconds of training; clock: when the next frame is due */
    bool open;
    int columns, rows;
    char *frame;
};

/* ---- the terminal, given back by whatever ends the program ---- */

static const char ENTER[] = "\033[?1049h\033[?25l\033[2J", LEAVE[] = "\033[0m\033[?25h\033[?1049l";
static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT, SIGHUP };
static volatile sig_atomic_t screen_taken;

void dashboard_restore(void)
{
    if (!screen_taken) return;
    screen_taken = 0; /* first: a signal between the two may take the screen again */
    (void)!write(STDERR_FILENO, LEAVE, sizeof LEAVE - 1);
}

static void on_deadly(int number)
{
    dashboard_restore();
    raise(number); /* SA_RESETHAND: now it does what it does */
}

static void on_stop(int number);
static void catch_stop(void) /* being continued waits until the handler has left the screen and stopped */
{
    struct sigaction a = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
    sigemptyset(&a.sa_mask);
    sigaddset(&a.sa_mask, SIGCONT);
    sigaction(SIGTSTP, &a, NULL);
}

static void on_continue(int number)
{
    catch_stop();
    screen_taken = 1;
    (void)!write(STDERR_FILENO, ENTER, sizeof ENTER - 1);
}

/* Ctrl-Z: leave the screen, then stop as if nobody had caught it. */
static void on_stop(int number)
{
    sigset_t set;
    dashboard_restore();
    signal(SIGTSTP, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void take_screen(struct dashboard *d)
{
    struct sigaction once = { .sa_handler = on_deadly, .sa_flags = (int)SA_RESETHAND | SA_NODEFER };
    sigemptyset(&once.sa_mask);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) sigaction(deadly[i], &once, NULL);
    catch_stop();
    signal(SIGCONT, on_continue);
    atexit(dashboard_restore);
    fflush(stderr);
    screen_taken = 1;
    (void)!write(STDERR_FILENO, ENTER, sizeof ENTER - 1);
    d->open = true;
}

static void give_screen_back(struct dashboard *d)
{
    dashboard_restore();
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) signal(deadly[i], SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
    signal(SIGCONT, SIG_DFL);
    d->open = false;
}

/* ---- what it remembers ---- */

static void add_point(struct curve *c, double x, double y)
{
    if (c->n == 0) c->least = c->greatest = y;
    if (c->n == CURVE_POINTS) return;
    c->x[c->n] = x;
    c->mean[c->n] = c->low[c->n] = c->high[c->n] = y;
    c->n++;
    c->least = fmin(c->least, y);
    c->greatest = fmax(c->greatest, y);
}

/* Drop every other point when there is no room for more. */
static void thin(struct curve *c)
{
    int kept = 0;
    for (int i = 1; i < c->n; i += 2, kept++) {
        c->x[kept] = c->x[i];
        c->mean[kept] = c->low[kept] = c->high[kept] = c->mean[i];
    }
    c->n = kept;
}

static void remember(struct dashboard *d, const mb_progress_info *p)
{
    struct curve *c = &d->curve[0];
    if (p->eval.episodes > 0 && p->eval_step != d->eval_step) {
        d->eval_step = p->eval_step;
        if (d->curve[1].n == CURVE_POINTS) thin(&d->curve[1]);
        add_point(&d->curve[1], (double)p->eval_step, p->eval.return_mean);
    }
    if (!isfinite(p->return_mean) || (++d->skipped < d->stride && !p->done)) return;
    d->skipped = 0;
    if (c->n == CURVE_POINTS) {
        thin(c);
        d->stride *= 2;
    }
    if (c->n == 0 || (double)p->step > c->x[c->n - 1]) add_point(c, (double)p->step, p->return_mean);
}

/* ---- a frame: every line fits the width, no more lines than rows ---- */

struct page { FILE *f; int columns, left; bool color; }; /* left: lines there is room for */

static void end_line(struct page *g)
{
    g->left--;
    fputs("\033[0m\033[K", g->f);
    if (g->left > 0) fputs("\r\n", g->f);
}

/* A line of plain characters, cut to the width. */
static void put_line(struct page *g, const char *style, const char *text)
{
    if (g->left <= 0) return;
    if (g->color && style) fprintf(g->f, "\033[%sm", style);
    for (int used = 0; *text && used < g->columns; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x80 && (c & 0xc0) == 0x80) { /* goes on with the character before */
            fputc(c, g->f);
            continue;
        }
        fputc(c < 32 || c == 127 ? ' ' : c, g->f);
        used++;
    }
    end_line(g);
}

static void put_bar(struct page *g, double part, int width)
{
    static const char *const eighths[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    double cells = fmin(fmax(part, 0), 1) * width;
    for (int i = 0; i < width; i++) {
        double here = cells - i;
        if (g->color) fputs(here > 0 ? "\033[34m" : "\033[90m", g->f);
        fputs(here >= 1 ? "█" : here > 0.06 ? eighths[(int)(here * 8)] : g->color ? "░" : ".", g->f);
    }
    if (g->color) fputs("\033[0m", g->f);
}

static void put_head(struct page *g, const mb_progress_info *p)
{
    char text[512], done[16], all[16], rate[16], left[32];
    snprintf(text, sizeof text, "%s on %s, seed %llu%s%s", p->algo, p->env, (unsigned long long)p->seed, p->dir ? "  " : "", p->dir ? p->dir : "");
    put_line(g, "1", text);
    if (g->left <= 0) return;
    double part = (double)p->step / (double)p->total_steps;
    int width = g->columns - 5 < 60 ? g->columns - 5 : 60;
    fprintf(g->f, "%3.0f%% ", 100 * fmin(part, 1));
    put_bar(g, part, width);
    end_line(g);
    term_time_left(left, sizeof left, p);
    term_count(done, (double)p->step);
    term_count(all, (double)p->total_steps);
    term_count(rate, p->steps_per_second);
    if (g->columns >= 60) snprintf(text, sizeof text, "%s of %s steps   %s steps/s   %s left   %lld episodes", done, all, rate, left, (long long)p->episodes);
    else if (g->columns >= 36) snprintf(text, sizeof text, "%s of %s  %s/s  %s left", done, all, rate, left);
    else snprintf(text, sizeof text, "%s %s/s %s", done, rate, left);
    put_line(g, NULL, text);
}

static void put_results(struct page *g, const mb_progress_info *p)
{
    char text[256], eval[128] = "none yet", step[16];
    if (p->eval.episodes > 0)
        snprintf(eval, sizeof eval, "%.4g%s (%.4g to %.4g) at %s", p->eval.return_mean, "", p->eval.return_min, p->eval.return_max,
                 term_count(step, (double)p->eval_step));
    if (g->columns >= 60) snprintf(text, sizeof text, "return %.4g over the last 100 episodes   evaluation %s", p->return_mean, eval);
    else snprintf(text, sizeof text, "return %.4g  eval %s", p->return_mean, p->eval.episodes > 0 ? eval : "-");
    put_line(g, NULL, text);
}

static void put_memory(struct page *g, const mb_progress_info *p)
{
    char text[256];
    double now = (double)p->memory_bytes / 1048576, peak = (double)p->peak_memory_bytes / 1048576;
    if (g->columns >= 60)
        snprintf(text, sizeof text, "memory %.0f MB, at most %.0f MB   %d environments   %d thread%s", now, peak, p->envs, p->threads, p->threads > 1 ? "s" : "");
    else snprintf(text, sizeof text, "%.0f MB  %d envs", now, p->envs);
    put_line(g, NULL, text);
}

/* Where the time goes, and how many steps a second there would be if it went nowhere else. */
static void put_phases(struct page *g, const mb_progress_info *p)
{
    static const mb_phase order[] = { MB_PHASE_ENV, MB_PHASE_ACT, MB_PHASE_LEARN, MB_PHASE_OTHER };
    double sum = 0, steps = p->steps_per_second * p->seconds;
    for (int i = 0; i < MB_PHASES; i++) sum += p->phase_seconds[i];
    for (int i = 0; i < MB_PHASES && g->left > 0 && sum > 0; i++) {
        double s = p->phase_seconds[order[i]];
        char rate[16], text[96];
        const char *name = mb_phase_name(order[i]);
        if (g->columns < 48) {
            snprintf(text, sizeof text, "%-11s %3.0f %%", name, 100 * s / sum);
            put_line(g, NULL, text);
            continue;
        }
        fprintf(g->f, "%-11s %3.0f %% ", name, 100 * s / sum);
        put_bar(g, s / sum, g->columns < 70 ? 12 : 30);
        if (s > 0) fprintf(g->f, "  %s steps/s", term_count(rate, steps / s));
        end_line(g);
    }
}

static void put_curve(struct page *g, struct dashboard *d, int rows)
{
    struct curve both[2];
    struct curves c = { .curve = both, .metric = "return_mean" };
    int before = g->left;
    for (int i = 0; i < 2; i++)
        if (d->curve[i].n > 1) both[c.n++] = d->curve[i];
    if (c.n == 0 || rows < 4 || g->columns < 18) return;
    put_line(g, "1", d->curve[1].n > 1 ? "return: training, evaluation" : "return, mean of the last 100 episodes");
    curves_plot(g->f, &c, g->columns, rows - 1, g->color, "\033[0m\033[K\r\n");
    g->left = before - rows;
}

static void put_logs(struct page *g, const struct dashboard *d)
{
    int shown = d->nlogs < SHOWN_LOGS ? d->nlogs : SHOWN_LOGS;
    for (int i = d->nlogs - shown; i < d->nlogs; i++) put_line(g, "33", d->log[i % LOG_LINES]);
}

static void draw(struct dashboard *d, const mb_progress_info *p)
{
    struct page g = { .color = term_color(stderr) };
    int columns, rows, logs = d->nlogs < SHOWN_LOGS ? d->nlogs : SHOWN_LOGS;
    term_size(&columns, &rows);
    if (!(g.f = fmemopen(d->frame, FRAME_BYTES, "w"))) return;
    g.columns = columns;
    g.left = rows;
    fputs(columns != d->columns || rows != d->rows ? "\033[H\033[2J" : "\033[H", g.f);
    d->columns = columns;
    d->rows = rows;
    put_head(&g, p);
    put_results(&g, p);
    int below = 1 + 4 + logs + 1, room = g.left - below; /* memory, phases, log, the last line */
    put_curve(&g, d, room > 22 ? 22 : room);
    put_phases(&g, p);
    put_memory(&g, p);
    put_logs(&g, d);
    put_line(&g, "90", p->done ? "training has ended" : columns >= 40 ? "Ctrl-C stops with a checkpoint" : "Ctrl-C stops");
    if (g.left > 0) fputs("\033[J", g.f);
    long n = ftell(g.f);
    fclose(g.f);
    for (long at = 0; at < n;) {
        ssize_t k = write(STDERR_FILENO, d->frame + at, (size_t)(n - at));
        if (k <= 0) break;
        at += k;
    }
}

/* ---- what the terminal calls ---- */

struct dashboard *dashboard_new(mb_arena *a, double opens_at, mb_error *err)
{
    struct dashboard *d = mb_alloc(a, 1, sizeof *d, err);
    if (!d || !(d->frame = mb_alloc(a, 1, FRAME_BYTES, err))) return NULL;
    d->stride = 1;
    d->opens_at = opens_at;
    for (int i = 0; i < 2; i++) d->curve[i].seeds = 1;
    return d;
}

void dashboard_past(struct dashboard *d, mb_arena *a, const char *dir)
{
    static const char *const metrics[] = { "return_mean", "eval/return_mean" };
    for (int i = 0; i < 2; i++) {
        mb_error none_yet = { 0 };
        struct curves past;
        if (curves_read(a, &dir, 1, metrics[i], &past, &none_yet)) d->curve[i] = past.curve[0];
    }
}

bool dashboard_progress(struct dashboard *d, const mb_progress_info *p)
{
    double now = mb_now();
    int columns, rows;
    remember(d, p);
    if (!d->open && (p->done || p->seconds < d->opens_at)) return false;
    if (!d->open) take_screen(d);
    term_size(&columns, &rows);
    if (now < d->next && columns == d->columns && rows == d->rows && !p->done) return true;
    draw(d, p);
    double cost = mb_now() - now;
    d->next = now + cost + fmin(fmax(FRAME_SECONDS, FRAME_COST * cost), LONGEST_PAUSE);
    return true;
}

bool dashboard_log(struct dashboard *d, const char *prefix, const char *text)
{
    if (!d->open) return false;
    snprintf(d->log[d->nlogs++ % LOG_LINES], LOG_BYTES, "%s%s", prefix, text);
    return true;
}

void dashboard_close(struct dashboard *d)
{
    if (!d->open) return;
    give_screen_back(d);
    for (int i = d->nlogs > LOG_LINES ? d->nlogs - LOG_LINES : 0; i < d->nlogs; i++) fprintf(stderr, "%s\n", d->log[i % LOG_LINES]);
    d->nlogs = 0;
}

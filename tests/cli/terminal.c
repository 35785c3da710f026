/* The dashboard on a pseudo-terminal: what it draws fits the window whatever its size, and the terminal is given back. */
#include "mb_test.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char ENTER[] = "\033[?1049h", LEAVE[] = "\033[?1049l", SHOW_CURSOR[] = "\033[?25h";
enum { OUTPUT = 1 << 22 };
struct screen { int fd; pid_t pid; char *out; size_t n; };

static void set_size(int fd, int columns, int rows)
{
    struct winsize w = { .ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows };
    CHECK(ioctl(fd, TIOCSWINSZ, &w) == 0);
}

static void child(const char *tty, const char *setting, const char *choice)
{
    setsid();
    int fd = open(tty, O_RDWR); /* becomes the controlling terminal: Ctrl-C reaches us */
    ioctl(fd, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++) dup2(fd, i);
    setenv("TERM", "xterm-256color", 1);
    unsetenv("NO_COLOR");
    if (setting) putenv((char *)(uintptr_t)setting);
    const char *program = getenv("MATCHBOX");
    execl(program ? program : "build/matchbox", "matchbox", "train", "ppo", "cartpole", "--run", "none", "--total-steps", "1G", "--eval-every",
          "30k", "--eval-episodes", "5", "--dashboard", choice, (char *)NULL);
    _exit(127);
}

static struct screen start(int columns, int rows, const char *setting, const char *choice)
{
    struct screen s = { .fd = posix_openpt(O_RDWR | O_NOCTTY), .out = calloc(1, OUTPUT + 1) };
    CHECK(s.fd >= 0 && grantpt(s.fd) == 0 && unlockpt(s.fd) == 0);
    set_size(s.fd, columns, rows);
    const char *tty = ptsname(s.fd);
    s.pid = fork();
    if (s.pid == 0) child(tty, setting, choice);
    return s;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Read for so long, or until `text` has come `times` times behind what was there before. */
static bool watch(struct screen *s, double seconds, const char *text, int times)
{
    double end = now() + seconds;
    size_t from = s->n;
    while (now() < end) {
        struct pollfd p = { s->fd, POLLIN, 0 };
        if (poll(&p, 1, 50) > 0) {
            ssize_t k = read(s->fd, s->out + s->n, OUTPUT - s->n);
            if (k <= 0) break;
            s->n += (size_t)k;
            s->out[s->n] = 0;
        }
        int seen = 0;
        for (const char *at = s->out + from; text && (at = strstr(at, text)); at += strlen(text)) seen++;
        if (text && seen >= times) return true;
    }
    return false;
}

static int finish(struct screen *s)
{
    int status = -1;
    double end = now() + 20;
    while (watch(s, 0.2, NULL, 0), waitpid(s->pid, &status, WNOHANG) == 0)
        if (now() > end) kill(s->pid, SIGKILL);
    watch(s, 0.2, NULL, 0);
    close(s->fd);
    return status;
}

/* The widest line and the number of lines of one frame, escapes left out, characters counted once. */
static void measure(const char *frame, size_t n, int *widest, int *lines)
{
    int width = 0;
    *widest = 0;
    *lines = 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)frame[i];
        if (c == 27) {
            while (i < n && !strchr("HJKmhl", frame[i])) i++;
        } else if (c == '\n') {
            ++*lines;
            width = 0;
        } else if (c >= 32 && (c & 0xc0) != 0x80) {
            if (++width > *widest) *widest = width;
        }
    }
}

/* Every whole frame in the output since `from`: returns how many there were. */
static int check_frames(const struct screen *s, size_t from, int columns, int rows)
{
    int frames = 0;
    const char *begin = strstr(s->out + from, "\033[H");
    for (const char *end; begin && (end = strstr(begin + 3, "\033[H")); begin = end) {
        int widest, lines;
        measure(begin, (size_t)(end - begin), &widest, &lines);
        CHECK(widest <= columns);
        CHECK(lines <= rows);
        frames++;
    }
    return frames;
}

static const char *last(const char *text, const char *what)
{
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, what)); at++) found = at;
    return found;
}

/* The last thing said to the terminal about its screens is to go back to the first one. */
static bool given_back(const struct screen *s)
{
    const char *enter = last(s->out, ENTER), *leave = last(s->out, LEAVE), *show = last(s->out, SHOW_CURSOR);
    return enter && leave && show && leave > enter && show > enter;
}

TEST(it_fits_and_follows_the_window)
{
    static const int sizes[][2] = { { 100, 40 }, { 80, 24 }, { 47, 12 }, { 20, 10 }, { 20, 5 }, { 8, 3 }, { 1, 1 }, { 200, 60 } };
    struct screen s = start(80, 24, NULL, "on");
    CHECK(watch(&s, 20, "\033[H", 2));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        set_size(s.fd, sizes[i][0], sizes[i][1]);
        CHECK(watch(&s, 10, "\033[H\033[2J", 1)); /* drawn anew from the top */
        size_t from = (size_t)(last(s.out, "\033[H\033[2J") - s.out);
        CHECK(watch(&s, 10, "\033[H", 2));
        CHECK(check_frames(&s, from, sizes[i][0], sizes[i][1]) >= 1);
    }
    CHECK(strstr(s.out, "ppo on cartpole") && strstr(s.out, "learning") && strstr(s.out, "memory") && strstr(s.out, "evaluation"));
    CHECK(strstr(s.out, "steps/s") && strstr(s.out, "left"));
    CHECK(write(s.fd, "\003", 1) == 1); /* Ctrl-C */
    int status = finish(&s);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    CHECK(given_back(&s));
    CHECK(last(s.out, "error: stopped at step") > last(s.out, LEAVE)); /* told where it can still be read */
    free(s.out);
}

TEST(a_crash_gives_the_terminal_back)
{
    static const int signals[] = { SIGSEGV, SIGABRT };
    for (int i = 0; i < 2; i++) {
        struct screen s = start(80, 24, NULL, "on");
        CHECK(watch(&s, 20, "\033[H", 2));
        kill(s.pid, signals[i]);
        int status = finish(&s);
        CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == signals[i] : WEXITSTATUS(status) != 0); /* a sanitizer exits instead */
        CHECK(given_back(&s));
        free(s.out);
    }
}

/* Told to go on until it has drawn again: told once, before it has stopped, it would stop after that.  (A program whose parent is in
   another session, as here, may not be stopped at all; it leaves and enters again at once.) */
static bool goes_on(struct screen *s)
{
    for (int i = 0; i < 100; i++) {
        if (last(s->out, ENTER) > last(s->out, LEAVE)) return true;
        kill(s->pid, SIGCONT);
        watch(s, 0.1, NULL, 0);
    }
    return false;
}

TEST(stopped_and_continued)
{
    struct screen s = start(80, 24, NULL, "on");
    CHECK(watch(&s, 20, "\033[H", 2));
    kill(s.pid, SIGTSTP);
    CHECK(watch(&s, 10, LEAVE, 1));
    CHECK(goes_on(&s));
    CHECK(watch(&s, 10, "\033[H", 2));
    kill(s.pid, SIGINT);
    int status = finish(&s);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    CHECK(given_back(&s));
    free(s.out);
}

TEST(plain_terminals_get_plain_output)
{
    struct screen s = start(80, 24, "NO_COLOR=1", "on");
    CHECK(watch(&s, 20, "\033[H", 4));
    CHECK(!strstr(s.out, "\033[3") && !strstr(s.out, "\033[9") && !strstr(s.out, "\033[1m"));
    kill(s.pid, SIGINT);
    finish(&s);
    free(s.out);
    s = start(80, 24, "TERM=dumb", "auto");
    watch(&s, 1.2, NULL, 0);
    kill(s.pid, SIGINT);
    finish(&s);
    CHECK(!strchr(s.out, 27));
    free(s.out);
    s = start(80, 24, NULL, "off");
    watch(&s, 1.2, NULL, 0);
    kill(s.pid, SIGINT);
    finish(&s);
    CHECK(!strstr(s.out, ENTER) && strstr(s.out, "steps/s") == NULL && strstr(s.out, "left"));
    free(s.out);
}

TEST(on_without_a_terminal_is_refused)
{
    struct screen s = start(80, 24, "TERM=dumb", "on");
    int status = finish(&s);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    CHECK(strstr(s.out, "not a terminal that can show one"));
    free(s.out);
}

MB_TESTS(T(it_fits_and_follows_the_window), T(a_crash_gives_the_terminal_back), T(stopped_and_continued), T(plain_terminals_get_plain_output),
         T(on_without_a_terminal_is_refused))

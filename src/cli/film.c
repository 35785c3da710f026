/* MP4 through the program ffmpeg, which reads raw frames from a pipe. */
#include "cli/frames.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct film { int pipe; pid_t pid; size_t bytes; char path[1024], temporary[1032]; };
extern char **environ;

static bool start(film *f, int w, int h, double fps, mb_error *err)
{
    char size[32], rate[32];
    int ends[2];
    snprintf(size, sizeof size, "%dx%d", w, h);
    snprintf(rate, sizeof rate, "%g", fps);
    const char *const args[] = { "ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "-",
                                 "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", f->temporary, NULL };
    if (pipe(ends) != 0) return mb_fail(err, MB_ERR_IO, "no pipe to ffmpeg: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    int rc = posix_spawnp(&f->pid, "ffmpeg", &actions, NULL, (char *const *)(uintptr_t)args, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    f->pipe = ends[1];
    if (rc == 0) return true;
    close(ends[1]);
    mb_fail(err, MB_ERR_UNSUPPORTED, "play: --mp4 needs the program ffmpeg, which is not here: %s", strerror(rc));
    mb_note(err, "install ffmpeg, or make a --gif, which needs nothing");
    return mb_help(err, "matchbox help play");
}

film *film_open(const char *path, int w, int h, double fps, mb_arena *a, mb_error *err)
{
    film *f = mb_alloc(a, 1, sizeof *f, err);
    if (!f) return NULL;
    f->bytes = (size_t)w * (size_t)h * 3;
    if (snprintf(f->path, sizeof f->path, "%s", path) >= (int)sizeof f->path) {
        mb_fail(err, MB_ERR_USAGE, "play: the path of the film is too long");
        return NULL;
    }
    snprintf(f->temporary, sizeof f->temporary, "%s.tmp", f->path); /* the film appears under its name when it is complete */
    signal(SIGPIPE, SIG_IGN);
    return start(f, w, h, fps, err) ? f : NULL;
}

bool film_add(film *f, const uint8_t *rgb, mb_error *err)
{
    for (size_t at = 0; at < f->bytes;) {
        ssize_t n = write(f->pipe, rgb + at, f->bytes - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return mb_fail(err, MB_ERR_IO, "ffmpeg stopped reading: its message is above");
        at += (size_t)n;
    }
    return true;
}

bool film_close(film *f, mb_error *err)
{
    int status;
    close(f->pipe);
    while (waitpid(f->pid, &status, 0) < 0)
        if (errno != EINTR) return mb_fail(err, MB_ERR_IO, "lost ffmpeg: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && rename(f->temporary, f->path) == 0) return true;
    remove(f->temporary);
    return mb_fail(err, MB_ERR_IO, "ffmpeg failed: its message is above");
}

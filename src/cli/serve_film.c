/* Episodes of a run: `matchbox play` in a child process, so that no environment can take the page down with it. */
#include "cli/serve.h"
#include <sys/stat.h>
#include <unistd.h>

static const double WANTED_SECONDS = 60, PAUSE_SECONDS = 8;

/* When the newest checkpoint was written; 0: there is none. */
static double checkpoint_time(const struct watched *r)
{
    char path[SITE_PATH + 64];
    struct stat st;
    snprintf(path, sizeof path, "%s/checkpoints", r->dir);
    if (stat(path, &st) != 0) return 0;
    return (double)st.st_mtim.tv_sec + 1e-9 * (double)st.st_mtim.tv_nsec;
}

static void film_path(const struct site *s, int run, const char *tail, char out[128]) { snprintf(out, 128, "%s/%d.gif%s", s->films, run, tail); }

static void begin(struct site *s, int i, double source, double now)
{
    char path[128];
    mb_error err = { 0 };
    film_path(s, i, ".new", path);
    const char *argv[] = { "matchbox", "play", s->run[i].dir, "--gif", path, "--frames", "400", "--size", "240", NULL };
    mb_job_spec spec = { .argv = argv, .tag = i };
    s->run[i].filmed = now;
    s->run[i].film_source = source;
    if (!mb_jobs_start(s->jobs, &spec, &err)) s->run[i].film_source = -1;
}

void site_film(struct site *s)
{
    mb_job_end end;
    double now = mb_now();
    pthread_mutex_lock(&s->lock);
    while (mb_jobs_wait(s->jobs, 0, &end)) {
        char from[128], to[128];
        film_path(s, (int)end.tag, ".new", from);
        film_path(s, (int)end.tag, "", to);
        if (end.status == 0 && rename(from, to) == 0) s->run[end.tag].film++;
        else unlink(from);
    }
    for (int i = 0; i < s->nruns && !mb_jobs_full(s->jobs); i++) {
        struct watched *r = &s->run[i];
        if (r->wanted <= 0 || now - r->wanted > WANTED_SECONDS || (r->filmed > 0 && now - r->filmed < PAUSE_SECONDS)) continue;
        double source = checkpoint_time(r);
        if (source > 0 && source != r->film_source) begin(s, i, source, now);
    }
    pthread_mutex_unlock(&s->lock);
}

/* matchbox serve [RUNS] */
#include "cli/serve.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                             \
    NUM(int, port, 8380, 0, 65535, "port of the page; 0: any that is free")                               \
    TEXT(host, "127.0.0.1", "address to listen on; 0.0.0.0: also for other machines, who see all but cannot stop runs")
MB_OPTIONS(serve, OPTIONS)

static const double LOOK_SECONDS = 0.25, SCAN_SECONDS = 2;

static bool make_token(struct site *s, mb_error *err)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) return mb_fail(err, MB_ERR_IO, "serve: no random numbers for a token");
    for (int i = 0; i < 16; i++) snprintf(s->token + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static bool make_folder(struct site *s, mb_error *err)
{
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(s->films, sizeof s->films, "%s/matchbox-serve-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (n >= (int)sizeof s->films) snprintf(s->films, sizeof s->films, "/tmp/matchbox-serve-XXXXXX");
    return mkdtemp(s->films) || mb_fail(err, MB_ERR_IO, "serve: cannot make a folder for episodes in %s", s->films);
}

static void remove_folder(const struct site *s)
{
    static const char *const tails[] = { "", ".new", ".new.tmp" };
    char path[128];
    for (int i = 0; i < s->nruns; i++)
        for (int k = 0; k < 3; k++) {
            snprintf(path, sizeof path, "%s/%d.gif%s", s->films, i, tails[k]);
            unlink(path);
        }
    rmdir(s->films);
}

static bool check_roots(const struct site *s, mb_error *err)
{
    for (int i = 0; i < s->nroots; i++) {
        if (access(s->roots[i], R_OK | X_OK) == 0) continue;
        mb_fail(err, MB_ERR_IO, "serve: cannot read the directory '%.200s'", s->roots[i]);
        return mb_help(err, "matchbox train ppo cartpole makes runs/");
    }
    return true;
}

static void watch(struct site *s, struct http *h)
{
    double scanned = mb_now();
    while (!*cli_stop_flag()) {
        if (mb_now() - scanned >= SCAN_SECONDS) {
            site_scan(s);
            scanned = mb_now();
        }
        site_look(s);
        site_film(s);
        http_wake(h);
        nanosleep(&(struct timespec){ 0, (long)(LOOK_SECONDS * 1e9) }, NULL);
    }
}

static bool run(cli *c, mb_error *err)
{
    static const char *const usual[] = { "runs" };
    const struct serve_options *o = c->options;
    const char *host = cli_text(c, "host");
    struct site *s = mb_alloc(c->arena, 1, sizeof *s, err);
    if (!s) return false;
    pthread_mutex_init(&s->lock, NULL);
    s->roots = c->nwords ? c->words : usual;
    s->nroots = c->nwords ? c->nwords : 1;
    s->port = o->port;
    snprintf(s->host, sizeof s->host, "%s", host ? host : "127.0.0.1");
    if (!check_roots(s, err) || !make_token(s, err)) return false;
    if (!(s->scratch = mb_arena_new((size_t)1 << 28, err)) || !(s->jobs = mb_jobs_new(c->arena, 1, err))) return false;
    struct http *h = http_start(s, c->arena, err);
    if (!h || !make_folder(s, err)) return false;
    site_scan(s);
    site_look(s);
    printf("http://%s:%d/#%s\n", strcmp(s->host, "0.0.0.0") == 0 ? "127.0.0.1" : s->host, s->port, s->token);
    fprintf(stderr, "%d run%s; Ctrl-C ends the page, runs go on\n", s->nruns, s->nruns == 1 ? "" : "s");
    fflush(stdout);
    watch(s, h);
    http_stop(h);
    mb_jobs_free(s->jobs);
    remove_folder(s);
    mb_arena_free(s->scratch);
    return true;
}

CLI_COMMAND(serve) = {
    .name = "serve", .usage = "serve [RUNS...] [--port N]", .summary = "a web page with live curves of runs",
    .about = "Shows runs in a browser while they train: curves over seeds, options that differ, episodes, log. RUNS are directories of "
             "runs, or of folders of them (without any: runs/). The address that is printed holds a token, without which a page "
             "can look but not stop runs. Nothing is fetched from the internet.",
    .min_words = 0, .max_words = CLI_WORDS, MB_USE_OPTIONS(serve), .run = run,
};

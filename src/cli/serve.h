/* cli/serve.h - the web page of `matchbox serve`: what its parts share.  serve_runs.c watches directories of runs, serve_stream.c
   tells viewers what is new, serve_http.c answers requests, serve_film.c has episodes played.  One lock guards `struct site`:
   the watcher (the main thread) changes it, the thread of the HTTP library reads it. */
#ifndef MB_CLI_SERVE_H
#define MB_CLI_SERVE_H
#include "cli/command.h"
#include "matchbox/jobs.h"
#include <pthread.h>
#include <stdatomic.h>

enum { SITE_RUNS = 256, SITE_VIEWERS = 400, SITE_PATH = 1024, VIEWER_BYTES = 512 * 1024 };

struct watched {
    char dir[SITE_PATH];
    char algo[64], env[64], preset[64], seed[24]; /* "" until config.yaml could be read */
    char status[4096];                            /* status.json as it was, one line; "": none */
    double status_time;                           /* when the file changed, seconds since 1970 */
    const char *state;                            /* running, finished, stopped, failed, lost, unknown */
    int64_t size;                                 /* bytes of whole lines in metrics.jsonl, as far as it was looked at */
    uint64_t inode;
    int cut, news, film;                          /* versions: lines were cut, status or state changed, a new episode */
    double wanted;                                /* clock: when somebody last looked at its episodes */
    double filmed, film_source;                   /* clock: begun; time of the checkpoints it was made from */
};

struct viewer {
    bool used, asleep;
    void *connection;
    int list;                                     /* version of the list it has */
    struct { int64_t offset; int cut, news, film; } has[SITE_RUNS];
    double spoke;                                 /* clock: when something was last sent */
    char *out;                                    /* [VIEWER_BYTES] what waits to be sent */
    size_t n, at;
};

struct site {
    pthread_mutex_t lock;
    const char *const *roots;                     /* runs, or directories of runs */
    int nroots;
    struct watched run[SITE_RUNS];
    int nruns, list;                              /* list: version, grows when a run appears */
    struct viewer viewer[SITE_VIEWERS];
    bool closing, full;
    char token[33], host[64], films[64];          /* films: folder of the GIFs */
    int port;
    mb_arena *scratch;                            /* of the watcher */
    mb_jobs *jobs;
};

/* ---- watching (main thread, takes the lock itself) ---- */
void site_scan(struct site *s);                   /* look for new runs */
void site_look(struct site *s);                   /* at the files of those known */
void site_film(struct site *s);                   /* begin and finish episodes */

/* ---- telling (with the lock held) ---- */
/* Fill v->out with what is new for this viewer; false: nothing is. */
bool stream_compose(struct site *s, struct viewer *v);
bool stream_has_news(const struct site *s, const struct viewer *v); /* or a sign of life is due */

/* ---- HTTP ---- */
struct http;
struct http *http_start(struct site *s, mb_arena *a, mb_error *err);
void http_wake(struct http *h);                   /* viewers that have slept long enough or have news */
void http_stop(struct http *h);

/* ---- the page: made of web/ by tools/page.sh ---- */
struct asset { const char *path, *type; const unsigned char *data; size_t size; };
extern const struct asset site_assets[];          /* path NULL ends it */

#endif

/* The web server: libmicrohttpd (loaded on use) and the answers it gives.  Only names written here reach the disk: a run is
   named by its number, a file by one of a fixed list.  What changes anything needs the token and a peer on this machine. */
#include "cli/serve.h"

#if defined MB_HAVE_MICROHTTPD && defined MB_HAVE_CHARTJS
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MHD(F)                                                                                                                      \
    F(start_daemon) F(stop_daemon) F(get_daemon_info) F(get_connection_info) F(lookup_connection_value) F(create_response_from_buffer) \
    F(create_response_from_callback) F(create_response_from_fd) F(add_response_header) F(queue_response) F(destroy_response)          \
    F(suspend_connection) F(resume_connection)
#define FUNCTION(name) __typeof__(MHD_##name) *name;
struct http {
    MHD(FUNCTION)
    struct MHD_Daemon *daemon;
    struct site *site;
};
enum { CONNECTIONS = 600, IDLE_SECONDS = 30, TAIL_BYTES = 64 * 1024, BLOCK = 32 * 1024, MOST_BODY = 4096 };

static bool load(struct http *h, mb_error *err)
{
#define SYMBOL(name) { "MHD_" #name, &h->name },
    const mb_symbol symbols[] = { MHD(SYMBOL) { NULL, NULL } };
    return mb_library_load("libmicrohttpd.so.12", symbols, "serve", "libmicrohttpd12", err);
}

/* ---- answering ---- */

struct request { struct http *h; struct MHD_Connection *c; };

static enum MHD_Result send_response(const struct request *q, unsigned status, const char *type, struct MHD_Response *r)
{
    static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
                                 "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    if (!r) return MHD_NO;
    q->h->add_response_header(r, "Content-Type", type);
    q->h->add_response_header(r, "Cache-Control", "no-store");
    q->h->add_response_header(r, "X-Content-Type-Options", "nosniff");
    q->h->add_response_header(r, "Referrer-Policy", "no-referrer");
    q->h->add_response_header(r, "Content-Security-Policy", policy);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) q->h->add_response_header(r, "Allow", "GET, POST");
    enum MHD_Result ok = q->h->queue_response(q->c, status, r);
    q->h->destroy_response(r);
    return ok;
}

static enum MHD_Result send_text(const struct request *q, unsigned status, const char *text)
{
    struct MHD_Response *r = q->h->create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    return send_response(q, status, "text/plain; charset=utf-8", r);
}

static const char *argument(const struct request *q, const char *key)
{
    return q->h->lookup_connection_value(q->c, MHD_GET_ARGUMENT_KIND, key);
}

/* The run that ?id= names; NULL: none.  With the lock held. */
static struct watched *run_asked_for(const struct request *q)
{
    const char *id = argument(q, "id");
    int64_t i;
    if (!id || *id < '0' || *id > '9' || !mb_parse_int(id, &i) || i < 0 || i >= q->h->site->nruns) return NULL;
    return &q->h->site->run[i];
}

static enum MHD_Result no_such_run(const struct request *q) { return send_text(q, MHD_HTTP_NOT_FOUND, "no such run\n"); }

/* ---- files of a run ---- */

/* The end of a file of the run, from the beginning of a line. */
static enum MHD_Result answer_file(const struct request *q)
{
    static const char *const names[] = { "config.yaml", "system.json", "summary.json", "log.txt" };
    char path[SITE_PATH + 64] = "", text[TAIL_BYTES];
    const char *name = argument(q, "name");
    pthread_mutex_lock(&q->h->site->lock);
    const struct watched *r = run_asked_for(q);
    for (size_t i = 0; r && name && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) snprintf(path, sizeof path, "%s/%s", r->dir, names[i]);
    pthread_mutex_unlock(&q->h->site->lock);
    if (!*path) return r ? send_text(q, MHD_HTTP_NOT_FOUND, "no such file\n") : no_such_run(q);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = 0;
    bool cut = false;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        cut = st.st_size > (off_t)sizeof text;
        n = pread(fd, text, sizeof text, cut ? st.st_size - (off_t)sizeof text : 0);
    }
    if (fd >= 0) close(fd);
    if (n <= 0) return send_text(q, fd < 0 ? MHD_HTTP_NOT_FOUND : MHD_HTTP_OK, "");
    const char *from = cut ? memchr(text, '\n', (size_t)n) : NULL;
    from = from ? from + 1 : text;
    struct MHD_Response *a = q->h->create_response_from_buffer((size_t)(text + n - from), (void *)(uintptr_t)from, MHD_RESPMEM_MUST_COPY);
    return send_response(q, MHD_HTTP_OK, "text/plain; charset=utf-8", a);
}

static enum MHD_Result answer_film(const struct request *q)
{
    char path[128] = "";
    struct site *s = q->h->site;
    struct stat st;
    pthread_mutex_lock(&s->lock);
    struct watched *r = run_asked_for(q);
    if (r) {
        r->wanted = mb_now();
        snprintf(path, sizeof path, "%s/%d.gif", s->films, (int)(r - s->run));
    }
    pthread_mutex_unlock(&s->lock);
    if (!r) return no_such_run(q);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0) close(fd);
        return send_text(q, MHD_HTTP_NOT_FOUND, "no episode yet\n");
    }
    return send_response(q, MHD_HTTP_OK, "image/gif", q->h->create_response_from_fd((size_t)st.st_size, fd));
}

static enum MHD_Result answer_watch(const struct request *q)
{
    pthread_mutex_lock(&q->h->site->lock);
    struct watched *r = run_asked_for(q);
    if (r) r->wanted = mb_now();
    pthread_mutex_unlock(&q->h->site->lock);
    return r ? send_text(q, MHD_HTTP_OK, "ok\n") : no_such_run(q);
}

/* ---- buttons ---- */

static bool same_token(const char *a, const char *b)
{
    size_t n = strlen(b);
    unsigned differ = strlen(a) != n;
    for (size_t i = 0; i < n && !differ; i++) differ |= (unsigned)(a[i] ^ b[i]) << 8;
    return !differ;
}

static bool from_here(const struct request *q)
{
    const union MHD_ConnectionInfo *info = q->h->get_connection_info(q->c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr || info->client_addr->sa_family != AF_INET) return false;
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)info->client_addr;
    return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
}

static enum MHD_Result answer_request(const struct request *q)
{
    char path[SITE_PATH + 64] = "", text[32];
    const char *token = q->h->lookup_connection_value(q->c, MHD_HEADER_KIND, "X-Matchbox-Token"), *what = argument(q, "what");
    if (!from_here(q)) return send_text(q, MHD_HTTP_FORBIDDEN, "only from the machine the page runs on\n");
    if (!token || !same_token(token, q->h->site->token)) return send_text(q, MHD_HTTP_FORBIDDEN, "wrong token\n");
    if (!what || (strcmp(what, "stop") != 0 && strcmp(what, "checkpoint") != 0)) return send_text(q, MHD_HTTP_BAD_REQUEST, "what=stop or what=checkpoint\n");
    pthread_mutex_lock(&q->h->site->lock);
    const struct watched *r = run_asked_for(q);
    bool runs = r && strcmp(r->state, "running") == 0;
    if (runs) snprintf(path, sizeof path, "%s/request", r->dir);
    pthread_mutex_unlock(&q->h->site->lock);
    if (!r) return no_such_run(q);
    if (!runs) return send_text(q, MHD_HTTP_CONFLICT, "this run is not running\n");
    mb_error err = { 0 };
    int n = snprintf(text, sizeof text, "%s\n", what);
    if (!mb_file_write(path, text, (size_t)n, &err)) return send_text(q, MHD_HTTP_INTERNAL_SERVER_ERROR, "the request cannot be written\n");
    return send_text(q, MHD_HTTP_OK, "asked\n");
}

/* ---- the stream ---- */

struct stream { struct http *h; struct viewer *v; };

static ssize_t read_stream(void *cls, uint64_t at, char *out, size_t most)
{
    struct viewer *v = ((struct stream *)cls)->v;
    struct http *h = ((struct stream *)cls)->h;
    ssize_t n = 0;
    pthread_mutex_lock(&h->site->lock);
    if (h->site->closing) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (v->at < v->n || stream_compose(h->site, v)) {
        n = (ssize_t)(v->n - v->at < most ? v->n - v->at : most);
        memcpy(out, v->out + v->at, (size_t)n);
        v->at += (size_t)n;
    } else {
        v->asleep = true;
        h->suspend_connection(v->connection);
    }
    pthread_mutex_unlock(&h->site->lock);
    return n;
}

static void end_stream(void *cls)
{
    struct stream *stream = cls;
    pthread_mutex_lock(&stream->h->site->lock);
    stream->v->used = stream->v->asleep = false;
    pthread_mutex_unlock(&stream->h->site->lock);
}

static struct viewer *free_viewer(struct site *s)
{
    for (int i = 0; i < SITE_VIEWERS; i++)
        if (!s->viewer[i].used) return &s->viewer[i];
    return NULL;
}

static enum MHD_Result answer_events(const struct request *q)
{
    struct site *s = q->h->site;
    pthread_mutex_lock(&s->lock);
    struct viewer *v = free_viewer(s);
    if (v) {
        char *out = v->out;
        *v = (struct viewer){ .used = true, .connection = q->c, .list = -1, .spoke = mb_now(), .out = out };
    }
    pthread_mutex_unlock(&s->lock);
    if (!v) return send_text(q, MHD_HTTP_SERVICE_UNAVAILABLE, "too many viewers\n");
    struct stream *stream = (struct stream *)(void *)(v->out + VIEWER_BYTES); /* room behind the text, see http_start */
    *stream = (struct stream){ q->h, v };
    struct MHD_Response *r = q->h->create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, end_stream);
    if (!r) end_stream(stream);
    return send_response(q, MHD_HTTP_OK, "text/event-stream", r);
}

/* ---- routes ---- */

static enum MHD_Result answer_asset(const struct request *q, const char *url)
{
    for (const struct asset *a = site_assets; a->path; a++)
        if (strcmp(url, a->path) == 0) {
            struct MHD_Response *r = q->h->create_response_from_buffer(a->size, (void *)(uintptr_t)a->data, MHD_RESPMEM_PERSISTENT);
            return send_response(q, MHD_HTTP_OK, a->type, r);
        }
    return send_text(q, MHD_HTTP_NOT_FOUND, "not found\n");
}

/* A page elsewhere may resolve its own name to this machine; its requests then name that host, and are refused. */
static bool names_this_host(const struct request *q)
{
    const char *host = q->h->lookup_connection_value(q->c, MHD_HEADER_KIND, "Host");
    if (strncmp(q->h->site->host, "127.", 4) != 0) return true; /* opened to the network on purpose */
    if (!host) return false;
    size_t n = strcspn(host, ":");
    return (n == 9 && strncmp(host, "localhost", n) == 0) || (n == strlen(q->h->site->host) && strncmp(host, q->h->site->host, n) == 0);
}

static enum MHD_Result answer(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *body,
                              size_t *body_size, void **state)
{
    static const struct { const char *url, *method; enum MHD_Result (*answer)(const struct request *q); } routes[] = {
        { "/events", "GET", answer_events },   { "/file", "GET", answer_file },       { "/film", "GET", answer_film },
        { "/watch", "GET", answer_watch },     { "/request", "POST", answer_request },
    };
    static char first;
    const struct request q = { cls, c };
    if (!*state) { /* the head has come; answer when the body has, which nobody reads */
        *state = &first;
        return MHD_YES;
    }
    if (*body_size > MOST_BODY) return MHD_NO;
    if (*body_size > 0) {
        *body_size = 0;
        return MHD_YES;
    }
    if (!names_this_host(&q)) return send_text(&q, MHD_HTTP_FORBIDDEN, "this host is not served here\n");
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(url, routes[i].url) == 0)
            return strcmp(method, routes[i].method) == 0 ? routes[i].answer(&q) : send_text(&q, MHD_HTTP_METHOD_NOT_ALLOWED, "another method\n");
    if (strcmp(method, "GET") != 0) return send_text(&q, MHD_HTTP_METHOD_NOT_ALLOWED, "another method\n");
    return answer_asset(&q, url);
}

/* ---- starting and stopping ---- */

static bool address_of(const struct site *s, struct sockaddr_in *out, mb_error *err)
{
    *out = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
    if (inet_pton(AF_INET, s->host, &out->sin_addr) == 1) return true;
    mb_fail(err, MB_ERR_USAGE, "serve: option 'host' must be an IPv4 address in numbers, not '%s'", s->host);
    return mb_help(err, "matchbox help serve");
}

struct http *http_start(struct site *s, mb_arena *a, mb_error *err)
{
    struct sockaddr_in address;
    struct http *h = mb_alloc(a, 1, sizeof *h, err);
    if (!h || !load(h, err) || !address_of(s, &address, err)) return NULL;
    for (int i = 0; i < SITE_VIEWERS; i++)
        if (!(s->viewer[i].out = mb_alloc(a, 1, VIEWER_BYTES + sizeof(struct stream), err))) return NULL;
    h->site = s;
    h->daemon = h->start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)s->port, NULL, NULL, answer, h,
                                MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                                MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_LISTEN_BACKLOG_SIZE, 512u, MHD_OPTION_END);
    if (!h->daemon) {
        mb_fail(err, MB_ERR_IO, "serve: cannot listen on %s:%d: %s", s->host, s->port, strerror(errno));
        mb_help(err, "another --port, or --port 0 for any that is free");
        return NULL;
    }
    const union MHD_DaemonInfo *info = h->get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info && info->port) s->port = info->port;
    return h;
}

void http_wake(struct http *h)
{
    struct site *s = h->site;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < SITE_VIEWERS; i++) {
        struct viewer *v = &s->viewer[i];
        if (!v->used || !v->asleep || (!s->closing && !stream_has_news(s, v))) continue;
        v->asleep = false;
        h->resume_connection(v->connection);
    }
    pthread_mutex_unlock(&s->lock);
}

void http_stop(struct http *h)
{
    pthread_mutex_lock(&h->site->lock);
    h->site->closing = true;
    pthread_mutex_unlock(&h->site->lock);
    http_wake(h); /* the library refuses to stop with connections asleep */
    h->stop_daemon(h->daemon);
}

#else
struct http *http_start(struct site *s, mb_arena *a, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "serve: this matchbox was built without libmicrohttpd or Chart.js, which the page needs");
    mb_note(err, "Debian, Ubuntu: apt-get install libmicrohttpd-dev libjs-chart.js, then make detect all");
    mb_help(err, "matchbox help serve");
    return NULL;
}
void http_wake(struct http *h) { (void)h; }
void http_stop(struct http *h) { (void)h; }
#endif

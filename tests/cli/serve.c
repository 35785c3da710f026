/* The page of `matchbox serve` by plain sockets: what it says, how many it serves, and that nothing sent to it does harm. */
#include "mb_test.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char root[64], token[64];
static int port;
static pid_t server;
static bool built = true;

/* ---- programs ---- */

static const char *program(void)
{
    const char *p = getenv("MATCHBOX");
    return p ? p : "build/matchbox";
}

static pid_t start(const char *const *argv, int out)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 0);
    dup2(out >= 0 ? out : nothing, 1);
    dup2(nothing, 2);
    execv(program(), (char *const *)(uintptr_t)argv);
    _exit(127);
}

static int wait_for(pid_t pid)
{
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *in_root(const char *name)
{
    static char path[4][256];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, 256, "%s/%s", root, name);
    return p;
}

static void train(const char *name, const char *seed)
{
    const char *const argv[] = { "matchbox", "train", "random", "cartpole", "--total-steps", "40k", "--eval-episodes", "0", "--seed", seed, "--run", in_root(name), NULL };
    CHECK(wait_for(start(argv, -1)) == 0);
}

static bool begin(void)
{
    char line[256] = "";
    int ends[2];
    if (server) return built;
    strcpy(root, "/tmp/matchbox-test-XXXXXX");
    if (!mkdtemp(root) || pipe(ends) != 0) exit(2);
    setenv("TMPDIR", root, 1);
    train("a", "1");
    train("b", "2");
    const char *const argv[] = { "matchbox", "serve", root, "--port", "0", NULL };
    server = start(argv, ends[1]);
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    if (f && fgets(line, sizeof line, f) && sscanf(line, "http://127.0.0.1:%d/#%63s", &port, token) == 2) return true;
    built = wait_for(server) != 2; /* 2: built without the libraries */
    CHECK(!built || !"no address");
    printf("serve: not in this build\n");
    return built = false;
}

/* ---- requests ---- */

static int dial(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = { 20, 0 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
    close(fd);
    return -1;
}

static char answer[1 << 20];

/* Send all of it, read to the end; the status, or -1. */
static int raw(const char *text, size_t n)
{
    size_t got = 0;
    int fd = dial(), status = -1;
    if (fd < 0) return -1;
    for (size_t at = 0; at < n;) {
        ssize_t k = send(fd, text + at, n - at, MSG_NOSIGNAL);
        if (k <= 0) break;
        at += (size_t)k;
    }
    shutdown(fd, SHUT_WR);
    for (ssize_t k; got < sizeof answer - 1 && (k = recv(fd, answer + got, sizeof answer - 1 - got, 0)) > 0;) got += (size_t)k;
    answer[got] = 0;
    close(fd);
    return sscanf(answer, "HTTP/1.%*d %d", &status) == 1 ? status : -1;
}

static int ask(const char *method, const char *url, const char *headers)
{
    static char text[65536];
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n%s\r\n", method, url, port, headers);
    return raw(text, (size_t)n);
}

static int get(const char *url) { return ask("GET", url, ""); }
static bool says(const char *text) { return strstr(answer, text) != NULL; }

/* ---- event streams ---- */

struct stream { int fd; char *text; size_t n; };
enum { STREAM = 1 << 20 };

static struct stream listen_in(void)
{
    static const char text[] = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct stream s = { dial(), calloc(1, STREAM), 0 };
    CHECK(s.fd >= 0 && send(s.fd, text, sizeof text - 1, MSG_NOSIGNAL) == (ssize_t)sizeof text - 1);
    return s;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool hears(struct stream *s, const char *what, double seconds)
{
    double end = now() + seconds;
    while (!strstr(s->text, what)) {
        struct pollfd p = { s->fd, POLLIN, 0 };
        double left = end - now();
        if (left <= 0 || poll(&p, 1, (int)(left * 1000) + 1) <= 0) return false;
        ssize_t k = recv(s->fd, s->text + s->n, STREAM - 1 - s->n, 0);
        if (k <= 0) return false;
        for (ssize_t i = 0; i < k; i++) /* chunk sizes have no zero bytes, nor has anything of ours */
            if (!s->text[s->n + (size_t)i]) s->text[s->n + (size_t)i] = '?';
        s->n += (size_t)k;
        s->text[s->n] = 0;
    }
    return true;
}

static void hang_up(struct stream *s)
{
    close(s->fd);
    free(s->text);
}

static void append(const char *name, const char *text)
{
    FILE *f = fopen(in_root(name), "a");
    CHECK(f && fputs(text, f) >= 0);
    if (f) fclose(f);
}

static int lines_of(const char *name)
{
    FILE *f = fopen(in_root(name), "r");
    int n = 0;
    for (int c; f && (c = fgetc(f)) != EOF;) n += c == '\n';
    if (f) fclose(f);
    return n;
}

static int times(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)); text++) n++;
    return n;
}

/* ---- tests ---- */

TEST(the_page_needs_nothing_else)
{
    static const char *const urls[] = { "/", "/style.css", "/app.js", "/curves.js", "/chart.js", "/icon.svg" };
    if (!begin()) return;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        CHECK(get(urls[i]) == 200);
        const char *body = strstr(answer, "\r\n\r\n");
        CHECK(body && strlen(body) > 100);
        CHECK(says("default-src 'none'") && says("nosniff"));
        CHECK(!strstr(answer, "src=\"http") && !strstr(answer, "@import") && !strstr(answer, "url(http"));
    }
    CHECK(get("/") == 200 && says("text/html") && says("/chart.js"));
    CHECK(get("/nothing") == 404);
    CHECK(ask("POST", "/", "Content-Length: 0\r\n") == 405);
    CHECK(ask("DELETE", "/app.js", "") == 405);
}

TEST(a_viewer_is_told_everything)
{
    if (!begin()) return;
    struct stream s = listen_in();
    CHECK(hears(&s, "event: runs\ndata: [{\"id\":0,", 10));
    CHECK(hears(&s, "\"algo\":\"random\",\"env\":\"cartpole\"", 10));
    CHECK(hears(&s, "data: finished\ndata: {\"state\":\"finished\"", 10));
    CHECK(hears(&s, "event: metrics\ndata: 1\n", 10));
    int want = lines_of("a/metrics.jsonl") + lines_of("b/metrics.jsonl");
    for (int i = 0; i < 20 && times(s.text, "data: {\"step\":") < want; i++) hears(&s, "never said", 0.2);
    CHECK(want > 100 && times(s.text, "data: {\"step\":") == want);
    append("a/metrics.jsonl", "{\"step\":123456,\"return_mean\":1}\n{\"step\":1234");
    CHECK(hears(&s, "data: {\"step\":123456,", 5));
    append("a/metrics.jsonl", "57,\"return_mean\":2}\n"); /* the other half of a line */
    CHECK(hears(&s, "data: {\"step\":123457,", 5));
    CHECK(!strstr(s.text, "event: cut"));
    CHECK(truncate(in_root("a/metrics.jsonl"), 0) == 0);
    CHECK(hears(&s, "event: cut\ndata: 0\n", 5));
    append("a/metrics.jsonl", "{\"step\":7,\"return_mean\":1}\n");
    CHECK(hears(&s, "data: {\"step\":7,", 5));
    train("later", "3"); /* a run that was not there */
    CHECK(hears(&s, "/later\"", 10));
    hang_up(&s);
    CHECK(get("/file?id=0&name=config.yaml") == 200 && says("algo: random"));
    CHECK(get("/file?id=1&name=log.txt") == 200 && says("finished"));
    CHECK(get("/file?id=1&name=system.json") == 200 && says("\"compiler\""));
}

TEST(an_episode_is_played)
{
    if (!begin()) return;
    CHECK(get("/film?id=1") == 404 || answer[9] == '2');
    for (int i = 0; i < 100 && get("/film?id=1") != 200; i++) usleep(100000);
    CHECK(get("/film?id=1") == 200 && says("image/gif") && says("GIF89a"));
}

TEST(a_hundred_viewers)
{
    enum { N = 100 };
    static struct stream s[N];
    if (!begin()) return;
    double from = now();
    for (int i = 0; i < N; i++) s[i] = listen_in();
    for (int i = 0; i < N; i++) CHECK(hears(&s[i], "event: metrics\ndata: 1\n", 20));
    append("b/metrics.jsonl", "{\"step\":777777,\"return_mean\":1}\n");
    for (int i = 0; i < N; i++) CHECK(hears(&s[i], "data: {\"step\":777777,", 10));
    CHECK(get("/") == 200); /* and others are answered too */
    CHECK(now() - from < 20);
    for (int i = 0; i < N; i++) hang_up(&s[i]);
}

TEST(no_way_out_of_the_runs)
{
    static const char *const urls[] = {
        "/../../../../etc/passwd", "/..%2f..%2f..%2f..%2fetc%2fpasswd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/file?id=0&name=../../../../etc/passwd",
        "/file?id=0&name=%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/file?id=0&name=/etc/passwd", "/file?id=0&name=lock", "/file?id=0&name=checkpoints",
        "/file?id=-1&name=log.txt", "/file?id=256&name=log.txt", "/file?id=99999999999999999999&name=log.txt",
        "/file?id=0x1&name=log.txt", "/file?id=&name=log.txt", "/file?name=log.txt", "/file?id=0", "/file", "/film", "/film?id=9999", "/film?id=../0",
        "/watch?id=1e99", "/app.js/", "/APP.JS", "/.git/config", "/web/app.js" };
    if (!begin()) return;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        int status = get(urls[i]);
        if (status != 404 && status != 400) printf("FAIL %s: %d\n", urls[i], status);
        CHECK(status == 404 || status == 400);
        CHECK(!says("root:") && !says("algo:"));
    }
    CHECK(ask("GET", "/", "") == 200);
    static const char evil[] = "GET /events HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", none[] = "GET / HTTP/1.0\r\n\r\n";
    CHECK(raw(evil, sizeof evil - 1) == 403); /* a name that somebody resolved to this machine */
    CHECK(raw(none, sizeof none - 1) == 403);
}

TEST(only_the_token_stops_a_run)
{
    char header[256], url[64];
    int id = -1;
    if (!begin()) return;
    const char *const argv[] = { "matchbox", "train", "random", "cartpole", "--total-steps", "1000G", "--eval-episodes", "0", "--run", in_root("live"), NULL };
    pid_t live = start(argv, -1);
    struct stream s = listen_in();
    CHECK(hears(&s, "/live\"", 20));
    for (const char *at = s.text; (at = strstr(at, "{\"id\":")); at++) /* the number in front of its directory */
        if (strstr(at, "/live\"") && strstr(at, "/live\"") < strchr(at, '}')) id = atoi(at + 6);
    CHECK(id >= 0);
    snprintf(url, sizeof url, "event: status\ndata: %d\ndata: running", id);
    CHECK(hears(&s, url, 20));
    snprintf(url, sizeof url, "/request?id=%d&what=stop", id);
    CHECK(ask("GET", url, "") == 405);
    CHECK(ask("POST", url, "Content-Length: 0\r\n") == 403);
    CHECK(ask("POST", url, "Content-Length: 0\r\nX-Matchbox-Token:\r\n") == 403);
    snprintf(header, sizeof header, "Content-Length: 0\r\nX-Matchbox-Token: %.31s\r\n", token); /* all but the last */
    CHECK(ask("POST", url, header) == 403);
    snprintf(header, sizeof header, "Content-Length: 0\r\nX-Matchbox-Token: %s0\r\n", token);
    CHECK(ask("POST", url, header) == 403);
    token[5] ^= 1;
    snprintf(header, sizeof header, "Content-Length: 0\r\nX-Matchbox-Token: %s\r\n", token);
    CHECK(ask("POST", url, header) == 403 && says("wrong token"));
    token[5] ^= 1;
    usleep(1500000);
    CHECK(waitpid(live, NULL, WNOHANG) == 0); /* it trains on */
    snprintf(header, sizeof header, "Content-Length: 0\r\nX-Matchbox-Token: %s\r\n", token);
    CHECK(ask("POST", "/request?id=0&what=stop", header) == 409);
    CHECK(ask("POST", "/request?id=9999&what=stop", header) == 404);
    CHECK(ask("POST", "/request?id=0&what=delete", header) == 400);
    CHECK(ask("POST", url, header) == 200 && says("asked"));
    CHECK(wait_for(live) == 3);
    snprintf(url, sizeof url, "data: %d\ndata: stopped", id);
    CHECK(hears(&s, url, 10));
    hang_up(&s);
}

/* ---- nonsense ---- */

static uint32_t noise;
static uint32_t next_noise(void)
{
    noise ^= noise << 13;
    noise ^= noise >> 17;
    noise ^= noise << 5;
    return noise;
}

static size_t nonsense(char *out, size_t most)
{
    static const char *const seeds[] = {
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "GET /file?id=0&name=log.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "POST /request?id=0&what=stop HTTP/1.1\r\nHost: localhost\r\nX-Matchbox-Token: 0\r\nContent-Length: 5\r\n\r\nhello",
        "POST /request?id=0 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "GET /film?id=1 HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-\r\nConnection: close\r\n\r\n", "HEAD /app.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", "GET /events HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n" };
    const char *seed = seeds[next_noise() % 8];
    size_t n = strlen(seed);
    memcpy(out, seed, n);
    for (uint32_t k = next_noise() % 12; k-- > 0 && n > 1;) {
        size_t at = next_noise() % n, room = most - n;
        switch (next_noise() % 5) {
        case 0: out[at] = (char)next_noise(); break;
        case 1: n = at + 1; break; /* cut */
        case 2: memmove(out + at, out + at + 1, n - at - 1); n--; break;
        case 3: { /* a piece again, many times */
            size_t piece = 1 + next_noise() % 16, again = next_noise() % 200;
            for (; again-- > 0 && room > piece && at + piece <= n; n += piece, room -= piece) memcpy(out + n, out + at, piece);
            break;
        }
        default: out[at] = "\r\n\0 %&=?:/"[next_noise() % 10];
        }
    }
    return n;
}

/* Send it, look what comes for a moment, hang up. */
static void throw_at_it(const char *text, size_t n, int milliseconds)
{
    int fd = dial();
    CHECK(fd >= 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    ssize_t k = send(fd, text, n, MSG_NOSIGNAL);
    struct pollfd p = { fd, POLLIN, 0 };
    if (k > 0 && poll(&p, 1, milliseconds) > 0) {
        k = recv(fd, answer, sizeof answer - 1, 0);
        answer[k > 0 ? k : 0] = 0;
        CHECK(!says("root:") && !says("HTTP/1.1 5"));
    }
    close(fd);
}

TEST(nonsense_does_no_harm)
{
    static char text[65536];
    if (!begin()) return;
    noise = 12345;
    for (int i = 0; i < 600; i++) {
        size_t n = nonsense(text, sizeof text);
        throw_at_it(text, n, 3);
    }
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)next_noise();
    throw_at_it(text, sizeof text, 50);
    memset(text, 'A', sizeof text);
    memcpy(text, "GET /", 5);
    throw_at_it(text, sizeof text, 50); /* a name without end */
    int idle[50];
    for (int i = 0; i < 50; i++) { /* half a request, and silence */
        idle[i] = dial();
        CHECK(send(idle[i], "GET / HTTP/1.1\r\nHo", 18, MSG_NOSIGNAL) == 18);
    }
    CHECK(get("/") == 200 && says("matchbox"));
    for (int i = 0; i < 50; i++) close(idle[i]);
    CHECK(waitpid(server, NULL, WNOHANG) == 0);
}

TEST(broken_runs_do_no_harm)
{
    static const char junk[] = "\xff\xfe{\"step\":\n\n\n\r\n{\"a\":\0}\nevent: runs\ndata: []\n\n{{{{{{{{{{{{{{{{{{{{{\n";
    if (!begin()) return;
    CHECK(mkdir(in_root("junk"), 0777) == 0 && mkdir(in_root("junk/status.json"), 0777) == 0);
    FILE *f = fopen(in_root("junk/metrics.jsonl"), "w");
    for (int i = 0; f && i < 3000; i++) fwrite(junk, 1, sizeof junk - 1, f);
    if (f) fclose(f);
    append("junk/config.yaml", "algo: [\n  - : :\n\t{");
    CHECK(mkdir(in_root("pipe"), 0777) == 0 && mkfifo(in_root("pipe/metrics.jsonl"), 0666) == 0 && mkfifo(in_root("pipe/status.json"), 0666) == 0);
    append("pipe/config.yaml", "algo: x\nenv: \"<script>alert(1)</script>\"\n");
    struct stream s = listen_in();
    CHECK(hears(&s, "/junk\"", 10) && hears(&s, "/pipe\"", 10));
    append("b/metrics.jsonl", "{\"step\":888888,\"return_mean\":1}\n");
    CHECK(hears(&s, "data: {\"step\":888888,", 20)); /* the others are heard all the same */
    CHECK(times(s.text, "\nevent: runs\ndata: []") == 0);
    hang_up(&s);
    CHECK(get("/") == 200);
}

TEST(it_ends_cleanly)
{
    if (!begin()) return;
    struct stream s = listen_in();
    CHECK(hears(&s, "event: runs", 10));
    kill(server, SIGINT);
    CHECK(wait_for(server) == 0);
    hang_up(&s);
    int left = 0;
    DIR *d = opendir(root);
    for (struct dirent *e; d && (e = readdir(d));) left += strncmp(e->d_name, "matchbox-serve", 14) == 0;
    if (d) closedir(d);
    CHECK(left == 0);
}

MB_TESTS(T(the_page_needs_nothing_else), T(a_viewer_is_told_everything), T(an_episode_is_played), T(a_hundred_viewers), T(no_way_out_of_the_runs),
         T(only_the_token_stops_a_run), T(nonsense_does_no_harm), T(broken_runs_do_no_harm), T(it_ends_cleanly))

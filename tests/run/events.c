/* TensorBoard events read back by a decoder of its own: checksums bit by bit, records, messages; and what a run tells those
   outside.  tests/reference/tensorboard_events.py reads the same files with the real TensorBoard. */
#include "run_test.h"
#include "matchbox/phase.h"

/* ---- an independent reader ---- */

static uint32_t slow_crc32c(const uint8_t *p, size_t n)
{
    uint32_t c = ~0u;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
    }
    return ~c;
}

static uint32_t unmasked(uint32_t m)
{
    uint32_t rot = m - 0xa282ead8u;
    return rot >> 17 | rot << 15;
}

static uint64_t number_at(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v += (uint64_t)p[i] << 8 * i;
    return v;
}

struct field { int number, kind; uint64_t v; const uint8_t *p; size_t n; };

static const uint8_t *varint(const uint8_t *p, uint64_t *v)
{
    *v = 0;
    for (int shift = 0;; shift += 7) {
        *v |= (uint64_t)(*p & 0x7f) << shift;
        if (*p++ < 0x80) return p;
    }
}

static const uint8_t *next_field(const uint8_t *p, struct field *f)
{
    uint64_t key;
    p = varint(p, &key);
    *f = (struct field){ (int)(key >> 3), (int)(key & 7), 0, p, 0 };
    if (f->kind == 0) return varint(p, &f->v);
    if (f->kind == 1) f->v = number_at(p, 8), p += 8;
    if (f->kind == 5) f->v = number_at(p, 4), p += 4;
    if (f->kind != 2) return p;
    p = varint(p, &f->v);
    f->p = p;
    f->n = (size_t)f->v;
    return p + f->n;
}

struct scalar { int64_t step; char tag[64]; float value; };
struct log {
    struct scalar s[20000];
    int n, events, versions, starts, bad;
    int64_t start_step, last_step;
};

static void read_value(struct log *l, const struct field *of, int64_t step)
{
    struct field f;
    struct scalar *s = &l->s[l->n++];
    s->step = step;
    for (const uint8_t *p = of->p, *end = p + of->n; p < end;) {
        p = next_field(p, &f);
        if (f.number == 1) snprintf(s->tag, sizeof s->tag, "%.*s", (int)f.n, (const char *)f.p);
        uint32_t bits = (uint32_t)f.v;
        if (f.number == 2) memcpy(&s->value, &bits, sizeof bits);
    }
}

static void read_event(struct log *l, const uint8_t *p, size_t n)
{
    struct field f, v;
    double wall = 0;
    int64_t step = 0;
    l->events++;
    for (const uint8_t *end = p + n; p < end;) {
        p = next_field(p, &f);
        if (f.number == 1) memcpy(&wall, &f.v, sizeof wall);
        if (f.number == 2) step = (int64_t)f.v;
        if (f.number == 3) l->versions += f.n == 13 && memcmp(f.p, "brain.Event:2", 13) == 0;
        if (f.number == 7) {
            next_field(f.p, &v);
            l->starts += v.number == 1 && v.v == 1;
            l->start_step = step;
        }
        if (f.number == 5)
            for (const uint8_t *q = f.p, *stop = q + f.n; q < stop;) {
                q = next_field(q, &v);
                if (v.number == 1) read_value(l, &v, step);
            }
    }
    if (step < l->last_step && step != 0) l->bad++;
    l->last_step = step;
    l->bad += !(wall > 1.5e9 && wall < 1e10);
}

static void read_file(struct log *l, const char *path)
{
    size_t n = 0, at = 0;
    const uint8_t *p = (const uint8_t *)run_read(path, &n);
    while (p && n - at >= 16) {
        size_t size = (size_t)number_at(p + at, 8);
        bool whole = unmasked((uint32_t)number_at(p + at + 8, 4)) == slow_crc32c(p + at, 8) && size <= n - at - 16 &&
                     unmasked((uint32_t)number_at(p + at + 12 + size, 4)) == slow_crc32c(p + at + 12, size);
        if (!whole) break;
        read_event(l, p + at + 12, size);
        at += 16 + size;
    }
    l->bad += !p || at != n;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* All event files of a run, in order of name, as a reader takes them. */
static int event_files(const char *dir, char names[][256])
{
    int n = 0;
    DIR *d = opendir(run_file(dir));
    for (struct dirent *f; d && (f = readdir(d));)
        if (strstr(f->d_name, "tfevents")) snprintf(names[n++], 256, "%.100s/%.120s", run_file(dir), f->d_name);
    if (d) closedir(d);
    qsort(names, (size_t)n, 256, by_name);
    return n;
}

static struct log *read_run_events(const char *dir, int *files)
{
    static struct log l;
    static char names[16][256];
    memset(&l, 0, sizeof l);
    *files = event_files(dir, names);
    for (int i = 0; i < *files; i++) read_file(&l, names[i]);
    return &l;
}

/* ---- against metrics.jsonl ---- */

/* Every number of a line of metrics.jsonl is a scalar of its step; returns how many there were. */
static int same_as_line(const struct log *l, const char *line)
{
    int found = 0;
    long long step = atoll(strstr(line, "\"step\":") + 7);
    for (const char *p = strstr(line, ",\""); p; p = strstr(p + 2, ",\"")) {
        char tag[64];
        double value;
        if (sscanf(p, ",\"%63[^\"]\":%lf", tag, &value) != 2) continue;
        bool there = false;
        for (int i = 0; i < l->n; i++)
            there = there || (l->s[i].step == step && strcmp(l->s[i].tag, tag) == 0 && fabs((double)l->s[i].value - value) <= 1e-6 * fabs(value));
        if (!there) printf("FAIL no event for %s at step %lld\n", tag, step);
        CHECK(there);
        found++;
    }
    return found;
}

static void same_as_metrics(const struct log *l, const char *dir)
{
    size_t n;
    char name[64];
    int numbers = 0;
    snprintf(name, sizeof name, "%s/metrics.jsonl", dir);
    char *text = run_read(run_file(name), &n);
    CHECK(text != NULL);
    for (char *line = text ? strtok(text, "\n") : NULL; line; line = strtok(NULL, "\n"))
        if (!strstr(line, "\"eval\"")) numbers += same_as_line(l, line);
    CHECK(numbers > 100);
    int training = 0;
    for (int i = 0; i < l->n; i++) training += strncmp(l->s[i].tag, "eval/", 5) != 0;
    CHECK(training == numbers);
}

TEST(events_say_what_metrics_say)
{
    mb_error err = { 0 };
    mb_summary sum;
    int files;
    mb_settings *s = run_settings("events", "cartpole");
    run_set(s, "eval-episodes", "3");
    run_set(s, "eval-every", "8000");
    CHECK(run_all(s, &sum, &err));
    const struct log *l = read_run_events("events", &files);
    CHECK(files == 1 && l->bad == 0 && l->versions == 1 && l->starts == 0);
    same_as_metrics(l, "events");
    int evals = 0;
    for (int i = 0; i < l->n; i++) evals += strcmp(l->s[i].tag, "eval/return_mean") == 0;
    CHECK(evals == 2);
}

TEST(a_resumed_run_is_cut_and_goes_on)
{
    static char names[16][256];
    mb_error err = { 0 };
    mb_summary sum;
    int files;
    mb_settings *s = run_settings("events-two", "cartpole");
    run_set(s, "stop-after", "9000");
    run_set(s, "checkpoint-every", "0");
    CHECK(run_all(s, &sum, &err));
    int64_t stopped = sum.steps;
    /* as after a crash: half a record at the end */
    CHECK(event_files("events-two", names) == 1);
    FILE *f = fopen(names[0], "ab");
    if (f) fwrite("\x40\0\0\0\0\0\0\0half", 1, 12, f);
    if (f) fclose(f);
    CHECK(continue_all(run_file("events-two"), &sum, &err));
    const struct log *l = read_run_events("events-two", &files);
    CHECK(files == 2 && l->bad == 0 && l->versions == 2 && l->starts == 1);
    CHECK(l->start_step == stopped + 1);
    same_as_metrics(l, "events-two");
}

TEST(what_lies_behind_the_checkpoint_is_cut)
{
    static char names[16][256];
    mb_error err = { 0 };
    mb_summary sum;
    int files;
    mb_settings *s = run_settings("events-back", "cartpole");
    run_set(s, "checkpoint-steps", "4096");
    CHECK(run_all(s, &sum, &err));
    CHECK(unlink(run_file("events-back/checkpoints/000000020480.ckpt")) == 0); /* back to the one before */
    mb_trainer *t = mb_trainer_open(run_file("events-back"), NULL, &err);
    CHECK(t != NULL);
    int64_t back = t ? mb_trainer_view(t)->step : 0;
    CHECK(back > 0 && back < 20480);
    mb_trainer_free(t);
    CHECK(event_files("events-back", names) == 2);
    struct log *l = read_run_events("events-back", &files);
    CHECK(l->bad == 0 && l->n > 0);
    for (int i = 0; i < l->n; i++) CHECK(l->s[i].step <= back);
    CHECK(continue_all(run_file("events-back"), &sum, &err));
    l = read_run_events("events-back", &files);
    CHECK(l->bad == 0 && files == 3);
    same_as_metrics(l, "events-back");
}

TEST(none_are_written_when_nobody_wants_them)
{
    static char names[16][256];
    mb_error err = { 0 };
    mb_summary sum;
    mb_settings *s = run_settings("events-none", "cartpole");
    run_set(s, "tensorboard", "false");
    CHECK(run_all(s, &sum, &err));
    CHECK(continue_all(run_file("events-none"), &sum, &err));
    CHECK(event_files("events-none", names) == 0);
}

/* ---- status, log, requests ---- */

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (f) fputs(text, f);
    if (f) fclose(f);
}

static void ask(void *ctx, const mb_progress_info *p)
{
    int *calls = ctx;
    if (p->done) return;
    if ((*calls)++ == 0) write_text(run_file("asked/request"), "checkpoint\n");
    if (*calls == 14) write_text(run_file("asked/request"), "stop\n");
}

TEST(a_run_does_what_is_asked)
{
    mb_error err = { 0 };
    mb_summary sum = { 0 };
    size_t n;
    int calls = 0;
    mb_settings *s = run_settings("asked", "cartpole");
    run_set(s, "total-steps", "1000G"); /* for ever, unless asked to stop */
    run_set(s, "checkpoint-every", "0");
    mb_hooks hooks = { .progress = ask, .ctx = &calls };
    mb_trainer *t = mb_trainer_new(s, &hooks, &err);
    CHECK(t && !mb_trainer_run(t, &err));
    CHECK(err.code == MB_ERR_INTERRUPTED);
    CHECK(t && mb_trainer_summary(t, &sum, &err));
    mb_trainer_free(t);
    CHECK(!exists(run_file("asked/request")));
    const char *log = run_read(run_file("asked/log.txt"), &n), *status = run_read(run_file("asked/status.json"), &n);
    CHECK(log && strstr(log, "checkpoint written, as asked") && strstr(log, "asked to stop"));
    CHECK(status && strstr(status, "\"state\":\"stopped\"") && strstr(status, "\"phases\":{\"other\":"));
}

TEST(nonsense_asked_for_is_ignored)
{
    mb_error err = { 0 };
    mb_summary sum;
    mb_settings *s = run_settings("nonsense", "cartpole");
    CHECK(mb_dir_make(run_file("nonsense"), &err));
    write_text(run_file("nonsense/request"), "stop\n"); /* older than the run: not meant for it */
    CHECK(run_all(s, &sum, &err));
    CHECK(sum.steps == 20480);
}

static void keep_last(void *ctx, const mb_progress_info *p) { *(mb_progress_info *)ctx = *p; }

TEST(phases_add_up)
{
    mb_error err = { 0 };
    mb_progress_info last = { 0 };
    mb_settings *s = mb_settings_new(run_memory, "ppo", "cartpole", &err);
    CHECK(s != NULL);
    run_set(s, "run", "none");
    run_set(s, "total-steps", "60000");
    run_set(s, "eval-episodes", "0");
    mb_hooks hooks = { .progress = keep_last, .ctx = &last };
    mb_trainer *t = mb_trainer_new(s, &hooks, &err);
    CHECK(t && mb_trainer_run(t, &err));
    double sum = 0;
    for (int i = 0; i < MB_PHASES; i++) {
        CHECK(last.phase_seconds[i] >= 0);
        sum += last.phase_seconds[i];
    }
    CHECK(last.done && last.seconds > 0);
    CHECK_NEAR(sum, last.seconds, 1e-9 + 1e-6 * last.seconds);
    CHECK(last.phase_seconds[MB_PHASE_LEARN] > last.phase_seconds[MB_PHASE_ENV]); /* CartPole steps are cheap, PPO's updates are not */
    CHECK(last.phase_seconds[MB_PHASE_ENV] > 0 && last.phase_seconds[MB_PHASE_ACT] > 0);
    CHECK(last.memory_bytes > 1000000 && last.peak_memory_bytes >= last.memory_bytes);
    mb_trainer_free(t);
}

MB_TESTS(T(events_say_what_metrics_say), T(a_resumed_run_is_cut_and_goes_on), T(what_lies_behind_the_checkpoint_is_cut),
         T(none_are_written_when_nobody_wants_them), T(a_run_does_what_is_asked), T(nonsense_asked_for_is_ignored), T(phases_add_up))

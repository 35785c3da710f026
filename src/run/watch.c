/* What a run shows while it works, and what it can be asked: the progress it tells its hooks, status.json, log.txt and the
   file `request`.  Files, not signals: they work for every user who may write the directory, and from another machine. */
#include "run/impl.h"
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Phases are known for the measured iterations; all others are taken to be like them. */
static void estimate_phases(const mb_trainer *t, double seconds, double *out)
{
    const double *s = t->phases.seconds;
    double measured = s[MB_PHASE_ENV] + s[MB_PHASE_ACT] + s[MB_PHASE_LEARN];
    if (measured <= 0) return;
    double other = fmin(t->other, seconds), scale = (seconds - other) / measured;
    for (int p = MB_PHASE_ENV; p < MB_PHASES; p++) out[p] = s[p] * scale;
    out[MB_PHASE_OTHER] = other;
}

void mb__progress(mb_trainer *t, double now, bool done, mb_progress_info *p)
{
    const mb_settings *s = t->settings;
    double seconds = t->trained + (done ? 0 : now - t->started - t->excluded);
    *p = (mb_progress_info){
        .step = t->run.step, .total_steps = t->run.total_steps, .seconds = seconds,
        .steps_per_second = seconds > 0 ? (double)(t->run.step - t->start_step) / seconds : 0,
        .return_mean = mb__metrics_return(t->run.metrics),
        .last_eval = t->last_eval.episodes ? t->last_eval.return_mean : (double)NAN,
        .episodes = mb__metrics_episodes(t->run.metrics), .done = done,
        .memory_bytes = t->memory, .peak_memory_bytes = t->peak_memory,
        .threads = t->scope.pool ? mb_pool_size(t->scope.pool) : 1, .envs = s->run.envs,
        .eval = t->last_eval, .eval_step = t->eval_step,
        .dir = t->dir, .algo = s->algo->name, .env = s->env->name, .seed = t->scope.seed,
    };
    estimate_phases(t, seconds, p->phase_seconds);
}

/* ---- status.json ---- */

static void number(mb_str *out, const char *key, double v)
{
    mb_str_add(out, ",\"%s\":", key);
    mb_str_number(out, v);
}

void mb__status_write(mb_trainer *t, const char *state, const mb_progress_info *p)
{
    char path[1024], memory[4096], when[32], host[64] = "";
    mb_error quiet = { 0 }; /* a status that cannot be written stops no run: what matters is written elsewhere */
    mb_str out;
    if (!t->dir || !mb__run_path(path, sizeof path, t->dir, "status.json", &quiet)) return;
    if (gethostname(host, sizeof host) != 0) host[0] = 0;
    host[sizeof host - 1] = 0;
    mb__iso_time(when, sizeof when);
    mb_str_init(&out, memory, sizeof memory);
    mb_str_add(&out, "{\"state\":\"%s\",\"pid\":%ld,\"host\":", state, (long)getpid());
    mb_str_json(&out, host);
    mb_str_add(&out, ",\"updated\":\"%s\",\"step\":%lld,\"total_steps\":%lld,\"episodes\":%lld", when, (long long)p->step,
               (long long)p->total_steps, (long long)p->episodes);
    number(&out, "seconds", p->seconds);
    number(&out, "steps_per_second", p->steps_per_second);
    number(&out, "return_mean", p->return_mean);
    mb_str_add(&out, ",\"threads\":%d,\"envs\":%d,\"memory_bytes\":%zu,\"peak_memory_bytes\":%zu,\"checkpoint_step\":%lld", p->threads,
               p->envs, p->memory_bytes, p->peak_memory_bytes, (long long)t->saved_step);
    mb_str_add(&out, ",\"eval_step\":%lld,\"eval\":", (long long)p->eval_step);
    mb_eval_json(&p->eval, &out);
    mb_str_add(&out, ",\"phases\":{");
    for (int i = 0; i < MB_PHASES; i++) {
        mb_str_add(&out, "%s\"%s\":", i ? "," : "", mb_phase_name((mb_phase)i));
        mb_str_number(&out, p->phase_seconds[i]);
    }
    mb_str_add(&out, "}}\n");
    if (!out.full) mb__quick_write(path, out.s, out.n, &quiet);
}

/* ---- log.txt ---- */

void mb__log_line(void *trainer, mb_log_level level, const char *text)
{
    const mb_trainer *t = trainer;
    char line[1024], when[32];
    const char *mark = level == MB_LOG_WARN ? "warning: " : "";
    if (t->log_fd >= 0) {
        mb__iso_time(when, sizeof when);
        int n = snprintf(line, sizeof line, "%s  step %lld  %s%.800s\n", when, (long long)t->run.step, mark, text);
        (void)!write(t->log_fd, line, (size_t)n);
    }
    if (t->hooks.log.line) t->hooks.log.line(t->hooks.log.ctx, level, text);
}

void mb__log_own(const mb_trainer *t, const char *fmt, ...)
{
    char text[512];
    mb_trainer only_file = { .log_fd = t->log_fd, .run = t->run };
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    mb__log_line(&only_file, MB_LOG_INFO, text);
}

/* ---- requests ---- */

int mb__request_take(const mb_trainer *t)
{
    char path[1024], word[16] = "";
    mb_error quiet = { 0 };
    if (!t->dir || !mb__run_path(path, sizeof path, t->dir, "request", &quiet)) return ASKED_NOTHING;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return ASKED_NOTHING;
    ssize_t n = read(fd, word, sizeof word - 1);
    close(fd);
    unlink(path);
    word[n > 0 ? n : 0] = 0;
    word[strcspn(word, " \r\n")] = 0;
    return strcmp(word, "stop") == 0 ? ASKED_STOP : strcmp(word, "checkpoint") == 0 ? ASKED_CHECKPOINT : ASKED_NOTHING;
}

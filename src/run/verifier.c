/* A verifier of the user's, run as a process of its own with limits: whatever happens to it, the trainer goes on and knows. */
#include "matchbox/verifier.h"
#include "matchbox/jobs.h"
#include "task/answer.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The last line: "score 0.5", "invalid: what is wrong" */
static mb_ruling read_line(const char *line)
{
    double score;
    if (strncmp(line, "invalid", 7) == 0 && (line[7] == 0 || line[7] == ':')) return mb__invalid("%.80s", line[7] ? line + 8 + (line[8] == ' ') : "no reason given");
    if (strncmp(line, "score ", 6) != 0 || !mb_parse_double(line + 6, &score)) return mb__broken("the verifier's last line is neither score nor invalid: '%.30s'", line);
    if (!(score >= 0 && score <= 1)) return mb__broken("the verifier's score is not between 0 and 1");
    return mb__score(score);
}

static mb_ruling ended(const mb_job_end *end)
{
    if (end->status > 128) return mb__broken("the verifier was ended by signal %d", end->status - 128);
    if (end->status != 0) return mb__broken("the verifier ended with status %d", end->status);
    return read_line(end->last);
}

static char *variable(mb_arena *a, const char *name, const char *text, size_t n, mb_error *err)
{
    size_t head = strlen(name);
    char *v = mb_alloc(a, head + n + 2, 1, err);
    if (v) snprintf(v, head + n + 2, "%s=%.*s", name, (int)n, text);
    return v;
}

mb_ruling mb_verify_outside(const mb_outside_verifier *v, const char *prompt, const char *answer, size_t n, mb_arena *scratch)
{
    mb_error err = { 0 };
    mb_job_end end;
    char command[1400];
    if (n >= MB_TASK_READ) return mb__invalid("longer than any answer");
    if (memchr(answer, 0, n)) return mb__invalid("holds a zero byte");
    size_t mark = mb_arena_mark(scratch);
    const char *env[] = { variable(scratch, "MATCHBOX_PROMPT", prompt, strlen(prompt), &err), variable(scratch, "MATCHBOX_ANSWER", answer, n, &err), NULL };
    snprintf(command, sizeof command, "ulimit -c 0; ulimit -t %d; ulimit -v %d; %.1000s", (int)ceil(v->seconds) + 1, v->megabytes * 1024, v->command);
    const char *argv[] = { "sh", "-c", command, NULL };
    mb_job_spec spec = { .argv = argv, .out = v->out, .env = env };
    mb_jobs *jobs = env[0] && env[1] ? mb_jobs_new(scratch, 1, &err) : NULL;
    mb_ruling ruling = mb__broken("the verifier could not be started: %.50s", err.what);
    if (jobs && mb_jobs_start(jobs, &spec, &err)) {
        double until = mb_now() + v->seconds;
        bool done = false;
        for (double left = v->seconds; !done && left > 0; left = until - mb_now()) done = mb_jobs_wait(jobs, left, &end);
        ruling = done ? ended(&end) : mb__broken("the verifier ran longer than %g s", v->seconds);
    }
    mb_jobs_free(jobs);
    mb_arena_release(scratch, mark);
    return ruling;
}

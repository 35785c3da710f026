/* Child processes: statuses, output, order, limits, stopping, and what happens to them when their watcher is killed. */
#include "matchbox/jobs.h"
#include "run_test.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static mb_jobs *new_jobs(int max)
{
    mb_error err = { 0 };
    run_begin();
    return mb_jobs_new(run_memory, max, &err);
}

/* Start `sh -c text` with its output in a file. */
static bool start(mb_jobs *j, const char *text, int64_t tag)
{
    mb_error err = { 0 };
    char out[32];
    snprintf(out, sizeof out, "out-%d", (int)tag);
    const char *const argv[] = { "sh", "-c", text, NULL };
    const char *const env[] = { "JOB_WORD=spoken", NULL };
    bool ok = mb_jobs_start(j, &(mb_job_spec){ .argv = argv, .out = run_file(out), .log = run_file("log"), .env = env, .tag = tag }, &err);
    if (!ok) printf("start: %s\n", err.what);
    return ok;
}

static mb_job_end wait_one(mb_jobs *j)
{
    mb_job_end e = { .tag = -1 };
    for (int i = 0; i < 100 && !mb_jobs_wait(j, 0.1, &e); i++) continue;
    return e;
}

TEST(status_and_last_line)
{
    static const struct { const char *text; int status; const char *last; } cases[] = {
        { "echo first; echo '{\"a\":1}'", 0, "{\"a\":1}" }, { "exit 3", 3, "" },      { "printf 'no line end'; exit 1", 1, "no line end" },
        { "kill -9 $$", 128 + 9, "" },                      { "echo $JOB_WORD", 0, "spoken" }, { "echo; echo; echo x; echo", 0, "x" },
        { "head -c 5000 /dev/zero | tr '\\0' a", 0, "" },   { "head -c 9000 /dev/zero | tr '\\0' a; echo; echo end", 0, "end" },
    };
    mb_jobs *j = new_jobs(2);
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        CHECK(start(j, cases[i].text, i));
        mb_job_end e = wait_one(j);
        CHECK(e.tag == i && e.status == cases[i].status && strcmp(e.last, cases[i].last) == 0);
        CHECK(e.seconds > 0 && e.seconds < 10);
    }
    CHECK(mb_jobs_running(j) == 0);
    mb_jobs_free(j);
}

TEST(a_program_that_is_not_there)
{
    mb_error err = { 0 };
    mb_jobs *j = new_jobs(1);
    const char *const argv[] = { "/no/such/program", NULL };
    CHECK(mb_jobs_start(j, &(mb_job_spec){ .argv = argv }, &err));
    CHECK(wait_one(j).status == 127);
    const char *const self[] = { "matchbox", "no_such_test", NULL };
    CHECK(mb_jobs_start(j, &(mb_job_spec){ .argv = self, .out = run_file("self"), .dir = "/" }, &err));
    mb_job_end e = wait_one(j);
    CHECK(e.status == 0 && strcmp(e.last, "0 passed, 0 failed") == 0); /* this very test program */
    CHECK(!mb_jobs_start(j, &(mb_job_spec){ .argv = argv, .out = "/no/such/folder/out" }, &err));
    CHECK_ERROR(err, "/no/such/folder/out");
}

TEST(no_more_than_were_asked_for)
{
    mb_error err = { 0 };
    mb_jobs *j = new_jobs(2);
    CHECK(start(j, "sleep 0.3", 1) && start(j, "exit 5", 2));
    CHECK(mb_jobs_full(j));
    const char *const argv[] = { "true", NULL };
    CHECK(!mb_jobs_start(j, &(mb_job_spec){ .argv = argv }, &err));
    CHECK_ERROR(err, "2 are running");
    mb_job_end e = wait_one(j);
    CHECK(e.tag == 2 && e.status == 5 && !mb_jobs_full(j) && mb_jobs_running(j) == 1);
    CHECK(!mb_jobs_wait(j, 0, &e));
    CHECK(wait_one(j).tag == 1);
    err = (mb_error){ 0 };
    CHECK(!mb_jobs_new(run_memory, 0, &err));
    CHECK(err.code == MB_ERR_RANGE);
}

TEST(stopping_asks_once)
{
    mb_jobs *j = new_jobs(2);
    CHECK(start(j, "n=0; trap 'n=$((n+1))' TERM; echo ready; while [ $n = 0 ]; do sleep 0.05; done; sleep 0.2; echo asked $n; exit 3", 1));
    for (size_t n = 0; n < 6 && run_read(run_file("out-1"), &n);) usleep(1000);
    mb_jobs_stop(j);
    mb_jobs_stop(j);
    mb_job_end e = wait_one(j);
    CHECK(e.status == 3 && strcmp(e.last, "asked 1") == 0);
    CHECK(start(j, "trap '' TERM; sleep 60", 2));
    mb_jobs_free(j);
    CHECK(mb_jobs_running(j) == 0);
}

/* A watcher that is killed takes its children along, and its locks are free soon. */
TEST(children_of_a_killed_watcher)
{
    mb_error err = { 0 };
    size_t n = 0;
    run_begin();
    CHECK(mb_lock_wait(run_file("lock"), 0, &err));
    pid_t watcher = fork();
    if (watcher == 0) {
        mb_jobs *j = new_jobs(1);
        start(j, "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.02; done", 9);
        int fd;
        mb_file_lock(run_file("lock"), &fd, &err);
        for (;;) pause();
    }
    for (int i = 0; i < 5000 && !(exists(run_file("out-9")) && run_read(run_file("out-9"), &n) && n == 6 && exists(run_file("lock"))); i++)
        usleep(1000);
    CHECK(!mb_lock_wait(run_file("lock"), 0.05, &err));
    CHECK(err.code == MB_ERR_BUSY);
    err = (mb_error){ 0 };
    kill(watcher, SIGKILL);
    waitpid(watcher, NULL, 0);
    CHECK(mb_lock_wait(run_file("lock"), 5, &err));
    char *text = NULL;
    for (int i = 0; i < 5000 && n != 12; i++, usleep(1000)) text = run_read(run_file("out-9"), &n);
    CHECK(text && strcmp(text, "ready\nasked\n") == 0);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", run_root);
    CHECK(system(command) == 0);
}
TEST(clean_up) { remove_folder(); }

MB_TESTS(T(status_and_last_line), T(a_program_that_is_not_there), T(no_more_than_were_asked_for), T(stopping_asks_once),
         T(children_of_a_killed_watcher), T(clean_up))

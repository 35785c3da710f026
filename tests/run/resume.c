/* A run that was stopped, cut or damaged continues to the same bytes. */
#include "run_test.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char *const envs[] = { "cartpole", "connect-four", "doorkey", "soccer" };

static void check_halves(const char *env)
{
    mb_error err = { 0 };
    mb_summary sum;
    char whole[64], halves[64], name[128];
    snprintf(whole, sizeof whole, "whole-%s", env);
    snprintf(halves, sizeof halves, "halves-%s", env);
    CHECK(run_all(run_settings(whole, env), &sum, &err));
    mb_settings *s = run_settings(halves, env);
    run_set(s, "stop-after", "9000");
    CHECK(run_all(s, &sum, &err));
    CHECK(sum.steps >= 9000 && sum.steps < 10000);
    int64_t stopped = sum.steps;
    CHECK(continue_all(run_file(halves), &sum, &err));
    CHECK(sum.start_step == stopped);
    CHECK(sum.steps == 20480);
    snprintf(name, sizeof name, "%s/checkpoints/000000020480.ckpt", whole);
    const char *a = run_file(name);
    snprintf(name, sizeof name, "%s/checkpoints/000000020480.ckpt", halves);
    CHECK(same_files(a, run_file(name)));
    snprintf(name, sizeof name, "%s/metrics.jsonl", whole);
    a = run_file(name);
    snprintf(name, sizeof name, "%s/metrics.jsonl", halves);
    CHECK(same_files(a, run_file(name)));
    if (err.code) printf("FAIL %s: %s\n", env, err.what);
}

TEST(two_halves_equal_the_whole)
{
    for (size_t i = 0; i < sizeof envs / sizeof *envs; i++) check_halves(envs[i]);
}

TEST(threads_do_not_show)
{
    mb_error err = { 0 };
    mb_summary sum;
    const char *const counts[] = { "1", "2", "4" };
    for (int i = 0; i < 3; i++) {
        char dir[32];
        snprintf(dir, sizeof dir, "threads-%s", counts[i]);
        mb_settings *s = run_settings(dir, "cartpole");
        run_set(s, "threads", counts[i]);
        run_set(s, "envs", "160");
        CHECK(run_all(s, &sum, &err));
    }
    CHECK(same_files(run_file("threads-1/checkpoints/000000020480.ckpt"), run_file("threads-2/checkpoints/000000020480.ckpt")));
    CHECK(same_files(run_file("threads-1/checkpoints/000000020480.ckpt"), run_file("threads-4/checkpoints/000000020480.ckpt")));
}

static void damage(const char *path, long cut_to, long flip_at)
{
    if (cut_to >= 0 && truncate(path, cut_to) != 0) CHECK(!"truncate");
    FILE *f = flip_at >= 0 ? fopen(path, "r+b") : NULL;
    if (!f) return;
    fseek(f, flip_at, SEEK_SET);
    int c = fgetc(f);
    fseek(f, flip_at, SEEK_SET);
    fputc(c ^ 0x40, f);
    fclose(f);
}

static int warnings;
static void count_warning(void *ctx, mb_log_level level, const char *text) { warnings += level == MB_LOG_WARN; }

TEST(a_damaged_checkpoint_is_skipped)
{
    mb_error err = { 0 };
    mb_summary sum;
    struct stat st;
    mb_settings *s = run_settings("damaged", "cartpole");
    run_set(s, "checkpoint-steps", "4096");
    run_set(s, "stop-after", "12288");
    CHECK(run_all(s, &sum, &err));
    const char *newest = "damaged/checkpoints/000000012288.ckpt";
    CHECK(exists(run_file(newest)) && exists(run_file("damaged/checkpoints/000000008192.ckpt")));
    CHECK(!exists(run_file("damaged/checkpoints/000000004096.ckpt")));
    CHECK(stat(run_file(newest), &st) == 0);
    const long cuts[] = { 0, 1, 7, st.st_size / 2, st.st_size - 1 };
    size_t n;
    char *good = run_read(run_file(newest), &n);
    for (size_t i = 0; i < 10; i++) {
        mb_hooks hooks = { .log = { count_warning, NULL } };
        CHECK(mb_file_write(run_file(newest), good, n, &err));
        if (i < 5) damage(run_file(newest), cuts[i], -1);
        else damage(run_file(newest), -1, (long)(n * (i - 5) / 5));
        warnings = 0;
        mb_trainer *t = mb_trainer_open(run_file("damaged"), &hooks, &err);
        CHECK(t && mb_trainer_view(t)->step == 8192);
        CHECK(warnings == 1);
        mb_trainer_free(t);
    }
    CHECK(continue_all(run_file("damaged"), &sum, &err));
    CHECK(sum.start_step == 8192);
    CHECK(same_files(run_file("damaged/checkpoints/000000020480.ckpt"), run_file("whole-cartpole/checkpoints/000000020480.ckpt")));
    CHECK(same_files(run_file("damaged/metrics.jsonl"), run_file("whole-cartpole/metrics.jsonl")));
}

TEST(no_valid_checkpoint_is_an_error)
{
    mb_error err = { 0 };
    mb_summary sum;
    mb_settings *s = run_settings("hopeless", "cartpole");
    CHECK(run_all(s, &sum, &err));
    damage(run_file("hopeless/checkpoints/000000020480.ckpt"), 100, -1);
    damage(run_file("hopeless/checkpoints/000000000000.ckpt"), 100, -1);
    CHECK(!mb_trainer_open(run_file("hopeless"), NULL, &err));
    CHECK_ERROR(err, "none of the 2 checkpoints");
    err = (mb_error){ 0 };
    CHECK(!mb_trainer_open(run_file("nowhere"), NULL, &err));
    CHECK_ERROR(err, "config.yaml");
}

TEST(another_process_is_kept_out)
{
    mb_error err = { 0 };
    mb_settings *s = run_settings("busy", "cartpole");
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    CHECK(t != NULL);
    CHECK(!mb_trainer_open(run_file("busy"), NULL, &err));
    CHECK(err.code == MB_ERR_BUSY);
    mb_trainer_free(t);
    err = (mb_error){ 0 };
    CHECK(!mb_trainer_new(s, NULL, &err));
    CHECK_ERROR(err, "already holds a run");
    err = (mb_error){ 0 };
    t = mb_trainer_open(run_file("busy"), NULL, &err);
    CHECK(t != NULL);
    mb_trainer_free(t);
}

TEST(a_directory_that_cannot_be_made)
{
    mb_error err = { 0 };
    run_begin();
    CHECK(mb_file_write(run_file("plain"), "x", 1, &err));
    CHECK(!mb_trainer_new(run_settings("plain/run", "cartpole"), NULL, &err));
    CHECK(err.code == MB_ERR_IO);
}

/* In a child whose files may not grow beyond a few kilobytes: as if the disk were full. */
static int full_disk(void)
{
    mb_error err = { 0 };
    struct rlimit limit = { 5000, 5000 };
    mb_settings *s = run_settings("full", "cartpole");
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    signal(SIGXFSZ, SIG_IGN);
    if (!t || setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    bool failed = !mb_trainer_run(t, &err);
    char text[2048];
    mb_error_text(&err, text, sizeof text);
    return failed && err.code == MB_ERR_IO && strstr(text, "larger than allowed") ? 0 : 1;
}

TEST(a_full_disk_loses_nothing)
{
    int status = -1;
    mb_error err = { 0 };
    mb_summary sum;
    run_begin();
    pid_t pid = fork();
    if (pid == 0) _exit(full_disk());
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(continue_all(run_file("full"), &sum, &err));
    CHECK(same_files(run_file("full/checkpoints/000000020480.ckpt"), run_file("whole-cartpole/checkpoints/000000020480.ckpt")));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", run_root);
    CHECK(system(command) == 0);
}
TEST(clean_up) { remove_folder(); }

MB_TESTS(T(two_halves_equal_the_whole), T(threads_do_not_show), T(a_damaged_checkpoint_is_skipped), T(no_valid_checkpoint_is_an_error),
         T(another_process_is_kept_out), T(a_directory_that_cannot_be_made), T(a_full_disk_loses_nothing), T(clean_up))

/* Runs that were killed with SIGKILL at fifty random moments each, and continued every time: they begin again at the newest
   checkpoint's step and end with the bytes of a run that was never killed. */
#include "run_test.h"
#include <signal.h>
#include <sys/wait.h>

enum { KILLS = 50, LIVES = 300 };

/* One row: how a run is made.  `total` steps with a checkpoint every `every`: more than the lives get through. */
struct kind { const char *name, *algo, *env, *total, *every, *options[4]; };

static const struct kind kinds[] = {
    { "random", "random", "cartpole", "4096000", "16384", { NULL } },
    { "ppo", "ppo", "cartpole", "98304", "512", { "hidden", "16", NULL } },
    { "gru", "ppo", "cartpole-masked", "49152", "512", { "model", "gru", "hidden", "8" } },
};

static mb_settings *settings(const struct kind *k, const char *dir)
{
    mb_error err = { 0 };
    run_begin();
    mb_settings *s = mb_settings_new(run_memory, k->algo, k->env, &err);
    if (!s) return NULL;
    run_set(s, "run", run_file(dir));
    run_set(s, "total-steps", k->total);
    run_set(s, "eval-episodes", "0");
    run_set(s, "threads", "1");
    for (int i = 0; i < 4 && k->options[i]; i += 2) run_set(s, k->options[i], k->options[i + 1]);
    return s;
}

/* In a child: make or open the run, say the step at which it begins, train to the end. */
static void live(const struct kind *k, const char *dir, int say)
{
    mb_error err = { 0 };
    mb_trainer *t = NULL;
    if (exists(run_file(dir))) {
        t = mb_trainer_open(run_file(dir), NULL, &err);
    } else {
        mb_settings *s = settings(k, dir);
        if (s) run_set(s, "checkpoint-steps", k->every);
        t = s ? mb_trainer_new(s, NULL, &err) : NULL;
    }
    int64_t step = t ? mb_trainer_view(t)->step : -1;
    if (write(say, &step, sizeof step) != sizeof step) _exit(2);
    if (!t || !mb_trainer_run(t, &err)) printf("FAIL %s: %s\n", dir, err.what);
    _exit(err.code == MB_OK ? 0 : 1);
}

static int64_t newest_step(const char *dir)
{
    char name[96];
    snprintf(name, sizeof name, "%s/checkpoints", dir);
    int64_t best = -1;
    DIR *d = opendir(run_file(name));
    for (struct dirent *e; d && (e = readdir(d));)
        if (strlen(e->d_name) == 17 && strcmp(e->d_name + 12, ".ckpt") == 0 && atoll(e->d_name) > best) best = atoll(e->d_name);
    if (d) closedir(d);
    return best;
}

/* Begins a life, ends it after `microseconds`.  True: it came to its end before.  *begun: the step it began at, -1: not that far. */
static bool life(const struct kind *k, const char *dir, int microseconds, int64_t *begun)
{
    int pipes[2], status = 0;
    *begun = -1;
    CHECK(pipe(pipes) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) live(k, dir, pipes[1]);
    close(pipes[1]);
    usleep((useconds_t)microseconds);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    if (read(pipes[0], begun, sizeof *begun) != sizeof *begun) *begun = -1;
    close(pipes[0]);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

/* A first life can end before there is anything to continue: then it begins anew. */
static void clear_if_empty(const char *dir)
{
    char command[160];
    if (newest_step(dir) >= 0 || !exists(run_file(dir))) return;
    snprintf(command, sizeof command, "rm -rf %s", run_file(dir));
    CHECK(system(command) == 0);
}

static void check_kind(const struct kind *k)
{
    enum { SEED = 7 };
    mb_error err = { 0 };
    mb_summary sum;
    mb_rng rng = mb_rng_make(SEED, k->name, 0);
    char killed[48], alive[48], a[96], b[96];
    snprintf(killed, sizeof killed, "killed-%s", k->name);
    snprintf(alive, sizeof alive, "alive-%s", k->name);
    run_begin();
    int kills = 0, resumed = 0, forward = 0, longest = 8000; /* microseconds: finds the pace of the machine */
    int64_t begun, before = -1;
    for (int i = 0; i < LIVES && (kills < KILLS || resumed < KILLS / 2); i++) {
        clear_if_empty(killed);
        before = newest_step(killed);
        if (life(k, killed, 500 + mb_below(&rng, longest), &begun)) break;
        int64_t after = newest_step(killed);
        CHECK(after >= before);
        if (begun >= 0) CHECK(begun == (before < 0 ? 0 : before));
        kills += before < 0 || begun >= 0; /* not those which ended before they had read the checkpoint */
        resumed += begun > 0;
        forward += after > before;
        longest = after > before ? longest - longest / 6 : longest + longest / 6;
        if (longest < 2000) longest = 2000;
    }
    printf("%s: seed %d, killed %d times, %d resumes past step 0, %d lives made progress, last checkpoint at %lld\n", k->name, SEED,
           kills, resumed, forward, (long long)newest_step(killed));
    CHECK(kills >= KILLS && resumed >= KILLS / 2 && forward >= 5);
    before = newest_step(killed);
    CHECK(before > 0 && continue_all(run_file(killed), &sum, &err) && sum.start_step == before);
    mb_settings *s = settings(k, alive);
    CHECK(s && run_all(s, &sum, &err) && sum.start_step == 0);
    snprintf(a, sizeof a, "%s/checkpoints/%012d.ckpt", killed, atoi(k->total));
    snprintf(b, sizeof b, "%s/checkpoints/%012d.ckpt", alive, atoi(k->total));
    CHECK(same_files(run_file(a), run_file(b)));
    snprintf(a, sizeof a, "%s/metrics.jsonl", killed);
    snprintf(b, sizeof b, "%s/metrics.jsonl", alive);
    CHECK(same_files(run_file(a), run_file(b)));
    if (err.code) printf("FAIL %s: %s\n", k->name, err.what);
}

TEST(random_actions) { check_kind(&kinds[0]); }
TEST(ppo) { check_kind(&kinds[1]); }
TEST(recurrent_ppo) { check_kind(&kinds[2]); }

TEST(clean_up)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", run_root);
    CHECK(system(command) == 0);
}

MB_TESTS(T(random_actions), T(ppo), T(recurrent_ppo), T(clean_up))

/* a51.c - the container (catalogue row A51): a learner in an empty root that holds the image's files alone, beside one outside.
     a51 image --seed=N      copies build/image (make image), makes it the root and trains there
     a51 outside --seed=N    trains with the program of the build
   Prints the checksum of the last checkpoint, so that equal bytes show, and what else is in the root that could be executed.
   Needs root or user namespaces. */
#include "row.h"
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void fail(const char *what)
{
    fprintf(stderr, "a51: %s\n", what);
    exit(1);
}

static bool write_text(const char *path, const char *text)
{
    int f = open(path, O_WRONLY);
    bool ok = f >= 0 && write(f, text, strlen(text)) == (ssize_t)strlen(text);
    if (f >= 0) close(f);
    return ok;
}

/* An ordinary user becomes root in a namespace of its own. */
static void become_root(void)
{
    char map[64];
    unsigned uid = (unsigned)geteuid();
    if (uid == 0) return;
    if (unshare(CLONE_NEWUSER) != 0) fail("neither root nor user namespaces here");
    snprintf(map, sizeof map, "0 %u 1\n", uid);
    if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", map)) fail("the user namespace cannot be set up");
}

/* Trains and waits; root NULL: outside.  run: as the learner sees it. */
static void train(const char *root, const char *program, const char *seed, const char *run)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        char *const args[] = { (char *)(uintptr_t)program, "train", "ppo", "cartpole", "--seed", (char *)(uintptr_t)seed, "--run", (char *)(uintptr_t)run, NULL };
        char *const none[] = { NULL };
        dup2(null, 1);
        dup2(null, 2);
        if (root) become_root();
        if (root && (chroot(root) != 0 || chdir("/") != 0)) _exit(126);
        execve(program, args, none);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) fail("the learner failed");
}

static double checksum(const char *run)
{
    char path[1400], newest[256] = "";
    snprintf(path, sizeof path, "%s/checkpoints", run);
    DIR *d = opendir(path);
    for (struct dirent *at; d && (at = readdir(d));) /* names are steps with leading zeros */
        if (*at->d_name != '.' && strcmp(at->d_name, newest) > 0) snprintf(newest, sizeof newest, "%s", at->d_name);
    if (d) closedir(d);
    mb_error err = { 0 };
    char *data;
    size_t bytes;
    mb_arena *a = mb_arena_new((size_t)1 << 26, &err);
    snprintf(path, sizeof path, "%s/checkpoints/%s", run, newest);
    if (!*newest || !a || !mb_file_read(path, a, &data, &bytes, &err)) fail("there is no checkpoint");
    double sum = mb_crc32c(0, data, bytes);
    mb_arena_free(a);
    return sum;
}

/* Files with the right to be executed under this folder. */
static int programs(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    for (struct dirent *at; d && (at = readdir(d));) {
        char below[1400];
        struct stat s;
        snprintf(below, sizeof below, "%.1100s/%s", path, at->d_name);
        if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0 || lstat(below, &s) != 0) continue;
        n += S_ISDIR(s.st_mode) ? programs(below) : S_ISREG(s.st_mode) && s.st_mode & 0100;
    }
    if (d) closedir(d);
    return n;
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "checksum", "programs" };
    char build[1024], program[1100], command[4000], cwd[1024], root[1100], run[1200], inside[1200];
    const char *seed = row_text(argc, argv, "seed");
    bool image = argc > 1 && strcmp(argv[1], "image") == 0;
    double v[2] = { 0, 0 };
    row_build(build, sizeof build);
    row_scratch(cwd, sizeof cwd);
    if (!image) {
        snprintf(program, sizeof program, "%s/matchbox", build);
        snprintf(run, sizeof run, "%s/learner", cwd);
        train(NULL, program, seed ? seed : "1", run);
    } else {
        snprintf(program, sizeof program, "%s/image", build);
        if (access(program, F_OK) != 0) fail("there is no image: run `make image` first");
        snprintf(root, sizeof root, "%s/root", cwd);
        snprintf(command, sizeof command, "cp -R '%s' '%s'", program, root);
        if (system(command) != 0) fail("the image cannot be copied");
        snprintf(run, sizeof run, "%s/runs/learner", root);
        v[1] = programs(root);
        snprintf(inside, sizeof inside, "%s/usr/bin/matchbox", root);
        train(root, access(inside, X_OK) == 0 ? "/usr/bin/matchbox" : "/usr/local/bin/matchbox", seed ? seed : "1", "/runs/learner");
    }
    v[0] = checksum(run);
    row_print(2, names, v);
    return row_scratch_end(cwd);
}

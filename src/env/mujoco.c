/* mujoco.c - MuJoCo behind the environments: the library, loaded on first use; models; the borrowed scratch; one reset and one
   step.  Gymnasium's order of things: control, frame_skip steps, contact forces where a task reads them, then observation and
   reward from what the last step left behind (positions of bodies lag one physics step behind the joints). */
#include "env/mujoco.h"
#ifdef MB_HAVE_MUJOCO
#include "env/mujoco_world.h"
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the library ---- */

static void no_warning(const char *text) {} /* counted in mjData; without this, MuJoCo prints and writes a log file */

static bool load_library(struct mujoco_world *w, mb_error *err)
{
#define SYMBOL(name) { #name, &w->name },
    const mb_symbol symbols[] = { MUJOCO_FUNCTIONS(SYMBOL) { "mju_user_warning", &w->user_warning }, { NULL, NULL } };
    char soname[32];
    const char *const package = "libmujoco" MUJOCO_VERSION;
    snprintf(soname, sizeof soname, "libmujoco.so.%s", MUJOCO_VERSION);
    if (!mb_library_load(soname, symbols, w->task->name, package, err)) return false;
    if (w->mj_version() != mjVERSION_HEADER)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: %s says it is version %d, and this matchbox was built for %d", w->task->name,
                       soname, w->mj_version(), mjVERSION_HEADER);
    void (*none)(const char *) = NULL; /* a program that set its own handler keeps it */
    __atomic_compare_exchange_n(w->user_warning, &none, no_warning, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return true;
}

/* ---- models ---- */

/* MuJoCo reads models from files alone (or from a table of 2 MB), so the built-in ones become a file without a name. */
static mjModel *compile_text(struct mujoco_world *w, const mb_str *xml, char *why, int n)
{
    char path[32];
    int fd = memfd_create("model.xml", 0);
    mjModel *m = NULL;
    snprintf(why, (size_t)n, "there is no file for it");
    if (fd < 0) return NULL;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, xml->s, xml->n) == (ssize_t)xml->n) m = w->mj_loadXML(path, NULL, why, n);
    close(fd);
    return m;
}

static bool check_sizes(const struct mujoco_world *w, const char *file, mb_error *err)
{
    const mjModel *m = w->model;
    const struct mujoco_task *t = w->task;
    if (m->nq == t->nq && m->nv == t->nv && m->nu == t->nu && m->nbody == t->nbody && m->na == 0 && m->nmocap == 0) return true;
    mb_fail(err, MB_ERR_USAGE, "%s: the model in %.200s does not fit: positions, velocities, motors, bodies, activations %d %d %d %d %d",
            t->name, file, m->nq, m->nv, m->nu, m->nbody, m->na);
    return mb_note(err, "expected %d %d %d %d 0: bodies and joints may change in figures, not in number", t->nq, t->nv, t->nu, t->nbody);
}

static bool compile(struct mujoco_world *w, const char *file, mb_arena *a, mb_error *err)
{
    char why[512] = "";
    if (*file) w->model = w->mj_loadXML(file, NULL, why, sizeof why);
    else {
        size_t mark = mb_arena_mark(a);
        char *memory = mb_alloc(a, 1, MUJOCO_XML, err);
        mb_str xml;
        if (!memory) return false;
        mb_str_init(&xml, memory, MUJOCO_XML);
        if (w->task->xml) mb_str_add(&xml, "%s", w->task->xml);
        else w->task->write(&xml, w->version);
        file = "the built-in model";
        w->model = compile_text(w, &xml, why, sizeof why);
        mb_arena_release(a, mark);
    }
    if (w->model) return check_sizes(w, file, err);
    for (char *p = why; *p; p++)
        if (*p == '\n') *p = p[1] ? ';' : 0;
    mb_fail(err, MB_ERR_FORMAT, "%s: the model does not compile: %.200s", w->task->name, file);
    mb_note(err, "MuJoCo says: %.150s", why);
    return mb_help(err, "matchbox help %s", w->task->name);
}

/* ---- scratch ---- */

static void make_sim(struct mujoco_world *w, struct mujoco_slot *s)
{
    const mjModel *m = w->model;
    const mjData *d = s->data = w->mj_makeData(m);
    if (!d) return;
    s->sim = (struct mujoco_sim){
        d->qpos, d->qvel, d->ctrl, d->xpos, d->xipos, d->site_xpos, d->cinert, d->cvel, d->qfrc_actuator, d->qfrc_constraint,
        d->cfrc_ext, m->body_mass, m->nq, m->nv, m->nu, m->nbody, m->opt.timestep, m->opt.timestep * w->task->frame_skip };
}

/* A simulation that nobody else uses; there are more than threads in any sensible pool, and the others wait. */
struct mujoco_slot *mb__mujoco_borrow(struct mujoco_world *w)
{
    for (int i = 0;; i = (i + 1) % MUJOCO_SLOTS) {
        struct mujoco_slot *s = &w->slot[i];
        if (!atomic_exchange_explicit(&s->busy, true, memory_order_acquire)) {
            if (!s->data) make_sim(w, s);
            MB_ASSERT(s->data);
            return s;
        }
        if (i == MUJOCO_SLOTS - 1) sched_yield();
    }
}

void mb__mujoco_return(struct mujoco_slot *s) { atomic_store_explicit(&s->busy, false, memory_order_release); }

bool mb__mujoco_open(const struct mujoco_task *t, struct mujoco_choice c, mb_arena *a, struct mujoco_world **out, mb_error *err)
{
    struct mujoco_world *w = mb_alloc(a, 1, sizeof *w, err);
    if (!w) return false;
    w->task = t;
    w->version = c.version;
    w->repeat = c.repeat;
    w->forces = t->forces_from && c.version >= t->forces_from;
    if (!load_library(w, err)) return false;
    if (!compile(w, c.model, a, err) || (t->camera && !(w->eyes = mb__eyes_open(w, c.size, a, err)))) {
        mb__mujoco_close(w);
        return false;
    }
    *out = w;
    return true;
}

void mb__mujoco_close(struct mujoco_world *w)
{
    if (w->eyes) mb__eyes_close(w, w->eyes);
    for (int i = 0; i < MUJOCO_SLOTS; i++)
        if (w->slot[i].data) w->mj_deleteData(w->slot[i].data);
    if (w->model) w->mj_deleteModel(w->model);
    memset(w->slot, 0, sizeof w->slot);
    w->model = NULL;
    w->eyes = NULL;
}

/* ---- one instance ---- */

static void load(const struct mujoco_world *w, mjData *d, const struct mujoco_state *s)
{
    d->time = s->time;
    memcpy(d->qpos, s->qpos, (size_t)w->task->nq * sizeof *d->qpos);
    memcpy(d->qvel, s->qvel, (size_t)w->task->nv * sizeof *d->qvel);
    memcpy(d->qacc_warmstart, s->warmstart, (size_t)w->task->nv * sizeof *d->qacc_warmstart);
}

static void save(const struct mujoco_world *w, const struct mujoco_slot *x, struct mujoco_state *s)
{
    const mjData *d = x->data;
    s->time = d->time;
    memcpy(s->qpos, d->qpos, (size_t)w->task->nq * sizeof *d->qpos);
    memcpy(s->qvel, d->qvel, (size_t)w->task->nv * sizeof *d->qvel);
    memcpy(s->warmstart, d->qacc_warmstart, (size_t)w->task->nv * sizeof *d->qacc_warmstart);
    if (w->task->remember) w->task->remember(&x->sim, s->before);
}

static void observe(struct mujoco_world *w, struct mujoco_slot *x, struct mujoco_state *s, bool first, mb_io *io)
{
    if (w->eyes) mb__eyes_see(w, x->data, first, (uint8_t *)(s + 1), io->obs_field[0]);
    else w->task->observe(&x->sim, w->version, io->obs);
}

/* Begin from the positions and velocities in s.  What else a simulation holds is computed from them or never changes, so
   mj_resetData, which clears megabytes, is needed after a breakdown only. */
static void begin(struct mujoco_world *w, struct mujoco_state *s, mb_io *io)
{
    struct mujoco_slot *x = mb__mujoco_borrow(w);
    memset(x->data->ctrl, 0, (size_t)w->task->nu * sizeof *x->data->ctrl);
    memset(x->data->cfrc_ext, 0, (size_t)w->task->nbody * 6 * sizeof *x->data->cfrc_ext); /* observed, and forward leaves it */
    load(w, x->data, s);
    w->mj_forward(w->model, x->data);
    save(w, x, s);
    observe(w, x, s, true, io);
    mb__mujoco_return(x);
}

void mb__mujoco_reset(struct mujoco_world *w, const void *options, struct mujoco_state *s, mb_rng *rng, mb_io *io)
{
    *s = (struct mujoco_state){ 0 };
    memcpy(s->qpos, w->model->qpos0, (size_t)w->task->nq * sizeof *s->qpos);
    w->task->begin(options, rng, s->qpos, s->qvel);
    begin(w, s, io);
}

bool mb__mujoco_place(struct mujoco_world *w, const void *options, struct mujoco_state *s, const double *values, int n, mb_io *io, mb_error *err)
{
    const struct mujoco_task *t = w->task;
    if (n != t->nq + t->nv)
        return mb_fail(err, MB_ERR_RANGE, "%s: a state has %d numbers (%d positions, %d velocities), not %d", t->name, t->nq + t->nv,
                       t->nq, t->nv, n);
    for (int i = 0; i < n; i++)
        if (!(values[i] >= -1e6 && values[i] <= 1e6))
            return mb_fail(err, MB_ERR_RANGE, "%s: number %d of the state must lie in [-1e6, 1e6], not %g", t->name, i + 1, values[i]);
    *s = (struct mujoco_state){ 0 };
    memcpy(s->qpos, values, (size_t)t->nq * sizeof *values);
    memcpy(s->qvel, values + t->nq, (size_t)t->nv * sizeof *values);
    begin(w, s, io);
    return true;
}

static bool sound(const double *x, int n)
{
    bool ok = true;
    for (int i = 0; i < n; i++) ok &= x[i] >= -mjMAXVAL && x[i] <= mjMAXVAL;
    return ok;
}

/* MuJoCo starts a simulation that became infinite anew by itself and counts a warning; so it does where a table is full. */
static bool broke_down(const struct mujoco_world *w, const mjData *d)
{
    int warnings = 0;
    for (int i = 0; i < mjNWARNING; i++) warnings += d->warning[i].number;
    return warnings || !sound(d->qpos, w->task->nq) || !sound(d->qvel, w->task->nv) || !sound(d->qacc_warmstart, w->task->nv);
}

/* Up to `repeat` steps under one control, or until one breaks down or ends the episode. */
static mb_step advance(struct mujoco_world *w, struct mujoco_slot *x, const void *options, struct mujoco_state *s, const float *action, mb_io *io)
{
    const struct mujoco_task *t = w->task;
    mb_step sum = { 0, false };
    for (int k = 0; k < w->repeat && !sum.terminated && !io->broken; k++) {
        for (int i = 0; i < t->frame_skip; i++) w->mj_step(w->model, x->data);
        if (w->forces) w->mj_rnePostConstraint(w->model, x->data);
        if ((io->broken = broke_down(w, x->data))) return (mb_step){ 0, false };
        mb_step one = t->judge(options, &x->sim, s->before, action);
        sum = (mb_step){ sum.reward + one.reward, one.terminated };
        if (w->repeat > 1 && t->remember) t->remember(&x->sim, s->before);
    }
    return sum;
}

mb_step mb__mujoco_step(struct mujoco_world *w, const void *options, struct mujoco_state *s, mb_io *io)
{
    struct mujoco_slot *x = mb__mujoco_borrow(w);
    mjData *d = x->data;
    load(w, d, s);
    for (int i = 0; i < w->task->nu; i++) d->ctrl[i] = (double)io->value[i];
    mb_step result = advance(w, x, options, s, io->value, io);
    if (io->broken) { /* the observation is that of the last sound state */
        w->mj_resetData(w->model, d);
        load(w, d, s);
        w->mj_forward(w->model, d);
    } else save(w, x, s);
    observe(w, x, s, false, io);
    mb__mujoco_return(x);
    return result;
}
#else
static bool missing(const struct mujoco_task *t, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "%s: this matchbox was built without MuJoCo", t->name);
    return mb_note(err, "install libmujoco-dev (Debian, Ubuntu) and build again: make detect all");
}
bool mb__mujoco_open(const struct mujoco_task *t, struct mujoco_choice c, mb_arena *a, struct mujoco_world **out, mb_error *err)
{
    return missing(t, err);
}
void mb__mujoco_close(struct mujoco_world *w) {}
void mb__mujoco_reset(struct mujoco_world *w, const void *options, struct mujoco_state *s, mb_rng *rng, mb_io *io) {}
mb_step mb__mujoco_step(struct mujoco_world *w, const void *options, struct mujoco_state *s, mb_io *io) { return (mb_step){ 0, false }; }
bool mb__mujoco_place(struct mujoco_world *w, const void *options, struct mujoco_state *s, const double *values, int n, mb_io *io, mb_error *err)
{
    return false;
}
#endif

void mb__mujoco_uniform(mb_rng *rng, double *x, int n, double scale)
{
    for (int i = 0; i < n; i++) x[i] += scale * (2.0 * mb_uniform64(rng) - 1.0);
}

void mb__mujoco_normal(mb_rng *rng, double *x, int n, double scale)
{
    for (int i = 0; i < n; i++) x[i] += scale * (double)mb_normal(rng);
}

bool mb__mujoco_pixel_shape(int size, int repeat, mb_env_shape *shape)
{
    mb_field *f = &shape->obs.field[0];
    f->h = f->w = size;
    f->n = f->h * f->w * f->c;
    shape->time_limit = MUJOCO_PIXEL_STEPS / repeat;
    shape->state_size = sizeof(struct mujoco_state) + (MUJOCO_STACK - 1) * MUJOCO_FRAME_BYTES(size);
    return true;
}

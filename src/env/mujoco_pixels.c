/* mujoco_pixels.c - MuJoCo's own renderer without a window system: EGL on Mesa's surfaceless platform (a GPU where there is one, else
   its software renderer), small pictures, everything off that costs time and shows little at this size.  A context belongs to one
   thread at a time, so a thread borrows one for a frame. */
#include "env/mujoco.h"
#ifdef MB_HAVE_MUJOCO
#include "env/mujoco_world.h"
#ifdef MB_HAVE_EGL
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <dlfcn.h>
#include <sched.h>
#include <stdlib.h>

#define EGL_FUNCTIONS(F) F(eglGetProcAddress) F(eglInitialize) F(eglBindAPI) F(eglChooseConfig) F(eglCreateContext) F(eglDestroyContext) F(eglMakeCurrent)
#define RENDER_FUNCTIONS(F)                                                                                           \
    F(mjv_defaultScene) F(mjv_makeScene) F(mjv_freeScene) F(mjv_updateScene) F(mjv_updateCamera) F(mjv_defaultOption) F(mjv_defaultCamera) \
    F(mjr_defaultContext) F(mjr_makeContext) F(mjr_freeContext) F(mjr_setBuffer) F(mjr_render) F(mjr_readPixels)

enum { EYES = 64, GEOMS = 100, LARGEST = 84 };

struct eye {
    _Alignas(64) atomic_bool busy;
    bool ready;
    EGLContext context;
    mjrContext gl;
    mjvScene scene;
    uint8_t frame[LARGEST * LARGEST * 3]; /* as OpenGL gives it, the lowest row first */
};

struct mujoco_eyes {
    EGL_FUNCTIONS(MUJOCO_MEMBER)
    RENDER_FUNCTIONS(MUJOCO_MEMBER)
    int size;
    EGLDisplay display;
    EGLConfig config;
    mjvOption option;
    mjvCamera camera;
    struct eye eye[EYES];
};

static bool load_functions(struct mujoco_eyes *e, const char *name, mb_error *err)
{
#define SYMBOL(name_) { #name_, &e->name_ },
    const mb_symbol egl[] = { EGL_FUNCTIONS(SYMBOL) { NULL, NULL } }, render[] = { RENDER_FUNCTIONS(SYMBOL) { NULL, NULL } };
    if (!mb_library_load("libEGL.so.1", egl, name, "libegl1 libegl-mesa0", err)) return false;
    if (!dlopen("libEGL.so.1", RTLD_NOW | RTLD_GLOBAL)) return false; /* MuJoCo looks for its functions among global ones */
    return mb_library_load("libmujoco.so." MUJOCO_VERSION, render, name, "libmujoco" MUJOCO_VERSION, err);
}

static bool open_display(struct mujoco_eyes *e, const char *name, mb_error *err)
{
    static const EGLint want[] = { EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE };
    PFNEGLGETPLATFORMDISPLAYEXTPROC get = NULL;
    void (*address)(void) = e->eglGetProcAddress("eglGetPlatformDisplayEXT");
    EGLint n = 0;
    memcpy(&get, &address, sizeof get);
    setenv("LP_NUM_THREADS", "0", 0); /* Mesa's software renderer: its threads cost more than they save on small pictures */
    e->display = get ? get(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL) : EGL_NO_DISPLAY;
    if (e->display != EGL_NO_DISPLAY && e->eglInitialize(e->display, NULL, NULL) &&
        e->eglChooseConfig(e->display, want, &e->config, 1, &n) && n == 1)
        return true;
    mb_fail(err, MB_ERR_UNSUPPORTED, "%s: EGL gives no OpenGL without a window system", name);
    return mb_help(err, "Debian, Ubuntu: apt-get install libegl-mesa0 libgl1-mesa-dri");
}

static bool take(struct mujoco_eyes *e, EGLContext context)
{
    return e->eglBindAPI(EGL_OPENGL_API) && e->eglMakeCurrent(e->display, EGL_NO_SURFACE, EGL_NO_SURFACE, context);
}

/* In the thread that borrowed it. */
static bool make_ready(struct mujoco_world *w, struct mujoco_eyes *e, struct eye *y)
{
    if (y->ready) return take(e, y->context);
    e->eglBindAPI(EGL_OPENGL_API);
    y->context = e->eglCreateContext(e->display, e->config, EGL_NO_CONTEXT, NULL);
    if (y->context == EGL_NO_CONTEXT || !take(e, y->context)) return false;
    e->mjv_defaultScene(&y->scene);
    e->mjv_makeScene(w->model, &y->scene, GEOMS);
    for (int i = 0; i < mjNRNDFLAG; i++) y->scene.flags[i] = 0;
    y->scene.flags[mjRND_CULL_FACE] = 1;
    e->mjr_defaultContext(&y->gl);
    e->mjr_makeContext(w->model, &y->gl, mjFONTSCALE_50);
    e->mjr_setBuffer(mjFB_OFFSCREEN, &y->gl);
    return y->ready = true;
}

struct mujoco_eyes *mb__eyes_open(struct mujoco_world *w, int size, mb_arena *a, mb_error *err)
{
    const struct mujoco_camera *c = w->task->camera;
    struct mujoco_eyes *e = mb_alloc(a, 1, sizeof *e, err);
    if (!e || !load_functions(e, w->task->name, err) || !open_display(e, w->task->name, err)) return NULL;
    e->size = size;
    e->mjv_defaultOption(&e->option);
    e->mjv_defaultCamera(&e->camera);
    e->camera.distance = c->distance;
    e->camera.azimuth = c->azimuth;
    e->camera.elevation = c->elevation;
    bool good = make_ready(w, e, &e->eye[0]); /* says now whether it works */
    if (e->display != EGL_NO_DISPLAY) take(e, EGL_NO_CONTEXT);
    if (good) return e;
    mb_fail(err, MB_ERR_UNSUPPORTED, "%s: EGL makes no OpenGL context", w->task->name);
    return NULL;
}

void mb__eyes_close(struct mujoco_world *w, struct mujoco_eyes *e)
{
    for (int i = 0; i < EYES; i++) {
        struct eye *y = &e->eye[i];
        if (!y->ready || !take(e, y->context)) continue;
        e->mjr_freeContext(&y->gl);
        e->mjv_freeScene(&y->scene);
        take(e, EGL_NO_CONTEXT);
        e->eglDestroyContext(e->display, y->context);
        y->ready = false;
    }
}

static struct eye *borrow(struct mujoco_eyes *e)
{
    for (int i = 0;; i = (i + 1) % EYES) {
        if (!atomic_exchange_explicit(&e->eye[i].busy, true, memory_order_acquire)) return &e->eye[i];
        if (i == EYES - 1) sched_yield();
    }
}

void mb__eyes_see(struct mujoco_world *w, mjData *d, bool first, uint8_t *old, uint8_t *obs)
{
    struct mujoco_eyes *e = w->eyes;
    const struct mujoco_camera *c = w->task->camera;
    struct eye *y = borrow(e);
    const int n = e->size;
    const size_t bytes = MUJOCO_FRAME_BYTES(n);
    mjrRect all = { 0, 0, n, n };
    mjvCamera camera = e->camera;
    for (int i = 0; i < 3; i++) camera.lookat[i] = c->at[i];
    if (c->follow) camera.lookat[0] += d->xpos[3];
    bool drawn = make_ready(w, e, y);
    MB_ASSERT(drawn);
    e->mjv_updateCamera(w->model, d, &camera, &y->scene); /* floors without end are laid where the camera was */
    e->mjv_updateScene(w->model, d, &e->option, NULL, &camera, mjCAT_ALL, &y->scene);
    e->mjr_render(all, &y->scene, &y->gl);
    e->mjr_readPixels(y->frame, NULL, all, &y->gl);
    take(e, EGL_NO_CONTEXT);
    for (int row = 0; row < n; row++)
        for (int col = 0; col < n; col++) {
            const uint8_t *now = y->frame + 3 * ((n - 1 - row) * n + col);
            uint8_t *past = old + 3 * (row * n + col), *to = obs + 9 * (row * n + col);
            if (first) {
                memcpy(past, now, 3);
                memcpy(past + bytes, now, 3);
            }
            memcpy(to, past, 3);
            memcpy(to + 3, past + bytes, 3);
            memcpy(to + 6, now, 3);
            memcpy(past, past + bytes, 3);
            memcpy(past + bytes, now, 3);
        }
    atomic_store_explicit(&y->busy, false, memory_order_release);
}
#else
struct mujoco_eyes *mb__eyes_open(struct mujoco_world *w, int size, mb_arena *a, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "%s: this matchbox was built without EGL, which draws its pixels", w->task->name);
    mb_note(err, "install libegl-dev (Debian, Ubuntu) and build again: make detect all");
    return NULL;
}
void mb__eyes_close(struct mujoco_world *w, struct mujoco_eyes *e) {}
void mb__eyes_see(struct mujoco_world *w, mjData *d, bool first, uint8_t *old, uint8_t *obs) {}
#endif
#endif

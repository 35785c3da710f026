/* mujoco_draw.c - a picture of a MuJoCo model on the canvas, without OpenGL: its geoms seen from the side or from above, far ones
   first, capsules as thick lines. */
#include "env/mujoco.h"
#ifdef MB_HAVE_MUJOCO
#include "env/mujoco_world.h"

enum { MAX_GEOMS = 64 };

struct eye {
    mb_canvas *c;
    double x, y, span; /* what is in the middle, m; width of the picture, m */
    int up, away;      /* axes: 2 and 1 from the side, 1 and 2 from above */
};

static float across(const struct eye *e, const double *p) { return (float)((p[0] - e->x) / e->span + 0.5); }

static float down(const struct eye *e, const double *p)
{
    double aspect = (double)e->c->w / (double)e->c->h;
    return (float)(0.5 - (p[e->up] - e->y) / e->span * aspect);
}

static mb_color color_of(const float *rgba)
{
    mb_color c = 0;
    for (int i = 0; i < 3; i++) c = c << 8 | (mb_color)(rgba[i] * 255.0f + 0.5f);
    return c;
}

static void draw_plane(const struct eye *e, const double *at)
{
    if (e->up != 2) return;
    float y = down(e, at);
    mb_canvas_rect(e->c, 0, y, 1, 1, 0xD8D0BC);
    double stripe = e->span / 6, left = e->x - e->span / 2;
    for (double x = (double)(int64_t)(left / stripe - 1) * stripe; x < e->x + e->span / 2; x += stripe) {
        double p[3] = { x, 0, 0 }, q[3] = { x + stripe / 2, 0, 0 };
        mb_canvas_rect(e->c, across(e, p), y, across(e, q), y + 0.02f, 0xB8AE94);
    }
}

static void draw_geom(const struct eye *e, const mjModel *m, const mjData *d, int g)
{
    const double *at = d->geom_xpos + 3 * g, *turn = d->geom_xmat + 9 * g, *size = m->geom_size + 3 * g;
    mb_color color = color_of(m->geom_rgba + 4 * g);
    float thick = (float)(2 * size[0] / e->span);
    if (m->geom_rgba[4 * g + 3] < 0.01f) return;
    if (m->geom_type[g] == mjGEOM_PLANE) {
        draw_plane(e, at);
        return;
    }
    if (m->geom_type[g] == mjGEOM_CAPSULE || (m->geom_type[g] == mjGEOM_CYLINDER && size[1] > 0.2 * size[0])) {
        double a[3], b[3];
        for (int i = 0; i < 3; i++) {
            double reach = turn[3 * i + 2] * size[1];
            a[i] = at[i] - reach;
            b[i] = at[i] + reach;
        }
        float x0 = across(e, a), y0 = down(e, a), x1 = across(e, b), y1 = down(e, b);
        mb_canvas_line(e->c, x0, y0, x1, y1, thick, color);
        mb_canvas_disc(e->c, x0, y0, thick / 2, color);
        mb_canvas_disc(e->c, x1, y1, thick / 2, color);
        return;
    }
    mb_canvas_disc(e->c, across(e, at), down(e, at), thick / 2, color);
}

/* Far geoms first; planes before everything. */
static int sort_geoms(const struct eye *e, const mjModel *m, const mjData *d, int *order)
{
    int n = m->ngeom < MAX_GEOMS ? m->ngeom : MAX_GEOMS;
    double far[MAX_GEOMS];
    for (int i = 0; i < n; i++) {
        double away = d->geom_xpos[3 * i + e->away] * (e->away == 1 ? 1 : -1);
        if (m->geom_type[i] == mjGEOM_PLANE) away = 1e9;
        int k = i;
        for (; k > 0 && far[k - 1] < away; k--) {
            far[k] = far[k - 1];
            order[k] = order[k - 1];
        }
        far[k] = away;
        order[k] = i;
    }
    return n;
}

void mb__mujoco_draw(struct mujoco_world *w, const struct mujoco_state *s, mb_canvas *c)
{
    struct mujoco_slot *x = mb__mujoco_borrow(w);
    const struct mujoco_task *t = w->task;
    int order[MAX_GEOMS];
    bool side = t->view == MUJOCO_SIDE;
    memcpy(x->data->qpos, s->qpos, (size_t)t->nq * sizeof *s->qpos);
    w->mj_kinematics(w->model, x->data);
    struct eye e = { c, 0, t->level, t->span, side ? 2 : 1, side ? 1 : 2 };
    if (t->follow) {
        e.x = x->data->xpos[3];
        if (!side) e.y = x->data->xpos[4];
    }
    mb_canvas_clear(c, 0xF7F4EC);
    int n = sort_geoms(&e, w->model, x->data, order);
    for (int i = 0; i < n; i++) draw_geom(&e, w->model, x->data, order[i]);
    mb__mujoco_return(x);
}
#else
void mb__mujoco_draw(struct mujoco_world *w, const struct mujoco_state *s, mb_canvas *c) { mb_canvas_clear(c, 0xF7F4EC); }
#endif

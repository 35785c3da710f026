/* box2d_shim.h - the few things the environments ask of Box2D, as C functions.  box2d_shim.cpp is the only C++ of the library; it
   becomes a shared library of its own (libmatchbox-box2d.so), which is loaded on first use, so that the build works without a C++
   compiler and the program without Box2D.  Units: metres, radians, seconds; bodies and joints are numbered from 0. */
#ifndef MB_ENV_BOX2D_SHIM_H
#define MB_ENV_BOX2D_SHIM_H
#include <stdbool.h>
#include <stddef.h>

#define BOX2D_SHIM "libmatchbox-box2d.so.0"

#ifdef __cplusplus
extern "C" {
#endif

enum { BOX2D_BODIES = 8, BOX2D_JOINTS = 4, BOX2D_GROUND = 0x0001 };

struct box2d_world;
/* `hit`: something touched it since it was made; `touch`: a contact began and none has ended since. */
struct box2d_body { double x, y, angle, vx, vy, spin; bool awake, touch, hit; };
struct box2d_shape { float density, friction; int category, mask; };

/* A world without bodies, with `user` bytes of memory for whoever asks; NULL: no memory. */
struct box2d_world *mb__b2_new(size_t user);
void mb__b2_free(struct box2d_world *w);
void *mb__b2_user(struct box2d_world *w);
void mb__b2_begin(struct box2d_world *w, float gravity); /* everything in it goes */
int mb__b2_body(struct box2d_world *w, bool moves, float x, float y, float angle);
void mb__b2_polygon(struct box2d_world *w, int body, const float *xy, int n, const struct box2d_shape *s);
void mb__b2_box(struct box2d_world *w, int body, float half_width, float half_height, const struct box2d_shape *s);
void mb__b2_edge(struct box2d_world *w, int body, float x0, float y0, float x1, float y1, const struct box2d_shape *s);
/* Joint of bodies a and b at these points of them, driven at `speed` with at most `torque`, within two angles. */
int mb__b2_hinge(struct box2d_world *w, int a, int b, const float at_a[2], const float at_b[2], const float limits[2], float speed, float torque);
void mb__b2_motor(struct box2d_world *w, int joint, float speed, float torque);
void mb__b2_joint(const struct box2d_world *w, int joint, double *angle, double *speed);
void mb__b2_force(struct box2d_world *w, int body, float x, float y, float torque);
void mb__b2_impulse(struct box2d_world *w, int body, float x, float y, float at_x, float at_y);
void mb__b2_step(struct box2d_world *w, float dt, int velocity_iterations, int position_iterations);
void mb__b2_read(const struct box2d_world *w, int body, struct box2d_body *out);
/* How far a ray gets before it meets a shape of the ground, as a fraction. */
double mb__b2_ray(const struct box2d_world *w, float x0, float y0, float x1, float y1);

#ifdef __cplusplus
}
#endif

#define BOX2D_FUNCTIONS(F)                                                                                            \
    F(new) F(free) F(user) F(begin) F(body) F(polygon) F(box) F(edge) F(hinge) F(motor) F(joint) F(force) F(impulse) F(step) \
    F(read) F(ray)
#endif

/* box2d_shim.cpp - Box2D behind C functions; see box2d_shim.h. */
#include "env/box2d_shim.h"
#include <box2d/box2d.h>
#include <cstdlib>
#include <initializer_list>
#include <new>

struct box2d_world : b2ContactListener {
    alignas(b2World) char memory[sizeof(b2World)];
    b2World *world;
    b2Body *body[BOX2D_BODIES];
    b2RevoluteJoint *joint[BOX2D_JOINTS];
    bool touch[BOX2D_BODIES], hit[BOX2D_BODIES];
    int nbodies, njoints;
    void *user;

    int number(b2Body *b) const
    {
        for (int i = 0; i < nbodies; i++)
            if (body[i] == b) return i;
        return 0;
    }
    void BeginContact(b2Contact *c) override
    {
        for (b2Fixture *f : { c->GetFixtureA(), c->GetFixtureB() }) touch[number(f->GetBody())] = hit[number(f->GetBody())] = true;
    }
    void EndContact(b2Contact *c) override
    {
        for (b2Fixture *f : { c->GetFixtureA(), c->GetFixtureB() }) touch[number(f->GetBody())] = false;
    }
    void end()
    {
        if (!world) return;
        world->SetContactListener(nullptr); /* its end is no contact's end */
        world->~b2World();
        world = nullptr;
    }
};

namespace {
void attach(b2Body *body, const b2Shape *shape, const box2d_shape *s)
{
    b2FixtureDef f;
    f.shape = shape;
    f.density = s->density;
    f.friction = s->friction;
    f.filter.categoryBits = static_cast<uint16>(s->category);
    f.filter.maskBits = static_cast<uint16>(s->mask);
    body->CreateFixture(&f);
}

struct nearest : b2RayCastCallback {
    double fraction = 1;
    float ReportFixture(b2Fixture *f, const b2Vec2 &, const b2Vec2 &, float at) override
    {
        if ((f->GetFilterData().categoryBits & BOX2D_GROUND) == 0) return -1;
        fraction = static_cast<double>(at);
        return at;
    }
};
}

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT box2d_world *mb__b2_new(size_t user)
{
    box2d_world *w = new (std::nothrow) box2d_world();
    if (w) w->user = std::calloc(1, user);
    if (w && w->user) return w;
    delete w;
    return nullptr;
}

EXPORT void mb__b2_free(box2d_world *w)
{
    w->end();
    std::free(w->user);
    delete w;
}

EXPORT void *mb__b2_user(box2d_world *w) { return w->user; }

EXPORT void mb__b2_begin(box2d_world *w, float gravity)
{
    w->end();
    w->nbodies = w->njoints = 0;
    for (int i = 0; i < BOX2D_BODIES; i++) w->touch[i] = w->hit[i] = false;
    w->world = new (w->memory) b2World(b2Vec2(0, gravity));
    w->world->SetContactListener(w);
}

EXPORT int mb__b2_body(box2d_world *w, bool moves, float x, float y, float angle)
{
    b2BodyDef d;
    d.type = moves ? b2_dynamicBody : b2_staticBody;
    d.position.Set(x, y);
    d.angle = angle;
    w->body[w->nbodies] = w->world->CreateBody(&d);
    return w->nbodies++;
}

EXPORT void mb__b2_polygon(box2d_world *w, int body, const float *xy, int n, const box2d_shape *s)
{
    b2Vec2 v[b2_maxPolygonVertices];
    b2PolygonShape p;
    for (int i = 0; i < n; i++) v[i].Set(xy[2 * i], xy[2 * i + 1]);
    p.Set(v, n);
    attach(w->body[body], &p, s);
}

EXPORT void mb__b2_box(box2d_world *w, int body, float half_width, float half_height, const box2d_shape *s)
{
    b2PolygonShape p;
    p.SetAsBox(half_width, half_height);
    attach(w->body[body], &p, s);
}

EXPORT void mb__b2_edge(box2d_world *w, int body, float x0, float y0, float x1, float y1, const box2d_shape *s)
{
    b2EdgeShape e;
    e.SetTwoSided(b2Vec2(x0, y0), b2Vec2(x1, y1));
    attach(w->body[body], &e, s);
}

EXPORT int mb__b2_hinge(box2d_world *w, int a, int b, const float at_a[2], const float at_b[2], const float limits[2], float speed, float torque)
{
    b2RevoluteJointDef d;
    d.bodyA = w->body[a];
    d.bodyB = w->body[b];
    d.localAnchorA.Set(at_a[0], at_a[1]);
    d.localAnchorB.Set(at_b[0], at_b[1]);
    d.enableMotor = d.enableLimit = true;
    d.lowerAngle = limits[0];
    d.upperAngle = limits[1];
    d.motorSpeed = speed;
    d.maxMotorTorque = torque;
    w->joint[w->njoints] = static_cast<b2RevoluteJoint *>(w->world->CreateJoint(&d));
    return w->njoints++;
}

EXPORT void mb__b2_motor(box2d_world *w, int joint, float speed, float torque)
{
    w->joint[joint]->SetMotorSpeed(speed);
    w->joint[joint]->SetMaxMotorTorque(torque);
}

EXPORT void mb__b2_joint(const box2d_world *w, int joint, double *angle, double *speed)
{
    *angle = static_cast<double>(w->joint[joint]->GetJointAngle());
    *speed = static_cast<double>(w->joint[joint]->GetJointSpeed());
}

EXPORT void mb__b2_force(box2d_world *w, int body, float x, float y, float torque)
{
    w->body[body]->ApplyForceToCenter(b2Vec2(x, y), true);
    w->body[body]->ApplyTorque(torque, true);
}

EXPORT void mb__b2_impulse(box2d_world *w, int body, float x, float y, float at_x, float at_y)
{
    w->body[body]->ApplyLinearImpulse(b2Vec2(x, y), b2Vec2(at_x, at_y), true);
}

EXPORT void mb__b2_step(box2d_world *w, float dt, int velocity_iterations, int position_iterations)
{
    w->world->Step(dt, velocity_iterations, position_iterations);
}

EXPORT void mb__b2_read(const box2d_world *w, int body, box2d_body *out)
{
    const b2Body *b = w->body[body];
    out->x = static_cast<double>(b->GetPosition().x);
    out->y = static_cast<double>(b->GetPosition().y);
    out->angle = static_cast<double>(b->GetAngle());
    out->vx = static_cast<double>(b->GetLinearVelocity().x);
    out->vy = static_cast<double>(b->GetLinearVelocity().y);
    out->spin = static_cast<double>(b->GetAngularVelocity());
    out->awake = b->IsAwake();
    out->touch = w->touch[body];
    out->hit = w->hit[body];
}

EXPORT double mb__b2_ray(const box2d_world *w, float x0, float y0, float x1, float y1)
{
    nearest found;
    w->world->RayCast(&found, b2Vec2(x0, y0), b2Vec2(x1, y1));
    return found.fraction;
}

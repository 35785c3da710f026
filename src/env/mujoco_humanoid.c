/* mujoco_humanoid.c - the humanoid of Tassa, Erez, Todorov: Synthesis and stabilization of complex behaviors through online
   trajectory optimization (2012), with the figures of Gymnasium's models; left and right are written by the same lines. */
#include "env/mujoco_humanoid.h"

static void joint(mb_str *xml, const char *name, int side, const char *axis, const char *range, double armature, double damping, double stiffness)
{
    mb_str_add(xml, "<joint name='%s%d' axis='%s' range='%s' armature='%g' damping='%g' stiffness='%g'/>", name, side, axis, range, armature, damping,
               stiffness);
}

/* Where things are, standing and lying; y is that of the left side. */
struct posture {
    const char *torso, *head, *waist, *lower, *pelvis, *shin_end, *foot, *hip_y;
    double thigh_z, thigh_end_x, thigh_end_z, shin_x, shin_z;
};
static const struct posture standing = { "0 0 1.4", "0 0 .19", "-.01 -.06 -.12 -.01 .06 -.12", "-.01 0 -.26", "0 0 -.165",
                                         "0 0 -.3", "0 0 -.45", "-110 20", -0.04, 0, -0.34, 0, -0.403 };
static const struct posture lying_down = { "0 0 .105", "-.15 0 0", ".11 -.06 0 .11 .06 0", ".21 0 0", ".165 0 0",
                                           ".3 0 0", ".35 0 -.1", "-120 20", 0, 0.34, 0, 0.403, 0 };

static void leg(mb_str *xml, const struct posture *p, int side)
{
    bool left = side > 0;
    mb_str_add(xml, "<body pos='0 %g %g'>", 0.1 * side, p->thigh_z);
    joint(xml, "hip_x", side, left ? "-1 0 0" : "1 0 0", "-25 5", 0.01, 5, 10);
    joint(xml, "hip_z", side, left ? "0 0 -1" : "0 0 1", "-60 35", 0.01, 5, 10);
    joint(xml, "hip_y", side, "0 1 0", left ? p->hip_y : "-110 20", left ? 0.01 : 0.008, 5, 20);
    mb_str_add(xml, "<geom fromto='0 0 0 %g %g %g' size='.06'/>", p->thigh_end_x, -0.01 * side, p->thigh_end_z);
    mb_str_add(xml, "<body pos='%g %g %g'><joint name='knee%d' axis='0 -1 0' pos='0 0 .02' range='-160 -2' armature='.006' stiffness='%d'/>",
               p->shin_x, -0.01 * side, p->shin_z, side, left ? 1 : 0);
    mb_str_add(xml, "<geom fromto='0 0 0 %s' size='.049'/><body pos='%s'>", p->shin_end, p->foot);
    mb_str_add(xml, "<geom type='sphere' pos='0 0 .1' size='.075' rgba='.18 .25 .35 1'/></body></body></body>");
}

static void arm(mb_str *xml, int side)
{
    bool left = side > 0;
    mb_str_add(xml, "<body pos='0 %g .06'>", 0.17 * side);
    joint(xml, "shoulder1", side, left ? "2 -1 1" : "2 1 1", left ? "-60 85" : "-85 60", 0.0068, 1, 1);
    joint(xml, "shoulder2", side, left ? "0 1 1" : "0 -1 1", left ? "-60 85" : "-85 60", 0.0051, 1, 1);
    mb_str_add(xml, "<geom fromto='0 0 0 .16 %g -.16' size='.04' rgba='.30 .55 .42 1'/><body pos='.18 %g -.18'>", 0.16 * side, 0.18 * side);
    joint(xml, "elbow", side, left ? "0 -1 -1" : "0 -1 1", "-90 50", 0.0028, 1, 0);
    mb_str_add(xml, "<geom fromto='.01 %g .01 .17 %g .17' size='.031' rgba='.30 .55 .42 1'/>", -0.01 * side, -0.17 * side);
    mb_str_add(xml, "<geom type='sphere' pos='.18 %g .18' size='.04' rgba='.18 .25 .35 1'/></body></body>", -0.18 * side);
}

void mb__humanoid_write(mb_str *xml, bool lying)
{
    const struct posture *p = lying ? &lying_down : &standing;
    mb_str_add(xml,
               "<mujoco><compiler angle='degree' inertiafromgeom='true'/>"
               "<option integrator='RK4' solver='PGS' iterations='50' timestep='0.003'/>"
               "<default><joint armature='1' damping='1' limited='true'/><geom type='capsule' condim='1' margin='.001' rgba='.78 .33 .24 1'/>"
               "<motor ctrllimited='true' ctrlrange='-.4 .4' gear='100'/></default>"
               "<worldbody><geom type='plane' condim='3' friction='1 .1 .1' size='20 20 5' rgba='.85 .82 .74 1'/>");
    mb_str_add(xml,
               "<body pos='%s'><joint type='free' armature='0' damping='0' limited='false'/><geom fromto='0 -.07 0 0 .07 0' size='.07'/>"
               "<geom type='sphere' pos='%s' size='.09' rgba='.18 .25 .35 1'/><geom fromto='%s' size='.06'/>",
               p->torso, p->head, p->waist);
    mb_str_add(xml,
               "<body pos='%s' quat='1 0 -.002 0'><geom fromto='0 -.06 0 0 .06 0' size='.06'/>"
               "<joint name='abdomen_z' axis='0 0 1' pos='0 0 .065' range='-45 45' armature='.02' damping='5' stiffness='20'/>"
               "<joint name='abdomen_y' axis='0 1 0' pos='0 0 .065' range='-75 30' armature='.02' damping='5' stiffness='10'/>",
               p->lower);
    mb_str_add(xml,
               "<body pos='%s' quat='1 0 -.002 0'><geom fromto='-.02 -.07 0 -.02 .07 0' size='.09'/>"
               "<joint name='abdomen_x' axis='1 0 0' pos='0 0 .1' range='-35 35' armature='.02' damping='5' stiffness='10'/>",
               p->pelvis);
    leg(xml, p, -1);
    leg(xml, p, 1);
    mb_str_add(xml, "</body></body>");
    arm(xml, -1);
    arm(xml, 1);
    mb_str_add(xml, "</body></worldbody><actuator><motor joint='abdomen_y'/><motor joint='abdomen_z'/><motor joint='abdomen_x'/>");
    for (int side = -1; side <= 1; side += 2)
        mb_str_add(xml, "<motor joint='hip_x%d'/><motor joint='hip_z%d'/><motor joint='hip_y%d' gear='300'/><motor joint='knee%d' gear='200'/>", side,
                   side, side, side);
    for (int side = -1; side <= 1; side += 2)
        mb_str_add(xml, "<motor joint='shoulder1%d' gear='25'/><motor joint='shoulder2%d' gear='25'/><motor joint='elbow%d' gear='25'/>", side, side,
                   side);
    mb_str_add(xml, "</actuator></mujoco>");
}

void mb__humanoid_observe(const struct mujoco_sim *x, int version, float *obs)
{
    int world = version == 4 ? 0 : 1, n = HUMANOID_BODIES - world; /* version 5 leaves out the world and the free joint */
    obs = mujoco_put(mujoco_put(obs, x->qpos + 2, HUMANOID_NQ - 2), x->qvel, HUMANOID_NV);
    obs = mujoco_put(mujoco_put(obs, x->cinert + 10 * world, 10 * n), x->cvel + 6 * world, 6 * n);
    obs = mujoco_put(obs, x->qfrc_actuator + 6 * world, HUMANOID_NV - 6 * world);
    mujoco_put(obs, x->cfrc_ext + 6 * world, 6 * n);
}

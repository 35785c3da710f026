/* mujoco_cheetah.c - the runner of Wawrzynski: A cat-like robot real-time learning to run (2009), with the figures of Gymnasium. */
#include "env/mujoco.h"

/* one link: position, joint's name, range, stiffness and damping; the bone's turn about y, position and half length */
static void link(mb_str *xml, const char *at, const char *joint, const char *range, double stiffness, double damping, const char *bone,
                 double turn, double half, const char *color)
{
    mb_str_add(xml, "<body pos='%s'><joint name='%s' range='%s' stiffness='%g' damping='%g'/>", at, joint, range, stiffness, damping);
    mb_str_add(xml, "<geom pos='%s' axisangle='0 1 0 %g' size='.046 %g' rgba='%s 1'/>", bone, turn, half, color);
}

void mb__cheetah_write(mb_str *xml, const char *more, const char *floor)
{
    static const char red[] = ".78 .33 .24", green[] = ".30 .55 .42";
    mb_str_add(xml, "<mujoco>%s", more);
    mb_str_add(xml, "<compiler angle='radian' inertiafromgeom='true' settotalmass='14'/><option timestep='0.01'/>"
                    "<default><joint armature='.1' damping='.01' limited='true' solimplimit='0 .8 .03' solreflimit='.02 1' axis='0 1 0'/>"
                    "<geom type='capsule' conaffinity='0' friction='.4 .1 .1' solimp='0 .8 .01' solref='.02 1' rgba='.18 .25 .35 1'/>"
                    "<motor ctrllimited='true' ctrlrange='-1 1'/></default>"
                    "<worldbody><geom type='plane' conaffinity='1' %s/><body pos='0 0 .7'>"
                    "<joint name='x' type='slide' axis='1 0 0' armature='0' damping='0' limited='false'/>"
                    "<joint name='z' type='slide' axis='0 0 1' armature='0' damping='0' limited='false'/>"
                    "<joint name='lean' armature='0' damping='0' limited='false'/>"
                    "<geom fromto='-.5 0 0 .5 0 0' size='.046'/><geom pos='.6 0 .1' axisangle='0 1 0 .87' size='.046 .15'/>",
               floor);
    link(xml, "-.5 0 0", "bthigh", "-.52 1.05", 240, 6, ".1 0 -.13", -3.8, 0.145, red);
    link(xml, ".16 0 -.25", "bshin", "-.785 .785", 180, 4.5, "-.14 0 -.07", -2.03, 0.15, red);
    link(xml, "-.28 0 -.14", "bfoot", "-.4 .785", 120, 3, ".03 0 -.097", -0.27, 0.094, red);
    mb_str_add(xml, "</body></body></body>");
    link(xml, ".5 0 0", "fthigh", "-1 .7", 180, 4.5, "-.07 0 -.12", 0.52, 0.133, green);
    link(xml, "-.14 0 -.24", "fshin", "-1.2 .87", 120, 3, ".065 0 -.09", -0.6, 0.106, green);
    link(xml, ".13 0 -.18", "ffoot", "-.5 .5", 60, 1.5, ".045 0 -.07", -0.6, 0.07, green);
    mb_str_add(xml, "</body></body></body></body></worldbody><actuator>"
                    "<motor joint='bthigh' gear='120'/><motor joint='bshin' gear='90'/><motor joint='bfoot' gear='60'/>"
                    "<motor joint='fthigh' gear='120'/><motor joint='fshin' gear='60'/><motor joint='ffoot' gear='30'/></actuator></mujoco>");
}

/* qnet_list.c - networks of action values as net lists, for export. */
#include "matchbox/netlist.h"
#include "matchbox/value.h"

static int layer(mb_netlist *n, int x, const mb_noisy *l, mb_activation act)
{
    return mb_net_dense(n, x, &(mb_dense){ l->w, l->b }, act);
}

/* What an action is worth, of the k numbers that tell its distribution. */
static int worth(mb_netlist *n, int y, int choices, int k, const mb_support *support)
{
    mb_net_step s = { .op = support ? MB_NET_EXPECT : MB_NET_MEAN, .in = { y }, .k = k };
    if (support) s.low = support->low, s.high = support->high;
    return mb_net_add(n, s, choices);
}

bool mb_qnet_netlist(const mb_qnet *q, int stack, const mb_support *support, mb_netlist *out, mb_error *err)
{
    int k = q->o.atoms;
    if (q->o.embed > 0) return mb_fail(err, MB_ERR_UNSUPPORTED, "export: values of drawn quantiles cannot be exported");
    if (k > 1 && q->o.duelling) return mb_fail(err, MB_ERR_UNSUPPORTED, "export: duelling heads of distributions cannot be exported");
    if (k > MB_NET_ATOMS) return mb_fail(err, MB_ERR_UNSUPPORTED, "export: distributions of %d numbers; at most %d can be exported", k, MB_NET_ATOMS);
    if (stack > 1) return mb_fail(err, MB_ERR_UNSUPPORTED, "export: a policy that sees %d frames put together cannot be exported", stack);
    *out = (mb_netlist){ .shape = q->shape, .model = q->body.def->name, .features = q->body.spec.in };
    int x = mb_net_wire_new(out, q->body.spec.in, NULL);
    if (!mb_body_list(&q->body, out, &x, err)) return false;
    if (q->hidden.w) x = layer(out, x, &q->hidden, q->o.net.activation);
    int state = q->o.duelling ? layer(out, x, &q->value, MB_IDENTITY) : 0, branch = 0;
    for (int f = 0; f < q->shape.act.nfields; f++) {
        int y = layer(out, x, &q->advantage[branch], MB_IDENTITY);
        if (q->o.duelling) y = mb_net_add(out, (mb_net_step){ .op = MB_NET_DUEL, .in = { y, state } }, q->n[branch]);
        if (k > 1 || support) y = worth(out, y, q->n[branch], k, support);
        out->head[out->nheads++] = (mb_net_head){ MB_HEAD_VALUES, y, f, NULL };
        branch++;
    }
    return true;
}

/* qnet_list.c - networks of action values as net lists, for export. */
#include "matchbox/netlist.h"
#include "matchbox/value.h"

static int layer(mb_netlist *n, int x, const mb_noisy *l, mb_activation act)
{
    return mb_net_dense(n, x, &(mb_dense){ l->w, l->b }, act);
}

bool mb_qnet_netlist(const mb_qnet *q, int stack, mb_netlist *out, mb_error *err)
{
    if (q->o.atoms > 1 || q->o.embed > 0) return mb_fail(err, MB_ERR_UNSUPPORTED, "export: values made of distributions cannot be exported");
    if (stack > 1) return mb_fail(err, MB_ERR_UNSUPPORTED, "export: a policy that sees %d frames put together cannot be exported", stack);
    *out = (mb_netlist){ .shape = q->shape, .model = q->body.def->name, .features = q->body.spec.in };
    int x = mb_net_wire_new(out, q->body.spec.in, NULL);
    if (!mb_body_list(&q->body, out, &x, err)) return false;
    if (q->hidden.w) x = layer(out, x, &q->hidden, q->o.net.activation);
    int state = q->o.duelling ? layer(out, x, &q->value, MB_IDENTITY) : 0, branch = 0;
    for (int f = 0; f < q->shape.act.nfields; f++) {
        int y = layer(out, x, &q->advantage[branch], MB_IDENTITY);
        if (q->o.duelling) y = mb_net_add(out, (mb_net_step){ .op = MB_NET_DUEL, .in = { y, state } }, q->n[branch]);
        out->head[out->nheads++] = (mb_net_head){ MB_HEAD_VALUES, y, f, NULL };
        branch++;
    }
    return true;
}

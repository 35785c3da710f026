/* netlist.c - making net lists: of policies, by their bodies, and of tables. */
#include "matchbox/netlist.h"
#include <stdio.h>
#include <string.h>

int mb_net_wire_new(mb_netlist *n, int size, const char *memory)
{
    MB_ASSERT(n->nwires < MB_NET_MOST);
    n->wire[n->nwires] = (mb_net_wire){ size, memory };
    return n->nwires++;
}

int mb_net_add(mb_netlist *n, mb_net_step step, int size)
{
    MB_ASSERT(n->nsteps < MB_NET_MOST);
    step.out = mb_net_wire_new(n, size, NULL);
    n->step[n->nsteps++] = step;
    return step.out;
}

int mb_net_cell(mb_netlist *n, mb_net_step step)
{
    MB_ASSERT(n->nsteps < MB_NET_MOST);
    n->step[n->nsteps++] = step;
    return step.out;
}

int mb_net_dense(mb_netlist *n, int x, const mb_dense *l, mb_activation act)
{
    return mb_net_add(n, (mb_net_step){ .op = MB_NET_DENSE, .in = { x }, .w = l->w, .b = l->b, .act = act }, l->w->shape.d[1]);
}

int mb_net_matmul(mb_netlist *n, int x, const mb_tensor *w)
{
    return mb_net_add(n, (mb_net_step){ .op = MB_NET_DENSE, .in = { x }, .w = w, .act = MB_IDENTITY }, w->shape.d[1]);
}

static bool unsupported(const char *model, mb_error *err)
{
    char list[160] = "";
    for (int i = 0; mb_model_at(i); i++) {
        size_t at = strlen(list);
        if (mb_model_at(i)->list) snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", mb_model_at(i)->name);
    }
    mb_fail(err, MB_ERR_UNSUPPORTED, "export: the network body '%s' cannot be exported", model);
    return mb_note(err, "bodies that can: %s", list);
}

bool mb_body_list(const mb_body *b, mb_netlist *n, int *wire, mb_error *err)
{
    if (!b->def->list) return unsupported(b->def->name, err);
    *wire = b->def->list(b, n, *wire);
    return true;
}

bool mb_policy_netlist(const mb_policy *p, mb_netlist *out, mb_error *err)
{
    *out = (mb_netlist){ .shape = p->shape, .model = p->pi.def->name, .features = p->features, .mean = p->obs_mean, .scale = p->obs_scale };
    int x = mb_net_wire_new(out, p->features, NULL), index = 0;
    if (!mb_body_list(&p->pi, out, &x, err)) return false;
    for (int f = 0; f < p->shape.act.nfields; f++)
        if (p->shape.act.field[f].kind == MB_FIELD_DISCRETE)
            out->head[out->nheads++] = (mb_net_head){ MB_HEAD_CHOICE, mb_net_dense(out, x, &p->heads[index++], MB_IDENTITY), f, NULL };
    if (p->log_std)
        out->head[out->nheads++] = (mb_net_head){ MB_HEAD_GAUSSIAN, mb_net_dense(out, x, &p->mean_head, MB_IDENTITY), -1, p->log_std };
    return true;
}

void mb_table_netlist(const mb_env_shape *shape, const double *q, int nstates, mb_netlist *out)
{
    *out = (mb_netlist){ .shape = *shape, .model = "table", .table = q, .nstates = nstates };
}

const mb_tensor *mb_net_tensor(const mb_netlist *n, int i)
{
    const mb_tensor *all[2 + 2 * MB_NET_MOST + MB_MAX_FIELDS] = { n->mean, n->scale };
    int many = 2, seen = 0;
    for (int s = 0; s < n->nsteps; s++) {
        all[many++] = n->step[s].w;
        all[many++] = n->step[s].b;
    }
    for (int h = 0; h < n->nheads; h++) all[many++] = n->head[h].log_std;
    for (int k = 0; k < many; k++) {
        bool fresh = all[k] != NULL;
        for (int j = 0; fresh && j < k; j++) fresh = all[j] != all[k];
        if (fresh && seen++ == i) return all[k];
    }
    return NULL;
}

int64_t mb_net_weights(const mb_netlist *n)
{
    int64_t sum = n->table ? (int64_t)n->nstates * n->shape.act.field[0].n : 0;
    for (int i = 0; mb_net_tensor(n, i); i++) sum += mb_net_tensor(n, i)->n;
    return sum;
}

int mb_net_memory(const mb_netlist *n)
{
    int sum = 0;
    for (int i = 0; i < n->nwires; i++)
        if (n->wire[i].name) sum += n->wire[i].n;
    return sum;
}

bool mb_net_quantize(const mb_net_step *s, mb_arena *a, mb_net_int8 *out, mb_error *err)
{
    int cols = s->w->shape.d[s->w->shape.rank - 1], rows = (int)(s->w->n / cols);
    *out = (mb_net_int8){ rows, cols, mb_alloc(a, (size_t)s->w->n, 1, err), mb_alloc(a, (size_t)cols, sizeof(float), err) };
    if (!out->q || !out->step) return false;
    for (int c = 0; c < cols; c++) {
        float most = 0;
        for (int r = 0; r < rows; r++) {
            float v = s->w->data[r * cols + c];
            most = v > most ? v : -v > most ? -v : most;
        }
        out->step[c] = most / 127.0f;
        float per = most > 0 ? 127.0f / most : 0;
        for (int r = 0; r < rows; r++) {
            float v = mb__clampf(s->w->data[r * cols + c] * per, -127, 127);
            out->q[c * rows + r] = (int8_t)(v < 0 ? v - 0.5f : v + 0.5f);
        }
    }
    return true;
}

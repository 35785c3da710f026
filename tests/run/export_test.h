/* What the tests of exported C files share: compile one with a few lines around it, load it, call it. */
#ifndef EXPORT_TEST_H
#define EXPORT_TEST_H
#include "matchbox/export.h"
#include "run/export.h"
#include "run/run_test.h"
#include <dlfcn.h>

/* an exported file, loaded; draw NULL: the best action */
struct exported {
    void *library;
    void (*act)(const void *const *obs, const uint8_t *mask, void *memory, const float *draw, int32_t *index, float *value);
    void (*network)(const void *const *obs, const uint8_t *mask, void *memory, float *out);
    size_t memory, output; /* bytes */
};

static void glue_copies(FILE *f, const mb_netlist *n)
{
    char name[64];
    fprintf(f, "    memset(&o, 0, sizeof o);\n");
    for (int i = 0; i < n->shape.obs.nfields; i++) {
        mb__field_identifier(name, sizeof name, &n->shape.obs, i, "obs");
        fprintf(f, "    memcpy(&o.%s, obs[%d], sizeof o.%s);\n", name, i, name);
    }
    fprintf(f, n->shape.masked ? "    memcpy(o.mask, mask, sizeof o.mask);\n" : "    (void)mask;\n");
}

/* The exported file `c` with names that begin with `id`, and functions around it that take any observation. */
static void write_glue(const char *path, const char *c, const char *id, const mb_netlist *n)
{
    FILE *f = fopen(path, "w");
    char name[64];
    bool recurrent = mb_net_memory(n) > 0;
    const char *m = recurrent ? "memory, " : "";
    fprintf(f, "#include \"%s\"\n#include <stddef.h>\n#include <string.h>\n", c);
    fprintf(f, "size_t glue_memory = %s%s%s, glue_output = %s%s%s;\n", recurrent ? "sizeof(" : "0", recurrent ? id : "", recurrent ? "_memory)" : "",
            n->table ? "0" : "sizeof(", n->table ? "" : id, n->table ? "" : "_output)");
    fprintf(f, "void glue_act(const void *const *obs, const uint8_t *mask, void *memory, const float *draw, int32_t *index, float *value)\n{\n"
               "    %s_obs o;\n    %s_action a;\n", id, id);
    glue_copies(f, n);
    const mb_net_head *h = &n->head[0];
    bool only_best = n->table || h->kind == MB_HEAD_VALUES || (h->kind == MB_HEAD_GAUSSIAN && !h->log_std); /* nothing to draw from */
    if (only_best) fprintf(f, "    %s_act(%s&o, &a);\n", id, m);
    else fprintf(f, "    if (draw) %s_sample(%s&o, draw, &a); else %s_act(%s&o, &a);\n", id, m, id, m);
    for (int i = 0, index = 0, value = 0; i < n->shape.act.nfields; i++) {
        const mb_field *d = &n->shape.act.field[i];
        mb__field_identifier(name, sizeof name, &n->shape.act, i, "action");
        if (d->kind == MB_FIELD_DISCRETE) fprintf(f, "    index[%d] = a.%s;\n", index++, name);
        else fprintf(f, "    memcpy(value + %d, a.%s, sizeof a.%s);\n", value, name, name), value += d->n;
    }
    fprintf(f, "    (void)memory; (void)draw; (void)index; (void)value;\n}\n");
    fprintf(f, "void glue_network(const void *const *obs, const uint8_t *mask, void *memory, float *out)\n{\n");
    if (!n->table) {
        fprintf(f, "    %s_obs o;\n    %s_output r;\n", id, id);
        glue_copies(f, n);
        fprintf(f, "    %s_network(%s&o, &r);\n    memcpy(out, &r, sizeof r);\n", id, m);
    }
    fprintf(f, "    (void)obs; (void)mask; (void)memory; (void)out;\n}\n");
    fclose(f);
}

static inline bool compiler_there(const char *cc)
{
    char command[256];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", cc);
    return system(command) == 0;
}

/* Compile and load; stops the test program when that fails. */
static inline struct exported load_exported(const char *c, const char *id, const mb_netlist *n, const char *cc, const char *flags)
{
    static int count;
    char glue[320], object[320], command[2048];
    struct exported e = { 0 };
    snprintf(glue, sizeof glue, "%s/glue%d.c", run_root, ++count);
    snprintf(object, sizeof object, "%s/glue%d.so", run_root, count);
    write_glue(glue, c, id, n);
    snprintf(command, sizeof command, "%s -std=c99 %s -shared -fPIC -o %s %s -lm 2>&1 | grep . && exit 1; test -f %s", cc, flags, object, glue, object);
    if (system(command) != 0) printf("FAIL %s\n", command), exit(1);
    if (!(e.library = dlopen(object, RTLD_NOW | RTLD_LOCAL))) printf("FAIL %s\n", dlerror()), exit(1);
    *(void **)&e.act = dlsym(e.library, "glue_act");
    *(void **)&e.network = dlsym(e.library, "glue_network");
    e.memory = *(size_t *)dlsym(e.library, "glue_memory");
    e.output = *(size_t *)dlsym(e.library, "glue_output");
    return e;
}

#define STRICT "-O2 -ffp-contract=off -Wall -Wextra -pedantic -Wconversion -Wshadow -Wdouble-promotion"

#endif

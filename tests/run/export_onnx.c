/* ONNX files of every body, taken apart here without the code that wrote them: inputs, nodes, weights and outputs are those
   that the onnx package found in the same bytes (tests/reference/onnx_check.py, which also runs them in onnxruntime).
   EXPORT_ONNX_DIR=DIR keeps the files there, with inputs and the outputs that are right, for that script. */
#include "matchbox/value.h"
#include "run/export_policies.h"
#include <stdarg.h>

/* ---- protocol buffers, read ---- */

struct view { const unsigned char *at, *end; };
struct field { int number, type; uint64_t value; struct view bytes; };

static uint64_t varint(struct view *v)
{
    uint64_t x = 0;
    for (int shift = 0; v->at < v->end; shift += 7) {
        unsigned char b = *v->at++;
        x |= (uint64_t)(b & 127) << shift;
        if (b < 128) return x;
    }
    CHECK(!"a varint ends");
    return 0;
}

static bool next(struct view *v, struct field *f)
{
    if (v->at >= v->end) return false;
    uint64_t key = varint(v);
    f->number = (int)(key >> 3), f->type = (int)(key & 7);
    if (f->type == 0) f->value = varint(v);
    uint64_t n = f->type == 2 ? varint(v) : f->type == 5 ? 4 : 0;
    CHECK(f->type == 0 || f->type == 2 || f->type == 5);
    CHECK(n <= (uint64_t)(v->end - v->at));
    f->bytes = (struct view){ v->at, v->at + n };
    v->at += n;
    return true;
}

/* ---- one line for everything in the graph ---- */

static char listing[1 << 17];
static size_t listed;

static void say(const char *format, ...)
{
    va_list a;
    va_start(a, format);
    listed += (size_t)vsnprintf(listing + listed, sizeof listing - listed, format, a);
    va_end(a);
}

static void say_text(const char *before, struct view v) { say("%s%.*s", before, (int)(v.end - v.at), (const char *)v.at); }

static void attribute(struct view v)
{
    struct field f;
    while (next(&v, &f)) {
        if (f.number == 1) say_text(" ", f.bytes), say("=");
        if (f.number == 3 || f.number == 8) say("%lld,", (long long)f.value);
        if (f.number == 2) {
            float x;
            memcpy(&x, f.bytes.at, 4);
            say("%g,", (double)x);
        }
    }
}

static void node(struct view v)
{
    struct field f;
    struct view all = v;
    while (next(&v, &f))
        if (f.number == 4) say_text("", f.bytes), say(":");
    for (v = all; next(&v, &f);)
        if (f.number == 1) say_text(" ", f.bytes);
    say(" ->");
    for (v = all; next(&v, &f);) {
        if (f.number == 2) say_text(" ", f.bytes);
        if (f.number == 5) attribute(f.bytes);
    }
    say("\n");
}

static void tensor(struct view v)
{
    struct field f;
    uint64_t count = 1, type = 0, raw = 0;
    struct view all = v;
    while (next(&v, &f))
        if (f.number == 8) say_text("tensor ", f.bytes);
    for (v = all; next(&v, &f);) {
        if (f.number == 1) count *= f.value, say(" %llu", (unsigned long long)f.value);
        if (f.number == 2) type = f.value, say(" type %llu", (unsigned long long)f.value);
        if (f.number == 9) raw = (uint64_t)(f.bytes.end - f.bytes.at);
    }
    CHECK(raw == count * (type == 7 || type == 11 ? 8 : 4));
    say("\n");
}

/* name, element type, dimensions */
static void value(const char *kind, struct view v)
{
    struct field f, t, s, d;
    while (next(&v, &f)) {
        if (f.number == 1) say("%s ", kind), say_text("", f.bytes);
        if (f.number != 2 || !next(&f.bytes, &t)) continue;
        while (next(&t.bytes, &s)) {
            if (s.number == 1) say(" type %llu", (unsigned long long)s.value);
            while (s.number == 2 && next(&s.bytes, &d)) {
                struct field w = { 0 };
                while (next(&d.bytes, &w))
                    if (w.number == 1) say(" %llu", (unsigned long long)w.value);
                    else say_text(" ", w.bytes);
            }
        }
    }
    say("\n");
}

static void list_model(const char *bytes, size_t n)
{
    struct view v = { (const unsigned char *)bytes, (const unsigned char *)bytes + n };
    struct field f, g;
    while (next(&v, &f)) {
        if (f.number == 1) say("ir %llu\n", (unsigned long long)f.value);
        while (f.number == 8 && next(&f.bytes, &g))
            if (g.number == 2) say("opset %llu\n", (unsigned long long)g.value);
        if (f.number != 7) continue;
        for (struct view all = f.bytes; next(&all, &g);)
            if (g.number == 11) value("input", g.bytes);
        for (struct view all = f.bytes; next(&all, &g);)
            if (g.number == 1) node(g.bytes);
        for (struct view all = f.bytes; next(&all, &g);)
            if (g.number == 5) tensor(g.bytes);
        for (struct view all = f.bytes; next(&all, &g);)
            if (g.number == 12) value("output", g.bytes);
    }
}

/* ---- inputs and right outputs for onnxruntime, as lines of JSON ---- */

static void numbers(FILE *f, const char *name, const float *v, int n)
{
    fprintf(f, "\"%s\":[", name);
    for (int i = 0; i < n; i++) fprintf(f, "%s%.9g", i ? "," : "", (double)v[i]);
    fprintf(f, "]");
}

static void bytes_of(FILE *f, const char *name, const uint8_t *v, int n)
{
    fprintf(f, "\"%s\":[", name);
    for (int i = 0; i < n; i++) fprintf(f, "%s%d", i ? "," : "", v[i]);
    fprintf(f, "]");
}

static void memories(FILE *f, const mb_netlist *n, const float *memory, const char *end)
{
    char name[64];
    for (int i = 0; i < n->nwires; i++) {
        if (!n->wire[i].name) continue;
        snprintf(name, sizeof name, "memory_%s%s", n->wire[i].name, end);
        fprintf(f, ",");
        numbers(f, name, memory, n->wire[i].n);
        memory += n->wire[i].n;
    }
}

static void write_cases(const char *path, const mb_netlist *n)
{
    static float memory[8192];
    mb_error err = { 0 };
    mb_net_machine *machine = mb_net_machine_new(n, false, scope.arena, &err);
    FILE *f = fopen(path, "w");
    mb_rng rng = mb_rng_make(9, "inputs", 0);
    struct input in;
    for (int t = 0; f && t < 50; t++) {
        const void *obs[4];
        look(&in, &rng, t == 0);
        fields(&in, 0, obs);
        if (in.start[0]) memset(memory, 0, sizeof memory);
        fprintf(f, "{\"in\":{\"new_\":%d,\"_3rd_kind\":%d,", in.a[0], in.b[0]);
        numbers(f, "speed", in.speed, 3), fprintf(f, ","), bytes_of(f, "view", in.view, 60), fprintf(f, ","), bytes_of(f, "mask", in.mask, 7);
        memories(f, n, memory, "");
        mb_net_result r = mb_net_decide(machine, obs, in.mask, memory);
        float aim[2] = { mb__clampf(r.mean[0], -0.05f, 0.05f), r.mean[1] > 0.02f ? 0.02f : r.mean[1] };
        fprintf(f, "},\"out\":{\"move\":%d,\"fire\":%d,", r.index[0], r.index[1]);
        numbers(f, "move_logp", r.logp[0], 5), fprintf(f, ","), numbers(f, "fire_logp", r.logp[1], 2), fprintf(f, ",");
        numbers(f, "mean", r.mean, 2), fprintf(f, ","), numbers(f, "aim", aim, 2);
        memories(f, n, memory, "_next");
        fprintf(f, "}}\n");
    }
    if (f) fclose(f);
}

/* ---- ---- */

/* a network of action values sees the numbers alone */
static void write_value_cases(const char *path, const mb_netlist *n)
{
    mb_error err = { 0 };
    mb_net_machine *machine = mb_net_machine_new(n, false, scope.arena, &err);
    FILE *f = fopen(path, "w");
    mb_rng rng = mb_rng_make(9, "inputs", 0);
    struct input in;
    for (int t = 0; f && t < 50; t++) {
        look(&in, &rng, t == 0);
        fprintf(f, "{\"in\":{");
        numbers(f, "speed", in.speed, 3), fprintf(f, ","), bytes_of(f, "mask", in.mask, 7);
        mb_net_result r = mb_net_decide(machine, (const void *const[]){ in.speed }, in.mask, NULL);
        fprintf(f, "},\"out\":{\"move\":%d,\"fire\":%d,", r.index[0], r.index[1]);
        numbers(f, "move_value", r.logp[0], 5), fprintf(f, ","), numbers(f, "fire_value", r.logp[1], 2);
        fprintf(f, "}}\n");
    }
    if (f) fclose(f);
}

static void write_onnx(const char *name, const mb_netlist *n, mb_str *all)
{
    const char *keep = getenv("EXPORT_ONNX_DIR");
    char path[512], cases[512];
    mb_error err = { 0 };
    mb_export_options o = { .target = MB_EXPORT_ONNX };
    mb_export_report r = { 0 };
    mb__export x = { .net = n, .options = &o, .report = &r, .settings = run_settings("any", "cartpole"), .arena = scope.arena, .name = "toy" };
    int64_t bytes;
    size_t got = 0;
    snprintf(path, sizeof path, "%s/%s.onnx", keep ? keep : run_root, name);
    snprintf(cases, sizeof cases, "%s/%s.cases", keep ? keep : run_root, name);
    CHECK(mb__export_onnx(&x, path, &bytes, &err));
    if (keep && !n->table) (n->head[0].kind == MB_HEAD_VALUES ? write_value_cases : write_cases)(cases, n);
    char *data = run_read(path, &got);
    CHECK(data && got == (size_t)bytes);
    listed = 0;
    if (data) list_model(data, got);
    mb_str_add(all, "== %s\n%s", name, listing);
}

TEST(structure_is_the_references)
{
    static char memory[1 << 18];
    static const mb_net_options nets[] = {
        NET(.model = "mlp", .hidden = { 2, { 24, 17 } }, .activation = MB_TANH), NET(.model = "mlp", .hidden = { 1, { 8 } }, .activation = MB_GELU, .shared = true),
        NET(.model = "cnn", .hidden = { 1, { 20 } }, .activation = MB_RELU), NET(.model = "lstm", .hidden = { 2, { 16, 12 } }, .activation = MB_SILU),
        NET(.model = "gru", .hidden = { 1, { 12 } }, .shared = true), NET(.model = "attention", .hidden = { 2, { 12, 10 } }, .activation = MB_SIGMOID),
    };
    static const char *const names[] = { "mlp", "gelu", "cnn", "lstm", "gru", "attention" };
    mb_error err = { 0 };
    mb_str all;
    mb_netlist n;
    size_t want_n = 0;
    mb_str_init(&all, memory, sizeof memory);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        const mb_policy *p = new_policy(nets[i], i % 2, &err);
        CHECK(mb_policy_netlist(p, &n, &err));
        write_onnx(names[i], &n, &all);
    }
    mb_env_shape seen = mixed_shape();
    seen.obs = (mb_space)MB_FIELDS(1, MB_F_BOX("speed", 3, -2, 2));
    seen.act = (mb_space)MB_FIELDS(2, MB_F_DISCRETE("move", 5), MB_F_DISCRETE("fire", 2));
    mb_qnet_options o = { .net = NET(.model = "mlp", .hidden = { 2, { 9, 7 } }, .activation = MB_RELU), .atoms = 1, .duelling = true, .noisy = true, .sigma = 0.5f };
    const mb_qnet *q_net = mb_qnet_new(&scope, "q", &seen, &o, &err);
    CHECK(q_net && mb_qnet_netlist(q_net, 1, NULL, &n, &err));
    write_onnx("duel", &n, &all);
    CHECK(!mb_qnet_netlist(q_net, 4, NULL, &n, &err));
    CHECK_ERROR(err, "4 frames put together");
    o.duelling = false, o.atoms = 7;
    q_net = mb_qnet_new(&scope, "quantiles", &seen, &o, &err);
    CHECK(q_net && mb_qnet_netlist(q_net, 1, NULL, &n, &err));
    write_onnx("quantiles", &n, &all);
    CHECK(mb_qnet_netlist(q_net, 1, &(mb_support){ -3, 8, 7 }, &n, &err));
    write_onnx("support", &n, &all);
    mb_env_shape shape = { .obs = MB_FIELDS(2, MB_F_DISCRETE("a", 3), MB_F_DISCRETE("b", 2)), .act = MB_DISCRETE(2), .nagents = 1, .masked = true };
    static const double q[12] = { 1, 2, 3, 1, 0, 0, -1, -2, 5, 5, 2, 3 };
    mb_table_netlist(&shape, q, 6, &n);
    write_onnx("table", &n, &all);
    const char *want = run_read("tests/reference/data/onnx.txt", &want_n);
    CHECK(!all.full && want && want_n == all.n && memcmp(want, all.s, all.n) == 0);
    for (size_t i = 0; want && i < all.n && i < want_n; i++)
        if (want[i] != all.s[i]) {
            printf("FAIL the first difference: expected %.60s\n     found %.60s\n", want + i, all.s + i);
            break;
        }
}

MB_TESTS(T(structure_is_the_references))

/* matchbox lm inspect FILE|FOLDER: the tensors of safetensors files */
#include "cli/command.h"
#include "matchbox/lm.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) NUM(bool, json, false, 0, 1, "the last line of output is a JSON array")
MB_OPTIONS(lm_inspect, OPTIONS)

static void shape_text(const mb_st_tensor *t, mb_str *out)
{
    mb_str_add(out, "[");
    for (int k = 0; k < t->rank; k++) mb_str_add(out, k ? ",%lld" : "%lld", (long long)t->d[k]);
    mb_str_add(out, "]");
}

static void print_text(const mb_safetensors *f)
{
    const mb_st_tensor *t;
    double elements = 0, bytes = 0;
    char shape[256], count[16];
    for (int i = 0; (t = mb_safetensors_at(f, i)); i++) {
        mb_str s;
        mb_str_init(&s, shape, sizeof shape);
        shape_text(t, &s);
        printf("%-5s %-20s %s\n", mb_st_type_name(t->type), shape, t->name);
        elements += (double)t->n;
        bytes += (double)t->n * (double)mb_st_type_bytes(t->type);
    }
    printf("%d tensors, %s numbers, %.1f MB\n", mb_safetensors_count(f), term_count(count, elements), bytes / 1e6);
}

static bool print_json(const mb_safetensors *f, mb_arena *a, mb_error *err)
{
    const mb_st_tensor *t;
    size_t cap = 16;
    for (int i = 0; (t = mb_safetensors_at(f, i)); i++) cap += 6 * strlen(t->name) + 300;
    char *memory = mb_alloc(a, cap, 1, err);
    if (!memory) return false;
    mb_str out;
    mb_str_init(&out, memory, cap);
    mb_str_add(&out, "[");
    for (int i = 0; (t = mb_safetensors_at(f, i)); i++) {
        mb_str_add(&out, i ? ",{\"name\":" : "{\"name\":");
        mb_str_json(&out, t->name);
        mb_str_add(&out, ",\"dtype\":\"%s\",\"shape\":", mb_st_type_name(t->type));
        shape_text(t, &out);
        mb_str_add(&out, "}");
    }
    mb_str_add(&out, "]");
    cli_json(&out);
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_inspect_options *o = c->options;
    mb_safetensors *f = mb_safetensors_open(c->arena, c->words[0], err);
    if (!f) return false;
    bool ok = true;
    if (o->json) ok = print_json(f, c->arena, err);
    else print_text(f);
    mb_safetensors_close(f);
    return ok;
}

CLI_COMMAND(lm_inspect) = {
    .name = "lm inspect", .usage = "lm inspect FILE|FOLDER", .summary = "the tensors of safetensors files, checked",
    .about = "Lists the tensors of a safetensors file, or of a folder with model.safetensors or model.safetensors.index.json. The whole header is "
             "checked: a file that is cut short, overlaps or lies about lengths is refused.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(lm_inspect), .run = run,
};

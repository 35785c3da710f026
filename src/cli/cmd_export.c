/* matchbox export RUN */
#include "cli/command.h"
#include "matchbox/export.h"
#include <math.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                  \
    PICK(to, MB_EXPORT_C, MB_EXPORT_TARGETS, "one C file, an ONNX model, or a policy file for matchbox itself") \
    TEXT(output, "", "the file to write (-o F); default: the environment's name with .c, .onnx or .mb")         \
    TEXT(name, "", "what every name in the C file begins with; default: the environment's name")                \
    NUM(bool, int8, false, 0, 1, "C: weights in 8 bits, for micro-controllers; says what that costs")           \
    NUM(int, agent, 0, 0, 1000, "whose policy, where several agents have one each")                             \
    NUM(int, episodes, 20, 0, 1000, "evaluation episodes to check the written form on; 0: none")                \
    NUM(bool, json, false, 0, 1, "the last line of output is the result as JSON")
MB_OPTIONS(export, OPTIONS)

static void print_json(const char *file, const mb_export_report *r)
{
    char memory[2048];
    mb_str s;
    mb_str_init(&s, memory, sizeof memory);
    mb_str_add(&s, "{\"file\":");
    mb_str_json(&s, file);
    mb_str_add(&s, ",\"bytes\":%lld,\"weights\":%lld,\"memory\":%d,\"episodes\":%d,\"decisions\":%lld,\"return_mean\":", (long long)r->bytes,
               (long long)r->weights, r->memory, r->episodes, (long long)r->decisions);
    mb_str_number(&s, r->episodes ? r->return_mean : (double)NAN);
    mb_str_add(&s, ",\"int8\":{\"return_mean\":");
    mb_str_number(&s, r->int8_return_mean);
    mb_str_add(&s, ",\"agreement\":");
    mb_str_number(&s, r->agreement);
    mb_str_add(&s, ",\"worst\":");
    mb_str_number(&s, r->worst);
    mb_str_add(&s, ",\"mean\":");
    mb_str_number(&s, r->mean);
    mb_str_add(&s, "}}");
    cli_json(&s);
}

static void print_text(const char *file, const struct export_options *o, const mb_export_report *r)
{
    printf("%s: %lld numbers%s, %lld bytes\n", file, (long long)r->weights, o->int8 ? " in 8 bits" : "", (long long)r->bytes);
    if (r->decisions) printf("checked: %lld decisions of %d episodes equal bit for bit, return %.6g\n", (long long)r->decisions, r->episodes, r->return_mean);
    if (o->int8 && r->decisions) {
        printf("8 bits: return %.6g on the same episodes; ", r->int8_return_mean);
        if (isfinite(r->agreement)) printf("%.4g %% of the choices are the same, %s", 100 * r->agreement, r->values ? "values" : "probabilities");
        else printf("actions");
        printf(" differ by %.3g at most, %.3g in the mean\n", r->worst, r->mean);
    }
    if (o->to == MB_EXPORT_C) printf("compile: cc -std=c99 -O2 -ffp-contract=off -c %s\n", file);
    if (o->to == MB_EXPORT_POLICY) printf("watch:   matchbox play %s\n", file);
}

static bool run(cli *c, mb_error *err)
{
    static const char *const ends[] = { "c", "onnx", "mb" };
    const struct export_options *o = c->options;
    struct term_bar bar = { 0 };
    mb_hooks hooks = term_hooks(&bar);
    mb_player *p = mb_player_open(c->words[0], o->episodes > 0 ? o->episodes : 1, MB_SEED_OF_RUN, &hooks, err);
    if (!p) return false;
    char own[128];
    const char *file = cli_text(c, "output");
    if (!file) {
        snprintf(own, sizeof own, "%.100s.%s", mb_settings_env(mb_player_settings(p))->name, ends[o->to]);
        file = own;
    }
    mb_export_options e = { .target = (mb_export_target)o->to, .name = cli_text(c, "name"), .agent = o->agent, .int8 = o->int8, .episodes = o->episodes };
    mb_export_report r;
    bool ok = mb_export(p, file, &e, &r, err);
    if (ok && o->json) print_json(file, &r);
    else if (ok) print_text(file, o, &r);
    mb_player_free(p);
    return ok;
}

CLI_COMMAND(export) = {
    .name = "export", .usage = "export RUN [--to c|onnx|policy] [-o F]", .summary = "write the policy as C, as ONNX or for sharing",
    .about = "Writes the policy of the newest checkpoint into one file: C99 without dependencies, which gives the same bits as matchbox; "
             "an ONNX model for onnxruntime and its relatives; or a policy file, which eval, play and export open like a run. Before "
             "that the exported form plays evaluation episodes beside the policy and must decide the same.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(export), .run = run,
};

/* The machine-readable result of a run. */
#include "run/impl.h"
#include <math.h>

static void number(mb_str *out, const char *key, double v)
{
    mb_str_add(out, ",\"%s\":", key);
    mb_str_number(out, v);
}

void mb_eval_json(const mb_eval *e, mb_str *out)
{
    bool none = e->episodes == 0;
    mb_str_add(out, "{\"episodes\":%d", e->episodes);
    number(out, "return_mean", none ? (double)NAN : e->return_mean);
    number(out, "return_std", none ? (double)NAN : e->return_std);
    number(out, "return_min", none ? (double)NAN : e->return_min);
    number(out, "return_max", none ? (double)NAN : e->return_max);
    number(out, "length_mean", none ? (double)NAN : e->length_mean);
    mb_str_add(out, "}");
}

static void text(mb_str *out, const char *key, const char *value)
{
    mb_str_add(out, ",\"%s\":", key);
    if (value) mb_str_json(out, value);
    else mb_str_add(out, "null");
}

void mb_summary_json(const mb_summary *s, mb_str *out)
{
    mb_str_add(out, "{\"run\":");
    if (s->dir) mb_str_json(out, s->dir);
    else mb_str_add(out, "null");
    text(out, "algo", s->algo);
    text(out, "env", s->env);
    mb_str_add(out, ",\"seed\":%llu,\"steps\":%lld,\"start_step\":%lld", (unsigned long long)s->seed, (long long)s->steps,
               (long long)s->start_step);
    number(out, "seconds", s->seconds);
    number(out, "steps_per_second", s->steps_per_second);
    number(out, "return_mean", s->return_mean);
    mb_str_add(out, ",\"eval\":");
    mb_eval_json(&s->eval, out);
    text(out, "checkpoint", s->checkpoint);
    mb_str_add(out, ",\"peak_memory_bytes\":%zu,\"interrupted\":%s}", s->peak_memory_bytes, s->interrupted ? "true" : "false");
}

bool mb_trainer_summary(mb_trainer *t, mb_summary *out, mb_error *err)
{
    size_t peak;
    mb__memory(&peak);
    *out = (mb_summary){
        .dir = t->dir, .algo = t->settings->algo->name, .env = t->settings->env->name,
        .checkpoint = t->dir && *t->checkpoint ? t->checkpoint : NULL,
        .seed = t->scope.seed, .steps = t->run.step, .start_step = t->start_step, .seconds = t->trained,
        .steps_per_second = t->trained > 0 ? (double)(t->run.step - t->start_step) / t->trained : 0,
        .return_mean = mb__metrics_return(t->run.metrics), .eval = t->last_eval,
        .peak_memory_bytes = peak, .interrupted = t->interrupted,
    };
    char path[1024];
    mb_str json;
    if (!t->dir) return true;
    mb_str_init(&json, t->text, t->text_size);
    mb_summary_json(out, &json);
    mb_str_add(&json, "\n");
    return mb__run_path(path, sizeof path, t->dir, "summary.json", err) && mb__quick_write(path, json.s, json.n, err);
}

/* What the commands on language models share. */
#include "cli/lm_common.h"
#include <string.h>
#include <unistd.h>

mb_settings *cli_text_settings(const cli *c, const char *algo, mb_error *err)
{
    const char *word = c->words[0];
    bool file = strchr(word, '/') || strchr(word, '.') || access(word, F_OK) == 0;
    mb_settings *s = mb_settings_new(c->arena, algo, file ? "text" : word, err);
    if (s && file && !mb_settings_set(s, "env.file", word, "on the command line", err)) return NULL;
    return s;
}

bool lm_open(struct lm_place *p, const char *folder, int threads, uint64_t seed, mb_error *err)
{
    mb_lm_model_options o = { 0 };
    *p = (struct lm_place){ .arena = mb_arena_new((size_t)1 << 36, err) };
    if (!p->arena || !mb_isa(&p->scope.kernels, err)) return false;
    if (strlen(folder) >= sizeof o.model.s) return mb_fail(err, MB_ERR_RANGE, "%.100s: the path is too long", folder);
    p->scope.arena = p->arena;
    p->scope.seed = seed;
    if (threads > 1 && !(p->scope.pool = mb_pool_new(threads, err))) return false;
    memcpy(o.model.s, folder, strlen(folder) + 1);
    p->kit = mb_lm_kit_new(&p->scope, "lm", &o, NULL, 0, err);
    return p->kit != NULL;
}

void lm_close(struct lm_place *p)
{
    mb_lm_kit_close(p->kit);
    mb_pool_free(p->scope.pool);
    mb_arena_free(p->arena);
}

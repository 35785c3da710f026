/* matchbox lm tokenize TOKENIZER [TEXT]: ids and pieces of a text; or the text of ids */
#include "cli/command.h"
#include "matchbox/lm.h"
#include <stdlib.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                               \
    TEXT(file, "", "file to read the text from; - is standard input")                       \
    TEXT(decode, "", "ids, with commas or spaces between them: print their text instead")   \
    NUM(bool, specials, true, 0, 1, "add what the tokenizer puts around a text")            \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON object")
MB_OPTIONS(lm_tokenize, OPTIONS)

static bool decode(const cli *c, const mb_tokenizer *t, const char *text, mb_error *err)
{
    size_t cap = strlen(text) + 1, room = 64;
    int32_t *ids = mb_alloc(c->arena, cap, sizeof *ids, err);
    int n = 0;
    for (const char *at = text; ids && *at;) {
        char *end;
        long id = strtol(at, &end, 10);
        size_t bytes;
        if (end == at || !mb_token_bytes(t, id < 0 || id >= mb_tokenizer_size(t) ? -1 : (int32_t)id, &bytes))
            return mb_fail(err, MB_ERR_USAGE, "lm tokenize: '%.40s' begins with no id of this tokenizer", at);
        ids[n++] = (int32_t)id;
        room += bytes;
        at = end + strspn(end, ", ");
    }
    char *memory = ids ? mb_alloc(c->arena, room, 1, err) : NULL;
    if (!memory) return false;
    mb_str out;
    mb_str_init(&out, memory, room);
    mb_detokenize(t, ids, n, false, &out);
    fwrite(out.s, 1, out.n, stdout);
    printf("\n");
    return true;
}

static bool text_of(const cli *c, const char **text, size_t *n, mb_error *err)
{
    const char *file = cli_text(c, "file");
    char *data;
    if (!file) {
        *text = c->nwords > 1 ? c->words[1] : NULL;
        if (!*text) return mb_fail(err, MB_ERR_USAGE, "lm tokenize: no text: give it as a word or with --file"), mb_help(err, "matchbox help lm tokenize");
        *n = strlen(*text);
        return true;
    }
    if (!mb_file_read(strcmp(file, "-") == 0 ? "/dev/stdin" : file, c->arena, &data, n, err)) return false;
    *text = data;
    return true;
}

static bool print(const cli *c, const mb_tokenizer *t, const int32_t *ids, int n, bool json, mb_error *err)
{
    size_t cap = 64, bytes;
    for (int i = 0; i < n; i++) cap += 16 + (mb_token_bytes(t, ids[i], &bytes) ? 6 * bytes + 8 : 0);
    char *memory = mb_alloc(c->arena, cap, 1, err), piece[4100];
    if (!memory) return false;
    mb_str out;
    mb_str_init(&out, memory, cap);
    mb_str_add(&out, "{\"ids\":[");
    for (int i = 0; i < n; i++) mb_str_add(&out, i ? ",%d" : "%d", (int)ids[i]);
    mb_str_add(&out, "],\"pieces\":[");
    for (int i = 0; i < n; i++) {
        const char *p = mb_token_bytes(t, ids[i], &bytes);
        snprintf(piece, sizeof piece, "%.*s", (int)(p && bytes < 4096 ? bytes : 0), p ? p : "");
        if (!json) printf("%7d  ", (int)ids[i]);
        mb_str one;
        char quoted[6 * 4100];
        mb_str_init(&one, quoted, sizeof quoted);
        mb_str_json(&one, piece);
        if (!json) printf("%s\n", quoted);
        mb_str_add(&out, i ? ",%s" : "%s", quoted);
    }
    mb_str_add(&out, "]}");
    if (json) cli_json(&out);
    else printf("%d tokens\n", n);
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_tokenize_options *o = c->options;
    const char *ids_text = cli_text(c, "decode"), *text;
    mb_tokenizer *t = mb_tokenizer_open(c->arena, c->words[0], err);
    size_t n;
    if (!t) return false;
    bool ok;
    if (ids_text) ok = decode(c, t, ids_text, err);
    else if ((ok = text_of(c, &text, &n, err))) {
        size_t cap = 3 * n + 64; /* NFC may lengthen a text; every byte may be a token */
        int32_t *ids = mb_alloc(c->arena, cap, sizeof *ids, err);
        int k = ids ? mb_tokenize(t, text, n, o->specials, ids, (int)cap, c->arena, err) : -1;
        ok = k >= 0 && print(c, t, ids, k, o->json, err);
    }
    mb_tokenizer_close(t);
    return ok;
}

CLI_COMMAND(lm_tokenize) = {
    .name = "lm tokenize", .usage = "lm tokenize TOKENIZER [TEXT]", .summary = "text to the ids of a tokenizer.json, and back",
    .about = "Reads the tokenizer.json of a Hugging Face folder (byte-level BPE: GPT-2, Llama 3, SmolLM2, Qwen2, Qwen3) and prints the ids and "
             "pieces of a text, or with --decode the text of ids.",
    .min_words = 1, .max_words = 2, MB_USE_OPTIONS(lm_tokenize), .run = run,
};

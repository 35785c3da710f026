/* matchbox lm tokenizer FILE...: make a tokenizer.json from texts. */
#include "cli/command.h"
#include "matchbox/lm.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                           \
    TEXT(output, "", "folder for tokenizer.json and tokenizer_config.json (also -o)")                                   \
    NUM(int, vocab, 0, 0, 200000, "tokens in all; 0: characters alone")                                                 \
    PICK(alphabet, 0, "seen|bytes", "bytes that have a token: those that occur, or all 256, so that any text can be encoded") \
    NUM(bool, digits, true, 0, 1, "every digit is a token of its own")                                                  \
    TEXT(specials, "<|endoftext|>", "special tokens, with commas between them; the first ends a text")                  \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON object")
MB_OPTIONS(lm_tokenizer, OPTIONS)

enum { SPECIALS = 64 };

static bool read_all(const cli *c, char **text, size_t *n, mb_error *err)
{
    char *part[CLI_WORDS];
    size_t length[CLI_WORDS], at = 0;
    for (int i = 0; i < c->nwords; i++) {
        if (!mb_file_read(strcmp(c->words[i], "-") == 0 ? "/dev/stdin" : c->words[i], c->arena, &part[i], &length[i], err)) return false;
        at += length[i];
    }
    *n = at;
    if (!(*text = mb_alloc(c->arena, at + 1, 1, err))) return false;
    at = 0;
    for (int i = 0; i < c->nwords; at += length[i++]) memcpy(*text + at, part[i], length[i]);
    return true;
}

static bool write_config(const char *folder, const char *end, mb_error *err)
{
    char path[1100], text[512];
    mb_str s;
    mb_str_init(&s, text, sizeof text);
    mb_str_add(&s, "{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"clean_up_tokenization_spaces\":false,\"eos_token\":");
    mb_str_json(&s, end);
    mb_str_add(&s, ",\"pad_token\":");
    mb_str_json(&s, end);
    mb_str_add(&s, "}\n");
    snprintf(path, sizeof path, "%.1000s/tokenizer_config.json", folder);
    return mb_file_write(path, s.s, s.n, err);
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_tokenizer_options *o = c->options;
    const char *folder = cli_text(c, "output"), *list = cli_text(c, "specials"), *specials[SPECIALS];
    char path[1100], *text, *words = mb_strdup(c->arena, list ? list : o->specials.s, err);
    size_t n;
    int size, count = 0;
    if (!folder) return mb_fail(err, MB_ERR_USAGE, "lm tokenizer: where to? give a folder with --output"), mb_help(err, "matchbox help lm tokenizer");
    if (!words || !read_all(c, &text, &n, err)) return false;
    for (char *s = words; *s && count < SPECIALS;) {
        specials[count++] = s;
        s += strcspn(s, ",");
        if (*s) *s++ = 0;
    }
    mb_tokenizer_plan plan = { .vocab = o->vocab, .all_bytes = o->alphabet == 1, .digits = o->digits, .specials = specials, .nspecials = count };
    snprintf(path, sizeof path, "%.1000s/tokenizer.json", folder);
    if (!mb_dir_make(folder, err) || !mb_tokenizer_train(&plan, text, n, path, &size, c->arena, err)) return false;
    if (count && !write_config(folder, specials[0], err)) return false;
    if (o->json) printf("{\"tokens\":%d,\"bytes_read\":%zu}\n", size, n);
    else printf("%s: %d tokens\n", path, size);
    return true;
}

CLI_COMMAND(lm_tokenizer) = {
    .name = "lm tokenizer", .usage = "lm tokenizer FILE... -o DIR", .summary = "make a tokenizer.json from texts",
    .about = "Makes a byte-level vocabulary of the given texts (- is standard input) and writes it as tokenizer.json, as Hugging Face's tokenizers reads it: "
             "characters alone, or with --vocab merges of the most frequent neighbours.",
    .min_words = 1, .max_words = CLI_WORDS, MB_USE_OPTIONS(lm_tokenizer), .run = run,
};

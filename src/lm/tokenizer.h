/* lm/tokenizer.h - the parts of a tokenizer: vocabulary, merges, splitters. */
#ifndef MB_LM_TOKENIZER_H
#define MB_LM_TOKENIZER_H
#include "matchbox/lm.h"

typedef struct mb__token { const char *bytes; uint32_t n; bool special, present; } mb__token;
typedef struct mb__merge { int32_t left, right, result; int32_t rank; } mb__merge; /* rank -1: an empty place */
typedef struct mb__added { const char *bytes; size_t n; int32_t id; bool lstrip, rstrip, normalized; } mb__added;

typedef enum mb__split_kind { MB__SPLIT_REGEX, MB__SPLIT_DIGITS, MB__SPLIT_DIGIT_RUNS } mb__split_kind;
typedef struct mb__splitter { mb__split_kind kind; void *code; /* pcre2_code */ } mb__splitter;

enum { MB__SPLITTERS = 8, MB__TEMPLATE = 16, MB__TEXT_HERE = -1 };
struct mb_tokenizer {
    int size;
    mb__token *token;            /* [size] by id */
    uint32_t nhash;              /* a power of two */
    int32_t *hash;               /* [nhash] id + 1 of a token, by its bytes; 0: empty */
    uint32_t nmerge_hash;
    mb__merge *merge;            /* [nmerge_hash] by pair */
    int32_t byte_id[256];
    int nadded;
    mb__added *added;            /* longest first */
    int nsplitters;
    mb__splitter splitter[MB__SPLITTERS];
    bool nfc, ignore_merges;
    int ntemplate;
    int32_t template[MB__TEMPLATE]; /* ids around a text; MB__TEXT_HERE: the text */
};

/* GPT-2's alphabet, in which every byte has a printable character: the byte of a code point, -1 for none. */
void mb__byte_alphabet(int16_t byte_of[512]);
extern const char mb__gpt2_regex[];

/* Pieces of a text, made finer by each splitter. */
typedef struct mb__pieces { size_t *end; size_t n, cap; } mb__pieces;
bool mb__split_text(const mb_tokenizer *t, const char *text, size_t n, mb_arena *scratch, mb__pieces *out, mb_error *err);
bool mb__splitter_regex(mb_tokenizer *t, const char *pattern, mb_error *err);
void mb__splitter_free(mb__splitter *s);
/* Text in NFC; the text itself where nothing changes or nothing is asked. */
bool mb__normalize(const mb_tokenizer *t, const char **text, size_t *n, mb_arena *scratch, mb_error *err);
/* Length of the UTF-8 character at s, 0: not one. */
int mb__utf8(const char *s, size_t n);
void mb__token_hash(mb_tokenizer *t, int32_t id); /* of two tokens with the same bytes the first counts */
void mb__merge_add(mb_tokenizer *t, mb__merge m);
/* Ids of the bytes of one piece, as many as there is room for; how many there are, or -1. */
int mb__bpe(const mb_tokenizer *t, const char *s, size_t n, int32_t *ids, int cap, mb_arena *scratch, mb_error *err);

#endif

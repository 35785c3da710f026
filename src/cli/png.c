/* PNG (ISO/IEC 15948) of flat pictures: deflate with its fixed codes, whose matches repeat the pixel to the left or the
   row above.  That is all such pictures need, and no library. */
#include "cli/frames.h"
#include <string.h>

struct bits { uint8_t *out; size_t n; uint32_t hold; int count; };

static void put_bits(struct bits *b, uint32_t value, int n)
{
    b->hold |= value << b->count;
    for (b->count += n; b->count >= 8; b->count -= 8) {
        b->out[b->n++] = (uint8_t)b->hold;
        b->hold >>= 8;
    }
}

/* Huffman codes go in with their highest bit first. */
static void put_code(struct bits *b, uint32_t code, int n)
{
    uint32_t turned = 0;
    for (int i = 0; i < n; i++) turned |= (code >> i & 1) << (n - 1 - i);
    put_bits(b, turned, n);
}

static void put_symbol(struct bits *b, int s)
{
    if (s < 144) put_code(b, (uint32_t)(0x30 + s), 8);
    else if (s < 256) put_code(b, (uint32_t)(0x190 + s - 144), 9);
    else if (s < 280) put_code(b, (uint32_t)(s - 256), 7);
    else put_code(b, (uint32_t)(0xC0 + s - 280), 8);
}

/* The largest code whose base is at most v; what is left goes into extra bits. */
static void put_match(struct bits *b, int length, int distance)
{
    static const uint16_t lengths[] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
    int code = 28, extra;
    while (lengths[code] > length) code--;
    extra = code < 8 || code == 28 ? 0 : (code - 4) / 4;
    put_symbol(b, 257 + code);
    put_bits(b, (uint32_t)(length - lengths[code]), extra);
    int base = 1, next = 2;
    for (code = 0, extra = 0; next <= distance; code++) {
        base = next;
        extra = code + 1 < 4 ? 0 : (code + 1) / 2 - 1;
        next = base + (1 << extra);
    }
    put_code(b, (uint32_t)code, 5);
    put_bits(b, (uint32_t)(distance - base), extra);
}

static int match_length(const uint8_t *data, size_t at, size_t n, size_t distance)
{
    int length = 0;
    if (at < distance) return 0;
    while (length < 258 && at + (size_t)length < n && data[at + (size_t)length] == data[at + (size_t)length - distance]) length++;
    return length;
}

static void deflate_rows(struct bits *b, const uint8_t *data, size_t n, size_t row)
{
    put_bits(b, 3, 3); /* the last block, fixed codes */
    for (size_t at = 0; at < n;) {
        int left = match_length(data, at, n, 3), above = row <= 32768 ? match_length(data, at, n, row) : 0;
        int best = left >= above ? left : above;
        if (best >= 3) put_match(b, best, left >= above ? 3 : (int)row);
        else put_symbol(b, data[at]);
        at += best >= 3 ? (size_t)best : 1;
    }
    put_symbol(b, 256);
    put_bits(b, 0, 7);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t crc32(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    }
    return ~c;
}

static uint32_t adler32(const uint8_t *p, size_t n)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < n; i++) {
        a = (a + p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* A chunk whose n bytes of data lie at out + 8 already; returns its size. */
static size_t chunk(uint8_t *out, const char *type, size_t n)
{
    put32(out, (uint32_t)n);
    memcpy(out + 4, type, 4);
    put32(out + 8 + n, crc32(out + 4, n + 4));
    return n + 12;
}

bool png_write(const char *path, const uint8_t *rgb, int w, int h, mb_arena *a, mb_error *err)
{
    static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    size_t row = (size_t)w * 3 + 1, n = row * (size_t)h, mark = mb_arena_mark(a);
    uint8_t *raw = mb_alloc(a, n, 1, err), *out = mb_alloc(a, n + n / 4 + 256, 1, err); /* a byte costs 9 bits at most */
    if (!raw || !out) return false;
    for (int y = 0; y < h; y++) memcpy(raw + (size_t)y * row + 1, rgb + (size_t)y * (size_t)w * 3, (size_t)w * 3);
    memcpy(out, signature, 8);
    size_t at = 8;
    uint8_t *head = out + at + 8;
    put32(head, (uint32_t)w);
    put32(head + 4, (uint32_t)h);
    memcpy(head + 8, "\x08\x02\0\0\0", 5); /* 8 bits, RGB */
    at += chunk(out + at, "IHDR", 13);
    struct bits b = { out + at + 8, 0, 0, 0 };
    b.out[b.n++] = 0x78;
    b.out[b.n++] = 0x01;
    deflate_rows(&b, raw, n, row);
    put32(b.out + b.n, adler32(raw, n));
    at += chunk(out + at, "IDAT", b.n + 4);
    at += chunk(out + at, "IEND", 0);
    bool ok = mb_file_write(path, out, at, err);
    mb_arena_release(a, mark);
    return ok;
}

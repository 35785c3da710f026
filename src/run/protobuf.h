/* run/protobuf.h - writing protocol buffers: fields of varints and of counted bytes.  Messages nest: their length is filled in
   when they are closed.  What does not fit sets `full`. */
#ifndef MB_RUN_PROTOBUF_H
#define MB_RUN_PROTOBUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pb { char *s; size_t n, cap; bool full; };
enum { LENGTH_BYTES = 4 }; /* of every nested message: a varint padded to this many bytes */

static inline void put(struct pb *b, const void *data, size_t n)
{
    if (b->full || n > b->cap - b->n) {
        b->full = true;
        return;
    }
    memcpy(b->s + b->n, data, n);
    b->n += n;
}

static inline void put_varint(struct pb *b, uint64_t v)
{
    for (; v >= 128; v >>= 7) put(b, &(unsigned char){ (unsigned char)(v | 128) }, 1);
    put(b, &(unsigned char){ (unsigned char)v }, 1);
}

static inline void put_int(struct pb *b, int field, int64_t v)
{
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, (uint64_t)v);
}

static inline void put_bytes(struct pb *b, int field, const void *data, size_t n)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, n);
    put(b, data, n);
}

static inline void put_text(struct pb *b, int field, const char *text) { put_bytes(b, field, text, strlen(text)); }

static inline size_t open_message(struct pb *b, int field)
{
    put_varint(b, (uint64_t)field << 3 | 2);
    put(b, "\200\200\200", LENGTH_BYTES);
    return b->n;
}

static inline void close_message(struct pb *b, size_t start)
{
    if (b->full) return;
    size_t n = b->n - start;
    for (int i = 0; i < LENGTH_BYTES; i++) b->s[start - LENGTH_BYTES + (size_t)i] = (char)((n >> (7 * i) & 127) | (i + 1 < LENGTH_BYTES ? 128 : 0));
}

#endif

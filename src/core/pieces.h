/* pieces.h - large blocks of a checkpoint, stored once: files named after their contents in a folder beside it. */
#ifndef MB_CORE_PIECES_H
#define MB_CORE_PIECES_H
#include "matchbox/core.h"

enum { MB__PIECE_ID = 16 }; /* bytes: 64 bits of a hash, CRC-32C, length */
typedef struct mb__piece { unsigned char id[MB__PIECE_ID]; } mb__piece;

mb__piece mb__piece_of(const void *data, size_t n);
/* Put a piece beside the checkpoint `path` unless it is there already. */
bool mb__piece_write(const char *path, mb__piece p, const void *data, size_t n, mb_error *err);
/* Read a piece of n bytes and check it.  data NULL: check only. */
bool mb__piece_read(const char *path, mb__piece p, void *data, size_t n, mb_error *err);
#endif

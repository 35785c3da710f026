/* store.h - what the files of the checkpoint store share. */
#ifndef MB_CORE_STORE_H
#define MB_CORE_STORE_H
#include "core/pieces.h"

/* little-endian numbers of 1 to 8 bytes */
void mb__put(unsigned char *to, uint64_t v, int bytes);
uint64_t mb__get(const unsigned char *from, int bytes);
/* Tell `each` every piece that a checkpoint names.  Heads are looked at, contents are not checked. */
bool mb__store_pieces(const char *path, bool (*each)(void *ctx, mb__piece p, mb_error *err), void *ctx, mb_error *err);
#endif

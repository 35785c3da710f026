/* Writing a file all or nothing, and saying what the system refused: shared by files and the
   checkpoint store. */
#ifndef MB_CORE_FILE_H
#define MB_CORE_FILE_H
#include "matchbox/core.h"

/* A file under construction.  Nothing at `path` changes before mb__writer_commit has put all bytes
   on the disk. */
typedef struct mb__writer {
    int fd;
    char path[4096];
    char tmp[4104];
} mb__writer;

bool mb__writer_open(mb__writer *w, const char *path, mb_error *err);
/* false: the error is recorded and the temporary file is gone. */
bool mb__writer_put(mb__writer *w, const void *data, size_t n, mb_error *err);
/* Give up without an error of its own: the temporary file goes. */
void mb__writer_drop(mb__writer *w);
bool mb__writer_commit(mb__writer *w, mb_error *err);
/* Open for reading; the size of the regular file in *size.  -1: the error is recorded. */
int mb__file_open(const char *path, uint64_t *size, mb_error *err);
/* Read exactly n bytes at `offset`; false: the error is recorded. */
bool mb__file_read_at(int fd, const char *path, void *data, size_t n, uint64_t offset,
                      mb_error *err);
/* MB_ERR_IO: "cannot VERB 'PATH': reason", and a note with what to do. */
bool mb__fail_system(mb_error *err, const char *verb, const char *path, int number);
/* mb_crc32c without the processor's instruction. */
uint32_t mb__crc32c_table(uint32_t crc, const void *data, size_t n);
#endif

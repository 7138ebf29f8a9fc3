/** Zip: an archive of a few small files, not compressed. */
#ifndef PKI_ZIP_H
#define PKI_ZIP_H

#include "base/text.h"

/** A file in it. */
struct zip_file {
    const char *name; /* ASCII, no directories */
    struct bytes data;
};
/** COUNT files as an archive in arena A; all of it is less than 16 MiB. */
struct bytes zip_write(struct arena *a, const struct zip_file *files, size_t count);

#endif

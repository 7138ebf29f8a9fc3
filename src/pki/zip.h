/** Zip: an archive of a few small files, not compressed; and whether an archive is such a one. */
#ifndef PKI_ZIP_H
#define PKI_ZIP_H

#include "base/list.h"
#include "base/text.h"

/** A file in it. */
struct zip_file {
    const char *name; /* ASCII, no directories */
    struct bytes data;
};
/** COUNT files as an archive in arena A; all of it is less than 16 MiB. */
struct bytes zip_write(struct arena *a, const struct zip_file *files, size_t count);
/**
 * The names in an archive of SIZE octets whose end, with all of its directory, is TAIL.
 *
 * @param out  of const char *, at least one
 * @return false: it is none as zip_write() makes them
 */
bool zip_names(struct arena *a, struct bytes tail, size_t size, struct list *out);

#endif

/** The shelf of metadata fields, for the files of this folder that change them. @see metadata.h */
#ifndef CATALOG_METADATA_SHELF_H
#define CATALOG_METADATA_SHELF_H

#include "catalog/metadata.h"

struct db *metadata_shelf_db(const struct metadata_shelf *shelf);
/** Read what is kept anew before it is used again: after a commit, before anybody is told of it. */
void metadata_shelf_clear(struct metadata_shelf *shelf);

#endif

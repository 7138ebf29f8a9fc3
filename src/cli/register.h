/** Register: metadata and collections on the command line. For the files of this folder. */
#ifndef CLI_REGISTER_H
#define CLI_REGISTER_H

#include "cli/run.h"

/** The values of --meta NAME=VALUE and --tag: a list of struct pair. */
enum err metadata_given(struct cli *c, struct list *out);
/** Add to OUT what --tag says: tags are a field, too. */
enum err tags_given(struct cli *c, struct list *out);
/** What finds the certificates that have this tag; TAG as it stands within quotes, NULL: none. */
const char *tags_query(struct cli *c, const char *tag);
/** Write `,"MEMBER":{...}` of them, when there are any. */
void metadata_add(struct buf *b, const char *member, const struct list *pairs);
/** Let the call reach only what --collection names, when it is given. */
enum err collection_param(struct cli *c, struct ask *ask);

extern const char *const metadata_type_words[], *const metadata_enrollment_words[],
                                                    *const collection_newest_words[],
                                                        *const collection_permission_words[];

/* The commands. */
enum err run_metadata_list(struct cli *c);
enum err run_metadata_show(struct cli *c);
enum err run_metadata_create(struct cli *c);
enum err run_metadata_edit(struct cli *c);
enum err run_metadata_delete(struct cli *c);
enum err run_certs_set(struct cli *c);
enum err run_collections_list(struct cli *c);
enum err run_collections_show(struct cli *c);
enum err run_collections_create(struct cli *c);
enum err run_collections_edit(struct cli *c);
enum err run_collections_copy(struct cli *c);
enum err run_collections_delete(struct cli *c);
enum err run_collections_grant(struct cli *c);

#endif

/**
 * Collections: certificates that a kept query finds, under a name. A role may be allowed things in
 * a collection alone; whoever asks there never learns of what is outside. Any thread may call.
 *
 * @see command-api.md sections 1.5 and 12
 */
#ifndef CATALOG_COLLECTION_H
#define CATALOG_COLLECTION_H

#include "access/access.h"
#include "codec/model.h"
#include "db/db.h"

/** DuplicationField of the Command API: of certificates that share it, only the newest is in. */
enum collection_duplicates { DUP_KEEP = 0, DUP_CN = 1, DUP_DN = 2, DUP_UPN = 4 };

/** A collection. Texts are never NULL in what is read; NULL in an edit keeps what there is. */
struct collection {
    int64_t id, version;
    const char *name, *description;
    const char *query;         /* of the search language; "": every certificate */
    struct opt_int duplicates; /* enum collection_duplicates */
    struct opt_bool on_dashboard, favorite;
};

/** All of them by name: a list of struct collection. */
enum err collection_list(struct scope *s, struct db *db, struct list *out);
/** One by its number, or by its name in any case; E_NOT_FOUND. */
enum err collection_get(struct scope *s, struct db *db, int64_t id, struct collection *out);
enum err collection_find(struct scope *s, struct db *db, const char *name, struct collection *out);

/** Who changes collections, and where. */
struct collection_by {
    struct db *db;
    struct access *access;
    const struct caller *caller;
};
/**
 * Make a collection; COPY_FROM, unless 0, gives what IN leaves out, and who may do what there.
 *
 * @return E_FORBIDDEN: the caller may not change collections everywhere, or not give permissions
 * where the query is another; E_NOT_FOUND: there is nothing to copy, for this caller; E_INVALID: a
 * name that is taken (CHY_CONFLICT), a query that cannot be understood
 */
enum err collection_add(struct scope *s, const struct collection_by *by,
                        const struct collection *in, int64_t copy_from, struct collection *out);
/**
 * Change the collection in->id. What certificates are in it is changed only by those who may see
 * every certificate: else they could widen their own sight.
 */
enum err collection_edit(struct scope *s, const struct collection_by *by,
                         const struct collection *in, struct collection *out);
/** Remove it, with the permissions on it. */
enum err collection_delete(struct scope *s, const struct collection_by *by, int64_t id);

/** Whether a certificate is in it, for a caller of the name ME at NOW. */
enum err collection_holds(struct scope *s, struct db *db, const struct collection *c,
                          const char *me, int64_t certificate, bool *out);

#endif

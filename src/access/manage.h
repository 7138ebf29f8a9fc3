/** Manage: what changes of users, clients and roles have in common. */
#ifndef ACCESS_MANAGE_H
#define ACCESS_MANAGE_H

#include "access/office.h"
#include "access/principals.h"

/** A change on its way through its transaction: who does it, and what it tells the record. */
struct change {
    struct access *a;
    const struct caller *by;
    struct list changes; /* of struct audit_change */
};

/** Note a changed text for the record, when it differs. */
void change_text(struct scope *s, struct change *c, const char *field, const char *before,
                 const char *after);
/** Write the event of a change, and tell all servers: of a user or client, what they remember of
 * it, of anything else, what they remember of anybody is out of date. */
enum err change_tell(struct scope *s, struct tx *tx, const struct change *c,
                     enum audit_action action, struct audit_object target, const char *message);
/** A text of a field: at most MAX bytes, no controls. */
void text_judge(struct scope *s, const char *path, const char *text, size_t max);

/** Keep NAME, in whatever case, to this transaction until it has ended: whether it is somebody's
 * can then be asked before it is given. */
enum err name_hold(struct scope *s, struct tx *tx, const char *name);

/** The page's limit, as the database wants it: one more, to see whether there is another page. */
int page_limit(const struct principal_query *q);

/* Roles of principals. */
/** The ids of roles by name, with a problem `roles[n]` for each that does not exist. */
enum err roles_by_name(struct scope *s, struct tx *tx, const struct list *names, struct list *ids);
/** Make the principal's roles these, and tell the record. E_FORBIDDEN: the caller gives what they
 * do not hold. */
enum err roles_replace(struct scope *s, struct tx *tx, struct change *c, enum caller_kind kind,
                       int64_t id, const struct list *names);
/** The names of a principal's roles, by name: a list of const char *. */
enum err roles_names_in(struct scope *s, struct tx *tx, enum caller_kind kind, int64_t id,
                        struct list *out);
enum err roles_names(struct scope *s, struct db *db, enum caller_kind kind, int64_t id,
                     struct list *out);
/**
 * The administrators that can log in, counted behind a lock, so that two changes cannot remove the
 * last two at once.
 */
enum err administrators_count(struct scope *s, struct tx *tx, int64_t *count);
/** E_CONFLICT when there were administrators BEFORE and there are none now. */
enum err administrators_check(struct scope *s, struct tx *tx, int64_t before);

#endif

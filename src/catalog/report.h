/**
 * Reports: questions about the register that everybody has, by name, and links to reports
 * elsewhere. None of these checks permissions: that is the caller's gate. Any thread may call.
 */
#ifndef CATALOG_REPORT_H
#define CATALOG_REPORT_H

#include "access/access.h"
#include "codec/model.h"
#include "db/db.h"

/** A report that there always is, and what people chose about it. */
struct report {
    int64_t id;
    const char *name, *short_name, *description, *category;
    const char *path; /* the call whose answer it is, below the host */
    struct opt_bool in_navigator, favorite, remove_duplicates; /* in edits: not given stays */
};
/** A link. In edits, what is NULL or not given stays. */
struct custom_report {
    int64_t id;
    const char *name, *description, *url;
    struct opt_bool in_navigator, favorite;
};

/** All that there always are: a list of struct report, by number. */
enum err report_list(struct scope *s, struct db *db, struct list *out);
/** E_NOT_FOUND. */
enum err report_get(struct scope *s, struct db *db, int64_t id, struct report *out);
/** Choose what is shown of the report IN->id; OUT receives it as it is now. */
enum err report_edit(struct scope *s, struct db *db, const struct caller *by,
                     const struct report *in, struct report *out);

/** All links, by name: a list of struct custom_report. */
enum err custom_report_list(struct scope *s, struct db *db, struct list *out);
enum err custom_report_get(struct scope *s, struct db *db, int64_t id, struct custom_report *out);
/** E_INVALID: no name, a name that is taken, or an address that is neither http nor https. */
enum err custom_report_add(struct scope *s, struct db *db, const struct caller *by,
                           const struct custom_report *in, struct custom_report *out);
enum err custom_report_edit(struct scope *s, struct db *db, const struct caller *by,
                            const struct custom_report *in, struct custom_report *out);
enum err custom_report_delete(struct scope *s, struct db *db, const struct caller *by, int64_t id);

#endif

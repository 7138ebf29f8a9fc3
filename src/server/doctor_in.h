/** Doctor, inside: what its files share. */
#ifndef SERVER_DOCTOR_IN_H
#define SERVER_DOCTOR_IN_H

#include "server/doctor.h"

/** A patient. */
struct doctor {
    struct scope *s; /* its arena owns what is found */
    const struct settings *settings;
    const struct server_settings *set;
    const struct options *options;
    struct list *out;  /* of struct finding */
    struct db *db;     /* NULL: it cannot be reached */
    struct seal *seal; /* NULL: it cannot be opened */
    int64_t since_ms;  /* when the present check began */
};

/** Note what CHECK found. FIX is NULL only for what is fine. */
void finding(struct doctor *d, const char *check, enum finding_state state, const char *fix,
             const char *format, ...) LIKE_PRINTF(5, 6);
/** The failure that S tells of, with the advice for it or else FIX. */
void finding_failed(struct doctor *d, struct scope *s, const char *check, const char *fix);

/* The checks. */
void check_files(struct doctor *d);
void check_disk(struct doctor *d);
void check_clock(struct doctor *d);
void check_backups(struct doctor *d);
void check_listener(struct doctor *d);
/* Of the database; all but the first need .db. */
void check_database(struct doctor *d);
void check_master_key(struct doctor *d);
void check_authorities(struct doctor *d);
void check_lists(struct doctor *d);
void check_audit(struct doctor *d);
void check_last_event(struct doctor *d);

#endif

/**
 * Canonical: the text of an event. It is written with sorted keys in one pass, and read back only
 * as far as checking needs: is it canonical JSON (RFC 8785), and what do its main members say.
 */
#ifndef AUDIT_CANONICAL_H
#define AUDIT_CANONICAL_H

#include "audit/audit.h"

#define AUDIT_EVENT_MAX ((size_t)64 * 1024)
#define AUDIT_HASH_LEN 32

/** What the chain adds to an event. */
struct audit_place {
    int64_t seq;
    struct when at;
    const char *id;               /* a ULID */
    uint8_t prev[AUDIT_HASH_LEN]; /* the hash of the event before; zeros for the first */
};

/** Write EVENT, at PLACE, as canonical JSON without its hash. REQUEST stands for the event's, and
 * may be NULL. */
void canonical_event(struct buf *out, const struct audit_event *event,
                     const struct audit_place *place, const struct audit_request *request);
/** Write TEXT as a string by RFC 8785 section 3.2.2.2. */
void canonical_text(struct buf *out, const char *text);
const char *audit_outcome_name(enum audit_outcome outcome);

/** The main members of an event's text; strings as they stand between their quotes, {NULL, 0} when
 * absent. */
struct canonical_view {
    struct bytes action, category, id, outcome, prev, ts, message, level;
    struct bytes actor_type, actor_id, actor_name, target_type, target_id, target_name;
    struct bytes chain, hash; /* of exports: with their names and the comma behind, to be cut out */
    struct bytes after;       /* the whole object */
    int64_t seq, v, lane;
};

/**
 * Walk TEXT once.
 *
 * @param fault  receives what is wrong, for people
 * @return false: not one object of canonical JSON, or deeper than 8
 */
bool canonical_read(struct bytes text, struct canonical_view *out, const char **fault);
/** Whether the string RAW, as it stands between its quotes, is PLAIN; NULL is "". */
bool canonical_is(struct bytes raw, const char *plain);
/** The string RAW as plain text. */
char *canonical_plain(struct arena *a, struct bytes raw);

#endif

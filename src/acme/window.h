/**
 * Window: when operators want certificates renewed, whatever their life says: after an incident, or
 * before an authority ends (RFC 9773). renewalInfo tells it of every certificate that it is for, at
 * once. Any thread.
 */
#ifndef ACME_WINDOW_H
#define ACME_WINDOW_H

#include "acme/acme.h"
#include "catalog/catalog.h"

/** A renewal window: of certificates for which all that is given here holds. */
struct acme_window {
    int64_t id;
    const char *query;                     /* of the search language, or NULL */
    int64_t collection;                    /* id; 0: any */
    int64_t authority;                     /* id; 0: any */
    struct when issued_from, issued_until; /* notBefore; UNTIL is not included; WHEN_NONE: any */
    struct when start, end;
    const char *url;    /* where it is explained, or NULL */
    const char *reason; /* for people and the audit record */
    const char *created_by;
    struct when created_at;
};
/**
 * Set a window.
 *
 * @param in       its id, who and when are not read
 * @param matches  receives how many certificates it is for now, revoked and expired ones left out
 * @return E_INVALID, which names the field; E_LIMIT: there are too many
 */
enum err acme_window_add(struct scope *s, const struct acme *acme, const struct caller *by,
                         const struct acme_window *in, struct acme_window *out, int64_t *matches);
/** Windows behind AFTER in the order of their ids; NEXT receives where to go on, or 0. */
enum err acme_window_list(struct scope *s, const struct acme *acme, int64_t after, int64_t limit,
                          struct list *out, int64_t *next);
/** E_NOT_FOUND. */
enum err acme_window_get(struct scope *s, const struct acme *acme, int64_t id,
                         struct acme_window *out);
/** Take one away. E_NOT_FOUND. */
enum err acme_window_remove(struct scope *s, const struct acme *acme, const struct caller *by,
                            int64_t id, const char *reason);
/** The newest window that a certificate is in; OUT receives NULL when there is none. */
enum err acme_window_of(struct scope *s, const struct acme *acme, const struct cert_row *row,
                        const struct acme_window **out);

#endif

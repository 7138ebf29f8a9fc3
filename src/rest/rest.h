/** Rest: the face that speaks our own API, /api/v1. It parses, calls, answers; rules live in the
 * domain. */
#ifndef REST_REST_H
#define REST_REST_H

#include "access/principals.h"
#include "api/v1.h"
#include "face/face.h"
#include "pki/bundle.h"

extern const struct face_spec rest_face;

/** Forgets the answers kept for Idempotency-Key after a day; the program runs it with its jobs. */
struct job_kind;
extern const struct job_kind rest_cleanup_kind;

/* For the files of this folder. */

extern const struct binding rest_users[], rest_claims[], rest_providers[], rest_roles[],
    rest_templates[], rest_authorities[], rest_audit[], rest_certificates[], rest_system[],
    rest_tokens[], rest_requests[], rest_acme[], rest_acme_seen[], rest_acme_windows[],
    rest_acme_limits[], rest_holds[], rest_recoveries[];

/**
 * Answer 201 with OUT, its ETag and where it stands: PATH below the API's base. KEPT is what a
 * repeated call with the same Idempotency-Key gets: OUT without what is told once; NULL: OUT.
 */
enum err reply_made(struct request *rq, const void *out, const void *kept, int64_t version,
                    const char *path);
/**
 * Run MAKE once for each Idempotency-Key of a caller: a repeated call gets the first answer, the
 * same key with another request is E_CONFLICT (CHY_KEY_USED). MAKE answers by reply_made().
 */
enum err make_once(struct request *rq, enum err (*make)(struct request *rq));
/** Keep the answer of a call that make_once() runs; reply_made() does it by itself. */
void keep_answer(struct request *rq, const void *kept);
/** Answer with a page: ITEMS, and where the next page begins. */
enum err reply_items(struct request *rq, const struct list *items, const char *next);

/** A page of what is in memory, in the order of its ids, as far as the caller may see it. */
struct id_page {
    struct request *rq;
    enum permission permission;
    enum grant_on on;
    struct list items; /* of what op->reply's items are; the handler adds them */
    int64_t last;      /* the id of the last one, or where the page before ended */
    bool more;
};
/** Begin a page by the query's limit= and after=; P on the object gates what is in it. */
enum err id_page_begin(struct request *rq, enum permission p, enum grant_on on,
                       struct id_page *page);
/** Whether the thing with this id is on the page: then it must be added to .items. Ids ascend. */
bool id_page_takes(struct id_page *page, int64_t id);
enum err id_page_reply(const struct id_page *page);

/** Whether the body has a member of this name: tells [] from absent. */
bool body_has(struct request *rq, const char *name);
/** dry_run=true in the query. E_INVALID: neither true nor false. */
enum err dry_run_of(struct request *rq, bool *out);
/** The id in a path variable that may be a name too. */
bool var_is_id(const struct request *rq, const char *name, int64_t *out);
/** A cursor that is an id; none is 0. */
enum err after_id(struct request *rq, const char *after, int64_t *out);
/** The other way: NULL for 0, the end. */
const char *id_cursor(struct request *rq, int64_t id);
/** Grants as this API says them: a list of struct v1_grant for a list of struct grant. */
void show_grants(struct request *rq, const struct list *grants, struct list *out);
/**
 * The domain's grants for one of this API's, which may stand for several; what is wrong is a
 * problem below PREFIX, such as "grants[2].".
 */
void read_grant(struct request *rq, const struct v1_grant *in, const char *prefix,
                struct list *out);
/** A problem of PASSWORD unless a private key may be handed out under it. */
void key_password_judge(struct request *rq, const char *password);
/** The container that FORM names, PKCS#12 as configured; else a problem. */
void key_form_judge(struct request *rq, const char *form, enum bundle_form *out);
/** GET /health. */
enum err health_get(struct request *rq);

#endif

/** Call: a request of an ACME client on its way; for the files of this folder. */
#ifndef ACME_FACE_CALL_H
#define ACME_FACE_CALL_H

#include "acme/account.h"
#include "face/face.h"
#include "pki/jws.h"

#define ACME_BODY_MAX 65536

/** Which key signs requests for a resource. */
enum signed_by { BY_ACCOUNT, BY_NEW_KEY, BY_EITHER };

struct call;

/** What there is below a directory. */
struct resource {
    const char *word;      /* "new-order" */
    const char *name;      /* of the route: "/acme/new-order" */
    bool has_id, has_more; /* a part follows; another one may follow that */
    bool get;              /* GET and HEAD are answered, too */
    bool reads;            /* takes POST-as-GET alone */
    bool begins;           /* what other requests go on with */
    bool slow;             /* an authority signs, which may take long */
    bool asks;             /* GET asks the database, so it may wait */
    bool (*offered)(const struct acme_endpoint *ep); /* whether it is there; NULL: everywhere */
    enum signed_by by;
    enum err (*answer)(struct call *c);     /* to a POST that was checked; NULL: none is taken */
    enum err (*answer_get)(struct call *c); /* with .get */
};
extern const struct resource resources[];

/** A request. Lives in its scope. */
struct call {
    struct scope *s;
    struct http_request *http;
    const struct acme *acme;
    const struct acme_endpoint *ep;
    const struct resource *res;
    const char *id, *more; /* parts of the path; NULL: none */
    size_t base_len;       /* of "/acme/NAME" before them */
    const char *url;       /* as we publish it */
    struct acme_peer peer;
    struct jws jws;
    const struct json *payload; /* NULL: POST-as-GET */
    bool by_account;            /* signed with .account's key; else with .key */
    struct acme_account account;
    struct acme_key key;
    const struct list *awaits;
    bool waited;             /* it was put off: see call_waits() and call_waits_turn() */
    struct list subproblems; /* of struct acme_subproblem: what goes with a failure */
};

/**
 * Take PATH apart.
 *
 * @return false: it leads nowhere; .ep stays where that is known at least
 */
bool path_read(struct call *c, const char *path);

/**
 * Put the answer off until it is known whether one of AUTHZS (of const char *) is proved, which is
 * being tried; so its client need not ask again and again.
 *
 * @return true: the call returns OK without an answer, and will be called again
 */
bool call_waits(struct call *c, const struct list *authzs);
/** The same until an order may begin (acme/pace.h). */
bool call_waits_turn(struct call *c);

/** The three parts of a flattened JWS. */
struct flat {
    const char *header, *payload, *signature;
    struct jws jws;
    const struct json *key; /* jwk of its header, or NULL */
};
/** Read a flattened JWS and its header; nothing of it may be believed yet. E_INVALID: malformed,
 * badSignatureAlgorithm. */
enum err flat_read(struct call *c, const struct json *body, struct flat *out);
/** Does its algorithm fit this key? E_INVALID: badPublicKey. */
enum err flat_fits(struct call *c, const struct flat *flat, const struct verifier *key);
/** Verify it. E_INVALID: malformed. */
enum err flat_verify(struct call *c, const struct flat *flat, const struct verifier *key);
/** Check who signed the request, in the order of acme.md section 2. */
enum err call_check(struct call *c);

/* Answers. */
/** Headers that every answer has. */
void answer_headers(struct call *c);
/** Add `Link: <URL>;rel="REL"`. */
void answer_link(struct call *c, const char *url, const char *rel);
/** Answer with IN, encoded by M. */
enum err answer_json(struct call *c, int status, const struct model *m, const void *in);
/** Answer with the failure E of the scope. */
void answer_failure(struct call *c, enum err e);
/** The same with a status of the server's own choice. */
void answer_refusal(struct call *c, int status);
/** E of a look-up by the path: E_NOT_FOUND in words for a client; any other as it is. */
enum err nothing_here(struct call *c, enum err e);

/* Reading a payload. */
/** A member that is a list of texts; NULL when absent. E_INVALID: malformed. */
enum err member_texts(struct call *c, const char *name, const struct list **out);
/** A member that is true or false; absent: false. */
enum err member_bool(struct call *c, const char *name, bool *out);
/** A member that is text; NULL when absent. */
enum err member_text(struct call *c, const char *name, const char **out);

/* The resources. */
enum err directory_get(struct call *c);
enum err new_nonce(struct call *c);
enum err limits_get(struct call *c);
enum err renewal_info_get(struct call *c);
enum err new_account(struct call *c);
enum err account_post(struct call *c);
enum err key_change(struct call *c);
enum err new_order(struct call *c);
enum err order_post(struct call *c);
enum err finalize_post(struct call *c);
enum err new_authz(struct call *c);
enum err authz_post(struct call *c);
enum err challenge_post(struct call *c);
enum err cert_post(struct call *c);
enum err revoke_cert(struct call *c);

#endif

/**
 * Template: what may be issued, as versioned data. A version never changes; each request names the
 * one it was judged by. Any thread.
 */
#ifndef ISSUE_TEMPLATE_H
#define ISSUE_TEMPLATE_H

#include "base/snapshot.h"
#include "codec/model.h"
#include "db/db.h"
#include "issue/rules.h"

struct audit_actor;

/** A rule for one part of the subject. */
struct template_rdn {
    const char *type;    /* "CN", "O" */
    int64_t mode;        /* RDN_OPTIONAL and so on */
    const char *value;   /* of RDN_FIXED */
    const char *pattern; /* extended regular expression that the whole value must match, or NULL */
};
enum { RDN_OPTIONAL, RDN_REQUIRED, RDN_FIXED, RDN_FORBIDDEN };
enum { SAN_FORBIDDEN, SAN_OPTIONAL, SAN_REQUIRED };
enum { WILDCARD_NONE, WILDCARD_LEFTMOST };
enum { CSR_EXT_IGNORE, CSR_EXT_REFUSE };
enum { NOT_AFTER_CLAMP, NOT_AFTER_REFUSE };
enum { OWNER_OPTIONAL, OWNER_REQUIRED, OWNER_HIDDEN };
enum { KEEP_NONE, KEEP_INDEFINITE, KEEP_AFTER_EXPIRATION, KEEP_FROM_ISSUANCE };

/** The body of a version: all of it JSON by template_body_model. */
struct template_body {
    /* key */
    struct list key_types; /* of const char *: "rsa:2048-4096", "ec:p256", "ec:p384", "ed25519" */
    bool allow_key_reuse;
    bool server_keys; /* the server may make the key: PFX enrollment */
    bool client_keys; /* a request may bring its own: CSR enrollment */
    int64_t key_retention, key_retention_days;
    bool key_exportable;    /* a key kept here may be recovered */
    bool recovery_approval; /* and then by two people alone */
    /* subject */
    struct list
        rdns; /* of struct template_rdn; types that are not listed are dropped from the subject */
    bool drop_unlisted;   /* drop subject parts that no rule names (else refuse them) */
    struct list defaults; /* of struct template_default */
    struct list rules;    /* of struct template_rule, for the subject and for names */
    /* names */
    int64_t san_dns, san_ip, san_email, san_uri, san_upn;
    int64_t san_device; /* permanent identifiers, hardware modules (pki/device_name.h) */
    bool san_required;  /* at least one name, of any kind */
    int64_t max_names;  /* 100 */
    bool cn_to_san;     /* a CN that looks like a DNS name is repeated as one */
    int64_t wildcards;
    bool internal_names, underscores, public_suffix_check;
    struct list permitted; /* of const char *: "*.contoso.com", "contoso.com", "10.0.0.0/8",
                              "@contoso.com"; none: all */
    struct list excluded;
    /* validity */
    int64_t validity_ms, validity_max_ms, validity_min_ms, backdate_ms; /* durations */
    int64_t not_after_policy;
    bool allow_requested_dates;
    /* usage */
    struct list
        key_usage;   /* of const char *: "digitalSignature", "keyEncipherment" (RSA keys only) */
    struct list eku; /* of const char *: names or OIDs */
    struct list policies; /* of const char *: OIDs */
    /* pointers to revocation */
    bool cdp, aia_ocsp, aia_issuer;
    bool must_staple;
    /* the request */
    int64_t csr_extensions;
    bool requires_approval;
    bool self_approval;             /* by whoever asked */
    int64_t max_active_per_subject; /* certificates that are good at once; 0: any number */
    struct list notes;              /* of struct metadata_rule */
    /* who and where */
    int64_t owner;      /* OWNER_OPTIONAL and so on: the role that owns the certificate */
    int64_t owner_role; /* the role when none is named; 0: none */
    struct list
        authorities; /* of const char *: names; none: every authority that offers enrollment */
    struct list
        allowed_requesters; /* of const char *: role names; none: whoever has the permission */
};
extern const struct model template_body_model;

/** A template with one of its versions. */
struct template
{
    int64_t id, version_id, number; /* of the version */
    int64_t version;                /* of the row, for If-Match */
    const char *name, *display_name, *oid;
    bool enabled;
    struct when created_at;
    const struct template_body *body;
};

/** All enabled and disabled templates in their current versions at one moment; counted, immutable.
 */
struct templates {
    struct snapshot head;
    struct list all;                  /* of struct template *, by id */
    struct list patterns;             /* of struct pattern * (issue/pattern.h), by id */
    const struct pattern *everywhere; /* what holds beside every template */
};
struct template_shelf; /* keeps the present snapshot */
enum err template_shelf_open(struct scope *s, struct db *db, struct template_shelf **out);
void template_shelf_close(struct template_shelf *shelf);
OWNED(struct template_shelf, template_shelf_close);
const struct templates *templates_ref(struct template_shelf *shelf);
void templates_unref(const struct templates *t);
OWNED(const struct templates, templates_unref);
enum err templates_reload(struct scope *s, struct template_shelf *shelf);
/** The database that it keeps a snapshot of. */
struct db *template_shelf_db(const struct template_shelf *shelf);
/** By short name, display name or "Display (Short)", in any case; NULL: none. */
const struct template *template_find(const struct templates *t, const char *reference);
const struct template *template_by_id(const struct templates *t, int64_t id);

/** Enter the built-in templates that are missing: first run and upgrades. */
enum err template_built_in(struct scope *s, struct db *db);
/** What a template, or a new version of one, will be. */
struct template_edit {
    int64_t id;                      /* 0: a new template */
    const char *name, *display_name; /* of a new one; the latter NULL: as it is, or the name */
    struct bytes body;               /* JSON by template_body_model */
    struct opt_bool enabled;         /* not given: as it is */
    int64_t version;                 /* of the row as it was read; 0: whichever it is */
};
/** Make a template or a new version; every mistake in the body is reported with its path. */
enum err template_save(struct scope *s, struct template_shelf *shelf,
                       const struct template_edit *edit, const struct audit_actor *actor,
                       int64_t *out_id);
enum err template_set_enabled(struct scope *s, struct template_shelf *shelf, int64_t id,
                              bool enabled, int64_t version, const struct audit_actor *actor);
/** The body as JSON, for showing. */
const char *template_json(struct arena *a, const struct template_body *body);
/** Versions of a template, newest first: a list of struct template_version_row. */
struct template_version_row {
    int64_t id, number;
    const char *author, *body;
    struct when created_at;
};
enum err template_versions(struct scope *s, struct db *db, int64_t id, struct list *out);

#endif

#include "acme/revoke.h"

#include "acme/authz.h"
#include "acme/judge.h"
#include "base/metric.h"
#include "catalog/catalog.h"
#include "pki/crl.h"
#include "pki/device_name.h"

COUNTER(revocations_total, "chancery_acme_revocations_total",
        "Certificates that ACME clients revoked.", "by");

static enum err
check_reason(struct scope *s, const struct acme_revoke *in)
{
    static const int64_t allowed[] = { 0, 1, 3, 4, 5, 9 };

    for (size_t i = 0; i < COUNT(allowed); i++)
        if (!in->has_reason || in->reason == allowed[i])
            return OK;
    return acme_fail(s, E_INVALID, "badRevocationReason",
                     "reasons that a client may give are 0, 1, 3, 4, 5 and 9 (RFC 5280 section "
                     "5.3.1)");
}

SQL(issued_to, "SELECT 1 FROM acme_order WHERE certificate = $1 AND account = $2 AND status = 4");

static void
names_of(struct scope *s, const struct cert *cert, struct list *out)
{
    LIST_EACH(struct general_name, n, &cert->exts.san)
    {
        struct acme_name *name = list_push(s->arena, out, struct acme_name);

        name->type = n->kind == GN_DNS   ? "dns"
                     : n->kind == GN_IP  ? "ip"
                     : device_name_is(n) ? device_name_type(n)
                                         : "other";
        if (device_name_is(n))
            acme_name_set(name, device_name_text(n));
        else
            acme_name_set(name, text_fold(s->arena, n->text ? n->text : ""));
    }
}

/* BY receives how they are known. */
static enum err
authorize(struct scope *s, const struct acme *acme, const struct acme_revoke *in,
          const struct cert *cert, int64_t id, const char **by)
{
    struct acme_authz_wish wish = { .now = clock_now() };
    struct list names = { 0 };
    bool holds = false;
    struct row row;
    enum err e;

    *by = "key";
    if (!in->account)
        return bytes_eq((struct bytes){ in->key->spki_hash, SHA256_LEN },
                        (struct bytes){ cert->key.sha256, SHA256_LEN })
                   ? OK
                   : acme_fail(s, E_FORBIDDEN, "unauthorized", "this is not the certificate's key");
    e = db_one(s, acme->o.db, &issued_to, BIND(v_int(id), v_int(in->account->id)), &row);
    *by = "account";
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    *by = "authorizations";
    names_of(s, cert, &names);
    wish.account = in->account->id;
    wish.ep = acme_endpoint_by_id(s, acme, in->account->endpoint);
    TRY(acme_rules_of(s, acme, id, &wish.policy));
    if (wish.ep && wish.policy)
        TRY(acme_authz_holds_all(s, acme, &wish, &names, &holds));
    if (!holds)
        return acme_fail(s, E_FORBIDDEN, "unauthorized",
                         "the account was not given this certificate, and holds no valid "
                         "authorizations for all of its names");
    if (in->has_reason && in->reason == CRL_KEY_COMPROMISE)
        return acme_fail(s, E_INVALID, "badRevocationReason",
                         "that a key is compromised can be said by who has it, or who was given "
                         "the certificate");
    return OK;
}

static struct caller
caller_of(struct scope *s, const struct acme_revoke *in)
{
    struct caller caller = caller_system;

    if (in->account)
        return acme_caller(s->arena, in->account->public_id, &in->peer);
    caller.id_text = "acme";
    caller.name = ACME_CALLER " the certificate's key";
    caller.actor = acme_actor(in->key->thumbprint, &in->peer);
    caller.actor.type = "acme_key";
    return caller;
}

static enum err
pass(struct scope *s, const struct acme *acme, const struct acme_revoke *in, int64_t id)
{
    struct caller caller = caller_of(s, in);
    struct list ids = { 0 };
    struct revoke revoke = { .caller = &caller,
                             .ids = &ids,
                             .reason = in->has_reason ? in->reason : 0,
                             .comment = "asked for by ACME",
                             .effective = WHEN_NONE };
    struct revoked done = { 0 };
    const struct revoked_one *one;

    list_add(s->arena, &ids, int64_t, id);
    TRY(flow_revoke(s, acme->o.flow, &revoke, &done));
    one = done.each.items;
    return done.failed ? fail(s, one->err, "%s", one->why ? one->why : "it cannot be revoked") : OK;
}

enum err
acme_revoke(struct scope *s, const struct acme *acme, const struct acme_revoke *in)
{
    struct cert_row row;
    struct cert cert;
    uint8_t hash[SHA256_LEN];
    const char *by;
    enum err e;

    if (cert_read(s, in->certificate, &cert) != OK)
        return acme_fail(s, E_INVALID, "malformed", "the certificate cannot be read");
    hash_sha256(in->certificate, hash);
    e = catalog_by_thumbprint(s, acme->o.db, (struct bytes){ hash, SHA256_LEN }, 0, &row);
    if (e == E_NOT_FOUND || (e == OK && (!row.ca_key || row.state == CERT_CA)))
        return acme_fail(s, E_NOT_FOUND, "malformed", "this certificate was not issued here");
    TRY(e);
    TRY(authorize(s, acme, in, &cert, row.id, &by));
    if (row.state == CERT_REVOKED) {
        /* what was revoked for another reason is of a compromised key from now on */
        if (in->has_reason && in->reason == CRL_KEY_COMPROMISE)
            TRY(pass(s, acme, in, row.id));
        return acme_fail(s, E_INVALID, "alreadyRevoked", "the certificate is revoked already");
    }
    if (when_cmp(cert.not_after, clock_now()) < 0)
        return acme_fail(s, E_FORBIDDEN, "unauthorized", "the certificate has expired");
    TRY(check_reason(s, in));
    TRY(pass(s, acme, in, row.id));
    metric_add(&revocations_total, 1, by);
    return OK;
}

#include "acme/chain.h"

#include "acme/known.h"
#include "catalog/catalog.h"

SQL(order_certificate,
    "SELECT account, COALESCE(certificate, 0) FROM acme_order WHERE public_id = $1 AND "
    "status = 4");

enum err
acme_certificate_of(struct scope *s, const struct acme *acme, const struct acme_account *a,
                    const char *order, int64_t *certificate)
{
    struct row row;

    TRY(db_one(s, acme->o.db, &order_certificate, BIND(v_text(order)), &row));
    if (row_int(&row) != a->id)
        return acme_fail(s, E_FORBIDDEN, "unauthorized", "this is another account's");
    *certificate = row_int(&row);
    return *certificate ? OK : fail(s, E_NOT_FOUND, "there is no certificate");
}

/* Certificates of the key that signed the leaf by other authorities; what links a root with its
 * former keys is in the usual chain. */
SQL(others_of_key,
    "SELECT c.der, i.ca_key FROM ca_certificate c JOIN ca_key k ON k.id = c.ca_key JOIN "
    "ca_certificate i ON i.id = c.issuer_certificate JOIN ca_key o ON o.id = i.ca_key WHERE "
    "c.ca_key = $1 AND c.sha256 <> $2 AND o.authority <> k.authority AND c.not_after > $3 AND NOT "
    "EXISTS (SELECT 1 FROM certificate r WHERE r.id = c.certificate AND r.state = 2) ORDER BY "
    "c.id");

/* Above what CA_KEY signed. */
static enum err
add_issuers(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
            int64_t ca_key, struct list *out)
{
    struct list issuers;

    TRY(flow_chain(s, acme->o.flow, ca_key, &issuers));
    LIST_EACH(struct bytes, der, &issuers)
    if (ep->set->include_root || !known_root(s, acme->known, *der))
        list_add(s->arena, out, struct bytes, *der);
    return OK;
}

enum err
acme_chain(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
           int64_t certificate, int64_t number, struct acme_chain *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(acme->o.flow->office);
    const struct ca_key *key;
    struct cert_row row;
    struct rows others = { 0 };
    uint8_t hash[SHA256_LEN];
    int64_t issuer;

    TRY(catalog_get(s, acme->o.db, certificate, WITH_DER, &row));
    key = ca_key_by_id(snap, row.ca_key);
    if (key) {
        hash_sha256(key->cert_der, hash);
        TRY(db_all(s, acme->o.db, &others_of_key,
                   BIND(v_int(row.ca_key), v_bytes((struct bytes){ hash, SHA256_LEN }),
                        v_when(clock_now())),
                   &others));
    }
    *out = (struct acme_chain){ .others = (int64_t)others.count,
                                .issuer_url = key ? arena_text(s->arena, key->ca_url) : NULL };
    if (number < 0 || number > out->others)
        return acme_fail(s, E_NOT_FOUND, "malformed", "there is no such chain");
    list_add(s->arena, &out->certs, struct bytes, row.der);
    issuer = row.ca_key;
    if (number) {
        struct row *other = &others.at[number - 1];

        list_add(s->arena, &out->certs, struct bytes, row_bytes(other));
        issuer = row_int(other);
    }
    return add_issuers(s, acme, ep, issuer, &out->certs);
}

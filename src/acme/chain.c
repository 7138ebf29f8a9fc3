#include "acme/chain.h"

#include "acme/known.h"
#include "catalog/catalog.h"

#define STEPS_MAX 10

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

/* Other certificates of the key that signed the leaf: by whom else it is certified. */
SQL(others_of_key, "SELECT id FROM ca_certificate WHERE ca_key = $1 AND sha256 <> $2 AND "
                   "issuer_certificate IS NOT NULL AND not_after > $3 ORDER BY id");
SQL(ca_certificate_by_id,
    "SELECT der, COALESCE(issuer_certificate, 0) FROM ca_certificate WHERE id = $1");

static enum err
add_chain(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep, int64_t id,
          struct list *out)
{
    for (int i = 0; id && i < STEPS_MAX; i++) {
        struct row row;
        struct bytes der;

        TRY(db_one(s, acme->o.db, &ca_certificate_by_id, BIND(v_int(id)), &row));
        der = row_bytes(&row);
        id = row_int(&row);
        if (ep->set->include_root || !known_root(s, acme->known, der))
            list_add(s->arena, out, struct bytes, der);
    }
    return OK;
}

static enum err
usual_chain(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
            const struct list *issuers, struct list *out)
{
    LIST_EACH(struct bytes, der, issuers)
    if (ep->set->include_root || !known_root(s, acme->known, *der))
        list_add(s->arena, out, struct bytes, *der);
    return OK;
}

enum err
acme_chain(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
           int64_t certificate, int64_t number, struct acme_chain *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(acme->o.flow->office);
    struct list issuers = { 0 };
    const struct ca_key *key;
    struct cert_row row;
    struct rows others = { 0 };
    uint8_t hash[SHA256_LEN];

    TRY(catalog_get(s, acme->o.db, certificate, WITH_DER, &row));
    TRY(flow_chain(s, acme->o.flow, row.ca_key, &issuers));
    key = ca_key_by_id(snap, row.ca_key);
    if (issuers.count) {
        hash_sha256(*list_at(&issuers, struct bytes, 0), hash);
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
    return number ? add_chain(s, acme, ep, row_int(&others.at[number - 1]), &out->certs)
                  : usual_chain(s, acme, ep, &issuers, &out->certs);
}

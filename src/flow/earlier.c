/* Requests that come twice: the same transaction key asks for what was given before. */
#include "flow/passage.h"

#include "catalog/catalog.h"

SQL(by_transaction,
    "SELECT id, public_id, disposition, COALESCE(certificate, 0), requester_kind, requester_id, "
    "key_hash, message FROM request WHERE transaction_key = $1");

const char *
passage_transaction_key(struct scope *s, const struct enroll *in)
{
    return in->transaction_key
               ? arena_printf(s->arena, "%s:%s", in->caller->id_text, in->transaction_key)
               : NULL;
}

static enum err
row_of_earlier(struct scope *s, struct passage *p, struct row *row)
{
    p->out->request_id = row_int(row);
    p->out->public_id = row_text(row);
    p->out->disposition = (enum disposition)row_int(row);
    p->out->certificate_id = row_int(row);
    if (row_int(row) != (int64_t)p->in->caller->kind || row_int(row) != p->in->caller->id ||
        !bytes_eq(row_bytes(row), (struct bytes){ p->csr.key.sha256, SHA256_LEN }))
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                         "the transaction key was used for another request");
    p->out->message = row_text(row);
    return OK;
}

static enum err
give_earlier(struct scope *s, struct passage *p)
{
    struct cert_row have;
    struct cert *cert;

    if (!p->out->certificate_id)
        return OK;
    p->out->message = NULL;
    TRY(catalog_get(s, p->flow->db, p->out->certificate_id, WITH_DER | WITH_METADATA, &have));
    p->out->metadata = have.metadata;
    cert = arena_new_of(s->arena, struct cert);
    TRY(cert_read(s, have.der, cert));
    p->out->cert = cert;
    p->out->der = have.der;
    p->out->subject = have.dn;
    p->out->authority = have.authority;
    p->out->template_id = have.template_id;
    return flow_chain(s, p->flow, have.ca_key, &p->out->chain);
}

enum err
passage_find_earlier(struct scope *s, struct passage *p, bool *found)
{
    const char *key = passage_transaction_key(s, p->in);
    struct row row;
    enum err e;

    *found = false;
    if (!key)
        return OK;
    e = db_one(s, p->flow->db, &by_transaction, BIND(v_text(key)), &row);
    if (e == E_NOT_FOUND)
        return OK;
    TRY(e);
    TRY(row_of_earlier(s, p, &row));
    *found = true;
    return give_earlier(s, p);
}

struct rival {
    struct passage *p;
    bool found;
};

static enum err
rival_in(struct scope *s, struct tx *tx, void *arg)
{
    struct rival *r = arg;
    struct row row;
    enum err e =
        tx_one(s, tx, &by_transaction, BIND(v_text(passage_transaction_key(s, r->p->in))), &row);

    r->found = e == OK;
    return e == OK ? row_of_earlier(s, r->p, &row) : e == E_NOT_FOUND ? OK : e;
}

enum err
passage_find_rival(struct scope *s, struct passage *p, bool *found)
{
    struct rival r = { .p = p };

    *found = false;
    if (!p->in->transaction_key)
        return OK;
    TRY(db_write(s, p->flow->db, rival_in, &r));
    *found = r.found;
    return r.found ? give_earlier(s, p) : OK;
}

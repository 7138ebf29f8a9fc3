/* Reading the authorities into a snapshot. */
#include "ca/office_in.h"

#include "base/log.h"
#include "ca/lists.h"
#include "seal/keyring.h"
#include <string.h>

SQL(read_authorities,
    "SELECT id, name, slug, host, driver, parent, enabled, offers_enrollment, state, version, "
    "created_at, crl_shards, crl_delta_ms, ocsp_presign FROM authority ORDER BY id");
SQL(read_keys, "SELECT k.id, k.authority, k.generation, k.state, "
               "CASE WHEN r.state = 2 THEN r.revoked_at END, k.key_uri, c.der, "
               "COALESCE(c.certificate, 0), "
               "COALESCE(c.issuer_certificate, 0), c.id, COALESCE(cs.id, 0) "
               "FROM ca_key k JOIN ca_certificate c ON c.ca_key = k.id AND c.preferred = 1 "
               "LEFT JOIN certificate r ON r.id = c.certificate "
               "LEFT JOIN crl_scope cs ON cs.ca_key = k.id AND cs.shard = 0 "
               "ORDER BY k.authority, k.generation DESC");
SQL(read_responders, "SELECT o.private_key, o.not_before, o.not_after, o.der "
                     "FROM ocsp_responder o LEFT JOIN certificate c ON c.id = o.certificate "
                     "WHERE o.ca_key = $1 AND o.not_before <= $2 AND o.not_after > $2 AND "
                     "COALESCE(c.state, 1) <> 2 "
                     "ORDER BY o.not_after DESC LIMIT 1");

SQL(read_shards, "SELECT ca_key, shard, id, url, file, CASE WHEN published IS NULL THEN 0 ELSE 1 "
                 "END FROM crl_scope WHERE shard > 0 ORDER BY ca_key, shard");

SQL(read_links,
    "SELECT c.ca_key, i.ca_key, c.not_before, c.not_after, c.der FROM ca_certificate c "
    "JOIN ca_key k ON k.id = c.ca_key JOIN ca_certificate i ON i.id = c.issuer_certificate "
    "JOIN ca_key o ON o.id = i.ca_key LEFT JOIN certificate r ON r.id = c.certificate "
    "WHERE c.preferred = 0 AND o.authority = k.authority AND o.generation < k.generation AND "
    "COALESCE(r.state, 1) <> 2 ORDER BY c.id DESC");

/* A key and what is needed to build its chain. */
struct key_row {
    struct ca_key *key;
    int64_t cert_row, issuer_row; /* ids in ca_certificate */
};

static struct signer *
signer_of(struct scope *s, struct ca_office *office, const struct ca_key *key, const char *uri)
{
    struct open_signer *have = office->signers;

    while (have && have->ca_key != key->id)
        have = have->next;
    if (!have) {
        struct signer *signer;

        if (signer_open_known(s, &office->env, uri, key->cert->key.spki, &signer) != OK) {
            log_failure(s, LOG_ERROR, "the key of an authority cannot be opened");
            return NULL;
        }
        have = mem_alloc(sizeof(*have));
        *have = (struct open_signer){ office->signers, key->id, signer };
        office->signers = have;
    }
    return have->signer;
}

/* A key whose certificate allows it answers by itself, when that is wanted. */
static bool
answers_itself(const struct ca_office *office, const struct ca_key *key)
{
    return office->o.ocsp_itself && key->signer && key->cert->exts.key_usage & KU_DIGITAL_SIGNATURE;
}

static enum err
itself(struct scope *own, struct ca_key *key)
{
    struct ca_responder *r = arena_new_of(own->arena, struct ca_responder);

    r->itself = key;
    r->sig_alg = key->sig_alg;
    r->not_before = key->cert->not_before;
    r->not_after = key->cert->not_after;
    hash_sha256(key->cert_der, r->mark);
    memcpy(r->key_id, key->ocsp.key[OCSP_SHA1], sizeof(r->key_id));
    key->responder = r;
    return OK;
}

static enum err
read_responder(struct scope *s, struct ca_office *office, struct scope *own, struct ca_key *key)
{
    struct ca_responder *r;
    struct keyring_key signer;
    struct ocsp_issuer ids;
    struct cert cert;
    struct row row;
    enum err e;

    if (answers_itself(office, key))
        return itself(own, key);
    e = db_one(s, office->o.db, &read_responders, BIND(v_int(key->id), v_when(clock_now())), &row);
    if (e == E_NOT_FOUND)
        return OK; /* ocsp_rotate() makes one */
    TRY(e);
    TRY(keyring_signer(own, office->o.db, office->o.seal,
                       arena_printf(own->arena, "ocsp:%lld", (long long)key->id),
                       (struct key_spec){ .type = KEY_EC, .bits = 256 }, &signer));
    r = arena_new_of(own->arena, struct ca_responder);
    r->key = signer.key;
    r->sig_alg = sig_alg_for(key_spec_of(signer.key).type, key_spec_of(signer.key).bits);
    (void)row_int(&row);
    r->not_before = row_when(&row);
    r->not_after = row_when(&row);
    r->cert_der = bytes_copy(own->arena, row_bytes(&row));
    hash_sha256(r->cert_der, r->mark);
    TRY(cert_read(own, r->cert_der, &cert));
    if (!bytes_eq(cert.key.spki, signer.spki))
        return OK; /* of an older key: a new one is due */
    TRY(ocsp_issuer_init(own, cert.subject.der, cert.key.spki, &ids));
    memcpy(r->key_id, ids.key[OCSP_SHA1], sizeof(r->key_id));
    key->responder = r;
    return OK;
}

static enum err
read_certificate(struct scope *own, struct ca_key *key)
{
    struct cert *cert = arena_new_of(own->arena, struct cert);
    uint8_t *hash = arena_alloc(own->arena, SHA256_LEN);
    EVP_PKEY *public;

    TRY(cert_read(own, key->cert_der, cert));
    hash_sha256(cert->subject.der, hash);
    key->cert = cert;
    key->subject_hash = (struct bytes){ hash, SHA256_LEN };
    key->ski = cert->exts.ski;
    TRY(pubkey_import(own, &cert->key, &public));
    key->verifier = arena_own(own->arena, verifier_new(public), verifier_unref);
    TRY(lint_issuer_read(own, own->arena, key->cert_der, &key->lint));
    return ocsp_issuer_init(own, cert->subject.der, cert->key.spki, &key->ocsp);
}

void
ca_key_addresses(struct arena *a, const struct ca_office *office, const char *slug,
                 struct ca_key *key)
{
    const char *base = office->o.base_url;

    key->crl_file = arena_printf(a, "%s-%lld.crl", slug, (long long)key->generation);
    key->delta_file = arena_printf(a, "%s-%lld-delta.crl", slug, (long long)key->generation);
    key->ca_file = arena_printf(a, "%s-%lld.cer", slug, (long long)key->generation);
    key->crl_url = arena_printf(a, "%s/crl/%s", base, key->crl_file);
    key->delta_url = arena_printf(a, "%s/crl/%s", base, key->delta_file);
    key->ca_url = arena_printf(a, "%s/ca/%s", base, key->ca_file);
    key->ocsp_url = arena_printf(a, "%s/ocsp/%s", base, slug);
}

/* Is it the one that the first run makes below the root? */
static bool
is_first_issuing(const struct ca_snapshot *all, const struct ca_authority *ca)
{
    LIST_EACH(struct ca_authority *, one, &all->authorities)
    if ((*one)->parent)
        return *one == ca;
    return false;
}

/* What the settings say instead. A list has one address, so that of a later key has its own. */
static void
take_said_addresses(const struct ca_office *office, struct ca_key *key)
{
    if (!text_empty(office->o.crl_url) && key->generation == 1)
        key->crl_url = office->o.crl_url;
    if (!text_empty(office->o.ocsp_url))
        key->ocsp_url = office->o.ocsp_url;
    key->https_addresses =
        text_starts(key->crl_url, "https://") || text_starts(key->ocsp_url, "https://");
}

static enum err
read_key(struct scope *s, struct ca_office *office, struct scope *own, struct ca_snapshot *into,
         struct row *row, struct key_row *out)
{
    struct ca_key *key = arena_new_of(own->arena, struct ca_key);
    struct ca_authority *ca = NULL;
    const char *uri;
    int64_t state;
    bool revoked;
    enum err e;

    key->id = row_int(row);
    key->authority = row_int(row);
    key->generation = row_int(row);
    state = row_int(row);
    key->revoked_at = row_when(row);
    revoked = when_given(key->revoked_at);
    key->active = state == KEY_ACTIVE && !revoked; /* revoked: only CRL and OCSP */
    key->over = state == KEY_OVER;
    uri = row_text(row);
    key->cert_der = bytes_copy(own->arena, row_bytes(row));
    key->cert_id = row_int(row);
    out->issuer_row = row_int(row);
    out->cert_row = key->cert_row = row_int(row);
    key->crl_scope = row_int(row);
    key->log = office->log;
    out->key = key;
    LIST_EACH(struct ca_authority *, a, &into->authorities)
    if ((*a)->id == key->authority)
        ca = *a;
    if (!ca)
        return fail(s, E_INTERNAL, "key %lld belongs to no authority", (long long)key->id);
    e = read_certificate(own, key);
    if (e != OK) /* its text goes with the snapshot */
        return fail_code(s, e, own->error.code, "the certificate of %s: %s", ca->name,
                         own->error.text ? own->error.text : err_name(e));
    ca_key_addresses(own->arena, office, ca->slug, key);
    if (is_first_issuing(into, ca))
        take_said_addresses(office, key);
    if (!key->over)
        key->signer = signer_of(s, office, key, uri);
    if (key->active && !ca->key && (!key->signer || text_eq(signer_backend(key->signer), "file")))
        ca_key_tell(ca, key->signer != NULL); /* of others ca_keys_watch() asks */
    if (key->signer)
        key->sig_alg = signer_preferred(key->signer);
    e = read_responder(s, office, own, key);
    if (e == E_UNAVAILABLE || e == E_TIMEOUT || e == E_LIMIT)
        return s->error.kind == e /* the database: what is in force stays */
                   ? e
                   : fail_code(s, e, own->error.code, "%s",
                               own->error.text ? own->error.text : err_name(e));
    if (e != OK) {
        key->responder = NULL;
        log_failure(s->error.kind != OK ? s : own, LOG_ERROR, "an OCSP responder cannot be used");
        scope_clear(s);
        scope_clear(own);
    }
    list_add(own->arena, &ca->keys, struct ca_key *, key);
    list_add(own->arena, &into->keys, struct ca_key *, key);
    if (!ca->key && key->active && key->signer)
        ca->key = key;
    if (!ca->key && !ca->revoked && state == KEY_ACTIVE && revoked) {
        ca->revoked = key;
        ca_key_tell(ca, false);
    }
    return OK;
}

/* A link, and between which keys. */
struct link_row {
    int64_t of, by; /* ids in ca_key */
    struct ca_link link;
};

static enum err
read_link_rows(struct scope *s, struct ca_office *office, struct arena *a, struct list *out)
{
    struct rows rows;

    TRY(db_all(s, office->o.db, &read_links, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct link_row *l = list_push(s->arena, out, struct link_row);
        struct row *row = &rows.at[i];

        l->of = row_int(row);
        l->by = row_int(row);
        l->link.not_before = row_when(row);
        l->link.not_after = row_when(row);
        l->link.der = bytes_copy(a, row_bytes(row));
    }
    return OK;
}

/* From the root ROOT to the one before it, and on; a link goes to an older generation only. */
static void
add_links(struct arena *a, const struct list *links, const struct ca_key *root, struct list *out)
{
    const struct link_row *next;

    for (int64_t at = root->id; at; at = next ? next->by : 0) {
        next = NULL;
        LIST_EACH(struct link_row, l, links)
        if (!next && l->of == at)
            next = l;
        if (next)
            list_add(a, out, struct ca_link, next->link);
    }
}

/* Each key's chain: its certificate, then issuers as far as we have them; behind a root, what links
 * it with former ones. */
static void
link_chains(struct arena *a, struct list *rows, const struct list *links)
{
    LIST_EACH(struct key_row, start, rows)
    {
        const struct key_row *at = start;

        for (int depth = 0; at && depth < 16; depth++) {
            const struct key_row *issuer = NULL;

            if (!at->issuer_row && at->key->cert->self_issued)
                add_links(a, links, at->key, &start->key->links);
            list_add(a, &start->key->chain, struct bytes, at->key->cert_der);
            if (!depth || when_cmp(at->key->cert->not_after, start->key->chain_ends) < 0)
                start->key->chain_ends = at->key->cert->not_after;
            if (depth)
                list_add(a, &start->key->above, const struct lint_issuer *, at->key->lint);
            LIST_EACH(struct key_row, other, rows)
            if (at->issuer_row && other->cert_row == at->issuer_row)
                issuer = other;
            at = issuer;
        }
    }
}

/* The parts of the keys' lists. Certificates name them from when all of them are published. */
static enum err
read_parts(struct scope *s, struct ca_office *office, struct arena *a, struct ca_snapshot *into)
{
    struct rows rows;

    TRY(db_all(s, office->o.db, &read_shards, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct row *row = &rows.at[i];
        int64_t ca_key = row_int(row);
        struct ca_shard shard = { .number = row_int(row), .scope = row_int(row) };

        shard.url = arena_text(a, row_text(row));
        shard.file = arena_text(a, row_text(row));
        shard.delta_file = arena_printf(a, "%.*s-delta.crl",
                                        (int)(strlen(shard.file) - strlen(".crl")), shard.file);
        shard.published = row_bool(row);
        LIST_EACH(struct ca_key *, k, &into->keys)
        if ((*k)->id == ca_key)
            list_add(a, &(*k)->shards, struct ca_shard, shard);
    }
    LIST_EACH(struct ca_authority *, ca, &into->authorities)
    LIST_EACH(struct ca_key *, k, &(*ca)->keys)
    {
        int64_t ready = 0;

        (*k)->presign = (*ca)->ocsp_presign;

        LIST_EACH(struct ca_shard, shard, &(*k)->shards)
        ready += shard->published && shard->number <= (*ca)->crl_shards;
        (*k)->shards_open = ready == (*ca)->crl_shards ? ready : 0;
    }
    return OK;
}

enum err
snapshot_read(struct scope *s, void *arg, struct scope *own, void *out)
{
    struct ca_office *office = arg;
    struct ca_snapshot *into = out;
    struct arena *a = own->arena;
    struct rows rows;
    struct list keys = { 0 }, links = { 0 };

    TRY(db_all(s, office->o.db, &read_authorities, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct ca_authority *ca = arena_new_of(a, struct ca_authority);
        struct row *row = &rows.at[i];

        ca->id = row_int(row);
        ca->name = arena_text(a, row_text(row));
        ca->slug = arena_text(a, row_text(row));
        ca->host = arena_text(a, row_text(row));
        ca->driver = arena_text(a, row_text(row));
        ca->parent = row_int(row);
        ca->enabled = row_bool(row);
        ca->offers_enrollment = row_bool(row);
        ca->state = row_int(row);
        ca->version = row_int(row);
        ca->created_at = row_when(row);
        ca->crl_shards = row_int(row);
        ca->crl_delta_ms = row_int(row);
        ca->ocsp_presign = row_bool(row);
        list_add(a, &into->authorities, struct ca_authority *, ca);
    }
    TRY(db_all(s, office->o.db, &read_keys, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct key_row row;

        TRY(read_key(s, office, own, into, &rows.at[i], &row));
        list_add(a, &keys, struct key_row, row);
    }
    TRY(read_link_rows(s, office, a, &links));
    link_chains(a, &keys, &links);
    return read_parts(s, office, a, into);
}

/* Certificates of others, brought in with or without their keys. */
#include "flow/recover.h"

#include "catalog/catalog.h"
#include "catalog/metadata.h"
#include "flow/keys.h"

SQL(mark_key, "UPDATE certificate SET has_private_key = 1 WHERE id = $1");

struct importing {
    const struct import *in;
    struct imported *out;
    struct sealed_key key; /* .id 0: none to be stored */
    int64_t waiting;       /* the key that is here already; 0: none */
    bool proved;           /* the key came with it */
    struct ca_origin ours;
    struct list metadata; /* of struct metadata_value */
};

static enum err
import_in(struct scope *s, struct tx *tx, void *arg)
{
    static const struct key_term for_ever = { .keep = true,
                                              .exportable = true,
                                              .delete_at = { INT64_MIN } };
    struct importing *i = arg;
    struct cert_origin origin = {
        .protocol = "import",
        .requester = i->in->caller->name,
        .imported_at = clock_now(),
        .state = i->out->cert->exts.is_ca ? CERT_CA : CERT_ACTIVE,
        .ca_key = i->ours.ca_key,
        .authority = i->ours.authority,
        .crl_shard = i->ours.crl_shard,
    };
    struct list told = { 0 };
    bool waits = false;

    if (i->key.id)
        TRY(key_insert(s, tx, &i->key, &for_ever));
    else if (i->waiting && !i->out->was_here)
        TRY(key_waits(s, tx, i->waiting, &waits));
    if (waits)
        TRY(key_marry(s, tx, i->waiting, &for_ever));
    /* It is not by naming a key that one comes to have it. */
    origin.has_private_key = i->key.id || i->proved || waits;
    if (!i->out->was_here) {
        TRY(catalog_add(s, tx, i->out->cert, &origin, &i->out->id));
        TRY(ca_adopted(s, tx, &i->ours, i->out->id));
        TRY(metadata_begin(s, tx, i->out->id, &i->metadata));
    } else if (i->key.id)
        TRY(tx_do(s, tx, &mark_key, BIND(v_int(i->out->id))));
    metadata_told(s, &i->metadata, &told);
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CERTIFICATE_IMPORT,
            .actor = &i->in->caller->actor,
            .target = { "certificate", arena_printf(s->arena, "%lld", (long long)i->out->id),
                        i->out->cert->subject.text },
            .changes = told.items,
            .change_count = told.count,
            .message = i->key.id ? "A certificate was brought in with its private key."
                       : waits   ? "The certificate of a key that waited here was brought in."
                                 : NULL,
        });
}

/* What is noted: of a certificate that was here only what is given. */
static enum err
plan_metadata(struct scope *s, struct flow *f, struct importing *i)
{
    struct metadata_wish wish = { .given = i->in->metadata,
                                  .path = "Metadata",
                                  .by = i->in->caller,
                                  .make_unknown = f->metadata_make };
    struct list fields;

    if (!i->out->was_here) {
        TRY(metadata_plan(s, f->fields, &wish, &i->metadata));
    } else {
        TRY(metadata_present(s, f->fields, &fields));
        metadata_values_of(s, &fields, i->in->metadata, "Metadata", &i->metadata);
    }
    return problems_check(s);
}

static enum err
known(struct scope *s, struct flow *f, struct imported *out)
{
    struct bytes hash = { out->cert->sha256, SHA256_LEN };
    struct cert_row row;
    enum err e = catalog_by_thumbprint(s, f->db, hash, 0, &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    out->was_here = true;
    out->id = row.id;
    return OK;
}

/* A password that does not open the file is a mistake in the request, not a missing permission. */
static enum err
open_bundle(struct scope *s, const struct import *in, struct bundle *out)
{
    enum err e = bundle_read(s, in->data, in->password, out);

    if (e != E_FORBIDDEN)
        return note(s, e, "Certificate");
    problem(s, "Password", CHY_BAD_VALUE, "%s", s->error.text);
    return problems_fail(s);
}

enum err
flow_import(struct scope *s, struct flow *f, const struct import *in, struct imported *out)
{
    struct cert *cert = arena_new_of(s->arena, struct cert);
    struct imported result = { .cert = cert };
    struct importing i = { .in = in, .out = &result };
    struct list ids = { 0 };
    struct bundle bundle;
    enum err e;

    TRY(access_require(s, in->caller, PERM_CERTIFICATES_IMPORT, GRANT_GLOBAL, 0));
    TRY(open_bundle(s, in, &bundle));
    TRY(cert_read(s, *list_at(&bundle.certs, struct bytes, 0), cert));
    TRY(known(s, f, &result));
    TRY(key_find(s, f->db, (struct bytes){ cert->key.sha256, SHA256_LEN }, &i.waiting));
    if (bundle.key) {
        TRY(access_require(s, in->caller, PERM_CERTIFICATES_IMPORT_KEY, GRANT_GLOBAL, 0));
        i.proved = true;
        if (!i.waiting)
            TRY(key_seal(s, f->seal, bundle.key, &i.key));
    }
    TRY(plan_metadata(s, f, &i));
    TRY(ca_origin_of(s, f->office, cert, &i.ours));
    e = db_write(s, f->db, import_in, &i);
    if (db_is_unique_conflict(s, e))
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                         "Certificate: there is another one of %s with the serial number %s, or "
                         "it was brought in by somebody else at this moment",
                         cert->issuer.text, cert->serial_hex);
    TRY(e);
    list_add(s->arena, &ids, int64_t, result.id);
    if (result.was_here && i.metadata.count)
        TRY(metadata_note(s, f->db, in->caller, &ids, &i.metadata));
    *out = result;
    return OK;
}

/* Many at once. */

#define GROUP 25 /* of one commit, which may hold those of several calls */

SQL(known_now, "SELECT id FROM certificate WHERE sha256 = $1 UNION ALL "
               "SELECT id FROM archived_certificate WHERE sha256 = $1 LIMIT 1");

struct group {
    struct importing *at;
    size_t count;
};

static enum err
group_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct group *g = arg;

    for (size_t n = 0; n < g->count; n++) {
        struct importing *i = &g->at[n];
        struct row row;
        enum err e =
            tx_one(s, tx, &known_now,
                   BIND(v_bytes((struct bytes){ i->out->cert->sha256, SHA256_LEN })), &row);

        i->out->was_here = e == OK;
        if (e == OK)
            i->out->id = row_int(&row);
        else if (e != E_NOT_FOUND)
            return e;
        TRY(import_in(s, tx, i));
    }
    return OK;
}

/* One that does not come with the others: its key waits here, or its serial is another's. */
static void
enter_alone(struct scope *s, struct flow *f, const struct import *in, struct imported_one *one)
{
    one->err = flow_import(s, f, in, &one->got);
    if (one->err == OK)
        return;
    one->code = s->error.code;
    one->why = s->error.text;
    scope_clear(s);
}

/* What is needed before the commit; false: it goes alone, or cannot be read. */
static bool
prepare(struct scope *s, struct flow *f, struct bytes der, struct importing *i,
        struct imported_one *one)
{
    struct cert *cert = arena_new_of(s->arena, struct cert);

    one->got.cert = cert;
    i->out = &one->got;
    one->err = cert_read(s, der, cert);
    if (one->err == OK)
        one->err = key_find(s, f->db, (struct bytes){ cert->key.sha256, SHA256_LEN }, &i->waiting);
    if (one->err == OK)
        one->err = ca_origin_of(s, f->office, cert, &i->ours);
    if (one->err == OK)
        return !i->waiting;
    one->code = s->error.code;
    one->why = s->error.text;
    scope_clear(s);
    return false;
}

static enum err
enter_group(struct scope *s, struct flow *f, struct group *g)
{
    enum err e = g->count ? db_write_many(s, f->db, group_in, g) : OK;

    if (!db_is_unique_conflict(s, e))
        return e;
    scope_clear(s);
    for (size_t n = 0; n < g->count; n++) { /* one of them stands in the others' way */
        struct import alone = *g->at[n].in;

        alone.data = g->at[n].out->cert->der;
        enter_alone(s, f, &alone, (struct imported_one *)g->at[n].out);
    }
    return OK;
}

enum err
flow_import_many(struct scope *s, struct flow *f, const struct caller *caller,
                 const struct list *ders, struct list *out)
{
    static const struct pairs none;
    const struct import in = { .caller = caller, .metadata = &none };
    struct importing pattern = { .in = &in, .out = &(struct imported){ 0 } };
    struct importing *all = arena_alloc(s->arena, GROUP * sizeof(*all));
    struct group g = { all, 0 };
    struct imported_one *ones = arena_alloc(s->arena, MAX(ders->count, (size_t)1) * sizeof(*ones));

    TRY(access_require(s, caller, PERM_CERTIFICATES_IMPORT, GRANT_GLOBAL, 0));
    TRY(plan_metadata(s, f, &pattern));
    for (size_t n = 0; n < ders->count; n++) {
        struct bytes der = *list_at(ders, struct bytes, n);
        struct import alone = in;

        ones[n] = (struct imported_one){ .err = OK };
        all[g.count] = pattern;
        alone.data = der;
        if (prepare(s, f, der, &all[g.count], &ones[n]))
            g.count++;
        else if (ones[n].err == OK)
            enter_alone(s, f, &alone, &ones[n]);
        if (g.count == GROUP || n + 1 == ders->count) {
            TRY(enter_group(s, f, &g));
            g.count = 0;
        }
    }
    for (size_t n = 0; n < ders->count; n++)
        list_add(s->arena, out, struct imported_one, ones[n]);
    return OK;
}

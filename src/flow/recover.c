#include "flow/recover.h"

#include "base/log.h"
#include "base/metric.h"
#include "flow/holds.h"
#include "flow/keys.h"
#include "flow/recovery.h"
#include "flow/requests.h"
#include "seal/seal.h"
#include <string.h>

COUNTER(recovered_total, "chancery_private_keys_recovered_total",
        "Private keys that were handed out again.");

#define COLUMN "private_key.sealed"
#define MANY 1000

/* Names of files. */

const char *
cert_title(const struct cert *cert)
{
    const char *cn = name_get(&cert->subject, "CN");

    if (!text_empty(cn))
        return cn;
    return cert->exts.san.count ? list_at(&cert->exts.san, struct general_name, 0)->text
                                : "certificate";
}

const char *
bundle_file_name(struct scope *s, const struct cert *cert, enum bundle_form form)
{
    char *name = arena_text(s->arena, cert_title(cert));

    for (char *at = name; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f || strchr("/\\:*?\"<>|", *at))
            *at = '_';
    if (*name == '-' || *name == '.') /* a command's flag, or hidden */
        *name = '_';
    return arena_printf(s->arena, "%.100s.%s", name, bundle_ending(form));
}

/* Recovery. */

SQL(kept, "SELECT id, sealed, exportable, once, guarded FROM private_key WHERE purpose = "
          "'certificate' AND "
          "key_hash = $1");
SQL(templates_of_key,
    "SELECT template FROM certificate WHERE key_hash = $1 AND template IS NOT NULL "
    "UNION SELECT template FROM archived_certificate WHERE key_hash = $1 AND "
    "has_private_key = 1 AND template IS NOT NULL");
SQL(collect_once, "UPDATE request SET collected_at = $2, version = version + 1 WHERE id = $1 AND "
                  "collected_at IS NULL RETURNING id");
SQL(still_kept, "SELECT id FROM private_key WHERE id = $1 AND purpose = 'certificate'@lock");

struct handing {
    const struct recover *in;
    const struct cert_row *row;
    struct kept_key key;
    int64_t request;                 /* that is collected; 0: none, the key is recovered */
    const struct recovery *approved; /* by a second person; NULL: none is needed */
};

static enum err
collected_before(struct scope *s, int64_t request)
{
    return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                     "the certificate and key of request %lld were collected before",
                     (long long)request);
}

/* Of several who collect, one does. */
static enum err
note_collected(struct scope *s, struct tx *tx, const struct handing *h)
{
    struct row row;
    enum err e;

    if (!h->request)
        return OK;
    e = tx_one(s, tx, &collect_once, BIND(v_int(h->request), v_when(clock_now())), &row);
    return e == E_NOT_FOUND ? collected_before(s, h->request) : e;
}

static const char *
told_of(const struct handing *h)
{
    if (h->request)
        return h->key.once
                   ? "The private key was handed out to whoever asked for the certificate, and "
                     "is not kept any longer."
                   : "The private key was handed out to whoever asked for the certificate.";
    return h->key.once ? "The private key was handed out, and is not kept any longer." : NULL;
}

static enum err
no_key(struct scope *s, int64_t certificate)
{
    return fail_code(s, E_INVALID, CHY_NO_KEY,
                     "the private key of certificate %lld is not kept here",
                     (long long)certificate);
}

SQL(spend_key, "UPDATE private_key SET exportable = 0, delete_at = $2 WHERE id = $1");

static enum err
record_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct handing *h = arg;
    struct audit_change facts[] = {
        { "serial", NULL, serial_hex(s->arena, h->row->serial), AUDIT_IS_TEXT },
        { "form", NULL, bundle_form_name(h->in->form), AUDIT_IS_TEXT },
        { "recovery", NULL, NULL, AUDIT_IS_TEXT },
        { "approved_by", NULL, NULL, AUDIT_IS_TEXT },
    };
    size_t fact_count = h->approved ? COUNT(facts) : COUNT(facts) - 2;
    struct row row;
    int64_t hold;
    enum err e;

    TRY(note_collected(s, tx, h));
    if (h->approved) {
        TRY(recovery_spend(s, tx, h->approved));
        facts[2].after = arena_printf(s->arena, "%lld", (long long)h->approved->id);
        facts[3].after = h->approved->decider_name;
    }
    e = tx_one(s, tx, &still_kept, BIND(v_int(h->key.id)), &row);
    if (e == E_NOT_FOUND)
        return no_key(s, h->row->id);
    TRY(e);
    if (h->key.once) {
        TRY(hold_on_key(s, tx, h->row->key_hash, &hold));
        if (hold) /* it leaves no more, and goes once the hold is lifted */
            TRY(tx_do(s, tx, &spend_key, BIND(v_int(h->key.id), v_when(clock_now()))));
        else
            TRY(key_erase(s, tx, h->key.id));
    }
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CERTIFICATE_KEY_RECOVER,
            .actor = &h->in->caller->actor,
            .target = { "certificate", arena_printf(s->arena, "%lld", (long long)h->row->id),
                        h->row->dn },
            .changes = facts,
            .change_count = fact_count,
            .message = told_of(h),
        });
}

/* The templates of all that was certified with the key may have changed their minds since: the
 * strictest word counts, of then or of now. */
static enum err
find_strictest(struct scope *s, struct flow *f, const struct cert_row *row, struct kept_key *key)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(f->shelf);
    struct rows rows;

    TRY(db_all(s, f->db, &templates_of_key, BIND(v_bytes(row->key_hash)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        const struct template *t = template_by_id(all, row_int(&rows.at[i]));

        key->exportable = key->exportable && (!t || t->body->key_exportable);
        key->guarded = key->guarded || (t && t->body->recovery_approval);
    }
    return OK;
}

/* What is kept of the key. */
static enum err
find_kept(struct scope *s, struct flow *f, const struct cert_row *row, struct kept_key *out)
{
    struct row found;
    enum err e;

    if (!row->has_private_key) /* a certificate that names another's key does not have it */
        return no_key(s, row->id);
    e = db_one(s, f->db, &kept, BIND(v_bytes(row->key_hash)), &found);
    if (e == E_NOT_FOUND)
        return no_key(s, row->id);
    TRY(e);
    out->id = row_int(&found);
    out->sealed = row_bytes(&found);
    out->exportable = row_bool(&found);
    out->once = row_bool(&found);
    out->guarded = row_bool(&found) || f->recovery.approval;
    return find_strictest(s, f, row, out);
}

static enum err
open_key(struct scope *s, struct flow *f, const struct handing *h, EVP_PKEY **out)
{
    AUTO(secret_free) struct secret *pkcs8 = NULL;

    TRY(note(s, seal_open(s, f->seal, COLUMN, h->key.id, h->key.sealed, &pkcs8),
             "opening a private key"));
    return key_from_pkcs8(s, secret_bytes(pkcs8), out);
}

/* Certificate and key, in the container that is wanted; the record of it is on disk. */
static enum err
hand_out(struct scope *s, struct flow *f, struct handing *h, struct recovered *out)
{
    const struct recover *in = h->in;
    const struct cert_row *row = h->row;
    struct bundle bundle = { .root_first = in->root_first };
    struct recovered result = { 0 };
    struct list chain = { 0 };
    struct cert cert;

    TRY(open_key(s, f, h, &bundle.key));
    TRY(cert_read(s, row->der, &cert));
    bundle.name = cert_title(&cert);
    list_add(s->arena, &bundle.certs, struct bytes, row->der);
    if (in->include_chain)
        TRY(flow_chain(s, f, row->ca_key, &chain));
    LIST_EACH(struct bytes, der, &chain)
    if (!bytes_eq(*der, row->der))
        list_add(s->arena, &bundle.certs, struct bytes, *der);
    TRY(bundle_write(s, &bundle, in->form, in->password, &result.file));
    result.file_name = bundle_file_name(s, &cert, in->form);
    TRY(note(s, db_write(s, f->db, record_in, h), "recording the recovery"));
    metric_add(&recovered_total, 1);
    log_info(s, "the private key of certificate %lld was handed out", (long long)row->id);
    *out = result;
    return OK;
}

enum err
recover_find(struct scope *s, struct flow *f, const struct recover *in, struct cert_row *row,
             struct kept_key *key)
{
    struct sight sight = { in->caller, PERM_CERTIFICATES_RECOVER, in->within };

    TRY(certificate_for(s, f, &sight, in->certificate, row));
    TRY(find_kept(s, f, row, key));
    if (!key->exportable)
        return fail_code(s, E_FORBIDDEN, CHY_KEY_NOT_EXPORTABLE,
                         "the template of certificate %lld does not allow its private key to be "
                         "handed out",
                         (long long)row->id);
    return OK;
}

enum err
flow_recover(struct scope *s, struct flow *f, const struct recover *in, struct recovered *out)
{
    struct recovery approved;
    struct cert_row row;
    struct handing h = { .in = in, .row = &row };

    TRY(recover_find(s, f, in, &row, &h.key));
    if (h.key.guarded) {
        TRY(recovery_gate(s, f, in, &row, &h.key, &approved));
        h.approved = &approved;
    }
    return hand_out(s, f, &h, out);
}

enum err
flow_recover_approved(struct scope *s, struct flow *f, const struct recover *in, int64_t recovery,
                      struct recovered *out)
{
    struct recover how = { .caller = in->caller, .password = in->password };
    struct recovery approved;
    struct collection within;
    struct cert_row row;
    struct handing h = { .in = &how, .row = &row, .approved = &approved };

    TRY(recovery_approved(s, f, in->caller, recovery, &approved));
    how.certificate = approved.certificate;
    how.form = approved.form;
    how.include_chain = approved.include_chain;
    how.root_first = approved.root_first;
    if (approved.collection) {
        TRY(collection_get(s, f->db, approved.collection, &within));
        how.within = &within;
    }
    TRY(recover_find(s, f, &how, &row, &h.key));
    if (h.key.id != approved.private_key) /* the one that was meant is gone */
        return no_key(s, row.id);
    return hand_out(s, f, &h, out);
}

/** What was asked for by a request that made no key and waited: it went out with the answer. */
static enum err
nothing_to_collect(struct scope *s, struct flow *f, const struct cert_request *r)
{
    struct kept_key key;
    struct cert_row row;
    enum err e;

    TRY(catalog_get(s, f->db, r->certificate, WITH_DER, &row));
    e = find_kept(s, f, &row, &key);
    if (e == OK)
        return fail_code(s, E_INVALID, CHY_NO_KEY,
                         "no key waits with request %lld: that of certificate %lld is kept, and is "
                         "recovered",
                         (long long)r->id, (long long)r->certificate);
    if (e != E_INVALID && e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return fail_code(s, E_INVALID, CHY_NO_KEY,
                     "no key waits with request %lld: it is where the request was made, or was "
                     "handed out with the answer; download certificate %lld",
                     (long long)r->id, (long long)r->certificate);
}

enum err
flow_collect(struct scope *s, struct flow *f, const struct recover *in, int64_t request,
             struct recovered *out)
{
    struct cert_request r;
    struct cert_row row;
    struct handing h = { .in = in, .row = &row, .request = request };

    TRY(request_read(s, f->db, request, &r));
    if (!request_is_theirs(&r, in->caller))
        return request_not_found(s, request);
    TRY(access_require(s, in->caller, PERM_ENROLLMENT_PFX, GRANT_TEMPLATE, r.template_id));
    if (r.state != REQUEST_ISSUED)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "request %lld is %s: %s",
                         (long long)request, request_state_name(r.state),
                         r.message ? r.message : "there is nothing to collect");
    if (!r.made_key)
        return nothing_to_collect(s, f, &r);
    if (when_given(r.collected_at))
        return collected_before(s, request);
    TRY(catalog_get(s, f->db, r.certificate, WITH_DER, &row));
    TRY(find_kept(s, f, &row, &h.key));
    return hand_out(s, f, &h, out);
}

/* Destruction. */

struct destroying {
    const struct caller *caller;
    struct list rows; /* of struct cert_row */
    struct list keys; /* of int64_t, as many */
};

static enum err
destroy_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct destroying *d = arg;

    for (size_t i = 0; i < d->rows.count; i++) {
        const struct cert_row *row = list_at(&d->rows, struct cert_row, i);
        int64_t hold;
        enum err e;

        TRY(hold_on_key(s, tx, row->key_hash, &hold));
        if (hold)
            return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                             "the private key of certificate %lld is under legal hold %lld; none "
                             "was deleted",
                             (long long)row->id, (long long)hold);
        e = key_erase(s, tx, *list_at(&d->keys, int64_t, i));
        if (e == E_NOT_FOUND)
            continue; /* two certificates of one key, or somebody else was faster */
        TRY(e);
        TRY(audit_add(s, tx,
                      &(struct audit_event){
                          .action = AUDIT_CERTIFICATE_KEY_DELETE,
                          .actor = &d->caller->actor,
                          .target = { "certificate",
                                      arena_printf(s->arena, "%lld", (long long)row->id), row->dn },
                      }));
    }
    return OK;
}

enum err
flow_keys_delete(struct scope *s, struct flow *f, const struct sight *sight, const struct list *ids,
                 struct list *failed)
{
    struct destroying d = { .caller = sight->caller };

    if (ids->count > MANY)
        return fail(s, E_LIMIT, "at most %d keys at once", MANY);
    LIST_EACH(int64_t, id, ids)
    {
        struct cert_row *row = list_push(s->arena, &d.rows, struct cert_row);
        int64_t *key = list_push(s->arena, &d.keys, int64_t);
        enum err e = certificate_for(s, f, sight, *id, row);

        *key = 0;
        if (e != OK && e != E_NOT_FOUND)
            return e;
        if (e == OK && row->has_private_key)
            TRY(key_find(s, f->db, row->key_hash, key));
        if (e != OK || !*key)
            list_add(s->arena, failed, int64_t, *id);
    }
    if (failed->count)
        return fail_code(s, E_NOT_FOUND, CHY_NO_KEY,
                         "private key of certificate %lld not found; none was deleted",
                         (long long)*list_at(failed, int64_t, 0));
    return db_write(s, f->db, destroy_in, &d);
}

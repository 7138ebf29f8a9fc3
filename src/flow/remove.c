#include "flow/remove.h"

#include "base/log.h"
#include "base/metric.h"
#include "catalog/archive.h"
#include "flow/holds.h"
#include "flow/keys.h"

COUNTER(removed_total, "chancery_removed_certificates_total",
        "Certificates that somebody removed from the register.");

SQL(stands, "SELECT c.not_after, c.ca_key, c.revoked_at, c.crl_done, (SELECT COUNT(*) FROM "
            "ca_certificate a WHERE a.certificate = c.id) + (SELECT COUNT(*) FROM ocsp_responder o "
            "WHERE o.certificate = c.id) FROM certificate c WHERE c.id = $1 @lock");
SQL(lone_key,
    "SELECT k.id FROM private_key k WHERE k.purpose = 'certificate' AND k.key_hash = $1 AND NOT "
    "EXISTS (SELECT 1 FROM certificate c WHERE c.key_hash = $1 AND c.has_private_key = 1) AND NOT "
    "EXISTS (SELECT 1 FROM archived_certificate c WHERE c.key_hash = $1 AND c.has_private_key = 1) "
    "AND NOT EXISTS (SELECT 1 FROM pending_csr p WHERE p.private_key = k.id)");

/** A removal on its way. */
struct removing {
    const struct caller *by;
    const struct list *ids;
    struct list rows;    /* of struct cert_row */
    struct list *failed; /* of struct not_removed */
};

static const char *
because(struct scope *s, struct row *row)
{
    struct when until = row_when(row);
    bool ours = row_int(row) != 0, revoked = when_given(row_when(row)), listed = row_bool(row);

    if (row_int(row) > 0)
        return "It is an authority's own.";
    if (ours && when_cmp(until, clock_now()) >= 0)
        return arena_printf(s->arena,
                            "It is one of ours and valid until %s: OCSP and CRLs answer for it. "
                            "Revoke it instead.",
                            when_rfc3339(s->arena, until));
    if (ours && revoked && !listed)
        return "A CRL is still to name it once more.";
    return NULL;
}

/* One that is in the archive has no row here: nothing asks for it any more. */
static enum err
judge(struct scope *s, struct tx *tx, struct removing *r)
{
    LIST_EACH(struct cert_row, one, &r->rows)
    {
        const int64_t *id = &one->id;
        struct row row;
        enum err e = tx_one(s, tx, &stands, BIND(v_int(*id)), &row);
        const char *why = e == OK ? because(s, &row) : NULL;
        int64_t hold;

        if (e != OK && e != E_NOT_FOUND)
            return e;
        scope_clear(s);
        TRY(hold_on_certificate(s, tx, one, &hold));
        if (hold)
            why = arena_printf(s->arena, "It is under legal hold %lld.", (long long)hold);
        if (why)
            list_add(s->arena, r->failed, struct not_removed, ((struct not_removed){ *id, why }));
    }
    return OK;
}

static enum err
erase_key(struct scope *s, struct tx *tx, const struct cert_row *row, bool *erased)
{
    struct row key;
    enum err e = row->has_private_key ? tx_one(s, tx, &lone_key, BIND(v_bytes(row->key_hash)), &key)
                                      : E_NOT_FOUND;

    *erased = e == OK;
    if (e == OK)
        return key_erase(s, tx, row_int(&key));
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

static enum err
tell(struct scope *s, struct tx *tx, const struct removing *r, const struct cert_row *row,
     bool with_key)
{
    const struct audit_change facts[] = {
        { "serial_number", hex_upper(s->arena, row->serial), NULL, AUDIT_IS_TEXT },
        { "thumbprint", hex_lower(s->arena, row->sha256), NULL, AUDIT_IS_TEXT },
    };

    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CERTIFICATE_DELETE,
            .actor = &r->by->actor,
            .target = { "certificate", arena_printf(s->arena, "%lld", (long long)row->id),
                        row->dn },
            .changes = facts,
            .change_count = COUNT(facts),
            .message = with_key ? "A certificate was removed from the register, with its private "
                                  "key."
                                : NULL,
        });
}

static enum err
remove_in(struct scope *s, struct tx *tx, void *arg)
{
    struct removing *r = arg;

    *r->failed = (struct list){ 0 }; /* it may run again */
    TRY(judge(s, tx, r));
    if (r->failed->count)
        return OK; /* nothing was written */
    TRY(certificates_drop(s, tx, r->ids));
    LIST_EACH(struct cert_row, row, &r->rows)
    {
        bool with_key;

        TRY(erase_key(s, tx, row, &with_key));
        TRY(tell(s, tx, r, row, with_key));
    }
    return OK;
}

static enum err
look(struct scope *s, struct flow *f, const struct sight *sight, struct removing *r)
{
    LIST_EACH(int64_t, id, r->ids)
    {
        struct cert_row row;
        enum err e = certificate_for(s, f, sight, *id, &row);

        if (e == E_NOT_FOUND) {
            scope_clear(s);
            list_add(s->arena, r->failed, struct not_removed,
                     ((struct not_removed){ *id, "There is no such certificate." }));
            continue;
        }
        TRY(e);
        list_add(s->arena, &r->rows, struct cert_row, row);
    }
    return OK;
}

enum err
flow_remove(struct scope *s, struct flow *f, const struct sight *sight, const struct list *ids,
            struct list *failed)
{
    struct removing r = { .by = sight->caller, .ids = ids, .failed = failed };

    if (ids->count > REMOVE_MAX)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "at most %d certificates at once", REMOVE_MAX);
    TRY(look(s, f, sight, &r));
    if (failed->count)
        return fail_code(s, E_NOT_FOUND, CHY_NO_CERT,
                         "certificate %lld not found; none was removed",
                         (long long)list_at(failed, struct not_removed, 0)->id);
    TRY(note(s, db_write(s, f->db, remove_in, &r), "removing certificates"));
    if (failed->count)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         "certificate %lld cannot be removed, and none was: %s",
                         (long long)list_at(failed, struct not_removed, 0)->id,
                         list_at(failed, struct not_removed, 0)->why);
    metric_add(&removed_total, (double)ids->count);
    log_info(s, "%zu certificates were removed from the register", ids->count);
    return OK;
}

#include "flow/reconcile.h"

#include "access/principals.h"
#include "audit/audit.h"
#include "base/log.h"
#include "base/map.h"
#include "ca/lists.h"
#include "catalog/catalog.h"
#include "jobs/jobs.h"

SQL(by_serial, "SELECT id, state, COALESCE(revocation_reason, -1) FROM certificate "
               "WHERE serial = $1 AND issuer_hash = $2");
SQL(has_template, "SELECT COUNT(*) FROM template_version WHERE id = $1 AND template = $2");
SQL(burn_serial,
    "INSERT INTO signing_journal (issuer_hash, serial, tbs_hash, ca_key, created_at, burnt_at, "
    "crl_shard) VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT (issuer_hash, serial) DO NOTHING");

/* What the log says of a certificate beside the certificate itself. */
struct about {
    int64_t id, template_id, template_version;
    const char *requester, *protocol;
};

struct reconciling {
    struct flow *flow;
    const struct ca_snapshot *snap;
    struct when since;
    struct arena *arena;
    struct map *about;   /* "issuer:serial" to struct about */
    struct map *dropped; /* the same to anything */
    struct reconciled *out;
};

static const char *
place_of(struct arena *a, const struct signed_record *r)
{
    return arena_printf(a, "%s:%s", r->issuer ? r->issuer : "", r->serial ? r->serial : "");
}

/* First: what is said about them, and which numbers were given. */

static void
take_number(struct reconciling *in, const struct signed_record *r)
{
    LIST_EACH(struct reconciled_crl, have, &in->out->crl)
    if (text_eq(have->key, r->key)) {
        have->number = MAX(have->number, r->number);
        return;
    }
    list_add(in->arena, &in->out->crl, struct reconciled_crl,
             ((struct reconciled_crl){ arena_text(in->arena, r->key), r->number }));
}

static enum err
take_about(struct scope *s UNUSED, void *arg, const struct signed_record *r)
{
    struct reconciling *in = arg;
    struct about *about;

    if (text_eq(r->kind, SIGNED_CRL))
        take_number(in, r);
    if (text_eq(r->kind, SIGNED_DROPPED))
        (void)map_put(in->dropped, place_of(in->arena, r), in);
    if (!text_eq(r->kind, SIGNED_ENTERED))
        return OK;
    about = arena_new_of(in->arena, struct about);
    *about = (struct about){ .id = r->id,
                             .template_id = r->template_id,
                             .template_version = r->template_version,
                             .requester = arena_text(in->arena, r->requester),
                             .protocol = arena_text(in->arena, r->protocol) };
    (void)map_put(in->about, place_of(in->arena, r), about);
    return OK;
}

/* Second: certificates, each in a commit of its own. */

struct entering {
    const struct reconciling *in;
    const struct cert *cert;
    const struct ca_key *key;
    const struct about *about; /* NULL: nothing is known */
    struct when at;
    int64_t id;
};

static enum err
origin_of(struct scope *s, struct tx *tx, const struct entering *e, struct cert_origin *out)
{
    struct row row;
    const char *url = NULL;
    int64_t ignored;

    *out = (struct cert_origin){
        .authority = e->key->authority,
        .ca_key = e->key->id,
        .protocol = e->about ? e->about->protocol : NULL,
        .requester = e->about ? e->about->requester : NULL,
        .imported_at = e->at,
        .state = e->cert->exts.is_ca ? CERT_CA : CERT_ACTIVE,
    };
    /* a part of the list that came after the backup is there again */
    out->crl_shard = ca_shard_named(e->key, e->cert, &url);
    TRY(ca_shard_scope(s, tx, e->key, out->crl_shard, url, &ignored));
    if (!e->about || !e->about->template_id)
        return OK;
    TRY(tx_one(s, tx, &has_template,
               BIND(v_int(e->about->template_version), v_int(e->about->template_id)), &row));
    if (row_int(&row) > 0) {
        out->template_id = e->about->template_id;
        out->template_version = e->about->template_version;
    }
    return OK;
}

/* A program's own certificates, of authorities and responders, are entered without a line. */
static bool
is_given(const struct cert *c)
{
    return !c->exts.is_ca && !c->exts.ocsp_nocheck;
}

static enum err
enter_in(struct scope *s, struct tx *tx, void *arg)
{
    struct entering *e = arg;
    struct cert_origin origin;
    struct audit_change facts[] = {
        { "serial", NULL, e->cert->serial_hex, AUDIT_IS_TEXT },
        { "former_id", NULL,
          e->about ? arena_printf(s->arena, "%lld", (long long)e->about->id) : NULL,
          AUDIT_IS_TEXT },
    };

    TRY(origin_of(s, tx, e, &origin));
    TRY(catalog_add(s, tx, e->cert, &origin, &e->id));
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = AUDIT_CERTIFICATE_RESTORE,
            .target = { "certificate", arena_printf(s->arena, "%lld", (long long)e->id),
                        e->cert->subject.text },
            .changes = facts,
            .change_count = e->about ? 2 : 1,
            .message = e->about || !is_given(e->cert)
                           ? NULL
                           : "the log of signatures does not tell that it was entered: perhaps "
                             "nobody was given it",
        });
}

/* What nobody can show any more must not count as good, nor what nobody has. */
struct losing {
    struct bytes issuer, serial;
    const struct ca_key *key; /* NULL: of no authority that is here */
    struct ca_office *office;
    const char *serial_text, *why;
    bool burnt; /* it was never given */
};

static enum err
lose_in(struct scope *s, struct tx *tx, void *arg)
{
    static const uint8_t no_hash[SHA256_LEN];
    const struct losing *l = arg;

    if (l->key) {
        TRY(tx_do(s, tx, &burn_serial,
                  BIND(v_bytes(l->issuer), v_bytes(l->serial),
                       v_bytes((struct bytes){ no_hash, sizeof(no_hash) }), v_int(l->key->id),
                       v_when(clock_now()), v_int(CRL_SHARD_UNKNOWN))));
        TRY(crl_want(s, tx, l->office, l->key, 0, false));
        LIST_EACH(struct ca_shard, shard, &l->key->shards)
        TRY(crl_want(s, tx, l->office, l->key, shard->number, false));
    }
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = l->burnt ? AUDIT_CA_SERIAL_BURNT : AUDIT_CERTIFICATE_LOST,
            .outcome = l->burnt ? AUDIT_SUCCESS : AUDIT_FAILURE,
            .target = { "serial", l->serial_text, l->key ? l->key->cert->subject.text : NULL },
            .message = l->why,
        });
}

static const struct ca_key *
key_of(const struct ca_snapshot *snap, struct bytes issuer)
{
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if (bytes_eq((*k)->subject_hash, issuer))
        return *k;
    return NULL;
}

/* Once for each serial number, which TOLD receives. */
static enum err
give_up(struct scope *s, struct reconciling *in, struct losing *l, struct list *told)
{
    l->key = key_of(in->snap, l->issuer);
    l->office = in->flow->office;
    if (list_has(told, l->serial_text))
        return OK;
    list_add(in->arena, told, const char *, arena_text(in->arena, l->serial_text));
    if (!hex_decode(s->arena, l->serial_text, &l->serial))
        l->key = NULL;
    return db_write(s, in->flow->db, lose_in, l);
}

static enum err
lose(struct scope *s, struct reconciling *in, const struct signed_record *r, struct bytes issuer,
     const char *why)
{
    return give_up(s, in,
                   &(struct losing){ .issuer = issuer, .serial_text = r->serial, .why = why },
                   &in->out->lost);
}

static enum err
burn(struct scope *s, struct reconciling *in, const struct signed_record *r, struct bytes issuer)
{
    return give_up(s, in,
                   &(struct losing){ .issuer = issuer,
                                     .serial_text = r->serial,
                                     .why = "it was signed and then refused: nobody was given it",
                                     .burnt = true },
                   &in->out->burnt);
}

static enum err
find(struct scope *s, struct reconciling *in, struct bytes issuer, struct bytes serial,
     struct row *row, bool *found)
{
    enum err e = db_one(s, in->flow->db, &by_serial, BIND(v_bytes(serial), v_bytes(issuer)), row);

    *found = e == OK;
    if (e == E_NOT_FOUND)
        scope_clear(s);
    return e == E_NOT_FOUND ? OK : e;
}

static enum err
enter(struct scope *s, struct reconciling *in, const struct signed_record *r, struct bytes issuer,
      struct bytes serial)
{
    struct cert *cert = arena_new_of(s->arena, struct cert);
    struct entering e = { .in = in, .cert = cert, .at = r->at };
    bool found;
    struct row row;

    TRY(find(s, in, issuer, serial, &row, &found));
    if (found)
        return OK;
    e.about = map_get(in->about, place_of(s->arena, r));
    if (!e.about && map_get(in->dropped, place_of(s->arena, r)))
        return burn(s, in, r, issuer);
    if (cert_read(s, r->der, cert) != OK) {
        scope_clear(s);
        return lose(s, in, r, issuer, "the log of signatures does not hold the certificate");
    }
    e.key = ca_key_that_signed(s, in->snap, cert);
    if (!e.key)
        return lose(s, in, r, issuer, "it was signed by no key that the backup knows");
    TRY(db_write(s, in->flow->db, enter_in, &e));
    in->out->entered++;
    if (!e.about && is_given(cert))
        list_add(in->arena, &in->out->unconfirmed, const char *, arena_text(in->arena, r->serial));
    return OK;
}

/* Third: what was revoked and released, in the order it was. */
static enum err
revoke(struct scope *s, struct reconciling *in, const struct signed_record *r, struct bytes issuer,
       struct bytes serial)
{
    struct list ids = { 0 };
    struct revoke wish = { .caller = &caller_system,
                           .ids = &ids,
                           .reason = r->reason,
                           .comment = "Revoked after the backup that was restored",
                           .effective = r->revoked_at };
    struct revoked done;
    struct row row;
    bool found;
    int64_t id, state, reason;

    TRY(find(s, in, issuer, serial, &row, &found));
    if (!found)
        return lose(s, in, r, issuer, "it was revoked, and the register does not have it");
    id = row_int(&row);
    state = row_int(&row);
    reason = row_int(&row);
    if (r->reason == -1 ? state != CERT_REVOKED : (state == CERT_REVOKED && reason == r->reason))
        return OK;
    list_add(s->arena, &ids, int64_t, id);
    TRY(flow_revoke(s, in->flow, &wish, &done));
    if (done.failed) { /* such as one that was released and revoked for good since */
        log_warn(s, "certificate %lld: %s", (long long)id,
                 list_at(&done.each, struct revoked_one, 0)->why);
        return OK;
    }
    in->out->revoked++;
    return OK;
}

static enum err
take_record(struct scope *s, struct reconciling *in, const struct signed_record *r,
            enum err (*take)(struct scope *s, struct reconciling *in, const struct signed_record *r,
                             struct bytes issuer, struct bytes serial))
{
    struct bytes issuer, serial;

    if (when_cmp(r->at, in->since) < 0)
        return OK;
    if (!when_given(in->out->last) || when_cmp(r->at, in->out->last) > 0)
        in->out->last = r->at;
    if (text_empty(r->issuer) || !hex_decode(s->arena, r->issuer, &issuer) ||
        text_empty(r->serial) || !hex_decode(s->arena, r->serial, &serial))
        return fail(s, E_INVALID, "the record names no serial number");
    return take(s, in, r, issuer, serial);
}

static enum err
take_certificate(struct scope *s, void *arg, const struct signed_record *r)
{
    return text_eq(r->kind, SIGNED_CERTIFICATE) ? take_record(s, arg, r, enter) : OK;
}

static enum err
take_revocation(struct scope *s, void *arg, const struct signed_record *r)
{
    return text_eq(r->kind, SIGNED_REVOKED) ? take_record(s, arg, r, revoke) : OK;
}

static enum err
read_all(struct scope *s, struct reconciling *in, const struct list *dirs,
         enum err (*each)(struct scope *s, void *arg, const struct signed_record *r))
{
    struct signed_found found = { 0 };

    LIST_EACH(const char *, dir, dirs)
    TRY(note(s, signed_log_read(s, *dir, in->since, each, in, &found), "the log of signatures"));
    in->out->records = found.records;
    in->out->damaged = found.bad;
    return OK;
}

enum err
flow_reconcile(struct scope *s, struct flow *f, const struct list *dirs, struct when since,
               struct reconciled *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(f->office);
    struct reconciling in = {
        .flow = f, .snap = snap, .since = since, .arena = s->arena, .out = out
    };

    *out = (struct reconciled){ .last = WHEN_NONE };
    in.about = map_new(s->arena, false);
    in.dropped = map_new(s->arena, false);
    TRY(read_all(s, &in, dirs, take_about));
    TRY(read_all(s, &in, dirs, take_certificate));
    TRY(read_all(s, &in, dirs, take_revocation)); /* also of what another server signed */
    jobs_wake();
    return OK;
}

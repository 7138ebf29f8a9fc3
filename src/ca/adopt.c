/* Certificates that our keys signed and that came into the register by another way: brought in by
 * somebody, before or after their authority was taken over. */
#include "ca/office_in.h"

#include "ca/lists.h"
#include "catalog/catalog.h"
#include "jobs/jobs.h"

#define BATCH 200

SQL(strangers, "SELECT c.id, c.revoked_at, d.der FROM certificate c JOIN certificate_der d "
               "ON d.certificate = c.id WHERE c.id > $2 AND c.issuer_hash = $1 AND "
               "c.authority IS NULL ORDER BY c.id LIMIT $3");

/* The part of its issuer's list that a certificate names, as its address says. */
struct list_part {
    const struct ca_key *key;
    int64_t number;
    const char *url;
};

static enum err
keep_part(struct scope *s, struct tx *tx, void *arg)
{
    const struct list_part *p = arg;
    int64_t ignored;

    return ca_shard_scope(s, tx, p->key, p->number, p->url, &ignored);
}

static enum err
origin_by(struct scope *s, struct ca_office *office, const struct ca_key *key,
          const struct cert *cert, struct ca_origin *out)
{
    struct list_part part = { .key = key };
    enum err e = journal_burnt(s, office, key->subject_hash, cert->serial, &out->burnt_at);

    out->authority = key->authority;
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    out->burnt_at = WHEN_NONE;
    out->ca_key = key->id;
    part.number = out->crl_shard = ca_shard_named(key, cert, &part.url);
    return part.number ? db_write(s, office->o.db, keep_part, &part) : OK;
}

enum err
ca_origin_of(struct scope *s, struct ca_office *office, const struct cert *cert,
             struct ca_origin *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    const struct ca_key *key = ca_key_that_signed(s, snap, cert);

    *out = (struct ca_origin){ .burnt_at = WHEN_NONE };
    return key ? origin_by(s, office, key, cert, out) : OK;
}

enum err
ca_adopted(struct scope *s, struct tx *tx, const struct ca_origin *origin, int64_t id)
{
    struct cert_revocation r = { .id = id,
                                 .at = origin->burnt_at,
                                 .invalidity_at = WHEN_NONE,
                                 .seen_at = clock_now(),
                                 .comment = "Revoked before it was brought in" };
    enum cert_revoked became;

    return when_given(origin->burnt_at) ? catalog_revoke(s, tx, &r, &became) : OK;
}

/* One certificate that says it is of ours. */
struct stranger {
    struct ca_office *office;
    const struct ca_key *key;
    struct ca_origin origin;
    int64_t id;
    bool revoked;
};

static enum err
adopt_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct stranger *one = arg;
    const struct ca_origin *origin = &one->origin;

    TRY(catalog_adopt(s, tx, one->id, origin->authority, origin->ca_key, origin->crl_shard));
    TRY(ca_adopted(s, tx, origin, one->id));
    return one->revoked && origin->ca_key
               ? crl_want(s, tx, one->office, one->key, origin->crl_shard, false)
               : OK;
}

static enum err
adopt_one(struct scope *s, struct ca_office *office, const struct ca_key *key, struct row *row,
          int64_t *after)
{
    struct stranger one = { .office = office, .key = key };
    struct cert cert;

    one.id = *after = row_int(row);
    one.revoked = when_given(row_when(row));
    if (cert_read(s, row_bytes(row), &cert) != OK || cert_verify(s, &cert, &key->cert->key) != OK) {
        scope_clear(s);
        return OK;
    }
    TRY(origin_by(s, office, key, &cert, &one.origin));
    TRY(db_write(s, office->o.db, adopt_in, &one));
    ocsp_forget(office, key->subject_hash, cert.serial);
    return OK;
}

static enum err
adopt_run(struct scope *s, void *app, const struct job *job)
{
    struct ca_office *office = *(struct ca_office **)app;
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    const struct ca_key *key;
    int64_t id, after = 0;
    struct rows rows;

    TRY(job_number(s, job, "key", &id));
    key = ca_key_by_id(snap, id);
    if (!key)
        return fail(s, E_UNAVAILABLE, "this server has not read the authority yet");
    do {
        if (job_should_stop(job))
            return fail(s, E_UNAVAILABLE, "the server stops");
        TRY(db_all(s, office->o.db, &strangers,
                   BIND(v_bytes(key->subject_hash), v_int(after), v_int(BATCH)), &rows));
        for (size_t i = 0; i < rows.count; i++)
            TRY(adopt_one(s, office, key, &rows.at[i], &after));
    } while (rows.count == BATCH);
    return OK;
}

const struct job_kind ca_adopt_kind = {
    .kind = "ca.adopt",
    .run = adopt_run,
    .doc = "Finds what an authority that was taken over had signed among the certificates here.",
};

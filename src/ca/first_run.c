/* The first run: a root, an issuing authority below it, their CRLs and responders. */
#include "ca/found.h"
#include "ca/signed_log.h"

#include "base/fault.h"
#include "base/log.h"

#define ROOT_LIFE_MS (20 * 365 * DAY_MS)
#define ISSUING_LIFE_MS (10 * 365 * DAY_MS)

SQL(count_authorities, "SELECT COUNT(*) FROM authority");
SQL(claim_first_run,
    "INSERT INTO setting (name, value) VALUES ('first_run', $1) ON CONFLICT (name) DO NOTHING "
    "RETURNING name");

struct first_run {
    struct founding root, issuing;
    const struct audit_actor *actor;
    bool done_by_another;
};

/* A key that an interrupted first run left behind is taken up. */
static enum err
make_key(struct scope *s, struct ca_office *office, const char *kind, const char *uri,
         struct founding *f)
{
    f->slug = slug_of(s->arena, f->name);
    f->generation = 1;
    f->uri = uri;
    TRY(cn_name(s, f->name, &f->subject));
    return found_key(s, office, kind, true, f);
}

static enum err
register_in(struct scope *s, struct tx *tx, void *arg)
{
    struct first_run *run = arg;
    struct row row;
    enum err e =
        tx_one(s, tx, &claim_first_run, BIND(v_text(when_rfc3339(s->arena, clock_now()))), &row);

    run->done_by_another = e == E_NOT_FOUND;
    if (run->done_by_another)
        return OK;
    TRY(e);
    TRY(found_register(s, tx, &run->root, run->actor));
    run->root.key.authority = run->issuing.parent = run->root.authority;
    run->root.key.id = run->root.ca_key;
    run->issuing.issuer_row = run->root.cert_row;
    return found_register(s, tx, &run->issuing, run->actor);
}

static enum err
found(struct scope *s, struct ca_office *office, const struct audit_actor *actor)
{
    const char *name = office->o.name ? office->o.name : "Chancery";
    struct first_run run = { .actor = actor, .issuing.offers_enrollment = true };
    struct found_terms root = { .life_ms =
                                    office->o.root_life_ms ? office->o.root_life_ms : ROOT_LIFE_MS,
                                .path_len = -1 };
    struct found_terms issuing = { .life_ms = office->o.issuing_life_ms ? office->o.issuing_life_ms
                                                                        : ISSUING_LIFE_MS };

    if (text_code_points(name) > 40)
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "the authorities' name is longer than 40 characters");
    run.root.name = arena_printf(s->arena, "%s Root CA", name);
    run.issuing.name = arena_printf(s->arena, "%s Issuing CA 1", name);
    TRY(make_key(s, office, office->o.root_key ? office->o.root_key : "ec-p384",
                 office->o.root_key_uri, &run.root));
    TRY(make_key(s, office, office->o.issuing_key ? office->o.issuing_key : "ec-p256",
                 office->o.issuing_key_uri, &run.issuing));
    crash_point("ca.first_run.keys");
    TRY(found_certify(s, office, &run.root, &root));
    run.root.key.generation = 1;
    ca_key_addresses(s->arena, office, run.root.slug, &run.root.key);
    run.issuing.issuer = &run.root.key;
    TRY(found_certify(s, office, &run.issuing, &issuing));
    TRY(db_write(s, office->o.db, register_in, &run));
    TRY(found_finish(s, office));
    if (!run.done_by_another)
        log_info(s, "made %s and %s", run.root.name, run.issuing.name);
    return OK;
}

/* A first run that was interrupted had signed its two authorities, and nothing else. */
static enum err
is_of_use(struct scope *s UNUSED, void *arg, const struct signed_record *r)
{
    bool *in_use = arg;

    *in_use = *in_use || !text_eq(r->kind, SIGNED_CERTIFICATE);
    return OK;
}

/**
 * New authorities would have the keys and names of those before them, and their first, empty CRL
 * would take back every revocation.
 */
static enum err
refuse_second_life(struct scope *s, const struct ca_office *office)
{
    struct signed_found found;
    bool in_use = false;

    if (!office->o.signed_dir)
        return OK;
    TRY(signed_log_read(s, office->o.signed_dir, WHEN_NONE, is_of_use, &in_use, &found));
    if (in_use)
        return fail(s, E_CONFLICT,
                    "the database knows no authority, but %s tells what authorities have signed "
                    "here: the database is empty, or another one",
                    office->o.signed_dir);
    return OK;
}

enum err
ca_first_run(struct scope *s, struct ca_office *office, const struct audit_actor *actor)
{
    struct row row;

    TRY(db_one(s, office->o.db, &count_authorities, BIND_NONE, &row));
    if (row_int(&row) == 0) {
        TRY(refuse_second_life(s, office));
        return found(s, office, actor);
    }
    if (found_finish(s, office) != OK) { /* their jobs go on trying */
        log_failure(s, LOG_ERROR, "a first CRL or responder could not be made");
        scope_clear(s);
    }
    return OK;
}

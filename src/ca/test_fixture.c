#include "ca/test_fixture.h"

#include "base/log.h"
#include "db/test_pg.h"
#include <sys/stat.h>

static void
at_desk(enum db_kind kind, void (*claim)(struct desk *d))
{
    static int number;
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *dir = arena_printf(s->arena, "%s/desk%d", test_dir(), ++number);
    const char *url =
        kind == DB_POSTGRES ? test_pg_ready() : arena_printf(s->arena, "sqlite:%s/db", dir);
    struct desk d = { .s = s };

    if (!url)
        return;
    log_level_set(LOG_ERROR);
    clock_tell_offset_ms(0);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_ok(s, db_open(s, url, NULL, &d.db));
    assert_ok(
        s, seal_open_master(s, arena_printf(s->arena, "file:%s/master.key", dir), true, &d.seal));
    d.options = (struct ca_options){ .db = d.db,
                                     .seal = d.seal,
                                     .key_dir = dir,
                                     .base_url = "http://pki.example.com",
                                     .name = "Test",
                                     .root_key = "ec-p256" };
    assert_ok(s, ca_office_open(s, &d.options, &d.office));
    assert_ok(s, ca_first_run(s, d.office, NULL));
    d.seen = ca_snapshot_ref(d.office);
    claim(&d);
    ca_snapshot_unref(d.seen);
    clock_tell_offset_ms(0);
    ca_office_close(d.office);
    db_close(d.db);
    seal_close(d.seal);
}

void
at_both_desks(void (*claim)(struct desk *d))
{
    at_desk(DB_SQLITE, claim);
    at_desk(DB_POSTGRES, claim);
}

static const struct ca_key *
key_at(struct desk *d, const char *name)
{
    const struct ca_authority *ca = ca_find(d->seen, name);

    assert_non_null(ca);
    assert_non_null(ca->key);
    return ca->key;
}

const struct ca_key *
issuing_key(struct desk *d)
{
    return key_at(d, "Test Issuing CA 1");
}

const struct ca_key *
root_key(struct desk *d)
{
    return key_at(d, "Test Root CA");
}

struct cert_plan
leaf_plan(struct desk *d, const struct ca_key *key, int64_t life_s)
{
    struct scope *s = d->s;
    uint8_t *serial = arena_alloc(s->arena, SERIAL_LEN), *id = arena_alloc(s->arena, SHA1_LEN);
    struct cert_plan plan = { .alg = key->sig_alg, .issuer = key->cert->subject.der };
    struct list eku = { 0 }, sans = { 0 };
    struct pubkey pub;
    EVP_PKEY *pair;

    assert_ok(s, key_generate(s, (struct key_spec){ KEY_EC, 256 }, &pair));
    assert_ok(s, key_spki(s, pair, &plan.spki));
    assert_ok(s, pubkey_read(s, plan.spki, &pub));
    pubkey_id(&pub, id);
    serial_new(serial);
    plan.serial = (struct bytes){ serial, SERIAL_LEN };
    assert_ok(s, name_from_text(s, "CN=www.example.com", &plan.subject));
    plan_validity(&plan, WHEN_S(when_s(clock_now())), life_s);
    list_add(s->arena, &eku, const char *, OID_EKU_SERVER);
    list_add(s->arena, &sans, struct general_name,
             ((struct general_name){ GN_DNS, "www.example.com" }));
    ext_aki(s, &plan.exts, key->ski);
    ext_ski(s, &plan.exts, (struct bytes){ id, SHA1_LEN });
    ext_key_usage(s, &plan.exts, KU_DIGITAL_SIGNATURE);
    ext_eku(s, &plan.exts, &eku, false);
    ext_san(s, &plan.exts, &sans, false);
    return plan;
}

enum err
sign_plan(struct desk *d, const struct ca_key *key, const struct cert_plan *plan, struct cert *out)
{
    struct lint_context lint = { .kind = LINT_LEAF, .now = clock_now() };
    struct bytes tbs, der;

    TRY(tbs_build(d->s, plan, &tbs));
    return ca_sign_certificate(d->s, key, tbs, &lint, &der, out);
}

struct entry {
    const struct ca_key *key;
    const struct cert *cert;
    int64_t id;
    int reason;
};

static enum err
enter_in(struct scope *s, struct tx *tx, void *arg)
{
    struct entry *e = arg;
    struct cert_origin origin = { .authority = e->key->authority,
                                  .ca_key = e->key->id,
                                  .imported_at = clock_now(),
                                  .state = CERT_ACTIVE };

    return catalog_add(s, tx, e->cert, &origin, &e->id);
}

int64_t
new_leaf(struct desk *d, const struct ca_key *key, int64_t life_s, struct cert *out)
{
    struct cert_plan plan = leaf_plan(d, key, life_s);
    struct entry e = { .key = key, .cert = out };

    assert_ok(d->s, sign_plan(d, key, &plan, out));
    assert_ok(d->s, db_write(d->s, d->db, enter_in, &e));
    return e.id;
}

static enum err
revoke_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct entry *e = arg;
    struct cert_revocation r = { .id = e->id,
                                 .reason = e->reason,
                                 .at = clock_now(),
                                 .invalidity_at = WHEN_NONE,
                                 .seen_at = clock_now() };
    enum cert_revoked became;

    return catalog_revoke(s, tx, &r, &became);
}

void
revoke(struct desk *d, int64_t id, int reason)
{
    struct entry e = { .id = id, .reason = reason };

    assert_ok(d->s, db_write(d->s, d->db, revoke_in, &e));
}

struct crl
new_list(struct desk *d, const struct ca_key *key)
{
    struct crl_published published;
    struct crl crl;

    assert_ok(d->s, crl_publish(d->s, d->office, key->crl_scope));
    assert_ok(d->s, crl_current(d->s, d->office, key, &published));
    assert_ok(d->s, crl_read(d->s, published.der, &crl));
    return crl;
}

int64_t
number_of(struct desk *d, const char *sql)
{
    struct rows rows;

    assert_ok(d->s, db_query(d->s, d->db, sql, BIND_NONE, &rows));
    return row_int(&rows.at[0]);
}

static enum err
change_in(struct scope *s, struct tx *tx, void *arg)
{
    struct rows rows;

    return tx_query(s, tx, arg, BIND_NONE, &rows);
}

void
change(struct desk *d, const char *sql)
{
    assert_ok(d->s, db_write(d->s, d->db, change_in, arena_text(d->s->arena, sql)));
}

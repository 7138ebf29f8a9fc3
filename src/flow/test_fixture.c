#include "flow/test_fixture.h"

#include "base/log.h"
#include "base/random.h"
#include "catalog/metadata.h"
#include "db/seen.h"
#include "db/test_pg.h"
#include "flow/history.h"
#include "pki/csr.h"
#include <sys/stat.h>

#define PASSWORD "correct horse battery"

static void
open_house(struct house *h, const char *url, const char *dir)
{
    struct ca_options o = { 0 };
    struct scope *s = h->s;
    bool learned = false;

    assert_int_equal(mkdir(dir, 0700), 0);
    assert_ok(s, db_open(s, url, NULL, &h->db));
    while (!learned)
        assert_ok(s, history_learn(s, h->db, &learned));
    assert_ok(
        s, seal_open_master(s, arena_printf(s->arena, "file:%s/master.key", dir), true, &h->seal));
    assert_ok(s, access_open(s, h->db, h->seal, NULL, &h->access));
    o = (struct ca_options){ .db = h->db,
                             .seal = h->seal,
                             .key_dir = dir,
                             .base_url = "http://pki.example.com",
                             .name = "Test",
                             .root_key = "ec-p256",
                             .strict_journal = h->strict };
    assert_ok(s, ca_office_open(s, &o, &h->office));
    assert_ok(s, ca_first_run(s, h->office, NULL));
    assert_ok(s, template_built_in(s, h->db));
    assert_ok(s, template_shelf_open(s, h->db, &h->shelf));
    h->flow = (struct flow){
        .db = h->db, .seal = h->seal, .office = h->office, .shelf = h->shelf, .access = h->access
    };
    assert_ok(s, metadata_shelf_open(s, h->db, &h->flow.fields));
}

/* Whatever wrote them: the database is asked about all keys that it has. */
static void
check_no_key_is_new(struct house *h)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct rows rows;

    assert_ok(s, db_query(s, h->db,
                          "SELECT key_hash FROM certificate UNION ALL SELECT key_hash FROM ca_key "
                          "UNION ALL SELECT key_hash FROM blocked_key UNION ALL SELECT key_hash "
                          "FROM private_key WHERE purpose = 'certificate'",
                          BIND_NONE, &rows));
    assert_true(rows.count >= 4); /* of the first authorities */
    for (size_t i = 0; i < rows.count; i++)
        assert_false(db_unseen(h->db, row_bytes(&rows.at[i])));
}

static void
with(enum db_kind kind, bool strict, void (*claim)(struct house *h))
{
    static int number;
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *dir = arena_printf(s->arena, "%s/house%d", test_dir(), ++number);
    const char *url =
        kind == DB_POSTGRES ? test_pg_ready() : arena_printf(s->arena, "sqlite:%s/db", dir);
    struct house h = { .s = s, .strict = strict };

    if (!url)
        return;
    log_level_set(LOG_ERROR);
    random_tell_repeat(0); /* a test that failed left it */
    clock_tell_offset_ms(0);
    open_house(&h, url, dir);
    claim(&h);
    check_no_key_is_new(&h);
    clock_tell_offset_ms(0);
    random_tell_repeat(0);
    metadata_shelf_free(h.flow.fields);
    template_shelf_close(h.shelf);
    ca_office_close(h.office);
    access_close(h.access);
    db_close(h.db);
    seal_close(h.seal);
}

void
in_house(void (*claim)(struct house *h))
{
    with(DB_SQLITE, false, claim);
}

void
in_both_houses(void (*claim)(struct house *h))
{
    with(DB_SQLITE, false, claim);
    with(DB_POSTGRES, false, claim);
}

void
in_strict_house(void (*claim)(struct house *h))
{
    with(DB_SQLITE, true, claim);
    with(DB_POSTGRES, true, claim);
}

EVP_PKEY *
new_key(struct house *h)
{
    EVP_PKEY *key;

    assert_ok(h->s, key_generate(h->s, (struct key_spec){ KEY_EC, 256 }, &key));
    return key;
}

struct bytes
new_csr(struct house *h, EVP_PKEY *key, const char *host)
{
    struct csr_plan plan = { 0 };
    struct scope *s = h->s;
    struct bytes der;

    assert_ok(s, name_from_text(s, arena_printf(s->arena, "CN=%s", host), &plan.subject));
    list_add(s->arena, &plan.sans, struct general_name, ((struct general_name){ GN_DNS, host }));
    assert_ok(s, csr_build(s, &plan, key, SIG_NONE, &der));
    return der;
}

struct enroll
ask(struct house *h, const struct caller *caller, const char *host)
{
    return (struct enroll){
        .caller = caller,
        .endpoint = "test",
        .csr = new_csr(h, new_key(h), host),
        .template_name = "WebServer",
        .not_before = WHEN_NONE,
        .not_after = WHEN_NONE,
    };
}

struct enrolled
issued(struct house *h, const char *host)
{
    struct enroll in = ask(h, &caller_system, host);
    struct enrolled out;

    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &out));
    assert_int_equal(out.disposition, DISPOSITION_ISSUED);
    return out;
}

const struct caller *
user(struct house *h, const char *name, const char *role_name, const struct grant *grants,
     size_t grant_count)
{
    struct user in = { .account = name };
    struct role role = { .name = role_name, .grants_given = true };
    struct access_peer peer = { "192.0.2.7", "test" };
    const struct caller *caller;
    struct scope *s = h->s;

    for (size_t i = 0; i < grant_count; i++)
        list_add(s->arena, &role.grants, struct grant, grants[i]);
    if (grants)
        assert_ok(s, role_add(s, h->access, &caller_system, &role, NULL));
    list_add(s->arena, &in.roles, const char *, role_name);
    assert_ok(s, user_add(s, h->access, &caller_system, &in, PASSWORD, NULL));
    assert_ok(s, access_login(s, h->access, name, PASSWORD, &peer, &caller));
    return caller;
}

int64_t
count(struct house *h, const char *table)
{
    struct rows rows;

    assert_ok(h->s,
              db_query(h->s, h->db, arena_printf(h->s->arena, "SELECT COUNT(*) FROM %s", table),
                       BIND_NONE, &rows));
    return row_int(&rows.at[0]);
}

struct list
events(struct house *h, const char *action)
{
    struct audit_query q = { .action = action, .limit = 1000 };
    struct list found;
    const char *next;

    assert_ok(h->s, audit_list(h->s, h->db, &q, &found, &next));
    return found;
}

struct written {
    const char *sql;
    struct values v;
};

static enum err
write_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct written *w = arg;
    struct rows rows;

    for (size_t i = 0; i < w->v.count; i++)
        if (w->v.at[i].type == V_BYTES)
            tx_seen(tx, w->v.at[i].bytes); /* it may be of a key */
    return tx_query(s, tx, w->sql, w->v, &rows);
}

enum err
test_write(struct house *h, const char *sql, struct values v)
{
    return db_write(h->s, h->db, write_in, &(struct written){ sql, v });
}

#include "base/test.h"

#include "audit/canonical.h"
#include "audit/checkpoint.h"
#include "audit/verify.h"
#include "codec/json.h"
#include "db/test_pg.h"
#include "jobs/jobs.h"
#include "pki/hash.h"
#include "seal/seal.h"

/** The vectors of operations.md section 4.2. */
static const struct {
    struct audit_event event;
    const char *id, *at, *request_id, *text, *hash;
} vectors[] = {
    {
        .event = { .action = AUDIT_CHAIN_GENESIS,
                   .target = { .type = "audit_chain", .id = "main" },
                   .message = "audit chain created" },
        .id = "01JATZ1C4G0000000000000001",
        .at = "2025-10-22T14:30:00Z",
        .text = "{\"action\":\"chain.genesis\",\"actor\":{\"id\":\"chancery\",\"name\":"
                "\"chancery\",\"type\":"
                "\"system\"},\"category\":\"system\",\"id\":\"01JATZ1C4G0000000000000001\","
                "\"level\":\"info\","
                "\"message\":\"audit chain created\",\"outcome\":\"success\",\"prev\":"
                "\"0000000000000000000000000000000000000000000000000000000000000000\",\"seq\":1,"
                "\"target\":"
                "{\"id\":\"main\",\"type\":\"audit_chain\"},\"ts\":\"2025-10-22T14:30:00.000Z\","
                "\"v\":1}",
        .hash = "05c75e0b11296d889d96b04a5721e70692068ff89f4f1cc89dfb054566e27555",
    },
    {
        .event = { .action = AUDIT_CERTIFICATE_REVOKE,
                   .actor =
                       &(const struct audit_actor){
                           .type = "user",
                           .id = "u_17",
                           .name = "ana@contoso.com",
                           .roles = (const char *const[]){ "PKI administrator", NULL },
                           .auth = "oidc",
                           .ip = "10.10.1.44" },
                   .target = { .type = "certificate",
                               .id = "12345",
                               .name = "webapp01.contoso.com" },
                   .reason = "Key compromise suspected",
                   .message = "ana@contoso.com revoked certificate webapp01.contoso.com (key "
                              "compromise)" },
        .id = "01JATZ1H4K0000000000000002",
        .at = "2025-10-22T14:30:05.120Z",
        .text =
            "{\"action\":\"certificate.revoke\",\"actor\":{\"auth\":\"oidc\",\"id\":\"u_17\","
            "\"ip\":"
            "\"10.10.1.44\",\"name\":\"ana@contoso.com\",\"roles\":[\"PKI "
            "administrator\"],\"type\":"
            "\"user\"},\"category\":\"certificate\",\"id\":\"01JATZ1H4K0000000000000002\","
            "\"level\":"
            "\"info\",\"message\":\"ana@contoso.com revoked certificate webapp01.contoso.com (key "
            "compromise)\",\"outcome\":\"success\",\"prev\":"
            "\"05c75e0b11296d889d96b04a5721e70692068ff89f4f1cc89dfb054566e27555\",\"reason\":\"Key "
            "compromise suspected\",\"seq\":2,\"target\":{\"id\":\"12345\",\"name\":"
            "\"webapp01.contoso.com\",\"type\":\"certificate\"},\"ts\":\"2025-10-22T14:30:05."
            "120Z\",\"v\":"
            "1}",
        .hash = "7fa58bd007e61ee275006e911811f2201ac7c08ca4fe11d69d3d4a2a138c5d6d",
    },
};

TEST(events_are_written_and_hashed_as_the_published_vectors)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct audit_place place = { 0 };
    uint8_t hash[AUDIT_HASH_LEN];

    for (size_t i = 0; i < COUNT(vectors); i++) {
        struct buf text, again;

        place.seq++;
        place.id = vectors[i].id;
        assert_true(when_parse(vectors[i].at, &place.at));
        buf_init_in(&text, s->arena, AUDIT_EVENT_MAX);
        canonical_event(&text, &vectors[i].event, &place, NULL);
        assert_string_equal(buf_str(&text), vectors[i].text);
        hash_sha256(buf_bytes(&text), hash);
        assert_string_equal(hex_lower(s->arena, (struct bytes){ hash, sizeof hash }),
                            vectors[i].hash);
        memcpy(place.prev, hash, sizeof hash);
        buf_init_in(&again, s->arena, AUDIT_EVENT_MAX); /* another writer says the same */
        assert_ok(s, json_canonical(s, buf_bytes(&text), &again));
        assert_string_equal(buf_str(&again), vectors[i].text);
    }
}

TEST(every_member_and_every_character_is_written_canonically)
{
    static const char *const roles[] = { "a", "b\"c", NULL };
    static const struct audit_actor actor = {
        .type = "user",
        .id = "u_1",
        .name = "CONTOSO\\\x01\x1f\t\n\xc3\xbc\xe2\x80\xa8\xf0\x9f\x94\x91",
        .roles = roles,
        .auth = "basic",
        .ip = "::1",
        .user_agent = "curl/8",
        .session = "x",
        .on_behalf_of = "y"
    };
    static const struct audit_change changes[] = {
        { .field = "zone", .before = "1", .after = "2", .kind = AUDIT_IS_JSON },
        { .field = "email", .after = "a@b" },
        { .field = "name", .before = "old", .after = "new" },
        { .field = "password", .before = "", .after = "", .kind = AUDIT_IS_SECRET },
    };
    static const struct audit_object related[] = { { "store", "1", NULL },
                                                   { "store", "2", "web" } };
    static const struct audit_request request = { "r", "POST", "/x/{id}", "t", "o" };
    static const struct audit_event event = { .action = AUDIT_USER_EDIT,
                                              .outcome = AUDIT_DENIED,
                                              .actor = &actor,
                                              .target = { "user", "7", "\b\f\r/\x7f" },
                                              .related = related,
                                              .related_count = COUNT(related),
                                              .changes = changes,
                                              .change_count = COUNT(changes),
                                              .request = &request,
                                              .reason = "" };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct audit_place place = { .seq = 3, .id = "X", .at = { 0 } };
    struct canonical_view view;
    struct buf text, again;
    const char *fault;

    buf_init_in(&text, s->arena, AUDIT_EVENT_MAX);
    canonical_event(&text, &event, &place, &request);
    buf_init_in(&again, s->arena, AUDIT_EVENT_MAX);
    assert_ok(s, json_canonical(s, buf_bytes(&text), &again));
    assert_string_equal(buf_str(&text), buf_str(&again));
    assert_non_null(strstr(buf_str(&text),
                           "\"after\":{\"email\":\"a@b\",\"name\":\"new\",\"password\":"
                           "{\"changed\":true},\"zone\":2}"));
    assert_non_null(strstr(buf_str(&text), "\"before\":{\"name\":\"old\",\"password\":"));
    assert_non_null(strstr(buf_str(&text), "\"level\":\"warning\""));
    assert_true(canonical_read(buf_bytes(&text), &view, &fault));
    assert_true(canonical_is(view.actor_name, actor.name));
    assert_true(canonical_is(view.target_name, event.target.name));
    assert_false(canonical_is(view.target_name, "\b\f\r/"));
    assert_string_equal(canonical_plain(s->arena, view.actor_name), actor.name);
}

TEST(only_canonical_json_is_read)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "{}", true },
        { "{\"a\":1}", true },
        { "{\"a\":{\"b\":[1,-2,0,true,false,null,\"\"]},\"b\":[]}", true },
        { "{\"a\":\"\\u0000\\u001f\\b\\\"\\\\\"}", true },
        { "", false },
        { "[]", false },
        { " {}", false },
        { "{} ", false },
        { "{\"a\": 1}", false },
        { "{\"b\":1,\"a\":1}", false },
        { "{\"a\":1,\"a\":1}", false },
        { "{\"a\":01}", false },
        { "{\"a\":-0}", false },
        { "{\"a\":1.0}", false },
        { "{\"a\":1e3}", false },
        { "{\"a\":12345678901234567890}", false },
        { "{\"a\":\"\\u0041\"}", false },
        { "{\"a\":\"\\u000a\"}", false },
        { "{\"a\":\"\\u001F\"}", false },
        { "{\"a\":\"\\/\"}", false },
        { "{\"a\":\"\n\"}", false },
        { "{\"a\":\"\xff\"}", false },
        { "{\"a\":\"", false },
        { "{\"a\":\"\\", false },
        { "{\"a\":\"\\u00", false },
        { "{\"a\"", false },
        { "{\"a\":", false },
        { "{\"a\":1", false },
        { "{\"a\":1,}", false },
        { "{\"a\":[1,]}", false },
        { "{\"a\":[1}", false },
        { "{\"a\":tru}", false },
        { "{\"a\":nul", false },
        { "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}", false },
        { "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", false },
    };
    struct canonical_view view;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *fault = NULL;

        if (canonical_read(bytes_of_text(cases[i].text), &view, &fault) != cases[i].good)
            fail_msg("%s: %s", cases[i].text, fault ? fault : "was taken");
        assert_true(cases[i].good || fault != NULL);
    }
}

TEST(names_in_the_catalogue_are_unique_and_documented)
{
    size_t count;
    const struct audit_action_info *all = audit_action_all(&count);

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(all[i].action, i + 1);
        assert_ptr_equal(audit_action_by_name(all[i].name), &all[i]);
        assert_ptr_equal(audit_action_info(all[i].action), &all[i]);
        assert_true(text_ends(all[i].doc, "."));
    }
    assert_null(audit_action_by_name("certificate.eat"));
}

/** Run the claim on a fresh database of each engine. */
static void
on_both(void (*claim)(struct scope *s, struct db *db))
{
    static int number;

    for (int kind = DB_SQLITE; kind <= DB_POSTGRES; kind++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        AUTO(db_close) struct db *db = NULL;
        const char *url = kind == DB_POSTGRES ? test_pg_ready()
                                              : arena_printf(s->arena, "sqlite:%s/audit%d.db",
                                                             test_dir(), ++number);

        if (!url)
            continue;
        assert_ok(s, db_open(s, url, NULL, &db));
        claim(s, db);
    }
}

struct batch {
    const struct audit_event *event;
    int count;
    enum err end;
};

static enum err
add_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct batch *b = arg;

    for (int i = 0; i < b->count; i++)
        TRY(audit_add(s, tx, b->event));
    return b->end == OK ? OK : fail(s, b->end, "told to fail");
}

static const struct audit_event sample = { .action = AUDIT_CERTIFICATE_ISSUE,
                                           .target = { "certificate", "12", "web\"1\"" },
                                           .message = "issued" };

static void
add(struct scope *s, struct db *db, int count)
{
    struct batch b = { .event = &sample, .count = count };

    assert_ok(s, db_write(s, db, add_in, &b));
}

static struct audit_report
verify(struct scope *s, struct db *db)
{
    struct audit_range all = { 0 };
    struct audit_report report;

    assert_ok(s, audit_verify(s, db, &all, &report));
    return report;
}

static void
grows(struct scope *s, struct db *db)
{
    struct batch undone = { .event = &sample, .count = 5, .end = E_CONFLICT };
    struct audit_report report;

    assert_true(verify(s, db).intact); /* nothing there yet */
    add(s, db, 3);
    assert_err(E_CONFLICT, db_write(s, db, add_in, &undone));
    scope_clear(s);
    add(s, db, 2);
    report = verify(s, db);
    assert_true(report.intact);
    assert_int_equal(report.events, 5 + report.chains); /* and the genesis of each chain */
    assert_int_equal(report.unsealed, report.events);
}
TEST(a_chain_grows_with_its_changes_and_not_with_what_was_undone)
{
    on_both(grows);
}

static void
refuses(struct scope *s, struct db *db)
{
    struct audit_event bad = sample;
    struct audit_change json = { .field = "x", .after = "{ }", .kind = AUDIT_IS_JSON };
    struct batch b = { .event = &bad, .count = 1 };
    char *large = arena_alloc(s->arena, AUDIT_EVENT_MAX + 1);

    bad.reason = "\xff";
    assert_err(E_INVALID, db_write(s, db, add_in, &b));
    memset(large, 'x', AUDIT_EVENT_MAX);
    bad.reason = large;
    assert_err(E_LIMIT, db_write(s, db, add_in, &b));
    bad.reason = NULL;
    bad.changes = &json;
    bad.change_count = 1;
    assert_err(E_INTERNAL, db_write(s, db, add_in, &b));
    scope_clear(s);
    assert_true(verify(s, db).intact);
}
TEST(an_event_that_nobody_could_verify_is_refused)
{
    on_both(refuses);
}

static struct seal *
open_seal(struct scope *s)
{
    struct seal *seal = NULL;

    assert_ok(s, seal_open_master(s, arena_printf(s->arena, "file:%s/master.key", test_dir()), true,
                                  &seal));
    return seal;
}

static void
checkpoints(struct scope *s, struct db *db)
{
    AUTO(seal_close) struct seal *seal = open_seal(s);
    struct job_query waiting = { .kind = AUDIT_CHECKPOINT_JOB };
    struct audit_report report;
    struct list jobs;
    bool made = true;

    assert_ok(s, audit_checkpoint(s, db, seal, &made));
    assert_false(made);
    add(s, db, 2500);
    assert_ok(s, job_list(s, db, &waiting, &jobs)); /* a thousand events ask for one */
    assert_int_equal(jobs.count, 1);
    assert_ok(s, audit_checkpoint(s, db, seal, &made));
    assert_true(made);
    report = verify(s, db);
    assert_true(report.intact);
    assert_true(report.checkpoints >= 3); /* of 1000 events at most each */
    assert_true(report.unsealed <= 2);    /* the checkpoint's own event, and its chain's genesis */
    for (int i = 0; i < 3 && made; i++)   /* which alone is no reason for another */
        assert_ok(s, audit_checkpoint(s, db, seal, &made));
    assert_false(made);
    add(s, db, 1);
    assert_ok(s, audit_checkpoint(s, db, seal, &made));
    assert_true(made);
    assert_true(verify(s, db).intact);
}
TEST(checkpoints_cover_everything_and_do_not_beget_one_another)
{
    on_both(checkpoints);
}

/** One way to tamper, and what must be said about it. */
struct forgery {
    const char *sql[4];
    const char *says;
    int64_t seq;
};

#define CHAIN "lane = (SELECT MIN(lane) FROM audit)"
static const struct forgery forgeries[] = {
    { { "UPDATE audit SET event = replace(event, 'issued', 'forged') WHERE seq = 20 AND " CHAIN },
      "the hash does not match the text",
      20 },
    { { "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 19 AND " CHAIN
        ") WHERE seq = 20 AND " CHAIN },
      "the hash does not match the text",
      20 },
    { { "DELETE FROM audit WHERE seq = 20 AND " CHAIN }, "the event is missing", 20 },
    { { "DELETE FROM audit WHERE seq BETWEEN 20 AND 22 AND " CHAIN },
      "events 20 to 22 are missing",
      20 },
    { { "DELETE FROM audit WHERE seq = 1 AND " CHAIN }, "the event is missing", 1 },
    { { "UPDATE audit SET seq = -1 WHERE seq = 20 AND " CHAIN,
        "UPDATE audit SET seq = 20 WHERE seq = 21 AND " CHAIN,
        "UPDATE audit SET seq = 21 WHERE seq = -1 AND " CHAIN },
      "the text says that its number is 21",
      20 },
    { { "DELETE FROM audit WHERE seq > 40 AND " CHAIN }, "the end was cut off", 41 },
    { { "DELETE FROM audit WHERE seq > 10 AND " CHAIN,
        "UPDATE audit_chain SET seq = 10, hash = (SELECT hash FROM audit WHERE seq = 10 AND " CHAIN
        ") WHERE " CHAIN },
      "those after 10 were cut off",
      11 },
    { { "INSERT INTO audit SELECT lane, seq + 1, ts, 'Z', category, action, outcome, actor_name, "
        "target_type, target_id, event, hash FROM audit WHERE seq = (SELECT MAX(seq) FROM audit "
        "WHERE " CHAIN ") AND " CHAIN },
      "the text says that its number is",
      0 },
    { { "UPDATE audit SET action = 'certificate.revoke' WHERE seq = 20 AND " CHAIN },
      "the column \"action\"",
      20 },
    { { "UPDATE audit SET target_id = '13' WHERE seq = 20 AND " CHAIN },
      "the column \"target_id\"",
      20 },
    { { "UPDATE audit SET ts = ts + 1 WHERE seq = 20 AND " CHAIN }, "the column \"ts\"", 20 },
    { { "DELETE FROM audit_chain WHERE " CHAIN }, "head", 0 },
    { { "UPDATE audit_chain SET hash = (SELECT hash FROM audit WHERE seq = 5 AND " CHAIN
        ") WHERE " CHAIN },
      "the chain's head is not the hash of its last event",
      0 },
    { { "DELETE FROM audit WHERE " CHAIN }, "the end was cut off", 1 },
    { { "UPDATE audit_checkpoint SET to_seq = to_seq - 1 WHERE from_seq = 1" },
      "was signed over other events",
      0 },
    { { "UPDATE audit_checkpoint SET created_at = created_at - 1 WHERE from_seq = 1" },
      "the signature of the checkpoint",
      0 },
    { { "UPDATE audit_checkpoint SET key_id = 'f00f00f00f00f00f' WHERE from_seq = 1" },
      "the unknown key",
      0 },
    { { "DELETE FROM audit_checkpoint WHERE from_seq = 1 AND " CHAIN },
      "the checkpoint over 1 to",
      0 },
};

static const struct forgery *forgery;

static enum err
forge_in(struct scope *s, struct tx *tx, void *arg)
{
    struct rows rows;

    (void)arg;
    for (size_t i = 0; i < COUNT(forgery->sql) && forgery->sql[i]; i++)
        TRY(tx_query(s, tx, forgery->sql[i], BIND_NONE, &rows));
    return OK;
}

static void
forged(struct scope *s, struct db *db)
{
    AUTO(seal_close) struct seal *seal = open_seal(s);
    struct audit_report report;
    struct audit_break *b;

    add(s, db, 30);
    assert_ok(s, audit_checkpoint(s, db, seal, NULL));
    add(s, db, 30);
    if (db_kind(db) == DB_POSTGRES) /* its lanes share the events: fill each */
        for (int i = 0; i < 20; i++)
            add(s, db, 60);
    assert_ok(s, audit_checkpoint(s, db, seal, NULL));
    add(s, db, 5);
    report = verify(s, db);
    assert_true(report.intact);
    assert_ok(s, db_write(s, db, forge_in, NULL));
    report = verify(s, db);
    if (report.intact)
        fail_msg("nobody saw: %s", forgery->sql[0]);
    b = list_at(&report.breaks, struct audit_break, 0);
    if (!strstr(b->reason, forgery->says))
        fail_msg("%s: it says \"%s\"", forgery->sql[0], b->reason);
    if (forgery->seq)
        assert_int_equal(b->seq, forgery->seq);
    if (forgery->seq == 20) {
        assert_non_null(strstr(b->before, "\"seq\":19,"));
        assert_non_null(b->after);
    }
}
TEST(whatever_is_tampered_with_is_found_at_its_place)
{
    for (size_t i = 0; i < COUNT(forgeries); i++) {
        forgery = &forgeries[i];
        on_both(forged);
    }
}

static enum err
checkpoints_delete_in(struct scope *s, struct tx *tx, void *arg)
{
    struct rows rows;

    (void)arg;
    return tx_query(s, tx, "DELETE FROM audit_checkpoint", BIND_NONE, &rows);
}

static void
told(struct scope *s, struct db *db)
{
    AUTO(seal_close) struct seal *seal = open_seal(s);
    struct audit_report report;

    add(s, db, 30);
    assert_ok(s, audit_checkpoint(s, db, seal, NULL));
    assert_true(verify(s, db).intact);
    assert_ok(s, db_write(s, db, checkpoints_delete_in, NULL));
    report = verify(s, db);
    assert_false(report.intact);
    assert_non_null(strstr(list_at(&report.breaks, struct audit_break, 0)->reason, "is missing"));
}
TEST(a_checkpoint_that_an_event_tells_of_is_missed_even_when_it_was_the_only_one)
{
    on_both(told);
}

static void
lists(struct scope *s, struct db *db)
{
    struct audit_query q = { .category = "certificate", .limit = 7 };
    struct list page;
    const char *next = NULL;
    struct audit_row one;
    size_t total = 0;
    struct when last = { INT64_MAX };

    add(s, db, 30);
    do {
        assert_ok(s, audit_list(s, db, &q, &page, &next));
        LIST_EACH(struct audit_row, row, &page)
        {
            assert_true(row->at.ms <= last.ms);
            last = row->at;
            assert_string_equal(row->target_name, "web\"1\"");
            assert_string_equal(row->level, "info");
        }
        total += page.count;
        q.after = next;
    } while (next);
    assert_int_equal(total, 30);
    assert_ok(s, audit_get(s, db, list_at(&page, struct audit_row, 0)->id, &one));
    assert_string_equal(one.text, list_at(&page, struct audit_row, 0)->text);
    assert_err(E_NOT_FOUND, audit_get(s, db, "nonsense", &one));
    assert_err(E_NOT_FOUND, audit_get(s, db, "01JATZ1H4K0000000000000002", &one));
    q = (struct audit_query){ .after = "1.2" };
    assert_err(E_INVALID, audit_list(s, db, &q, &page, &next));
    q = (struct audit_query){ .action = "chain.genesis",
                              .oldest_first = true,
                              .target_type = "audit_chain" };
    assert_ok(s, audit_list(s, db, &q, &page, &next));
    assert_true(page.count >= 1);
    assert_null(next);
}
TEST(events_are_listed_page_by_page_and_found_by_id)
{
    on_both(lists);
}

TEST(merkle_roots_are_those_of_rfc_6962)
{
    static const char *const roots[] = {
        /* over the leaves "0", "1", ...: 32 bytes that hold that digit first and zeros behind */
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    };
    uint8_t leaves[7][32] = { 0 }, root[32], want[32], left[65] = { 1 }, leaf[33] = { 0 };
    AUTO(arena_free) struct arena *a = arena_new();

    merkle_root(NULL, 0, root);
    assert_string_equal(hex_lower(a, (struct bytes){ root, 32 }), roots[0]);
    leaves[0][0] = '0';
    leaves[1][0] = '1';
    leaf[1] = '0';
    hash_sha256((struct bytes){ leaf, 33 }, want);
    merkle_root(leaves, 1, root);
    assert_memory_equal(root, want, 32);
    memcpy(left + 1, want, 32);
    leaf[1] = '1';
    hash_sha256((struct bytes){ leaf, 33 }, left + 33);
    hash_sha256((struct bytes){ left, 65 }, want);
    merkle_root(leaves, 2, root);
    assert_memory_equal(root, want, 32);
    merkle_root(leaves, 3, root); /* (0 1) 2 */
    memcpy(left + 1, want, 32);
    leaf[1] = 0;
    hash_sha256((struct bytes){ leaf, 33 }, left + 33);
    hash_sha256((struct bytes){ left, 65 }, want);
    assert_memory_equal(root, want, 32);
}

TEST(a_great_record_is_verified_fast_and_events_are_cheap)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    struct audit_report report;
    int64_t began, micros;

    assert_ok(s, db_open(s, arena_printf(s->arena, "sqlite:%s/great.db", test_dir()), NULL, &db));
    began = clock_mono_us();
    for (int i = 0; i < 20; i++)
        add(s, db, 1000);
    micros = clock_mono_us() - began;
    report = verify(s, db);
    assert_true(report.intact);
    assert_int_equal(report.events, 20001);
    print_message("%.1f us to add an event, %.0f verified a second\n", (double)micros / 20000,
                  (double)report.events * 1e6 / (double)report.micros);
}

/** The whole record as an export. */
static char *
exported(struct scope *s, struct db *db)
{
    struct audit_query q = { .oldest_first = true, .limit = 1000 };
    struct buf out;
    struct list page;
    const char *next;

    buf_init_in(&out, s->arena, (size_t)64 << 20);
    do {
        assert_ok(s, audit_list(s, db, &q, &page, &next));
        LIST_EACH(struct audit_row, row, &page)
        buf_printf(&out, "%s\n", audit_row_json(s->arena, row));
        q.after = next;
    } while (next);
    return arena_text(s->arena, buf_str(&out));
}

static void
exports(struct scope *s, struct db *db)
{
    AUTO(seal_close) struct seal *seal = open_seal(s);
    struct audit_report report;
    const char *keys;
    char *lines, *place, *end;

    add(s, db, 40);
    assert_ok(s, audit_checkpoint(s, db, seal, NULL));
    add(s, db, 4);
    assert_ok(s, audit_checkpoint_keys(s, db, &keys));
    lines = exported(s, db);
    assert_ok(s, audit_verify_export(s, bytes_of_text(lines), NULL, &report));
    assert_true(report.intact);
    assert_true(report.checkpoints >= 1);
    assert_int_equal(report.events, verify(s, db).events);
    assert_ok(s, audit_verify_export(s, bytes_of_text(lines), keys, &report));
    assert_true(report.intact);
    assert_ok(s, audit_verify_export(s, bytes_of_text(lines), "{\"keys\":[]}", &report));
    assert_false(report.intact); /* signed by nobody that we trust */

    place = strstr(lines, "issued");
    *place = 'I';
    assert_ok(s, audit_verify_export(s, bytes_of_text(lines), keys, &report));
    assert_false(report.intact);
    *place = 'i';
    place = strchr(strchr(lines, '\n') + 1, '\n') + 1; /* the third line goes */
    end = strchr(place, '\n') + 1;
    memmove(place, end, strlen(end) + 1);
    assert_ok(s, audit_verify_export(s, bytes_of_text(lines), keys, &report));
    assert_false(report.intact);
    assert_err(E_INVALID, audit_verify_export(s, bytes_of_text("{}\n"), keys, &report));
    assert_err(E_INVALID, audit_verify_export(s, bytes_of_text("hello"), keys, &report));
}
TEST(an_export_is_verified_without_the_database)
{
    on_both(exports);
}

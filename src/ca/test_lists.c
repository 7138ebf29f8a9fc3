/* CRLs: their numbers, their times, and who stands in them. */
#include "ca/test_fixture.h"

#include "base/log.h"
#include "ca/lists.h"
#include "ca/order.h"
#include "jobs/jobs.h"
#include <pthread.h>

static int64_t
number_in(const struct crl *crl)
{
    int64_t n = 0;

    for (size_t i = 0; i < crl->number.len; i++)
        n = n << 8 | crl->number.data[i];
    return n;
}

static void
numbers(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct crl crl = new_list(d, key);
    int64_t last = number_in(&crl), now;
    struct when then = crl.this_update;

    for (int hours = 1; hours < 4; hours++) {
        clock_tell_offset_ms(hours * HOUR_MS);
        now = when_s(clock_now());
        crl = new_list(d, key);
        assert_int_equal(number_in(&crl), ++last);
        assert_in_range(now - when_s(crl.this_update), 5 * 60 - 1, 5 * 60); /* for slow clocks */
        assert_in_range(when_s(crl.next_update) - now, 3 * 86400, 3 * 86400 + 1);
        assert_true(when_cmp(crl.this_update, then) > 0);
        then = crl.this_update;
    }
    for (int i = 0; i < 3; i++) { /* in one second: caches know lists by this date */
        crl = new_list(d, key);
        assert_int_equal(number_in(&crl), ++last);
        assert_true(when_cmp(crl.this_update, then) > 0);
        then = crl.this_update;
    }
    clock_tell_offset_ms(3 * HOUR_MS - 2 * MINUTE_MS); /* the clock was set back a little */
    crl = new_list(d, key);
    assert_int_equal(number_in(&crl), last + 1);
    assert_true(when_cmp(crl.this_update, then) >= 0);
    assert_true(when_cmp(crl.this_update, clock_now()) <= 0);
    assert_int_equal(crl.has_list, false); /* an empty list has no revokedCertificates */
    assert_true(bytes_eq(crl.issuer, key->cert->subject.der));
    assert_true(bytes_eq(crl.key_id, key->ski));
}
TEST(lists_have_ascending_numbers_and_overlapping_times)
{
    at_both_desks(numbers);
}

struct publisher {
    struct ca_office *office;
    int64_t scope;
    int failed;
};

static void *
publish_often(void *arg)
{
    struct publisher *p = arg;

    for (int i = 0; i < 5; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");

        enum err e = crl_publish(s, p->office, p->scope);

        /* a rival's later list may have come first: then ours must not replace it */
        if (e != OK && e != E_CONFLICT) {
            log_failure(s, LOG_ERROR, "a list was not published");
            p->failed++;
        }
    }
    return NULL;
}

static void
races(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct ca_office *other;
    struct publisher publishers[4];
    pthread_t threads[4];
    struct crl_published current;
    struct crl crl;
    int64_t first =
        number_of(d, arena_printf(d->s->arena, "SELECT number FROM crl_scope WHERE id = %lld",
                                  (long long)key->crl_scope));

    assert_ok(d->s, ca_office_open(d->s, &d->options, &other)); /* as a second server has it */
    for (size_t i = 0; i < COUNT(threads); i++) {
        publishers[i] = (struct publisher){ i % 2 ? other : d->office, key->crl_scope, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, publish_often, &publishers[i]), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(publishers[i].failed, 0);
    crl = new_list(d, key);
    assert_int_equal(number_in(&crl), first + 21); /* each took a number of its own */
    assert_ok(d->s, crl_current(d->s, d->office, key, &current));
    assert_int_equal(current.number, first + 21);
    assert_int_equal(number_of(d, "SELECT COUNT(*) - COUNT(DISTINCT scope * 100000 + number) "
                                  "FROM crl"),
                     0);
    ca_office_close(other);
}
TEST(servers_that_publish_at_once_use_no_number_twice)
{
    at_both_desks(races);
}

static void
numbered(struct desk *d)
{
    const struct ca_authority *ca = ca_by_id(d->seen, issuing_key(d)->authority);
    struct crl_published now;
    const struct ca_key *key;
    int64_t last;

    assert_ok(d->s, ca_publish(d->s, d->office, ca, NULL, &key));
    assert_ok(d->s, crl_current(d->s, d->office, key, &now));
    last = now.number;
    for (int64_t step = -1; step <= 0; step++) {
        struct crl_wish used = { .number = last + step };

        assert_err(E_INVALID, ca_publish(d->s, d->office, ca, &used, &key));
        assert_non_null(strstr(d->s->error.text, "crl_number"));
        scope_clear(d->s);
    }
    for (int64_t to = last + 1; to < INT64_C(1) << 52; to *= 1000) {
        assert_ok(d->s, ca_publish(d->s, d->office, ca, &(struct crl_wish){ .number = to }, &key));
        assert_ok(d->s, crl_current(d->s, d->office, key, &now));
        assert_int_equal(now.number, to);
        last = to;
    }
    assert_ok(d->s, ca_publish(d->s, d->office, ca, NULL, &key));
    assert_ok(d->s, crl_current(d->s, d->office, key, &now));
    assert_int_equal(now.number, last + 1);
}
TEST(a_list_has_the_number_that_is_asked_for_when_it_is_above_all_others)
{
    at_both_desks(numbered);
}

static void
holds_for(struct desk *d)
{
    static const struct {
        int64_t hours;
        bool root, good, soon; /* SOON: the next one is wanted before it is planned */
    } cases[] = {
        { 1, false, true, true },        { 24, false, true, true },
        { 72, false, true, false },      { 240, false, true, false },
        { 241, false, false, false },    { 241, true, true, false },
        { 366 * 24, true, true, false }, { 366 * 24 + 1, true, false, false },
    };
    const struct ca_key *key;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct ca_key *of = cases[i].root ? root_key(d) : issuing_key(d);
        const struct ca_authority *ca = ca_by_id(d->seen, of->authority);
        int64_t ms = cases[i].hours * HOUR_MS, due;
        struct crl_published now;
        enum err e = ca_publish(d->s, d->office, ca, &(struct crl_wish){ .validity_ms = ms }, &key);

        assert_int_equal(e, cases[i].good ? OK : E_INVALID);
        scope_clear(d->s);
        if (!cases[i].good)
            continue;
        assert_ok(d->s, crl_current(d->s, d->office, key, &now));
        assert_in_range(now.next_update.ms - clock_now().ms, ms - 10 * SECOND_MS, ms);
        due = number_of(d, arena_printf(d->s->arena,
                                        "SELECT COALESCE(due_at, 0) FROM crl_scope WHERE id = %lld",
                                        (long long)key->crl_scope));
        assert_int_equal(due != 0, cases[i].soon);
        assert_true(!due || (due > clock_now().ms && due < now.next_update.ms));
    }
    assert_ok(d->s, ca_publish(d->s, d->office, ca_by_id(d->seen, issuing_key(d)->authority), NULL,
                               &key));
    assert_int_equal(number_of(d, "SELECT COUNT(*) FROM crl_scope WHERE due_at IS NOT NULL"), 0);
}
TEST(a_list_that_is_to_hold_for_less_is_followed_before_it_ends)
{
    at_both_desks(holds_for);
}

static void
restored(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct crl crl = new_list(d, key);
    int64_t last = number_in(&crl);

    /* the counter alone came from an old backup: what was published is known, and not undercut */
    change(d, "UPDATE crl_scope SET number = 0");
    assert_true(crl_publish(d->s, d->office, key->crl_scope) != OK);
    scope_clear(d->s);
    assert_int_equal(
        number_of(d, arena_printf(d->s->arena, "SELECT MAX(number) FROM crl WHERE scope = %lld",
                                  (long long)key->crl_scope)),
        last);
    change(d, "UPDATE crl_scope SET number = 1000"); /* what an operator does after a restore */
    crl = new_list(d, key);
    assert_int_equal(number_in(&crl), 1001);
}
TEST(a_number_below_the_published_one_is_never_published)
{
    at_both_desks(restored);
}

/* Jobs of publishing that wait. */
static int64_t
waiting(struct desk *d)
{
    return number_of(d, "SELECT COUNT(*) FROM job WHERE kind = 'crl.publish' AND state = 0");
}

static void
planned(struct desk *d)
{
    struct ca_office *app[1] = { d->office }; /* the app of these jobs begins with the office */
    struct job job = { .kind = "crl.plan" };
    struct crl_published current;
    struct ca_order waits = { .name = "Outside", .outside = true, .path_len = -1 };
    int64_t keys, outside; /* that has no certificate yet, so it has no list */

    (void)new_list(d, issuing_key(d));
    (void)new_list(d, root_key(d));
    keys = number_of(d, "SELECT COUNT(*) FROM crl_scope");
    assert_ok(d->s, ca_create(d->s, d->office, &waits, NULL, &outside));
    change(d, "DELETE FROM job");
    assert_ok(d->s, crl_current(d->s, d->office, issuing_key(d), &current));
    clock_tell_offset_ms(DAY_MS - 10 * MINUTE_MS);
    assert_ok(d->s, crl_plan_kind.run(d->s, app, &job));
    assert_int_equal(waiting(d), 0);
    clock_tell_offset_ms(DAY_MS + MINUTE_MS);
    assert_ok(d->s, crl_plan_kind.run(d->s, app, &job));
    assert_int_equal(waiting(d), keys);
    assert_ok(d->s, crl_plan_kind.run(d->s, app, &job));
    assert_int_equal(waiting(d), keys); /* one for each, however often one looks */
    /* two days are left for whoever has to mend what keeps the next one from coming */
    assert_true(when_cmp(when_add_ms(clock_now(), 2 * DAY_MS - HOUR_MS), current.next_update) < 0);
}
TEST(the_next_list_is_due_two_days_before_the_present_one_ends)
{
    at_both_desks(planned);
}

static void
stays(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct crl_entry entry = { 0 };
    struct cert first, second;
    int64_t id = new_leaf(d, key, 7200, &first), lasting = new_leaf(d, key, 30 * 86400, &second);
    struct crl crl = new_list(d, key);

    assert_false(crl_find(&crl, first.serial, &entry));
    revoke(d, id, 1);
    revoke(d, lasting, 0);
    crl = new_list(d, key);
    assert_int_equal(crl.count, 2);
    assert_true(crl_find(&crl, first.serial, &entry));
    assert_int_equal(entry.reason, 1);
    assert_true(crl_find(&crl, second.serial, &entry));
    assert_false(crl.encoded_unspecified); /* reason 0 is left out */
    assert_false(crl.critical_entry_reason);
    clock_tell_offset_ms(3 * HOUR_MS); /* its end has passed: once more it is told */
    crl = new_list(d, key);
    assert_true(crl_find(&crl, first.serial, &entry));
    crl = new_list(d, key);
    assert_false(crl_find(&crl, first.serial, &entry));
    assert_true(crl_find(&crl, second.serial, &entry));
    assert_int_equal(crl.count, 1);
}
TEST(an_entry_stays_until_a_list_after_its_certificates_end)
{
    at_both_desks(stays);
}

static void
vanishes(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct crl_published current;
    struct crl_entry entry;
    struct cert cert;
    struct crl crl;

    revoke(d, new_leaf(d, key, 30 * 86400, &cert), 1);
    crl = new_list(d, key);
    /* a mistake anywhere that would drop a living entry: the list is not published */
    change(d, "UPDATE certificate SET ca_key = NULL WHERE revoked_at IS NOT NULL");
    assert_true(crl_publish(d->s, d->office, key->crl_scope) != OK);
    assert_int_equal(d->s->error.code, CHY_LINT_FAILED);
    scope_clear(d->s);
    assert_ok(d->s, crl_current(d->s, d->office, key, &current));
    assert_ok(d->s, crl_read(d->s, current.der, &crl));
    assert_true(crl_find(&crl, cert.serial, &entry));
}
TEST(a_list_that_lost_a_living_entry_is_not_published)
{
    at_both_desks(vanishes);
}

/* Parts and deltas. */

static void
set_lists(struct desk *d, int64_t shards, int64_t delta_ms)
{
    struct ca_lists lists = { { true, shards }, { true, delta_ms } };

    assert_ok(d->s, ca_set_lists(d->s, d->office, issuing_key(d)->authority, &lists, 0, NULL));
}

static struct crl
list_now(struct desk *d, int64_t scope, bool delta)
{
    struct crl_published published;
    struct crl crl;

    assert_ok(d->s, crl_current_of(d->s, d->office, scope, delta, &published));
    assert_ok(d->s, crl_read(d->s, published.der, &crl));
    return crl;
}

static int64_t
scope_of(struct desk *d, int64_t shard)
{
    return number_of(d,
                     arena_printf(d->s->arena,
                                  "SELECT id FROM crl_scope WHERE ca_key = %lld AND shard = %lld",
                                  (long long)issuing_key(d)->id, (long long)shard));
}

static void
stays_in_both(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct crl_entry entry = { 0 };
    struct cert cert;
    struct crl crl;
    int64_t id, part;

    set_lists(d, 2, 0);
    part = scope_of(d, 2);
    id = new_leaf(d, key, 7200, &cert);
    change(d, arena_printf(d->s->arena, "UPDATE certificate SET crl_shard = 2 WHERE id = %lld",
                           (long long)id));
    revoke(d, id, 1);
    assert_ok(d->s, crl_publish(d->s, d->office, part));
    crl = list_now(d, part, false);
    assert_true(crl_find(&crl, cert.serial, &entry));
    assert_true(crl.has_scope && crl.scope_critical && crl.only_user);
    crl = list_now(d, scope_of(d, 1), false);
    assert_int_equal(crl.count, 0);
    clock_tell_offset_ms(3 *
                         HOUR_MS); /* its end has passed: each of its lists tells it once more */
    for (int i = 0; i < 2; i++) {
        crl = new_list(d, key);
        assert_true(crl_find(&crl, cert.serial, &entry));
    }
    assert_ok(d->s, crl_publish(d->s, d->office, part));
    crl = list_now(d, part, false);
    assert_true(crl_find(&crl, cert.serial, &entry));
    assert_ok(d->s, crl_publish(d->s, d->office, part));
    crl = list_now(d, part, false);
    assert_int_equal(crl.count, 0);
    crl = new_list(d, key);
    assert_int_equal(crl.count, 0);
}
TEST(an_entry_stays_in_its_part_and_in_the_whole_list_until_each_told_its_end)
{
    at_both_desks(stays_in_both);
}

static void
covers(struct desk *d)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = NULL;
    const struct ca_key *key;
    bool seen[5] = { false }, delta;

    set_lists(d, 4, 0);
    snap = ca_snapshot_ref(d->office);
    key = ca_key_by_id(snap, issuing_key(d)->id);
    assert_int_equal(key->shards_open, 4);
    for (int i = 0; i < 400; i++) {
        const struct ca_shard *shard = ca_shard_choose(key);
        struct cert cert = { 0 };
        const char *url = NULL;

        assert_in_range(shard->number, 1, 4);
        seen[shard->number] = true;
        list_add(d->s->arena, &cert.exts.cdp, const char *, shard->url);
        assert_int_equal(ca_shard_named(key, &cert, &url), shard->number);
        assert_ptr_equal(url, shard->url);
        assert_int_equal(ca_list_named(snap, shard->file, &delta), shard->scope);
        assert_false(delta);
        assert_int_equal(ca_list_named(snap, shard->delta_file, &delta), shard->scope);
        assert_true(delta);
    }
    assert_true(seen[1] && seen[2] && seen[3] && seen[4]);
    assert_int_equal(number_of(d, "SELECT COUNT(*) FROM crl_scope WHERE shard > 0 AND published IS "
                                  "NULL"),
                     0);
    assert_int_equal(ca_list_named(snap, "test-issuing-ca-1-1-5.crl", &delta), 0);
}
TEST(every_certificate_falls_in_one_part_and_each_part_is_published_before)
{
    at_both_desks(covers);
}

static void
unpublished(struct desk *d)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = NULL;

    set_lists(d, 3, 0);
    change(d, "UPDATE crl_scope SET published = NULL WHERE shard = 2");
    assert_ok(d->s, ca_office_reload(d->s, d->office));
    snap = ca_snapshot_ref(d->office);
    assert_null(ca_shard_choose(ca_key_by_id(snap, issuing_key(d)->id)));
}
TEST(no_certificate_names_a_part_that_is_not_published)
{
    at_both_desks(unpublished);
}

static void
goes_on(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    struct cert cert;
    struct crl base, delta, before;
    struct crl_entry entry;
    struct crl_published have;

    assert_err(E_NOT_FOUND, crl_current_of(d->s, d->office, key->crl_scope, true, &have));
    scope_clear(d->s);
    set_lists(d, 0, HOUR_MS);
    base = new_list(d, key);
    before = list_now(d, key->crl_scope, true);
    assert_true(base.has_freshest && before.is_delta);
    assert_int_equal(number_in(&before), number_in(&base)); /* at one moment: one number */
    revoke(d, new_leaf(d, key, 30 * 86400, &cert), 4);
    assert_ok(d->s, crl_publish_delta(d->s, d->office, key->crl_scope));
    delta = list_now(d, key->crl_scope, true);
    assert_int_equal(number_in(&delta), number_in(&base) + 1); /* numbers are shared */
    assert_true(bytes_eq(delta.base, base.number));
    assert_true(crl_find(&delta, cert.serial, &entry));
    assert_int_equal(delta.count, 1);
    before = list_now(d, key->crl_scope, false);
    assert_true(bytes_eq(before.der, base.der)); /* a delta leaves the full list alone */
    base = new_list(d, key);
    assert_int_equal(number_in(&base), number_in(&delta) + 1);
    assert_true(crl_find(&base, cert.serial, &entry));
    /* the delta beside it is for those who have the list before */
    delta = list_now(d, key->crl_scope, true);
    assert_int_equal(number_in(&delta), number_in(&base));
    assert_true(bytes_eq(delta.base, before.number));
    assert_true(crl_find(&delta, cert.serial, &entry));
    assert_ok(d->s, crl_publish_delta(d->s, d->office, key->crl_scope));
    delta = list_now(d, key->crl_scope, true);
    assert_int_equal(delta.count, 0);
    clock_tell_offset_ms(2 * HOUR_MS + MINUTE_MS); /* one that ended is not given */
    assert_err(E_NOT_FOUND, crl_current_of(d->s, d->office, key->crl_scope, true, &have));
}
TEST(a_delta_goes_on_from_the_published_list_and_shares_its_numbers)
{
    at_both_desks(goes_on);
}

static void
deltas_planned(struct desk *d)
{
    static const char due[] = "SELECT COUNT(*) FROM job WHERE kind = 'crl.publish' AND state = 0 "
                              "AND payload LIKE '%true%'";
    const struct ca_key *key = issuing_key(d);

    set_lists(d, 0, 6 * HOUR_MS);
    (void)new_list(d, key);
    change(d, "DELETE FROM job");
    clock_tell_offset_ms(5 * HOUR_MS);
    assert_ok(d->s, crl_plan_now(d->s, d->office));
    assert_int_equal(number_of(d, due), 0);
    clock_tell_offset_ms(6 * HOUR_MS);
    assert_ok(d->s, crl_plan_now(d->s, d->office));
    assert_int_equal(number_of(d, due), 1);
    assert_int_equal(waiting(d), 1); /* the full list is not due */
}
TEST(the_next_delta_is_due_before_the_present_one_ends)
{
    at_both_desks(deltas_planned);
}

static void
lost_part(struct desk *d)
{
    const struct ca_key *key = issuing_key(d);
    int64_t last;

    set_lists(d, 1, 0);
    for (int i = 0; i < 3; i++)
        assert_ok(d->s, crl_publish(d->s, d->office, scope_of(d, 1)));
    last = number_of(d, "SELECT number FROM crl_scope WHERE shard = 1");
    /* a backup from before the part is restored: numbers jump, and the part is made anew */
    change(d, "DELETE FROM crl WHERE scope = (SELECT id FROM crl_scope WHERE shard = 1)");
    change(d, "DELETE FROM crl_scope WHERE shard = 1");
    change(d, "UPDATE crl_scope SET number = number + 1048576");
    change(d, "UPDATE authority SET crl_shards = 0");
    assert_ok(d->s, ca_office_reload(d->s, d->office));
    set_lists(d, 1, 0);
    assert_true(number_of(d, "SELECT number FROM crl_scope WHERE shard = 1") > last + 1000000);
    assert_true(
        number_of(d, arena_printf(d->s->arena, "SELECT MIN(number) FROM crl WHERE scope = %lld",
                                  (long long)scope_of(d, 1))) > last);
    (void)key;
}
TEST(a_part_that_is_made_anew_uses_no_number_again)
{
    at_both_desks(lost_part);
}

#include "flow/recovery.h"

#include "flow/keys.h"
#include "flow/test_fixture.h"

/** A key that two people recover, and three who may. */
struct stage {
    struct house *h;
    const struct caller *ana, *bob, *eve;
    struct recover ask;
};

static const struct grant may[] = { { PERM_CERTIFICATES_RECOVER, GRANT_GLOBAL, 0 } };

static void
stage_init(struct stage *st, struct house *h, const struct secret *password)
{
    struct enroll in = { .caller = &caller_system,
                         .endpoint = "test",
                         .make_key = true,
                         .keep_key = true,
                         .key = { .type = "ECC" },
                         .subject = "CN=web.example.com",
                         .template_name = "WebServer",
                         .not_before = WHEN_NONE,
                         .not_after = WHEN_NONE };
    struct enrolled got;

    h->flow.recovery.approval = true;
    h->flow.recovery.wait_ms = 2 * HOUR_MS;
    h->flow.recovery.take_ms = HOUR_MS;
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    *st = (struct stage){ .h = h,
                          .ana = user(h, "ana", "role of ana", may, 1),
                          .bob = user(h, "bob", "role of bob", may, 1),
                          .eve = user(h, "eve", "role of eve", may, 1) };
    st->ask = (struct recover){ .caller = st->ana,
                                .certificate = got.certificate_id,
                                .password = password };
}

/** Ask again as Ana; the error it comes to. */
static enum err
take(struct stage *st, int *code)
{
    struct recovered file;
    enum err e;

    scope_clear(st->h->s);
    e = flow_recover(st->h->s, &st->h->flow, &st->ask, &file);
    *code = (int)st->h->s->error.code;
    return e;
}

static void
assert_waits(struct stage *st)
{
    int code;

    assert_err(E_CONFLICT, take(st, &code));
    assert_int_equal(code, CHY_RECOVERY_WAITS);
}

static enum err
approve(struct stage *st, const struct caller *by, int64_t id)
{
    struct decision d = { .caller = by, .id = id };
    struct recovery r;

    scope_clear(st->h->s);
    return recovery_approve(st->h->s, &st->h->flow, &d, &r);
}

static enum recovery_state
state_of(struct stage *st, int64_t id)
{
    struct recovery r;

    scope_clear(st->h->s);
    assert_ok(st->h->s, recovery_get(st->h->s, &st->h->flow, st->eve, id, &r));
    return r.state;
}

static void
told_by_time(struct house *h)
{
    AUTO(secret_free) struct secret *password = secret_copy(BYTES("correct horse"));
    int64_t lapsed = -1;
    struct stage st;
    int code;

    stage_init(&st, h, password);
    assert_waits(&st);
    clock_tell_offset_ms(2 * HOUR_MS - 60000);
    assert_ok(h->s, approve(&st, st.bob, 1)); /* at the last minute, and an hour from now on */
    clock_tell_offset_ms(3 * HOUR_MS);
    assert_int_equal(state_of(&st, 1), RECOVERY_LAPSED);
    assert_waits(&st); /* asked for anew */
    assert_int_equal(state_of(&st, 2), RECOVERY_WAITS);
    assert_ok(h->s, recoveries_expire(h->s, &h->flow, &lapsed));
    assert_int_equal(lapsed, 1);
    assert_ok(h->s, recoveries_expire(h->s, &h->flow, &lapsed));
    assert_int_equal(lapsed, 0);
    clock_tell_offset_ms(5 * HOUR_MS + 60000);
    assert_err(E_CONFLICT, approve(&st, st.bob, 2));
    assert_waits(&st);
    assert_ok(h->s, approve(&st, st.bob, 3));
    assert_ok(h->s, take(&st, &code));
    assert_int_equal(state_of(&st, 3), RECOVERY_GIVEN);
    assert_int_equal(events(h, "certificate.key.lapse").count, 1);
    assert_int_equal(events(h, "certificate.key.recover").count, 1);
    clock_tell_offset_ms(0);
}

TEST(a_recovery_waits_and_is_taken_in_its_time_and_not_after_it)
{
    in_both_houses(told_by_time);
}

static void
decided_by_others(struct house *h)
{
    AUTO(secret_free) struct secret *password = secret_copy(BYTES("correct horse"));
    struct decision deny = { .id = 1, .comment = "no" };
    struct recovery r;
    struct stage st;
    int code;

    stage_init(&st, h, password);
    assert_waits(&st);
    assert_err(E_FORBIDDEN, approve(&st, st.ana, 1));
    assert_int_equal(h->s->error.code, CHY_OWN_REQUEST);
    assert_err(E_FORBIDDEN, approve(&st, &caller_system, 1)); /* nobody in person */
    assert_ok(h->s, test_write(h, "UPDATE app_user SET name = 'ANA@contoso.com' WHERE id = $1",
                               BIND(v_int(st.bob->id))));
    assert_err(E_FORBIDDEN, approve(&st, st.bob, 1));
    assert_says(h->s, "the same name");
    assert_ok(h->s, test_write(h, "UPDATE app_user SET name = 'ana (keycloak)' WHERE id = $1",
                               BIND(v_int(st.bob->id))));
    assert_err(E_FORBIDDEN, approve(&st, st.bob, 1));
    assert_ok(h->s, test_write(h, "UPDATE app_user SET name = 'ana2' WHERE id = $1",
                               BIND(v_int(st.bob->id))));
    assert_ok(h->s, approve(&st, st.bob, 1));
    assert_err(E_CONFLICT, approve(&st, st.eve, 1));
    /* who turns out to be Ana has not approved it */
    assert_ok(h->s, test_write(h, "UPDATE app_user SET name = 'CONTOSO\\ana' WHERE id = $1",
                               BIND(v_int(st.bob->id))));
    assert_waits(&st);
    assert_int_equal(state_of(&st, 1), RECOVERY_LAPSED);
    deny.id = 2;
    deny.caller = st.eve;
    assert_ok(h->s, recovery_deny(h->s, &h->flow, &deny, &r));
    assert_err(E_FORBIDDEN, take(&st, &code));
    assert_int_equal(code, CHY_REQUEST_DENIED);
    assert_int_equal(events(h, "certificate.key.recover").count, 0);
}

TEST(a_recovery_is_decided_about_by_another_person_than_asked)
{
    in_both_houses(decided_by_others);
}

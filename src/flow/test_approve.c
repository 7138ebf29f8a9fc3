/* Requests that wait: decided once, by somebody else, and judged anew when they are. */
#include "flow/test_fixture.h"

#include "codec/json.h"
#include "flow/approve.h"
#include "flow/recover.h"
#include "issue/pattern.h"
#include "jobs/jobs.h"

#define BODY(more)                                                                         \
    "{\"key_types\":[\"ec\"],\"subject\":[{\"type\":\"CN\"}],\"san_dns\":\"optional\","    \
    "\"eku\":[\"serverAuth\"],\"key_usage\":[\"digitalSignature\"],\"requires_approval\":" \
    "true" more "}"

/* The template "guarded", with these members too; made, or its next version. */
static int64_t
guarded(struct house *h, const char *body)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(h->shelf);
    const struct template *t = template_find(all, "guarded");
    struct template_edit edit = { .id = t ? t->id : 0,
                                  .name = "guarded",
                                  .body = bytes_of_text(body) };
    int64_t id;

    assert_ok(h->s, template_save(h->s, h->shelf, &edit, NULL, &id));
    return id;
}

/* What CALLER asked for, and waits. */
static struct cert_request
waiting(struct house *h, const struct caller *caller, const char *host)
{
    struct enroll in = ask(h, caller, host);
    struct cert_request out;
    struct enrolled got;

    in.template_name = "guarded";
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    assert_int_equal(got.disposition, DISPOSITION_PENDING);
    assert_ok(h->s, flow_request(h->s, &h->flow, caller, got.request_id, &out));
    assert_int_equal(out.state, REQUEST_WAITS);
    return out;
}

/* The same with a key of the server's. */
static struct cert_request
waiting_with_key(struct house *h, const struct caller *caller, const char *host)
{
    struct enroll in = { .caller = caller,
                         .endpoint = "test",
                         .template_name = "guarded",
                         .make_key = true,
                         .subject = arena_printf(h->s->arena, "CN=%s", host),
                         .not_before = WHEN_NONE,
                         .not_after = WHEN_NONE };
    struct cert_request out;
    struct enrolled got;

    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    assert_int_equal(got.disposition, DISPOSITION_PENDING);
    assert_ok(h->s, flow_request(h->s, &h->flow, caller, got.request_id, &out));
    assert_true(out.made_key != 0);
    return out;
}

static struct decision
by(const struct caller *caller, const struct cert_request *r)
{
    return (struct decision){ .caller = caller, .id = r->id, .comment = "as agreed" };
}

static void
refused(struct house *h, const struct decision *d, enum err e, enum code code)
{
    struct cert_request got;

    assert_err(e, flow_approve(h->s, &h->flow, d, &got));
    assert_int_equal(h->s->error.code, code);
    scope_clear(h->s);
}

static void
approves(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_REQUESTER, NULL, 0),
                        *bob = user(h, "bob", ROLE_OPERATOR, NULL, 0);
    struct cert_request r, got;
    struct decision d;
    struct cert_row row;

    (void)guarded(h, BODY(""));
    r = waiting(h, ana, "a.example.com");
    assert_string_equal(r.subject, "CN=a.example.com");
    assert_int_equal(r.names.count, 1);
    d = by(bob, &r);
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &got));
    assert_int_equal(got.state, REQUEST_ISSUED);
    assert_string_equal(got.decider, "bob");
    assert_string_equal(got.comment, "as agreed");
    assert_ok(h->s, catalog_get(h->s, h->db, got.certificate, WITH_NAMES, &row));
    assert_int_equal(row.request, r.id);
    assert_string_equal(row.requester, "ana");
    assert_int_equal(row.names.count, 1);
    assert_int_equal(events(h, "request.approve").count, 1);
    /* once is enough, and it is final */
    refused(h, &d, E_CONFLICT, CHY_WRONG_STATE);
    assert_err(E_CONFLICT, flow_deny(h->s, &h->flow, &d, &got));
    assert_ok(h->s, flow_resume(h->s, &h->flow, r.id));
    assert_int_equal(count(h, "certificate WHERE request IS NOT NULL"), 1);
}

TEST(an_approved_request_becomes_the_certificate_that_was_shown)
{
    in_both_houses(approves);
}

static void
denies(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_REQUESTER, NULL, 0),
                        *bob = user(h, "bob", ROLE_OPERATOR, NULL, 0);
    struct cert_request r, got;
    struct decision d;

    (void)guarded(h, BODY(""));
    r = waiting_with_key(h, ana, "a.example.com");
    assert_int_equal(count(h, "private_key WHERE purpose = 'certificate'"), 1);
    d = by(bob, &r);
    assert_ok(h->s, flow_deny(h->s, &h->flow, &d, &got));
    assert_int_equal(got.state, REQUEST_DENIED);
    assert_string_equal(got.message, "Denied by bob: as agreed");
    assert_int_equal(count(h, "private_key WHERE purpose = 'certificate'"), 0);
    assert_err(E_CONFLICT, flow_approve(h->s, &h->flow, &d, &got));
    assert_err(E_CONFLICT, flow_deny(h->s, &h->flow, &d, &got));
    assert_int_equal(events(h, "request.denied").count, 1);
    assert_int_equal(count(h, "certificate WHERE request IS NOT NULL"), 0);
}

TEST(a_denial_is_final_and_takes_the_key_with_it)
{
    in_both_houses(denies);
}

static void
denies_first(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_REQUESTER, NULL, 0),
                        *bob = user(h, "bob", ROLE_OPERATOR, NULL, 0);
    struct cert_request r, got = { .id = -1 };
    struct decision d;

    (void)guarded(h, BODY(""));
    r = waiting(h, ana, "a.example.com");
    d = by(bob, &r);
    /* as if another server had denied it right after the approval was written down */
    assert_ok(h->s, test_write(h,
                               "CREATE TRIGGER meanwhile AFTER UPDATE ON request WHEN "
                               "NEW.pending_kind = 3 BEGIN UPDATE request SET disposition = 3, "
                               "pending_kind = 0, decider_name = 'ra2' WHERE id = NEW.id; END",
                               BIND()));
    assert_err(E_CONFLICT, flow_approve(h->s, &h->flow, &d, &got));
    assert_int_equal(h->s->error.code, CHY_WRONG_STATE);
    assert_says(h->s, "is denied already, by ra2");
    assert_int_equal(got.id, -1);
    assert_int_equal(count(h, "certificate WHERE request IS NOT NULL"), 0);
}

TEST(who_approves_what_is_denied_before_it_is_issued_is_told_so)
{
    in_house(denies_first);
}

/* A certificate for HOST with KEY, whose subject the client did not choose: asked for, and approved
 * by BOB. */
static void
shares(struct house *h, const struct caller *bob, EVP_PKEY *key, const char *host)
{
    struct enroll in = ask(h, &caller_system, host);
    struct cert_request out;
    struct decision d = { .caller = bob };
    struct enrolled got;

    in.template_name = "guarded";
    in.csr = new_csr(h, key, host);
    in.subject_of_names = true;
    assert_ok(h->s, flow_enroll(h->s, &h->flow, &in, &got));
    d.id = got.request_id;
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &out));
    assert_int_equal(out.state, REQUEST_ISSUED);
}

static void
shares_key(struct house *h)
{
    const struct caller *bob = user(h, "bob", ROLE_OPERATOR, NULL, 0);
    EVP_PKEY *key = new_key(h);
    struct enroll in = ask(h, &caller_system, "c.example.com");
    struct enrolled got;

    (void)guarded(h, BODY(""));
    shares(h, bob, key, "a.example.com");
    shares(h, bob, key, "b.example.com");
    in.template_name = "guarded";
    in.csr = new_csr(h, key, "c.example.com"); /* a subject that was chosen */
    assert_err(E_INVALID, flow_enroll(h->s, &h->flow, &in, &got));
    assert_int_equal(h->s->error.code, CHY_KEY_REUSED);
}

TEST(a_key_is_shared_by_subjects_that_nobody_chose_also_when_they_wait_for_an_approval)
{
    in_both_houses(shares_key);
}

static void
who(struct house *h)
{
    int64_t guarded_id = guarded(h, BODY("")), other;
    const struct caller *ana = user(h, "ana", ROLE_REQUESTER, NULL, 0),
                        *eve = user(h, "eve", ROLE_REQUESTER, NULL, 0),
                        *bob = user(h, "bob", ROLE_OPERATOR, NULL, 0), *here, *elsewhere;
    struct cert_request r = waiting(h, ana, "a.example.com"), got;
    struct request_query q = { .limit = 10 };
    struct list found;
    struct decision d;

    other = guarded_id + 1000;
    here = user(h, "here", "Here",
                &(struct grant){ PERM_WORKFLOWS_PARTICIPATE, GRANT_TEMPLATE, guarded_id }, 1);
    elsewhere = user(h, "elsewhere", "Elsewhere",
                     &(struct grant){ PERM_WORKFLOWS_PARTICIPATE, GRANT_TEMPLATE, other }, 1);
    d = by(ana, &r); /* sees it, and may not decide */
    assert_err(E_FORBIDDEN, flow_approve(h->s, &h->flow, &d, &got));
    d = by(eve, &r); /* there is none */
    assert_err(E_NOT_FOUND, flow_approve(h->s, &h->flow, &d, &got));
    assert_err(E_NOT_FOUND, flow_withdraw(h->s, &h->flow, &d, &got));
    d = by(elsewhere, &r);
    assert_err(E_NOT_FOUND, flow_deny(h->s, &h->flow, &d, &got));
    assert_ok(h->s, flow_requests(h->s, &h->flow, eve, &q, &found));
    assert_int_equal(found.count, 0);
    assert_ok(h->s, flow_requests(h->s, &h->flow, elsewhere, &q, &found));
    assert_int_equal(found.count, 0);
    assert_ok(h->s, flow_requests(h->s, &h->flow, ana, &q, &found));
    assert_int_equal(found.count, 1);
    assert_ok(h->s, flow_requests(h->s, &h->flow, bob, &q, &found));
    assert_int_equal(found.count, 1);
    assert_ok(h->s, flow_requests(h->s, &h->flow, here, &q, &found));
    assert_int_equal(found.count, 1);
    q.mine = true;
    assert_ok(h->s, flow_requests(h->s, &h->flow, bob, &q, &found));
    assert_int_equal(found.count, 0);
    d = by(here, &r);
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &got));
    assert_int_equal(got.state, REQUEST_ISSUED);
}

TEST(who_may_see_and_decide_is_a_matter_of_the_template)
{
    in_house(who);
}

static void
four_eyes(struct house *h)
{
    const struct caller *root = user(h, "root", ROLE_ADMINISTRATOR, NULL, 0),
                        *eve = user(h, "eve", ROLE_ADMINISTRATOR, NULL, 0);
    struct cert_request r, got;
    struct decision d;

    (void)guarded(h, BODY(""));
    r = waiting(h, root, "own.example.com");
    d = by(root, &r);
    refused(h, &d, E_FORBIDDEN, CHY_OWN_REQUEST);
    d = by(eve, &r);
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &got));
    (void)guarded(h, BODY(",\"self_approval\":true"));
    r = waiting(h, root, "own.example.org");
    d = by(root, &r);
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &got));
    assert_int_equal(got.state, REQUEST_ISSUED);
    r = waiting(h, root, "back.example.org");
    d = by(root, &r);
    assert_ok(h->s, flow_withdraw(h->s, &h->flow, &d, &got));
    assert_int_equal(got.state, REQUEST_DENIED);
    assert_int_equal(events(h, "request.withdraw").count, 1);
}

TEST(nobody_approves_their_own_request_unless_the_template_says_so)
{
    in_house(four_eyes);
}

static void
anew(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_REQUESTER, NULL, 0),
                        *bob = user(h, "bob", ROLE_OPERATOR, NULL, 0);
    struct user off = { .enabled = { true, false } };
    struct cert_request r, got;
    struct decision d;

    (void)guarded(h, BODY(""));
    r = waiting(h, ana, "a.example.com");
    d = by(bob, &r);
    /* the template: names, key, subject */
    (void)guarded(h, BODY(",\"permitted\":[\"*.example.org\"]"));
    refused(h, &d, E_INVALID, CHY_NAME_NOT_ALLOWED);
    (void)guarded(h, "{\"key_types\":[\"rsa\"],\"subject\":[{\"type\":\"CN\"}],\"san_dns\":"
                     "\"optional\",\"eku\":[\"serverAuth\"],\"key_usage\":[\"digitalSignature\"]}");
    refused(h, &d, E_INVALID, CHY_KEY_NOT_ALLOWED);
    (void)guarded(h, "{\"key_types\":[\"ec\"],\"subject\":[{\"type\":\"CN\"},{\"type\":\"O\","
                     "\"mode\":\"fixed\",\"value\":\"Contoso\"}],\"san_dns\":\"optional\","
                     "\"eku\":[\"serverAuth\"],\"key_usage\":[\"digitalSignature\"]}");
    refused(h, &d, E_INVALID, CHY_NAME_NOT_ALLOWED);
    (void)guarded(h, BODY(",\"allowed_requesters\":[\"Administrator\"]"));
    refused(h, &d, E_INVALID, CHY_TEMPLATE_FORBIDDEN);
    (void)guarded(h, BODY(""));
    /* who asked */
    assert_ok(h->s, user_find(h->s, h->access, "ana", &off));
    off.enabled = (struct opt_bool){ true, false };
    off.version = 0;
    assert_ok(h->s, user_edit(h->s, h->access, &caller_system, &off, NULL));
    refused(h, &d, E_INVALID, CHY_TEMPLATE_FORBIDDEN);
    off.enabled.value = true;
    assert_ok(h->s, user_edit(h->s, h->access, &caller_system, &off, NULL));
    /* the key */
    assert_ok(h->s, test_write(h,
                               "INSERT INTO blocked_key (key_hash, source, created_at) VALUES "
                               "($1, 'test', $2)",
                               BIND(v_bytes(r.key_hash), v_when(clock_now()))));
    refused(h, &d, E_INVALID, CHY_BLOCKED_KEY);
    assert_ok(h->s, test_write(h, "DELETE FROM blocked_key", BIND_NONE));
    /* none of that was an approval */
    assert_int_equal(events(h, "request.approve").count, 0);
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &got));
    assert_int_equal(got.state, REQUEST_ISSUED);
}

TEST(everything_is_judged_anew_when_it_is_approved)
{
    in_house(anew);
}

/* Approved by BOB, and the server died before anything was signed. */
static void
approve_only(struct house *h, const struct caller *bob, const struct cert_request *r)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(h->shelf);
    uint8_t hash[SHA256_LEN], settings[SHA256_LEN];

    hash_sha256(r->csr, hash);
    everywhere_digest(h->s, all, settings);
    assert_ok(h->s, test_write(h,
                               "UPDATE request SET pending_kind = 3, decider_kind = 1, decider_id "
                               "= $2, decider_name = 'bob', approved_at = $3, approved_version = "
                               "$4, approved_hash = $5, approved_settings = $6, approved_pattern = "
                               "(SELECT version FROM enrollment_pattern e WHERE e.id = "
                               "request.enrollment_pattern) "
                               "WHERE id = $1",
                               BIND(v_int(r->id), v_int(bob->id), v_when(clock_now()),
                                    v_int(template_find(all, "guarded")->version_id),
                                    v_bytes((struct bytes){ hash, SHA256_LEN }),
                                    v_bytes((struct bytes){ settings, SHA256_LEN }))));
}

/* Let this hold beside every template. */
static void
everywhere(struct house *h, const char *json)
{
    struct pattern_body body = { 0 };

    assert_ok(h->s,
              json_decode(h->s, &pattern_body_model, JSON_STRICT, bytes_of_text(json), &body));
    assert_ok(h->s, everywhere_save(h->s, h->shelf, &body, NULL));
}

/* Save the pattern anew. */
static void
repattern(struct house *h, int64_t id)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(h->shelf);
    const struct pattern *p = pattern_by_id(all, id);
    struct pattern_edit edit = { .id = id,
                                 .name = p->name,
                                 .description = "changed",
                                 .is_default = p->is_default,
                                 .body = *p->body };

    assert_ok(h->s, pattern_save(h->s, h->shelf, &edit, NULL, &id));
}

static void
resumes(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_REQUESTER, NULL, 0),
                        *bob = user(h, "bob", ROLE_OPERATOR, NULL, 0);
    struct cert_request r, got;
    struct decision d;
    size_t pending;
    int64_t n;

    (void)guarded(h, BODY(""));
    r = waiting(h, ana, "a.example.com");
    approve_only(h, bob, &r);
    d = by(bob, &r);
    assert_err(E_CONFLICT, flow_approve(h->s, &h->flow, &d, &got)); /* it is approved already */
    assert_ok(h->s, flow_resume(h->s, &h->flow, r.id));
    assert_ok(h->s, flow_resume(h->s, &h->flow, r.id));
    assert_ok(h->s, flow_request(h->s, &h->flow, ana, r.id, &got));
    assert_int_equal(got.state, REQUEST_ISSUED);
    assert_int_equal(count(h, "certificate WHERE request IS NOT NULL"), 1);

    /* the template was edited in between: somebody looks again */
    r = waiting(h, ana, "b.example.com");
    pending = events(h, "request.pending").count;
    approve_only(h, bob, &r);
    (void)guarded(h, BODY(",\"max_names\":50"));
    assert_ok(h->s, flow_resume(h->s, &h->flow, r.id));
    assert_ok(h->s, flow_request(h->s, &h->flow, ana, r.id, &got));
    assert_int_equal(got.state, REQUEST_WAITS);
    assert_null(got.decider);

    /* and so they do when something else holds beside every template, or in its pattern */
    approve_only(h, bob, &r);
    everywhere(h, "{\"wildcards\":true}");
    assert_ok(h->s, flow_resume(h->s, &h->flow, r.id));
    assert_ok(h->s, flow_request(h->s, &h->flow, ana, r.id, &got));
    assert_int_equal(got.state, REQUEST_WAITS);
    approve_only(h, bob, &r);
    repattern(h, r.pattern_id);
    assert_ok(h->s, flow_resume(h->s, &h->flow, r.id));
    assert_ok(h->s, flow_request(h->s, &h->flow, ana, r.id, &got));
    assert_int_equal(got.state, REQUEST_WAITS);
    assert_int_equal(events(h, "request.pending").count, pending + 3);

    /* an approval is of one CSR */
    approve_only(h, bob, &r);
    assert_ok(h->s,
              test_write(h, "UPDATE request SET csr = $2 WHERE id = $1",
                         BIND(v_int(r.id), v_bytes(new_csr(h, new_key(h), "b.example.com")))));
    assert_ok(h->s, flow_resume(h->s, &h->flow, r.id));
    assert_ok(h->s, flow_request(h->s, &h->flow, ana, r.id, &got));
    assert_int_equal(got.state, REQUEST_FAILED);

    /* against the policy now: it has failed, for good, and its key is gone */
    r = waiting_with_key(h, ana, "c.example.com");
    approve_only(h, bob, &r);
    assert_ok(h->s, test_write(h,
                               "INSERT INTO blocked_key (key_hash, source, created_at) VALUES "
                               "($1, 'test', $2)",
                               BIND(v_bytes(r.key_hash), v_when(clock_now()))));
    assert_ok(h->s, flow_resume(h->s, &h->flow, r.id));
    assert_ok(h->s, flow_request(h->s, &h->flow, ana, r.id, &got));
    assert_int_equal(got.state, REQUEST_FAILED);
    assert_int_equal(count(h, "private_key WHERE purpose = 'certificate'"), 0);
    assert_int_equal(events(h, "request.failed").count, 2);

    /* one that lost its job gets another */
    r = waiting(h, ana, "d.example.com");
    approve_only(h, bob, &r);
    clock_tell_offset_ms(MINUTE_MS);
    assert_ok(h->s, flow_requests_expire(h->s, &h->flow, when_add_ms(clock_now(), -DAY_MS), &n));
    assert_int_equal(n, 0);
    assert_int_equal(count(h, "job WHERE kind = 'request.issue'"), 1);
}

TEST(what_was_approved_is_issued_later_once_and_only_as_it_was_approved)
{
    in_both_houses(resumes);
}

static enum err
collect(struct house *h, const struct caller *caller, const struct cert_request *r)
{
    AUTO(secret_free) struct secret *password = secret_copy(bytes_of_text("correct horse battery"));
    struct recover in = { .caller = caller, .form = BUNDLE_PFX, .password = password };
    struct recovered out;
    enum err e = flow_collect(h->s, &h->flow, &in, r->id, &out);

    if (e == OK)
        assert_true(out.file.len > 100);
    else
        scope_clear(h->s);
    return e;
}

static void
collects(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_REQUESTER, NULL, 0),
                        *root = user(h, "root", ROLE_ADMINISTRATOR, NULL, 0);
    struct cert_request r, got;
    struct decision d;

    (void)guarded(h, BODY(""));
    r = waiting_with_key(h, ana, "a.example.com");
    assert_err(E_CONFLICT, collect(h, ana, &r));
    d = by(root, &r);
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &got));
    assert_err(E_NOT_FOUND, collect(h, root, &r)); /* who recovers keys of others says so */
    assert_ok(h->s, collect(h, ana, &r));
    assert_err(E_CONFLICT, collect(h, ana, &r));
    assert_int_equal(count(h, "private_key WHERE purpose = 'certificate'"), 0);
    assert_int_equal(events(h, "certificate.key.recover").count, 1);

    /* one that is kept, and not to be recovered, is handed out to who asked for it, once */
    (void)guarded(h, BODY(",\"key_retention\":\"indefinite\",\"key_exportable\":false"));
    r = waiting_with_key(h, ana, "b.example.com");
    d = by(root, &r);
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &got));
    assert_ok(h->s, collect(h, ana, &r));
    assert_err(E_CONFLICT, collect(h, ana, &r));
    assert_int_equal(count(h, "private_key WHERE purpose = 'certificate' AND once = 0 AND "
                              "delete_at IS NULL"),
                     1);

    /* there is none to collect of a request of one's own */
    r = waiting(h, ana, "c.example.com");
    d = by(root, &r);
    assert_ok(h->s, flow_approve(h->s, &h->flow, &d, &got));
    assert_err(E_INVALID, collect(h, ana, &r));
}

TEST(who_asked_for_a_key_of_the_servers_takes_it_once)
{
    in_both_houses(collects);
}

static void
expires(struct house *h)
{
    const struct caller *ana = user(h, "ana", ROLE_REQUESTER, NULL, 0);
    struct cert_request old, young, got;
    int64_t n;

    (void)guarded(h, BODY(""));
    old = waiting_with_key(h, ana, "old.example.com");
    clock_tell_offset_ms(DAY_MS);
    young = waiting(h, ana, "young.example.com");
    assert_ok(h->s,
              flow_requests_expire(h->s, &h->flow, when_add_ms(clock_now(), -12 * HOUR_MS), &n));
    assert_int_equal(n, 1);
    assert_ok(h->s, flow_request(h->s, &h->flow, ana, old.id, &got));
    assert_int_equal(got.state, REQUEST_DENIED);
    assert_int_equal(count(h, "private_key WHERE purpose = 'certificate'"), 0);
    assert_ok(h->s, flow_request(h->s, &h->flow, ana, young.id, &got));
    assert_int_equal(got.state, REQUEST_WAITS);
    assert_int_equal(events(h, "request.expire").count, 1);
}

TEST(a_request_does_not_wait_for_ever)
{
    in_both_houses(expires);
}

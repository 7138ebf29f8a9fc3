#include "proof/test_fake_dns.h"

#include <unistd.h>

/* What the fake name server of this file knows. */
static void
answers(struct fake_dns_reply *r, const char *name, int type, int times, UNUSED void *arg)
{
    char next[256];
    int hop;

    r->ttl = 300;
    if (strcmp(name, "txt.test") == 0 && type == DNS_TXT) {
        fake_dns_txt(r, times ? "later" : "first");
    } else if (strcmp(name, "none.test") == 0) {
        r->rcode = times ? 0 : 3;
        if (times)
            fake_dns_txt(r, "now");
    } else if (strcmp(name, "servfail.test") == 0 || strcmp(name, "refused.test") == 0) {
        r->rcode = name[0] == 's' ? 2 : 5;
    } else if (strcmp(name, "silent.test") == 0) {
        r->drop = true;
    } else if (strcmp(name, "id.test") == 0) {
        r->wrong_id = true;
        fake_dns_txt(r, "forged");
    } else if (strcmp(name, "case.test") == 0) {
        r->wrong_case = times == 0;
        fake_dns_txt(r, times ? "true" : "forged");
    } else if (strcmp(name, "cut.test") == 0) {
        r->truncated = true;
        fake_dns_txt(r, "whole");
    } else if (strcmp(name, "many.test") == 0) {
        for (int i = 0; i < 200; i++)
            fake_dns_txt(r, "one of many");
        r->truncated = !r->tcp;
    } else if (strcmp(name, "huge.test") == 0) {
        r->truncated = !r->tcp;
        for (int i = 0; i < 18; i++) {
            uint8_t part[3600];

            for (size_t j = 0; j < sizeof(part); j++)
                part[j] = (uint8_t)(j % 240 == 0 ? 239 : 'a' + i);
            fake_dns_rdata(r, DNS_TXT, part, sizeof(part));
        }
    } else if (strcmp(name, "blank.test") == 0) {
        fake_dns_txt(r, "");
    } else if (fake_dns_numbered(name, "hop", &hop)) {
        if (hop == 0) {
            fake_dns_txt(r, "the end");
            return;
        }
        (void)snprintf(next, sizeof(next), "hop%d.test", hop - 1);
        fake_dns_cname(r, next);
    } else if (strcmp(name, "loop.test") == 0) {
        fake_dns_cname(r, "loop.test");
    } else if (strcmp(name, "lame.test") == 0) {
        r->rcode = 0; /* neither an answer nor a word about why there is none */
    } else if (strcmp(name, "x.corp.test") == 0 && type == DNS_TXT) {
        fake_dns_txt(r, "the world's");
    }
}

static void
inside(struct fake_dns_reply *r, UNUSED const char *name, UNUSED int type, UNUSED int times,
       UNUSED void *arg)
{
    fake_dns_txt(r, "ours");
}

static const char *
first_text(struct scope *s, const struct dns_answer *a)
{
    struct bytes text = { 0 };

    assert_true(a->records.count > 0);
    assert_true(dns_txt_read(s->arena, *list_at(&a->records, struct bytes, 0), &text));
    return arena_text_n(s->arena, (const char *)text.data, text.len);
}

TEST(answers_say_what_became_of_the_question)
{
    static const struct {
        const char *name;
        enum dns_end end;
    } cases[] = {
        { "txt.test", DNS_ANSWERED },   { "nodata.test", DNS_NO_DATA },
        { "none.test", DNS_NO_NAME },   { "servfail.test", DNS_FAILED },
        { "refused.test", DNS_FAILED }, { "cut.test", DNS_ANSWERED },
        { "many.test", DNS_ANSWERED },  { "blank.test", DNS_ANSWERED },
        { "hop10.test", DNS_ANSWERED }, { "hop11.test", DNS_TOO_MUCH },
        { "loop.test", DNS_FAILED },    { "lame.test", DNS_NO_DATA },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(resolver_free) struct resolver *r = NULL;
    struct proof_settings o;

    fake_dns_start(&f, answers, NULL);
    o = fake_settings(s, &f, 80);
    assert_ok(s, resolver_new(s, &o, NULL, &r));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_answer a = { 0 };

        assert_ok(s, resolver_ask(s, r, cases[i].name, DNS_TXT, &a));
        if (a.end != cases[i].end)
            fail_msg("%s: %s, want %s (%s)", cases[i].name, dns_end_name(a.end),
                     dns_end_name(cases[i].end), a.why ? a.why : "");
        assert_true((a.end == DNS_ANSWERED) == (a.records.count > 0));
        assert_true(a.records.count <= DNS_RECORDS_MAX);
        assert_true(!a.why == (a.end == DNS_ANSWERED || dns_is_nothing(a.end)));
        if (strcmp(cases[i].name, "hop10.test") == 0) {
            assert_int_equal(a.aliases, 10);
            assert_string_equal(a.owner, "hop0.test");
            assert_string_equal(first_text(s, &a), "the end");
        }
    }
    assert_true(fake_dns_by_tcp(&f) > 0);
}

TEST(every_question_is_asked_anew_and_the_ttl_is_the_record_s_own)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(resolver_free) struct resolver *r = NULL;
    struct proof_settings o;
    struct dns_answer a;

    fake_dns_start(&f, answers, NULL);
    o = fake_settings(s, &f, 80);
    assert_ok(s, resolver_new(s, &o, NULL, &r));
    assert_ok(s, resolver_ask(s, r, "txt.test", DNS_TXT, &a));
    assert_string_equal(first_text(s, &a), "first");
    assert_int_equal(a.ttl_s, 300);
    assert_ok(s, resolver_ask(s, r, "txt.test", DNS_TXT, &a));
    assert_string_equal(first_text(s, &a), "later");
    assert_int_equal(fake_dns_asked(&f, "txt.test", DNS_TXT), 2);
    assert_ok(s, resolver_ask(s, r, "none.test", DNS_TXT, &a));
    assert_int_equal(a.end, DNS_NO_NAME);
    assert_ok(s, resolver_ask(s, r, "none.test", DNS_TXT, &a));
    assert_string_equal(first_text(s, &a), "now");
}

TEST(answers_are_kept_as_long_as_the_settings_say)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(resolver_free) struct resolver *r = NULL;
    struct proof_settings o;
    struct dns_answer a;

    fake_dns_start(&f, answers, NULL);
    o = fake_settings(s, &f, 80);
    o.dns_cache = 60000;
    assert_ok(s, resolver_new(s, &o, NULL, &r));
    for (int i = 0; i < 3; i++) {
        assert_ok(s, resolver_ask(s, r, "txt.test", DNS_TXT, &a));
        assert_string_equal(first_text(s, &a), "first");
        assert_in_range(a.ttl_s, 50, 60);
    }
    assert_int_equal(fake_dns_asked(&f, "txt.test", DNS_TXT), 1);
}

TEST(a_question_ends_when_its_time_is_up_and_a_forged_answer_is_none)
{
    static const char *const names[] = { "silent.test", "id.test" };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(resolver_free) struct resolver *r = NULL;
    struct proof_settings o;

    fake_dns_start(&f, answers, NULL);
    o = fake_settings(s, &f, 80);
    o.dns_timeout = 600;
    assert_ok(s, resolver_new(s, &o, NULL, &r));
    for (size_t i = 0; i < COUNT(names); i++) {
        int64_t began = clock_mono_ms();
        struct dns_answer a = { 0 };

        assert_ok(s, resolver_ask(s, r, names[i], DNS_TXT, &a));
        assert_int_equal(a.end, DNS_TIMED_OUT);
        assert_int_equal(a.records.count, 0);
        assert_in_range(clock_mono_ms() - began, 500, 5000);
    }
}

TEST(an_answer_in_the_wrong_case_is_not_believed)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(resolver_free) struct resolver *r = NULL;
    struct proof_settings o;
    struct dns_answer a;

    fake_dns_start(&f, answers, NULL);
    o = fake_settings(s, &f, 80);
    assert_ok(s, resolver_new(s, &o, NULL, &r));
    assert_ok(s, resolver_ask(s, r, "case.test", DNS_TXT, &a));
    /* it is asked again, and what does not agree is no answer */
    assert_true(fake_dns_asked(&f, "case.test", DNS_TXT) > 1);
    assert_int_equal(a.end, DNS_FAILED);
    assert_ok(s, resolver_ask(s, r, "case.test", DNS_TXT, &a));
    assert_string_equal(first_text(s, &a), "true");
}

TEST(names_below_a_suffix_have_resolvers_of_their_own)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(fake_dns_stop) struct fake_dns g = { 0 };
    AUTO(resolver_free) struct resolver *r = NULL;
    struct proof_settings o;
    struct dns_answer a;

    fake_dns_start(&f, answers, NULL);
    fake_dns_start(&g, inside, NULL);
    o = fake_settings(s, &f, 80);
    *list_push(s->arena, &o.resolvers_by_suffix.of, struct pair) =
        (struct pair){ ".Corp.test", arena_printf(s->arena, "127.0.0.1:%d", g.port) };
    assert_ok(s, resolver_new(s, &o, NULL, &r));
    assert_ok(s, resolver_ask(s, r, "x.corp.test", DNS_TXT, &a));
    assert_string_equal(first_text(s, &a), "ours");
    assert_ok(s, resolver_ask(s, r, "corp.test", DNS_TXT, &a));
    assert_string_equal(first_text(s, &a), "ours");
    assert_ok(s, resolver_ask(s, r, "xcorp.test", DNS_TXT, &a));
    assert_int_equal(a.end, DNS_NO_DATA);
    assert_int_equal(fake_dns_asked(&f, "x.corp.test", DNS_TXT), 0);
}

TEST(the_second_resolver_is_asked_when_the_first_is_down)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(fake_dns_stop) struct fake_dns g = { 0 };
    AUTO(resolver_free) struct resolver *r = NULL;
    struct proof_settings o;
    struct dns_answer a;

    fake_dns_start(&f, answers, NULL);
    fake_dns_start(&g, answers, NULL);
    o = fake_settings(s, &f, 80);
    list_add(s->arena, &o.resolvers, const char *, arena_printf(s->arena, "127.0.0.1:%d", g.port));
    fake_dns_stop(&f);
    assert_ok(s, resolver_new(s, &o, NULL, &r));
    for (int i = 0; i < 5; i++) {
        assert_ok(s, resolver_ask(s, r, "cut.test", DNS_TXT, &a));
        assert_string_equal(first_text(s, &a), "whole");
    }
}

TEST(the_system_s_resolvers_are_read)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = arena_printf(s->arena, "%s/resolv.conf", test_dir());
    FILE *f = fopen(path, "w");
    struct list found = { 0 };

    assert_non_null(f);
    assert_true(fputs("# nameserver 192.0.2.9\nsearch example.com\n", f) >= 0);
    assert_int_equal(fflush(f), 0);
    assert_err(E_INVALID, resolvers_of_system(s, path, &found));
    assert_true(fputs("nameserver\t192.0.2.1 \nnameserver 2001:db8::1\nnameservers 192.0.2.3", f) >=
                0);
    assert_int_equal(fclose(f), 0);
    assert_ok(s, resolvers_of_system(s, path, &found));
    assert_int_equal(found.count, 2);
    assert_string_equal(*list_at(&found, const char *, 0), "192.0.2.1");
    assert_string_equal(*list_at(&found, const char *, 1), "2001:db8::1");
    assert_err(E_NOT_FOUND, resolvers_of_system(s, "/nonexistent/resolv.conf", &found));
}

/* Many threads on one resolver. */
static void *
ask_often(void *arg)
{
    struct resolver *r = arg;

    for (int i = 0; i < 25; i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct dns_answer a;

        if (resolver_ask(s, r, "hop2.test", DNS_TXT, &a) != OK || a.end != DNS_ANSWERED)
            return r;
    }
    return NULL;
}

TEST(many_threads_share_a_resolver)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(fake_dns_stop) struct fake_dns f = { 0 };
    AUTO(resolver_free) struct resolver *r = NULL;
    struct proof_settings o;
    pthread_t threads[8];

    fake_dns_start(&f, answers, NULL);
    o = fake_settings(s, &f, 80);
    assert_ok(s, resolver_new(s, &o, NULL, &r));
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, r), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

TEST(txt_records_are_joined_and_malformed_ones_refused)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct bytes text;

    assert_true(dns_txt_read(a, BYTES("\003abc\000\002de"), &text));
    assert_int_equal(text.len, 5);
    assert_memory_equal(text.data, "abcde", 5);
    assert_true(dns_txt_read(a, BYTES("\000"), &text));
    assert_int_equal(text.len, 0);
    assert_false(dns_txt_read(a, BYTES("\004abc"), &text));
    assert_false(dns_txt_read(a, (struct bytes){ 0 }, &text));
}

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

/* A resolver that asks the fake name server; settings may be changed before the first question. */
struct world {
    struct scope *s;
    struct fake_dns dns;
    struct proof_settings o;
    struct resolver *r;
};

static void
world_init(struct world *w)
{
    *w = (struct world){ .s = scope_new("test") };
    fake_dns_start(&w->dns, answers, NULL);
    w->o = fake_settings(w->s, &w->dns, 80);
}

static void
world_done(struct world *w)
{
    resolver_free(w->r);
    fake_dns_stop(&w->dns);
    scope_free(w->s);
}
OWNED_VALUE(struct world, world_done);

static struct resolver *
resolver_of(struct world *w)
{
    if (!w->r)
        assert_ok(w->s, resolver_new(w->s, &w->o, NULL, &w->r));
    return w->r;
}

static struct dns_answer
ask(struct world *w, const char *name)
{
    struct dns_answer a = { 0 };

    assert_ok(w->s, resolver_ask(w->s, resolver_of(w), name, DNS_TXT, &a));
    return a;
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
    AUTO(world_done) struct world w;

    world_init(&w);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_answer a = ask(&w, cases[i].name);

        if (a.end != cases[i].end)
            fail_msg("%s: %s, want %s (%s)", cases[i].name, dns_end_name(a.end),
                     dns_end_name(cases[i].end), a.why ? a.why : "");
        assert_true((a.end == DNS_ANSWERED) == (a.records.count > 0));
        assert_true(a.records.count <= DNS_RECORDS_MAX);
        assert_true(!a.why == (a.end == DNS_ANSWERED || dns_is_nothing(a.end)));
        if (strcmp(cases[i].name, "hop10.test") == 0) {
            assert_int_equal(a.aliases, 10);
            assert_string_equal(a.owner, "hop0.test");
            assert_string_equal(first_text(w.s, &a), "the end");
        }
    }
    assert_true(fake_dns_by_tcp(&w.dns) > 0);
}

TEST(every_question_is_asked_anew_and_the_ttl_is_the_record_s_own)
{
    AUTO(world_done) struct world w;
    struct dns_answer a;

    world_init(&w);
    a = ask(&w, "txt.test");
    assert_string_equal(first_text(w.s, &a), "first");
    assert_int_equal(a.ttl_s, 300);
    a = ask(&w, "txt.test");
    assert_string_equal(first_text(w.s, &a), "later");
    assert_int_equal(fake_dns_asked(&w.dns, "txt.test", DNS_TXT), 2);
    a = ask(&w, "none.test");
    assert_int_equal(a.end, DNS_NO_NAME);
    a = ask(&w, "none.test");
    assert_string_equal(first_text(w.s, &a), "now");
}

TEST(answers_are_kept_as_long_as_the_settings_say)
{
    AUTO(world_done) struct world w;
    struct dns_answer a;

    world_init(&w);
    w.o.dns_cache = 60000;
    for (int i = 0; i < 3; i++) {
        a = ask(&w, "txt.test");
        assert_string_equal(first_text(w.s, &a), "first");
        assert_in_range(a.ttl_s, 50, 60);
    }
    assert_int_equal(fake_dns_asked(&w.dns, "txt.test", DNS_TXT), 1);
}

/* seed S408, S416 */
TEST(a_question_ends_when_its_time_is_up_and_a_forged_answer_is_none)
{
    static const char *const names[] = { "silent.test", "id.test" };
    AUTO(world_done) struct world w;

    world_init(&w);
    w.o.dns_timeout = 600;
    for (size_t i = 0; i < COUNT(names); i++) {
        int64_t began = clock_mono_ms();
        struct dns_answer a = ask(&w, names[i]);

        assert_int_equal(a.end, DNS_TIMED_OUT);
        assert_int_equal(a.records.count, 0);
        assert_in_range(clock_mono_ms() - began, 500, 5000);
    }
}

TEST(an_answer_in_the_wrong_case_is_not_believed)
{
    AUTO(world_done) struct world w;
    struct dns_answer a;

    world_init(&w);
    a = ask(&w, "case.test");
    /* it is asked again, and what does not agree is no answer */
    assert_true(fake_dns_asked(&w.dns, "case.test", DNS_TXT) > 1);
    assert_int_equal(a.end, DNS_FAILED);
    a = ask(&w, "case.test");
    assert_string_equal(first_text(w.s, &a), "true");
}

TEST(names_below_a_suffix_have_resolvers_of_their_own)
{
    AUTO(world_done) struct world w;
    AUTO(fake_dns_stop) struct fake_dns g = { 0 };
    struct dns_answer a;

    world_init(&w);
    fake_dns_start(&g, inside, NULL);
    *list_push(w.s->arena, &w.o.resolvers_by_suffix.of, struct pair) =
        (struct pair){ ".Corp.test", arena_printf(w.s->arena, "127.0.0.1:%d", g.port) };
    a = ask(&w, "x.corp.test");
    assert_string_equal(first_text(w.s, &a), "ours");
    a = ask(&w, "corp.test");
    assert_string_equal(first_text(w.s, &a), "ours");
    a = ask(&w, "xcorp.test");
    assert_int_equal(a.end, DNS_NO_DATA);
    assert_int_equal(fake_dns_asked(&w.dns, "x.corp.test", DNS_TXT), 0);
}

TEST(the_second_resolver_is_asked_when_the_first_is_down)
{
    AUTO(world_done) struct world w;
    AUTO(fake_dns_stop) struct fake_dns g = { 0 };
    struct dns_answer a;

    world_init(&w);
    fake_dns_start(&g, answers, NULL);
    list_add(w.s->arena, &w.o.resolvers, const char *,
             arena_printf(w.s->arena, "127.0.0.1:%d", g.port));
    fake_dns_stop(&w.dns);
    for (int i = 0; i < 5; i++) {
        a = ask(&w, "cut.test");
        assert_string_equal(first_text(w.s, &a), "whole");
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
    AUTO(world_done) struct world w;
    pthread_t threads[8];

    world_init(&w);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, resolver_of(&w)), 0);
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

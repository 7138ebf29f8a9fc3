/* If-Match, cursors, pages, dry runs: what the operations' conditions have in common. */
#include "base/test.h"

#include "rest/rest.h"

static struct request
request(struct scope *s, const char *query)
{
    struct request rq = { .scope = s, .caller = &caller_system };

    rq.http = arena_new_of(s->arena, struct http_request);
    rq.http->scope = s;
    rq.http->query = query;
    return rq;
}

TEST(if_match_names_one_version_or_any)
{
    static const struct {
        const char *tag;
        int64_t version; /* -1: refused */
    } cases[] = {
        { NULL, 0 },        { "*", 0 },      { "\"1\"", 1 },     { "\"4711\"", 4711 },
        { "1", -1 },        { "", -1 },      { "\"\"", -1 },     { "\"0\"", -1 },
        { "\"-1\"", -1 },   { "\"1", -1 },   { "W/\"1\"", -1 },  { "\"1\", \"2\"", -1 },
        { "\"1 \"", -1 },   { "\"x\"", -1 }, { "\"1\"x\"", -1 }, { "\"99999999999999999999\"", -1 },
        { "\"0x10\"", -1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct request rq = request(s, "");
        int64_t version = -2;
        enum err e;

        if (cases[i].tag)
            list_add(s->arena, &rq.http->headers, struct header,
                     ((struct header){ "if-match", cases[i].tag }));
        e = if_match(&rq, &version);
        if (cases[i].version < 0 ? e != E_CONFLICT || s->error.code != CHY_VERSION_CHANGED
                                 : e != OK || version != cases[i].version)
            fail_msg("%s: %s %lld", cases[i].tag ? cases[i].tag : "none", err_name(e),
                     (long long)version);
    }
}

TEST(a_cursor_is_an_id_and_nothing_else)
{
    static const struct {
        const char *after;
        int64_t id; /* -1: refused */
    } cases[] = {
        { NULL, 0 },  { "", 0 },    { "1", 1 },    { "9007199254740993", 9007199254740993 },
        { "0", -1 },  { "-5", -1 }, { "1.5", -1 }, { "99999999999999999999", -1 },
        { " 1", -1 }, { "x", -1 },  { "1;2", -1 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct request rq = request(s, "");
        int64_t id;
        enum err e = after_id(&rq, cases[i].after, &id);

        if (e != (cases[i].id < 0 ? E_INVALID : OK) || (e == OK && id != cases[i].id))
            fail_msg("%s", cases[i].after ? cases[i].after : "NULL");
        if (e != OK)
            assert_string_equal(list_at(&s->problems, struct problem, 0)->path, "after");
    }
}

TEST(a_dry_run_is_true_or_false)
{
    static const struct {
        const char *query;
        int dry; /* -1: refused */
    } cases[] = {
        { "", 0 },           { "dry_run=false", 0 }, { "dry_run=true", 1 }, { "dry_run=", -1 },
        { "dry_run=1", -1 }, { "dry_run=TRUE", -1 }, { "DRY_RUN=true", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct request rq = request(s, cases[i].query);
        bool dry;
        enum err e = dry_run_of(&rq, &dry);

        if (cases[i].dry < 0 ? e != E_INVALID : e != OK || dry != (cases[i].dry == 1))
            fail_msg("%s", cases[i].query);
    }
}

TEST(a_member_that_is_empty_is_told_from_one_that_is_absent)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct request rq = request(s, "");

    rq.http->body = BYTES("{\"a\":[],\"b\":null}");
    assert_true(body_has(&rq, "a"));
    assert_true(body_has(&rq, "b"));
    assert_false(body_has(&rq, "c"));
    assert_false(body_has(&rq, "A"));
}

/* The ids on the page after AFTER, and whether there are more. */
static const char *
page(struct scope *s, const struct caller *caller, const char *after, int64_t limit)
{
    static const int64_t ids[] = { 2, 3, 5, 7, 11 };
    struct v1_query q = { .limit = limit, .after = after };
    struct request rq = request(s, "");
    const char *text = "";
    struct id_page out;

    rq.query = &q;
    rq.caller = caller;
    assert_ok(s, id_page_begin(&rq, PERM_TEMPLATES_READ, GRANT_TEMPLATE, &out));
    for (size_t i = 0; i < COUNT(ids); i++)
        if (id_page_takes(&out, ids[i])) {
            list_add(s->arena, &out.items, int64_t, ids[i]);
            text = arena_printf(s->arena, "%s%lld ", text, (long long)ids[i]);
        }
    return arena_printf(s->arena, "%s%s%lld", text, out.more ? "more after " : "end ",
                        (long long)out.last);
}

TEST(pages_by_id_are_whole_together_and_show_what_one_may_see)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct request rq = request(s, "");
    struct v1_query q = { .limit = 2, .after = "x" };
    struct id_page out;

    assert_string_equal(page(s, &caller_system, NULL, 2), "2 3 more after 3");
    assert_string_equal(page(s, &caller_system, "3", 2), "5 7 more after 7");
    assert_string_equal(page(s, &caller_system, "7", 2), "11 end 11");
    assert_string_equal(page(s, &caller_system, "4", 2), "5 7 more after 7"); /* 4 was removed */
    assert_string_equal(page(s, &caller_system, "11", 2), "end 11");
    assert_string_equal(page(s, &caller_system, NULL, 5), "2 3 5 7 11 end 11");
    assert_string_equal(page(s, &caller_nobody, NULL, 2), "end 0");
    rq.query = &q;
    assert_err(E_INVALID, id_page_begin(&rq, PERM_TEMPLATES_READ, GRANT_TEMPLATE, &out));
}

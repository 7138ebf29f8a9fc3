/* From a path to an operation, from a failure to a status, from an address to its network. */
#include "base/test.h"

#include "face/router.h"

static enum err
nothing(struct request *rq)
{
    return reply_none(rq);
}

static const struct op list_op = { .method = "GET", .path = "/Things" };
static const struct op get_op = { .method = "GET", .path = "/Things/{id}" };
static const struct op delete_op = { .method = "DELETE", .path = "/Things/{id}" };
static const struct op count_op = { .method = "GET", .path = "/Things/Count" };
static const struct op part_op = { .method = "PUT", .path = "/Things/{id}/Parts/{part}" };
static const struct op later_op = { .method = "GET", .path = "/Later" };
static const struct op *const not_yet[] = { &later_op, NULL };
static const struct op *const *const not_yet_of = not_yet;
static const struct binding bindings[] = {
    { &list_op, nothing },  { &get_op, nothing },  { &delete_op, nothing },
    { &count_op, nothing }, { &part_op, nothing }, { NULL, NULL },
};

/* The operation of a request; its variables with commas between go to VARS. */
static const struct bound *
routed(struct scope *s, struct face *f, const char *method, const char *target, const char **vars)
{
    const char *mark = strchr(target, '?');
    struct http_request http = {
        .scope = s,
        .method = method,
        .path = mark ? arena_text_n(s->arena, target, (size_t)(mark - target)) : target,
        .query = mark ? mark + 1 : "",
    };
    const struct http_route *route = face_route(f, &http);
    const struct bound *b = route ? route->data : NULL;

    *vars = http.query;
    for (size_t i = 0; b && b->op && b->var_names[i]; i++)
        *vars = arena_printf(s->arena, "%s%s%s=%s", *vars, **vars ? "," : "", b->var_names[i],
                             http.path_vars[i]);
    return b;
}

TEST(a_path_finds_its_operation)
{
    static const struct {
        const char *method, *target;
        const struct op *op;
        int status; /* without one: 0 is not below the base at all */
        const char *vars;
    } cases[] = {
        { "GET", "/Api/Things", &list_op, 0, "" },
        { "GET", "/api/THINGS/", &list_op, 0, "" },
        { "GET", "//Api//Things", &list_op, 0, "" },
        { "HEAD", "/Api/Things", &list_op, 0, "" },
        { "GET", "/Api/Things?a=1", &list_op, 0, "a=1" },
        { "GET", "/Api/Things/Count", &count_op, 0, "" }, /* before {id} */
        { "GET", "/Api/Things/7", &get_op, 0, "id=7" },
        { "DELETE", "/Api/Things/Count", &delete_op, 0, "id=Count" },
        { "PUT", "/Api/Things/a%2Fb/Parts/c%20d", &part_op, 0, "id=a/b,part=c d" },
        { "GET", "/Api/Things%3Fa=1", &list_op, 0, "a=1" }, /* a client glues the query on */
        { "DELETE", "/Api/Things/7%3Fa=1", &delete_op, 0, "id=7?a=1" }, /* and is no other name */
        { "GET", "/Api/Things/a%3Fb=1", &get_op, 0, "id=a?b=1" },
        { "GET", "/Api/Things%3Fa%3D1", NULL, 404, "" },
        { "POST", "/Api/Things/7", NULL, 405, "" },
        { "GET", "/Api/Later", &later_op, 501, "" },
        { "GET", "/Api/Nothing", NULL, 404, "" },
        { "GET", "/Api", NULL, 404, "" },
        { "GET", "/Api/Things/%zz", NULL, 404, "" },
        { "GET", "/Api/Things/%00", NULL, 404, "" },
        { "GET", "/Api/Things/%ff", NULL, 404, "" },
        { "GET", "/Api/a/a/a/a/a/a/a/a/a/a/a/a/a", NULL, 404, "" },
        { "GET", "/Apis/Things", NULL, 0, "" },
        { "GET", "/", NULL, 0, "" },
    };
    static const struct face_spec spec = {
        .base = "/Api", .name = "test", .fold = true, .bindings = bindings, .not_yet = &not_yet_of
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct face *f = face_open(&spec, NULL);
    size_t count;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *vars;
        const struct bound *b = routed(s, f, cases[i].method, cases[i].target, &vars);
        const struct op *op = b ? b->op : NULL;

        if (op != cases[i].op || (b ? b->status : 0) != cases[i].status ||
            (op && !text_eq(vars, cases[i].vars)))
            fail_msg("%s %s: %s %d %s", cases[i].method, cases[i].target, op ? op->path : "none",
                     b ? b->status : 0, vars);
    }
    (void)face_ops(f, &count);
    assert_int_equal(count, 5); /* what is not offered yet is not described */
    face_close(f);
}

TEST(a_face_that_does_not_fold_is_exact)
{
    static const struct face_spec spec = { .base = "/v1", .name = "test", .bindings = bindings };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct face *f = face_open(&spec, NULL);
    const char *vars;

    assert_ptr_equal(routed(s, f, "GET", "/v1/Things", &vars)->op, &list_op);
    assert_int_equal(routed(s, f, "GET", "/v1/things", &vars)->status, 404);
    assert_ptr_equal(routed(s, f, "GET", "/v1/Things/7%3Fa=1", &vars)->op, &get_op);
    assert_string_equal(vars, "id=7?a=1");
    assert_null(routed(s, f, "GET", "/V1/Things", &vars));
    face_close(f);
}

TEST(each_failure_has_its_status)
{
    static const struct {
        enum err e;
        enum code code;
        int invalid, status;
    } cases[] = {
        { OK, CHY_NONE, 0, 200 },
        { E_INVALID, CHY_BAD_VALUE, 0, 400 },
        { E_INVALID, CHY_BAD_VALUE, 422, 422 },
        { E_UNAUTHENTICATED, CHY_BAD_TOKEN, 0, 401 },
        { E_FORBIDDEN, CHY_NOT_PERMITTED, 0, 403 },
        { E_NOT_FOUND, CHY_NO_CERT, 0, 404 },
        { E_CONFLICT, CHY_KEY_USED, 0, 409 },
        { E_CONFLICT, CHY_VERSION_CHANGED, 0, 412 },
        { E_LIMIT, CHY_TOO_LARGE, 0, 413 },
        { E_LIMIT, CHY_RATE_LIMITED, 0, 429 },
        { E_LIMIT, CHY_LOCKED_OUT, 0, 429 },
        { E_LIMIT, CHY_OVERLOADED, 0, 503 },
        { E_UNSUPPORTED, CHY_BAD_TYPE, 0, 415 },
        { E_UNSUPPORTED, CHY_NOT_YET, 0, 501 },
        { E_TIMEOUT, CHY_TIMED_OUT, 0, 503 },
        { E_UNAVAILABLE, CHY_SIGNER_FAILED, 0, 503 },
        { E_INTERNAL, CHY_INTERNAL, 422, 500 },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        s->error.code = cases[i].code;
        assert_int_equal(status_of(s, cases[i].e, cases[i].invalid), cases[i].status);
    }
}

TEST(an_address_is_inside_its_networks_alone)
{
    static const struct {
        const char *address, *network;
        bool inside;
    } cases[] = {
        { "127.0.0.1", "127.0.0.0/8", true },
        { "128.0.0.1", "127.0.0.0/8", false },
        { "10.1.2.3", "10.1.2.3", true },
        { "10.1.2.4", "10.1.2.3", false },
        { "10.1.2.4", "10.1.2.3/31", false },
        { "10.1.2.2", "10.1.2.3/31", true },
        { "192.0.2.1", "0.0.0.0/0", true },
        { "::1", "::1", true },
        { "::1", "0.0.0.0/0", false },
        { "::ffff:10.0.0.7", "10.0.0.0/8", true }, /* the same host, spelled otherwise */
        { "2001:db8::5", "2001:db8::/32", true },
        { "2001:db9::5", "2001:db8::/32", false },
        { "10.0.0.1", "10.0.0.0/x", false },
        { "10.0.0.1", "nonsense", false },
        { "nonsense", "0.0.0.0/0", false },
        { NULL, "0.0.0.0/0", false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const networks[] = { "198.51.100.0/24", cases[i].network, NULL };

        if (address_in(cases[i].address, networks) != cases[i].inside)
            fail_msg("%s in %s", cases[i].address ? cases[i].address : "NULL", cases[i].network);
    }
    assert_false(address_in("127.0.0.1", NULL));
}

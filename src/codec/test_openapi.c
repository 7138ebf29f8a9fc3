#include "base/test.h"
#include "codec/json.h"
#include "codec/openapi.h"

static const struct choice reasons[] = { { 0, "Unspecified", "Nothing is known." },
                                         { 1, "KeyCompromise", NULL },
                                         { 0, NULL, NULL } };

struct step {
    const char *name;
    struct step *next;
    struct list steps; /* of struct step */
};
static const struct model step_model;
static const struct field step_fields[] = {
    FIELD(step, name, "Name", .flags = REQUIRED),
    FIELD(step, next, "Next", .model = &step_model, .flags = ALWAYS, .doc = "What follows."),
    FIELD(step, steps, "Steps", .model = &step_model),
};
static const struct model step_model = MODEL(step, step_fields);

struct every {
    bool yes;
    int64_t number, reason, reason_text, wait, size;
    double real;
    const char *text, *kind, *secret;
    struct when at;
    struct bytes data;
    struct opt_bool maybe;
    struct opt_int count;
    struct raw raw;
    struct pairs pairs;
    struct list ids;
    struct step *step;
};
static const struct field every_fields[] = {
    FIELD(every, yes, "Yes", .preset = "true"),
    FIELD(every, number, "Number", .min = 1, .max = 9, .preset = "5", .flags = REQUIRED),
    FIELD(every, reason, "Reason", .choices = reasons, .preset = "KeyCompromise", .doc = "Why."),
    FIELD(every, reason_text, "ReasonText", .choices = reasons, .flags = CHOICE_TEXT,
          .preset = "KeyCompromise"),
    FIELD(every, wait, "Wait", .flags = DURATION, .preset = "90d"),
    FIELD(every, size, "Size", .flags = SIZE, .preset = "8MiB"),
    FIELD(every, real, "Real", .preset = "2.5"),
    FIELD(every, text, "Text", .max = 10, .min = 1, .pattern = "url"),
    FIELD(every, kind, "Kind", .choices = reasons),
    FIELD(every, secret, "Secret", .flags = SECRET),
    FIELD(every, at, "At", .flags = ALWAYS),
    FIELD(every, data, "Data"),
    FIELD(every, maybe, "Maybe"),
    FIELD(every, count, "Count", .choices = reasons),
    FIELD(every, raw, "Raw", .flags = READ_ONLY),
    FIELD(every, pairs, "Pairs", .max = 5),
    FIELD(every, ids, "Ids", .model = &int_model, .max = 1000),
    FIELD(every, step, "Step", .model = &step_model),
};
static const struct model every_model = MODEL(every, every_fields);

struct page {
    int64_t page;
    const char *sort;
};
static const struct field page_fields[] = {
    FIELD(page, page, "PageReturned", .preset = "1", .doc = "From 1."),
    FIELD(page, sort, "SortField"),
};
static const struct model page_model = MODEL(page, page_fields);
struct id_var {
    int64_t id;
};
static const struct field id_var_fields[] = { FIELD(id_var, id, "id", .doc = "The row's id.") };
static const struct model id_var_model = MODEL(id_var, id_var_fields);
struct oops {
    const char *message;
};
static const struct field oops_fields[] = { FIELD(oops, message, "Message", .flags = REQUIRED) };
static const struct model oops_model = MODEL(oops, oops_fields);

static const struct op list_op = {
    .method = "GET",
    .path = "/Things",
    .needs = "things/read",
    .query = &id_var_model,
    .reply = &every_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "List things.\n\nIn the order of \"names\".",
};
static const struct op add_op = {
    .method = "POST",
    .path = "/Things",
    .body = &every_model,
    .reply = &step_model,
    .flags = OP_IDEMPOTENT | OP_DRY_RUN | OP_FORM,
    .versions = OP_V1,
    .doc = "Make a thing.",
    .example = "{\"Number\": 5}",
};
static const struct op add_op_v2 = {
    .method = "POST",
    .path = "/Things",
    .body = &step_model,
    .reply = &step_model,
    .versions = OP_V2,
};
static const struct op drop_op = {
    .method = "DELETE",
    .path = "/Things/{id}",
    .vars = &id_var_model,
    .flags = OP_ETAG,
    .auth = OP_ANY,
};
static const struct op bulk_op = {
    .method = "POST",
    .path = "/Things/{name}/Bulk",
    .body = &int_model,
    .reply = &text_model,
    .headers = &page_model,
    .flags = OP_BODY_LIST | OP_REPLY_LIST | OP_BODY_OPTIONAL,
};
static const struct op crl_op = {
    .method = "POST",
    .path = "/ocsp",
    .body_type = "application/ocsp-request",
    .reply_type = "application/ocsp-response",
    .auth = OP_PUBLIC,
    .tag = "Revocation",
};
static const struct op later_op = { .method = "GET", .path = "/Later", .flags = OP_NOT_YET };
static const struct op *const ops[] = { &list_op, &add_op, &add_op_v2, &drop_op,
                                        &bulk_op, &crl_op, &later_op };
static const struct openapi api = { .title = "Test",
                                    .version = "1",
                                    .base = "/KeyfactorAPI",
                                    .error = &oops_model,
                                    .paging = &page_model,
                                    .paging_prefix = "pq." };

static const struct json *
go(const struct json *j, const char *const *path)
{
    for (; *path && j; path++)
        j = json_get(j, *path);
    return j;
}
#define GO(j, ...) go((j), (const char *const[]){ __VA_ARGS__, NULL })

TEST(the_document_says_what_the_tables_say)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const struct json *every, *add;
    struct json *j;
    struct buf b, again;

    buf_init_in(&b, s->arena, 1 << 20);
    openapi_print(&b, &api, ops, COUNT(ops));
    assert_ok(s, json_parse(s, buf_bytes(&b), &j));
    every = GO(j, "components", "schemas", "every");
    buf_init_in(&again, s->arena, 1 << 20);
    json_write(&again, GO(every, "properties", "Reason"));
    assert_string_equal(
        buf_str(&again),
        "{\"description\":\"Why.\\n0 Unspecified: Nothing is known.\\n"
        "1 KeyCompromise\",\"type\":\"integer\",\"format\":\"int64\",\"enum\":[0,1],"
        "\"x-enum-varnames\":[\"Unspecified\",\"KeyCompromise\"],\"default\":1}");
    assert_string_equal(json_str(json_item(GO(every, "required"), 0)), "Number");
    assert_string_equal(json_str(GO(j, "paths", "/Things", "get", "summary")), "List things.");
    assert_string_equal(json_str(GO(j, "paths", "/Things", "get", "operationId")), "get_Things");
    assert_string_equal(json_str(GO(j, "paths", "/Things", "get", "x-permission")), "things/read");
    assert_int_equal(json_count(GO(j, "paths", "/Things", "get", "parameters")), 3);
    add = GO(j, "paths", "/Things", "post", "requestBody", "content", "application/json", "schema");
    assert_int_equal(json_count(GO(add, "anyOf")), 2);
    assert_null(GO(j, "paths", "/Later"));
    assert_non_null(GO(j, "paths", "/Things/{id}", "delete", "responses", "204"));
    assert_non_null(GO(j, "components", "schemas", "step"));
}

TEST(the_document_is_valid_openapi)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *path = arena_printf(s->arena, "%s/openapi.json", test_dir());
    const char *command =
        arena_printf(s->arena, "python3 %s %s", test_source("tests/openapi_check.py"), path);
    FILE *file = fopen(path, "w");
    struct buf b;
    int status;

    buf_init_in(&b, s->arena, 1 << 20);
    openapi_print(&b, &api, ops, COUNT(ops));
    assert_non_null(file);
    fwrite(b.data, 1, b.len, file);
    fclose(file);
    status = test_run(command);
    if (status == 77 || status == 127)
        skip(); /* no python3-jsonschema here */
    assert_int_equal(status, 0);
}

TEST(a_model_alone_is_a_schema)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct buf b;

    buf_init_in(&b, s->arena, 1 << 16);
    openapi_schema(&b, &oops_model);
    assert_string_equal(buf_str(&b),
                        "{\"type\":\"object\",\"required\":[\"Message\"],\"properties\":"
                        "{\"Message\":{\"type\":\"string\"}}}");
}

#include "base/test.h"
#include "codec/table.h"

struct issuer {
    const char *name;
};
static const struct field issuer_fields[] = { FIELD(issuer, name, "Name") };
static const struct model issuer_model = MODEL(issuer, issuer_fields);
struct cert {
    int64_t id;
    const char *cn, *state;
    struct when not_after;
    struct list names;
    struct issuer *issuer;
    struct pairs meta;
    bool archived;
};
static const struct field cert_fields[] = {
    FIELD(cert, id, "Id", .doc = "The row."),
    FIELD(cert, cn, "IssuedCN"),
    FIELD(cert, state, "State"),
    FIELD(cert, not_after, "NotAfter"),
    FIELD(cert, names, "Names", .model = &text_model),
    FIELD(cert, issuer, "Issuer", .model = &issuer_model),
    FIELD(cert, meta, "Metadata"),
    FIELD(cert, archived, "Archived"),
};
static const struct model cert_model = MODEL(cert, cert_fields);

static const struct column columns[] = {
    { "Id", NULL, COL_RIGHT },
    { "IssuedCN", "NAME", 0 },
    { "State", "STATUS", COL_STATUS },
    { "NotAfter", "EXPIRES", COL_AGO },
    { "Issuer.Name", "ISSUER", COL_WIDE },
    { "Archived", NULL, COL_WIDE },
};

static const char rows[] =
    "[{\"Id\":7,\"IssuedCN\":\"a.example\",\"State\":\"Active\",\"NotAfter\":\"2025-10-24T00:00:"
    "00Z\","
    "\"Names\":[\"a\",\"b\"],\"Issuer\":{\"Name\":\"CA, \\\"1\\\"\"},\"Archived\":true,"
    "\"Metadata\":{\"Owner\":\"it's\"}},"
    "{\"Id\":1234,\"IssuedCN\":\"=b\\nc\",\"State\":\"Revoked\",\"NotAfter\":\"2025-10-21T20:00:"
    "00Z\","
    "\"Names\":[],\"Issuer\":null,\"Archived\":false,\"Metadata\":{}}]";

static const char *
printed(struct scope *s, struct table t, const char *text)
{
    struct json *j;
    struct buf b;

    scope_clear(s);
    t.model = &cert_model;
    t.columns = columns;
    t.column_count = COUNT(columns);
    t.now = WHEN_S(1761091200); /* 2025-10-22 */
    t.kind = "certificate";
    assert_ok(s, json_parse(s, bytes_of_text(text), &j));
    buf_init_in(&b, s->arena, 1 << 20);
    return table_print(s, &t, j, &b) == OK ? buf_str(&b) : s->error.text;
}

TEST(people_read_aligned_columns)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_string_equal(printed(s, (struct table){ 0 }, rows),
                        "  ID  NAME       STATUS     EXPIRES\n"
                        "   7  a.example  Active     in 2d\n"
                        "1234  =b c       \xe2\x9c\x96 Revoked  4h ago\n");
    assert_string_equal(printed(s, (struct table){ .form = TABLE_WIDE, .ascii = true }, rows),
                        "  ID  NAME       STATUS     EXPIRES  ISSUER   ARCHIVED\n"
                        "   7  a.example  Active     in 2d    CA, \"1\"  yes\n"
                        "1234  =b c       x Revoked  4h ago   -        no\n");
    assert_string_equal(
        printed(s, (struct table){ .no_headers = true, .fields = "issuedcn,metadata.Owner" }, rows),
        "a.example  it's\n=b c       -\n");
    assert_string_equal(printed(s, (struct table){ 0 }, "[]"), "");
    assert_string_equal(
        printed(s, (struct table){ 0 }, "{\"Id\":7,\"IssuedCN\":\"\",\"State\":\"Active\"}"),
        "Id:       7\nState:    Active\n");
    assert_non_null(strstr(printed(s, (struct table){ .color = true }, rows),
                           "\033[31m\xe2\x9c\x96 Revoked\033[0m"));
}

TEST(a_narrow_terminal_cuts_the_middle)
{
    static const char text[] =
        "[{\"Id\":1,\"IssuedCN\":\"abcdefghijklmnopqrstuvwxyz\",\"State\":\"x\"}]";
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_string_equal(
        printed(s, (struct table){ .width = 30, .fields = "Id,IssuedCN,State" }, text),
        "ID  NAME                STATUS\n"
        " 1  abcdefghi\xe2\x80\xa6stuvwxyz  x\n");
    assert_non_null(
        strstr(printed(s, (struct table){ .width = 5, .ascii = true }, text), "abcd~xyz"));
    assert_non_null(strstr(
        printed(s, (struct table){ .width = 30, .fields = "IssuedCN" },
                "[{\"IssuedCN\":\"\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87"
                "\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87"
                "\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\"}]"),
        "\xe2\x80\xa6"));
}

TEST(a_name_cannot_rewrite_the_screen)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *got = printed(s, (struct table){ .fields = "IssuedCN", .no_headers = true },
                              "[{\"IssuedCN\":\"a\\u001b[2Jb\\u202ec\\u009bd\\r\\n\\u007f\"}]");

    assert_string_equal(got, "a?[2Jb?c?d  ?\n");
}

TEST(programs_read_csv_as_rfc_4180_has_it)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_string_equal(printed(s, (struct table){ .form = TABLE_CSV }, rows),
                        "Id,IssuedCN,State,NotAfter,Names,Archived\r\n"
                        "7,a.example,Active,2025-10-24T00:00:00Z,\"a,b\",true\r\n"
                        "1234,\"=b\nc\",Revoked,2025-10-21T20:00:00Z,,false\r\n");
    assert_string_equal(printed(s,
                                (struct table){ .form = TABLE_CSV,
                                                .excel = true,
                                                .bom = true,
                                                .no_headers = true,
                                                .fields = "IssuedCN,Issuer.Name" },
                                rows),
                        "\xef\xbb\xbf"
                        "a.example,\"CA, \"\"1\"\"\"\r\n\"'=b\nc\",\r\n");
    assert_string_equal(printed(s, (struct table){ .form = TABLE_CSV, .fields = "id" }, "[]"),
                        "Id\r\n");
}

TEST(programs_read_json_yaml_names_variables_and_templates)
{
    static const char one[] = "{\"Id\":7,\"IssuedCN\":\"it's\",\"Names\":[]}";
    static const struct {
        struct table table;
        const char *data, *want;
    } cases[] = {
        { { .form = TABLE_JSON }, "[]", "[]\n" },
        { { .form = TABLE_JSON },
          one,
          "{\n  \"Id\": 7,\n  \"IssuedCN\": \"it's\",\n  \"Names\": []\n}\n" },
        { { .form = TABLE_JSON, .fields = "issuedcn,Issuer.Name" },
          "[{\"IssuedCN\":\"x\",\"Id\":1}]",
          "[\n  {\n    \"IssuedCN\": \"x\",\n    \"Issuer.Name\": null\n  }\n]\n" },
        { { .form = TABLE_JSONL }, "[{\"b\":1,\"a\":[2]},{}]", "{\"b\":1,\"a\":[2]}\n{}\n" },
        { { .form = TABLE_JSONL, .fields = "Id" },
          "[{\"Id\":1},{\"Id\":2}]",
          "{\"Id\":1}\n{\"Id\":2}\n" },
        { { .form = TABLE_YAML }, one, "Id: 7\nIssuedCN: \"it's\"\nNames: []\n" },
        { { .form = TABLE_NAME }, "[{\"Id\":1},{\"Id\":2}]", "certificate/1\ncertificate/2\n" },
        { { .form = TABLE_NAME, .key = "IssuedCN" }, one, "certificate/it's\n" },
        { { .form = TABLE_ENV, .fields = "Id,IssuedCN,NotAfter" },
          one,
          "ID='7'\nISSUED_CN='it'\\''s'\nNOT_AFTER=''\n" },
        { { .form = TABLE_TEMPLATE, .template = "{{Id}}: {{ issuedcn }}{{names}} {{" },
          one,
          "7: it's {{\n" },
        { { .form = TABLE_TEMPLATE, .template = "{{Idd}}" },
          one,
          "there is no field \"Idd\"; did you mean \"Id\"?" },
        { { .fields = "Stat" }, rows, "there is no field \"Stat\"; did you mean \"State\"?" },
        { { .fields = "Id.x" }, rows, "there is no field \"Id.x\"; did you mean \"Id\"?" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(printed(s, cases[i].table, cases[i].data), cases[i].want);
}

TEST(people_read_the_word_that_a_number_stands_for)
{
    static const struct choice kinds[] = { { 1, "server", NULL },
                                           { 2, "client", NULL },
                                           { 0, NULL, NULL } };
    static const struct field fields[] = { FIELD(cert, cn, "Name"),
                                           FIELD(cert, id, "Kind", .choices = kinds) };
    static const struct model model = MODEL(cert, fields);
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct table t = { .model = &model };
    struct json *some;
    struct buf b;

    assert_ok(s, json_parse(s, BYTES("[{\"Name\":\"a\",\"Kind\":2},{\"Name\":\"b\",\"Kind\":9}]"),
                            &some));
    buf_init_in(&b, s->arena, 1000);
    assert_ok(s, table_print(s, &t, some, &b));
    t.form = TABLE_CSV;
    assert_ok(s, table_print(s, &t, some, &b));
    assert_string_equal(buf_str(&b), "NAME    KIND\na     client\nb          9\n"
                                     "Name,Kind\r\na,2\r\nb,9\r\n");
}

TEST(data_without_a_model_is_printed_by_what_it_has)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct table t = { .form = TABLE_TEXT };
    struct json *j;
    struct buf b;

    assert_ok(s, json_parse(s, BYTES("[{\"a\":1,\"b\":{\"c\":2}},{\"b\":null}]"), &j));
    buf_init_in(&b, s->arena, 1 << 16);
    assert_ok(s, table_print(s, &t, j, &b));
    assert_string_equal(buf_str(&b), "A  B\n1  {\"c\":2}\n-  -\n");
}

TEST(formats_are_known_by_their_words)
{
    struct table t = { 0 };

    assert_true(table_form_parse("csv", &t) && t.form == TABLE_CSV);
    assert_true(table_form_parse("template={{Id}}", &t) && t.form == TABLE_TEMPLATE);
    assert_string_equal(t.template, "{{Id}}");
    assert_false(table_form_parse("xml", &t));
}

TEST(times_are_told_in_their_largest_unit)
{
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        { 0, "now" },
        { 999, "now" },
        { 1000, "in 1s" },
        { -61000, "1m ago" },
        { HOUR_MS, "in 1h" },
        { -25 * HOUR_MS, "1d ago" },
        { 400 * DAY_MS, "in 400d" },
        { 731 * DAY_MS, "in 2y" },
    };
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(table_ago(a, (struct when){ cases[i].ms }, (struct when){ 0 }),
                            cases[i].want);
}

TEST(fields_are_listed_for_help)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct buf b;

    buf_init_in(&b, a, 4096);
    table_fields(&b, &cert_model);
    assert_non_null(strstr(buf_str(&b), "Id        number  The row.\n"));
    assert_non_null(strstr(buf_str(&b), "Issuer    object\n"));
}

#include "base/test.h"
#include "codec/json.h"
#include "codec/value.h"

static const struct choice reasons[] = { { 0, "Unspecified", "No reason." },
                                         { 1, "KeyCompromise", "The key is known to others." },
                                         { -1, "RemoveFromHold", NULL },
                                         { 0, NULL, NULL } };
static const char *const cert_id_aliases[] = { "CertificateId", NULL };

struct name_entry {
    int64_t type;
    const char *value;
};
static const struct field name_entry_fields[] = {
    FIELD(name_entry, type, "Type", .choices = reasons),
    FIELD(name_entry, value, "Value", .flags = REQUIRED, .max = 5),
};
static const struct model name_entry_model = MODEL(name_entry, name_entry_fields);

struct sans {
    struct list dns; /* of const char * */
    struct sans *more;
};
static const struct model sans_model;
static const struct field sans_fields[] = {
    FIELD(sans, dns, "DNS", .model = &text_model, .max = 3, .pattern = "dns", .flags = FOLD),
    FIELD(sans, more, "More", .model = &sans_model),
};
static const struct model sans_model = MODEL(sans, sans_fields);

struct all {
    bool yes;
    int64_t id, reason, wait, room;
    double share;
    const char *text, *kind;
    struct when at;
    struct bytes data;
    struct opt_bool maybe;
    struct opt_int number;
    struct raw any;
    struct pairs meta;
    struct list names; /* of struct name_entry */
    struct sans *sans;
    const char *made_by;
    const char *password;
};
static const struct field all_fields[] = {
    FIELD(all, yes, "Yes"),
    FIELD(all, id, "CertId", .min = 1, .max = 100, .preset = "7", .aliases = cert_id_aliases),
    FIELD(all, reason, "Reason", .choices = reasons, .flags = CHOICE_TEXT),
    FIELD(all, wait, "Wait", .flags = DURATION | OMIT_EMPTY),
    FIELD(all, room, "Room", .flags = SIZE | OMIT_EMPTY),
    FIELD(all, share, "Share"),
    FIELD(all, text, "Text", .max = 4),
    FIELD(all, kind, "Kind", .choices = reasons),
    FIELD(all, at, "At"),
    FIELD(all, data, "Data", .max = 4),
    FIELD(all, maybe, "Maybe"),
    FIELD(all, number, "Number"),
    FIELD(all, any, "Any"),
    FIELD(all, meta, "Meta", .max = 4),
    FIELD(all, names, "Names", .model = &name_entry_model, .max = 3),
    FIELD(all, sans, "SANs", .model = &sans_model),
    FIELD(all, made_by, "MadeBy", .flags = READ_ONLY | OMIT_EMPTY),
    FIELD(all, password, "Password", .flags = SECRET | OMIT_EMPTY),
};
static const struct model all_model = MODEL(all, all_fields);

/* Decode TEXT and encode what came out, or the problems. */
static const char *
round_trip(struct scope *s, enum json_mode mode, const char *text)
{
    struct all all = { 0 };
    struct buf b;

    scope_clear(s);
    if (json_decode(s, &all_model, mode, bytes_of_text(text), &all) != OK)
        return s->error.text;
    buf_init_in(&b, s->arena, 1 << 16);
    json_encode(&b, &all_model, &all);
    return buf_str(&b);
}

#define NOTHING                                                                             \
    "\"Share\":0,\"Text\":null,\"Kind\":null,\"Data\":null,\"Maybe\":null,\"Number\":null," \
    "\"Meta\":{},\"Names\":[]}"

TEST(what_is_not_there_is_written_by_the_null_policy)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_string_equal(round_trip(s, JSON_STRICT, "{}"),
                        "{\"Yes\":false,\"CertId\":7,\"Reason\":\"Unspecified\"," NOTHING);
    assert_string_equal(round_trip(s, JSON_COMMAND, "null"),
                        "{\"Yes\":false,\"CertId\":7,\"Reason\":\"Unspecified\"," NOTHING);
}

TEST(every_type_goes_in_and_out)
{
    static const char text[] =
        "{\"Yes\":true,\"CertId\":9,\"Reason\":\"KeyCompromise\",\"Wait\":\"1d12h\",\"Room\":"
        "\"8MiB\","
        "\"Share\":0.1,\"Text\":\"\xc3\xa4\\\"<>\",\"Kind\":\"KeyCompromise\","
        "\"At\":\"2025-10-22T14:30:00Z\",\"Data\":\"AQID\",\"Maybe\":false,\"Number\":-3,"
        "\"Any\":{\"z\":[1,null,2.5,\"x\"],\"a\":{}},\"Meta\":{\"Owner\":\"team\",\"b\":\"\"},"
        "\"Names\":[{\"Type\":1,\"Value\":\"a\"},{\"Type\":-1,\"Value\":\"b\"}],"
        "\"SANs\":{\"DNS\":[\"a.b\",\"*.c\"],\"More\":{\"DNS\":[]}},\"Password\":\"x\"}";
    AUTO(scope_free) struct scope *s = scope_new("test");

    assert_string_equal(round_trip(s, JSON_STRICT, text), text);
    assert_string_equal(round_trip(s, JSON_COMMAND, text), text);
}

TEST(large_reals_stay_readable)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *text =
        round_trip(s, JSON_STRICT, "{\"Share\":1e20,\"Any\":[1e15,123456789012345.0]}");

    assert_non_null(strstr(text, "\"Share\":1e+20,"));
    assert_non_null(strstr(text, "\"Any\":[1e+15,123456789012345],"));
    assert_string_equal(round_trip(s, JSON_STRICT, text), text);
}

TEST(secrets_are_masked_when_asked)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct all all = { .password = "hidden" };
    struct buf b;

    buf_init_in(&b, s->arena, 4096);
    json_encode_masked(&b, &all_model, &all);
    assert_non_null(strstr(buf_str(&b), "\"Password\":\"***\""));
    assert_null(strstr(buf_str(&b), "hidden"));
}

TEST(command_bodies_are_read_generously)
{
    static const char *const cases[][2] = {
        { "{\"certid\":\"5\"}", "\"CertId\":5," },
        { "{\"CERTIFICATEID\":5.0}", "\"CertId\":5," },
        { "{\"certid\":\"5.0\"}", "\"CertId\":5," },
        { "{\"certid\":3,\"CertID\":4}", "\"CertId\":4," },
        { "{\"certid\":3,\"certid\":6}", "\"CertId\":6," },
        { "{\"certid\":null}", "\"CertId\":7," },
        { "{\"yes\":\"True\"}", "\"Yes\":true," },
        { "{\"maybe\":\"false\"}", "\"Maybe\":false," },
        { "{\"reason\":\"keycompromise\"}", "\"Reason\":\"KeyCompromise\"," },
        { "{\"reason\":\"1\"}", "\"Reason\":\"KeyCompromise\"," },
        { "{\"reason\":-1}", "\"Reason\":\"RemoveFromHold\"," },
        { "{\"kind\":1}", "\"Kind\":\"KeyCompromise\"," },
        { "{\"kind\":\"KEYCOMPROMISE\"}", "\"Kind\":\"KeyCompromise\"," },
        { "{\"at\":\"2025-10-22T14:30:00\"}", "\"At\":\"2025-10-22T14:30:00Z\"," },
        { "{\"at\":\"2025-10-22T14:30:00.5+02:00\"}", "\"At\":\"2025-10-22T12:30:00.500Z\"," },
        { "{\"at\":\"2025-10-22\"}", "\"At\":\"2025-10-22T00:00:00Z\"," },
        { "{\"at\":\"02:00:00\"}", "\"At\":\"1970-01-01T02:00:00Z\"," },
        { "{\"at\":\"\"}", "\"Kind\":null,\"Data\"" },
        { "{\"names\":null,\"what\":{\"is\":[\"this\"]}}", "\"Names\":[]" },
        { "{\"meta\":{\"n\":1,\"b\":true,\"r\":2.5,\"x\":null}}",
          "\"Meta\":{\"n\":\"1\",\"b\":\"true\",\"r\":\"2.5\",\"x\":null}" },
        { "{\"data\":\"AQ\\r\\nID\"}", "\"Data\":\"AQID\"" },
        { "{\"any\":null}", "\"Any\":null" },
        { "{\"sans\":{\"dns\":[\"WWW.Example\"]}}", "\"DNS\":[\"www.example\"]" },
        { "\xef\xbb\xbf{\"certid\":8}", "\"CertId\":8," },
        { "{\"madeby\":[1]}", "\"CertId\":7," },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = round_trip(s, JSON_COMMAND, cases[i][0]);

        if (!strstr(got, cases[i][1]))
            fail_msg("%s gives %s", cases[i][0], got);
    }
}

TEST(what_the_table_does_not_allow_is_named_with_its_path)
{
    static const struct {
        enum json_mode mode;
        const char *text, *says;
    } cases[] = {
        { JSON_STRICT, "[]", "the JSON document must be an object" },
        { JSON_STRICT, "null", "the JSON document must be an object" },
        { JSON_COMMAND, "\"x\"", "the JSON document must be an object" },
        { JSON_STRICT, "{\"certid\":1}", "certid: is not known" },
        { JSON_STRICT, "{\"CertId\":\"1\"}", "CertId: must be a number, not text" },
        { JSON_STRICT, "{\"CertId\":1.0}", "CertId: must be a whole number" },
        { JSON_STRICT, "{\"CertId\":1,\"CertificateId\":2}", "CertId: is given twice" },
        { JSON_STRICT, "{\"CertId\":0}", "CertId: must be between 1 and 100" },
        { JSON_COMMAND, "{\"CertId\":101}", "CertId: must be between 1 and 100" },
        { JSON_COMMAND, "{\"CertId\":\"\"}", "CertId: must be a whole number of 64 bits" },
        { JSON_COMMAND, "{\"CertId\":5.5}", "CertId: must be a whole number" },
        { JSON_COMMAND, "{\"CertId\":1e300}", "CertId: is too large a number" },
        { JSON_COMMAND, "{\"CertId\":[]}", "CertId: must be a single value" },
        { JSON_STRICT, "{\"Yes\":1}", "Yes: must be true or false, not a number" },
        { JSON_COMMAND, "{\"Yes\":2}", "Yes: must be true or false" },
        { JSON_COMMAND, "{\"Yes\":\"maybe\"}", "Yes: must be true or false" },
        { JSON_STRICT, "{\"Reason\":\"keycompromise\"}",
          "Reason: must be one of: Unspecified, KeyCompromise, RemoveFromHold" },
        { JSON_COMMAND, "{\"Reason\":5}",
          "Reason: must be one of: Unspecified, KeyCompromise, RemoveFromHold" },
        { JSON_COMMAND, "{\"Names\":[{\"Value\":\"a\",\"Type\":5}]}",
          "Names[0].Type: must be one of: 0 Unspecified, 1 KeyCompromise, -1 RemoveFromHold" },
        { JSON_COMMAND, "{\"Text\":5}", "Text: must be text, not a number" },
        { JSON_COMMAND, "{\"Text\":true}", "Text: must not be true or false" },
        { JSON_STRICT, "{\"Text\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"}",
          "Text: has 5 characters, more than 4" },
        { JSON_STRICT, "{\"At\":\"2025-10-22T14:30:00\"}", "At: must be a time such as" },
        { JSON_STRICT, "{\"At\":\"\"}", "At: must be a time such as" },
        { JSON_COMMAND, "{\"At\":\"yesterday\"}", "At: must be a time such as" },
        { JSON_STRICT, "{\"Data\":\"AQ ID\"}", "Data: must be base64" },
        { JSON_STRICT, "{\"Data\":\"AQIDBAU=\"}", "Data: has 5 bytes, more than 4" },
        { JSON_STRICT, "{\"Wait\":5}", "Wait: must be a duration such as" },
        { JSON_STRICT, "{\"Wait\":\"5\"}", "Wait: must be a duration such as" },
        { JSON_STRICT, "{\"Room\":-3}", "Room: must not be negative" },
        { JSON_STRICT, "{\"Room\":\"5 parsecs\"}", "Room: must be a size such as" },
        { JSON_STRICT, "{\"Meta\":{\"a\":1}}", "Meta.a: must be text" },
        { JSON_COMMAND, "{\"Meta\":{\"a\":[]}}", "Meta.a: must be text" },
        { JSON_COMMAND, "{\"Meta\":[]}", "Meta: must be an object of texts" },
        { JSON_COMMAND, "{\"Meta\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1}}",
          "Meta: has 5 entries, more than 4" },
        { JSON_COMMAND, "{\"Names\":{}}", "Names: must be an array" },
        { JSON_COMMAND, "{\"Names\":[null]}", "Names[0]: must be an object" },
        { JSON_COMMAND, "{\"Names\":[{},{\"Value\":null}]}",
          "Names[0].Value: is missing; Names[1].Value: is missing" },
        { JSON_COMMAND, "{\"SANs\":{\"DNS\":[\"ok\",\"a\",\"no good\"]}}",
          "SANs.DNS[2]: does not have the form \"dns\"" },
        { JSON_COMMAND, "{\"SANs\":{\"DNS\":[null]}}", "SANs.DNS[0]: must not be null" },
        { JSON_COMMAND, "{\"SANs\":{\"DNS\":[\"a\",\"a\",\"a\",\"a\"]}}",
          "SANs.DNS: has 4 entries, more than 3" },
        { JSON_COMMAND, "{\"SANs\":{\"More\":{\"More\":{\"DNS\":5}}},\"CertId\":0}",
          "SANs.More.More.DNS: must be an array; CertId: must be between" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = round_trip(s, cases[i].mode, cases[i].text);

        if (strncmp(got, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("%s gives %s", cases[i].text, got);
        assert_int_equal(s->error.kind, E_INVALID);
    }
}

TEST(malformed_text_is_refused_with_line_and_column)
{
    static const struct {
        struct bytes text;
        const char *says;
    } cases[] = {
        { BYTES(""), "line 1, column" },
        { BYTES("{\n \"a\": 1,\n}"), "line 3, column 1" },
        { BYTES("{\"a\":1} x"), "line 1, column" },
        { BYTES("{\"Text\":\"\xff\"}"), "malformed JSON at line 1" },
        { BYTES("{\"Text\":\"\xed\xa0\x80\"}"), "malformed JSON at line 1" },
        { BYTES("{\"Text\":\"a\0b\"}"), "malformed JSON at line 1" },
        { BYTES("{\"Text\":\"a\\u0000b\"}"),
          "malformed JSON at line 1, column 18: \\u0000 is not allowed" },
        { BYTES("{\"Text\":\"\\ud800\"}"), "malformed JSON at line 1" },
        { BYTES("{\"Te\\u0000xt\":1}"), "malformed JSON at line 1" },
        { BYTES("{\"CertId\":01}"), "malformed JSON at line 1" },
        { BYTES("{\"CertId\":9223372036854775808}"), "malformed JSON at line 1" },
        { BYTES("{\"CertId\":NaN}"), "malformed JSON at line 1" },
        { BYTES("{'CertId':1}"), "malformed JSON at line 1" },
        { BYTES("{\"CertId\":1"), "malformed JSON at line 1" },
        { BYTES("{\"CertId\":1 /* x */}"), "malformed JSON at line 1" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct all all = { 0 };

    for (size_t mode = JSON_STRICT; mode <= JSON_COMMAND; mode++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            assert_err(E_INVALID,
                       json_decode(s, &all_model, (enum json_mode)mode, cases[i].text, &all));
            assert_says(s, cases[i].says);
            assert_int_equal(s->error.code, CHY_BAD_JSON);
        }
    }
    assert_err(E_INVALID,
               json_decode(s, &all_model, JSON_STRICT, BYTES("{\"CertId\":1,\"CertId\":2}"), &all));
    assert_says(s, "duplicate");
    assert_err(E_INVALID,
               json_decode(s, &all_model, JSON_STRICT, BYTES("{\"a\":secret-word}"), &all));
    assert_null(strstr(s->error.text, "secret"));
}

TEST(depth_is_limited_before_anything_is_built)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct raw any = { 0 };
    char text[160];

    for (int depth = 63; depth <= 65; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_err(depth <= 64 ? OK : E_LIMIT,
                   json_decode(s, &raw_model, JSON_STRICT,
                               (struct bytes){ (uint8_t *)text, 2 * (size_t)depth }, &any));
    }
    assert_ok(s, json_decode(s, &raw_model, JSON_STRICT, BYTES("\"[[[\\\"[[[\""), &any));
    assert_string_equal(any.json, "\"[[[\\\"[[[\"");
}

TEST(problems_are_counted_to_a_limit)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct list ids = { 0 };
    struct buf b;

    buf_init_in(&b, s->arena, 1 << 20);
    for (int i = 0; i < 10000; i++)
        buf_text(&b, i ? ",\"x\"" : "[\"x\"");
    buf_byte(&b, ']');
    assert_err(E_INVALID, json_decode_list(s, &int_model, JSON_COMMAND, buf_bytes(&b), &ids));
    assert_int_equal(s->problems.count, 100);
}

TEST(whole_bodies_may_be_scalars_or_arrays)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *text = NULL;
    struct list ids = { 0 }, names = { 0 };
    struct buf b;

    assert_ok(s, json_decode(s, &text_model, JSON_COMMAND, BYTES("\"CN -eq \\\"a\\\"\""), &text));
    assert_string_equal(text, "CN -eq \"a\"");
    assert_ok(s, json_decode_list(s, &int_model, JSON_COMMAND, BYTES("[1,\"2\",3.0]"), &ids));
    assert_int_equal(ids.count, 3);
    assert_int_equal(*list_at(&ids, int64_t, 2), 3);
    assert_ok(s, json_decode_list(s, &text_model, JSON_COMMAND, BYTES("null"), &names));
    assert_int_equal(names.count, 0);
    buf_init_in(&b, s->arena, 4096);
    json_encode_list(&b, &int_model, &ids);
    json_encode_list(&b, &text_model, &names);
    json_encode(&b, &text_model, &text);
    assert_string_equal(buf_str(&b), "[1,2,3][]\"CN -eq \\\"a\\\"\"");
    assert_err(E_INVALID, json_decode_list(s, &text_model, JSON_STRICT, BYTES("null"), &names));
}

TEST(strings_are_escaped_as_json_wants_and_no_more)
{
    static const char *const cases[][2] = {
        { "", "\"\"" },
        { "plain <a> & 'b' /", "\"plain <a> & 'b' /\"" },
        { "\"\\\b\f\n\r\t\x01\x1f\x7f", "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"" },
        { "\xe2\x80\xa8|\xe2\x80\xa9|\xe2\x80\xaa|\xe2\x82\xac",
          "\"\\u2028|\\u2029|\xe2\x80\xaa|\xe2\x82\xac\"" },
        { "\xf0\x9f\x98\x80\xe2", "\"\xf0\x9f\x98\x80\xe2\"" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct buf b;

    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_init_in(&b, s->arena, 4096);
        json_text(&b, cases[i][0]);
        assert_string_equal(buf_str(&b), cases[i][1]);
    }
    buf_init_in(&b, s->arena, 4096);
    json_text(&b, NULL);
    json_text_canonical(&b, "\xe2\x80\xa8\n");
    assert_string_equal(buf_str(&b), "null\"\xe2\x80\xa8\\n\"");
}

TEST(a_reader_walks_what_no_table_describes)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct json *j;
    const struct json *value;
    const char *name;
    int64_t n = 0;
    double r = 0;
    bool yes = false;
    size_t at = 0;
    struct buf b;

    assert_ok(
        s, json_parse(s, BYTES("{\"t\":\"x\",\"n\":-5,\"b\":true,\"l\":[1,2.5],\"z\":null}"), &j));
    assert_true(json_is_object(j) && !json_is_array(j) && json_count(j) == 5);
    assert_string_equal(json_str(json_get(j, "t")), "x");
    assert_null(json_str(json_get(j, "n")));
    assert_true(json_int(json_get(j, "n"), &n) && n == -5);
    assert_false(json_int(json_get(j, "t"), &n));
    assert_true(json_bool(json_get(j, "b"), &yes) && yes);
    assert_true(json_is_array(json_get(j, "l")) && json_count(json_get(j, "l")) == 2);
    assert_true(json_number(json_item(json_get(j, "l"), 1), &r) && r > 2.4 && r < 2.6);
    assert_null(json_item(json_get(j, "l"), 2));
    assert_null(json_get(j, "missing"));
    assert_int_equal(json_kind(NULL), JK_NULL);
    for (const char *want = "tnblz"; *want; want++) {
        assert_true(json_member(j, &at, &name, &value));
        assert_int_equal(name[0], *want);
    }
    assert_false(json_member(j, &at, &name, &value));
    assert_false(json_member(j, &at, &name, &value));
    buf_init_in(&b, s->arena, 4096);
    json_write(&b, j);
    assert_string_equal(buf_str(&b), "{\"t\":\"x\",\"n\":-5,\"b\":true,\"l\":[1,2.5],\"z\":null}");
    assert_err(E_INVALID, json_parse(s, BYTES("{\"a\":1,\"a\":2}"), &j));
}

static const char *
canonical(struct scope *s, const char *text)
{
    struct buf b;

    scope_clear(s);
    buf_init_in(&b, s->arena, 1 << 16);
    return json_canonical(s, bytes_of_text(text), &b) == OK ? buf_str(&b) : NULL;
}

/* What is read is written in its shortest form; NULL: it is refused. */
TEST(texts_are_read_as_rfc_8259_has_them)
{
    static const char *const cases[][2] = {
        { "\t\r\n 1 ", "1" },
        { "-0", "0" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775809", NULL },
        { "9223372036854775808", NULL },
        { "1e400", NULL },
        { "1e-400", "0" },
        { "-", NULL },
        { "01", NULL },
        { "1.", NULL },
        { ".5", NULL },
        { "1e", NULL },
        { "1e+", NULL },
        { "+1", NULL },
        { "[]", "[]" },
        { "{ }", "{}" },
        { "[1,]", NULL },
        { "[,1]", NULL },
        { "[1 2]", NULL },
        { "[1}", NULL },
        { "{\"a\":1,}", NULL },
        { "{\"a\" 1}", NULL },
        { "{a:1}", NULL },
        { "{1:1}", NULL },
        { "tru", NULL },
        { "truex", NULL },
        { "nul", NULL },
        { "[[[1],[]],{\"a\":[{}]}]", "[[[1],[]],{\"a\":[{}]}]" },
        { "\"", NULL },
        { "\"\\\"", NULL },
        { "\"\\\\\"", "\"\\\\\"" },
        { "\"\\\\\\\"\"", "\"\\\\\\\"\"" },
        { "\"\\/\\b\\f\\n\\r\\t\"", "\"/\\b\\f\\n\\r\\t\"" },
        { "\"\\x\"", NULL },
        { "\"\\u00e9\\u20AC\\ud83d\\ude00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "\"\\uDBFF\\uDFFF\"", "\"\xf4\x8f\xbf\xbf\"" },
        { "\"\\ud83d\"", NULL },
        { "\"\\ud83dx\\ude00\"", NULL },
        { "\"\\ud83d\\u0041\"", NULL },
        { "\"\\ude00\"", NULL },
        { "\"\\u00g0\"", NULL },
        { "\"\\u12\"", NULL },
        { "\"a\nb\"", NULL },
        { "\"12345678\x1f\"", NULL },
        { "\"12345678\x7f\"", "\"12345678\x7f\"" },
        { "\"\xc0\x80\"", NULL },
        { "\"\xf4\x90\x80\x80\"", NULL },
        { "1 1", NULL },
        { "\xef\xbb\xbf"
          "1",
          NULL },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        enum err e;
        struct json *j;
        struct buf b;

        scope_clear(s);
        buf_init_in(&b, s->arena, 4096);
        e = json_parse(s, bytes_of_text(cases[i][0]), &j);
        if (e == OK)
            json_write(&b, j);
        if (e != OK && cases[i][1])
            fail_msg("%s: %s", cases[i][0], s->error.text);
        if (e == OK && !text_eq(buf_str(&b), cases[i][1]))
            fail_msg("%s is read as %s", cases[i][0], buf_str(&b));
    }
    assert_err(E_INVALID, json_parse(s, BYTES("1\0"), &(struct json *){ NULL }));
}

/* A name that comes again counts where it came first, with its last value; or it is refused. */
TEST(names_that_come_again_are_found_among_few_and_many)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (int count = 2; count < 200; count += 7) {
        struct pairs_of {
            struct pairs meta;
        } out = { 0 };
        static const struct field fields[] = { FIELD(pairs_of, meta, "Meta") };
        static const struct model model = MODEL(pairs_of, fields);
        struct json *j;
        struct buf b;

        buf_init_in(&b, s->arena, 1 << 16);
        buf_text(&b, "{\"Meta\":{");
        for (int i = 0; i < count; i++)
            buf_printf(&b, "\"n%d\":\"%d\",", i, i);
        assert_ok(s, json_parse(
                         s, bytes_of_text(arena_printf(s->arena, "%s\"z\":1}}", buf_str(&b))), &j));
        assert_int_equal(json_count(json_get(j, "Meta")), count + 1);
        buf_printf(&b, "\"n1\":\"x\",\"n0\":\"y\",\"n1\":\"z\"}}");
        assert_err(E_INVALID, json_parse(s, buf_bytes(&b), &j));
        assert_says(s, "duplicate object key");
        scope_clear(s);
        assert_ok(s, json_decode(s, &model, JSON_COMMAND, buf_bytes(&b), &out));
        assert_int_equal(out.meta.of.count, count);
        for (int i = 0; i < count; i++) {
            const struct pair *p = list_at(&out.meta.of, struct pair, i);

            assert_string_equal(p->name, arena_printf(s->arena, "n%d", i));
            assert_string_equal(p->value, i == 0   ? "y"
                                          : i == 1 ? "z"
                                                   : arena_printf(s->arena, "%d", i));
        }
    }
}

TEST(canonical_json_is_rfc_8785)
{
    static const char *const cases[][2] = {
        { " [ 56.0 , 1e2, 4.50, 2e-3, 0.000000000000000000000000001, -0.0, 1e21, 1e20, 1E-6, 1e-7 "
          "]",
          "[56,100,4.5,0.002,1e-27,0,1e+21,100000000000000000000,0.000001,1e-7]" },
        { "[333333333.33333329,5e-324,1.7976931348623157e308,9007199254740992,-9007199254740992,"
          "295147905179352825856.0,123456789012345680000.0,0.1,1.5]",
          "[333333333.3333333,5e-324,1.7976931348623157e+308,9007199254740992,-9007199254740992,"
          "295147905179352830000,123456789012345680000,0.1,1.5]" },
        { "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew\","
          "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji\",\"\\u0080\":\"Control\",\"\\u00f6\":\"o\"}",
          "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"\xc3\xb6\":\"o\","
          "\"\xe2\x82\xac\":\"Euro "
          "Sign\",\"\xf0\x9f\x98\x80\":\"Emoji\",\"\xef\xac\xb3\":\"Hebrew\"}" },
        { "{\"b\":[{\"d\":1,\"c\":null}],\"ab\":true,\"a\":\"\\u2028\\u000a\\/\",\"\":false}",
          "{\"\":false,\"a\":\"\xe2\x80\xa8\\n/\",\"ab\":true,\"b\":[{\"c\":null,\"d\":1}]}" },
        { "\"x\"", "\"x\"" },
        { "{\"\\u00e9\":1,\"\\u00e8\":2}", "{\"\xc3\xa8\":2,\"\xc3\xa9\":1}" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = canonical(s, cases[i][0]);

        assert_string_equal(got ? got : s->error.text, cases[i][1]);
    }
    assert_null(canonical(s, "9007199254740993"));
    assert_null(canonical(s, "-9223372036854775808"));
    assert_null(canonical(s, "{\"a\":1,\"a\":1}"));
}

/* The events whose hashes are the test vector of the audit chain. */
TEST(audit_events_are_canonical_as_their_hashes_want)
{
    static const char *const events[] = {
        "{\"action\":\"chain.genesis\",\"actor\":{\"id\":\"chancery\",\"name\":\"chancery\","
        "\"type\":\"system\"},\"category\":\"system\",\"id\":\"01JATZ1C4G0000000000000001\","
        "\"level\":\"info\",\"message\":\"audit chain created\",\"outcome\":\"success\",\"prev\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\",\"seq\":1,\"target\":"
        "{\"id\":\"main\",\"type\":\"audit_chain\"},\"ts\":\"2025-10-22T14:30:00.000Z\",\"v\":1}",
        "{\"action\":\"certificate.revoke\",\"actor\":{\"auth\":\"oidc\",\"id\":\"u_17\",\"ip\":"
        "\"10.10.1.44\",\"name\":\"ana@contoso.com\",\"roles\":[\"PKI administrator\"],\"type\":"
        "\"user\"},\"category\":\"certificate\",\"id\":\"01JATZ1H4K0000000000000002\",\"level\":"
        "\"info\",\"message\":\"ana@contoso.com revoked certificate webapp01.contoso.com (key "
        "compromise)\",\"outcome\":\"success\",\"prev\":"
        "\"05c75e0b11296d889d96b04a5721e70692068ff89f4f1cc89dfb054566e27555\",\"reason\":\"Key "
        "compromise suspected\",\"seq\":2,\"target\":{\"id\":\"12345\",\"name\":"
        "\"webapp01.contoso.com\",\"type\":\"certificate\"},\"ts\":\"2025-10-22T14:30:05.120Z\","
        "\"v\":1}",
    };
    static const char shuffled[] =
        "{ \"v\" : 1, \"ts\":\"2025-10-22T14:30:00.000Z\", \"target\":{\"type\":\"audit_chain\","
        "\"id\":\"main\"},\"seq\":1,\"prev\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\",\n\"outcome\":"
        "\"success\",\"message\":\"audit chain created\",\"level\":\"info\",\"id\":"
        "\"01JATZ1C4G0000000000000001\",\"category\":\"system\",\"actor\":{\"type\":\"system\","
        "\"name\":\"chancery\",\"id\":\"chancery\"},\"action\":\"chain.genesis\"}";
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(events); i++)
        assert_string_equal(canonical(s, events[i]), events[i]);
    assert_string_equal(canonical(s, shuffled), events[0]);
}

TEST(a_special_letter_is_found_wherever_it_stands)
{
    for (unsigned letter = 1; letter < 256; letter++)
        for (size_t at = 0; at < 20; at++) {
            char text[21] = "abcdefghijklmnopqrst", want[40], got[40];
            const char *short_forms = "\b\t\n\f\r\"\\", *names = "btnfr\"\\";
            const char *known = strchr(short_forms, (int)letter);
            struct buf out;

            text[at] = (char)letter;
            if (known)
                (void)snprintf(want, sizeof(want), "\"%.*s\\%c%s\"", (int)at, text,
                               names[known - short_forms], text + at + 1);
            else if (letter < 0x20)
                (void)snprintf(want, sizeof(want), "\"%.*s\\u%04x%s\"", (int)at, text, letter,
                               text + at + 1);
            else
                (void)snprintf(want, sizeof(want), "\"%s\"", text);
            buf_init(&out, 100);
            json_text(&out, text);
            (void)snprintf(got, sizeof(got), "%s", buf_str(&out));
            buf_done(&out);
            assert_string_equal(got, want);
        }
}

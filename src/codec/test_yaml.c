#include "base/test.h"
#include "codec/node.h"
#include "codec/yaml.h"

TEST(scalars_read_back_as_the_same_text)
{
    static const char *const texts[] = {
        "plain",
        "a b",
        "a: b",
        "a:b",
        "x#y",
        "",
        " ",
        "yes",
        "No",
        "null",
        "~",
        "5",
        "0x10",
        "1e3",
        "- a",
        "a\nb\n",
        "a\tb",
        "\"q\"",
        "'",
        "\\",
        "#c",
        "[a]",
        "{a",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "a:",
        "a ",
        "/etc/x",
        "2025-10-22",
        "\xc3\xa4",
        "\xe2\x80\xa8",
        "\x7f",
        "\xc2\x85x",
        "\xef\xbb\xbfz",
        "y",
        "n",
        "a  b",
        "a: b: c",
        "\x01",
        "=",
        "<<",
        ".5",
        "?",
        "\xf0\x9f\x98\x80",
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct node *node;
        struct buf b;

        buf_init_in(&b, s->arena, 4096);
        buf_text(&b, "k: ");
        yaml_text(&b, texts[i]);
        buf_byte(&b, '\n');
        assert_ok(s, node_read(s, "t", buf_bytes(&b), &node));
        node = node_member(node, "k")->value;
        assert_int_equal(node->kind, NODE_TEXT);
        assert_string_equal(node->text, texts[i]);
    }
}

TEST(json_is_written_as_block_yaml)
{
    static const char *const cases[][2] = {
        { "[]", "[]\n" },
        { "{}", "{}\n" },
        { "\"x\"", "x\n" },
        { "[1,\"a b\",null,true,2.5,\"5\"]", "- 1\n- a b\n- null\n- true\n- 2.5\n- \"5\"\n" },
        { "{\"a\":{\"b\":[{\"c\":1,\"d\":[]},[2,[3]]],\"e\":{}}}",
          "a:\n  b:\n    - c: 1\n      d: []\n    - - 2\n      - - 3\n  e: {}\n" },
        { "[{\"pem\":\"-----\\nA B\\n\",\"x\":\"a\\nb\",\"y\":\"a\\n\\n\"}]",
          "- pem: |\n    -----\n    A B\n  x: |-\n    a\n    b\n  \"y\": \"a\\n\\n\"\n" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json *j;
        struct node *node;
        struct buf b;

        assert_ok(s, json_parse(s, bytes_of_text(cases[i][0]), &j));
        buf_init_in(&b, s->arena, 4096);
        yaml_write(&b, j);
        assert_string_equal(buf_str(&b), cases[i][1]);
        assert_ok(s, node_read(s, "t", buf_bytes(&b), &node));
    }
}

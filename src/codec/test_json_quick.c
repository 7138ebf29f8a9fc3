#include <jansson.h>

#include "codec/json_quick.h"

#include "base/test.h"
#include <stdlib.h>

OWNED(json_t, json_decref);

TEST(what_is_usual_is_read_as_jansson_reads_it)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "\"\"",
        " {\t\"a\" :\r\n1 , \"b\":[ ] } \n",
        "{\"protected\":\"eyJ\",\"payload\":\"\",\"signature\":\"a-_9\"}",
        "{\"z\":{\"y\":[1,-2,[true,false,null]]},\"a\":\"~ !/\",\"\":0}",
        "[0,10,-1,999999999999999,-999999999999999]",
        "true",
        "null",
        "7",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        AUTO(json_decref) json_t *quick = json_quick(bytes_of_text(texts[i]));
        AUTO(json_decref)
        json_t *usual = json_loads(texts[i], JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        char *one = quick ? json_dumps(quick, JSON_ENCODE_ANY) : NULL;
        char *other = json_dumps(usual, JSON_ENCODE_ANY);

        assert_non_null(quick);
        assert_string_equal(one, other); /* and in the same order */
        free(one);
        free(other);
    }
}

TEST(what_is_unusual_or_wrong_is_left_to_jansson)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[1",
        "\"a",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:1}",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[]]",
        "{} {}",
        "1 2",
        "{\"a\":1,\"a\":2}",
        "\"\\n\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "\"\x7f\"",
        "\"\xc3\xa4\"",
        "\"\xff\"",
        "{\"\xc3\xa4\":1}",
        "\f1",
        "01",
        "-0",
        "-01",
        "-",
        "+1",
        "1.0",
        "1e3",
        "1E3",
        "1.",
        "1000000000000000",
        "truth",
        "tru",
        "True",
        "nul",
        "NaN",
        "'a'",
        "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
    };
    static const char zero[] = "1\0", inside[] = "\"a\0b\"";

    for (size_t i = 0; i < COUNT(texts); i++)
        if (json_quick(bytes_of_text(texts[i])))
            fail_msg("%s is read", texts[i]);
    assert_null(json_quick((struct bytes){ (const uint8_t *)zero, 2 }));
    assert_null(json_quick((struct bytes){ (const uint8_t *)inside, 5 }));
}

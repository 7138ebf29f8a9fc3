#include "base/test.h"
#include "cli/acme_rows.h"
#include "cli/complete.h"
#include "cli/run.h"

static struct cli
fresh(struct scope *s)
{
    return (struct cli){ .s = s };
}

/* Parse a line of words with blanks between them. */
static enum err
parse(struct cli *c, const char *line)
{
    char *argv[32], *text = arena_text(c->s->arena, line), *rest;
    int argc = 0;

    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    return cli_parse(c, argc, argv);
}

TEST(flags_stand_anywhere_and_take_either_form)
{
    static const char *const lines[] = {
        "certs list --limit 5 -o json x",    "-o json certs list --limit=5 x",
        "certs --limit 5 list -ojson x",     "certs list x --output=json --limit 5",
        "certs list -o=json --limit 5 -- x",
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(lines); i++) {
        struct cli c = fresh(s);

        assert_ok(s, parse(&c, lines[i]));
        assert_string_equal(c.command->path, "certs list");
        assert_int_equal(cli_number(&c, "limit", 100), 5);
        assert_int_equal(output_form(&c), TABLE_JSON);
        assert_int_equal(c.args.count, 1);
        assert_string_equal(cli_arg(&c, 0), "x");
    }
}

TEST(switches_combine_count_and_have_a_no_form)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct cli c = fresh(s);

    assert_ok(s, parse(&c, "certs list -vvy --no-headers"));
    assert_int_equal(c.verbose, 2);
    assert_true(cli_has(&c, "yes"));
    assert_true(cli_has(&c, "no-headers"));
    c = fresh(s);
    assert_ok(s, parse(&c, "certs list -y --no-yes"));
    assert_false(cli_has(&c, "yes"));
}

TEST(a_flag_of_the_command_goes_before_a_global_one)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct cli c = fresh(s);

    assert_ok(s, parse(&c, "search -q web"));
    assert_string_equal(cli_text(&c, "query"), "web");
    assert_false(cli_has(&c, "quiet"));
    c = fresh(s);
    assert_ok(s, parse(&c, "ca crl NAME -o a.crl"));
    assert_string_equal(cli_text(&c, "out"), "a.crl");
    assert_int_equal(output_form(&c), TABLE_TEXT);
}

TEST(names_come_one_by_one_or_with_commas)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct cli c = fresh(s);
    struct list names;

    assert_ok(s, parse(&c, "issue --issuer ca@vault --dns a,b -d c device1@vault --uri x,y"));
    names = cli_texts(&c, "dns");
    assert_int_equal(names.count, 3);
    assert_string_equal(*list_at(&names, const char *, 1), "b");
    assert_string_equal(*list_at(&names, const char *, 2), "c");
    assert_int_equal(cli_texts(&c, "uri").count, 1);
    assert_string_equal(cli_arg(&c, 0), "device1@vault");
}

TEST(a_wrong_line_says_what_is_wrong)
{
    static const struct {
        const char *line, *says;
    } cases[] = {
        { "isue", "did you mean \"issue\"?" },
        { "certs lst", "did you mean \"list\"?" },
        { "certs list --lmit 5", "did you mean \"--limit\"?" },
        { "certs list --lim 5", "no flag --lim" },
        { "certs list --limit", "--limit needs a value" },
        { "certs list --limit many", "\"many\" is not a whole number" },
        { "certs list --limit -1", "\"-1\" is not" },
        { "certs list -o xml", "jsonl" },
        { "certs list --yes=1", "takes no value" },
        { "certs list -Z", "no flag -Z" },
        { "certs show", "needs its argument REF" },
        { "certs show 1 2", "\"2\"" },
        { "issue --duration soon", "90d" },
        { "issue --duration 90", "90d" },
        { "issue --key-type rsa:7", "rsa:7" },
        { "issue --not-after never", "never" },
        { "revoke 1 --reason mood", "superseded" },
        { "revoke 1 --reason 7", "\"7\"" },
        { "certs download 1 --as pdf", "fullchain" },
        { "--wrong", "no flag --wrong" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cli c = fresh(s);

        scope_clear(s);
        assert_err(E_INVALID, parse(&c, cases[i].line));
        assert_says(s, cases[i].says);
        assert_int_equal(exit_code(E_INVALID, s->error.code), EXIT_USAGE);
    }
}

TEST(arguments_that_are_not_utf8_are_refused)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct cli c = fresh(s);

    assert_err(E_INVALID, parse(&c, "certs show \xff\xfe"));
    c = fresh(s);
    assert_err(E_INVALID, parse(&c, "certs list --filter \xff"));
}

TEST(times_are_absolute_or_relative)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "2025-10-22", "2025-10-22T00:00:00Z" },
        { "2025-10-22T14:30:00Z", "2025-10-22T14:30:00Z" },
        { "+90d", "2025-01-30T08:00:00Z" },
        { "-1h", "2024-11-01T07:00:00Z" },
        { "+P1D", "2024-11-02T08:00:00Z" },
        { "90d", NULL },
        { "+", NULL },
        { "now", NULL },
        { "", NULL },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct when now, when;

    assert_true(when_parse("2024-11-01T08:00:00Z", &now));
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool good = time_parse(cases[i].text, now, &when);

        assert_int_equal(good, cases[i].want != NULL);
        if (good)
            assert_string_equal(when_rfc3339(s->arena, when), cases[i].want);
    }
}

TEST(reasons_have_names_and_numbers)
{
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = { { "superseded", 4 },
                  { "key-compromise", 1 },
                  { "KeyCompromise", 1 },
                  { "KEY_COMPROMISE", 1 },
                  { "hold", 6 },
                  { "certificate-hold", 6 },
                  { "0", 0 },
                  { "10", 10 },
                  { "unspecified", 0 },
                  { "7", -1 },
                  { "11", -1 },
                  { "-1", -1 },
                  { "unknown", -1 },
                  { "", -1 } };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t reason = -1;

        assert_int_equal(reason_parse(cases[i].text, &reason), cases[i].want >= 0);
        if (cases[i].want >= 0)
            assert_int_equal(reason, cases[i].want);
    }
}

TEST(words_become_a_query)
{
    static const struct {
        const char *words, *query;
    } cases[] = {
        { "web01",
          "(CN -contains \"web01\" OR SAN -contains \"web01\" OR DN -contains \"web01\")" },
        { "is:revoked ca:One", "Status -eq \"revoked\" AND CA -eq \"One\"" },
        { "owner:none", "OwnerRoleName -eq NULL" },
        { "CN -eq \"a b\"", "CN -eq \"a b\"" },
        { "cn:a\"b", "CN -contains \"a\"\"b\"" },
        { "ca:\"Example Issuing CA 1\" is:active",
          "CA -eq \"Example Issuing CA 1\" AND Status -eq \"active\"" },
        { "requester:\"a \"\"b\"\" c\"", "RequesterName -contains \"a \"\"b\"\" c\"" },
        { "ca:\"a\"\t cn:x", "CA -eq \"a\" AND CN -contains \"x\"" },
        { "\"is: a b\"",
          "(CN -contains \"is: a b\" OR SAN -contains \"is: a b\" OR DN -contains \"is: a b\")" },
        { "CN -contains", "CN -contains" }, /* broken off: the server says where */
        { "Owner -eq\"x\"", "Owner -eq\"x\"" },
        { "key:rsa<3072 -tag:lab", "(KeyType -eq \"RSA\" AND KeySize -lt 3072) AND "
                                   "NOT ((Tags -eq \"lab\" OR Tags -startswith \"lab,\" OR Tags "
                                   "-endswith \",lab\" OR Tags -contains \",lab,\"))" },
        { "key:EC tag:none", "KeyType -eq \"ECC\" AND Tags -eq NULL" },
        { "is:effective -is:wildcard",
          "(Status -eq \"Active\" AND SupersededDate -eq NULL) AND NOT ((CN -startswith \"*.\" OR "
          "SAN -startswith \"*.\"))" },
        { "is:on-hold", "RevocationReason -eq \"CertificateHold\"" },
        { "meta.Owner:web meta.Stage:none", "Owner -eq \"web\" AND Stage -eq NULL" },
        { "thumbprint:AB:CD",
          "(Thumbprint -startswith \"ABCD\" OR ThumbprintSha256 -startswith \"ABCD\")" },
        { "id:12 san:x", "CertId -eq \"12\" AND SAN -contains \"x\"" },
        { "issued:<2026-01-01", "NotBefore -lt \"2026-01-01T00:00:00Z\"" },
        { "meta.example -x.example",
          "(CN -contains \"meta.example\" OR SAN -contains \"meta.example\" OR DN -contains "
          "\"meta.example\") AND (CN -contains \"-x.example\" OR SAN -contains \"-x.example\" OR "
          "DN "
          "-contains \"-x.example\")" },
        { "a -eq-b",
          "(CN -contains \"a\" OR SAN -contains \"a\" OR DN -contains \"a\") AND "
          "(CN -contains \"-eq-b\" OR SAN -contains \"-eq-b\" OR DN -contains \"-eq-b\")" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct cli c = fresh(s);

    static const char *const wrong[] = {
        "is:revokd",   "is:",         "expires:<soon",  "expires:30d", "expires:<",  "web ca:",
        "ca:\"One CA", "ca:\"\"",     "\"\"",           "is:\"a b\"",  "-is:revokd", "key:",
        "key:dsa",     "key:rsa<",    "key:rsa<x",      "key:rsa<-1",  "tag:",       "tag:a,b",
        "meta.:x",     "meta.Owner:", "thumbprint:xyz", "issued:30d",  "id:"
    };
    const char *query;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_ok(s, query_of(&c, cases[i].words, &query));
        assert_string_equal(query, cases[i].query);
    }
    assert_ok(s, query_of(&c, "expires:<30d", &query));
    assert_non_null(strstr(query, "NotAfter -lt"));
    assert_ok(s, query_of(&c, "issued:<30d", &query)); /* less than 30 days ago */
    assert_non_null(strstr(query, "NotBefore -gt"));
    assert_ok(s, query_of(&c, "AB12CD34", &query));
    assert_non_null(strstr(query, "Thumbprint -startswith \"AB12CD34\""));
    assert_ok(s, query_of(&c, "  ", &query));
    assert_null(query);
    for (size_t i = 0; i < COUNT(wrong); i++) /* as text it would find nothing, and say so */
        assert_err(E_INVALID, query_of(&c, wrong[i], &query));
}

TEST(exit_codes_follow_the_kind_and_the_code)
{
    assert_int_equal(exit_code(OK, CHY_NONE), 0);
    assert_int_equal(exit_code(E_INVALID, CHY_BAD_QUERY), EXIT_USAGE);
    assert_int_equal(exit_code(E_INVALID, CHY_NAME_NOT_ALLOWED), EXIT_POLICY);
    assert_int_equal(exit_code(E_INVALID, CHY_BAD_CSR), EXIT_POLICY);
    assert_int_equal(exit_code(E_FORBIDDEN, CHY_TEMPLATE_FORBIDDEN), EXIT_POLICY);
    assert_int_equal(exit_code(E_FORBIDDEN, CHY_NOT_PERMITTED), EXIT_NOT_PERMITTED);
    assert_int_equal(exit_code(E_INVALID, CHY_NO_TEMPLATE), EXIT_NOT_FOUND);
    assert_int_equal(exit_code(E_UNAVAILABLE, CHY_CA_OFFLINE), EXIT_CONFLICT);
    assert_int_equal(exit_code(E_UNAVAILABLE, CHY_UNREACHABLE), EXIT_UNREACHABLE);
    assert_int_equal(exit_code(E_TIMEOUT, CHY_NONE), EXIT_TIMED_OUT);
    assert_int_equal(exit_code(E_LIMIT, CHY_RATE_LIMITED), EXIT_RATE_LIMITED);
    assert_int_equal(exit_code(E_INTERNAL, CHY_NONE), EXIT_FAILED);
}

TEST(every_command_explains_itself_in_a_sentence_and_an_example)
{
    AUTO(buf_done) struct buf b;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < command_count; i++) {
        const struct command *k = &commands[i];

        buf_reset(&b);
        help_command(&b, k);
        assert_true(text_ends(k->doc, "."));
        if (k->traits & COMMAND_RAW)
            continue;
        assert_non_null(k->examples);
        assert_non_null(k->run);
        assert_true(text_starts(buf_str(&b), k->doc));
        assert_non_null(strstr(buf_str(&b), "\n\nUsage: chancery "));
    }
    buf_reset(&b);
    help_summary(&b);
    assert_non_null(strstr(buf_str(&b), "chancery login"));
}

TEST(help_of_a_command_reads_as_it_should)
{
    static const char want[] =
        "Download an authority's revocation list.\n"
        "\n"
        "Usage: chancery ca crl NAME [flags]\n"
        "\n"
        "Examples:\n"
        "  chancery ca crl \"Example Issuing CA 1\" -o issuing.crl\n"
        "  chancery ca crl \"Example Issuing CA 1\" --publish --validity 3d --pem\n"
        "\n"
        "Flags:\n"
        "  -o, --out FILE               write there; default stdout\n"
        "      --pem                    PEM instead of DER\n"
        "      --delta                  what has changed since the full list\n"
        "      --shard N                this part of the list\n"
        "      --publish                have a new list made and published first\n"
        "      --validity D             how long the new list holds; default: as it is planned\n"
        "      --crl-number N           the new list's number, above all others; default: next\n"
        "\n"
        "Global flags: chancery help flags. Exit codes: chancery help exit-codes.\n";
    AUTO(buf_done) struct buf b;

    buf_init(&b, 1 << 16);
    help_command(&b, command_find("ca crl"));
    assert_string_equal(buf_str(&b), want);
}

TEST(every_code_is_explained_and_no_other)
{
    AUTO(buf_done) struct buf b;

    buf_init(&b, 1 << 16);
    assert_true(help_code(&b, "CHY-2104"));
    assert_true(help_code(&b, "chy-0412"));
    assert_false(help_code(&b, "CHY-9999"));
    assert_false(help_code(&b, "CHY-"));
    assert_false(help_code(&b, "CHY-99999999999999999999"));
    assert_false(help_topic(&b, "nothing"));
    assert_true(help_topic(&b, "topics"));
}

TEST(completion_asks_the_program_in_every_shell)
{
    static const char *const shells[] = { "bash", "zsh", "fish", "powershell" };
    AUTO(buf_done) struct buf b;

    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < COUNT(shells); i++) {
        buf_reset(&b);
        assert_true(completion_script(&b, shells[i]));
        assert_non_null(strstr(buf_str(&b), " __complete \"="));
    }
    assert_false(completion_script(&b, "tcsh"));
}

TEST(completion_knows_every_command)
{
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < command_count; i++) {
        const char *path = commands[i].path, *last = strrchr(path, ' ');
        struct cli c = { .s = s };
        struct bytes out;
        char *words[8], *rest, *word = strtok_r(arena_text(s->arena, path), " ", &rest);
        int count = 1;

        for (; word; word = strtok_r(NULL, " ", &rest))
            words[count++] = word;
        last = last ? last + 1 : path;
        words[0] = arena_printf(s->arena, "=%s", last);
        assert_ok(s, complete_words(&c, words, count - 1, &out));
        assert_int_equal(strstr(arena_printf(s->arena, "\n%.*s", (int)out.len, out.data),
                                arena_printf(s->arena, "\n%s\t", last)) != NULL,
                         !(commands[i].traits & COMMAND_HIDDEN));
    }
}

TEST(what_an_order_met_cannot_rewrite_the_screen)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct cli c = fresh(s);
    struct json *order;
    struct buf out;

    assert_ok(s,
              json_parse(s,
                         bytes_of_text(
                             "{\"id\":\"o\",\"status\":\"invalid\",\"authorizations\":[{"
                             "\"value\":\"a.test\",\"challenges\":[{\"tries\":[{\"number\":1,"
                             "\"error\":{\"detail\":\"a\\u001b[2J\\u009bb\\u202ec\"},\"steps\":[{"
                             "\"step\":\"get\",\"begins\":\"d\\ntry 2: met\\u007f\"}]}]}]}]}"),
                         &order));
    buf_init_in(&out, s->arena, 4096);
    c.capture = &out;
    assert_ok(s, acme_order_tell(&c, order));
    assert_non_null(strstr(buf_str(&out), "try 1, : a?[2J?b?c\n"));
    assert_non_null(strstr(buf_str(&out), "get begins=d try 2: met?\n"));
}

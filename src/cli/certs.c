/* Certificates: list, search, show. */
#include "cli/issue.h"

#include "api/command.h"
#include "cli/certs_more.h"
#include "cli/register.h"

static const struct column columns[] = {
    { "Id", NULL, COL_RIGHT },
    { "IssuedCN", "NAME", 0 },
    { "CertStateString", "STATUS", COL_STATUS },
    { "NotAfter", "EXPIRES", COL_AGO },
    { "OwnerRoleName", "OWNER", COL_WIDE },
    { "CertificateAuthorityName", "ISSUER", 0 },
    { "KeyAlgorithm", "KEY", 0 },
    { "KeySizeInBits", "BITS", COL_RIGHT },
    { "TemplateName", "TEMPLATE", COL_WIDE },
    { "RequesterName", "REQUESTER", COL_WIDE },
    { "SerialNumber", "SERIAL", COL_WIDE },
    { "Thumbprint", NULL, COL_WIDE },
};
const struct view certificates_view = { .kind = "certificate",
                                        .key = "Id",
                                        .columns = columns,
                                        .column_count = COUNT(columns),
                                        .model = &certificate_reply_model,
                                        .none = "No certificates match." };

static const char *
joined_args(struct cli *c)
{
    const char *out = NULL;

    for (size_t i = 0; i < c->args.count; i++)
        out = out ? arena_printf(c->s->arena, "%s %s", out, cli_arg(c, i)) : cli_arg(c, i);
    return out;
}

static enum err
list(struct cli *c, const char *query)
{
    struct ask ask = { .path = COMMAND_API "/Certificates", .not_done = "no search was made" };
    int64_t total;

    ask_param(c, &ask, "pq.queryString", query);
    if (cli_has(c, "include-revoked"))
        ask_param(c, &ask, "pq.includeRevoked", "true");
    if (cli_has(c, "include-expired"))
        ask_param(c, &ask, "pq.includeExpired", "true");
    ask_param(c, &ask, "includeMetadata", "true");
    TRY(collection_param(c, &ask));
    if (!cli_has(c, "count"))
        return print_pages(c, &ask, &certificates_view);
    TRY(ask_count(c, &ask, &total));
    return print_bytes(c, bytes_of_text(arena_printf(c->s->arena, "%lld\n", (long long)total)));
}

enum err
run_certs_list(struct cli *c)
{
    const char *words = joined_args(c), *filter = cli_text(c, "filter");
    const char *query = NULL;

    if (words)
        TRY(query_of(c, words, &query));
    if (filter)
        TRY(query_of(c, filter, &filter));
    if (filter && query)
        query = arena_printf(c->s->arena, "(%s) AND (%s)", query, filter);
    return list(c, query ? query : filter);
}

/* The same to a file: all of it, in a form for programs. */
enum err
run_certs_export(struct cli *c)
{
    static const struct flag form = { .name = "output" }, all = { .name = "all" };
    const char *out = cli_text(c, "out");
    struct out_file f;
    enum err e;

    if (fields_helped(c, &certificates_view))
        return OK;
    if (cli_text(c, "output") && output_is_table(c))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "-o: tables are for people; an export is csv, jsonl, json or yaml");
    if (!cli_text(c, "output"))
        list_add(c->s->arena, &c->given, struct given, ((struct given){ &form, "csv", false }));
    if (!cli_has(c, "limit"))
        list_add(c->s->arena, &c->given, struct given, ((struct given){ .flag = &all }));
    if (!out || text_eq(out, "-"))
        return run_certs_list(c);
    TRY(out_ready(c, out, OUT_PUBLIC));
    TRY(out_begin(c, out, &f));
    c->to = f.file;
    e = run_certs_list(c);
    c->to = NULL;
    return out_end(c, &f, e);
}

enum err
run_search(struct cli *c)
{
    const char *words = joined_args(c), *query = cli_text(c, "query");

    if (words)
        TRY(query_of(c, words, &words));
    if (words && query)
        query = arena_printf(c->s->arena, "(%s) AND (%s)", words, query);
    else if (words)
        query = words;
    if (!query && !cli_text(c, "fields") && !cli_text(c, "collection"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "search needs a word, or -q QUERY");
    if (cli_has(c, "explain"))
        say(c, "query: %s", query);
    return list(c, query);
}

enum err
run_certs_show(struct cli *c)
{
    const struct json *row;

    if (fields_helped(c, &certificates_view))
        return OK;
    TRY(certificate_of(c, cli_arg(c, 0), &row));
    return print_data(c, &certificates_view, row);
}

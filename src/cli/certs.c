/* Certificates: list, search, show, download. */
#include "cli/issue.h"
#include "cli/keys.h"

#include "api/command.h"
#include "cli/register.h"
#include "pki/cert.h"
#include "pki/pem.h"
#include "pki/pkcs7.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    struct answer a;

    ask_param(c, &ask, "pq.queryString", query);
    if (cli_has(c, "include-revoked"))
        ask_param(c, &ask, "pq.includeRevoked", "true");
    if (cli_has(c, "include-expired"))
        ask_param(c, &ask, "pq.includeExpired", "true");
    ask_param(c, &ask, "includeMetadata", "true");
    TRY(collection_param(c, &ask));
    if (!cli_has(c, "count"))
        return print_pages(c, &ask, &certificates_view);
    TRY(ask_page(c, &ask, 1, 1, &a, &total));
    return print_bytes(c, bytes_of_text(arena_printf(c->s->arena, "%lld\n", (long long)total)));
}

enum err
run_certs_list(struct cli *c)
{
    const char *words = joined_args(c), *filter = cli_text(c, "filter");
    const char *query = words ? query_of(c, words) : NULL;

    if (filter && query)
        query = arena_printf(c->s->arena, "(%s) AND (%s)", query, query_of(c, filter));
    else if (filter)
        query = query_of(c, filter);
    return list(c, query);
}

enum err
run_search(struct cli *c)
{
    const char *words = joined_args(c), *query = cli_text(c, "query");

    if (words)
        words = query_of(c, words);
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

/* Download. */

enum err
certificate_chain(struct cli *c, int64_t id, struct list *certs)
{
    struct ask ask = { .method = "POST", .path = COMMAND_API "/Certificates/Download" };
    const char *content;
    struct answer a;
    struct bytes pem;

    ask.body = arena_printf(c->s->arena,
                            "{\"CertID\":%lld,\"IncludeChain\":true,"
                            "\"ChainOrder\":\"EndEntityFirst\"}",
                            (long long)id);
    list_add(c->s->arena, &ask.headers, struct header,
             ((struct header){ "x-certificateformat", "PEM" }));
    TRY(ask_server(c, &ask, &a));
    content = json_str(json_get(a.json, "Content"));
    if (!content || !base64_decode(c->s->arena, content, strlen(content), true, &pem))
        return fail(c->s, E_UNAVAILABLE, "the server sent no certificate");
    return note(c->s, pem_read_certs(c->s, pem, certs), "the server's answer");
}

/* A root is no part of what a server sends. */
static size_t
without_root(struct cli *c, const struct list *certs)
{
    struct cert last;

    if (certs->count > 1 && cert_read(c->s, *list_last(certs, struct bytes), &last) == OK &&
        last.self_issued)
        return certs->count - 1;
    return certs->count;
}

static enum err
pack(struct cli *c, const char *form, const struct list *certs, struct bytes *out)
{
    const struct bytes *at = certs->items;
    size_t from = text_eq(form, "chain"), to = without_root(c, certs);
    const char *pem;
    struct buf b;

    if (text_eq(form, "der")) {
        *out = at[0];
        return OK;
    }
    if (text_eq(form, "p7b")) {
        TRY(pkcs7_of_certs_pem(c->s, at, certs->count, &pem));
        *out = bytes_of_text(pem);
        return OK;
    }
    if (text_eq(form, "pem"))
        to = 1;
    if (from >= to)
        to = certs->count; /* a chain that is a root alone */
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    for (size_t i = from; i < to; i++)
        pem_add(&b, PEM_CERT, at[i]);
    *out = buf_bytes(&b);
    return OK;
}

enum err
run_certs_download(struct cli *c)
{
    const char *form = cli_text(c, "as"), *out = cli_text(c, "out");
    const struct json *row;
    struct list certs = { 0 };
    struct bytes data;

    if (!form)
        form = cli_has(c, "chain") ? "fullchain" : "pem";
    if (!out)
        out = cli_arg(c, 1) ? cli_arg(c, 1) : "-";
    if (text_eq(form, "der") && text_eq(out, "-") && isatty(STDOUT_FILENO))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "DER is not for a terminal: --out FILE");
    TRY(certificate_of(c, cli_arg(c, 0), &row));
    if (text_eq(form, "pfx") || text_eq(form, "jks") || text_eq(form, "zip"))
        return recover_to(c, row_id(row), form, out);
    TRY(certificate_chain(c, row_id(row), &certs));
    TRY(pack(c, form, &certs, &data));
    TRY(write_out(c, out, data, false));
    if (!text_eq(out, "-"))
        say(c, "certificate %lld written to %s", (long long)row_id(row), out);
    return OK;
}

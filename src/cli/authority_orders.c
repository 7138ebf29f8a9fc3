/* Authorities made, taken over, given new keys, certified by others, retired. */
#include "cli/body.h"

#include "pki/pem.h"
#include <stdio.h>
#include <string.h>

#define FILE_MAX_LEN ((size_t)16 << 20)

static void
put_number(struct cli *c, struct buf *b, const char *name, const char *flag)
{
    if (!cli_text(c, flag))
        return;
    body_member(b, name);
    buf_int(b, cli_number(c, flag, 0));
}

static void
put_switch(struct cli *c, struct buf *b, const char *name, bool value)
{
    (void)c;
    body_member(b, name);
    buf_text(b, value ? "true" : "false");
}

static void
put_days(struct cli *c, struct buf *b)
{
    if (!cli_text(c, "duration"))
        return;
    body_member(b, "life_days");
    buf_int(b, MAX(cli_duration(c, "duration", 0) / DAY_MS, 1));
}

static enum err
ask_body(struct cli *c, const char *path, struct buf *b, const char *not_done, struct answer *a)
{
    struct ask ask = { .method = "POST", .path = path, .not_done = not_done };

    buf_byte(b, '}');
    ask.body = buf_str(b);
    if (!ask.body)
        return fail_code(c->s, E_LIMIT, CHY_USAGE, "the files are too large");
    return ask_server(c, &ask, a);
}

static const char *
path_of(struct cli *c, const char *rest)
{
    return arena_printf(c->s->arena, REST_API "/authorities/%s%s", segment(c, cli_arg(c, 0)), rest);
}

static enum err
would(struct cli *c, const char *what)
{
    (void)printf("would %s %s\n", what, cli_arg(c, 0));
    return OK;
}

static enum err
show_made(struct cli *c, const struct answer *a, const char *what)
{
    static const struct view view = { .kind = "ca", .key = "name" };

    if (output_is_table(c)) {
        say(c, "%s %s", json_str(json_get(a->json, "name")), what);
        return OK;
    }
    return print_data(c, &view, a->json);
}

enum err
run_ca_create(struct cli *c)
{
    struct answer a;
    struct buf b;

    if (cli_has(c, "dry-run"))
        return would(c, "make certificate authority");
    body_begin(c, &b);
    body_text(&b, "name", cli_arg(c, 0));
    body_text(&b, "subject", cli_text(c, "subject"));
    body_text(&b, "parent", cli_text(c, "parent"));
    body_text(&b, "key_type", cli_text(c, "key-type"));
    body_text(&b, "key_uri", cli_text(c, "key-uri"));
    put_number(c, &b, "path_length", "path-len");
    body_texts(&b, "permitted", cli_texts(c, "permitted-dns"));
    body_texts(&b, "excluded", cli_texts(c, "excluded-dns"));
    put_days(c, &b);
    if (cli_has(c, "outside"))
        put_switch(c, &b, "outside", true);
    if (cli_has(c, "only-authorities"))
        put_switch(c, &b, "offers_enrollment", false);
    TRY(ask_body(c, REST_API "/authorities", &b, "authority not made", &a));
    if (cli_has(c, "outside"))
        say(c, "next: chancery ca csr \"%s\", have it certified, chancery ca install",
            cli_arg(c, 0));
    return show_made(c, &a, "is made");
}

static enum err
put_file(struct cli *c, struct buf *b, const char *name, const char *path)
{
    struct bytes data;

    TRY(read_input(c, path, FILE_MAX_LEN, &data));
    body_text(b, name,
              strstr(arena_text_n(c->s->arena, (const char *)data.data, data.len), "-----BEGIN")
                  ? arena_text_n(c->s->arena, (const char *)data.data, data.len)
                  : base64_encode(c->s->arena, data));
    return OK;
}

enum err
run_ca_import(struct cli *c)
{
    AUTO(secret_free) struct secret *password = NULL;
    struct answer a;
    struct buf b;

    if (cli_has(c, "dry-run"))
        return would(c, "take over the authority of");
    body_begin(c, &b);
    TRY(put_file(c, &b, cli_text(c, "key-uri") ? "certificate" : "bundle", cli_arg(c, 0)));
    if (cli_text(c, "password-file")) {
        TRY(read_password(c, "password-file", "Password of the file", &password));
        body_text(&b, "password", (const char *)password->data);
    }
    body_text(&b, "name", cli_text(c, "name"));
    body_text(&b, "key_uri", cli_text(c, "key-uri"));
    put_number(c, &b, "crl_number", "crl-number");
    if (cli_text(c, "crl"))
        TRY(put_file(c, &b, "crl", cli_text(c, "crl")));
    if (cli_has(c, "only-authorities"))
        put_switch(c, &b, "offers_enrollment", false);
    TRY(ask_body(c, REST_API "/authorities/import", &b, "authority not taken over", &a));
    say(c, "OCSP answers \"unknown\" for certificates that it issued elsewhere, but for those that "
           "its CRL lists");
    return show_made(c, &a, "is taken over");
}

static enum err
write_pem(struct cli *c, const struct answer *a)
{
    const char *pem = json_str(json_get(a->json, "pem")), *out = cli_text(c, "out");

    return write_out(c, out ? out : "-", bytes_of_text(pem ? pem : ""), OUT_PUBLIC);
}

enum err
run_ca_csr(struct cli *c)
{
    struct ask ask = { .method = "POST", .path = path_of(c, "/csr") };
    struct answer a;

    TRY(out_ready(c, cli_text(c, "out"), OUT_PUBLIC));
    TRY(ask_server(c, &ask, &a));
    return write_pem(c, &a);
}

enum err
run_ca_install(struct cli *c)
{
    struct answer a;
    struct buf b;

    if (cli_has(c, "dry-run"))
        return would(c, "put the certificate into");
    body_begin(c, &b);
    TRY(put_file(c, &b, "pem", cli_arg(c, 1)));
    TRY(ask_body(c, path_of(c, "/certificate"), &b, "certificate not put in", &a));
    return show_made(c, &a, "has its certificate");
}

enum err
run_ca_rollover(struct cli *c)
{
    struct answer a;
    struct buf b;

    if (cli_has(c, "dry-run"))
        return would(c, "make a new key for");
    TRY(confirm(c, arena_printf(c->s->arena, "make a new key for %s", cli_arg(c, 0))));
    body_begin(c, &b);
    body_text(&b, "key_type", cli_text(c, "key-type"));
    body_text(&b, "key_uri", cli_text(c, "key-uri"));
    put_days(c, &b);
    if (cli_has(c, "outside"))
        put_switch(c, &b, "outside", true);
    TRY(ask_body(c, path_of(c, "/rollover"), &b, "no new key", &a));
    return show_made(c, &a, "has a new key");
}

enum err
run_ca_cross_sign(struct cli *c)
{
    struct answer a;
    struct buf b;

    if (!cli_text(c, "issuer"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--issuer is needed: who certifies it");
    if (cli_has(c, "dry-run"))
        return would(c, "cross-sign");
    TRY(out_ready(c, cli_text(c, "out"), OUT_PUBLIC));
    body_begin(c, &b);
    body_text(&b, "issuer", cli_text(c, "issuer"));
    put_days(c, &b);
    TRY(ask_body(c, path_of(c, "/cross-sign"), &b, "not certified", &a));
    return write_pem(c, &a);
}

/* Which list tells of each, or who has to. */
static void
say_revoked(struct cli *c, const struct json *one)
{
    const char *told = json_str(json_get(one, "told_at"));
    int64_t generation = 0;

    (void)json_int(json_get(one, "generation"), &generation);
    say(c, "the certificate %s of key %lld is revoked: %s",
        json_str(json_get(one, "serial_number")), (long long)generation,
        told ? arena_printf(c->s->arena, "%s tells of it", told)
             : arena_printf(c->s->arena, "its issuer %s is not here, and has to revoke it, too",
                            json_str(json_get(one, "issuer"))));
}

static const char *
what_is_revoked(struct cli *c)
{
    const char *serial = cli_text(c, "serial");

    return arena_printf(
        c->s->arena, "revoke the certificate%s%s of %s%s for good", serial ? " " : "",
        serial ? serial : "", cli_arg(c, 0),
        cli_text(c, "generation")
            ? arena_printf(c->s->arena, ", key %lld,", (long long)cli_number(c, "generation", 0))
            : "");
}

enum err
run_ca_revoke(struct cli *c)
{
    static const struct view view = { .kind = "certificate", .key = "serial_number" };
    struct when since = cli_time(c, "effective", clock_now());
    const struct json *items;
    int64_t reason = 0;
    struct answer a;
    struct buf b;

    if (!cli_text(c, "reason"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--reason is needed: key-compromise, ca-compromise, "
                         "affiliation-changed, superseded, cessation-of-operation");
    (void)reason_parse(cli_text(c, "reason"), &reason);
    if (cli_has(c, "dry-run")) {
        (void)printf("would %s\n", what_is_revoked(c));
        return OK;
    }
    TRY(confirm(c, what_is_revoked(c)));
    body_begin(c, &b);
    body_member(&b, "reason");
    buf_int(&b, reason);
    put_number(c, &b, "generation", "generation");
    body_text(&b, "serial_number", cli_text(c, "serial"));
    body_text(&b, "comment", cli_text(c, "comment"));
    if (when_given(since))
        body_text(&b, "effective", when_rfc3339(c->s->arena, since));
    TRY(ask_body(c, path_of(c, "/revoke"), &b, "not revoked", &a));
    items = json_get(a.json, "items");
    if (!output_is_table(c))
        return print_data(c, &view, items);
    for (size_t i = 0; i < json_count(items); i++)
        say_revoked(c, json_item(items, i));
    return OK;
}

/* Its certificate, then its issuers', as far as they are known. */
enum err
run_ca_chain(struct cli *c)
{
    const char *name = cli_arg(c, 0), *out = cli_text(c, "out");
    struct buf text;

    buf_init_in(&text, c->s->arena, FILE_MAX_LEN);
    for (int depth = 0; name && depth < 16; depth++) {
        const char *pem;
        struct answer a;

        TRY(ask_get(
            c, arena_printf(c->s->arena, REST_API "/authorities/%s/certificates", segment(c, name)),
            &a));
        pem = json_str(json_get(json_item(json_get(a.json, "items"), 0), "certificate"));
        buf_text(&text, pem ? pem : "");
        TRY(ask_get(c, arena_printf(c->s->arena, REST_API "/authorities/%s", segment(c, name)),
                    &a));
        name = json_str(json_get(a.json, "parent"));
    }
    return write_out(c, out ? out : "-", buf_bytes(&text), OUT_PUBLIC);
}

enum err
run_ca_delete(struct cli *c)
{
    bool destroy = cli_has(c, "destroy-keys");
    struct ask ask = { .method = "DELETE", .path = path_of(c, "") };
    struct answer a;

    if (cli_has(c, "dry-run"))
        return would(c, destroy ? "destroy the keys of" : "retire");
    TRY(confirm(c, arena_printf(c->s->arena, "retire %s", cli_arg(c, 0))));
    if (destroy) {
        const char *again = cli_text(c, "confirm");

        if (!again) /* --yes answers the first question alone */
            return fail_code(
                c->s, E_INVALID, CHY_USAGE,
                "to destroy its keys for ever, say its name once more: --confirm \"%s\"",
                cli_arg(c, 0));
        ask_param(c, &ask, "destroy_keys", "true");
        ask_param(c, &ask, "confirm", again);
    }
    ask.not_done = arena_printf(c->s->arena, "%s is not retired", cli_arg(c, 0));
    TRY(ask_server(c, &ask, &a));
    say(c, "%s is retired%s", cli_arg(c, 0), destroy ? ", its keys are destroyed" : "");
    return OK;
}

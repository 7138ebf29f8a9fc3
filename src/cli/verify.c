/* `chancery verify` and `certs diff`: what certificates are, without asking the register. */
#include "cli/proof.h"

#include "cli/inspect_rows.h"
#include "cli/keystore.h"
#include "cli/session.h"
#include "pki/cert.h"
#include "pki/chain.h"
#include "pki/pem.h"
#include "pki/ssl_err.h"
#include <langinfo.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define FILE_SIZE_MAX ((size_t)4 << 20)
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

/* Findings. */

void
proof_add(struct cli *c, struct list *rows, const char *check, bool good, const char *detail)
{
    list_add(c->s->arena, rows, struct finding_row,
             ((struct finding_row){ check, good, detail ? detail : "" }));
}

void
proof_add_result(struct cli *c, struct list *rows, const char *check, enum err e,
                 const char *detail)
{
    if (e != OK)
        detail = arena_text(c->s->arena, c->s->error.text ? c->s->error.text : "it failed");
    proof_add(c, rows, check, e == OK, detail);
    if (e != OK)
        scope_clear(c->s);
}

enum err
proof_print(struct cli *c, const char *subject, const struct list *rows)
{
    static const struct view view = { .kind = "proof", .key = "subject" };
    bool utf8 = text_eq_fold(nl_langinfo(CODESET), "UTF-8"), good = true;
    size_t n = 0;
    struct buf b;

    LIST_EACH(struct finding_row, r, rows)
    good = good && r->good;
    c->status = good ? EXIT_DONE : EXIT_CHECK_FAILED;
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    if (output_is_table(c)) {
        buf_printf(&b, "%s is %s\n", subject, good ? "good" : "not good");
        LIST_EACH(struct finding_row, r, rows)
        buf_printf(&b, "  %s %-8s %s\n",
                   utf8      ? r->good ? "✓" : "✖"
                   : r->good ? "ok  "
                             : "fail",
                   r->check, r->detail);
        return print_bytes(c, buf_bytes(&b));
    }
    buf_text(&b, "{\"subject\":");
    json_text(&b, subject);
    buf_printf(&b, ",\"valid\":%s,\"checks\":[", good ? "true" : "false");
    LIST_EACH(struct finding_row, r, rows)
    {
        buf_text(&b, n++ ? ",{\"check\":" : "{\"check\":");
        json_text(&b, r->check);
        buf_printf(&b, ",\"good\":%s,\"detail\":", r->good ? "true" : "false");
        json_text(&b, r->detail);
        buf_byte(&b, '}');
    }
    buf_text(&b, "]}");
    return print_json(c, &view, &b);
}

/* Verifying. */

static enum err
read_roots(struct cli *c, struct list *roots)
{
    const char *path = cli_text(c, "roots") ? cli_text(c, "roots") : cli_text(c, "cacert");
    struct bytes text;

    if (!path)
        path = SYSTEM_ROOTS;
    TRY(note(c->s, read_input(c, path, FILE_SIZE_MAX, &text), "--roots"));
    return pem_read_certs(c->s, text, roots) == OK
               ? OK
               : fail_code(c->s, E_INVALID, CHY_USAGE, "--roots: %s: %s", path,
                           arena_text(c->s->arena, c->s->error.text));
}

static enum err
check_chain(struct cli *c, const struct list *chain, const struct list *roots, struct when at)
{
    const char *word = cli_text(c, "purpose");

    return chain_verify(c->s, chain, roots, at,
                        text_eq(word, "server")   ? CHAIN_SERVER
                        : text_eq(word, "client") ? CHAIN_CLIENT
                                                  : CHAIN_ANY);
}

/* "CN=web <- CN=Example Issuing CA 1" */
static const char *
chain_text(struct cli *c, const struct list *chain)
{
    const char *text = "";

    LIST_EACH(struct bytes, der, chain)
    {
        struct cert cert;

        if (cert_read(c->s, *der, &cert) == OK)
            text = arena_printf(c->s->arena, "%s%s%s", text, *text ? " <- " : "",
                                *cert.subject.text ? cert.subject.text : "(no subject)");
    }
    scope_clear(c->s);
    return text;
}

static void
check_dates(struct cli *c, struct list *rows, const struct cert *cert, struct when at)
{
    bool early = when_cmp(at, cert->not_before)<0, late = when_cmp(at, cert->not_after)> 0;

    proof_add(c, rows, "dates", !early && !late,
              arena_printf(c->s->arena, "%sfrom %s to %s",
                           early  ? "not yet valid: "
                           : late ? "expired: "
                                  : "",
                           when_rfc3339(c->s->arena, cert->not_before),
                           when_rfc3339(c->s->arena, cert->not_after)));
}

static void
check_host(struct cli *c, struct list *rows, const struct cert *cert, const char *host)
{
    const unsigned char *at = cert->der.data;
    AUTO(X509_free) X509 *x = d2i_X509(NULL, &at, (long)cert->der.len);
    const char *names = "";
    bool good = x && (X509_check_host(x, host, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1 ||
                      X509_check_ip_asc(x, host, 0) == 1);

    LIST_EACH(struct general_name, n, &cert->exts.san)
    names = arena_printf(c->s->arena, "%s%s%s", names, *names ? ", " : "", n->text ? n->text : "?");
    proof_add(c, rows, "name", good,
              good ? host
                   : arena_printf(c->s->arena, "it is not for %s, but for %s", host,
                                  *names ? names : "no name at all"));
}

static void
check_ocsp(struct cli *c, struct list *rows, const struct list *chain, const struct list *roots)
{
    struct bytes issuer = { NULL, 0 };
    struct list whole = { 0 }, ordered = { 0 };
    struct ocsp_said said;
    enum err e;

    LIST_EACH(struct bytes, der, chain)
    list_add(c->s->arena, &whole, struct bytes, *der);
    LIST_EACH(struct bytes, der, roots)
    list_add(c->s->arena, &whole, struct bytes, *der);
    if (chain_order(c->s, *list_at(chain, struct bytes, 0), &whole, &ordered) == OK &&
        ordered.count > 1)
        issuer = *list_at(&ordered, struct bytes, 1);
    scope_clear(c->s);
    if (!issuer.len) {
        proof_add(c, rows, "ocsp", false, "its issuer's certificate is not here");
        return;
    }
    e = ocsp_ask(c, *list_at(chain, struct bytes, 0), issuer, NULL, &said);
    if (e != OK)
        proof_add_result(c, rows, "ocsp", e, NULL);
    else
        proof_add(c, rows, "ocsp", text_eq(said.status, "good"), ocsp_text(c, &said));
}

/* "https://[::1]:8443/x" -> "::1" */
static const char *
host_of(struct cli *c, const char *url)
{
    const char *at = url + strlen("https://");

    if (*at == '[')
        return arena_text_n(c->s->arena, at + 1, strcspn(at + 1, "]"));
    return arena_text_n(c->s->arena, at, strcspn(at, ":/"));
}

enum err
run_verify(struct cli *c)
{
    const char *ref = cli_arg(c, 0), *host = cli_text(c, "host");
    struct list certs = { 0 }, chain = { 0 }, roots = { 0 }, rows = { 0 };
    struct when at = cli_time(c, "at", clock_now());
    struct cert leaf;
    enum err e;

    if (!when_given(at))
        at = clock_now();
    TRY(read_roots(c, &roots));
    TRY(certificates_at(c, ref, true, &certs));
    TRY(note(c->s, cert_read(c->s, *list_at(&certs, struct bytes, 0), &leaf), "%s", ref));
    if (!host && text_starts_fold(ref, "https://"))
        host = host_of(c, ref);
    e = chain_order(c->s, *list_at(&certs, struct bytes, 0), &certs, &chain);
    if (e == OK)
        e = check_chain(c, &chain, &roots, at);
    proof_add_result(c, &rows, "chain", e, e == OK ? chain_text(c, &chain) : NULL);
    check_dates(c, &rows, &leaf, at);
    if (host)
        check_host(c, &rows, &leaf, host);
    if (cli_has(c, "ocsp") && chain.count)
        check_ocsp(c, &rows, &chain, &roots);
    else if (cli_has(c, "ocsp"))
        proof_add(c, &rows, "ocsp", false, "there is no chain, so nobody is asked");
    return proof_print(c, ref, &rows);
}

/* Comparing. */

/* The first certificate of a file, a host or a store, as it is there; else of the register. */
static enum err
told_of(struct cli *c, const char *ref, const struct json **out)
{
    struct list certs = { 0 };
    const struct json *row;
    struct json *j;
    struct buf b;

    if (is_somewhere(ref)) {
        TRY(certificates_at(c, ref, false, &certs));
    } else {
        TRY(certificate_of(c, ref, &row));
        TRY(certificate_chain(c, row_id(row), &certs));
    }
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    TRY(note(c->s, tell_certificate(c, &b, *list_at(&certs, struct bytes, 0), true), "%s", ref));
    TRY(json_parse(c->s, buf_bytes(&b), &j));
    *out = j;
    return OK;
}

static const char *
member_text(struct cli *c, const struct json *of, const char *name)
{
    const struct json *j = json_get(of, name);
    const char *text = json_str(j);
    struct buf b;

    if (text || !j)
        return text;
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    json_write(&b, j);
    return buf_str(&b);
}

static void
add_difference(struct cli *c, struct buf *b, const char *name, const struct json *first,
               const struct json *second)
{
    const char *one = member_text(c, first, name), *two = member_text(c, second, name);

    if (text_eq(one, two))
        return;
    buf_text(b, b->len > 1 ? ",{\"field\":" : "{\"field\":");
    json_text(b, name);
    buf_text(b, ",\"first\":");
    json_text(b, one);
    buf_text(b, ",\"second\":");
    json_text(b, two);
    buf_byte(b, '}');
}

enum err
run_certs_diff(struct cli *c)
{
    static const struct column columns[] = { { "field", NULL, 0 },
                                             { "first", NULL, 0 },
                                             { "second", NULL, 0 } };
    static const struct view view = { .kind = "difference",
                                      .key = "field",
                                      .columns = columns,
                                      .column_count = COUNT(columns),
                                      .none = "They are the same certificate." };
    const struct json *first, *second, *value;
    const char *name;
    size_t at = 0;
    struct buf b;

    TRY(told_of(c, cli_arg(c, 0), &first));
    TRY(told_of(c, cli_arg(c, 1), &second));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '[');
    while (json_member(first, &at, &name, &value))
        add_difference(c, &b, name, first, second);
    for (at = 0; json_member(second, &at, &name, &value);)
        if (!json_get(first, name))
            add_difference(c, &b, name, first, second);
    c->status = b.len > 1 ? EXIT_CHECK_FAILED : EXIT_DONE;
    buf_byte(&b, ']');
    return print_json(c, &view, &b);
}

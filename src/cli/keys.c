/* Enrollment with a key of the server's, and its recovery. */
#include "cli/keys.h"
#include "cli/body.h"

#include "cli/bulk.h"
#include "cli/issue.h"
#include "cli/register.h"
#include "cli/requests.h"
#include <string.h>
#include <unistd.h>

#define PROMPT "Password of the new file"

const char *const key_file_words[] = { "pfx", "pfx-legacy", "jks", "pem", "zip", NULL };

static void
add_form(struct cli *c, struct ask *ask, const char *form)
{
    list_add(c->s->arena, &ask->headers, struct header,
             ((struct header){ "x-certificateformat", form }));
}

/* What the server sent as FIELD, into the file. */
static enum err
write_file(struct cli *c, const struct json *from, const char *field, const char *out)
{
    const char *text = json_str(json_get(from, field));
    struct bytes file;

    if (text_empty(text) || !base64_decode(c->s->arena, text, strlen(text), true, &file))
        return fail(c->s, E_UNAVAILABLE, "the server sent no file with the key");
    return write_out(c, out, file, OUT_KEY);
}

enum err
key_place_ready(struct cli *c, const char *out)
{
    if (!out)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "say where the key goes: --out FILE");
    if (text_eq(out, "-") && isatty(STDOUT_FILENO))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "a key is not for a terminal: --out FILE");
    return out_ready(c, out, OUT_KEY);
}

enum err
recover_with(struct cli *c, int64_t id, const char *form, const char *out,
             const struct secret *password)
{
    struct ask ask = { .method = "POST",
                       .path = COMMAND_API "/Certificates/Recover",
                       .not_done = "no key was recovered" };
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"CertID\":%lld,\"IncludeChain\":true,\"Password\":", (long long)id);
    json_text(&b, (const char *)password->data);
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    add_form(c, &ask, form ? form : "pfx");
    TRY(ask_server(c, &ask, &a));
    TRY(write_file(c, a.json, "PFX", out));
    if (!text_eq(out, "-"))
        say(c, "certificate %lld and its key written to %s", (long long)id, out);
    return OK;
}

enum err
recover_to(struct cli *c, int64_t id, const char *form, const char *out)
{
    AUTO(secret_free) struct secret *password = NULL;

    TRY(key_place_ready(c, out));
    TRY(read_password(c, "password-file", PROMPT, &password));
    return recover_with(c, id, form, out, password);
}

enum err
run_recover(struct cli *c)
{
    const char *out = cli_text(c, "out") ? cli_text(c, "out") : cli_arg(c, 1);
    const struct json *row;

    if (!cli_has(c, "request"))
        TRY(key_place_ready(c, out));
    else if (out)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--request only asks: the key is written by chancery recoveries collect");
    TRY(certificate_of(c, cli_arg(c, 0), &row));
    if (cli_has(c, "request"))
        return recovery_begin(c, row_id(row));
    return recover_to(c, row_id(row), cli_text(c, "as"), out);
}

/* Enrollment. */

static enum err
add_key_type(struct cli *c, struct buf *b)
{
    const char *asked = cli_text(c, "key-type");
    struct key_spec spec;

    if (!asked)
        return OK;
    if (!key_spec_parse(asked, &spec) || spec.type == KEY_ED448)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--key-type: \"%s\" is no kind of key", asked);
    body_text(b, "KeyType", spec.type == KEY_RSA ? "RSA" : spec.type == KEY_EC ? "ECC" : "Ed25519");
    if (spec.bits)
        buf_printf(b, ",\"KeyLength\":%d", spec.bits);
    return OK;
}

static enum err
pfx_body(struct cli *c, const struct secret *password, const char **out)
{
    const char *tmpl, *issuer = NULL, *ca = cli_text(c, "ca"), *cn = cli_text(c, "cn");
    const char *subject = cli_text(c, "subject"), *renews = cli_text(c, "renews");
    struct list sans = { 0 }, metadata = { 0 };
    const struct json *row;
    struct buf b;

    if (subject && cn)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--subject and --cn say the same twice");
    TRY(wish_names(c, &sans));
    TRY(metadata_given(c, &metadata));
    TRY(wish_template(c, &tmpl));
    if (ca)
        TRY(wish_issuer(c, ca, &issuer));
    if (!subject && !cn && sans.count)
        cn = list_at(&sans, struct general_name, 0)->text;
    if (!subject)
        subject = cn ? arena_printf(c->s->arena, "CN=%s", cn) : "";
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"IncludeChain\":%s,\"Timestamp\":\"%s\"",
               cli_has(c, "no-chain") ? "false" : "true", when_rfc3339(c->s->arena, clock_now()));
    body_text(&b, "Password", (const char *)password->data);
    body_text(&b, "Template", tmpl);
    body_text(&b, "CertificateAuthority", issuer);
    body_text(&b, "Subject", subject);
    body_text(&b, "CustomFriendlyName", cli_text(c, "name"));
    body_text(&b, "OwnerRoleName", cli_text(c, "owner"));
    wish_add_sans(&b, "SANs", &sans);
    metadata_add(&b, "Metadata", &metadata);
    TRY(add_key_type(c, &b));
    if (renews) {
        TRY(certificate_of(c, renews, &row));
        buf_printf(&b, ",\"RenewalCertificateId\":%lld", (long long)row_id(row));
    }
    buf_byte(&b, '}');
    *out = buf_str(&b);
    return OK;
}

enum err
run_enroll_pfx(struct cli *c)
{
    AUTO(secret_free) struct secret *password = NULL;
    struct ask ask = { .method = "POST",
                       .path = COMMAND_API "/Enrollment/PFX",
                       .not_done = "certificate not issued" };
    const char *out = cli_text(c, "out"), *form = cli_text(c, "as"), *disposition;
    struct wish_come_true got = { 0 };
    const struct json *info;
    struct answer a;

    if (cli_text(c, "from"))
        return run_bulk(c);
    TRY(key_place_ready(c, out));
    TRY(read_password(c, "password-file", PROMPT, &password));
    TRY(pfx_body(c, password, &ask.body));
    add_form(c, &ask, form ? form : "pfx");
    TRY(ask_server(c, &ask, &a));
    info = json_get(a.json, "CertificateInformation");
    (void)json_int(json_get(info, "KeyfactorId"), &got.id);
    (void)json_int(json_get(info, "KeyfactorRequestId"), &got.request);
    c->made = got.id;
    c->asked = got.request;
    disposition = json_str(json_get(info, "RequestDisposition"));
    if (!got.id && text_eq(disposition, "PENDING")) {
        const char *message = json_str(json_get(info, "DispositionMessage"));

        TRY(request_wait(c, got.request, &got.id));
        c->made = got.id;
        if (got.id) /* its key waited here */
            return request_collect(c, got.request, form, out, password);
        request_waits(c, got.request, message);
        return OK;
    }
    TRY(write_file(c, info, "Pkcs12Blob", out));
    return text_eq(out, "-") ? OK : wish_print(c, &got);
}

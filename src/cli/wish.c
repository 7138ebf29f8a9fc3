/* A wish: sent to the server as the flags say. */
#include "cli/body.h"
#include "cli/issue.h"

#include "cli/register.h"
#include "cli/requests.h"
#include "cli/session.h"
#include "pki/pem.h"
#include <stdio.h>
#include <string.h>

#define SERVER_AUTH "1.3.6.1.5.5.7.3.1"

enum err
wish_names(struct cli *c, struct list *names)
{
    static const struct {
        const char *flag;
        enum gn_kind kind;
    } kinds[] = { { "dns", GN_DNS },
                  { "ip", GN_IP },
                  { "email", GN_EMAIL },
                  { "upn", GN_UPN },
                  { "uri", GN_URI } };

    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct list given = cli_texts(c, kinds[i].flag);

        LIST_EACH(const char *, text, &given)
        {
            struct general_name *n = list_push(c->s->arena, names, struct general_name);

            *n = (struct general_name){ .kind = kinds[i].kind, .text = *text };
            if (n->kind == GN_IP && !ip_parse(c->s->arena, *text, &n->octets))
                return fail_code(c->s, E_INVALID, CHY_USAGE, "--ip: \"%s\" is no address", *text);
        }
    }
    return OK;
}

static const struct json *
authority_named(const struct json *all, const char *name)
{
    for (size_t i = 0; i < json_count(all); i++)
        if (text_eq_fold(json_str(json_get(json_item(all, i), "LogicalName")), name))
            return json_item(all, i);
    return NULL;
}

enum err
wish_issuer(struct cli *c, const char *ref, const char **out)
{
    const char *name = ref;
    struct answer a;

    *out = ref;
    if (item_is(ref)) {
        TRY(item_issuer(c, ref, out));
        if (*out)
            return OK;
        *out = name = arena_text_n(c->s->arena, ref, strcspn(ref, "@"));
    }
    if (!text_eq_fold(name, "ca"))
        return OK;
    TRY(ask_get(c, COMMAND_API "/CertificateAuthority", &a));
    if (!authority_named(a.json, name))
        *out = NULL;
    return OK;
}

/* For servers and nothing else. */
static bool
is_for_servers(const struct json *tmpl)
{
    const struct json *ekus = json_get(tmpl, "ExtendedKeyUsages");

    return json_count(ekus) == 1 &&
           text_eq(json_str(json_get(json_item(ekus, 0), "Oid")), SERVER_AUTH);
}

enum err
wish_template(struct cli *c, const char **out)
{
    const struct json *found = NULL;
    int64_t least = INT64_MAX;
    struct contexts contexts;
    struct answer a;

    *out = cli_text(c, "template");
    if (*out)
        return OK;
    TRY(session_contexts(c, &contexts));
    if ((*out = contexts.tmpl))
        return OK;
    TRY(ask_get(c, COMMAND_API "/Templates", &a));
    for (size_t i = 0; i < json_count(a.json);
         i++) { /* the oldest, so that a new one changes nothing */
        const struct json *t = json_item(a.json, i);
        int64_t id = INT64_MAX;

        (void)json_int(json_get(t, "Id"), &id);
        if (is_for_servers(t) && id < least) {
            found = t;
            least = id;
        }
    }
    if (!found)
        found = json_item(a.json, 0);
    *out = json_str(json_get(found, "CommonName"));
    if (!*out)
        return fail_code(c->s, E_NOT_FOUND, CHY_NO_TEMPLATE,
                         "there is no template that you may use: name one with --template");
    if (c->verbose)
        say(c, "template %s", *out);
    return OK;
}

/* The request as text that both APIs take. */
void
wish_add_csr(struct cli *c, struct buf *b, struct bytes csr)
{
    json_text(b, text_is_utf8(csr.data, csr.len)
                     ? arena_text_n(c->s->arena, (const char *)csr.data, csr.len)
                     : base64_encode(c->s->arena, csr));
}

/* "sans":{"dns":["a"],"ip":["b"]} */
void
wish_add_sans(struct buf *b, const char *name, const struct list *sans)
{
    static const struct {
        enum gn_kind kind;
        const char *name;
    } kinds[] = { { GN_DNS, "dns" },
                  { GN_IP, "ip" },
                  { GN_EMAIL, "email" },
                  { GN_UPN, "upn" },
                  { GN_URI, "uri" } };
    size_t kinds_seen = 0;

    if (!sans->count)
        return;
    buf_printf(b, ",\"%s\":{", name);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t n = 0;

        LIST_EACH(struct general_name, one, sans)
        {
            if (one->kind != kinds[i].kind)
                continue;
            if (n++)
                buf_byte(b, ',');
            else
                buf_printf(b, "%s\"%s\":[", kinds_seen++ ? "," : "", kinds[i].name);
            json_text(b, one->text);
        }
        buf_text(b, n ? "]" : "");
    }
    buf_byte(b, '}');
}

enum err
wish_take_certs(struct cli *c, const struct json *texts, struct list *out)
{
    for (size_t i = 0; i < json_count(texts); i++) {
        const char *pem = json_str(json_item(texts, i));
        struct list certs = { 0 };

        TRY(note(c->s, pem_read_certs(c->s, bytes_of_text(pem ? pem : ""), &certs),
                 "the server's answer"));
        LIST_EACH(struct bytes, der, &certs)
        list_add(c->s->arena, out, struct bytes, *der);
    }
    return OK;
}

/* By the Command API, which knows no validity. */
static enum err
send_command(struct cli *c, const struct wish *w, struct wish_come_true *out)
{
    struct ask ask = { .method = "POST",
                       .path = COMMAND_API "/Enrollment/CSR",
                       .not_done = "certificate not issued" };
    const struct json *info;
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"CSR\":");
    wish_add_csr(c, &b, w->csr);
    body_text(&b, "Template", w->tmpl);
    body_text(&b, "CertificateAuthority", w->issuer);
    wish_add_sans(&b, "SANs", &w->sans);
    if (w->renews)
        buf_printf(&b, ",\"RenewalCertificateId\":%lld", (long long)w->renews);
    metadata_add(&b, "Metadata", &w->metadata);
    body_text(&b, "OwnerRoleName", w->owner);
    buf_printf(&b, ",\"IncludeChain\":true,\"Timestamp\":\"%s\"}",
               when_rfc3339(c->s->arena, clock_now()));
    ask.body = buf_str(&b);
    list_add(c->s->arena, &ask.headers, struct header,
             ((struct header){ "x-certificateformat", "PEM" }));
    TRY(ask_server(c, &ask, &a));
    info = json_get(a.json, "CertificateInformation");
    (void)json_int(json_get(info, "KeyfactorID"), &out->id);
    (void)json_int(json_get(info, "KeyfactorRequestId"), &out->request);
    out->disposition = json_str(json_get(info, "RequestDisposition"));
    out->message = json_str(json_get(info, "DispositionMessage"));
    return wish_take_certs(c, json_get(info, "Certificates"), &out->certs);
}

enum err
wish_send(struct cli *c, const struct wish *w, struct wish_come_true *out)
{
    bool has_validity = w->duration_ms || when_given(w->not_before) || when_given(w->not_after);

    *out = (struct wish_come_true){ 0 };
    TRY(has_validity ? wish_send_rest(c, w, out) : send_command(c, w, out));
    c->asked = out->request;
    c->made = out->id;
    if (out->certs.count)
        return OK;
    TRY(request_wait(c, out->request, &out->id));
    c->made = out->id;
    if (out->id)
        return certificate_chain(c, out->id, &out->certs);
    request_waits(c, out->request, out->message);
    return OK;
}

struct bytes
wish_pem(struct cli *c, const struct list *certs)
{
    struct cert last;
    size_t count = certs->count;
    struct buf b;

    if (count > 1 && cert_read(c->s, *list_last(certs, struct bytes), &last) == OK &&
        last.self_issued)
        count--; /* nobody sends the root */
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    for (size_t i = 0; i < count; i++)
        pem_add(&b, PEM_CERT, *list_at(certs, struct bytes, i));
    return buf_bytes(&b);
}

enum err
wish_print(struct cli *c, const struct wish_come_true *got)
{
    struct answer a;
    struct buf b;

    if (cli_has(c, "quiet") || !got->id)
        return OK;
    TRY(ask_get(c, arena_printf(c->s->arena, COMMAND_API "/Certificates/%lld", (long long)got->id),
                &a));
    if (!output_is_table(c))
        return print_data(c, &certificates_view, a.json);
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_byte(&b, '[');
    json_write(&b, a.json);
    buf_byte(&b, ']');
    return print_json(c, &certificates_view, &b);
}

enum err
wish_known(struct cli *c, struct bytes der, int64_t *id)
{
    struct ask ask = { .path = COMMAND_API "/Certificates" };
    struct answer a;
    struct cert cert;

    *id = 0;
    TRY(cert_read(c->s, der, &cert));
    ask_param(c, &ask, "pq.queryString",
              arena_printf(c->s->arena, "ThumbprintSha256 -eq \"%s\"",
                           hex_upper(c->s->arena, (struct bytes){ cert.sha256, SHA256_LEN })));
    ask_param(c, &ask, "pq.includeRevoked", "true");
    ask_param(c, &ask, "pq.includeExpired", "true");
    TRY(ask_server(c, &ask, &a));
    if (json_count(a.json) == 1)
        *id = row_id(json_item(a.json, 0));
    return OK;
}

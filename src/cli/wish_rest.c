/* A wish by our own API, POST /api/v1/certificates. */
#include "cli/body.h"
#include "cli/issue.h"

#include "cli/inspect_rows.h"
#include "cli/register.h"
#include "pki/der.h"
#include "pki/pem.h"

static enum err
ask_rest(struct cli *c, const struct wish *w, bool dry, struct answer *out)
{
    struct ask ask = { .method = "POST",
                       .path = REST_API "/certificates",
                       .not_done =
                           dry ? "the certificate would not be issued" : "certificate not issued" };
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"csr\":");
    wish_add_csr(c, &b, w->csr);
    body_text(&b, "template", w->tmpl);
    body_text(&b, "authority", w->issuer);
    wish_add_sans(&b, "sans", &w->sans);
    if (w->renews)
        buf_printf(&b, ",\"renews\":%lld", (long long)w->renews);
    if (when_given(w->not_before))
        body_text(&b, "not_before", when_rfc3339(c->s->arena, w->not_before));
    if (when_given(w->not_after))
        body_text(&b, "not_after", when_rfc3339(c->s->arena, w->not_after));
    if (w->duration_ms)
        body_text(&b, "validity", duration_text(c->s->arena, w->duration_ms));
    metadata_add(&b, "metadata", &w->metadata);
    body_text(&b, "owner", w->owner);
    buf_byte(&b, '}');
    if (dry)
        ask_param(c, &ask, "dry_run", "true");
    ask.body = buf_str(&b);
    return ask_server(c, &ask, out);
}

enum err
wish_send_rest(struct cli *c, const struct wish *w, struct wish_come_true *out)
{
    struct list leaf = { 0 };
    const char *pem;
    struct answer a;

    TRY(ask_rest(c, w, false, &a));
    (void)json_int(json_get(a.json, "id"), &out->id);
    (void)json_int(json_get(a.json, "request_id"), &out->request);
    out->disposition = json_str(json_get(a.json, "disposition"));
    out->message = json_str(json_get(a.json, "message"));
    pem = json_str(json_get(a.json, "pem"));
    if (!pem)
        return OK;
    TRY(note(c->s, pem_read_certs(c->s, bytes_of_text(pem), &leaf), "the server's answer"));
    list_add(c->s->arena, &out->certs, struct bytes, *list_at(&leaf, struct bytes, 0));
    return wish_take_certs(c, json_get(a.json, "chain"), &out->certs);
}

/* A certificate of this TBSCertificate, with an empty signature: to be read, not to be trusted. */
static bool
unsigned_certificate(struct cli *c, struct bytes tbs, struct bytes *out)
{
    struct bytes version, serial, alg;
    struct span p;
    struct buf b;
    size_t mark;

    if (!der_only(tbs, DER_SEQUENCE, &p) || !der_take_whole(&p, DER_CONSTRUCTED(0), &version) ||
        !der_int_bytes(&p, &serial) || !der_take_whole(&p, DER_SEQUENCE, &alg))
        return false;
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    mark = der_begin(&b, DER_SEQUENCE);
    der_put_raw(&b, tbs);
    der_put_raw(&b, alg);
    der_put_bits(&b, BYTES("\0"));
    der_close(&b, mark);
    *out = buf_bytes(&b);
    return !b.failed;
}

/* For people: what the certificate would say. */
static enum err
print_plan(struct cli *c, const struct json *plan, const struct view *view)
{
    const char *tbs = json_str(json_get(plan, "tbs")), *message;
    struct bytes raw, der;
    struct buf b, inner;

    if (!tbs || !base64_decode(c->s->arena, tbs, strlen(tbs), true, &raw) ||
        !unsigned_certificate(c, raw, &der))
        return print_data(c, view, plan);
    buf_init_in(&inner, c->s->arena, CLI_BODY_MAX);
    TRY(note(c->s, tell_certificate(c, &inner, der, false), "the server's answer"));
    message = json_str(json_get(plan, "message"));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"disposition\":");
    json_text(&b, json_str(json_get(plan, "disposition")));
    if (!text_empty(message)) {
        buf_text(&b, ",\"message\":");
        json_text(&b, message);
    }
    buf_printf(&b, ",%s", buf_str(&inner) + 1);
    return print_json(c, view, &b);
}

enum err
wish_try(struct cli *c, const struct wish *w)
{
    static const struct view plan = { .kind = "plan" };
    struct answer a;

    TRY(ask_rest(c, w, true, &a));
    return output_is_table(c) ? print_plan(c, a.json, &plan) : print_data(c, &plan, a.json);
}

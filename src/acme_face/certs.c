/* Certificates on the wire, and their revocation (RFC 8555 sections 7.4.2 and 7.6). */
#include "acme/chain.h"
#include "acme/revoke.h"
#include "acme_face/call.h"
#include "pki/pem.h"
#include "pki/pkcs7.h"
#include <string.h>

#define CHAIN_MAX (1024 * 1024)
#define CHAINS_MAX 100

static enum err
chain_number(struct call *c, int64_t *number)
{
    *number = 0;
    if (c->more && (!text_to_int(c->more, number) || *number < 1 || *number > CHAINS_MAX))
        return nothing_here(c, E_NOT_FOUND);
    return OK;
}

/* The other chains, with the usual one among them. */
static void
link_others(struct call *c, const struct acme_chain *chain, int64_t number)
{
    struct arena *a = c->s->arena;
    const char *usual = acme_url(a, c->ep, "cert", c->id);

    for (int64_t i = 0; i <= chain->others; i++)
        if (i != number)
            answer_link(c, i ? arena_printf(a, "%s/%lld", usual, (long long)i) : usual,
                        "alternate");
}

/* The q of a media range, in thousandths; its other parameters are not looked at. */
static int64_t
weight_of(struct scope *s, const char *parameters)
{
    const char *at = parameters;
    int64_t whole, part;

    while ((at = strchr(at, ';'))) {
        at += 1 + strspn(at + 1, " \t");
        if (!text_starts_fold(at, "q="))
            continue;
        at += 2;
        if (!text_to_int(arena_text_n(s->arena, at, strspn(at, "0123456789")), &whole))
            return 0;
        at += strspn(at, "0123456789");
        if (whole || *at != '.')
            return whole ? 1000 : 0;
        at = arena_printf(s->arena, "%.*s000", (int)MIN(strspn(at + 1, "0123456789"), (size_t)3),
                          at + 1);
        return text_to_int(arena_text_n(s->arena, at, 3), &part) ? part : 0;
    }
    return 1000;
}

/* What Accept gives TYPE, which the most exact of its ranges says: the first of them among equals,
 * and one that names the type before one that does not (RFC 9110 section 12.5.1). */
static int64_t
liking_for(struct scope *s, const char *accept, const char *type)
{
    const char *slash = strchr(type, '/');
    int64_t found = 0, exact = 0, place = 0;

    while (*accept) {
        size_t all = strcspn(accept, ","), len;
        const char *one = arena_text_n(s->arena, accept, all);
        int64_t how;

        one += strspn(one, " \t");
        len = strcspn(one, "; \t");
        how = len == strlen(type) && text_starts_fold(one, type) ? 3
              : len == (size_t)(slash - type) + 2 && one[len - 1] == '*' &&
                      text_starts_fold(one, arena_text_n(s->arena, type, len - 1))
                  ? 2
              : len == 3 && text_starts(one, "*/*") ? 1
                                                    : 0;
        if (how > exact) {
            int64_t q = weight_of(s, one + len);

            exact = how;
            found = q ? q * 10000 + how * 1000 + MAX(999 - place, 0) : 0;
        }
        place++;
        accept += all + (accept[all] == ',');
    }
    return found;
}

/* Does the client like TYPE best of the forms that there are? Of what it likes alike, or not at
 * all, it is given PEM. */
static bool
accepts(struct call *c, const char *type)
{
    static const char *const others[] = { "application/pem-certificate-chain",
                                          "application/pkix-cert", "application/pkcs7-mime" };
    const char *accept = http_header(c->http, "Accept");
    int64_t liked = accept ? liking_for(c->s, accept, type) : 0;

    for (size_t i = 0; liked && i < COUNT(others); i++)
        if (!text_eq(others[i], type) && liking_for(c->s, accept, others[i]) >= liked)
            return false;
    return liked > 0;
}

static enum err
answer_chain(struct call *c, const struct acme_chain *chain)
{
    struct buf pem;

    if (accepts(c, "application/pkix-cert")) {
        if (chain->issuer_url)
            answer_link(c, chain->issuer_url, "up");
        answer_headers(c);
        http_reply(c->http, 200, "application/pkix-cert", *list_at(&chain->certs, struct bytes, 0));
        return OK;
    }
    if (accepts(c, "application/pkcs7-mime")) {
        struct bytes bag;

        TRY(pkcs7_of_certs(c->s, chain->certs.items, chain->certs.count, &bag));
        answer_headers(c);
        http_reply(c->http, 200, "application/pkcs7-mime", bag);
        return OK;
    }
    buf_init_in(&pem, c->s->arena, CHAIN_MAX);
    LIST_EACH(struct bytes, der, &chain->certs)
    pem_add(&pem, PEM_CERT, *der);
    answer_headers(c);
    http_reply_held(c->http, 200, "application/pem-certificate-chain", buf_bytes(&pem));
    return OK;
}

enum err
cert_post(struct call *c)
{
    int64_t certificate, number;
    struct acme_chain chain;

    TRY(chain_number(c, &number));
    TRY(nothing_here(c, acme_certificate_of(c->s, c->acme, &c->account, c->id, &certificate)));
    TRY(acme_chain(c->s, c->acme, c->ep, certificate, number, &chain));
    link_others(c, &chain, number);
    return answer_chain(c, &chain);
}

enum err
revoke_cert(struct call *c)
{
    const struct json *reason = json_get(c->payload, "reason");
    struct acme_revoke in = { .account = c->by_account ? &c->account : NULL,
                              .key = &c->key,
                              .has_reason = reason != NULL,
                              .peer = c->peer };
    const char *text;

    if (!c->payload)
        return acme_fail(c->s, E_INVALID, "malformed", "the payload must be a JSON object");
    TRY(member_text(c, "certificate", &text));
    if (!text || !base64url_decode(c->s->arena, text, strlen(text), &in.certificate))
        return acme_fail(c->s, E_INVALID, "malformed",
                         "\"certificate\" is no certificate in base64url (RFC 8555 section 7.6)");
    if (reason && !json_int(reason, &in.reason))
        return acme_fail(c->s, E_INVALID, "malformed", "\"reason\" is no whole number");
    TRY(acme_revoke(c->s, c->acme, &in));
    answer_headers(c);
    http_reply(c->http, 200, NULL, (struct bytes){ NULL, 0 });
    return OK;
}

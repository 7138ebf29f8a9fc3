/* Orders on the wire (RFC 8555 sections 7.1.3 and 7.4). */
#include "acme/finalize.h"
#include "acme/limit.h"
#include "acme/pace.h"
#include "acme_face/call.h"
#include <string.h>

#define RETRY_AFTER_S "2" /* while an order is processing */

struct order_doc {
    const char *status, *expires, *not_before, *not_after, *finalize, *certificate, *replaces,
        *profile;
    struct raw identifiers, error;
    struct list authorizations;
};
static const struct field order_doc_fields[] = {
    FIELD(order_doc, status, "status"), /* first: shell clients take the first that they see */
    FIELD(order_doc, expires, "expires"),
    FIELD(order_doc, identifiers, "identifiers"),
    FIELD(order_doc, not_before, "notBefore", .flags = OMIT_EMPTY),
    FIELD(order_doc, not_after, "notAfter", .flags = OMIT_EMPTY),
    FIELD(order_doc, authorizations, "authorizations", .model = &text_model),
    FIELD(order_doc, finalize, "finalize"),
    FIELD(order_doc, certificate, "certificate", .flags = OMIT_EMPTY),
    FIELD(order_doc, replaces, "replaces", .flags = OMIT_EMPTY),
    FIELD(order_doc, profile, "profile", .flags = OMIT_EMPTY),
    FIELD(order_doc, error, "error"),
};
static const struct model order_doc_model = MODEL(order_doc, order_doc_fields);

static const char *
date_text(struct call *c, struct when w)
{
    return when_given(w) ? when_rfc3339(c->s->arena, w) : NULL;
}

static enum err
answer_order(struct call *c, int status, const struct acme_order *o)
{
    struct arena *a = c->s->arena;
    struct order_doc doc = {
        .status = acme_order_status_name(o->status),
        .expires = when_rfc3339(a, o->expires_at),
        .identifiers = { o->identifiers },
        .not_before = date_text(c, o->not_before),
        .not_after = date_text(c, o->not_after),
        .finalize = acme_url(a, c->ep, "finalize", o->public_id),
        .replaces = o->replaces,
        .profile = o->profile,
        .error = { o->status == ACME_ORDER_INVALID ? o->error : NULL },
    };

    if (o->status == ACME_ORDER_VALID)
        doc.certificate = acme_url(a, c->ep, "cert", o->public_id);
    LIST_EACH(const char *, z, &o->authzs)
    list_add(a, &doc.authorizations, const char *, acme_url(a, c->ep, "authz", *z));
    http_reply_header(c->http, "Location", acme_url(a, c->ep, "order", o->public_id));
    if (o->status == ACME_ORDER_PROCESSING)
        http_reply_header(c->http, "Retry-After", RETRY_AFTER_S);
    return answer_json(c, status, &order_doc_model, &doc);
}

static enum err
member_when(struct call *c, const char *name, struct when *out)
{
    const char *text;

    *out = WHEN_NONE;
    TRY(member_text(c, name, &text));
    if (text && (!strchr(text, 'T') || !when_parse(text, out)))
        return acme_fail(c->s, E_INVALID, "malformed", "\"%s\" is no date of RFC 3339", name);
    return OK;
}

enum err
new_order(struct call *c)
{
    struct acme_order_wish wish = { .account = &c->account,
                                    .identifiers = json_get(c->payload, "identifiers"),
                                    .peer = c->peer };
    struct acme_order o;
    enum err e;

    if (call_waits_turn(c))
        return OK;
    if (!c->payload)
        return acme_fail(c->s, E_INVALID, "malformed", "the payload must be a JSON object");
    TRY(member_when(c, "notBefore", &wish.not_before));
    TRY(member_when(c, "notAfter", &wish.not_after));
    TRY(member_text(c, "replaces", &wish.replaces));
    TRY(member_text(c, "profile", &wish.profile));
    TRY(acme_limit_enter(c->s, c->acme, FLIGHT_ORDERS));
    e = acme_order_new(c->s, c->acme, c->ep, &wish, &o, &c->subproblems);
    acme_limit_leave(FLIGHT_ORDERS);
    return e == OK ? answer_order(c, 201, &o) : e;
}

enum err
order_post(struct call *c)
{
    struct acme_order o;

    TRY(nothing_here(c, acme_order_get(c->s, c->acme, &c->account, c->id, &o)));
    if (o.status == ACME_ORDER_PENDING &&
        call_waits(c, arena_copy(c->s->arena, &o.authzs, sizeof(o.authzs))))
        return OK;
    return answer_order(c, 200, &o);
}

enum err
finalize_post(struct call *c)
{
    const char *text;
    struct acme_finalize_wish wish = { .account = &c->account, .peer = &c->peer };
    struct acme_order o;
    enum err e;

    TRY(nothing_here(c, acme_order_get(c->s, c->acme, &c->account, c->id, &o)));
    TRY(member_text(c, "csr", &text));
    if (!text || !base64url_decode(c->s->arena, text, strlen(text), &wish.csr) || !wish.csr.len)
        return acme_fail(c->s, E_INVALID, "malformed",
                         "\"csr\" is no request in base64url (RFC 8555 section 7.4)");
    TRY(acme_limit_enter(c->s, c->acme, FLIGHT_SIGNINGS));
    pace_enter(c->acme->pace);
    e = acme_finalize(c->s, c->acme, &o, &wish);
    pace_leave(c->acme->pace);
    acme_limit_leave(FLIGHT_SIGNINGS);
    return e == OK ? answer_order(c, 200, &o) : e;
}

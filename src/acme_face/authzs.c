/* Authorizations and challenges on the wire (RFC 8555 sections 7.1.4, 7.1.5 and 7.5). */
#include "acme/challenge.h"
#include "acme/limit.h"
#include "acme/response.h"
#include "acme_face/call.h"

struct challenge_doc {
    const char *type, *url, *status, *token, *validated;
    struct list issuers;
    struct raw error;
};
static const struct field challenge_doc_fields[] = {
    FIELD(challenge_doc, type, "type"),
    FIELD(challenge_doc, url, "url"),
    FIELD(challenge_doc, status, "status"),
    FIELD(challenge_doc, token, "token", .flags = OMIT_EMPTY),
    FIELD(challenge_doc, issuers, "issuer-domain-names", .model = &text_model, .flags = OMIT_EMPTY),
    FIELD(challenge_doc, validated, "validated", .flags = OMIT_EMPTY),
    FIELD(challenge_doc, error, "error"),
};
static const struct model challenge_doc_model = MODEL(challenge_doc, challenge_doc_fields);

struct authz_doc {
    const char *status, *expires;
    const struct acme_identifier *identifier;
    struct list challenges; /* of struct challenge_doc */
    bool wildcard;
};
static const struct field authz_doc_fields[] = {
    FIELD(authz_doc, status, "status"),
    FIELD(authz_doc, expires, "expires"),
    FIELD(authz_doc, identifier, "identifier", .model = &acme_identifier_model),
    FIELD(authz_doc, challenges, "challenges", .model = &challenge_doc_model),
    FIELD(authz_doc, wildcard, "wildcard", .flags = OMIT_EMPTY),
};
static const struct model authz_doc_model = MODEL(authz_doc, authz_doc_fields);

static void
show_challenge(struct call *c, const struct acme_challenge *ch, struct challenge_doc *out)
{
    bool persists = text_eq(ch->type, "dns-persist-01");

    *out = (struct challenge_doc){
        .type = ch->type,
        .url = acme_url(c->s->arena, c->ep, "challenge", ch->public_id),
        .status = acme_challenge_status_name(ch->status),
        .token = persists ? NULL : ch->token,
        .validated =
            when_given(ch->validated_at) ? when_rfc3339(c->s->arena, ch->validated_at) : NULL,
        .error = { ch->error },
    };
    if (persists)
        out->issuers = c->ep->set->caa_identities;
}

/* Until it is decided all that are offered; then those that decided (RFC 8555 section 7.1.4). */
static bool
is_shown(const struct acme_authz *z, const struct acme_challenge *ch)
{
    return z->status == ACME_AUTHZ_VALID     ? ch->status == ACME_CHALLENGE_VALID
           : z->status == ACME_AUTHZ_INVALID ? ch->status == ACME_CHALLENGE_INVALID
                                             : true;
}

static void
add_retry_after(struct call *c, const struct acme_challenge *ch)
{
    int64_t wait;

    if (ch->status != ACME_CHALLENGE_PROCESSING || !when_given(ch->next_attempt))
        return;
    wait = (ch->next_attempt.ms - clock_now().ms + 999) / 1000;
    http_reply_header(c->http, "Retry-After",
                      arena_printf(c->s->arena, "%lld", (long long)MAX(wait, INT64_C(1))));
}

static enum err
answer_authz(struct call *c, int status, const struct acme_authz *z)
{
    struct acme_identifier name = { z->type, z->value };
    struct authz_doc doc = { .status = acme_authz_status_name(z->status),
                             .expires = when_rfc3339(c->s->arena, z->expires_at),
                             .identifier = &name,
                             .wildcard = z->wildcard };

    LIST_EACH(struct acme_challenge, ch, &z->challenges)
    {
        if (!is_shown(z, ch))
            continue;
        show_challenge(c, ch, list_push(c->s->arena, &doc.challenges, struct challenge_doc));
        if (z->status == ACME_AUTHZ_PENDING)
            add_retry_after(c, ch);
    }
    return answer_json(c, status, &authz_doc_model, &doc);
}

enum err
new_authz(struct call *c)
{
    struct acme_authz_ask ask = { .account = &c->account,
                                  .identifier = json_get(c->payload, "identifier"),
                                  .peer = c->peer };
    struct acme_authz z;
    enum err e;

    if (!c->payload)
        return acme_fail(c->s, E_INVALID, "malformed", "the payload must be a JSON object");
    TRY(acme_limit_enter(c->s, c->acme, FLIGHT_ORDERS));
    e = acme_authz_new(c->s, c->acme, c->ep, &ask, &z, &c->subproblems);
    acme_limit_leave(FLIGHT_ORDERS);
    TRY(e);
    http_reply_header(c->http, "Location", acme_url(c->s->arena, c->ep, "authz", z.public_id));
    return answer_authz(c, 201, &z);
}

/* What only reads waits for the outcome of a try. */
static bool
waits(struct call *c, const struct acme_authz *z)
{
    struct list *one;

    if (c->payload || z->status != ACME_AUTHZ_PENDING)
        return false;
    one = arena_new_of(c->s->arena, struct list);
    list_add(c->s->arena, one, const char *, z->public_id);
    return call_waits(c, one);
}

enum err
authz_post(struct call *c)
{
    struct acme_authz z;
    const char *status;

    TRY(nothing_here(c, acme_authz_get(c->s, c->acme, &c->account, c->id, &z)));
    if (waits(c, &z))
        return OK;
    TRY(member_text(c, "status", &status));
    if (c->payload && !text_eq(status, "deactivated"))
        return acme_fail(c->s, E_INVALID, "malformed",
                         "an authorization can only be made {\"status\": \"deactivated\"}");
    if (c->payload)
        TRY(acme_authz_deactivate(c->s, c->acme, &z, &c->account, &c->peer));
    return answer_authz(c, 200, &z);
}

enum err
challenge_post(struct call *c)
{
    struct acme_answer by = { c->ep, c->account.public_id, c->key.thumbprint, c->peer.address,
                              NULL };
    struct acme_challenge *ch = NULL;
    struct challenge_doc doc;
    struct acme_authz z;

    TRY(nothing_here(c, acme_authz_of_challenge(c->s, c->acme, &c->account, c->id, &z, &ch)));
    if (waits(c, &z))
        return OK;
    if (c->payload && text_eq(ch->type, ACME_DEVICE_CHALLENGE) &&
        ch->status == ACME_CHALLENGE_PENDING)
        TRY(acme_response_take(c->s, c->payload, &by.response));
    if (c->payload)
        TRY(acme_challenge_answer(c->s, c->acme, &z, ch, &by));
    show_challenge(c, ch, &doc);
    answer_link(c, acme_url(c->s->arena, c->ep, "authz", z.public_id), "up");
    http_reply_header(c->http, "Location", doc.url);
    add_retry_after(c, ch);
    return answer_json(c, 200, &challenge_doc_model, &doc);
}

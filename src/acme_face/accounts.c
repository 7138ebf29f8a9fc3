/* Accounts on the wire (RFC 8555 section 7.3). */
#include "acme/eab.h"
#include "acme/orders_of.h"
#include "acme_face/call.h"

struct account_doc {
    const char *status, *orders, *created, *created_ip;
    struct raw contact, eab;
    struct opt_bool terms;
};
static const struct field account_doc_fields[] = {
    FIELD(account_doc, status, "status"),
    FIELD(account_doc, contact, "contact"),
    FIELD(account_doc, terms, "termsOfServiceAgreed", .flags = OMIT_EMPTY),
    FIELD(account_doc, eab, "externalAccountBinding"),
    FIELD(account_doc, orders, "orders"),
    FIELD(account_doc, created, "createdAt"),
    FIELD(account_doc, created_ip, "initialIp", .flags = OMIT_EMPTY),
};
static const struct model account_doc_model = MODEL(account_doc, account_doc_fields);

static const char *
account_url(struct call *c, const char *public_id)
{
    return acme_url(c->s->arena, c->ep, "acct", public_id);
}

static enum err
answer_account(struct call *c, int status, const struct acme_account *a)
{
    const char *url = account_url(c, a->public_id);
    struct account_doc doc = {
        .status = acme_account_status_name(a->status),
        .orders = arena_printf(c->s->arena, "%s/orders", url),
        .created = when_rfc3339(c->s->arena, a->created_at),
        .created_ip = a->created_ip,
        .contact = { a->contacts },
        .eab = { a->eab },
        .terms = { when_given(a->terms_at), when_given(a->terms_at) },
    };

    http_reply_header(c->http, "Location", url);
    if (!text_empty(c->ep->set->terms_url))
        answer_link(c, c->ep->set->terms_url, "terms-of-service");
    return answer_json(c, status, &account_doc_model, &doc);
}

/* newAccount. */

static enum err
answer_known(struct call *c, const struct acme_account *a)
{
    if (a->status != ACME_ACCOUNT_VALID)
        return acme_fail(c->s, E_UNAUTHENTICATED, "unauthorized",
                         "the account of this key is %s, and does not come back",
                         acme_account_status_name(a->status));
    return answer_account(c, 200, a);
}

static enum err
make_account(struct call *c)
{
    const struct json *binding = json_get(c->payload, "externalAccountBinding");
    struct acme_account_wish wish = { .key = &c->key, .peer = c->peer };
    struct acme_eab eab;
    struct acme_account made;
    bool fresh;

    TRY(member_bool(c, "termsOfServiceAgreed", &wish.terms_agreed));
    TRY(member_texts(c, "contact", &wish.contacts));
    if (binding && c->ep->set->eab != ACME_EAB_OFF) {
        TRY(acme_eab_check(c->s, c->acme, c->ep,
                           &(struct acme_eab_offer){ binding, c->url, &c->key }, &eab));
        wish.eab = &eab;
    }
    TRY(acme_account_new(c->s, c->acme, c->ep, &wish, &made, &fresh));
    return fresh ? answer_account(c, 201, &made) : answer_known(c, &made);
}

enum err
new_account(struct call *c)
{
    struct acme_account have;
    bool existing;
    enum err e;

    if (!c->payload)
        return acme_fail(c->s, E_INVALID, "malformed", "the payload must be a JSON object");
    TRY(member_bool(c, "onlyReturnExisting", &existing));
    e = acme_account_of_key(c->s, c->acme, c->ep, &c->key, &have);
    if (e == OK)
        return answer_known(c, &have);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(c->s);
    if (existing)
        return acme_fail(c->s, E_INVALID, "accountDoesNotExist", "no account has this key");
    return make_account(c);
}

/* An account, and its orders. */

static enum err
is_owner(struct call *c)
{
    if (!text_eq(c->id, c->account.public_id))
        return acme_fail(c->s, E_FORBIDDEN, "unauthorized",
                         "an account is for whoever holds its key");
    return OK;
}

struct orders_doc {
    struct list orders;
};
static const struct field orders_doc_fields[] = {
    FIELD(orders_doc, orders, "orders", .model = &text_model),
};
static const struct model orders_doc_model = MODEL(orders_doc, orders_doc_fields);

static enum err
answer_orders(struct call *c)
{
    struct list ids = { 0 };
    struct orders_doc doc = { 0 };
    const char *cursor = http_query(c->http, "cursor", false);

    if (c->payload)
        return acme_fail(c->s, E_INVALID, "malformed",
                         "the list of orders is only read: the payload must be the empty string");
    TRY(acme_orders_of(c->s, c->acme, &c->account, c->ep->set->page, &ids, &cursor));
    LIST_EACH(const char *, id, &ids)
    list_add(c->s->arena, &doc.orders, const char *, acme_url(c->s->arena, c->ep, "order", *id));
    if (cursor)
        answer_link(c,
                    arena_printf(c->s->arena, "%s/orders?cursor=%s",
                                 account_url(c, c->account.public_id), cursor),
                    "next");
    return answer_json(c, 200, &orders_doc_model, &doc);
}

enum err
account_post(struct call *c)
{
    const struct list *contacts;
    const char *status;

    if (c->more && !text_eq(c->more, "orders"))
        return acme_fail(c->s, E_NOT_FOUND, "malformed", "there is nothing here");
    TRY(is_owner(c));
    if (c->more)
        return answer_orders(c);
    TRY(member_text(c, "status", &status));
    TRY(member_texts(c, "contact", &contacts));
    if (status && !text_eq(status, "deactivated"))
        return acme_fail(c->s, E_INVALID, "malformed",
                         "the status of an account can only become \"deactivated\"");
    if (status)
        TRY(acme_account_deactivate(c->s, c->acme, &c->account, &c->peer));
    else if (contacts)
        TRY(acme_account_set_contacts(c->s, c->acme, &c->account, contacts, &c->peer));
    return answer_account(c, 200, &c->account);
}

/* keyChange (RFC 8555 section 7.3.5). */

static enum err
malformed(struct call *c, const char *why)
{
    return acme_fail(c->s, E_INVALID, "malformed", "the inner JWS: %s", why);
}

/* The inner JWS, by which the holder of the new key agrees. */
static enum err
read_inner(struct call *c, struct acme_key *key, const struct json **payload)
{
    struct json *j;
    struct flat inner;

    TRY(flat_read(c, c->payload, &inner));
    if (!inner.key || json_get(inner.jws.header, "kid"))
        return malformed(c, "it has its new key in \"jwk\", and no \"kid\"");
    if (json_get(inner.jws.header, "nonce"))
        return malformed(c, "it must not have a nonce");
    TRY(acme_key_read(c->s, c->acme, inner.key, key));
    TRY(flat_fits(c, &inner, key->verifier));
    TRY(flat_verify(c, &inner, key->verifier));
    if (!text_eq(json_str(json_get(inner.jws.header, "url")), c->url))
        return malformed(c, "its url is not that of the outer one");
    if (json_parse(c->s, inner.jws.payload, &j) != OK || !json_is_object(j))
        return malformed(c, "its payload is no JSON object");
    *payload = j;
    return OK;
}

enum err
key_change(struct call *c)
{
    const char *kid = c->jws.kid;
    const struct json *payload;
    struct acme_key key, old;
    struct acme_rekey to = { .key = &key, .peer = &c->peer };
    enum err e;

    if (!c->payload)
        return malformed(c, "the payload must be one");
    TRY(read_inner(c, &key, &payload));
    if (!text_eq(json_str(json_get(payload, "account")), kid))
        return malformed(c, "its account is not the kid of the outer one");
    if (acme_key_read_any(c->s, json_get(payload, "oldKey"), &old) != OK ||
        !text_eq(old.thumbprint, c->key.thumbprint))
        return malformed(c, "its oldKey is not the account's key");
    e = acme_account_rekey(c->s, c->acme, c->ep, &c->account, &to);
    if (e == E_CONFLICT && to.owner)
        http_reply_header(c->http, "Location", account_url(c, to.owner));
    TRY(e);
    return answer_account(c, 200, &c->account);
}

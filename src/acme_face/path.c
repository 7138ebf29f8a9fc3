/* From a path to an endpoint and a resource. */
#include "acme_face/call.h"

#include "acme/authz.h"

#include <string.h>

const struct resource resources[] = {
    { .word = "directory",
      .name = "/acme/directory",
      .get = true,
      .reads = true,
      .answer = directory_get,
      .answer_get = directory_get },
    { .word = "new-nonce",
      .name = "/acme/new-nonce",
      .get = true,
      .reads = true,
      .answer = new_nonce,
      .answer_get = new_nonce },
    { .word = "new-account",
      .name = "/acme/new-account",
      .begins = true,
      .by = BY_NEW_KEY,
      .answer = new_account },
    { .word = "acct",
      .name = "/acme/acct/{id}",
      .has_id = true,
      .has_more = true,
      .answer = account_post },
    { .word = "key-change", .name = "/acme/key-change", .answer = key_change },
    { .word = "new-order", .name = "/acme/new-order", .begins = true, .answer = new_order },
    { .word = "new-authz",
      .name = "/acme/new-authz",
      .begins = true,
      .offered = acme_authz_offered,
      .answer = new_authz },
    { .word = "order",
      .name = "/acme/order/{id}",
      .has_id = true,
      .reads = true,
      .answer = order_post },
    { .word = "finalize",
      .name = "/acme/finalize/{id}",
      .has_id = true,
      .slow = true,
      .answer = finalize_post },
    { .word = "authz", .name = "/acme/authz/{id}", .has_id = true, .answer = authz_post },
    { .word = "challenge",
      .name = "/acme/challenge/{id}",
      .has_id = true,
      .answer = challenge_post },
    { .word = "cert",
      .name = "/acme/cert/{id}",
      .has_id = true,
      .has_more = true,
      .reads = true,
      .answer = cert_post },
    { .word = "revoke-cert", .name = "/acme/revoke-cert", .by = BY_EITHER, .answer = revoke_cert },
    { .word = "renewal-info",
      .name = "/acme/renewal-info/{certID}",
      .has_id = true,
      .get = true,
      .asks = true,
      .answer_get = renewal_info_get },
    { .word = "limits", .name = "/acme/limits", .get = true, .answer_get = limits_get },
    { .word = NULL },
};

static const struct resource *
resource_named(const char *word)
{
    for (const struct resource *r = resources; r->word; r++)
        if (text_eq(r->word, word))
            return r;
    return NULL;
}

/* The part of PATH up to the next slash, and what follows it; "" at the end. */
static const char *
next_part(struct scope *s, const char **path)
{
    size_t len = strcspn(*path, "/");
    const char *part = arena_text_n(s->arena, *path, len);

    *path += len + ((*path)[len] == '/');
    return part;
}

bool
path_read(struct call *c, const char *path)
{
    const char *word, *rest;

    c->ep = acme_endpoint(c->s, c->acme, "");
    c->base_len = strlen("/acme");
    if (!text_starts(path, "/acme"))
        return false;
    rest = path + strlen("/acme");
    rest += *rest == '/';
    word = next_part(c->s, &rest);
    c->res = resource_named(*word ? word : "directory");
    if (!c->res) { /* the name of a profile goes before what there is */
        const struct acme_endpoint *ep = acme_endpoint(c->s, c->acme, word);

        if (!ep)
            return false;
        c->ep = ep;
        c->base_len += 1 + strlen(word);
        word = next_part(c->s, &rest);
        c->res = resource_named(*word ? word : "directory");
    }
    if (!c->res || !c->ep || (c->res->offered && !c->res->offered(c->ep)))
        return false;
    if (!c->res->has_id) /* a slash at the end of the directory's is forgiven */
        return !*rest && (text_eq(c->res->word, "directory") || !text_ends(path, "/"));
    c->id = next_part(c->s, &rest);
    if (!*c->id || (*rest && !c->res->has_more))
        return false;
    if (*rest)
        c->more = next_part(c->s, &rest);
    return !*rest;
}

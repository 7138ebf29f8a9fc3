/* Logging in, tokens, and the first call of every client. */
#include "access/app_settings.h"
#include "command/command.h"

#include <string.h>

#define JSON "application/json; charset=utf-8"

static enum err
answer_token(struct request *rq, const struct caller *caller, const char *scope, bool show_scope)
{
    struct access_token token;
    struct token_reply out;

    TRY(access_token_make(rq->scope, rq->app->access, caller, scope, &token));
    out = (struct token_reply){ .access_token = token.text,
                                .token_type = "Bearer",
                                .expires_in = token.expires_s,
                                .scope = show_scope ? token.scope : NULL };
    return reply(rq, 200, &out);
}

enum err
auth_login(struct request *rq)
{
    const struct login_request *in = rq->body;
    struct access_peer peer = peer_of(rq->http);
    const struct caller *caller;

    TRY(access_login(rq->scope, rq->app->access, in->username, in->password, &peer, &caller));
    return answer_token(rq, caller, NULL, false);
}

/* RFC 6749 section 5.2: errors of the token endpoint have a form of their own. */
static struct bytes
oauth_body(struct scope *s, const char *error, const char *why)
{
    struct buf b;

    buf_init_in(&b, s->arena, 4096);
    buf_printf(&b, "{\"error\":\"%s\",\"error_description\":", error);
    json_text(&b, why);
    buf_byte(&b, '}');
    return buf_bytes(&b);
}

static enum err
oauth_error(struct request *rq, int status, const char *error, const char *why)
{
    if (status == 401)
        http_reply_header(rq->http, "WWW-Authenticate", "Basic realm=\"Keyfactor\"");
    return reply_bytes(rq, status, JSON, oauth_body(rq->scope, error, why));
}

void
oauth_render(struct http_request *http, int status)
{
    const char *text = http->scope->error.text;
    const char *error = status == 429 || status == 503 ? "temporarily_unavailable"
                        : status >= 500                ? "server_error"
                                                       : "invalid_request";

    if (status == 500 || text_empty(text) || strlen(text) > 1024)
        text = "the request cannot be served";
    http_reply(http, status, JSON, oauth_body(http->scope, error, text));
}

/* Client id and secret of a Basic header, each form-encoded (RFC 6749 section 2.3.1). */
static bool
basic_client(struct request *rq, const char **id, const char **secret)
{
    const char *header = http_header(rq->http, "Authorization");
    struct arena *a = rq->scope->arena;
    struct bytes plain;
    const char *text, *colon;
    char *decoded_id, *decoded_secret;

    if (!header || !text_starts_fold(header, "Basic "))
        return false;
    header = text_trim(a, header + 6);
    if (!base64_decode(a, header, strlen(header), false, &plain) ||
        !text_is_utf8(plain.data, plain.len))
        return false;
    text = arena_text_n(a, (const char *)plain.data, plain.len);
    colon = strchr(text, ':');
    if (!colon || !percent_decode(a, text, (size_t)(colon - text), true, &decoded_id) ||
        !percent_decode(a, colon + 1, strlen(colon + 1), true, &decoded_secret))
        return false;
    *id = decoded_id;
    *secret = decoded_secret;
    return true;
}

enum err
oauth_token(struct request *rq)
{
    const struct token_request *in = rq->body;
    struct access_peer peer = peer_of(rq->http);
    const char *id = in->client_id, *secret = in->client_secret;
    const struct caller *caller;
    enum err e;

    if (!app_switched_on(rq->app->access, APP_OAUTH))
        return oauth_error(rq, 403, "unauthorized_client",
                           "OAuth is switched off on this server (oauthEnabled)");
    if (text_empty(in->grant_type))
        return oauth_error(rq, 400, "invalid_request", "grant_type is missing");
    if (!text_eq(in->grant_type, "client_credentials"))
        return oauth_error(rq, 400, "unsupported_grant_type", "only client_credentials is offered");
    (void)basic_client(rq, &id, &secret);
    if (text_empty(id) || !secret)
        return oauth_error(rq, 401, "invalid_client", "client_id and client_secret are missing");
    e = access_client_login(rq->scope, rq->app->access, id, secret, &peer, &caller);
    if (e == E_UNAUTHENTICATED)
        return oauth_error(rq, 401, "invalid_client",
                           "the client is unknown or its secret is wrong");
    TRY(e);
    return answer_token(rq, caller, NULL, true); /* unknown scopes get the usual one */
}

enum err
status_endpoints(struct request *rq)
{
    struct list out = { 0 };

    face_endpoints(rq->scope, rq->face, rq->caller, &out);
    return reply_list(rq, &out);
}

enum err
status_health(struct request *rq)
{
    scope_deadline_in(rq->scope, 3000);
    TRY(db_check(rq->scope, rq->app->db));
    return reply_none(rq);
}

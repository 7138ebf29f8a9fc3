#include "api/command.h"

static const struct field login_request_fields[] = {
    FIELD(login_request, username, "username", .flags = REQUIRED, .max = 256),
    FIELD(login_request, password, "password", .flags = REQUIRED | SECRET, .max = 1024),
};
const struct model login_request_model = MODEL(login_request, login_request_fields);

static const struct field token_request_fields[] = {
    FIELD(token_request, grant_type, "grant_type", .max = 64),
    FIELD(token_request, client_id, "client_id", .max = 256),
    FIELD(token_request, client_secret, "client_secret", .max = 1024, .flags = SECRET),
    FIELD(token_request, scope, "scope", .max = 1024),
    FIELD(token_request, audience, "audience", .max = 1024),
    FIELD(token_request, username, "username", .max = 256),
    FIELD(token_request, password, "password", .max = 1024, .flags = SECRET),
};
const struct model token_request_model = MODEL(token_request, token_request_fields);

static const struct field token_reply_fields[] = {
    FIELD(token_reply, access_token, "access_token"),
    FIELD(token_reply, token_type, "token_type"),
    FIELD(token_reply, expires_in, "expires_in", .doc = "Seconds."),
    FIELD(token_reply, scope, "scope", .flags = OMIT_EMPTY),
};
const struct model token_reply_model = MODEL(token_reply, token_reply_fields);

const struct op auth_login_op = {
    .method = "POST",
    .path = "/Auth/Login",
    .body = &login_request_model,
    .reply = &token_reply_model,
    .flags = OP_SECRET | OP_ALWAYS,
    .auth = OP_PUBLIC,
    .body_limit = 16384,
    .doc = "Name and password for an access token.",
};
const struct op oauth_token_op = {
    .method = "POST",
    .path = "/OAuth/Token",
    .body = &token_request_model,
    .reply = &token_reply_model,
    .flags = OP_SECRET | OP_FORM | OP_ALWAYS,
    .auth = OP_PUBLIC,
    .body_limit = 16384,
    .doc = "Client credentials for an access token (RFC 6749 section 4.4).",
};
const struct op status_endpoints_op = {
    .method = "GET",
    .path = "/Status/Endpoints",
    .reply = &text_model,
    .flags = OP_REPLY_LIST,
    .doc = "What the caller may use: every client's login test.",
};
const struct op status_health_op = {
    .method = "GET",
    .path = "/Status/HealthCheck",
    .flags = OP_ALWAYS,
    .auth = OP_PUBLIC,
    .doc = "204 when the server works, 503 when its database is away.",
};

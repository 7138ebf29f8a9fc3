#include "api/v1.h"

#define TAG "Server"

static const struct choice job_states[] = {
    { -1, "any", NULL },   { 0, "queued", NULL },    { 1, "running", NULL }, { 2, "done", NULL },
    { 3, "failed", NULL }, { 4, "cancelled", NULL }, { 0, NULL, NULL },
};

static const struct field v1_scoped_permission_fields[] = {
    FIELD(v1_scoped_permission, permission, "permission"),
    FIELD(v1_scoped_permission, scope, "scope"),
    FIELD(v1_scoped_permission, ids, "ids", .model = &int_model),
};
static const struct model v1_scoped_permission_model =
    MODEL(v1_scoped_permission, v1_scoped_permission_fields);

static const struct field v1_whoami_fields[] = {
    FIELD(v1_whoami, id, "id"),
    FIELD(v1_whoami, kind, "kind", .doc = "user or client."),
    FIELD(v1_whoami, name, "name"),
    FIELD(v1_whoami, auth, "auth",
          .doc = "How they proved it: basic, token, api-token, oidc, ldap, kerberos, client-cert."),
    FIELD(v1_whoami, scope, "scope"),
    FIELD(v1_whoami, roles, "roles", .model = &text_model),
    FIELD(v1_whoami, permissions, "permissions", .model = &text_model,
          .doc = "What they may do everywhere."),
    FIELD(v1_whoami, on_objects, "on_objects", .model = &v1_scoped_permission_model,
          .doc = "What they may do on single objects."),
};
static const struct model v1_whoami_model = MODEL(v1_whoami, v1_whoami_fields);

static const struct field v1_component_fields[] = {
    FIELD(v1_component, name, "name"),
    FIELD(v1_component, state, "state", .doc = "ok, degraded, failing."),
    FIELD(v1_component, since, "since", .doc = "Since when it is so, as this server knows."),
    FIELD(v1_component, latency_ms, "latency_ms", .doc = "Of the check."),
    FIELD(v1_component, detail, "detail"),
};
static const struct model v1_component_model = MODEL(v1_component, v1_component_fields);

static const struct field v1_health_fields[] = {
    FIELD(v1_health, state, "state", .doc = "The worst of the components'."),
    FIELD(v1_health, version, "version"),
    FIELD(v1_health, instance, "instance"),
    FIELD(v1_health, started_at, "started_at"),
    FIELD(v1_health, components, "components", .model = &v1_component_model),
};
static const struct model v1_health_model = MODEL(v1_health, v1_health_fields);

static const struct field v1_job_query_fields[] = {
    V1_PAGE_FIELDS(v1_job_query),
    FIELD(v1_job_query, kind, "kind", .max = 64),
    FIELD(v1_job_query, state, "state", .choices = job_states, .flags = CHOICE_TEXT,
          .preset = "any"),
};
static const struct model v1_job_query_model = MODEL(v1_job_query, v1_job_query_fields);

#define F(member, ...) FIELD(v1_job, member, #member, __VA_ARGS__)
static const struct field v1_job_fields[] = {
    F(id),           F(kind),     F(state),       F(attempts),
    F(max_attempts), F(parent),   F(added_at),    F(run_at),
    F(started_at),   F(ended_at), F(deadline_at), F(error, .doc = "Of the last attempt."),
};
#undef F
static const struct model v1_job_model = MODEL(v1_job, v1_job_fields);
V1_PAGE(v1_jobs, v1_job_model);

static const struct field v1_archive_request_fields[] = {
    FIELD(v1_archive_request, older_than_ms, "older_than_ms", .preset = "63072000000",
          .min = DAY_MS, .max = INT64_C(3153600000000),
          .doc = "Since their expiry, in milliseconds; two years."),
};
static const struct model v1_archive_request_model =
    MODEL(v1_archive_request, v1_archive_request_fields);
static const struct field v1_archive_reply_fields[] = {
    FIELD(v1_archive_reply, before, "before", .doc = "What expired before is meant."),
    FIELD(v1_archive_reply, matching, "matching", .doc = "How many there were."),
    FIELD(v1_archive_reply, moved, "moved", .doc = "How many were moved; 0 in a dry run."),
};
static const struct model v1_archive_reply_model = MODEL(v1_archive_reply, v1_archive_reply_fields);

const struct op v1_archive_run_op = {
    .method = "POST",
    .path = "/archive/run",
    .tag = TAG,
    .needs = "system/modify",
    .body = &v1_archive_request_model,
    .reply = &v1_archive_reply_model,
    .flags = OP_BODY_OPTIONAL | OP_DRY_RUN,
    .pool = OP_POOL_SLOW,
    .deadline_ms = 600000,
    .doc =
        "Move certificates that expired long ago to the archive; what is not done in ten minutes "
        "is left for the next time.",
};
const struct op v1_whoami_op = {
    .method = "GET",
    .path = "/whoami",
    .tag = TAG,
    .reply = &v1_whoami_model,
    .doc = "Who the caller is, and what they may do.",
};
const struct op v1_health_op = {
    .method = "GET",
    .path = "/health",
    .tag = TAG,
    .needs = "health/read",
    .reply = &v1_health_model,
    .doc = "How the server's parts are.",
};
const struct op v1_jobs_list_op = {
    .method = "GET",
    .path = "/jobs",
    .tag = TAG,
    .needs = "system/read",
    .query = &v1_job_query_model,
    .reply = &v1_jobs_model,
    .flags = OP_PAGED,
    .doc = "The queue of jobs, the newest first.",
};

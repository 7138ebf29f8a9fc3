/* When operators want certificates renewed (RFC 9773). */
#include "api/v1.h"

#define TAG "ACME"

#define W(member, ...) FIELD(v1_renewal_window, member, #member, __VA_ARGS__)
static const struct field v1_renewal_window_fields[] = {
    W(id),
    W(query, .doc = "Certificates that this finds ..."),
    W(collection, .doc = "... and that are in this collection ..."),
    W(authority, .doc = "... and were issued by this authority ..."),
    W(issued_from, .doc = "... and are valid from then on, or later ..."),
    W(issued_until, .doc = "... but before this."),
    W(start, .doc = "They shall be renewed from here on ..."),
    W(end, .doc = "... until here."),
    W(explanation_url, .doc = "Clients show it to people."),
    W(reason),
    W(created_by),
    W(created_at),
    W(matches, .flags = OMIT_EMPTY,
      .doc = "When it was made: certificates in force that it was for."),
};
#undef W
static const struct model v1_renewal_window_model =
    MODEL(v1_renewal_window, v1_renewal_window_fields);
V1_PAGE(v1_renewal_windows, v1_renewal_window_model);

#define W(member, ...) FIELD(v1_renewal_window_new, member, #member, __VA_ARGS__)
static const struct field v1_renewal_window_new_fields[] = {
    W(query, .max = 65536, .doc = "Certificates that this finds, in the search language ..."),
    W(collection, .max = 255, .doc = "... and that are in this collection ..."),
    W(authority, .max = 255, .doc = "... and were issued by this authority ..."),
    W(issued_from, .doc = "... and are valid from then on, or later ..."),
    W(issued_until, .doc = "... but before this. One of the five must be given."),
    W(start, .flags = REQUIRED,
      .doc = "They shall be renewed from here on, which may have passed."),
    W(end, .flags = REQUIRED, .doc = "Until here."),
    W(explanation_url, .max = 1024, .doc = "Clients show it to people."),
    W(reason, .flags = REQUIRED, .min = 1, .max = 1000, .doc = "For the audit record."),
};
#undef W
static const struct model v1_renewal_window_new_model =
    MODEL(v1_renewal_window_new, v1_renewal_window_new_fields);

static const struct field v1_renewal_window_end_fields[] = {
    FIELD(v1_renewal_window_end, reason, "reason", .max = 1000, .doc = "For the audit record."),
};
static const struct model v1_renewal_window_end_model =
    MODEL(v1_renewal_window_end, v1_renewal_window_end_fields);

const struct op v1_renewal_windows_list_op = {
    .method = "GET",
    .path = "/acme/renewal-windows",
    .tag = TAG,
    .needs = "system/read",
    .query = &v1_query_model,
    .reply = &v1_renewal_windows_model,
    .flags = OP_PAGED,
    .doc = "When operators want certificates renewed, whatever their life says.",
};
const struct op v1_renewal_windows_create_op = {
    .method = "POST",
    .path = "/acme/renewal-windows",
    .tag = TAG,
    .needs = "system/modify",
    .body = &v1_renewal_window_new_model,
    .reply = &v1_renewal_window_model,
    .status = 201,
    .flags = OP_IDEMPOTENT,
    .doc = "Tell clients (RFC 9773) when to renew some certificates.\n\nrenewalInfo says so at "
           "once; of several windows that a certificate is in, the newest counts. Asks for "
           "certificates/read besides, on the collection when one is given.",
    .example = "{\"authority\":\"Example Issuing CA 1\",\"issued_until\":\"2026-11-01T00:00:00Z\","
               "\"start\":\"2026-11-22T08:00:00Z\",\"end\":\"2026-11-23T08:00:00Z\","
               "\"reason\":\"INC 2026-118\"}",
};
const struct op v1_renewal_windows_get_op = {
    .method = "GET",
    .path = "/acme/renewal-windows/{window}",
    .tag = TAG,
    .needs = "system/read",
    .reply = &v1_renewal_window_model,
    .doc = "One renewal window.",
};
const struct op v1_renewal_windows_remove_op = {
    .method = "DELETE",
    .path = "/acme/renewal-windows/{window}",
    .tag = TAG,
    .needs = "system/modify",
    .query = &v1_renewal_window_end_model,
    .doc = "Take a renewal window away: certificates are renewed by their life again.",
};

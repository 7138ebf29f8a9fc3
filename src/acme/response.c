#include "acme/response.h"

#include "acme/problem.h"
#include <string.h>

#define KEPT_MAX (128 * 1024)
#define REFUSAL_MAX 200

struct response {
    const char *object; /* base64url */
    const char *error;  /* why there is none */
};
static const struct field response_fields[] = {
    FIELD(response, object, "attObj", .flags = OMIT_EMPTY),
    FIELD(response, error, "error", .flags = OMIT_EMPTY),
};
static const struct model response_model = MODEL(response, response_fields);

enum err
acme_response_take(struct scope *s, const struct json *payload, const char **out)
{
    const char *error = json_str(json_get(payload, "error"));
    struct response r = { .object = json_str(json_get(payload, "attObj")) };
    struct bytes object;
    struct buf b;

    if (!text_empty(error))
        r = (struct response){ .error = text_shown(s->arena, bytes_of_text(error),
                                                   MIN(strlen(error), REFUSAL_MAX)) };
    else if (text_empty(r.object))
        return acme_fail(s, E_INVALID, "malformed",
                         "a response to device-attest-01 has an attestation object, \"attObj\"");
    else if (!base64url_decode(s->arena, r.object, strlen(r.object), &object))
        return acme_fail(s, E_INVALID, "malformed", "\"attObj\" is not base64url without padding");
    buf_init_in(&b, s->arena, KEPT_MAX);
    json_encode(&b, &response_model, &r);
    *out = buf_str(&b);
    return *out ? OK : acme_fail(s, E_INVALID, "malformed", "\"attObj\" is too long");
}

enum err
acme_response_read(struct scope *s, const char *kept, struct proof_request *q)
{
    struct response r = { 0 };

    TRY(json_decode(s, &response_model, JSON_STRICT, bytes_of_text(kept ? kept : "{}"), &r));
    q->refusal = text_empty(r.error) ? NULL : r.error;
    if (!text_empty(r.object) &&
        !base64url_decode(s->arena, r.object, strlen(r.object), &q->object))
        return fail(s, E_INTERNAL, "a response that was kept is not base64url");
    return OK;
}

/** Response: what a client sends for device-attest-01, kept until it is judged. */
#ifndef ACME_RESPONSE_H
#define ACME_RESPONSE_H

#include "codec/json.h"
#include "proof/proof.h"

/** The response in PAYLOAD, as JSON to keep. E_INVALID: malformed, there is none. */
enum err acme_response_take(struct scope *s, const struct json *payload, const char **out);
/** What was kept, into Q. */
enum err acme_response_read(struct scope *s, const char *kept, struct proof_request *q);

#endif

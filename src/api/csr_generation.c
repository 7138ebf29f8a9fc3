#include "api/command.h"
#include "api/keys.h"

static const struct field csr_generate_request_fields[] = {
    FIELD(csr_generate_request, subject, "Subject", .max = 4096),
    FIELD(csr_generate_request, key_type, "KeyType", .max = 32, .doc = "RSA, ECC or Ed25519."),
    FIELD(csr_generate_request, key_length, "KeyLength"),
    FIELD(csr_generate_request, curve, "Curve", .max = 64),
    FIELD(csr_generate_request, tmpl, "Template", .max = 512,
          .doc = "Whose rules for keys hold; empty: none."),
    FIELD(csr_generate_request, sans, "SANs"),
};
const struct model csr_generate_request_model =
    MODEL(csr_generate_request, csr_generate_request_fields);

static const struct field csr_text_fields[] = {
    FIELD(csr_text, csr, "CSR", .flags = REQUIRED, .max = 262144),
};
const struct model csr_text_model = MODEL(csr_text, csr_text_fields);

static const struct field csr_file_reply_fields[] = {
    FIELD(csr_file_reply, csr, "CSR", .doc = "PEM: the name that generated clients read."),
    FIELD(csr_file_reply, path, "CSRFilePath", .doc = "A name for the file."),
    FIELD(csr_file_reply, text, "CSRText", .doc = "The same."),
};
const struct model csr_file_reply_model = MODEL(csr_file_reply, csr_file_reply_fields);

static const struct field csr_pending_reply_fields[] = {
    FIELD(csr_pending_reply, id, "Id"),
    FIELD(csr_pending_reply, csr, "CSR"),
    FIELD(csr_pending_reply, request_time, "RequestTime"),
    FIELD(csr_pending_reply, subject, "Subject", .model = &text_model),
};
const struct model csr_pending_reply_model = MODEL(csr_pending_reply, csr_pending_reply_fields);

const struct op csr_generate_op = {
    .method = "POST",
    .path = "/CSRGeneration/Generate",
    .tag = "CSRGeneration",
    .needs = "enrollment/csr_generation",
    .body = &csr_generate_request_model,
    .reply = &csr_file_reply_model,
    .pool = OP_POOL_SLOW,
    .doc = "Make a key and a request; the key waits here for the certificate, whoever issues it.",
    .example = "{\"Subject\":\"CN=web.example.com\",\"KeyType\":\"RSA\",\"KeyLength\":2048}",
};
const struct op csr_pending_list_op = {
    .method = "GET",
    .path = "/CSRGeneration/Pending",
    .tag = "CSRGeneration",
    .needs = "enrollment/pending",
    .query = &page_query_model,
    .reply = &csr_pending_reply_model,
    .flags = OP_REPLY_LIST | OP_PAGED,
    .doc = "The caller's requests that wait for their certificates.",
};
const struct op csr_pending_get_op = {
    .method = "GET",
    .path = "/CSRGeneration/Pending/{id}",
    .tag = "CSRGeneration",
    .needs = "enrollment/pending",
    .reply = &csr_file_reply_model,
    .doc = "One of them.",
};
const struct op csr_pending_delete_op = {
    .method = "DELETE",
    .path = "/CSRGeneration/Pending/{id}",
    .tag = "CSRGeneration",
    .needs = "enrollment/pending",
    .doc = "Drop a request with its key.",
};
const struct op csr_pending_delete_many_op = {
    .method = "DELETE",
    .path = "/CSRGeneration/Pending",
    .tag = "CSRGeneration",
    .needs = "enrollment/pending",
    .body = &int_model,
    .flags = OP_BODY_LIST,
    .doc = "Drop several, all or none.",
};

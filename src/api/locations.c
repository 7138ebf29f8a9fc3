#include "api/locations.h"

#include "api/command.h"

/* Where certificates are. */

static const struct field store_location_reply_fields[] = {
    FIELD(store_location_reply, store_id, "StoreId"),
    FIELD(store_location_reply, store_type_id, "StoreTypeId"),
    FIELD(store_location_reply, client_machine, "ClientMachine"),
    FIELD(store_location_reply, store_path, "StorePath"),
    FIELD(store_location_reply, agent_pool, "AgentPool"),
    FIELD(store_location_reply, alias, "Alias"),
    FIELD(store_location_reply, ip_address, "IPAddress"),
    FIELD(store_location_reply, port, "Port"),
    FIELD(store_location_reply, network_name, "NetworkName"),
};
static const struct model store_location_reply_model =
    MODEL(store_location_reply, store_location_reply_fields);

static const struct field store_group_reply_fields[] = {
    FIELD(store_group_reply, store_type, "StoreType"),
    FIELD(store_group_reply, store_type_id, "StoreTypeId"),
    FIELD(store_group_reply, store_count, "StoreCount"),
    FIELD(store_group_reply, locations, "Locations", .model = &store_location_reply_model),
};
static const struct model store_group_reply_model =
    MODEL(store_group_reply, store_group_reply_fields);

static const struct field locations_reply_fields[] = {
    FIELD(locations_reply, details, "Details", .model = &store_group_reply_model,
          .doc = "A group for each type of store; none while no store is known."),
};
static const struct model locations_reply_model = MODEL(locations_reply, locations_reply_fields);

const struct op certificates_locations_op = {
    .method = "GET",
    .path = "/Certificates/Locations/{id}",
    .tag = "Certificates",
    .needs = "certificates/read",
    .query = &within_query_model,
    .reply = &locations_reply_model,
    .doc = "The stores that hold a certificate.",
};

/* Their way there. */

static const char *const store_id_aliases[] = { "CertificateStoreId", NULL };
static const struct field deploy_store_fields[] = {
    FIELD(deploy_store, store_id, "StoreId", .aliases = store_id_aliases, .flags = REQUIRED,
          .pattern = "guid"),
    FIELD(deploy_store, alias, "Alias", .max = 255),
    FIELD(deploy_store, overwrite, "Overwrite"),
    FIELD(deploy_store, properties, "Properties"),
};
static const struct model deploy_store_model = MODEL(deploy_store, deploy_store_fields);

static const struct field deploy_store_type_fields[] = {
    FIELD(deploy_store_type, store_type_id, "StoreTypeId"),
    FIELD(deploy_store_type, alias, "Alias", .max = 255),
    FIELD(deploy_store_type, overwrite, "Overwrite"),
    FIELD(deploy_store_type, properties, "Properties"),
};
static const struct model deploy_store_type_model =
    MODEL(deploy_store_type, deploy_store_type_fields);

#define PASSWORD_DOC "That of the enrollment."
#define REQUEST_DOC "The request that it came from, instead of CertificateId or beside it."
static const struct field deploy_request_fields[] = {
    FIELD(deploy_request, stores, "Stores", .model = &deploy_store_model, .max = 1000),
    FIELD(deploy_request, store_ids, "StoreIds", .model = &text_model, .pattern = "guid",
          .max = 1000),
    FIELD(deploy_request, store_types, "StoreTypes", .model = &deploy_store_type_model, .max = 1000,
          .doc = "What holds for all stores of a type."),
    FIELD(deploy_request, certificate_id, "CertificateId"),
    FIELD(deploy_request, request_id, "RequestId", .doc = REQUEST_DOC),
    FIELD(deploy_request, password, "Password", .flags = REQUIRED | SECRET, .max = 1024,
          .doc = PASSWORD_DOC),
    FIELD(deploy_request, job_time, "JobTime", .doc = "Not before then."),
};
static const struct model deploy_request_model = MODEL(deploy_request, deploy_request_fields);

static const struct field replace_request_fields[] = {
    FIELD(replace_request, existing_certificate_id, "ExistingCertificateId", .flags = REQUIRED,
          .doc = "What is to be replaced, wherever it is."),
    FIELD(replace_request, certificate_id, "CertificateId", .doc = "What comes instead."),
    FIELD(replace_request, request_id, "RequestId", .doc = REQUEST_DOC),
    FIELD(replace_request, password, "Password", .flags = SECRET, .max = 1024, .doc = PASSWORD_DOC),
    FIELD(replace_request, job_time, "JobTime", .doc = "Not before then."),
};
static const struct model replace_request_model = MODEL(replace_request, replace_request_fields);

static const struct field deploy_reply_fields[] = {
    FIELD(deploy_reply, successful_stores, "SuccessfulStores", .model = &text_model,
          .doc = "A job was made for each of these."),
    FIELD(deploy_reply, failed_stores, "FailedStores", .model = &text_model,
          .doc = "These are not there, or not for the caller."),
};
static const struct model deploy_reply_model = MODEL(deploy_reply, deploy_reply_fields);

const struct op enrollment_deploy_op = {
    .method = "POST",
    .path = "/Enrollment/PFX/Deploy",
    .tag = "Enrollment",
    .needs = "enrollment/pfx",
    .body = &deploy_request_model,
    .reply = &deploy_reply_model,
    .flags = OP_SECRET,
    .doc = "Bring what was enrolled into certificate stores. This server keeps none yet, so each "
           "that is named comes back among FailedStores.",
    .example = "{\"StoreIds\":[\"6f0d2c5e-2a4b-4a7e-9b51-2f8f5c1f9a10\"],\"CertificateId\":12,"
               "\"Password\":\"a long password\"}",
};
const struct op enrollment_replace_op = {
    .method = "POST",
    .path = "/Enrollment/PFX/Replace",
    .tag = "Enrollment",
    .needs = "enrollment/pfx",
    .body = &replace_request_model,
    .reply = &deploy_reply_model,
    .flags = OP_SECRET,
    .doc = "Bring what was enrolled into every certificate store that holds another certificate, "
           "in its place. Where none holds it, nothing is to be done.",
    .example = "{\"ExistingCertificateId\":12,\"CertificateId\":31,"
               "\"Password\":\"a long password\"}",
};

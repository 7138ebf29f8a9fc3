#include "command/authority_words.h"
#include "command/keys.h"
#include "command/security.h"
#include "command/template_words.h"

#include "access/app_settings.h"
#include "api/acme_profiles.h"
#include "api/audit.h"
#include "api/authority_edit.h"
#include "api/certificate_details.h"
#include "api/collections.h"
#include "api/locations.h"
#include "api/metadata.h"
#include "api/patterns.h"
#include "api/reports.h"
#include "api/seed_authorities.h"
#include "api/system.h"
#include "api/workflow.h"
#include "base/log.h"

static const struct binding bindings[] = {
    { &certificates_list_op, certificates_list },
    { &certificates_get_op, certificates_get },
    { &certificates_download_op, certificates_download },
    { &certificates_revoke_op, certificates_revoke },
    { &certificates_revoke_all_op, certificates_revoke_all },
    { &certificates_delete_revoke_op, certificates_delete_revoke },
    { &certificates_enroll_op, certificates_enroll },
    { &certificates_delete_op, certificates_delete },
    { &certificates_delete_many_op, certificates_delete_many },
    { &certificates_delete_query_op, certificates_delete_query },
    { &certificates_history_op, certificates_history },
    { &certificates_owner_op, certificates_owner },
    { &certificates_validate_op, certificates_validate },
    { &certificates_analyze_op, certificates_analyze },
    { &certificates_csv_op, certificates_csv },
    { &certificates_locations_op, certificates_locations },
    { &enrollment_deploy_op, enrollment_deploy },
    { &enrollment_replace_op, enrollment_replace },
    { &enrollment_csr_op, enrollment_csr },
    { &enrollment_pfx_op, enrollment_pfx },
    { &enrollment_renew_op, enrollment_renew },
    { &available_renewal_id_op, available_renewal_id },
    { &available_renewal_thumbprint_op, available_renewal_thumbprint },
    { &enrollment_csr_context_op, enrollment_csr_context },
    { &enrollment_pfx_context_op, enrollment_pfx_context },
    { &enrollment_settings_op, enrollment_settings },
    { &enrollment_csr_parse_op, enrollment_csr_parse },
    { &certificates_recover_op, certificates_recover },
    { &certificates_import_op, certificates_import },
    { &certificates_key_delete_op, certificates_key_delete },
    { &certificates_keys_delete_op, certificates_keys_delete },
    { &csr_generate_op, csr_generate },
    { &csr_pending_list_op, csr_pending_list },
    { &csr_pending_get_op, csr_pending_get },
    { &csr_pending_delete_op, csr_pending_delete },
    { &csr_pending_delete_many_op, csr_pending_delete_many },
    { &templates_list_op, templates_list },
    { &templates_get_op, templates_get },
    { &authority_create_op, authority_create },
    { &authority_edit_op, authority_edit },
    { &authority_test_op, authority_test },
    { &authority_import_op, authority_import },
    { &templates_import_op, templates_import },
    { &templates_edit_op, templates_edit },
    { &patterns_list_op, patterns_list },
    { &patterns_create_op, patterns_create },
    { &patterns_get_op, patterns_get },
    { &patterns_edit_op, patterns_edit },
    { &patterns_delete_op, patterns_delete },
    { &patterns_metadata_op, patterns_metadata },
    { &patterns_settings_op, patterns_settings },
    { &templates_subject_parts_op, templates_subject_parts },
    { &templates_settings_op, templates_settings },
    { &templates_settings_edit_op, templates_settings_edit },
    { &authority_list_op, authority_list },
    { &authority_get_op, authority_get },
    { &authority_delete_op, authority_delete },
    { &authority_status_op, authority_status },
    { &authority_publish_crl_op, authority_publish_crl },
    { &acme_profiles_list_op, acme_profiles_list },
    { &acme_profiles_get_op, acme_profiles_get },
    { &acme_profiles_create_op, acme_profiles_create },
    { &acme_profiles_edit_op, acme_profiles_edit },
    { &acme_profiles_delete_op, acme_profiles_delete },
    { &seed_authorities_list_op, seed_authorities_list },
    { &seed_authorities_get_op, seed_authorities_get },
    { &seed_authorities_create_op, seed_authorities_create },
    { &seed_authorities_delete_op, seed_authorities_delete },
    { &seed_authorities_templates_op, seed_authorities_templates },
    { &collections_list_op, collections_list },
    { &collections_create_op, collections_create },
    { &collections_update_op, collections_update },
    { &collections_copy_op, collections_copy },
    { &collections_get_op, collections_get },
    { &collections_delete_op, collections_delete },
    { &collections_permissions_op, collections_permissions },
    { &role_collections_get_op, role_collections_get },
    { &role_collections_add_op, role_collections_add },
    { &role_collections_set_op, role_collections_set },
    { &security_roles_list_op, security_roles_list },
    { &security_roles_create_op, security_roles_create },
    { &security_roles_update_op, security_roles_update },
    { &security_roles_get_op, security_roles_get },
    { &security_roles_delete_op, security_roles_delete },
    { &security_roles_copy_op, security_roles_copy },
    { &role_identities_get_op, role_identities_get },
    { &role_identities_set_op, role_identities_set },
    { &certificate_security_op, certificate_security },
    { &certificate_identities_op, certificate_identities },
    { &role_permissions_get_op, role_permissions_get },
    { &role_global_get_op, role_global_get },
    { &role_global_add_op, role_global_add },
    { &role_global_set_op, role_global_set },
    { &role_containers_get_op, role_containers_get },
    { &role_containers_add_op, role_containers_add },
    { &role_containers_set_op, role_containers_set },
    { &role_pam_get_op, role_pam_get },
    { &role_pam_set_op, role_pam_set },
    { &identities_list_op, identities_list },
    { &identities_create_op, identities_create },
    { &identities_lookup_op, identities_lookup },
    { &identities_get_op, identities_get },
    { &identities_delete_op, identities_delete },
    { &security_my_op, security_my },
    { &security_claims_list_op, security_claims_list },
    { &security_claims_create_op, security_claims_create },
    { &security_claims_update_op, security_claims_update },
    { &security_claims_roles_op, security_claims_roles },
    { &security_claims_get_op, security_claims_get },
    { &security_claims_delete_op, security_claims_delete },
    { &certificates_metadata_put_op, certificates_metadata_put },
    { &certificates_metadata_all_op, certificates_metadata_all },
    { &certificates_metadata_compare_op, certificates_metadata_compare },
    { &certificates_metadata_get_op, certificates_metadata_get },
    { &metadata_fields_list_op, metadata_fields_list },
    { &metadata_fields_create_op, metadata_fields_create },
    { &metadata_fields_update_op, metadata_fields_update },
    { &metadata_fields_delete_many_op, metadata_fields_delete_many },
    { &metadata_fields_get_op, metadata_fields_get },
    { &metadata_fields_delete_op, metadata_fields_delete },
    { &metadata_fields_in_use_op, metadata_fields_in_use },
    { &waiting_list_op, waiting_list },
    { &waiting_denied_op, waiting_denied },
    { &waiting_external_op, waiting_external },
    { &waiting_get_op, waiting_get },
    { &waiting_approve_op, waiting_approve },
    { &waiting_deny_op, waiting_deny },
    { &reports_list_op, reports_list },
    { &reports_get_op, reports_get },
    { &reports_edit_op, reports_edit },
    { &report_parameters_op, report_parameters },
    { &report_parameters_edit_op, report_parameters_edit },
    { &custom_reports_list_op, custom_reports_list },
    { &custom_reports_create_op, custom_reports_create },
    { &custom_reports_edit_op, custom_reports_edit },
    { &custom_reports_get_op, custom_reports_get },
    { &custom_reports_delete_op, custom_reports_delete },
    { &audit_list_op, audit_entries },
    { &audit_related_op, audit_related },
    { &audit_download_op, audit_download },
    { &audit_one_op, audit_one },
    { &audit_validate_op, audit_validate_one },
    { &system_settings_get_op, system_settings_get },
    { &system_settings_put_op, system_settings_put },
    { &app_settings_list_op, app_settings_list },
    { &app_settings_set_many_op, app_settings_set_many },
    { &app_settings_get_op, app_settings_get },
    { &app_settings_set_op, app_settings_set },
    { &license_get_op, license_get },
    { &auth_login_op, auth_login },
    { &oauth_token_op, oauth_token },
    { &status_endpoints_op, status_endpoints },
    { &status_health_op, status_health },
    { NULL, NULL },
};

static const char *const prefixes[] = {
    "pq.", "pagedQuery.", "query.", "sq.", "cstquery.", "instanceQuery.", "certificateStoreQuery.",
    NULL
};

void
command_headers(struct http_request *http, struct app *app, const struct op *op UNUSED)
{
    http_reply_header(http, "x-keyfactor-product-version", app->product_version);
    http_reply_header(http, "api-supported-versions", "1.0, 2.0");
}

/* `0xA0140002` is the product's for a missing permission; our own begin at 0xA0110000. */
static const char *
error_code(struct scope *s, enum err e)
{
    if (e == E_FORBIDDEN)
        return "0xA0140002";
    if (e == E_UNAUTHENTICATED)
        return "0xA0140001";
    return arena_printf(s->arena, "0xA011%04X",
                        s->error.code ? (unsigned)s->error.code : (unsigned)e);
}

/* IAC looks for "not found" in what a 404 says. */
static const char *
error_message(struct scope *s, int status)
{
    const char *text = s->error.text ? s->error.text : "The request cannot be served.";

    if (status == 500)
        return arena_printf(
            s->arena, "An internal error occurred; the server's log tells more under request %s.",
            s->id);
    if (status == 404 && !strcasestr(text, "not found"))
        text = arena_printf(s->arena, "%s: not found", text);
    if (s->error.code)
        return arena_printf(s->arena, "%s (CHY-%04d)", text, (int)s->error.code);
    return text;
}

static void
render_error(struct http_request *http, struct app *app, int status, enum err e)
{
    struct scope *s = http->scope;
    struct command_error out = { .error_code = error_code(s, e),
                                 .message = error_message(s, status) };
    const struct request *rq = request_of(http);
    struct buf b;

    if (rq && rq->op == &oauth_token_op) {
        oauth_render(http, status);
        return;
    }
    if (rq && rq->failed_operations)
        out.failed = *rq->failed_operations;
    if (status == 401)
        offer_logins(http, app, "Keyfactor");
    buf_init_in(&b, s->arena, 1 << 20);
    json_encode(&b, &command_error_model, &out);
    http_reply(http, status, "application/json; charset=utf-8", buf_bytes(&b));
}

/* Whether the API is on at all, and x-keyfactor-api-version: 1, 2, 1.0, 2.0; what is none is
 * refused before the body is read. */
static enum err
check(struct request *rq)
{
    const char *asked = http_header(rq->http, "x-keyfactor-api-version");

    if (!(rq->op->flags & OP_ALWAYS) && !app_switched_on(rq->app->access, APP_API))
        return fail_code(rq->scope, E_FORBIDDEN, CHY_SWITCHED_OFF,
                         "the Command API is switched off on this server (apiEnabled)");
    if (text_empty(asked) || text_eq(asked, "1") || text_eq(asked, "1.0"))
        return OK;
    if (!text_eq(asked, "2") && !text_eq(asked, "2.0"))
        return fail_code(rq->scope, E_INVALID, CHY_BAD_VALUE,
                         "x-keyfactor-api-version: \"%.20s\" is no version; 1 and 2 are", asked);
    rq->version = 2;
    return OK;
}

const struct face_spec command_face = {
    .base = "/KeyfactorAPI",
    .name = "command",
    .fold = true,
    .mode = JSON_COMMAND,
    .body_limit = 8 << 20,
    .content_type = "application/json; charset=utf-8",
    .bindings = bindings,
    .not_yet = &command_not_yet_ops,
    .prefixes = prefixes,
    .headers = command_headers,
    .error = render_error,
    .check = check,
};

/** Command: the face that speaks the Command REST API. It parses, calls, answers; rules live in the
 * domain. */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "api/command.h"
#include "catalog/catalog.h"
#include "face/within.h"

extern const struct face_spec command_face;
/** Add what every reply of this API carries: its version, which clients choose by. */
void command_headers(struct http_request *http, struct app *app, const struct op *op);

/* For the files of this folder. */
/** The handlers, each of the operation of its name (api/command.h). */
enum err certificates_list(struct request *rq);
enum err certificates_get(struct request *rq);
enum err certificates_download(struct request *rq);
enum err certificates_revoke(struct request *rq);
enum err certificates_revoke_all(struct request *rq);
enum err certificates_delete_revoke(struct request *rq);
enum err certificates_enroll(struct request *rq);
enum err enrollment_csr(struct request *rq);
enum err certificates_delete(struct request *rq);
enum err certificates_delete_many(struct request *rq);
enum err certificates_delete_query(struct request *rq);
enum err certificates_history(struct request *rq);
enum err certificates_owner(struct request *rq);
enum err certificates_validate(struct request *rq);
enum err certificates_analyze(struct request *rq);
enum err certificates_csv(struct request *rq);
enum err certificates_locations(struct request *rq);
enum err enrollment_deploy(struct request *rq);
enum err enrollment_replace(struct request *rq);
enum err templates_list(struct request *rq);
enum err templates_get(struct request *rq);
enum err authority_list(struct request *rq);
enum err authority_get(struct request *rq);
enum err authority_delete(struct request *rq);
enum err authority_status(struct request *rq);
enum err authority_publish_crl(struct request *rq);
enum err seed_authorities_list(struct request *rq);
enum err seed_authorities_get(struct request *rq);
enum err seed_authorities_create(struct request *rq);
enum err seed_authorities_delete(struct request *rq);
enum err seed_authorities_templates(struct request *rq);
enum err acme_profiles_list(struct request *rq);
enum err acme_profiles_get(struct request *rq);
enum err acme_profiles_create(struct request *rq);
enum err acme_profiles_edit(struct request *rq);
enum err acme_profiles_delete(struct request *rq);
enum err reports_list(struct request *rq);
enum err reports_get(struct request *rq);
enum err reports_edit(struct request *rq);
enum err report_parameters(struct request *rq);
enum err report_parameters_edit(struct request *rq);
enum err custom_reports_list(struct request *rq);
enum err custom_reports_create(struct request *rq);
enum err custom_reports_edit(struct request *rq);
enum err custom_reports_get(struct request *rq);
enum err custom_reports_delete(struct request *rq);
enum err system_settings_get(struct request *rq);
enum err system_settings_put(struct request *rq);
enum err app_settings_list(struct request *rq);
enum err app_settings_set_many(struct request *rq);
enum err app_settings_get(struct request *rq);
enum err app_settings_set(struct request *rq);
enum err license_get(struct request *rq);
enum err waiting_list(struct request *rq);
enum err waiting_denied(struct request *rq);
enum err waiting_external(struct request *rq);
enum err waiting_get(struct request *rq);
enum err waiting_approve(struct request *rq);
enum err waiting_deny(struct request *rq);
enum err audit_entries(struct request *rq);
enum err audit_related(struct request *rq);
enum err audit_download(struct request *rq);
enum err audit_one(struct request *rq);
enum err audit_validate_one(struct request *rq);
enum err certificates_metadata_put(struct request *rq);
enum err certificates_metadata_all(struct request *rq);
enum err certificates_metadata_compare(struct request *rq);
enum err certificates_metadata_get(struct request *rq);
enum err collections_list(struct request *rq);
enum err collections_create(struct request *rq);
enum err collections_update(struct request *rq);
enum err collections_copy(struct request *rq);
enum err collections_get(struct request *rq);
enum err collections_delete(struct request *rq);
enum err collections_permissions(struct request *rq);
enum err role_collections_get(struct request *rq);
enum err role_collections_add(struct request *rq);
enum err role_collections_set(struct request *rq);
enum err metadata_fields_list(struct request *rq);
enum err metadata_fields_create(struct request *rq);
enum err metadata_fields_update(struct request *rq);
enum err metadata_fields_delete_many(struct request *rq);
enum err metadata_fields_get(struct request *rq);
enum err metadata_fields_delete(struct request *rq);
enum err metadata_fields_in_use(struct request *rq);
enum err auth_login(struct request *rq);
enum err oauth_token(struct request *rq);
/** A failure of oauth_token() before it ran, as RFC 6749 section 5.2 has it. */
void oauth_render(struct http_request *http, int status);
enum err status_endpoints(struct request *rq);
enum err status_health(struct request *rq);

#define RETURN_LIMIT 50
#define RETURN_LIMIT_MAX 1000

/** Page, size and order as asked, within what is allowed. */
struct page {
    int64_t number, size, skip;
    bool given; /* any paging parameter was sent */
    const char *sort;
    bool ordered, descending; /* a direction was sent */
    const char *query;
};
struct page page_of(const struct page_query *q);
/** What came of a search; where it says that nothing is sorted so, the parameter NAME ("sortField")
 * is named as the caller sent it. */
enum err order_named(struct request *rq, const char *name, enum err e);
/** Filter, sort and cut LIST (of structs of M), say the total, and answer. SORT: the usual order's
 * field. */
enum err reply_page(struct request *rq, const struct model *m, const char *sort, struct list *list);

/** The text of a thumbprint or serial number: hexadecimal digits in any case, blanks and colons let
 * pass. */
bool loose_hex(struct scope *s, const char *text, struct bytes *out);

/** A certificate's row as the API shows it. */
enum err certificate_reply_of(struct scope *s, const struct cert_row *row,
                              struct certificate_reply *out);

/**
 * SANs as clients send them: an object of lists (`{"dns":["a"]}`, keys in any case) or a list of
 * texts
 * (`["DNS:a","IP:1.2.3.4"]`). Problems are recorded below the path "SANs".
 */
void command_sans(struct scope *s, struct raw raw, struct enroll *out);

/** A certificate as requests name it: by the first of these that is given. */
struct cert_wanted {
    int64_t cert_id;
    const char *serial_number, *issuer_dn, *thumbprint;
};
/** Its id. Who may not do P everywhere is told E_FORBIDDEN, not that there is none; in WITHIN, what
 * is outside it is not there. */
enum err certificate_wanted(struct request *rq, const struct cert_wanted *in, enum permission p,
                            const struct collection *within, int64_t *id);
/** The collection that a call names, in its query (struct within_query) or its body; 0: none. */
int64_t collection_named(const struct request *rq, int64_t in_body);
/** That collection, when the caller may do P there; NULL when none is named. */
enum err collection_wanted(struct request *rq, enum permission p, int64_t in_body,
                           const struct collection **out);

/** The template whose number the path names. E_NOT_FOUND, too, for one that they may not see. */
enum err template_wanted(struct request *rq, const struct templates *all,
                         const struct template **out);
/** A template as the API shows it; it points into T. */
void template_reply_of(struct scope *s, const struct template *t,
                       struct template_detail_reply *out);

/** How certificates are wanted. */
enum cert_format { CF_PEM, CF_DER, CF_P7B, CF_OTHER };
/** x-certificateformat, or FALLBACK; E_INVALID for what is none. */
enum err format_wanted(struct request *rq, const char *text, enum cert_format fallback,
                       enum cert_format *out);
/** Leaf and chain as list of texts, one certificate each. */
enum err certificate_texts(struct scope *s, enum cert_format format, struct bytes leaf,
                           const struct list *chain, struct list *out);

#endif

/* Enrollment with a key of the server's, and its recovery. */
#include "command/keys.h"

#include "base/random.h"
#include <string.h>

#define PASSWORD_LEN 24

enum err
bundle_wanted(struct request *rq, enum bundle_form *out)
{
    const char *asked = http_header(rq->http, "x-certificateformat");

    *out = BUNDLE_PFX;
    if (!text_empty(asked) && text_eq_fold(asked, "STORE"))
        return fail_code(rq->scope, E_INVALID, CHY_BAD_VALUE,
                         "x-certificateformat: STORE needs Stores, which this server has none of");
    if (!text_empty(asked) && !bundle_form_parse(asked, out))
        return fail_code(
            rq->scope, E_INVALID, CHY_BAD_VALUE,
            "x-certificateformat: \"%.20s\" is not offered here; PFX, PFX-LEGACY, JKS, "
            "PEM and Zip are",
            asked);
    if (*out == BUNDLE_PFX && rq->app->keys.pfx_legacy)
        *out = BUNDLE_PFX_LEGACY;
    return OK;
}

enum err
chain_order_wanted(struct scope *s, const char *text, bool *root_first)
{
    *root_first = !text_empty(text) && text_eq_fold(text, "RootFirst");
    if (text_empty(text) || *root_first || text_eq_fold(text, "EndEntityFirst"))
        return OK;
    return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                     "ChainOrder: \"%s\" is neither EndEntityFirst nor RootFirst", text);
}

const char *
new_password(struct scope *s)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    char *out = arena_alloc(s->arena, PASSWORD_LEN + 1);

    for (int i = 0; i < PASSWORD_LEN; i++)
        out[i] = letters[random_below(sizeof(letters) - 1)];
    return out;
}

struct secret *
password_wanted(struct request *rq, const char *text)
{
    if (text_empty(text))
        return NULL;
    if ((int64_t)text_code_points(text) < rq->app->keys.password_min)
        problem(rq->scope, "Password", CHY_WEAK_PASSWORD, "needs at least %lld characters",
                (long long)rq->app->keys.password_min);
    else if (text_code_points(text) > BUNDLE_PASSWORD_MAX)
        problem(rq->scope, "Password", CHY_BAD_VALUE, "may have at most %d characters",
                BUNDLE_PASSWORD_MAX);
    return secret_copy(bytes_of_text(text));
}

enum err
pack_enrolled(struct scope *s, const struct enrolled *got, const struct pack *how, const char **out)
{
    struct bundle bundle = { .key = got->key,
                             .root_first = how->root_first,
                             .name = text_empty(how->name) ? cert_title(got->cert) : how->name };
    struct bytes file;

    list_add(s->arena, &bundle.certs, struct bytes, got->der);
    if (how->include_chain)
        LIST_EACH(struct bytes, der, &got->chain)
    list_add(s->arena, &bundle.certs, struct bytes, *der);
    TRY(bundle_write(s, &bundle, how->form, how->password, &file));
    *out = base64_encode(s->arena, file);
    return OK;
}

/* PFX enrollment. */

static void
check_not_offered(struct scope *s, const struct pfx_request *in)
{
    if (in->populate_from_ad)
        problem(s, "PopulateMissingValuesFromAD", CHY_BAD_VALUE,
                "there is no directory to take values from");
    if (in->stores.count)
        problem(s, "Stores[0]", CHY_NOT_FOUND, "certificate store not found");
    if (!text_empty(in->alternative_key_type))
        problem(s, "AlternativeKeyType", CHY_KEY_NOT_ALLOWED,
                "certificates with a second key are not made here");
}

static void
show_enrolled(struct scope *s, const struct enrolled *got, struct pfx_info *info)
{
    info->keyfactor_id = got->certificate_id;
    info->keyfactor_request_id = got->request_id;
    info->request_disposition = disposition_name(got->disposition);
    info->disposition_message = got->message    ? got->message
                                : got->key_kept ? "The private key was successfully retained."
                                                : "The certificate was issued.";
    if (!got->cert)
        return;
    info->serial_number = got->cert->serial_hex;
    info->issuer_dn = got->cert->issuer.text;
    info->thumbprint = hex_upper(s->arena, (struct bytes){ got->cert->sha1, SHA1_LEN });
}

enum err
enrollment_pfx(struct request *rq)
{
    const struct pfx_request *in = rq->body;
    struct scope *s = rq->scope;
    const char *made = text_empty(in->password) && rq->version == 2 ? new_password(s) : NULL;
    AUTO(secret_free) struct secret *password = password_wanted(rq, made ? made : in->password);
    struct enroll enroll = { .caller = rq->caller,
                             .endpoint = "command",
                             .make_key = true,
                             .key = { in->key_type, in->key_length.value, in->curve },
                             .template_name = in->tmpl,
                             .pattern_id = in->enrollment_pattern_id.value,
                             .authority = in->certificate_authority,
                             .subject = in->subject,
                             .not_before = WHEN_NONE,
                             .not_after = WHEN_NONE,
                             .renews = in->renewal_certificate_id.value,
                             .metadata = in->metadata };
    struct pack pack = { .password = password,
                         .include_chain = in->include_chain,
                         .name = in->custom_friendly_name };
    struct pfx_info info = { 0 };
    struct pfx_reply out = { .information = &info };
    struct enrolled got;

    TRY(bundle_wanted(rq, &pack.form));
    TRY(chain_order_wanted(s, in->chain_order, &pack.root_first));
    if (!password)
        problem(s, "Password", CHY_MISSING, "is required");
    check_not_offered(s, in);
    TRY(owner_wanted(rq,
                     &(struct owner_wish){ in->owner_role_id.value, in->owner_role_name,
                                           "OwnerRoleId", "OwnerRoleName" },
                     &enroll.owner_role));
    command_sans(s, in->sans, &enroll);
    TRY(problems_check(s));
    TRY(flow_enroll(s, &rq->app->flow, &enroll, &got));
    out.metadata = got.metadata;
    show_enrolled(s, &got, &info);
    if (got.cert) {
        TRY(pack_enrolled(s, &got, &pack, &info.pkcs12_blob));
        info.password = made;
    }
    return reply(rq, 200, &out);
}

/* Recovery. */

enum err
certificates_recover(struct request *rq)
{
    const struct recover_request *in = rq->body;
    struct scope *s = rq->scope;
    AUTO(secret_free) struct secret *password = password_wanted(rq, in->password);
    struct recover recover = { .caller = rq->caller,
                               .password = password,
                               .include_chain = in->include_chain };
    struct cert_wanted which = { in->cert_id, in->serial_number, in->issuer_dn, in->thumbprint };
    struct recover_reply out = { 0 };
    struct recovered got;

    TRY(bundle_wanted(rq, &recover.form));
    TRY(chain_order_wanted(s, in->chain_order, &recover.root_first));
    if (!password)
        problem(s, "Password", CHY_MISSING, "is required");
    TRY(problems_check(s));
    TRY(collection_wanted(rq, PERM_CERTIFICATES_RECOVER, 0, &recover.within));
    TRY(certificate_wanted(rq, &which, PERM_CERTIFICATES_RECOVER, recover.within,
                           &recover.certificate));
    TRY(flow_recover(s, &rq->app->flow, &recover, &got));
    out.pfx = base64_encode(s->arena, got.file);
    out.file_name = got.file_name;
    return reply(rq, 200, &out);
}

/* Destruction. */

static enum err
destroy(struct request *rq, const struct list *ids)
{
    struct sight sight = { .caller = rq->caller, .permission = PERM_CERTIFICATES_DELETE };
    struct list failed = { 0 }, *shown;
    enum err e;

    TRY(collection_wanted(rq, PERM_CERTIFICATES_DELETE, 0, &sight.within));
    e = flow_keys_delete(rq->scope, &rq->app->flow, &sight, ids, &failed);
    if (e == E_NOT_FOUND && failed.count) {
        shown = arena_new_of(rq->scope->arena, struct list);
        *list_push(rq->scope->arena, shown, struct failed_operation) =
            (struct failed_operation){ "No private key is kept.", failed };
        rq->failed_operations = shown;
    }
    TRY(e);
    return reply_none(rq);
}

enum err
certificates_key_delete(struct request *rq)
{
    struct list ids = { 0 };
    int64_t id;

    TRY(var_int(rq, "id", &id));
    list_add(rq->scope->arena, &ids, int64_t, id);
    return destroy(rq, &ids);
}

enum err
certificates_keys_delete(struct request *rq)
{
    return destroy(rq, &rq->body_list);
}

/* Import. */

enum { IMPORT_NEW = 1, IMPORT_KNOWN = 2 };

enum err
certificates_import(struct request *rq)
{
    const struct import_request *in = rq->body;
    struct scope *s = rq->scope;
    AUTO(secret_free)
    struct secret *password =
        text_empty(in->password) ? NULL : secret_copy(bytes_of_text(in->password));
    struct import import = { .caller = rq->caller,
                             .password = password,
                             .metadata = &in->metadata };
    struct import_reply out = { .job_status = 1 };
    struct imported got;

    if (!base64_decode(s->arena, in->certificate, strlen(in->certificate), true, &import.data))
        import.data = bytes_of_text(in->certificate); /* PEM as it is */
    TRY(flow_import(s, &rq->app->flow, &import, &got));
    LIST_EACH(const char *, store, &in->store_ids)
    list_add(s->arena, &out.invalid, struct invalid_store_reply,
             ((struct invalid_store_reply){ .keystore_id = *store,
                                            .explanation = "certificate store not found" }));
    out.import_status = got.was_here ? IMPORT_KNOWN : IMPORT_NEW;
    out.thumbprint = hex_upper(s->arena, (struct bytes){ got.cert->sha1, SHA1_LEN });
    return reply(rq, 200, &out);
}

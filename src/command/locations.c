/* Where certificates are, and their way there. No store is known to this server yet: no certificate
 * is anywhere, and whichever store is named is not there. */
#include "api/locations.h"

#include "command/command.h"
#include "flow/requests.h"

/* The certificate ID, for who may see it: what is outside their sight is not there. */
static enum err
see(struct request *rq, int64_t id)
{
    const struct collection *within;
    struct cert_row row;

    TRY(may_within(rq, PERM_CERTIFICATES_READ, collection_named(rq, 0), &within));
    TRY(is_within(rq, within, id));
    return catalog_get(rq->scope, rq->app->db, id, 0, &row);
}

enum err
certificates_locations(struct request *rq)
{
    struct locations_reply out = { 0 };
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(see(rq, id));
    return reply(rq, 200, &out);
}

/* What was enrolled, by its own number, that of its request, or both. */
static enum err
see_enrolled(struct request *rq, int64_t certificate, int64_t request)
{
    struct scope *s = rq->scope;
    struct cert_request from;

    if (!certificate && !request)
        return fail_code(s, E_INVALID, CHY_MISSING,
                         "CertificateId: is required, or RequestId instead of it");
    if (request) {
        TRY(flow_request(s, &rq->app->flow, rq->caller, request, &from));
        if (from.state != REQUEST_ISSUED)
            return fail_code(s, E_INVALID, CHY_WRONG_STATE,
                             "RequestId: request %lld is %s, there is no certificate of it",
                             (long long)request, request_state_name(from.state));
        if (certificate && from.certificate != certificate)
            return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                             "RequestId: certificate %lld is not of request %lld",
                             (long long)certificate, (long long)request);
        certificate = from.certificate;
    }
    return see(rq, certificate);
}

static void
add_once(struct scope *s, struct list *out, const char *id)
{
    if (list_has_fold(out, id))
        return;
    list_add(s->arena, out, const char *, id);
}

enum err
enrollment_deploy(struct request *rq)
{
    const struct deploy_request *in = rq->body;
    struct deploy_reply out = { 0 };
    struct scope *s = rq->scope;

    LIST_EACH(struct deploy_store, store, &in->stores)
    add_once(s, &out.failed_stores, store->store_id);
    LIST_EACH(const char *, id, &in->store_ids)
    add_once(s, &out.failed_stores, *id);
    if (text_empty(in->password))
        problem(s, "Password", CHY_MISSING, "is required");
    if (!out.failed_stores.count)
        problem(s, "StoreIds", CHY_MISSING, "is required, or Stores instead of it");
    TRY(problems_check(s));
    TRY(see_enrolled(rq, in->certificate_id, in->request_id));
    return reply(rq, 200, &out);
}

enum err
enrollment_replace(struct request *rq)
{
    const struct replace_request *in = rq->body;
    struct deploy_reply out = { 0 };

    TRY(see_enrolled(rq, in->certificate_id, in->request_id));
    TRY(note(rq->scope, see(rq, in->existing_certificate_id), "ExistingCertificateId"));
    return reply(rq, 200, &out);
}

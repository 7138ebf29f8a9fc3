/* What is known of single certificates besides themselves. */
#include "api/certificate_details.h"
#include "catalog/audit_search.h"
#include "catalog/owner.h"
#include "catalog/search.h"
#include "codec/table.h"
#include "command/command.h"
#include "face/owner.h"
#include "pki/bundle.h"
#include "pki/chain.h"

#include <string.h>

#define CSV_MAX 100000 /* certificates of one file */
#define CSV_BYTES ((size_t)256 << 20)
#define HISTORY_MAX 10000

/* The certificate of the path, for who may do P with it. */
static enum err
wanted(struct request *rq, enum permission p, int64_t collection, unsigned with,
       struct cert_row *row)
{
    const struct collection *within;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(may_within(rq, p, collection, &within));
    TRY(is_within(rq, within, id));
    return catalog_get(rq->scope, rq->app->db, id, with, row);
}

/* ---- history */

enum err
certificates_history(struct request *rq)
{
    const struct history_query *in = rq->query;
    struct scope *s = rq->scope;
    struct audit_query q = { .from = WHEN_NONE,
                             .until = WHEN_NONE,
                             .target_type = "certificate",
                             .limit = 1000,
                             .oldest_first = true };
    struct list rows, out = { 0 };
    struct cert_row row;

    TRY(wanted(rq, PERM_CERTIFICATES_READ, in->collection_id, 0, &row));
    q.target_id = arena_printf(s->arena, "%lld", (long long)row.id);
    do {
        TRY(audit_list(s, rq->app->db, &q, &rows, &q.after));
        LIST_EACH(struct audit_row, r, &rows)
        list_add(s->arena, &out, struct certificate_operation_reply,
                 ((struct certificate_operation_reply){ .id = audit_number(r->lane, r->seq),
                                                        .start = r->at,
                                                        .end = r->at,
                                                        .username = r->actor_name,
                                                        .comment = r->message,
                                                        .action = r->action }));
    } while (q.after && out.count < HISTORY_MAX);
    return reply_page(rq, &certificate_operation_reply_model, "OperationStart", &out);
}

/* ---- owner */

enum err
certificates_owner(struct request *rq)
{
    const struct owner_request *in = rq->body;
    struct owner_wish wish = { in->id.given ? in->id.value : 0, in->name, "NewRoleId",
                               "NewRoleName" };
    const struct within_query *where = rq->query;
    struct cert_row row;
    int64_t owner = 0;

    TRY(wanted(rq, PERM_CERTIFICATES_EDIT, where->collection_id, 0, &row));
    TRY(owner_wanted(rq, &wish, &owner));
    TRY(problems_check(rq->scope));
    TRY(certificate_give(rq->scope, rq->app->db, rq->caller, row.id, owner));
    return reply_none(rq);
}

/* ---- validation */

/* All that our authorities know of one another. */
static void
known_issuers(struct scope *s, const struct ca_snapshot *snap, struct list *certs)
{
    LIST_EACH(struct ca_key *, k, &snap->keys)
    LIST_EACH(struct bytes, der, &(*k)->chain)
    list_add(s->arena, certs, struct bytes, bytes_copy(s->arena, *der));
}

/* The chain of DER, leaf first; ROOTS receives the root that it ends with, or stays empty. */
static enum err
chain_of(struct request *rq, struct bytes der, struct list *chain, struct list *roots)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    struct list certs = { 0 };
    struct bytes last;
    struct cert top;

    known_issuers(rq->scope, snap, &certs);
    list_add(rq->scope->arena, &certs, struct bytes, der);
    TRY(chain_order(rq->scope, der, &certs, chain));
    last = *list_last(chain, struct bytes);
    TRY(cert_read(rq->scope, last, &top));
    if (cert_is_root(rq->scope, &top))
        list_add(rq->scope->arena, roots, struct bytes, last);
    return OK;
}

/* A root that somebody brought in is trusted by nobody here. */
static bool
is_ours(struct request *rq, const struct list *roots)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    struct list certs = { 0 };

    known_issuers(rq->scope, snap, &certs);
    LIST_EACH(struct bytes, der, &certs)
    if (roots->count && bytes_eq(*der, *list_at(roots, struct bytes, 0)))
        return true;
    return false;
}

static bool
say(struct request *rq, struct certificate_validation_reply *out, const char *what, bool is)
{
    list_add(rq->scope->arena, &out->results.of, struct pair,
             ((struct pair){ what, is ? "True" : "False" }));
    return is;
}

enum err
certificates_validate(struct request *rq)
{
    const struct within_query *where = rq->query;
    struct certificate_validation_reply out = { 0 };
    struct list chain = { 0 }, roots = { 0 };
    struct when now = clock_now(), at;
    bool full, trusted, sound, early, over, revoked;
    struct scope *s = rq->scope;
    struct cert_row row;

    TRY(wanted(rq, PERM_CERTIFICATES_READ, where->collection_id, WITH_DER, &row));
    TRY(chain_of(rq, row.der, &chain, &roots));
    early = when_cmp(now, row.not_before) < 0;
    over = when_cmp(now, row.not_after) > 0;
    at = early  ? row.not_before
         : over ? when_add_ms(row.not_after, -SECOND_MS)
                : now; /* dates are told apart */
    full = roots.count > 0;
    sound = full && chain_verify(s, &chain, &roots, at, CHAIN_ANY) == OK;
    scope_clear(s);
    trusted = is_ours(rq, &roots);
    revoked = row.state == CERT_REVOKED;
    out.valid = full && trusted && sound && !early && !over && !revoked;
    (void)say(rq, &out, "Full Chain", full);
    (void)say(rq, &out, "Trusted Root", trusted);
    (void)say(rq, &out, "Chain Valid", sound);
    (void)say(rq, &out, "Not Yet Valid", early);
    (void)say(rq, &out, "Expired", over);
    (void)say(rq, &out, "Revoked", revoked);
    return reply(rq, 200, &out);
}

/* ---- analysis */

static enum err
open_file(struct request *rq, const struct analyze_request *in, struct bundle *out)
{
    struct scope *s = rq->scope;
    AUTO(secret_free)
    struct secret *password =
        text_empty(in->password) ? NULL : secret_copy(bytes_of_text(in->password));
    struct bytes data;
    enum err e;

    if (!base64_decode(s->arena, in->certificate, strlen(in->certificate), true, &data))
        data = bytes_of_text(in->certificate); /* PEM as it is */
    e = bundle_read(s, data, password, out);
    if (e != E_FORBIDDEN)
        return note(s, e, "Certificate");
    /* a mistake in the request, not a missing permission */
    problem(s, "Password", CHY_BAD_VALUE, "%s", s->error.text);
    return problems_fail(s);
}

/* What is noted about it here, if it is here, and CALLER may see that. */
static enum err
add_noted(struct request *rq, const struct cert *cert, struct pairs *out)
{
    struct bytes hash = { (uint8_t *)(uintptr_t)cert->sha256, sizeof(cert->sha256) };
    struct cert_row row;
    enum err e;

    if (!access_may(rq->caller, PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0))
        return OK;
    e = catalog_by_thumbprint(rq->scope, rq->app->db, hash, WITH_METADATA, &row);
    if (e == OK)
        *out = row.metadata;
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(rq->scope);
    return OK;
}

enum err
certificates_analyze(struct request *rq)
{
    struct scope *s = rq->scope;
    struct bundle bundle = { 0 };
    struct list out = { 0 };

    TRY(open_file(rq, rq->body, &bundle));
    LIST_EACH(struct bytes, der, &bundle.certs)
    {
        struct certificate_analysis_reply one = { 0 };
        struct cert cert;

        TRY(cert_read(s, *der, &cert));
        one.issued_dn = cert.subject.text;
        one.issuer_dn = cert.issuer.text;
        one.thumbprint = hex_upper(s->arena, (struct bytes){ cert.sha1, sizeof(cert.sha1) });
        one.not_before = cert.not_before;
        one.not_after = cert.not_after;
        one.is_end_entity = !cert.exts.is_ca;
        TRY(add_noted(rq, &cert, &one.metadata));
        list_add(s->arena, &out, struct certificate_analysis_reply, one);
    }
    return reply_list(rq, &out);
}

/* ---- CSV */

static const char *const titles[] = { "Id",
                                      "Thumbprint",
                                      "SerialNumber",
                                      "IssuedDN",
                                      "IssuedCN",
                                      "IssuerDN",
                                      "NotBefore",
                                      "NotAfter",
                                      "ImportDate",
                                      "CertStateString",
                                      "RevocationEffDate",
                                      "RevocationReason",
                                      "KeyTypeString",
                                      "KeySizeInBits",
                                      "SigningAlgorithm",
                                      "TemplateName",
                                      "CertificateAuthorityName",
                                      "RequesterName",
                                      "OwnerRoleName" };

static const char *
date(struct arena *a, struct when w)
{
    return when_given(w) ? when_rfc3339(a, w) : "";
}

/* Names come from outside: what a spreadsheet would take for a formula is guarded. */
static enum err
line(struct scope *s, struct buf *b, const struct cert_row *row)
{
    struct arena *a = s->arena;
    struct certificate_reply r;

    TRY(certificate_reply_of(s, row, &r));
    const char *cells[COUNT(titles)] = {
        arena_printf(a, "%lld", (long long)r.id),
        r.thumbprint,
        r.serial_number,
        r.issued_dn,
        r.issued_cn,
        r.issuer_dn,
        date(a, r.not_before),
        date(a, r.not_after),
        date(a, r.import_date),
        r.cert_state_string,
        date(a, r.revocation_eff_date),
        r.revocation_reason.given ? arena_printf(a, "%lld", (long long)r.revocation_reason.value)
                                  : "",
        r.key_type_string,
        arena_printf(a, "%lld", (long long)r.key_size_in_bits),
        r.signing_algorithm,
        r.template_name,
        r.certificate_authority_name,
        r.requester_name,
        r.owner_role_name,
    };

    for (size_t i = 0; i < COUNT(cells); i++)
        table_csv_cell(b, cells[i] ? cells[i] : "", i == 0, true);
    buf_text(b, "\r\n");
    return OK;
}

/* A page, in memory of its own: a file may have many. */
static enum err
page_of_file(struct request *rq, const struct cert_search *search, struct buf *b,
             struct cert_found *found)
{
    AUTO(scope_free) struct scope *own = scope_new(rq->scope->module);
    enum err e;

    own->id = rq->scope->id;
    own->principal = rq->scope->principal;
    own->deadline_ms = rq->scope->deadline_ms;
    e = catalog_search(own, rq->app->db, search, found);
    if (e == OK)
        LIST_EACH(struct cert_row, row, &found->rows)
    if (e == OK)
        e = line(own, b, row);
    found->rows.items = NULL; /* gone with their scope */
    return e == OK ? OK
                   : fail_code(rq->scope, e, own->error.code, "%s",
                               own->error.text ? own->error.text : err_name(e));
}

static bool
is_descending(const char *order)
{
    return text_eq(order, "1") || (order && text_starts_fold(order, "desc"));
}

enum err
certificates_csv(struct request *rq)
{
    const struct csv_query *in = rq->query;
    struct cert_search search = { .query = in->query,
                                  .sort = text_empty(in->sort_name) ? NULL : in->sort_name,
                                  .descending = is_descending(in->sort_order),
                                  .page = 1,
                                  .page_size = RETURN_LIMIT_MAX,
                                  .want_total = true,
                                  .me = rq->caller->name,
                                  .now = clock_now() };
    struct scope *s = rq->scope;
    struct cert_found found;
    struct buf b;

    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection_id, &search.within));
    buf_init_in(&b, s->arena, CSV_BYTES);
    for (size_t i = 0; i < COUNT(titles); i++)
        table_csv_cell(&b, titles[i], i == 0, true);
    buf_text(&b, "\r\n");
    do {
        TRY(order_named(rq, "SortName", page_of_file(rq, &search, &b, &found)));
        if (search.page == 1 && found.total > CSV_MAX)
            return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                             "Query: it finds %lld certificates; a file holds %d at most",
                             (long long)found.total, CSV_MAX);
        if (search.page == 1)
            reply_total(rq, found.total);
        search.want_total = false;
        search.page++;
    } while (found.rows.count == RETURN_LIMIT_MAX);
    if (!buf_str(&b))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE, "Query: the file would be too large");
    return reply_bytes(rq, 200, "text/csv", buf_bytes(&b));
}

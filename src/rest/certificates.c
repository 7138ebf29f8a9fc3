/* Certificates: asking for them, and the register. */
#include "catalog/search.h"
#include "face/owner.h"
#include "face/within.h"
#include "flow/recover.h"
#include "pki/name.h"
#include "pki/pem.h"
#include "rest/rest.h"

#include <string.h>

/* Issuing. */

static void
add_names(struct scope *s, const struct list *texts, enum gn_kind kind, struct list *out)
{
    LIST_EACH(const char *, text, texts)
    list_add(s->arena, out, struct general_name,
             ((struct general_name){ .kind = kind, .text = *text }));
}

static void
read_sans(struct scope *s, const struct v1_sans *in, struct enroll *out)
{
    if (!in)
        return;
    add_names(s, &in->dns, GN_DNS, &out->sans);
    add_names(s, &in->ip, GN_IP, &out->sans);
    add_names(s, &in->email, GN_EMAIL, &out->sans);
    add_names(s, &in->uri, GN_URI, &out->sans);
    add_names(s, &in->upn, GN_UPN, &out->sans);
    out->sans_given = out->sans.count > 0;
}

static void
pem_chain(struct scope *s, const struct list *ders, struct list *out)
{
    LIST_EACH(struct bytes, der, ders)
    list_add(s->arena, out, const char *, pem_text(s->arena, PEM_CERT, *der));
}

static struct opt_int
id_or_none(int64_t id)
{
    return (struct opt_int){ id != 0, id };
}

static void
show_issued(struct scope *s, const struct enrolled *got, bool dry_run, struct v1_issued *out)
{
    const struct cert *cert = got->cert;

    *out = (struct v1_issued){
        .id = id_or_none(got->certificate_id),
        .request_id = id_or_none(got->request_id),
        .disposition =
            dry_run ? "planned" : text_fold(s->arena, disposition_name(got->disposition)),
        .message = got->message,
        .subject = got->subject,
        .not_before = WHEN_NONE,
        .not_after = WHEN_NONE,
        .tbs = got->tbs,
    };
    if (!cert)
        return;
    out->subject = cert->subject.text;
    out->issuer = cert->issuer.text;
    out->serial_number = cert->serial_hex;
    out->thumbprint = hex_upper(s->arena, (struct bytes){ cert->sha256, SHA256_LEN });
    out->not_before = cert->not_before;
    out->not_after = cert->not_after;
    out->pem = pem_text(s->arena, PEM_CERT, got->der);
    pem_chain(s, &got->chain, &out->chain);
}

/* The flow keeps the client's key with the request: asking again gives the same certificate, even
 * when the server died before the answer was kept. */
static const char *
transaction_key(struct request *rq)
{
    const char *key = http_header(rq->http, "Idempotency-Key");

    return key ? arena_printf(rq->scope->arena, "%s:%s", rq->caller->id_text, key) : NULL;
}

/* The policy names what it judges as the Command API does: `sans.DNS[0]`, `NotAfter`. */
static const char *
our_path(struct arena *a, const char *path)
{
    static const char *const names[][2] = {
        { "CSR", "csr" },
        { "Subject", "subject" },
        { "SANs", "sans" },
        { "sans", "sans" },
        { "NotBefore", "not_before" },
        { "NotAfter", "not_after" },
        { "Duration", "validity" },
        { "RenewalCertificateId", "renews" },
    };
    size_t len = strcspn(path, ".[");

    for (size_t i = 0; i < COUNT(names); i++)
        if (strlen(names[i][0]) == len && !strncmp(path, names[i][0], len))
            return arena_printf(a, "%s%s", names[i][1], text_fold(a, path + len));
    return path;
}

static enum err
our_paths(struct scope *s, enum err e)
{
    if (e != E_INVALID)
        return e;
    LIST_EACH(struct problem, p, &s->problems)
    p->path = our_path(s->arena, p->path);
    TRY(problems_check(s));
    return e;
}

static enum err
issue(struct request *rq)
{
    const struct v1_certificate_new *in = rq->body;
    struct scope *s = rq->scope;
    struct enroll enroll = { .caller = rq->caller,
                             .endpoint = "rest",
                             .csr = bytes_of_text(in->csr),
                             .template_name = in->template_name,
                             .authority = in->authority,
                             .subject = text_empty(in->subject) ? NULL : in->subject,
                             .not_before = in->not_before,
                             .not_after = in->not_after,
                             .validity_ms = in->validity_ms,
                             .renews = in->renews,
                             .metadata = in->metadata,
                             .csr_path = "csr",
                             .san_path = "sans",
                             .template_path = "template",
                             .authority_path = "authority",
                             .metadata_path = "metadata" };
    struct enrolled got;
    struct v1_issued out;
    struct owner_wish owner = { 0, in->owner, "owner", "owner" };

    TRY(owner_wanted(rq, &owner, &enroll.owner_role));
    TRY(problems_check(s));
    TRY(dry_run_of(rq, &enroll.dry_run));
    if (!enroll.dry_run)
        enroll.transaction_key = transaction_key(rq);
    read_sans(s, in->sans, &enroll);
    TRY(our_paths(s, flow_enroll(s, &rq->app->flow, &enroll, &got)));
    show_issued(s, &got, enroll.dry_run, &out);
    keep_answer(rq, &out);
    return reply(rq, 200, &out);
}

static enum err
certificates_issue(struct request *rq)
{
    return make_once(rq, issue);
}

/* The register. */

static const char *
state_name(enum cert_state state)
{
    static const char *const names[] = { "unknown", "active",  "revoked", "denied",
                                         "failed",  "pending", "ca" };

    return (size_t)state < COUNT(names) ? names[state] : "unknown";
}

static const char *
san_kind(int64_t kind)
{
    static const struct {
        int64_t kind;
        const char *name;
    } kinds[] = { { 1, "email" }, { 2, "dns" }, { 6, "uri" }, { 7, "ip" }, { 100, "upn" } };

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "other";
}

static const char *
key_type(int64_t type)
{
    static const char *const names[] = { NULL, "RSA", "DSA", "EC", "DH", "Ed448", "Ed25519" };

    return type > 0 && (size_t)type < COUNT(names) ? names[type] : NULL;
}

static void
show_row(struct scope *s, const struct cert_row *row, struct v1_certificate *out)
{
    *out = (struct v1_certificate){
        .id = row->id,
        .serial_number = serial_hex(s->arena, row->serial),
        .thumbprint = hex_upper(s->arena, row->sha256),
        .thumbprint_sha1 = hex_upper(s->arena, row->sha1),
        .subject = row->dn,
        .common_name = row->cn,
        .issuer = row->issuer_dn,
        .not_before = row->not_before,
        .not_after = row->not_after,
        .imported_at = row->imported_at,
        .state = state_name(row->state),
        .key_type = key_type(row->key_type),
        .curve = row->curve,
        .signature_algorithm = row->signing_algorithm,
        .key_bits = row->key_bits,
        .authority = row->authority_name,
        .template_name = row->template_name,
        .protocol = row->protocol,
        .requester = row->requester,
        .request_id = id_or_none(row->request),
        .renews = id_or_none(row->renews),
        .superseded_at = row->superseded_at,
        .revoked_at = row->revoked_at,
        .invalidity_at = row->invalidity_at,
        .revocation_reason = { row->state == CERT_REVOKED, row->revocation_reason },
        .revocation_comment = row->revocation_comment,
        .revoked_by = row->revoked_by,
        .version = row->version,
        .metadata = row->metadata,
    };
    LIST_EACH(struct cert_san, san, &row->names)
    list_add(s->arena, &out->sans, struct v1_san,
             ((struct v1_san){ san_kind(san->kind), san->text }));
}

static enum err
certificates_list(struct request *rq)
{
    const struct v1_certificates_query *in = rq->query;
    struct scope *s = rq->scope;
    struct cert_search search = {
        .query = in->filter,
        .include_revoked = in->include_revoked,
        .include_expired = in->include_expired,
        .page = 1,
        .page_size = in->limit,
        .with = WITH_NAMES,
        .me = rq->caller->name,
        .now = clock_now(),
    };
    struct list out = { 0 };
    struct cert_found found;
    const char *next = NULL;

    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection, &search.within));
    TRY(after_id(rq, in->after, &search.after));
    TRY(catalog_search(s, rq->app->db, &search, &found));
    LIST_EACH(struct cert_row, row, &found.rows)
    show_row(s, row, list_push(s->arena, &out, struct v1_certificate));
    if (out.count && out.count == (size_t)in->limit)
        next =
            arena_printf(s->arena, "%lld", (long long)list_last(&out, struct v1_certificate)->id);
    return reply_items(rq, &out, next);
}

static enum err
certificates_get(struct request *rq)
{
    const struct v1_certificate_query *in = rq->query;
    const struct collection *within;
    struct scope *s = rq->scope;
    struct v1_certificate out;
    struct cert_row row;
    struct list chain;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection, &within));
    TRY(is_within(rq, within, id));
    TRY(catalog_get(s, rq->app->db, id, WITH_DER | WITH_NAMES | WITH_METADATA, &row));
    TRY(flow_chain(s, &rq->app->flow, row.ca_key, &chain));
    show_row(s, &row, &out);
    if (row.der.len)
        out.pem = pem_text(s->arena, PEM_CERT, row.der);
    pem_chain(s, &chain, &out.chain);
    return reply_tagged(rq, &out, row.version);
}

static enum err
search_fields_list(struct request *rq)
{
    struct v1_search_fields out = { 0 };
    size_t count;
    const struct search_field *all = search_fields(&count);

    for (size_t i = 0; i < count; i++)
        list_add(rq->scope->arena, &out.items, struct v1_search_field,
                 ((struct v1_search_field){ all[i].name, all[i].type, all[i].doc }));
    return reply(rq, 200, &out);
}

/* Bringing in. */

static struct bytes
der_of(struct scope *s, const char *text)
{
    struct list blocks = { 0 };
    struct bytes der = { NULL, 0 };

    if (base64_decode(s->arena, text, strlen(text), true, &der))
        return der;
    if (pem_read(s, bytes_of_text(text), &blocks) == OK && blocks.count)
        return list_at(&blocks, struct pem_block, 0)->data;
    scope_clear(s);
    return (struct bytes){ (const uint8_t *)text, strlen(text) }; /* is told not to be DER */
}

static void
show_imported(struct scope *s, const struct imported_one *one, struct v1_imported *out)
{
    bool fine = one->err == OK;
    struct v1_imported_one item = {
        .state = !fine               ? "failed"
                 : one->got.was_here ? "known"
                                     : "entered",
        .id = { fine, one->got.id },
    };

    out->entered += fine && !one->got.was_here;
    out->known += fine && one->got.was_here;
    out->failed += !fine;
    if (fine) {
        item.thumbprint = hex_upper(s->arena, (struct bytes){ one->got.cert->sha256, SHA256_LEN });
    } else {
        item.code = arena_printf(s->arena, "CHY-%04d", one->code);
        item.detail = one->err == E_INTERNAL ? NULL : one->why;
    }
    list_add(s->arena, &out->items, struct v1_imported_one, item);
}

static enum err
certificates_import(struct request *rq)
{
    const struct v1_import *in = rq->body;
    struct scope *s = rq->scope;
    struct list ders = { 0 }, ones = { 0 };
    struct v1_imported out = { 0 };

    LIST_EACH(const char *, text, &in->certificates)
    list_add(s->arena, &ders, struct bytes, der_of(s, *text));
    TRY(flow_import_many(s, &rq->app->flow, rq->caller, &ders, &ones));
    LIST_EACH(struct imported_one, one, &ones)
    show_imported(s, one, &out);
    return reply(rq, 200, &out);
}

const struct binding rest_certificates[] = {
    { &v1_certificates_list_op, certificates_list },
    { &v1_certificates_issue_op, certificates_issue },
    { &v1_certificates_import_op, certificates_import },
    { &v1_certificates_get_op, certificates_get },
    { &v1_search_fields_op, search_fields_list },
    { NULL, NULL },
};

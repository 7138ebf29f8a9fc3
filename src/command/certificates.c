#include "command/command.h"
#include <stdlib.h>

#include "catalog/search.h"
#include "pki/pem.h"
#include "pki/pkcs7.h"

enum err
certificates_list(struct request *rq)
{
    const struct certificates_query *in = rq->query;
    struct page page =
        page_of(&(struct page_query){ in->page_returned, in->return_limit, in->take, in->skip,
                                      in->sort_field, in->sort_ascending, in->query_string });
    struct cert_search search = {
        .query = page.query,
        .include_revoked = in->include_revoked,
        .include_expired = in->include_expired,
        .sort = page.sort,
        .descending = page.descending,
        .page = page.number,
        .page_size = page.size,
        .skip = page.skip,
        .want_total = true,
        .total_soon = true,
        .with = WITH_DER | WITH_NAMES | (in->include_metadata ? WITH_METADATA : 0),
        .me = rq->caller->name,
        .now = clock_now(),
    };
    struct cert_found found;
    struct list out = { 0 };

    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection_id, &search.within));
    TRY(order_named(rq, "sortField", catalog_search(rq->scope, rq->app->db, &search, &found)));
    list_expect(rq->scope->arena, &out, struct certificate_reply, found.rows.count);
    LIST_EACH(struct cert_row, row, &found.rows)
    TRY(certificate_reply_of(rq->scope, row,
                             list_push(rq->scope->arena, &out, struct certificate_reply)));
    if (found.total != TOTAL_UNKNOWN)
        reply_total(rq, found.total);
    return reply_list(rq, &out);
}

enum err
certificates_get(struct request *rq)
{
    const struct certificates_query *in = rq->query;
    const struct collection *within;
    struct certificate_reply out;
    struct cert_row row;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(may_within(rq, PERM_CERTIFICATES_READ, in->collection_id, &within));
    TRY(is_within(rq, within, id));
    TRY(catalog_get(rq->scope, rq->app->db, id,
                    WITH_DER | WITH_NAMES | (in->include_metadata ? WITH_METADATA : 0), &row));
    TRY(certificate_reply_of(rq->scope, &row, &out));
    return reply(rq, 200, &out);
}

/* Download. */

enum err
format_wanted(struct request *rq, const char *text, enum cert_format fallback,
              enum cert_format *out)
{
    const char *header = http_header(rq->http, "x-certificateformat");
    const char *asked = text_empty(text) ? header : text;

    if (text_empty(asked))
        *out = fallback;
    else if (text_eq_fold(asked, "PEM"))
        *out = CF_PEM;
    else if (text_eq_fold(asked, "DER") || text_eq_fold(asked, "CRT") || text_eq_fold(asked, "CER"))
        *out = CF_DER;
    else if (text_eq_fold(asked, "P7B"))
        *out = CF_P7B;
    else
        return fail_code(rq->scope, E_INVALID, CHY_BAD_VALUE,
                         "%s: \"%.20s\" is not offered here; PEM, DER, CRT, CER and P7B are",
                         text_empty(text) ? "x-certificateformat" : "CertificateFormat", asked);
    return OK;
}

static enum err
find_row(struct request *rq, const struct cert_wanted *in, struct cert_row *row)
{
    struct scope *s = rq->scope;
    struct bytes hash;

    if (in->cert_id)
        return catalog_get(s, rq->app->db, in->cert_id, WITH_DER, row);
    if (!text_empty(in->thumbprint)) {
        if (!loose_hex(s, in->thumbprint, &hash))
            return fail_code(s, E_INVALID, CHY_BAD_VALUE, "Thumbprint: \"%s\" is not hexadecimal",
                             in->thumbprint);
        if (hash.len != SHA1_LEN && hash.len != SHA256_LEN)
            return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                             "Thumbprint: it has 40 or 64 hexadecimal digits");
        return catalog_by_thumbprint(s, rq->app->db, hash, WITH_DER, row);
    }
    if (!text_empty(in->serial_number) && text_empty(in->issuer_dn))
        return fail_code(s, E_INVALID, CHY_MISSING,
                         "IssuerDN: is required beside SerialNumber, which others may have, too");
    if (text_empty(in->serial_number) || text_empty(in->issuer_dn))
        return fail_code(
            s, E_INVALID, CHY_MISSING,
            "CertID: name a certificate by CertID, by Thumbprint, or by SerialNumber and IssuerDN");
    if (!loose_hex(s, in->serial_number, &hash))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE, "SerialNumber: \"%s\" is not hexadecimal",
                         in->serial_number);
    return catalog_by_serial(s, rq->app->db, hash, in->issuer_dn, WITH_DER, row);
}

/** In a collection the same is said of what is not there and of what is outside it. */
static enum err
find_within(struct request *rq, const struct cert_wanted *in, const struct collection *within,
            struct cert_row *row)
{
    enum err e = find_row(rq, in, row);

    if (e == OK)
        e = is_within(rq, within, row->id);
    if (e == E_NOT_FOUND && within)
        return fail_code(rq->scope, e, CHY_NO_CERT, "certificate not found in collection %s",
                         within->name);
    return e;
}

int64_t
collection_named(const struct request *rq, int64_t in_body)
{
    const struct within_query *query = rq->query;

    return query && query->collection_id ? query->collection_id : in_body;
}

enum err
collection_wanted(struct request *rq, enum permission p, int64_t in_body,
                  const struct collection **out)
{
    int64_t id = collection_named(rq, in_body);

    *out = NULL;
    return id ? may_within(rq, p, id, out) : OK;
}

enum err
certificate_wanted(struct request *rq, const struct cert_wanted *in, enum permission p,
                   const struct collection *within, int64_t *id)
{
    struct cert_row row;
    enum err e;

    if (within) {
        TRY(find_within(rq, in, within, &row));
        *id = row.id;
        return OK;
    }
    if (in->cert_id) {
        *id = in->cert_id;
        return OK;
    }
    e = find_row(rq, in, &row);
    if (e == E_NOT_FOUND && !access_may(rq->caller, p, GRANT_GLOBAL, 0))
        return access_require(rq->scope, rq->caller, p, GRANT_GLOBAL, 0);
    TRY(e);
    *id = row.id;
    return OK;
}

static void
reverse(struct list *l)
{
    struct bytes *at = l->items;

    for (size_t i = 0; i < l->count / 2; i++) {
        struct bytes kept = at[i];

        at[i] = at[l->count - 1 - i];
        at[l->count - 1 - i] = kept;
    }
}

static enum err
pack(struct scope *s, enum cert_format format, const struct list *certs, const char **out)
{
    const struct bytes *first = certs->items;
    struct bytes der;
    struct buf pem;

    if (format == CF_P7B) {
        TRY(pkcs7_of_certs(s, first, certs->count, &der));
        *out = base64_encode(s->arena, der);
        return OK;
    }
    if (format == CF_DER) {
        *out = base64_encode(s->arena, *first);
        return OK;
    }
    buf_init_in(&pem, s->arena, 1 << 20);
    LIST_EACH(struct bytes, one, certs)
    pem_add(&pem, PEM_CERT, *one);
    *out = base64_encode(s->arena, buf_bytes(&pem));
    return OK;
}

enum err
certificates_download(struct request *rq)
{
    const struct download_request *in = rq->body;
    const struct within_query *where = rq->query;
    const struct collection *within;
    struct cert_wanted which = { in->cert_id, in->serial_number, in->issuer_dn, in->thumbprint };
    struct scope *s = rq->scope;
    struct download_reply out = { 0 };
    struct list certs = { 0 }, chain;
    enum cert_format format;
    struct cert_row row;

    TRY(may_within(rq, PERM_CERTIFICATES_READ, where->collection_id, &within));
    TRY(format_wanted(rq, NULL, CF_PEM, &format));
    if (!text_empty(in->chain_order) && !text_eq_fold(in->chain_order, "EndEntityFirst") &&
        !text_eq_fold(in->chain_order, "RootFirst"))
        return fail_code(s, E_INVALID, CHY_BAD_VALUE,
                         "ChainOrder: \"%s\" is neither EndEntityFirst nor RootFirst",
                         in->chain_order);
    TRY(find_within(rq, &which, within, &row));
    list_add(s->arena, &certs, struct bytes, row.der);
    if (in->include_chain && format != CF_DER) {
        TRY(flow_chain(s, &rq->app->flow, row.ca_key, &chain));
        LIST_EACH(struct bytes, one, &chain)
        if (!bytes_eq(*one, row.der))
            list_add(s->arena, &certs, struct bytes, *one);
        if (text_eq_fold(in->chain_order, "RootFirst"))
            reverse(&certs);
    }
    TRY(pack(s, format, &certs, &out.content));
    return reply(rq, 200, &out);
}

/* Revocation. */

static int
by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Those that were asked for, then what went with them for having the same key. */
static void
list_revoked(struct scope *s, const struct list *each, struct list *out)
{
    struct list asked = { 0 };

    LIST_EACH(struct revoked_one, one, each)
    if (one->err == OK)
        list_add(s->arena, &asked, int64_t, one->id);
    *out = (struct list){ 0 };
    LIST_EACH(int64_t, id, &asked)
    list_add(s->arena, out, int64_t, *id);
    if (asked.count)
        qsort(asked.items, asked.count, sizeof(int64_t), by_id);
    LIST_EACH(struct revoked_one, one, each)
    LIST_EACH(int64_t, twin, &one->twins)
    if (!asked.count || !bsearch(twin, asked.items, asked.count, sizeof(int64_t), by_id))
        list_add(s->arena, out, int64_t, *twin);
}

static enum err
answer_revoked(struct request *rq, const struct revoked *revoked)
{
    struct scope *s = rq->scope;
    struct revoke_reply out = { 0 };
    struct list *failed = arena_new_of(s->arena, struct list);

    LIST_EACH(struct revoked_one, one, &revoked->each)
    if (one->err != OK) {
        struct failed_operation *f = list_push(s->arena, failed, struct failed_operation);

        f->reason = one->why;
        list_add(s->arena, &f->ids, int64_t, one->id);
    }
    list_revoked(s, &revoked->each, &out.revoked_ids);
    if (!failed->count)
        return reply(rq, 200, &out);
    rq->failed_operations = failed;
    return fail_code(s, E_INVALID, CHY_WRONG_STATE, "Some certificates could not be revoked: %s",
                     list_at(failed, struct failed_operation, 0)->reason);
}

enum err
certificates_revoke(struct request *rq)
{
    const struct revoke_request *in = rq->body;
    const struct collection *within;
    struct revoked out;

    TRY(collection_wanted(rq, PERM_CERTIFICATES_REVOKE, in->collection_id, &within));
    TRY(flow_revoke(rq->scope, &rq->app->flow,
                    &(struct revoke){ .caller = rq->caller,
                                      .within = within,
                                      .ids = &in->ids,
                                      .authorities = true,
                                      .reason = in->reason,
                                      .comment = in->comment,
                                      .effective = in->effective },
                    &out));
    return answer_revoked(rq, &out);
}

enum err
certificates_delete_revoke(struct request *rq)
{
    static const struct revoke_one_request nothing = { .effective = { INT64_MIN } };
    const struct revoke_one_request *in = rq->body ? rq->body : &nothing;
    struct revoke_reply out = { 0 };
    struct revoked revoked;
    const struct collection *within;
    struct revoked_one *one;
    struct list ids = { 0 };
    int64_t id;

    TRY(collection_wanted(rq, PERM_CERTIFICATES_REVOKE, 0, &within));
    TRY(var_int(rq, "id", &id));
    list_add(rq->scope->arena, &ids, int64_t, id);
    TRY(flow_revoke(rq->scope, &rq->app->flow,
                    &(struct revoke){ .caller = rq->caller,
                                      .within = within,
                                      .ids = &ids,
                                      .authorities = true,
                                      .reason = in->reason,
                                      .comment = in->comment,
                                      .effective = in->effective,
                                      .reason_path = "RevocationReason" },
                    &revoked));
    one = list_at(&revoked.each, struct revoked_one, 0);
    if (one->err != OK)
        return fail_code(rq->scope, one->err, one->code, "%s", one->why);
    list_revoked(rq->scope, &revoked.each, &out.revoked_ids);
    return reply(rq, 200, &out);
}

/* Of a page, what the answer tells, in the memory of the request. */
static void
keep_revoked(struct scope *s, const struct revoked *page, struct revoked *all)
{
    LIST_EACH(struct revoked_one, one, &page->each)
    {
        struct revoked_one *kept = list_push(s->arena, &all->each, struct revoked_one);

        *kept = (struct revoked_one){ .id = one->id, .err = one->err, .code = one->code };
        kept->why = arena_text(s->arena, one->why);
        LIST_EACH(int64_t, twin, &one->twins)
        list_add(s->arena, &kept->twins, int64_t, *twin);
    }
}

/* Revoke the next page of what SEARCH finds. COUNT receives how many it found. */
static enum err
revoke_page(struct request *rq, struct cert_search *search, struct revoke *in, struct revoked *out,
            size_t *count)
{
    struct cert_found found;
    struct list ids = { 0 };

    TRY(catalog_search(rq->scope, rq->app->db, search, &found));
    LIST_EACH(struct cert_row, row, &found.rows)
    {
        if (row->state != CERT_CA)
            list_add(rq->scope->arena, &ids, int64_t, row->id);
        search->after = row->id;
    }
    *count = found.rows.count;
    in->ids = &ids;
    return flow_revoke(rq->scope, &rq->app->flow, in, out);
}

/* The same in memory of its own, since there may be a million of them; what is said of a failure
 * stays as long as the request. */
static enum err
revoke_page_apart(struct request *rq, struct cert_search *search, struct revoke *in,
                  struct revoked *all, size_t *count)
{
    struct scope *s = rq->scope;
    struct arena *whole = s->arena, *own = arena_new();
    struct revoked page = { 0 };
    enum err e;

    s->arena = own;
    e = revoke_page(rq, search, in, &page, count);
    s->arena = whole;
    if (e != OK) {
        (void)arena_own(whole, own, arena_free);
        return e;
    }
    keep_revoked(s, &page, all);
    scope_clear(s);
    arena_free(own);
    return OK;
}

enum err
certificates_revoke_all(struct request *rq)
{
    const struct revoke_all_request *in = rq->body;
    struct cert_search search = {
        .query = in->query,
        .include_revoked = in->include_revoked,
        .include_expired = in->include_expired,
        .page_size = RETURN_LIMIT_MAX,
        .me = rq->caller->name,
        .now = clock_now(),
    };
    int64_t collection = collection_named(rq, in->collection_id);
    struct revoke revoke = {
        .caller = rq->caller,
        .reason = in->reason,
        .comment = in->comment,
        .effective = in->effective,
    };
    struct revoked all = { 0 };
    size_t count = 0;

    TRY(may_within(rq, PERM_CERTIFICATES_READ, collection, &search.within));
    if (text_empty(in->query))
        return fail_code(rq->scope, E_INVALID, CHY_MISSING,
                         "Query: an empty query would revoke every certificate");
    revoke.within = collection ? search.within : NULL;
    do { /* by key, so that what was revoked meanwhile does not shift the pages */
        TRY(revoke_page_apart(rq, &search, &revoke, &all, &count));
    } while (count == RETURN_LIMIT_MAX);
    return answer_revoked(rq, &all);
}

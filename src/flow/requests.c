#include "flow/requests.h"

#include "codec/json.h"
#include "pki/device_name.h"

#define BATCH 200 /* rows read at once for who sees some of them only */

const char *
request_state_name(enum request_state state)
{
    static const char *const names[] = { "unknown", "pending", "approved",
                                         "issued",  "denied",  "failed" };

    return (size_t)state < COUNT(names) ? names[state] : names[REQUEST_UNKNOWN];
}

/* What a request asks for beyond its CSR. */

struct request_name {
    int64_t kind; /* enum gn_kind */
    const char *text;
};
struct details {
    struct list names; /* of struct request_name */
    struct when not_before, not_after;
    int64_t validity_ms, made_key;
    const char *claims;
    bool subject_of_names;
    bool by_claims; /* of requests from before claims were kept: there were some */
};

static const struct field request_name_fields[] = {
    FIELD(request_name, kind, "kind"),
    FIELD(request_name, text, "text"),
};
static const struct model request_name_model = MODEL(request_name, request_name_fields);
static const struct field details_fields[] = {
    FIELD(details, names, "names", .model = &request_name_model),
    FIELD(details, not_before, "not_before"),
    FIELD(details, not_after, "not_after"),
    FIELD(details, validity_ms, "validity_ms"),
    FIELD(details, made_key, "made_key"),
    FIELD(details, claims, "claims"),
    FIELD(details, subject_of_names, "subject_of_names", .flags = OMIT_EMPTY),
    FIELD(details, by_claims, "by_claims", .flags = OMIT_EMPTY),
};
static const struct model details_model = MODEL(details, details_fields);

const char *
request_details(struct scope *s, const struct cert_request *r)
{
    struct details d = { .not_before = r->not_before,
                         .not_after = r->not_after,
                         .validity_ms = r->validity_ms,
                         .made_key = r->made_key,
                         .claims = r->claims,
                         .subject_of_names = r->subject_of_names };
    struct buf b;

    LIST_EACH(struct general_name, n, &r->names)
    list_add(s->arena, &d.names, struct request_name, ((struct request_name){ n->kind, n->text }));
    buf_init_in(&b, s->arena, (size_t)1 << 20);
    json_encode(&b, &details_model, &d);
    return buf_str(&b);
}

static enum err
read_details(struct scope *s, const char *text, struct cert_request *out)
{
    struct details d = { .not_before = WHEN_NONE, .not_after = WHEN_NONE };

    if (text)
        TRY(note(s, json_decode(s, &details_model, JSON_STRICT, bytes_of_text(text), &d),
                 "what request %lld asks for", (long long)out->id));
    out->not_before = d.not_before;
    out->not_after = d.not_after;
    out->validity_ms = d.validity_ms;
    out->made_key = d.made_key;
    out->claims = d.claims;
    out->subject_of_names = d.subject_of_names;
    LIST_EACH(struct request_name, n, &d.names)
    {
        struct general_name *name = list_push(s->arena, &out->names, struct general_name);

        *name = (struct general_name){ .kind = (enum gn_kind)n->kind, .text = n->text };
        device_name_restore(s->arena, name);
    }
    return OK;
}

static enum err
read_metadata(struct scope *s, const char *text, struct pairs *out)
{
    const struct json *value;
    struct json *j;
    const char *name;
    size_t at = 0;

    if (!text)
        return OK;
    TRY(json_parse(s, bytes_of_text(text), &j));
    while (json_member(j, &at, &name, &value))
        list_add(s->arena, &out->of, struct pair, ((struct pair){ name, json_str(value) }));
    return OK;
}

/* Rows. */

#define COLUMNS                                                                                 \
    "r.id, r.version, r.disposition, r.pending_kind, r.public_id, r.endpoint, "                 \
    "r.requester_kind, r.requester_id, r.requester_name, COALESCE(r.authority, 0), "            \
    "COALESCE(r.template, 0), COALESCE(r.template_version, 0), COALESCE(r.enrollment_pattern, " \
    "0), a.name, a.host, t.name, "                                                              \
    "t.display_name, r.key_hash, r.subject, r.names, r.metadata, COALESCE(r.renews, 0), "       \
    "COALESCE(r.owner_role, 0), COALESCE(r.certificate, 0), r.message, r.created_at, "          \
    "r.decided_at, r.approved_at, r.collected_at, COALESCE(r.decider_kind, 0), "                \
    "COALESCE(r.decider_id, 0), r.decider_name, r.comment, COALESCE(r.approved_version, 0), "   \
    "COALESCE(r.approved_pattern, 0), r.approved_hash, r.approved_settings "
#define FROM_REQUEST                                              \
    "FROM request r LEFT JOIN authority a ON a.id = r.authority " \
    "LEFT JOIN template t ON t.id = r.template "
#define WHICH                                                                                   \
    "WHERE r.disposition IN ($1, $2) AND ($3 = 0 OR (r.requester_kind = $4 AND r.requester_id " \
    "= $5)) AND r.id > $6 AND r.id < $7 "

SQL(requests_list, "SELECT " COLUMNS FROM_REQUEST WHICH "ORDER BY r.id LIMIT $8");
SQL(requests_newest, "SELECT " COLUMNS FROM_REQUEST WHICH "ORDER BY r.id DESC LIMIT $8");
SQL(request_get, "SELECT " COLUMNS ", r.csr " FROM_REQUEST "WHERE r.id = $1");

static enum request_state
state_of(int64_t disposition, int64_t pending_kind)
{
    switch (disposition) {
    case DISPOSITION_ISSUED:
        return REQUEST_ISSUED;
    case DISPOSITION_PENDING:
        return pending_kind == PENDING_AUTHORITY ? REQUEST_APPROVED : REQUEST_WAITS;
    case DISPOSITION_DENIED:
        return REQUEST_DENIED;
    case DISPOSITION_FAILED:
        return REQUEST_FAILED;
    default:
        return REQUEST_UNKNOWN;
    }
}

static enum err
read_row(struct scope *s, struct row *row, struct cert_request *out)
{
    int64_t disposition;
    const char *details, *metadata;

    *out = (struct cert_request){ .id = row_int(row) };
    out->version = row_int(row);
    disposition = row_int(row);
    out->state = state_of(disposition, row_int(row));
    out->public_id = row_text(row);
    out->endpoint = row_text(row);
    out->requester_kind = (enum caller_kind)row_int(row);
    out->requester_id = row_int(row);
    out->requester = row_text(row);
    out->authority = row_int(row);
    out->template_id = row_int(row);
    out->template_version = row_int(row);
    out->pattern_id = row_int(row);
    out->authority_name = row_text(row);
    out->authority_host = row_text(row);
    out->template_name = row_text(row);
    out->template_display = row_text(row);
    out->key_hash = row_bytes(row);
    out->subject = row_text(row);
    details = row_text(row);
    metadata = row_text(row);
    out->renews = row_int(row);
    out->owner_role = row_int(row);
    out->certificate = row_int(row);
    out->message = row_text(row);
    out->created_at = row_when(row);
    out->decided_at = row_when(row);
    out->approved_at = row_when(row);
    out->collected_at = row_when(row);
    out->decider_kind = (enum caller_kind)row_int(row);
    out->decider_id = row_int(row);
    out->decider = row_text(row);
    out->comment = row_text(row);
    out->approved_version = row_int(row);
    out->approved_pattern = row_int(row);
    out->approved_hash = row_bytes(row);
    out->approved_settings = row_bytes(row);
    TRY(read_details(s, details, out));
    return read_metadata(s, metadata, &out->metadata);
}

bool
request_is_theirs(const struct cert_request *r, const struct caller *caller)
{
    static const enum permission any[] = { PERM_ENROLLMENT_CSR, PERM_ENROLLMENT_PFX,
                                           PERM_ENROLLMENT_PENDING };

    if (!request_is_own(r, caller))
        return false;
    for (size_t i = 0; i < COUNT(any); i++)
        if (access_may(caller, any[i], GRANT_TEMPLATE, r->template_id))
            return true;
    return false;
}

bool
request_is_own(const struct cert_request *r, const struct caller *caller)
{
    return (caller->kind == CALLER_USER || caller->kind == CALLER_CLIENT) &&
           caller->kind == r->requester_kind && caller->id == r->requester_id;
}

static bool
may_see(const struct cert_request *r, const struct caller *caller)
{
    return request_is_theirs(r, caller) ||
           access_may(caller, PERM_WORKFLOWS_READ, GRANT_TEMPLATE, r->template_id) ||
           access_may(caller, PERM_WORKFLOWS_PARTICIPATE, GRANT_TEMPLATE, r->template_id);
}

/** A list on its way. */
struct listing {
    const struct caller *caller;
    const struct request_query *query;
    int64_t at; /* the last one that was looked at */
    bool more;  /* there may be others */
    struct list *out;
};

/* The next batch, as far as the caller may see them. */
static enum err
read_batch(struct scope *s, struct flow *f, struct listing *l)
{
    const struct request_query *q = l->query;
    const struct caller *caller = l->caller;
    bool mine = q->mine || (!access_may_somewhere(caller, PERM_WORKFLOWS_READ) &&
                            !access_may_somewhere(caller, PERM_WORKFLOWS_PARTICIPATE));
    struct rows rows;

    TRY(db_all(s, f->db, q->newest ? &requests_newest : &requests_list,
               BIND(v_int(q->decided ? DISPOSITION_DENIED : DISPOSITION_PENDING),
                    v_int(q->decided ? DISPOSITION_FAILED : DISPOSITION_PENDING), v_bool(mine),
                    v_int((int64_t)caller->kind), v_int(caller->id), v_int(q->newest ? 0 : l->at),
                    v_int(q->newest && l->at ? l->at : INT64_MAX), v_int(BATCH)),
               &rows));
    for (size_t i = 0; i < rows.count && l->out->count < (size_t)q->limit; i++) {
        struct cert_request r;

        TRY(read_row(s, &rows.at[i], &r));
        l->at = r.id;
        if (may_see(&r, caller))
            list_add(s->arena, l->out, struct cert_request, r);
    }
    l->more = rows.count == BATCH;
    return OK;
}

enum err
flow_requests(struct scope *s, struct flow *f, const struct caller *caller,
              const struct request_query *q, struct list *out)
{
    struct listing l = { caller, q, q->after, true, out };

    *out = (struct list){ 0 };
    while (l.more && out->count < (size_t)q->limit)
        TRY(read_batch(s, f, &l));
    return OK;
}

enum err
request_not_found(struct scope *s, int64_t id)
{
    return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "request %lld not found", (long long)id);
}

enum err
request_read(struct scope *s, struct db *db, int64_t id, struct cert_request *out)
{
    struct row row;
    enum err e = db_one(s, db, &request_get, BIND(v_int(id)), &row);

    if (e == E_NOT_FOUND)
        return request_not_found(s, id);
    TRY(e);
    TRY(read_row(s, &row, out));
    out->csr = row_bytes(&row);
    return OK;
}

enum err
flow_request(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
             struct cert_request *out)
{
    TRY(request_read(s, f->db, id, out));
    return may_see(out, caller) ? OK : request_not_found(s, id);
}

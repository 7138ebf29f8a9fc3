#include "flow/csr_made.h"

#include "base/random.h"
#include "flow/keys.h"
#include "pki/csr.h"
#include "pki/dnsname.h"
#include "pki/key_pool.h"

#define LIST_MAX 10000
#define WAIT_MS (365 * DAY_MS) /* who has not got a certificate in a year will not get one */

SQL(add_pending, "INSERT INTO pending_csr (private_key, csr, subject, template, requester_kind, "
                 "requester_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id");
SQL(list_pending, "SELECT id, csr, subject, created_at FROM pending_csr WHERE $1 = 1 OR "
                  "(requester_kind = $2 AND requester_id = $3) ORDER BY id LIMIT $4");
SQL(get_pending, "SELECT id, csr, subject, created_at FROM pending_csr WHERE id = $4 AND ($1 = 1 "
                 "OR (requester_kind = $2 AND requester_id = $3))");
SQL(take_pending, "SELECT private_key, subject FROM pending_csr WHERE id = $4 AND ($1 = 1 OR "
                  "(requester_kind = $2 AND requester_id = $3))");

/* Names go into the request in their normal form; the template judges them when it comes to a
 * certificate. */
static void
check_names(struct scope *s, const struct csr_wish *in, struct list *out)
{
    size_t i = 0;

    if (in->sans.count > SAN_MAX_COUNT)
        problem(s, "SANs", CHY_TOO_MANY_NAMES, "a request may have %d names", SAN_MAX_COUNT);
    LIST_EACH(struct general_name, given, &in->sans)
    {
        struct general_name n = *given;
        const char *why = general_name_check(s->arena, &n,
                                             NAMES_WILDCARD | NAMES_INTERNAL | NAMES_UNDERSCORE |
                                                 NAMES_RESERVED_IP | NAMES_UNICODE);

        if (why)
            problem(s, in->san_paths.count > i ? *list_at(&in->san_paths, const char *, i) : "SANs",
                    CHY_BAD_NAME, "\"%.64s\": %s", given->text, why);
        i++;
        list_add(s->arena, out, struct general_name, n);
    }
}

struct making {
    const struct csr_wish *in;
    struct sealed_key key;
    int64_t template_id;
    bool exportable, guarded;
    struct csr_pending *out;
};

static enum err
make_in(struct scope *s, struct tx *tx, void *arg)
{
    struct making *m = arg;
    const struct caller *c = m->in->caller;
    struct key_term term = { .keep = true,
                             .exportable = m->exportable,
                             .guarded = m->guarded,
                             .delete_at = when_add_ms(m->out->created_at, WAIT_MS) };
    struct row row;

    TRY(key_insert(s, tx, &m->key, &term));
    TRY(tx_one(s, tx, &add_pending,
               BIND(v_int(m->key.id), v_bytes(m->out->csr), v_text(m->out->subject),
                    v_id(m->template_id), v_int((int64_t)c->kind), v_int(c->id),
                    v_when(m->out->created_at)),
               &row));
    m->out->id = row_int(&row);
    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = AUDIT_REQUEST_CSR_MAKE,
                         .actor = &c->actor,
                         .target = { "csr", arena_printf(s->arena, "%lld", (long long)m->out->id),
                                     m->out->subject },
                     });
}

static enum err
choose_key(struct scope *s, struct flow *f, const struct csr_wish *in, struct making *m,
           struct key_spec *spec)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(f->shelf);
    const struct template *t = NULL;

    if (!text_empty(in->template_name)) {
        t = template_find(all, in->template_name);
        if (!t || !t->enabled) {
            problem(s, "Template", CHY_NO_TEMPLATE, "there is no template \"%s\"",
                    in->template_name);
            return problems_check(s);
        }
        TRY(access_require(s, in->caller, PERM_ENROLLMENT_CSR_MAKE, GRANT_TEMPLATE, t->id));
        m->template_id = t->id;
        m->exportable = t->body->key_exportable;
        m->guarded = t->body->recovery_approval;
    } else {
        TRY(access_require(s, in->caller, PERM_ENROLLMENT_CSR_MAKE, GRANT_GLOBAL, 0));
    }
    return key_choose(s, t, &in->key, spec);
}

enum err
flow_csr_make(struct scope *s, struct flow *f, const struct csr_wish *in, struct csr_pending *out)
{
    struct csr_pending result = { .created_at = clock_now() };
    struct making m = { .in = in, .exportable = true, .out = &result };
    struct csr_plan plan = { 0 };
    struct key_spec spec = { 0 };
    struct name subject;
    EVP_PKEY *key;

    TRY(choose_key(s, f, in, &m, &spec));
    check_names(s, in, &plan.sans);
    if (name_from_text(s, in->subject ? in->subject : "", &plan.subject) != OK &&
        !s->problems.count)
        problem(s, "Subject", CHY_BAD_NAME, "%s", s->error.text);
    TRY(problems_check(s));
    TRY(name_read(s, plan.subject, &subject));
    if (name_empty(&subject) && !plan.sans.count)
        return fail_code(s, E_INVALID, CHY_MISSING, "Subject: a request needs a subject or a name");
    result.subject = subject.text;
    TRY(key_pool_take(s, f->key_pool, spec, &key));
    TRY(csr_build(s, &plan, key, SIG_NONE, &result.csr));
    TRY(key_seal(s, f->seal, key, &m.key));
    TRY(db_write(s, f->db, make_in, &m));
    *out = result;
    return OK;
}

/* Who sees which. */
#define OWN(caller)                                                    \
    v_bool(access_may((caller), PERM_SYSTEM_MODIFY, GRANT_GLOBAL, 0)), \
        v_int((int64_t)(caller)->kind), v_int((caller)->id)

static void
read_row(struct row *row, struct csr_pending *out)
{
    out->id = row_int(row);
    out->csr = row_bytes(row);
    out->subject = row_text(row);
    out->created_at = row_when(row);
}

enum err
flow_csr_list(struct scope *s, struct flow *f, const struct caller *caller, struct list *out)
{
    struct rows rows;

    *out = (struct list){ 0 };
    TRY(db_all(s, f->db, &list_pending, BIND(OWN(caller), v_int(LIST_MAX)), &rows));
    for (size_t i = 0; i < rows.count; i++)
        read_row(&rows.at[i], list_push(s->arena, out, struct csr_pending));
    return OK;
}

static enum err
not_there(struct scope *s, int64_t id)
{
    return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "pending request %lld not found",
                     (long long)id);
}

enum err
flow_csr_get(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
             struct csr_pending *out)
{
    struct row row;
    enum err e = db_one(s, f->db, &get_pending, BIND(OWN(caller), v_int(id)), &row);

    if (e == E_NOT_FOUND)
        return not_there(s, id);
    TRY(e);
    read_row(&row, out);
    return OK;
}

struct dropping {
    const struct caller *caller;
    const struct list *ids;
};

static enum err
drop_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct dropping *d = arg;

    LIST_EACH(int64_t, id, d->ids)
    {
        const char *subject;
        struct row row;
        int64_t key;
        enum err e = tx_one(s, tx, &take_pending, BIND(OWN(d->caller), v_int(*id)), &row);

        if (e == E_NOT_FOUND)
            return not_there(s, *id);
        TRY(e);
        key = row_int(&row);
        subject = row_text(&row);
        TRY(key_erase(s, tx, key));
        TRY(audit_add(
            s, tx,
            &(struct audit_event){
                .action = AUDIT_REQUEST_CSR_DELETE,
                .actor = &d->caller->actor,
                .target = { "csr", arena_printf(s->arena, "%lld", (long long)*id), subject },
            }));
    }
    return OK;
}

enum err
flow_csr_drop(struct scope *s, struct flow *f, const struct caller *caller, const struct list *ids)
{
    return db_write(s, f->db, drop_in, &(struct dropping){ caller, ids });
}

#include "flow/recovery.h"

#include "access/principals.h"
#include "base/log.h"
#include "base/metric.h"
#include <string.h>

COUNTER(recoveries_total, "chancery_key_recoveries_total",
        "Recoveries of private keys that take two people: what was asked for and decided.",
        "result");

#define BATCH 100
#define LOOK_MOST 1000 /* for one page of a list: who may see few of them goes on by its cursor */
#define OPEN_MOST 100  /* that one person has open at once */
#define REASON_MAX 1000

const char *
recovery_state_name(enum recovery_state state)
{
    static const char *const names[] = { "unknown",   "pending", "approved", "denied",
                                         "withdrawn", "lapsed",  "given" };

    return (size_t)state < COUNT(names) ? names[state] : names[0];
}

/* Rows. */

#define COLUMNS                                                                                  \
    "id, version, state, certificate, private_key, COALESCE(template, 0), COALESCE(collection, " \
    "0), subject, form, chain, root_first, reason, asker, asker_name, COALESCE(decider, 0), "    \
    "decider_name, decider_claims, comment, created_at, ends_at, decided_at, given_at"

SQL(recovery_row, "SELECT " COLUMNS " FROM recovery WHERE id = $1");
SQL(recovery_newest,
    "SELECT " COLUMNS " FROM recovery WHERE asker = $1 AND private_key = $2 AND certificate = $3 "
    "AND form = $4 AND chain = $5 AND root_first = $6 ORDER BY id DESC LIMIT 1");
/* Their own, and unless those alone are asked for, what they may recover: all, or what is of these
 * templates or was looked for in these collections. */
#define THEIRS                                                                            \
    "id > $1 AND (asker = $3 OR ($2 = 0 AND ($5 = 1 OR template @among $6 @among_end OR " \
    "collection @among $7 @among_end))) ORDER BY id LIMIT $4"
SQL(recovery_page, "SELECT " COLUMNS " FROM recovery WHERE " THEIRS);
SQL(recovery_page_open,
    "SELECT " COLUMNS " FROM recovery WHERE state IN (1, 2) AND ends_at > $8 AND " THEIRS);
SQL(recovery_open_count, "SELECT COUNT(*) FROM recovery WHERE asker = $1 AND state IN (1, 2) AND "
                         "ends_at > $2");
SQL(recovery_insert,
    "INSERT INTO recovery (certificate, private_key, template, collection, subject, form, chain, "
    "root_first, reason, state, asker, asker_name, created_at, ends_at) VALUES ($1, $2, $3, $4, "
    "$5, $6, $7, $8, $9, 1, $10, $11, $12, $13) RETURNING id");
SQL(recovery_agree,
    "UPDATE recovery SET state = 2, decider = $2, decider_name = $3, decider_claims = $4, comment "
    "= $5, decided_at = $6, ends_at = $7, version = version + 1 WHERE id = $1 AND state = 1 AND "
    "ends_at > $6 AND asker <> $2 RETURNING id");
SQL(recovery_close,
    "UPDATE recovery SET state = $2, decider = COALESCE($3, decider), decider_name = COALESCE($4, "
    "decider_name), comment = COALESCE($5, comment), decided_at = COALESCE($6, decided_at), "
    "version = version + 1 WHERE id = $1 AND state IN (1, 2) RETURNING id");
SQL(recovery_give, "UPDATE recovery SET state = 6, given_at = $2, version = version + 1 WHERE id = "
                   "$1 AND version = $3 AND state = 2 AND ends_at > $2 RETURNING id");
SQL(recovery_over, "SELECT " COLUMNS " FROM recovery WHERE state IN (1, 2) AND ends_at <= $1 ORDER "
                   "BY ends_at, id LIMIT $2");
SQL(key_is_there, "SELECT COUNT(*) FROM private_key WHERE id = $1");

static void
read_row(struct row *row, struct recovery *out)
{
    *out = (struct recovery){ .id = row_int(row) };
    out->version = row_int(row);
    out->state = (enum recovery_state)row_int(row);
    out->certificate = row_int(row);
    out->private_key = row_int(row);
    out->template_id = row_int(row);
    out->collection = row_int(row);
    out->subject = row_text(row);
    (void)bundle_form_parse(row_text(row), &out->form);
    out->include_chain = row_bool(row);
    out->root_first = row_bool(row);
    out->reason = row_text(row);
    out->asker = row_int(row);
    out->asker_name = row_text(row);
    out->decider = row_int(row);
    out->decider_name = row_text(row);
    out->decider_claims = row_text(row);
    out->comment = row_text(row);
    out->created_at = row_when(row);
    out->ends_at = row_when(row);
    out->decided_at = row_when(row);
    out->given_at = row_when(row);
    if ((out->state == RECOVERY_WAITS || out->state == RECOVERY_APPROVED) &&
        when_cmp(out->ends_at, clock_now()) <= 0)
        out->state = RECOVERY_LAPSED;
}

static enum err
not_found(struct scope *s, int64_t id)
{
    return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "recovery %lld not found", (long long)id);
}

static enum err
read_one(struct scope *s, struct flow *f, int64_t id, struct recovery *out)
{
    struct row row;
    enum err e = db_one(s, f->db, &recovery_row, BIND(v_int(id)), &row);

    if (e == E_NOT_FOUND)
        return not_found(s, id);
    TRY(e);
    read_row(&row, out);
    return OK;
}

static enum err
over_already(struct scope *s, int64_t id)
{
    return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "recovery %lld does not wait any longer",
                     (long long)id);
}

static const char *
number_text(struct scope *s, int64_t n)
{
    return arena_printf(s->arena, "%lld", (long long)n);
}

/** Write down what became of R: the rest of the event is told here. */
static enum err
tell(struct scope *s, struct tx *tx, const struct recovery *r, struct audit_event event)
{
    struct audit_change facts[] = {
        { "recovery", NULL, number_text(s, r->id), AUDIT_IS_TEXT },
        { "form", NULL, bundle_form_name(r->form), AUDIT_IS_TEXT },
        { "asker", NULL, r->asker_name, AUDIT_IS_TEXT },
        { "until", NULL, when_rfc3339(s->arena, r->ends_at), AUDIT_IS_TEXT },
    };

    event.target =
        (struct audit_object){ "certificate", number_text(s, r->certificate), r->subject };
    event.changes = facts;
    event.change_count = COUNT(facts);
    return audit_add(s, tx, &event);
}

/* Who may see it, and decide. */

static bool
is_own(const struct recovery *r, const struct caller *caller)
{
    return caller->kind == CALLER_USER && caller->id == r->asker;
}

/** May CALLER recover this certificate? */
static enum err
may_recover(struct scope *s, struct flow *f, const struct caller *caller, const struct recovery *r,
            bool *may)
{
    struct collection within;
    enum err e;

    *may = access_may(caller, PERM_CERTIFICATES_RECOVER,
                      r->template_id ? GRANT_TEMPLATE : GRANT_GLOBAL, r->template_id);
    if (*may || !r->collection ||
        !access_may(caller, PERM_CERTIFICATES_RECOVER, GRANT_COLLECTION, r->collection))
        return OK;
    e = collection_get(s, f->db, r->collection, &within);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    return collection_holds(s, f->db, &within, caller->name, r->certificate, may);
}

/** Who somebody is beside the domain, and what tells accounts of one name apart: "ana" of
 * `CONTOSO\ana`, "ana@contoso.com" and "ana (keycloak)". */
static const char *
person_of(struct scope *s, const char *account)
{
    const char *domain, *name, *mark = strstr(account, " (");

    if (mark && account[strlen(account) - 1] == ')')
        account = arena_text_n(s->arena, account, (size_t)(mark - account));
    return access_name_split(s->arena, account, &domain, &name) ? name
                                                                : text_fold(s->arena, account);
}

static enum err
same_person(struct scope *s, const struct recovery *r, const struct caller *by, const char *why)
{
    return fail_code(s, E_FORBIDDEN, CHY_OWN_REQUEST,
                     "recovery %lld was asked for by %s, and %s %s: somebody else has to decide "
                     "about it",
                     (long long)r->id, r->asker_name, by->name, why);
}

/** Two logins of one person are one person, as far as can be told. */
static enum err
check_other(struct scope *s, struct flow *f, const struct caller *by, const struct recovery *r)
{
    struct user asker, decider;
    enum err e;

    if (by->kind != CALLER_USER)
        return same_person(s, r, by, "is the account of a program");
    if (by->id == r->asker)
        return same_person(s, r, by, "is the same");
    e = user_get(s, f->access, r->asker, &asker);
    if (e == E_NOT_FOUND)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "%s, who asked for it, is gone",
                         r->asker_name);
    TRY(e);
    TRY(user_get(s, f->access, by->id, &decider));
    if (text_eq(person_of(s, asker.account), person_of(s, decider.account)))
        return same_person(s, r, by, "has the same name");
    if (!text_empty(asker.email) && !text_empty(decider.email) &&
        text_eq_fold(asker.email, decider.email))
        return same_person(s, r, by, "has the same e-mail address");
    if (when_cmp(decider.created, r->created_at) >= 0)
        return same_person(s, r, by, "has an account that was made since");
    return OK;
}

bool
recovery_may_approve(struct scope *s, struct flow *f, const struct caller *caller,
                     const struct recovery *r)
{
    bool may = false;

    if (r->state != RECOVERY_WAITS)
        return false;
    if (may_recover(s, f, caller, r, &may) != OK || (may && check_other(s, f, caller, r) != OK)) {
        scope_clear(s);
        return false;
    }
    return may;
}

/** The recovery, when CALLER may see it. */
static enum err
find(struct scope *s, struct flow *f, const struct caller *caller, int64_t id, struct recovery *out)
{
    bool may;

    TRY(read_one(s, f, id, out));
    TRY(may_recover(s, f, caller, out, &may));
    return may || is_own(out, caller) ? OK : not_found(s, id);
}

enum err
recovery_get(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
             struct recovery *out)
{
    return find(s, f, caller, id, out);
}

/** The next rows behind AT that CALLER may see as far as the database can tell. */
static enum err
next_batch(struct scope *s, struct flow *f, const struct caller *caller,
           const struct recovery_query *q, int64_t at, struct rows *rows)
{
    int64_t me = caller->kind == CALLER_USER ? caller->id : 0;
    struct list templates, collections;
    struct value of_templates, of_collections;
    bool everywhere;

    access_objects(s, caller, PERM_CERTIFICATES_RECOVER, GRANT_TEMPLATE, &everywhere, &templates);
    access_objects(s, caller, PERM_CERTIFICATES_RECOVER, GRANT_COLLECTION, &everywhere,
                   &collections);
    of_templates = v_among(s->arena, db_kind(f->db), &templates);
    of_collections = v_among(s->arena, db_kind(f->db), &collections);
    if (q->all)
        return db_all(s, f->db, &recovery_page,
                      BIND(v_int(at), v_bool(q->mine), v_int(me), v_int(BATCH), v_bool(everywhere),
                           of_templates, of_collections),
                      rows);
    return db_all(s, f->db, &recovery_page_open,
                  BIND(v_int(at), v_bool(q->mine), v_int(me), v_int(BATCH), v_bool(everywhere),
                       of_templates, of_collections, v_when(clock_now())),
                  rows);
}

enum err
recovery_list(struct scope *s, struct flow *f, const struct caller *caller,
              const struct recovery_query *q, struct list *out, int64_t *next)
{
    int64_t at = q->after;
    size_t looked = 0;
    struct rows rows;

    *out = (struct list){ 0 };
    do {
        TRY(next_batch(s, f, caller, q, at, &rows));
        for (size_t i = 0; i < rows.count && out->count < (size_t)q->limit; i++) {
            struct recovery r;
            bool may;

            read_row(&rows.at[i], &r);
            at = r.id;
            TRY(may_recover(s, f, caller, &r, &may));
            if (may || is_own(&r, caller))
                list_add(s->arena, out, struct recovery, r);
        }
        looked += rows.count;
    } while (rows.count == BATCH && out->count < (size_t)q->limit && looked < LOOK_MOST);
    *next = rows.count == BATCH || (out->count && out->count == (size_t)q->limit) ? at : 0;
    return OK;
}

/* Asking. */

/** A recovery on its way. */
struct asking {
    const struct recover *in;
    const struct cert_row *row;
    struct recovery r; /* as it shall be; then as it is */
    bool was_there;
};

static enum err
newest(struct scope *s, struct tx *tx, struct db *db, const struct recovery *like,
       struct recovery *out)
{
    struct values v = BIND(v_int(like->asker), v_int(like->private_key), v_int(like->certificate),
                           v_text(bundle_form_name(like->form)), v_bool(like->include_chain),
                           v_bool(like->root_first));
    struct row row;

    TRY(tx ? tx_one(s, tx, &recovery_newest, v, &row) : db_one(s, db, &recovery_newest, v, &row));
    read_row(&row, out);
    return OK;
}

static enum err
ask_in(struct scope *s, struct tx *tx, void *arg)
{
    struct asking *a = arg;
    struct recovery *r = &a->r, before;
    struct row row;
    enum err e;

    TRY(tx_anchor(s, tx, a->row->key_hash)); /* of several calls at once one asks */
    e = newest(s, tx, NULL, r, &before);
    if (e == OK && (before.state == RECOVERY_WAITS || before.state == RECOVERY_APPROVED)) {
        a->r = before;
        a->was_there = true;
        return OK;
    }
    if (e == E_NOT_FOUND)
        scope_clear(s);
    else
        TRY(e);
    TRY(tx_one(s, tx, &recovery_open_count, BIND(v_int(r->asker), v_when(r->created_at)), &row));
    if (row_int(&row) >= OPEN_MOST)
        return fail_code(s, E_LIMIT, CHY_RATE_LIMITED,
                         "%d recoveries that %s asked for are open: that is the most", OPEN_MOST,
                         r->asker_name);
    TRY(tx_one(s, tx, &recovery_insert,
               BIND(v_int(r->certificate), v_int(r->private_key), v_id(r->template_id),
                    v_id(r->collection), v_text(r->subject), v_text(bundle_form_name(r->form)),
                    v_bool(r->include_chain), v_bool(r->root_first), v_text(r->reason),
                    v_int(r->asker), v_text(r->asker_name), v_when(r->created_at),
                    v_when(r->ends_at)),
               &row));
    r->id = row_int(&row);
    a->was_there = false;
    return tell(s, tx, r,
                (struct audit_event){ .action = AUDIT_CERTIFICATE_KEY_ASK,
                                      .actor = &a->in->caller->actor,
                                      .reason = r->reason,
                                      .message = "A second person has to agree." });
}

/** What would be asked for. */
static enum err
plan(struct scope *s, struct flow *f, const struct recover *in, const struct cert_row *row,
     const struct kept_key *key, struct recovery *out)
{
    struct when now = clock_now();

    if (in->caller->kind != CALLER_USER)
        return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                         "it takes two people to recover the private key of certificate %lld, and "
                         "%s is the account of a program: somebody has to ask for it themselves",
                         (long long)row->id, in->caller->name);
    *out = (struct recovery){
        .version = 1,
        .state = RECOVERY_WAITS,
        .certificate = row->id,
        .private_key = key->id,
        .template_id = row->template_id,
        .collection = in->within ? in->within->id : 0,
        .subject = row->dn,
        .form = in->form,
        .include_chain = in->include_chain,
        .root_first = in->root_first,
        .asker = in->caller->id,
        .asker_name = in->caller->name,
        .created_at = now,
        .ends_at = when_add_ms(now, f->recovery.wait_ms),
        .decided_at = WHEN_NONE,
        .given_at = WHEN_NONE,
    };
    return OK;
}

static enum err
ask(struct scope *s, struct flow *f, struct asking *a)
{
    TRY(note(s, db_write(s, f->db, ask_in, a), "asking for the recovery of a private key"));
    if (a->was_there)
        return OK;
    metric_add(&recoveries_total, 1, "asked");
    log_info(s, "recovery %lld, of the private key of certificate %lld, waits for a second person",
             (long long)a->r.id, (long long)a->r.certificate);
    return OK;
}

enum err
recovery_ask(struct scope *s, struct flow *f, const struct recover *in, const char *reason,
             struct recovery *out)
{
    struct cert_row row;
    struct kept_key key;
    struct asking a = { .in = in, .row = &row };

    if (reason && (text_code_points(reason) > REASON_MAX || text_has_control(reason)))
        problem(s, "reason", CHY_BAD_VALUE, "is one line of at most %d characters", REASON_MAX);
    TRY(problems_check(s));
    TRY(recover_find(s, f, in, &row, &key));
    if (!key.guarded)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         "the private key of certificate %lld is recovered without a second "
                         "person: there is nothing to ask for",
                         (long long)row.id);
    TRY(plan(s, f, in, &row, &key, &a.r));
    a.r.reason = text_empty(reason) ? NULL : reason;
    TRY(ask(s, f, &a));
    *out = a.r;
    return OK;
}

/* Deciding. */

/** A decision on its way. */
struct deciding {
    const struct decision *d;
    const struct recovery *r;
    enum recovery_state state;
    enum audit_action action;
    struct when now, ends;
    const char *message;
};

static const char *
comment_of(const struct deciding *g)
{
    return g->d && !text_empty(g->d->comment) ? g->d->comment : NULL;
}

static enum err
agree_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct deciding *g = arg;
    const struct caller *by = g->d->caller;
    struct recovery r = *g->r;
    struct row row;
    enum err e;

    TRY(tx_one(s, tx, &key_is_there, BIND(v_int(r.private_key)), &row));
    if (row_int(&row) == 0)
        return fail_code(s, E_INVALID, CHY_NO_KEY,
                         "the private key of certificate %lld is gone: there is nothing to recover",
                         (long long)r.certificate);
    e = tx_one(s, tx, &recovery_agree,
               BIND(v_int(r.id), v_int(by->id), v_text(by->name), v_text(by->claims),
                    v_text(comment_of(g)), v_when(g->now), v_when(g->ends)),
               &row);
    if (e == E_NOT_FOUND)
        return over_already(s, r.id);
    TRY(e);
    r.ends_at = g->ends;
    return tell(
        s, tx, &r,
        (struct audit_event){ .action = g->action, .actor = &by->actor, .reason = comment_of(g) });
}

static enum err
close_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct deciding *g = arg;
    const struct caller *by = g->d ? g->d->caller : NULL;
    bool decides = by && g->state == RECOVERY_DENIED;
    struct row row;
    enum err e =
        tx_one(s, tx, &recovery_close,
               BIND(v_int(g->r->id), v_int((int64_t)g->state), decides ? v_int(by->id) : v_null(),
                    v_text(decides ? by->name : NULL), v_text(decides ? comment_of(g) : NULL),
                    decides ? v_when(g->now) : v_null()),
               &row);

    if (e == E_NOT_FOUND)
        return over_already(s, g->r->id);
    TRY(e);
    return tell(s, tx, g->r,
                (struct audit_event){ .action = g->action,
                                      .actor = by ? &by->actor : NULL,
                                      .reason = comment_of(g),
                                      .message = g->message });
}

static enum err
check_open(struct scope *s, const struct recovery *r, bool approved_too)
{
    if (r->state == RECOVERY_WAITS || (approved_too && r->state == RECOVERY_APPROVED))
        return OK;
    return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "recovery %lld is %s already%s%s",
                     (long long)r->id, recovery_state_name(r->state),
                     r->decider_name ? ", by " : "", r->decider_name ? r->decider_name : "");
}

/** What somebody else than who asked decides. */
static enum err
find_theirs(struct scope *s, struct flow *f, const struct decision *in, bool approved_too,
            struct recovery *out)
{
    bool may;

    TRY(find(s, f, in->caller, in->id, out));
    TRY(may_recover(s, f, in->caller, out, &may));
    if (!may) /* their own, of what they may not do any more */
        return access_require(s, in->caller, PERM_CERTIFICATES_RECOVER, GRANT_GLOBAL, 0);
    TRY(check_open(s, out, approved_too));
    return check_other(s, f, in->caller, out);
}

enum err
recovery_approve(struct scope *s, struct flow *f, const struct decision *in, struct recovery *out)
{
    struct recovery r;
    struct deciding g = { .d = in, .r = &r, .action = AUDIT_CERTIFICATE_KEY_APPROVE };

    TRY(find_theirs(s, f, in, false, &r));
    g.now = clock_now();
    g.ends = when_add_ms(g.now, f->recovery.take_ms);
    TRY(db_write(s, f->db, agree_in, &g));
    metric_add(&recoveries_total, 1, "approved");
    return read_one(s, f, in->id, out);
}

enum err
recovery_deny(struct scope *s, struct flow *f, const struct decision *in, struct recovery *out)
{
    struct recovery r;
    struct deciding g = { .d = in,
                          .r = &r,
                          .state = RECOVERY_DENIED,
                          .action = AUDIT_CERTIFICATE_KEY_DENY,
                          .now = clock_now() };

    TRY(find_theirs(s, f, in, true, &r));
    TRY(db_write(s, f->db, close_in, &g));
    metric_add(&recoveries_total, 1, "denied");
    return read_one(s, f, in->id, out);
}

enum err
recovery_withdraw(struct scope *s, struct flow *f, const struct decision *in, struct recovery *out)
{
    struct recovery r;
    struct deciding g = { .d = in,
                          .r = &r,
                          .state = RECOVERY_WITHDRAWN,
                          .action = AUDIT_CERTIFICATE_KEY_WITHDRAW,
                          .now = clock_now() };

    TRY(find(s, f, in->caller, in->id, &r));
    if (!is_own(&r, in->caller))
        return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                         "recovery %lld is not %s's own: deny it", (long long)r.id,
                         in->caller->name);
    TRY(check_open(s, &r, true));
    TRY(db_write(s, f->db, close_in, &g));
    metric_add(&recoveries_total, 1, "withdrawn");
    return read_one(s, f, in->id, out);
}

/** It counts no more; somebody may have been faster. */
static enum err
lapse(struct scope *s, struct flow *f, const struct recovery *r, const char *message)
{
    struct deciding g = { .r = r,
                          .state = RECOVERY_LAPSED,
                          .action = AUDIT_CERTIFICATE_KEY_LAPSE,
                          .now = clock_now(),
                          .message = message };
    enum err e = db_write(s, f->db, close_in, &g);

    if (e == E_CONFLICT) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    metric_add(&recoveries_total, 1, "lapsed");
    return OK;
}

enum err
recoveries_expire(struct scope *s, struct flow *f, int64_t *count)
{
    struct rows rows;

    TRY(db_all(s, f->db, &recovery_over, BIND(v_when(clock_now()), v_int(BATCH)), &rows));
    *count = (int64_t)rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        struct recovery r;

        read_row(&rows.at[i], &r);
        TRY(lapse(s, f, &r,
                  r.decider ? "It was approved, and not taken in time."
                            : "Nobody decided about it in time."));
    }
    return OK;
}

/* Taking. */

static enum err
waits(struct scope *s, const struct recovery *r)
{
    return fail_code(s, E_CONFLICT, CHY_RECOVERY_WAITS,
                     "it takes two people to recover the private key of certificate %lld: recovery "
                     "%lld waits until %s for the approval of somebody else than %s who has "
                     "Certificates:Recover",
                     (long long)r->certificate, (long long)r->id,
                     when_rfc3339(s->arena, r->ends_at), r->asker_name);
}

static enum err
denied(struct scope *s, const struct recovery *r)
{
    return fail_code(s, E_FORBIDDEN, CHY_REQUEST_DENIED, "recovery %lld was denied by %s%s%s",
                     (long long)r->id, r->decider_name ? r->decider_name : "somebody",
                     r->comment ? ": " : "", r->comment ? r->comment : "");
}

/** Whether who approved R may do so still: who left takes the approval along. */
static enum err
still_counts(struct scope *s, struct flow *f, const struct recovery *r, bool *counts)
{
    struct claimant who = { CALLER_USER, r->decider, r->decider_claims };
    const struct caller *decider;
    enum err e = access_account(s, f->access, &who, &decider);

    *counts = false;
    if (e == OK)
        e = may_recover(s, f, decider, r, counts);
    if (e == OK && *counts)
        e = check_other(s, f, decider, r);
    if (e == E_NOT_FOUND || e == E_FORBIDDEN || e == E_CONFLICT) {
        scope_clear(s);
        *counts = false;
        e = OK;
    }
    TRY(e);
    return *counts ? OK : lapse(s, f, r, "Who approved it may not recover the key any more.");
}

enum err
recovery_approved(struct scope *s, struct flow *f, const struct caller *caller, int64_t id,
                  struct recovery *out)
{
    bool counts;

    TRY(read_one(s, f, id, out));
    if (!is_own(out, caller))
        return not_found(s, id);
    if (out->state == RECOVERY_WAITS)
        return waits(s, out);
    if (out->state == RECOVERY_DENIED)
        return denied(s, out);
    if (out->state == RECOVERY_APPROVED) {
        TRY(still_counts(s, f, out, &counts));
        if (counts)
            return OK;
        out->state = RECOVERY_LAPSED;
    }
    return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "recovery %lld is %s: ask anew", (long long)id,
                     recovery_state_name(out->state));
}

enum err
recovery_gate(struct scope *s, struct flow *f, const struct recover *in, const struct cert_row *row,
              const struct kept_key *key, struct recovery *out)
{
    struct asking a = { .in = in, .row = row };
    bool counts;
    enum err e;

    TRY(plan(s, f, in, row, key, &a.r));
    e = newest(s, NULL, f->db, &a.r, out);
    if (e == OK && out->state == RECOVERY_WAITS)
        return waits(s, out);
    if (e == OK && out->state == RECOVERY_DENIED && when_cmp(clock_now(), out->ends_at) < 0)
        return denied(s, out); /* who did not hear it, would ask again and again */
    if (e == OK && out->state == RECOVERY_APPROVED) {
        TRY(still_counts(s, f, out, &counts));
        if (counts)
            return OK;
    }
    if (e == E_NOT_FOUND)
        scope_clear(s);
    else
        TRY(e);
    TRY(ask(s, f, &a));
    return waits(s, &a.r);
}

enum err
recovery_spend(struct scope *s, struct tx *tx, const struct recovery *r)
{
    struct row row;
    enum err e = tx_one(s, tx, &recovery_give,
                        BIND(v_int(r->id), v_when(clock_now()), v_int(r->version)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         "recovery %lld was taken already, or is over: ask anew", (long long)r->id);
    return e;
}

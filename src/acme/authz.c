#include "acme/authz_in.h"

#include "acme/eab.h"
#include "acme/order.h"
#include "acme/profile.h"
#include "base/random.h"
#include "flow/approve.h"
#include "pki/device_name.h"
#include "proof/attest.h"
#include "proof/proof.h"

#define TOKEN_LEN 32
#define SKEW_MS MINUTE_MS /* how far apart the clocks of two servers may be */

static const char *const status_names[] = { "",        "pending", "valid", "invalid", "deactivated",
                                            "expired", "revoked" };
static const char *const challenge_names[] = { "", "pending", "processing", "valid", "invalid" };

const char *
acme_authz_status_name(enum acme_authz_status status)
{
    return (size_t)status < COUNT(status_names) ? status_names[status] : "";
}

const char *
acme_challenge_status_name(enum acme_challenge_status status)
{
    return (size_t)status < COUNT(challenge_names) ? challenge_names[status] : "";
}

/* Reading. */

void
acme_authz_read(struct row *row, struct acme_authz *out)
{
    out->id = row_int(row);
    out->account = row_int(row);
    out->public_id = row_text(row);
    out->type = row_text(row);
    out->value = row_text(row);
    out->wildcard = row_bool(row);
    out->status = (enum acme_authz_status)row_int(row);
    out->expires_at = row_when(row);
    out->validated_at = row_when(row);
    out->created_at = row_when(row);
    out->method = row_text(row);
    if (out->status <= ACME_AUTHZ_VALID && when_cmp(out->expires_at, clock_now()) <= 0)
        out->status = ACME_AUTHZ_EXPIRED;
}

SQL(challenges_of, "SELECT id, public_id, type, token, status, key_auth, answered_at, "
                   "validated_at, next_attempt, attempts, error, report FROM acme_challenge WHERE "
                   "authz = $1 ORDER BY id");

static enum err
read_challenges(struct scope *s, const struct acme *acme, struct acme_authz *z)
{
    struct rows rows;

    TRY(db_all(s, acme->o.db, &challenges_of, BIND(v_int(z->id)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct row *row = &rows.at[i];
        struct acme_challenge *c = list_push(s->arena, &z->challenges, struct acme_challenge);

        c->id = row_int(row);
        c->public_id = row_text(row);
        c->type = row_text(row);
        c->token = row_text(row);
        c->status = (enum acme_challenge_status)row_int(row);
        c->key_auth = row_text(row);
        c->answered_at = row_when(row);
        c->validated_at = row_when(row);
        c->next_attempt = row_when(row);
        c->attempts = row_int(row);
        c->error = row_text(row);
        c->report = row_text(row);
    }
    return OK;
}

static enum err
take(struct scope *s, const struct acme *acme, const struct acme_account *a, struct row *row,
     struct acme_authz *out)
{
    *out = (struct acme_authz){ 0 };
    acme_authz_read(row, out);
    if (out->account != a->id)
        return acme_fail(s, E_FORBIDDEN, "unauthorized", "this is another account's");
    return read_challenges(s, acme, out);
}

SQL(authz_by_public, "SELECT " ACME_AUTHZ_COLUMNS " FROM acme_authz z WHERE z.public_id = $1");

/* An authorization that is sought by its address, or by that of a challenge. */
struct seeking {
    const struct acme *acme;
    const struct acme_account *account;
    struct sql *by;
    const char *public_id;
    struct acme_authz *out;
};

static enum err
look(struct scope *s, void *arg)
{
    const struct seeking *k = arg;
    struct row row;

    TRY(db_one(s, k->acme->o.db, k->by, BIND(v_text(k->public_id)), &row));
    return take(s, k->acme, k->account, &row, k->out);
}

enum err
acme_authz_get(struct scope *s, const struct acme *acme, const struct acme_account *a,
               const char *public_id, struct acme_authz *out)
{
    struct seeking k = { acme, a, &authz_by_public, public_id, out };

    return db_together(s, acme->o.db, look, &k);
}

SQL(authz_by_challenge,
    "SELECT " ACME_AUTHZ_COLUMNS " FROM acme_challenge c JOIN acme_authz z ON z.id = "
    "c.authz WHERE c.public_id = $1");

enum err
acme_authz_of_challenge(struct scope *s, const struct acme *acme, const struct acme_account *a,
                        const char *challenge, struct acme_authz *out, struct acme_challenge **one)
{
    struct seeking k = { acme, a, &authz_by_challenge, challenge, out };

    TRY(db_together(s, acme->o.db, look, &k));
    LIST_EACH(struct acme_challenge, c, &out->challenges)
    if (text_eq(c->public_id, challenge)) {
        *one = c;
        return OK;
    }
    return fail(s, E_INTERNAL, "a challenge without its authorization");
}

SQL(authz_account,
    "SELECT a.public_id, " ACME_AUTHZ_COLUMNS " FROM acme_authz z JOIN acme_account a ON "
    "a.id = z.account WHERE z.public_id = $1");

enum err
acme_authz_find(struct scope *s, const struct acme *acme, const char *public_id,
                struct acme_authz *out, const char **account)
{
    struct row row;

    TRY(db_one(s, acme->o.db, &authz_account, BIND(v_text(public_id)), &row));
    *account = row_text(&row);
    *out = (struct acme_authz){ 0 };
    acme_authz_read(&row, out);
    return read_challenges(s, acme, out);
}

SQL(authz_by_id, "SELECT " ACME_AUTHZ_COLUMNS " FROM acme_authz z WHERE z.id = $1");

enum err
acme_authz_by_id(struct scope *s, const struct acme *acme, int64_t id, struct acme_authz *out)
{
    struct row row;

    TRY(db_one(s, acme->o.db, &authz_by_id, BIND(v_int(id)), &row));
    *out = (struct acme_authz){ 0 };
    acme_authz_read(&row, out);
    return read_challenges(s, acme, out);
}

SQL(looks_of, "SELECT number, at, error, report FROM acme_challenge_try WHERE challenge = $1 "
              "ORDER BY number");

enum err
acme_looks_of(struct scope *s, const struct acme *acme, const struct acme_challenge *c,
              struct list *out)
{
    struct rows rows;

    *out = (struct list){ 0 };
    TRY(db_all(s, acme->o.db, &looks_of, BIND(v_int(c->id)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct acme_look *look = list_push(s->arena, out, struct acme_look);

        look->number = row_int(&rows.at[i]);
        look->at = row_when(&rows.at[i]);
        look->error = row_text(&rows.at[i]);
        look->report = row_text(&rows.at[i]);
    }
    if (c->status == ACME_CHALLENGE_VALID)
        list_add(s->arena, out, struct acme_look,
                 ((struct acme_look){
                     .number = c->attempts, .at = c->validated_at, .report = c->report }));
    return OK;
}

SQL(authzs_of_order,
    "SELECT " ACME_AUTHZ_COLUMNS " FROM acme_order_authz oz JOIN acme_authz z ON z.id = "
    "oz.authz WHERE oz.order_id = $1 ORDER BY oz.place");

enum err
acme_authzs_of_order(struct scope *s, const struct acme *acme, int64_t order, struct list *out)
{
    struct rows rows;

    TRY(db_all(s, acme->o.db, &authzs_of_order, BIND(v_int(order)), &rows));
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++) {
        struct acme_authz *z = list_push(s->arena, out, struct acme_authz);

        acme_authz_read(&rows.at[i], z);
        TRY(read_challenges(s, acme, z));
    }
    return OK;
}

/* Making. */

void
acme_challenges_for(struct scope *s, const struct acme_authz_wish *wish, const struct acme_name *n,
                    struct list *out)
{
    LIST_EACH(const char *, type, &wish->policy->set->challenges)
    if (proof_fits(*type, n->type, n->wildcard) && acme_eab_allows_challenge(wish->binding, *type))
        list_add(s->arena, out, const char *, *type);
}

/* What was proved later was proved by a clock that was ahead, and its end is as wrong. */
static struct when
latest_proof(const struct acme_authz_wish *wish)
{
    return when_add_ms(wish->now, SKEW_MS);
}

SQL(proofs_of, "SELECT z.type, z.value, z.wildcard, z.status, z.method, z.expires_at, "
               "z.validated_at, z.report FROM "
               "acme_order_authz oz JOIN acme_authz z ON z.id = oz.authz WHERE oz.order_id = $1");

/* The maker's word: in a form that is still taken, by a root that is still trusted. */
static bool
is_believed(struct scope *s, const struct acme_endpoint *policy, const char *report)
{
    return policy->profile &&
           attest_still_holds(s, report, &policy->profile->formats, &policy->attestation_roots);
}

static enum acme_proofs
judge_proof(struct scope *s, const struct acme_authz_wish *wish, struct row *row)
{
    struct list offered = { 0 };
    struct acme_name n = { 0 };
    enum acme_authz_status status;
    struct when expires, validated;
    const char *method, *report;

    n.type = row_text(row);
    n.value = n.base = row_text(row);
    n.wildcard = row_bool(row);
    status = (enum acme_authz_status)row_int(row);
    method = row_text(row);
    expires = row_when(row);
    validated = row_when(row);
    report = row_text(row);
    if (status > ACME_AUTHZ_VALID || when_cmp(expires, wish->now) <= 0 ||
        when_cmp(validated, latest_proof(wish)) > 0)
        return ACME_PROOFS_OVER;
    acme_challenges_for(s, wish, &n, &offered);
    if (method && !list_has(&offered, method))
        return ACME_PROOFS_REFUSED;
    return text_eq(method, ACME_DEVICE_CHALLENGE) && !is_believed(s, wish->policy, report)
               ? ACME_PROOFS_REFUSED
               : ACME_PROOFS_HOLD;
}

static enum acme_proofs
judge_proofs(struct scope *s, const struct acme_authz_wish *wish, struct rows *rows)
{
    enum acme_proofs worst = ACME_PROOFS_HOLD;

    for (size_t i = 0; i < rows->count && worst == ACME_PROOFS_HOLD; i++)
        worst = judge_proof(s, wish, &rows->at[i]);
    return worst;
}

enum err
acme_proofs_of(struct scope *s, const struct acme *acme, const struct acme_authz_wish *wish,
               int64_t order, enum acme_proofs *out)
{
    struct rows rows;

    TRY(db_all(s, acme->o.db, &proofs_of, BIND(v_int(order)), &rows));
    *out = judge_proofs(s, wish, &rows);
    return OK;
}

enum err
acme_proofs_in(struct scope *s, struct tx *tx, const struct acme_authz_wish *wish, int64_t order,
               enum acme_proofs *out)
{
    struct rows rows;

    TRY(tx_all(s, tx, &proofs_of, BIND(v_int(order)), &rows));
    *out = judge_proofs(s, wish, &rows);
    return OK;
}

/* A proof of a device that has no key is from before there were any. */
SQL(other_keys,
    "SELECT 1 FROM acme_order_authz oz JOIN acme_authz z ON z.id = oz.authz WHERE oz.order_id = $1 "
    "AND z.method = 'device-attest-01' AND (z.key_hash IS NULL OR z.key_hash <> $2) LIMIT 1");

enum err
acme_authz_keys(struct scope *s, const struct acme *acme, int64_t order, struct bytes key,
                bool *all)
{
    struct row row;
    enum err e = db_one(s, acme->o.db, &other_keys, BIND(v_int(order), v_bytes(key)), &row);

    *all = e == E_NOT_FOUND;
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

/* "+ 0": or SQLite takes the index of state and expiry, and reads all that are valid. */
SQL(authz_reusable,
    "SELECT id, method, expires_at, public_id FROM acme_authz WHERE account = $1 AND type = $2 "
    "AND value = $3 AND wildcard = $4 AND status = 2 AND expires_at + 0 > $5 AND "
    "COALESCE(endpoint, 0) = $6 AND validated_at <= $7 ORDER BY expires_at + 0 DESC");
SQL(authz_add, "INSERT INTO acme_authz (public_id, account, type, value, wildcard, status, "
               "expires_at, created_at, endpoint) VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8) "
               "RETURNING id");
SQL(challenge_add, "INSERT INTO acme_challenge (public_id, authz, type, token, status) VALUES ($1, "
                   "$2, $3, $4, 1)");

static const char *
new_token(struct scope *s)
{
    uint8_t token[TOKEN_LEN];

    random_bytes(token, sizeof(token));
    return base64url_encode(s->arena, (struct bytes){ token, sizeof(token) });
}

/* By whose rules a name is proved; 0: the account's own endpoint's. */
static int64_t
other_policy(const struct acme_authz_wish *wish)
{
    return wish->policy == wish->ep ? 0 : wish->policy->id;
}

/* One that was proved by these rules, and a challenge that is still offered. */
enum err
acme_authz_still(struct scope *s, struct tx *tx, const struct acme_authz_wish *wish,
                 const struct acme_name *n, struct acme_authz_held *out)
{
    struct list offered = { 0 };
    struct rows rows;

    *out = (struct acme_authz_held){ 0 };
    if (!wish->policy->set->authz_reuse ||
        device_type_is(n->type)) /* another key is another proof */
        return OK;
    acme_challenges_for(s, wish, n, &offered);
    TRY(tx_all(s, tx, &authz_reusable,
               BIND(v_int(wish->account), v_text(n->type), v_text(n->base), v_bool(n->wildcard),
                    v_when(wish->now), v_int(other_policy(wish)), v_when(latest_proof(wish))),
               &rows));
    for (size_t i = 0; i < rows.count && !out->valid; i++) {
        out->id = row_int(&rows.at[i]);
        out->valid = list_has(&offered, row_text(&rows.at[i]));
        out->expires_at = row_when(&rows.at[i]);
        out->public_id = row_text(&rows.at[i]);
    }
    if (!out->valid)
        *out = (struct acme_authz_held){ 0 };
    return OK;
}

enum err
acme_authz_for(struct scope *s, struct tx *tx, const struct acme_authz_wish *wish,
               const struct acme_name *n, struct acme_authz_held *out)
{
    struct list offered = { 0 };
    struct row row;

    TRY(acme_authz_still(s, tx, wish, n, out));
    if (out->valid)
        return OK;
    acme_challenges_for(s, wish, n, &offered);
    out->expires_at = when_add_ms(wish->now, wish->policy->set->order_life);
    out->public_id = acme_new_id(s->arena);
    TRY(tx_one(s, tx, &authz_add,
               BIND(v_text(out->public_id), v_int(wish->account), v_text(n->type), v_text(n->base),
                    v_bool(n->wildcard), v_when(out->expires_at), v_when(wish->now),
                    v_id(other_policy(wish))),
               &row));
    out->id = row_int(&row);
    LIST_EACH(const char *, type, &offered)
    TRY(tx_do(
        s, tx, &challenge_add,
        BIND(v_text(acme_new_id(s->arena)), v_int(out->id), v_text(*type), v_text(new_token(s)))));
    return OK;
}

/* Ending. */

SQL(authz_deactivate, "UPDATE acme_authz SET status = 4 WHERE id = $1 AND status IN (1, 2)");

struct ending {
    const struct acme_authz *z;
    const struct acme_account *account;
    const struct acme_peer *peer;
    const char *error;
};

static enum err
deactivate_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct ending *end = arg;
    struct audit_actor actor = acme_actor(end->account->public_id, end->peer);
    int64_t changed;

    TRY(acme_orders_fail(s, tx, end->z->id, end->error, clock_now()));
    TRY(tx_count(s, tx, &authz_deactivate, BIND(v_int(end->z->id)), &changed));
    if (!changed)
        return OK;
    return audit_add(
        s, tx,
        &(struct audit_event){ .action = AUDIT_ACME_AUTHZ_DEACTIVATE,
                               .actor = &actor,
                               .target = { "acme_authz", end->z->public_id, end->z->value } });
}

enum err
acme_authz_deactivate(struct scope *s, const struct acme *acme, struct acme_authz *z,
                      const struct acme_account *a, const struct acme_peer *peer)
{
    const char *why = "An authorization of the order was deactivated.";
    struct ending end = { z, a, peer, acme_problem_text(s->arena, "unauthorized", why) };

    if (z->status != ACME_AUTHZ_DEACTIVATED && z->status > ACME_AUTHZ_VALID)
        return OK;
    if (z->status != ACME_AUTHZ_DEACTIVATED)
        TRY(db_write(s, acme->o.db, deactivate_in, &end));
    z->status = ACME_AUTHZ_DEACTIVATED;
    return acme_requests_end(s, acme, a, z->id, peer, why);
}

SQL(requests_waiting,
    "SELECT o.request FROM acme_order o WHERE o.account = $1 AND o.status = 3 AND o.request IS "
    "NOT NULL AND ($2 = 0 OR EXISTS (SELECT 1 FROM acme_order_authz oz WHERE oz.order_id = o.id "
    "AND oz.authz = $2)) ORDER BY o.id");

enum err
acme_requests_end(struct scope *s, const struct acme *acme, const struct acme_account *a,
                  int64_t authz, const struct acme_peer *peer, const char *message)
{
    struct caller by = acme_caller(s->arena, a->public_id, peer);

    return acme_requests_end_by(s, acme, &by, a->id, authz, message);
}

enum err
acme_requests_end_by(struct scope *s, const struct acme *acme, const struct caller *by,
                     int64_t account, int64_t authz, const char *message)
{
    struct rows rows;

    TRY(db_all(s, acme->o.db, &requests_waiting, BIND(v_int(account), v_int(authz)), &rows));
    for (size_t i = 0; i < rows.count; i++)
        TRY(flow_end_waiting(s, acme->o.flow, by, row_int(&rows.at[i]), message));
    return OK;
}

SQL(authz_held,
    "SELECT 1 FROM acme_authz WHERE account = $1 AND type = $2 AND value = $3 AND wildcard "
    "= $4 AND status = 2 AND expires_at + 0 > $5 AND COALESCE(endpoint, 0) = $6 AND "
    "validated_at <= $7 LIMIT 1");

enum err
acme_authz_holds_all(struct scope *s, const struct acme *acme, const struct acme_authz_wish *wish,
                     const struct list *names, bool *holds)
{
    struct row row;

    *holds = names->count > 0;
    LIST_EACH(struct acme_name, n, names)
    {
        enum err e =
            db_one(s, acme->o.db, &authz_held,
                   BIND(v_int(wish->account), v_text(n->type), v_text(n->base), v_bool(n->wildcard),
                        v_when(wish->now), v_int(other_policy(wish)), v_when(latest_proof(wish))),
                   &row);

        if (e == E_NOT_FOUND) {
            scope_clear(s);
            *holds = false;
            return OK;
        }
        TRY(e);
    }
    return OK;
}

#include "acme/limit.h"

#include "acme/limit_memory.h"
#include "acme/limit_own.h"
#include "acme/profile.h"
#include "base/metric.h"
#include "net/reach.h"
#include "pki/device_name.h"
#include "pki/dnsname.h"
#include "pki/hash.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WEEK_MS (7 * DAY_MS)
#define BATCH 500
#define OWN_MOST 10000 /* accounts with numbers of their own */
#define OVERLOADED_S 5 /* until a place may be free */

COUNTER(limit_total, "chancery_acme_ratelimit_total", "What was counted against a limit.", "limit",
        "outcome");

#define K(limit, member, of_, period_)                         \
    [limit] = { #member, "rateLimited#" #member, of_, period_, \
                offsetof(struct acme_limits, member) }
static const struct acme_limit_kind kinds[LIMITS] = {
    K(LIMIT_ORDERS_PER_DAY, orders_per_day, "new orders of an account in a day", DAY_MS),
    K(LIMIT_ORDERS_PER_HOUR, orders_per_hour, "new orders of an account in an hour", HOUR_MS),
    K(LIMIT_NONCES, nonces_per_hour, "nonces for an address in an hour", HOUR_MS),
    K(LIMIT_ACCOUNTS, accounts_per_hour, "new accounts from an address in an hour", HOUR_MS),
    K(LIMIT_DOMAIN, certificates_per_domain, "certificates for a domain in a week", WEEK_MS),
    K(LIMIT_NAMES, certificates_per_names, "certificates for the same names in a week", WEEK_MS),
    K(LIMIT_FAILURES, failures_per_hour, "failed proofs of a name in an hour", HOUR_MS),
    K(LIMIT_PENDING, pending_authorizations, "authorizations of an account that wait", 0),
    K(LIMIT_RETRIES, retries_per_hour, "further looks at challenges in an hour", HOUR_MS),
    K(LIMIT_RENEWAL_INFO, renewal_info_per_minute, "questions when to renew in a minute",
      MINUTE_MS),
    K(LIMIT_AUTHORIZATIONS, authorizations_per_hour,
      "new authorizations of an account without an order in an hour", HOUR_MS),
};

const struct acme_limit_kind *
acme_limit_kind(enum acme_limit limit)
{
    return &kinds[limit];
}

enum acme_limit
acme_limit_named(const char *name)
{
    int i = 0;

    while (i < LIMITS && !text_eq(kinds[i].name, name))
        i++;
    return (enum acme_limit)i;
}

int64_t
acme_limit_of(const struct acme_endpoint *ep, enum acme_limit limit)
{
    return *(const int64_t *)(const void *)((const char *)ep->set->limits + kinds[limit].offset);
}

struct acme_limits *
acme_limits_with(struct arena *a, const struct acme_limits *all, const struct acme_limits_own *own)
{
    struct acme_limits *out = arena_copy(a, all, sizeof(*out));

    for (int i = 0; i < LIMITS; i++)
        if (own->most[i].given)
            *(int64_t *)(void *)((char *)out + kinds[i].offset) = own->most[i].value;
    return out;
}

bool
acme_limit_exempts(struct scope *s, const struct acme *acme, const char *address)
{
    struct bytes ip;

    return acme->exempt.count && address && ip_parse(s->arena, address, &ip) &&
           networks_hold(&acme->exempt, ip);
}

/* Keys. */

const char *
acme_limit_network(struct scope *s, const char *address, int bits)
{
    struct bytes ip;
    char text[64] = "";
    size_t len = 0;

    if (!address || !ip_parse(s->arena, address, &ip) || ip.len == 4)
        return address ? address : "";
    for (int i = 0; i < bits / 8; i += 2)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "%x:", ip.data[i] << 8 | ip.data[i + 1]);
    return arena_printf(s->arena, "%s:/%d", text, bits);
}

struct list
acme_limit_domains(struct scope *s, const struct list *names)
{
    struct list out = { 0 };

    LIST_EACH(struct acme_name, n, names)
    {
        const char *key = device_type_is(n->type)
                              ? arena_printf(s->arena, "%s:%s", n->type, n->value)
                          : text_eq(n->type, "ip") ? acme_limit_network(s, n->base, 64)
                                                   : dns_registered(s->arena, n->base);

        if (!list_has(&out, key))
            list_add(s->arena, &out, const char *, key);
    }
    return out;
}

enum err
acme_limit_set(struct scope *s, const struct list *names, const char **out)
{
    const char *json;
    struct bytes hash;

    TRY(acme_names_json(s, names, &json, &hash));
    *out = base64url_encode(s->arena, hash);
    return OK;
}

const char *
acme_limit_failures(struct scope *s, const char *account, const char *name)
{
    return arena_printf(s->arena, "%s/%s", account, name);
}

/* Buckets. */

/* The limit stands first, so that the rows of one stand together. */
static const char *
row_key(struct scope *s, const struct acme_endpoint *ep, const struct acme_take *take)
{
    return arena_printf(s->arena, "%s/%lld/%s", kinds[take->limit].name, (long long)ep->id,
                        take->key);
}

/* What there is NOW in a bucket that held TOKENS at AT. */
static double
refilled(double tokens, struct when at, struct when now, double most, int64_t period)
{
    double more = (double)MAX(now.ms - at.ms, INT64_C(0)) * most / (double)period;

    return MIN(most, tokens + more);
}

/* Milliseconds until there is one. */
static int64_t
wait_for_one(double tokens, double most, int64_t period)
{
    return (int64_t)ceil((1 - tokens) * (double)period / most);
}

enum err
acme_limit_met(struct scope *s, enum acme_limit limit, int64_t most, int64_t wait)
{
    int64_t seconds = MAX((wait + 999) / 1000, INT64_C(1));
    enum err e;

    metric_add(&limit_total, 1, kinds[limit].name, "refused");
    e = acme_fail(s, E_LIMIT, kinds[limit].tag, "the limit %s is met: %lld %s; try again at %s",
                  kinds[limit].name, (long long)most, kinds[limit].of,
                  when_rfc3339(s->arena, when_add_ms(clock_now(), seconds * 1000)));
    s->error.retry_after_s = seconds;
    return e;
}

SQL(bucket_read, "SELECT tokens, updated_at FROM rate_bucket WHERE key = $1");
SQL(bucket_write, "INSERT INTO rate_bucket (key, tokens, updated_at) VALUES ($1, $2, $3) ON "
                  "CONFLICT (key) DO UPDATE SET tokens = excluded.tokens, updated_at = "
                  "excluded.updated_at");

struct bucket {
    const struct acme_take *take;
    const char *key;
    double tokens;
    int64_t most;
};

/* Of several writes, only one at a time has a bucket. */
static enum err
bucket_row(struct scope *s, const struct acme_reach *from, const char *key, struct row *row)
{
    uint8_t anchor[SHA256_LEN];

    if (!from->tx)
        return db_one(s, from->db, &bucket_read, BIND(v_text(key)), row);
    hash_sha256(bytes_of_text(key), anchor);
    TRY(tx_anchor(s, from->tx, (struct bytes){ anchor, SHA256_LEN }));
    return tx_one(s, from->tx, &bucket_read, BIND(v_text(key)), row);
}

static enum err
read_bucket(struct scope *s, const struct acme_reach *from, struct bucket *b, struct when now)
{
    struct row row;
    double tokens;
    enum err e = bucket_row(s, from, b->key, &row);

    b->tokens = (double)b->most;
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    tokens = row_real(&row);
    b->tokens =
        refilled(tokens, row_when(&row), now, (double)b->most, kinds[b->take->limit].period);
    return OK;
}

static int
by_key(const void *a, const void *b)
{
    return strcmp(((const struct bucket *)a)->key, ((const struct bucket *)b)->key);
}

/* The bucket of a take, and how much it holds: by the account's own numbers, which OWN has when it
 * has those of this account; by the take's; by the policy's. */
static enum err
find_bucket(struct scope *s, const struct acme_reach *from, const struct acme_endpoint *ep,
            const struct acme_take *t, struct acme_own *own, struct bucket *out)
{
    struct acme_take alone = *t;

    if (t->account != own->id)
        TRY(acme_own_read(s, from, t->account, own));
    if (t->account && own->of.most[t->limit].given && !acme_own_account(s, t->limit, t->key))
        alone.key = acme_own_key(s, t->key, own->account);
    out->key = row_key(s, ep, &alone);
    out->most = acme_own_most(own, t->limit, out->most);
    return OK;
}

/* Whose buckets they are, and whose numbers hold. */
struct limiting {
    struct acme_reach from;
    const struct acme_endpoint *ep, *policy;
    struct when now;
};

/* The buckets of TAKES; E_LIMIT: one of them is empty. */
static enum err
find_buckets(struct scope *s, const struct limiting *l, const struct list *takes,
             struct list *buckets)
{
    const struct bucket *worst = NULL;
    struct acme_own own = { 0 };
    int64_t longest = -1;

    LIST_EACH(struct acme_take, t, takes)
    {
        struct bucket b = { t, NULL, 0,
                            t->most.given ? t->most.value : acme_limit_of(l->policy, t->limit) };

        TRY(find_bucket(s, &l->from, l->ep, t, &own, &b));
        if (b.most > 0)
            list_add(s->arena, buckets, struct bucket, b);
    }
    list_sort(buckets, by_key); /* so that of two who want the same none waits for the other */
    LIST_EACH(struct bucket, b, buckets)
    {
        int64_t wait;

        TRY(read_bucket(s, &l->from, b, l->now));
        wait = wait_for_one(b->tokens, (double)b->most, kinds[b->take->limit].period);
        if (wait > 0 && wait > longest) {
            longest = wait;
            worst = b;
        }
    }
    return worst ? acme_limit_met(s, worst->take->limit, worst->most, longest) : OK;
}

enum err
acme_limits_look(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                 const struct acme_endpoint *policy, const struct list *takes)
{
    struct limiting l = { { .db = acme->o.db }, ep, policy, clock_now() };
    struct list buckets = { 0 };

    return find_buckets(s, &l, takes, &buckets);
}

enum err
acme_limits_take(struct scope *s, struct tx *tx, const struct acme_endpoint *ep,
                 const struct acme_endpoint *policy, const struct list *takes)
{
    struct limiting l = { { .tx = tx }, ep, policy, clock_now() };
    struct list buckets = { 0 };

    TRY(find_buckets(s, &l, takes, &buckets));
    LIST_EACH(struct bucket, b, &buckets)
    {
        metric_add(&limit_total, 1, kinds[b->take->limit].name, "passed");
        if (!b->take->look)
            TRY(tx_do(s, tx, &bucket_write,
                      BIND(v_text(b->key), v_real(b->tokens - 1), v_when(l.now))));
    }
    return OK;
}

enum err
acme_limit_count(struct scope *s, struct tx *tx, const struct acme_endpoint *ep,
                 const struct acme_endpoint *policy, const struct acme_take *take)
{
    struct bucket b = { take, NULL, 0, acme_limit_of(policy, take->limit) };
    const struct acme_reach from = { .tx = tx };
    struct acme_own own = { 0 };
    struct when now = clock_now();

    TRY(find_bucket(s, &from, ep, take, &own, &b));
    if (!b.most)
        return OK;
    TRY(read_bucket(s, &from, &b, now));
    return tx_do(s, tx, &bucket_write,
                 BIND(v_text(b.key), v_real(MAX(b.tokens - 1, 0)), v_when(now)));
}

/* Of this server alone. */

static const char *
memory_key(struct scope *s, const struct acme_endpoint *ep, enum acme_limit limit,
           const char *network)
{
    return arena_printf(s->arena, "%s/%lld/%s", kinds[limit].name, (long long)ep->id, network);
}

/* How many buckets of NETWORK there were, at all endpoints. */
static int64_t
forget(struct scope *s, const struct acme *acme, enum acme_limit limit, const char *network)
{
    int64_t count =
        limit_memory_forget(acme->memory, memory_key(s, acme->by_settings, limit, network));

    LIST_EACH(struct acme_endpoint *, ep, &acme_profiles(s, acme)->all)
    count += limit_memory_forget(acme->memory, memory_key(s, *ep, limit, network));
    return count;
}

enum err
acme_limit_address(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                   enum acme_limit limit, const char *address)
{
    int64_t most = acme_limit_of(ep, limit), wait;

    if (!most || acme_limit_exempts(s, acme, address))
        return OK;
    wait = limit_memory_take(acme->memory,
                             memory_key(s, ep, limit, acme_limit_network(s, address, 64)), most,
                             kinds[limit].period);
    if (wait)
        return acme_limit_met(s, limit, most, wait);
    metric_add(&limit_total, 1, kinds[limit].name, "passed");
    return OK;
}

/* At once. */

static _Atomic int64_t under_way[FLIGHTS];

enum err
acme_limit_enter(struct scope *s, const struct acme *acme, enum acme_flight what)
{
    static const char *const names[] = { "orders_in_flight", "signings_in_flight" };
    const struct acme_limits *l = acme->o.set->limits;
    int64_t most = what == FLIGHT_ORDERS ? l->orders_in_flight : l->signings_in_flight;
    enum err e;

    if (++under_way[what] <= most || !most)
        return OK;
    under_way[what]--;
    metric_add(&limit_total, 1, names[what], "refused");
    e = fail_code(s, E_LIMIT, CHY_OVERLOADED, "the server is busy with others: try again");
    s->error.retry_after_s = OVERLOADED_S;
    return e;
}

void
acme_limit_leave(enum acme_flight what)
{
    under_way[what]--;
}

/* For operators. */

SQL(buckets_page,
    "SELECT key, tokens, updated_at FROM rate_bucket WHERE key > $1 AND key >= $2 AND key < $3 "
    "ORDER BY key LIMIT $4");

/* "orders_per_hour/1/ABC"; false when it is none of ours. */
static bool
read_key(struct scope *s, const struct acme *acme, const char *key, struct acme_bucket *out,
         enum acme_limit *limit, const struct acme_endpoint **ep)
{
    const char *slash = strchr(key, '/'), *second = slash ? strchr(slash + 1, '/') : NULL;
    int64_t id;

    if (!second)
        return false;
    out->limit = arena_text_n(s->arena, key, (size_t)(slash - key));
    *limit = acme_limit_named(out->limit);
    if (*limit == LIMITS ||
        !text_to_int(arena_text_n(s->arena, slash + 1, (size_t)(second - slash - 1)), &id))
        return false;
    *ep = acme_endpoint_by_id(s, acme, id);
    out->profile = *ep ? (*ep)->name : NULL;
    out->key = second + 1;
    return *ep != NULL;
}

/* The number that holds for a bucket: an account's own, or OTHERWISE. */
static int64_t
most_of(struct scope *s, enum acme_limit limit, const char *key, const struct list *owns,
        int64_t otherwise)
{
    const char *account = acme_own_account(s, limit, key);

    LIST_EACH(struct acme_own_row, own, owns)
    if (own->limit == limit && text_eq(own->account, account))
        return own->most;
    return otherwise;
}

static void
show(struct scope *s, const struct acme *acme, struct row *row, const struct list *owns,
     struct list *out)
{
    struct when now = clock_now();
    struct acme_bucket b = { .cursor = row_text(row) };
    double tokens = row_real(row);
    struct when at = row_when(row);
    const struct acme_endpoint *ep;
    enum acme_limit limit;
    int64_t period;

    if (!read_key(s, acme, b.cursor, &b, &limit, &ep))
        return;
    b.most = most_of(s, limit, b.key, owns, acme_limit_of(ep, limit));
    period = kinds[limit].period;
    if (!b.most || !period)
        return;
    b.left = refilled(tokens, at, now, (double)b.most, period);
    if (b.left >= (double)b.most)
        return;
    b.full_at =
        when_add_ms(now, (int64_t)(((double)b.most - b.left) * (double)period / (double)b.most));
    list_add(s->arena, out, struct acme_bucket, b);
}

enum err
acme_limits_list(struct scope *s, const struct acme *acme, const struct acme_bucket_query *q,
                 struct list *out, const char **next)
{
    const char *from = q->limit ? arena_printf(s->arena, "%s/", q->limit) : "";
    const char *to = q->limit ? arena_printf(s->arena, "%s0", q->limit) : "~"; /* behind '/' */
    struct acme_own_query all = { .limit = q->limit, .count = OWN_MOST };
    struct list owns;
    struct rows rows;
    const char *more;

    *out = (struct list){ 0 };
    *next = NULL;
    TRY(acme_own_list(s, acme, &all, &owns, &more));
    TRY(db_all(
        s, acme->o.db, &buckets_page,
        BIND(v_text(q->after ? q->after : ""), v_text(from), v_text(to), v_int(q->count + 1)),
        &rows));
    if (rows_cut(&rows, q->count)) {
        struct row last = rows.at[rows.count - 1];

        *next = row_text(&last);
    }
    for (size_t i = 0; i < rows.count; i++)
        show(s, acme, &rows.at[i], &owns, out);
    return OK;
}

SQL(buckets_of, "SELECT key FROM rate_bucket WHERE key >= $1 AND key < $2");
SQL(bucket_drop, "DELETE FROM rate_bucket WHERE key = $1");

struct resetting {
    const struct acme_limit_reset *reset;
    int64_t count;
};

static bool
is_wanted(const char *row_key_, const char *key)
{
    const char *slash = strchr(row_key_, '/'), *second = slash ? strchr(slash + 1, '/') : NULL;

    return !key || (second && text_eq(second + 1, key));
}

static enum err
reset_in(struct scope *s, struct tx *tx, void *arg)
{
    struct resetting *r = arg;
    const char *name = kinds[r->reset->limit].name;
    struct audit_change fact = { "key", r->reset->key, NULL, AUDIT_IS_TEXT };
    struct rows rows;

    r->count = 0;
    TRY(tx_all(s, tx, &buckets_of,
               BIND(v_text(arena_printf(s->arena, "%s/", name)),
                    v_text(arena_printf(s->arena, "%s0", name))),
               &rows));
    for (size_t i = 0; i < rows.count; i++) {
        const char *key = row_text(&rows.at[i]);

        if (!is_wanted(key, r->reset->key))
            continue;
        TRY(tx_do(s, tx, &bucket_drop, BIND(v_text(key))));
        r->count++;
    }
    return audit_add(s, tx,
                     &(struct audit_event){ .action = AUDIT_ACME_LIMIT_RESET,
                                            .actor = &r->reset->by->actor,
                                            .target = { "acme_limit", name, NULL },
                                            .changes = &fact,
                                            .change_count = r->reset->key != NULL });
}

enum err
acme_limits_reset(struct scope *s, const struct acme *acme, const struct acme_limit_reset *reset,
                  int64_t *count)
{
    struct resetting r = { .reset = reset };

    TRY(db_write(s, acme->o.db, reset_in, &r));
    *count = r.count + (reset->key ? forget(s, acme, reset->limit, reset->key) : 0);
    return OK;
}

/* No bucket is longer than a week on its way to be full. */
SQL(buckets_full, "DELETE FROM rate_bucket WHERE key IN (SELECT key FROM rate_bucket WHERE "
                  "updated_at <= $1 ORDER BY updated_at LIMIT $2) AND updated_at <= $1");

struct expiring {
    struct when before;
    int64_t count;
};

static enum err
expire_in(struct scope *s, struct tx *tx, void *arg)
{
    struct expiring *x = arg;

    int64_t ended;

    TRY(acme_own_expire(s, tx, clock_now(), &ended));
    return tx_count(s, tx, &buckets_full, BIND(v_when(x->before), v_int(BATCH)), &x->count);
}

enum err
acme_limits_expire(struct scope *s, const struct acme *acme, int64_t *count)
{
    struct expiring x = { .before = when_add_ms(clock_now(), -WEEK_MS) };

    TRY(db_write(s, acme->o.db, expire_in, &x));
    *count = x.count;
    return OK;
}

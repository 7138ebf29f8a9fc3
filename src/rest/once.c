/* Idempotency-Key: a creation that is asked for twice happens once. */
#include "base/log.h"
#include "jobs/jobs.h"
#include "pki/hash.h"
#include "rest/rest.h"

#define KEY_HEADER "Idempotency-Key"
#define KEY_MAX 255
#define BODY_MAX (1u << 20)
/* A first call that has not ended by then has died with its server: another may try. */
#define ABANDONED_MS (2 * MINUTE_MS)

SQL(once_claim, "INSERT INTO idempotency (caller, key, request_hash, status, created_at) "
                "VALUES ($1, $2, $3, 0, $4) ON CONFLICT (caller, key) DO NOTHING");
SQL(once_read, "SELECT request_hash, status, body, created_at FROM idempotency "
               "WHERE caller = $1 AND key = $2 @lock");
SQL(once_take_over, "UPDATE idempotency SET created_at = $3 WHERE caller = $1 AND key = $2");
SQL(once_keep, "UPDATE idempotency SET status = $3, body = $4 WHERE caller = $1 AND key = $2");
SQL(once_drop, "DELETE FROM idempotency WHERE caller = $1 AND key = $2 AND status = 0");
SQL(once_purge, "DELETE FROM idempotency WHERE created_at < $1");

/** A key on its way through its transactions. */
struct claim {
    const char *caller, *key;
    struct bytes hash;
    /* what is kept */
    int64_t status;
    const char *body;
};

static enum err
claim_in(struct scope *s, struct tx *tx, void *arg)
{
    struct claim *c = arg;
    struct when now = clock_now(), since;
    struct row row;
    int64_t added;

    c->status = 0;
    c->body = NULL;
    TRY(tx_count(s, tx, &once_claim,
                 BIND(v_text(c->caller), v_text(c->key), v_bytes(c->hash), v_when(now)), &added));
    if (added)
        return OK;
    TRY(tx_one(s, tx, &once_read, BIND(v_text(c->caller), v_text(c->key)), &row));
    if (!bytes_eq(row_bytes(&row), c->hash))
        return fail_code(s, E_CONFLICT, CHY_KEY_USED,
                         KEY_HEADER ": this key was used for another request");
    c->status = row_int(&row);
    c->body = row_text(&row);
    since = row_when(&row);
    if (c->status)
        return OK;
    if (when_cmp(since, when_add_ms(now, -ABANDONED_MS)) > 0)
        return fail_code(s, E_CONFLICT, CHY_STILL_RUNNING,
                         KEY_HEADER ": the first request with this key is not finished");
    return tx_do(s, tx, &once_take_over, BIND(v_text(c->caller), v_text(c->key), v_when(now)));
}

static enum err
keep_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct claim *c = arg;

    return tx_do(s, tx, &once_keep,
                 BIND(v_text(c->caller), v_text(c->key), v_int(c->status), v_text(c->body)));
}

static enum err
drop_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct claim *c = arg;

    return tx_do(s, tx, &once_drop, BIND(v_text(c->caller), v_text(c->key)));
}

/* The claim of this request; .key NULL when it has none. */
static struct claim
claim_of(struct request *rq)
{
    return (struct claim){ .caller = rq->caller->id_text,
                           .key = http_header(rq->http, KEY_HEADER) };
}

static struct bytes
request_hash(struct request *rq)
{
    struct scope *s = rq->scope;
    uint8_t *hash = arena_alloc(s->arena, SHA256_LEN);

    hash_sha256_two(
        bytes_of_text(arena_printf(s->arena, "%s %s\n", rq->http->method, rq->http->target)),
        rq->http->body, hash);
    return (struct bytes){ hash, SHA256_LEN };
}

/* A failure made nothing: the key may be tried again. What failed stays what the caller is told. */
static void
let_go(struct request *rq, struct claim *c)
{
    struct scope *s = rq->scope;
    struct error error = s->error;
    struct list problems = s->problems;

    if (db_write(s, rq->app->db, drop_in, c) != OK)
        log_failure(s, LOG_WARN, "an idempotency key stays claimed for two minutes");
    s->error = error;
    s->problems = problems;
}

enum err
make_once(struct request *rq, enum err (*make)(struct request *rq))
{
    struct claim c = claim_of(rq);
    enum err e;

    if (!c.key)
        return make(rq);
    if (!*c.key || text_code_points(c.key) > KEY_MAX)
        return fail_code(rq->scope, E_INVALID, CHY_BAD_VALUE,
                         KEY_HEADER ": a key of 1 to %d characters is needed", KEY_MAX);
    c.hash = request_hash(rq);
    TRY(db_write(rq->scope, rq->app->db, claim_in, &c));
    if (c.status) {
        http_reply_header(rq->http, "Idempotent-Replay", "true");
        return reply_bytes(rq, (int)c.status, rest_face.content_type,
                           bytes_of_text(c.body ? c.body : "{}"));
    }
    e = make(rq);
    if (e != OK)
        let_go(rq, &c);
    return e;
}

void
keep_answer(struct request *rq, const void *kept)
{
    struct claim c = claim_of(rq);
    struct scope *s = rq->scope;
    struct buf b;

    if (!c.key)
        return;
    buf_init_in(&b, s->arena, BODY_MAX);
    json_encode(&b, rq->op->reply, kept);
    c.status = op_status(rq->op);
    c.body = buf_str(&b);
    if (db_write(s, rq->app->db, keep_in, &c) != OK) { /* what was made is made */
        log_failure(s, LOG_WARN, "the answer of an idempotency key was not kept");
        scope_clear(s);
    }
}

enum err
reply_made(struct request *rq, const void *out, const void *kept, int64_t version, const char *path)
{
    keep_answer(rq, kept ? kept : out);
    http_reply_header(rq->http, "Location",
                      arena_printf(rq->scope->arena, "%s%s", rest_face.base, path));
    return reply_tagged(rq, out, version);
}

/* Kept answers end after a day. */

static enum err
purge_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    return tx_do(s, tx, &once_purge, BIND(v_when(when_add_ms(clock_now(), -DAY_MS))));
}

static enum err
cleanup_run(struct scope *s, void *app UNUSED, const struct job *job)
{
    return db_write(s, jobs_db(job->jobs), purge_in, NULL);
}

const struct job_kind rest_cleanup_kind = {
    .kind = "rest.cleanup",
    .run = cleanup_run,
    .every = "1h",
    .doc = "Forgets the answers kept for Idempotency-Key after a day.",
};

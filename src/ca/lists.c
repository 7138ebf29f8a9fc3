#include "ca/lists.h"

#include "audit/audit.h"
#include "base/log.h"
#include "base/random.h"
#include "ca/found.h"
#include "jobs/jobs.h"
#include "jobs/outbox.h"
#include <stdlib.h>
#include <string.h>

#define DELTA_MIN_MS (10 * MINUTE_MS)
#define DELTA_MAX_MS (7 * DAY_MS)
#define RETIRED 2 /* authority.state */

SQL(scope_of, "SELECT id FROM crl_scope WHERE ca_key = $1 AND shard = $2");
/* The numbers go on from the key's others: a part that was lost with a database, and is made anew
 * after its restore, uses none again. */
SQL(add_shard, "INSERT INTO crl_scope (ca_key, shard, number, file, url) "
               "SELECT $1, $2, COALESCE(MAX(number), 0), $3, $4 FROM crl_scope WHERE ca_key = $1 "
               "RETURNING id");
SQL(lock_lists,
    "SELECT version, name, state, crl_shards, crl_delta_ms, ocsp_presign FROM authority "
    "WHERE id = $1 @lock");
SQL(set_lists, "UPDATE authority SET crl_shards = $2, crl_delta_ms = $3, ocsp_presign = $4, "
               "version = version + 1 "
               "WHERE id = $1");
SQL(want_all, "UPDATE crl_scope SET due_at = $2 WHERE published IS NOT NULL AND ca_key IN "
              "(SELECT id FROM ca_key WHERE authority = $1 AND state <> 3)");

SQL(sign_all_ahead, "UPDATE ca_key SET ocsp_seen = 0 WHERE authority = $1");

/* Parts. */

const struct ca_shard *
ca_shard_choose(const struct ca_key *key)
{
    if (!key->shards_open)
        return NULL;
    return list_at(&key->shards, struct ca_shard, (size_t)random_below((uint64_t)key->shards_open));
}

int64_t
ca_shard_named(const struct ca_key *key, const struct cert *cert, const char **url)
{
    size_t stem = strlen(key->crl_file) - strlen(".crl");

    LIST_EACH(const char *, one, &cert->exts.cdp)
    {
        const char *file = strrchr(*one, '/');
        char *end;
        long number;

        if (!file || strncmp(++file, key->crl_file, stem) != 0 || file[stem] != '-')
            continue;
        number = strtol(file + stem + 1, &end, 10);
        if (number > 0 && number <= CRL_SHARDS_MAX && text_eq(end, ".crl")) {
            *url = *one;
            return number;
        }
    }
    return 0;
}

static enum err
add(struct scope *s, struct tx *tx, const struct ca_key *key, int64_t shard, const char *url,
    struct row *row)
{
    int stem = (int)(strlen(key->crl_file) - strlen(".crl"));
    int folder = (int)(strrchr(key->crl_url, '/') - key->crl_url);
    const char *file =
        arena_printf(s->arena, "%.*s-%lld.crl", stem, key->crl_file, (long long)shard);
    enum err e;

    if (!url)
        url = arena_printf(s->arena, "%.*s/%s", folder, key->crl_url, file);
    e = tx_one(s, tx, &add_shard, BIND(v_int(key->id), v_int(shard), v_text(file), v_text(url)),
               row);
    if (!db_is_unique_conflict(s, e))
        return e;
    scope_clear(s);
    return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                     "the address %s is that of another authority's list", file);
}

enum err
ca_shard_scope(struct scope *s, struct tx *tx, const struct ca_key *key, int64_t shard,
               const char *url, int64_t *scope_id)
{
    struct row row;
    enum err e;

    *scope_id = key->crl_scope;
    if (shard <= 0)
        return OK;
    e = tx_one(s, tx, &scope_of, BIND(v_int(key->id), v_int(shard)), &row);
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        e = add(s, tx, key, shard, url, &row);
    }
    TRY(e);
    *scope_id = row_int(&row);
    return OK;
}

int64_t
ca_list_named(const struct ca_snapshot *snap, const char *file, bool *delta)
{
    *delta = false;
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if (text_eq_fold((*k)->crl_file, file))
        return (*k)->crl_scope;
    LIST_EACH(struct ca_key *, k, &snap->keys)
    {
        LIST_EACH(struct ca_shard, shard, &(*k)->shards)
        {
            *delta = text_eq_fold(shard->delta_file, file);
            if (*delta || text_eq_fold(shard->file, file))
                return shard->scope;
        }
        *delta = text_eq_fold((*k)->delta_file, file);
        if (*delta)
            return (*k)->crl_scope;
    }
    *delta = false;
    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    { /* without a generation: the present one */
        size_t len = strlen((*ca)->slug);

        const struct ca_key *key = ca_present_key(*ca);

        if (key && text_starts_fold(file, (*ca)->slug) && text_eq_fold(file + len, ".crl"))
            return key->crl_scope;
    }
    return 0;
}

/* Settings. */

struct setting {
    int64_t id, version;
    const struct ca_lists *lists;
    const struct ca_key *key; /* that signs new certificates; NULL: none */
    const struct audit_actor *actor;
};

static enum err
make_shards(struct scope *s, struct tx *tx, const struct ca_key *key, int64_t count)
{
    for (int64_t shard = 1; key && shard <= count; shard++) {
        int64_t ignored;

        TRY(ca_shard_scope(s, tx, key, shard, NULL, &ignored));
    }
    return OK;
}

static const char *
number_text(struct scope *s, int64_t n)
{
    return arena_printf(s->arena, "%lld", (long long)n);
}

static enum err
answer_ahead(struct scope *s, struct tx *tx, int64_t authority)
{
    struct job_spec job = { .kind = ocsp_ahead_kind.kind,
                            .dedupe = "ocsp.ahead:now",
                            .serial = ocsp_ahead_kind.serial,
                            .run_at = when_add_ms(clock_now(), SECOND_MS) };

    TRY(tx_do(s, tx, &sign_all_ahead, BIND(v_int(authority))));
    return job_add(s, tx, &job, NULL);
}

static enum err
set_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct setting *w = arg;
    struct row row;
    const char *name;
    int64_t version, state, shards, delta_ms, had_shards, had_ms;
    bool presign, had_presign;
    enum err e = tx_one(s, tx, &lock_lists, BIND(v_int(w->id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NO_CA, "certificate authority %lld not found", (long long)w->id);
    TRY(e);
    version = row_int(&row);
    name = row_text(&row);
    state = row_int(&row);
    had_shards = row_int(&row);
    had_ms = row_int(&row);
    had_presign = row_bool(&row);
    TRY(version_check(s, w->version, version, arena_printf(s->arena, "authority %s", name)));
    if (state == RETIRED)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "authority %s is retired", name);
    shards = w->lists->shards.given ? w->lists->shards.value : had_shards;
    delta_ms = w->lists->delta_ms.given ? w->lists->delta_ms.value : had_ms;
    presign = w->lists->presign.given ? w->lists->presign.value : had_presign;
    if (shards == had_shards && delta_ms == had_ms && presign == had_presign)
        return OK;
    TRY(tx_do(s, tx, &set_lists,
              BIND(v_int(w->id), v_int(shards), v_int(delta_ms), v_bool(presign))));
    if (presign != had_presign)
        TRY(answer_ahead(s, tx, w->id));
    TRY(make_shards(s, tx, w->key, shards));
    if (!delta_ms != !had_ms) /* full lists say whether there are deltas */
        TRY(tx_do(s, tx, &want_all, BIND(v_int(w->id), v_when(clock_now()))));
    struct audit_change changes[] = {
        { "crl_shards", number_text(s, had_shards), number_text(s, shards), AUDIT_IS_JSON },
        { "crl_delta_seconds", number_text(s, had_ms / 1000), number_text(s, delta_ms / 1000),
          AUDIT_IS_JSON },
        { "ocsp_presign", had_presign ? "true" : "false", presign ? "true" : "false",
          AUDIT_IS_JSON },
    };
    TRY(audit_add(s, tx,
                  &(struct audit_event){
                      .action = AUDIT_CA_EDIT,
                      .actor = w->actor,
                      .target = { "ca", number_text(s, w->id), name },
                      .changes = changes,
                      .change_count = COUNT(changes),
                  }));
    return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, w->id, NULL);
}

static void
check(struct scope *s, const struct ca_lists *lists)
{
    int64_t shards = lists->shards.given ? lists->shards.value : 0;
    int64_t delta_ms = lists->delta_ms.given ? lists->delta_ms.value : 0;

    if (shards < 0 || shards > CRL_SHARDS_MAX)
        problem(s, "crl_shards", CHY_BAD_VALUE, "from 0, which is none, to %d", CRL_SHARDS_MAX);
    if (delta_ms && (delta_ms < DELTA_MIN_MS || delta_ms > DELTA_MAX_MS))
        problem(s, "crl_delta_seconds", CHY_BAD_VALUE,
                "0, which is none, or from 600 (10m) to 604800 (7d)");
}

enum err
ca_set_lists(struct scope *s, struct ca_office *office, int64_t id, const struct ca_lists *lists,
             int64_t version, const struct audit_actor *actor)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    const struct ca_authority *ca = ca_by_id(snap, id);
    struct setting w = { id, version, lists, ca ? ca->key : NULL, actor };

    check(s, lists);
    TRY(problems_check(s));
    TRY(db_write(s, office->o.db, set_in, &w));
    if (found_finish(s, office) != OK) {
        log_failure(s, LOG_ERROR, "first lists are not published yet; their jobs go on");
        scope_clear(s);
    }
    return crl_plan_now(s, office);
}

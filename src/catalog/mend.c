#include "catalog/mend.h"

#include "audit/audit.h"
#include "catalog/catalog.h"
#include "catalog/text_index.h"

/* Totals ---------------------------------------------------------------------------------------
 */

SQL(wrong_totals,
    "SELECT kind, key, CAST(SUM(value) AS BIGINT) FROM ("
    "SELECT 'state' AS kind, state AS key, COUNT(*) AS value FROM certificate GROUP BY state "
    "UNION ALL SELECT 'authority', authority, COUNT(*) FROM certificate "
    "WHERE authority IS NOT NULL GROUP BY authority "
    "UNION ALL SELECT 'template', template, COUNT(*) FROM certificate "
    "WHERE template IS NOT NULL GROUP BY template "
    "UNION ALL SELECT 'expiry_day', not_after / 86400000, COUNT(*) FROM certificate "
    "GROUP BY not_after / 86400000 "
    "UNION ALL SELECT 'valid_day', not_after / 86400000, COUNT(*) FROM certificate "
    "WHERE state <> 2 GROUP BY not_after / 86400000 "
    "UNION ALL SELECT kind, key, -value FROM counter WHERE kind IN "
    "('state', 'authority', 'template', 'expiry_day', 'valid_day')) t "
    "GROUP BY kind, key HAVING SUM(value) <> 0 ORDER BY kind, key");

static const char *const kinds[] = { "state", "authority", "template", "expiry_day", "valid_day" };

struct mending {
    bool dry;
    int64_t wrong;
    enum text_index of;
    bool checked; /* of what follows nothing is to last */
};

/** KIND as text that outlives the write. */
static const char *
lasting(const char *kind)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (text_eq(kinds[i], kind))
            return kinds[i];
    return NULL;
}

static enum err
record(struct scope *s, struct tx *tx, const char *what, int64_t wrong)
{
    struct audit_change fact = { "wrong", NULL, arena_printf(s->arena, "%lld", (long long)wrong),
                                 AUDIT_IS_TEXT };

    return audit_add(s, tx,
                     &(struct audit_event){ .action = AUDIT_SYSTEM_MEND,
                                            .target = { "register", what, what },
                                            .changes = &fact,
                                            .change_count = 1 });
}

static enum err
totals_in(struct scope *s, struct tx *tx, void *arg)
{
    struct mending *m = arg;
    struct rows rows;

    m->wrong = 0;
    if (tx_kind(tx) == DB_POSTGRES) /* who has counted is done, who has not waits */
        TRY(tx_query(s, tx, "LOCK TABLE counter IN EXCLUSIVE MODE", BIND_NONE, &rows));
    TRY(tx_all(s, tx, &wrong_totals, BIND_NONE, &rows));
    m->wrong = (int64_t)rows.count;
    for (size_t i = 0; i < rows.count && !m->dry; i++) {
        const char *kind = lasting(row_text(&rows.at[i]));
        int64_t key = row_int(&rows.at[i]);

        TRY(counter_add(s, tx, kind, key, row_int(&rows.at[i])));
    }
    return m->wrong && !m->dry ? record(s, tx, "totals", m->wrong) : OK;
}

enum err
totals_mend(struct scope *s, struct db *db, bool dry, int64_t *wrong)
{
    struct mending m = { .dry = dry };

    TRY(db_write(s, db, totals_in, &m));
    *wrong = m.wrong;
    return OK;
}

/* The index ------------------------------------------------------------------------------------
 */

/** Fill it up and hold it against the rows, all in one moment; nothing of it lasts. */
static enum err
check_in(struct scope *s, struct tx *tx, void *arg)
{
    struct mending *m = arg;

    TRY(text_index_check(s, tx, m->of));
    m->checked = true;
    return fail(s, E_CONFLICT, "it was only a look");
}

static enum err
clear_in(struct scope *s, struct tx *tx, void *arg)
{
    struct mending *m = arg;

    TRY(text_index_clear(s, tx, m->of));
    return record(s, tx, "search index", 1);
}

enum err
text_index_mend(struct scope *s, struct db *db, bool dry, int64_t *wrong)
{
    *wrong = 0;
    if (db_kind(db) != DB_SQLITE)
        return OK;
    for (int of = INDEX_NAMES; of <= INDEX_METADATA; of++) {
        struct mending m = { .of = (enum text_index)of };
        enum err e = db_write(s, db, check_in, &m);

        if (m.checked) {
            scope_clear(s);
            continue;
        }
        if (e == E_UNAVAILABLE || e == E_TIMEOUT)
            return e;
        scope_clear(s);
        ++*wrong;
        if (!dry)
            TRY(db_write(s, db, clear_in, &m));
    }
    return *wrong && !dry ? text_index_fill(s, db, 500, NULL, NULL) : OK;
}

#include "db/migrate.h"

#include "base/log.h"
#include "base/metric.h"
#include "db/sql.h"

#include <stdlib.h>
#include <string.h>

GAUGE(schema_version_gauge, "chancery_db_schema_version", "Number of the last migration applied.",
      NULL);

SQL(newest_version, "SELECT MAX(version), MAX(oldest_program) FROM schema_version");
SQL(count_version, "SELECT COUNT(*) FROM schema_version WHERE version = $1");
SQL(add_version,
    "INSERT INTO schema_version (version, oldest_program, applied_at) VALUES ($1, $2, $3)");

/* What db/ itself needs, in every database. */
static const char own_tables[] =
    "CREATE TABLE IF NOT EXISTS schema_version (\n"
    "    version @int PRIMARY KEY, oldest_program @int NOT NULL, applied_at @int NOT NULL);\n"
    "CREATE TABLE IF NOT EXISTS db_probe (id @int PRIMARY KEY, at @int NOT NULL);\n";

static int64_t
number_of(const struct migration *m)
{
    return strtoll(m->file, NULL, 10);
}

static int64_t
oldest_program(const struct migration *m)
{
    static const char mark[] = "-- oldest_program: ";
    const char *at = strstr(m->text, mark);

    return at ? strtoll(at + strlen(mark), NULL, 10) : number_of(m);
}

static enum err
run_script(struct scope *s, struct conn *c, const char *text)
{
    struct list statements = { 0 };

    TRY(sql_split(s, c->engine->kind, text, &statements));
    LIST_EACH(const char *, statement, &statements)
    TRY(note(s, conn_text(s, c, *statement), "in \"%.60s\"", *statement));
    return OK;
}

static enum err
apply(struct scope *s, struct conn *c, const struct migration *m)
{
    struct values v = BIND(v_int(number_of(m)), v_int(oldest_program(m)), v_when(clock_now()));
    struct question q = { .sql = &add_version, .values = v };
    struct answer a = { 0 };

    TRY(note(s, run_script(s, c, m->text), "migration %s", m->file));
    return c->engine->run(s, c, &q, &a);
}

/** Asked for each number: those who work side by side take theirs in no order. */
static enum err
is_applied(struct scope *s, struct conn *c, const struct migration *m, bool *applied)
{
    struct answer a = { .take = TAKE_ONE };

    TRY(c->engine->run(
        s, c, &(struct question){ .sql = &count_version, .values = BIND(v_int(number_of(m))) },
        &a));
    *applied = row_int(&a.one) > 0;
    return OK;
}

static enum err
apply_missing(struct scope *s, struct conn *c, const struct migration *all, size_t count)
{
    struct question q = { .sql = &newest_version };
    struct answer a = { .take = TAKE_ONE };
    int64_t have, oldest, mine = count > 0 ? number_of(&all[count - 1]) : 0;

    TRY(run_script(s, c, own_tables));
    TRY(c->engine->run(s, c, &q, &a));
    have = row_int(&a.one);
    oldest = row_int(&a.one);
    if (oldest > mine)
        return fail_code(s, E_CONFLICT, CHY_DB_NEWER,
                         "the schema is at version %lld, which wants a program of version %lld or "
                         "later; this one has %lld",
                         (long long)have, (long long)oldest, (long long)mine);
    for (size_t i = 0; i < count; i++) {
        bool applied;

        TRY(is_applied(s, c, &all[i], &applied));
        if (applied)
            continue;
        TRY(apply(s, c, &all[i]));
        log_info(s, "applied migration %s", all[i].file);
    }
    metric_set(&schema_version_gauge, (double)MAX(have, mine));
    return OK;
}

enum err
db_schema(struct scope *s, struct db *db, int64_t *have, int64_t *known)
{
    struct row row;

    TRY(db_one(s, db, &newest_version, BIND_NONE, &row));
    *have = row_int(&row);
    *known = migration_count > 0 ? number_of(&migrations[migration_count - 1]) : 0;
    return OK;
}

enum err
migrate_to(struct scope *s, struct conn *c, const struct list *wanted)
{
    size_t found = 0;

    TRY(run_script(s, c, own_tables));
    for (size_t i = 0; i < migration_count; i++)
        LIST_EACH(int64_t, number, wanted)
    if (*number == number_of(&migrations[i])) {
        TRY(apply(s, c, &migrations[i]));
        found++;
    }
    if (found < wanted->count)
        return fail_code(s, E_CONFLICT, CHY_DB_NEWER,
                         "the schema has a migration that this program does not know: it was "
                         "written by a newer one");
    return OK;
}

enum err
migrate(struct scope *s, struct conn *c, const struct migration *all, size_t count)
{
    enum err e;

    TRY(c->engine->lock_schema(s, c));
    e = apply_missing(s, c, all, count);
    if (e == OK)
        return conn_text(s, c, "COMMIT");
    struct error first = s->error; /* it matters more than how undoing went */

    if (conn_text(s, c, "ROLLBACK") != OK)
        c->broken = true;
    s->error = first;
    return e;
}

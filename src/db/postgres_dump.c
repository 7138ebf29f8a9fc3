/* PostgreSQL's dump: what COPY gives of each table, in one repeatable-read transaction. */
#include "db/postgres.h"

#include "db/migrate.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_LIMIT ((size_t)64 << 10)

/* Questions by libpq itself: a copy is no question of ours. */
OWNED(PGresult, PQclear);

static enum err
ask(struct scope *s, struct postgres_conn *c, const char *text, PGresult **out)
{
    PGresult *r = PQexec(c->link, text);
    ExecStatusType status = PQresultStatus(r);

    *out = NULL;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_OUT &&
        status != PGRES_COPY_IN) {
        enum err e = postgres_failure(s, c, r, text);

        PQclear(r);
        return e;
    }
    *out = arena_own(s->arena, r, PQclear);
    return OK;
}

static enum err
tell(struct scope *s, struct postgres_conn *c, const char *text)
{
    PGresult *r;

    return ask(s, c, text, &r);
}

/** The tables that the schema of the connection has, and their columns. */
static const char tables[] =
    "SELECT t.table_name, string_agg(quote_ident(c.column_name), ',' ORDER BY c.ordinal_position) "
    "FROM information_schema.tables t JOIN information_schema.columns c "
    "ON c.table_schema = t.table_schema AND c.table_name = t.table_name "
    "WHERE t.table_schema = current_schema() AND t.table_type = 'BASE TABLE' "
    "AND c.is_generated = 'NEVER' GROUP BY t.table_name ORDER BY t.table_name";

/** A name of the catalogue as a statement takes it. */
static enum err
quoted(struct scope *s, struct postgres_conn *c, const char *name, const char **out)
{
    char *text = PQescapeIdentifier(c->link, name, strlen(name));

    if (!text)
        return fail(s, E_INVALID, "\"%.64s\" is no name of a table", name);
    *out = arena_text(s->arena, text);
    PQfreemem(text);
    return OK;
}

/* Out --------------------------------------------------------------------------------------------
 */

static enum err
copy_rows(struct scope *s, struct postgres_conn *c, const struct db_sink *sink, int64_t *rows)
{
    char *line = NULL;
    PGresult *r;
    enum err e = OK;
    int len;

    while ((len = PQgetCopyData(c->link, &line, 0)) > 0) {
        if (e == OK)
            e = sink->piece(s, sink->arg, (struct bytes){ (const uint8_t *)line, (size_t)len });
        PQfreemem(line);
        (*rows)++;
        if (e != OK) { /* what is left of the copy goes with the connection */
            c->head.broken = true;
            return e;
        }
    }
    while ((r = PQgetResult(c->link))) {
        if (e == OK && PQresultStatus(r) != PGRES_COMMAND_OK)
            e = postgres_failure(s, c, r, "copying a table");
        PQclear(r);
    }
    return e;
}

static enum err
dump_table(struct scope *s, struct postgres_conn *c, const char *name, const char *columns,
           const struct db_sink *sink)
{
    struct db_part part = { .name = arena_printf(s->arena, DB_TABLE_PARTS "%s", name),
                            .columns = columns };
    const char *as;

    TRY(quoted(s, c, name, &as));
    TRY(sink->begin(s, sink->arg, &part));
    TRY(tell(s, c, arena_printf(s->arena, "COPY %s (%s) TO STDOUT", as, columns)));
    TRY(note(s, copy_rows(s, c, sink, &part.rows), "table %s", name));
    return sink->end(s, sink->arg, &part);
}

enum err
postgres_dump(struct scope *s, struct conn *conn, const char *scratch UNUSED,
              const struct db_sink *sink)
{
    struct postgres_conn *c = (struct postgres_conn *)conn;
    PGresult *r;

    TRY(tell(s, c, "SET LOCAL idle_in_transaction_session_timeout = 0"));
    TRY(ask(s, c, tables, &r));
    for (int i = 0; i < PQntuples(r); i++)
        TRY(dump_table(s, c, arena_text(s->arena, PQgetvalue(r, i, 0)),
                       arena_text(s->arena, PQgetvalue(r, i, 1)), sink));
    return OK;
}

/* In ---------------------------------------------------------------------------------------------
 */

/** A connection, as a lane has it. */
static enum err
with_writer(struct scope *s, struct db *db,
            enum err (*run)(struct scope *s, struct postgres_conn *c, void *arg), void *arg)
{
    struct conn *c;
    enum err e;

    TRY(postgres_engine.connect(s, db, true, &c));
    e = run(s, (struct postgres_conn *)c, arg);
    postgres_engine.disconnect(c);
    return e;
}

static enum err
look(struct scope *s, struct postgres_conn *c, void *arg)
{
    struct db_place *out = arg;
    int64_t lanes = 0;
    PGresult *r;

    TRY(ask(s, c, tables, &r));
    out->used = PQntuples(r) > 0;
    TRY(postgres_ask(s, c,
                     arena_printf(s->arena,
                                  "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND "
                                  "classid = %d AND objsubid = 2 AND database = "
                                  "(SELECT oid FROM pg_database WHERE datname = "
                                  "current_database())",
                                  LOCK_LANE),
                     &lanes));
    out->busy = lanes > 0;
    return OK;
}

enum err
postgres_look(struct scope *s, struct db *db, struct db_place *out)
{
    return with_writer(s, db, look, out);
}

static enum err
give_rows(struct scope *s, void *to, struct bytes piece)
{
    struct postgres_conn *c = to;

    return PQputCopyData(c->link, (const char *)piece.data, (int)piece.len) == 1
               ? OK
               : postgres_lost(s, c, "sending a table's rows");
}

static enum err
end_rows(struct scope *s, struct postgres_conn *c, const struct db_part *part, enum err so_far)
{
    PGresult *r;
    enum err e = so_far;

    if (PQputCopyEnd(c->link, e == OK ? NULL : "the dump cannot be read") != 1)
        return e == OK ? postgres_lost(s, c, "sending a table's rows") : e;
    while ((r = PQgetResult(c->link))) {
        if (e == OK && PQresultStatus(r) != PGRES_COMMAND_OK)
            e = postgres_failure(s, c, r, part->name);
        else if (e == OK && strtoll(PQcmdTuples(r), NULL, 10) != part->rows)
            e = fail(s, E_INVALID, "%s has %s rows, and %lld were dumped", part->name,
                     PQcmdTuples(r), (long long)part->rows);
        PQclear(r);
    }
    return e;
}

/** The columns of a part, which is from a file that others may have written, as a statement takes
 * them: ours are of small letters, digits and underscores, and so no other is. */
static enum err
quoted_columns(struct scope *s, struct postgres_conn *c, const struct db_part *part,
               const char **out)
{
    const char *at = part->columns ? part->columns : "";
    struct buf b;

    buf_init_in(&b, s->arena, 65536);
    for (;;) {
        bool has_quotes = *at == '"';
        const char *name = at + has_quotes, *as;
        size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

        at = name + len + (has_quotes && name[len] == '"');
        if (!len || at - name - (ptrdiff_t)len != has_quotes || (*at && *at != ','))
            return fail(s, E_INVALID, "the columns of %s are no names", part->name);
        TRY(quoted(s, c, arena_text_n(s->arena, name, len), &as));
        buf_printf(&b, "%s%s", b.len ? "," : "", as);
        if (!*at++)
            break;
    }
    *out = buf_str(&b);
    return *out ? OK : fail(s, E_INVALID, "%s has too many columns", part->name);
}

static enum err
load_table(struct scope *s, struct postgres_conn *c, const struct db_source *from,
           const struct db_part *part)
{
    const char *as, *columns;

    TRY(quoted(s, c, part->name + strlen(DB_TABLE_PARTS), &as));
    TRY(quoted_columns(s, c, part, &columns));
    TRY(tell(s, c, arena_printf(s->arena, "TRUNCATE %s", as)));
    TRY(tell(s, c, arena_printf(s->arena, "COPY %s (%s) FROM STDIN", as, columns)));
    return end_rows(s, c, part, from->read(s, from->arg, part, give_rows, c));
}

/** Run each statement that the rows of QUESTION are. */
static enum err
run_made(struct scope *s, struct postgres_conn *c, const char *question)
{
    PGresult *r;

    TRY(ask(s, c, question, &r));
    for (int i = 0; i < PQntuples(r); i++)
        TRY(tell(s, c, PQgetvalue(r, i, 0)));
    return OK;
}

/** References are checked once at the end: tables refer to one another, and rows to their fellows.
 */
static enum err
take_references(struct scope *s, struct postgres_conn *c, struct list *again)
{
    PGresult *r;

    TRY(ask(s, c,
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname), "
            "format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, "
            "pg_get_constraintdef(oid)) FROM pg_constraint WHERE contype = 'f' "
            "AND connamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())",
            &r));
    for (int i = 0; i < PQntuples(r); i++) {
        list_add(s->arena, again, const char *, arena_text(s->arena, PQgetvalue(r, i, 1)));
        TRY(tell(s, c, PQgetvalue(r, i, 0)));
    }
    return OK;
}

/** Numbers go on behind the highest that is there. */
static const char sequences[] =
    "SELECT format('SELECT setval(%L, GREATEST((SELECT MAX(%I) FROM %I), 0) + 1, false)', "
    "pg_get_serial_sequence(quote_ident(table_name), column_name), column_name, table_name) "
    "FROM information_schema.columns WHERE table_schema = current_schema() "
    "AND is_identity = 'YES'";

static enum err
load_all(struct scope *s, struct postgres_conn *c, const struct db_source *from)
{
    struct list references = { 0 };

    TRY(run_made(s, c,
                 "SELECT format('DROP TABLE %I CASCADE', table_name) FROM "
                 "information_schema.tables WHERE table_schema = current_schema() "
                 "AND table_type = 'BASE TABLE'"));
    TRY(migrate_to(s, &c->head, from->schema));
    TRY(take_references(s, c, &references));
    LIST_EACH(struct db_part, part, from->parts)
    TRY(note(s, load_table(s, c, from, part), "%s", part->name));
    LIST_EACH(const char *, reference, &references)
    TRY(tell(s, c, *reference));
    TRY(run_made(s, c, sequences));
    if (from->also)
        TRY(tell(s, c, from->also));
    return tell(s, c, "COMMIT");
}

static enum err
load(struct scope *s, struct postgres_conn *c, void *arg)
{
    TRY(postgres_engine.lock_schema(s, &c->head));
    return load_all(s, c, arg); /* what fails is undone by the end of the connection */
}

enum err
postgres_load(struct scope *s, struct db *db, const struct db_source *from)
{
    union {
        const struct db_source *in;
        void *out;
    } arg = { from };

    return with_writer(s, db, load, arg.out);
}

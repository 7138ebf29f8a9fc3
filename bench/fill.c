#include "fill.h"

#include "target.h"

#include "catalog/text_index.h"

#include <stdio.h>

#define CHUNK 20000

/* Indexes whose keys come in no order: they are made when all is there, for each row would write a
 * page of its own into them. */
static const char *const unordered[] = { "certificate_sha1", "certificate_key",
                                         "certificate_not_after" };

/* Numbers $1 to $2, as both engines count. */
#define NUMBERS                                                                              \
    "WITH RECURSIVE g(i) AS (SELECT CAST($1 AS bigint) UNION ALL SELECT i + 1 FROM g WHERE " \
    "i < CAST($2 AS bigint)) "
#define PAD "substr('0000000' || CAST(g.i AS text), length(CAST(g.i AS text)) + 1, 7)"
#define CN "'host-' || " PAD " || '.dept-' || CAST(g.i % 97 AS text) || '.example.com'"
#define ID "(g.i + 1000000000)" /* beyond what the server gave */

/** What a chunk is made of. */
struct chunk {
    int64_t from, to;
    struct when now;
    const char *hash32, *hash20;       /* expressions for octets that are no other's */
    const char *ordered32, *ordered20; /* the same, larger from row to row: of unique columns */
};

static enum err
run(struct scope *s, struct tx *tx, const char *text, struct values v)
{
    struct rows rows;

    return tx_query(s, tx, text, v, &rows);
}

#define CERTIFICATES                                                                               \
    "INSERT INTO certificate (id, sha256, sha1, issuer_hash, serial, subject_hash, key_hash, dn, " \
    "cn, issuer_dn, not_before, not_after, imported_at, state, key_type, key_bits, curve, "        \
    "key_usage, signing_algorithm, ext_key_usages, self_signed, authority, ca_key, template, "     \
    "requester_name, revoked_at, revocation_reason) "                                              \
    "SELECT " ID ", %s, %s, o.issuer_hash, %s, o.subject_hash, %s, 2 * " ID " + 1, 2 * " ID ", "   \
    "o.issuer_dn, CAST($3 AS bigint) - 86400000, CASE WHEN g.i %% 20 = 0 THEN CAST($3 AS bigint) " \
    "- 86400000 ELSE CAST($3 AS bigint) + (g.i * 7919 %% 730) * 86400000 + g.i * 104729 %% "       \
    "86400000 END, CAST($3 AS bigint), CASE WHEN g.i %% 50 = 0 THEN 2 ELSE 1 END, o.key_type, "    \
    "o.key_bits, o.curve, o.key_usage, o.signing_algorithm, o.ext_key_usages, 0, o.authority, "    \
    "o.ca_key, (SELECT MIN(t.id) FROM template t) + CASE WHEN g.i %% 2 = 0 THEN 0 ELSE g.i %% 4 "  \
    "END, 'admin', CASE WHEN g.i %% 50 = 0 THEN CAST($3 AS bigint) END, CASE WHEN g.i %% 50 = 0 "  \
    "THEN 4 END FROM g CROSS JOIN (SELECT * FROM certificate WHERE id < 1000000000 AND state = 1 " \
    "ORDER BY id DESC LIMIT 1) o"

static enum err
chunk_in(struct scope *s, struct tx *tx, void *arg)
{
    static const char *const texts[] = {
        NUMBERS "INSERT INTO name (id, text, folded) SELECT 2 * " ID ", " CN ", " CN " FROM g",
        NUMBERS "INSERT INTO name (id, text, folded) SELECT 2 * " ID " + 1, 'CN=' || " CN
                " || ',O=Bench', 'cn=' || " CN " || ',o=bench' FROM g",
        NULL,
        NUMBERS "INSERT INTO certificate_der (certificate, der) SELECT " ID
                ", o.der FROM g CROSS JOIN (SELECT der FROM certificate_der WHERE certificate = "
                "(SELECT MAX(id) FROM certificate WHERE id < 1000000000 AND state = 1)) o",
        NUMBERS "INSERT INTO certificate_name (certificate, position, kind, name) SELECT " ID
                ", 1, 2, 2 * " ID " FROM g",
        NUMBERS "INSERT INTO certificate_metadata (certificate, field, value, folded) SELECT " ID
                ", 101, 'Team-' || CAST(g.i * 31 % 500 AS text), 'team-' || CAST(g.i * 31 % 500 AS "
                "text) FROM g",
        NUMBERS "INSERT INTO certificate_metadata (certificate, field, value, folded) SELECT " ID
                ", 102, 'CHG' || " PAD ", 'chg' || " PAD " FROM g",
    };
    const struct chunk *c = arg;

    for (size_t i = 0; i < COUNT(texts); i++) {
        if (texts[i])
            TRY(run(s, tx, texts[i], BIND(v_int(c->from), v_int(c->to))));
        else
            TRY(run(s, tx,
                    arena_printf(s->arena, NUMBERS CERTIFICATES, c->ordered32, c->hash20,
                                 c->ordered20, c->hash32),
                    BIND(v_int(c->from), v_int(c->to), v_when(c->now))));
    }
    return OK;
}

/* What the server counts as it goes. */
static enum err
totals_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    static const char *const counters[][2] = {
        { "state", "state" },
        { "authority", "authority" },
        { "template", "template" },
        { "expiry_day", "not_after / 86400000" },
        { "valid_day", "not_after / 86400000" },
    };

    for (size_t i = 0; i < COUNT(counters); i++)
        TRY(run(s, tx,
                arena_printf(s->arena,
                             "INSERT INTO counter (kind, key, lane, value) SELECT '%s', %s, 0, "
                             "COUNT(*) FROM certificate WHERE id > 1000000000%s GROUP BY %s",
                             counters[i][0], counters[i][1],
                             text_starts(counters[i][0], "valid") ? " AND state <> 2" : "",
                             counters[i][1]),
                BIND_NONE));
    return OK;
}

static enum err
values_in(struct scope *s, struct tx *tx, void *arg UNUSED)
{
    return run(s, tx,
               "INSERT INTO metadata_value (field, folded) SELECT DISTINCT field, folded "
               "FROM certificate_metadata WHERE certificate > 1000000000 ORDER BY 1, 2",
               BIND_NONE);
}

static enum err
fields_in(struct scope *s, struct tx *tx, void *arg)
{
    return run(s, tx,
               "INSERT INTO metadata_field (id, name, name_folded, description, data_type, "
               "created_at) VALUES (101, 'Owner', 'owner', 'a team', 1, $1), (102, 'Ticket', "
               "'ticket', 'a number', 1, $1)",
               BIND(v_when(*(struct when *)arg)));
}

/** The index's definition, and the index itself gone. */
struct dropped {
    const char *text[COUNT(unordered)];
};

static enum err
drop_in(struct scope *s, struct tx *tx, void *arg)
{
    struct dropped *d = arg;
    const char *ask = tx_kind(tx) == DB_SQLITE
                          ? "SELECT sql FROM sqlite_schema WHERE name = $1"
                          : "SELECT indexdef FROM pg_indexes WHERE indexname = $1";

    for (size_t i = 0; i < COUNT(unordered); i++) {
        struct rows rows;

        TRY(tx_query(s, tx, ask, BIND(v_text(unordered[i])), &rows));
        if (!rows.count)
            return fail(s, E_NOT_FOUND, "no index %s", unordered[i]);
        d->text[i] = row_text(&rows.at[0]);
        TRY(run(s, tx, arena_printf(s->arena, "DROP INDEX %s", unordered[i]), BIND_NONE));
    }
    return OK;
}

static enum err
make_in(struct scope *s, struct tx *tx, void *arg)
{
    return run(s, tx, arg, BIND_NONE);
}

void
fill_register(struct scope *s, const char *url, int64_t size)
{
    struct db_options o = { .batch = 1 };
    struct chunk c = { .now = clock_now() };
    int64_t began = clock_mono_ms();
    struct dropped indexes;
    struct db *db;

    must_be(s, db_open(s, url, &o, &db), "database");
    if (db_kind(db) == DB_SQLITE) {
        c.hash32 = "randomblob(32)";
        c.hash20 = "randomblob(20)";
        c.ordered32 = "CAST(printf('%08x', g.i) || lower(hex(randomblob(12))) AS BLOB)";
        c.ordered20 = "CAST(printf('%08x', g.i) || lower(hex(randomblob(6))) AS BLOB)";
    } else {
        c.hash32 = c.ordered32 =
            "sha256(CAST(CAST(random() AS text) || CAST(g.i AS text) AS bytea))";
        c.hash20 = c.ordered20 = "substr(sha256(CAST(CAST(g.i AS text) AS bytea)), 1, 20)";
    }
    must_be(s, db_write(s, db, drop_in, &indexes), "indexes");
    must_be(s, db_write(s, db, fields_in, &c.now), "metadata fields");
    for (c.from = 0; c.from < size; c.from = c.to + 1) {
        AUTO(scope_free) struct scope *own = scope_new("bench");

        c.to = MIN(c.from + CHUNK, size) - 1;
        must_be(own, db_write(own, db, chunk_in, &c), "certificates");
    }
    for (size_t i = 0; i < COUNT(unordered); i++)
        must_be(s, db_write(s, db, make_in, (void *)(uintptr_t)indexes.text[i]), unordered[i]);
    must_be(s, db_write(s, db, totals_in, NULL), "totals");
    must_be(s, db_write(s, db, values_in, NULL), "values");
    printf("filled with %lld certificates in %.1f s\n", (long long)size,
           (double)(clock_mono_ms() - began) / 1000);
    began = clock_mono_ms();
    must_be(s, text_index_fill(s, db, 20000, NULL, NULL), "the index of texts");
    printf("index of texts in %.1f s\n", (double)(clock_mono_ms() - began) / 1000);
    db_close(db);
}

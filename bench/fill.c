#include "fill.h"

#include "sink.h"
#include "target.h"

#include "catalog/text_index.h"

#include <stdio.h>
#include <string.h>

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
#define BOTH "(SELECT 0 AS k UNION ALL SELECT 1) n"
#define ID "(g.i + 1000000000)" /* beyond what the server gave */

/** What a chunk is made of. */
struct chunk {
    int64_t from, to;
    struct when now;
    const char *hash32, *hash20;       /* expressions for octets that are no other's */
    const char *ordered32, *ordered20; /* the same, larger from row to row: of unique columns */
};

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
add_chunk(struct scope *s, const struct sink *to, void *arg)
{
    static const char *const texts[] = {
        /* a certificate's rows stand together, as when one comes after the other */
        NUMBERS "INSERT INTO name (id, text, folded) SELECT 2 * " ID
                " + n.k, CASE n.k WHEN 0 THEN " CN " ELSE 'CN=' || " CN
                " || ',O=Bench' END, CASE n.k WHEN 0 THEN " CN " ELSE 'cn=' || " CN
                " || ',o=bench' END FROM g CROSS JOIN " BOTH,
        NULL,
        NUMBERS "INSERT INTO certificate_der (certificate, der) SELECT " ID
                ", o.der FROM g CROSS JOIN (SELECT der FROM certificate_der WHERE certificate = "
                "(SELECT MAX(id) FROM certificate WHERE id < 1000000000 AND state = 1)) o",
        NUMBERS "INSERT INTO certificate_name (certificate, position, kind, name) SELECT " ID
                ", 1, 2, 2 * " ID " FROM g",
        NUMBERS "INSERT INTO certificate_metadata (certificate, field, value, folded) SELECT " ID
                ", 101 + n.k, CASE n.k WHEN 0 THEN 'Team-' || CAST(g.i * 31 % 500 AS text) ELSE "
                "'CHG' || " PAD " END, CASE n.k WHEN 0 THEN 'team-' || CAST(g.i * 31 % 500 AS "
                "text) ELSE 'chg' || " PAD " END FROM g CROSS JOIN " BOTH,
    };
    const struct chunk *c = arg;

    for (size_t i = 0; i < COUNT(texts); i++) {
        if (texts[i])
            TRY(sink_run(s, to, texts[i], BIND(v_int(c->from), v_int(c->to)), NULL));
        else
            TRY(sink_run(s, to,
                         arena_printf(s->arena, NUMBERS CERTIFICATES, c->ordered32, c->hash20,
                                      c->ordered20, c->hash32),
                         BIND(v_int(c->from), v_int(c->to), v_when(c->now)), NULL));
    }
    return OK;
}

/* What the server counts as it goes, from one look at all of it. */
static enum err
add_totals(struct scope *s, const struct sink *to, void *arg UNUSED)
{
    return sink_run(
        s, to,
        "INSERT INTO counter (kind, key, lane, value) WITH t AS MATERIALIZED (SELECT state, "
        "authority, template, not_after / 86400000 AS day, COUNT(*) AS n FROM certificate WHERE id "
        "> 1000000000 GROUP BY 1, 2, 3, 4) "
        "SELECT 'state', state, 0, CAST(SUM(n) AS bigint) FROM t GROUP BY state UNION ALL "
        "SELECT 'authority', authority, 0, CAST(SUM(n) AS bigint) FROM t GROUP BY authority UNION "
        "ALL "
        "SELECT 'template', template, 0, CAST(SUM(n) AS bigint) FROM t GROUP BY template UNION ALL "
        "SELECT 'expiry_day', day, 0, CAST(SUM(n) AS bigint) FROM t GROUP BY day UNION ALL "
        "SELECT 'valid_day', day, 0, CAST(SUM(n) AS bigint) FROM t WHERE state <> 2 GROUP BY day",
        BIND_NONE, NULL);
}

static enum err
add_values(struct scope *s, const struct sink *to, void *arg UNUSED)
{
    return sink_run(s, to,
                    "INSERT INTO metadata_value (field, folded) SELECT DISTINCT field, folded "
                    "FROM certificate_metadata WHERE certificate > 1000000000 ORDER BY 1, 2",
                    BIND_NONE, NULL);
}

static enum err
add_fields(struct scope *s, const struct sink *to, void *arg)
{
    return sink_run(s, to,
                    "INSERT INTO metadata_field (id, name, name_folded, description, data_type, "
                    "created_at) VALUES (101, 'Owner', 'owner', 'a team', 1, $1), (102, 'Ticket', "
                    "'ticket', 'a number', 1, $1)",
                    BIND(v_when(*(struct when *)arg)), NULL);
}

/** The indexes' definitions, and the indexes themselves gone. */
struct dropped {
    const char *text[COUNT(unordered)];
};

static enum err
drop_indexes(struct scope *s, const struct sink *to, void *arg)
{
    struct dropped *d = arg;
    const char *ask = to->file ? "SELECT sql FROM sqlite_schema WHERE name = $1"
                               : "SELECT indexdef FROM pg_indexes WHERE indexname = $1";

    for (size_t i = 0; i < COUNT(unordered); i++) {
        TRY(sink_run(s, to, ask, BIND(v_text(unordered[i])), &d->text[i]));
        if (!d->text[i])
            return fail(s, E_NOT_FOUND, "no index %s", unordered[i]);
        TRY(sink_run(s, to, arena_printf(s->arena, "DROP INDEX %s", unordered[i]), BIND_NONE,
                     NULL));
    }
    return OK;
}

static enum err
make_index(struct scope *s, const struct sink *to, void *arg)
{
    return sink_run(s, to, arg, BIND_NONE, NULL);
}

/* The index of texts that SQLite's server fills by a job: as that does it, but in one go, with more
 * of it in memory before it is written. */
#define MORE_IN_MEMORY(index) \
    "INSERT INTO " index " (" index ", rank) VALUES ('hashsize', 67108864)"
#define AS_USUAL(index) "INSERT INTO " index " (" index ", rank) VALUES ('hashsize', 1048576)"
#define ADD(index, table, mark)                                                            \
    "INSERT INTO " index " (rowid, folded) SELECT id, folded FROM " table                  \
    " WHERE id > COALESCE((SELECT CAST(value AS integer) FROM setting WHERE name = '" mark \
    "'), 0) ORDER BY id"
#define MARK(table, mark)                                                                    \
    "INSERT INTO setting (name, value) SELECT '" mark "', CAST(MAX(id) AS text) FROM " table \
    " WHERE true ON CONFLICT (name) DO UPDATE SET value = excluded.value"
#define INDEX(index, table, mark) \
    MORE_IN_MEMORY(index), ADD(index, table, mark), MARK(table, mark), AS_USUAL(index)

static enum err
add_texts(struct scope *s, const struct sink *to, void *arg UNUSED)
{
    static const char *const texts[] = {
        INDEX("name_text", "name", "search.names"),
        INDEX("metadata_text", "metadata_value", "search.metadata"),
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        TRY(sink_run(s, to, texts[i], BIND_NONE, NULL));
    return OK;
}

static double
since(int64_t *began)
{
    int64_t then = *began;

    *began = clock_mono_ms();
    return (double)(*began - then) / 1000;
}

static void
fill_all(struct scope *s, const struct sink *to, int64_t size)
{
    struct chunk c = { .now = clock_now() };
    int64_t began = clock_mono_ms();
    struct dropped indexes;

    if (to->file) {
        c.hash32 = "randomblob(32)";
        c.hash20 = "randomblob(20)";
        c.ordered32 = "CAST(printf('%08x', g.i) || lower(hex(randomblob(12))) AS BLOB)";
        c.ordered20 = "CAST(printf('%08x', g.i) || lower(hex(randomblob(6))) AS BLOB)";
    } else {
        c.hash32 = c.ordered32 =
            "sha256(CAST(CAST(random() AS text) || CAST(g.i AS text) AS bytea))";
        c.hash20 = c.ordered20 = "substr(sha256(CAST(CAST(g.i AS text) AS bytea)), 1, 20)";
    }
    must_be(s, sink_write(s, to, drop_indexes, &indexes), "indexes");
    must_be(s, sink_write(s, to, add_fields, &c.now), "metadata fields");
    for (c.from = 0; c.from < size; c.from = c.to + 1) {
        AUTO(scope_free) struct scope *own = scope_new("bench");

        c.to = MIN(c.from + CHUNK, size) - 1;
        must_be(own, sink_write(own, to, add_chunk, &c), "certificates");
    }
    printf("filled with %lld certificates in %.1f s\n", (long long)size, since(&began));
    for (size_t i = 0; i < COUNT(unordered); i++)
        must_be(s, sink_write(s, to, make_index, (void *)(uintptr_t)indexes.text[i]), unordered[i]);
    printf("indexes in %.1f s\n", since(&began));
    must_be(s, sink_write(s, to, add_totals, NULL), "totals");
    must_be(s, sink_write(s, to, add_values, NULL), "values");
    printf("totals and values in %.1f s\n", since(&began));
    if (to->file)
        must_be(s, sink_write(s, to, add_texts, NULL), "the index of texts");
    printf("index of texts in %.1f s\n", since(&began));
}

void
fill_register(struct scope *s, const char *url, int64_t size)
{
    struct db_options o = { .batch = 1 };
    AUTO(db_close) struct db *db = NULL;

    if (text_starts(url, "sqlite:")) {
        struct sink to = { .file = sink_file(s, url + strlen("sqlite:")) };

        fill_all(s, &to, size);
        sink_done(s, &to);
        must_be(s, db_open(s, url, &o, &db), "database");
        must_be(s, text_index_fill(s, db, CHUNK, NULL, NULL), "the index of texts");
    } else {
        must_be(s, db_open(s, url, &o, &db), "database");
        fill_all(s, &(struct sink){ .db = db }, size);
    }
}

#include "catalog/text_index.h"

#include "base/metric.h"
#include "jobs/jobs.h"

#include <string.h>

#define TRIGRAMS_MAX 3 /* as many are enough to tell texts apart */
#define SAMPLE 200
#define PLACES 8                                     /* of the table, from which the sample is */
#define PLAIN "0123456789abcdefghijklmnopqrstuvwxyz" /* of the characters that pg_trgm sees */
#define BATCH 500                                    /* rows that one transaction adds */

GAUGE(behind, "chancery_search_index_behind",
      "Texts that the index of names and metadata does not have yet.", "of");

static const struct source {
    const char *of, *table, *index, *mark;
} sources[] = {
    [INDEX_NAMES] = { "names", "name", "name_text", "search.names" },
    [INDEX_METADATA] = { "metadata", "metadata_value", "metadata_text", "search.metadata" },
};

SQL(mark_read, "SELECT value FROM setting WHERE name = $1");
SQL(mark_write,
    "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET "
    "value = excluded.value");

/** Up to which id the index goes. */
static enum err
mark_of(struct scope *s, struct db *db, enum text_index of, int64_t *out)
{
    struct row row;
    enum err e = db_one(s, db, &mark_read, BIND(v_text(sources[of].mark)), &row);

    *out = 0;
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    (void)text_to_int(row_text(&row), out);
    return OK;
}

/** The length of the character at P in octets. */
static size_t
char_len(const char *p)
{
    size_t len = 1;

    while (((uint8_t)p[len] & 0xc0) == 0x80)
        len++;
    return len;
}

/** Three characters of a part, and how many texts of a sample have them. */
struct trigram {
    const char *text;
    size_t seen;
};

static int
compare_trigrams(const void *a, const void *b)
{
    const struct trigram *x = a, *y = b;

    return (x->seen > y->seen) - (x->seen < y->seen);
}

/** Texts from all over the table, each of PLACES times as many as follow one another: neighbours
 * are alike. */
static enum err
take_sample(struct scope *s, struct db *db, const struct source *from, struct rows *out)
{
    struct value at[PLACES];
    struct buf text;
    struct rows ends;
    int64_t first, last;

    TRY(db_query(s, db,
                 arena_printf(s->arena,
                              "SELECT COALESCE((SELECT MIN(id) FROM %s), 0), "
                              "COALESCE((SELECT MAX(id) FROM %s), 0)",
                              from->table, from->table),
                 BIND_NONE, &ends));
    first = row_int(&ends.at[0]);
    last = row_int(&ends.at[0]);
    buf_init_in(&text, s->arena, PLACES * (size_t)128);
    for (size_t i = 0; i < PLACES; i++) {
        at[i] = v_int(first + (last - first) / PLACES * (int64_t)i);
        buf_printf(&text,
                   "%sSELECT folded FROM (SELECT folded FROM %s WHERE id >= $%zu ORDER BY id "
                   "LIMIT %d) p%zu",
                   i ? " UNION ALL " : "", from->table, i + 1, SAMPLE / PLACES, i);
    }
    return db_query(s, db, buf_str(&text), (struct values){ at, PLACES }, out);
}

static size_t
count_with(const struct rows *sample, const char *part)
{
    size_t n = 0;

    for (size_t i = 0; i < sample->count; i++)
        n += strstr(sample->at[i].columns[0].text, part) != NULL;
    return n;
}

/**
 * Every three characters of PART, the rarest in a sample first: each that an engine is asked for
 * costs it a walk through all that have it, and what is found is looked at anyway. None: PART has
 * fewer.
 */
static void
trigrams(struct scope *s, const struct rows *sample, const char *part, struct list *out)
{
    size_t points = text_code_points(part);
    struct list all = { 0 };

    for (size_t n = 0; n + 2 < points; n++, part += char_len(part)) {
        size_t len = char_len(part), two = len + char_len(part + len);
        struct trigram *t = list_push(s->arena, &all, struct trigram);

        t->text = arena_text_n(s->arena, part, two + char_len(part + two));
        t->seen = count_with(sample, t->text);
    }
    list_sort(&all, compare_trigrams);
    *out = all;
}

/** A question to FTS5; NULL: there are no trigrams. */
static const char *
match_of(struct scope *s, const struct list *trigrams)
{
    struct buf b;

    buf_init_in(&b, s->arena, 256);
    for (size_t i = 0; i < MIN(trigrams->count, (size_t)TRIGRAMS_MAX); i++) {
        buf_text(&b, i ? " AND \"" : "\"");
        for (const char *c = list_at(trigrams, struct trigram, i)->text; *c; c++) {
            if (*c == '"')
                buf_byte(&b, '"');
            buf_byte(&b, (uint8_t)*c);
        }
        buf_byte(&b, '"');
    }
    return trigrams->count ? buf_str(&b) : NULL;
}

/** Whether pg_trgm, which sees letters and digits only, has this one. */
static bool
is_plain(const char *text)
{
    return strspn(text, PLAIN) == 3 && !text[3];
}

/** PART as LIKE takes it. */
static const char *
like_part(struct scope *s, const char *part)
{
    struct buf b;

    buf_init_in(&b, s->arena, (size_t)1 << 20);
    buf_byte(&b, '%');
    for (; *part; part++) {
        if (strchr("%_\\", *part))
            buf_byte(&b, '\\');
        buf_byte(&b, (uint8_t)*part);
    }
    buf_byte(&b, '%');
    return buf_str(&b);
}

static enum err
find_sqlite(struct scope *s, struct db *db, const struct text_part *p, const struct list *trigrams,
            struct rows *out)
{
    const struct source *from = &sources[p->of];
    const char *match = match_of(s, trigrams), *field = p->field ? " AND +n.field = $3" : "";
    struct value at[5] = { v_text(p->part), v_int(p->count) };
    size_t count = p->field ? 3 : 2;
    int64_t mark;

    at[2] = v_int(p->field);
    if (!match)
        return db_query(s, db,
                        arena_printf(s->arena,
                                     "SELECT n.id, n.folded FROM %s n WHERE @contains(n.folded, $1)"
                                     "%s LIMIT $2",
                                     from->table, field),
                        (struct values){ at, count }, out);
    TRY(mark_of(s, db, p->of, &mark));
    at[count++] = v_text(match);
    at[count++] = v_int(mark);
    /* CROSS JOIN: in this order */
    return db_query(s, db,
                    arena_printf(s->arena,
                                 "SELECT id, folded FROM (SELECT n.id AS id, n.folded AS folded "
                                 "FROM %s f CROSS JOIN %s n WHERE f.%s MATCH $%zu AND n.id = "
                                 "f.rowid AND n.id <= $%zu AND @contains(n.folded, $1)%s "
                                 "UNION ALL SELECT n.id, n.folded FROM %s n WHERE n.id > $%zu AND "
                                 "@contains(n.folded, $1)%s) LIMIT $2",
                                 from->index, from->table, from->index, count - 1, count, field,
                                 from->table, count, field),
                    (struct values){ at, count }, out);
}

/**
 * What pg_trgm is asked for: the word of PART that has the rarest three characters; NULL: so many
 * have them that the table is sooner read.
 */
static const char *
rare_word(struct scope *s, const char *part, const struct list *trigrams)
{
    LIST_EACH(struct trigram, t, trigrams)
    {
        const char *from, *to;

        if (!is_plain(t->text))
            continue;
        if (t->seen > SAMPLE / 2)
            return NULL;
        from = strstr(part, t->text);
        while (from > part && strchr(PLAIN, from[-1]))
            from--;
        to = from + strspn(from, PLAIN);
        return arena_text_n(s->arena, from, (size_t)(to - from));
    }
    return part;
}

static enum err
find_postgres(struct scope *s, struct db *db, const struct text_part *p,
              const struct list *trigrams, struct rows *out)
{
    struct value at[4] = { v_text(p->part), v_int(p->count) };
    size_t count = p->field ? 3 : 2;
    const char *rare = rare_word(s, p->part, trigrams), *like = "";

    at[2] = v_int(p->field);
    if (rare) {
        at[count++] = v_text(like_part(s, rare));
        like = arena_printf(s->arena, "n.folded LIKE $%zu AND ", count);
    }
    return db_query(
        s, db,
        arena_printf(s->arena,
                     "SELECT n.id, n.folded FROM %s n WHERE %s@contains(n.folded, $1)%s "
                     "LIMIT $2",
                     sources[p->of].table, like, p->field ? " AND n.field = $3" : ""),
        (struct values){ at, count }, out);
}

enum err
text_index_find(struct scope *s, struct db *db, const struct text_part *p, bool *common,
                struct rows *out)
{
    struct list all = { 0 };
    struct rows sample;

    TRY(take_sample(s, db, &sources[p->of], &sample));
    if (common)
        *common = sample.count == SAMPLE && 2 * count_with(&sample, p->part) > SAMPLE;
    if (common && *common) {
        *out = (struct rows){ 0 };
        return OK;
    }
    trigrams(s, &sample, p->part, &all);
    return db_kind(db) == DB_POSTGRES ? find_postgres(s, db, p, &all, out)
                                      : find_sqlite(s, db, p, &all, out);
}

/* Filling. */

/** One transaction's worth. */
struct step {
    enum text_index of;
    int64_t batch, added;
};

static enum err
step_in(struct scope *s, struct tx *tx, void *arg)
{
    struct step *step = arg;
    const struct source *from = &sources[step->of];
    int64_t mark = 0, end;
    struct rows rows;
    struct row row;
    enum err e = tx_one(s, tx, &mark_read, BIND(v_text(from->mark)), &row);

    step->added = 0;
    if (e == OK)
        (void)text_to_int(row_text(&row), &mark);
    else if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    TRY(tx_query(s, tx,
                 arena_printf(s->arena,
                              "SELECT COUNT(*), MAX(id) FROM (SELECT id FROM %s WHERE id > $1 "
                              "ORDER BY id LIMIT $2) l",
                              from->table),
                 BIND(v_int(mark), v_int(step->batch)), &rows));
    step->added = row_int(&rows.at[0]);
    end = row_int(&rows.at[0]);
    if (!step->added)
        return OK;
    TRY(tx_query(s, tx,
                 arena_printf(s->arena,
                              "INSERT INTO %s (rowid, folded) SELECT id, folded FROM %s WHERE id > "
                              "$1 AND id <= $2 ORDER BY id",
                              from->index, from->table),
                 BIND(v_int(mark), v_int(end)), &rows));
    return tx_do(s, tx, &mark_write,
                 BIND(v_text(from->mark), v_text(arena_printf(s->arena, "%lld", (long long)end))));
}

enum err
text_index_check(struct scope *s, struct tx *tx, enum text_index of)
{
    struct step step = { .of = of, .batch = INT64_MAX };
    const struct source *from = &sources[of];
    struct rows rows;

    TRY(step_in(s, tx, &step));
    return tx_query(s, tx,
                    arena_printf(s->arena,
                                 "INSERT INTO %s (%s, rank) VALUES ('integrity-check', 1)",
                                 from->index, from->index),
                    BIND_NONE, &rows);
}

enum err
text_index_clear(struct scope *s, struct tx *tx, enum text_index of)
{
    const struct source *from = &sources[of];
    struct rows rows;

    TRY(tx_query(s, tx,
                 arena_printf(s->arena, "INSERT INTO %s (%s) VALUES ('delete-all')", from->index,
                              from->index),
                 BIND_NONE, &rows));
    return tx_do(s, tx, &mark_write, BIND(v_text(from->mark), v_text("0")));
}

enum err
text_index_fill(struct scope *s, struct db *db, int64_t batch, bool (*stop)(const void *arg),
                const void *arg)
{
    if (db_kind(db) != DB_SQLITE)
        return OK;
    for (size_t of = 0; of < COUNT(sources); of++) {
        struct step step = { .of = (enum text_index)of, .batch = batch, .added = batch };

        while (step.added == batch && !(stop && stop(arg))) {
            AUTO(scope_free) struct scope *own = scope_new("catalog");
            enum err e = db_write(own, db, step_in, &step);

            if (e != OK)
                return fail(s, e, "filling the index of %s: %s", sources[of].of,
                            own->error.text ? own->error.text : err_name(e));
        }
        metric_set(&behind, step.added == batch ? (double)batch : 0, sources[of].of);
    }
    return OK;
}

static bool
should_stop(const void *job)
{
    return job_should_stop(job);
}

static enum err
fill_run(struct scope *s, void *app UNUSED, const struct job *job)
{
    return text_index_fill(s, jobs_db(job->jobs), BATCH, should_stop, job);
}

const struct job_kind text_index_kind = {
    .kind = "search.index",
    .run = fill_run,
    .doc = "Brings SQLite's index of names and metadata up to date.",
    .every = "30s",
    .limit_ms = 30 * MINUTE_MS,
};

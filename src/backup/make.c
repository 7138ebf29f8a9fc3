/* Making a backup. */
#include "backup/backup.h"

#include "audit/audit.h"
#include "backup/ship.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/random.h"
#include "seal/seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN_TRIES 3

GAUGE(last_success, "chancery_backup_last_success_timestamp_seconds",
      "When the last backup was made, in seconds since 1970.", "kind");
GAUGE(duration, "chancery_backup_duration_seconds", "How long the last backup took.", "kind");
GAUGE(size_bytes, "chancery_backup_size_bytes", "Size of the last backup.", "kind");
COUNTER(failures, "chancery_backup_failures_total", "Backups that failed.", "kind");

SQL(schema_now, "SELECT version FROM schema_version ORDER BY version");
SQL(heads_now, "SELECT lane, seq, hash FROM audit_chain ORDER BY lane");
SQL(count_now, "SELECT COUNT(*) FROM certificate");
SQL(newest_now, "SELECT id, serial FROM certificate ORDER BY id DESC LIMIT 1");
SQL(authorities_now,
    "SELECT a.name, k.generation, k.key_hash, k.key_uri, "
    "COALESCE((SELECT MAX(p.number) FROM crl_scope p WHERE p.ca_key = k.id), 0) "
    "FROM ca_key k JOIN authority a ON a.id = k.authority ORDER BY a.id, k.generation");

struct making {
    const struct backup_wish *wish;
    struct archive_writer *out;
    const char *scratch;
    struct backup_manifest *manifest;
};

CONSTRUCTOR static void
touch_metrics(void)
{
    metric_touch(&failures, "full");
    metric_touch(&failures, "log");
}

void
backup_succeeded(const char *kind, struct when at)
{
    metric_set(&last_success, (double)when_s(at), kind);
}

void
backup_measured(const char *kind, int64_t ms, int64_t size)
{
    metric_set(&duration, (double)ms / 1e3, kind);
    metric_set(&size_bytes, (double)size, kind);
}

void
backup_failed(const char *kind)
{
    metric_add(&failures, 1, kind);
}

/* Facts ---------------------------------------------------------------------------------------- */

static enum err
read_authorities(struct scope *s, struct db_view *view, struct backup_manifest *m)
{
    struct rows rows;

    TRY(view_all(s, view, &authorities_now, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct backup_authority *a = list_push(s->arena, &m->authorities, struct backup_authority);

        a->name = row_text(&rows.at[i]);
        a->generation = row_int(&rows.at[i]);
        a->key_hash = hex_lower(s->arena, row_bytes(&rows.at[i]));
        a->key_uri = row_text(&rows.at[i]);
        a->crl_number = row_int(&rows.at[i]);
    }
    return OK;
}

static enum err
read_heads(struct scope *s, struct db_view *view, struct backup_manifest *m)
{
    struct rows rows;

    TRY(view_all(s, view, &heads_now, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct backup_head *h = list_push(s->arena, &m->audit, struct backup_head);

        h->chain = row_int(&rows.at[i]);
        h->seq = row_int(&rows.at[i]);
        h->hash = hex_lower(s->arena, row_bytes(&rows.at[i]));
    }
    return OK;
}

static enum err
read_facts(struct scope *s, struct db_view *view, struct backup_manifest *m)
{
    struct rows rows;
    struct row row;
    enum err e;

    TRY(view_all(s, view, &schema_now, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++)
        list_add(s->arena, &m->schema, int64_t, row_int(&rows.at[i]));
    TRY(view_one(s, view, &count_now, BIND_NONE, &row));
    m->certificates = row_int(&row);
    e = view_one(s, view, &newest_now, BIND_NONE, &row);
    if (e == OK) {
        m->newest_certificate = row_int(&row);
        m->newest_serial = hex_upper(s->arena, row_bytes(&row));
    } else if (e == E_NOT_FOUND) {
        scope_clear(s);
    } else {
        return e;
    }
    TRY(read_authorities(s, view, m));
    return read_heads(s, view, m);
}

/* The database --------------------------------------------------------------------------------- */

static enum err
begin_part(struct scope *s, void *arg, const struct db_part *part)
{
    return archive_begin(s, ((struct making *)arg)->out, part->name);
}

static enum err
add_piece(struct scope *s, void *arg, struct bytes piece)
{
    return archive_add(s, ((struct making *)arg)->out, piece);
}

static enum err
end_part(struct scope *s, void *arg, const struct db_part *part)
{
    struct making *m = arg;
    struct archive_part *p = list_push(s->arena, &m->manifest->parts, struct archive_part);

    TRY(archive_end(s, m->out, p));
    p->columns = part->columns;
    p->rows = part->rows;
    return OK;
}

static enum err
add_database(struct scope *s, struct db_view *view, void *arg)
{
    struct making *m = arg;
    struct db_sink sink = { begin_part, add_piece, end_part, m };

    TRY(read_facts(s, view, m->manifest));
    ship_through(s, m->wish->ship, m->manifest); /* what the view shows is in segments now */
    return view_dump(s, view, m->scratch, &sink);
}

/* Files ---------------------------------------------------------------------------------------- */

static enum err
read_file(struct scope *s, const char *path, struct secret **out)
{
    FILE *file = fopen(path, "re");
    struct secret *data;
    struct stat st;
    bool whole;

    if (!file)
        return fail(s, errno == ENOENT ? E_NOT_FOUND : E_UNAVAILABLE, "cannot open %s: %s", path,
                    strerror(errno));
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_size > (off_t)BACKUP_FILE_MAX) {
        (void)fclose(file);
        return fail(s, E_INVALID, "%s is no regular file of at most 64 MiB", path);
    }
    data = secret_new((size_t)st.st_size);
    whole = fread(data->data, 1, data->len, file) == data->len;
    (void)fclose(file);
    if (!whole) {
        secret_free(data);
        return fail(s, E_UNAVAILABLE, "cannot read %s", path);
    }
    *out = data;
    return OK;
}

enum err
backup_put_file(struct scope *s, struct archive_writer *w, const struct backup_file *file,
                struct archive_part *part)
{
    AUTO(secret_free) struct secret *data = NULL;

    TRY(read_file(s, file->path, &data));
    return archive_put(s, w, file->name, secret_bytes(data), part);
}

static enum err
add_file(struct scope *s, struct making *m, const struct backup_file *file)
{
    AUTO(secret_free) struct secret *data = NULL;
    struct archive_part *p;
    const char *sealed, *name = file->name;
    struct bytes content;
    enum err e = read_file(s, file->path, &data);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    content = secret_bytes(data);
    if (file->sealed) {
        TRY(seal_text(s, m->wish->seal, content, &sealed));
        content = bytes_of_text(sealed);
        name = arena_printf(s->arena, "%s" BACKUP_SEALED, name);
    }
    p = list_push(s->arena, &m->manifest->parts, struct archive_part);
    return archive_put(s, m->out, name, content, p);
}

/* All of it ------------------------------------------------------------------------------------ */

static enum err
record_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct backup_made *made = arg;
    struct audit_change facts[] = {
        { "size", NULL, arena_printf(s->arena, "%lld", (long long)made->size), AUDIT_IS_TEXT },
        { "certificates", NULL,
          arena_printf(s->arena, "%lld", (long long)made->manifest.certificates), AUDIT_IS_TEXT },
    };

    return audit_add(s, tx,
                     &(struct audit_event){
                         .action = AUDIT_BACKUP_CREATE,
                         .target = { "backup", made->manifest.id, made->path },
                         .changes = facts,
                         .change_count = COUNT(facts),
                     });
}

static enum err
make(struct scope *s, struct making *m, struct backup_made *made)
{
    const struct backup_wish *wish = m->wish;
    struct keyring_key signer;
    struct bytes text, seal;

    TRY(keyring_signer(s, wish->db, wish->seal, "audit", (struct key_spec){ .type = KEY_ED25519 },
                       &signer));
    ship_from(s, wish->ship, m->manifest);
    TRY(db_view(s, wish->db, add_database, m));
    LIST_EACH(struct backup_file, file, wish->files)
    TRY(add_file(s, m, file));
    TRY(manifest_write(s, m->manifest, &signer, &text, &seal));
    return archive_finish(s, m->out, text, seal, &made->size);
}

static const char *
name_of(struct scope *s, const char *dir, struct when at)
{
    struct civil c = when_civil(at);

    return arena_printf(s->arena, "%s/" BACKUP_NAME "%04d%02d%02dT%02d%02d%02dZ" BACKUP_SUFFIX, dir,
                        c.year, c.month, c.day, c.hour, c.minute, c.second);
}

/* Its name is of this second. One that died in it left a part of that name, which stays until it is
 * pruned: then it is of the next. */
static enum err
begin(struct scope *s, const struct backup_wish *wish, struct when *at, const char **path,
      struct archive_writer **w)
{
    enum err e;

    TRY(file_make_dir(s, wish->dir));
    for (int tries = 0;; tries++) {
        *at = WHEN_S(when_s(clock_now()));
        *path = name_of(s, wish->dir, *at);
        e = archive_new(s, *path, *at, w);
        if (e != E_CONFLICT || tries == BEGIN_TRIES)
            return e;
        scope_clear(s);
        clock_nap(SECOND_MS);
    }
}

static enum err
make_named(struct scope *s, const struct backup_wish *wish, struct backup_made *out)
{
    AUTO(archive_free) struct archive_writer *w = NULL;
    struct backup_made made = { 0 };
    struct making m = { .wish = wish, .manifest = &made.manifest };
    int64_t start = clock_mono_ms();
    struct when at;

    TRY(begin(s, wish, &at, &made.path, &w));
    m.scratch = arena_printf(s->arena, "%s.db", made.path);
    made.manifest = (struct backup_manifest){
        .format = BACKUP_FORMAT,
        .id = ulid_new(s->arena),
        .created_at = at,
        .program = wish->program,
        .database = db_kind(wish->db) == DB_SQLITE ? "sqlite" : "postgresql",
        .master_key = seal_key_id(s, wish->seal),
        .newest_serial = "",
    };
    m.out = w;
    made.manifest.recipients = wish->recipients;
    archive_encrypt(w, &wish->recipients);
    TRY(make(s, &m, &made));
    made.ms = clock_mono_ms() - start;
    TRY(db_write(s, wish->db, record_in, &made));
    *out = made;
    return OK;
}

enum err
backup_make(struct scope *s, const struct backup_wish *wish, struct backup_made *out)
{
    enum err e = make_named(s, wish, out);

    if (e != OK) {
        backup_failed("full");
        return note(s, e, "no backup was made");
    }
    backup_succeeded("full", out->manifest.created_at);
    backup_measured("full", out->ms, out->size);
    log_event(s, LOG_INFO, "backup.created", "a backup was made", lf_text("file", out->path),
              lf_int("bytes", out->size), lf_int("duration_ms", out->ms));
    return OK;
}

#include "cli/bulk.h"

#include "base/map.h"
#include "cli/bulk_in.h"
#include "cli/session.h"
#include "cli/sheet.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX ((size_t)64 << 20)

/* What a report says of a row, in front of the row itself. */
static const char *const result_columns[] = { "line",    "status", "certificate",
                                              "request", "code",   "error" };
enum { R_LINE, R_STATUS, R_CERTIFICATE, R_REQUEST, R_CODE, R_ERROR };

/* Columns. */

static const struct flag *
flag_of(const struct command *k, const char *name)
{
    static const char *const ours[] = { "from", "jobs", "report", "resume", NULL };

    for (size_t i = 0; ours[i]; i++)
        if (text_eq_fold(name, ours[i]))
            return NULL;
    for (size_t i = 0; i < k->flag_count; i++)
        if (text_eq_fold(k->flags[i].name, name) ||
            (k->flags[i].alias && text_eq_fold(k->flags[i].alias, name)))
            return &k->flags[i];
    return NULL;
}

static bool
takes_request(const struct cli *c)
{
    return text_eq(c->command->path, "enroll csr");
}

/* "template", "meta.Owner", "csr"; a report's own columns are left out when it is read as a list.
 */
static bool
read_column(const struct cli *c, const char *name, struct bulk_column *out)
{
    *out = (struct bulk_column){ .name = name };
    for (size_t i = 0; i < COUNT(result_columns); i++)
        if (text_eq_fold(name, result_columns[i]))
            out->kind = BULK_RESULT;
    if (out->kind == BULK_RESULT)
        return true;
    if (takes_request(c) && text_eq_fold(name, "csr")) {
        out->kind = BULK_REQUEST;
        return true;
    }
    if (text_starts_fold(name, "meta.") && name[5] && flag_of(c->command, "meta")) {
        out->kind = BULK_META;
        out->flag = flag_of(c->command, "meta");
        out->name = name + 5;
        return true;
    }
    out->flag = flag_of(c->command, name);
    return out->flag != NULL;
}

static const char *
unknown_column(struct cli *c, const char *name)
{
    struct list words = { 0 };
    const char *near;

    if (takes_request(c))
        list_add(c->s->arena, &words, const char *, "csr");
    for (size_t i = 0; i < c->command->flag_count; i++)
        if (flag_of(c->command, c->command->flags[i].name))
            list_add(c->s->arena, &words, const char *, c->command->flags[i].name);
    near = nearest_word(name, words.items, words.count);
    return arena_printf(c->s->arena, "there is no column \"%s\"%s%s%s", name,
                        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* The first row names the columns, unless all of the list is one cell a line. */
static enum err
read_columns(struct cli *c, struct bulk *b, struct list *rows)
{
    const struct sheet_row *head = list_at(rows, struct sheet_row, 0);
    const char *wrong = NULL;
    struct bulk_column column;

    if (head->cells.count == 1 &&
        !read_column(c, *list_at(&head->cells, const char *, 0), &column)) {
        column = (struct bulk_column){ .name = "dns", .flag = flag_of(c->command, "dns") };
        if (takes_request(c))
            column = (struct bulk_column){ .name = "csr", .kind = BULK_REQUEST };
        list_add(c->s->arena, &b->columns, struct bulk_column, column);
        return OK;
    }
    LIST_EACH(const char *, name, &head->cells)
    {
        if (!read_column(c, *name, &column))
            wrong = arena_printf(c->s->arena, "%s%s%s:%zu: %s", wrong ? wrong : "",
                                 wrong ? "\n" : "", b->from, head->line, unknown_column(c, *name));
        list_add(c->s->arena, &b->columns, struct bulk_column, column);
    }
    rows->items = list_at(rows, struct sheet_row, 1);
    rows->count--;
    return wrong ? fail_code(c->s, E_INVALID, CHY_USAGE, "%s", wrong) : OK;
}

/* Rows. */

/* Those of CELLS that a report does not add, behind what is in OUT. */
static void
add_own(struct cli *c, const struct bulk *b, const struct list *cells, struct list *out)
{
    for (size_t i = 0; i < cells->count; i++)
        if (list_at(&b->columns, struct bulk_column, i)->kind != BULK_RESULT)
            list_add(c->s->arena, out, const char *, *list_at(cells, const char *, i));
}

/* What a row is known by: its cells, whatever its line. */
static const char *
key_of(struct cli *c, const struct bulk *b, const struct list *cells)
{
    struct list own = { 0 };
    struct buf text;

    add_own(c, b, cells, &own);
    buf_init_in(&text, c->s->arena, SIZE_MAX);
    sheet_write(&text, &own);
    return buf_str(&text);
}

static enum err
read_rows(struct cli *c, struct bulk *b)
{
    struct list rows = { 0 };
    const char *wrong = NULL;
    struct bytes text;

    TRY(read_input(c, b->from, LIST_MAX, &text));
    TRY(sheet_read(c, b->from, text, &rows));
    if (!rows.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s has no rows", b->from);
    TRY(read_columns(c, b, &rows));
    LIST_EACH(struct sheet_row, row, &rows)
    {
        struct bulk_row *one = list_push(c->s->arena, &b->rows, struct bulk_row);

        if (row->cells.count != b->columns.count) {
            wrong = arena_printf(c->s->arena, "%s%s%s:%zu: %zu cells, and the first row has %zu",
                                 wrong ? wrong : "", wrong ? "\n" : "", b->from, row->line,
                                 row->cells.count, b->columns.count);
            continue;
        }
        one->line = row->line;
        one->cells = row->cells;
        one->key = key_of(c, b, &row->cells);
    }
    return wrong ? fail_code(c->s, E_INVALID, CHY_USAGE, "%s", wrong) : OK;
}

/* Reports. */

static const char *
status_word(enum bulk_status status)
{
    static const char *const words[] = { "not tried", "issued",      "pending",
                                         "failed",    "not written", "planned" };

    return words[status];
}

static void
report_head(struct cli *c, const struct bulk *b, struct buf *out)
{
    struct list cells = { 0 };

    for (size_t i = 0; i < COUNT(result_columns); i++)
        list_add(c->s->arena, &cells, const char *, result_columns[i]);
    LIST_EACH(struct bulk_column, column, &b->columns)
    if (column->kind != BULK_RESULT)
        list_add(c->s->arena, &cells, const char *,
                 column->kind == BULK_META ? arena_printf(c->s->arena, "meta.%s", column->name)
                                           : column->name);
    sheet_write(out, &cells);
}

static const char *
number_or_none(struct cli *c, int64_t n)
{
    return n ? arena_printf(c->s->arena, "%lld", (long long)n) : "";
}

static void
report_row(struct cli *c, const struct bulk *b, const struct bulk_row *row, struct buf *out)
{
    struct list cells = { 0 };

    list_add(c->s->arena, &cells, const char *, arena_printf(c->s->arena, "%zu", row->line));
    list_add(c->s->arena, &cells, const char *, status_word(row->status));
    list_add(c->s->arena, &cells, const char *, number_or_none(c, row->certificate));
    list_add(c->s->arena, &cells, const char *, number_or_none(c, row->request));
    list_add(c->s->arena, &cells, const char *, row->code ? row->code : "");
    list_add(c->s->arena, &cells, const char *, row->error ? row->error : "");
    add_own(c, b, &row->cells, &cells);
    sheet_write(out, &cells);
}

enum err
bulk_note(struct cli *c, struct bulk *b, const struct bulk_row *row)
{
    struct buf line;

    if (b->report < 0)
        return OK;
    buf_init_in(&line, c->s->arena, LIST_MAX);
    report_row(c, b, row, &line);
    if (line.failed || write(b->report, line.data, line.len) != (ssize_t)line.len)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "cannot write %s: %s", b->report_path,
                         strerror(errno));
    return OK;
}

/* Of one line of an earlier report: the first row like it that nothing is known of is done. What
 * the list has no more stays in the report. */
static void
take_earlier(struct cli *c, struct bulk *b, struct map *waiting, const struct bulk_row *was,
             const struct sheet_row *line)
{
    struct bulk_row *row = map_get(waiting, was->key);

    if (was->status == BULK_FAILED || was->status == BULK_NOT_TRIED)
        return;
    if (!row) {
        *list_push(c->s->arena, &b->others, struct list) = line->cells;
        return;
    }
    (void)map_put(waiting, was->key, row->twin);
    row->status = was->status;
    row->certificate = was->certificate;
    row->request = was->request;
    b->earlier++;
}

static struct map *
waiting_rows(struct cli *c, struct bulk *b)
{
    struct map *m = map_new(c->s->arena, false);

    for (size_t i = b->rows.count; i-- > 0;) {
        struct bulk_row *row = list_at(&b->rows, struct bulk_row, i);

        row->twin = map_put(m, row->key, row);
    }
    return m;
}

static enum err
read_earlier(struct cli *c, struct bulk *b, const char *path)
{
    struct bulk old = { .from = path, .report = -1 };
    struct map *waiting = waiting_rows(c, b);
    struct list rows = { 0 };
    struct sheet_row *head;
    struct buf want, have;
    struct bytes text;

    TRY(read_input(c, path, LIST_MAX, &text));
    TRY(sheet_read(c, path, text, &rows));
    head = rows.count ? list_at(&rows, struct sheet_row, 0) : NULL;
    if (!head || head->cells.count <= COUNT(result_columns) ||
        !text_eq(*list_at(&head->cells, const char *, 0), result_columns[0]))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s is no report of ours", path);
    TRY(read_columns(c, &old, &rows));
    buf_init_in(&want, c->s->arena, LIST_MAX);
    report_head(c, b, &want);
    buf_init_in(&have, c->s->arena, LIST_MAX);
    report_head(c, &old, &have);
    if (!text_eq(buf_str(&want), buf_str(&have)))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "%s is the report of a list with other columns", path);
    LIST_EACH(struct sheet_row, row, &rows)
    {
        const char *const *cells = row->cells.items;
        struct bulk_row was = { .status = BULK_NOT_TRIED };

        if (row->cells.count != old.columns.count)
            continue; /* the last line of one that died */
        for (int i = BULK_NOT_TRIED; i <= BULK_PLANNED; i++)
            if (text_eq(cells[R_STATUS], status_word((enum bulk_status)i)))
                was.status = i == BULK_PLANNED ? BULK_NOT_TRIED : (enum bulk_status)i;
        (void)text_to_int(cells[R_CERTIFICATE], &was.certificate);
        (void)text_to_int(cells[R_REQUEST], &was.request);
        was.key = key_of(c, &old, &row->cells);
        take_earlier(c, b, waiting, &was, row);
    }
    return OK;
}

/* A report of our own takes a place that is free; the one that is gone on with is written anew, of
 * what is done, and then takes the old one's place. */
static enum err
open_report(struct cli *c, struct bulk *b, const char *resume)
{
    const char *path = cli_text(c, "report");
    struct out_file f;
    struct buf text;

    if (!path)
        path = resume;
    if (!path || cli_has(c, "dry-run"))
        return OK;
    if (access(path, F_OK) == 0 && !text_eq(path, resume))
        return fail_code(c->s, E_CONFLICT, CHY_USAGE,
                         "%s is there already: go on with it by --resume, or name another", path);
    b->report_path = path;
    TRY(out_ready(c, path, OUT_PUBLIC));
    buf_init_in(&text, c->s->arena, LIST_MAX);
    report_head(c, b, &text);
    LIST_EACH(struct bulk_row, row, &b->rows)
    if (row->status != BULK_NOT_TRIED)
        report_row(c, b, row, &text);
    LIST_EACH(struct list, cells, &b->others)
    sheet_write(&text, cells);
    TRY(out_begin(c, path, &f));
    (void)fwrite(text.data, 1, text.len, f.file);
    b->report = fcntl(fileno(f.file), F_DUPFD_CLOEXEC, 0); /* the rows come one by one */
    return out_end(c, &f, OK);
}

/* Before anything is asked for. */

static enum err
check_places(struct cli *c, struct bulk *b)
{
    const char *out = cli_text(c, "out"), *wrong = NULL;
    struct map *places = map_new(c->s->arena, false);
    struct stat st;

    if (out && (stat(out, &st) != 0 || !S_ISDIR(st.st_mode)))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--out %s: with --from it is a directory, which is there", out);
    LIST_EACH(struct bulk_row, row, &b->rows)
    {
        const char *place = bulk_place(c->s->arena, c, b, row);
        const struct bulk_row *other = place ? map_put(places, place, row) : NULL;

        if (other)
            wrong = arena_printf(c->s->arena, "%s%s%s:%zu: %s would be written by line %zu, too",
                                 wrong ? wrong : "", wrong ? "\n" : "", b->from, row->line, place,
                                 other->line);
    }
    return wrong ? fail_code(c->s, E_INVALID, CHY_USAGE, "%s", wrong) : OK;
}

static enum err
check_flags(struct cli *c, const struct bulk *b)
{
    const char *password = cli_text(c, "password-file");
    bool named = password != NULL;

    if (cli_number(c, "jobs", 1) > BULK_JOBS_MAX)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--jobs: at most %d", BULK_JOBS_MAX);
    if (c->args.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--from and %s: which is it?", cli_arg(c, 0));
    if (takes_request(c))
        return OK;
    LIST_EACH(struct bulk_column, column, &b->columns)
    named = named || (column->flag && text_eq(column->flag->name, "password-file"));
    if (!named || text_eq(password, "-"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "with --from the password of the new files is in a file: "
                         "--password-file FILE, or a column of that name");
    return OK;
}

/* What came of it. */

static enum err
print_rows(struct cli *c, const struct bulk *b)
{
    static const struct column columns[] = {
        { "line", NULL, COL_RIGHT },
        { "status", NULL, COL_STATUS },
        { "certificate", NULL, COL_RIGHT },
        { "request", NULL, COL_RIGHT },
        { "error", NULL, 0 },
    };
    static const struct view view = {
        .kind = "row", .key = "line", .columns = columns, .column_count = COUNT(columns)
    };
    struct buf text;

    buf_init_in(&text, c->s->arena, LIST_MAX);
    LIST_EACH(struct bulk_row, row, &b->rows)
    {
        buf_printf(&text, "%s{\"line\":%zu,\"status\":\"%s\",\"certificate\":%s,\"request\":%s",
                   row == b->rows.items ? "[" : ",", row->line, status_word(row->status),
                   row->certificate ? number_or_none(c, row->certificate) : "null",
                   row->request ? number_or_none(c, row->request) : "null");
        buf_text(&text, ",\"code\":");
        json_text(&text, row->code);
        buf_text(&text, ",\"error\":");
        json_text(&text, row->error);
        buf_byte(&text, '}');
    }
    buf_byte(&text, ']');
    return print_json(c, &view, &text);
}

/* All the same failure is that one; some of them is 7. */
static void
judge(struct cli *c, const struct bulk *b)
{
    size_t count[BULK_PLANNED + 1] = { 0 };
    const char *rest;
    size_t failed;
    int code = 0;

    LIST_EACH(struct bulk_row, row, &b->rows)
    {
        count[row->status]++;
        if (row->status == BULK_FAILED || row->status == BULK_UNWRITTEN)
            code = !code || code == row->exit ? row->exit : EXIT_FAILED;
    }
    failed = count[BULK_FAILED] + count[BULK_UNWRITTEN];
    rest = count[BULK_NOT_TRIED]
               ? arena_printf(c->s->arena, ", %zu not tried", count[BULK_NOT_TRIED])
               : "";
    say(c, "%zu %s, %zu failed, %zu wait%s%s%s%s", count[BULK_ISSUED] + count[BULK_PLANNED],
        cli_has(c, "dry-run") ? "would be issued" : "issued", failed, count[BULK_PENDING],
        count[BULK_PENDING] == 1 ? "s" : "", rest, b->report_path ? ": " : "",
        b->report_path ? b->report_path : "");
    if (b->report_path && (count[BULK_NOT_TRIED] || failed))
        say(c, "to go on: chancery %s --from %s --resume %s", c->command->path, b->from,
            b->report_path);
    if (b->interrupted)
        c->status = 130;
    else if (failed && failed + count[BULK_NOT_TRIED] == b->rows.count)
        c->status = code;
    else if (failed)
        c->status = EXIT_PARTLY;
    else if (count[BULK_PENDING])
        c->status = EXIT_PENDING;
}

enum err
run_bulk(struct cli *c)
{
    const char *resume = cli_text(c, "resume");
    struct bulk b = { .from = cli_text(c, "from"), .report = -1 };
    struct session *n;
    enum err e;

    TRY(read_rows(c, &b));
    TRY(check_flags(c, &b));
    TRY(check_places(c, &b));
    if (resume)
        TRY(read_earlier(c, &b, resume));
    TRY(session_of(c, false, &n));
    TRY(open_report(c, &b, resume));
    if (b.earlier)
        say(c, "%zu of %zu are done already", b.earlier, b.rows.count);
    e = bulk_work(c, &b, (size_t)cli_number(c, "jobs", 1));
    if (b.report >= 0 && close(b.report) != 0 && e == OK)
        e = fail_code(c->s, E_INVALID, CHY_USAGE, "cannot write %s: %s", b.report_path,
                      strerror(errno));
    TRY(e);
    if (!b.report_path)
        TRY(print_rows(c, &b));
    judge(c, &b);
    return OK;
}

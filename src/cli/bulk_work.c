/* Rows at work: each worker is a process that takes a row, does the command, and tells what came of
 * it. */
#include "cli/bulk_in.h"

#include "cli/session.h"
#include "pki/bundle.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX 4000 /* of one row's error */
#define CAPTURE_MAX ((size_t)64 << 20)

/* What a worker tells of a row. */
struct told {
    int64_t row;
    int status, exit;
    bool ends; /* the other rows would fare no better */
    int64_t certificate, request;
    char code[16], error[TEXT_MAX];
};

struct worker {
    pid_t pid;
    int fd; /* -1: it is gone */
    bool busy;
    int64_t row; /* that it does, or did last */
};

static volatile sig_atomic_t interrupts;

static void
on_interrupt(int number)
{
    (void)number;
    interrupts++;
}

/* Places. */

static const char *
cell_of(const struct bulk *b, const struct bulk_row *row, const char *name)
{
    for (size_t i = 0; i < b->columns.count; i++) {
        const struct bulk_column *column = list_at(&b->columns, struct bulk_column, i);
        const char *cell = *list_at(&row->cells, const char *, i);

        if (*cell && column->kind == BULK_FLAG && text_eq(column->flag->name, name))
            return cell;
        if (*cell && column->kind == BULK_REQUEST && text_eq(name, "csr"))
            return cell;
    }
    return NULL;
}

/* What a file is called that nobody named: as the request's, or as the first name. */
static const char *
usual_name(struct arena *a, const struct bulk *b, const struct bulk_row *row)
{
    const char *csr = cell_of(b, row, "csr"), *name = cell_of(b, row, "name"), *base, *dot;
    char *out;

    base = csr && strrchr(csr, '/') ? strrchr(csr, '/') + 1 : csr;
    dot = base ? strrchr(base, '.') : NULL;
    if (base)
        name = arena_text_n(a, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
    if (!name)
        name = cell_of(b, row, "cn");
    if (!name)
        name = cell_of(b, row, "dns");
    if (!name)
        name = arena_printf(a, "line-%zu", row->line);
    out = arena_text_n(a, name, base ? strlen(name) : strcspn(name, ","));
    for (char *p = out; *p; p++)
        if (*p == '/' || (*p == '*' && !base))
            *p = '_';
    return *out == '.' || *out == '-' ? arena_printf(a, "_%s", out) : out;
}

const char *
bulk_place(struct arena *a, const struct cli *whole, const struct bulk *b,
           const struct bulk_row *row)
{
    const char *out = cell_of(b, row, "out"), *dir = cli_text(whole, "out"), *form;
    enum bundle_form as = BUNDLE_PFX;

    if (out)
        return out;
    if (!dir)
        return NULL;
    form = cell_of(b, row, "as") ? cell_of(b, row, "as") : cli_text(whole, "as");
    if (form)
        (void)bundle_form_parse(form, &as);
    return arena_printf(a, "%s/%s.%s", dir, usual_name(a, b, row),
                        cell_of(b, row, "csr") ? "pem" : bundle_ending(as));
}

/* One row. */

/* The flags of the whole command, but for those about the list. */
static void
take_common(struct cli *c, const struct cli *whole)
{
    static const char *const left_out[] = { "from", "jobs",   "report",         "resume",
                                            "out",  "output", "idempotency-key" };
    static const struct flag quiet = { .name = "quiet" };

    LIST_EACH(struct given, g, &whole->given)
    {
        bool keep = true;

        for (size_t i = 0; i < COUNT(left_out); i++)
            keep = keep && !text_eq(g->flag->name, left_out[i]);
        if (keep)
            list_add(c->s->arena, &c->given, struct given, *g);
    }
    list_add(c->s->arena, &c->given, struct given, ((struct given){ .flag = &quiet }));
}

static enum err
take_cell(struct cli *c, const struct bulk_column *column, const char *cell)
{
    if (!*cell || column->kind == BULK_RESULT)
        return OK;
    if (column->kind == BULK_REQUEST) {
        if (text_eq(cell, "-"))
            return fail_code(c->s, E_INVALID, CHY_USAGE, "csr: a row's request is in a file");
        list_add(c->s->arena, &c->args, const char *, cell);
        return OK;
    }
    if (column->kind == BULK_META)
        cell = arena_printf(c->s->arena, "%s=%s", column->name, cell);
    if (text_eq(column->flag->name, "out"))
        return OK; /* with the other places */
    if (column->flag->kind == FLAG_SWITCH || column->flag->kind == FLAG_OPTIONAL) {
        if (text_eq_fold(cell, "false") || text_eq_fold(cell, "no") || text_eq(cell, "0"))
            return OK;
        if (text_eq_fold(cell, "true") || text_eq_fold(cell, "yes") || text_eq(cell, "1"))
            cell = NULL;
        else if (column->flag->kind == FLAG_SWITCH)
            return fail_code(c->s, E_INVALID, CHY_USAGE, "%s: \"%s\" is neither true nor false",
                             column->flag->name, cell);
    }
    return cli_give(c, column->flag, cell);
}

static void
take_place(struct cli *c, const struct cli *whole, const struct bulk *b, const struct bulk_row *row)
{
    static const struct flag out = { .name = "out", .kind = FLAG_TEXT };
    static const struct flag key = { .name = "idempotency-key", .kind = FLAG_TEXT };
    const char *place = bulk_place(c->s->arena, whole, b, row);
    const char *once = cli_text(whole, "idempotency-key");

    if (place)
        list_add(c->s->arena, &c->given, struct given, ((struct given){ &out, place, false }));
    if (once) /* one for each row, the same when it is tried again */
        list_add(
            c->s->arena, &c->given, struct given,
            ((struct given){ &key, arena_printf(c->s->arena, "%s-%zu", once, row->line), false }));
}

static enum err
run_row(struct cli *c, const struct bulk *b, const struct bulk_row *row)
{
    for (size_t i = 0; i < b->columns.count; i++)
        TRY(take_cell(c, list_at(&b->columns, struct bulk_column, i),
                      *list_at(&row->cells, const char *, i)));
    if (text_eq(c->command->path, "enroll csr") && !c->args.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "the row names no request: csr");
    return c->command->run(c);
}

/* What to tell of a failure, cut between characters. */
static void
tell_failure(const struct cli *c, enum err e, struct told *out)
{
    const struct error *error = &c->s->error;
    int len = snprintf(out->error, sizeof(out->error), "%s%s%s%s",
                       error->text ? error->text : err_name(e), c->cause ? " (" : "",
                       c->cause ? c->cause : "", c->cause ? ")" : "");

    if (len >= (int)sizeof(out->error)) {
        len = (int)sizeof(out->error) - 1;
        while (len && ((uint8_t)out->error[len] & 0xc0) == 0x80)
            len--;
        out->error[len] = 0;
    }
    if (code_info((int)error->code))
        (void)snprintf(out->code, sizeof(out->code), "CHY-%04d", (int)error->code);
    out->status = c->made ? BULK_UNWRITTEN : BULK_FAILED;
    out->exit = exit_code(e, error->code);
    out->ends = e == E_UNAUTHENTICATED || error->code == CHY_UNREACHABLE;
}

static void
do_row(const struct cli *whole, const struct bulk *b, const struct bulk_row *row, struct told *out)
{
    AUTO(scope_free) struct scope *s = scope_new("cli");
    struct cli c = {
        .s = s, .command = whole->command, .session = whole->session, .verbose = whole->verbose
    };
    struct buf printed;
    enum err e;

    buf_init_in(&printed, s->arena, CAPTURE_MAX);
    c.capture = &printed;
    take_common(&c, whole);
    take_place(&c, whole, b, row);
    e = run_row(&c, b, row);
    out->certificate = c.made;
    out->request = c.asked;
    out->status = cli_has(whole, "dry-run")  ? BULK_PLANNED
                  : c.status == EXIT_PENDING ? BULK_PENDING
                                             : BULK_ISSUED;
    if (e != OK)
        tell_failure(&c, e, out);
}

/* Workers. */

/* The life of one: it ends with the process that it works for. */
static void
work(struct cli *c, const struct bulk *b, int fd)
{
    static const struct flag quiet = { .name = "quiet" };
    struct session *n;
    int64_t at;

    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    list_add(c->s->arena, &c->given, struct given, ((struct given){ .flag = &quiet }));
    c->session = NULL; /* a connection is nobody else's */
    (void)session_of(c, false, &n);
    while (recv(fd, &at, sizeof(at), 0) == (ssize_t)sizeof(at)) {
        struct told told = { .row = at };

        do_row(c, b, list_at(&b->rows, struct bulk_row, at), &told);
        if (send(fd, &told, sizeof(told), MSG_NOSIGNAL) != (ssize_t)sizeof(told))
            break;
    }
    (void)fflush(NULL);
    _exit(0);
}

static enum err
hire(struct cli *c, const struct bulk *b, struct list *workers)
{
    struct worker *w = list_push(c->s->arena, workers, struct worker);
    int ends[2];

    w->fd = -1;
    (void)fflush(NULL);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(c->s, E_INTERNAL, "cannot make a socket: %s", strerror(errno));
    w->pid = fork();
    if (w->pid == 0) {
        LIST_EACH(struct worker, other, workers)
        if (other->fd >= 0)
            (void)close(other->fd);
        (void)close(ends[0]);
        work(c, b, ends[1]);
    }
    (void)close(ends[1]);
    w->fd = ends[0];
    return w->pid > 0 ? OK : fail(c->s, E_INTERNAL, "cannot make a process: %s", strerror(errno));
}

static void
dismiss(struct list *workers, bool at_once)
{
    LIST_EACH(struct worker, w, workers)
    {
        if (w->fd >= 0)
            (void)close(w->fd);
        w->fd = -1;
        if (w->pid <= 0)
            continue;
        if (at_once)
            (void)kill(w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

/* Rows on their way. */

static void
complain(struct cli *c, const struct bulk *b, const struct bulk_row *row)
{
    say(c, "%s:%zu: %s%s%s%s", b->from, row->line, row->error, row->code ? "  (" : "",
        row->code ? row->code : "", row->code ? ")" : "");
}

struct course {
    struct list workers; /* of struct worker */
    size_t next, busy;   /* the next row to look at; how many are being done */
    bool ends;           /* no other row is begun */
};

static void
hand_out(struct bulk *b, struct course *r, struct worker *w)
{
    int64_t at;

    while (r->next < b->rows.count &&
           list_at(&b->rows, struct bulk_row, r->next)->status != BULK_NOT_TRIED)
        r->next++;
    if (r->ends || r->next == b->rows.count || w->fd < 0)
        return;
    at = (int64_t)r->next++;
    w->row = at;
    if (send(w->fd, &at, sizeof(at), MSG_NOSIGNAL) != (ssize_t)sizeof(at))
        return;
    w->busy = true;
    r->busy++;
}

static enum err
take_in(struct cli *c, struct bulk *b, struct course *r, struct worker *w)
{
    struct told told = { .status = BULK_FAILED,
                         .exit = EXIT_FAILED,
                         .error = "its process died: whether it was issued is not known" };
    struct bulk_row *row = list_at(&b->rows, struct bulk_row, w->row);

    if (recv(w->fd, &told, sizeof(told), 0) != (ssize_t)sizeof(told)) {
        (void)close(w->fd);
        w->fd = -1;
    }
    w->busy = false;
    r->busy--;
    row->status = (enum bulk_status)told.status;
    row->exit = told.exit;
    row->certificate = told.certificate;
    row->request = told.request;
    row->code = *told.code ? arena_text(c->s->arena, told.code) : NULL;
    row->error = *told.error ? arena_text(c->s->arena, told.error) : NULL;
    if (row->error)
        complain(c, b, row);
    r->ends = r->ends || told.ends || w->fd < 0;
    return bulk_note(c, b, row);
}

/* Wait for workers, and take in what they tell. */
static enum err
hear(struct cli *c, struct bulk *b, struct course *r)
{
    struct pollfd fds[BULK_JOBS_MAX];

    for (size_t i = 0; i < r->workers.count; i++) {
        const struct worker *w = list_at(&r->workers, struct worker, i);

        fds[i] = (struct pollfd){ .fd = w->busy ? w->fd : -1, .events = POLLIN };
    }
    if (poll(fds, r->workers.count, -1) < 0)
        return OK; /* interrupted */
    for (size_t i = 0; i < r->workers.count; i++)
        if (fds[i].revents)
            TRY(take_in(c, b, r, list_at(&r->workers, struct worker, i)));
    return OK;
}

enum err
bulk_work(struct cli *c, struct bulk *b, size_t jobs)
{
    struct sigaction stop = { .sa_handler = on_interrupt };
    struct course r = { 0 };
    size_t left = b->rows.count - b->earlier;
    enum err e = OK;

    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    for (size_t i = 0; e == OK && i < MIN(jobs, left); i++)
        e = hire(c, b, &r.workers);
    while (e == OK && interrupts < 2) {
        if (interrupts && !r.ends)
            say(c, "stopping when the rows begun are done; once more to stop now");
        r.ends = r.ends || interrupts;
        LIST_EACH(struct worker, w, &r.workers)
        if (!w->busy)
            hand_out(b, &r, w);
        if (!r.busy)
            break;
        e = hear(c, b, &r);
    }
    b->interrupted = interrupts > 0;
    dismiss(&r.workers, interrupts > 1);
    return e;
}

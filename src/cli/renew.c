/* Renewing, and asking whether it is time. */
#include "cli/body.h"
#include "cli/keys.h"
#include "cli/requests.h"

#include "cli/issue.h"
#include "pki/cert.h"
#include "pki/csr.h"
#include "pki/pem.h"
#include <string.h>
#include <sys/stat.h>

#define ONE_CLICK 1
#define SEEDED 2
#define FILE_SIZE_MAX ((size_t)1 << 20)
#define USED_PERCENT 66 /* of its life that a certificate has behind it when it is time */
#define NEEDED 0
#define NOT_NEEDED 1
#define NOT_FOUND 2

/* What can be done about one certificate. */
struct plan {
    int64_t id, way;
    const char *name, *message;
    bool left_out;
};

/* What a query finds may have been renewed before. Whoever names it by its number means it. */
static enum err
leave_out_renewed(struct cli *c, struct plan *p)
{
    struct answer a;

    TRY(ask_get(c, arena_printf(c->s->arena, REST_API "/certificates/%lld", (long long)p->id), &a));
    p->left_out = json_str(json_get(a.json, "superseded_at")) != NULL;
    if (p->left_out)
        p->message = "left out, another one took its place";
    return OK;
}

static enum err
add_plan(struct cli *c, const struct json *row, void *plans)
{
    struct plan *p = list_push(c->s->arena, (struct list *)plans, struct plan);
    struct answer a;

    p->id = row_id(row);
    p->name = json_str(json_get(row, "IssuedCN"));
    TRY(ask_get(c,
                arena_printf(c->s->arena, COMMAND_API "/Enrollment/AvailableRenewal/Id/%lld",
                             (long long)p->id),
                &a));
    (void)json_int(json_get(a.json, "AvailableRenewalType"), &p->way);
    p->message = json_str(json_get(a.json, "Message"));
    return cli_text(c, "query") ? leave_out_renewed(c, p) : OK;
}

/* With a request of one's own. */
static enum err
renew_by_csr(struct cli *c, const struct plan *p)
{
    const char *out = cli_text(c, "out");
    struct wish w = { .not_before = WHEN_NONE, .not_after = WHEN_NONE, .renews = p->id };
    struct wish_come_true got;
    struct answer a;

    TRY(read_input(c, cli_text(c, "csr"), CSR_MAX_LEN, &w.csr));
    w.tmpl = cli_text(c, "template");
    if (!w.tmpl) {
        const char *shown, *open;

        TRY(ask_get(
            c, arena_printf(c->s->arena, COMMAND_API "/Certificates/%lld", (long long)p->id), &a));
        shown = json_str(json_get(a.json, "TemplateName"));
        open = shown ? strrchr(shown, '(') : NULL; /* "Web Server (WebServer)" */
        w.tmpl = open && text_ends(open, ")")
                     ? arena_text_n(c->s->arena, open + 1, strlen(open) - 2)
                     : shown;
    }
    TRY(wish_send(c, &w, &got));
    if (!got.certs.count)
        return OK;
    TRY(write_out(c, out ? out : "-", wish_pem(c, &got.certs), OUT_PUBLIC));
    return out && !text_eq(out, "-") ? wish_print(c, &got) : OK;
}

/* Have the server renew it, with a key of its own; GOT names the request where it waits. */
static enum err
ask_renewal(struct cli *c, int64_t id, const char *tmpl, const char *ca, struct wish_come_true *got)
{
    struct ask ask = { .method = "POST",
                       .path = COMMAND_API "/Enrollment/Renew",
                       .not_done = arena_printf(c->s->arena, "certificate %lld not renewed",
                                                (long long)id) };
    struct answer a;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"CertificateId\":%lld,\"Timestamp\":\"%s\"", (long long)id,
               when_rfc3339(c->s->arena, clock_now()));
    body_text(&b, "Template", tmpl);
    body_text(&b, "CertificateAuthority", ca);
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    (void)json_int(json_get(a.json, "KeyfactorId"), &got->id);
    (void)json_int(json_get(a.json, "KeyfactorRequestId"), &got->request);
    return OK;
}

static enum err
renew_by_server(struct cli *c, const struct plan *p)
{
    const char *out = cli_text(c, "out");
    struct wish_come_true got = { 0 };
    bool waited;

    TRY(ask_renewal(c, p->id, cli_text(c, "template"), cli_text(c, "ca"), &got));
    waited = !got.id;
    if (waited)
        TRY(request_wait(c, got.request, &got.id));
    if (!got.id) {
        request_waits(c, got.request, NULL);
        return OK;
    }
    say(c, "certificate %lld (%s) is renewed by %lld", (long long)p->id, p->name ? p->name : "",
        (long long)got.id);
    if (out)
        TRY(waited ? request_collect_to(c, got.request, cli_text(c, "as"), out)
                   : recover_to(c, got.id, cli_text(c, "as"), out));
    return text_eq(out, "-") ? OK : wish_print(c, &got);
}

enum err
can_replace(struct cli *c, const struct json *row)
{
    struct list plans = { 0 };
    const struct plan *p;

    TRY(add_plan(c, row, &plans));
    p = list_at(&plans, struct plan, 0);
    if (p->way == ONE_CLICK)
        return OK;
    return fail_code(c->s, E_INVALID, CHY_NOT_RENEWABLE, "certificate %lld cannot be replaced: %s",
                     (long long)p->id,
                     p->way == SEEDED ? "its key is not kept by the server: chancery renew --csr"
                     : p->message     ? p->message
                                      : "it cannot be renewed");
}

enum err
replace(struct cli *c, int64_t id, int64_t *by)
{
    struct wish_come_true got = { 0 };

    TRY(ask_renewal(c, id, NULL, NULL, &got));
    *by = got.id;
    if (got.id)
        say(c, "certificate %lld is replaced by %lld", (long long)id, (long long)got.id);
    else
        request_waits(c, got.request, NULL);
    return OK;
}

static enum err
check_plan(struct cli *c, const struct list *plans)
{
    const struct plan *p = list_at(plans, struct plan, 0);
    bool one = plans->count == 1;

    if (!one && (cli_text(c, "out") || cli_text(c, "csr")))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--out and --csr are for one certificate, and these are %zu",
                         plans->count);
    if (p->left_out)
        return OK;
    if (one && p->way == SEEDED && !cli_text(c, "csr"))
        return fail_code(c->s, E_INVALID, CHY_NOT_RENEWABLE,
                         "certificate %lld: its key is not kept by the server: make a request with "
                         "a new key, and give it by --csr FILE",
                         (long long)p->id);
    if (one && p->way != ONE_CLICK && p->way != SEEDED)
        return fail_code(c->s, E_INVALID, CHY_NOT_RENEWABLE, "certificate %lld: %s",
                         (long long)p->id, p->message ? p->message : "it cannot be renewed");
    return OK;
}

/* One that fails does not keep the others from being renewed. */
static enum err
renew_each(struct cli *c, const struct list *plans, size_t can)
{
    size_t failed = 0;

    LIST_EACH(struct plan, p, plans)
    {
        enum err e = OK;

        if (p->left_out)
            continue;
        if (cli_text(c, "csr"))
            e = renew_by_csr(c, p);
        else if (p->way == ONE_CLICK)
            e = renew_by_server(c, p);
        if (e != OK && can == 1)
            return e;
        if (e != OK) {
            (void)error_report(c, e);
            scope_clear(c->s);
            c->cause = c->fix = NULL;
            failed++;
        }
    }
    if (failed)
        c->status = failed < can ? EXIT_PARTLY : EXIT_FAILED;
    return OK;
}

enum err
run_renew(struct cli *c)
{
    struct list plans = { 0 };
    size_t can = 0, left_out = 0;

    TRY(each_chosen(c, add_plan, &plans));
    if (!plans.count) {
        say(c, "no certificates match");
        return OK;
    }
    TRY(check_plan(c, &plans));
    LIST_EACH(struct plan, p, &plans)
    {
        bool now = !p->left_out && (p->way == ONE_CLICK || cli_text(c, "csr"));

        can += now;
        left_out += p->left_out;
        say(c, "certificate %lld (%s): %s", (long long)p->id, p->name ? p->name : "",
            now ? "will be renewed" : p->message);
    }
    if (cli_has(c, "dry-run"))
        return OK;
    if (can + left_out < plans.count)
        c->status = EXIT_PARTLY;
    if (!can)
        return OK;
    TRY(out_ready(c, cli_text(c, "out"), cli_text(c, "csr") ? OUT_PUBLIC : OUT_KEY));
    TRY(confirm(c, arena_printf(c->s->arena, "renew %zu certificate%s", can, can == 1 ? "" : "s")));
    return renew_each(c, &plans, can);
}

/* Is it time? */

struct life {
    struct when from, to;
};

/* "30d": so long before the end; "66%": so much of its life is over. */
static enum err
read_limit(struct cli *c, int64_t *ms, int64_t *percent)
{
    const char *text = cli_text(c, "expires-in");

    *ms = 0;
    *percent = USED_PERCENT;
    if (!text)
        return OK;
    if (text_ends(text, "%") &&
        text_to_int(arena_text_n(c->s->arena, text, strlen(text) - 1), percent) && *percent >= 0 &&
        *percent <= 100)
        return OK;
    *percent = -1;
    if (duration_parse(text, ms))
        return OK;
    return fail_code(c->s, E_INVALID, CHY_USAGE, "--expires-in: \"%s\" is neither 30d nor 66%%",
                     text);
}

static bool
is_time(const struct life *l, int64_t ms, int64_t percent)
{
    int64_t now = clock_now().ms;

    if (percent < 0)
        return l->to.ms - now <= ms;
    return now - l->from.ms >= (l->to.ms - l->from.ms) / 100 * percent;
}

static enum err
lives_of_file(struct cli *c, const char *path, struct list *lives)
{
    struct list certs = { 0 };
    struct bytes text;

    TRY(read_input(c, path, FILE_SIZE_MAX, &text));
    TRY(note(c->s, pem_read_certs(c->s, text, &certs), "%s", path));
    for (size_t i = 0; i < (cli_has(c, "bundle") ? certs.count : MIN(certs.count, (size_t)1));
         i++) {
        struct cert cert;

        TRY(note(c->s, cert_read(c->s, *list_at(&certs, struct bytes, i), &cert), "%s", path));
        list_add(c->s->arena, lives, struct life,
                 ((struct life){ cert.not_before, cert.not_after }));
    }
    return OK;
}

static enum err
lives_of(struct cli *c, const char *ref, struct list *lives)
{
    const struct json *row;
    const char *content;
    struct bytes der;
    struct cert cert;
    struct stat st;

    if (text_eq(ref, "-") || (stat(ref, &st) == 0 && S_ISREG(st.st_mode)))
        return lives_of_file(c, ref, lives);
    TRY(certificate_of(c, ref, &row));
    content = json_str(json_get(row, "ContentBytes"));
    if (!content || !base64_decode(c->s->arena, content, strlen(content), true, &der))
        return fail(c->s, E_UNAVAILABLE, "the server sent no certificate");
    TRY(cert_read(c->s, der, &cert));
    list_add(c->s->arena, lives, struct life, ((struct life){ cert.not_before, cert.not_after }));
    return OK;
}

enum err
run_needs_renewal(struct cli *c)
{
    const char *ref = cli_arg(c, 0);
    struct list lives = { 0 };
    int64_t ms, percent;
    bool needed = false;
    enum err e;

    TRY(read_limit(c, &ms, &percent));
    e = lives_of(c, ref, &lives);
    if (e == E_NOT_FOUND || e == E_INVALID) {
        (void)error_report(c, e);
        c->status = NOT_FOUND;
        return OK;
    }
    TRY(e);
    LIST_EACH(struct life, l, &lives)
    needed = needed || is_time(l, ms, percent);
    c->status = needed ? NEEDED : NOT_NEEDED;
    say(c, "%s %s", ref, needed ? "needs renewal" : "does not need renewal yet");
    return OK;
}

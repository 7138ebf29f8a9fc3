/* `chancery support-bundle`: what somebody who helps needs to know, in one file, without secrets.
 */
#include "cli/oversight.h"

#include "cli/keep.h"
#include "cli/session.h"
#include "pki/zip.h"
#include <string.h>

#define PART_MAX ((size_t)4 << 20)
#define ALL_MAX ((size_t)15 << 20)

/** A file of the bundle: what a command says. */
struct part {
    const char *name, *doc, *form; /* FORM: --output */
    const char *with;              /* a switch of the command; or NULL */
    const char *path;              /* of the API instead of a command; or NULL */
    enum err (*run)(struct cli *c);
};

static const struct part parts[] = {
    { "version.json", "the version of this program", "json", NULL, NULL, run_version },
    { "health.json", "the server's components", "json", NULL, NULL, run_status },
    { "authorities.json", "the authorities, without their keys", "json", NULL, NULL, run_ca_list },
    { "metrics.txt", "the server's metrics", "table", "raw", NULL, run_metrics },
    { "failed-jobs.json", "jobs that failed", "json", NULL, REST_API "/jobs?state=failed&limit=100",
      NULL },
    { "queued-jobs.json", "jobs that wait", "json", NULL, REST_API "/jobs?state=queued&limit=100",
      NULL },
    { "server-events.json", "the audit events about the server itself", "json", NULL,
      REST_API "/audit?category=system&limit=100", NULL },
    { "settings.json", "this machine's settings, secrets left out", "json", "origin", NULL,
      run_config_show },
    { "doctor.json", "what `chancery doctor` finds on this machine", "json", NULL, NULL,
      run_doctor },
};

static enum err
call(struct cli *c, const char *path)
{
    struct answer a;

    TRY(ask_get(c, path, &a));
    return print_bytes(c, a.body);
}

/* What the command prints, or why it does not. */
static struct bytes
text_of(struct cli *c, const struct part *p)
{
    static const struct flag output = { .name = "output" }, quiet = { .name = "quiet" };
    AUTO(scope_free) struct scope *s = scope_new("cli");
    struct flag with = { .name = p->with };
    struct cli one = *c;
    struct buf b;
    enum err e;

    buf_init_in(&b, c->s->arena, PART_MAX);
    one.s = s;
    one.capture = &b;
    one.given = (struct list){ 0 };
    LIST_EACH(struct given, g, &c->given)
    list_add(s->arena, &one.given, struct given, *g);
    list_add(s->arena, &one.given, struct given, ((struct given){ &output, p->form, false }));
    list_add(s->arena, &one.given, struct given, ((struct given){ &quiet, NULL, false }));
    if (p->with)
        list_add(s->arena, &one.given, struct given, ((struct given){ &with, NULL, false }));
    e = p->run ? p->run(&one) : call(&one, p->path);
    if (e == OK && !b.failed)
        return buf_bytes(&b);
    return bytes_of_text(arena_printf(c->s->arena, "error: %s\n",
                                      b.failed        ? "it is too large"
                                      : s->error.text ? s->error.text
                                                      : "it failed"));
}

static const char *
contents(struct cli *c)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, PART_MAX);
    for (size_t i = 0; i < COUNT(parts); i++)
        buf_printf(&b, "%-20s %s\n", parts[i].name, parts[i].doc);
    return buf_str(&b);
}

enum err
run_support_bundle(struct cli *c)
{
    const char *out = cli_text(c, "out");
    struct zip_file files[COUNT(parts) + 1];
    struct session *session;
    size_t size = 0;

    if (!out)
        out =
            arena_printf(c->s->arena, "chancery-support-%lld.zip", (long long)when_s(clock_now()));
    if (cli_has(c, "dry-run"))
        return print_bytes(c, bytes_of_text(contents(c)));
    TRY(out_ready(c, out, OUT_SUPPORT));
    (void)session_of(c, false, &session); /* one for all; why there is none, each part tells */
    scope_clear(c->s);
    say(c, "These are collected; look at them before you hand them on:\n%s", contents(c));
    files[0] = (struct zip_file){ "README.txt", bytes_of_text(contents(c)) };
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct bytes text = text_of(c, &parts[i]);

        if (size + text.len > ALL_MAX)
            text = BYTES("error: the bundle would be too large\n");
        if (text.len > 7 && !memcmp(text.data, "error: ", 7))
            caution(c, "%s: %.*s", parts[i].name, (int)text.len - 8, (const char *)text.data + 7);
        size += text.len;
        files[i + 1] = (struct zip_file){ parts[i].name, text };
    }
    TRY(write_out(c, out, zip_write(c->s->arena, files, COUNT(files)), OUT_SUPPORT));
    if (!text_eq(out, "-"))
        say(c, "written to %s", out);
    return OK;
}

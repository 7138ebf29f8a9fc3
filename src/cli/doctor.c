/* `chancery doctor`: what is wrong with this installation, and what to do. */
#include "cli/keep.h"

#include "cli/keystore.h"
#include "server/advice.h"
#include "server/doctor.h"
#include <langinfo.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *const states[] = { "ok", "warn", "fail" };
static const char *const marks[] = { "✓", "!", "✖" };
static const struct view findings = { .kind = "finding", .key = "check" };

void
findings_tell(const struct list *found)
{
    bool utf8 = text_eq_fold(nl_langinfo(CODESET), "UTF-8");

    LIST_EACH(struct finding, f, found)
    {
        (void)printf("%s %-10s  %s\n", utf8 ? marks[f->state] : states[f->state], f->check,
                     f->text);
        if (f->fix)
            (void)printf("%s             fix: %s\n", utf8 ? "" : "   ", f->fix);
    }
}

void
findings_write(struct buf *b, const struct list *found)
{
    size_t n = 0;

    buf_byte(b, '[');
    LIST_EACH(struct finding, f, found)
    {
        buf_text(b, n++ ? ",{\"check\":" : "{\"check\":");
        json_text(b, f->check);
        buf_printf(b, ",\"state\":\"%s\",\"text\":", states[f->state]);
        json_text(b, f->text);
        buf_text(b, ",\"fix\":");
        json_text(b, f->fix);
        buf_printf(b, ",\"duration_ms\":%lld}", (long long)f->ms);
    }
    buf_byte(b, ']');
}

enum err
run_doctor(struct cli *c)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    AUTO(scope_free) struct scope *s = scope_new("doctor");
    struct list found = { 0 };
    size_t failed = 0, warned = 0;
    struct options o;
    struct buf b;

    (void)umask(0077);
    TRY(options_of(c, &o));
    if (cli_has(c, "dry-run") && !cli_has(c, "fix"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--dry-run goes with --fix");
    if (options_load(c->s, &o, &settings) == OK) {
        if (cli_has(c, "fix"))
            doctor_mend(s, settings, &o, cli_has(c, "dry-run"), &found);
        doctor_run(s, settings, &o, &found);
    } else {
        const char *advice = advice_for(c->s->error.text);

        list_add(
            s->arena, &found, struct finding,
            ((struct finding){ "settings", FINDING_FAIL, arena_text(s->arena, c->s->error.text),
                               advice ? advice : "mend what is named: chancery config check", 0 }));
        scope_clear(c->s);
    }
    LIST_EACH(struct finding, f, &found)
    {
        failed += f->state == FINDING_FAIL;
        warned += f->state == FINDING_WARN;
    }
    c->status = failed || (warned && cli_has(c, "strict")) ? EXIT_CHECK_FAILED : EXIT_DONE;
    if (!output_is_table(c)) {
        buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
        findings_write(&b, &found);
        return print_json(c, &findings, &b);
    }
    findings_tell(&found);
    say(c, "%zu checks, %zu failed, %zu warnings", found.count, failed, warned);
    return OK;
}

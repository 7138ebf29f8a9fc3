#include "flow/refuse.h"

#include "base/log.h"
#include <stdatomic.h>
#include <string.h>

#define MOST_A_SECOND 20
#define TEXT_MAX 2000 /* octets of a refusal's reason in the record */

static bool
take_turn(struct flow *f, int64_t *left_out)
{
    int64_t now = clock_mono_ms() / 1000, at = atomic_load(&f->refusals.second);

    if (at != now && atomic_compare_exchange_strong(&f->refusals.second, &at, now))
        atomic_store(&f->refusals.recorded, 0);
    if (atomic_fetch_add(&f->refusals.recorded, 1) >= MOST_A_SECOND) {
        (void)atomic_fetch_add(&f->refusals.skipped, 1);
        return false;
    }
    *left_out = atomic_exchange(&f->refusals.skipped, 0);
    return true;
}

/* Which action, if any. What the database could not do it cannot record either. */
static enum audit_action
action_of(const struct scope *s, enum err e)
{
    switch (e) {
    case E_INVALID:
    case E_FORBIDDEN:
    case E_CONFLICT:
    case E_LIMIT:
    case E_UNSUPPORTED:
        return AUDIT_REQUEST_DENIED;
    case E_UNAVAILABLE:
        return s->error.code == CHY_CA_OFFLINE || s->error.code == CHY_SIGNER_FAILED
                   ? AUDIT_REQUEST_FAILED
                   : AUDIT_NO_ACTION;
    case E_INTERNAL:
        return AUDIT_REQUEST_FAILED;
    case OK:
    case E_UNAUTHENTICATED:
    case E_NOT_FOUND:
    case E_TIMEOUT:
        break;
    }
    return AUDIT_NO_ACTION;
}

/* The reason, not too long and cut between characters; of our own faults only that there was one.
 */
static const char *
reason_of(struct scope *s, enum err e)
{
    const char *text = e == E_INTERNAL || !s->error.text ? err_name(e) : error_for_strangers(s);
    size_t len = strlen(text);

    if (len <= TEXT_MAX)
        return text;
    for (len = TEXT_MAX; len && ((uint8_t)text[len] & 0xc0) == 0x80;)
        len--;
    return arena_printf(s->arena, "%.*s ...", (int)len, text);
}

struct refusal {
    const struct enroll *in;
    enum audit_action action;
    const char *template_name, *code, *reason;
    int64_t left_out;
};

static enum err
refuse_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct refusal *r = arg;
    struct audit_change facts[] = {
        { "code", NULL, r->code, AUDIT_IS_TEXT },
        { "template", NULL, r->template_name, AUDIT_IS_TEXT },
        { "endpoint", NULL, r->in->endpoint, AUDIT_IS_TEXT },
    };

    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = r->action,
            .outcome = r->action == AUDIT_REQUEST_DENIED ? AUDIT_DENIED : AUDIT_FAILURE,
            .actor = &r->in->caller->actor,
            .target = { "request", s->id, NULL },
            .changes = facts,
            .change_count = COUNT(facts),
            .message = r->left_out ? arena_printf(s->arena,
                                                  "%s (%lld refusals before are not "
                                                  "recorded)",
                                                  r->reason, (long long)r->left_out)
                                   : r->reason,
        });
}

void
refuse_record(struct scope *s, struct flow *f, const struct enroll *in, enum err e,
              const char *template_name)
{
    struct refusal r = { .in = in, .action = action_of(s, e), .template_name = template_name };
    struct error before = s->error;

    if (r.action == AUDIT_NO_ACTION || in->dry_run || in->caller->kind == CALLER_NOBODY ||
        !take_turn(f, &r.left_out))
        return;
    if (s->error.code)
        r.code = arena_printf(s->arena, "CHY-%04d", (int)s->error.code);
    r.reason = reason_of(s, e);
    if (db_write(s, f->db, refuse_in, &r) != OK)
        log_failure(s, LOG_ERROR, "a refusal could not be recorded");
    s->error = before; /* the face still has to answer it */
}

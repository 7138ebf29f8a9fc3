/* Trying a directory, step by step, for people who set it up. */
#include "access/domain_in.h"

#include <string.h>

/** Is there anything at the base? */
static enum err
try_base(struct scope *s, struct directory *c, const char *base, struct list *steps)
{
    static const char *const attributes[] = { "1.1", NULL }; /* none: RFC 4511 section 4.5.1.8 */
    struct directory_query q = { .base = base,
                                 .base_only = true,
                                 .filter = "(objectClass=*)",
                                 .attributes = attributes,
                                 .limit = 1 };
    int64_t from_ms = clock_mono_ms();
    struct list found;
    bool more;
    enum err e = directory_search(s, c, &q, &found, &more);

    if (e == OK && found.count == 0)
        e = fail(s, E_NOT_FOUND, "nothing is seen there; may it be read?");
    e = note(s, e, "%s", base);
    return directory_step_add(s, steps, "base", e, from_ms, base);
}

static const char *
groups_text(struct scope *s, const struct list *groups)
{
    const char *text = groups->count ? "" : "none";

    LIST_EACH(struct domain_group, g, groups)
    text = arena_printf(s->arena, "%s%s%s", text, *text ? "; " : "", g->name ? g->name : g->dn);
    return text;
}

/** They bind as the configuration says, before anything else can be searched. */
static enum err
try_direct(struct scope *s, const struct domain *d, struct directory *c,
           const struct domain_login *who, const char *password, struct list *steps)
{
    const char *as = domain_bind_name(s, d, who);
    int64_t from_ms = clock_mono_ms();
    enum err e = directory_bind(s, c, as, password);

    return directory_step_add(s, steps, "login", e, from_ms, arena_printf(s->arena, "as %s", as));
}

static enum err
try_person(struct scope *s, const struct domain *d, struct directory *c,
           const struct domain_login *who, const char *password, struct list *steps)
{
    struct directory_entry person = { 0 };
    struct list groups = { 0 };
    int64_t from_ms = clock_mono_ms();
    enum err e = domain_find_person(s, d, c, who, &person);

    TRY(directory_step_add(s, steps, "user", e, from_ms, person.dn));
    from_ms = clock_mono_ms();
    e = domain_groups(s, d, c, who, &person, &groups);
    TRY(directory_step_add(s, steps, "groups", e, from_ms,
                           e == OK ? groups_text(s, &groups) : NULL));
    if (!password)
        return OK;
    from_ms = clock_mono_ms();
    e = d->o.user_bind ? domain_bind_found(s, c, &person, password)
                       : directory_bind(s, c, person.dn, password);
    return directory_step_add(s, steps, "login", e, from_ms,
                              arena_printf(s->arena, "as %s", person.dn));
}

static enum err
try_server(struct scope *s, const struct domain *d, const char *url, const struct domain_login *who,
           const char *password, struct list *steps)
{
    AUTO(directory_close) struct directory *c = NULL;
    struct directory_options o = {
        .url = url, .trust = d->trust, .timeout_ms = d->o.timeout_ms, .steps = steps
    };

    TRY(directory_open(s, &o, &c));
    if (d->o.user_bind && who && password)
        TRY(try_direct(s, d, c, who, password, steps));
    else
        TRY(domain_bind_own(s, d, c, steps));
    TRY(try_base(s, c, d->o.base, steps));
    if (!text_eq(d->o.group_base, d->o.base))
        TRY(try_base(s, c, d->o.group_base, steps));
    return who ? try_person(s, d, c, who, password, steps) : OK;
}

void
domain_try(struct scope *s, const struct domain *d, const struct domain_login *who,
           const char *password, struct list *steps)
{
    LIST_EACH(const char *, url, &d->o.urls)
    {
        (void)directory_step_add(s, steps, "server", OK, clock_mono_ms(), *url);
        (void)!try_server(s, d, *url, who, password, steps); /* the steps tell */
        scope_clear(s);
    }
}

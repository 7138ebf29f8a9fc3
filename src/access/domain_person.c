/* A person's entry in a directory, their groups, and what of it are claims here. */
#include "access/domain_in.h"

#include "base/log.h"

#include <string.h>

#define GROUPS_MAX 500
#define NESTING_MAX 10
#define AT_ONCE 50 /* groups whose groups one search asks for */
#define FILTER_MAX ((size_t)256 * 1024)

static const char *
escaped(struct scope *s, const char *value, enum domain_text kind)
{
    return kind == DOMAIN_FILTER ? directory_filter_value(s->arena, value)
           : kind == DOMAIN_DN   ? directory_dn_value(s->arena, value)
                                 : value;
}

const char *
domain_fill(struct scope *s, const char *template, const struct domain_login *who, const char *dn,
            enum domain_text kind)
{
    const struct {
        const char *word, *value;
    } words[] = { { "{login}", who->login }, { "{domain}", who->domain }, { "{dn}", dn } };
    const char *value;
    struct buf out;

    buf_init_in(&out, s->arena, FILTER_MAX);
    while (*template) {
        size_t i = 0;

        while (i < COUNT(words) && !text_starts(template, words[i].word))
            i++;
        if (i == COUNT(words)) {
            buf_byte(&out, (uint8_t) * template ++);
            continue;
        }
        value = escaped(s, words[i].value ? words[i].value : "", kind);
        if (!value)
            return NULL;
        buf_text(&out, value);
        template += strlen(words[i].word);
    }
    return buf_str(&out);
}

const char *
domain_bind_name(struct scope *s, const struct domain *d, const struct domain_login *who)
{
    bool is_dn = strchr(d->o.user_bind, '=') != NULL;

    return domain_fill(s, d->o.user_bind, who, NULL, is_dn ? DOMAIN_DN : DOMAIN_PLAIN);
}

enum err
domain_find_person(struct scope *s, const struct domain *d, struct directory *c,
                   const struct domain_login *who, struct directory_entry *out)
{
    const char *const attributes[] = { "sAMAccountName",
                                       "uid",
                                       "userPrincipalName",
                                       "displayName",
                                       "mail",
                                       "objectGUID",
                                       "entryUUID",
                                       d->o.member_of ? d->o.member_of : "cn",
                                       NULL };
    struct directory_query q = {
        .base = d->o.base,
        .filter = domain_fill(s, d->o.user_filter, who, NULL, DOMAIN_FILTER),
        .attributes = attributes,
        .limit = 2,
    };
    struct list found;
    bool more;

    TRY(directory_search(s, c, &q, &found, &more));
    if (found.count == 0)
        return fail(s, E_UNAUTHENTICATED, "nobody in the directory has that name");
    if (found.count > 1 || more)
        return fail(s, E_UNAUTHENTICATED, "more than one entry of the directory has that name");
    *out = *list_at(&found, struct directory_entry, 0);
    return OK;
}

bool
domain_bears(struct scope *s, const struct directory_entry *person, const char *login)
{
    const struct list *uids = directory_values(person, "uid");
    const char *account = directory_text(s, person, "sAMAccountName");

    LIST_EACH(struct bytes, uid, uids)
    if (bytes_eq(*uid, bytes_of_text(login)))
        return true;
    return account && (uids->count ? text_eq(account, login) : text_eq_fold(account, login));
}

/* ---- groups */

static bool
has_group(const struct list *groups, const char *folded)
{
    LIST_EACH(struct domain_group, g, groups)
    if (text_eq(g->folded, folded))
        return true;
    return false;
}

/** Add a group that lies where groups are to be, unless it is there already. */
static void
add_group(struct scope *s, const struct domain *d, const char *dn, const char *name,
          struct list *groups)
{
    const char *folded = directory_dn_folded(s->arena, dn);

    if (folded && groups->count < GROUPS_MAX && directory_is_below(s->arena, dn, d->o.group_base) &&
        !has_group(groups, folded))
        list_add(s->arena, groups, struct domain_group,
                 ((struct domain_group){ dn, name, folded }));
}

static void
add_member_of(struct scope *s, const struct domain *d, const struct directory_entry *e,
              struct list *groups)
{
    if (!d->o.member_of)
        return;
    LIST_EACH(struct bytes, v, directory_values(e, d->o.member_of))
    {
        const char *dn;

        if (v->len == 0 || !text_is_utf8(v->data, v->len))
            continue;
        dn = arena_text_n(s->arena, (const char *)v->data, v->len);
        add_group(s, d, dn, directory_rdn(s->arena, dn, "cn"), groups);
    }
}

/** Search groups by FILTER; those whose names memberOf told already get the name that they have. */
static enum err
search_groups(struct scope *s, const struct domain *d, struct directory *c, const char *filter,
              struct list *groups)
{
    static const char *const attributes[] = { "sAMAccountName", "cn", NULL };
    struct directory_query q = {
        .base = d->o.group_base, .filter = filter, .attributes = attributes, .limit = GROUPS_MAX
    };
    struct list found;
    bool more;

    TRY(directory_search(s, c, &q, &found, &more));
    if (more)
        log_warn(s, "directory %s: more than %d groups; the others are not counted", d->o.name,
                 GROUPS_MAX);
    LIST_EACH(struct directory_entry, e, &found)
    {
        const char *name = directory_text(s, e, "sAMAccountName");

        add_group(s, d, e->dn, name ? name : directory_text(s, e, "cn"), groups);
    }
    return OK;
}

/** One filter for the groups that any of GROUPS, from FROM on, is in. */
static const char *
filter_of_groups(struct scope *s, const struct domain *d, const struct domain_login *who,
                 const struct list *groups, size_t from)
{
    const struct domain_login nobody = { who->domain, "" };
    struct buf out;

    buf_init_in(&out, s->arena, FILTER_MAX);
    buf_text(&out, "(|");
    for (size_t i = from; i < groups->count && i < from + AT_ONCE; i++) {
        const char *one = domain_fill(s, d->o.group_filter, &nobody,
                                      list_at(groups, struct domain_group, i)->dn, DOMAIN_FILTER);

        if (!one)
            return NULL;
        buf_text(&out, one);
    }
    buf_text(&out, ")");
    return buf_str(&out);
}

/** The groups that groups are in, level by level; a circle ends by itself, as nothing new comes. */
static enum err
nested_groups(struct scope *s, const struct domain *d, struct directory *c,
              const struct domain_login *who, struct list *groups)
{
    size_t from = 0;

    for (int level = 0; level < NESTING_MAX && from < groups->count; level++) {
        size_t level_end = groups->count;

        for (; from < level_end; from += AT_ONCE)
            TRY(search_groups(s, d, c, filter_of_groups(s, d, who, groups, from), groups));
        from = level_end;
    }
    return OK;
}

enum err
domain_groups(struct scope *s, const struct domain *d, struct directory *c,
              const struct domain_login *who, const struct directory_entry *person,
              struct list *groups)
{
    enum err e = OK;

    if (d->o.group_filter)
        e = search_groups(
            s, d, c, domain_fill(s, d->o.group_filter, who, person->dn, DOMAIN_FILTER), groups);
    if (e == E_NOT_FOUND)
        e = fail(s, E_UNAVAILABLE, "there is nothing at the base of groups, %s", d->o.group_base);
    TRY(e);
    add_member_of(s, d, person, groups);
    if (d->o.nested && d->o.group_filter)
        TRY(nested_groups(s, d, c, who, groups));
    return OK;
}

/* ---- claims */

static void
say(struct scope *s, struct list *claims, enum claim_type type, const char *value)
{
    if (!text_empty(value) && strlen(value) <= 1024 && !text_has_control(value))
        list_add(s->arena, claims, struct claim_said, ((struct claim_said){ type, value }));
}

/** What stays the same when they are renamed, and differs when their name is given to another. */
static const char *
lasting_id(struct scope *s, const struct directory_entry *person)
{
    const struct list *guid = directory_values(person, "objectGUID");
    const char *uuid = directory_text(s, person, "entryUUID");

    if (guid->count == 1)
        return hex_lower(s->arena, *list_at(guid, struct bytes, 0));
    return uuid ? uuid : text_fold(s->arena, person->dn);
}

const char *
domain_origin(struct scope *s, const struct domain *d, const struct directory_entry *person)
{
    return arena_printf(s->arena, "ldap:%s:%s", d->o.name, lasting_id(s, person));
}

void
domain_outsider(struct scope *s, const struct domain *d, const struct domain_login *who,
                const struct directory_entry *person, const struct list *groups,
                struct outsider *out)
{
    const char *shown = *list_at(&d->o.domains, const char *, 0);
    const char *login = directory_text(s, person, "sAMAccountName");
    struct outsider o = { .method = "ldap", .provider = d->o.name };

    if (!login)
        login = directory_text(s, person, "uid");
    if (!login || text_has_control(login) || strlen(login) > 200)
        login = who->login;
    o.origin = domain_origin(s, d, person);
    o.name = arena_printf(s->arena, "%s\\%s", shown, login);
    o.email = directory_text(s, person, "mail");
    if (o.email && (text_has_control(o.email) || strlen(o.email) > 256))
        o.email = NULL;
    say(s, &o.claims, CLAIM_USER, directory_text(s, person, "userPrincipalName"));
    LIST_EACH(const char *, domain, &d->o.domains)
    {
        say(s, &o.claims, CLAIM_USER, arena_printf(s->arena, "%s\\%s", *domain, login));
        say(s, &o.claims, CLAIM_USER, arena_printf(s->arena, "%s@%s", login, *domain));
    }
    LIST_EACH(struct domain_group, g, groups)
    {
        say(s, &o.claims, CLAIM_GROUP, g->dn);
        say(s, &o.claims, CLAIM_GROUP, g->name);
        if (g->name)
            LIST_EACH(const char *, domain, &d->o.domains)
        say(s, &o.claims, CLAIM_GROUP, arena_printf(s->arena, "%s\\%s", *domain, g->name));
    }
    *out = o;
}

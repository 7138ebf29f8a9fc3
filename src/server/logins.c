/* Who else may log people in: the settings of identity providers and directories as access/ wants
 * them; faults are told with their place. */
#include "server/parts.h"

#include "access/domains.h"
#include "access/kerberos.h"
#include "access/oidc.h"
#include "base/file.h"
#include "seal/private_file.h"
#include "seal/reference.h"

#include <string.h>

/** Accounts are kept by the name of their provider, a colon, and whom it knows: does A with the
 * colon begin B? */
static bool
name_begins(const char *a, const char *b)
{
    return text_starts_fold(b, a) && b[strlen(a)] == ':';
}

/** A name is one provider's alone, whatever its kind: claims are bound to it. */
static void
name_judge(struct scope *s, const char *path, const char *name, struct list *names)
{
    LIST_EACH(const char *, other, names)
    {
        if (text_eq_fold(*other, name))
            problem(s, arena_printf(s->arena, "%s.name", path), CHY_BAD_VALUE,
                    "there is a provider \"%s\" already", name);
        if (name_begins(*other, name) || name_begins(name, *other))
            problem(s, arena_printf(s->arena, "%s.name", path), CHY_BAD_VALUE,
                    "\"%s\" and \"%s\" are one and the same up to a colon: nobody could tell whose "
                    "accounts are whose",
                    *other, name);
    }
    list_add(s->arena, names, const char *, name);
}

/** The identity providers as access/ wants them; faults are told with their place. */
static enum err
providers_of(struct scope *s, const struct list *settings, struct list *names, struct list *out)
{
    size_t n = 0;

    LIST_EACH(struct provider_settings, in, settings)
    {
        struct oidc_provider *p = list_push(s->arena, out, struct oidc_provider);
        const char *path = arena_printf(s->arena, "access.providers[%zu]", n++);

        *p = (struct oidc_provider){ .name = in->name,
                                     .issuer = in->issuer,
                                     .audience = in->audience,
                                     .jwks_url = text_empty(in->jwks_url) ? NULL : in->jwks_url,
                                     .user_claim = in->user_claim,
                                     .roles_claim = in->roles_claim,
                                     .groups_claim = in->groups_claim,
                                     .skew_ms = in->skew };
        if (!text_starts_fold(in->issuer, "https://"))
            problem(s, arena_printf(s->arena, "%s.issuer", path), CHY_BAD_VALUE,
                    "an issuer is an https address");
        if (p->jwks_url && !text_starts_fold(p->jwks_url, "https://"))
            problem(s, arena_printf(s->arena, "%s.jwks_url", path), CHY_BAD_VALUE,
                    "keys are fetched by https");
        name_judge(s, path, in->name, names);
        if (!text_empty(in->ca))
            TRY(file_read(s, in->ca, CA_FILE_MAX, &p->ca_pem));
    }
    return OK;
}

/** Each domain is one directory's. */
static void
domains_judge(struct scope *s, const char *path, const struct list *domains, struct list *known)
{
    size_t n = 0;

    LIST_EACH(const char *, domain, domains)
    {
        const char *at = arena_printf(s->arena, "%s.domains[%zu]", path, n++);

        if (text_empty(*domain) || strpbrk(*domain, "\\@ ") || text_has_control(*domain))
            problem(s, at, CHY_BAD_VALUE, "is no domain such as CONTOSO or contoso.com");
        LIST_EACH(const char *, other, known)
        if (text_eq_fold(*other, *domain))
            problem(s, at, CHY_BAD_VALUE, "the domain %s is named twice", *domain);
        list_add(s->arena, known, const char *, *domain);
    }
}

/** A template that never names the person would find somebody else. */
static void
template_judge(struct scope *s, const char *path, const char *name, const char *text,
               const char *word)
{
    if (!text_empty(text) && !strstr(text, word))
        problem(s, arena_printf(s->arena, "%s.%s", path, name), CHY_BAD_VALUE, "lacks %s", word);
}

static void
directory_judge(struct scope *s, const char *path, const struct directory_settings *in)
{
    struct directory_address to;
    size_t n = 0;

    LIST_EACH(const char *, url, &in->urls)
    {
        const char *at = arena_printf(s->arena, "%s.urls[%zu]", path, n++);

        if (directory_url(s, *url, &to) != OK)
            problem(s, at, CHY_BAD_VALUE, "%s", arena_text(s->arena, s->error.text));
    }
    template_judge(s, path, "user_filter", in->user_filter, "{login}");
    template_judge(s, path, "user_bind", in->user_bind, "{login}");
    if (!text_empty(in->group_filter) && !strstr(in->group_filter, "{login}"))
        template_judge(s, path, "group_filter", in->group_filter, "{dn}");
    if (text_empty(in->bind_dn) != text_empty(in->bind_password))
        problem(s, arena_printf(s->arena, "%s.bind_password", path), CHY_BAD_VALUE,
                "bind_dn and bind_password come together");
    if (in->nested && text_empty(in->group_filter))
        problem(s, arena_printf(s->arena, "%s.nested", path), CHY_BAD_VALUE,
                "groups of groups are found by group_filter, which is empty");
}

static enum err
directories_of(struct scope *s, struct parts *p, const struct list *settings, struct list *names,
               struct list *out)
{
    struct list domains = { 0 };
    size_t n = 0;

    LIST_EACH(struct directory_settings, in, settings)
    {
        struct domain_options *d = list_push(s->arena, out, struct domain_options);
        const char *path = arena_printf(s->arena, "access.directories[%zu]", n++);

        *d = (struct domain_options){ .name = in->name,
                                      .domains = in->domains,
                                      .urls = in->urls,
                                      .bind_dn = in->bind_dn,
                                      .user_bind = in->user_bind,
                                      .base = in->base,
                                      .user_filter = in->user_filter,
                                      .member_of = in->member_of,
                                      .group_base = in->group_base,
                                      .group_filter = in->group_filter,
                                      .nested = in->nested,
                                      .timeout_ms = in->timeout };
        name_judge(s, path, in->name, names);
        domains_judge(s, path, &in->domains, &domains);
        directory_judge(s, path, in);
        if (!text_empty(in->ca))
            TRY(file_read(s, in->ca, CA_FILE_MAX, &d->ca_pem));
        if (!text_empty(in->bind_password)) {
            struct secret *password;

            TRY(note(s, secret_resolve(s, p->app.seal, in->bind_password, &password),
                     "%s.bind_password", path));
            d->bind_password = arena_own(s->arena, password, secret_free);
        }
    }
    return OK;
}

static enum err
kerberos_of(struct scope *s, const struct parts *p, const struct kerberos_settings *in,
            const struct kerberos_options **out)
{
    struct kerberos_options o = {
        .name = in->name,
        .keytab = in->keytab,
        .service = in->service,
        .replay_cache = arena_printf(s->arena, "%s/kerberos-seen", p->set->data_dir),
        .binding = (enum channel_binding)in->channel_binding,
    };

    TRY(note(s, private_file_check(s, in->keytab, PRIVATE_GROUP), "access.kerberos.keytab"));
    *out = arena_copy(s->arena, &o, sizeof o);
    return OK;
}

enum err
logins_take(struct scope *s, struct parts *p, const struct access_settings *set,
            struct access_options *out)
{
    struct list names = { 0 };

    TRY(providers_of(s, &set->providers, &names, &out->providers));
    TRY(directories_of(s, p, &set->directories, &names, &out->directories));
    if (!text_empty(set->kerberos->keytab)) {
        name_judge(s, "access.kerberos", set->kerberos->name, &names);
        TRY(kerberos_of(s, p, set->kerberos, &out->kerberos));
    }
    return problems_check(s);
}

size_t
logins_head_max(const struct access_settings *set)
{
    return text_empty(set->kerberos->keytab) ? 16 * (size_t)1024 : 96 * (size_t)1024;
}

/* Who else may log people in: the settings of identity providers and directories as access/ wants
 * them; judge.c has judged them. */
#include "server/parts.h"

#include "access/domains.h"
#include "access/kerberos.h"
#include "access/oidc.h"
#include "base/file.h"
#include "seal/private_file.h"
#include "seal/reference.h"

/** The identity providers as access/ wants them. */
static enum err
providers_of(struct scope *s, const struct list *settings, struct list *out)
{
    LIST_EACH(struct provider_settings, in, settings)
    {
        struct oidc_provider *p = list_push(s->arena, out, struct oidc_provider);

        *p = (struct oidc_provider){ .name = in->name,
                                     .issuer = in->issuer,
                                     .audience = in->audience,
                                     .jwks_url = text_empty(in->jwks_url) ? NULL : in->jwks_url,
                                     .user_claim = in->user_claim,
                                     .roles_claim = in->roles_claim,
                                     .groups_claim = in->groups_claim,
                                     .skew_ms = in->skew };
        if (!text_empty(in->ca))
            TRY(file_read(s, in->ca, CA_FILE_MAX, &p->ca_pem));
    }
    return OK;
}

static enum err
directories_of(struct scope *s, struct parts *p, const struct list *settings, struct list *out)
{
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
    TRY(providers_of(s, &set->providers, &out->providers));
    TRY(directories_of(s, p, &set->directories, &out->directories));
    return text_empty(set->kerberos->keytab) ? OK
                                             : kerberos_of(s, p, set->kerberos, &out->kerberos);
}

size_t
logins_head_max(const struct access_settings *set)
{
    return text_empty(set->kerberos->keytab) ? 16 * (size_t)1024 : 96 * (size_t)1024;
}

/* ACME profiles, in the seeds' words. */
#include "api/acme_profiles.h"
#include "acme/profile.h"
#include "codec/json.h"
#include "command/command.h"
#include <string.h>

_Static_assert(ACME_PROFILE_LIMITS == LIMITS &&
                   sizeof(struct acme_profile_limits) == sizeof(struct acme_limits_own),
               "limits have one order");

static void
show(struct scope *s, const struct acme_endpoint *ep, struct acme_profile_reply *out)
{
    const struct acme_profile *p = ep->profile;
    const struct choice *eab = p->eab.given ? choice_by_number(acme_eab_modes, p->eab.value) : NULL;

    *out = (struct acme_profile_reply){
        .id = ep->id,
        .name = arena_text(s->arena, ep->name),
        .directory = acme_url(s->arena, ep, "directory", NULL),
        .tmpl = p->template_name,
        .authority = p->authority,
        .description = p->description,
        .eab = eab ? eab->name : NULL,
        .terms = p->terms_url,
        .formats = p->formats,
        .roots = p->attestation_roots,
        .allowed_domains = p->allow,
        .denied_domains = p->deny,
        .allowed_networks = p->allow_networks,
        .denied_networks = p->deny_networks,
        .client_networks = p->clients,
        .validity = { p->validity_days != 0, p->validity_days },
        .max_names = p->max_names,
        .pre_authorization = p->pre_authorization,
        .enabled = ep->enabled,
        .auto_renew = p->auto_renew,
        .offered = p->offered,
    };
    if (p->limits)
        out->limits = arena_copy(s->arena, p->limits, sizeof(*out->limits));
    LIST_EACH(const char *, type, &p->challenges) /* "DNS-01", as the seeds have it */
    list_add(s->arena, &out->challenge_types, const char *, text_upper(s->arena, *type));
    LIST_EACH(const char *, type, &p->challenges)
    if (!out->challenge_type && !text_eq(*type, ACME_DEVICE_CHALLENGE))
        out->challenge_type = text_upper(s->arena, *type);
}

static enum err
answer(struct request *rq, const char *name)
{
    const struct acme_endpoint *ep;
    struct acme_profile_reply out;

    TRY(acme_profile_get(rq->scope, rq->app->acme, name, &ep));
    show(rq->scope, ep, &out);
    return reply_tagged(rq, &out, ep->version);
}

enum err
acme_profiles_list(struct request *rq)
{
    struct list out = { 0 };

    LIST_EACH(struct acme_endpoint *, ep, &acme_profiles(rq->scope, rq->app->acme)->all)
    show(rq->scope, *ep, list_push(rq->scope->arena, &out, struct acme_profile_reply));
    return reply_list(rq, &out);
}

enum err
acme_profiles_get(struct request *rq)
{
    return answer(rq, var_text(rq, "name"));
}

/* What is wanted. */

static void
add_type(struct scope *s, const char *text, size_t len, struct list *out)
{
    while (len && *text == ' ') {
        text++;
        len--;
    }
    while (len && text[len - 1] == ' ')
        len--;
    if (len)
        list_add(s->arena, out, const char *,
                 text_fold(s->arena, arena_text_n(s->arena, text, len)));
}

/* A list, or text with commas. */
static void
read_challenges(struct scope *s, const char *raw, struct list *out)
{
    struct json *j = NULL;
    const char *text;

    if (!raw || json_parse(s, bytes_of_text(raw), &j) != OK || json_kind(j) == JK_NULL)
        return;
    text = json_str(j);
    while (text && *text) {
        size_t len = strcspn(text, ",");

        add_type(s, text, len, out);
        text += len + (text[len] == ',');
    }
    for (size_t i = 0; json_is_array(j) && i < json_count(j); i++) {
        const char *one = json_str(json_item(j, i));

        if (one)
            add_type(s, one, strlen(one), out);
        else
            problem(s, "ChallengeType", CHY_BAD_VALUE, "is a list of texts");
    }
    if (!json_str(j) && !json_is_array(j))
        problem(s, "ChallengeType", CHY_BAD_VALUE, "is text with commas, or a list of texts");
}

static struct opt_int
read_eab(struct scope *s, const char *word)
{
    const struct choice *found = text_empty(word) ? NULL : choice_by_name(acme_eab_modes, word);

    if (!text_empty(word) && !found)
        problem(s, "ExternalAccountBinding", CHY_BAD_VALUE, "is off, optional or required");
    return (struct opt_int){ found != NULL, found ? found->number : 0 };
}

static struct acme_profile_edit
read_edit(struct scope *s, const struct acme_profile_request *in, const char *name)
{
    struct acme_profile_edit edit = {
        .name = name,
        .enabled = !in->enabled.given || in->enabled.value,
        .body = { .description = in->description,
                  .template_name = in->tmpl,
                  .authority = in->authority,
                  .allow = in->allowed_domains,
                  .deny = in->denied_domains,
                  .allow_networks = in->allowed_networks,
                  .deny_networks = in->denied_networks,
                  .clients = in->client_networks,
                  .validity_days = in->validity.given ? in->validity.value : 0,
                  .auto_renew = in->auto_renew,
                  .offered = in->offered,
                  .eab = read_eab(s, in->eab),
                  .max_names = in->max_names,
                  .pre_authorization = in->pre_authorization,
                  .terms_url = in->terms,
                  .formats = in->formats,
                  .attestation_roots = in->roots },
    };

    if (in->limits)
        edit.body.limits = arena_copy(s->arena, in->limits, sizeof(*edit.body.limits));
    LIST_EACH(const char *, type, &in->challenge_types)
    add_type(s, *type, strlen(*type), &edit.body.challenges);
    if (!in->challenge_types.count)
        read_challenges(s, in->challenge_type.json, &edit.body.challenges);
    return edit;
}

enum err
acme_profiles_create(struct request *rq)
{
    const struct acme_profile_request *in = rq->body;
    struct acme_profile_edit edit = read_edit(rq->scope, in, in->name);

    edit.fresh = true;
    TRY(acme_profile_save(rq->scope, rq->app->acme, &edit, rq->caller));
    return answer(rq, in->name);
}

enum err
acme_profiles_edit(struct request *rq)
{
    const struct acme_profile_request *in = rq->body;
    const char *name = var_text(rq, "name");
    struct acme_profile_edit edit = read_edit(rq->scope, in, name);
    const struct acme_endpoint *ep;

    TRY(if_match(rq, &edit.version));
    TRY(acme_profile_get(rq->scope, rq->app->acme, name, &ep));
    if (!text_empty(in->name) && !text_eq_fold(in->name, name))
        problem(rq->scope, "Name", CHY_BAD_VALUE,
                "stays as it is, since clients know its addresses");
    TRY(acme_profile_save(rq->scope, rq->app->acme, &edit, rq->caller));
    return answer(rq, name);
}

enum err
acme_profiles_delete(struct request *rq)
{
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(acme_profile_delete(rq->scope, rq->app->acme, var_text(rq, "name"), version, rq->caller));
    return reply_none(rq);
}

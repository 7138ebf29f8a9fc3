#include "acme/profile.h"

#include "acme/eab.h"
#include "acme/limit.h"
#include "acme/names.h"
#include "codec/value.h"
#include "issue/pattern.h"
#include "jobs/outbox.h"
#include "pki/cert.h"
#include "pki/pem.h"
#include "proof/attest.h"
#include "proof/proof.h"
#include <string.h>

#define BODY_MAX (256 * 1024)
#define TOLD_MAX 16000 /* octets of a body that an event tells */
#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* As data. */

#define P(member, ...) FIELD(acme_profile, member, #member, .flags = OMIT_EMPTY, __VA_ARGS__)
static const struct field acme_profile_fields[] = {
    P(description),
    P(template_name),
    P(authority),
    P(challenges, .model = &text_model),
    P(allow, .model = &text_model),
    P(deny, .model = &text_model),
    P(allow_networks, .model = &text_model),
    P(deny_networks, .model = &text_model),
    P(clients, .model = &text_model),
    P(validity_days),
    P(auto_renew),
    P(offered),
    P(eab),
    P(max_names),
    P(pre_authorization),
    P(terms_url),
    P(formats, .model = &text_model),
    P(attestation_roots),
    P(limits, .model = &acme_limits_own_model),
};
#undef P
static const struct model acme_profile_model = MODEL(acme_profile, acme_profile_fields);

/* In memory. */

SQL(profiles_all,
    "SELECT id, name, enabled, version, body FROM acme_endpoint WHERE deleted_at IS NULL AND "
    "name_folded <> '' ORDER BY name_folded");

static struct list
joined(struct arena *a, const struct list *one, const struct list *other)
{
    struct list out = { 0 };

    LIST_EACH(const char *, text, one)
    list_add(a, &out, const char *, *text);
    LIST_EACH(const char *, text, other)
    list_add(a, &out, const char *, *text);
    return out;
}

/* The settings, but for what the profile says. What they deny is denied everywhere. */
static const struct acme_settings *
settings_of(struct arena *a, const struct acme_settings *all, const struct acme_profile *p)
{
    struct acme_settings *set = arena_copy(a, all, sizeof(*set));

    set->template_name = p->template_name;
    set->authority = p->authority;
    if (p->challenges.count)
        set->challenges = p->challenges;
    if (p->allow.count)
        set->allow = p->allow;
    if (p->deny.count)
        set->deny = joined(a, &all->deny, &p->deny);
    if (p->eab.given)
        set->eab = p->eab.value;
    if (p->max_names.given)
        set->max_names = p->max_names.value;
    if (p->pre_authorization.given)
        set->pre_authorization = p->pre_authorization.value;
    if (!text_empty(p->terms_url))
        set->terms_url = p->terms_url;
    if (p->limits)
        set->limits = acme_limits_with(a, all->limits, p->limits);
    return set;
}

static enum err
prover_of(struct scope *s, const struct acme *acme, struct scope *own, struct acme_endpoint *ep)
{
    const struct proof_settings *all = acme->o.set->validation;
    const struct acme_profile *p = ep->profile;
    struct prover *made;
    struct list deny;

    ep->prover = acme->prover;
    if (!p->allow_networks.count && !p->deny_networks.count)
        return OK;
    deny = joined(own->arena, &all->deny_networks, &p->deny_networks);
    TRY(prover_with_networks(s, acme->prover,
                             p->allow_networks.count ? &p->allow_networks : &all->allow_networks,
                             &deny, &made));
    ep->prover = arena_own(own->arena, made, prover_free);
    return OK;
}

/* The certificates of a PEM text; each can be one. */
static enum err
read_roots(struct scope *s, const char *text, struct list *out)
{
    struct list found = { 0 };
    struct cert cert;

    TRY(pem_read(s, bytes_of_text(text), &found));
    LIST_EACH(struct pem_block, one, &found)
    {
        if (!text_eq(one->label, PEM_CERT))
            return fail(s, E_INVALID, "it holds something that is no certificate");
        TRY(cert_read(s, one->data, &cert));
        list_add(s->arena, out, struct bytes, one->data);
    }
    return OK;
}

static enum err
read_profile(struct scope *s, const struct acme *acme, struct scope *own, struct row *row,
             struct acme_endpoint *ep)
{
    struct arena *a = own->arena;
    struct acme_profile *body = arena_new_of(a, struct acme_profile);

    ep->id = row_int(row);
    ep->name = arena_text(a, row_text(row));
    ep->enabled = row_bool(row);
    ep->version = row_int(row);
    if (json_decode(own, &acme_profile_model, JSON_STRICT, bytes_of_text(row_text(row)), body) !=
        OK)
        return fail(s, E_INTERNAL, "the ACME profile %s cannot be read: %s", ep->name,
                    own->error.text);
    ep->profile = body;
    ep->set = settings_of(a, acme->o.set, body);
    ep->algorithms = acme->by_settings->algorithms;
    ep->base = arena_printf(a, "%s/%s", acme->by_settings->base, ep->name);
    LIST_EACH(const char *, base, &acme->by_settings->former_bases)
    list_add(a, &ep->former_bases, const char *, arena_printf(a, "%s/%s", *base, ep->name));
    if (networks_read(own, &body->clients, &ep->clients) != OK)
        return fail(s, E_INTERNAL, "the ACME profile %s: %s", ep->name, own->error.text);
    if (!text_empty(body->attestation_roots) &&
        read_roots(own, body->attestation_roots, &ep->attestation_roots) != OK)
        return fail(s, E_INTERNAL, "the ACME profile %s: %s", ep->name, own->error.text);
    return prover_of(s, acme, own, ep);
}

static enum err
read_all(struct scope *s, void *arg, struct scope *own, void *out)
{
    const struct acme *acme = arg;
    struct acme_profiles *profiles = out;
    struct rows rows;

    TRY(db_all(s, acme->o.db, &profiles_all, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct acme_endpoint *ep = arena_new_of(own->arena, struct acme_endpoint);

        TRY(read_profile(s, acme, own, &rows.at[i], ep));
        list_add(own->arena, &profiles->all, struct acme_endpoint *, ep);
    }
    return OK;
}

enum err
acme_profiles_reload(struct scope *s, const struct acme *acme)
{
    struct acme copy = *acme;

    return snapshot_replace(s, acme->profiles, read_all, &copy);
}

static void
let_go(void *snapshot)
{
    snapshot_unref(snapshot);
}

const struct acme_profiles *
acme_profiles(struct scope *s, const struct acme *acme)
{
    const struct acme_profiles *all = snapshot_ref(acme->profiles);

    (void)arena_defer(s->arena, (void *)(uintptr_t)all, let_go);
    return all;
}

const struct acme_endpoint *
acme_profile_find(const struct acme_profiles *all, const char *name)
{
    LIST_EACH(struct acme_endpoint *, ep, &all->all)
    if (text_eq_fold((*ep)->name, name))
        return *ep;
    return NULL;
}

static enum err
no_profile(struct scope *s, const char *name)
{
    return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "ACME profile %.64s not found", name);
}

enum err
acme_profile_get(struct scope *s, const struct acme *acme, const char *name,
                 const struct acme_endpoint **out)
{
    *out = acme_profile_find(acme_profiles(s, acme), name);
    return *out ? OK : no_profile(s, name);
}

/* Judging. */

static const char *
place(struct scope *s, const char *list, size_t i)
{
    return arena_printf(s->arena, "%s[%zu]", list, i);
}

/* Words that have a meaning at this place of an address. */
static bool
is_reserved(const char *name)
{
    static const char *const words[] = {
        "directory", "new-nonce",   "new-account",  "acct",      "key-change",
        "new-order", "order",       "finalize",     "authz",     "challenge",
        "cert",      "revoke-cert", "renewal-info", "new-authz", ACME_DEFAULT_PROFILE,
        "limits",    "terms",
    };

    for (size_t i = 0; i < COUNT(words); i++)
        if (text_eq_fold(words[i], name))
            return true;
    return false;
}

static void
judge_name(struct scope *s, const char *name)
{
    if (text_empty(name))
        problem(s, "Name", CHY_MISSING, "a profile has a name");
    else if (strlen(name) > ACME_PROFILE_NAME_MAX || name[strspn(name, NAME_LETTERS)] ||
             *name == '.' || *name == '-')
        problem(s, "Name", CHY_BAD_VALUE,
                "it stands in addresses: at most %d letters, digits and . _ -",
                ACME_PROFILE_NAME_MAX);
    else if (is_reserved(name))
        problem(s, "Name", CHY_BAD_VALUE, "\"%s\" has another meaning in ACME's addresses", name);
}

/* Whoever opens a template to those who reach a directory may use it themselves. One that is
 * switched off opens nothing. */
static enum err
judge_maker(struct scope *s, const struct acme *acme, const struct acme_profile_edit *edit,
            const struct caller *by)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(acme->o.flow->shelf);
    const char *name = edit->body.template_name;
    const struct template *t = text_empty(name) ? NULL : template_find(all, name);

    if (!edit->enabled || !t)
        return OK;
    return note(s, access_require(s, by, PERM_ENROLLMENT_CSR, GRANT_TEMPLATE, t->id), "Template");
}

static enum err
judge_template(struct scope *s, const struct acme *acme, const struct templates *all,
               const struct template *t)
{
    const char *why;

    TRY(flow_closed(s, acme->o.flow, all, t, &why));
    if (why)
        problem(s, "Template", CHY_TEMPLATE_FORBIDDEN, "clients of ACME cannot use template %s: %s",
                t->name, why);
    return OK;
}

static enum err
judge_issuing(struct scope *s, const struct acme *acme, struct acme_profile *p, bool enabled)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(acme->o.flow->shelf);
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(acme->o.flow->office);
    const struct template *t =
        text_empty(p->template_name) ? NULL : template_find(all, p->template_name);
    const struct ca_authority *ca = text_empty(p->authority) ? NULL : ca_find(snap, p->authority);
    int64_t most = t ? t->body->validity_max_ms : 0;

    if (text_empty(p->template_name))
        problem(s, "Template", CHY_MISSING, "a profile names the template that it issues by");
    else if (!t)
        problem(s, "Template", CHY_NO_TEMPLATE, "there is no template \"%s\"", p->template_name);
    else
        p->template_name = arena_text(s->arena, t->name);
    if (t && t->body->san_device == SAN_FORBIDDEN &&
        list_has(&p->challenges, ACME_DEVICE_CHALLENGE))
        problem(s, "Template", CHY_TEMPLATE_FORBIDDEN,
                "the template %s gives no names of devices (san_device)", t->name);
    if (!text_empty(p->authority) && !ca)
        problem(s, "CertificateAuthority", CHY_NO_CA, "there is no certificate authority \"%s\"",
                p->authority);
    else if (ca && t &&
             (!flow_offers(ca, t) || !pattern_offers(pattern_default(all, t->id), ca->id)))
        problem(s, "CertificateAuthority", CHY_NO_CA, "%s does not offer the template %s",
                p->authority, t->name);
    if (most && p->validity_days * DAY_MS > most)
        problem(s, "Validity", CHY_BAD_VALIDITY, "the template %s allows at most %s", t->name,
                duration_text(s->arena, most));
    return t && enabled ? judge_template(s, acme, all, t) : OK;
}

static void
judge_rules(struct scope *s, const char *field, const struct list *rules)
{
    size_t i = 0;

    LIST_EACH(const char *, rule, rules)
    {
        const char *fault = acme_rule_fault(s->arena, *rule);

        if (fault)
            problem(s, place(s, field, i), CHY_BAD_VALUE, "\"%s\": %s", *rule, fault);
        i++;
    }
}

static void
judge_networks(struct scope *s, const char *field, const struct list *networks)
{
    size_t i = 0;

    LIST_EACH(const char *, text, networks)
    {
        AUTO(scope_free) struct scope *try = scope_new("network");
        struct network read;

        if (network_read(try, *text, &read) != OK)
            problem(s, place(s, field, i), CHY_BAD_VALUE, "%s", try->error.text);
        i++;
    }
}

/* Who believes what is said of devices says whom. */
static void
judge_attestation(struct scope *s, const struct acme_profile *p)
{
    bool wanted = list_has(&p->challenges, ACME_DEVICE_CHALLENGE);
    AUTO(scope_free) struct scope *try = scope_new("roots");
    struct list roots = { 0 };
    size_t i = 0;

    LIST_EACH(const char *, format, &p->formats)
    {
        if (!attest_format_known(*format))
            problem(s, place(s, "AttestationFormats", i), CHY_BAD_VALUE, "\"%.64s\" is none of %s",
                    *format, attest_formats(s->arena));
        i++;
    }
    if (wanted && !p->formats.count)
        problem(s, "AttestationFormats", CHY_MISSING,
                "device-attest-01 takes what is listed here: %s", attest_formats(s->arena));
    if (wanted && text_empty(p->attestation_roots))
        problem(s, "AttestationRoots", CHY_MISSING,
                "device-attest-01 believes whom these certificates certify");
    if (!text_empty(p->attestation_roots) && read_roots(try, p->attestation_roots, &roots) != OK)
        problem(s, "AttestationRoots", CHY_BAD_VALUE, "%s", try->error.text);
}

static enum err
judge(struct scope *s, const struct acme *acme, struct acme_profile_edit *edit)
{
    struct acme_profile *p = &edit->body;

    judge_name(s, edit->name);
    TRY(judge_issuing(s, acme, p, edit->enabled));
    LIST_EACH(const char *, type, &p->challenges)
    if (!acme_challenge_known(*type))
        problem(s, "ChallengeType", CHY_BAD_VALUE, "there is no challenge \"%s\"", *type);
    judge_rules(s, "AllowedDomains", &p->allow);
    judge_rules(s, "DeniedDomains", &p->deny);
    judge_networks(s, "AllowedNetworks", &p->allow_networks);
    judge_networks(s, "DeniedNetworks", &p->deny_networks);
    judge_networks(s, "ClientNetworks", &p->clients);
    judge_attestation(s, p);
    if (p->pre_authorization.given && p->pre_authorization.value && !acme->o.set->authz_reuse)
        problem(s, "PreAuthorization", CHY_BAD_VALUE,
                "what is proved before an order counts for none, as long as the setting "
                "acme.authz_reuse is 0s");
    if (!text_empty(p->terms_url) && !value_pattern("url", p->terms_url))
        problem(s, "TermsOfService", CHY_BAD_VALUE, "is no address that begins with https://");
    else if (p->offered && !text_empty(p->terms_url) &&
             !text_eq(p->terms_url, acme->o.set->terms_url))
        problem(s, "OfferedInDefaultDirectory", CHY_BAD_VALUE,
                "accounts of that directory agreed to the setting acme.terms_url, and not to %s",
                p->terms_url);
    return problems_check(s);
}

/* Changes. */

/* Its version is none that another of this name had. */
SQL(profile_add,
    "INSERT INTO acme_endpoint (name, name_folded, enabled, body, created_at, version) "
    "VALUES ($1, $2, $3, $4, $5, (SELECT COALESCE(MAX(version), 0) + 1 FROM "
    "acme_endpoint)) ON CONFLICT (name_folded) DO NOTHING RETURNING id");
SQL(profile_lock,
    "SELECT version, id, name, body FROM acme_endpoint WHERE name_folded = $1 AND name_folded "
    "<> '' AND deleted_at IS NULL @lock");
SQL(profile_change, "UPDATE acme_endpoint SET enabled = $2, body = $3, version = version + 1 WHERE "
                    "id = $1");
SQL(profile_end, "UPDATE acme_endpoint SET deleted_at = $2, enabled = 0, name_folded = $3, version "
                 "= version + 1 WHERE id = $1");

struct change {
    const struct acme_profile_edit *edit;
    const char *folded, *json;
    const struct caller *by;
};

/* What an event tells. */
struct told {
    enum audit_action action;
    const struct caller *by;
    int64_t id;
    const char *name, *before, *after;
};

static enum err
tell(struct scope *s, struct tx *tx, const struct told *t)
{
    const struct audit_change change = { "profile", t->before, t->after, AUDIT_IS_TEXT };
    bool fits =
        (!t->before || strlen(t->before) < TOLD_MAX) && (!t->after || strlen(t->after) < TOLD_MAX);

    TRY(audit_add(s, tx,
                  &(struct audit_event){ .action = t->action,
                                         .actor = &t->by->actor,
                                         .target = { "acme_profile", t->name, NULL },
                                         .changes = &change,
                                         .change_count = fits }));
    return outbox_add(s, tx, EVENT_ACME_CHANGED, t->id, NULL);
}

/* ROW receives id, name and body. */
static enum err
lock(struct scope *s, struct tx *tx, const char *name, int64_t version, struct row *row)
{
    enum err e = tx_one(s, tx, &profile_lock, BIND(v_text(text_fold(s->arena, name))), row);

    if (e == E_NOT_FOUND)
        return no_profile(s, name);
    TRY(e);
    if (row_int(row) != version && version)
        return fail_code(s, E_CONFLICT, CHY_VERSION_CHANGED,
                         "the ACME profile \"%.64s\" changed since it was read", name);
    return OK;
}

static enum err
add_in(struct scope *s, struct tx *tx, const struct change *c)
{
    const char *name = c->edit->name;
    struct row row;
    enum err e = tx_one(s, tx, &profile_add,
                        BIND(v_text(name), v_text(c->folded), v_bool(c->edit->enabled),
                             v_text(c->json), v_when(clock_now())),
                        &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        problem(s, "Name", CHY_BAD_VALUE, "there is an ACME profile \"%s\" already", name);
        return problems_fail(s);
    }
    TRY(e);
    return tell(
        s, tx,
        &(struct told){ AUDIT_ACME_PROFILE_CREATE, c->by, row_int(&row), name, NULL, c->json });
}

static enum err
save_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct change *c = arg;
    const char *name, *before;
    struct row row;
    int64_t id;

    if (c->edit->fresh)
        return add_in(s, tx, c);
    TRY(lock(s, tx, c->edit->name, c->edit->version, &row));
    id = row_int(&row);
    name = row_text(&row);
    before = row_text(&row);
    TRY(tx_do(s, tx, &profile_change, BIND(v_int(id), v_bool(c->edit->enabled), v_text(c->json))));
    return tell(s, tx, &(struct told){ AUDIT_ACME_PROFILE_EDIT, c->by, id, name, before, c->json });
}

enum err
acme_profile_save(struct scope *s, const struct acme *acme, const struct acme_profile_edit *edit,
                  const struct caller *by)
{
    struct acme_profile_edit judged = *edit;
    struct change c = { .edit = &judged, .by = by };
    struct buf json;

    TRY(judge_maker(s, acme, edit, by));
    TRY(judge(s, acme, &judged));
    buf_init_in(&json, s->arena, BODY_MAX);
    json_encode(&json, &acme_profile_model, &judged.body);
    c.json = buf_str(&json);
    c.folded = text_fold(s->arena, judged.name);
    if (!c.json)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "the profile is too large");
    TRY(db_write(s, acme->o.db, save_in, &c));
    return acme_profiles_reload(s, acme);
}

struct ending {
    const char *name;
    int64_t version;
    const struct caller *by;
};

static enum err
delete_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct ending *end = arg;
    const char *name, *before, *freed;
    struct row row;
    int64_t id;

    TRY(lock(s, tx, end->name, end->version, &row));
    id = row_int(&row);
    name = row_text(&row);
    before = row_text(&row);
    /* none can be called so */
    freed = arena_printf(s->arena, "%s %lld", text_fold(s->arena, name), (long long)id);
    TRY(tx_do(s, tx, &profile_end, BIND(v_int(id), v_when(clock_now()), v_text(freed))));
    TRY(acme_eab_revoke_all(s, tx, id, end->by));
    return tell(s, tx,
                &(struct told){ AUDIT_ACME_PROFILE_DELETE, end->by, id, name, before, NULL });
}

enum err
acme_profile_delete(struct scope *s, const struct acme *acme, const char *name, int64_t version,
                    const struct caller *by)
{
    TRY(db_write(s, acme->o.db, delete_in, &(struct ending){ name, version, by }));
    return acme_profiles_reload(s, acme);
}

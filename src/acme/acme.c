#include "acme/acme.h"

#include "acme/known.h"
#include "acme/limit_memory.h"
#include "acme/names.h"
#include "acme/pace.h"
#include "acme/profile.h"
#include "acme/trials.h"
#include "base/random.h"
#include "db/watch.h"
#include "pki/jws.h"
#include "proof/proof.h"
#include <string.h>

#define HOLD_MS SECOND_MS /* a question waits so long for what becomes of a challenge */
#define ON_THEIR_WAY 64   /* so many orders are tried and signed before others wait to begin */

SQL(find_endpoint, "SELECT id FROM acme_endpoint WHERE name_folded = $1");

static const char *
without_slashes(struct arena *a, const char *url)
{
    size_t len = strlen(url);

    while (len && url[len - 1] == '/')
        len--;
    return arena_text_n(a, url, len);
}

static enum err
read_algorithms(struct scope *s, const struct acme_settings *set, unsigned *out)
{
    *out = 0;
    LIST_EACH(const char *, name, &set->algorithms)
    {
        unsigned alg = jws_alg_of_name(*name);

        if (!alg)
            return fail_code(s, E_INVALID, CHY_BAD_SETTINGS,
                             "acme.algorithms: \"%s\" is none of ES256, ES384, ES512, RS256, "
                             "PS256, EdDSA",
                             *name);
        *out |= alg;
    }
    return *out ? OK
                : fail_code(s, E_INVALID, CHY_BAD_SETTINGS,
                            "acme.algorithms: at least one is needed");
}

static enum err
check_rules(struct scope *s, const char *key, const struct list *rules)
{
    LIST_EACH(const char *, rule, rules)
    {
        const char *fault = acme_rule_fault(s->arena, *rule);

        if (fault)
            return fail_code(s, E_INVALID, CHY_BAD_SETTINGS, "%s: \"%s\": %s", key, *rule, fault);
    }
    return OK;
}

bool
acme_challenge_known(const char *type)
{
    return proof_fits(type, "dns", false) || text_eq(type, ACME_DEVICE_CHALLENGE);
}

static enum err
check_challenges(struct scope *s, const struct acme_settings *set)
{
    LIST_EACH(const char *, type, &set->challenges)
    if (text_eq(*type, ACME_DEVICE_CHALLENGE))
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS,
                         "acme.challenges: device-attest-01 is for profiles, which say whose "
                         "attestations are believed");
    else if (!acme_challenge_known(*type))
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS,
                         "acme.challenges: \"%s\" is none of http-01, dns-01, tls-alpn-01, "
                         "dns-account-01, dns-persist-01",
                         *type);
    return OK;
}

static enum err
check_reuse(struct scope *s, const struct acme_settings *set)
{
    return set->pre_authorization && !set->authz_reuse
               ? fail_code(
                     s, E_INVALID, CHY_BAD_SETTINGS,
                     "acme.pre_authorization: what is proved before an order counts for none, "
                     "as long as acme.authz_reuse is 0s")
               : OK;
}

static enum err
read_exempt(struct scope *s, struct acme *acme)
{
    struct list read = { 0 };

    TRY(note(s, networks_read(s, &acme->o.set->limits->exempt, &read), "acme.limits.exempt"));
    LIST_EACH(struct network, n, &read)
    list_add(acme->arena, &acme->exempt, struct network, *n);
    return OK;
}

static enum err
open_endpoint(struct scope *s, struct acme *acme)
{
    const struct acme_settings *set = acme->o.set;
    struct acme_endpoint *ep = arena_new_of(acme->arena, struct acme_endpoint);
    const char *base = text_empty(set->base_url) ? acme->o.https_url : set->base_url;
    struct row row;

    if (!text_starts(base, "https://") && !text_starts(base, "http://"))
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS, "acme.base_url: must begin with https://");
    ep->name = "";
    ep->enabled = true;
    ep->set = set;
    ep->base = arena_printf(acme->arena, "%s/acme", without_slashes(acme->arena, base));
    LIST_EACH(const char *, former, &set->legacy_base_urls)
    list_add(acme->arena, &ep->former_bases, const char *,
             arena_printf(acme->arena, "%s/acme", without_slashes(acme->arena, *former)));
    TRY(read_algorithms(s, set, &ep->algorithms));
    TRY(check_challenges(s, set));
    TRY(check_reuse(s, set));
    TRY(check_rules(s, "acme.allow", &set->allow));
    TRY(check_rules(s, "acme.deny", &set->deny));
    TRY(db_one(s, acme->o.db, &find_endpoint, BIND(v_text("")), &row));
    ep->id = row_int(&row);
    acme->by_settings = ep;
    TRY(read_exempt(s, acme));
    return OK;
}

enum err
acme_open(struct scope *s, const struct acme_options *o, struct acme **out)
{
    struct nonce_options nonces = { .alone = o->alone,
                                    .life_ms = o->set->nonce_life,
                                    .reject = o->set->nonce_reject };
    struct acme *acme = mem_alloc(sizeof(*acme));
    enum err e;

    acme->o = *o;
    acme->arena = arena_new();
    acme->memory = limit_memory_new();
    acme->known = known_new();
    acme->pace = pace_new(ON_THEIR_WAY);
    acme->trials = trials_new(HOLD_MS, acme->pace);
    acme->accounts = o->alone ? db_watch(o->db, "acme_account") : NULL;
    e = open_endpoint(s, acme);
    if (e == OK)
        e = nonces_open(s, o->db, o->seal, &nonces, &acme->nonces);
    if (e == OK)
        e = note(s, prover_new(s, o->set->validation, o->own, &acme->prover), "acme.validation");
    if (e == OK) {
        acme->by_settings->prover = acme->prover;
        acme->profiles = snapshot_place_new(sizeof(struct acme_profiles));
        e = acme_profiles_reload(s, acme);
    }
    if (e != OK) {
        acme_close(acme);
        return e;
    }
    *out = acme;
    return OK;
}

void
acme_close(struct acme *acme)
{
    if (!acme)
        return;
    snapshot_place_free(acme->profiles); /* before the prover that theirs are made of */
    prover_free(acme->prover);
    known_free(acme->known);
    nonces_close(acme->nonces);
    limit_memory_free(acme->memory);
    trials_free(acme->trials);
    pace_free(acme->pace);
    arena_free(acme->arena);
    mem_free(acme);
}

void
acme_use_jobs(struct acme *acme, struct jobs *jobs)
{
    acme->jobs = jobs;
}

void
acme_stop_waiting(struct acme *acme)
{
    trials_stop(acme->trials);
    pace_stop(acme->pace);
}

const struct acme_endpoint *
acme_endpoint(struct scope *s, const struct acme *acme, const char *name)
{
    const struct acme_endpoint *found;

    if (!acme->o.set->enabled)
        return NULL;
    if (!*name)
        return acme->by_settings;
    found = acme_profile_find(acme_profiles(s, acme), name);
    return found && found->enabled ? found : NULL;
}

const struct acme_endpoint *
acme_endpoint_by_id(struct scope *s, const struct acme *acme, int64_t id)
{
    if (id == acme->by_settings->id)
        return acme->by_settings;
    LIST_EACH(struct acme_endpoint *, ep, &acme_profiles(s, acme)->all)
    if ((*ep)->id == id && (*ep)->enabled)
        return *ep;
    return NULL;
}

bool
acme_answers(struct scope *s, const struct acme_endpoint *ep, const char *address)
{
    struct bytes ip;

    return !ep->clients.count ||
           (address && ip_parse(s->arena, address, &ip) && networks_hold(&ep->clients, ip));
}

const char *
acme_policy_name(const struct acme_endpoint *policy)
{
    return *policy->name ? policy->name : ACME_DEFAULT_PROFILE;
}

bool
acme_offers(const struct acme *acme, const struct acme_endpoint *profile)
{
    const struct acme_profile *p = profile->profile;

    return profile->enabled && p->offered &&
           (text_empty(p->terms_url) || text_eq(p->terms_url, acme->o.set->terms_url));
}

const struct acme_endpoint *
acme_policy(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
            const char *profile)
{
    const struct acme_endpoint *found;

    if (!profile || text_eq(profile, acme_policy_name(ep)))
        return ep;
    found = ep->profile || !*profile ? NULL : acme_endpoint(s, acme, profile);
    return found && acme_offers(acme, found) && text_eq(found->name, profile) ? found : NULL;
}

const char *
acme_url(struct arena *a, const struct acme_endpoint *ep, const char *what, const char *id)
{
    return arena_printf(a, "%s/%s%s%s", ep->base, what, id ? "/" : "", id ? id : "");
}

static const char *
id_below(const char *base, const char *what, const char *url)
{
    size_t base_len = strlen(base), what_len = strlen(what);
    const char *id;

    if (strncmp(url, base, base_len) != 0 || url[base_len] != '/' ||
        strncmp(url + base_len + 1, what, what_len) != 0 || url[base_len + 1 + what_len] != '/')
        return NULL;
    id = url + base_len + what_len + 2;
    return *id && !strchr(id, '/') ? id : NULL;
}

const char *
acme_url_id(struct arena *a, const struct acme_endpoint *ep, const char *what, const char *url)
{
    const char *id = id_below(ep->base, what, url);

    LIST_EACH(const char *, former, &ep->former_bases)
    if (!id)
        id = id_below(*former, what, url);
    return arena_text(a, id);
}

const char *
acme_new_id(struct arena *a)
{
    uint8_t id[17];
    const char *text;

    do { /* people type them behind commands, where a dash begins a flag */
        random_bytes(id, sizeof(id));
        text = base64url_encode(a, (struct bytes){ id, sizeof(id) });
    } while (*text == '-');
    return text;
}

/* Authorities made, changed, tried and retired as the Command API has it. Those of this server;
 * what only means something of an authority elsewhere is refused by its name. */
#include "api/authority_edit.h"
#include "ca/order.h"
#include "command/authority_words.h"
#include "command/template_words.h"

#include <string.h>

/* Does a value say anything? Zeroes, empty texts and objects without any value do not. */
static bool
says(const struct json *j)
{
    const struct json *value;
    const char *name;
    size_t at = 0;
    double number;
    bool yes;

    if (json_bool(j, &yes))
        return yes;
    if (json_number(j, &number))
        return number < 0 || number > 0;
    if (json_str(j))
        return *json_str(j) != 0;
    if (json_is_array(j))
        return json_count(j) > 0;
    while (json_is_object(j) && json_member(j, &at, &name, &value))
        if (says(value))
            return true;
    return false;
}

/* What is meant by the members that an authority of this server has no use for. */
static void
check_elsewhere(struct request *rq)
{
    static const struct {
        const char *name, *why;
    } members[] = {
        { "Delegate", "requests are made by this server itself" },
        { "DelegateEnrollment", "requests are made by this server itself" },
        { "Remote", "it works in this server" },
        { "Agent", "it works in this server" },
        { "Standalone", "it issues by templates" },
        { "MonitorThresholds", "thresholds are not watched by this version" },
        { "IssuanceMax", "thresholds are not watched by this version" },
        { "IssuanceMin", "thresholds are not watched by this version" },
        { "DenialMax", "thresholds are not watched by this version" },
        { "FailureMax", "thresholds are not watched by this version" },
        { "ThresholdCheck", "thresholds are not watched by this version" },
        { "RFCEnforcement", "templates say which names are required" },
        { "KeyRetention", "templates say which keys are kept" },
        { "KeyRetentionDays", "templates say which keys are kept" },
        { "ExplicitCredentials", "it needs no credentials" },
        { "ExplicitUser", "it needs no credentials" },
        { "ExplicitPassword", "it needs no credentials" },
        { "AuthCertificatePassword", "it needs no credentials" },
        { "SubscriberTerms", "there are no terms to be accepted" },
        { "UseAllowedRequesters", "templates, patterns and permissions say who may enroll" },
        { "AllowedRequesters", "templates, patterns and permissions say who may enroll" },
        { "FullScan", "it is not scanned: all that it issues is here" },
        { "IncrementalScan", "it is not scanned: all that it issues is here" },
        { "EnforceUniqueDN", "templates say which names are allowed" },
    };
    const struct json *certificate = body_value(rq, NULL, "AuthCertificate");

    for (size_t i = 0; i < COUNT(members); i++)
        if (says(body_value(rq, NULL, members[i].name)))
            problem(rq->scope, members[i].name, CHY_BAD_VALUE,
                    "says nothing of an authority of this server: %s", members[i].why);
    if (json_is_object(certificate) && (says(body_value(rq, certificate, "SecretValue")) ||
                                        says(body_value(rq, certificate, "Provider"))))
        problem(rq->scope, "AuthCertificate", CHY_BAD_VALUE,
                "says nothing of an authority of this server: it needs no credentials");
}

/* Properties: JSON in a text; NULL: none. */
static const struct json *
properties_of(struct request *rq, const struct authority_request *in)
{
    struct scope *s = rq->scope;
    struct list problems = s->problems;
    struct json *j;

    if (text_empty(in->properties))
        return NULL;
    if (json_parse(s, bytes_of_text(in->properties), &j) == OK && json_is_object(j))
        return j;
    scope_clear(s);
    s->problems = problems;
    problem(s, "Properties", CHY_BAD_VALUE, "is no JSON object in a text");
    return NULL;
}

static const char *
property(struct request *rq, const struct json *properties, const char *name)
{
    const char *text = properties ? json_str(body_value(rq, properties, name)) : NULL;

    return text_empty(text) ? NULL : text;
}

/* Only authorities of this server are offered. */
static void
check_kind(struct request *rq, const struct authority_request *in, const struct json *properties)
{
    const char *type = property(rq, properties, "Type");
    struct scope *s = rq->scope;

    if (in->ca_type.given && in->ca_type.value != 1)
        problem(s, "CAType", CHY_BAD_VALUE,
                "authorities that are reached by DCOM (0) are not offered by this version");
    if (type && !text_eq_fold(type, "Embedded"))
        problem(s, "Properties.Type", CHY_BAD_VALUE,
                "authorities of the type %.64s are not offered by this version; Embedded ones are",
                type);
}

static void
check_types(struct scope *s, const struct authority_request *in)
{
    int64_t types = in->allowed_enrollment_types.value;

    if (types && types != 3 && types != 7)
        problem(s, "AllowedEnrollmentTypes", CHY_BAD_VALUE,
                "is 3 or 0 of an authority of this server: templates and patterns say which kinds");
}

static void
check_host(struct scope *s, const char *host)
{
    if (!text_empty(host) && (text_has_control(host) || strpbrk(host, "\\ ")))
        problem(s, "HostName", CHY_BAD_VALUE, "\"%.64s\" is no name of a host", host);
}

/* Making. */

static void
read_order(struct request *rq, const struct authority_request *in, const struct json *properties,
           struct ca_order *out)
{
    const struct json *days = properties ? body_value(rq, properties, "LifeDays") : NULL;
    const char *parent = property(rq, properties, "Parent");
    int64_t life = 0;

    if (days && (!json_int(days, &life) || life < 1 || life > 36500))
        problem(rq->scope, "Properties.LifeDays", CHY_BAD_VALUE, "is a number from 1 to 36500");
    *out = (struct ca_order){
        .name = in->logical_name,
        .parent = parent,
        .subject = property(rq, properties, "Subject"),
        .key_type = property(rq, properties, "KeyType"),
        .key_uri = property(rq, properties, "KeyUri"),
        .life_ms = life * DAY_MS,
        .path_len = parent ? 0 : -1,
        .offers_enrollment = in->allowed_enrollment_types.given
                                 ? in->allowed_enrollment_types.value != 0
                                 : parent != NULL,
    };
}

/* What an order calls its members, as the face does. */
void
authority_paths(struct scope *s, const struct authority_path *paths)
{
    LIST_EACH(struct problem, p, &s->problems)
    for (const struct authority_path *one = paths; one->order; one++)
        if (text_eq(p->path, one->order))
            p->path = one->face;
}

static enum err
order_failed(struct request *rq, enum err e)
{
    static const struct authority_path paths[] = {
        { "name", "LogicalName" },
        { "parent", "Properties.Parent" },
        { "subject", "Properties.Subject" },
        { "key_type", "Properties.KeyType" },
        { "key_uri", "Properties.KeyUri" },
        { "life_days", "Properties.LifeDays" },
        { NULL, NULL },
    };

    if (e != E_INVALID)
        return e;
    authority_paths(rq->scope, paths);
    TRY(problems_check(rq->scope));
    return e;
}

static enum err
answer(struct request *rq, int64_t id)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct ca_authority *ca = ca_by_id(snap, id);
    struct authority_reply out;

    if (!ca)
        return fail(rq->scope, E_INTERNAL, "authority %lld is not here", (long long)id);
    authority_reply_of(rq->scope, snap, ca, &out);
    return reply(rq, 200, &out);
}

enum err
authority_create(struct request *rq)
{
    const struct authority_request *in = rq->body;
    const struct json *properties = properties_of(rq, in);
    struct scope *s = rq->scope;
    struct ca_order order;
    int64_t id;

    if (text_empty(in->logical_name))
        problem(s, "LogicalName", CHY_MISSING, "an authority has a name");
    if (!text_eq_fold(property(rq, properties, "Type"), "Embedded"))
        problem(s, "Properties.Type", CHY_MISSING,
                "an authority of this server has {\"Type\":\"Embedded\"} here; others are not "
                "offered by this version");
    check_kind(rq, in, NULL);
    check_elsewhere(rq);
    check_types(s, in);
    check_host(s, in->host_name);
    read_order(rq, in, properties, &order);
    TRY(problems_check(s));
    TRY(access_require(s, rq->caller, PERM_AUTHORITIES_MODIFY, GRANT_GLOBAL, 0));
    TRY(order_failed(rq, ca_create(s, rq->app->office, &order, &rq->caller->actor, &id)));
    if (!text_empty(in->host_name))
        TRY(ca_change(s, rq->app->office, &(struct ca_edit){ .id = id, .host = in->host_name },
                      &rq->caller->actor));
    return answer(rq, id);
}

/* Changing. */

static enum err
wanted(struct request *rq, const struct ca_snapshot *snap, int64_t id,
       const struct ca_authority **out)
{
    const struct ca_authority *ca = ca_by_id(snap, id);

    if (!ca || (!access_may(rq->caller, PERM_AUTHORITIES_READ, GRANT_AUTHORITY, id) &&
                !access_may(rq->caller, PERM_AUTHORITIES_MODIFY, GRANT_AUTHORITY, id)))
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_CA, "certificate authority %lld not found",
                         (long long)id);
    *out = ca;
    return access_require(rq->scope, rq->caller, PERM_AUTHORITIES_MODIFY, GRANT_AUTHORITY, id);
}

/* What an authority is made of does not change. */
static void
check_made(struct request *rq, const struct ca_snapshot *snap, const struct ca_authority *ca,
           const struct json *properties)
{
    static const char *const made[] = { "Subject", "KeyType", "KeyUri", "LifeDays" };
    const struct ca_authority *parent = ca->parent ? ca_by_id(snap, ca->parent) : NULL;
    const char *name = property(rq, properties, "Parent");

    if (name && (!parent || ca_find(snap, name) != parent))
        problem(rq->scope, "Properties.Parent", CHY_BAD_VALUE,
                "who certified an authority is not changed here");
    for (size_t i = 0; properties && i < COUNT(made); i++)
        if (says(body_value(rq, properties, made[i])))
            problem(rq->scope, arena_printf(rq->scope->arena, "Properties.%s", made[i]),
                    CHY_BAD_VALUE, "what an authority is made of is not changed here");
}

enum err
authority_edit(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct authority_request *in = rq->body;
    const struct json *properties;
    const struct ca_authority *ca;
    struct scope *s = rq->scope;
    struct ca_edit edit = { .id = in->id };
    bool offers;

    if (!in->id) {
        problem(s, "Id", CHY_MISSING, "is required");
        return problems_fail(s);
    }
    TRY(wanted(rq, snap, in->id, &ca));
    properties = properties_of(rq, in);
    if (!text_empty(in->logical_name) && !text_eq_fold(in->logical_name, ca->name))
        problem(s, "LogicalName", CHY_BAD_VALUE,
                "cannot be changed: certificates and templates go by it");
    check_kind(rq, in, properties);
    check_elsewhere(rq);
    check_made(rq, snap, ca, properties);
    check_types(s, in);
    check_host(s, in->host_name);
    TRY(problems_check(s));
    offers = ca->enabled && ca->offers_enrollment;
    if (in->allowed_enrollment_types.given && (in->allowed_enrollment_types.value != 0) != offers)
        edit.offers = (struct opt_bool){ true, !offers };
    edit.host = in->host_name;
    edit.version = ca->version;
    TRY(ca_change(s, rq->app->office, &edit, &rq->caller->actor));
    return answer(rq, ca->id);
}

/* Trying. */

/* Why it cannot sign now; NULL: it can. */
static const char *
trouble(struct scope *s, const struct ca_authority *ca)
{
    if (!ca->enabled)
        return arena_printf(s->arena, "%s is switched off.", ca->name);
    if (ca->revoked)
        return arena_printf(s->arena, "The certificate of %s is revoked.", ca->name);
    if (!ca->key)
        return arena_printf(s->arena, "%s has no key with a certificate.", ca->name);
    if (signer_health(s, ca->key->signer) != OK) {
        scope_clear(s);
        return arena_printf(s->arena, "The key of %s cannot be used now.", ca->name);
    }
    return NULL;
}

/* Why one that is described could not be made. */
static const char *
obstacle(struct request *rq, const struct ca_snapshot *snap, const struct json *properties)
{
    const char *parent = property(rq, properties, "Parent");
    const struct ca_authority *above = parent ? ca_find(snap, parent) : NULL;
    struct scope *s = rq->scope;

    if (!text_eq_fold(property(rq, properties, "Type"), "Embedded"))
        return "Properties.Type: there is no authority of this name, and only Embedded ones could "
               "be made.";
    if (!parent)
        return NULL;
    return above
               ? trouble(s, above)
               : arena_printf(s->arena, "Properties.Parent: there is no authority %.128s.", parent);
}

enum err
authority_test(struct request *rq)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    const struct authority_request *in = rq->body;
    const struct json *properties = properties_of(rq, in);
    const struct ca_authority *ca =
        in->id ? ca_by_id(snap, in->id) : ca_find(snap, in->logical_name);
    struct authority_test_reply out = { .success = true, .message = "" };
    struct scope *s = rq->scope;
    const char *why;

    if (!in->id && text_empty(in->logical_name))
        problem(s, "LogicalName", CHY_MISSING, "is required, or Id instead of it");
    TRY(problems_check(s));
    if (in->id || ca)
        TRY(wanted(rq, snap, ca ? ca->id : in->id, &ca));
    else
        TRY(access_require(s, rq->caller, PERM_AUTHORITIES_MODIFY, GRANT_GLOBAL, 0));
    check_kind(rq, in, properties);
    check_elsewhere(rq);
    if (problems_check(s) != OK) {
        out = (struct authority_test_reply){ false, arena_text(s->arena, s->error.text) };
        scope_clear(s);
        return reply(rq, 200, &out);
    }
    why = ca ? trouble(s, ca) : obstacle(rq, snap, properties);
    if (why)
        out = (struct authority_test_reply){ false, why };
    return reply(rq, 200, &out);
}

/* What is in no directory: this server's own authorities and templates are all here already. */
static enum err
import_from(struct request *rq, const char *name, const char *path)
{
    if (text_empty(name))
        return reply_none(rq);
    problem(rq->scope, path, CHY_BAD_VALUE, "there is no directory \"%.100s\" to look in", name);
    return problems_fail(rq->scope);
}

enum err
authority_import(struct request *rq)
{
    const struct authority_import_query *in = rq->query;

    TRY(access_require(rq->scope, rq->caller, PERM_AUTHORITIES_MODIFY, GRANT_GLOBAL, 0));
    return import_from(rq, in->dns, "dns");
}

enum err
templates_import(struct request *rq)
{
    const struct tenant_request *in = rq->body;

    TRY(access_require(rq->scope, rq->caller, PERM_TEMPLATES_MODIFY, GRANT_GLOBAL, 0));
    return import_from(rq, in->configuration_tenant, "ConfigurationTenant");
}

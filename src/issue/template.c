#include "issue/template.h"

#include "audit/audit.h"
#include "codec/expression.h"
#include "codec/json.h"
#include "issue/built_in.h"
#include "issue/pattern.h"
#include "issue/policy.h"
#include "jobs/outbox.h"
#include "pki/dnsname.h"
#include "pki/hash.h"
#include "pki/oid.h"
#include <string.h>

/* The body as data. */

static const struct choice rdn_modes[] = {
    { RDN_OPTIONAL, "optional", "may be asked for" },
    { RDN_REQUIRED, "required", "must be asked for" },
    { RDN_FIXED, "fixed", "always has .value" },
    { RDN_FORBIDDEN, "forbidden", "must not be asked for" },
    { 0, NULL, NULL },
};
static const struct choice san_modes[] = {
    { SAN_FORBIDDEN, "forbidden", NULL },
    { SAN_OPTIONAL, "optional", NULL },
    { SAN_REQUIRED, "required", NULL },
    { 0, NULL, NULL },
};
static const struct choice wildcard_modes[] = {
    { WILDCARD_NONE, "none", NULL },
    { WILDCARD_LEFTMOST, "leftmost", "* as the whole left-most label" },
    { 0, NULL, NULL },
};
static const struct choice csr_extension_modes[] = {
    { CSR_EXT_IGNORE, "ignore", "left out and reported" },
    { CSR_EXT_REFUSE, "refuse", "the request is refused" },
    { 0, NULL, NULL },
};
static const struct choice not_after_modes[] = {
    { NOT_AFTER_CLAMP, "clamp", "shortened to the most allowed" },
    { NOT_AFTER_REFUSE, "refuse", "the request is refused" },
    { 0, NULL, NULL },
};

static const struct choice key_retentions[] = {
    { KEEP_NONE, "none", "handed out once, then gone" },
    { KEEP_INDEFINITE, "indefinite", "until somebody deletes it" },
    { KEEP_AFTER_EXPIRATION, "after_expiration", "key_retention_days beyond notAfter" },
    { KEEP_FROM_ISSUANCE, "from_issuance", "key_retention_days from notBefore" },
    { 0, NULL, NULL },
};

static const struct choice owner_modes[] = {
    { OWNER_OPTIONAL, "optional", "a request may name a role that owns the certificate" },
    { OWNER_REQUIRED, "required", "it must, where there is no owner_role" },
    { OWNER_HIDDEN, "hidden", "owner_role is the owner, whatever a request names" },
    { 0, NULL, NULL },
};

static const struct field template_rdn_fields[] = {
    FIELD(template_rdn, type, "type", .flags = REQUIRED, .max = 64,
          .doc = "CN, O, OU, C, ... or an OID."),
    FIELD(template_rdn, mode, "mode", .choices = rdn_modes, .flags = CHOICE_TEXT,
          .preset = "optional"),
    FIELD(template_rdn, value, "value", .max = 128, .flags = OMIT_EMPTY, .doc = "Of a fixed part."),
    FIELD(template_rdn, pattern, "pattern", .max = 512, .flags = OMIT_EMPTY,
          .doc = "Extended regular expression that the whole value must match."),
};
static const struct model template_rdn_model = MODEL(template_rdn, template_rdn_fields);

#define SAN_MODE(member, wire, preset_)                                            \
    FIELD(template_body, member, wire, .choices = san_modes, .flags = CHOICE_TEXT, \
          .preset = preset_)
#define DURATION_FIELD(member, wire, preset_, ...) \
    FIELD(template_body, member, wire, .flags = DURATION, .preset = preset_, __VA_ARGS__)

static const struct field template_body_fields[] = {
    FIELD(template_body, key_types, "key_types", .model = &text_model, .flags = REQUIRED, .max = 20,
          .doc = "rsa:2048-4096, ec:p256, ec:p384, ec:p521, ed25519."),
    FIELD(template_body, allow_key_reuse, "allow_key_reuse", .preset = "false",
          .doc = "A key may be certified for another subject too."),
    FIELD(template_body, server_keys, "server_keys", .preset = "true",
          .doc = "The server may make the key (PFX enrollment)."),
    FIELD(template_body, client_keys, "client_keys", .preset = "true",
          .doc = "A request may bring a key of its own (CSR enrollment)."),
    FIELD(template_body, key_retention, "key_retention", .choices = key_retentions,
          .flags = CHOICE_TEXT, .preset = "none",
          .doc = "How long the server keeps keys that it made or was given."),
    FIELD(template_body, key_retention_days, "key_retention_days", .preset = "0", .min = 0,
          .max = 36500),
    FIELD(template_body, key_exportable, "key_exportable", .preset = "true",
          .doc = "false: a key kept here is never recovered."),
    FIELD(template_body, recovery_approval, "recovery_approval", .preset = "false",
          .doc = "A key kept here is recovered only once a second person agreed."),
    FIELD(template_body, rdns, "subject", .model = &template_rdn_model, .max = 32,
          .doc = "The parts of the subject."),
    FIELD(template_body, drop_unlisted, "drop_unlisted", .preset = "true",
          .doc = "Leave out subject parts that are not listed, instead of refusing them."),
    FIELD(template_body, defaults, "defaults", .model = &template_default_model, .max = 32,
          .doc = "Parts of the subject that are filled in where a request leaves them out."),
    FIELD(template_body, rules, "rules", .model = &template_rule_model, .max = 100,
          .doc = "What parts of the subject and names must match."),
    SAN_MODE(san_dns, "san_dns", "forbidden"),
    SAN_MODE(san_ip, "san_ip", "forbidden"),
    SAN_MODE(san_email, "san_email", "forbidden"),
    SAN_MODE(san_uri, "san_uri", "forbidden"),
    SAN_MODE(san_upn, "san_upn", "forbidden"),
    SAN_MODE(san_device, "san_device", "forbidden"),
    FIELD(template_body, san_required, "san_required", .preset = "false",
          .doc = "At least one name."),
    FIELD(template_body, max_names, "max_names", .preset = "100", .min = 1, .max = 10000),
    FIELD(template_body, cn_to_san, "cn_to_san", .preset = "true",
          .doc = "A CN that is a host's name stands among the names too."),
    FIELD(template_body, wildcards, "wildcards", .choices = wildcard_modes, .flags = CHOICE_TEXT,
          .preset = "none"),
    FIELD(template_body, internal_names, "internal_names", .preset = "true",
          .doc = "Single labels, reserved top-level domains and private addresses are fine."),
    FIELD(template_body, underscores, "underscores", .preset = "false"),
    FIELD(template_body, public_suffix_check, "public_suffix_check", .preset = "false"),
    FIELD(template_body, permitted, "permitted", .model = &text_model, .max = 1000,
          .doc = "*.contoso.com, contoso.com, 10.0.0.0/8, @contoso.com; none allows every name."),
    FIELD(template_body, excluded, "excluded", .model = &text_model, .max = 1000,
          .doc = "Names that no certificate gets, each with what lies below it."),
    DURATION_FIELD(validity_ms, "validity", "90d", .min = 60000, .max = INT64_C(3153600000000)),
    DURATION_FIELD(validity_max_ms, "validity_max", "398d", .min = 60000,
                   .max = INT64_C(3153600000000)),
    DURATION_FIELD(validity_min_ms, "validity_min", "0s",
                   .doc = "The least that may be asked for."),
    DURATION_FIELD(backdate_ms, "backdate", "1h", .min = 0, .max = INT64_C(172800000),
                   .doc = "How far notBefore lies before now."),
    FIELD(template_body, not_after_policy, "not_after_policy", .choices = not_after_modes,
          .flags = CHOICE_TEXT, .preset = "refuse"),
    FIELD(template_body, allow_requested_dates, "allow_requested_dates", .preset = "false"),
    FIELD(template_body, key_usage, "key_usage", .model = &text_model, .max = 9),
    FIELD(template_body, eku, "eku", .model = &text_model, .max = 20,
          .doc = "serverAuth, ... or OIDs."),
    FIELD(template_body, policies, "policies", .model = &text_model, .max = 20, .doc = "OIDs."),
    FIELD(template_body, cdp, "cdp", .preset = "true", .doc = "Say where the CRL is."),
    FIELD(template_body, aia_ocsp, "aia_ocsp", .preset = "true", .doc = "Say where OCSP is."),
    FIELD(template_body, aia_issuer, "aia_issuer", .preset = "true",
          .doc = "Say where the issuer is."),
    FIELD(template_body, must_staple, "must_staple", .preset = "false"),
    FIELD(
        template_body, csr_extensions, "csr_extensions", .choices = csr_extension_modes,
        .flags = CHOICE_TEXT, .preset = "ignore",
        .doc =
            "What happens to extensions that the request asks for and the template does not know."),
    FIELD(template_body, requires_approval, "requires_approval", .preset = "false",
          .doc = "Somebody has to approve each request before anything is issued."),
    FIELD(template_body, self_approval, "self_approval", .preset = "false",
          .doc = "Whoever asked may approve it themselves."),
    FIELD(template_body, max_active_per_subject, "max_active_per_subject", .preset = "0", .min = 0,
          .max = 1000000,
          .doc = "So many certificates of one subject by this template may be good at once; the "
                 "one that is renewed does not count. 0: any number."),
    FIELD(template_body, notes, "metadata", .model = &template_note_model, .max = 1000,
          .doc = "What is asked of metadata, beyond what its fields ask everywhere."),
    FIELD(template_body, owner, "owner", .choices = owner_modes, .flags = CHOICE_TEXT,
          .preset = "optional"),
    FIELD(template_body, owner_role, "owner_role", .preset = "0", .min = 0, .max = INT64_MAX,
          .doc = "Number of the role that owns certificates for which none is named."),
    FIELD(template_body, authorities, "authorities", .model = &text_model, .max = 100,
          .doc = "Names of authorities; none: all that offer enrollment."),
    FIELD(template_body, allowed_requesters, "allowed_requesters", .model = &text_model, .max = 100,
          .doc = "Names of roles; none: whoever has the permission."),
};
const struct model template_body_model = MODEL(template_body, template_body_fields);

const char *
template_json(struct arena *a, const struct template_body *body)
{
    struct buf b;

    buf_init_in(&b, a, 1 << 20);
    json_encode(&b, &template_body_model, body);
    return buf_str(&b);
}

/* What the tables cannot say. */

static const char *
item(struct scope *s, const char *list, size_t i)
{
    return arena_printf(s->arena, "%s[%zu]", list, i);
}

static void
check_usages(struct scope *s, const struct template_body *body)
{
    size_t i = 0;

    LIST_EACH(const char *, usage, &body->key_usage)
    {
        if (!policy_usage_bit(*usage))
            problem(s, item(s, "key_usage", i), CHY_BAD_VALUE,
                    "\"%s\" is no key usage that a template may give", *usage);
        i++;
    }
    i = 0;
    LIST_EACH(const char *, eku, &body->eku)
    {
        const char *oid = oid_resolve(s->arena, *eku);

        if (!oid)
            problem(s, item(s, "eku", i), CHY_BAD_VALUE,
                    "\"%s\" is neither a usage's name nor an OID", *eku);
        else if (text_eq(oid, OID_EKU_ANY) || text_eq(oid, OID_EKU_OCSP))
            problem(s, item(s, "eku", i), CHY_BAD_VALUE, "\"%s\" may not be given by a template",
                    *eku);
        i++;
    }
    i = 0;
    LIST_EACH(const char *, policy, &body->policies)
    {
        struct bytes oid;

        if (!oid_parse(s->arena, *policy, &oid))
            problem(s, item(s, "policies", i), CHY_BAD_VALUE, "\"%s\" is no OID", *policy);
        i++;
    }
}

static void
check_subject(struct scope *s, const struct template_body *body)
{
    size_t i = 0;

    LIST_EACH(struct template_rdn, rdn, &body->rdns)
    {
        const char *at = item(s, "subject", i++);
        const char *wrong = rdn->value ? subject_value_check(s->arena, rdn->value) : NULL;
        struct bytes oid;

        if (!oid_of_name(rdn->type) && !oid_parse(s->arena, rdn->type, &oid))
            problem(s, arena_printf(s->arena, "%s.type", at), CHY_BAD_VALUE,
                    "\"%s\" is neither a part's name nor an OID", rdn->type);
        if (rdn->mode == RDN_FIXED && text_empty(rdn->value))
            problem(s, arena_printf(s->arena, "%s.value", at), CHY_MISSING,
                    "the fixed part %s has no value", rdn->type);
        else if (wrong)
            problem(s, arena_printf(s->arena, "%s.value", at), CHY_BAD_VALUE, "%s", wrong);
        if (!rdn->pattern)
            continue;
        if (!expression_read(s->arena, rdn->pattern, &wrong))
            problem(s, arena_printf(s->arena, "%s.pattern", at), CHY_BAD_VALUE, "\"%.100s\" %s",
                    rdn->pattern, wrong);
    }
}

static void
check_name_rules(struct scope *s, const char *list, const struct list *rules)
{
    size_t i = 0;

    LIST_EACH(const char *, rule, rules)
    {
        const char *wrong = policy_name_rule_fault(s->arena, *rule);

        if (wrong)
            problem(s, item(s, list, i), CHY_BAD_VALUE, "\"%s\": %s", *rule, wrong);
        i++;
    }
}

static void
check_body(struct scope *s, const struct template_body *body)
{
    struct key_rule rule;
    size_t i = 0;

    if (!body->key_types.count)
        problem(s, "key_types", CHY_MISSING, "at least one key type is needed");
    LIST_EACH(const char *, type, &body->key_types)
    {
        if (!policy_key_rule(*type, &rule))
            problem(s, item(s, "key_types", i), CHY_BAD_VALUE,
                    "\"%s\" is no key type that a template may allow: rsa, rsa:3072, rsa:2048-4096 "
                    "(2048 to 8192 bits), ec, ec:p256, ec:p384, ec:p521, ed25519, ed448",
                    *type);
        i++;
    }
    check_subject(s, body);
    defaults_check(s, &body->defaults, "defaults");
    rules_check(s, &body->rules, "rules");
    notes_check(s, &body->notes, "metadata");
    check_name_rules(s, "permitted", &body->permitted);
    check_name_rules(s, "excluded", &body->excluded);
    check_usages(s, body);
    if (body->validity_ms > body->validity_max_ms)
        problem(s, "validity", CHY_BAD_VALUE, "is longer than validity_max");
    if (body->validity_min_ms > body->validity_ms)
        problem(s, "validity_min", CHY_BAD_VALUE, "is longer than validity");
}

static enum err
read_body(struct scope *s, struct bytes json, struct template_body *out)
{
    TRY(json_decode(s, &template_body_model, JSON_STRICT, json, out));
    check_body(s, out);
    return problems_check(s);
}

/* The shelf. */

struct template_shelf {
    struct db *db;
    struct snapshot_place *place; /* of struct templates */
};

SQL(all_templates,
    "SELECT t.id, t.version, t.name, t.display_name, t.oid, t.enabled, t.created_at, v.id, "
    "v.number, "
    "v.body FROM template t JOIN template_version v ON v.id = t.current_version ORDER BY t.id");

static enum err
read_all(struct scope *s, void *arg, struct scope *own, void *out)
{
    const struct template_shelf *shelf = arg;
    struct templates *into = out;
    struct arena *a = own->arena;
    struct rows rows;

    TRY(db_all(s, shelf->db, &all_templates, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct row *row = &rows.at[i];
        struct template *t = arena_new_of(a, struct template);
        struct template_body *body = arena_new_of(a, struct template_body);
        const char *json;

        t->id = row_int(row);
        t->version = row_int(row);
        t->name = arena_text(a, row_text(row));
        t->display_name = arena_text(a, row_text(row));
        t->oid = arena_text(a, row_text(row));
        t->enabled = row_bool(row);
        t->created_at = row_when(row);
        t->version_id = row_int(row);
        t->number = row_int(row);
        json = row_text(row);
        if (json_decode(own, &template_body_model, JSON_STRICT, bytes_of_text(json), body) != OK)
            return fail(s, E_INTERNAL, "template %s cannot be read: %s", t->name, own->error.text);
        t->body = body;
        list_add(a, &into->all, struct template *, t);
    }
    TRY(patterns_read(s, shelf->db, own, &into->patterns));
    return everywhere_read(s, shelf->db, own, &into->everywhere);
}

void
templates_unref(const struct templates *t)
{
    snapshot_unref(t);
}

const struct templates *
templates_ref(struct template_shelf *shelf)
{
    return snapshot_ref(shelf->place);
}

enum err
templates_reload(struct scope *s, struct template_shelf *shelf)
{
    return snapshot_replace(s, shelf->place, read_all, shelf);
}

enum err
template_shelf_open(struct scope *s, struct db *db, struct template_shelf **out)
{
    struct template_shelf *shelf = mem_alloc(sizeof(*shelf));
    enum err e;

    shelf->db = db;
    shelf->place = snapshot_place_new(sizeof(struct templates));
    e = templates_reload(s, shelf);
    if (e != OK)
        template_shelf_close(shelf);
    else
        *out = shelf;
    return e;
}

void
template_shelf_close(struct template_shelf *shelf)
{
    if (!shelf)
        return;
    snapshot_place_free(shelf->place);
    mem_free(shelf);
}

struct db *
template_shelf_db(const struct template_shelf *shelf)
{
    return shelf->db;
}

const struct template *
template_find(const struct templates *t, const char *reference)
{
    size_t len = reference ? strlen(reference) : 0;

    if (!len)
        return NULL;
    LIST_EACH(struct template *, one, &t->all)
    if (text_eq_fold((*one)->name, reference))
        return *one;
    LIST_EACH(struct template *, one, &t->all)
    {
        size_t display = strlen((*one)->display_name), name = strlen((*one)->name);

        if (text_eq_fold((*one)->display_name, reference))
            return *one;
        if (len == display + name + 3 && text_starts_fold(reference, (*one)->display_name) &&
            reference[display] == ' ' && reference[display + 1] == '(' &&
            reference[len - 1] == ')' && text_starts_fold(reference + display + 2, (*one)->name))
            return *one;
    }
    return NULL;
}

const struct template *
template_by_id(const struct templates *t, int64_t id)
{
    LIST_EACH(struct template *, one, &t->all)
    if ((*one)->id == id)
        return *one;
    return NULL;
}

/* Changes. */

SQL(add_template, "INSERT INTO template (name, name_folded, display_name, oid, created_at) "
                  "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name_folded) DO NOTHING RETURNING id");
SQL(next_number, "SELECT COALESCE(MAX(number), 0) + 1 FROM template_version WHERE template = $1");
SQL(add_version, "INSERT INTO template_version (template, number, body, author, created_at) "
                 "VALUES ($1, $2, $3, $4, $5) RETURNING id");
SQL(set_current,
    "UPDATE template SET current_version = $2, display_name = COALESCE($3, display_name), "
    "enabled = COALESCE($4, enabled), version = version + 1 WHERE id = $1");
SQL(lock_template, "SELECT version, name FROM template WHERE id = $1 @lock");
SQL(set_enabled, "UPDATE template SET enabled = $2, version = version + 1 WHERE id = $1");
SQL(list_versions, "SELECT id, number, author, body, created_at FROM template_version "
                   "WHERE template = $1 ORDER BY number DESC");

struct saving {
    int64_t id, version; /* of what is changed; 0: it is new */
    int64_t saved;       /* the id it has then */
    const char *name, *display_name, *json;
    struct opt_bool enabled;
    const struct audit_actor *actor;
    bool only_when_missing;
};

/* An OID below an arc of random UUIDs (ITU-T X.667), made of the name so that it never changes. */
static const char *
template_oid(struct arena *a, const char *name)
{
    uint8_t h[SHA256_LEN];
    uint64_t arc;

    hash_sha256(bytes_of_text(name), h);
    memcpy(&arc, h, sizeof(arc));
    return arena_printf(a, "2.25.%llu", (unsigned long long)(arc >> 1));
}

/* The row is there and is the one that was read. */
static enum err
lock_row(struct scope *s, struct tx *tx, int64_t id, int64_t version, const char **name)
{
    struct row row;
    enum err e = tx_one(s, tx, &lock_template, BIND(v_int(id)), &row);
    int64_t present;

    if (e == E_NOT_FOUND)
        return fail_code(s, E_NOT_FOUND, CHY_NO_TEMPLATE, "template %lld not found", (long long)id);
    TRY(e);
    present = row_int(&row);
    *name = row_text(&row);
    return version_check(s, version, present, arena_printf(s->arena, "template %s", *name));
}

struct switching {
    int64_t id, version;
    bool enabled;
    const struct audit_actor *actor;
};

static enum err
tell_switched(struct scope *s, struct tx *tx, const struct switching *w, const char *name)
{
    return audit_add(
        s, tx,
        &(struct audit_event){
            .action = w->enabled ? AUDIT_TEMPLATE_ENABLE : AUDIT_TEMPLATE_DISABLE,
            .actor = w->actor,
            .target = { "template", arena_printf(s->arena, "%lld", (long long)w->id), name },
        });
}

static enum err
save_in(struct scope *s, struct tx *tx, void *arg)
{
    struct saving *v = arg;
    struct when now = clock_now();
    const char *name = v->name;
    int64_t id = v->id, number, version_id;
    struct row row;
    enum err e;

    if (!id) {
        e = tx_one(s, tx, &add_template,
                   BIND(v_text(name), v_text(text_fold(s->arena, name)),
                        v_text(v->display_name ? v->display_name : name),
                        v_text(template_oid(s->arena, name)), v_when(now)),
                   &row);
        if (e == E_NOT_FOUND && v->only_when_missing)
            return OK;
        if (e == E_NOT_FOUND)
            return fail_code(s, E_CONFLICT, CHY_BAD_VALUE, "name: there is a template %s already",
                             name);
        TRY(e);
        id = row_int(&row);
        TRY(pattern_of_template(s, tx, id, name, v->only_when_missing));
    } else {
        TRY(lock_row(s, tx, id, v->version, &name));
    }
    TRY(tx_one(s, tx, &next_number, BIND(v_int(id)), &row));
    number = row_int(&row);
    TRY(tx_one(s, tx, &add_version,
               BIND(v_int(id), v_int(number), v_text(v->json),
                    v_text(v->actor ? v->actor->name : AUDIT_PROGRAM), v_when(now)),
               &row));
    version_id = row_int(&row);
    TRY(tx_do(s, tx, &set_current,
              BIND(v_int(id), v_int(version_id), v_text(v->display_name),
                   v->enabled.given ? v_bool(v->enabled.value) : v_null())));
    if (v->enabled.given)
        TRY(tell_switched(
            s, tx, &(struct switching){ .id = id, .enabled = v->enabled.value, .actor = v->actor },
            name));
    TRY(audit_add(
        s, tx,
        &(struct audit_event){
            .action = number == 1 ? AUDIT_TEMPLATE_CREATE : AUDIT_TEMPLATE_EDIT,
            .actor = v->actor,
            .target = { "template", arena_printf(s->arena, "%lld", (long long)id), name },
            .message = arena_printf(s->arena, "template %s, version %lld", name, (long long)number),
        }));
    v->saved = id;
    return outbox_add(s, tx, EVENT_TEMPLATE_CHANGED, id, NULL);
}

enum err
template_save(struct scope *s, struct template_shelf *shelf, const struct template_edit *edit,
              const struct audit_actor *actor, int64_t *out_id)
{
    struct template_body body = { 0 };
    struct saving v = { .id = edit->id,
                        .version = edit->version,
                        .name = edit->name,
                        .display_name = edit->display_name,
                        .enabled = edit->enabled,
                        .actor = actor };

    if (!edit->id &&
        (text_empty(edit->name) || strlen(edit->name) > 128 || text_has_control(edit->name)))
        problem(s, "name", CHY_BAD_VALUE, "a name of 1 to 128 characters is needed");
    TRY(read_body(s, edit->body, &body));
    v.json = template_json(s->arena, &body);
    TRY(db_write(s, shelf->db, save_in, &v));
    *out_id = v.saved;
    return templates_reload(s, shelf);
}

enum err
template_built_in(struct scope *s, struct db *db)
{
    for (const struct built_in_template *t = built_in_templates; t->name; t++) {
        struct template_body body = { 0 };
        struct saving v = { .name = t->name,
                            .display_name = t->display_name,
                            .only_when_missing = true };

        TRY(note(s, read_body(s, bytes_of_text(t->body), &body), "built-in template %s", t->name));
        v.json = template_json(s->arena, &body);
        TRY(db_write(s, db, save_in, &v));
    }
    return OK;
}

static enum err
switch_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct switching *w = arg;
    const char *name;

    TRY(lock_row(s, tx, w->id, w->version, &name));
    TRY(tx_do(s, tx, &set_enabled, BIND(v_int(w->id), v_bool(w->enabled))));
    TRY(tell_switched(s, tx, w, name));
    return outbox_add(s, tx, EVENT_TEMPLATE_CHANGED, w->id, NULL);
}

enum err
template_set_enabled(struct scope *s, struct template_shelf *shelf, int64_t id, bool enabled,
                     int64_t version, const struct audit_actor *actor)
{
    struct switching w = { id, version, enabled, actor };

    TRY(db_write(s, shelf->db, switch_in, &w));
    return templates_reload(s, shelf);
}

enum err
template_versions(struct scope *s, struct db *db, int64_t id, struct list *out)
{
    struct rows rows;

    TRY(db_all(s, db, &list_versions, BIND(v_int(id)), &rows));
    *out = (struct list){ 0 };
    for (size_t i = 0; i < rows.count; i++) {
        struct template_version_row *v = list_push(s->arena, out, struct template_version_row);

        v->id = row_int(&rows.at[i]);
        v->number = row_int(&rows.at[i]);
        v->author = row_text(&rows.at[i]);
        v->body = row_text(&rows.at[i]);
        v->created_at = row_when(&rows.at[i]);
    }
    return OK;
}

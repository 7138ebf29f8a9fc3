#include "command/template_words.h"

#include "issue/policy.h"
#include <string.h>

const struct json *
body_value(struct request *rq, const struct json *of, const char *name)
{
    const struct json *value, *found = NULL;
    const char *member;
    struct json *body;
    size_t at = 0;

    if (!of && json_parse(rq->scope, rq->http->body, &body) != OK)
        return NULL; /* a name stands there twice, which the decoder lets pass */
    while (json_member(of ? of : body, &at, &member, &value))
        if (text_eq_fold(member, name) && json_kind(value) != JK_NULL)
            found = value;
    return found;
}

/* Keys. */

static const int64_t sizes[] = { 2048, 3072, 4096, 8192 };
static const struct {
    const char *rule, *oid, *name;
    int64_t bits;
} curves[] = {
    { "ec:p256", "1.2.840.10045.3.1.7", "P-256", 256 },
    { "ec:p384", "1.3.132.0.34", "P-384", 384 },
    { "ec:p521", "1.3.132.0.35", "P-521", 521 },
};

/* The keys that both sides can speak of. */
struct key_set {
    bool rsa[COUNT(sizes)], ec[COUNT(curves)], ed25519, ed448;
};

static struct key_set
set_of(const struct list *key_types)
{
    struct key_set set = { 0 };
    struct key_rule r;

    LIST_EACH(const char *, text, key_types)
    {
        if (!policy_key_rule(*text, &r))
            continue;
        for (size_t i = 0; r.type == KEY_RSA && i < COUNT(sizes); i++)
            set.rsa[i] = set.rsa[i] || (sizes[i] >= r.low && sizes[i] <= r.high);
        for (size_t i = 0; r.type == KEY_EC && i < COUNT(curves); i++)
            set.ec[i] = set.ec[i] || (curves[i].bits >= r.low && curves[i].bits <= r.high);
        set.ed25519 = set.ed25519 || r.type == KEY_ED25519;
        set.ed448 = set.ed448 || r.type == KEY_ED448;
    }
    return set;
}

static void
add_algorithm(struct scope *s, struct key_shown *out, const char *name, const struct list *lengths,
              const struct list *of_curves)
{
    struct key_algorithm_reply *r = list_push(s->arena, &out->primary, struct key_algorithm_reply);
    struct key_words *w = arena_new_of(s->arena, struct key_words);

    *r = (struct key_algorithm_reply){ .name = name };
    if (lengths)
        r->bit_lengths = w->bit_lengths = *lengths;
    if (of_curves)
        r->curves = w->curves = *of_curves;
    *(text_eq(name, "RSA")       ? &out->info->rsa
      : text_eq(name, "ECC")     ? &out->info->ecdsa
      : text_eq(name, "Ed25519") ? &out->info->ed25519
                                 : &out->info->ed448) = w;
}

void
keys_show(struct scope *s, const struct list *key_types, struct key_shown *out)
{
    struct key_set set = set_of(key_types);

    *out = (struct key_shown){ .info = arena_new_of(s->arena, struct key_info_words) };
    for (size_t i = 0; i < COUNT(sizes); i++)
        if (set.rsa[i])
            list_add(s->arena, &out->rsa_sizes, int64_t, sizes[i]);
    for (size_t i = 0; i < COUNT(curves); i++)
        if (set.ec[i])
            list_add(s->arena, &out->ecc_curves, const char *, curves[i].oid);
    if (out->rsa_sizes.count)
        add_algorithm(s, out, "RSA", &out->rsa_sizes, NULL);
    if (out->ecc_curves.count)
        add_algorithm(s, out, "ECC", NULL, &out->ecc_curves);
    if (set.ed25519)
        add_algorithm(s, out, "Ed25519", NULL, NULL);
    if (set.ed448)
        add_algorithm(s, out, "Ed448", NULL, NULL);
}

static void
take_size(struct scope *s, int64_t bits, const char *path, struct key_set *set)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        if (sizes[i] == bits) {
            set->rsa[i] = true;
            return;
        }
    problem(s, path, CHY_KEY_NOT_ALLOWED,
            "RSA keys of %lld bits are not offered; those of 2048, 3072, 4096 and 8192 are",
            (long long)bits);
}

static void
take_curve(struct scope *s, const char *curve, const char *path, struct key_set *set)
{
    for (size_t i = 0; i < COUNT(curves); i++)
        if (text_eq(curve, curves[i].oid) || text_eq_fold(curve, curves[i].name) ||
            text_eq_fold(curve, curves[i].rule + 3)) {
            set->ec[i] = true;
            return;
        }
    problem(s, path, CHY_KEY_NOT_ALLOWED,
            "\"%.64s\" is none of P-256, P-384 and P-521, nor the OID of one", curve);
}

static void
take_lists(struct scope *s, const struct list *lengths, const struct list *of_curves,
           const char *path, struct key_set *set)
{
    size_t i = 0;

    if (lengths)
        LIST_EACH(int64_t, bits, lengths)
    take_size(s, *bits, arena_printf(s->arena, "%s[%zu]", path, i++), set);
    if (of_curves)
        LIST_EACH(const char *, curve, of_curves)
    take_curve(s, *curve, arena_printf(s->arena, "%s[%zu]", path, i++), set);
}

/* A member of an entry, whichever of its two names it has there. */
static const struct json *
entry_value(struct request *rq, const struct json *entry, const char *one, const char *other)
{
    const struct json *value = body_value(rq, entry, one);

    return value ? value : body_value(rq, entry, other);
}

static bool
is_rsa(const struct json *name)
{
    int64_t number;

    return text_eq_fold(json_str(name), "RSA") || (json_int(name, &number) && number == 1);
}

static bool
is_ec(const struct json *name)
{
    const char *text = json_str(name);
    int64_t number;

    return text_eq_fold(text, "ECC") || text_eq_fold(text, "ECDSA") || text_eq_fold(text, "EC") ||
           (json_int(name, &number) && number == 3);
}

/* One entry of PrimaryKeyAlgorithms: {name, bit_lengths, curves} or {KeyType, KeySize, CurveName}.
 * Without any size or curve it is all of them. */
static void
take_entry(struct request *rq, const struct json *entry, const char *path, struct key_set *set)
{
    const struct json *name = entry_value(rq, entry, "name", "KeyType"),
                      *lengths = entry_value(rq, entry, "bit_lengths", "KeySize"),
                      *of_curves = entry_value(rq, entry, "curves", "CurveName");
    struct scope *s = rq->scope;
    bool rsa = is_rsa(name), ec = is_ec(name);
    int64_t number;

    if (text_eq_fold(json_str(name), "Ed25519")) {
        set->ed25519 = true;
    } else if (text_eq_fold(json_str(name), "Ed448")) {
        set->ed448 = true;
    } else if (!rsa && !ec) {
        problem(s, path, CHY_KEY_NOT_ALLOWED, "names none of RSA, ECC, Ed25519 and Ed448");
    } else if (rsa && json_int(lengths, &number) && number) {
        take_size(s, number, path, set);
    } else if (rsa && json_count(lengths)) {
        for (size_t i = 0; i < json_count(lengths); i++)
            take_size(s, json_int(json_item(lengths, i), &number) ? number : 0, path, set);
    } else if (ec && !text_empty(json_str(of_curves))) {
        take_curve(s, json_str(of_curves), path, set);
    } else if (ec && json_count(of_curves)) {
        for (size_t i = 0; i < json_count(of_curves); i++) {
            const char *curve = json_str(json_item(of_curves, i));

            take_curve(s, curve ? curve : "", path, set);
        }
    } else if (rsa) {
        set->rsa[0] = set->rsa[1] = set->rsa[2] = true;
    } else if (json_int(lengths, &number) && number) {
        take_curve(s, arena_printf(s->arena, "P-%lld", (long long)number), path, set);
    } else {
        set->ec[0] = set->ec[1] = set->ec[2] = true;
    }
}

static bool
same_rsa(const struct key_set *a, const struct key_set *b)
{
    return !memcmp(a->rsa, b->rsa, sizeof(a->rsa));
}

static bool
same_ec(const struct key_set *a, const struct key_set *b)
{
    return !memcmp(a->ec, b->ec, sizeof(a->ec));
}

static bool
same_set(const struct key_set *a, const struct key_set *b)
{
    return same_rsa(a, b) && same_ec(a, b) && a->ed25519 == b->ed25519 && a->ed448 == b->ed448;
}

/* What is asked for in one of the ways there are; those that say what is shown say nothing. */
static struct key_set
asked_set(struct request *rq, const struct policy_words *in, const struct json *json,
          const char *path, const struct key_set *now)
{
    struct key_set out = *now, one = { 0 };
    const struct json *primary = body_value(rq, json, "PrimaryKeyAlgorithms");
    const struct key_info_words *info = in->key_info;
    struct scope *s = rq->scope;

    if (body_value(rq, json, "RSAValidKeySizes")) {
        take_lists(s, &in->rsa_sizes, NULL, arena_printf(s->arena, "%s.RSAValidKeySizes", path),
                   &one);
        memcpy(out.rsa, one.rsa, sizeof(out.rsa));
    }
    if (body_value(rq, json, "ECCValidCurves")) {
        take_lists(s, NULL, &in->ecc_curves, arena_printf(s->arena, "%s.ECCValidCurves", path),
                   &one);
        memcpy(out.ec, one.ec, sizeof(out.ec));
    }
    one = (struct key_set){ 0 };
    for (size_t i = 0; i < json_count(primary); i++)
        take_entry(rq, json_item(primary, i),
                   arena_printf(s->arena, "%s.PrimaryKeyAlgorithms[%zu]", path, i), &one);
    if (json_count(primary) && !same_set(&one, now))
        out = one;
    if (info && (info->rsa || info->ecdsa || info->ed25519 || info->ed448)) {
        one = (struct key_set){ .ed25519 = info->ed25519, .ed448 = info->ed448 };
        if (info->rsa)
            take_lists(s, &info->rsa->bit_lengths, NULL,
                       arena_printf(s->arena, "%s.KeyInfo.RSA.bit_lengths", path), &one);
        if (info->ecdsa)
            take_lists(s, NULL, &info->ecdsa->curves,
                       arena_printf(s->arena, "%s.KeyInfo.ECDSA.curves", path), &one);
        if (!same_set(&one, now))
            out = one;
    }
    return out;
}

bool
keys_same(const struct list *one, const struct list *other)
{
    struct key_set a = set_of(one), b = set_of(other);

    return same_set(&a, &b);
}

static void
copy_kind(struct scope *s, const struct list *from, enum key_type type, struct list *to)
{
    struct key_rule r;

    LIST_EACH(const char *, text, from)
    if (policy_key_rule(*text, &r) && r.type == type)
        list_add(s->arena, to, const char *, *text);
}

bool
keys_read(struct request *rq, const struct policy_words *in, const struct json *json,
          const char *path, const struct list *present, struct list *out)
{
    struct key_set now = set_of(present), set = asked_set(rq, in, json, path, &now);
    struct scope *s = rq->scope;

    *out = *present;
    if (in->alternative.count)
        problem(s, arena_printf(s->arena, "%s.AlternativeKeyAlgorithms", path), CHY_KEY_NOT_ALLOWED,
                "certificates with a second key are not made here");
    if (same_set(&set, &now))
        return false;
    *out = (struct list){ 0 };
    if (same_rsa(&set, &now))
        copy_kind(s, present, KEY_RSA, out);
    else
        for (size_t i = 0; i < COUNT(sizes); i++)
            if (set.rsa[i])
                list_add(s->arena, out, const char *,
                         arena_printf(s->arena, "rsa:%lld", (long long)sizes[i]));
    if (same_ec(&set, &now))
        copy_kind(s, present, KEY_EC, out);
    else
        for (size_t i = 0; i < COUNT(curves); i++)
            if (set.ec[i])
                list_add(s->arena, out, const char *, curves[i].rule);
    if (set.ed25519)
        list_add(s->arena, out, const char *, "ed25519");
    if (set.ed448)
        list_add(s->arena, out, const char *, "ed448");
    if (!out->count)
        problem(s, path, CHY_KEY_NOT_ALLOWED, "at least one kind of key has to be allowed");
    return true;
}

/* Rules, defaults, metadata. */

void
rules_read(struct scope *s, const struct list *in, const char *path, struct list *out)
{
    size_t i = 0;

    LIST_EACH(struct regex_words, w, in)
    {
        const char *at = arena_printf(s->arena, "%s[%zu]", path, i++), *why;
        struct part part = { 0 };

        if (text_empty(w->regex))
            continue;
        if (!part_read(w->subject_part, &part))
            problem(s, arena_printf(s->arena, "%s.SubjectPart", at), CHY_BAD_VALUE,
                    "\"%.64s\" is no part of a subject, nor a kind of name", w->subject_part);
        if ((why = rule_pattern_fault(s->arena, w->regex)))
            problem(s, arena_printf(s->arena, "%s.Regex", at), CHY_BAD_VALUE, "\"%.100s\" %s",
                    w->regex, why);
        list_add(s->arena, out, struct template_rule,
                 ((struct template_rule){ .part = part.name ? part.name : w->subject_part,
                                          .pattern = w->regex,
                                          .error = text_empty(w->error) ? NULL : w->error,
                                          .any_case = w->case_sensitive.given &&
                                                      !w->case_sensitive.value }));
    }
}

void
defaults_read(struct scope *s, const struct list *in, const char *path, struct list *out)
{
    size_t i = 0;

    LIST_EACH(struct default_words, w, in)
    {
        const char *at = arena_printf(s->arena, "%s[%zu]", path, i++), *why;
        struct part part = { 0 };

        if (text_empty(w->value))
            continue;
        if (!part_read(w->subject_part, &part) || !part.attribute)
            problem(s, arena_printf(s->arena, "%s.SubjectPart", at), CHY_BAD_VALUE,
                    "\"%.64s\" is no part of a subject, and only these have defaults",
                    w->subject_part);
        else if ((why = default_fault(s, part.attribute, w->value)))
            problem(s, arena_printf(s->arena, "%s.Value", at), CHY_BAD_VALUE, "%s", why);
        list_add(s->arena, out, struct template_default,
                 ((struct template_default){ part.name ? part.name : w->subject_part, w->value }));
    }
}

static const struct metadata_field *
field_of(const struct list *fields, const struct note_words *w)
{
    int64_t id = w->metadata_id ? w->metadata_id : text_empty(w->name) ? w->id : 0;

    LIST_EACH(struct metadata_field, f, fields)
    if (id ? f->id == id : text_eq_fold(f->name, w->name))
        return f;
    return NULL;
}

static const char *
or_none(const char *text)
{
    return text_empty(text) ? NULL : text;
}

static void
check_note(struct scope *s, const struct note_words *w, const struct metadata_field *f,
           const struct metadata_rule *rule, const char *at)
{
    const char *why = "";
    struct metadata_value v;

    if (!text_empty(w->depends_on) || !text_empty(w->depends_on_value))
        problem(s, arena_printf(s->arena, "%s.DependsOn", at), CHY_BAD_VALUE,
                "fields that depend on others are not offered");
    if (rule->validation && (why = rule_pattern_fault(s->arena, rule->validation)))
        problem(s, arena_printf(s->arena, "%s.Validation", at), CHY_BAD_VALUE, "\"%.100s\" %s",
                rule->validation, why);
    else if (rule->default_value && (!metadata_value_of(s, f, rule->default_value, &v, &why) ||
                                     !metadata_rule_allows(s, rule, v.text, &why)))
        problem(s, arena_printf(s->arena, "%s.DefaultValue", at), CHY_BAD_VALUE, "\"%.100s\" %s",
                rule->default_value, why);
}

enum err
notes_read(struct request *rq, const struct list *in, const char *path, struct list *out)
{
    struct scope *s = rq->scope;
    struct list fields;
    size_t i = 0;

    if (!in->count)
        return OK;
    TRY(metadata_fields(s, rq->app->db, &fields));
    LIST_EACH(struct note_words, w, in)
    {
        const char *at = arena_printf(s->arena, "%s[%zu]", path, i++);
        const struct metadata_field *f = field_of(&fields, w);
        struct metadata_rule rule = {
            .enrollment = w->enrollment,
            .default_value = or_none(w->default_value),
            .validation = or_none(w->validation),
            .message = or_none(w->message),
            .options = or_none(w->options),
            .any_case = w->case_sensitive.given && !w->case_sensitive.value,
        };

        if (!f) {
            problem(s, arena_printf(s->arena, "%s.MetadataId", at), CHY_UNKNOWN_FIELD,
                    "there is no such metadata field");
            continue;
        }
        rule.field = f->id;
        if (rule.enrollment.value == f->enrollment.value && rule.enrollment.value != META_REQUIRED)
            rule.enrollment = (struct opt_int){ 0 }; /* as it is everywhere */
        check_note(s, w, f, &rule, at);
        list_add(s->arena, out, struct metadata_rule, rule);
    }
    return OK;
}

void
rules_show(struct scope *s, const struct list *rules, struct list *out)
{
    LIST_EACH(struct template_rule, r, rules)
    list_add(s->arena, out, struct regex_words,
             ((struct regex_words){ .subject_part = r->part,
                                    .regex = r->pattern,
                                    .error = r->error ? r->error : "",
                                    .case_sensitive = { true, !r->any_case } }));
}

void
defaults_show(struct scope *s, const struct list *defaults, struct list *out)
{
    LIST_EACH(struct template_default, d, defaults)
    list_add(s->arena, out, struct default_words, ((struct default_words){ d->part, d->value }));
}

static const char *
or_empty(const char *text)
{
    return text ? text : "";
}

enum err
notes_show(struct request *rq, const struct list *notes, struct list *out)
{
    struct scope *s = rq->scope;
    struct list fields = { 0 };
    int64_t number = 0;

    if (notes->count)
        TRY(metadata_fields(s, rq->app->db, &fields));
    LIST_EACH(struct metadata_rule, n, notes)
    {
        const struct metadata_field *of = NULL;

        number++;
        LIST_EACH(struct metadata_field, f, &fields)
        if (f->id == n->field)
            of = f;
        if (!of)
            continue; /* it is gone, and asks nothing */
        list_add(s->arena, out, struct note_words,
                 ((struct note_words){ .id = number,
                                       .metadata_id = n->field,
                                       .name = of->name,
                                       .default_value = or_empty(n->default_value),
                                       .validation = or_empty(n->validation),
                                       .enrollment = { true, n->enrollment.given
                                                                 ? n->enrollment.value
                                                                 : of->enrollment.value },
                                       .message = or_empty(n->message),
                                       .options = or_empty(n->options),
                                       .case_sensitive = { true, !n->any_case },
                                       .data_type = { true, of->type },
                                       .hint = of->hint }));
    }
    return OK;
}

/* Roles. */

enum err
role_named(struct request *rq, const char *name, int64_t id, const char *path, struct role *out)
{
    struct scope *s = rq->scope;
    struct list problems = s->problems; /* of others, to be told together */
    enum err e =
        name ? role_find(s, rq->app->access, name, out) : role_get(s, rq->app->access, id, out);

    if (e == E_NOT_FOUND)
        scope_clear(s);
    s->problems = problems;
    if (e != E_NOT_FOUND)
        return e;
    out->id = 0;
    if (name)
        problem(s, path, CHY_BAD_VALUE, "there is no role \"%.100s\"", name);
    else
        problem(s, path, CHY_BAD_VALUE, "there is no role %lld", (long long)id);
    return OK;
}

enum err
role_name_of(struct request *rq, int64_t id, const char **out)
{
    struct role role;
    enum err e;

    *out = NULL;
    if (!id)
        return OK;
    e = role_get(rq->scope, rq->app->access, id, &role);
    if (e == E_NOT_FOUND) {
        scope_clear(rq->scope);
        return OK;
    }
    TRY(e);
    *out = role.name;
    return OK;
}

enum err
owner_read(struct request *rq, const struct policy_words *in, const struct json *json,
           const char *path, int64_t *owner_role)
{
    struct scope *s = rq->scope;
    int64_t now = *owner_role, id = in->default_owner_role_id.value;
    const char *name = in->default_owner_role_name;
    struct role role;

    if (body_value(rq, json, "DefaultCertificateOwnerRoleId") && id != now) {
        *owner_role = 0;
        if (!id)
            return OK;
        TRY(role_named(rq, NULL, id,
                       arena_printf(s->arena, "%s.DefaultCertificateOwnerRoleId", path), &role));
    } else if (body_value(rq, json, "DefaultCertificateOwnerRoleName")) {
        *owner_role = 0;
        if (text_empty(name))
            return OK;
        TRY(role_named(rq, name, 0,
                       arena_printf(s->arena, "%s.DefaultCertificateOwnerRoleName", path), &role));
    } else {
        return OK;
    }
    *owner_role = role.id;
    return OK;
}

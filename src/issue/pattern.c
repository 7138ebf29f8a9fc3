#include "issue/pattern.h"

#include "audit/audit.h"
#include "codec/json.h"
#include "issue/policy.h"
#include "jobs/outbox.h"
#include <string.h>

#define TOLD_MAX 16000 /* octets of a body that an event tells */

/* As data. */

static const struct choice owner_modes[] = {
    { OWNER_OPTIONAL, "optional", NULL },
    { OWNER_REQUIRED, "required", NULL },
    { OWNER_HIDDEN, "hidden", NULL },
    { 0, NULL, NULL },
};

#define P(member, wire, ...) FIELD(pattern_body, member, wire, __VA_ARGS__)
static const struct field pattern_body_fields[] = {
    P(roles, "roles", .model = &int_model, .max = 1000, .flags = OMIT_EMPTY),
    P(restrict_cas, "restrict_authorities", .flags = OMIT_EMPTY),
    P(authorities, "authorities", .model = &int_model, .max = 1000, .flags = OMIT_EMPTY),
    P(types, "types", .min = 0, .max = 7, .flags = OMIT_EMPTY),
    P(key_reuse, "key_reuse", .flags = OMIT_EMPTY),
    P(wildcards, "wildcards", .flags = OMIT_EMPTY),
    P(names_required, "names_required", .flags = OMIT_EMPTY),
    P(key_types, "key_types", .model = &text_model, .max = 20, .flags = OMIT_EMPTY),
    P(owner, "owner", .choices = owner_modes, .flags = CHOICE_TEXT | OMIT_EMPTY),
    P(owner_role, "owner_role", .flags = OMIT_EMPTY),
    P(defaults, "defaults", .model = &template_default_model, .max = 32, .flags = OMIT_EMPTY),
    P(rules, "rules", .model = &template_rule_model, .max = 100, .flags = OMIT_EMPTY),
    P(notes, "metadata", .model = &template_note_model, .max = 1000, .flags = OMIT_EMPTY),
};
#undef P
const struct model pattern_body_model = MODEL(pattern_body, pattern_body_fields);

SQL(all_patterns, "SELECT id, version, template, name, description, is_default, created_at, body "
                  "FROM enrollment_pattern ORDER BY id");

enum err
patterns_read(struct scope *s, struct db *db, struct scope *own, struct list *out)
{
    struct arena *a = own->arena;
    struct rows rows;

    TRY(db_all(s, db, &all_patterns, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct row *row = &rows.at[i];
        struct pattern *p = arena_new_of(a, struct pattern);
        struct pattern_body *body = arena_new_of(a, struct pattern_body);
        const char *json;

        p->id = row_int(row);
        p->version = row_int(row);
        p->template_id = row_int(row);
        p->name = arena_text(a, row_text(row));
        p->description = arena_text(a, row_text(row));
        p->is_default = row_bool(row);
        p->created_at = row_when(row);
        json = row_text(row);
        if (json_decode(own, &pattern_body_model, JSON_STRICT, bytes_of_text(json), body) != OK)
            return fail(s, E_INTERNAL, "enrollment pattern %s cannot be read: %s", p->name,
                        own->error.text);
        p->body = body;
        list_add(a, out, struct pattern *, p);
    }
    return OK;
}

const struct pattern *
pattern_by_id(const struct templates *t, int64_t id)
{
    LIST_EACH(struct pattern *, p, &t->patterns)
    if ((*p)->id == id)
        return *p;
    return NULL;
}

const struct pattern *
pattern_default(const struct templates *t, int64_t template_id)
{
    LIST_EACH(struct pattern *, p, &t->patterns)
    if ((*p)->template_id == template_id && (*p)->is_default)
        return *p;
    return NULL;
}

/* Narrowing. */

bool
pattern_takes(const struct pattern *p, const struct caller *caller)
{
    if (!p || !p->body->roles.count)
        return true;
    LIST_EACH(int64_t, role, &p->body->roles)
    if (access_has_role(caller, *role))
        return true;
    return false;
}

bool
pattern_offers(const struct pattern *p, int64_t authority)
{
    if (!p || !p->body->restrict_cas)
        return true;
    LIST_EACH(int64_t, id, &p->body->authorities)
    if (*id == authority)
        return true;
    return false;
}

/* What both rules allow, as a rule; NULL: nothing. */
static const char *
common_rule(struct arena *a, const char *one, const char *other)
{
    struct key_rule x, y;
    int low, high;

    if (!policy_key_rule(one, &x) || !policy_key_rule(other, &y) || x.type != y.type)
        return NULL;
    low = MAX(x.low, y.low);
    high = MIN(x.high, y.high);
    if (low > high)
        return NULL;
    if (x.type == KEY_RSA)
        return arena_printf(a, "rsa:%d-%d", low, high);
    if (x.type == KEY_EC)
        return arena_printf(a, "ec:p%d-p%d", low, high);
    return x.type == KEY_ED448 ? "ed448" : "ed25519";
}

static struct list
common_keys(struct arena *a, const struct list *one, const struct list *other)
{
    struct list out = { 0 };

    if (!other->count)
        return *one;
    LIST_EACH(const char *, x, one)
    LIST_EACH(const char *, y, other)
    {
        const char *both = common_rule(a, *x, *y);

        if (both)
            list_add(a, &out, const char *, both);
    }
    return out;
}

static struct list
joined(struct arena *a, const struct list *one, const struct list *other, size_t size)
{
    struct list out = { 0 };

    if (!other->count)
        return *one;
    for (size_t i = 0; i < one->count; i++)
        memcpy(list_grow(a, &out, size), (const char *)one->items + i * size, size);
    for (size_t i = 0; i < other->count; i++)
        memcpy(list_grow(a, &out, size), (const char *)other->items + i * size, size);
    return out;
}

/* An owner that the template sets stays; one that it requires, too. */
static void
narrow_owner(struct template_body *body, const struct pattern_body *p)
{
    if (body->owner == OWNER_HIDDEN)
        return;
    if (p->owner_role)
        body->owner_role = p->owner_role;
    if (!p->owner.given ||
        (p->owner.value == OWNER_HIDDEN && body->owner == OWNER_REQUIRED && !body->owner_role))
        return;
    body->owner = MAX(body->owner, p->owner.value);
}

struct template pattern_narrow(struct arena *a, const struct template *t, const struct pattern *p)
{
    struct template out = *t;
    struct template_body *body;
    const struct pattern_body *n;

    if (!p)
        return out;
    n = p->body;
    body = arena_copy(a, t->body, sizeof(*body));
    body->key_types = common_keys(a, &body->key_types, &n->key_types);
    if (n->types.given) {
        body->server_keys = body->server_keys && (n->types.value & TYPE_PFX);
        body->client_keys = body->client_keys && (n->types.value & TYPE_CSR);
    }
    body->allow_key_reuse = body->allow_key_reuse && (!n->key_reuse.given || n->key_reuse.value);
    if (n->wildcards.given && !n->wildcards.value)
        body->wildcards = WILDCARD_NONE;
    body->san_required = body->san_required || (n->names_required.given && n->names_required.value);
    narrow_owner(body, n);
    body->defaults = joined(a, &body->defaults, &n->defaults, sizeof(struct template_default));
    body->rules = joined(a, &body->rules, &n->rules, sizeof(struct template_rule));
    body->notes = joined(a, &body->notes, &n->notes, sizeof(struct metadata_rule));
    out.body = body;
    return out;
}

struct template pattern_whole(struct arena *a, const struct templates *all,
                              const struct template *t, const struct pattern *p)
{
    struct template out = pattern_narrow(a, t, all->everywhere);
    struct template_body *body;

    if (all->everywhere && all->everywhere->body->defaults.count) { /* a template's own count */
        body = arena_copy(a, out.body, sizeof(*body));
        body->defaults = joined(a, &all->everywhere->body->defaults, &t->body->defaults,
                                sizeof(struct template_default));
        out.body = body;
    }
    return pattern_narrow(a, &out, p);
}

/* What holds beside every template. */

SQL(read_everywhere, "SELECT value FROM setting WHERE name = 'template_settings'");
SQL(write_everywhere, "INSERT INTO setting (name, value) VALUES ('template_settings', $1) "
                      "ON CONFLICT (name) DO UPDATE SET value = excluded.value");

static const char *
body_json(struct scope *s, const struct pattern_body *body)
{
    struct buf b;

    buf_init_in(&b, s->arena, 1 << 20);
    json_encode(&b, &pattern_body_model, body);
    return buf_str(&b);
}

void
everywhere_digest(struct scope *s, const struct templates *t, uint8_t out[SHA256_LEN])
{
    static const struct pattern_body none;
    const char *json = body_json(s, t->everywhere ? t->everywhere->body : &none);

    hash_sha256(bytes_of_text(json ? json : ""), out);
}

enum err
everywhere_read(struct scope *s, struct db *db, struct scope *own, const struct pattern **out)
{
    struct pattern *p = arena_new_of(own->arena, struct pattern);
    struct pattern_body *body = arena_new_of(own->arena, struct pattern_body);
    struct row row;
    enum err e = db_one(s, db, &read_everywhere, BIND_NONE, &row);

    if (e == E_NOT_FOUND)
        scope_clear(s);
    else
        TRY(e);
    if (e == OK && json_decode(own, &pattern_body_model, JSON_STRICT, bytes_of_text(row_text(&row)),
                               body) != OK)
        return fail(s, E_INTERNAL, "the settings of all templates cannot be read: %s",
                    own->error.text);
    *p = (struct pattern){ .name = "every template", .description = "", .body = body };
    *out = p;
    return OK;
}

/* Changes. */

SQL(add_pattern,
    "INSERT INTO enrollment_pattern (template, name, name_folded, description, is_default, body, "
    "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name_folded) DO NOTHING "
    "RETURNING id");
SQL(lock_pattern, "SELECT version, template, name, is_default, body FROM enrollment_pattern "
                  "WHERE id = $1 @lock");
SQL(name_taken, "SELECT COUNT(*) FROM enrollment_pattern WHERE name_folded = $1 AND id <> $2");
SQL(change_pattern, "UPDATE enrollment_pattern SET name = $2, name_folded = $3, description = $4, "
                    "is_default = $5, body = $6, version = version + 1 WHERE id = $1");
SQL(undefault, "UPDATE enrollment_pattern SET is_default = 0, version = version + 1 WHERE "
               "template = $1 AND is_default = 1 AND id <> $2");
SQL(drop_pattern, "DELETE FROM enrollment_pattern WHERE id = $1");
SQL(lock_its_template, "SELECT id FROM template WHERE id = $1 @lock");

struct saving {
    const struct pattern_edit *edit;
    const char *json;
    const struct audit_actor *actor;
    int64_t id;
};

static enum err
taken(struct scope *s, const char *name)
{
    return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                     "Name: there is an enrollment pattern \"%s\" already", name);
}

static enum err
no_pattern(struct scope *s, int64_t id)
{
    return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "enrollment pattern %lld not found",
                     (long long)id);
}

/* What an event tells. */
struct told {
    enum audit_action action;
    const struct audit_actor *actor;
    int64_t id;
    const char *name, *before, *after;
};

static enum err
tell(struct scope *s, struct tx *tx, const struct told *t)
{
    const struct audit_change change = { "pattern", t->before, t->after, AUDIT_IS_TEXT };
    bool fits =
        (!t->before || strlen(t->before) < TOLD_MAX) && (!t->after || strlen(t->after) < TOLD_MAX);

    TRY(audit_add(
        s, tx,
        &(struct audit_event){
            .action = t->action,
            .actor = t->actor,
            .target = { "pattern", arena_printf(s->arena, "%lld", (long long)t->id), t->name },
            .changes = &change,
            .change_count = fits && !text_eq(t->before, t->after),
        }));
    return outbox_add(s, tx, EVENT_TEMPLATE_CHANGED, t->id, NULL);
}

static enum err
add_in(struct scope *s, struct tx *tx, struct saving *v)
{
    const struct pattern_edit *p = v->edit;
    struct row row;
    enum err e;

    TRY(tx_one(s, tx, &lock_its_template, BIND(v_int(p->template_id)), &row));
    if (p->is_default)
        TRY(tx_do(s, tx, &undefault, BIND(v_int(p->template_id), v_int(0))));
    e = tx_one(s, tx, &add_pattern,
               BIND(v_int(p->template_id), v_text(p->name), v_text(text_fold(s->arena, p->name)),
                    v_text(p->description), v_bool(p->is_default), v_text(v->json),
                    v_when(clock_now())),
               &row);
    if (e == E_NOT_FOUND)
        return taken(s, p->name);
    TRY(e);
    v->id = row_int(&row);
    return tell(s, tx,
                &(struct told){ AUDIT_PATTERN_CREATE, v->actor, v->id, p->name, NULL, v->json });
}

static enum err
save_in(struct scope *s, struct tx *tx, void *arg)
{
    struct saving *v = arg;
    const struct pattern_edit *p = v->edit;
    const char *folded = text_fold(s->arena, p->name), *before;
    struct row row, count;
    int64_t version, template_id;
    bool was_default;
    enum err e;

    if (!p->id)
        return add_in(s, tx, v);
    e = tx_one(s, tx, &lock_pattern, BIND(v_int(p->id)), &row);
    if (e == E_NOT_FOUND)
        return no_pattern(s, p->id);
    TRY(e);
    version = row_int(&row);
    template_id = row_int(&row);
    TRY(version_check(s, p->version, version,
                      arena_printf(s->arena, "enrollment pattern %s", row_text(&row))));
    was_default = row_bool(&row);
    before = row_text(&row);
    if (was_default && !p->is_default) {
        problem(s, "TemplateDefault", CHY_BAD_VALUE,
                "is left by making another pattern of the template its default");
        return problems_fail(s);
    }
    TRY(tx_one(s, tx, &name_taken, BIND(v_text(folded), v_int(p->id)), &count));
    if (row_int(&count))
        return taken(s, p->name);
    TRY(tx_one(s, tx, &lock_its_template, BIND(v_int(template_id)), &count));
    if (p->is_default)
        TRY(tx_do(s, tx, &undefault, BIND(v_int(template_id), v_int(p->id))));
    TRY(tx_do(s, tx, &change_pattern,
              BIND(v_int(p->id), v_text(p->name), v_text(folded), v_text(p->description),
                   v_bool(p->is_default), v_text(v->json))));
    v->id = p->id;
    return tell(s, tx,
                &(struct told){ AUDIT_PATTERN_EDIT, v->actor, p->id, p->name, before, v->json });
}

enum err
pattern_save(struct scope *s, struct template_shelf *shelf, const struct pattern_edit *edit,
             const struct audit_actor *actor, int64_t *out_id)
{
    struct saving v = { .edit = edit, .json = body_json(s, &edit->body), .actor = actor };

    if (!v.json)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "the enrollment pattern is too large");
    TRY(db_write(s, template_shelf_db(shelf), save_in, &v));
    *out_id = v.id;
    return templates_reload(s, shelf);
}

static enum err
everywhere_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct saving *v = arg;
    const char *before = "{}";
    struct row row;
    enum err e = tx_one(s, tx, &read_everywhere, BIND_NONE, &row);

    if (e == OK)
        before = row_text(&row);
    else if (e != E_NOT_FOUND)
        return e;
    TRY(tx_do(s, tx, &write_everywhere, BIND(v_text(v->json))));
    return tell(
        s, tx,
        &(struct told){ AUDIT_TEMPLATE_SETTINGS, v->actor, 0, "every template", before, v->json });
}

enum err
everywhere_save(struct scope *s, struct template_shelf *shelf, const struct pattern_body *body,
                const struct audit_actor *actor)
{
    struct saving v = { .json = body_json(s, body), .actor = actor };

    if (!v.json)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "the settings are too large");
    TRY(db_write(s, template_shelf_db(shelf), everywhere_in, &v));
    return templates_reload(s, shelf);
}

struct dropping {
    int64_t id;
    const struct audit_actor *actor;
};

static enum err
drop_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct dropping *d = arg;
    const char *name, *before;
    struct row row;
    enum err e = tx_one(s, tx, &lock_pattern, BIND(v_int(d->id)), &row);

    if (e == E_NOT_FOUND)
        return no_pattern(s, d->id);
    TRY(e);
    (void)row_int(&row);
    (void)row_int(&row);
    name = row_text(&row);
    if (row_bool(&row))
        return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                         "enrollment pattern %s is the default of its template: make another one "
                         "the default first",
                         name);
    before = row_text(&row);
    TRY(tx_do(s, tx, &drop_pattern, BIND(v_int(d->id))));
    return tell(s, tx, &(struct told){ AUDIT_PATTERN_DELETE, d->actor, d->id, name, before, NULL });
}

enum err
pattern_delete(struct scope *s, struct template_shelf *shelf, int64_t id,
               const struct audit_actor *actor)
{
    struct dropping d = { id, actor };

    TRY(db_write(s, template_shelf_db(shelf), drop_in, &d));
    return templates_reload(s, shelf);
}

enum err
pattern_of_template(struct scope *s, struct tx *tx, int64_t template_id, const char *name,
                    bool may_lack)
{
    struct row row;
    enum err e = tx_one(s, tx, &add_pattern,
                        BIND(v_int(template_id), v_text(name), v_text(text_fold(s->arena, name)),
                             v_text(""), v_bool(true), v_text("{}"), v_when(clock_now())),
                        &row);

    if (e == E_NOT_FOUND && may_lack)
        return OK;
    if (e == E_NOT_FOUND)
        return fail_code(s, E_CONFLICT, CHY_CONFLICT,
                         "name: there is an enrollment pattern %s already", name);
    return e;
}

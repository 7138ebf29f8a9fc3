/* Templates. Their models and operations stand here and not in api/, because a policy is data of
 * issue/, which api/ does not see. */
#include "issue/template.h"
#include "rest/rest.h"

#define TAG "Templates"

struct v1_template {
    int64_t id;
    const char *name, *display_name, *oid;
    bool enabled;
    struct when created_at;
    int64_t version, number;
    const struct template_body *policy;
};
struct v1_template_new {
    const char *name, *display_name;
    struct template_body *policy;
};
struct v1_template_edit {
    const char *display_name;
    struct template_body *policy;
};
struct v1_template_version {
    int64_t id, number;
    const char *author;
    struct when created_at;
    struct template_body *policy;
};
struct v1_template_versions {
    struct list items;
};

static const struct field v1_template_fields[] = {
    FIELD(v1_template, id, "id"),
    FIELD(v1_template, name, "name"),
    FIELD(v1_template, display_name, "display_name"),
    FIELD(v1_template, oid, "oid"),
    FIELD(v1_template, enabled, "enabled"),
    FIELD(v1_template, created_at, "created_at"),
    FIELD(v1_template, version, "version", .doc = "Of the row, as in the ETag."),
    FIELD(v1_template, number, "number", .doc = "Of the policy, from 1."),
    FIELD(v1_template, policy, "policy", .model = &template_body_model),
};
static const struct model v1_template_model = MODEL(v1_template, v1_template_fields);
V1_PAGE(v1_templates, v1_template_model);

static const struct field v1_template_new_fields[] = {
    FIELD(v1_template_new, name, "name", .flags = REQUIRED, .min = 1, .max = 128),
    FIELD(v1_template_new, display_name, "display_name", .max = 256),
    FIELD(v1_template_new, policy, "policy", .model = &template_body_model, .flags = REQUIRED),
};
static const struct model v1_template_new_model = MODEL(v1_template_new, v1_template_new_fields);

static const struct field v1_template_edit_fields[] = {
    FIELD(v1_template_edit, display_name, "display_name", .max = 256),
    FIELD(v1_template_edit, policy, "policy", .model = &template_body_model, .flags = REQUIRED),
};
static const struct model v1_template_edit_model = MODEL(v1_template_edit, v1_template_edit_fields);

static const struct field v1_template_version_fields[] = {
    FIELD(v1_template_version, id, "id"),
    FIELD(v1_template_version, number, "number"),
    FIELD(v1_template_version, author, "author"),
    FIELD(v1_template_version, created_at, "created_at"),
    FIELD(v1_template_version, policy, "policy", .model = &template_body_model),
};
static const struct model v1_template_version_model =
    MODEL(v1_template_version, v1_template_version_fields);
static const struct field v1_template_versions_fields[] = {
    FIELD(v1_template_versions, items, "items", .model = &v1_template_version_model,
          .flags = REQUIRED),
};
static const struct model v1_template_versions_model =
    MODEL(v1_template_versions, v1_template_versions_fields);

static const struct op list_op = {
    .method = "GET",
    .path = "/templates",
    .tag = TAG,
    .needs = "templates/read",
    .query = &v1_query_model,
    .reply = &v1_templates_model,
    .flags = OP_PAGED,
    .doc = "The templates.",
};
static const struct op create_op = {
    .method = "POST",
    .path = "/templates",
    .tag = TAG,
    .needs = "templates/modify",
    .body = &v1_template_new_model,
    .reply = &v1_template_model,
    .status = 201,
    .flags = OP_IDEMPOTENT | OP_ETAG,
    .doc = "Make a template.",
    .example = "{\"name\":\"Device\",\"policy\":{\"key_types\":[\"ec:p256\"],\"san_dns\":"
               "\"optional\",\"eku\":[\"clientAuth\"]}}",
};
static const struct op get_op = {
    .method = "GET",
    .path = "/templates/{template}",
    .tag = TAG,
    .needs = "templates/read",
    .reply = &v1_template_model,
    .flags = OP_ETAG,
    .doc = "One template with its present policy.",
};
static const struct op put_op = {
    .method = "PUT",
    .path = "/templates/{template}",
    .tag = TAG,
    .needs = "templates/modify",
    .body = &v1_template_edit_model,
    .reply = &v1_template_model,
    .flags = OP_ETAG,
    .doc = "Give a template a new version of its policy.",
};
static const struct op versions_op = {
    .method = "GET",
    .path = "/templates/{template}/versions",
    .tag = TAG,
    .needs = "templates/read",
    .reply = &v1_template_versions_model,
    .doc = "Every policy that a template had, the newest first.",
};
static const struct op enable_op = {
    .method = "POST",
    .path = "/templates/{template}/enable",
    .tag = TAG,
    .needs = "templates/modify",
    .reply = &v1_template_model,
    .flags = OP_ETAG,
    .doc = "Switch a template on.",
};
static const struct op disable_op = {
    .method = "POST",
    .path = "/templates/{template}/disable",
    .tag = TAG,
    .needs = "templates/modify",
    .reply = &v1_template_model,
    .flags = OP_ETAG,
    .doc = "Switch a template off: nothing is issued by it.",
};

static void
show(const struct template *t, struct v1_template *out)
{
    *out = (struct v1_template){
        .id = t->id,
        .name = t->name,
        .display_name = t->display_name,
        .oid = t->oid,
        .enabled = t->enabled,
        .created_at = t->created_at,
        .version = t->version,
        .number = t->number,
        .policy = t->body,
    };
}

/* The template that the path names, when the caller may do P with it. */
static enum err
template_of(struct request *rq, const struct templates *all, enum permission p,
            const struct template **out)
{
    const char *name = var_text(rq, "template");
    const struct template *t = template_find(all, name);
    int64_t id;

    if (!t && var_is_id(rq, "template", &id))
        t = template_by_id(all, id);
    if (!t)
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_TEMPLATE, "template %.128s not found",
                         name);
    *out = t;
    return access_require(rq->scope, rq->caller, p, GRANT_TEMPLATE, t->id);
}

static enum err
templates_list(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    struct id_page page;

    TRY(id_page_begin(rq, PERM_TEMPLATES_READ, GRANT_TEMPLATE, &page));
    LIST_EACH(struct template *, t, &all->all)
    if (id_page_takes(&page, (*t)->id))
        show(*t, list_push(rq->scope->arena, &page.items, struct v1_template));
    return id_page_reply(&page);
}

static enum err
answer(struct request *rq, int64_t id)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template *t = template_by_id(all, id);
    struct v1_template out;

    if (!t)
        return fail_code(rq->scope, E_NOT_FOUND, CHY_NO_TEMPLATE, "template %lld not found",
                         (long long)id);
    show(t, &out);
    return reply_tagged(rq, &out, t->version);
}

static enum err
templates_get(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template *t;

    TRY(template_of(rq, all, PERM_TEMPLATES_READ, &t));
    return answer(rq, t->id);
}

/* template_save() speaks of the policy alone: the caller knows it as a member of the body. */
static enum err
save(struct request *rq, struct template_edit edit, const struct template_body *policy,
     int64_t *out)
{
    struct scope *s = rq->scope;
    const char *json = template_json(s->arena, policy);
    enum err e;

    if (!json)
        return fail_code(s, E_LIMIT, CHY_TOO_LARGE, "the policy is too large");
    edit.body = bytes_of_text(json);
    e = template_save(s, rq->app->shelf, &edit, &rq->caller->actor, out);
    if (e != E_INVALID)
        return e;
    LIST_EACH(struct problem, p, &s->problems)
    if (!text_eq(p->path, "name"))
        p->path = arena_printf(s->arena, "policy.%s", p->path);
    TRY(problems_check(s));
    return e;
}

static enum err
template_make(struct request *rq)
{
    const struct v1_template_new *in = rq->body;
    const struct template *t;
    struct v1_template out;
    const struct templates *all;
    int64_t id;
    enum err e;

    TRY(access_require(rq->scope, rq->caller, PERM_TEMPLATES_MODIFY, GRANT_GLOBAL, 0));
    TRY(save(rq,
             (struct template_edit){ .name = in->name,
                                     .display_name =
                                         text_empty(in->display_name) ? NULL : in->display_name },
             in->policy, &id));
    all = templates_ref(rq->app->shelf);
    t = template_by_id(all, id);
    if (t) {
        show(t, &out);
        e = reply_made(rq, &out, NULL, t->version,
                       arena_printf(rq->scope->arena, "/templates/%lld", (long long)id));
    } else {
        e = fail(rq->scope, E_INTERNAL, "a new template is not on the shelf");
    }
    templates_unref(all);
    return e;
}

static enum err
templates_create(struct request *rq)
{
    return make_once(rq, template_make);
}

static enum err
templates_put(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct v1_template_edit *in = rq->body;
    const struct template *t;
    int64_t version, id;

    TRY(if_match(rq, &version));
    TRY(template_of(rq, all, PERM_TEMPLATES_MODIFY, &t));
    TRY(save(rq,
             (struct template_edit){ .id = t->id,
                                     .name = t->name,
                                     .display_name =
                                         text_empty(in->display_name) ? NULL : in->display_name,
                                     .version = version },
             in->policy, &id));
    return answer(rq, id);
}

static enum err
templates_versions(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    struct scope *s = rq->scope;
    struct v1_template_versions out = { 0 };
    const struct template *t;
    struct list rows;

    TRY(template_of(rq, all, PERM_TEMPLATES_READ, &t));
    TRY(template_versions(s, rq->app->db, t->id, &rows));
    LIST_EACH(struct template_version_row, row, &rows)
    {
        struct v1_template_version *v = list_push(s->arena, &out.items, struct v1_template_version);

        *v = (struct v1_template_version){ .id = row->id,
                                           .number = row->number,
                                           .author = row->author,
                                           .created_at = row->created_at };
        v->policy = arena_new_of(s->arena, struct template_body);
        TRY(json_decode(s, &template_body_model, JSON_STRICT, bytes_of_text(row->body), v->policy));
    }
    return reply(rq, 200, &out);
}

static enum err
switch_to(struct request *rq, bool enabled)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    const struct template *t;
    int64_t version;

    TRY(if_match(rq, &version));
    TRY(template_of(rq, all, PERM_TEMPLATES_MODIFY, &t));
    TRY(template_set_enabled(rq->scope, rq->app->shelf, t->id, enabled, version,
                             &rq->caller->actor));
    return answer(rq, t->id);
}

static enum err
templates_enable(struct request *rq)
{
    return switch_to(rq, true);
}

static enum err
templates_disable(struct request *rq)
{
    return switch_to(rq, false);
}

const struct binding rest_templates[] = {
    { &list_op, templates_list },         { &create_op, templates_create },
    { &get_op, templates_get },           { &put_op, templates_put },
    { &versions_op, templates_versions }, { &enable_op, templates_enable },
    { &disable_op, templates_disable },   { NULL, NULL },
};

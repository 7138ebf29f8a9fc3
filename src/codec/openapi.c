#include "codec/openapi.h"

#include "base/map.h"
#include "codec/json.h"
#include "codec/value.h"

#include <assert.h>
#include <string.h>

struct printer {
    struct buf *out;
    struct arena *a;
    const struct openapi *api;
    const struct op *const *ops;
    size_t count;
    struct map *models; /* by name: those that the document names */
};

/* Writing JSON: a comma comes before everything that does not begin something. */

static void
separate(struct buf *out)
{
    if (out->len && !strchr("{[:", out->data[out->len - 1]))
        buf_byte(out, ',');
}

static void
key(struct buf *out, const char *name)
{
    separate(out);
    json_text(out, name);
    buf_byte(out, ':');
}

static void
begin(struct buf *out, const char *name, char bracket)
{
    if (name)
        key(out, name);
    else
        separate(out);
    buf_byte(out, (uint8_t)bracket);
}

static void
text(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    key(out, name);
    json_text(out, value);
}

static void
number(struct buf *out, const char *name, int64_t value)
{
    key(out, name);
    buf_int(out, value);
}

static void
yes(struct buf *out, const char *name)
{
    key(out, name);
    buf_text(out, "true");
}

/* Schemas. */

static void
reference(struct printer *p, const char *name, const struct model *m)
{
    assert(m && "a list or an object without its model");
    begin(p->out, name, '{');
    text(p->out, "$ref", arena_printf(p->a, "#/components/schemas/%s", m->name));
    buf_byte(p->out, '}');
}

static bool
is_numeric(const struct field *f)
{
    return (f->type == FT_INT || f->type == FT_OPT_INT || f->type == FT_REAL) &&
           !(f->flags & (DURATION | SIZE)) && !(f->choices && (f->flags & CHOICE_TEXT));
}

static bool
may_be_null(const struct field *f)
{
    switch (f->type) {
    case FT_TEXT:
    case FT_BYTES:
    case FT_OPT_BOOL:
    case FT_OPT_INT:
        return !(f->flags & REQUIRED);
    case FT_WHEN:
    case FT_OBJECT:
        return f->flags & ALWAYS;
    default:
        return false;
    }
}

static void
choices(struct printer *p, const struct field *f, bool nullable)
{
    begin(p->out, "enum", '[');
    for (const struct choice *c = f->choices; c->name; c++) {
        separate(p->out);
        if (is_numeric(f))
            buf_int(p->out, c->number);
        else
            json_text(p->out, c->name);
    }
    if (nullable) {
        separate(p->out);
        buf_text(p->out, "null");
    }
    buf_byte(p->out, ']');
    if (!is_numeric(f))
        return;
    begin(p->out, "x-enum-varnames", '[');
    for (const struct choice *c = f->choices; c->name; c++) {
        separate(p->out);
        json_text(p->out, c->name);
    }
    if (nullable) {
        separate(p->out);
        json_text(p->out, "null");
    }
    buf_byte(p->out, ']');
}

static void
type_of(struct printer *p, const struct field *f)
{
    static const struct {
        const char *type, *format;
    } types[] = {
        [FT_BOOL] = { "boolean", NULL },
        [FT_INT] = { "integer", "int64" },
        [FT_REAL] = { "number", "double" },
        [FT_TEXT] = { "string", NULL },
        [FT_WHEN] = { "string", "date-time" },
        [FT_BYTES] = { "string", "byte" },
        [FT_OPT_BOOL] = { "boolean", NULL },
        [FT_OPT_INT] = { "integer", "int64" },
        [FT_RAW] = { NULL, NULL },
        [FT_PAIRS] = { "object", NULL },
        [FT_LIST] = { "array", NULL },
        [FT_OBJECT] = { "object", NULL },
    };
    static const char *const formats[][2] = { { "url", "uri" },
                                              { "dns", "hostname" },
                                              { "ip", "ip" },
                                              { "oid", "oid" },
                                              { "guid", "uuid" } };
    bool is_word = (f->type == FT_INT || f->type == FT_OPT_INT) && !is_numeric(f);

    text(p->out, "type", is_word ? "string" : types[f->type].type);
    if (f->flags & SECRET)
        text(p->out, "format", "password");
    else if (f->flags & DURATION)
        text(p->out, "format", "duration");
    else if (!is_word)
        text(p->out, "format", types[f->type].format);
    for (size_t i = 0; f->pattern && i < COUNT(formats); i++)
        if (text_eq(f->pattern, formats[i][0]) && f->type == FT_TEXT && !(f->flags & SECRET))
            text(p->out, "format", formats[i][1]);
}

static void
limits(struct printer *p, const struct field *f)
{
    if (is_numeric(f)) {
        if (f->min < f->max) {
            number(p->out, "minimum", f->min);
            number(p->out, "maximum", f->max);
        }
        return;
    }
    if (f->type == FT_TEXT && !f->choices) {
        if (f->max > 0)
            number(p->out, "maxLength", f->max);
        if (f->min > 0)
            number(p->out, "minLength", f->min);
    } else if (f->type == FT_LIST) {
        if (f->max > 0)
            number(p->out, "maxItems", f->max);
        if (f->min > 0)
            number(p->out, "minItems", f->min);
    } else if (f->type == FT_PAIRS && f->max > 0) {
        number(p->out, "maxProperties", f->max);
    }
}

static void
preset(struct printer *p, const struct field *f)
{
    const struct choice *c = choice_by_name(f->choices, f->preset ? f->preset : "");
    bool is_json = f->type == FT_BOOL || f->type == FT_OPT_BOOL || is_numeric(f);

    if (!f->preset || f->type == FT_LIST)
        return;
    key(p->out, "default");
    if (c && is_numeric(f))
        buf_int(p->out, c->number);
    else if (is_json)
        buf_text(p->out, f->preset);
    else
        json_text(p->out, f->preset);
}

/* "Why it is so. 0 Unspecified: no reason; ..." */
static void
description(struct printer *p, const struct field *f)
{
    struct buf b;

    buf_init_in(&b, p->a, 1 << 16);
    buf_text(&b, f->doc ? f->doc : "");
    for (const struct choice *c = f->choices; c && c->name; c++) {
        if (!c->doc && !is_numeric(f))
            continue;
        buf_text(&b, b.len ? "\n" : "");
        if (is_numeric(f))
            buf_printf(&b, "%lld ", (long long)c->number);
        buf_printf(&b, "%s%s%s", c->name, c->doc ? ": " : "", c->doc ? c->doc : "");
    }
    if (b.len)
        text(p->out, "description", buf_str(&b));
}

static void field_schema(struct printer *p, const char *name, const struct field *f);

static void
inside(struct printer *p, const struct field *f)
{
    if (f->type == FT_LIST) {
        struct field element;

        assert(f->model && "a list without its model");
        element = value_element(f);
        element.flags = (element.flags & ~(unsigned)(ALWAYS | READ_ONLY)) | REQUIRED;
        element.doc = NULL;
        if (f->model->is_scalar)
            field_schema(p, "items", &element);
        else
            reference(p, "items", f->model);
    } else if (f->type == FT_PAIRS) {
        begin(p->out, "additionalProperties", '{');
        text(p->out, "type", "string");
        yes(p->out, "nullable");
        buf_byte(p->out, '}');
    }
}

static void
field_schema(struct printer *p, const char *name, const struct field *f)
{
    bool nullable = may_be_null(f);

    begin(p->out, name, '{');
    description(p, f);
    if (f->type == FT_OBJECT) { /* a $ref allows nothing beside it */
        begin(p->out, "allOf", '[');
        reference(p, NULL, f->model);
        buf_byte(p->out, ']');
    } else {
        type_of(p, f);
        if (f->choices && f->type != FT_LIST)
            choices(p, f, nullable);
        limits(p, f);
        preset(p, f);
        inside(p, f);
    }
    if (nullable)
        yes(p->out, "nullable");
    if (f->flags & READ_ONLY)
        yes(p->out, "readOnly");
    buf_byte(p->out, '}');
}

static void
required(struct printer *p, const struct model *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->count; i++) {
        if (!(m->fields[i].flags & REQUIRED))
            continue;
        if (n++ == 0)
            begin(p->out, "required", '[');
        separate(p->out);
        json_text(p->out, m->fields[i].wire);
    }
    if (n)
        buf_byte(p->out, ']');
}

static void
model_schema(struct printer *p, const char *name, const struct model *m)
{
    const struct field scalar = { .type = m->scalar, .flags = REQUIRED };

    if (m->is_scalar) {
        field_schema(p, name, &scalar);
        return;
    }
    begin(p->out, name, '{');
    text(p->out, "type", "object");
    text(p->out, "description", m->doc);
    required(p, m);
    begin(p->out, "properties", '{');
    for (size_t i = 0; i < m->count; i++)
        field_schema(p, m->fields[i].wire, &m->fields[i]);
    buf_byte(p->out, '}');
    if (m->closed) {
        key(p->out, "additionalProperties");
        buf_text(p->out, "false");
    }
    buf_byte(p->out, '}');
}

/* Operations. */

static void
parameter(struct printer *p, const char *in, const char *prefix, const struct field *f)
{
    struct field plain = *f;

    plain.flags = (f->flags & ~(unsigned)ALWAYS) | REQUIRED;
    begin(p->out, NULL, '{');
    text(p->out, "name", prefix ? arena_printf(p->a, "%s%s", prefix, f->wire) : f->wire);
    text(p->out, "in", in);
    if (text_eq(in, "path") || (f->flags & REQUIRED))
        yes(p->out, "required");
    text(p->out, "description", f->doc);
    plain.doc = NULL;
    field_schema(p, "schema", &plain);
    buf_byte(p->out, '}');
}

static void
parameters_of(struct printer *p, const char *in, const char *prefix, const struct model *m)
{
    for (size_t i = 0; m && i < m->count; i++)
        if (m->fields[i].type != FT_OBJECT && m->fields[i].type != FT_PAIRS)
            parameter(p, in, prefix, &m->fields[i]);
}

static void
path_parameters(struct printer *p, const struct op *op)
{
    for (const char *at = strchr(op->path, '{'); at; at = strchr(at, '{')) {
        size_t len = strcspn(++at, "}");
        const char *name = arena_text_n(p->a, at, len);
        const struct field *known = op->vars ? model_field(op->vars, name, true) : NULL;
        struct field f = known ? *known : (struct field){ .type = FT_TEXT };

        f.wire = name;
        parameter(p, "path", NULL, &f);
    }
}

static void
parameters(struct printer *p, const struct op *op)
{
    begin(p->out, "parameters", '[');
    path_parameters(p, op);
    parameters_of(p, "query", NULL, op->query);
    if (op->flags & OP_PAGED)
        parameters_of(p, "query", p->api->paging_prefix, p->api->paging);
    parameters_of(p, "header", NULL, op->headers);
    if (op->flags & OP_DRY_RUN)
        parameter(p, "query", NULL,
                  &(struct field){
                      .wire = "dry_run", .type = FT_BOOL, .doc = "Only say what would be done." });
    if (op->flags & OP_IDEMPOTENT)
        parameter(p, "header", NULL,
                  &(struct field){ .wire = "Idempotency-Key",
                                   .type = FT_TEXT,
                                   .max = 255,
                                   .doc = "The same key again gives the first answer again." });
    if ((op->flags & OP_ETAG) && !text_eq(op->method, "GET"))
        parameter(p, "header", NULL,
                  &(struct field){ .wire = "If-Match",
                                   .type = FT_TEXT,
                                   .doc = "The ETag of what is to be changed." });
    buf_byte(p->out, ']');
}

static bool
same_route(const struct op *a, const struct op *b)
{
    return text_eq(a->method, b->method) && text_eq(a->path, b->path);
}

static void
schema_of(struct printer *p, const char *name, const struct model *m, bool is_list)
{
    if (is_list) {
        begin(p->out, name, '{');
        text(p->out, "type", "array");
        schema_of(p, "items", m, false);
        buf_byte(p->out, '}');
    } else if (m->is_scalar) {
        model_schema(p, name, m);
    } else {
        reference(p, name, m);
    }
}

/* The schema of body or reply; when versions of OP differ, any of theirs. */
static void
either_schema(struct printer *p, const struct op *op, bool is_reply)
{
    const struct op *versions[8];
    size_t n = 0;

    for (size_t i = 0; i < p->count && n < COUNT(versions); i++) {
        const struct op *other = p->ops[i];

        if (same_route(op, other) && !(other->flags & OP_NOT_YET) &&
            (is_reply ? other->reply : other->body))
            versions[n++] = other;
    }
    if (n > 1) {
        begin(p->out, "schema", '{');
        begin(p->out, "anyOf", '[');
    }
    for (size_t i = 0; i < n; i++) {
        const struct op *v = versions[i];

        schema_of(p, n > 1 ? NULL : "schema", is_reply ? v->reply : v->body,
                  v->flags & (is_reply ? OP_REPLY_LIST : OP_BODY_LIST));
    }
    if (n > 1)
        buf_text(p->out, "]}");
}

static void
binary_content(struct printer *p, const char *type)
{
    begin(p->out, type, '{');
    begin(p->out, "schema", '{');
    text(p->out, "type", "string");
    if (!text_starts(type, "text/"))
        text(p->out, "format", "binary");
    buf_text(p->out, "}}");
}

static void
model_content(struct printer *p, const char *type, const struct op *op, bool is_reply)
{
    begin(p->out, type, '{');
    either_schema(p, op, is_reply);
    if (!is_reply && op->example) {
        key(p->out, "example");
        buf_text(p->out, op->example);
    }
    buf_byte(p->out, '}');
}

static void
request_body(struct printer *p, const struct op *op)
{
    if (!op->body && !op->body_type)
        return;
    begin(p->out, "requestBody", '{');
    if (!(op->flags & OP_BODY_OPTIONAL))
        yes(p->out, "required");
    begin(p->out, "content", '{');
    if (op->body)
        model_content(p, "application/json", op, false);
    if (op->body && (op->flags & OP_FORM))
        model_content(p, "application/x-www-form-urlencoded", op, false);
    if (op->body_type)
        binary_content(p, op->body_type);
    buf_text(p->out, "}}");
}

static void
responses(struct printer *p, const struct op *op)
{
    const struct openapi *api = p->api;
    const struct model *error = op->error ? op->error : api->error;
    const char *type = op->error_type ? op->error_type : api->error_type;

    begin(p->out, "responses", '{');
    begin(p->out, arena_printf(p->a, "%d", op_status(op)), '{');
    text(p->out, "description", op->reply || op->reply_type ? "Done." : "Done; no body.");
    if (op->reply || op->reply_type) {
        begin(p->out, "content", '{');
        if (op->reply)
            model_content(p, "application/json", op, true);
        if (op->reply_type)
            binary_content(p, op->reply_type);
        buf_byte(p->out, '}');
    }
    buf_byte(p->out, '}');
    begin(p->out, "default", '{');
    text(p->out, "description", "It was not done.");
    if (error) {
        begin(p->out, "content", '{');
        begin(p->out, type ? type : "application/json", '{');
        reference(p, "schema", error);
        buf_text(p->out, "}}");
    }
    buf_text(p->out, "}}");
}

/* An empty requirement beside others makes them optional. */
static void
security(struct printer *p, const struct op *op)
{
    static const char *const forms[] = { "[{\"basic\":[]},{\"bearer\":[]}]", "[]",
                                         "[{},{\"basic\":[]},{\"bearer\":[]}]" };

    key(p->out, "security");
    buf_text(p->out, forms[op->auth]);
}

static const char *
operation_id(struct printer *p, const struct op *op)
{
    struct buf b;

    if (op->id)
        return op->id;
    buf_init_in(&b, p->a, 4096);
    buf_text(&b, text_fold(p->a, op->method));
    for (const char *at = op->path; *at; at++)
        if (*at == '/')
            buf_byte(&b, '_');
        else if (*at != '{' && *at != '}')
            buf_byte(&b, (uint8_t)*at);
    return buf_str(&b);
}

static const char *
tag_of(struct printer *p, const struct op *op)
{
    const char *first = op->path + (*op->path == '/');

    return op->tag ? op->tag : arena_text_n(p->a, first, strcspn(first, "/"));
}

static void
operation(struct printer *p, const struct op *op)
{
    const char *doc = op->doc ? op->doc : "", *rest = strstr(doc, "\n\n");

    begin(p->out, text_fold(p->a, op->method), '{');
    text(p->out, "operationId", operation_id(p, op));
    begin(p->out, "tags", '[');
    separate(p->out);
    json_text(p->out, tag_of(p, op));
    buf_byte(p->out, ']');
    text(p->out, "summary", rest ? arena_text_n(p->a, doc, (size_t)(rest - doc)) : doc);
    text(p->out, "description", rest ? rest + 2 : NULL);
    text(p->out, "x-permission", op->needs);
    parameters(p, op);
    request_body(p, op);
    responses(p, op);
    security(p, op);
    buf_byte(p->out, '}');
}

/* True when an earlier operation that is printed has the same path, and method too when asked. */
static bool
came_before(const struct printer *p, size_t i, bool method_too)
{
    for (size_t k = 0; k < i; k++)
        if (!(p->ops[k]->flags & OP_NOT_YET) && text_eq(p->ops[k]->path, p->ops[i]->path) &&
            (!method_too || text_eq(p->ops[k]->method, p->ops[i]->method)))
            return true;
    return false;
}

static void
paths(struct printer *p)
{
    begin(p->out, "paths", '{');
    for (size_t i = 0; i < p->count; i++) {
        if ((p->ops[i]->flags & OP_NOT_YET) || came_before(p, i, false))
            continue;
        begin(p->out, p->ops[i]->path, '{');
        for (size_t k = i; k < p->count; k++)
            if (!(p->ops[k]->flags & OP_NOT_YET) && text_eq(p->ops[k]->path, p->ops[i]->path) &&
                !came_before(p, k, true))
                operation(p, p->ops[k]);
        buf_byte(p->out, '}');
    }
    buf_byte(p->out, '}');
}

/* A model and those below it; one that is known already ends the walk. */
static void
collect(struct printer *p, const struct model *m)
{
    const struct model *before;

    if (!m || m->is_scalar)
        return;
    before = map_get(p->models, m->name);
    assert((!before || before == m) && "two models of one name");
    if (before)
        return;
    map_put(p->models, m->name, (void *)(uintptr_t)m);
    for (size_t i = 0; i < m->count; i++)
        collect(p, m->fields[i].model);
}

static void
components(struct printer *p)
{
    const char *name;
    void *m;
    size_t at = 0;

    collect(p, p->api->error);
    for (size_t i = 0; i < p->count; i++) {
        if (p->ops[i]->flags & OP_NOT_YET)
            continue;
        collect(p, p->ops[i]->error);
        collect(p, p->ops[i]->body);
        collect(p, p->ops[i]->reply);
    }
    begin(p->out, "components", '{');
    begin(p->out, "schemas", '{');
    while (map_next(p->models, &at, &name, &m))
        model_schema(p, name, m);
    buf_byte(p->out, '}');
    key(p->out, "securitySchemes");
    buf_text(p->out, "{\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"},"
                     "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}}");
    buf_byte(p->out, '}');
}

void
openapi_print(struct buf *out, const struct openapi *api, const struct op *const *ops, size_t count)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct printer p = { out, a, api, ops, count, map_new(a, false) };

    buf_text(out, "{\"openapi\":\"3.0.3\"");
    begin(out, "info", '{');
    text(out, "title", api->title);
    text(out, "version", api->version);
    text(out, "description", api->doc);
    buf_byte(out, '}');
    begin(out, "servers", '[');
    begin(out, NULL, '{');
    text(out, "url", api->base);
    buf_text(out, "}]");
    paths(&p);
    components(&p);
    buf_text(out, "}\n");
}

void
openapi_schema(struct buf *out, const struct model *m)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct buf whole;
    struct printer p = { &whole, a, NULL, NULL, 0, map_new(a, false) };

    buf_init_in(&whole, a, 1 << 20);
    model_schema(&p, NULL, m);
    if (buf_str(&whole))
        buf_text(out, buf_str(&whole));
    else
        out->failed = true;
}

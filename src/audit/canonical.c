#include "audit/canonical.h"

#include <stdio.h>
#include <string.h>

static const char *const outcome_names[] = { "success", "denied", "failure", "pending" };
static const char *const level_names[] = { "info", "warning", "failure", "info" };

const char *
audit_outcome_name(enum audit_outcome outcome)
{
    return outcome_names[outcome];
}

/* Bytes that a string cannot hold as they are: controls, the quote, the backslash. */
static bool
must_escape(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/** The escape of C by RFC 8785 section 3.2.2.2, in ROOM; returns its length. */
static size_t
escape(uint8_t c, char room[6])
{
    static const char hex[] = "0123456789abcdef";
    static const char short_of[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                     ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };

    room[0] = '\\';
    if (c < sizeof short_of && short_of[c]) {
        room[1] = short_of[c];
        return 2;
    }
    room[1] = 'u';
    room[2] = room[3] = '0';
    room[4] = hex[c >> 4];
    room[5] = hex[c & 15];
    return 6;
}

void
canonical_text(struct buf *out, const char *text)
{
    char room[6];
    const char *from = text;

    buf_byte(out, '"');
    for (const char *p = text; *p; p++) {
        if (!must_escape((uint8_t)*p))
            continue;
        buf_add(out, from, (size_t)(p - from));
        buf_add(out, room, escape((uint8_t)*p, room));
        from = p + 1;
    }
    buf_text(out, from);
    buf_byte(out, '"');
}

/** Write `"NAME":` with a comma before it unless it is the first of its object. */
static void
key(struct buf *out, bool *first, const char *name)
{
    if (!*first)
        buf_byte(out, ',');
    *first = false;
    buf_byte(out, '"');
    buf_text(out, name); /* names are ours: nothing to escape */
    buf_add(out, "\":", 2);
}

/** Write `"NAME":"VALUE"`, or nothing when there is no value. */
static void
member(struct buf *out, bool *first, const char *name, const char *value)
{
    if (!value)
        return;
    key(out, first, name);
    canonical_text(out, value);
}

static void
actor_write(struct buf *out, const struct audit_actor *a)
{
    bool first = true;

    buf_byte(out, '{');
    member(out, &first, "auth", a->auth);
    member(out, &first, "id", a->id);
    member(out, &first, "ip", a->ip);
    member(out, &first, "name", a->name);
    member(out, &first, "on_behalf_of", a->on_behalf_of);
    if (a->roles && a->roles[0]) {
        key(out, &first, "roles");
        buf_byte(out, '[');
        for (const char *const *role = a->roles; *role; role++) {
            if (role != a->roles)
                buf_byte(out, ',');
            canonical_text(out, *role);
        }
        buf_byte(out, ']');
    }
    member(out, &first, "session", a->session);
    member(out, &first, "type", a->type);
    member(out, &first, "user_agent", a->user_agent);
    buf_byte(out, '}');
}

static void
object_write(struct buf *out, const struct audit_object *o)
{
    bool first = true;

    buf_byte(out, '{');
    member(out, &first, "id", o->id);
    member(out, &first, "name", o->name);
    member(out, &first, "type", o->type);
    buf_byte(out, '}');
}

/** The change whose field comes next after LAST in byte order, or NULL: few enough to be searched
 * each time. */
static const struct audit_change *
next_change(const struct audit_event *e, const char *last, bool after)
{
    const struct audit_change *best = NULL;

    for (size_t i = 0; i < e->change_count; i++) {
        const struct audit_change *c = &e->changes[i];

        if (!(after ? c->after : c->before) || (last && strcmp(c->field, last) <= 0))
            continue;
        if (!best || strcmp(c->field, best->field) < 0)
            best = c;
    }
    return best;
}

/** Write the changed fields as they were before, or are after; nothing when there are none. */
static void
changes_write(struct buf *out, bool *first, const struct audit_event *e, bool after)
{
    const struct audit_change *c = next_change(e, NULL, after);
    bool first_inside = true;

    if (!c)
        return;
    key(out, first, after ? "after" : "before");
    buf_byte(out, '{');
    for (; c; c = next_change(e, c->field, after)) {
        key(out, &first_inside, c->field);
        if (c->kind == AUDIT_IS_SECRET)
            buf_text(out, "{\"changed\":true}");
        else if (c->kind == AUDIT_IS_JSON)
            buf_text(out, after ? c->after : c->before);
        else
            canonical_text(out, after ? c->after : c->before);
    }
    buf_byte(out, '}');
}

static void
request_write(struct buf *out, bool *first, const struct audit_request *r)
{
    bool first_inside = true;

    if (!r || !r->id)
        return;
    key(out, first, "request");
    buf_byte(out, '{');
    member(out, &first_inside, "id", r->id);
    member(out, &first_inside, "method", r->method);
    member(out, &first_inside, "operation_id", r->operation_id);
    member(out, &first_inside, "route", r->route);
    member(out, &first_inside, "trace_id", r->trace_id);
    buf_byte(out, '}');
}

static void
related_write(struct buf *out, bool *first, const struct audit_event *e)
{
    if (e->related_count == 0)
        return;
    key(out, first, "related");
    buf_byte(out, '[');
    for (size_t i = 0; i < e->related_count; i++) {
        if (i > 0)
            buf_byte(out, ',');
        object_write(out, &e->related[i]);
    }
    buf_byte(out, ']');
}

static void
hex_write(struct buf *out, const uint8_t hash[AUDIT_HASH_LEN])
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * AUDIT_HASH_LEN];

    for (size_t i = 0; i < AUDIT_HASH_LEN; i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    buf_byte(out, '"');
    buf_add(out, text, sizeof text);
    buf_byte(out, '"');
}

/** Write the time with its milliseconds: RFC 3339, in UTC. */
static void
time_write(struct buf *out, struct when at)
{
    struct civil c = when_civil(at);
    char text[64];
    int len = snprintf(text, sizeof text, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", c.year,
                       c.month, c.day, c.hour, c.minute, c.second, c.ms);

    buf_add(out, text, (size_t)len);
}

void
canonical_event(struct buf *out, const struct audit_event *e, const struct audit_place *place,
                const struct audit_request *request)
{
    const struct audit_action_info *info = audit_action_info(e->action);
    bool first = true;

    buf_byte(out, '{'); /* the members in byte order of their names */
    member(out, &first, "action", info->name);
    key(out, &first, "actor");
    actor_write(out, e->actor ? e->actor : &audit_system);
    changes_write(out, &first, e, true);
    changes_write(out, &first, e, false);
    member(out, &first, "category", info->category);
    member(out, &first, "id", place->id);
    member(out, &first, "level", level_names[e->outcome]);
    member(out, &first, "message", e->message ? e->message : info->doc);
    member(out, &first, "outcome", outcome_names[e->outcome]);
    key(out, &first, "prev");
    hex_write(out, place->prev);
    member(out, &first, "reason", e->reason);
    related_write(out, &first, e);
    request_write(out, &first, request);
    key(out, &first, "seq");
    buf_int(out, place->seq);
    if (e->target.type) {
        key(out, &first, "target");
        object_write(out, &e->target);
    }
    key(out, &first, "ts");
    time_write(out, place->at);
    buf_text(out, ",\"v\":1}");
}

/* `audit verify`: the record on a server or in a database, and what was exported of it. */
#include "cli/keystore.h"

#include "api/v1.h"
#include "audit/anchor.h"
#include "audit/checkpoint.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANCHOR_MAX ((size_t)4 * 1024 * 1024)
#define KEYS_MAX ((size_t)1024 * 1024)
#define EXPORT_MAX ((size_t)4096 * 1024 * 1024)

static const struct view reports = { .kind = "report" };

static void
add_break(struct buf *b, const struct audit_break *at)
{
    buf_printf(b, "{\"chain\":%lld,\"seq\":%lld,\"reason\":", (long long)at->lane,
               (long long)at->seq);
    json_text(b, at->reason);
    buf_printf(b, ",\"before\":%s,\"at\":%s,\"after\":%s}", at->before ? at->before : "null",
               at->at ? at->at : "null", at->after ? at->after : "null");
}

/* What `audit verify` is asked to look at. */
static enum err
range_of(struct cli *c, struct v1_audit_range *out)
{
    const char *path = cli_text(c, "anchor");
    struct v1_audit_anchor anchor = { 0 };
    struct bytes text;

    *out = (struct v1_audit_range){ .chain = cli_number(c, "chain", 0),
                                    .from = cli_number(c, "from", 0),
                                    .to = cli_number(c, "to", 0) };
    if (!path)
        return OK;
    TRY(read_input(c, path, ANCHOR_MAX, &text));
    TRY(note(c->s, json_decode(c->s, v1_audit_anchor_op.reply, JSON_STRICT, text, &anchor),
             "the anchor %s", path));
    if (!anchor.heads.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "the anchor %s names no chain", path);
    out->anchor = anchor.heads;
    return OK;
}

/* The report in the form that the server gives. */
static enum err
report_json(struct cli *c, const struct audit_report *r, const struct json **out)
{
    struct json *j;
    struct buf b;
    size_t n = 0;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b,
               "{\"intact\":%s,\"events\":%lld,\"chains\":%lld,\"checkpoints\":%lld,"
               "\"unsealed\":%lld,\"micros\":%lld,\"breaks\":[",
               r->intact ? "true" : "false", (long long)r->events, (long long)r->chains,
               (long long)r->checkpoints, (long long)r->unsealed, (long long)r->micros);
    LIST_EACH(struct audit_break, one, &r->breaks)
    {
        buf_text(&b, n++ ? "," : "");
        add_break(&b, one);
    }
    buf_text(&b, "]}");
    TRY(json_parse(c->s, buf_bytes(&b), &j));
    *out = j;
    return OK;
}

/** The database of --db, which is there: looking makes none. */
static enum err
open_given(struct cli *c, const char *url, struct db **db)
{
    const char *path = text_starts(url, "sqlite:") ? url + strlen("sqlite:") : NULL;

    if (path && access(path, R_OK) != 0)
        return fail_code(c->s, E_NOT_FOUND, CHY_NOT_FOUND, "there is no database %s: %s", path,
                         strerror(errno));
    return db_open(c->s, url, &(struct db_options){ .no_migrate = true, .guest = true }, db);
}

static enum err
verify_here(struct cli *c, const char *url, const struct v1_audit_range *in,
            const struct json **out)
{
    AUTO(db_close) struct db *db = NULL;
    struct audit_range range = { in->chain, in->from, in->to };
    struct list heads = { 0 };
    struct audit_report r;

    TRY(open_given(c, url, &db));
    TRY(audit_verify(c->s, db, &range, &r));
    LIST_EACH(struct v1_audit_head, h, &in->anchor)
    list_add(c->s->arena, &heads, struct audit_head,
             ((struct audit_head){ h->chain, h->seq, h->hash }));
    TRY(audit_heads_check(c->s, db, &heads, &r));
    return report_json(c, &r, out);
}

/** What the record, or the file NAME, is found to be. */
static void
tell(const char *name, const struct json *report, bool intact)
{
    const struct json *breaks = json_get(report, "breaks");
    int64_t count = 0, chains = 0, checkpoints = 0, unsealed = 0, chain, seq;

    (void)json_int(json_get(report, "events"), &count);
    (void)json_int(json_get(report, "chains"), &chains);
    (void)json_int(json_get(report, "checkpoints"), &checkpoints);
    (void)json_int(json_get(report, "unsealed"), &unsealed);
    (void)printf(
        "%s%s%s: %lld events in %lld chains, %lld checkpoints, %lld events since the last one\n",
        name ? name : "", name ? ": " : "", intact ? "intact" : "BROKEN", (long long)count,
        (long long)chains, (long long)checkpoints, (long long)unsealed);
    for (size_t i = 0; i < json_count(breaks); i++) {
        const struct json *one = json_item(breaks, i);
        const char *reason = json_str(json_get(one, "reason"));

        if (json_int(json_get(one, "chain"), &chain) && json_int(json_get(one, "seq"), &seq))
            (void)printf("  chain %lld, event %lld: %s\n", (long long)chain, (long long)seq,
                         reason ? reason : "");
    }
}

/* What was exported. */

static void
add_fault(struct cli *c, struct audit_report *r, int64_t lane, int64_t seq, const char *why)
{
    r->intact = false;
    list_add(c->s->arena, &r->breaks, struct audit_break,
             ((struct audit_break){ .lane = lane, .seq = seq, .reason = why }));
}

static const char *
part_end(struct cli *c, const struct audit_part *p)
{
    return hex_lower(c->s->arena, (struct bytes){ p->last, sizeof p->last });
}

/** The parts of the files before, PARTS, and those of this one: where two meet they must fit. */
static void
parts_fit(struct cli *c, const struct list *parts, struct audit_report *r)
{
    LIST_EACH(struct audit_part, p, &r->parts)
    LIST_EACH(struct audit_part, o, parts)
    {
        const struct audit_part *first = o->from < p->from ? o : p, *then = first == o ? p : o;

        if (o->lane == p->lane && first->to + 1 == then->from &&
            !text_eq(part_end(c, first), then->prev))
            add_fault(c, r, then->lane, then->from, "this does not follow the end of another file");
    }
}

/** Whether TEXT, a sound export, has the event of this chain and hash; the hash tells its number.
 */
static bool
has_event(struct cli *c, struct bytes text, int64_t lane, const char *hash)
{
    const char *line = arena_printf(c->s->arena, "\"chain\":%lld,\"hash\":\"%s\",", (long long)lane,
                                    text_fold(c->s->arena, hash));

    return memmem(text.data, text.len, line, strlen(line)) != NULL;
}

/** The heads of an anchor that lie in TEXT, a sound export, are looked for there; the others stay.
 */
static void
heads_here(struct cli *c, struct bytes text, struct audit_report *r, struct list *anchor)
{
    struct list left = { 0 };

    LIST_EACH(struct v1_audit_head, h, anchor)
    {
        bool here = false;

        LIST_EACH(struct audit_part, p, &r->parts)
        here |= p->lane == h->chain && p->from <= h->seq && h->seq <= p->to;
        if (!here)
            list_add(c->s->arena, &left, struct v1_audit_head, *h);
        else if (!has_event(c, text, h->chain, h->hash))
            add_fault(c, r, h->chain, h->seq, "the anchor knows another event here");
    }
    *anchor = left;
}

/** The keys that checkpoints of exports are signed with; NULL: those that the files bring. */
static enum err
keys_of(struct cli *c, const char **out)
{
    const char *path = cli_text(c, "keys"), *url = cli_text(c, "db");
    AUTO(db_close) struct db *db = NULL;
    struct bytes text;
    struct answer a;

    *out = NULL;
    if (path) {
        TRY(read_input(c, path, KEYS_MAX, &text));
        *out = arena_text_n(c->s->arena, (const char *)text.data, text.len);
        return OK;
    }
    if (cli_has(c, "offline")) {
        caution(c, "the keys inside the files are trusted; --keys FILE proves more");
        return OK;
    }
    if (url) {
        TRY(open_given(c, url, &db));
        return audit_checkpoint_keys(c->s, db, out);
    }
    TRY(ask_get(c, REST_API "/audit/keys", &a));
    *out = arena_text_n(c->s->arena, (const char *)a.body.data, a.body.len);
    return OK;
}

/** What a file has of a chain. */
struct piece {
    struct audit_part part;
    struct bytes text; /* the whole file */
};

/** All of what was exported so far. */
struct exports {
    struct list parts;  /* of struct audit_part */
    struct list pieces; /* of struct piece: the same, with their files */
    struct buf reports; /* their reports, as JSON, with commas between */
    bool intact;
};

static enum err
verify_file(struct cli *c, const char *path, const char *keys, struct list *anchor,
            struct exports *x)
{
    const struct json *report;
    struct audit_report r;
    struct bytes text;

    TRY(read_input(c, path, EXPORT_MAX, &text));
    TRY(note(c->s, audit_verify_export(c->s, text, keys, &r), "%s", path));
    if (!r.parts.count && r.intact) /* such as one that a full disk left empty */
        return fail(c->s, E_INVALID, "%s holds no events: it shows nothing", path);
    parts_fit(c, &x->parts, &r);
    heads_here(c, text, &r, anchor);
    LIST_EACH(struct audit_part, p, &r.parts)
    {
        list_add(c->s->arena, &x->parts, struct audit_part, *p);
        list_add(c->s->arena, &x->pieces, struct piece, ((struct piece){ *p, text }));
    }
    x->intact = x->intact && r.intact;
    TRY(report_json(c, &r, &report));
    if (output_is_table(c))
        tell(path, report, r.intact);
    buf_text(&x->reports, x->reports.len ? "," : "");
    json_write(&x->reports, report);
    return OK;
}

/** Whether another file goes on past the end of P, and has it: a crash leaves such a file behind.
 */
static bool
is_in_another(struct cli *c, const struct audit_part *p, const struct list *pieces)
{
    LIST_EACH(struct piece, o, pieces)
    if (o->part.lane == p->lane && o->part.from <= p->to && p->to < o->part.to &&
        has_event(c, o->text, p->lane, part_end(c, p)))
        return true;
    return false;
}

/** The files of --export; where each ends must be part of the record: their ends join the anchor.
 */
static enum err
verify_files(struct cli *c, const struct list *files, struct list *anchor, struct exports *x)
{
    const char *keys = NULL;

    buf_init_in(&x->reports, c->s->arena, CLI_BODY_MAX);
    x->intact = true;
    if (files->count)
        TRY(keys_of(c, &keys));
    LIST_EACH(const char *, path, files)
    TRY(verify_file(c, *path, keys, anchor, x));
    LIST_EACH(struct audit_part, p, &x->parts)
    if (!is_in_another(c, p, &x->pieces))
        list_add(c->s->arena, anchor, struct v1_audit_head,
                 ((struct v1_audit_head){ p->lane, p->to, part_end(c, p) }));
    return OK;
}

/** The record itself. */
static enum err
verify_record(struct cli *c, const struct v1_audit_range *range, const struct json **report)
{
    struct ask ask = { .method = "POST", .path = REST_API "/audit/verify" };
    const char *url = cli_text(c, "db");
    struct answer a;
    struct buf body;

    if (url)
        return verify_here(c, url, range, report);
    buf_init_in(&body, c->s->arena, ANCHOR_MAX);
    json_encode(&body, v1_audit_verify_op.body, range);
    ask.body = buf_str(&body);
    TRY(ask_server(c, &ask, &a));
    *report = a.json;
    return OK;
}

/** For programs: the record's report, those of the files within. */
static enum err
print_reports(struct cli *c, const struct json *report, struct exports *x, bool intact)
{
    struct buf b;
    struct json *j;

    if (!x->parts.count && report)
        return print_data(c, &reports, report);
    buf_init_in(&b, c->s->arena, 2 * CLI_BODY_MAX);
    buf_printf(&b, "{\"intact\":%s,\"record\":", intact ? "true" : "false");
    if (report)
        json_write(&b, report);
    else
        buf_text(&b, "null");
    buf_printf(&b, ",\"exports\":[%s]}", buf_str(&x->reports));
    TRY(json_parse(c->s, buf_bytes(&b), &j));
    return print_data(c, &reports, j);
}

enum err
run_audit_verify(struct cli *c)
{
    struct list files = cli_texts(c, "export");
    struct exports x = { 0 };
    struct v1_audit_range range;
    const struct json *report = NULL;
    bool intact = true;

    TRY(range_of(c, &range));
    if (cli_has(c, "offline") && !files.count)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--offline needs --export FILE");
    TRY(verify_files(c, &files, &range.anchor, &x));
    if (!cli_has(c, "offline")) {
        TRY(verify_record(c, &range, &report));
        (void)json_bool(json_get(report, "intact"), &intact);
        if (output_is_table(c))
            tell(NULL, report, intact);
    }
    intact = intact && x.intact;
    c->status = intact ? EXIT_DONE : EXIT_CHECK_FAILED;
    if (!output_is_table(c))
        return print_reports(c, report, &x, intact);
    if (!intact)
        say(c, "error: the audit record is not what was written");
    return OK;
}

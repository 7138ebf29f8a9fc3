/* `chancery check`: one line with performance data, and an exit code, as plug-ins of monitoring
 * have them: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. */
#include "cli/check.h"

#include "cli/register.h"
#include <stdio.h>
#include <string.h>

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_CRITICAL, LEVEL_UNKNOWN };

static const char *const level_names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
static const struct view verdict_view = { .kind = "check", .key = "check" };

/** What a check comes to. */
struct verdict {
    enum level level;
    const char *text;     /* the worst first; NULL: none yet */
    const char *all_well; /* instead of it */
    struct buf figures;   /* 'name'=value;warn;crit */
    struct buf json;      /* "name":value */
};

#define OCSP_SIGNING "\"1.3.6.1.5.5.7.3.9\"" /* of responders, which the server replaces itself */

/** When to speak up, in milliseconds. */
struct limits {
    int64_t warn_ms, crit_ms;
};

bool
is_check(const struct cli *c)
{
    return c->command ? text_starts(c->command->path, "check ")
                      : c->group && text_eq(c->group->name, "check");
}

/* "EXPIRY" */
static const char *
title(const struct cli *c)
{
    return c->command ? text_upper(c->s->arena, c->command->path + strlen("check ")) : "CHECK";
}

/* As finish() has it, of a check that came to nothing. */
static int
unknown_for_programs(struct cli *c, const char *text)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"check\":");
    json_text(&b, c->command ? c->command->path + strlen("check ") : NULL);
    buf_printf(&b, ",\"state\":\"%s\",\"text\":", level_names[LEVEL_UNKNOWN]);
    json_text(&b, text);
    buf_text(&b, ",\"figures\":{}}");
    scope_clear(c->s);
    (void)print_json(c, &verdict_view, &b);
    return LEVEL_UNKNOWN;
}

int
check_unknown(struct cli *c)
{
    const char *text = c->s->error.text ? c->s->error.text : "it failed";
    char *line = arena_text(c->s->arena, text);

    if (!output_is_table(c))
        return unknown_for_programs(c, text);
    for (char *at = line; *at; at++) /* what stands behind a bar is figures */
        if (*at == '|' || *at == '\n')
            *at = ' ';
    (void)printf("%s %s - %s\n", title(c), level_names[LEVEL_UNKNOWN], line);
    return LEVEL_UNKNOWN;
}

static void
verdict_init(struct cli *c, struct verdict *v)
{
    *v = (struct verdict){ .level = LEVEL_OK };
    buf_init_in(&v->figures, c->s->arena, CLI_BODY_MAX);
    buf_init_in(&v->json, c->s->arena, CLI_BODY_MAX);
}

static void
judge(struct cli *c, struct verdict *v, enum level level, const char *text)
{
    if (v->text)
        text = level > v->level ? arena_printf(c->s->arena, "%s; %s", text, v->text)
                                : arena_printf(c->s->arena, "%s; %s", v->text, text);
    v->text = text;
    v->level = MAX(v->level, level);
}

/* LIMITS may be NULL: a figure that nobody judges by. */
static void
figure(struct verdict *v, const char *name, int64_t value, const char *limits)
{
    buf_printf(&v->figures, "%s'%s'=%lld%s", v->figures.len ? " " : "", name, (long long)value,
               limits ? limits : "");
    buf_printf(&v->json, "%s\"%s\":%lld", v->json.len ? "," : "", name, (long long)value);
}

static enum err
finish(struct cli *c, struct verdict *v)
{
    const char *text = v->text ? v->text : v->all_well, *figures = buf_str(&v->figures);
    const char *json = buf_str(&v->json);
    struct buf b;

    c->status = (int)v->level;
    if (output_is_table(c))
        return print_bytes(c, bytes_of_text(arena_printf(
                                  c->s->arena, "%s %s - %s%s%s\n", title(c), level_names[v->level],
                                  text, figures ? " | " : "", figures ? figures : "")));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"check\":");
    json_text(&b, c->command->path + strlen("check "));
    buf_printf(&b, ",\"state\":\"%s\",\"text\":", level_names[v->level]);
    json_text(&b, text);
    buf_printf(&b, ",\"figures\":{%s}}", json ? json : "");
    return print_json(c, &verdict_view, &b);
}

static void
read_limits(struct cli *c, struct limits *l)
{
    l->warn_ms = cli_duration(c, "warn", l->warn_ms);
    l->crit_ms = cli_duration(c, "crit", l->crit_ms);
}

static enum err
limits_before_an_end(struct cli *c, struct limits *l)
{
    read_limits(c, l);
    return l->crit_ms <= l->warn_ms
               ? OK
               : fail_code(c->s, E_INVALID, CHY_USAGE,
                           "--crit: comes before --warn: critical is the nearer end");
}

/* "in 9 d", "5 h ago" */
static const char *
span_text(struct cli *c, int64_t ms)
{
    int64_t abs = ms < 0 ? -ms : ms, hours = abs / 3600000;
    const char *text = hours >= 48 ? arena_printf(c->s->arena, "%lld d", (long long)(hours / 24))
                                   : arena_printf(c->s->arena, "%lld h", (long long)hours);

    return ms < 0 ? arena_printf(c->s->arena, "%s ago", text)
                  : arena_printf(c->s->arena, "in %s", text);
}

/* "within 14d" */
static const char *
within_text(struct cli *c, int64_t ms)
{
    return arena_printf(c->s->arena, "within %s", duration_text(c->s->arena, ms));
}

static int64_t
between_ms(struct when from, struct when to)
{
    return to.ms - from.ms;
}

static struct when
time_of(const struct json *row, const char *name)
{
    const char *text = json_str(json_get(row, name));
    struct when at = WHEN_NONE;

    if (text)
        (void)when_parse(text, &at);
    return at;
}

/* Expiry. */

/* How many end between FROM and TO that nothing has replaced, and the first of them. */
static enum err
count_ends(struct cli *c, struct when from, struct when to, int64_t *count,
           const struct json **first)
{
    struct ask ask = { .path = COMMAND_API "/Certificates" };
    const char *query = cli_text(c, "query"), *all;
    struct answer a;

    all = arena_printf(c->s->arena,
                       "Status -eq \"Active\" AND SupersededDate -eq NULL AND NotAfter -ge \"%s\" "
                       "AND NotAfter -lt \"%s\" AND NOT ExtKeyUsage -contains " OCSP_SIGNING,
                       when_rfc3339(c->s->arena, from), when_rfc3339(c->s->arena, to));
    if (query) {
        TRY(query_of(c, query, &query));
        if (query)
            all = arena_printf(c->s->arena, "%s AND (%s)", all, query);
    }
    ask_param(c, &ask, "pq.queryString", all);
    ask_param(c, &ask, "pq.sortField", "NotAfter");
    TRY(collection_param(c, &ask));
    TRY(ask_page(c, &ask, 1, 1, &a, count));
    *first = json_count(a.json) ? json_item(a.json, 0) : NULL;
    return OK;
}

/* "3 certificates end within 14 d, the first is web01 (12) in 9 d" */
static const char *
ends_text(struct cli *c, int64_t count, const char *what, const struct json *first)
{
    const char *cn = json_str(json_get(first, "IssuedCN"));
    int64_t left = between_ms(clock_now(), time_of(first, "NotAfter"));

    return arena_printf(c->s->arena, "%lld certificate%s %s, %s%s (%lld) %s", (long long)count,
                        count == 1 ? "" : "s", what, count == 1 ? "" : "the first ",
                        text_empty(cn) ? "without a name" : cn, (long long)row_id(first),
                        span_text(c, left));
}

enum err
run_check_expiry(struct cli *c)
{
    struct limits l = { 14 * DAY_MS, 7 * DAY_MS };
    const struct json *gone, *near, *soon;
    int64_t ended, critical, warned;
    struct when now = clock_now();
    struct verdict v;

    TRY(limits_before_an_end(c, &l));
    verdict_init(c, &v);
    TRY(count_ends(c, when_add_ms(now, -l.crit_ms), now, &ended, &gone));
    TRY(count_ends(c, now, when_add_ms(now, l.crit_ms), &critical, &near));
    TRY(count_ends(c, when_add_ms(now, l.crit_ms), when_add_ms(now, l.warn_ms), &warned, &soon));
    if (gone)
        judge(c, &v, LEVEL_CRITICAL, ends_text(c, ended, "ended lately", gone));
    if (near)
        judge(c, &v, LEVEL_CRITICAL,
              ends_text(c, critical,
                        arena_printf(c->s->arena, "to end %s", within_text(c, l.crit_ms)), near));
    if (soon)
        judge(c, &v, LEVEL_WARNING,
              ends_text(c, warned,
                        arena_printf(c->s->arena, "to end %s", within_text(c, l.warn_ms)), soon));
    v.all_well = arena_printf(c->s->arena, "nothing that is not replaced ends %s",
                              within_text(c, l.warn_ms));
    figure(&v, "ended", ended, ";;0;0");
    figure(&v, "critical", critical, ";;0;0");
    figure(&v, "warning", warned, ";0;;0");
    return finish(c, &v);
}

/* Authorities. */

static enum level
level_of_end(const struct limits *l, int64_t left_ms)
{
    return left_ms < l->crit_ms ? LEVEL_CRITICAL : left_ms < l->warn_ms ? LEVEL_WARNING : LEVEL_OK;
}

/* How one authority is; its figures are the days that are left. */
static void
judge_authority(struct cli *c, struct verdict *v, const struct limits *l, const struct json *ca)
{
    const char *name = json_str(json_get(ca, "name"));
    struct when end = time_of(ca, "not_after"), next = time_of(ca, "crl_next_update");
    struct when now = clock_now();
    bool on = false, usable = false;
    enum level level;

    (void)json_bool(json_get(ca, "enabled"), &on);
    (void)json_bool(json_get(ca, "usable"), &usable);
    if (!on && c->args.count)
        judge(c, v, LEVEL_WARNING, arena_printf(c->s->arena, "%s is switched off", name));
    if (when_given(end)) {
        level = level_of_end(l, between_ms(now, end));
        figure(v, arena_printf(c->s->arena, "%s", json_str(json_get(ca, "slug"))),
               between_ms(now, end) / DAY_MS,
               arena_printf(c->s->arena, ";%lld:;%lld:", (long long)(l->warn_ms / DAY_MS),
                            (long long)(l->crit_ms / DAY_MS)));
        if (on && level != LEVEL_OK)
            judge(
                c, v, level,
                arena_printf(c->s->arena, "%s ends %s", name, span_text(c, between_ms(now, end))));
    }
    if (on && !usable)
        judge(c, v, LEVEL_CRITICAL,
              arena_printf(c->s->arena, "%s %s", name,
                           when_given(end) ? "cannot sign" : "has no certificate yet"));
    if (when_given(next) && when_cmp(next, now) < 0)
        judge(c, v, LEVEL_CRITICAL,
              arena_printf(c->s->arena, "the CRL of %s was due %s", name,
                           span_text(c, between_ms(now, next))));
}

static enum err
check_names(struct cli *c, const struct json *all)
{
    for (size_t i = 0; i < c->args.count; i++) {
        bool known = false;

        for (size_t k = 0; k < json_count(all); k++)
            known =
                known || text_eq_fold(cli_arg(c, i), json_str(json_get(json_item(all, k), "name")));
        if (!known)
            return fail_code(c->s, E_NOT_FOUND, CHY_NO_CA, "there is no authority \"%s\"",
                             cli_arg(c, i));
    }
    return OK;
}

enum err
run_check_ca(struct cli *c)
{
    struct limits l = { 90 * DAY_MS, 30 * DAY_MS };
    const struct json *all;
    struct verdict v;
    struct answer a;
    size_t count = 0;

    TRY(limits_before_an_end(c, &l));
    verdict_init(c, &v);
    TRY(ask_get(c, REST_API "/authorities?limit=1000", &a));
    all = json_get(a.json, "items");
    TRY(check_names(c, all));
    for (size_t i = 0; i < json_count(all); i++) {
        const struct json *ca = json_item(all, i);

        if (c->args.count && !list_has_fold(&c->args, json_str(json_get(ca, "name"))))
            continue;
        judge_authority(c, &v, &l, ca);
        count++;
    }
    if (!count)
        judge(c, &v, LEVEL_WARNING, "there is no authority");
    v.all_well = count == 1 ? "the authority is well"
                            : arena_printf(c->s->arena, "%zu authorities are well", count);
    return finish(c, &v);
}

/* Jobs. */

static enum err
jobs_of(struct cli *c, const char *state, const struct json **rows)
{
    struct ask ask = { .path = REST_API "/jobs" };
    struct answer a;

    ask_param(c, &ask, "state", state);
    ask_param(c, &ask, "limit", "1000");
    TRY(ask_server(c, &ask, &a));
    *rows = json_get(a.json, "items");
    return OK;
}

/* How many failed since then, and the latest of them. */
static int64_t
count_failed(const struct json *rows, struct when since, const struct json **latest)
{
    int64_t count = 0;

    *latest = NULL;
    for (size_t i = 0; i < json_count(rows); i++) {
        struct when ended = time_of(json_item(rows, i), "ended_at");

        if (!when_given(ended) || when_cmp(ended, since) < 0)
            continue;
        if (!*latest || when_cmp(ended, time_of(*latest, "ended_at")) > 0)
            *latest = json_item(rows, i);
        count++;
    }
    return count;
}

/* The one that has been due for longest; NULL: none is. */
static const struct json *
most_late(const struct json *rows, struct when now, int64_t *late_ms)
{
    const struct json *found = NULL;

    *late_ms = 0;
    for (size_t i = 0; i < json_count(rows); i++) {
        struct when due = time_of(json_item(rows, i), "run_at");

        if (when_given(due) && between_ms(due, now) > *late_ms) {
            *late_ms = between_ms(due, now);
            found = json_item(rows, i);
        }
    }
    return found;
}

enum err
run_check_jobs(struct cli *c)
{
    struct limits l = { 5 * INT64_C(60000), 30 * INT64_C(60000) };
    const struct json *queued, *failed, *late, *latest;
    struct when now = clock_now();
    int64_t late_ms, failures, id = 0;
    struct verdict v;

    read_limits(c, &l);
    if (l.crit_ms < l.warn_ms)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--warn: is longer than --crit");
    verdict_init(c, &v);
    TRY(jobs_of(c, "queued", &queued));
    TRY(jobs_of(c, "failed", &failed));
    late = most_late(queued, now, &late_ms);
    (void)json_int(json_get(late, "id"), &id);
    if (late && late_ms >= l.warn_ms)
        judge(c, &v, late_ms >= l.crit_ms ? LEVEL_CRITICAL : LEVEL_WARNING,
              arena_printf(c->s->arena, "job %lld (%s) has waited for %lld min", (long long)id,
                           json_str(json_get(late, "kind")), (long long)(late_ms / 60000)));
    failures = count_failed(failed, when_add_ms(now, -cli_duration(c, "since", INT64_C(3600000))),
                            &latest);
    if (latest)
        judge(c, &v, LEVEL_WARNING,
              arena_printf(c->s->arena, "%lld failed, the last was %s: %s", (long long)failures,
                           json_str(json_get(latest, "kind")),
                           json_str(json_get(latest, "error")) ? json_str(json_get(latest, "error"))
                                                               : "no reason is known"));
    v.all_well = "no job is late, and none failed";
    figure(&v, "queued", (int64_t)json_count(queued), ";;;0");
    figure(&v, "failed", failures, ";0;;0");
    figure(&v, "late", late_ms / 1000,
           arena_printf(c->s->arena, ";%lld;%lld;0", (long long)(l.warn_ms / 1000),
                        (long long)(l.crit_ms / 1000)));
    return finish(c, &v);
}

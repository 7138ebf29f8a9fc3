/*
 * CAA. Records that allow us to issue name us, or name nobody at all; a critical property that is
 * unknown allows nothing; an issue-value that is read is written and read again as the same.
 */
#include "fuzz.h"

#include "proof/caa.h"

#include <string.h>
#include <strings.h>

#define US "ca.example.net"
#define ACCOUNT "https://ca.example.net/acct/1"

/* A bug of a kind that is easily made: each parameter is taken to stand there once. */
static void
planted(const struct issue_value *v)
{
#ifdef PLANT_BUG
    LIST_EACH(const struct issue_parameter, p, &v->parameters)
    {
        int times;

        (void)issue_value_get(v, p->tag, &times);
        PROMISE(times == 1);
    }
#endif
    (void)v;
}

static void
check_value(struct arena *a, const char *text)
{
    struct issue_value v, again;
    struct buf out;

    if (!issue_value_read(a, text, &v))
        return;
    planted(&v);
    buf_init_in(&out, a, 65536);
    buf_text(&out, v.issuer);
    LIST_EACH(const struct issue_parameter, p, &v.parameters)
    {
        buf_printf(&out, ";%s=%s", p->tag, p->value);
    }
    PROMISE(issue_value_read(a, out.len ? buf_str(&out) : "", &again));
    PROMISE(text_eq(v.issuer, again.issuer) && v.parameters.count == again.parameters.count);
    PROMISE(strspn(v.issuer, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(v.issuer));
    for (size_t i = 0; i < v.parameters.count; i++) {
        const struct issue_parameter *p = list_at(&v.parameters, struct issue_parameter, i),
                                     *q = list_at(&again.parameters, struct issue_parameter, i);

        PROMISE(text_eq(p->tag, q->tag) && text_eq(p->value, q->value));
    }
}

/** Is there a property of that tag, and does one name us? By other means than the judge's. */
static void
look(const struct list *all, const char *tag, bool *any, bool *us)
{
    LIST_EACH(const struct caa, c, all)
    {
        const char *value = c->value + strspn(c->value, " \t");

        if (strcmp(c->tag, tag) != 0)
            continue;
        *any = true;
        *us |= strncasecmp(value, US, strlen(US)) == 0 &&
               strchr(" \t;", value[strlen(US)]) != NULL; /* the NUL, too */
    }
}

static void
check_judgement(struct arena *a, const struct list *records, bool wildcard)
{
    struct list accounts = { 0 }, identities = { 0 }, all = { 0 };
    struct caa_question q = { wildcard, "dns-01", &accounts, &identities };
    bool any = false, us = false, wild = false, wild_us = false;

    list_add(a, &accounts, const char *, ACCOUNT);
    list_add(a, &identities, const char *, US);
    if (caa_judge(a, records, &q))
        return;
    LIST_EACH(const struct bytes, rdata, records)
    {
        struct caa *c = list_push(a, &all, struct caa);

        PROMISE(caa_read(a, *rdata, c));
        PROMISE(!c->critical || (rdata->data[1] >= 5 && rdata->data[1] <= 12));
        check_value(a, c->value);
    }
    look(&all, "issue", &any, &us);
    look(&all, "issuewild", &wild, &wild_us);
    if (wildcard && wild)
        PROMISE(wild_us);
    else
        PROMISE(us || !any);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct span p = { data, data + len };
    struct list records = { 0 };
    uint8_t first, size;
    struct bytes rdata;

    check_value(a, arena_text_n(a, (const char *)data, strnlen((const char *)data, len)));
    if (!span_byte(&p, &first))
        return 0;
    while (span_byte(&p, &size) && span_take(&p, size, &rdata))
        list_add(a, &records, struct bytes, rdata);
    if (records.count)
        check_judgement(a, &records, first & 1);
    return 0;
}

/*
 * Persist records and the TXT records that carry them. What is read names an issuer and one
 * account, proves control for these and for nobody else, and not after its time.
 */
#include "fuzz.h"

#include "proof/dns.h"
#include "proof/persist.h"

#include <string.h>

/* A bug of a kind that is easily made: time ends in 2106. */
static void
planted(const struct persist *p)
{
#ifdef PLANT_BUG
    PROMISE(!when_given(p->until) || when_s(p->until) <= UINT32_MAX);
#endif
    (void)p;
}

static void
check_judgement(struct arena *a, const struct persist *p)
{
    struct list issuers = { 0 }, accounts = { 0 }, others = { 0 }, strangers = { 0 };
    struct persist_question q = { .accounts = &accounts, .issuers = &issuers };
    const char *why = NULL;

    list_add(a, &issuers, const char *, p->issuer);
    list_add(a, &accounts, const char *, p->account);
    list_add(a, &others, const char *, arena_printf(a, "%sx", p->account));
    list_add(a, &strangers, const char *, arena_printf(a, "%sx", p->issuer));
    q.now = when_given(p->until) ? p->until : WHEN_S(0);
    PROMISE(persist_judge(p, &q, &why) && !why);
    q.wildcard = true;
    PROMISE(persist_judge(p, &q, &why) == p->wildcard);
    q.wildcard = false;
    q.now = when_add_ms(q.now, 1000);
    PROMISE(persist_judge(p, &q, &why) == !when_given(p->until));
    q.now = WHEN_S(0);
    q.accounts = &others;
    PROMISE(!persist_judge(p, &q, &why) && why);
    q.issuers = &strangers;
    why = NULL;
    PROMISE(!persist_judge(p, &q, &why) && !why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct bytes text;
    struct persist p;

    if (dns_txt_read(a, (struct bytes){ data, len }, &text))
        PROMISE(text.len < len);
    if (!persist_read(a, (struct bytes){ data, len }, &p))
        return 0;
    PROMISE(*p.issuer && p.account);
    PROMISE(strspn(p.account, " \t;") == 0 && !strchr(p.account, ';'));
    planted(&p);
    check_judgement(a, &p);
    return 0;
}

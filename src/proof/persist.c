#include "proof/persist.h"

#include "proof/caa.h"

#include <string.h>

#define RECORD_MAX 4096

bool
persist_read(struct arena *a, struct bytes text, struct persist *out)
{
    struct persist p = { .until = WHEN_NONE };
    struct issue_value v;
    const char *policy, *until;
    int accounts, policies, untils;
    int64_t seconds = 0;

    if (text.len > RECORD_MAX || memchr(text.data, 0, text.len) ||
        !issue_value_read(a, arena_text_n(a, (const char *)text.data, text.len), &v))
        return false;
    p.issuer = v.issuer;
    p.account = issue_value_get(&v, "accounturi", &accounts);
    policy = issue_value_get(&v, "policy", &policies);
    until = issue_value_get(&v, "persistuntil", &untils);
    if (!*p.issuer || accounts != 1 || policies > 1 || untils > 1)
        return false;
    if (until && (!text_to_int(until, &seconds) || seconds < 0 || seconds > INT64_C(253402300799)))
        return false;
    if (until)
        p.until = WHEN_S(seconds);
    p.wildcard = policy && text_eq_fold(policy, "wildcard");
    *out = p;
    return true;
}

bool
persist_judge(const struct persist *p, const struct persist_question *q, const char **why)
{
    if (!list_has_fold(q->issuers, p->issuer))
        return false;
    if (!list_has(q->accounts, p->account))
        *why = "accounturi names another account";
    else if (q->wildcard && !p->wildcard)
        *why = "it does not say policy=wildcard";
    else if (when_given(p->until) && when_cmp(p->until, q->now) < 0)
        *why = "its persistUntil has passed";
    else
        return true;
    return false;
}

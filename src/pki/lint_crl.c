#include "pki/lint_rules.h"

#include "pki/key.h"

#include <string.h>

static int
serial_cmp(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.data, b.data, a.len);
}

static void
check_head(struct lint_work *w, const struct crl *crl, const struct lint_crl_context *c)
{
    const struct sig_alg_info *alg = sig_alg_info(sig_alg_of_der(crl->sig_alg));

    if (!bytes_eq(crl->sig_alg, crl->inner_alg))
        lint_add(w, L_crl_algorithm, "inner and outer differ");
    if (alg->alg == SIG_NONE || alg->weak)
        lint_add(w, L_crl_algorithm, alg->name);
    if (lint_name_empty(crl->issuer) || (c->issuer.data && !bytes_eq(crl->issuer, c->issuer)))
        lint_add(w, L_crl_issuer, NULL);
    if (!crl->key_id.len || (c->key_id.data && !bytes_eq(crl->key_id, c->key_id)))
        lint_add(w, L_crl_key_id, NULL);
    if (!crl->number.data)
        lint_add(w, L_crl_number_missing, NULL);
    if (c->size_max && crl->der.len > c->size_max)
        lint_add(w, L_crl_too_large, arena_printf(w->s->arena, "%zu octets", crl->der.len));
    if (crl->is_delta != (c->base != NULL) || crl->indirect || crl->only_attributes ||
        crl->some_reasons)
        lint_add(w, L_crl_kind, NULL);
    if (crl->has_list && !crl->count)
        lint_add(w, L_crl_list_empty, NULL);
    if (crl->critical_entry_reason)
        lint_add(w, L_crl_reason_critical, NULL);
    if (crl->encoded_unspecified)
        lint_add(w, L_crl_reason_unspecified, NULL);
}

static void
check_times(struct lint_work *w, const struct crl *crl, const struct lint_crl_context *c)
{
    if (when_given(c->now) && when_cmp(crl->this_update, c->now) > 0)
        lint_add(w, L_crl_this_update, "in the future");
    if (!when_given(crl->next_update) || when_cmp(crl->next_update, crl->this_update) <= 0 ||
        (when_given(c->now) && when_cmp(crl->next_update, c->now) <= 0))
        lint_add(w, L_crl_next_update, NULL);
    if (!c->previous)
        return;
    if (when_cmp(crl->this_update, c->previous->this_update) < 0 &&
        !(when_given(c->now) && when_cmp(c->previous->this_update, c->now) > 0))
        lint_add(w, L_crl_this_update, "before the previous one");
    if (crl->number.data && c->previous->number.data &&
        serial_cmp(crl->number, c->previous->number) <= 0)
        lint_add(w, L_crl_number_not_above, NULL);
}

/* RFC 5280 section 5.2.5: the address, to the octet, of the certificates' cRLDistributionPoints. */
static void
check_scope(struct lint_work *w, const struct crl *crl, const struct lint_crl_context *c)
{
    if (!c->scope_url) {
        if (crl->has_scope)
            lint_add(w, L_crl_scope, "there should be none");
        return;
    }
    if (!crl->has_scope || !bytes_eq(crl->scope_url, bytes_of_text(c->scope_url)))
        lint_add(w, L_crl_scope, c->scope_url);
    else if (!crl->scope_critical)
        lint_add(w, L_crl_scope, "not critical");
    else if (crl->only_user && crl->only_ca)
        lint_add(w, L_crl_scope, "for nobody");
}

/* RFC 5280 sections 5.2.4 and 5.2.6. */
static void
check_delta(struct lint_work *w, const struct crl *crl, const struct lint_crl_context *c)
{
    const struct crl *base = c->base;
    const char *url = crl->is_delta ? NULL : c->freshest_url;

    if (crl->has_freshest != (url != NULL) ||
        (url && !bytes_eq(crl->freshest_url, bytes_of_text(url))))
        lint_add(w, L_crl_freshest, url);
    if (!base || !crl->is_delta)
        return;
    if (!crl->delta_critical)
        lint_add(w, L_crl_delta_base, "not critical");
    if (base->is_delta || serial_cmp(crl->base, base->number))
        lint_add(w, L_crl_delta_base, "its base is another list");
    if (serial_cmp(crl->number, base->number) < 0)
        lint_add(w, L_crl_number_not_above, "it is older than its base");
    if (when_cmp(crl->this_update, base->this_update) < 0)
        lint_add(w, L_crl_this_update, "before its base");
    if (!bytes_eq(crl->issuer, base->issuer) || !bytes_eq(crl->key_id, base->key_id) ||
        !bytes_eq(crl->scope_der, base->scope_der))
        lint_add(w, L_crl_delta_scope, NULL);
}

static int
bytes_order(const void *a, const void *b)
{
    return serial_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* The serials in ascending order, for looking them up; *SORTED receives whether they were. */
static struct list
serials_of(struct lint_work *w, const struct crl *crl, bool *sorted)
{
    struct span at = { 0 };
    struct list all = { 0 };
    struct crl_entry entry;

    *sorted = true;
    while (crl_next(crl, &at, &entry)) {
        if (all.count && serial_cmp(*list_last(&all, struct bytes), entry.serial) > 0)
            *sorted = false;
        if (entry.serial.len == 1 && !entry.serial.data[0])
            lint_add(w, L_crl_serial, NULL);
        if (entry.reason == CRL_REMOVE_FROM_CRL && !crl->is_delta)
            lint_add(w, L_crl_reason_remove, hex_upper(w->s->arena, entry.serial));
        list_add(w->s->arena, &all, struct bytes, entry.serial);
    }
    if (!*sorted)
        list_sort(&all, bytes_order);
    return all;
}

static void
check_entries(struct lint_work *w, const struct crl *crl, const struct lint_crl_context *c)
{
    struct list serials;
    struct span at = { 0 };
    struct crl_entry before;
    size_t i = 0;
    bool sorted;

    serials = serials_of(w, crl, &sorted);
    if (!sorted)
        lint_add(w, L_crl_not_sorted, NULL);
    for (size_t n = 1; n < serials.count; n++)
        if (!serial_cmp(*list_at(&serials, struct bytes, n - 1),
                        *list_at(&serials, struct bytes, n)))
            lint_add(w, L_crl_serial_twice,
                     hex_upper(w->s->arena, *list_at(&serials, struct bytes, n)));
    if (!c->previous || crl->is_delta) /* a delta is compared with its base while it is built */
        return;
    /* Both walk upwards; a previous list that is not sorted starts the search anew where it must.
     */
    while (crl_next(c->previous, &at, &before)) {
        if (i && serial_cmp(*list_at(&serials, struct bytes, i - 1), before.serial) >= 0)
            i = 0;
        while (i < serials.count &&
               serial_cmp(*list_at(&serials, struct bytes, i), before.serial) < 0)
            i++;
        if (i < serials.count && !serial_cmp(*list_at(&serials, struct bytes, i), before.serial))
            continue;
        if (!c->may_go || !c->may_go(c->context, before.serial))
            lint_add(w, L_crl_entry_gone, hex_upper(w->s->arena, before.serial));
    }
}

void
lint_crl(struct scope *s, struct bytes der, const struct lint_crl_context *context,
         struct list *findings)
{
    struct lint_work w = { .s = s, .findings = findings };
    struct crl crl;

    if (crl_read(s, der, &crl) != OK || !der_check(der)) {
        lint_add(&w, L_crl_malformed, s->error.text);
        return;
    }
    check_head(&w, &crl, context);
    check_times(&w, &crl, context);
    check_scope(&w, &crl, context);
    check_delta(&w, &crl, context);
    check_entries(&w, &crl, context);
}

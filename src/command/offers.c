/* What a caller may enroll by, and what a request says. */
#include "command/keys.h"
#include "command/template_words.h"

#include "issue/pattern.h"
#include "pki/csr.h"

/* Templates and authorities. */

static void
add_rules(struct scope *s, const struct template *t, struct list *out)
{
    struct list rules = { 0 };

    template_rules_of(s, t->body, &rules);
    LIST_EACH(struct template_rule, r, &rules)
    list_add(s->arena, out, struct settings_regex_reply,
             ((struct settings_regex_reply){
                 r->part, r->pattern,
                 r->error ? r->error
                          : arena_printf(s->arena, "%s does not match %s", r->part, r->pattern) }));
}

static void
add_authorities(struct scope *s, const struct ca_snapshot *snap, const struct template *t,
                struct list *out)
{
    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    if ((*ca)->enabled && flow_offers(*ca, t))
        list_add(s->arena, out, struct context_ca_reply,
                 ((struct context_ca_reply){
                     .name = text_empty((*ca)->host)
                                 ? (*ca)->name
                                 : arena_printf(s->arena, "%s\\%s", (*ca)->host, (*ca)->name),
                     .rfc_enforcement = t->body->san_required }));
}

static enum err
add_template(struct request *rq, const struct ca_snapshot *snap, const struct template *t,
             const struct list *patterns, struct list *out)
{
    struct scope *s = rq->scope;
    struct context_template_reply *r = list_push(s->arena, out, struct context_template_reply);
    struct template_detail_reply all;

    template_reply_of(s, t, &all);
    *r = (struct context_template_reply){ .id = t->id,
                                          .name = t->name,
                                          .display_name = t->display_name,
                                          .forest = "",
                                          .key_size = all.base.key_size,
                                          .key_type = all.base.key_type,
                                          .requires_approval = t->body->requires_approval,
                                          .rfc_enforcement = t->body->san_required,
                                          .ext_key_usages = all.base.ext_key_usages,
                                          .patterns = *patterns };
    if (all.policy->ecc_curves.count && text_eq(r->key_type, "ECC"))
        r->curve = *list_at(&all.policy->ecc_curves, const char *, 0);
    add_authorities(s, snap, t, &r->cas);
    add_rules(s, t, &r->regexes);
    return notes_show(rq, &t->body->notes, &r->metadata_fields);
}

/* The patterns of a template that the caller may use. */
static void
usable_patterns(struct request *rq, const struct templates *all, const struct template *t,
                bool make_key, struct list *out)
{
    LIST_EACH(struct pattern *, p, &all->patterns)
    if ((*p)->template_id == t->id && flow_may_use(rq->caller, t, *p, make_key))
        list_add(rq->scope->arena, out, struct context_pattern_reply,
                 ((struct context_pattern_reply){ (*p)->id, (*p)->name, (*p)->is_default }));
}

static enum err
answer_context(struct request *rq, bool make_key)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(rq->app->office);
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    struct context_reply out = { 0 };

    LIST_EACH(struct template *, t, &all->all)
    {
        struct list patterns = { 0 };

        if (!(*t)->enabled)
            continue;
        usable_patterns(rq, all, *t, make_key, &patterns);
        if (patterns.count ||
            (!pattern_default(all, (*t)->id) && flow_may_use(rq->caller, *t, NULL, make_key)))
            TRY(add_template(rq, snap, *t, &patterns, &out.templates));
    }
    return reply(rq, 200, &out);
}

enum err
enrollment_csr_context(struct request *rq)
{
    return answer_context(rq, false);
}

enum err
enrollment_pfx_context(struct request *rq)
{
    return answer_context(rq, true);
}

enum err
enrollment_settings(struct request *rq)
{
    AUTO(templates_unref) const struct templates *all = templates_ref(rq->app->shelf);
    struct enrollment_settings_reply out = { 0 };
    struct settings_policy_reply policy;
    struct template_detail_reply detail;
    const struct template *t;

    TRY(template_wanted(rq, all, &t));
    template_reply_of(rq->scope, t, &detail);
    policy = (struct settings_policy_reply){ .allow_key_reuse = detail.policy->allow_key_reuse,
                                             .allow_wildcards = detail.policy->allow_wildcards,
                                             .rfc_enforcement = detail.policy->rfc_enforcement,
                                             .rsa_sizes = detail.policy->rsa_sizes,
                                             .ecc_curves = detail.policy->ecc_curves };
    out.policy = &policy;
    out.defaults = detail.defaults;
    add_rules(rq->scope, t, &out.regexes);
    return reply(rq, 200, &out);
}

/* Requests. */

static void
line(struct scope *s, struct list *out, const char *name, const char *value)
{
    list_add(s->arena, out, const char *, arena_printf(s->arena, "%s: %s", name, value));
}

enum err
enrollment_csr_parse(struct request *rq)
{
    const struct csr_text *in = rq->body;
    struct scope *s = rq->scope;
    struct list out = { 0 };
    struct bytes der;
    struct csr csr;

    TRY(note(s, csr_decode(s, bytes_of_text(in->csr), &der), "CSR"));
    TRY(note(s, csr_read(s, der, &csr), "CSR"));
    line(s, &out, "Subject", csr.subject.text);
    line(s, &out, "Key", pubkey_label(s->arena, &csr.key));
    line(s, &out, "Signature Algorithm", sig_alg_info(csr.sig_alg)->title);
    line(s, &out, "Signature", csr_verify(s, &csr) == OK ? "good" : "does not match the key");
    scope_clear(s);
    LIST_EACH(struct general_name, n, &csr.exts.san)
    line(s, &out, arena_printf(s->arena, "SAN %s", gn_kind_name(n->kind)), n->text);
    LIST_EACH(const char *, eku, &csr.exts.eku)
    {
        const struct oid_info *info = oid_of_text(*eku);

        line(s, &out, "Extended Key Usage", info ? info->title : *eku);
    }
    reply_total(rq, (int64_t)out.count);
    return reply_list(rq, &out);
}

/* Which template, which authority, and what both have to do with the request. */
#include "flow/passage.h"

#include "access/principals.h"
#include "flow/sight.h"

/* "template X", or with the pattern where that has another name. */
static const char *
chosen(struct scope *s, const struct passage *p)
{
    if (!p->pattern || text_eq(p->pattern->name, p->tmpl->name))
        return arena_printf(s->arena, "template %s", p->tmpl->name);
    return arena_printf(s->arena, "enrollment pattern %s of template %s", p->pattern->name,
                        p->tmpl->name);
}

static bool
offers(const struct passage *p, const struct ca_authority *ca)
{
    return flow_offers(ca, p->tmpl) && pattern_offers(p->pattern, ca->id);
}

/* They may use the template, and the pattern, which narrows it from here on. */
static enum err
admit(struct scope *s, struct passage *p, const char *path)
{
    const struct enroll *in = p->in;
    struct template *narrow = arena_new_of(s->arena, struct template);

    if (caller_is_program(in->caller)) {
        p->pattern = NULL;
        return OK;
    }
    TRY(access_require(s, in->caller, in->make_key ? PERM_ENROLLMENT_PFX : PERM_ENROLLMENT_CSR,
                       GRANT_TEMPLATE, p->tmpl->id)); /* strangers may; they have no roles */
    if (!flow_role_allows(p->tmpl->body, in->caller))
        return fail_code(s, E_FORBIDDEN, CHY_TEMPLATE_FORBIDDEN, "%s may not use template %s",
                         in->caller->name, p->tmpl->name);
    if (!pattern_takes(p->pattern, in->caller))
        return fail_code(s, E_FORBIDDEN, CHY_TEMPLATE_FORBIDDEN,
                         "%s may not use enrollment pattern %s", in->caller->name,
                         p->pattern->name);
    *narrow = pattern_whole(s->arena, p->templates, p->tmpl, p->pattern);
    p->tmpl = narrow;
    if (!in->make_key && !p->tmpl->body->client_keys) {
        problem(s, path, CHY_KEY_NOT_ALLOWED, "%s takes no key that a request brings",
                chosen(s, p));
        return problems_fail(s);
    }
    return OK;
}

static enum err
choose_pattern(struct scope *s, struct passage *p)
{
    const char *path = path_or(p->in->pattern_path, "EnrollmentPatternId");

    p->pattern = pattern_by_id(p->templates, p->in->pattern_id);
    p->tmpl = p->pattern ? template_by_id(p->templates, p->pattern->template_id) : NULL;
    if (p->tmpl && p->tmpl->enabled)
        return admit(s, p, path);
    problem(s, path, CHY_NO_TEMPLATE, "there is no enrollment pattern %lld",
            (long long)p->in->pattern_id);
    return problems_fail(s);
}

enum err
passage_choose_template(struct scope *s, struct passage *p)
{
    const struct enroll *in = p->in;
    const char *path = path_or(in->template_path, "Template");

    if (in->pattern_id)
        return choose_pattern(s, p);
    if (text_empty(in->template_name) && !in->template_id) {
        problem(s, path, CHY_MISSING, "no template is named");
        return problems_fail(s);
    }
    p->tmpl = in->template_id ? template_by_id(p->templates, in->template_id)
                              : template_find(p->templates, in->template_name);
    if (!p->tmpl || !p->tmpl->enabled) {
        problem(s, path, CHY_NO_TEMPLATE, "there is no template \"%s\"",
                in->template_id ? arena_printf(s->arena, "%lld", (long long)in->template_id)
                                : in->template_name);
        return problems_fail(s);
    }
    p->pattern = pattern_default(p->templates, p->tmpl->id);
    return admit(s, p, path);
}

/* A role may be gone since the template named it. */
static enum err
usual_owner(struct scope *s, struct passage *p, int64_t id)
{
    struct role role;
    enum err e = role_get(s, p->flow->access, id, &role);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    p->owner_role = role.id;
    return OK;
}

enum err
passage_choose_owner(struct scope *s, struct passage *p)
{
    const struct template_body *body = p->tmpl->body;

    if (body->owner != OWNER_HIDDEN)
        p->owner_role = p->in->owner_role;
    if (!p->owner_role && body->owner_role)
        TRY(usual_owner(s, p, body->owner_role));
    if (body->owner == OWNER_REQUIRED && !p->owner_role && !caller_is_program(p->in->caller))
        problem(s, path_or(p->in->owner_path, "OwnerRoleId"), CHY_MISSING,
                "template %s requires a role that owns the certificate", p->tmpl->name);
    return OK;
}

enum err
passage_choose_authority(struct scope *s, struct passage *p)
{
    const char *path = path_or(p->in->authority_path, "CertificateAuthority"),
               *asked = p->in->authority;
    const struct ca_authority *offline = NULL;

    if (!text_empty(asked)) {
        p->ca = ca_find(p->authorities, asked);
        if (!p->ca) {
            problem(s, path, CHY_NO_CA, "there is no certificate authority \"%s\"", asked);
            return problems_fail(s);
        }
        if (!offers(p, p->ca)) {
            problem(s, path, CHY_NO_CA, "%s does not offer %s", p->ca->name, chosen(s, p));
            return problems_fail(s);
        }
    } else {
        LIST_EACH(struct ca_authority *, a, &p->authorities->authorities)
        {
            if (!offers(p, *a))
                continue;
            if ((*a)->enabled && (*a)->key && !p->ca)
                p->ca = *a;
            offline = *a;
        }
        p->ca = p->ca ? p->ca : offline;
        if (!p->ca) {
            problem(s, path, CHY_NO_CA, "no certificate authority offers %s", chosen(s, p));
            return problems_fail(s);
        }
    }
    return passage_check_authority(s, p);
}

enum err
passage_check_authority(struct scope *s, struct passage *p)
{
    if (!p->ca->enabled || !p->ca->key) {
        (void)fail_code(s, E_UNAVAILABLE, CHY_CA_OFFLINE, "certificate authority %s is %s",
                        p->ca->name,
                        !p->ca->enabled  ? "switched off"
                        : p->ca->revoked ? "revoked, and issues nothing before it has a new key"
                                         : "not able to sign now");
        s->error.retry_after_s = 60;
        return E_UNAVAILABLE;
    }
    p->key = p->ca->key;
    return OK;
}

void
passage_check_names(struct scope *s, struct passage *p)
{
    LIST_EACH(struct ca_key *, k, &p->authorities->keys)
    if (!name_empty(&p->plan.subject) &&
        name_equal(s->arena, &p->plan.subject, &(*k)->cert->subject)) {
        problem(s, p->in->subject ? "Subject" : "CSR.Subject", CHY_NAME_NOT_ALLOWED,
                "\"%s\" is the name of a certificate authority", p->plan.subject.text);
        return;
    }
}

enum err
passage_check_renewed(struct scope *s, struct passage *p)
{
    struct cert_row row;
    enum err e;

    if (!p->in->renews)
        return OK;
    if (p->in->within)
        return certificate_for(
            s, p->flow, &(struct sight){ p->in->caller, PERM_CERTIFICATES_READ, p->in->within },
            p->in->renews, &row);
    e = catalog_get(s, p->flow->db, p->in->renews, 0, &row);
    if (e == OK && p->in->caller->kind != CALLER_SYSTEM)
        return access_require(s, p->in->caller, PERM_CERTIFICATES_READ, GRANT_TEMPLATE,
                              row.template_id);
    if (e != E_NOT_FOUND)
        return e;
    if (p->in->caller->kind != CALLER_SYSTEM) { /* who sees some only does not learn which are */
        scope_clear(s);
        TRY(access_require(s, p->in->caller, PERM_CERTIFICATES_READ, GRANT_GLOBAL, 0));
    }
    problem(s, "RenewalCertificateId", CHY_NO_CERT, "there is no certificate %lld",
            (long long)p->in->renews);
    return problems_check(s);
}

#include "acme/csr_names.h"

#include <string.h>

#define CN_MAX 64 /* RFC 5280 appendix A.1: ub-common-name */

static enum err
bad(struct scope *s, const char *text, const char *name)
{
    return acme_fail(s, E_INVALID, "badCSR", "the request %s%s%s", text, name ? ": " : "",
                     name ? name : "");
}

static bool
is_named(const struct list *names, const char *type, const char *value)
{
    LIST_EACH(struct acme_name, n, names)
    if (text_eq(n->type, type) && text_eq_fold(n->value, value))
        return true;
    return false;
}

static bool
asks_for(const struct csr *csr, const struct acme_name *n)
{
    enum gn_kind kind = text_eq(n->type, "ip") ? GN_IP : GN_DNS;
    const char *cn = name_get(&csr->subject, "CN");

    LIST_EACH(struct general_name, san, &csr->exts.san)
    if (san->kind == kind && text_eq_fold(san->text, n->value))
        return true;
    return kind == GN_DNS && cn && text_eq_fold(cn, n->value);
}

static enum err
check_sans(struct scope *s, const struct csr *csr, const struct list *names)
{
    LIST_EACH(struct general_name, san, &csr->exts.san)
    {
        const char *type = san->kind == GN_DNS ? "dns" : san->kind == GN_IP ? "ip" : NULL;

        if (!type)
            return bad(s, "asks for a name that is neither DNS name nor address", san->text);
        if (!is_named(names, type, san->text))
            return bad(s, "asks for a name that is not in the order", san->text);
    }
    return OK;
}

/* The common name: that of the request, else the first name that is short enough. */
static const char *
common_name(const char *asked, const struct list *names)
{
    if (asked && strlen(asked) <= CN_MAX)
        return asked;
    LIST_EACH(struct acme_name, n, names)
    if (text_eq(n->type, "dns") && strlen(n->value) <= CN_MAX)
        return n->value;
    return NULL;
}

enum err
acme_csr_names(struct scope *s, const struct csr *csr, const struct list *names,
               const char **subject)
{
    const char *cn = name_get(&csr->subject, "CN");
    size_t cns = 0;

    LIST_EACH(struct name_attr, attr, &csr->subject.attrs)
    cns += text_eq(attr->type, "CN");
    if (cns > 1)
        return bad(s, "has more than one common name", NULL);
    if (cn && !is_named(names, "dns", cn) && !is_named(names, "ip", cn))
        return bad(s, "has a common name that is not in the order", cn);
    TRY(check_sans(s, csr, names));
    LIST_EACH(struct acme_name, n, names)
    if (!asks_for(csr, n))
        return bad(s, "does not ask for a name of the order", n->value);
    cn = common_name(cn ? text_fold(s->arena, cn) : NULL, names);
    *subject = cn ? arena_printf(s->arena, "CN=%s", cn) : "";
    return OK;
}

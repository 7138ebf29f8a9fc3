#include "acme/csr_names.h"

#include "issue/policy.h"
#include "pki/device_name.h"
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
is_device(const struct list *names, const struct general_name *san)
{
    LIST_EACH(struct acme_name, n, names)
    if (text_eq(n->type, device_name_type(san)) && text_eq(n->value, device_name_text(san)))
        return true;
    return false;
}

const char *
acme_serial_fault(struct arena *a, const struct acme_name *n)
{
    const char *serial = device_name_serial(a, n->value);

    if (strlen(serial) > CN_MAX)
        return arena_printf(a, "it is longer than %d octets", CN_MAX);
    if (policy_is_host(a, serial))
        return "it is a host's name or an address, which no maker's word proves";
    return name_value_fault(a, "CN", serial);
}

/* The serial number of a device as a common name; NULL: it cannot be one. */
static const char *
serial_cn(struct arena *a, const struct acme_name *n)
{
    return device_type_is(n->type) && !acme_serial_fault(a, n) ? device_name_serial(a, n->value)
                                                               : NULL;
}

static bool
is_serial(struct arena *a, const struct list *names, const char *cn)
{
    LIST_EACH(struct acme_name, n, names)
    {
        const char *serial = serial_cn(a, n);

        if (serial && text_eq(serial, cn))
            return true;
    }
    return false;
}

static bool
asks_for(const struct csr *csr, const struct acme_name *n)
{
    enum gn_kind kind = text_eq(n->type, "ip") ? GN_IP : GN_DNS;
    const char *cn = name_get(&csr->subject, "CN");

    if (device_type_is(n->type))
        return true; /* it may be left out: draft-ietf-acme-device-attest section 3.2 */
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

        if (device_name_is(san) && is_device(names, san))
            continue;
        if (!type)
            return bad(s, "asks for a name that is neither DNS name nor address", san->text);
        if (!is_named(names, type, san->text))
            return bad(s, "asks for a name that is not in the order", san->text);
    }
    return OK;
}

/* The common name: that of the request, else the first name that is short enough. */
static const char *
common_name(struct arena *a, const char *asked, const struct list *names)
{
    if (asked && strlen(asked) <= CN_MAX)
        return asked;
    LIST_EACH(struct acme_name, n, names)
    if (text_eq(n->type, "dns") && strlen(n->value) <= CN_MAX)
        return n->value;
    LIST_EACH(struct acme_name, n, names)
    {
        const char *serial = serial_cn(a, n);

        if (serial)
            return serial;
    }
    return NULL;
}

bool
acme_names_have_cn(struct arena *a, const struct list *names)
{
    LIST_EACH(struct acme_name, n, names)
    if (text_eq(n->type, "ip")) /* where the request says so */
        return true;
    return common_name(a, NULL, names) != NULL;
}

/* As a value in a subject's text (RFC 4514 section 2.4): serial numbers may hold anything. */
static const char *
escaped(struct arena *a, const char *cn)
{
    struct buf b;

    buf_init_in(&b, a, 4 * CN_MAX);
    for (const char *c = cn; *c; c++) {
        if (strchr(",+\"\\<>;=#", *c) || (*c == ' ' && (c == cn || !c[1])))
            buf_byte(&b, '\\');
        buf_byte(&b, (uint8_t)*c);
    }
    return buf_str(&b);
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
    if (cn && !is_named(names, "dns", cn) && !is_named(names, "ip", cn) &&
        !is_serial(s->arena, names, cn))
        return bad(s, "has a common name that is not in the order", cn);
    TRY(check_sans(s, csr, names));
    LIST_EACH(struct acme_name, n, names)
    if (!asks_for(csr, n))
        return bad(s, "does not ask for a name of the order", n->value);
    if (cn && !is_serial(s->arena, names, cn))
        cn = text_fold(s->arena, cn);
    cn = common_name(s->arena, cn, names);
    *subject = cn ? arena_printf(s->arena, "CN=%s", escaped(s->arena, cn)) : "";
    return OK;
}

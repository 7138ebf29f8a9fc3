/** Name: X.501 distinguished names and the general names of subjectAltName, read, written and
 * shown. */
#ifndef PKI_NAME_H
#define PKI_NAME_H

#include "base/scope.h"
#include "pki/oid.h"

#define NAME_MAX_ATTRS 64

/** One attribute of a distinguished name. */
struct name_attr {
    const char *type;  /* short name from the table ("CN", "emailAddress"), else dotted text */
    const char *value; /* UTF-8 */
    struct bytes oid;  /* contents; may be left out when building */
    uint8_t tag;       /* the string type as read; ignored when building */
    int rdn; /* which RDN, counted in DER order; attributes with equal numbers share one */
};

/** A distinguished name. */
struct name {
    struct bytes der;  /* SEQUENCE OF RDN, whole */
    struct list attrs; /* of struct name_attr, in DER order (least specific first) */
    const char *text;  /* "CN=web,OU=IT,O=Contoso,C=US": most specific first, RFC 4514 escapes; ""
                          when empty */
};

/**
 * Read a name. String types are checked; values that hold NULs or controls are refused.
 *
 * @param der  the whole SEQUENCE; OUT points into it, the rest lives in s->arena
 * @return E_INVALID: not strict DER or not a name
 * @see RFC 5280 section 4.1.2.4, RFC 4514
 */
enum err name_read(struct scope *s, struct bytes der, struct name *out);

/** Why VALUE cannot be that of the attribute with this short name ("CN"), as a clause; NULL: it
 * can. */
const char *name_value_fault(struct arena *a, const char *type, const char *value);
/** The most specific value of the attribute with this short name ("CN"), or NULL. */
const char *name_get(const struct name *n, const char *type);
/** Does the name have no attributes? */
bool name_empty(const struct name *n);

/**
 * Parse the text form of RFC 4514 (most specific first; blanks around commas, equals and plus signs
 * are let pass; semicolon as comma). Types are short names in any case or dotted text; `E` and `S`
 * stand for emailAddress and ST.
 *
 * @param attrs  receives struct name_attr in DER order; an empty text gives none
 * @return E_INVALID with the position of the mistake
 */
enum err name_parse(struct scope *s, const char *text, struct list *attrs);

/**
 * Encode attributes (DER order; rdn numbers group) by the rules of ca-core section 6:
 * PrintableString for C, serialNumber and dnQualifier, IA5String for DC and emailAddress,
 * UTF8String otherwise; upper bounds; no empty values, no blanks at the ends, no control
 * characters, no placeholders. Every problem is recorded under the path "Subject.<type>".
 */
enum err name_build(struct scope *s, const struct list *attrs, struct bytes *der);
/** Is VALUE what tools put where the attribute OID wants a real one, such as "Some-State"? */
bool subject_is_placeholder(struct bytes oid, const char *value);
/** name_parse() and name_build() in one. */
enum err name_from_text(struct scope *s, const char *text, struct bytes *der);

/** Equal by the comparison of RFC 5280 section 7.1: case and inner blanks ignored, string type of
 * no matter. */
bool name_same(struct arena *a, struct bytes der_a, struct bytes der_b);
/** The same of two names that have been read. */
bool name_equal(struct arena *a, const struct name *x, const struct name *y);

/** Kinds of general name; the numbers are the CHOICE's tags and those of the Command API. */
enum gn_kind {
    GN_OTHER = 0,
    GN_EMAIL = 1,
    GN_DNS = 2,
    GN_X400 = 3,
    GN_DIR = 4,
    GN_EDI = 5,
    GN_URI = 6,
    GN_IP = 7,
    GN_RID = 8,
    GN_UPN = 100, /* otherName with Microsoft's user principal name */
};

/** A general name. */
struct general_name {
    enum gn_kind kind;
    const char *text;    /* as people write it: the name, "192.0.2.1", a DN's text, a dotted OID;
                            other: "oid:hex" */
    struct bytes octets; /* IP: 4 or 16 octets (8 or 32 in name constraints); DIR: the name's DER;
                            OTHER: value's DER */
    struct bytes oid;    /* OTHER and UPN: the type, as contents */
};

/**
 * Read SEQUENCE OF GeneralName (the contents of subjectAltName's OCTET STRING).
 *
 * @param names  receives struct general_name, in order
 * @return E_INVALID: not strict DER, empty, text that is not IA5 or holds a NUL
 */
enum err general_names_read(struct scope *s, struct bytes der, struct list *names);
/** Read one GeneralName at P. */
enum err general_name_next(struct scope *s, struct span *p, struct general_name *out);
/** Append one GeneralName; text is enough for DNS, EMAIL, URI, UPN, RID and IP; octets win where
 * given. */
void general_name_write(struct buf *b, const struct general_name *n);
/** "DNS", "IP", "email", "URI", "UPN", "DirName", "RID", "otherName" and back (any case, usual
 * synonyms). */
const char *gn_kind_name(enum gn_kind kind);
bool gn_kind_parse(const char *text, enum gn_kind *out);
/** 4 or 16 octets from text; false when it is no address. A zone id is refused. */
bool ip_parse(struct arena *a, const char *text, struct bytes *octets);
/** The text of 4 or 16 octets, IPv6 by RFC 5952. */
char *ip_text(struct arena *a, struct bytes octets);

#endif

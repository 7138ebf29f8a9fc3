/**
 * DER: a strict reader that walks a span, and a writer that appends to a buf.
 *
 * The reader takes only the one canonical form: definite minimal lengths, tags below 31, minimal
 * INTEGERs, BOOLEAN 00 or FF, zero padding bits, times as RFC 5280 wants them. Each der_ reader
 * consumes one element and returns true, or returns false and leaves the span and its outputs
 * alone. Values point into the input; nothing is allocated.
 *
 * @see X.690 sections 8, 10 and 11
 */
#ifndef PKI_DER_H
#define PKI_DER_H

#include "base/text.h"
#include "base/when.h"

enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8 = 0x0c,
    DER_NUMERIC = 0x12,
    DER_PRINTABLE = 0x13,
    DER_TELETEX = 0x14,
    DER_IA5 = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERAL_TIME = 0x18,
    DER_VISIBLE = 0x1a,
    DER_UNIVERSAL = 0x1c, /* four octets a character */
    DER_BMP = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};
#define DER_CONTEXT(n) (0x80 | (n))     /* [n] IMPLICIT of a primitive type */
#define DER_CONSTRUCTED(n) (0xa0 | (n)) /* [n] EXPLICIT, or IMPLICIT of a SEQUENCE or SET */
#define DER_DEPTH 32                    /* der_check() refuses deeper nesting */

/** One element. */
struct der {
    uint8_t tag;
    struct bytes value; /* its contents */
    struct bytes whole; /* with tag and length */
};

/* Reading: structure. */
bool der_next(struct span *p, struct der *out);
/** The next element's tag, or 0 at the end. */
uint8_t der_tag(const struct span *p);
bool der_take(struct span *p, uint8_t tag, struct bytes *value);
/** The same, tag and length included. */
bool der_take_whole(struct span *p, uint8_t tag, struct bytes *whole);
/** Step over an element with this tag, to walk INSIDE it. */
bool der_enter(struct span *p, uint8_t tag, struct span *inside);
/** True when nothing is left. */
bool der_end(const struct span *p);
/** ALL is exactly one element with this tag; walk INSIDE it. */
bool der_only(struct bytes all, uint8_t tag, struct span *inside);
/**
 * ALL is one well-formed element through to the last leaf: every universal type has its strict
 * contents, and SETs are sorted. Contents of context-specific primitive elements are not looked
 * into.
 */
bool der_check(struct bytes all);
/** The elements in CONTENTS ascend, as SET OF wants them (X.690 section 11.6). */
bool der_set_sorted(struct bytes contents);

/* Reading: values. */
bool der_bool(struct span *p, bool *out);
bool der_int(struct span *p, int64_t *out);
/** A minimal INTEGER of any size and sign, as its contents. */
bool der_int_bytes(struct span *p, struct bytes *contents);
/** An INTEGER that is not negative, as its magnitude without leading zeros (zero is one zero byte).
 */
bool der_uint_bytes(struct span *p, struct bytes *magnitude);
bool der_enum(struct span *p, int64_t *out);
bool der_oid(struct span *p, struct bytes *contents);
bool der_null(struct span *p);
bool der_octets(struct span *p, struct bytes *out);
/** A BIT STRING; UNUSED (0 to 7) bits at the end are zero. */
bool der_bits(struct span *p, struct bytes *bits, unsigned *unused);
/** A BIT STRING of whole bytes, such as a signature. */
bool der_bit_bytes(struct span *p, struct bytes *bytes);
/** UTCTime for 1950 to 2049 or GeneralizedTime from 2050 on, with seconds and Z (RFC 5280
 * section 4.1.2.5). */
bool der_time(struct span *p, struct when *out);
/** GeneralizedTime with seconds and Z, no fraction, of any year (CRL and OCSP fields). */
bool der_general_time(struct span *p, struct when *out);
/** The rules for named bit lists: trailing zero bits removed (X.690 section 11.2.2); bit 0 of *BITS
 * is the first. */
bool der_named_bits(struct span *p, uint32_t *bits);
/** Contents checks, for implicit tags. */
bool der_int_valid(struct bytes contents);
bool der_oid_valid(struct bytes contents);
bool der_string_valid(uint8_t tag, struct bytes contents);
/**
 * The text of a string type as UTF-8 in arena A: Printable, Numeric, IA5, Visible, UTF8, BMP,
 * Universal, and Teletex read as ISO 8859-1. NULL when the contents do not fit the type or hold a
 * NUL.
 */
char *der_text(struct arena *a, uint8_t tag, struct bytes contents);

/* Writing. A value goes straight to the buf; der_begin() and der_close() put a tag and length
 * around what is between. */
size_t der_begin(struct buf *b, uint8_t tag);
void der_close(struct buf *b, size_t mark);
void der_put(struct buf *b, uint8_t tag, struct bytes value);
void der_put_raw(struct buf *b, struct bytes whole);
void der_put_bool(struct buf *b, bool value);
void der_put_int(struct buf *b, int64_t value);
/** An INTEGER from its magnitude, big-endian; leading zeros are dropped, one is added where the
 * sign needs it. */
void der_put_uint(struct buf *b, struct bytes magnitude);
void der_put_enum(struct buf *b, int64_t value);
/** TEXT in dotted form, from our own tables or checked before; a malformed one fails the buf. */
void der_put_oid(struct buf *b, const char *text);
void der_put_oid_bytes(struct buf *b, struct bytes contents);
void der_put_null(struct buf *b);
void der_put_octets(struct buf *b, struct bytes value);
/** A BIT STRING of whole bytes. */
void der_put_bits(struct buf *b, struct bytes bytes);
/** A named bit list; bit 0 of BITS is the first. */
void der_put_named_bits(struct buf *b, uint32_t bits);
/** UTCTime or GeneralizedTime by the rule of RFC 5280 section 4.1.2.5; parts of a second are
 * dropped. */
void der_put_time(struct buf *b, struct when w);
void der_put_general_time(struct buf *b, struct when w);
void der_put_text(struct buf *b, uint8_t tag, const char *text);
/** Sort the elements written since MARK (of the SET's der_begin()) as SET OF wants it, before
 * der_close(). */
void der_sort_set(struct buf *b, size_t mark);

#endif

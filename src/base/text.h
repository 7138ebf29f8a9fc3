/** Text and bytes: strings that are UTF-8 and immutable, binary data with its length, and how to
 * walk both. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"

/** Binary data; who owns it is said where it is declared. {NULL, 0} is "none". */
struct bytes {
    const uint8_t *data;
    size_t len;
};

#define BYTES(literal) ((struct bytes){ (const uint8_t *)(literal), sizeof(literal) - 1 })
struct bytes bytes_of_text(const char *text);
struct bytes bytes_copy(struct arena *a, struct bytes b);
/** B behind A, in ARENA; A itself when B is none. */
struct bytes bytes_join(struct arena *arena, struct bytes a, struct bytes b);
bool bytes_eq(struct bytes a, struct bytes b);
/** memcmp order, the shorter first when one is the beginning of the other. */
int bytes_cmp(struct bytes a, struct bytes b);
/** Compare in a time that depends on the lengths only. */
bool bytes_eq_secret(struct bytes a, struct bytes b);

/* Text. NULL equals only NULL. */
bool text_eq(const char *a, const char *b);
bool text_eq_fold(const char *a, const char *b); /* ASCII letters in any case */
bool text_starts(const char *text, const char *start);
bool text_starts_fold(const char *text, const char *start);
bool text_ends(const char *text, const char *end);
bool text_ends_fold(const char *text, const char *end);
bool text_empty(const char *text);                   /* NULL or "" */
char *text_fold(struct arena *a, const char *text);  /* ASCII lower case */
char *text_upper(struct arena *a, const char *text); /* ASCII upper case */
char *text_trim(struct arena *a, const char *text);  /* without white space at both ends */
/** Strict UTF-8 without NUL, surrogates or overlong forms (RFC 3629). */
bool text_is_utf8(const void *data, size_t len);
/** Characters from U+0000 to U+001F, U+007F to U+009F, bidirectional controls: not for names. */
bool text_has_control(const char *text);
/** Does TEXT hold characters that nobody sees, such as a zero-width space or a soft hyphen? */
bool text_has_unseen(const char *text);
/** How many octets the blank at AT has: U+0020, a tab, or one of another width; 0: there is none.
 */
size_t text_blank(const char *at);
/** Does TEXT begin or end with such a blank? */
bool text_has_blank_end(const char *text);
/** At most LEN octets of foreign data as text to show: what is not printable ASCII becomes '?'. */
char *text_shown(struct arena *a, struct bytes data, size_t len);
size_t text_code_points(const char *text);
bool text_is_ascii(const char *text);

/**
 * A whole decimal number with an optional minus sign; false when the text is anything else or does
 * not fit.
 */
bool text_to_int(const char *text, int64_t *out);

/* Encodings. A decoder returns false, and leaves its output alone, on anything but the exact form.
 */
char *hex_lower(struct arena *a, struct bytes b);
char *hex_upper(struct arena *a, struct bytes b);
bool hex_decode(struct arena *a, const char *text, struct bytes *out);
char *base64_encode(struct arena *a, struct bytes b);
char *base64_encode_lines(struct arena *a, struct bytes b, size_t width); /* '\n' after each line */
char *base64url_encode(struct arena *a, struct bytes b); /* RFC 4648 section 5, no padding */
/** RFC 4648 section 4; white space is skipped when LOOSE, padding must be right. */
bool base64_decode(struct arena *a, const char *text, size_t len, bool loose, struct bytes *out);
bool base64url_decode(struct arena *a, const char *text, size_t len, struct bytes *out);
/** Percent-decode once (RFC 3986 section 2.1); false on a bad escape or an encoded NUL. */
bool percent_decode(struct arena *a, const char *text, size_t len, bool plus_is_space, char **out);
char *percent_encode(struct arena *a, const char *text); /* all but unreserved characters */

/** A walk over bytes that never passes the end. */
struct span {
    const uint8_t *at, *end;
};
struct span span_of(struct bytes b);
size_t span_left(const struct span *p);
bool span_byte(struct span *p, uint8_t *out);
bool span_take(struct span *p, size_t len, struct bytes *out);

/** A builder of text or bytes with a limit; it remembers its first failure. */
struct buf {
    uint8_t *data;
    size_t len, cap, limit;
    bool failed;
    struct arena *arena; /* NULL: own memory, released by buf_done() */
};
void buf_init(struct buf *b, size_t limit);
void buf_init_in(struct buf *b, struct arena *a, size_t limit);
/** The same with all its room from the start, for what is known to be short. */
void buf_init_room(struct buf *b, struct arena *a, size_t limit);
void buf_done(struct buf *b);
OWNED_VALUE(struct buf, buf_done);
void buf_reset(struct buf *b);
/** About so many more octets are coming: have the room for them at once. */
void buf_expect(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_text(struct buf *b, const char *text);
void buf_byte(struct buf *b, uint8_t byte);
void buf_printf(struct buf *b, const char *format, ...) LIKE_PRINTF(2, 3);
void buf_int(struct buf *b, int64_t value); /* decimal */
/** The text so far, NUL-terminated and still the builder's; NULL when the builder failed. */
const char *buf_str(struct buf *b);
struct bytes buf_bytes(const struct buf *b);

#endif

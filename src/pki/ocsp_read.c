#include "pki/ocsp.h"

#include "pki/der.h"
#include "pki/extwalk.h"
#include "pki/hash.h"

#include <string.h>

#define EXTS_MAX 16

/* Contents of OIDs, in place: this code runs for every request, so it looks nothing up. */
static const struct {
    struct bytes oid;
    size_t size;
} hashes[OCSP_HASHES] = {
    [OCSP_SHA1] = { { (const uint8_t *)"\x2b\x0e\x03\x02\x1a", 5 }, SHA1_LEN },
    [OCSP_SHA256] = { { (const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9 }, SHA256_LEN },
    [OCSP_SHA384] = { { (const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x02\x02", 9 }, SHA384_LEN },
    [OCSP_SHA512] = { { (const uint8_t *)"\x60\x86\x48\x01\x65\x03\x04\x02\x03", 9 }, SHA512_LEN },
};
#define ID_PKIX_OCSP "\x2b\x06\x01\x05\x05\x07\x30\x01"
#define NONCE 2     /* the last arc of id-pkix-ocsp-nonce */
#define RESPONSES 4 /* id-pkix-ocsp-response */
#define LOCATOR 7   /* id-pkix-ocsp-service-locator */
#define PREFERRED 8 /* id-pkix-ocsp-pref-sig-algs */

size_t
ocsp_hash_size(enum ocsp_hash hash)
{
    return hashes[hash].size;
}

/* AlgorithmIdentifier of a hash, parameters NULL or absent. FOREIGN is set for one that is not
 * known. */
static bool
read_hash(struct span *p, enum ocsp_hash *hash, bool *foreign)
{
    struct bytes oid;
    struct der params;
    struct span in;

    if (!der_enter(p, DER_SEQUENCE, &in) || !der_oid(&in, &oid))
        return false;
    for (int i = 0; i < OCSP_HASHES; i++) {
        if (bytes_eq(oid, hashes[i].oid)) {
            *hash = (enum ocsp_hash)i;
            return der_end(&in) || (der_null(&in) && der_end(&in));
        }
    }
    *foreign = true;
    return der_end(&in) || (der_next(&in, &params) && der_end(&in) && der_check(params.whole));
}

/* A negative serial is malformed (RFC 5280 section 4.1.2.2) but may be asked about: nobody has it.
 */
static bool
read_serial(struct span *p, struct bytes *magnitude)
{
    struct bytes contents;

    if (der_uint_bytes(p, magnitude))
        return true;
    *magnitude = (struct bytes){ 0 };
    return der_int_bytes(p, &contents);
}

static bool
read_cert_id(struct span *p, struct ocsp_cert_id *id, bool *foreign)
{
    bool strange = false;
    struct span in;

    if (!der_take_whole(p, DER_SEQUENCE, &id->der) || !der_only(id->der, DER_SEQUENCE, &in) ||
        !read_hash(&in, &id->hash, &strange) || !der_octets(&in, &id->name_hash) ||
        !der_octets(&in, &id->key_hash) || !read_serial(&in, &id->serial) || !der_end(&in))
        return false;
    if (strange) {
        *foreign = true;
        return true;
    }
    return id->name_hash.len == hashes[id->hash].size && id->key_hash.len == hashes[id->hash].size;
}

/* The last arc when OID is one of id-pkix-ocsp, else 0. */
static unsigned
ocsp_arc(struct bytes oid)
{
    return oid.len == 9 && !memcmp(oid.data, ID_PKIX_OCSP, 8) ? oid.data[8] : 0;
}

/* RFC 9654 section 2.1: an OCTET STRING inside the extension's own, of 1 to 128 octets. */
static bool
read_nonce(struct bytes value, struct bytes *nonce)
{
    struct span in = span_of(value);

    return der_octets(&in, nonce) && der_end(&in) && nonce->len >= 1 &&
           nonce->len <= OCSP_NONCE_MAX;
}

/* Extensions in their explicit tag. NONCE is NULL in a single request, where none belongs. */
static bool
read_extensions(struct span *p, uint8_t tag, struct bytes *nonce, bool *foreign)
{
    struct ext seen[EXTS_MAX];
    struct span wrapped, exts;
    bool spelled; /* clients that spell `critical FALSE` out are let pass */

    if (!der_enter(p, tag, &wrapped) || !der_enter(&wrapped, DER_SEQUENCE, &exts) ||
        !der_end(&wrapped) || der_end(&exts))
        return false;
    for (size_t count = 0; !der_end(&exts); count++) {
        unsigned arc;

        if (count == EXTS_MAX || !ext_next(&exts, &seen[count], &spelled) ||
            ext_seen(seen, count, seen[count].oid))
            return false;
        arc = ocsp_arc(seen[count].oid);
        if (arc == NONCE && nonce) {
            if (!read_nonce(seen[count].value, nonce))
                return false;
        } else if (seen[count].critical && arc != RESPONSES && arc != LOCATOR && arc != PREFERRED) {
            *foreign = true;
        }
    }
    return true;
}

/* One Request at P. */
static bool
read_single(struct span *p, struct ocsp_cert_id *id, bool *foreign)
{
    struct span in;

    if (!der_enter(p, DER_SEQUENCE, &in) || !read_cert_id(&in, id, foreign))
        return false;
    return der_end(&in) ||
           (read_extensions(&in, DER_CONSTRUCTED(0), NULL, foreign) && der_end(&in));
}

/* What a walk fills; only ROOM ids are kept. */
struct walk {
    struct ocsp_cert_id *ids;
    size_t room, count;
    struct bytes nonce;
    bool is_signed, foreign;
};

static bool
read_tbs(struct span *tbs, struct walk *w)
{
    struct ocsp_cert_id spare;
    struct span in, list;
    int64_t version;
    struct der name;

    if (der_tag(tbs) == DER_CONSTRUCTED(0) &&
        (!der_enter(tbs, DER_CONSTRUCTED(0), &in) || !der_int(&in, &version) || version != 0 ||
         !der_end(&in)))
        return false;
    if (der_tag(tbs) == DER_CONSTRUCTED(1) &&
        (!der_enter(tbs, DER_CONSTRUCTED(1), &in) || !der_next(&in, &name) || !der_end(&in)))
        return false;
    if (!der_enter(tbs, DER_SEQUENCE, &list))
        return false;
    for (; !der_end(&list); w->count++)
        if (w->count == OCSP_SINGLES_MAX ||
            !read_single(&list, w->count < w->room ? &w->ids[w->count] : &spare, &w->foreign))
            return false;
    if (!der_end(tbs) && !read_extensions(tbs, DER_CONSTRUCTED(2), &w->nonce, &w->foreign))
        return false;
    return der_end(tbs) && w->count > 0;
}

/* Signature: its form, nothing more. */
static bool
read_signature(struct span *all)
{
    struct bytes alg, bits;
    struct span wrapped, in;
    unsigned unused;

    if (!der_enter(all, DER_CONSTRUCTED(0), &wrapped) || !der_enter(&wrapped, DER_SEQUENCE, &in) ||
        !der_end(&wrapped) || !der_take(&in, DER_SEQUENCE, &alg) || !der_bits(&in, &bits, &unused))
        return false;
    return der_end(&in) || (der_take(&in, DER_CONSTRUCTED(0), &bits) && der_end(&in));
}

static enum ocsp_form
walk(struct bytes der, struct walk *w)
{
    struct span all, tbs;

    if (der.len > OCSP_REQUEST_MAX || !der_only(der, DER_SEQUENCE, &all) ||
        !der_enter(&all, DER_SEQUENCE, &tbs) || !read_tbs(&tbs, w))
        return OCSP_MALFORMED;
    if (!der_end(&all)) {
        if (!read_signature(&all) || !der_end(&all))
            return OCSP_MALFORMED;
        w->is_signed = true;
    }
    if (w->foreign)
        return OCSP_FOREIGN;
    return w->count == 1 ? OCSP_ONE : OCSP_MANY;
}

/* Five SEQUENCEs, each to the end, then SHA-1 with NULL and the head of an OCTET STRING. */
#define USUAL_SERIAL 67
static const uint8_t usual_algorithm[] = { 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,    0x03,
                                           0x02, 0x1a, 0x05, 0x00, 0x04, SHA1_LEN };

/* The request that nearly all clients make, by comparing: one certificate, its issuer by SHA-1, and
 * nothing else. False for all others, right or wrong: walk() is the judge of those. */
static bool
usual(struct bytes der, struct ocsp_cert_id *id)
{
    const uint8_t *at = der.data, *name = at, *key, *serial;

    if (der.len <= USUAL_SERIAL || der.len >= 0x80)
        return false;
    for (size_t left = der.len - 2; left > der.len - 12; left -= 2, name += 2)
        if (name[0] != DER_SEQUENCE || name[1] != left)
            return false;
    if (memcmp(name, usual_algorithm, sizeof(usual_algorithm)) != 0)
        return false;
    name += sizeof(usual_algorithm);
    key = name + SHA1_LEN + 2;
    serial = key + SHA1_LEN + 2;
    if (key[-2] != DER_OCTETS || key[-1] != SHA1_LEN || serial[-2] != DER_INTEGER ||
        serial[-1] != der.len - USUAL_SERIAL || serial[0] == 0 || serial[0] >= 0x80)
        return false;
    *id = (struct ocsp_cert_id){ .hash = OCSP_SHA1,
                                 .name_hash = { name, SHA1_LEN },
                                 .key_hash = { key, SHA1_LEN },
                                 .serial = { serial, der.len - USUAL_SERIAL },
                                 .der = { at + 8, der.len - 8 } };
    return true;
}

enum ocsp_form
ocsp_request_peek(struct bytes der, struct ocsp_cert_id *id, struct bytes *nonce)
{
    struct ocsp_cert_id first = { 0 };
    struct walk w = { .ids = &first, .room = 1 };
    enum ocsp_form form = usual(der, &first) ? OCSP_ONE : walk(der, &w);

    if (form == OCSP_MALFORMED)
        return form;
    *id = first;
    if (nonce)
        *nonce = w.nonce;
    return form;
}

enum ocsp_form
ocsp_request_read(struct bytes der, struct ocsp_request *out)
{
    struct ocsp_request request = { 0 };
    struct walk w = { .ids = request.ids, .room = OCSP_SINGLES_MAX };
    enum ocsp_form form = walk(der, &w);

    if (form == OCSP_MALFORMED)
        return form;
    request.count = w.count;
    request.nonce = w.nonce;
    request.is_signed = w.is_signed;
    *out = request;
    return form;
}

/* GET paths. */

/* One above the value of each hexadecimal digit; 0 is none. */
static const uint8_t hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* The value of each character of base64, with DIGIT; 0 is none. */
#define DIGIT 64
static const uint8_t base64_values[256] = {
    ['A'] = DIGIT | 0,  ['B'] = DIGIT | 1,  ['C'] = DIGIT | 2,  ['D'] = DIGIT | 3,
    ['E'] = DIGIT | 4,  ['F'] = DIGIT | 5,  ['G'] = DIGIT | 6,  ['H'] = DIGIT | 7,
    ['I'] = DIGIT | 8,  ['J'] = DIGIT | 9,  ['K'] = DIGIT | 10, ['L'] = DIGIT | 11,
    ['M'] = DIGIT | 12, ['N'] = DIGIT | 13, ['O'] = DIGIT | 14, ['P'] = DIGIT | 15,
    ['Q'] = DIGIT | 16, ['R'] = DIGIT | 17, ['S'] = DIGIT | 18, ['T'] = DIGIT | 19,
    ['U'] = DIGIT | 20, ['V'] = DIGIT | 21, ['W'] = DIGIT | 22, ['X'] = DIGIT | 23,
    ['Y'] = DIGIT | 24, ['Z'] = DIGIT | 25, ['a'] = DIGIT | 26, ['b'] = DIGIT | 27,
    ['c'] = DIGIT | 28, ['d'] = DIGIT | 29, ['e'] = DIGIT | 30, ['f'] = DIGIT | 31,
    ['g'] = DIGIT | 32, ['h'] = DIGIT | 33, ['i'] = DIGIT | 34, ['j'] = DIGIT | 35,
    ['k'] = DIGIT | 36, ['l'] = DIGIT | 37, ['m'] = DIGIT | 38, ['n'] = DIGIT | 39,
    ['o'] = DIGIT | 40, ['p'] = DIGIT | 41, ['q'] = DIGIT | 42, ['r'] = DIGIT | 43,
    ['s'] = DIGIT | 44, ['t'] = DIGIT | 45, ['u'] = DIGIT | 46, ['v'] = DIGIT | 47,
    ['w'] = DIGIT | 48, ['x'] = DIGIT | 49, ['y'] = DIGIT | 50, ['z'] = DIGIT | 51,
    ['0'] = DIGIT | 52, ['1'] = DIGIT | 53, ['2'] = DIGIT | 54, ['3'] = DIGIT | 55,
    ['4'] = DIGIT | 56, ['5'] = DIGIT | 57, ['6'] = DIGIT | 58, ['7'] = DIGIT | 59,
    ['8'] = DIGIT | 60, ['9'] = DIGIT | 61, ['+'] = DIGIT | 62, ['/'] = DIGIT | 63,
};

/* The next character of PATH with its percent-encoding undone; false at the end or on a bad escape.
 */
static inline bool
path_char(const char *path, size_t len, size_t *at, char *out)
{
    unsigned high, low;

    if (*at >= len)
        return false;
    *out = path[*at];
    if (*out != '%') {
        ++*at;
        return true;
    }
    if (len - *at < 3)
        return false;
    high = hex_values[(uint8_t)path[*at + 1]];
    low = hex_values[(uint8_t)path[*at + 2]];
    if (!high || !low)
        return false;
    *out = (char)((high - 1) << 4 | (low - 1));
    *at += 3;
    return true;
}

/* What a path says. */
struct path_text {
    size_t digits; /* base64 characters before the padding */
    bool slash;    /* the last of them is a slash without padding behind it */
    uint8_t *out;
    size_t cap, len;
};

/* One more digit; full groups of four become octets. */
static bool
path_digit(struct path_text *t, uint32_t *bits, uint32_t value)
{
    *bits = *bits << 6 | value;
    if (++t->digits % 4)
        return true;
    if (t->cap - t->len < 3)
        return false;
    t->out[t->len++] = (uint8_t)(*bits >> 16);
    t->out[t->len++] = (uint8_t)(*bits >> 8);
    t->out[t->len++] = (uint8_t)*bits;
    return true;
}

/* Three octets of the four digits at IN; false when one of them is none. */
static inline bool
group(const uint8_t in[4], uint8_t *out)
{
    static const uint32_t marks = DIGIT << 12 ^ DIGIT << 6 ^ DIGIT;
    uint32_t a = base64_values[in[0]], b = base64_values[in[1]], c = base64_values[in[2]],
             d = base64_values[in[3]];

    if (!(a & b & c & d & DIGIT))
        return false;
    a = a << 18 ^ b << 12 ^ c << 6 ^ d ^ marks;
    out[0] = (uint8_t)(a >> 16);
    out[1] = (uint8_t)(a >> 8);
    out[2] = (uint8_t)a;
    return true;
}

/* Groups of four digits, at most MOST of them: as long as they stand there as they are, which most
 * do, or else one that is escaped in part. How many characters of PATH that was; LAST is what the
 * last of them says. */
static size_t
path_groups(struct path_text *t, const char *path, size_t len, size_t most, char *last)
{
    const uint8_t *in = (const uint8_t *)path, *end;
    uint8_t *out = t->out + t->len, four[4];
    size_t used = 0;

    most = MIN(most, (t->cap - t->len) / 3);
    end = in + MIN(len / 4, most) * 4;
    while (in < end && group(in, out)) {
        in += 4;
        out += 3;
    }
    used = (size_t)(in - (const uint8_t *)path);
    if (used)
        *last = path[used - 1];
    if (!used && most > 0) {
        for (size_t i = 0; i < sizeof(four); i++)
            if (!path_char(path, len, &used, (char *)&four[i]))
                return 0;
        if (!group(four, out))
            return 0;
        *last = (char)four[3];
        out += 3;
    }
    t->digits += (size_t)(out - t->out - t->len) / 3 * 4;
    t->len = (size_t)(out - t->out);
    return used;
}

/* The group of two or three digits at the end; what is over must be zero bits. */
static bool
path_end(struct path_text *t, uint32_t bits)
{
    size_t over = t->digits % 4;

    if (over == 1 || t->digits / 4 * 3 + 2 > t->cap)
        return false;
    if (over == 0)
        return true;
    bits <<= over == 2 ? 12 : 6;
    t->out[t->len++] = (uint8_t)(bits >> 16);
    if (over == 3)
        t->out[t->len++] = (uint8_t)(bits >> 8);
    return (bits & (over == 2 ? 0xffff : 0xff)) == 0;
}

/* Decode at most MOST digits; false unless that and padding is all there is. */
static bool
path_read(const char *path, size_t len, size_t most, struct path_text *t)
{
    size_t at = 0, pads = 0, behind = 0;
    uint32_t bits = 0;
    char c = 0;

    t->digits = t->len = 0;
    while (at < len && t->digits < most) {
        unsigned value;

        if (t->digits % 4 == 0 && !pads) {
            size_t run = path_groups(t, path + at, len - at, (most - t->digits) / 4, &c);

            at += run;
            if (run)
                continue;
        }
        if (!path_char(path, len, &at, &c))
            return false;
        value = base64_values[(uint8_t)c];
        if (value && !pads) {
            if (!path_digit(t, &bits, value ^ DIGIT))
                return false;
        } else if (c == '=') {
            pads++;
        } else if (c == '/') {
            behind++;
        } else {
            return false;
        }
    }
    t->slash = !pads && c == '/';
    return pads <= 2 && behind <= 1 && path_end(t, bits);
}

bool
ocsp_path_decode(const char *path, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
    struct path_text t = { .out = out, .cap = cap };
    struct span in;
    bool good;

    for (; len && *path == '/'; path++, len--)
        ; /* a request never begins with one: its first octet is 30 */
    good = path_read(path, len, SIZE_MAX, &t);
    if (t.digits == 0)
        return false;
    /* The last slash may have been put there by somebody who tidied the path. */
    if (t.slash && !(good && der_only((struct bytes){ out, t.len }, DER_SEQUENCE, &in)))
        good = path_read(path, len, t.digits - 1, &t);
    if (good)
        *out_len = t.len;
    return good;
}

/* The format "tpm": a TPM 2.0 certifies one of its keys by its attestation key. */
#include "proof/attest_in.h"

#include "pki/der.h"
#include "pki/device_name.h"
#include <string.h>

/* TPM 2.0 Library, part 2: Structures. */
enum {
    TPM_MAGIC = 0xff544347,
    TPM_ST_ATTEST_CERTIFY = 0x8017,
    TPM_RSA = 0x0001,
    TPM_ECC = 0x0023,
    TPM_NULL = 0x0010,
    TPM_SHA256 = 0x000b,
    TPM_SHA384 = 0x000c,
    TPM_SHA512 = 0x000d,
    TPM_RSASSA = 0x0014,
    TPM_RSAES = 0x0015,
    TPM_RSAPSS = 0x0016,
    TPM_ECDSA = 0x0018,
    TPM_ECDAA = 0x001a,
    CLOCK_LEN = 17, /* TPMS_CLOCK_INFO */
    FIRMWARE_LEN = 8,
    RSA_MOST = 1024, /* octets of a modulus */
    EC_MOST = 66,
};
/* TPMA_OBJECT: it cannot leave the TPM, nor its parent, and was made there. */
#define FIXED_TPM 0x00000002u
#define FIXED_PARENT 0x00000010u
#define ORIGIN 0x00000020u

static bool
number(struct span *p, size_t octets, uint32_t *out)
{
    struct bytes b;
    uint32_t n = 0;

    if (!span_take(p, octets, &b))
        return false;
    for (size_t i = 0; i < octets; i++)
        n = n << 8 | b.data[i];
    *out = n;
    return true;
}

/* TPM2B_...: octets behind their length. */
static bool
sized(struct span *p, struct bytes *out)
{
    struct span walk = *p;
    uint32_t len;

    if (!number(&walk, 2, &len) || !span_take(&walk, len, out))
        return false;
    *p = walk;
    return true;
}

static bool
is_number(struct span *p, size_t octets, uint32_t wanted)
{
    uint32_t n;

    return number(p, octets, &n) && n == wanted;
}

/* What a TPM calls a digest. */
static const struct digest {
    uint32_t tpm;
    enum sig_alg by_rsa; /* that hashes so */
    enum sig_alg by_pss, by_ec;
} digests[] = {
    { TPM_SHA256, SIG_RSA_SHA256, SIG_PSS_SHA256, SIG_ECDSA_SHA256 },
    { TPM_SHA384, SIG_RSA_SHA384, SIG_PSS_SHA384, SIG_ECDSA_SHA384 },
    { TPM_SHA512, SIG_RSA_SHA512, SIG_PSS_SHA512, SIG_ECDSA_SHA512 },
};

static const struct digest *
digest_of(uint32_t tpm)
{
    for (size_t i = 0; i < COUNT(digests); i++)
        if (digests[i].tpm == tpm)
            return &digests[i];
    return NULL;
}

/* The key: TPMT_PUBLIC. */

struct public
{
    uint32_t type, name_alg, attributes, exponent, curve;
    struct bytes n, x, y;
};

/* TPMT_SYM_DEF_OBJECT. */
static bool
skip_symmetric(struct span *p)
{
    uint32_t alg, rest;

    return number(p, 2, &alg) && (alg == TPM_NULL || number(p, 4, &rest));
}

/* TPMT_RSA_SCHEME, TPMT_ECC_SCHEME, TPMT_KDF_SCHEME: an algorithm, and what it hashes with. */
static bool
skip_scheme(struct span *p)
{
    uint32_t alg, rest;

    if (!number(p, 2, &alg))
        return false;
    return alg == TPM_NULL || alg == TPM_RSAES || number(p, alg == TPM_ECDAA ? 4 : 2, &rest);
}

static bool
read_public(struct bytes area, struct public *out)
{
    struct span p = span_of(area);
    struct bytes policy;
    uint32_t bits;

    if (!number(&p, 2, &out->type) || !number(&p, 2, &out->name_alg) ||
        !number(&p, 4, &out->attributes) || !sized(&p, &policy) || !skip_symmetric(&p) ||
        !skip_scheme(&p))
        return false;
    if (out->type == TPM_RSA)
        return number(&p, 2, &bits) && number(&p, 4, &out->exponent) && sized(&p, &out->n) &&
               out->n.len <= RSA_MOST && !span_left(&p);
    return out->type == TPM_ECC && number(&p, 2, &out->curve) && skip_scheme(&p) &&
           sized(&p, &out->x) && sized(&p, &out->y) && !span_left(&p);
}

static void
write_rsa(struct arena *a, struct buf *b, const struct public *k)
{
    uint32_t e = k->exponent ? k->exponent : 65537;
    uint8_t exponent[] = { (uint8_t)(e >> 24), (uint8_t)(e >> 16), (uint8_t)(e >> 8), (uint8_t)e };
    struct buf key;
    size_t mark;

    mark = der_begin(b, DER_SEQUENCE);
    der_put_oid(b, OID_RSA);
    der_put_null(b);
    der_close(b, mark);
    buf_init_in(&key, a, (size_t)2 * RSA_MOST);
    mark = der_begin(&key, DER_SEQUENCE);
    der_put_uint(&key, k->n);
    der_put_uint(&key, (struct bytes){ exponent, sizeof(exponent) });
    der_close(&key, mark);
    der_put_bits(b, buf_bytes(&key));
}

/* TPM_ECC_NIST_P256 and so on. */
static const struct {
    uint32_t tpm;
    const char *oid;
    size_t len;
} curves[] = { { 3, OID_P256, 32 }, { 4, OID_P384, 48 }, { 5, OID_P521, 66 } };

static bool
write_ec(struct buf *b, const struct public *k)
{
    uint8_t point[1 + 2 * EC_MOST] = { 4 };
    size_t i = 0, mark;

    while (i < COUNT(curves) && curves[i].tpm != k->curve)
        i++;
    if (i == COUNT(curves) || k->x.len > curves[i].len || k->y.len > curves[i].len || !k->x.len ||
        !k->y.len)
        return false;
    memcpy(point + 1 + curves[i].len - k->x.len, k->x.data, k->x.len);
    memcpy(point + 1 + 2 * curves[i].len - k->y.len, k->y.data, k->y.len);
    mark = der_begin(b, DER_SEQUENCE);
    der_put_oid(b, OID_EC);
    der_put_oid(b, curves[i].oid);
    der_close(b, mark);
    der_put_bits(b, (struct bytes){ point, 1 + 2 * curves[i].len });
    return true;
}

static enum err
key_of(struct scope *s, const struct public *k, struct pubkey *out)
{
    EVP_PKEY *whole;
    struct buf b;
    size_t mark;

    buf_init_in(&b, s->arena, (size_t)4 * RSA_MOST);
    mark = der_begin(&b, DER_SEQUENCE);
    if (k->type == TPM_RSA)
        write_rsa(s->arena, &b, k);
    else if (!write_ec(&b, k))
        return attest_wrong(s, "pubArea is on a curve that is not taken");
    der_close(&b, mark);
    if (b.failed)
        return attest_wrong(s, "pubArea is too large");
    TRY(note(s, pubkey_read(s, buf_bytes(&b), out), "pubArea"));
    return note(s, pubkey_import(s, out, &whole), "pubArea"); /* the point is on the curve */
}

/* What is said of it: TPMS_ATTEST. */

struct info {
    struct bytes extra, name;
};

static bool
read_info(struct bytes der, struct info *out)
{
    struct span p = span_of(der);
    struct bytes skipped;

    return is_number(&p, 4, TPM_MAGIC) && is_number(&p, 2, TPM_ST_ATTEST_CERTIFY) &&
           sized(&p, &skipped) && sized(&p, &out->extra) &&
           span_take(&p, CLOCK_LEN + FIRMWARE_LEN, &skipped) && sized(&p, &out->name) &&
           sized(&p, &skipped) && !span_left(&p);
}

/* The name of a key: its digest's algorithm, and the digest of its public area (part 1, section
 * 16). */
static bool
is_name_of(struct bytes name, const struct public *k, struct bytes area)
{
    const struct digest *d = digest_of(k->name_alg);
    uint8_t digest[SHA512_LEN];
    struct span p = span_of(name);
    struct bytes rest;
    size_t len;

    if (!d || !is_number(&p, 2, k->name_alg))
        return false;
    len = sig_alg_digest(sig_alg_info(d->by_rsa), area, digest);
    return span_take(&p, span_left(&p), &rest) && bytes_eq(rest, (struct bytes){ digest, len });
}

static enum err
check_extra(struct scope *s, const struct attest_work *w, enum sig_alg alg, struct bytes extra)
{
    uint8_t digest[SHA512_LEN];
    size_t len = sig_alg_digest(sig_alg_info(alg), bytes_of_text(w->q->key_authorization), digest);

    return len && bytes_eq(extra, (struct bytes){ digest, len })
               ? OK
               : attest_wrong(s, "extraData of certInfo is not the digest of the key "
                                 "authorization");
}

/* Its signature: TPMT_SIGNATURE, or as X.509 has it. */

static bool
ecdsa_of(struct scope *s, struct span *p, struct bytes *out)
{
    struct bytes r, t;
    struct buf b;
    size_t mark;

    if (!sized(p, &r) || !sized(p, &t) || span_left(p) || r.len > EC_MOST || t.len > EC_MOST ||
        !r.len || !t.len)
        return false;
    buf_init_in(&b, s->arena, (size_t)4 * EC_MOST);
    mark = der_begin(&b, DER_SEQUENCE);
    der_put_uint(&b, r);
    der_put_uint(&b, t);
    der_close(&b, mark);
    *out = buf_bytes(&b);
    return true;
}

/* False: it is none of a TPM's own form, by this algorithm. */
static bool
tpm_signature(struct scope *s, struct bytes sig, enum sig_alg alg, struct bytes *out)
{
    struct span p = span_of(sig);
    const struct digest *d;
    uint32_t scheme, hash;

    if (!number(&p, 2, &scheme) || !number(&p, 2, &hash))
        return false;
    d = digest_of(hash);
    if (!d)
        return false;
    if (scheme == TPM_ECDSA && alg == d->by_ec)
        return ecdsa_of(s, &p, out);
    return ((scheme == TPM_RSASSA && alg == d->by_rsa) ||
            (scheme == TPM_RSAPSS && alg == d->by_pss)) &&
           sized(&p, out) && !span_left(&p);
}

/* Its certificate: WebAuthn section 8.3.1. */

static bool
says_which_tpm(struct scope *s, const struct cert *c)
{
    static const char *const needed[] = { OID_TPM_MANUFACTURER, OID_TPM_MODEL, OID_TPM_VERSION };
    bool all[COUNT(needed)] = { 0 };
    struct name dir;

    LIST_EACH(struct general_name, n, &c->exts.san)
    {
        if (n->kind != GN_DIR || name_read(s, n->octets, &dir) != OK)
            continue;
        LIST_EACH(struct name_attr, attr, &dir.attrs)
        for (size_t i = 0; i < COUNT(needed); i++)
            all[i] = all[i] || oid_is(attr->oid, needed[i]);
    }
    return all[0] && all[1] && all[2];
}

static enum err
check_certificate(struct scope *s, const struct cert *c)
{
    bool aik = false;

    LIST_EACH(const char *, eku, &c->exts.eku)
    aik = aik || text_eq(*eku, OID_EKU_TPM_AIK);
    if (c->version != 3 || !name_empty(&c->subject))
        return attest_wrong(s, "x5c[0]: a TPM's attestation key has a certificate of version 3 "
                               "with an empty subject");
    if (!aik)
        return attest_wrong(s,
                            "x5c[0] is not for a TPM's attestation key (extended key usage "
                            "%s)",
                            OID_EKU_TPM_AIK);
    return says_which_tpm(s, c) ? OK
                                : attest_wrong(s, "x5c[0] does not say manufacturer, model and "
                                                  "version of the TPM");
}

static void
add_names(struct scope *s, struct attest_work *w)
{
    LIST_EACH(struct general_name, n, &w->leaf.exts.san)
    if (device_name_is(n))
        attest_name(s, w, device_name_type(n), bytes_of_text(device_name_text(n)));
}

static enum err
check_key(struct scope *s, const struct public *k)
{
    uint32_t needed = FIXED_TPM | FIXED_PARENT | ORIGIN;

    return (k->attributes & needed) == needed
               ? OK
               : attest_wrong(s, "pubArea: the key was not made in the TPM, or may leave it");
}

enum err
attest_tpm(struct scope *s, struct attest_work *w)
{
    const struct cbor_value *version = cbor_of_kind(w->statement, "ver", CBOR_TEXT);
    struct bytes sig, area, certified;
    struct public key = { 0 };
    struct info info;
    enum sig_alg alg;

    if (!version || !text_eq(version->text, "2.0"))
        return attest_wrong(s, "attStmt has no \"ver\" of 2.0");
    TRY(attest_alg(s, w, &alg));
    TRY(attest_bytes(s, w, "sig", &sig));
    TRY(attest_bytes(s, w, "pubArea", &area));
    TRY(attest_bytes(s, w, "certInfo", &certified));
    TRY(check_certificate(s, &w->leaf));
    if (!read_public(area, &key))
        return attest_wrong(s, "pubArea is no TPMT_PUBLIC of an RSA or ECC key");
    if (!read_info(certified, &info))
        return attest_wrong(s, "certInfo is no TPMS_ATTEST that certifies a key");
    TRY(check_extra(s, w, alg, info.extra));
    if (!is_name_of(info.name, &key, area))
        return attest_wrong(s, "certInfo certifies another key than pubArea");
    TRY(check_key(s, &key));
    (void)tpm_signature(s, sig, alg, &sig);
    if (pubkey_verify(s, &w->leaf.key, alg, certified, sig) != OK)
        return attest_wrong(s, "\"sig\" is no signature of certInfo by the key of x5c[0]");
    TRY(key_of(s, &key, &w->out->key));
    add_names(s, w);
    return OK;
}

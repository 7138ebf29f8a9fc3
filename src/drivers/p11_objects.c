#include "drivers/p11_objects.h"

#include "base/random.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/oid.h"

#include <string.h>

#define VALUE_MAX 4096
#define OBJECTS_MAX 64
#define SECRET_ID 16 /* of a random CKA_ID */

static CK_ATTRIBUTE
attribute(CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    union {
        const void *in;
        void *out;
    } plain = { .in = value }; /* Cryptoki knows no const */

    return (CK_ATTRIBUTE){ type, plain.out, len };
}

/* The handles of all objects like WANTED, as many as fit. */
static CK_RV
find(const struct p11_session *se, CK_ATTRIBUTE *wanted, CK_ULONG count, CK_OBJECT_HANDLE *out,
     CK_ULONG max, CK_ULONG *found)
{
    CK_RV rv = se->fn->C_FindObjectsInit(se->handle, wanted, count);
    CK_ULONG got = 1;

    *found = 0;
    if (rv != CKR_OK)
        return rv;
    while (rv == CKR_OK && got && *found < max) {
        got = 0;
        rv = se->fn->C_FindObjects(se->handle, out + *found, max - *found, &got);
        *found += got;
    }
    (void)se->fn->C_FindObjectsFinal(se->handle);
    return rv;
}

static CK_RV
find_named(const struct p11_session *se, CK_OBJECT_CLASS class, const struct p11_name *name,
           CK_OBJECT_HANDLE *out, CK_ULONG *found)
{
    CK_ATTRIBUTE wanted[3] = { attribute(CKA_CLASS, &class, sizeof(class)) };
    CK_ULONG count = 1;

    if (name->label)
        wanted[count++] = attribute(CKA_LABEL, name->label, strlen(name->label));
    if (name->id.len)
        wanted[count++] = attribute(CKA_ID, name->id.data, name->id.len);
    return find(se, wanted, count, out, OBJECTS_MAX, found);
}

/* Reading. */

/* False: the object has no such attribute, or keeps it to itself. */
static bool
read_value(struct scope *s, const struct p11_session *se, CK_OBJECT_HANDLE object,
           CK_ATTRIBUTE_TYPE type, struct bytes *out)
{
    uint8_t *data = arena_alloc(s->arena, VALUE_MAX);
    CK_ATTRIBUTE a = { type, data, VALUE_MAX };

    if (se->fn->C_GetAttributeValue(se->handle, object, &a, 1) != CKR_OK ||
        a.ulValueLen == CK_UNAVAILABLE_INFORMATION || a.ulValueLen == 0)
        return false;
    *out = (struct bytes){ data, a.ulValueLen };
    return true;
}

static int
by_id(const void *a, const void *b)
{
    return bytes_cmp(((const struct p11_key *)a)->id, ((const struct p11_key *)b)->id);
}

static CK_RV
find_keys(struct scope *s, const struct p11_session *se, CK_OBJECT_CLASS class,
          const struct p11_name *name, struct list *out)
{
    CK_OBJECT_HANDLE have[OBJECTS_MAX];
    CK_ULONG count;
    CK_RV rv = find_named(se, class, name, have, &count);

    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        struct p11_key *key = list_push(s->arena, out, struct p11_key);

        key->handle = have[i];
        (void)read_value(s, se, have[i], CKA_ID, &key->id);
    }
    list_sort(out, by_id);
    return rv;
}

CK_RV
p11_find_secrets(struct scope *s, const struct p11_session *se, struct p11_task *task,
                 const struct p11_name *name, struct list *out)
{
    CK_RV rv = find_keys(s, se, CKO_SECRET_KEY, name, out);

    if (rv == CKR_OK && !out->count)
        return p11_say(task, E_NOT_FOUND, "it holds no such secret key");
    return rv;
}

const char *
p11_ids(struct scope *s, const struct list *keys)
{
    struct buf b;

    buf_init_in(&b, s->arena, VALUE_MAX);
    LIST_EACH(const struct p11_key, key, keys)
    {
        buf_printf(&b, "%sid=", key == (const struct p11_key *)keys->items ? "" : ", ");
        for (size_t i = 0; i < key->id.len; i++)
            buf_printf(&b, "%%%02X", key->id.data[i]);
    }
    return b.failed ? "too many to list" : buf_str(&b);
}

CK_RV
p11_find_private(const struct p11_session *se, struct p11_task *task, const struct p11_name *name,
                 CK_OBJECT_HANDLE *out)
{
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    struct list keys = { 0 };
    CK_RV rv = find_keys(s, se, CKO_PRIVATE_KEY, name, &keys);

    if (rv != CKR_OK)
        return rv;
    if (keys.count == 0)
        return p11_say(task, E_NOT_FOUND, "it holds no such private key");
    if (keys.count > 1)
        return p11_say(task, E_INVALID, "it holds %zu private keys of that name: add the id, %s",
                       keys.count, p11_ids(s, &keys));
    *out = list_at(&keys, struct p11_key, 0)->handle;
    return CKR_OK;
}

static void
put_key(struct buf *b, const char *oid, struct bytes parameters, struct bytes key)
{
    size_t seq = der_begin(b, DER_SEQUENCE), alg = der_begin(b, DER_SEQUENCE);

    der_put_oid(b, oid);
    der_put_raw(b, parameters);
    der_close(b, alg);
    der_put_bits(b, key);
    der_close(b, seq);
}

static bool
rsa_public(struct scope *s, const struct p11_session *se, CK_OBJECT_HANDLE object,
           struct bytes *spki)
{
    struct bytes n, e;
    struct buf key, b;
    size_t seq;

    if (!read_value(s, se, object, CKA_MODULUS, &n) ||
        !read_value(s, se, object, CKA_PUBLIC_EXPONENT, &e))
        return false;
    buf_init_in(&key, s->arena, VALUE_MAX);
    seq = der_begin(&key, DER_SEQUENCE);
    der_put_uint(&key, n);
    der_put_uint(&key, e);
    der_close(&key, seq);
    buf_init_in(&b, s->arena, VALUE_MAX);
    put_key(&b, OID_RSA, BYTES("\x05\x00"), buf_bytes(&key));
    *spki = buf_bytes(&b);
    return !b.failed && !key.failed;
}

/* CKA_EC_POINT is an OCTET STRING with the point inside; some modules leave its wrapping away. */
static bool
point_public(struct scope *s, const struct p11_session *se, CK_OBJECT_HANDLE object, bool edwards,
             struct bytes *spki)
{
    struct bytes parameters = { 0 }, point, inside;
    struct span p;
    struct buf b;

    if (!read_value(s, se, object, CKA_EC_POINT, &point) ||
        (!edwards && !read_value(s, se, object, CKA_EC_PARAMS, &parameters)))
        return false;
    p = span_of(point);
    if (der_octets(&p, &inside) && der_end(&p) && point.len != 32)
        point = inside;
    buf_init_in(&b, s->arena, VALUE_MAX);
    put_key(&b, edwards ? OID_ED25519 : OID_EC, parameters, point);
    *spki = buf_bytes(&b);
    return !b.failed;
}

static bool
public_of(struct scope *s, const struct p11_session *se, CK_OBJECT_HANDLE object, CK_KEY_TYPE type,
          struct bytes *spki)
{
    switch (type) {
    case CKK_RSA:
        return rsa_public(s, se, object, spki);
    case CKK_EC:
        return point_public(s, se, object, false, spki);
    case CKK_EC_EDWARDS:
        return point_public(s, se, object, true, spki);
    default:
        return false;
    }
}

static bool
certificate_public(struct scope *s, const struct p11_session *se, CK_OBJECT_HANDLE object,
                   struct bytes *spki)
{
    struct cert cert;
    struct bytes der;

    if (!read_value(s, se, object, CKA_VALUE, &der) || cert_read(s, der, &cert) != OK) {
        scope_clear(s);
        return false;
    }
    *spki = cert.key.spki;
    return true;
}

CK_RV
p11_read_public(struct scope *s, const struct p11_session *se, struct p11_task *task,
                CK_OBJECT_HANDLE private_key, struct bytes *spki)
{
    static const CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_CERTIFICATE };
    CK_KEY_TYPE type = 0;
    CK_ATTRIBUTE ask = { CKA_KEY_TYPE, &type, sizeof(type) };
    CK_OBJECT_HANDLE have[OBJECTS_MAX];
    struct p11_name name = { 0 };
    CK_RV rv = se->fn->C_GetAttributeValue(se->handle, private_key, &ask, 1);

    if (rv != CKR_OK)
        return rv;
    if (type != CKK_RSA && type != CKK_EC && type != CKK_EC_EDWARDS)
        return p11_say(task, E_UNSUPPORTED, "a key of type 0x%lx is none that signs for us", type);
    if (read_value(s, se, private_key, CKA_ID, &name.id)) {
        for (size_t i = 0; i < COUNT(classes); i++) {
            CK_ULONG count;

            rv = find_named(se, classes[i], &name, have, &count);
            if (rv != CKR_OK)
                return rv;
            for (CK_ULONG k = 0; k < count; k++)
                if (classes[i] == CKO_PUBLIC_KEY ? public_of(s, se, have[k], type, spki)
                                                 : certificate_public(s, se, have[k], spki))
                    return CKR_OK;
        }
    }
    if (public_of(s, se, private_key, type, spki))
        return CKR_OK;
    return p11_say(task, E_UNAVAILABLE, "it does not tell the key's public half");
}

/* Making. */

/* The parameters of a kind of key: CKA_EC_PARAMS, as an OID in DER. */
static bool
parameters_of(struct key_spec spec, struct bytes *out)
{
    if (spec.type == KEY_ED25519)
        *out = BYTES("\x06\x03\x2b\x65\x70");
    else if (spec.type == KEY_EC && spec.bits == 256)
        *out = BYTES("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07");
    else if (spec.type == KEY_EC && spec.bits == 384)
        *out = BYTES("\x06\x05\x2b\x81\x04\x00\x22");
    else if (spec.type == KEY_EC && spec.bits == 521)
        *out = BYTES("\x06\x05\x2b\x81\x04\x00\x23");
    else
        *out = (struct bytes){ 0 };
    return out->len || (spec.type == KEY_RSA && spec.bits >= 2048 && spec.bits <= 8192);
}

static CK_MECHANISM_TYPE
generation_of(struct key_spec spec)
{
    return spec.type == KEY_RSA  ? CKM_RSA_PKCS_KEY_PAIR_GEN
           : spec.type == KEY_EC ? CKM_EC_KEY_PAIR_GEN
                                 : CKM_EC_EDWARDS_KEY_PAIR_GEN;
}

static CK_RV
generate_pair(const struct p11_session *se, const struct p11_name *name, struct key_spec spec,
              CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_MECHANISM mechanism = { generation_of(spec), NULL, 0 };
    CK_ULONG bits = (CK_ULONG)spec.bits;
    struct bytes parameters;
    CK_ATTRIBUTE public_half[10] = {
        attribute(CKA_TOKEN, &yes, sizeof(yes)),        attribute(CKA_VERIFY, &yes, sizeof(yes)),
        attribute(CKA_ENCRYPT, &no, sizeof(no)),        attribute(CKA_WRAP, &no, sizeof(no)),
        attribute(CKA_ID, name->id.data, name->id.len),
    };
    CK_ATTRIBUTE private_half[12] = {
        attribute(CKA_TOKEN, &yes, sizeof(yes)),     attribute(CKA_PRIVATE, &yes, sizeof(yes)),
        attribute(CKA_SENSITIVE, &yes, sizeof(yes)), attribute(CKA_EXTRACTABLE, &no, sizeof(no)),
        attribute(CKA_SIGN, &yes, sizeof(yes)),      attribute(CKA_DECRYPT, &no, sizeof(no)),
        attribute(CKA_UNWRAP, &no, sizeof(no)),      attribute(CKA_ID, name->id.data, name->id.len),
    };
    CK_ULONG of_public = 5, of_private = 8;

    (void)parameters_of(spec, &parameters);
    if (spec.type == KEY_RSA) {
        public_half[of_public++] = attribute(CKA_MODULUS_BITS, &bits, sizeof(bits));
        public_half[of_public++] = attribute(CKA_PUBLIC_EXPONENT, "\x01\x00\x01", 3);
    } else {
        public_half[of_public++] = attribute(CKA_EC_PARAMS, parameters.data, parameters.len);
    }
    if (name->label) {
        public_half[of_public++] = attribute(CKA_LABEL, name->label, strlen(name->label));
        private_half[of_private++] = attribute(CKA_LABEL, name->label, strlen(name->label));
    }
    return se->fn->C_GenerateKeyPair(se->handle, &mechanism, public_half, of_public, private_half,
                                     of_private, public_key, private_key);
}

/* A key that nobody gave an id gets the one that others look for; a token that lets nobody change
 * it keeps the random one. */
static void
settle_id(const struct p11_session *se, struct p11_task *task, CK_OBJECT_HANDLE public_key,
          CK_OBJECT_HANDLE private_key)
{
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    uint8_t id[SHA1_LEN];
    CK_ATTRIBUTE change = attribute(CKA_ID, id, sizeof(id));
    struct pubkey key;
    struct bytes spki = { 0 };

    if (p11_read_public(s, se, task, private_key, &spki) != CKR_OK ||
        pubkey_read(s, spki, &key) != OK)
        return;
    pubkey_id(&key, id);
    if (se->fn->C_SetAttributeValue(se->handle, public_key, &change, 1) == CKR_OK)
        (void)se->fn->C_SetAttributeValue(se->handle, private_key, &change, 1);
}

/* Only a session that may write makes objects. */
static CK_RV
open_writing(const struct p11_session *se, struct p11_session *out)
{
    *out = *se;
    return se->fn->C_OpenSession(se->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                 &out->handle);
}

CK_RV
p11_generate(const struct p11_session *se, struct p11_task *task, const struct p11_name *name,
             struct key_spec spec)
{
    CK_OBJECT_HANDLE have[OBJECTS_MAX], public_key, private_key;
    struct p11_name named = *name;
    struct p11_session writing;
    uint8_t id[SHA1_LEN];
    struct bytes ignored;
    CK_ULONG count;
    CK_RV rv;

    if (!parameters_of(spec, &ignored))
        return p11_say(task, E_INVALID,
                       "no such kind of key: EC P-256, P-384 or P-521, "
                       "RSA of 2048 to 8192 bits, Ed25519");
    rv = find_named(se, CKO_PRIVATE_KEY, name, have, &count);
    if (rv != CKR_OK)
        return rv;
    if (count)
        return p11_say(task, E_CONFLICT, "it holds a private key of that name already");
    if (!named.id.len) {
        random_bytes(id, sizeof(id));
        named.id = (struct bytes){ id, sizeof(id) };
    }
    rv = open_writing(se, &writing);
    if (rv != CKR_OK)
        return rv;
    rv = generate_pair(&writing, &named, spec, &public_key, &private_key);
    if (rv == CKR_OK && !name->id.len)
        settle_id(&writing, task, public_key, private_key);
    (void)se->fn->C_CloseSession(writing.handle);
    if (rv == CKR_MECHANISM_INVALID)
        return p11_say(task, E_UNSUPPORTED, "it makes no keys of this kind");
    return rv;
}

CK_RV
p11_generate_secret(const struct p11_session *se, struct p11_task *task,
                    const struct p11_name *name)
{
    static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
    CK_ULONG len = 32;
    CK_ATTRIBUTE is[14] = {
        attribute(CKA_TOKEN, &yes, sizeof(yes)),     attribute(CKA_PRIVATE, &yes, sizeof(yes)),
        attribute(CKA_SENSITIVE, &yes, sizeof(yes)), attribute(CKA_EXTRACTABLE, &no, sizeof(no)),
        attribute(CKA_ENCRYPT, &yes, sizeof(yes)),   attribute(CKA_DECRYPT, &yes, sizeof(yes)),
        attribute(CKA_WRAP, &no, sizeof(no)),        attribute(CKA_UNWRAP, &no, sizeof(no)),
        attribute(CKA_SIGN, &no, sizeof(no)),        attribute(CKA_VERIFY, &no, sizeof(no)),
        attribute(CKA_VALUE_LEN, &len, sizeof(len)),
    };
    uint8_t id[SECRET_ID];
    CK_ULONG count = 11;
    CK_OBJECT_HANDLE made;
    struct p11_session writing;
    CK_RV rv;

    random_bytes(id, sizeof(id));
    is[count++] = name->id.len ? attribute(CKA_ID, name->id.data, name->id.len)
                               : attribute(CKA_ID, id, sizeof(id));
    if (name->label)
        is[count++] = attribute(CKA_LABEL, name->label, strlen(name->label));
    rv = open_writing(se, &writing);
    if (rv != CKR_OK)
        return rv;
    rv = se->fn->C_GenerateKey(writing.handle, &mechanism, is, count, &made);
    (void)se->fn->C_CloseSession(writing.handle);
    if (rv == CKR_MECHANISM_INVALID)
        return p11_say(task, E_UNSUPPORTED, "it makes no AES keys");
    return rv;
}

/* The keys of the private one's name first, then what else has its id: never the other way. */
CK_RV
p11_destroy(const struct p11_session *se, struct p11_task *task, const struct p11_name *name)
{
    static const CK_OBJECT_CLASS classes[] = { CKO_PUBLIC_KEY, CKO_CERTIFICATE };
    AUTO(scope_free) struct scope *s = scope_new("hsm");
    CK_OBJECT_HANDLE private_key = 0, have[OBJECTS_MAX];
    struct p11_session writing;
    struct p11_name by_id = { 0 };
    CK_ULONG count;
    CK_RV rv = p11_find_private(se, task, name, &private_key);

    if (rv != CKR_OK)
        return rv;
    (void)read_value(s, se, private_key, CKA_ID, &by_id.id);
    rv = open_writing(se, &writing);
    if (rv != CKR_OK)
        return rv;
    rv = se->fn->C_DestroyObject(writing.handle, private_key);
    for (size_t i = 0; rv == CKR_OK && by_id.id.len && i < COUNT(classes); i++)
        if (find_named(&writing, classes[i], &by_id, have, &count) == CKR_OK)
            for (CK_ULONG k = 0; k < count; k++)
                (void)se->fn->C_DestroyObject(writing.handle, have[k]);
    (void)se->fn->C_CloseSession(writing.handle);
    return rv;
}

/** PKCS#11 objects: the keys on a token, found, read, made and destroyed in a session. */
#ifndef DRIVERS_P11_OBJECTS_H
#define DRIVERS_P11_OBJECTS_H

#include "drivers/p11_token.h"
#include "pki/key.h"

/** How a key is named on its token; both may be given, one must. */
struct p11_name {
    const char *label;
    struct bytes id;
};

/** A key on a token; its CKA_ID, or none. */
struct p11_key {
    CK_OBJECT_HANDLE handle;
    struct bytes id;
};

/** The one private key of this name. TASK receives E_NOT_FOUND, or E_INVALID for several. */
CK_RV p11_find_private(const struct p11_session *se, struct p11_task *task,
                       const struct p11_name *name, CK_OBJECT_HANDLE *out);
/**
 * Its public half, by whatever the token tells: the public key object, a certificate, the private
 * key's own attributes.
 *
 * @param spki  receives a SubjectPublicKeyInfo in DER, in s->arena
 */
CK_RV p11_read_public(struct scope *s, const struct p11_session *se, struct p11_task *task,
                      CK_OBJECT_HANDLE private_key, struct bytes *spki);
/** Make a key pair that never leaves the token. Its CKA_ID is that of NAME, or the SHA-1 of its
 * public key. TASK receives E_CONFLICT when the name is in use, E_UNSUPPORTED. */
CK_RV p11_generate(const struct p11_session *se, struct p11_task *task, const struct p11_name *name,
                   struct key_spec spec);
/** All secret keys of this name, the smallest id first: of struct p11_key, in s->arena. Two that
 * look for a key at once and find none make one each. TASK receives E_NOT_FOUND. */
CK_RV p11_find_secrets(struct scope *s, const struct p11_session *se, struct p11_task *task,
                       const struct p11_name *name, struct list *out);
/** The ids of KEYS, of struct p11_key, as a URI names them (RFC 7512): `id=%0A, id=%0B`. */
const char *p11_ids(struct scope *s, const struct list *keys);
/** Make an AES-256 key that never leaves the token and encrypts and decrypts there. Its CKA_ID is
 * that of NAME, or random. TASK receives E_UNSUPPORTED. */
CK_RV p11_generate_secret(const struct p11_session *se, struct p11_task *task,
                          const struct p11_name *name);
/** Destroy the key pair and what stands beside it under the same CKA_ID. */
CK_RV p11_destroy(const struct p11_session *se, struct p11_task *task, const struct p11_name *name);

#endif

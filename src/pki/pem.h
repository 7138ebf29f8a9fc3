/** PEM: textual encodings of certificates, requests and keys. */
#ifndef PKI_PEM_H
#define PKI_PEM_H

#include "base/scope.h"

#define PEM_MAX_LEN (4 * 1024 * 1024)
#define PEM_CERT "CERTIFICATE"
#define PEM_CSR "CERTIFICATE REQUEST"
#define PEM_CRL "X509 CRL"
#define PEM_PKCS7 "PKCS7"

struct pem_block {
    const char *label;
    struct bytes data;
};

/**
 * Read all blocks. Text outside of them is let pass; inside, base64 must be right and the labels
 * must match. Blocks with headers (old encrypted keys) are refused: key_from_pem() reads those.
 *
 * @param blocks  receives struct pem_block; none is E_INVALID
 * @see RFC 7468 section 2
 */
enum err pem_read(struct scope *s, struct bytes text, struct list *blocks);
/** The DER of all CERTIFICATE blocks (of struct bytes), in order; DER of one certificate is taken
 * too. */
enum err pem_read_certs(struct scope *s, struct bytes text, struct list *certs);
/** One block, lines of 64 characters ending in '\n'. */
void pem_add(struct buf *b, const char *label, struct bytes der);
char *pem_text(struct arena *a, const char *label, struct bytes der);

#endif

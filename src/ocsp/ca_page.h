/**
 * CA page: the certificates of all authorities in use, for those who shall trust them: a page for
 * people, and files for machines.
 */
#ifndef OCSP_CA_PAGE_H
#define OCSP_CA_PAGE_H

#include "ca/office.h"

struct ca_file {
    const char *type; /* its media type */
    struct bytes body;
};

/** The NAME of ca_file_make() that a path of HTTP asks for; NULL when it is none of its own. */
const char *ca_file_name(const char *path);
/**
 * What is at /ca/NAME: "" the page, "roots.pem" all roots, "all.p7c" everything, and
 * "SHA-256.cer" one certificate. In s->arena.
 *
 * @return E_NOT_FOUND: nothing of that name
 */
enum err ca_file_make(struct scope *s, const struct ca_snapshot *snap, const char *name,
                      struct ca_file *out);

#endif

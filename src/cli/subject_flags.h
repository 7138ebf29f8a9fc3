/** Subject-flags: what several commands take to say for whom a certificate is, as rows of their
 * lists of flags. */
#ifndef CLI_SUBJECT_FLAGS_H
#define CLI_SUBJECT_FLAGS_H

#include "cli/run.h"

/* clang-format off */
#define NAME_FLAGS                                                                                 \
    { "dns", 'd', FLAG_NAMES, "NAME", "DNS names; repeat, or with commas", NULL, NULL, NULL },     \
    { "ip", 0, FLAG_NAMES, "ADDR", "addresses", NULL, NULL, NULL },                                \
    { "email", 'e', FLAG_NAMES, "ADDR", "mail addresses", NULL, NULL, NULL },                      \
    { "upn", 'u', FLAG_NAMES, "NAME", "user principal names", NULL, NULL, NULL },                  \
    { "uri", 0, FLAG_TEXTS, "URI", "URIs", NULL, NULL, NULL }
#define SUBJECT_FLAGS                                                                              \
    { "subject", 0, FLAG_TEXT, "DN", "the subject; default CN= and the first name", NULL, NULL,    \
      NULL },                                                                                      \
    { "cn", 0, FLAG_TEXT, "NAME", "its common name", NULL, NULL, NULL }
#define SUBJECT_KEY_FLAG                                                                           \
    { "key-type", 0, FLAG_KEY, "ALG", "ec:p256, ec:p384, ec:p521, rsa:2048...8192, ed25519", NULL, \
      NULL, NULL }
#define EKU_FLAG                                                                                   \
    { "eku", 0, FLAG_NAMES, "OID", "what it is for: an OID, serverAuth, clientAuth, ...", NULL,    \
      NULL, NULL }
/* clang-format on */

#endif

/** What a file holds that a command is about to write over: by its contents, whatever its name. */
#ifndef CLI_HELD_H
#define CLI_HELD_H

#include "base/secret.h"

/** From what anybody makes again to what nobody gets back. */
enum held {
    HELD_NOTHING,  /* no file, an empty one, or none of the regular ones */
    HELD_OTHER,    /* text, certificates, lists, requests: no private key */
    HELD_BUNDLE,   /* a support bundle */
    HELD_BOTH,     /* a private key with certificates, in PEM */
    HELD_STORE,    /* the same as PKCS#12, JKS or ZIP, which all commands write encrypted */
    HELD_KEY,      /* a private key alone */
    HELD_UNKNOWN,  /* what no command wrote: a database, a DER key, random bytes; or unreadable */
    HELD_INSTALLED /* of a server's installation */
};

/** What the regular file at PATH holds. */
enum held held_by(const char *path);
/** The first bytes of a regular file; NULL: it cannot be read, or is empty. */
struct secret *held_head(const char *path);

#endif

/** Acme-recipes: the commands or settings by which ACME clients get their certificates here. */
#ifndef CLI_ACME_RECIPES_H
#define CLI_ACME_RECIPES_H

#include "base/list.h"
#include "base/text.h"

/** How names are proved. */
enum way { BY_HTTP, BY_DNS, BY_TLS };

/** What stands in the text; all of it is plain enough to mean nothing else there. */
struct recipe {
    struct buf *out;
    const char *directory, *root, *email, *webroot; /* webroot: NULL: the client listens itself */
    struct list domains;                            /* of const char *, one at least */
    enum way way;
    bool bound; /* accounts must be bound by a key */
};

struct acme_client {
    const char *name;
    void (*tell)(const struct recipe *w);
    unsigned ways; /* bits of enum way */
    bool shell;    /* commands, so the secret comes by the environment */
};
extern const struct acme_client acme_clients[];
extern const size_t acme_client_count;

#endif

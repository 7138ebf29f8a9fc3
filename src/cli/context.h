/** Context: servers and identities that are kept in config.yaml. For the files of this folder. */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include "base/scope.h"

/** One of them; texts are NULL when they are not there. */
struct context {
    const char *name;
    const char *server;    /* https://... */
    const char *ca_file;   /* PEM */
    const char *user;      /* whom the token is for */
    const char *token;     /* env:NAME, file:PATH, or the token itself */
    const char *auth;      /* a word for people: token, basic */
    const char *output;    /* the default of -o */
    const char *client_id; /* of OAuth2; kept, not used yet */
};

struct contexts {
    const char *path;    /* the file */
    const char *current; /* or NULL */
    struct list all;     /* of struct context */
    const char *tmpl, *color;
};

/**
 * Read the file; none is no contexts.
 *
 * @return E_INVALID for a malformed file, with line and column; E_FORBIDDEN when it holds a token
 * and others may read it
 */
enum err contexts_load(struct scope *s, struct contexts *out);
/** Write it, mode 0600. */
enum err contexts_save(struct scope *s, const struct contexts *all);
/** The context of this name, or NULL. */
struct context *context_find(const struct contexts *all, const char *name);
/** The same; made when it is not there. */
struct context *context_make(struct scope *s, struct contexts *all, const char *name);

#endif

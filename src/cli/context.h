/** Context: servers and identities that are kept in config.yaml. For the files of this folder. */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include "base/scope.h"

/** One of them; texts are NULL when they are not there. */
struct context {
    const char *name;
    const char *server;   /* https://... */
    const char *ca_file;  /* PEM */
    const char *user;     /* whom the token is for */
    const char *token;    /* env:NAME, file:PATH, or the token itself */
    const char *auth;     /* a word for people: token, basic, oidc */
    const char *output;   /* the default of -o */
    const char *password; /* of USER, when there is no token: as that */
    /* of an OAuth2 client, when there is no token: who it is, its secret (as the token), where it
     * gets tokens, and what for */
    const char *client_id, *client_secret, *token_url, *scopes, *audience;
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
/** Let go of its token, password and client secret, in the keyring too. */
void context_forget(struct context *x);
/** Whether TEXT, a token or its like, is the secret itself, and no reference to where it is. */
bool context_is_plain(const char *text);
/** The context of this name, or NULL. */
struct context *context_find(const struct contexts *all, const char *name);
/** The same; made when it is not there. */
struct context *context_make(struct scope *s, struct contexts *all, const char *name);

#endif

/** Redirect: where an http-01 validation may be led. Pure; a stranger writes what it reads. */
#ifndef PROOF_REDIRECT_H
#define PROOF_REDIRECT_H

#include "base/scope.h"

#define REDIRECT_PATH_MAX 2000

/** What a place must be like. */
struct place_rules {
    int http_port, https_port;
    bool to_address; /* the host may be an IP address */
};

/** Somewhere to ask. All text lives in the scope's arena. */
struct place {
    const char *url;  /* without fragment; for people and for loops */
    const char *host; /* lower case; an IPv6 address without brackets */
    bool tls, is_address;
    int port;
};

/** The URL of a place: without the port where it is the scheme's own; PATH begins with a slash. */
const char *place_url(struct arena *a, bool tls, const char *host, int port, const char *path);

/**
 * Where LOCATION leads, seen from the URL BASE.
 *
 * @return NULL, or why it is not followed, as a clause: "it names the port 22"
 */
const char *redirect_read(struct scope *s, const struct place_rules *rules, const char *base,
                          const char *location, struct place *out);

#endif

/** Session: which server is talked to, and as whom. For the files of this folder. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/context.h"
#include "cli/run.h"

struct session {
    const char *url;         /* without a slash at its end */
    const char *host;        /* for people */
    const char *command_api; /* "/KeyfactorAPI" */
    const char *ca_path;     /* or NULL */
    const char *user;
    struct secret *password, *token;
    struct peer *peer;
    struct contexts contexts;
    struct context *context;    /* whose server it is; or NULL */
    const struct json *profile; /* of another client's file, when the server is from there */
};

/** The server and the credentials; E_UNAUTHENTICATED when there is no server or nobody to be. */
enum err session_of(struct cli *c, bool nobody, struct session **out);
/** The contexts alone. */
enum err session_contexts(struct cli *c, struct contexts *out);
/** Whether URL and OTHER are the same server. */
bool same_server(const char *url, const char *other);

/** See, before anybody is asked for a secret, that the keyring can keep it. */
enum err keyring_ready(struct cli *c);

/* habits.c */

/** A variable of the environment; NULL when it is unset, empty or not UTF-8. */
const char *variable(const char *name);
/** KEYFACTOR_NAME, or what the profile says for it. */
const char *habit(struct cli *c, const struct session *n, const char *name);
/** Where the other client's file is, or NULL; read it: its servers, by name. */
const char *habit_path(struct cli *c);
enum err habit_servers(struct cli *c, const char *path, const struct json **servers);
/** Read the profile of --context kf:NAME, or the usual one. */
enum err habit_profile(struct cli *c, struct session *n);

/* trust.c */

/** A sentence about the certificate that the server shows and WHY says is not trusted; NULL when it
 * cannot be seen. FIX receives what to do. */
const char *untrusted_certificate(struct cli *c, const struct session *n, const char *why,
                                  const char **fix);
/** The certificate that the server of URL (https://...) shows, DER, whoever issued it. */
enum err shown_certificate(struct cli *c, const char *url, struct bytes *der);
/** The same with what the server shows beside it: of struct bytes. */
enum err shown_chain(struct cli *c, const char *url, struct list *certs);

/* answer.c */

/** Turn a reply from 400 on into a failure, by what its body says. */
enum err refuse(struct cli *c, const struct ask *ask, const struct reply *reply);

/* trace.c */

/** Print the call as a curl command on stderr. */
void show_call(const struct cli *c, const struct ask *ask, const char *url);
/** -v: the request, then the answer; -vv: their bodies. */
void trace_request(const struct cli *c, const struct ask *ask, const char *url);
void trace_reply(const struct cli *c, const struct reply *reply, int64_t ms);

#endif

/**
 * PKCS#11 token: a few threads, each with a session of its own, that work for whoever asks. A
 * module that hangs holds up those threads alone: who asks waits until the deadline and no longer.
 * A token that went is looked for anew with every question, at most once a second. Any thread.
 */
#ifndef DRIVERS_P11_TOKEN_H
#define DRIVERS_P11_TOKEN_H

#include "drivers/p11_module.h"
#include "drivers/p11_uri.h"

#include <pthread.h>

struct p11_token;
struct seal;

/** How a token is opened; texts are copied. */
struct p11_options {
    const char *module; /* path of the library */
    const char *pin;    /* a reference (seal/reference.h); NULL: the token wants none */
    struct seal *seal;  /* for `seal:` references; outlives the token */
    int sessions;       /* threads with a session each; 0: 4 */
    int64_t timeout_ms; /* the longest wait for an answer; 0: 10 seconds */
};

/** A session of a logged-in user; for the time of one task. */
struct p11_session {
    CK_FUNCTION_LIST_PTR fn;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE handle;
    uint64_t epoch; /* handles of objects hold as long as it stays the same */
};

/** Something to do on a token: the first member of a struct made by mem_alloc(). */
struct p11_task {
    /** Do it, on a thread of the token; may run twice, when the session was lost. Another answer
     * than CKR_OK with task->kind OK is an outage of the token. */
    CK_RV (*run)(const struct p11_session *se, struct p11_task *task);
    void (*release)(struct p11_task *task); /* frees it, from whichever thread is the last */
    enum err kind;                          /* why it failed, when RUN knows: E_NOT_FOUND ... */
    char why[256];
    CK_RV rv;
    int holders; /* the token's own; as the rest */
    bool done;
    pthread_cond_t finished; /* whoever asked waits for this task alone */
    struct p11_task *next;
};

/** The token that URI names, shared by all its keys; nothing is asked of it yet. Errors as those
 * of p11_module_open(). */
enum err p11_token_open(struct scope *s, const struct p11_options *o, const struct p11_uri *uri,
                        struct p11_token **out);
/** NULL is allowed. Threads that a module does not let go of are left behind. */
void p11_token_close(struct p11_token *t);

/**
 * Have TASK done and wait for it, at most until the scope's deadline or the token's time. The
 * caller reads its results and ends it with p11_task_end(), also after a failure.
 *
 * @return the task's own kind; E_UNAVAILABLE (CHY_SIGNER_FAILED): token, PIN or module fail, or do
 * not answer in time; E_LIMIT: too many wait already
 */
enum err p11_token_do(struct scope *s, struct p11_token *t, struct p11_task *task);
void p11_task_end(struct p11_token *t, struct p11_task *task);
/** Say why a task failed. Returns CKR_FUNCTION_FAILED, for `return p11_say(...)`. */
CK_RV p11_say(struct p11_task *task, enum err kind, const char *format, ...) LIKE_PRINTF(3, 4);

#endif

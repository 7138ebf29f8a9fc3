#include "drivers/p11_module.h"

#include "base/fault.h"
#include "base/wait.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#define QUIET_S 5 /* how long a new initialisation waits for those inside */

struct p11_module {
    struct p11_module *next;
    char *path;
    void *library;
    CK_FUNCTION_LIST_PTR fn;
    int users;             /* under the registry's lock */
    pthread_mutex_t lock;  /* of the rest */
    pthread_cond_t change; /* of inside and changing */
    bool ready, changing;
    int inside, waiting; /* WAITING want to initialise it anew: nobody else comes in */
    uint64_t epoch;
    pid_t process; /* that initialised it: a child must not use what its parent made */
};

static struct {
    pthread_mutex_t lock;
    struct p11_module *first;
} loaded = { .lock = PTHREAD_MUTEX_INITIALIZER };

static enum err
not_usable(struct scope *s, const struct p11_module *m, enum err kind, const char *why)
{
    enum err e = fail_place(s, kind, m->path, "the PKCS#11 module %s %s", m->path, why);

    s->error.code = CHY_SIGNER_FAILED;
    return e;
}

static enum err
load(struct scope *s, struct p11_module *m)
{
    CK_C_GetFunctionList get;
    void *symbol;

    m->library = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
    if (!m->library)
        return not_usable(s, m, E_NOT_FOUND,
                          arena_printf(s->arena, "cannot be loaded: %s", dlerror()));
    symbol = dlsym(m->library, "C_GetFunctionList");
    if (!symbol)
        return not_usable(s, m, E_INVALID, "is none");
    memcpy(&get, &symbol, sizeof(get)); /* POSIX: an object pointer that is a function's */
    if (get(&m->fn) != CKR_OK || !m->fn || m->fn->version.major < 2)
        return not_usable(s, m, E_INVALID, "offers no functions of version 2");
    return OK;
}

static void
destroy(struct p11_module *m)
{
    if (m->ready && m->process == getpid())
        (void)m->fn->C_Finalize(NULL);
    if (m->library)
        (void)dlclose(m->library);
    (void)pthread_mutex_destroy(&m->lock);
    (void)pthread_cond_destroy(&m->change);
    mem_free(m->path);
    mem_free(m);
}

static enum err
open_locked(struct scope *s, const char *path, struct p11_module **out)
{
    struct p11_module *m = loaded.first;
    enum err e;

    while (m && !text_eq(m->path, path))
        m = m->next;
    if (!m) {
        m = mem_alloc(sizeof(*m));
        m->path = mem_text(path);
        (void)pthread_mutex_init(&m->lock, NULL);
        wait_init(&m->change);
        e = load(s, m);
        if (e != OK) {
            destroy(m);
            return e;
        }
        m->next = loaded.first;
        loaded.first = m;
    }
    m->users++;
    *out = m;
    return OK;
}

enum err
p11_module_open(struct scope *s, const char *path, struct p11_module **out)
{
    enum err e;

    (void)pthread_mutex_lock(&loaded.lock);
    e = open_locked(s, path, out);
    (void)pthread_mutex_unlock(&loaded.lock);
    return e;
}

void
p11_module_close(struct p11_module *m)
{
    struct p11_module **at = &loaded.first;

    if (!m)
        return;
    (void)pthread_mutex_lock(&loaded.lock);
    if (--m->users == 0) {
        while (*at != m)
            at = &(*at)->next;
        *at = m->next;
        destroy(m);
    }
    (void)pthread_mutex_unlock(&loaded.lock);
}

const char *
p11_module_path(const struct p11_module *m)
{
    return m->path;
}

CK_FUNCTION_LIST_PTR
p11_functions(const struct p11_module *m)
{
    return m->fn;
}

/* The lock is held and nobody is inside. */
static CK_RV
initialise(struct p11_module *m)
{
    CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
    CK_RV rv;

    m->changing = true;
    (void)pthread_mutex_unlock(&m->lock); /* it may take long, or for ever */
    if (m->ready && m->process == getpid())
        (void)m->fn->C_Finalize(NULL);
    rv = m->fn->C_Initialize(&args);
    (void)pthread_mutex_lock(&m->lock);
    m->ready = rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
    m->process = getpid();
    m->epoch++;
    m->changing = false;
    (void)pthread_cond_broadcast(&m->change);
    return m->ready ? CKR_OK : rv;
}

CK_RV
p11_enter(struct p11_module *m, uint64_t *epoch)
{
    CK_RV rv = CKR_OK;

    (void)pthread_mutex_lock(&m->lock);
    while (m->changing || m->waiting)
        (void)pthread_cond_wait(&m->change, &m->lock);
    if (!m->ready || m->process != getpid())
        rv = initialise(m);
    if (rv == CKR_OK) {
        m->inside++;
        *epoch = m->epoch;
    }
    (void)pthread_mutex_unlock(&m->lock);
    return rv;
}

void
p11_leave(struct p11_module *m)
{
    (void)pthread_mutex_lock(&m->lock);
    m->inside--;
    (void)pthread_cond_broadcast(&m->change);
    (void)pthread_mutex_unlock(&m->lock);
}

CK_RV
p11_restart(struct p11_module *m, uint64_t epoch)
{
    int64_t until = clock_mono_ms() + QUIET_S * SECOND_MS;
    CK_RV rv = CKR_OK;

    (void)pthread_mutex_lock(&m->lock);
    m->waiting++;
    while (rv == CKR_OK && m->epoch == epoch && (m->changing || m->inside))
        if (!wait_until(&m->change, &m->lock, until))
            rv = CKR_CANT_LOCK;
    if (rv == CKR_OK && m->epoch == epoch)
        rv = initialise(m);
    m->waiting--;
    (void)pthread_cond_broadcast(&m->change);
    (void)pthread_mutex_unlock(&m->lock);
    return rv;
}

const char *
p11_rv_name(CK_RV rv)
{
#define NAME(rv_)  \
    {              \
        rv_, #rv_, \
    }
    static const struct {
        CK_RV rv;
        const char *name;
    } names[] = {
        NAME(CKR_OK),
        NAME(CKR_ARGUMENTS_BAD),
        NAME(CKR_ATTRIBUTE_TYPE_INVALID),
        NAME(CKR_ATTRIBUTE_VALUE_INVALID),
        NAME(CKR_CANT_LOCK),
        NAME(CKR_CRYPTOKI_NOT_INITIALIZED),
        NAME(CKR_DATA_LEN_RANGE),
        NAME(CKR_DEVICE_ERROR),
        NAME(CKR_DEVICE_MEMORY),
        NAME(CKR_DEVICE_REMOVED),
        NAME(CKR_FUNCTION_FAILED),
        NAME(CKR_FUNCTION_NOT_SUPPORTED),
        NAME(CKR_GENERAL_ERROR),
        NAME(CKR_HOST_MEMORY),
        NAME(CKR_KEY_FUNCTION_NOT_PERMITTED),
        NAME(CKR_KEY_HANDLE_INVALID),
        NAME(CKR_KEY_TYPE_INCONSISTENT),
        NAME(CKR_MECHANISM_INVALID),
        NAME(CKR_MECHANISM_PARAM_INVALID),
        NAME(CKR_OBJECT_HANDLE_INVALID),
        NAME(CKR_OPERATION_ACTIVE),
        NAME(CKR_PIN_EXPIRED),
        NAME(CKR_PIN_INCORRECT),
        NAME(CKR_PIN_LEN_RANGE),
        NAME(CKR_PIN_LOCKED),
        NAME(CKR_SESSION_CLOSED),
        NAME(CKR_SESSION_COUNT),
        NAME(CKR_SESSION_HANDLE_INVALID),
        NAME(CKR_SLOT_ID_INVALID),
        NAME(CKR_TEMPLATE_INCOMPLETE),
        NAME(CKR_TEMPLATE_INCONSISTENT),
        NAME(CKR_TOKEN_NOT_PRESENT),
        NAME(CKR_TOKEN_NOT_RECOGNIZED),
        NAME(CKR_TOKEN_WRITE_PROTECTED),
        NAME(CKR_USER_NOT_LOGGED_IN),
        NAME(CKR_USER_PIN_NOT_INITIALIZED),
        NAME(CKR_USER_TYPE_INVALID),
    };
#undef NAME

    for (size_t i = 0; i < COUNT(names); i++)
        if (names[i].rv == rv)
            return names[i].name;
    return "an error of the module's own";
}

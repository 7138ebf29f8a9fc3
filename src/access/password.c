#include "access/password.h"

#include "base/random.h"
#include "base/secret.h"
#include "base/wait.h"

#include <argon2.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY_KIB 19456
#define PASSES 2
#define SALT_LEN 16
#define HASH_LEN 32
#define TURN_MS (10 * SECOND_MS)

/** A stored password, taken apart. */
struct stored {
    uint32_t memory, passes, lanes;
    struct bytes salt, hash;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed;
static int running, most_at_once = 2;

CONSTRUCTOR static void
turns_setup(void)
{
    wait_init(&freed);
}

void
password_at_once(int most)
{
    pthread_mutex_lock(&lock);
    most_at_once = MAX(most, 1);
    pthread_cond_broadcast(&freed);
    pthread_mutex_unlock(&lock);
}

static enum err
turn_take(struct scope *s)
{
    int64_t until = clock_mono_ms() + MIN(TURN_MS, scope_left_ms(s));
    bool taken;

    pthread_mutex_lock(&lock);
    while (running >= most_at_once && wait_until(&freed, &lock, until))
        ;
    taken = running < most_at_once;
    if (taken)
        running++;
    pthread_mutex_unlock(&lock);
    return taken ? OK : fail(s, E_TIMEOUT, "too many passwords are being checked");
}

static void
turn_give(void)
{
    pthread_mutex_lock(&lock);
    running--;
    pthread_cond_signal(&freed);
    pthread_mutex_unlock(&lock);
}

/* Memory straight from the system and back to it: an idle server keeps none of it. */
static int
memory_take(uint8_t **memory, size_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *memory = at == MAP_FAILED ? NULL : at;
    return *memory ? ARGON2_OK : ARGON2_MEMORY_ALLOCATION_ERROR;
}

static void
memory_give(uint8_t *memory, size_t len)
{
    munmap(memory, len);
}

/** Compute the hash of PASSWORD by the numbers of P, whose salt is set; HASH receives p->hash.len
 * bytes. */
static enum err
compute(struct scope *s, const struct stored *p, const char *password, uint8_t *hash)
{
    uint8_t salt[64];
    argon2_context context = {
        .out = hash,
        .outlen = (uint32_t)p->hash.len,
        .pwd = (uint8_t *)arena_text(s->arena, password), /* the library takes it without const */
        .pwdlen = (uint32_t)strlen(password),
        .salt = salt,
        .saltlen = (uint32_t)p->salt.len,
        .t_cost = p->passes,
        .m_cost = p->memory,
        .lanes = p->lanes,
        .threads = 1,
        .version = ARGON2_VERSION_13,
        .allocate_cbk = memory_take,
        .free_cbk = memory_give,
        .flags = ARGON2_FLAG_CLEAR_PASSWORD,
    };
    int rc;

    memcpy(salt, p->salt.data, p->salt.len);
    TRY(turn_take(s));
    rc = argon2id_ctx(&context);
    turn_give();
    if (rc != ARGON2_OK)
        return fail(s, E_INTERNAL, "hashing a password: %s", argon2_error_message(rc));
    return OK;
}

/** Base64 without padding, as the stored form has it. */
static char *
encode(struct arena *a, struct bytes b)
{
    char *text = base64_encode(a, b);

    text[strcspn(text, "=")] = '\0';
    return text;
}

static bool
decode(struct arena *a, const char *text, size_t len, struct bytes *out)
{
    const char *padded = arena_printf(a, "%.*s%s", (int)len, text,
                                      len % 4 == 2   ? "=="
                                      : len % 4 == 3 ? "="
                                                     : "");

    return base64_decode(a, padded, strlen(padded), false, out);
}

/** A decimal number that NAME announces and END ends: "m=19456,". */
static bool
number_read(const char **p, const char *name, char end, uint32_t max, uint32_t *out)
{
    const char *at = *p + strlen(name);
    uint32_t value = 0;

    if (!text_starts(*p, name) || *at < '1' || *at > '9')
        return false;
    for (; *at >= '0' && *at <= '9' && value <= max; at++)
        value = value * 10 + (uint32_t)(*at - '0');
    *p = at + 1;
    *out = value;
    return *at == end && value <= max;
}

static enum err
stored_read(struct scope *s, const char *text, struct stored *out)
{
    struct stored p = { 0 };
    const char *at = text, *hash;

    if (!number_read(&at, "$argon2id$v=19$m=", ',', 1024 * 1024, &p.memory) ||
        !number_read(&at, "t=", ',', 100, &p.passes) ||
        !number_read(&at, "p=", '$', 16, &p.lanes) || !(hash = strchr(at, '$')) ||
        !decode(s->arena, at, (size_t)(hash - at), &p.salt) ||
        !decode(s->arena, hash + 1, strlen(hash + 1), &p.hash) || p.salt.len < 8 ||
        p.salt.len > 64 || p.hash.len < 16 || p.hash.len > 64)
        return fail(s, E_INTERNAL, "a stored password has an unknown form");
    *out = p;
    return OK;
}

enum err
password_hash(struct scope *s, const char *password, const char **stored)
{
    uint8_t salt[SALT_LEN], hash[HASH_LEN];
    struct stored p = { .memory = MEMORY_KIB,
                        .passes = PASSES,
                        .lanes = 1,
                        .salt = { salt, sizeof salt },
                        .hash = { hash, sizeof hash } };

    random_bytes(salt, sizeof salt);
    TRY(compute(s, &p, password, hash));
    *stored = arena_printf(s->arena, "$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", MEMORY_KIB, PASSES,
                           encode(s->arena, p.salt), encode(s->arena, p.hash));
    return OK;
}

enum err
password_check(struct scope *s, const char *stored, const char *password, bool *match)
{
    static const uint8_t
        nobody[HASH_LEN]; /* no hash is all zeros, and nobody's match is thrown away */
    struct stored p = { .memory = MEMORY_KIB,
                        .passes = PASSES,
                        .lanes = 1,
                        .salt = { nobody, SALT_LEN },
                        .hash = { nobody, HASH_LEN } };
    uint8_t hash[64];
    bool equal;

    if (stored)
        TRY(stored_read(s, stored, &p));
    TRY(compute(s, &p, password, hash));
    equal = bytes_eq_secret((struct bytes){ hash, p.hash.len }, p.hash);
    wipe(hash, sizeof hash);
    *match = stored && equal;
    return OK;
}

void
password_judge(struct scope *s, const char *path, const char *password)
{
    if (text_code_points(password) < PASSWORD_MIN)
        problem(s, path, CHY_BAD_VALUE, "a password has at least %d characters", PASSWORD_MIN);
    else if (strlen(password) > PASSWORD_MAX)
        problem(s, path, CHY_BAD_VALUE, "a password has at most %d bytes", PASSWORD_MAX);
}

#include "base/random.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/when.h"

static _Atomic int repeat_period;
static _Atomic unsigned repeat_calls;

void
random_tell_repeat(int period)
{
#ifdef CHANCERY_FAULTS
    atomic_store(&repeat_period, period);
#else
    (void)period;
#endif
}

#ifdef CHANCERY_FAULTS
/* CHANCERY_RANDOM_REPEAT=n in the environment tells it from the start. */
CONSTRUCTOR static void
read_environment(void)
{
    const char *told = getenv("CHANCERY_RANDOM_REPEAT");

    if (told)
        random_tell_repeat(atoi(told)); /* NOLINT(cert-err34-c): a test's own switch */
}
#endif

/* The kernel gives small pieces slowly, so each thread keeps some of them; used bytes are wiped. */
static __thread struct {
    uint8_t bytes[1024];
    size_t left;
} pool;

static void
fill(void *out, size_t len)
{
    for (uint8_t *at = out; len;) {
        ssize_t got = getrandom(at, len, 0);

        if (got <= 0) {
            fputs("the random generator of the kernel failed\n", stderr);
            abort();
        }
        at += got;
        len -= (size_t)got;
    }
}

static inline void
pool_bytes(void *out, size_t len)
{
    if (len > sizeof(pool.bytes) / 16) {
        fill(out, len);
        return;
    }
    if (pool.left < len) {
        fill(pool.bytes, sizeof(pool.bytes));
        pool.left = sizeof(pool.bytes);
    }
    pool.left -= len;
    memcpy(out, pool.bytes + pool.left, len);
    explicit_bzero(pool.bytes + pool.left, len);
}

void
random_bytes(void *out, size_t len)
{
    int period = atomic_load_explicit(&repeat_period, memory_order_relaxed);

    if (period > 0 && atomic_fetch_add(&repeat_calls, 1) % (unsigned)period == 0)
        memset(out, 0x40, len);
    else
        pool_bytes(out, len);
}

uint64_t
random_below(uint64_t below)
{
    uint64_t draw, limit = below ? UINT64_MAX - UINT64_MAX % below : 0;

    if (below < 2)
        return 0;
    do
        random_bytes(&draw, sizeof(draw));
    while (draw >= limit && atomic_load(&repeat_period) != 1);
    return draw % below;
}

char *
ulid_new(struct arena *a)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t chance[10];
    uint64_t ms = (uint64_t)clock_tick().ms;
    char *out = arena_alloc(a, 27), *at = out + 10;

    for (int i = 9; i >= 0; i--, ms >>= 5)
        out[i] = digits[ms & 31];
    pool_bytes(chance, sizeof(chance));
    for (size_t i = 0; i < sizeof(chance); i += 5) { /* five octets are eight digits */
        uint64_t bits = 0;

        for (size_t k = 0; k < 5; k++)
            bits = bits << 8 | chance[i + k];
        for (int shift = 35; shift >= 0; shift -= 5)
            *at++ = digits[bits >> shift & 31];
    }
    return out;
}

char *
uuid_new(struct arena *a)
{
    uint8_t b[16];

    fill(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    return arena_printf(a, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                        b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                        b[12], b[13], b[14], b[15]);
}

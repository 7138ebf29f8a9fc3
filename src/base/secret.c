#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Each secret has pages of its own, so that they can be locked and left out of a core dump. */
static size_t
pages_for(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (len + sizeof(struct secret) + 1 + page - 1) / page * page;
}

struct secret *
secret_new(size_t len)
{
    size_t size = pages_for(len);
    struct secret *secret =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (secret == MAP_FAILED) {
        fputs("out of memory\n", stderr);
        abort();
    }
    (void)mlock(secret,
                size); /* a small RLIMIT_MEMLOCK is no reason to stop: dumps are off all the same */
    (void)madvise(secret, size, MADV_DONTDUMP);
    secret->data = (uint8_t *)(secret + 1);
    secret->len = len;
    return secret;
}

struct secret *
secret_copy(struct bytes from)
{
    struct secret *secret = secret_new(from.len);

    if (from.len)
        memcpy(secret->data, from.data, from.len);
    return secret;
}

void
secret_free(struct secret *secret)
{
    size_t size;

    if (!secret)
        return;
    size = pages_for(secret->len);
    wipe(secret, sizeof(*secret) + secret->len);
    (void)munmap(secret, size);
}

struct bytes
secret_bytes(const struct secret *secret)
{
    return secret ? (struct bytes){ secret->data, secret->len } : (struct bytes){ NULL, 0 };
}

void
wipe(void *data, size_t len)
{
    if (len)
        explicit_bzero(data, len);
}

void
secret_guard(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

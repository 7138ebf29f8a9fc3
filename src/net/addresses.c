#include "net/server_in.h"

#define BUCKETS 1024

struct address {
    struct address *next;
    uint64_t key[2];
    int count;
};

struct addresses {
    pthread_mutex_t lock;
    int max;
    struct address *buckets[BUCKETS];
};

struct addresses *
addresses_new(int max)
{
    struct addresses *a = mem_alloc(sizeof(*a));

    (void)pthread_mutex_init(&a->lock, NULL);
    a->max = max;
    return a;
}

void
addresses_free(struct addresses *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (a->buckets[i]) {
            struct address *gone = a->buckets[i];

            a->buckets[i] = gone->next;
            mem_free(gone);
        }
    (void)pthread_mutex_destroy(&a->lock);
    mem_free(a);
}

/* Where the address stands, or would. */
static struct address **
place(struct addresses *a, const uint64_t key[2])
{
    uint64_t mixed =
        (key[0] ^ (key[1] * UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xff51afd7ed558ccd);
    struct address **at = &a->buckets[(mixed >> 32) % BUCKETS];

    while (*at && ((*at)->key[0] != key[0] || (*at)->key[1] != key[1]))
        at = &(*at)->next;
    return at;
}

bool
addresses_add(struct addresses *a, const uint64_t key[2])
{
    struct address **at;
    bool ok;

    (void)pthread_mutex_lock(&a->lock);
    at = place(a, key);
    if (!*at) {
        *at = mem_alloc(sizeof(**at));
        (*at)->key[0] = key[0];
        (*at)->key[1] = key[1];
    }
    ok = (*at)->count < a->max;
    if (ok)
        (*at)->count++;
    (void)pthread_mutex_unlock(&a->lock);
    return ok;
}

void
addresses_remove(struct addresses *a, const uint64_t key[2])
{
    struct address **at;

    (void)pthread_mutex_lock(&a->lock);
    at = place(a, key);
    if (*at && --(*at)->count == 0) {
        struct address *gone = *at;

        *at = gone->next;
        mem_free(gone);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

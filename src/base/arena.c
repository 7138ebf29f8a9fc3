#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_FIRST 4000
#define BLOCK_MOST (64 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(max_align_t) uint8_t data[];
};

struct defer {
    struct defer *next;
    void *object;
    void (*release)(void *);
};

struct arena {
    struct block *blocks; /* the newest first */
    struct defer *defers; /* the newest first */
    size_t used, next_size;
};

static void *
mem_check(void *got)
{
    if (!got) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return got;
}

void *
mem_alloc(size_t size)
{
    return mem_check(calloc(1, size ? size : 1));
}

void *
mem_copy(const void *data, size_t size)
{
    void *copy = mem_alloc(size);

    if (size)
        memcpy(copy, data, size);
    return copy;
}

char *
mem_text(const char *text)
{
    return text ? mem_copy(text, strlen(text) + 1) : NULL;
}

void *
mem_grow(void *data, size_t size)
{
    return mem_check(realloc(data, size ? size : 1));
}

void
mem_free(const void *data)
{
    union {
        const void *in;
        void *out;
    } plain = { .in = data };

    free(plain.out);
}

struct arena *
arena_new(void)
{
    struct arena *a = mem_alloc(sizeof(*a));

    a->next_size = BLOCK_FIRST;
    return a;
}

static void
run_defers(struct arena *a)
{
    while (a->defers) {
        struct defer *d = a->defers;

        a->defers = d->next;
        d->release(d->object);
    }
}

void
arena_release(struct arena *a)
{
    run_defers(a);
}

void
arena_free(struct arena *a)
{
    if (!a)
        return;
    run_defers(a);
    while (a->blocks) {
        struct block *gone = a->blocks;

        a->blocks = gone->next;
        free(gone);
    }
    free(a);
}

/** Take the largest block that may be kept out of the list, and free the others. */
static struct block *
keep_one(struct arena *a)
{
    struct block *kept = NULL;

    while (a->blocks) {
        struct block *b = a->blocks, *gone = b;

        a->blocks = b->next;
        if (b->size <= BLOCK_MOST && (!kept || b->size > kept->size)) {
            gone = kept;
            kept = b;
        }
        free(gone);
    }
    return kept;
}

void
arena_reset(struct arena *a)
{
    run_defers(a);
    a->blocks = keep_one(a);
    if (a->blocks) {
        memset(a->blocks->data, 0, a->blocks->used);
        a->blocks->used = 0;
        a->blocks->next = NULL;
    }
    a->used = 0;
}

static struct block *
block_new(struct arena *a, size_t size)
{
    size_t room = MAX(size, a->next_size);
    struct block *b = mem_check(calloc(1, sizeof(*b) + room));

    b->size = room;
    a->next_size = MIN(2 * a->next_size, (size_t)BLOCK_MOST);
    if (a->blocks &&
        size > BLOCK_MOST / 2) { /* a large one stands behind, the present one stays in use */
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = a->blocks;
        a->blocks = b;
    }
    return b;
}

static size_t
aligned(size_t size)
{
    return (MAX(size, 1u) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

void *
arena_alloc(struct arena *a, size_t size)
{
    struct block *b = a->blocks;
    void *out;

    size = aligned(size);
    if (!b || b->size - b->used < size)
        b = block_new(a, size);
    out = b->data + b->used;
    b->used += size;
    a->used += size;
    return out;
}

bool
arena_extend(struct arena *a, const void *data, size_t size, size_t wanted)
{
    struct block *b = a->blocks;
    size_t more = aligned(wanted) - aligned(size);

    if (!b || (const uint8_t *)data + aligned(size) != b->data + b->used ||
        more > b->size - b->used)
        return false;
    b->used += more;
    a->used += more;
    return true;
}

void *
arena_copy(struct arena *a, const void *data, size_t size)
{
    void *out = arena_alloc(a, size);

    if (size)
        memcpy(out, data, size);
    return out;
}

char *
arena_text(struct arena *a, const char *text)
{
    return text ? arena_copy(a, text, strlen(text) + 1) : NULL;
}

char *
arena_text_n(struct arena *a, const char *text, size_t len)
{
    char *out = arena_alloc(a, len + 1);

    if (len)
        memcpy(out, text, len);
    return out;
}

char *
arena_vprintf(struct arena *a, const char *format, va_list args)
{
    char small[256];
    va_list again;
    int len;
    char *out;

    va_copy(again, args);
    len = vsnprintf(small, sizeof(small), format, args);
    if (len < 0)
        len = 0;
    out = arena_alloc(a, (size_t)len + 1);
    if ((size_t)len < sizeof(small))
        memcpy(out, small, (size_t)len);
    else
        (void)vsnprintf(out, (size_t)len + 1, format, again);
    va_end(again);
    return out;
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    char *out;

    va_start(args, format);
    out = arena_vprintf(a, format, args);
    va_end(args);
    return out;
}

void *
arena_defer(struct arena *a, void *object, void (*release)(void *))
{
    struct defer *d;

    if (!object)
        return NULL;
    d = arena_new_of(a, struct defer);
    *d = (struct defer){ .next = a->defers, .object = object, .release = release };
    a->defers = d;
    return object;
}

size_t
arena_used(const struct arena *a)
{
    return a->used;
}

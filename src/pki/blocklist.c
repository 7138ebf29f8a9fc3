#include "pki/keycheck.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_LEN 16

/* One mapped file. */
struct block_file {
    struct block_file *next;
    void *map;
    size_t map_len;
    const uint8_t *hashes; /* count times SHA256_LEN */
    size_t count;
    char kind;
};

struct blocklist {
    struct block_file *files;
};

struct blocklist *
blocklist_new(void)
{
    return mem_alloc(sizeof(struct blocklist));
}

void
blocklist_free(struct blocklist *b)
{
    while (b && b->files) {
        struct block_file *f = b->files;

        b->files = f->next;
        (void)munmap(f->map, f->map_len);
        mem_free(f);
    }
    mem_free(b);
}

static enum err
map_file(struct scope *s, const char *path, struct block_file *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return fail(s, E_NOT_FOUND, "cannot open the block list %s: %m", path);
    if (fstat(fd, &st) != 0 || st.st_size < HEADER_LEN ||
        (st.st_size - HEADER_LEN) % SHA256_LEN != 0) {
        (void)close(fd);
        return fail(s, E_INVALID, "%s is not a block list", path);
    }
    f->map_len = (size_t)st.st_size;
    f->map = mmap(NULL, f->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (f->map == MAP_FAILED)
        return fail(s, E_INTERNAL, "cannot map the block list %s: %m", path);
    return OK;
}

static enum err
check_file(struct scope *s, const char *path, struct block_file *f)
{
    static const uint8_t zeros[6];
    const uint8_t *head = f->map;

    if (memcmp(head, "CHYBLOCK1", 9) != 0 || (head[9] != 's' && head[9] != 'm') ||
        memcmp(head + 10, zeros, sizeof(zeros)) != 0)
        return fail(s, E_INVALID, "%s is not a block list", path);
    f->kind = (char)head[9];
    f->hashes = head + HEADER_LEN;
    f->count = (f->map_len - HEADER_LEN) / SHA256_LEN;
    for (size_t i = 1; i < f->count; i++)
        if (memcmp(f->hashes + (i - 1) * SHA256_LEN, f->hashes + i * SHA256_LEN, SHA256_LEN) > 0)
            return fail(s, E_INVALID, "the block list %s is not sorted at entry %zu", path, i);
    return OK;
}

enum err
blocklist_add_file(struct scope *s, struct blocklist *b, const char *path)
{
    struct block_file found = { 0 };
    enum err e;

    TRY(map_file(s, path, &found));
    e = check_file(s, path, &found);
    if (e != OK) {
        (void)munmap(found.map, found.map_len);
        return e;
    }
    found.next = b->files;
    b->files = mem_copy(&found, sizeof(found));
    return OK;
}

static int
compare_hash(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_LEN);
}

bool
blocklist_has(const struct blocklist *b, const struct pubkey *k)
{
    uint8_t modulus[SHA256_LEN];

    if (b->files && k->n.len)
        hash_sha256(k->n, modulus);
    for (const struct block_file *f = b->files; f; f = f->next) {
        const uint8_t *want = f->kind == 's' ? k->sha256 : modulus;

        if ((f->kind == 's' || k->n.len) && f->count &&
            bsearch(want, f->hashes, f->count, SHA256_LEN, compare_hash))
            return true;
    }
    return false;
}

enum err
blocklist_write(struct scope *s, const char *path, char kind, uint8_t (*hashes)[SHA256_LEN],
                size_t count)
{
    uint8_t head[HEADER_LEN] = "CHYBLOCK1";
    FILE *to = fopen(path, "wbe");
    bool good;

    if (!to)
        return fail(s, E_INTERNAL, "cannot write the block list %s: %m", path);
    head[9] = (uint8_t)kind;
    if (count)
        qsort(hashes, count, SHA256_LEN, compare_hash);
    good = fwrite(head, HEADER_LEN, 1, to) == 1 &&
           (count == 0 || fwrite(hashes, SHA256_LEN, count, to) == count);
    if (fclose(to) != 0 || !good)
        return fail(s, E_INTERNAL, "cannot write the block list %s: %m", path);
    return OK;
}

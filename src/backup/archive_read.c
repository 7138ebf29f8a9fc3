/* Reading an archive. */
#include "backup/archive.h"

#include "backup/tar.h"
#include "pki/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define PIECE ((size_t)256 << 10)
#define WINDOW_LOG_MAX 27 /* memory that a part may ask for: 128 MiB */

OWNED(EVP_MD_CTX, EVP_MD_CTX_free);
OWNED(ZSTD_DCtx, ZSTD_freeDCtx);

struct archive {
    int fd;
    const char *path; /* own memory, as what follows */
    int64_t size, manifest_at, seal_at;
    struct bytes manifest, seal;
    const struct age_identities *ids; /* NULL: what is encrypted stays so */
};

static enum err
read_at(struct scope *s, const struct archive *a, int64_t at, void *into, size_t len)
{
    uint8_t *to = into;

    while (len > 0) {
        ssize_t got = pread(a->fd, to, len, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(s, E_UNAVAILABLE, "cannot read %s: %s", a->path, strerror(errno));
        if (got == 0)
            return fail(s, E_INVALID, "the backup is cut off at byte %lld", (long long)a->size);
        to += got;
        at += got;
        len -= (size_t)got;
    }
    return OK;
}

void
archive_identities(struct archive *a, const struct age_identities *ids)
{
    a->ids = ids;
}

/** Walk from the front to tell where it ends; never OK. */
static enum err
tell_where(struct scope *s, const struct archive *a)
{
    const char *last = "its beginning";
    uint8_t block[TAR_BLOCK];
    struct tar_said said;

    for (int64_t at = 0; at + TAR_BLOCK <= a->size;) {
        TRY(read_at(s, a, at, block, sizeof(block)));
        tar_read(s->arena, block, &said);
        if (!said.sound && at == 0)
            return fail(s, E_INVALID, "%s is no backup, or its first bytes were changed (%s)",
                        a->path, said.name);
        if (!said.sound)
            return fail(s, E_INVALID, "the head of %s, behind %s, was changed", said.name, last);
        at += TAR_BLOCK + said.size + (int64_t)tar_gap(said.size);
        if (at > a->size)
            return fail(s, E_INVALID, "the backup is cut off within %s: %lld bytes are missing",
                        said.name, (long long)(at - a->size));
        last = said.name;
    }
    return fail(s, E_INVALID, "the backup is cut off behind %s: %s", last,
                text_eq(last, ARCHIVE_MANIFEST) ? ARCHIVE_SEAL " is missing"
                                                : ARCHIVE_MANIFEST " is missing");
}

static enum err
read_plain(struct scope *s, const struct archive *a, int64_t at, const struct tar_said *said,
           struct bytes *out)
{
    uint8_t *data;

    if (said->size > (int64_t)ARCHIVE_MANIFEST_MAX)
        return fail(s, E_INVALID, "%s is too large", said->name);
    data = mem_alloc((size_t)said->size + 1);
    *out = (struct bytes){ data, (size_t)said->size };
    return read_at(s, a, at + TAR_BLOCK, data, out->len);
}

/** Its last two members stand right before its end, and are small. */
static enum err
find_manifest(struct scope *s, struct archive *a)
{
    int64_t least = MAX(a->size - 2 * (int64_t)ARCHIVE_MANIFEST_MAX, INT64_C(0));
    uint8_t block[TAR_BLOCK];
    struct tar_said said;

    a->manifest_at = a->seal_at = -1;
    for (int64_t at = (a->size / TAR_BLOCK - 1) * TAR_BLOCK; at >= least && a->manifest_at < 0;
         at -= TAR_BLOCK) {
        TRY(read_at(s, a, at, block, sizeof(block)));
        if (memcmp(block, "manifest.", strlen("manifest.")) != 0)
            continue;
        tar_read(s->arena, block, &said);
        if (!said.sound)
            continue;
        if (text_eq(said.name, ARCHIVE_SEAL) && a->seal_at < 0) {
            a->seal_at = at;
            TRY(read_plain(s, a, at, &said, &a->seal));
        } else if (text_eq(said.name, ARCHIVE_MANIFEST)) {
            a->manifest_at = at;
            TRY(read_plain(s, a, at, &said, &a->manifest));
        }
    }
    return a->manifest_at >= 0 && a->seal_at > a->manifest_at ? OK : tell_where(s, a);
}

enum err
archive_open(struct scope *s, const char *path, struct archive **out)
{
    struct archive *a = mem_alloc(sizeof(*a));
    struct stat st;
    enum err e;

    a->path = mem_text(path);
    a->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (a->fd < 0)
        e = fail(s,
                 errno == ENOENT   ? E_NOT_FOUND
                 : errno == EACCES ? E_FORBIDDEN
                                   : E_UNAVAILABLE,
                 "cannot open %s: %s", path, strerror(errno));
    else if (fstat(a->fd, &st) != 0 || !S_ISREG(st.st_mode))
        e = fail(s, E_INVALID, "%s is no regular file", path);
    else {
        a->size = st.st_size;
        e = find_manifest(s, a);
    }
    if (e != OK) {
        archive_close(a);
        return e;
    }
    *out = a;
    return OK;
}

void
archive_close(struct archive *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        (void)close(a->fd);
    mem_free(a->manifest.data);
    mem_free(a->seal.data);
    mem_free(a->path);
    mem_free(a);
}

struct bytes
archive_manifest(const struct archive *a)
{
    return a->manifest;
}

struct bytes
archive_seal(const struct archive *a)
{
    return a->seal;
}

/* What must be there --------------------------------------------------------------------------- */

struct checking {
    const struct archive *a;
    struct when at;
    struct list *faults;
    uint8_t *piece;
};

static void LIKE_PRINTF(3, 4)
    fault(struct scope *s, const struct checking *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    list_add(s->arena, c->faults, const char *, arena_vprintf(s->arena, format, args));
    va_end(args);
}

static bool
is_zero(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i])
            return false;
    return true;
}

/** Head and gap of a member; *AT moves behind it. */
static enum err
check_frame(struct scope *s, const struct checking *c, const char *name, int64_t size, int64_t *at)
{
    uint8_t block[TAR_BLOCK], wanted[TAR_BLOCK];
    size_t gap = tar_gap(size);

    TRY(read_at(s, c->a, *at, block, sizeof(block)));
    tar_head(name, size, c->at, wanted);
    if (memcmp(block, wanted, sizeof(block)) != 0)
        fault(s, c, "%s: its head in the archive was changed", name);
    *at += TAR_BLOCK + size;
    TRY(read_at(s, c->a, *at, block, gap));
    if (!is_zero(block, gap))
        fault(s, c, "%s: what is behind its end was changed", name);
    *at += (int64_t)gap;
    return OK;
}

static enum err
hash_of(struct scope *s, const struct checking *c, int64_t at, int64_t size, const char **out)
{
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *hash = EVP_MD_CTX_new();
    uint8_t digest[SHA256_LEN];

    (void)EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    while (size > 0) {
        size_t len = (size_t)MIN(size, (int64_t)PIECE);

        TRY(read_at(s, c->a, at, c->piece, len));
        (void)EVP_DigestUpdate(hash, c->piece, len);
        at += (int64_t)len;
        size -= (int64_t)len;
    }
    (void)EVP_DigestFinal_ex(hash, digest, NULL);
    *out = hex_lower(s->arena, (struct bytes){ digest, sizeof(digest) });
    return OK;
}

/** Which part, if any, has this content: it was put in another's place. */
static const struct archive_part *
owner_of(const struct list *parts, const char *hash)
{
    LIST_EACH(struct archive_part, part, parts)
    if (text_eq(part->sha256, hash))
        return part;
    return NULL;
}

static enum err
check_part(struct scope *s, const struct checking *c, const struct list *parts,
           const struct archive_part *part, int64_t *at)
{
    const struct archive_part *owner;
    const char *hash;

    TRY(hash_of(s, c, *at + TAR_BLOCK, part->packed, &hash));
    owner = owner_of(parts, hash);
    if (!text_eq(hash, part->sha256) && owner)
        fault(s, c, "%s: in its place stands %s", part->name, owner->name);
    else if (!text_eq(hash, part->sha256))
        fault(s, c, "%s: it was changed", part->name);
    return check_frame(s, c, archive_member(s->arena, part), part->packed, at);
}

static int64_t
length_of(const struct list *parts)
{
    int64_t at = 0;

    LIST_EACH(struct archive_part, part, parts)
    at += TAR_BLOCK + part->packed + (int64_t)tar_gap(part->packed);
    return at;
}

enum err
archive_check(struct scope *s, struct archive *a, const struct list *parts, struct when at,
              struct list *faults)
{
    AUTO(mem_free) void *piece = mem_alloc(PIECE);
    struct checking c = { .a = a, .at = at, .faults = faults, .piece = piece };
    int64_t here = 0;
    uint8_t end[2 * TAR_BLOCK];

    LIST_EACH(struct archive_part, part, parts)
    if (part->packed < 0 || part->packed > a->size) {
        fault(s, &c, "%s: it cannot take %lld bytes", part->name, (long long)part->packed);
        return OK;
    }
    if (length_of(parts) != a->manifest_at) {
        fault(s, &c, "the parts take %lld bytes, and the manifest speaks of %lld",
              (long long)a->manifest_at, (long long)length_of(parts));
        return OK;
    }
    LIST_EACH(struct archive_part, part, parts)
    TRY(check_part(s, &c, parts, part, &here));
    TRY(check_frame(s, &c, ARCHIVE_MANIFEST, (int64_t)a->manifest.len, &here));
    TRY(check_frame(s, &c, ARCHIVE_SEAL, (int64_t)a->seal.len, &here));
    if (a->size - here != (int64_t)sizeof(end)) {
        fault(s, &c, "the end: %lld bytes are %s",
              (long long)llabs(a->size - here - (int64_t)sizeof(end)),
              a->size - here < (int64_t)sizeof(end) ? "missing" : "too many");
        return OK;
    }
    TRY(read_at(s, a, here, end, sizeof(end)));
    if (!is_zero(end, sizeof(end)))
        fault(s, &c, "the end was changed");
    return OK;
}

/* Parts ---------------------------------------------------------------------------------------- */

struct unpacking {
    ZSTD_DCtx *unpacker;
    EVP_MD_CTX *hash;
    uint8_t *out;
    int64_t size, most; /* so far, and what the manifest says */
    size_t left;        /* not 0: a frame is not ended */
    enum err (*piece)(struct scope *s, void *to, struct bytes piece);
    void *to;
};

static enum err
unpack(struct scope *s, void *to, struct bytes piece)
{
    struct unpacking *u = to;
    ZSTD_inBuffer in = { piece.data, piece.len, 0 };

    while (in.pos < in.size) {
        ZSTD_outBuffer out = { u->out, PIECE, 0 };

        u->left = ZSTD_decompressStream(u->unpacker, &out, &in);
        if (ZSTD_isError(u->left))
            return fail(s, E_INVALID, "it cannot be decompressed: %s", ZSTD_getErrorName(u->left));
        u->size += (int64_t)out.pos;
        if (u->size > u->most)
            return fail(s, E_INVALID, "it was changed: it is longer than the manifest says");
        if (out.pos)
            TRY(u->piece(s, u->to, (struct bytes){ u->out, out.pos }));
    }
    return OK;
}

static enum err
unpack_all(struct scope *s, struct archive *a, const struct archive_part *part, int64_t at,
           struct unpacking *u)
{
    AUTO(mem_free) void *packed = mem_alloc(PIECE);
    AUTO(age_reader_free)
    struct age_reader *age =
        part->encrypted ? age_reader_new(a->ids, (struct age_out){ unpack, u }) : NULL;
    uint8_t digest[SHA256_LEN];

    for (int64_t left = part->packed; left > 0;) {
        size_t len = (size_t)MIN(left, (int64_t)PIECE);

        TRY(read_at(s, a, at, packed, len));
        (void)EVP_DigestUpdate(u->hash, packed, len);
        TRY(age ? age_reader_add(s, age, (struct bytes){ packed, len })
                : unpack(s, u, (struct bytes){ packed, len }));
        at += (int64_t)len;
        left -= (int64_t)len;
    }
    (void)EVP_DigestFinal_ex(u->hash, digest, NULL);
    if (age)
        TRY(age_reader_end(s, age));
    if (u->left || u->size != part->size ||
        !text_eq(hex_lower(s->arena, (struct bytes){ digest, sizeof(digest) }), part->sha256))
        return fail(s, E_INVALID, "it was changed");
    return OK;
}

enum err
archive_read(struct scope *s, struct archive *a, const struct list *parts, size_t i,
             enum err (*piece)(struct scope *s, void *to, struct bytes piece), void *to)
{
    const struct archive_part *part = list_at(parts, struct archive_part, i);
    struct list before = { .items = parts->items, .count = i, .size = parts->size };
    AUTO(mem_free) void *out = mem_alloc(PIECE);
    AUTO(EVP_MD_CTX_free) EVP_MD_CTX *hash = EVP_MD_CTX_new();
    AUTO(ZSTD_freeDCtx) ZSTD_DCtx *unpacker = ZSTD_createDCtx();
    struct unpacking u = { .unpacker = unpacker,
                           .hash = hash,
                           .out = out,
                           .most = part->size,
                           .piece = piece,
                           .to = to,
                           .left = 1 };

    if (part->encrypted && !a->ids)
        return fail(s, E_FORBIDDEN, "%s is encrypted: --identity FILE opens it", part->name);
    (void)EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    (void)ZSTD_DCtx_setParameter(unpacker, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    return note(s, unpack_all(s, a, part, length_of(&before) + TAR_BLOCK, &u), "%s", part->name);
}

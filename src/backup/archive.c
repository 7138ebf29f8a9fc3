/* Writing an archive. */
#include "backup/archive.h"

#include "backup/tar.h"
#include "base/fault.h"
#include "base/file.h"
#include "pki/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define LEVEL 3
#define OUT_BYTES ((size_t)256 << 10)

OWNED(EVP_MD_CTX, EVP_MD_CTX_free);

struct archive_writer {
    int fd;
    const char *path, *fresh; /* own memory */
    struct when at;
    ZSTD_CCtx *packer;
    EVP_MD_CTX *hash;
    uint8_t *out;
    bool finished;
    const struct list *recipients; /* NULL: nothing is encrypted */
    /* Of the part that is written. */
    const char *name; /* own memory */
    off_t head_at;
    int64_t size, packed;
    struct age_writer *age; /* NULL: it is not encrypted */
};

static enum err
cannot(struct scope *s, const struct archive_writer *w)
{
    return fail(s, E_UNAVAILABLE, "cannot write %s: %s", w->fresh, strerror(errno));
}

static enum err
put(struct scope *s, struct archive_writer *w, const void *data, size_t len)
{
    return file_put(s, w->fd, w->fresh, (struct bytes){ data, len });
}

enum err
archive_new(struct scope *s, const char *path, struct when at, struct archive_writer **out)
{
    struct archive_writer *w = mem_alloc(sizeof(*w));

    w->path = mem_text(path);
    w->fresh = mem_text(arena_printf(s->arena, "%s.new", path));
    w->at = at;
    w->fd = open(w->fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    w->packer = ZSTD_createCCtx();
    w->hash = EVP_MD_CTX_new();
    w->out = mem_alloc(OUT_BYTES);
    if (w->fd < 0) {
        enum err e = fail(s, errno == EEXIST ? E_CONFLICT : E_UNAVAILABLE, "cannot make %s: %s",
                          w->fresh, strerror(errno));

        archive_free(w);
        return e;
    }
    (void)ZSTD_CCtx_setParameter(w->packer, ZSTD_c_compressionLevel, LEVEL);
    (void)ZSTD_CCtx_setParameter(w->packer, ZSTD_c_checksumFlag, 1);
    *out = w;
    return OK;
}

void
archive_free(struct archive_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0) {
        (void)close(w->fd);
        if (!w->finished)
            (void)unlink(w->fresh);
    }
    age_writer_free(w->age);
    (void)ZSTD_freeCCtx(w->packer);
    EVP_MD_CTX_free(w->hash);
    mem_free(w->out);
    mem_free(w->name);
    mem_free(w->path);
    mem_free(w->fresh);
    mem_free(w);
}

void
archive_encrypt(struct archive_writer *w, const struct list *recipients)
{
    w->recipients = recipients && recipients->count ? recipients : NULL;
}

const char *
archive_member(struct arena *a, const struct archive_part *part)
{
    return arena_printf(a, "%s" ARCHIVE_PACKED "%s", part->name, part->encrypted ? AGE_SUFFIX : "");
}

/** What goes to the file of a part: its hash is that of what anybody can see. */
static enum err
emit(struct scope *s, void *to, struct bytes piece)
{
    struct archive_writer *w = to;

    TRY(put(s, w, piece.data, piece.len));
    (void)EVP_DigestUpdate(w->hash, piece.data, piece.len);
    w->packed += (int64_t)piece.len;
    return OK;
}

/** Pack what IN holds, and what the packer kept back when it is the END. */
static enum err
pack(struct scope *s, struct archive_writer *w, struct bytes piece, bool end)
{
    ZSTD_inBuffer in = { piece.data, piece.len, 0 };
    size_t left;

    do {
        ZSTD_outBuffer out = { w->out, OUT_BYTES, 0 };

        left = ZSTD_compressStream2(w->packer, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return fail(s, E_INTERNAL, "compressing: %s", ZSTD_getErrorName(left));
        if (w->age)
            TRY(age_writer_add(s, w->age, (struct bytes){ w->out, out.pos }));
        else
            TRY(emit(s, w, (struct bytes){ w->out, out.pos }));
    } while (in.pos < in.size || (end && left > 0));
    w->size += (int64_t)piece.len;
    return OK;
}

enum err
archive_begin(struct scope *s, struct archive_writer *w, const char *name)
{
    uint8_t head[TAR_BLOCK] = { 0 };

    if (strlen(name) + strlen(ARCHIVE_PACKED AGE_SUFFIX) > TAR_NAME_MAX)
        return fail(s, E_LIMIT, "%s: the name is too long for a backup", name);
    mem_free(w->name);
    w->name = mem_text(name);
    w->size = w->packed = 0;
    w->head_at = lseek(w->fd, 0, SEEK_CUR);
    (void)ZSTD_CCtx_reset(w->packer, ZSTD_reset_session_only);
    (void)EVP_DigestInit_ex(w->hash, EVP_sha256(), NULL);
    TRY(put(s, w, head, sizeof(head))); /* what it says is known at the end */
    age_writer_free(w->age);
    w->age = NULL;
    return w->recipients ? age_writer_new(s, w->recipients, (struct age_out){ emit, w }, &w->age)
                         : OK;
}

enum err
archive_add(struct scope *s, struct archive_writer *w, struct bytes piece)
{
    return pack(s, w, piece, false);
}

enum err
archive_end(struct scope *s, struct archive_writer *w, struct archive_part *part)
{
    static const uint8_t zeros[TAR_BLOCK];
    uint8_t head[TAR_BLOCK], hash[SHA256_LEN];

    TRY(pack(s, w, (struct bytes){ NULL, 0 }, true));
    if (w->age)
        TRY(age_writer_end(s, w->age));
    (void)EVP_DigestFinal_ex(w->hash, hash, NULL);
    TRY(put(s, w, zeros, tar_gap(w->packed)));
    *part = (struct archive_part){
        .name = arena_text(s->arena, w->name),
        .size = w->size,
        .packed = w->packed,
        .sha256 = hex_lower(s->arena, (struct bytes){ hash, sizeof(hash) }),
        .encrypted = w->age,
    };
    tar_head(archive_member(s->arena, part), w->packed, w->at, head);
    if (pwrite(w->fd, head, sizeof(head), w->head_at) != (ssize_t)sizeof(head))
        return cannot(s, w);
    return OK;
}

enum err
archive_put(struct scope *s, struct archive_writer *w, const char *name, struct bytes data,
            struct archive_part *part)
{
    TRY(archive_begin(s, w, name));
    TRY(archive_add(s, w, data));
    return archive_end(s, w, part);
}

static enum err
put_plain(struct scope *s, struct archive_writer *w, const char *name, struct bytes data)
{
    static const uint8_t zeros[TAR_BLOCK];
    uint8_t head[TAR_BLOCK];

    tar_head(name, (int64_t)data.len, w->at, head);
    TRY(put(s, w, head, sizeof(head)));
    TRY(put(s, w, data.data, data.len));
    return put(s, w, zeros, tar_gap((int64_t)data.len));
}

enum err
archive_finish(struct scope *s, struct archive_writer *w, struct bytes manifest, struct bytes seal,
               int64_t *size)
{
    static const uint8_t end[2 * TAR_BLOCK];

    TRY(put_plain(s, w, ARCHIVE_MANIFEST, manifest));
    TRY(put_plain(s, w, ARCHIVE_SEAL, seal));
    TRY(put(s, w, end, sizeof(end)));
    *size = lseek(w->fd, 0, SEEK_CUR);
    if (fsync(w->fd) != 0)
        return cannot(s, w);
    crash_point("backup.written");
    TRY(file_name(s, w->fresh, w->path, false));
    w->finished = true;
    return file_sync_dir(s, w->path);
}

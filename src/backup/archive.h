/**
 * Archive: the one file that a backup is. A tar of compressed parts (zstd), so that any tar reads
 * it, but written in one form only: every byte of it follows from its manifest, and so a byte that
 * was changed is found and told by the name of the part that it is in. One thread at a time.
 */
#ifndef BACKUP_ARCHIVE_H
#define BACKUP_ARCHIVE_H

#include "pki/age.h"

#define ARCHIVE_PACKED ".zst"
#define ARCHIVE_MANIFEST "manifest.json" /* the last but one, not compressed */
#define ARCHIVE_SEAL "manifest.sig"      /* the last */
#define ARCHIVE_MANIFEST_MAX ((size_t)16 << 20)

/** A part as the manifest tells of it. */
struct archive_part {
    const char *name;     /* "database.sqlite": in the tar with .zst behind it */
    int64_t size, packed; /* bytes, before and after compression */
    const char *sha256;   /* of the compressed bytes, in lower-case hexadecimal digits */
    const char *columns;  /* of a table; or NULL */
    int64_t rows;         /* the same */
    bool encrypted;       /* by age: .age is behind its name, too */
};
/** The name of the member of the tar that has PART. */
const char *archive_member(struct arena *a, const struct archive_part *part);

/* Writing. */
struct archive_writer;

/**
 * Begin PATH under another name, mode 0600, that only archive_finish() changes.
 *
 * @param at  when it is made: all parts have that date
 */
enum err archive_new(struct scope *s, const char *path, struct when at,
                     struct archive_writer **out);
/** Throw away what was not finished; NULL is allowed. */
void archive_free(struct archive_writer *w);
OWNED(struct archive_writer, archive_free);
/** Encrypt the parts that follow to RECIPIENTS, of const char *, which outlive W; none: do not. */
void archive_encrypt(struct archive_writer *w, const struct list *recipients);
/** Begin a part, add to it, end it; PART receives all but its columns. Texts in s->arena. */
enum err archive_begin(struct scope *s, struct archive_writer *w, const char *name);
enum err archive_add(struct scope *s, struct archive_writer *w, struct bytes piece);
enum err archive_end(struct scope *s, struct archive_writer *w, struct archive_part *part);
/** All of it at once. */
enum err archive_put(struct scope *s, struct archive_writer *w, const char *name, struct bytes data,
                     struct archive_part *part);
/** End with manifest and its seal, sync, and give it its name. E_CONFLICT: there is such a file.
 * SIZE receives its bytes. */
enum err archive_finish(struct scope *s, struct archive_writer *w, struct bytes manifest,
                        struct bytes seal, int64_t *size);

/* Reading. */
struct archive;

/**
 * Open PATH and find its manifest.
 *
 * @return E_NOT_FOUND: there is no such file; E_INVALID: it is no archive, or cut off: says where
 */
enum err archive_open(struct scope *s, const char *path, struct archive **out);
void archive_close(struct archive *a);
OWNED(struct archive, archive_close);
/** What opens encrypted parts; IDS outlive A. */
void archive_identities(struct archive *a, const struct age_identities *ids);
struct bytes archive_manifest(const struct archive *a);
struct bytes archive_seal(const struct archive *a);
/**
 * Compare every byte with what PARTS (struct archive_part, in order), all made AT, say it must be.
 *
 * @param faults  receives a const char * for each: "keys/a.key: it was changed"
 * @return OK also when there are faults; E_UNAVAILABLE: the file cannot be read
 */
enum err archive_check(struct scope *s, struct archive *a, const struct list *parts, struct when at,
                       struct list *faults);
/** Hand the part of that place in PARTS, decompressed, to PIECE; its hash is checked. E_INVALID;
 * E_FORBIDDEN: it is encrypted, and nothing here opens it */
enum err archive_read(struct scope *s, struct archive *a, const struct list *parts, size_t i,
                      enum err (*piece)(struct scope *s, void *to, struct bytes piece), void *to);

#endif

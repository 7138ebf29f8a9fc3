/** Manifest: what a backup says of itself, and the seal by which nobody else can say it. Any
 * thread. */
#ifndef BACKUP_MANIFEST_H
#define BACKUP_MANIFEST_H

#include "backup/archive.h"
#include "codec/model.h"
#include "seal/keyring.h"

#define BACKUP_FORMAT 1

/** A key of an authority, and how far its revocation lists have come. */
struct backup_authority {
    const char *name, *key_hash, *key_uri;
    int64_t generation, crl_number;
};
/** Where a backup stands in the stream of segments of SQLite's log: of those that come after it,
 * FROM is the first, and until THROUGH they may hold what it has already. */
struct backup_stream {
    const char *id;
    int64_t from, through;
};
/** Where an audit chain stood. */
struct backup_head {
    int64_t chain, seq;
    const char *hash;
};
struct backup_manifest {
    int64_t format;
    const char *id; /* a ULID */
    struct when created_at;
    const char *program;    /* its version */
    const char *database;   /* "sqlite", "postgresql" */
    struct list schema;     /* of int64_t: the migrations */
    const char *master_key; /* the id of the one that its secrets are sealed by; not the key */
    int64_t certificates, newest_certificate;
    const char *newest_serial; /* "": there is no certificate */
    struct list authorities;   /* of struct backup_authority */
    struct list audit;         /* of struct backup_head */
    struct list recipients;    /* of const char *: whom its parts are encrypted to; none: nobody */
    struct backup_stream *stream; /* NULL: nobody copied the log when it was made */
    struct list parts;            /* of struct archive_part */
};

/** Write M, and the seal of it by SIGNER, an Ed25519 key. Both in s->arena. */
enum err manifest_write(struct scope *s, const struct backup_manifest *m,
                        const struct keyring_key *signer, struct bytes *text, struct bytes *seal);
/**
 * Read a manifest that its seal fits.
 *
 * @param out     zeroed
 * @param signer  receives the id of the key that sealed it
 * @return E_INVALID: one of the two was changed, and which, or it is of a later format
 */
enum err manifest_read(struct scope *s, struct bytes text, struct bytes seal,
                       struct backup_manifest *out, const char **signer);

/** Write IN as MODEL has it, and its seal by SIGNER. Both in s->arena. */
enum err sealed_write(struct scope *s, const struct model *model, const void *in,
                      const struct keyring_key *signer, struct bytes *text, struct bytes *seal);
/** E_INVALID unless SEAL is that of TEXT; SIGNER receives the id of the key. */
enum err sealed_check(struct scope *s, struct bytes text, struct bytes seal, const char **signer);
/** The field table of a part, for what else consists of parts. */
extern const struct model archive_part_model;
/** Does PATH lead out of the directory that it is put behind? */
bool leads_out(const char *path);

#endif

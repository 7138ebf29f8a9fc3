/** Manifest: what a backup says of itself, and the seal by which nobody else can say it. Any
 * thread. */
#ifndef BACKUP_MANIFEST_H
#define BACKUP_MANIFEST_H

#include "backup/archive.h"
#include "seal/keyring.h"

#define BACKUP_FORMAT 1

/** A key of an authority, and how far its revocation lists have come. */
struct backup_authority {
    const char *name, *key_hash, *key_uri;
    int64_t generation, crl_number;
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
    struct list parts;         /* of struct archive_part */
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

#endif

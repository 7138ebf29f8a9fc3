/**
 * Age: files encrypted to recipients, as the program age writes and reads them: X25519 recipients
 * (age1...) and identities (AGE-SECRET-KEY-1...). What is opened comes in pieces, each of them
 * authentic; that all of it came is known at the end. One thread at a time.
 *
 * @see age-encryption.org/v1
 */
#ifndef PKI_AGE_H
#define PKI_AGE_H

#include "base/scope.h"
#include "base/secret.h"

#define AGE_SUFFIX ".age"
#define AGE_RECIPIENTS_MAX 20

/** E_INVALID unless TEXT is an X25519 recipient: says why. */
enum err age_recipient_check(struct scope *s, const char *text);

/** Who takes what comes out. */
struct age_out {
    enum err (*piece)(struct scope *s, void *to, struct bytes piece);
    void *to;
};

/* Writing. */
struct age_writer;
/** Begin a file for RECIPIENTS, of const char *, of which one is there at least. */
enum err age_writer_new(struct scope *s, const struct list *recipients, struct age_out out,
                        struct age_writer **w);
void age_writer_free(struct age_writer *w);
OWNED(struct age_writer, age_writer_free);
enum err age_writer_add(struct scope *s, struct age_writer *w, struct bytes piece);
/** The last of it. */
enum err age_writer_end(struct scope *s, struct age_writer *w);

/* Reading. */
struct age_identities;
/**
 * The identities in TEXT, as age-keygen writes them: one a line, # begins a comment.
 *
 * @return E_INVALID: a line is none, or there is none; E_UNSUPPORTED: of another kind
 */
enum err age_identities_read(struct scope *s, struct bytes text, struct age_identities **out);
void age_identities_free(struct age_identities *ids);
OWNED(struct age_identities, age_identities_free);
/** The recipient that the first of them opens for. */
const char *age_identities_recipient(struct scope *s, const struct age_identities *ids);

struct age_reader;
struct age_reader *age_reader_new(const struct age_identities *ids, struct age_out out);
void age_reader_free(struct age_reader *r);
OWNED(struct age_reader, age_reader_free);
/** @return E_FORBIDDEN: none of the identities opens it; E_INVALID: it is no age file, or was
 * changed */
enum err age_reader_add(struct scope *s, struct age_reader *r, struct bytes piece);
/** E_INVALID: it is cut off. */
enum err age_reader_end(struct scope *s, struct age_reader *r);

#endif

/** Keys: files with private keys that the server hands out; for the files of this folder. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "cli/run.h"

/** "pfx", "pfx-legacy", "jks", "pem", "zip"; ended by NULL. */
extern const char *const key_file_words[];

/** See that a key can be written to OUT: a file, or a stdout that is no terminal. */
enum err key_place_ready(struct cli *c, const char *out);
/** Recover the key of certificate ID into the file OUT ("-": stdout), under PASSWORD; FORM NULL is
 * "pfx". */
enum err recover_with(struct cli *c, int64_t id, const char *form, const char *out,
                      const struct secret *password);
/** The same, asking for the password as --password-file says. */
enum err recover_to(struct cli *c, int64_t id, const char *form, const char *out);

#endif

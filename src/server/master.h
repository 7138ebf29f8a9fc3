/** The installation's master key, wherever the setting seal.master_key keeps it: in a file, or in a
 * file that a key on a token wraps. */
#ifndef SERVER_MASTER_H
#define SERVER_MASTER_H

#include "seal/seal.h"
#include "server/settings.h"

/**
 * Open the master key as the settings say.
 *
 * @param path  its file, when it is not where it belongs; NULL: there. What wraps it is that of
 * the settings in any case
 * @param make  true: the first run makes it, and the key on the token that wraps it
 * @return as seal_open_master() and seal_open_wrapped(); a token that is not there or does not
 * answer is waited for as long as hsm.timeout says
 */
enum err master_open(struct scope *s, const struct server_settings *set, const char *path,
                     bool make, struct seal **out);
/** Path of the file that holds the master key, plain or wrapped, in A. */
const char *master_file(struct arena *a, const struct server_settings *set);

/** What a move of the master key came to; texts in the scope's arena. */
struct master_moved {
    const char *id;       /* the key's, which stays the same */
    const char *file;     /* that holds it now, too */
    const char *old_file; /* that held it before, and still does unless it is the same */
};
/**
 * Keep the master key in another place, too: in a file, or wrapped by a key on a token, which is
 * made if it is not there. What is sealed stays as it is. The settings are the caller's to change.
 *
 * @param to  file:PATH or pkcs11:token=T;object=K
 * @return E_CONFLICT: there is a file PATH already; else as master_open()
 */
enum err master_move(struct scope *s, const struct server_settings *set, const char *to,
                     struct master_moved *out);

#endif

/**
 * Key store: a directory that keeps keys and certificates by name, `keystores.vault: file:DIR`.
 * NAME.key and NAME.pem are the present version; each version is kept as NAME.vN.key and
 * NAME.vN.pem. For the files of this folder.
 */
#ifndef CLI_KEYSTORE_H
#define CLI_KEYSTORE_H

#include "cli/run.h"
#include "codec/settings.h"

/** NAME@STORE/VERSION, taken apart. */
struct item {
    const char *name;
    const char *store; /* NULL: none was named */
    const char *dir;   /* where the store is; NULL without a store */
    int64_t version;   /* 0: the present one */
};

/** True when REF has the form NAME@STORE. */
bool item_is(const char *ref);
/**
 * Take REF apart and find its store among the settings; without `@`, STORE (or none) holds it.
 *
 * @return E_INVALID for a name that is none; E_NOT_FOUND for a store that the settings do not name
 */
enum err item_read(struct cli *c, const char *ref, const char *store, struct item *out);
/** What the setting `issuers.REF` says, or NULL. */
enum err item_issuer(struct cli *c, const char *ref, const char **out);
/** The certificate of the item (DER); OUT is empty when there is none. */
enum err item_certificate(struct cli *c, const struct item *item, struct bytes *out);
/** The same with its issuers: of struct bytes (DER). */
enum err item_chain(struct cli *c, const struct item *item, struct list *out);
/** The private key of the item, PEM. E_NOT_FOUND: there is none. */
enum err item_key(struct cli *c, const struct item *item, struct secret **out);
/**
 * Keep a new version and make it the present one.
 *
 * @param version  receives its number
 */
enum err item_write(struct cli *c, const struct item *item, struct bytes key_pem,
                    struct bytes chain_pem, int64_t *version);

struct options;
/** What --config, --set, --data-dir and --db ask for. */
enum err options_of(struct cli *c, struct options *out);
/** The settings of the server, as --config and the environment give them. */
enum err settings_of(struct cli *c, struct settings **out);

#endif

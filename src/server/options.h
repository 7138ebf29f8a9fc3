/** Options: from the command line of `serve` and `init` to settings; for the files of this folder.
 */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "server/settings.h"

struct options {
    bool help, dev, check;
    const char *config, *data_dir, *ready_file;
    const char *admin_user, *admin_password_file, *ca_name; /* of init */
    const char *ca, *output;                                /* of init: "embedded"; "json" */
    const char *temporary; /* a data directory made for this run only; or NULL */
    struct list sets;      /* of const char *: "key=value", ended by NULL */
};

/** Read the arguments; E_INVALID names the one that is wrong. */
enum err options_read(struct scope *s, int argc, char **argv, struct options *out);
/** Load the settings they lead to. */
enum err options_load(struct scope *s, const struct options *o, struct settings **out);

/** Where settings are read from: the main file, which may not exist, and the directory of drop-ins,
 * which the main file of the system has, by whatever words it is chosen; NULL: nowhere. */
const char *options_main_file(const struct options *o);
const char *options_drop_ins(const struct options *o);

#endif

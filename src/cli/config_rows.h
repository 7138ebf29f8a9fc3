/** Config-rows: the commands about settings, as rows of the one table in commands.c. */
#ifndef CLI_CONFIG_ROWS_H
#define CLI_CONFIG_ROWS_H

#include "cli/run.h"

/* The commands. */
enum err run_config_set(struct cli *c);
enum err run_config_apply(struct cli *c);
enum err run_config_diff(struct cli *c);
enum err run_config_export(struct cli *c);

static const struct flag config_export_flags[] = {
    { "out", 0, FLAG_TEXT, "FILE", "write there; default stdout", NULL, NULL, NULL },
    { "set", 0, FLAG_TEXTS, "KEY=VALUE", "as `serve --set` would", NULL, NULL, NULL },
};

/* clang-format off */
#define CONFIG_COMMANDS                                                                            \
    { "config set", "KEY=VALUE...", 1, -1, NULL, 0, run_config_set,                                \
      "Change settings in their file, and nothing else in it.",                                    \
      "  chancery config set log.level=debug --config /etc/chancery/chancery.yaml\n"               \
      "  chancery config set listen.https 0.0.0.0:443 --dry-run\n" },                              \
    { "config apply", "FILE", 1, 1, NULL, 0, run_config_apply,                                     \
      "Put a whole file in the place of the settings' file, when it is good.",                     \
      "  chancery config apply new.yaml --dry-run\n  chancery config apply new.yaml --yes\n" },    \
    { "config diff", "[FILE]", 0, 1, NULL, 0, run_config_diff,                                     \
      "Tell how the settings differ from the presets, or another file from them.",                 \
      "  chancery config diff\n  chancery config diff new.yaml -o json\n" },                       \
    { "config export", "", 0, 0, FLAGS(config_export_flags), run_config_export,                    \
      "Print what was set, from wherever, as one file; secrets are left out.",                     \
      "  chancery config export --out chancery.yaml\n" }
/* clang-format on */

#endif

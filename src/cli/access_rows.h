/** Access-rows: the commands about roles and tokens, as rows of the one table in commands.c. */
#ifndef CLI_ACCESS_ROWS_H
#define CLI_ACCESS_ROWS_H

#include "cli/run.h"

/* The commands. */
enum err run_roles_list(struct cli *c);
enum err run_roles_show(struct cli *c);
enum err run_roles_create(struct cli *c);
enum err run_roles_delete(struct cli *c);
enum err run_roles_grant(struct cli *c);
enum err run_roles_member(struct cli *c);
enum err run_roles_permissions(struct cli *c);
enum err run_tokens_list(struct cli *c);
enum err run_tokens_create(struct cli *c);
enum err run_tokens_revoke(struct cli *c);

/* For the files of this folder. */
/** Write the members of a grant of PERMISSION, on what --on names. E_INVALID: it names nothing. */
enum err grant_write(struct cli *c, struct buf *b, const char *permission);
/** What --on names, cut at its colon; both NULL without it. */
enum err on_given(struct cli *c, const char **scope, const char **object);

static const struct flag role_flags[] = {
    { "description", 0, FLAG_TEXT, "TEXT", "what it is for", NULL, NULL, NULL },
    { "permission", 0, FLAG_NAMES, "NAME", "what it may do everywhere; repeat, or with commas",
      NULL, NULL, NULL },
};
static const struct flag on_flags[] = {
    { "on", 0, FLAG_TEXT, "KIND:NAME", "on one template, authority, collection, ... alone", NULL,
      NULL, NULL },
};
static const struct flag token_flags[] = {
    { "permission", 0, FLAG_NAMES, "NAME", "what it is for; repeat, or with commas; * is all", NULL,
      NULL, NULL },
    { "on", 0, FLAG_TEXT, "KIND:NAME", "on one template, authority, collection, ... alone", NULL,
      NULL, NULL },
    { "expires", 0, FLAG_TIME, "T", "its end: a date, +30d; default in 90 days", NULL, NULL, NULL },
};
static const struct flag token_list_flags[] = {
    { "everybody", 0, FLAG_SWITCH, NULL, "not only one's own", NULL, NULL, NULL },
};

/* clang-format off */
#define ACCESS_COMMANDS                                                                            \
    { "roles list", "", 0, 0, FLAGS(watch_flags), run_roles_list, "List the roles.",               \
      "  chancery roles list\n" },                                                                 \
    { "roles show", "ROLE", 1, 1, NULL, 0, run_roles_show,                                         \
      "Show what a role may do, and who holds it.", "  chancery roles show Operator\n" },          \
    { "roles create", "ROLE", 1, 1, FLAGS(role_flags), run_roles_create, "Make a role.",           \
      "  chancery roles create \"Web team\" --permission certificates/read,certificates/revoke\n" }, \
    { "roles delete", "ROLE", 1, 1, NULL, 0, run_roles_delete, "Remove a role that nobody holds.", \
      "  chancery roles delete \"Web team\" --yes\n" },                                            \
    { "roles grant", "ROLE PERMISSION...", 2, -1, FLAGS(on_flags), run_roles_grant,                \
      "Let a role do more.",                                                                       \
      "  chancery roles grant \"Web team\" enrollment/csr --on template:WebServer\n" },            \
    { "roles withdraw", "ROLE PERMISSION...", 2, -1, FLAGS(on_flags), run_roles_grant,             \
      "Let a role do less.", "  chancery roles withdraw \"Web team\" certificates/revoke\n" },     \
    { "roles add", "ROLE WHO...", 2, -1, NULL, 0, run_roles_member,                                \
      "Give somebody a role: a user, client:ID, claim:NUMBER.",                                    \
      "  chancery roles add \"Web team\" alice client:ci-runner\n" },                              \
    { "roles remove", "ROLE WHO...", 2, -1, NULL, 0, run_roles_member,                             \
      "Take a role from somebody.", "  chancery roles remove \"Web team\" alice\n" },              \
    { "roles permissions", "", 0, 0, NULL, 0, run_roles_permissions,                               \
      "List every permission there is.", "  chancery roles permissions\n" },                       \
    { "tokens list", "", 0, 0, FLAGS(token_list_flags), run_tokens_list,                           \
      "List the tokens for programs.", "  chancery tokens list\n" },                               \
    { "tokens create", "NAME", 1, 1, FLAGS(token_flags), run_tokens_create,                        \
      "Make a token for a program, that may do no more than you.",                                 \
      "  chancery tokens create ci --permission certificates/read,enrollment/csr --expires +30d\n" }, \
    { "tokens revoke", "ID...", 1, -1, NULL, 0, run_tokens_revoke, "End a token, at once.",        \
      "  chancery tokens revoke 7 --yes\n" }
/* clang-format on */

#endif

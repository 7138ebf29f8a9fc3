#include "seal/reference.h"

#include "base/map.h"
#include "codec/json.h"
#include "seal/private_file.h"
#include "seal/seal.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65536
#define LITERAL "literal:"

/* The words of the grammar; one that ends with a colon is followed by its argument, others may be.
 */
static const struct {
    const char *word;
    enum secret_kind kind;
} words[] = {
    { "env:", SECRET_ENV },
    { "file:", SECRET_FILE },
    { "seal:", SECRET_SEALED },
    { "vault:", SECRET_OUTSIDE },
    { "akv:", SECRET_OUTSIDE },
    { "pam:", SECRET_OUTSIDE },
    { "from-environment", SECRET_ENV },
    { "from-azure-keyvault", SECRET_OUTSIDE },
};

/** The word TEXT begins with, and what follows it: NULL for a bare alias. False: plain text. */
static bool
find_word(const char *text, enum secret_kind *kind, const char **rest)
{
    for (size_t i = 0; text && i < COUNT(words); i++) {
        size_t len = strlen(words[i].word);
        bool whole = words[i].word[len - 1] == ':';

        if (strncmp(text, words[i].word, len) != 0 || (!whole && text[len] && text[len] != ':'))
            continue;
        *kind = words[i].kind;
        *rest = whole ? text + len : text[len] ? text + len + 1 : NULL;
        return true;
    }
    return false;
}

enum secret_kind
secret_kind(const char *text)
{
    enum secret_kind kind;
    const char *rest;

    return find_word(text, &kind, &rest) ? kind : SECRET_PLAIN;
}

/* Variables that were read: from then on their values are here, and not in the environment. */
static pthread_mutex_t env_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *env_read;
static struct arena *env_arena; /* what env_read lives in */

static void
env_forget(void)
{
    const char *name;
    void *value;

    for (size_t at = 0; env_read && map_next(env_read, &at, &name, &value);)
        secret_free(value);
    env_read = NULL;
    arena_free(env_arena);
    env_arena = NULL;
}

/** Read NAME once. Its bytes are overwritten where they are, so that /proc/PID/environ does not
 * show them. */
static struct secret *
env_take(const char *name)
{
    struct secret *value;

    (void)pthread_mutex_lock(&env_lock);
    value = env_read ? map_get(env_read, name) : NULL;
    if (!value) {
        char *text = getenv(name);

        if (text && *text) {
            if (!env_read) {
                env_arena = arena_new();
                env_read = map_new(env_arena, false);
                (void)atexit(env_forget);
            }
            value = secret_copy(bytes_of_text(text));
            (void)map_put(env_read, name, value);
            wipe(text, value->len);
        }
    }
    (void)pthread_mutex_unlock(&env_lock);
    return value;
}

/** Does NAME match PATTERN, where `*` stands for any number of characters? */
static bool
matches(const char *pattern, const char *name)
{
    const char *star = NULL, *retry = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            retry = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool
env_allowed(const struct secret_rules *rules, const char *name)
{
    if (!rules || !rules->env_allow)
        return true;
    for (const char *const *p = rules->env_allow; *p; p++) {
        if (matches(*p, name))
            return true;
    }
    return false;
}

static bool
is_env_name(const char *name)
{
    if (!*name || isdigit((unsigned char)*name))
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    }
    return true;
}

/** The variable that the bare alias means: the setting's path in upper case, `_` for what stands
 * between. */
static const char *
env_name_of(struct scope *s, const char *key)
{
    char *name = arena_text(s->arena, key);

    for (char *p = name; *p; p++)
        *p = (char)(isalnum((unsigned char)*p) ? toupper((unsigned char)*p) : '_');
    return name;
}

static enum err
resolve_env(struct scope *s, const struct secret_rules *rules, const char *key, const char *name,
            struct secret **out)
{
    const struct secret *value;

    if (!name && !key)
        return fail_code(s, E_INVALID, CHY_BAD_SECRET_REF,
                         "from-environment needs a name here: from-environment:NAME");
    name = name ? name : env_name_of(s, key);
    if (!is_env_name(name))
        return fail_code(s, E_INVALID, CHY_BAD_SECRET_REF, "%s is no name of a variable", name);
    if (!env_allowed(rules, name))
        return fail_code(s, E_FORBIDDEN, CHY_BAD_SECRET_REF,
                         "the environment variable %s may not be referred to here", name);
    value = env_take(name);
    if (!value)
        return fail_code(s, E_NOT_FOUND, CHY_BAD_SECRET_REF,
                         "the environment variable %s is not set", name);
    *out = secret_copy(secret_bytes(value));
    return OK;
}

/** The file's real place, if the rules allow it: links may not lead out of the root. */
static enum err
check_root(struct scope *s, const char *root, const char *path, const char **real)
{
    char full[PATH_MAX], root_full[PATH_MAX];
    size_t len;

    *real = path;
    if (!root)
        return OK;
    if (!realpath(root, root_full))
        return fail_code(s, E_NOT_FOUND, CHY_BAD_SECRET_REF, "there is no directory %s", root);
    if (!realpath(path, full))
        return fail_code(s, E_NOT_FOUND, CHY_BAD_SECRET_REF, "cannot find %s", path);
    len = strlen(root_full);
    if (strncmp(full, root_full, len) != 0 || (full[len] != '/' && len > 1))
        return fail_code(s, E_FORBIDDEN, CHY_BAD_SECRET_REF, "%s is not below %s", path, root);
    *real = arena_text(s->arena, full);
    return OK;
}

/** The value without one line break at its end; editors and `echo` leave it. */
static struct bytes
without_line_break(struct bytes b)
{
    if (b.len && b.data[b.len - 1] == '\n')
        b.len -= b.len > 1 && b.data[b.len - 2] == '\r' ? 2 : 1;
    return b;
}

/** One member of a JSON object; the parser's own copies go with its scope. */
static enum err
pick_member(struct scope *s, const char *path, const char *member, struct secret *text,
            struct secret **out)
{
    AUTO(scope_free) struct scope *quiet = scope_new("seal");
    struct json *j = NULL;
    const char *value;

    if (json_parse(quiet, secret_bytes(text), &j) != OK || !json_is_object(j))
        return fail_code(s, E_INVALID, CHY_BAD_SECRET_REF, "%s holds no JSON object", path);
    value = json_str(json_get(j, member));
    if (!value)
        return fail_code(s, E_NOT_FOUND, CHY_BAD_SECRET_REF, "%s has no text named %s", path,
                         member);
    *out = secret_copy(bytes_of_text(value));
    return OK;
}

static enum err
resolve_file(struct scope *s, const struct secret_rules *rules, const char *rest,
             struct secret **out)
{
    AUTO(secret_free) struct secret *whole = NULL;
    const char *hash = strrchr(rest, '#'), *path, *real;
    enum err e;

    path = hash ? arena_text_n(s->arena, rest, (size_t)(hash - rest)) : rest;
    if (!*path || (hash && !hash[1]))
        return fail_code(s, E_INVALID, CHY_BAD_SECRET_REF, "a reference to a file is file:PATH");
    TRY(check_root(s, rules ? rules->file_root : NULL, path, &real));
    e = private_file_read(s, real, FILE_MAX, PRIVATE_GROUP, &whole);
    if (e != OK) {
        s->error.code = CHY_BAD_SECRET_REF;
        return e;
    }
    if (hash)
        return pick_member(s, path, hash + 1, whole, out);
    *out = secret_copy(without_line_break(secret_bytes(whole)));
    return OK;
}

static enum err
resolve_sealed(struct scope *s, struct seal *seal, const char *ref, struct secret **out)
{
    enum err e;

    if (!seal)
        return fail_code(s, E_UNAVAILABLE, CHY_BAD_SECRET_REF,
                         "a sealed value needs the server's master key");
    e = seal_text_open(s, seal, ref, out);
    if (e != OK && s->error.code == CHY_NONE)
        s->error.code = CHY_BAD_SECRET_REF;
    return e;
}

/** Name the reference's kind only: what stands behind the colon is the user's business. */
static enum err
refuse_outside(struct scope *s, const char *ref)
{
    return fail_code(s, E_UNSUPPORTED, CHY_BAD_SECRET_REF,
                     "references of the kind %.*s are not offered by this version: use env:, "
                     "file: or seal:",
                     (int)strcspn(ref, ":"), ref);
}

enum err
secret_resolve_for(struct scope *s, struct seal *seal, const struct secret_rules *rules,
                   const char *key, const char *ref, struct secret **out)
{
    enum secret_kind kind = SECRET_PLAIN;
    const char *rest = NULL;

    if (!ref)
        return fail_code(s, E_INVALID, CHY_BAD_SECRET_REF, "a secret is missing");
    (void)find_word(ref, &kind, &rest);
    switch (kind) {
    case SECRET_ENV:
        return resolve_env(s, rules, key, rest, out);
    case SECRET_FILE:
        return resolve_file(s, rules, rest, out);
    case SECRET_SEALED:
        return resolve_sealed(s, seal, ref, out);
    case SECRET_OUTSIDE:
        return refuse_outside(s, ref);
    case SECRET_PLAIN:
        break;
    }
    if (text_starts(ref, LITERAL))
        ref += strlen(LITERAL);
    *out = secret_copy(bytes_of_text(ref));
    return OK;
}

enum err
secret_resolve(struct scope *s, struct seal *seal, const char *ref, struct secret **out)
{
    return secret_resolve_for(s, seal, NULL, NULL, ref, out);
}

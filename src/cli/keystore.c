#include "cli/keystore.h"

#include "base/file.h"
#include "pki/pem.h"
#include "seal/private_file.h"
#include "server/options.h"
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define NAME_MAX_LEN 127
#define PEM_FILE_MAX ((size_t)1 << 20)

static void
set_by(struct cli *c, struct options *o, const char *flag, const char *key)
{
    const char *value = cli_text(c, flag);

    if (value)
        list_add(c->s->arena, &o->sets, const char *,
                 arena_printf(c->s->arena, "%s=%s", key, value));
}

enum err
options_of(struct cli *c, struct options *out)
{
    *out = (struct options){ .config = cli_text(c, "config"), .sets = cli_texts(c, "set") };
    LIST_EACH(const char *, one, &out->sets)
    if (!strchr(*one, '='))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--set %s: write it as key=value", *one);
    set_by(c, out, "data-dir", "data_dir");
    set_by(c, out, "to-dir", "data_dir");
    set_by(c, out, "db", "db.url");
    return OK;
}

enum err
settings_of(struct cli *c, struct settings **out)
{
    struct options o;

    TRY(options_of(c, &o));
    return options_load(c->s, &o, out);
}

bool
item_is(const char *ref)
{
    const char *at = strchr(ref, '@');

    return at && at > ref && at[1] && !strchr(ref, '\\');
}

/* Names become names of files. */
static bool
is_name(const char *name)
{
    size_t len = strlen(name);

    if (!len || len > NAME_MAX_LEN || *name == '.')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static enum err
find_store(struct cli *c, struct item *item)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    const struct server_settings *set;
    const char *where = item->store;

    if (!text_starts(where, "file:")) {
        TRY(note(c->s, settings_of(c, &settings), "the settings that name key stores"));
        set = settings_root(settings);
        where = pairs_get(&set->keystores, item->store);
    }
    if (!where) {
        c->fix = arena_printf(c->s->arena,
                              "name it in the settings, `keystores: {%s: \"file:DIR\"}`, and give "
                              "them with --config",
                              item->store);
        return fail_code(c->s, E_NOT_FOUND, CHY_USAGE, "there is no key store \"%s\"", item->store);
    }
    if (!text_starts(where, "file:") || !where[5])
        return fail_code(c->s, E_UNSUPPORTED, CHY_USAGE,
                         "key store \"%s\" is \"%s\": only file:DIR is known", item->store, where);
    item->dir = arena_text(c->s->arena, where + 5);
    return OK;
}

enum err
item_read(struct cli *c, const char *ref, const char *store, struct item *out)
{
    const char *at = strchr(ref, '@'), *slash;

    *out = (struct item){ .name = ref, .store = store };
    if (at) {
        out->name = arena_text_n(c->s->arena, ref, (size_t)(at - ref));
        out->store = at + 1;
        slash = text_starts(at + 1, "file:") ? NULL : strrchr(at, '/');
        if (slash) {
            if (!text_to_int(slash + 1, &out->version) || out->version < 1)
                return fail_code(c->s, E_INVALID, CHY_USAGE, "%s: \"%s\" is no version", ref,
                                 slash + 1);
            out->store = arena_text_n(c->s->arena, at + 1, (size_t)(slash - at - 1));
        }
    }
    if (!is_name(out->name))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "\"%s\" is no name: letters, digits, \".\", \"_\" and \"-\"", out->name);
    return text_empty(out->store) ? OK : find_store(c, out);
}

enum err
item_issuer(struct cli *c, const char *ref, const char **out)
{
    AUTO(settings_unref) struct settings *settings = NULL;
    const struct server_settings *set;

    TRY(note(c->s, settings_of(c, &settings), "the settings that name issuers"));
    set = settings_root(settings);
    *out = arena_text(c->s->arena, pairs_get(&set->issuers, ref));
    return OK;
}

static const char *
path_of(struct cli *c, const struct item *item, int64_t version, const char *kind)
{
    if (!version)
        return arena_printf(c->s->arena, "%s/%s.%s", item->dir, item->name, kind);
    return arena_printf(c->s->arena, "%s/%s.v%lld.%s", item->dir, item->name, (long long)version,
                        kind);
}

enum err
item_chain(struct cli *c, const struct item *item, struct list *out)
{
    const char *path = path_of(c, item, item->version, "pem");
    struct stat st;
    struct bytes pem;

    *out = (struct list){ 0 };
    if (stat(path, &st) != 0)
        return OK;
    TRY(read_input(c, path, PEM_FILE_MAX, &pem));
    return note(c->s, pem_read_certs(c->s, pem, out), "%s", path);
}

enum err
item_certificate(struct cli *c, const struct item *item, struct bytes *out)
{
    struct list certs;

    *out = (struct bytes){ NULL, 0 };
    TRY(item_chain(c, item, &certs));
    if (certs.count)
        *out = *list_at(&certs, struct bytes, 0);
    return OK;
}

enum err
item_key(struct cli *c, const struct item *item, struct secret **out)
{
    return private_file_read(c->s, path_of(c, item, item->version, "key"), PEM_FILE_MAX,
                             PRIVATE_OWNER, out);
}

/* The highest version that the directory holds. */
static enum err
last_version(struct cli *c, const struct item *item, int64_t *out)
{
    DIR *dir = opendir(item->dir);
    const char *start = arena_printf(c->s->arena, "%s.v", item->name);
    struct dirent *one;
    int64_t n;

    if (!dir)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "cannot read the key store %s", item->dir);
    *out = 0;
    while ((one = readdir(dir))) {
        const char *dot = strrchr(one->d_name, '.');
        size_t skip = strlen(start);

        if (!dot || !text_starts(one->d_name, start) || dot < one->d_name + skip)
            continue;
        if (text_to_int(
                arena_text_n(c->s->arena, one->d_name + skip, (size_t)(dot - one->d_name) - skip),
                &n))
            *out = MAX(*out, n);
    }
    (void)closedir(dir);
    return OK;
}

enum err
item_write(struct cli *c, const struct item *item, struct bytes key_pem, struct bytes chain_pem,
           int64_t *version)
{
    AUTO(fd_close) int dir = open(item->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t next = 0;

    /* Whoever writes at the same time takes the next version, and key and certificate stay
     * together; a file system that knows no locks does without. */
    if (dir >= 0)
        (void)flock(dir, LOCK_EX);
    TRY(last_version(c, item, &next));
    next++;
    /* The version is whole before the present one changes. */
    if (key_pem.len)
        TRY(private_file_write(c->s, path_of(c, item, next, "key"), key_pem, false));
    TRY(private_file_write(c->s, path_of(c, item, next, "pem"), chain_pem, false));
    if (key_pem.len)
        TRY(private_file_write(c->s, path_of(c, item, 0, "key"), key_pem, true));
    TRY(private_file_write(c->s, path_of(c, item, 0, "pem"), chain_pem, true));
    *version = next;
    return OK;
}

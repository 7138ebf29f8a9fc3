#include "cli/context.h"

#include "cli/keyring.h"
#include "codec/node.h"
#include "codec/settings.h"
#include "codec/yaml.h"
#include "seal/private_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)256 * 1024)

static const struct {
    const char *name;
    size_t offset;
} members[] = {
    { "server", offsetof(struct context, server) },
    { "auth", offsetof(struct context, auth) },
    { "user", offsetof(struct context, user) },
    { "client_id", offsetof(struct context, client_id) },
    { "ca_file", offsetof(struct context, ca_file) },
    { "token", offsetof(struct context, token) },
    { "password", offsetof(struct context, password) },
    { "client_secret", offsetof(struct context, client_secret) },
    { "token_url", offsetof(struct context, token_url) },
    { "scopes", offsetof(struct context, scopes) },
    { "audience", offsetof(struct context, audience) },
    { "output", offsetof(struct context, output) },
};

static const char **
member_at(struct context *x, size_t i)
{
    return (const char **)(void *)((char *)x + members[i].offset);
}

static enum err
bad_node(struct scope *s, const char *origin, const char *why, const char *name)
{
    return fail_code(s, E_INVALID, CHY_BAD_SETTINGS, "%s: %s \"%s\"", origin, why, name);
}

static enum err
read_context(struct scope *s, const struct member *m, struct contexts *all)
{
    struct context *x = list_push(s->arena, &all->all, struct context);

    x->name = m->name;
    if (m->value->kind == NODE_NULL)
        return OK;
    if (m->value->kind != NODE_MAP)
        return bad_node(s, m->origin, "no context is described by", m->name);
    LIST_EACH(struct member, inner, &m->value->members)
    {
        size_t i = 0;

        while (i < COUNT(members) && !text_eq(members[i].name, inner->name))
            i++;
        if (i == COUNT(members))
            return bad_node(s, inner->origin, "a context has no member", inner->name);
        if (inner->value->kind != NODE_TEXT && inner->value->kind != NODE_NULL)
            return bad_node(s, inner->origin, "a text is wanted for", inner->name);
        *member_at(x, i) = inner->value->text;
    }
    return OK;
}

static enum err
read_member(struct scope *s, const struct member *m, struct contexts *all)
{
    const struct node *v = m->value;

    if (text_eq(m->name, "current") && v->kind == NODE_TEXT) {
        all->current = v->text;
    } else if (text_eq(m->name, "contexts") && v->kind == NODE_MAP) {
        LIST_EACH(struct member, one, &v->members)
        TRY(read_context(s, one, all));
    } else if (text_eq(m->name, "defaults") && v->kind == NODE_MAP) {
        LIST_EACH(struct member, one, &v->members)
        {
            if (text_eq(one->name, "template"))
                all->tmpl = one->value->text;
            else if (text_eq(one->name, "color"))
                all->color = one->value->text;
            else
                return bad_node(s, one->origin, "there is no default called", one->name);
        }
    } else if (v->kind != NODE_NULL) {
        return bad_node(s, m->origin, "there is no member", m->name);
    }
    return OK;
}

static const char *
config_path(struct scope *s)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (!text_empty(base))
        return arena_printf(s->arena, "%s/chancery/config.yaml", base);
    return text_empty(home) ? NULL
                            : arena_printf(s->arena, "%s/.config/chancery/config.yaml", home);
}

static enum err
read_file(struct scope *s, const char *path, struct bytes *text, bool *exposed)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* of a FIFO: at once */
    struct stat st;
    uint8_t *data;
    ssize_t n = -1;

    *text = (struct bytes){ NULL, 0 };
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return OK;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)FILE_MAX) {
        if (fd >= 0)
            (void)close(fd);
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS, "cannot read %s", path);
    }
    data = arena_alloc(s->arena, (size_t)st.st_size + 1);
    n = read(fd, data, (size_t)st.st_size);
    (void)close(fd);
    if (n < 0)
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS, "cannot read %s: %s", path,
                         strerror(errno));
    *exposed = (st.st_mode & 077) != 0;
    *text = (struct bytes){ data, (size_t)n };
    return OK;
}

enum err
contexts_load(struct scope *s, struct contexts *out)
{
    struct bytes text = { 0 };
    struct node *root;
    bool exposed = false;

    *out = (struct contexts){ .path = config_path(s) };
    if (!out->path)
        return OK;
    TRY(read_file(s, out->path, &text, &exposed));
    if (!text.len)
        return OK;
    TRY(node_read(s, out->path, text, &root));
    if (root->kind != NODE_MAP)
        return root->kind == NODE_NULL ? OK
                                       : bad_node(s, root->origin, "no contexts in", out->path);
    LIST_EACH(struct member, m, &root->members)
    TRY(read_member(s, m, out));
    LIST_EACH(struct context, x, &out->all)
    if (exposed && (context_is_plain(x->token) || context_is_plain(x->password) ||
                    context_is_plain(x->client_secret)))
        return fail_code(s, E_FORBIDDEN, CHY_BAD_SETTINGS,
                         "%s holds a %s and others may read it: chmod 600 %s", out->path,
                         context_is_plain(x->token)      ? "token"
                         : context_is_plain(x->password) ? "password"
                                                         : "client secret",
                         out->path);
    return OK;
}

static enum err
make_dirs(struct scope *s, const char *path)
{
    char *at = arena_text(s->arena, path);

    for (char *p = strchr(at + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = 0;
        if (mkdir(at, 0700) != 0 && errno != EEXIST)
            return fail(s, E_INVALID, "cannot make %s: %s", at, strerror(errno));
        *p = '/';
    }
    return OK;
}

static void
add_member(struct buf *b, const char *indent, const char *name, const char *value)
{
    if (!value)
        return;
    buf_text(b, indent);
    yaml_text(b, name);
    buf_text(b, ": ");
    yaml_text(b, value);
    buf_byte(b, '\n');
}

enum err
contexts_save(struct scope *s, const struct contexts *all)
{
    struct buf b;

    if (!all->path)
        return fail(s, E_INVALID,
                    "there is no place for contexts: HOME and XDG_CONFIG_HOME are unset");
    buf_init_in(&b, s->arena, FILE_MAX);
    add_member(&b, "", "current", all->current);
    buf_text(&b, all->all.count ? "contexts:\n" : "");
    LIST_EACH(struct context, x, &all->all)
    {
        buf_text(&b, "  ");
        yaml_text(&b, x->name);
        buf_text(&b, ":\n");
        for (size_t i = 0; i < COUNT(members); i++)
            add_member(&b, "    ", members[i].name, *member_at(x, i));
    }
    buf_text(&b, all->tmpl || all->color ? "defaults:\n" : "");
    add_member(&b, "  ", "template", all->tmpl);
    add_member(&b, "  ", "color", all->color);
    if (b.failed)
        return fail(s, E_LIMIT, "the contexts are too many");
    TRY(make_dirs(s, all->path));
    return private_file_write(s, all->path, buf_bytes(&b), true);
}

bool
context_is_plain(const char *text)
{
    return text && !keyring_name(text) && !settings_is_reference(text);
}

void
context_forget(struct context *x)
{
    const char **const secrets[] = { &x->token, &x->password, &x->client_secret };

    for (size_t i = 0; i < COUNT(secrets); i++) {
        if (keyring_name(*secrets[i]))
            keyring_drop(keyring_name(*secrets[i]));
        *secrets[i] = NULL;
    }
}

struct context *
context_find(const struct contexts *all, const char *name)
{
    LIST_EACH(struct context, x, &all->all)
    if (text_eq(x->name, name))
        return x;
    return NULL;
}

struct context *
context_make(struct scope *s, struct contexts *all, const char *name)
{
    struct context *x = context_find(all, name);

    if (!x) {
        x = list_push(s->arena, &all->all, struct context);
        x->name = name;
    }
    return x;
}

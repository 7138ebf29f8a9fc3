#include "server/options.h"

#include "codec/value.h"
#include "seal/reference.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/chancery/chancery.yaml"
#define SYSTEM_DROP_INS "/etc/chancery/conf.d"

/* A flag that takes a value, and where it goes: to a member, or to a setting. */
struct flag {
    const char *name;
    size_t offset;       /* of a const char * in struct options */
    const char *setting; /* or the setting's key */
};

static const struct flag flags[] = {
    { "--config", offsetof(struct options, config), NULL },
    { "--data-dir", offsetof(struct options, data_dir), NULL },
    { "--ready-file", offsetof(struct options, ready_file), NULL },
    { "--admin-user", offsetof(struct options, admin_user), NULL },
    { "--admin-password-file", offsetof(struct options, admin_password_file), NULL },
    { "--ca", offsetof(struct options, ca), NULL },
    { "--ca-name", offsetof(struct options, ca_name), NULL },
    { "--output", offsetof(struct options, output), NULL },
    { "-o", offsetof(struct options, output), NULL },
    { "--listen", 0, "listen.https" },
    { "--http-listen", 0, "listen.http" },
    { "--db", 0, "db.url" },
    { "--url", 0, "pki.base_url" },
    { "--set", 0, "" },
};

static void
set(struct scope *s, struct options *o, const char *key, const char *value)
{
    list_add(s->arena, &o->sets, const char *,
             *key ? arena_printf(s->arena, "%s=%s", key, value) : value);
}

static enum err
take_value(struct scope *s, struct options *o, const struct flag *f, const char *value)
{
    if (!value)
        return fail_code(s, E_INVALID, CHY_USAGE, "%s needs a value", f->name);
    if (text_starts(f->setting ? f->setting : "", "listen.") && *value &&
        !value_pattern("address", value))
        return fail_code(s, E_INVALID, CHY_USAGE, "%s: \"%s\" is no address:port", f->name, value);
    if (f->setting) {
        if (!*f->setting && !strchr(value, '='))
            return fail_code(s, E_INVALID, CHY_USAGE, "--set %s: write it as key=value", value);
        set(s, o, f->setting, value);
    } else {
        *(const char **)(void *)((char *)o + f->offset) = value;
    }
    return OK;
}

static enum err
take(struct scope *s, struct options *o, const char *arg, const char *next, bool *used_next)
{
    const char *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);

    *used_next = false;
    if (text_eq(arg, "--help") || text_eq(arg, "-h"))
        o->help = true;
    else if (text_eq(arg, "--dev"))
        o->dev = true;
    else if (text_eq(arg, "--check"))
        o->check = true;
    else
        for (size_t i = 0; i < COUNT(flags); i++) {
            if (strlen(flags[i].name) != len || strncmp(flags[i].name, arg, len) != 0)
                continue;
            *used_next = !equals;
            return take_value(s, o, &flags[i], equals ? equals + 1 : next);
        }
    if (o->help || text_eq(arg, "--dev") || text_eq(arg, "--check"))
        return OK;
    return fail_code(s, E_INVALID, CHY_USAGE, "unknown argument %s", arg);
}

enum err
options_read(struct scope *s, int argc, char **argv, struct options *out)
{
    const char *tmp = getenv("TMPDIR");
    char *made;

    *out = (struct options){ 0 };
    for (int i = 0; i < argc; i++) {
        bool used_next;

        TRY(take(s, out, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used_next));
        i += used_next;
    }
    if (out->ca && !text_eq(out->ca, "embedded"))
        return fail_code(s, E_INVALID, CHY_USAGE, "--ca: \"%s\" is not known, only embedded",
                         out->ca);
    if (out->output && !text_eq(out->output, "json") && !text_eq(out->output, "table"))
        return fail_code(s, E_INVALID, CHY_USAGE, "-o: \"%s\" is neither json nor table",
                         out->output);
    if (out->dev && !out->data_dir && !out->help) {
        made = arena_printf(s->arena, "%s/chancery-dev-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
        if (!mkdtemp(made))
            return fail(s, E_UNAVAILABLE, "cannot make the directory %s: %s", made,
                        strerror(errno));
        out->data_dir = out->temporary = made;
    }
    if (out->data_dir)
        set(s, out, "data_dir", out->data_dir);
    if (out->ca_name)
        set(s, out, "pki.name", out->ca_name);
    return OK;
}

static enum err
resolve(struct scope *s, void *arg UNUSED, const char *key, const char *reference, const char **out)
{
    AUTO(secret_free) struct secret *value = NULL;

    TRY(secret_resolve_for(s, NULL, NULL, key, reference, &value));
    *out = arena_text(s->arena, (const char *)value->data);
    return OK;
}

const char *
options_main_file(const struct options *o)
{
    return o->config ? o->config : o->dev ? NULL : SYSTEM_CONFIG;
}

const char *
options_drop_ins(const struct options *o)
{
    const char *file = options_main_file(o);

    return file && text_eq(file, SYSTEM_CONFIG) ? SYSTEM_DROP_INS : NULL;
}

enum err
options_load(struct scope *s, const struct options *o, struct settings **out)
{
    static const char *const dev_defaults[] = { "listen.https=127.0.0.1:8443",
                                                "listen.http=127.0.0.1:8080", "acme.enabled=true",
                                                "acme.limits.exempt=127.0.0.0/8,::1", NULL };
    struct list sets = { 0 };
    struct settings_sources from = {
        .defaults = o->dev ? dev_defaults : NULL,
        .defaults_name = o->dev ? "--dev" : NULL,
        .main_file = options_main_file(o),
        .main_optional = !o->config,
        .drop_in_dir = options_drop_ins(o),
        .aliases = server_settings_aliases,
        .environment = (const char *const *)(void *)environ,
        .resolve = resolve,
    };

    LIST_EACH(const char *, one, &o->sets)
    list_add(s->arena, &sets, const char *, *one);
    list_add(s->arena, &sets, const char *, NULL);
    from.sets = sets.items;
    TRY(settings_load(s, &server_settings_model, &from, out));
    return settings_judge(s, *out);
}

/**
 * Settings: a tree of structs, read by its models from files, environment and flags, that remembers
 * where each value came from. Sections are FT_OBJECT members; all of them are there after loading,
 * whether or not anything was set. Named entries (`keystores.vault: file:DIR`) are FT_PAIRS,
 * several of a kind are FT_LIST of a model. A key is the sections' names and its own with dots
 * between: `http.port`.
 */
#ifndef CODEC_SETTINGS_H
#define CODEC_SETTINGS_H

#include "base/scope.h"
#include "codec/model.h"

struct settings; /* immutable, counted; any thread */

/** How the value of another program's key becomes ours. */
enum alias_kind {
    ALIAS_END,     /* of a table */
    ALIAS_AS_IS,   /* as it is */
    ALIAS_SECTION, /* that the section is there says .yes */
    ALIAS_FLAG,    /* true says .yes, false says .no */
    ALIAS_ITEM,    /* true adds .yes to a list; so does a section without the key, unless .no */
    ALIAS_HOST,    /* true is a list of one, the host of the URL that .yes, another key, has */
    ALIAS_REFUSED, /* it cannot be had here: .yes says why */
};
/** A key of another program's settings file, and what it comes to. */
struct settings_alias {
    enum alias_kind kind;
    const char *key; /* "AcmeServer.BaseUrl": its sections' names and its own */
    const char *to;  /* our key */
    const char *yes, *no;
};

/** Where settings come from; a later member wins over an earlier one, and presets of the models
 * over none. */
struct settings_sources {
    const char *const *defaults; /* "key=value" of the program itself (such as --dev means), NULL at
                                    the end; or NULL */
    const char *defaults_name;   /* their origin, "--dev"; NULL: "default" */
    const char *main_file;       /* YAML or JSON; NULL: none */
    bool main_optional;          /* a main_file that does not exist is fine */
    const char *drop_in_dir; /* its *.yaml, *.yml and *.json in byte order; NULL or missing: none */
    /** What sections of another program come to that a file has, up to ALIAS_END; our own keys
     * beside them win. NULL: there are none. */
    const struct settings_alias *aliases;
    const char *const *environment; /* as environ: CHANCERY_SECTION__KEY=value; NULL: none */
    const char *const *sets;        /* "key=value" of --set flags, NULL at the end; or NULL */
    /**
     * Gives the secret that REFERENCE (`env:X`, `file:/x`, `seal:...`) names, in s->arena; NULL:
     * references stay as they are, unchecked. It is not asked about KEEP_REF fields.
     */
    enum err (*resolve)(struct scope *s, void *arg, const char *key, const char *reference,
                        const char **out);
    void *resolve_arg;
};

/**
 * Read all sources and check them against ROOT. In the environment and in flags a list is `a,b`, or
 * YAML in brackets; an object or an object of texts is YAML in braces.
 *
 * @param out  receives the snapshot, with one reference; see settings_unref()
 * @return E_INVALID with every problem found: each begins with where it was found
 * (FILE:LINE:COLUMN, the variable, the flag) and the key, and an unknown key with what it may have
 * meant; E_NOT_FOUND: no main_file
 */
enum err settings_load(struct scope *s, const struct model *root,
                       const struct settings_sources *from, struct settings **out);
struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings);
OWNED(struct settings, settings_unref);

/** The struct that ROOT describes. It lives as long as the snapshot. */
const void *settings_root(const struct settings *settings);

/** Where the value of KEY came from: "/etc/chancery/chancery.yaml:3:5", "environment X", "--set x",
 * or "preset". */
const char *settings_origin(const struct settings *settings, const char *key);

/** What should be said once at start: a list of const char *. */
const struct list *settings_warnings(const struct settings *settings);

enum settings_form {
    SETTINGS_YAML,  /* nested; with origins as comments */
    SETTINGS_JSON,  /* nested; with origins flat: {"http.port":{"value":8443,"origin":"preset"}} */
    SETTINGS_LINES, /* key = value */
};

/** Print all values. Secrets are ***; what a reference gave is shown as the reference. */
void settings_show(struct buf *out, const struct settings *settings, enum settings_form form,
                   bool origins);

/** Print the reference of ROOT: an example file in YAML with presets, ranges, variables and
 * explanations. */
void settings_describe(struct buf *out, const struct model *root);
/** The same as rows of a Markdown table: key, type and range, preset, explanation. */
void settings_table(struct buf *out, const struct model *root);

/** True for text that settings take as a reference to a secret elsewhere. */
bool settings_is_reference(const char *text);

#endif

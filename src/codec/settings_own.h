/** What the files of settings share; nobody else includes it. */
#ifndef CODEC_SETTINGS_OWN_H
#define CODEC_SETTINGS_OWN_H

#include "base/map.h"
#include "codec/node.h"
#include "codec/settings.h"

#include <stdatomic.h>

/** What is known of one value beside the value. */
struct settings_note {
    const char *origin;
    const char *reference; /* the text that named it, when it was one */
};

struct settings {
    atomic_int refs;
    struct arena *arena;
    const struct model *model;
    void *root;
    struct map *notes;    /* by key: struct settings_note */
    struct list warnings; /* of const char * */
};

/** One loading: S collects the problems, the arena of INTO takes the result. */
struct settings_loader {
    struct scope *s;
    const struct settings_sources *from;
    struct settings *into;
    bool incomplete; /* a source could not be read: what is missing is no problem of its own */
};

/** Collect all sources into one tree; what cannot be read is a problem of the scope. */
enum err settings_gather(struct settings_loader *l, struct node **out);

/** A node that says ORIGIN, then the key, then WHY: a problem of the scope. */
void settings_problem(struct settings_loader *l, const char *origin, const char *key,
                      enum code code, const char *why);

/** The tree that has VALUE alone, at KEY. */
struct node *settings_nested(struct arena *a, const char *key, struct node *value);
struct node *settings_text_node(struct arena *a, const char *text, const char *origin);

/** A file without the sections of another program, laid upon what those come to. */
struct node *settings_translate(struct settings_loader *l, struct node *file);

/** Fill OUT, a zeroed struct of M, with presets, and its sections likewise. */
void settings_init(struct arena *a, const struct model *m, void *out, int depth);

/** Decode the tree into INTO. */
void settings_decode(struct settings_loader *l, const struct node *tree);

/** What is remembered of KEY; never NULL. */
const struct settings_note *settings_note_of(const struct settings *settings, const char *key);

#endif

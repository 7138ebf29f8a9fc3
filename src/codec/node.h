/** Node: a settings text as a tree that remembers where each part came from. Settings are made of
 * it. */
#ifndef CODEC_NODE_H
#define CODEC_NODE_H

#include "base/scope.h"

#define NODE_DEPTH_MAX 32
#define NODE_COUNT_MAX 100000
#define NODE_TEXT_MAX (1024 * 1024)

enum node_kind { NODE_NULL, NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool quoted;         /* NODE_TEXT: written in quotes, so no number and no bool */
    bool exposed;        /* it stands in a file that others than its owner can read */
    const char *text;    /* NODE_TEXT */
    const char *origin;  /* "chancery.yaml:3:5", "environment CHANCERY_X", "--set x" */
    struct list items;   /* NODE_LIST: of struct node * */
    struct list members; /* NODE_MAP: of struct member, in order */
};

struct member {
    const char *name;
    const char *origin; /* of the name */
    struct node *value;
};

/**
 * Read one YAML document (JSON is a part of YAML) into s->arena; NAME stands in origins. Anchors,
 * aliases, tags, a second document, names that are no text or come twice, NUL and depth beyond
 * NODE_DEPTH_MAX are refused.
 *
 * @return E_INVALID or E_LIMIT; the scope's error begins with NAME:LINE:COLUMN
 */
enum err node_read(struct scope *s, const char *name, struct bytes text, struct node **out);

/** A member of the map, or NULL. */
struct member *node_member(const struct node *map, const char *name);

/** Lay OVER upon UNDER: maps are merged, everything else is replaced. Returns the result. */
struct node *node_merge(struct arena *a, struct node *under, struct node *over);

#endif

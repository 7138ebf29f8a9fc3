/* Verifying an export: JSON Lines, each event with its chain and its hash, checkpoints among them.
 */
#include "audit/removed.h"
#include "audit/walk.h"

#include "audit/checkpoint.h"
#include "codec/json.h"
#include "pki/jwk.h"
#include "seal/keyring.h"

#include <string.h>

#define CHAINS_MAX 256

/** An export on the way through it. */
struct export
{
    struct scope *s;
    struct audit_report *report;
    struct list keys;      /* of struct keyring_key */
    bool trust_keys;       /* take the keys that the checkpoints bring along */
    struct list intervals; /* of struct interval, of all chains */
    struct walk *walks;    /* CHAINS_MAX */
    size_t count;
};

/** The next line of P that is not empty. */
static bool
next_line(struct span *p, struct bytes *line)
{
    while (span_left(p) > 0) {
        const uint8_t *end = memchr(p->at, '\n', span_left(p));
        const uint8_t *stop = end ? end : p->end;

        *line = (struct bytes){ p->at, (size_t)(stop - p->at) };
        p->at = end ? end + 1 : p->end;
        if (line->len > 0)
            return true;
    }
    return false;
}

static enum err
key_trust(struct export *x, const char *kid, const char *spki64)
{
    struct keyring_key *k;
    struct pubkey public;
    struct bytes spki;

    LIST_EACH(struct keyring_key, known, &x->keys)
    if (text_eq(known->kid, kid))
        return OK;
    if (!spki64 || !base64url_decode(x->s->arena, spki64, strlen(spki64), &spki))
        return fail(x->s, E_INVALID, "a checkpoint of the export brings no key");
    k = list_push(x->s->arena, &x->keys, struct keyring_key);
    k->kid = kid;
    TRY(pubkey_read(x->s, spki, &public));
    return pubkey_import(x->s, &public, &k->key);
}

/** Take one signed interval of a checkpoint event, with its key where that is trusted. */
static enum err
interval_take(struct export *x, const struct json *j)
{
    struct interval i;

    TRY(interval_read(x->s, j, &i));
    if (x->trust_keys)
        TRY(key_trust(x, i.kid, json_str(json_get(j, "key"))));
    LIST_EACH(struct interval, have, &x->intervals)
    if (have->lane == i.lane && have->from == i.from && have->to == i.to &&
        bytes_eq(have->signature, i.signature))
        return OK; /* the closing line says again what events said */
    list_add(x->s->arena, &x->intervals, struct interval, i);
    return OK;
}

/** The first pass: collect the checkpoints, wherever they stand. */
static enum err
checkpoints_collect(struct export *x, struct bytes lines)
{
    struct span p = span_of(lines);
    struct bytes line;

    while (next_line(&p, &line)) {
        const struct json *list;

        TRY(intervals_of_event(x->s, line, &list));
        for (size_t n = 0; n < json_count(list); n++)
            TRY(interval_take(x, json_item(list, n)));
    }
    return OK;
}

static int
interval_order(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;

    return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to) - (x->to < y->to);
}

/** The walk of chain LANE, begun with its first event SEQ. */
static struct walk *
walk_of(struct export *x, int64_t lane, int64_t seq)
{
    struct list intervals = { 0 };
    struct walk *w;

    for (size_t n = 0; n < x->count; n++)
        if (x->walks[n].lane == lane)
            return &x->walks[n];
    if (x->count == CHAINS_MAX)
        return NULL;
    w = &x->walks[x->count++];
    *w = (struct walk){ .s = x->s, .report = x->report, .keys = &x->keys };
    LIST_EACH(struct interval, i, &x->intervals)
    if (i->lane == lane)
        list_add(x->s->arena, &intervals, struct interval, *i);
    list_sort(&intervals, interval_order);
    walk_begin(w, lane, &intervals);
    if (seq == 1)
        walk_behind(w, 1, (const uint8_t[AUDIT_HASH_LEN]){ 0 });
    return w;
}

/** The event's own text: the line without its members "chain" and "hash". */
static bool
line_open(struct buf *text, struct bytes line, struct canonical_view *view, struct bytes *hash_hex)
{
    const uint8_t *end = line.data + line.len;
    const char *fault;
    const uint8_t *chain_end, *hash_end;

    if (!canonical_read(line, view, &fault) || !view->chain.data || view->hash.len != 8 + 64 + 1)
        return false;
    chain_end = view->chain.data + view->chain.len + 1; /* with the comma: "id" follows both */
    hash_end = view->hash.data + view->hash.len + 1;
    if (chain_end != view->hash.data || hash_end > end)
        return false;
    *hash_hex = (struct bytes){ view->hash.data + 8, 64 };
    buf_reset(text);
    buf_add(text, line.data, (size_t)(view->chain.data - line.data));
    buf_add(text, hash_end, (size_t)(end - hash_end));
    return !text->failed;
}

/** Keep where each chain begins and ends in the export. */
static void
part_note(struct export *x, const struct canonical_view *view, struct bytes hash)
{
    struct audit_part *part = NULL;

    LIST_EACH(struct audit_part, p, &x->report->parts)
    if (p->lane == view->lane)
        part = p;
    if (!part) {
        part = list_push(x->s->arena, &x->report->parts, struct audit_part);
        part->lane = view->lane;
        part->from = view->seq;
        part->prev = arena_text_n(x->s->arena, (const char *)view->prev.data, view->prev.len);
    }
    part->to = view->seq;
    memcpy(part->last, hash.data, MIN(hash.len, sizeof part->last));
}

static bool
line_is_end(struct bytes line)
{
    return line.len > strlen(REMOVED_LINE) &&
           memcmp(line.data, REMOVED_LINE, strlen(REMOVED_LINE)) == 0;
}

/** A file that was removed from the record ends with the key's word for where it ends. */
static enum err
end_check(struct export *x, struct bytes line)
{
    const struct keyring_key *k;
    const char *spki, *fault = NULL;
    struct audit_part *part = NULL;
    struct removed r;

    TRY(removed_read(x->s, line, &r, &spki));
    if (x->trust_keys)
        TRY(key_trust(x, r.kid, spki));
    LIST_EACH(struct audit_part, p, &x->report->parts)
    if (p->lane == r.lane)
        part = p;
    k = keyring_named(&x->keys, r.kid);
    if (!k)
        fault = arena_printf(x->s->arena, "its end is signed by the unknown key %s", r.kid);
    else if (key_verify(x->s, k->key, SIG_ED25519, removed_text(x->s->arena, &r), r.signature) !=
             OK)
        fault = "the signature of its end is wrong";
    else if (!part || part->to != r.to || memcmp(part->last, r.last, sizeof r.last) != 0 ||
             part->from > r.from ||
             (part->from == r.from &&
              !text_eq(part->prev,
                       hex_lower(x->s->arena, (struct bytes){ r.prev, sizeof r.prev }))))
        fault = "it does not end as was signed";
    scope_clear(x->s);
    if (fault) {
        struct walk *w = walk_of(x, r.lane, r.from);

        if (!w)
            return fail(x->s, E_LIMIT, "the export has more than %d chains", CHAINS_MAX);
        walk_fault(w, r.to, fault);
    }
    return OK;
}

static enum err
lines_walk(struct export *x, struct bytes lines)
{
    AUTO(arena_free) struct arena *scratch = arena_new();
    AUTO(buf_done) struct buf text;
    struct span p = span_of(lines);
    struct bytes line, hex, hash;
    struct canonical_view view;
    int64_t number = 0;

    buf_init(&text, AUDIT_EVENT_MAX + 1024);
    while (next_line(&p, &line)) {
        struct walk *w;

        number++;
        if (line_is_checkpoints(line))
            continue;
        if (line_is_end(line)) {
            TRY(end_check(x, line));
            continue;
        }
        arena_reset(scratch);
        if (!line_open(&text, line, &view, &hex) ||
            !hex_decode(scratch, arena_text_n(scratch, (const char *)hex.data, hex.len), &hash))
            return fail(x->s, E_INVALID, "line %lld of the export is no audit event",
                        (long long)number);
        w = walk_of(x, view.lane, view.seq);
        if (!w)
            return fail(x->s, E_LIMIT, "the export has more than %d chains", CHAINS_MAX);
        part_note(x, &view, hash);
        walk_event(w, view.seq, buf_bytes(&text), hash, NULL);
    }
    for (size_t n = 0; n < x->count; n++)
        walk_end(&x->walks[n], -1, (struct bytes){ NULL, 0 });
    return OK;
}

/** Read the trusted keys: a JWK Set, each with its kid. */
static enum err
keys_read(struct export *x, const char *keys)
{
    struct json *set;
    const struct json *list;

    if (!keys) {
        x->trust_keys = true;
        return OK;
    }
    TRY(json_parse(x->s, bytes_of_text(keys), &set));
    list = json_get(set, "keys");
    for (size_t n = 0; n < json_count(list); n++) {
        struct keyring_key *k = list_push(x->s->arena, &x->keys, struct keyring_key);

        k->kid = json_str(json_get(json_item(list, n), "kid"));
        TRY(jwk_read(x->s, json_item(list, n), &k->key));
    }
    return OK;
}

enum err
audit_verify_export(struct scope *s, struct bytes lines, const char *keys,
                    struct audit_report *report)
{
    struct audit_report found = { .intact = true };
    struct export x = { .s = s, .report = &found };
    int64_t began = clock_mono_us();
    enum err e;

    x.walks = arena_alloc(s->arena, CHAINS_MAX * sizeof *x.walks);
    e = note(s, keys_read(&x, keys), "the keys of checkpoints");
    if (e == OK)
        e = checkpoints_collect(&x, lines);
    if (e == OK)
        e = lines_walk(&x, lines);
    for (size_t n = 0; n < x.count; n++)
        walk_done(&x.walks[n]);
    TRY(e);
    found.micros = clock_mono_us() - began;
    *report = found;
    return OK;
}

enum err
audit_checkpoint_keys(struct scope *s, struct db *db, const char **jwks)
{
    struct list keys;

    TRY(keyring_public(s, db, "audit", &keys));
    return keyring_jwks(s, &keys, "EdDSA", jwks);
}

#include "audit/removed.h"

#include "seal/keyring.h"

#include <string.h>

static const char *
hex_of(struct arena *a, const uint8_t hash[AUDIT_HASH_LEN])
{
    return hex_lower(a, (struct bytes){ hash, AUDIT_HASH_LEN });
}

struct bytes
removed_text(struct arena *a, const struct removed *r)
{
    return bytes_of_text(
        arena_printf(a,
                     "{\"at\":%lld,\"chain\":%lld,\"from\":%lld,\"kid\":\"%s\",\"last\":\"%s\","
                     "\"prev\":\"%s\",\"removed\":true,\"to\":%lld,\"v\":1}",
                     (long long)r->at.ms, (long long)r->lane, (long long)r->from, r->kid,
                     hex_of(a, r->last), hex_of(a, r->prev), (long long)r->to));
}

const char *
removed_line(struct arena *a, const struct removed *r, struct bytes spki)
{
    return arena_printf(a,
                        REMOVED_LINE
                        "{\"at\":%lld,\"chain\":%lld,\"from\":%lld,\"key\":\"%s\",\"kid\":\"%s\","
                        "\"last\":\"%s\",\"prev\":\"%s\",\"signature\":\"%s\",\"to\":%lld}}",
                        (long long)r->at.ms, (long long)r->lane, (long long)r->from,
                        base64url_encode(a, spki), r->kid, hex_of(a, r->last), hex_of(a, r->prev),
                        base64url_encode(a, r->signature), (long long)r->to);
}

static bool
hash_read(struct arena *a, const struct json *j, uint8_t out[AUDIT_HASH_LEN])
{
    const char *text = json_str(j);
    struct bytes hash;

    if (!text || !hex_decode(a, text, &hash) || hash.len != AUDIT_HASH_LEN)
        return false;
    memcpy(out, hash.data, AUDIT_HASH_LEN);
    return true;
}

enum err
removed_read(struct scope *s, struct bytes line, struct removed *out, const char **spki64)
{
    struct removed r = { 0 };
    const struct json *j;
    struct json *whole;
    const char *signature;

    TRY(json_parse(s, line, &whole));
    j = json_get(whole, "removed");
    r.kid = json_str(json_get(j, "kid"));
    signature = json_str(json_get(j, "signature"));
    if (!json_int(json_get(j, "at"), &r.at.ms) || !json_int(json_get(j, "chain"), &r.lane) ||
        !json_int(json_get(j, "from"), &r.from) || !json_int(json_get(j, "to"), &r.to) || !r.kid ||
        !signature || !base64url_decode(s->arena, signature, strlen(signature), &r.signature) ||
        !hash_read(s->arena, json_get(j, "prev"), r.prev) ||
        !hash_read(s->arena, json_get(j, "last"), r.last))
        return fail(s, E_INVALID, "the end of the export is malformed");
    *spki64 = json_str(json_get(j, "key"));
    *out = r;
    return OK;
}

SQL(removed_all, "SELECT from_seq, to_seq, prev, last, key_id, signature, file, created_at "
                 "FROM audit_removed WHERE lane = $1 ORDER BY to_seq");

enum err
removed_list(struct scope *s, struct db *db, int64_t lane, struct list *out)
{
    struct list found = { 0 };
    struct rows rows;

    TRY(db_all(s, db, &removed_all, BIND(v_int(lane)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct removed *r = list_push(s->arena, &found, struct removed);
        struct row *row = &rows.at[i];
        struct bytes prev, last;

        r->lane = lane;
        r->from = row_int(row);
        r->to = row_int(row);
        prev = row_bytes(row);
        last = row_bytes(row);
        memcpy(r->prev, prev.data, MIN(prev.len, sizeof r->prev));
        memcpy(r->last, last.data, MIN(last.len, sizeof r->last));
        r->kid = row_text(row);
        r->signature = row_bytes(row);
        r->file = row_text(row);
        r->at = row_when(row);
    }
    *out = found;
    return OK;
}

static bool
is_signed(struct scope *s, const struct removed *r, const struct list *keys)
{
    LIST_EACH(struct keyring_key, k, keys)
    {
        if (!text_eq(k->kid, r->kid))
            continue;
        if (key_verify(s, k->key, SIG_ED25519, removed_text(s->arena, r), r->signature) == OK)
            return true;
        scope_clear(s);
    }
    return false;
}

const char *
removed_fault(struct scope *s, const struct list *all, const struct list *keys)
{
    static const uint8_t nothing[AUDIT_HASH_LEN];
    const uint8_t *prev = nothing;
    int64_t next = 1;

    LIST_EACH(struct removed, r, all)
    {
        if (r->from != next || r->to < r->from || memcmp(r->prev, prev, AUDIT_HASH_LEN) != 0)
            return arena_printf(s->arena,
                                "what was exported up to %lld does not follow from what was "
                                "exported before",
                                (long long)r->to);
        if (!is_signed(s, r, keys))
            return arena_printf(s->arena, "nobody signed that the events up to %lld were exported",
                                (long long)r->to);
        next = r->to + 1;
        prev = r->last;
    }
    return NULL;
}

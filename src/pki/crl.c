#include "pki/crl.h"

#include "pki/der.h"
#include "pki/oid.h"

#include <stdlib.h>
#include <string.h>

#define SERIAL_MAX 20
#define HEAD_MAX 65536 /* everything but the entries */
#define OID_EXPIRED_ON_CRL "2.5.29.60"

struct crl_builder {
    struct buf entries; /* SEQUENCEs, one after the other */
    size_t count;
    bool removes;   /* something: these are a delta's */
    bool ascending; /* so far each serial was above the one before */
    uint8_t last[SERIAL_MAX];
    size_t last_len;
};

const char *
crl_reason_name(int reason)
{
    static const char *const names[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", NULL,
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise",
    };

    return reason >= 0 && reason < (int)COUNT(names) ? names[reason] : NULL;
}

struct crl_builder *
crl_builder_new(size_t size_limit)
{
    struct crl_builder *b = mem_alloc(sizeof(*b));

    buf_init(&b->entries, size_limit);
    b->ascending = true;
    return b;
}

void
crl_builder_free(struct crl_builder *b)
{
    if (!b)
        return;
    buf_done(&b->entries);
    mem_free(b);
}

size_t
crl_builder_count(const struct crl_builder *b)
{
    return b->count;
}

static struct bytes
magnitude(struct bytes serial)
{
    while (serial.len && !serial.data[0]) {
        serial.data++;
        serial.len--;
    }
    return serial;
}

/* Numeric order of magnitudes. */
static int
serial_cmp(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return memcmp(a.data, b.data, a.len);
}

/* A date that may be left out, also by a zeroed struct. */
static bool
dated(struct when when)
{
    return when_given(when) && when.ms != 0;
}

static void
put_extension(struct buf *b, const char *oid, bool critical, const struct buf *value)
{
    size_t ext = der_begin(b, DER_SEQUENCE);

    der_put_oid(b, oid);
    if (critical)
        der_put_bool(b, true);
    der_put_octets(b, buf_bytes(value));
    der_close(b, ext);
    if (value->failed)
        b->failed = true;
}

static void
put_entry(struct buf *out, struct bytes serial, const struct crl_entry *entry)
{
    uint8_t room[32];
    struct buf value = { .data = room, .cap = sizeof(room), .limit = sizeof(room) - 1 };
    size_t seq = der_begin(out, DER_SEQUENCE), exts;

    der_put_uint(out, serial);
    der_put_time(out, entry->revoked_at);
    if (entry->reason != CRL_UNSPECIFIED || dated(entry->invalid_since)) {
        exts = der_begin(out, DER_SEQUENCE);
        if (entry->reason != CRL_UNSPECIFIED) {
            der_put_enum(&value, entry->reason);
            put_extension(out, OID_CRL_REASON, false, &value);
        }
        if (dated(entry->invalid_since)) {
            buf_reset(&value);
            der_put_general_time(&value, entry->invalid_since);
            put_extension(out, OID_INVALIDITY_DATE, false, &value);
        }
        der_close(out, exts);
    }
    der_close(out, seq);
}

/* Keep in mind that SERIAL was added, and how large the entries were BEFORE. */
static enum err
take_entry(struct scope *s, struct crl_builder *b, struct bytes serial, size_t before)
{
    if (b->entries.failed) {
        b->entries.len = before;
        b->entries.failed = false;
        return fail(s, E_LIMIT, "the CRL has reached its limit of %zu octets with %zu entries",
                    b->entries.limit, b->count);
    }
    if (b->count && serial_cmp((struct bytes){ b->last, b->last_len }, serial) >= 0)
        b->ascending = false;
    memcpy(b->last, serial.data, serial.len);
    b->last_len = serial.len;
    b->count++;
    return OK;
}

enum err
crl_builder_add(struct scope *s, struct crl_builder *b, const struct crl_entry *entry)
{
    struct bytes serial = magnitude(entry->serial);
    size_t before = b->entries.len;

    if (serial.len == 0 || serial.len > SERIAL_MAX)
        return fail(s, E_INVALID, "a CRL entry's serial has %zu octets, not 1 to %d", serial.len,
                    SERIAL_MAX);
    if (!crl_reason_name(entry->reason) || entry->reason == CRL_REMOVE_FROM_CRL)
        return fail_code(s, E_INVALID, CHY_BAD_REASON, "%d is no reason for a full CRL",
                         entry->reason);
    if (!when_given(entry->revoked_at))
        return fail(s, E_INVALID, "a CRL entry has no revocation date");
    put_entry(&b->entries, serial, entry);
    return take_entry(s, b, serial, before);
}

/* An entry already written: where it is, and its serial, for sorting. */
struct slot {
    struct bytes whole, serial;
};

static int
slot_cmp(const void *a, const void *b)
{
    return serial_cmp(((const struct slot *)a)->serial, ((const struct slot *)b)->serial);
}

/* Bring the entries into the order of their serials; two with the same one are refused. */
static enum err
sort_entries(struct scope *s, struct crl_builder *b)
{
    AUTO(mem_free) void *room = mem_alloc(b->count * sizeof(struct slot));
    AUTO(buf_done) struct buf sorted;
    struct slot *slots = room;
    struct span p = span_of(buf_bytes(&b->entries)), in;
    struct buf old;

    buf_init(&sorted, b->entries.limit);
    for (size_t i = 0; i < b->count; i++) {
        if (!der_take_whole(&p, DER_SEQUENCE, &slots[i].whole) ||
            !der_only(slots[i].whole, DER_SEQUENCE, &in) || !der_uint_bytes(&in, &slots[i].serial))
            return fail(s, E_INTERNAL, "CRL entry %zu cannot be read back", i);
    }
    qsort(slots, b->count, sizeof(*slots), slot_cmp);
    for (size_t i = 0; i < b->count; i++) {
        if (i && !serial_cmp(slots[i - 1].serial, slots[i].serial))
            return fail(s, E_INVALID, "serial %s is in the CRL twice",
                        hex_upper(s->arena, slots[i].serial));
        buf_add(&sorted, slots[i].whole.data, slots[i].whole.len);
    }
    old = b->entries;
    b->entries = sorted;
    sorted = old; /* released on the way out */
    b->ascending = true;
    return OK;
}

/* Entries in the order of their serials, one after the other. */
struct walk {
    struct crl list; /* its entries alone */
    struct span at;
    struct crl_entry entry;
    struct bytes whole; /* as it is written */
    bool there;
};

static void
walk_on(struct walk *w)
{
    const uint8_t *from = w->at.at ? w->at.at : w->list.entries.data;

    w->there = crl_next(&w->list, &w->at, &w->entry) && w->entry.serial.data;
    if (w->there)
        w->whole = (struct bytes){ from, (size_t)(w->at.at - from) };
}

static struct walk
walk_of(struct bytes entries)
{
    struct walk w = { .list.entries = entries };

    walk_on(&w);
    return w;
}

/* Is SERIAL there? Callers ask in ascending order. */
static bool
walk_to(struct walk *w, struct bytes serial)
{
    while (w->there && serial_cmp(w->entry.serial, serial) < 0)
        walk_on(w);
    return w->there && !serial_cmp(w->entry.serial, serial);
}

static enum err
add_whole(struct scope *s, struct crl_builder *b, const struct walk *w)
{
    size_t before = b->entries.len;

    buf_add(&b->entries, w->whole.data, w->whole.len);
    return take_entry(s, b, w->entry.serial, before);
}

static enum err
add_removal(struct scope *s, struct crl_builder *b, const struct crl_entry *was)
{
    struct crl_entry gone = { .serial = was->serial,
                              .revoked_at = was->revoked_at,
                              .reason = CRL_REMOVE_FROM_CRL,
                              .invalid_since = WHEN_NONE };
    size_t before = b->entries.len;

    put_entry(&b->entries, gone.serial, &gone);
    TRY(take_entry(s, b, gone.serial, before));
    b->removes = true;
    return OK;
}

enum err
crl_builder_delta(struct scope *s, struct crl_builder *now, const struct crl *base,
                  const struct crl *since, const struct crl_released *released,
                  struct crl_builder *out)
{
    struct walk here, there;

    if (!now->ascending)
        TRY(sort_entries(s, now));
    here = walk_of(buf_bytes(&now->entries));
    for (there = walk_of(base->entries); here.there; walk_on(&here))
        if (!walk_to(&there, here.entry.serial) || !bytes_eq(here.whole, there.whole))
            TRY(add_whole(s, out, &here));
    here = walk_of(buf_bytes(&now->entries));
    for (there = walk_of(base->entries); there.there; walk_on(&there))
        if (!walk_to(&here, there.entry.serial) &&
            released->is(released->context, there.entry.serial))
            TRY(add_removal(s, out, &there.entry));
    if (!since)
        return OK;
    here = walk_of(buf_bytes(&now->entries));
    there = walk_of(base->entries);
    for (struct walk past = walk_of(since->entries); past.there; walk_on(&past))
        if ((past.entry.reason == CRL_CERTIFICATE_HOLD ||
             past.entry.reason == CRL_REMOVE_FROM_CRL) &&
            !walk_to(&here, past.entry.serial) && !walk_to(&there, past.entry.serial) &&
            released->is(released->context, past.entry.serial))
            TRY(add_removal(s, out, &past.entry));
    return OK;
}

/* DistributionPointName with one URI: RFC 5280 section 4.2.1.13. */
static void
put_point(struct buf *value, const char *url)
{
    size_t point = der_begin(value, DER_CONSTRUCTED(0)), names;

    names = der_begin(value, DER_CONSTRUCTED(0));
    der_put(value, DER_CONTEXT(6), bytes_of_text(url));
    der_close(value, names);
    der_close(value, point);
}

/* FreshestCRL: RFC 5280 section 5.2.6. */
static void
put_freshest(struct buf *value, const char *url)
{
    size_t all = der_begin(value, DER_SEQUENCE), one = der_begin(value, DER_SEQUENCE);

    put_point(value, url);
    der_close(value, one);
    der_close(value, all);
}

/* IssuingDistributionPoint: RFC 5280 section 5.2.5. */
static void
put_scope(struct buf *value, const struct crl_plan *plan)
{
    size_t seq = der_begin(value, DER_SEQUENCE);
    const uint8_t yes = 0xff;

    if (plan->scope_url)
        put_point(value, plan->scope_url);
    if (plan->only_user)
        der_put(value, DER_CONTEXT(1), (struct bytes){ &yes, 1 });
    if (plan->only_ca)
        der_put(value, DER_CONTEXT(2), (struct bytes){ &yes, 1 });
    der_close(value, seq);
}

static void
put_crl_extensions(struct scope *s, struct buf *out, const struct crl_plan *plan)
{
    struct buf value;
    size_t explicit = der_begin(out, DER_CONSTRUCTED(0)), exts = der_begin(out, DER_SEQUENCE), seq;

    buf_init_in(&value, s->arena, HEAD_MAX);
    seq = der_begin(&value, DER_SEQUENCE);
    der_put(&value, DER_CONTEXT(0), plan->key_id);
    der_close(&value, seq);
    put_extension(out, OID_AKI, false, &value);
    buf_reset(&value);
    der_put_int(&value, plan->number);
    put_extension(out, OID_CRL_NUMBER, false, &value);
    if (plan->base) {
        buf_reset(&value);
        der_put_int(&value, plan->base);
        put_extension(out, OID_DELTA_CRL, true, &value);
    }
    if (plan->scope_url || plan->only_user || plan->only_ca) {
        buf_reset(&value);
        put_scope(&value, plan);
        put_extension(out, OID_IDP, true, &value);
    }
    if (plan->freshest_url) {
        buf_reset(&value);
        put_freshest(&value, plan->freshest_url);
        put_extension(out, OID_FRESHEST_CRL, false, &value);
    }
    if (dated(plan->expired_since)) {
        buf_reset(&value);
        der_put_general_time(&value, plan->expired_since);
        put_extension(out, OID_EXPIRED_ON_CRL, false, &value);
    }
    der_close(out, exts);
    der_close(out, explicit);
}

static enum err
plan_check(struct scope *s, const struct crl_plan *plan)
{
    struct span in;

    if (!der_only(plan->issuer, DER_SEQUENCE, &in) || der_end(&in))
        return fail(s, E_INVALID, "the CRL's issuer is no name in DER");
    if (!der_only(plan->sig_alg, DER_SEQUENCE, &in))
        return fail(s, E_INVALID, "the CRL's signature algorithm is no AlgorithmIdentifier");
    if (!plan->key_id.len)
        return fail(s, E_INVALID, "the CRL's issuer has no key id");
    if (plan->number <= 0)
        return fail(s, E_INVALID, "the CRL number is %lld, not above 0", (long long)plan->number);
    if (!when_given(plan->this_update) || !when_given(plan->next_update) ||
        when_s(plan->next_update) <= when_s(plan->this_update))
        return fail(s, E_INVALID, "the CRL's next update does not come after this one");
    if (plan->only_user && plan->only_ca)
        return fail(s, E_INVALID, "a CRL cannot be for user and for CA certificates only");
    if (plan->base < 0 || plan->base > plan->number)
        return fail(s, E_INVALID, "a delta CRL cannot be older than its base");
    if (plan->base && plan->freshest_url)
        return fail(s, E_INVALID, "a delta CRL has no deltas of its own");
    return OK;
}

/* Tag and length, straight into memory: the list may be large, and is copied just once. */
static size_t
put_head(uint8_t *out, uint8_t tag, size_t len)
{
    size_t octets = 0;

    out[0] = tag;
    if (len < 0x80) {
        out[1] = (uint8_t)len;
        return 2;
    }
    for (size_t left = len; left; left >>= 8)
        octets++;
    out[1] = (uint8_t)(0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        out[2 + i] = (uint8_t)(len >> (8 * (octets - 1 - i)));
    return 2 + octets;
}

/* A SEQUENCE around COUNT pieces, in one allocation. */
static struct bytes
sequence_of(struct arena *a, const struct bytes *pieces, size_t count)
{
    uint8_t head[2 + sizeof(size_t)], *out;
    size_t len = 0, at;

    for (size_t i = 0; i < count; i++)
        len += pieces[i].len;
    at = put_head(head, DER_SEQUENCE, len);
    out = arena_alloc(a, at + len);
    memcpy(out, head, at);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len)
            memcpy(out + at, pieces[i].data, pieces[i].len);
        at += pieces[i].len;
    }
    return (struct bytes){ out, at };
}

enum err
crl_builder_tbs(struct scope *s, struct crl_builder *b, const struct crl_plan *plan,
                struct bytes *tbs)
{
    uint8_t list_head[2 + sizeof(size_t)];
    struct buf head, tail;
    size_t list_head_len = 0;

    TRY(plan_check(s, plan));
    if (b->removes && !plan->base)
        return fail(s, E_INVALID, "removeFromCRL stands in delta CRLs only");
    if (!b->ascending)
        TRY(sort_entries(s, b));
    buf_init_in(&head, s->arena, HEAD_MAX);
    der_put_int(&head, 1); /* version 2 */
    der_put_raw(&head, plan->sig_alg);
    der_put_raw(&head, plan->issuer);
    der_put_time(&head, plan->this_update);
    der_put_time(&head, plan->next_update);
    /* An empty list is left out, never an empty SEQUENCE: RFC 5280 section 5.1.2.6. */
    if (b->count)
        list_head_len = put_head(list_head, DER_SEQUENCE, b->entries.len);
    buf_init_in(&tail, s->arena, HEAD_MAX);
    put_crl_extensions(s, &tail, plan);
    if (head.failed || tail.failed)
        return fail(s, E_LIMIT, "the CRL's issuer or extensions are too long");
    *tbs = sequence_of(s->arena,
                       (const struct bytes[]){ buf_bytes(&head),
                                               { list_head, list_head_len },
                                               buf_bytes(&b->entries),
                                               buf_bytes(&tail) },
                       4);
    return OK;
}

enum err
crl_assemble(struct scope *s, struct bytes tbs, struct bytes sig_alg, struct bytes signature,
             struct bytes *der)
{
    struct buf bits;
    struct span in;

    if (!der_only(tbs, DER_SEQUENCE, &in) || !der_only(sig_alg, DER_SEQUENCE, &in))
        return fail(s, E_INTERNAL, "a CRL is assembled from what is no DER");
    buf_init_in(&bits, s->arena, HEAD_MAX);
    der_put_bits(&bits, signature);
    if (bits.failed || !signature.len)
        return fail(s, E_INTERNAL, "a signature of %zu octets", signature.len);
    *der = sequence_of(s->arena, (const struct bytes[]){ tbs, sig_alg, buf_bytes(&bits) }, 3);
    return OK;
}

#include "ca/office_in.h"

#include "audit/audit.h"
#include "jobs/outbox.h"
#include <ctype.h>
#include <string.h>

char *
slug_of(struct arena *a, const char *name)
{
    char *out = arena_alloc(a, strlen(name) + 3), *to = out;

    for (; *name; name++) {
        if (isalnum((unsigned char)*name))
            *to++ = (char)tolower((unsigned char)*name);
        else if (to > out && to[-1] != '-')
            *to++ = '-';
    }
    while (to > out && to[-1] == '-')
        to--;
    *to = 0;
    return *out ? out : arena_text(a, "ca");
}

enum err
cn_name(struct scope *s, const char *cn, struct bytes *der)
{
    struct list attrs = { 0 };
    size_t len = 0;

    for (int count = 0; cn[len] && count < 64; count++)
        for (len++; ((uint8_t)cn[len] & 0xc0) == 0x80;)
            len++;
    while (len && cn[len - 1] == ' ')
        len--;
    list_add(s->arena, &attrs, struct name_attr,
             ((struct name_attr){ .type = "CN", .value = arena_text_n(s->arena, cn, len) }));
    return name_build(s, &attrs, der);
}

/* Snapshots. */

void
ca_snapshot_unref(const struct ca_snapshot *snap)
{
    snapshot_unref(snap);
}

const struct ca_snapshot *
ca_snapshot_ref(struct ca_office *office)
{
    return snapshot_ref(office->place);
}

enum err
ca_office_reload(struct scope *s, struct ca_office *office)
{
    return snapshot_replace(s, office->place, snapshot_read, office);
}

enum err
ca_office_open(struct scope *s, const struct ca_options *o, struct ca_office **out)
{
    struct ca_office *office = mem_alloc(sizeof(*office));
    enum err e;

    office->o = *o;
    office->env =
        (struct signer_env){ .seal = o->seal, .hsm = o->hsm, .key_dir = office->o.key_dir };
    office->place = snapshot_place_new(sizeof(struct ca_snapshot));
    office->cache = ocsp_cache_new(o->ocsp_cache_bytes ? o->ocsp_cache_bytes : INT64_C(32) << 20);
    office->gate = ocsp_gate_new(o->ocsp_waiting ? o->ocsp_waiting : OCSP_WAITING);
    e = o->signed_dir ? signed_log_open(s, o->signed_dir, o->strict_journal, &office->log) : OK;
    if (e == OK)
        e = ca_office_reload(s, office);
    if (e != OK)
        ca_office_close(office);
    else
        *out = office;
    return e;
}

void
ca_office_close(struct ca_office *office)
{
    if (!office)
        return;
    snapshot_place_free(office->place);
    while (office->signers) {
        struct open_signer *gone = office->signers;

        office->signers = gone->next;
        signer_close(gone->signer);
        mem_free(gone);
    }
    ocsp_cache_free(office->cache);
    ocsp_gate_free(office->gate);
    signed_log_close(office->log);
    mem_free(office);
}

bool
ca_strict_journal(const struct ca_office *office)
{
    return office->o.strict_journal;
}

struct signed_log *
ca_signed_log(struct ca_office *office)
{
    return office->log;
}

/* Finding. */

const struct ca_authority *
ca_by_id(const struct ca_snapshot *snap, int64_t id)
{
    LIST_EACH(struct ca_authority *, a, &snap->authorities)
    if ((*a)->id == id)
        return *a;
    return NULL;
}

const struct ca_key *
ca_present_key(const struct ca_authority *ca)
{
    return ca->key ? ca->key : ca->revoked;
}

const struct ca_key *
ca_key_by_id(const struct ca_snapshot *snap, int64_t id)
{
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if ((*k)->id == id)
        return *k;
    return NULL;
}

void
ca_key_issuers(struct scope *s, const struct ca_key *key, struct when now, struct list *out)
{
    size_t left = key->chain.count;

    LIST_EACH(struct bytes, der, &key->chain)
    {
        left--;
        LIST_EACH(struct ca_link, l, &key->links)
        if (!left && when_cmp(l->not_before, now) <= 0 && when_cmp(now, l->not_after) < 0)
            list_add(s->arena, out, struct bytes, bytes_copy(s->arena, l->der));
        list_add(s->arena, out, struct bytes, bytes_copy(s->arena, *der));
    }
}

const struct ca_key *
ca_key_that_signed(struct scope *s, const struct ca_snapshot *snap, const struct cert *cert)
{
    uint8_t name[SHA256_LEN];

    hash_sha256(cert->issuer.der, name);
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if (bytes_eq((*k)->subject_hash, (struct bytes){ name, sizeof(name) })) {
        if (cert_verify(s, cert, &(*k)->cert->key) == OK)
            return *k;
        scope_clear(s);
    }
    return NULL;
}

const struct ca_authority *
ca_find(const struct ca_snapshot *snap, const char *reference)
{
    const char *back = reference ? strrchr(reference, '\\') : NULL;
    const char *logical = back ? back + 1 : reference;

    if (text_empty(logical))
        return NULL;
    LIST_EACH(struct ca_authority *, a, &snap->authorities)
    {
        if (!text_eq_fold((*a)->name, logical) && !text_eq_fold((*a)->slug, logical))
            continue;
        if (back && *(*a)->host &&
            (strlen((*a)->host) != (size_t)(back - reference) ||
             !text_starts_fold(reference, (*a)->host)))
            continue;
        return *a;
    }
    return NULL;
}

/* Switching on and off. */

#define RETIRED 2 /* authority.state */

SQL(lock_authority, "SELECT version, name, enabled, state FROM authority WHERE id = $1 @lock");
SQL(set_enabled, "UPDATE authority SET enabled = $2, version = version + 1 WHERE id = $1");

struct switching {
    int64_t id, version;
    bool enabled;
    const struct audit_actor *actor;
};

static enum err
switch_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct switching *w = arg;
    struct row row;
    const char *name;
    int64_t version;
    enum err e = tx_one(s, tx, &lock_authority, BIND(v_int(w->id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NO_CA, "certificate authority %lld not found", (long long)w->id);
    TRY(e);
    version = row_int(&row);
    name = row_text(&row);
    TRY(version_check(s, w->version, version, arena_printf(s->arena, "authority %s", name)));
    if (row_bool(&row) == w->enabled)
        return OK;
    if (row_int(&row) == RETIRED) /* off, and for good */
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "authority %s is retired", name);
    TRY(tx_do(s, tx, &set_enabled, BIND(v_int(w->id), v_bool(w->enabled))));
    TRY(audit_add(s, tx,
                  &(struct audit_event){
                      .action = w->enabled ? AUDIT_CA_ENABLE : AUDIT_CA_DISABLE,
                      .actor = w->actor,
                      .target = { "ca", arena_printf(s->arena, "%lld", (long long)w->id), name },
                  }));
    return outbox_add(s, tx, EVENT_AUTHORITY_CHANGED, w->id, NULL);
}

enum err
ca_set_enabled(struct scope *s, struct ca_office *office, int64_t id, bool enabled, int64_t version,
               const struct audit_actor *actor)
{
    struct switching w = { id, version, enabled, actor };

    TRY(db_write(s, office->o.db, switch_in, &w));
    return ca_office_reload(s, office);
}

/* Whose a backup is: installations that share a directory do not count each other's. */
#include "backup/backup.h"

SQL(own_keys, "SELECT key_hash FROM ca_key");

static bool
share(const struct list *some, const struct list *others)
{
    LIST_EACH(const char *, one, some)
    if (list_has(others, *one))
        return true;
    return false;
}

/** The keys of the authorities in a backup, of const char *; none: it cannot be read. */
static void
keys_in(struct scope *s, const struct backup_entry *e, struct list *out)
{
    AUTO(archive_close) struct archive *a = NULL;
    struct backup_manifest m;
    const char *signer;

    *out = (struct list){ 0 };
    if (archive_open(s, e->path, &a) != OK ||
        manifest_read(s, archive_manifest(a), archive_seal(a), &m, &signer) != OK) {
        scope_clear(s);
        return;
    }
    LIST_EACH(struct backup_authority, one, &m.authorities)
    list_add(s->arena, out, const char *, one->key_hash);
}

static enum err
keys_of(struct scope *s, struct db *db, struct list *out)
{
    struct rows rows;

    *out = (struct list){ 0 };
    TRY(db_all(s, db, &own_keys, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++)
        list_add(s->arena, out, const char *, hex_lower(s->arena, row_bytes(&rows.at[i])));
    return OK;
}

enum err
backup_newest(struct scope *s, struct db *db, const struct list *entries,
              const struct backup_entry **out)
{
    struct list own, keys;

    *out = NULL;
    TRY(keys_of(s, db, &own));
    for (size_t i = 0; i < entries->count && !*out; i++) {
        const struct backup_entry *e = list_at(entries, struct backup_entry, i);

        keys_in(s, e, &keys);
        if (share(&keys, &own))
            *out = e;
    }
    return OK;
}

/** The owner of whom some key is among KEYS; of those that cannot be read, the one without. */
static struct backup_owner *
owner_of(struct scope *s, struct list *owners, const struct list *keys)
{
    LIST_EACH(struct backup_owner, o, owners)
    if (keys->count ? share(&o->keys, keys) : !o->keys.count)
        return o;
    return list_push(s->arena, owners, struct backup_owner);
}

enum err
backup_owners(struct scope *s, struct db *db, const struct list *entries, struct list *out)
{
    struct list owners = { 0 }, keys;

    if (db)
        TRY(keys_of(s, db, &list_push(s->arena, &owners, struct backup_owner)->keys));
    for (size_t i = 0; i < entries->count; i++) {
        const struct backup_entry *e = list_at(entries, struct backup_entry, i);
        struct backup_owner *o;

        keys_in(s, e, &keys);
        o = db && !keys.count ? list_at(&owners, struct backup_owner, 0)
                              : owner_of(s, &owners, &keys);
        LIST_EACH(const char *, key, &keys)
        list_add(s->arena, &o->keys, const char *, *key);
        list_add(s->arena, &o->entries, struct backup_entry, *e);
    }
    if (db)
        owners.count = 1;
    *out = owners;
    return OK;
}

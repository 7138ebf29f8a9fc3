#include "access/outsider.h"

#include "access/manage.h"
#include "access/names.h"
#include "access/principals.h"
#include "base/log.h"
#include "base/metric.h"
#include "pki/hash.h"

#define LOGIN_NOTED_MS HOUR_MS /* how often a login by the same provider is written down */
#define MARK_LEN 8             /* octets of an origin's hash that tell it from its like */

SQL(outsider_insert, "INSERT INTO app_user (name, login, email, created_at, last_login_at, origin, "
                     "credential_version) VALUES ($1, $2, $3, $4, $4, $5, $4) RETURNING id");
SQL(outsider_there, "SELECT id, name FROM app_user WHERE origin = $1");
SQL(login_there, "SELECT id FROM app_user WHERE login = $1");
SQL(name_there, "SELECT id, COALESCE(origin, '') FROM app_user WHERE LOWER(name) = LOWER($1) "
                "UNION ALL "
                "SELECT id, '' FROM oauth_client WHERE LOWER(client_id) = LOWER($1)");
SQL(outsider_entered, "UPDATE app_user SET last_login_at = $2, origin = COALESCE($3, origin) "
                      "WHERE id = $1");
SQL(has_any_role, "SELECT COUNT(*) FROM role_member m JOIN role r ON r.id = m.role "
                  "WHERE m.member_kind = 4 AND m.member_id = $1 AND r.enabled = 1");

/** An entry on its way through its transaction. */
struct entry {
    const struct outsider *o;
    const char *domain; /* of accounts without one; NULL: none, or DOMAIN\NAME is theirs */
    const struct access_peer *peer;
    struct principal p; /* id 0: an account is to be made */
    const char *origin; /* the account's own from now on; NULL: it is that already */
};

/** The account that another first call has made meanwhile; 0: none. What shares our commit is seen
 * here, while readers see it only afterwards. */
static enum err
made_meanwhile(struct scope *s, struct tx *tx, const char *origin, int64_t *id)
{
    struct row row;
    enum err e = tx_one(s, tx, &outsider_there, BIND(v_text(origin)), &row);

    *id = 0;
    if (e == E_NOT_FOUND) {
        scope_clear(s);
        return OK;
    }
    TRY(e);
    *id = row_int(&row);
    return OK;
}

/** Whether NAME is somebody's. A directory's names are its own to give, and to give again. */
static enum err
name_taken(struct scope *s, struct tx *tx, const struct outsider *o, const char *name, bool *taken)
{
    const char *theirs = arena_printf(s->arena, "ldap:%s:", o->provider);
    struct rows rows;

    *taken = false;
    TRY(name_hold(s, tx, name));
    TRY(tx_all(s, tx, &name_there, BIND(v_text(name)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        (void)row_int(&rows.at[i]);
        *taken |= !text_starts(o->origin, theirs) || !text_starts(row_text(&rows.at[i]), theirs);
    }
    return OK;
}

/** The hash of an origin: two that differ in case alone are two. */
static const char *
mark_of(struct scope *s, const char *origin)
{
    uint8_t hash[SHA256_LEN];

    hash_sha256(bytes_of_text(origin), hash);
    return hex_lower(s->arena, (struct bytes){ hash, MARK_LEN });
}

/** What the account is filed by: nobody logs in by it. */
static enum err
login_for(struct scope *s, struct tx *tx, const struct outsider *o, const char **login)
{
    struct rows rows;

    *login = text_fold(s->arena, o->origin);
    TRY(tx_all(s, tx, &login_there, BIND(v_text(*login)), &rows));
    if (rows.count)
        *login = arena_printf(s->arena, "%s#%s", *login, mark_of(s, o->origin));
    return OK;
}

/** What they are called, as far as it may be shown at all. */
static const char *
usable_name(struct scope *s, const struct entry *entry, const char *from)
{
    const struct outsider *o = entry->o;

    return name_is_usable(o->name, entry->domain) ? o->name
           : name_is_usable(o->other_name, entry->domain)
               ? o->other_name
               : arena_printf(s->arena, "%s %s", from, mark_of(s, o->origin));
}

/** The name to show. What others say of a caller never makes them somebody who is here: requests,
 * the record and %ME% in queries go by names. */
static enum err
name_for(struct scope *s, struct tx *tx, const struct entry *entry, const char **name)
{
    const struct outsider *o = entry->o;
    const char *from = text_empty(o->provider) ? o->method : o->provider;
    const char *called = usable_name(s, entry, from);
    bool taken;

    *name = called;
    TRY(name_taken(s, tx, o, *name, &taken));
    if (!taken)
        return OK;
    *name = arena_printf(s->arena, "%s (%s)", called, from);
    TRY(name_taken(s, tx, o, *name, &taken));
    if (taken)
        *name = arena_printf(s->arena, "%s (%s %s)", called, from, mark_of(s, o->origin));
    return OK;
}

static enum err
entered_in(struct scope *s, struct tx *tx, void *arg)
{
    struct entry *entry = arg;
    const struct outsider *o = entry->o;
    struct audit_actor actor = { .type = "user",
                                 .name = o->name,
                                 .auth = o->method,
                                 .ip = entry->peer->address,
                                 .user_agent = entry->peer->user_agent };
    struct audit_event event = { .actor = &actor, .reason = o->origin };
    int64_t id = entry->p.id;
    const char *login;
    struct row row;
    bool made;

    if (id == 0)
        TRY(made_meanwhile(s, tx, o->origin, &id));
    made = id == 0;
    if (made) {
        TRY(login_for(s, tx, o, &login));
        TRY(name_for(s, tx, entry, &actor.name));
        TRY(tx_one(s, tx, &outsider_insert,
                   BIND(v_text(actor.name), v_text(login), v_text(o->email), v_when(clock_now()),
                        v_text(o->origin)),
                   &row));
        id = row_int(&row);
    } else {
        TRY(tx_do(s, tx, &outsider_entered,
                  BIND(v_int(id), v_when(clock_now()), v_text(entry->origin))));
    }
    actor.id = principal_id_text(s->arena, CALLER_USER, id);
    event.target = (struct audit_object){ "user", actor.id, actor.name };
    event.action = made ? AUDIT_USER_CREATE : AUDIT_LOGIN_SUCCESS;
    event.message = made ? "An account was made at its first login by a provider." : NULL;
    return audit_add(s, tx, &event);
}

static enum err
anything_granted(struct scope *s, struct db *db, const struct list *claims, bool *granted)
{
    struct row row;

    *granted = false;
    LIST_EACH(int64_t, id, claims)
    {
        TRY(db_one(s, db, &has_any_role, BIND(v_int(*id)), &row));
        *granted |= row_int(&row) > 0;
    }
    return OK;
}

/** The account that an earlier release made for them; E_NOT_FOUND: none, or one that may be
 * somebody else's. */
static enum err
account_before(struct scope *s, struct access *a, const struct outsider *o, struct principal *p)
{
    struct principal found;

    TRY(principal_by_origin(s, a->db, o->before, &found));
    if (!o->before_is_theirs) {
        log_warn(s,
                 "the account %s of \"%s\" may be that of another certificate, and is nobody's: "
                 "let a claim name it",
                 principal_id_text(s->arena, CALLER_USER, found.id), o->before);
        return fail(s, E_NOT_FOUND, "it is nobody's");
    }
    *p = found;
    return OK;
}

static enum err
account_by_origin(struct scope *s, struct access *a, const struct outsider *o, struct entry *entry)
{
    enum err e = principal_by_origin(s, a->db, o->origin, &entry->p);

    if (e != E_NOT_FOUND || !o->before)
        return e;
    scope_clear(s);
    e = account_before(s, a, o, &entry->p);
    if (e == OK)
        entry->origin = o->origin;
    return e;
}

/** The account that they are; p.id 0 when one is to be made. */
static enum err
account_of(struct scope *s, struct access *a, const struct outsider *o,
           const struct claims_found *found, struct entry *entry)
{
    bool granted = false;
    enum err e;

    if (found->contradicts)
        return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                         "%s bears claims of two different accounts", o->name);
    if (found->user)
        return principal_by_id(s, a->db, CALLER_USER, found->user, &entry->p);
    e = account_by_origin(s, a, o, entry);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    TRY(anything_granted(s, a->db, &found->ids, &granted));
    if (!granted)
        return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                         "%s was recognised, but no role here belongs to any of their claims",
                         o->name);
    entry->p = (struct principal){ .kind = CALLER_USER, .enabled = true };
    return OK;
}

const char *
outsider_outcome(enum err e)
{
    return e == OK ? "ok" : e == E_UNAUTHENTICATED || e == E_FORBIDDEN ? "denied" : "error";
}

enum err
outsider_enter(struct scope *s, struct access *a, const struct outsider *o,
               const struct access_peer *peer, struct known **out)
{
    struct entry entry = { .o = o,
                           .domain = text_starts(o->origin, "ldap:") ? NULL : a->o.domain,
                           .peer = peer };
    struct claims_found found;
    struct proof proof = { .auth = o->method, .scope = o->scope, .claims = &found.ids };
    enum err e;

    TRY(claims_find(s, a->db, o->provider, &o->claims, &found));
    TRY(account_of(s, a, o, &found, &entry));
    if (!entry.p.enabled)
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "the account is switched off");
    if (!when_given(entry.p.last_login) ||
        clock_now().ms - entry.p.last_login.ms > LOGIN_NOTED_MS) {
        e = db_write(s, a->db, entered_in, &entry);
        if (db_is_unique_conflict(s, e)) { /* two first calls at once */
            scope_clear(s);
            e = db_write(s, a->db, entered_in, &entry);
        }
        TRY(e);
    }
    if (entry.p.id == 0)
        TRY(principal_by_origin(s, a->db, o->origin, &entry.p));
    return known_load(s, a->db, &entry.p, &proof, out);
}

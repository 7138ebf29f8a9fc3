#include "access/outsider.h"

#include "access/principals.h"
#include "base/metric.h"

#define LOGIN_NOTED_MS HOUR_MS /* how often a login by the same provider is written down */

SQL(outsider_insert, "INSERT INTO app_user (name, login, email, created_at, last_login_at, origin, "
                     "credential_version) VALUES ($1, $2, $3, $4, $4, $5, $4) RETURNING id");
SQL(outsider_there, "SELECT id FROM app_user WHERE origin = $1");
SQL(outsider_entered, "UPDATE app_user SET last_login_at = $2 WHERE id = $1");
SQL(has_any_role, "SELECT COUNT(*) FROM role_member m JOIN role r ON r.id = m.role "
                  "WHERE m.member_kind = 4 AND m.member_id = $1 AND r.enabled = 1");

/** An entry on its way through its transaction. */
struct entry {
    const struct outsider *o;
    const struct access_peer *peer;
    struct principal p; /* id 0: an account is to be made */
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
    struct row row;
    bool made;

    if (id == 0)
        TRY(made_meanwhile(s, tx, o->origin, &id));
    made = id == 0;
    if (made) {
        TRY(tx_one(s, tx, &outsider_insert,
                   BIND(v_text(o->name), v_text(text_fold(s->arena, o->origin)), v_text(o->email),
                        v_when(clock_now()), v_text(o->origin)),
                   &row));
        id = row_int(&row);
    } else {
        TRY(tx_do(s, tx, &outsider_entered, BIND(v_int(id), v_when(clock_now()))));
    }
    actor.id = principal_id_text(s->arena, CALLER_USER, id);
    event.target = (struct audit_object){ "user", actor.id, o->name };
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

/** The account that they are; p.id 0 when one is to be made. */
static enum err
account_of(struct scope *s, struct access *a, const struct outsider *o,
           const struct claims_found *found, struct principal *p)
{
    bool granted = false;
    enum err e;

    if (found->contradicts)
        return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                         "%s bears claims of two different accounts", o->name);
    if (found->user)
        return principal_by_id(s, a->db, CALLER_USER, found->user, p);
    e = principal_by_origin(s, a->db, o->origin, p);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    TRY(anything_granted(s, a->db, &found->ids, &granted));
    if (!granted)
        return fail_code(s, E_FORBIDDEN, CHY_NOT_PERMITTED,
                         "%s was recognised, but no role here belongs to any of their claims",
                         o->name);
    *p = (struct principal){ .kind = CALLER_USER, .enabled = true };
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
    struct entry entry = { .o = o, .peer = peer };
    struct claims_found found;
    struct proof proof = { .auth = o->method, .scope = o->scope, .claims = &found.ids };
    enum err e;

    TRY(claims_find(s, a->db, o->provider, &o->claims, &found));
    TRY(account_of(s, a, o, &found, &entry.p));
    if (!entry.p.enabled)
        return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_LOGIN, "the account is switched off");
    if (!when_given(entry.p.last_login) ||
        clock_now().ms - entry.p.last_login.ms > LOGIN_NOTED_MS) {
        e = db_write(s, a->db, entered_in, &entry);
        if (db_is_unique_conflict(s, e)) /* two first calls at once */
            scope_clear(s);
        else
            TRY(e);
    }
    if (entry.p.id == 0)
        TRY(principal_by_origin(s, a->db, o->origin, &entry.p));
    return known_load(s, a->db, &entry.p, &proof, out);
}

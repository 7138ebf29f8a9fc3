#include "acme/account.h"

#include "acme/authz.h"
#include "acme/eab.h"
#include "acme/known.h"
#include "acme/limit.h"
#include "acme/order.h"
#include "db/watch.h"

#define ACCOUNT_COLUMNS                                                                        \
    "id, endpoint, eab_key, version, public_id, status, thumbprint, key_hash, jwk, contacts, " \
    "eab, terms_at, created_at, last_seen_at, created_ip"

static const char *const status_names[] = { "", "valid", "deactivated", "revoked" };

const char *
acme_account_status_name(enum acme_account_status status)
{
    return (size_t)status < COUNT(status_names) ? status_names[status] : "";
}

static void
read_row(struct row *row, struct acme_account *out)
{
    out->id = row_int(row);
    out->endpoint = row_int(row);
    out->eab_key = row_int(row);
    out->version = row_int(row);
    out->public_id = row_text(row);
    out->status = (enum acme_account_status)row_int(row);
    out->thumbprint = row_bytes(row);
    out->key_hash = row_bytes(row);
    out->jwk = row_text(row);
    out->contacts = row_text(row);
    out->eab = row_text(row);
    out->terms_at = row_when(row);
    out->created_at = row_when(row);
    out->last_seen_at = row_when(row);
    out->created_ip = row_text(row);
}

struct audit_actor
acme_actor(const char *public_id, const struct acme_peer *peer)
{
    return (struct audit_actor){ .type = "acme_account",
                                 .id = public_id,
                                 .name = public_id,
                                 .auth = "jws",
                                 .ip = peer ? peer->address : NULL,
                                 .user_agent = peer ? peer->user_agent : NULL };
}

struct caller
acme_caller(struct arena *arena, const char *public_id, const struct acme_peer *peer)
{
    struct caller caller = caller_system;

    caller.id_text = "acme";
    caller.stranger = true;
    caller.name = arena_printf(arena, ACME_CALLER "%s", public_id);
    caller.actor = acme_actor(public_id, peer);
    return caller;
}

/* Finding. */

SQL(account_by_id, "SELECT " ACCOUNT_COLUMNS " FROM acme_account WHERE public_id = $1 AND "
                   "endpoint = $2");

enum err
acme_account_get(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                 const char *public_id, struct acme_account *out)
{
    uint64_t number = acme->accounts ? watch_number(acme->accounts) : 0;
    struct row row;

    if (acme->accounts && known_account(s, acme->known, ep->id, public_id, number, out))
        return OK;
    TRY(db_one(s, acme->o.db, &account_by_id, BIND(v_text(public_id), v_int(ep->id)), &row));
    read_row(&row, out);
    if (acme->accounts)
        known_account_keep(acme->known, out, number);
    return OK;
}

SQL(account_by_number, "SELECT " ACCOUNT_COLUMNS " FROM acme_account WHERE id = $1");

enum err
acme_account_by_number(struct scope *s, const struct acme *acme, int64_t id,
                       struct acme_account *out)
{
    struct row row;

    TRY(db_one(s, acme->o.db, &account_by_number, BIND(v_int(id)), &row));
    read_row(&row, out);
    return OK;
}

SQL(account_by_key, "SELECT " ACCOUNT_COLUMNS " FROM acme_account WHERE endpoint = $1 AND "
                    "thumbprint = $2");

static struct bytes
thumb_of(const struct acme_key *key)
{
    return (struct bytes){ key->thumb, SHA256_LEN };
}

enum err
acme_account_of_key(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                    const struct acme_key *key, struct acme_account *out)
{
    struct row row;

    TRY(db_one(s, acme->o.db, &account_by_key, BIND(v_int(ep->id), v_bytes(thumb_of(key))), &row));
    read_row(&row, out);
    return OK;
}

SQL(account_with_key, "SELECT 1 FROM acme_account WHERE key_hash = $1 LIMIT 1");

enum err
acme_account_has_key(struct scope *s, const struct acme *acme, struct bytes key_hash, bool *has)
{
    struct row row;
    enum err e = db_one(s, acme->o.db, &account_with_key, BIND(v_bytes(key_hash)), &row);

    *has = e == OK;
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return OK;
}

/* Audit. */

struct told {
    enum audit_action action;
    const struct acme_account *account;
    const struct acme_peer *peer;
    const struct audit_change *changes;
    size_t count;
};

static enum err
tell(struct scope *s, struct tx *tx, const struct told *t)
{
    struct audit_actor actor = acme_actor(t->account->public_id, t->peer);

    return audit_add(
        s, tx,
        &(struct audit_event){ .action = t->action,
                               .actor = &actor,
                               .target = { "acme_account", t->account->public_id, NULL },
                               .changes = t->changes,
                               .change_count = t->count });
}

/* Making. */

SQL(account_add,
    "INSERT INTO acme_account (public_id, endpoint, thumbprint, key_hash, jwk, status, "
    "contacts, terms_at, eab_key, eab, created_at, created_ip, user_agent, "
    "last_seen_at) VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $11, $12, $10) "
    "ON CONFLICT (endpoint, thumbprint) DO NOTHING");

struct making {
    const struct acme_endpoint *ep;
    const struct acme_account_wish *wish;
    const char *public_id, *contacts;
    struct when now;
    struct acme_account *out;
    struct list takes; /* of struct acme_take */
    bool made;
};

static enum err
insert(struct scope *s, struct tx *tx, const struct making *m, int64_t *changed)
{
    const struct acme_account_wish *w = m->wish;

    return tx_count(
        s, tx, &account_add,
        BIND(v_text(m->public_id), v_int(m->ep->id), v_bytes(thumb_of(w->key)),
             v_bytes((struct bytes){ w->key->spki_hash, SHA256_LEN }), v_text(w->key->jwk),
             v_text(m->contacts), w->terms_agreed ? v_when(m->now) : v_null(),
             w->eab ? v_int(w->eab->key) : v_null(), v_text(w->eab ? w->eab->json : NULL),
             v_when(m->now), v_text(w->peer.address ? w->peer.address : ""),
             v_text(w->peer.user_agent)),
        changed);
}

static enum err
make_in(struct scope *s, struct tx *tx, void *arg)
{
    struct making *m = arg;
    const struct acme_account_wish *w = m->wish;
    int64_t changed;
    struct row row;

    TRY(insert(s, tx, m, &changed));
    TRY(tx_one(s, tx, &account_by_key, BIND(v_int(m->ep->id), v_bytes(thumb_of(w->key))), &row));
    read_row(&row, m->out);
    m->made = changed > 0;
    if (!m->made)
        return OK;
    if (w->eab)
        TRY(acme_eab_use(s, tx, w->eab));
    TRY(acme_limits_take(s, tx, m->ep, m->ep, &m->takes));
    return tell(s, tx,
                &(struct told){
                    .action = AUDIT_ACME_ACCOUNT_CREATE,
                    .account = m->out,
                    .peer = &w->peer,
                    .changes =
                        (const struct audit_change[]){
                            { "thumbprint", NULL, w->key->thumbprint, AUDIT_IS_TEXT },
                            { "contacts", NULL, m->contacts, AUDIT_IS_TEXT },
                            { "eab_key", NULL, w->eab ? w->eab->kid : NULL, AUDIT_IS_TEXT },
                            { "endpoint", NULL, m->ep->name, AUDIT_IS_TEXT },
                        },
                    .count = 4,
                });
}

enum err
acme_account_new(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                 const struct acme_account_wish *wish, struct acme_account *out, bool *made)
{
    struct making m = {
        .ep = ep, .wish = wish, .public_id = acme_new_id(s->arena), .now = clock_now(), .out = out
    };

    if (ep->set->eab == ACME_EAB_REQUIRED && !wish->eab)
        return acme_fail(s, E_FORBIDDEN, "externalAccountRequired",
                         "an account here must be bound to a key that the operator gave out (RFC "
                         "8555 section 7.3.4)");
    if (!text_empty(ep->set->terms_url) && !wish->terms_agreed)
        return acme_fail(s, E_FORBIDDEN, "userActionRequired",
                         "the terms of service must be agreed to: %s", ep->set->terms_url);
    TRY(acme_contacts(s, wish->contacts, &m.contacts));
    if (!acme_limit_exempts(s, acme, wish->peer.address))
        list_add(s->arena, &m.takes, struct acme_take,
                 ((struct acme_take){ .limit = LIMIT_ACCOUNTS,
                                      .key = acme_limit_network(s, wish->peer.address, 48) }));
    TRY(db_write(s, acme->o.db, make_in, &m));
    *made = m.made;
    return OK;
}

/* Changing. */

SQL(account_contacts, "UPDATE acme_account SET contacts = $2, version = version + 1 WHERE id = $1 "
                      "AND status = 1");

struct change {
    struct acme_account *account;
    const struct acme_peer *peer;
    const char *contacts;
    const struct acme_key *key;
    const struct acme_endpoint *ep;
    const char *owner; /* of the key, when it is somebody's already */
    struct when now;
};

/* The account ended between the check of the request and this write. */
static enum err
is_dead(struct scope *s)
{
    return acme_fail(s, E_UNAUTHENTICATED, "unauthorized", "the account is not valid any more");
}

static enum err
contacts_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct change *c = arg;
    struct audit_change fact = { "contacts", c->account->contacts, c->contacts, AUDIT_IS_TEXT };
    int64_t changed;

    TRY(tx_count(s, tx, &account_contacts, BIND(v_int(c->account->id), v_text(c->contacts)),
                 &changed));
    if (!changed)
        return is_dead(s);
    return tell(s, tx, &(struct told){ AUDIT_ACME_ACCOUNT_EDIT, c->account, c->peer, &fact, 1 });
}

enum err
acme_account_set_contacts(struct scope *s, const struct acme *acme, struct acme_account *a,
                          const struct list *contacts, const struct acme_peer *peer)
{
    struct change c = { .account = a, .peer = peer };

    TRY(acme_contacts(s, contacts, &c.contacts));
    if (text_eq(c.contacts, a->contacts) || (!c.contacts && !a->contacts))
        return OK;
    TRY(db_write(s, acme->o.db, contacts_in, &c));
    a->contacts = c.contacts;
    return OK;
}

SQL(account_end, "UPDATE acme_account SET status = 2, version = version + 1 WHERE id = $1 AND "
                 "status = 1");

static enum err
deactivate_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct change *c = arg;
    const char *why = acme_problem_text(s->arena, "unauthorized", "The account was deactivated.");
    int64_t changed;

    TRY(tx_count(s, tx, &account_end, BIND(v_int(c->account->id)), &changed));
    if (!changed)
        return is_dead(s);
    TRY(acme_orders_end(s, tx, c->account->id, why, c->now));
    return tell(s, tx,
                &(struct told){ AUDIT_ACME_ACCOUNT_DEACTIVATE, c->account, c->peer, NULL, 0 });
}

enum err
acme_account_deactivate(struct scope *s, const struct acme *acme, struct acme_account *a,
                        const struct acme_peer *peer)
{
    struct change c = { .account = a, .peer = peer, .now = clock_now() };

    TRY(db_write(s, acme->o.db, deactivate_in, &c));
    a->status = ACME_ACCOUNT_DEACTIVATED;
    return acme_requests_end(s, acme, a, 0, peer, "The account was deactivated.");
}

/* Another key (RFC 8555 section 7.3.5). */

SQL(certificate_with_key, "SELECT 1 FROM certificate WHERE key_hash = $1 LIMIT 1");
SQL(account_rekey, "UPDATE acme_account SET thumbprint = $2, key_hash = $3, jwk = $4, version = "
                   "version + 1 WHERE id = $1 AND status = 1 AND thumbprint = $5");
SQL(account_lives, "SELECT 1 FROM acme_account WHERE id = $1 AND status = 1");

static enum err
is_owned(struct scope *s, struct row *row, const char **owner)
{
    struct acme_account other;

    read_row(row, &other);
    *owner = other.public_id;
    return acme_fail(s, E_CONFLICT, "malformed", "the new key is that of an account already");
}

/* The request was signed with a key that is the account's no more, or the account ended. */
static enum err
is_rekeyed(struct scope *s, struct tx *tx, const struct acme_account *a)
{
    struct row row;
    enum err e = tx_one(s, tx, &account_lives, BIND(v_int(a->id)), &row);

    if (e == OK)
        return acme_fail(s, E_UNAUTHENTICATED, "unauthorized",
                         "the account got another key in the meantime, and the request is signed "
                         "with the former one");
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    return is_dead(s);
}

static enum err
rekey_in(struct scope *s, struct tx *tx, void *arg)
{
    struct change *c = arg;
    struct audit_change fact = { "thumbprint", base64url_encode(s->arena, c->account->thumbprint),
                                 c->key->thumbprint, AUDIT_IS_TEXT };
    int64_t changed;
    struct row row;
    enum err e =
        tx_one(s, tx, &account_by_key, BIND(v_int(c->ep->id), v_bytes(thumb_of(c->key))), &row);

    if (e == OK) /* one that this lane wrote a moment ago is seen from here alone */
        return is_owned(s, &row, &c->owner);
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    TRY(tx_count(s, tx, &account_rekey,
                 BIND(v_int(c->account->id), v_bytes(thumb_of(c->key)),
                      v_bytes((struct bytes){ c->key->spki_hash, SHA256_LEN }), v_text(c->key->jwk),
                      v_bytes(c->account->thumbprint)),
                 &changed));
    if (!changed)
        return is_rekeyed(s, tx, c->account);
    return tell(s, tx, &(struct told){ AUDIT_ACME_ACCOUNT_KEY, c->account, c->peer, &fact, 1 });
}

static enum err
is_taken(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
         const struct acme_key *key, const char **owner)
{
    struct row row;

    TRY(db_one(s, acme->o.db, &account_by_key, BIND(v_int(ep->id), v_bytes(thumb_of(key))), &row));
    return is_owned(s, &row, owner);
}

enum err
acme_account_rekey(struct scope *s, const struct acme *acme, const struct acme_endpoint *ep,
                   struct acme_account *a, struct acme_rekey *to)
{
    const struct acme_key *key = to->key;
    struct change c = { .account = a, .peer = to->peer, .key = key, .ep = ep };
    struct row row;
    enum err e = is_taken(s, acme, ep, key, &to->owner);

    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    e = db_one(s, acme->o.db, &certificate_with_key,
               BIND(v_bytes((struct bytes){ key->spki_hash, SHA256_LEN })), &row);
    if (e == OK)
        return acme_fail(s, E_INVALID, "badPublicKey",
                         "the new key is that of a certificate, so it is in use for something "
                         "else");
    if (e != E_NOT_FOUND)
        return e;
    scope_clear(s);
    e = db_write(s, acme->o.db, rekey_in, &c);
    if (db_is_unique_conflict(s, e)) {
        scope_clear(s);
        return is_taken(s, acme, ep, key, &to->owner);
    }
    to->owner = c.owner;
    TRY(e);
    a->jwk = key->jwk;
    a->thumbprint = thumb_of(key);
    return OK;
}

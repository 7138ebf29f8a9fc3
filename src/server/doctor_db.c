/* What the database tells the doctor. */
#include "server/doctor_in.h"

#include "audit/anchor.h"
#include "drivers/signer.h"
#include "jobs/agree.h"
#include "pki/key.h"
#include "seal/keyring.h"
#include "seal/seal.h"
#include "server/master.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_MS 10000
#define EVENTS 1000 /* of each audit chain that are computed anew */
#define BACK_MS (10 * SECOND_MS)

SQL(keys_in_use,
    "SELECT a.name, a.enabled, k.generation, k.key_uri, k.spki, c.not_after, k.state, r.revoked_at "
    "FROM ca_key k "
    "JOIN authority a ON a.id = k.authority "
    "JOIN ca_certificate c ON c.ca_key = k.id AND c.preferred = 1 "
    "LEFT JOIN certificate r ON r.id = c.certificate "
    "WHERE k.state <> 3 AND a.driver = 'embedded' ORDER BY a.id, k.generation");
SQL(lists_now, "SELECT a.name, p.number, p.last_this_update, p.last_next_update FROM crl_scope p "
               "JOIN ca_key k ON k.id = p.ca_key JOIN authority a ON a.id = k.authority "
               "WHERE k.state <> 3 AND a.driver = 'embedded' ORDER BY a.id, k.generation");
SQL(last_event, "SELECT MAX(ts) FROM audit");

/* The database -----------------------------------------------------------------------------------
 */

static void
check_schema(struct doctor *d, const char *kind)
{
    int64_t have, known;

    if (db_schema(d->s, d->db, &have, &known) != OK) {
        finding_failed(d, d->s, "database", "look at the database's own log");
        return;
    }
    if (have > known)
        finding(d, "database", FINDING_FAIL,
                "run the newer program, or restore a backup from before it",
                "its schema is %lld, and this program knows %lld", (long long)have,
                (long long)known);
    else if (have < known)
        finding(d, "database", FINDING_WARN, "make a backup first: it goes forward only",
                "its schema is %lld: the next start brings it to %lld", (long long)have,
                (long long)known);
    else
        finding(d, "database", FINDING_FINE, NULL, "%s answers, its schema is %lld", kind,
                (long long)have);
}

/** Servers that share a database go by one clock: beyond some seconds one takes no jobs. */
static void
check_agreement(struct doctor *d)
{
    int64_t apart;

    if (clock_apart(d->s, d->db, &apart) != OK)
        finding_failed(d, d->s, "clock", "look at the database's own log");
    else if (llabs(apart) > CLOCKS_AGREE_MS)
        finding(d, "clock", FINDING_FAIL, "let both follow NTP: timedatectl set-ntp true",
                "this machine's is %lld s %s the database's: a server here takes no jobs",
                llabs(apart) / 1000, apart > 0 ? "ahead of" : "behind");
    else
        finding(d, "clock", FINDING_FINE, NULL, "it agrees with the database's");
}

void
check_database(struct doctor *d)
{
    struct db_options how = {
        .no_migrate = true, .lanes = 1, .readers = 1, .busy_ms = WAIT_MS, .guest = true
    };
    const char *url = installation_db(d->s->arena, d->set);
    const char *kind = text_starts(url, "sqlite:") ? "SQLite" : "PostgreSQL";
    struct db_place place;

    scope_deadline_in(d->s, WAIT_MS);
    if (db_look(d->s, url, &place) != OK) {
        finding_failed(d, d->s, "database", "look at db.url, and whether the database runs");
        return;
    }
    if (!place.used) {
        finding(d, "database", FINDING_FAIL,
                "chancery init sets one up, chancery restore puts one back; or mend db.url",
                "there is no installation at %s",
                text_starts(url, "sqlite:") ? url : "the address of db.url");
        return;
    }
    if (db_open(d->s, url, &how, &d->db) != OK) {
        finding_failed(d, d->s, "database", "look at the database's own log");
        return;
    }
    check_schema(d, kind);
    if (text_eq(kind, "SQLite"))
        finding(d, "server", FINDING_FINE, NULL, "%s",
                place.busy ? "a server works on the database" : "no server works on the database");
    else
        finding(d, "server", FINDING_FINE, NULL, "%s",
                place.busy ? "servers work on the database" : "no server works on the database");
    if (!text_eq(kind, "SQLite"))
        check_agreement(d);
}

/* Keys -------------------------------------------------------------------------------------------
 */

void
check_master_key(struct doctor *d)
{
    const char *ref = installation_master(d->s->arena, d->set);
    bool on_token = text_starts(ref, "pkcs11:");

    if (master_open(d->s, d->set, NULL, false, &d->seal) != OK) {
        (void)note(d->s, d->s->error.kind, "the master key");
        finding_failed(d, d->s, "master key",
                       on_token ? "look at the HSM, hsm.module and hsm.pin, and at the key that "
                                  "seal.master_key names; the file's copy may be the right one"
                                : "put the copy of the master key back, mode 0600, the server's "
                                  "user's own");
        return;
    }
    if (keyring_try(d->s, d->db, d->seal) == OK) {
        finding(d, "master key", FINDING_FINE, NULL, "%s opens what is sealed%s%s",
                seal_key_id(d->s, d->seal), on_token ? "; it is wrapped by " : "",
                on_token ? ref : "");
        return;
    }
    scope_clear(d->s);
    finding(d, "master key", FINDING_FAIL,
            "put the copy of the right master key back; this one is of another installation",
            "%s does not open what is sealed in the database", seal_key_id(d->s, d->seal));
}

static enum err
try_key(struct scope *s, const struct signer_env *env, const char *uri, struct bytes spki)
{
    AUTO(signer_close) struct signer *signer = NULL;
    struct bytes message = BYTES("chancery doctor: this is no certificate"), signature;
    struct pubkey public;
    EVP_PKEY *key;

    TRY(signer_open_known(s, env, uri, spki, &signer));
    TRY(pubkey_read(s, spki, &public));
    TRY(pubkey_import(s, &public, &key));
    TRY(signer_sign(s, signer, signer_preferred(signer), message, &signature));
    return key_verify(s, key, signer_preferred(signer), message, signature);
}

static void
check_one(struct doctor *d, const struct signer_env *env, struct row *row)
{
    AUTO(scope_free) struct scope *s = scope_new("doctor");
    const char *name = row_text(row), *uri;
    bool enabled = row_bool(row);
    int64_t generation = row_int(row);
    struct when end, revoked;
    bool present;
    struct bytes spki;

    uri = row_text(row);
    spki = row_bytes(row);
    end = row_when(row);
    present = row_int(row) == 1;
    revoked = row_when(row);
    scope_deadline_in(s, WAIT_MS);
    if (try_key(s, env, uri, spki) != OK) {
        (void)note(s, s->error.kind, "key %lld of %s", (long long)generation, name);
        finding_failed(d, s, "authority",
                       text_starts(uri, "pkcs11:")
                           ? "look at the HSM, hsm.module and hsm.pin"
                           : "put the key's file back from a backup (data/keys in it)");
        return;
    }
    if (when_given(revoked))
        finding(d, "authority", present && enabled ? FINDING_WARN : FINDING_FINE,
                present && enabled ? "chancery ca rollover makes the next" : NULL,
                "the certificate of %s, key %lld, is revoked: it signs revocation lists alone",
                name, (long long)generation);
    else if (when_cmp(end, clock_now()) < 0)
        finding(d, "authority", FINDING_WARN, "chancery ca rollover makes the next",
                "the certificate of %s, key %lld, is over", name, (long long)generation);
    else if (when_cmp(when_add_ms(end, -90 * DAY_MS), clock_now()) < 0)
        finding(d, "authority", FINDING_WARN, "chancery ca rollover makes the next",
                "the certificate of %s, key %lld, ends %s", name, (long long)generation,
                when_rfc3339(d->s->arena, end));
    else
        finding(d, "authority", FINDING_FINE, NULL, "key %lld of %s signs%s", (long long)generation,
                name, enabled ? "" : "; it is switched off");
}

void
check_authorities(struct doctor *d)
{
    struct hsm_options token = installation_hsm(d->set);
    struct signer_env env = { .seal = d->seal,
                              .hsm = &token,
                              .key_dir = installation_path(d->s->arena, d->set, "keys") };
    struct rows rows;

    token.sessions = 1;
    if (!d->seal)
        return;
    if (db_all(d->s, d->db, &keys_in_use, BIND_NONE, &rows) != OK) {
        finding_failed(d, d->s, "authority", "look at the database");
        return;
    }
    if (!rows.count)
        finding(d, "authority", FINDING_WARN, "chancery init, or chancery ca create",
                "there is no authority");
    for (size_t i = 0; i < rows.count; i++)
        check_one(d, &env, &rows.at[i]);
}

/* Lists ------------------------------------------------------------------------------------------
 */

void
check_lists(struct doctor *d)
{
    static const char fix[] = "the server makes them: start it; the log says why one did not come";
    struct when now = clock_now();
    struct rows rows;

    if (db_all(d->s, d->db, &lists_now, BIND_NONE, &rows) != OK) {
        finding_failed(d, d->s, "CRL", "look at the database");
        return;
    }
    for (size_t i = 0; i < rows.count; i++) {
        const char *name = row_text(&rows.at[i]);
        int64_t number = row_int(&rows.at[i]);
        struct when from = row_when(&rows.at[i]), to = row_when(&rows.at[i]);

        if (!when_given(to))
            finding(d, "CRL", FINDING_FAIL, fix, "%s has none", name);
        else if (when_cmp(to, now) < 0)
            finding(d, "CRL", FINDING_FAIL, fix, "that of %s, number %lld, ended %s", name,
                    (long long)number, when_rfc3339(d->s->arena, to));
        else if (to.ms - now.ms < (to.ms - from.ms) / 4)
            finding(d, "CRL", FINDING_WARN, fix, "that of %s, number %lld, ends %s", name,
                    (long long)number, when_rfc3339(d->s->arena, to));
        else
            finding(d, "CRL", FINDING_FINE, NULL, "that of %s, number %lld, holds until %s", name,
                    (long long)number, when_rfc3339(d->s->arena, to));
    }
}

/* The record -------------------------------------------------------------------------------------
 */

void
check_audit(struct doctor *d)
{
    struct audit_report sum = { .intact = true };
    const struct audit_break *first = NULL;
    struct list heads;

    if (audit_heads(d->s, d->db, &heads) != OK) {
        finding_failed(d, d->s, "audit", "look at the database");
        return;
    }
    LIST_EACH(struct audit_head, h, &heads)
    {
        struct audit_range range = { h->lane, MAX(h->seq - EVENTS, INT64_C(1)), 0 };
        struct audit_report r;

        if (audit_verify(d->s, d->db, &range, &r) != OK) {
            finding_failed(d, d->s, "audit", "look at the database");
            return;
        }
        sum.events += r.events;
        sum.intact = sum.intact && r.intact;
        if (r.breaks.count && !first)
            first = list_at(&r.breaks, struct audit_break, 0);
    }
    if (sum.intact)
        finding(d, "audit", FINDING_FINE, NULL, "the last %lld events of %zu chains are intact",
                (long long)sum.events, heads.count);
    else
        finding(d, "audit", FINDING_FAIL,
                "keep a copy of everything, then look at all of it: chancery audit verify",
                "chain %lld, event %lld: %s", first ? (long long)first->lane : 0,
                first ? (long long)first->seq : 0, first ? first->reason : "broken");
}

void
check_last_event(struct doctor *d)
{
    struct row row;
    struct when last;

    if (db_one(d->s, d->db, &last_event, BIND_NONE, &row) != OK) {
        scope_clear(d->s);
        return;
    }
    last = row_when(&row);
    if (when_given(last) && when_cmp(last, when_add_ms(clock_now(), BACK_MS)) > 0)
        finding(d, "clock", FINDING_FAIL, "set it right before anything is signed",
                "it says %s, and the last thing in the audit record was at %s",
                when_rfc3339(d->s->arena, clock_now()), when_rfc3339(d->s->arena, last));
}

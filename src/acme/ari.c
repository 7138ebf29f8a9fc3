#include "acme/ari.h"

#include "acme/judge.h"
#include "acme/names.h"
#include "acme/profile.h"
#include "acme/window.h"
#include "catalog/catalog.h"
#include "pki/hash.h"
#include <string.h>

#define SHORT_LIFE_MS (10 * DAY_MS)

/* RFC 9773 section 4.1: the key identifier of the issuer, a dot, the serial number's octets. */
static enum err
read_cert_id(struct scope *s, const char *cert_id, struct bytes *aki, struct bytes *serial)
{
    const char *dot = strchr(cert_id, '.');

    if (!dot || dot == cert_id || !dot[1] || strchr(dot + 1, '.') ||
        !base64url_decode(s->arena, cert_id, (size_t)(dot - cert_id), aki) ||
        !base64url_decode(s->arena, dot + 1, strlen(dot + 1), serial) || !aki->len || !serial->len)
        return acme_fail(s, E_INVALID, "malformed",
                         "a certificate is named by two parts in base64url with a dot between (RFC "
                         "9773 section 4.1)");
    if (serial->len > 1 && serial->data[0] == 0) /* with or without its sign octet */
        *serial = (struct bytes){ serial->data + 1, serial->len - 1 };
    return OK;
}

static enum err
not_ours(struct scope *s)
{
    return acme_fail(s, E_NOT_FOUND, "malformed", "no such certificate was issued here");
}

static enum err
find(struct scope *s, const struct acme *acme, const char *cert_id, unsigned with,
     struct cert_row *out)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(acme->o.flow->office);
    struct bytes aki, serial;
    struct cert_status status;

    TRY(read_cert_id(s, cert_id, &aki, &serial));
    LIST_EACH(struct ca_key *, key, &snap->keys)
    {
        enum err e;

        if (!bytes_eq((*key)->ski, aki))
            continue;
        e = catalog_status(s, acme->o.db, (*key)->subject_hash, serial, &status);
        if (e == E_NOT_FOUND) {
            scope_clear(s);
            continue;
        }
        TRY(e);
        TRY(catalog_get(s, acme->o.db, status.id, with, out));
        if (out->ca_key == (*key)->id)
            return OK;
    }
    return not_ours(s);
}

/* So that what was issued at once is not renewed at once: up to RANGE to either side, always the
 * same for a certificate. */
static int64_t
spread(const struct cert_row *row, int64_t range)
{
    uint8_t hash[SHA256_LEN];
    uint64_t number = 0;

    hash_sha256(row->serial, hash);
    for (int i = 0; i < 6; i++)
        number = number << 8 | hash[i];
    return range > 0 ? (int64_t)(number % (uint64_t)(2 * range)) - range : 0;
}

/* Was it issued by a profile whose certificates are renewed thirty days before their end? */
static enum err
renews_early(struct scope *s, const struct acme *acme, int64_t certificate, bool *early)
{
    const struct acme_endpoint *policy;

    *early = false;
    if (!acme_profiles(s, acme)->all.count)
        return OK;
    TRY(acme_rules_of(s, acme, certificate, &policy));
    *early = policy && policy->profile && policy->profile->auto_renew;
    return OK;
}

/* From thirty days before the end, or the last third where that is less. */
static void
early_window(const struct cert_row *row, int64_t life, struct acme_ari *out)
{
    out->start = when_add_ms(row->not_after, -MIN(30 * DAY_MS, life / 3));
    out->end = when_add_ms(out->start, MAX(life / 25, SECOND_MS));
}

enum err
acme_ari_window(struct scope *s, const struct acme *acme, const char *cert_id, struct acme_ari *out)
{
    struct cert_row row;
    int64_t life, half, ideal;
    const struct acme_window *window;
    bool early;

    TRY(find(s, acme, cert_id, 0, &row));
    TRY(acme_window_of(s, acme, &row, &window));
    out->certificate = row.id;
    out->by_client =
        row.state == CERT_REVOKED && row.revoked_by && text_starts(row.revoked_by, ACME_CALLER);
    out->url = window ? window->url : NULL;
    life = row.not_after.ms - row.not_before.ms;
    half = MAX(life / 100, SECOND_MS);
    if (row.state == CERT_REVOKED) { /* at once */
        out->end = when_add_ms(clock_now(), -HOUR_MS);
        out->start = when_add_ms(out->end, -HOUR_MS);
        return OK;
    }
    if (window) {
        out->start = window->start;
        out->end = window->end;
        return OK;
    }
    TRY(renews_early(s, acme, row.id, &early));
    if (early) {
        early_window(&row, life, out);
        return OK;
    }
    ideal = row.not_before.ms + (life < SHORT_LIFE_MS ? life / 2 : life / 3 * 2) +
            spread(&row, life / 100);
    out->start = (struct when){ ideal - half };
    out->end = (struct when){ ideal + half };
    return OK;
}

static bool
has_name(const struct cert_row *row, const char *name)
{
    LIST_EACH(struct cert_san, san, &row->names)
    if (text_eq_fold(san->text, name))
        return true;
    return false;
}

SQL(order_of_certificate, "SELECT account FROM acme_order WHERE certificate = $1");

enum err
acme_ari_replaced(struct scope *s, const struct acme *acme, const struct acme_account *a,
                  const char *cert_id, const struct list *names, struct acme_replaced *out)
{
    struct cert_row row = { 0 };
    struct row order;
    size_t common = 0;
    enum err e;

    TRY(note(s, find(s, acme, cert_id, WITH_NAMES, &row), "\"replaces\""));
    e = db_one(s, acme->o.db, &order_of_certificate, BIND(v_int(row.id)), &order);
    if (e == E_NOT_FOUND || (e == OK && row_int(&order) != a->id))
        return acme_fail(s, E_FORBIDDEN, "unauthorized",
                         "the certificate to replace was not issued to this account");
    TRY(e);
    LIST_EACH(struct acme_name, n, names)
    common += has_name(&row, n->value);
    if (!common)
        return acme_fail(s, E_INVALID, "malformed",
                         "the certificate to replace has none of the order's names");
    *out = (struct acme_replaced){ row.id, common == names->count };
    return OK;
}

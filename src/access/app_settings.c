#include "access/app_settings.h"

#include "access/office.h"
#include "base/random.h"
#include "jobs/outbox.h"

#include <string.h>

static const struct app_setting known[APP_SWITCHES] = {
    [APP_API] = { 1, "apiEnabled", "Enable REST API",
                  "Whether the Command API answers. While it is off every call of it is 403, but "
                  "for logging in, the health check and the settings themselves.",
                  true },
    [APP_OAUTH] = { 2, "oauthEnabled", "Enable OAuth",
                    "Whether OAuth2 clients get access tokens. While it is off no token of theirs "
                    "or of an identity provider is good for anything but the settings themselves.",
                    true },
};

#define STORED "app."
SQL(settings_stored, "SELECT name, value FROM setting WHERE name IN ($1, $2)");
SQL(setting_store, "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO "
                   "UPDATE SET value = $2");

enum app_switch
app_setting_by_id(int64_t id)
{
    enum app_switch w = 0;

    while (w < APP_SWITCHES && known[w].id != id)
        w++;
    return w;
}

enum app_switch
app_setting_by_name(const char *name)
{
    enum app_switch w = 0;

    while (w < APP_SWITCHES && !text_eq_fold(known[w].name, name))
        w++;
    return w;
}

static const char *
stored_name(struct scope *s, enum app_switch w)
{
    return arena_printf(s->arena, STORED "%s", known[w].name);
}

static void
fill(struct rows *rows, struct app_setting *out)
{
    memcpy(out, known, sizeof(known));
    for (size_t i = 0; i < rows->count; i++) {
        enum app_switch w = app_setting_by_name(row_text(&rows->at[i]) + strlen(STORED));

        if (w < APP_SWITCHES)
            out[w].on = text_eq(row_text(&rows->at[i]), "true");
    }
}

enum err
app_settings_read(struct scope *s, struct access *a, struct app_setting *out)
{
    struct rows rows;

    TRY(db_all(s, a->db, &settings_stored,
               BIND(v_text(stored_name(s, APP_API)), v_text(stored_name(s, APP_OAUTH))), &rows));
    fill(&rows, out);
    return OK;
}

/* What is read last was written last: reading and keeping are one. */
enum err
app_settings_reload(struct scope *s, struct access *a)
{
    struct app_setting now[APP_SWITCHES];
    unsigned off = 0;
    enum err e;

    (void)pthread_mutex_lock(&a->app_lock);
    e = app_settings_read(s, a, now);
    for (enum app_switch w = 0; e == OK && w < APP_SWITCHES; w++)
        off |= now[w].on ? 0 : 1u << w;
    if (e == OK)
        a->app_off = off;
    (void)pthread_mutex_unlock(&a->app_lock);
    return e;
}

bool
app_switched_on(const struct access *a, enum app_switch w)
{
    return !(a->app_off & 1u << w);
}

enum err
app_settings_admit(struct scope *s, const struct access *a, const struct caller *caller)
{
    bool theirs = text_eq(caller->auth, "oidc") ||
                  (caller->kind == CALLER_CLIENT && text_eq(caller->auth, "token"));

    if (!theirs || app_switched_on(a, APP_OAUTH))
        return OK;
    return fail_code(s, E_UNAUTHENTICATED, CHY_SWITCHED_OFF,
                     "OAuth is switched off on this server (oauthEnabled)");
}

/** A change on its way through its transaction. */
struct switching {
    const struct caller *by;
    const struct opt_bool *on;
};

static const char *
truth(bool on)
{
    return on ? "true" : "false";
}

static enum err
change_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct switching *c = arg;
    struct app_setting old[APP_SWITCHES];
    struct list changes = { 0 };
    struct rows rows;

    TRY(tx_all(s, tx, &settings_stored,
               BIND(v_text(stored_name(s, APP_API)), v_text(stored_name(s, APP_OAUTH))), &rows));
    fill(&rows, old);
    for (enum app_switch w = 0; w < APP_SWITCHES; w++) {
        if (!c->on[w].given || c->on[w].value == old[w].on)
            continue;
        TRY(tx_do(s, tx, &setting_store,
                  BIND(v_text(stored_name(s, w)), v_text(truth(c->on[w].value)))));
        list_add(s->arena, &changes, struct audit_change,
                 ((struct audit_change){ .field = known[w].name,
                                         .before = truth(old[w].on),
                                         .after = truth(c->on[w].value) }));
    }
    if (!changes.count)
        return OK;
    TRY(audit_add(s, tx,
                  &(struct audit_event){ .action = AUDIT_SETTINGS_EDIT,
                                         .actor = &c->by->actor,
                                         .target = { "settings", "app", "SystemSettings" },
                                         .changes = changes.items,
                                         .change_count = changes.count }));
    return outbox_add(s, tx, EVENT_SETTINGS_CHANGED, 0, NULL);
}

enum err
app_settings_change(struct scope *s, struct access *a, const struct caller *by,
                    const struct opt_bool *on, struct app_setting *out)
{
    struct switching c = { by, on };

    TRY(db_write(s, a->db, change_in, &c));
    TRY(app_settings_reload(s, a));
    return app_settings_read(s, a, out);
}

/* ---- the installation */

SQL(mark_make, "INSERT INTO setting (name, value) VALUES ('installation', $1) ON CONFLICT (name) "
               "DO NOTHING");
SQL(mark_read, "SELECT value, (SELECT MIN(applied_at) FROM schema_version) FROM setting WHERE name "
               "= 'installation'");

static enum err
mark_in(struct scope *s, struct tx *tx, void *arg)
{
    return tx_do(s, tx, &mark_make, BIND(v_text(arg)));
}

enum err
app_installation(struct scope *s, struct access *a, struct installation_mark *out)
{
    struct row row;
    enum err e = db_one(s, a->db, &mark_read, BIND_NONE, &row);

    if (e == E_NOT_FOUND) {
        scope_clear(s);
        TRY(db_write(s, a->db, mark_in, uuid_new(s->arena)));
        e = db_one(s, a->db, &mark_read, BIND_NONE, &row);
    }
    TRY(e);
    out->id = row_text(&row);
    out->since = row_when(&row);
    return OK;
}

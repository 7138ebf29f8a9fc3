/**
 * App settings: what is switched while servers run, and holds for all of them. The database keeps
 * them; each server has them in memory, and reads them anew when one was changed. Any thread may
 * call.
 */
#ifndef ACCESS_APP_SETTINGS_H
#define ACCESS_APP_SETTINGS_H

#include "access/access.h"
#include "codec/model.h"

enum app_switch {
    APP_API,   /* the Command API answers */
    APP_OAUTH, /* tokens are made for OAuth2 clients, and taken of them and of identity providers */
    APP_SWITCHES
};

/** What is known of a setting. */
struct app_setting {
    int64_t id;       /* for ever */
    const char *name; /* "apiEnabled" */
    const char *title, *doc;
    bool on;
};

/** The switch of this number, or of this name in any case; APP_SWITCHES: there is none. */
enum app_switch app_setting_by_id(int64_t id);
enum app_switch app_setting_by_name(const char *name);

/** All of them in the order of enum app_switch, as the database has them: OUT holds APP_SWITCHES.
 */
enum err app_settings_read(struct scope *s, struct access *a, struct app_setting *out);
/**
 * Change those that are given: in force here when it returns, elsewhere within seconds.
 *
 * @param on   APP_SWITCHES of them
 * @param out  receives all, as they are then
 */
enum err app_settings_change(struct scope *s, struct access *a, const struct caller *by,
                             const struct opt_bool *on, struct app_setting *out);
/** Read what is in force anew: somebody changed it, or may have. */
enum err app_settings_reload(struct scope *s, struct access *a);

/** Whether it is on. Never waits. */
bool app_switched_on(const struct access *a, enum app_switch w);
/** E_UNAUTHENTICATED when CALLER came by OAuth, and that is switched off. Never waits. */
enum err app_settings_admit(struct scope *s, const struct access *a, const struct caller *caller);

/** The installation's own id, a UUID, and since when there is one. */
struct installation_mark {
    const char *id;
    struct when since;
};
enum err app_installation(struct scope *s, struct access *a, struct installation_mark *out);

#endif

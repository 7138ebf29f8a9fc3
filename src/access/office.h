/** Office: what struct access holds, for the files of this folder. */
#ifndef ACCESS_OFFICE_H
#define ACCESS_OFFICE_H

#include "access/access.h"
#include "access/guesses.h"
#include "access/remember.h"
#include "access/tokens.h"

#include <pthread.h>
#include <stdatomic.h>

struct oidc;
struct turns;
struct snapshot_place;

struct access {
    struct db *db;
    struct seal *seal;
    struct access_options o; /* with every preset filled in */
    struct remember *remember;
    struct guesses *guesses;
    struct turns *turns; /* of names that log in */
    struct tokens *tokens;
    struct oidc *oidc;
    struct snapshot_place *outside; /* a struct outside */
    struct arena *arena;            /* texts of the options */
    pthread_mutex_t app_lock;       /* while app settings are read */
    atomic_uint app_off;            /* a bit for each enum app_switch that is off */
};

/** Make the built-in roles, and give them what this program's version says. */
enum err roles_ensure(struct scope *s, struct db *db);

#endif

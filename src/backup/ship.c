#include "backup/ship.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/random.h"
#include "base/wait.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#define KIND "log"
#define TICK_MS INT64_C(250)
#define PENDING INT64_C(1024)        /* frames in the log that are copied before their time */
#define SEGMENT_FRAMES INT64_C(8192) /* of one segment, if commits allow it */
#define LATE 3 /* so many times the pause without success is a failure to tell */

struct ship {
    struct ship_options o;
    struct scope *scope; /* owns texts and the key */
    struct keyring_key signer;
    struct db_keeper keeper;
    pthread_t thread;
    bool running;
    pthread_mutex_t waking;
    pthread_cond_t wake;
    bool stopping;

    pthread_mutex_t lock; /* of all that follows, and of the work */
    char stream[32], previous[72];
    int64_t number;
    struct wal_place place;
    bool may_begin_anew;  /* the log holds nothing but what was copied, and all was carried over */
    bool based, told;     /* told: that there is no base */
    struct map *sent;     /* names of key files in this stream */
    int64_t good_mono_ms; /* when all was copied, last */
    char why[512];        /* "": the last try succeeded */
};

/* Streams --------------------------------------------------------------------------------------
 */

static void
set_stream(struct ship *ship, const char *id, int64_t number, const char *previous,
           const struct wal_place *place)
{
    (void)snprintf(ship->stream, sizeof(ship->stream), "%s", id);
    (void)snprintf(ship->previous, sizeof(ship->previous), "%s", previous);
    ship->number = number;
    ship->place = *place;
    ship->may_begin_anew = false;
    ship->based = ship->told = false;
    ship->sent = map_new(ship->scope->arena, false);
}

/** A stream of its own for what cannot continue another: it needs a backup of its own, too. */
static enum err
begin_stream(struct scope *s, struct ship *ship, const struct wal_place *place)
{
    const char *id = ulid_new(s->arena);

    TRY(file_make_dir(s, ship->o.dir));
    TRY(file_make_dir(s, stream_dir(s->arena, ship->o.dir, id)));
    set_stream(ship, id, 0, "", place);
    log_event(s, LOG_INFO, "backup.stream", "a stream of the database's log begins",
              lf_text("stream", ship->stream));
    return OK;
}

/** The newest segment of the stream ID; false: there is none that can be read. */
static bool
newest_of(struct scope *s, const char *dir, const char *id, struct segment *out)
{
    DIR *d = opendir(stream_dir(s->arena, dir, id));
    AUTO(segment_close) struct segment_file f = { 0 };
    const struct dirent *one;
    int64_t newest = 0, number;

    while (d && (one = readdir(d))) {
        const char *name = one->d_name;

        if (text_ends(name, BACKUP_SUFFIX) &&
            text_to_int(arena_text_n(s->arena, name, strlen(name) - strlen(BACKUP_SUFFIX)),
                        &number))
            newest = MAX(newest, number);
    }
    if (d)
        (void)closedir(d);
    if (!newest || segment_open(s, segment_path(s->arena, dir, id, newest), &f) != OK) {
        scope_clear(s);
        return false;
    }
    *out = f.head;
    return out->number == newest && text_eq(out->stream, id);
}

/** Does the log go on where that segment ends? */
static bool
goes_on(struct scope *s, const struct ship *ship, const struct segment *seg)
{
    struct wal_piece piece;
    AUTO(fd_close) int fd = -1;
    bool good = wal_open(s, db_path(ship->o.db), &fd) == OK && fd >= 0 &&
                wal_since(s, fd, &seg->to, 1, &piece) == OK && piece.page_size;

    scope_clear(s);
    return good && text_eq(seg->signer, ship->signer.kid);
}

static enum err
find_stream(struct scope *s, struct ship *ship)
{
    DIR *d = opendir(ship->o.dir);
    const struct dirent *one;
    struct segment seg = { 0 };
    bool found = false;

    while (d && !found && (one = readdir(d)))
        found = text_starts(one->d_name, STREAM_PREFIX) &&
                newest_of(s, ship->o.dir, one->d_name + strlen(STREAM_PREFIX), &seg) &&
                goes_on(s, ship, &seg);
    if (d)
        (void)closedir(d);
    if (!found)
        return begin_stream(s, ship, &(struct wal_place){ 0 });
    set_stream(ship, seg.stream, seg.number, seg.hash, &seg.to);
    return OK;
}

/* Copying: the lock is held ----------------------------------------------------------------------
 */

/** Key files that are in no segment of the stream yet. */
static void
new_keys(struct scope *s, struct ship *ship, struct list *out)
{
    DIR *d = opendir(ship->o.key_dir);
    const struct dirent *one;

    while (d && (one = readdir(d))) {
        const char *name = arena_printf(s->arena, BACKUP_DATA "keys/%s", one->d_name);

        if (*one->d_name != '.' && text_ends(one->d_name, ".key") && !map_get(ship->sent, name))
            list_add(
                s->arena, out, struct backup_file,
                ((struct backup_file){
                    name, arena_printf(s->arena, "%s/%s", ship->o.key_dir, one->d_name), false }));
    }
    if (d)
        (void)closedir(d);
}

static enum err
copy_piece(struct scope *s, struct ship *ship, int fd, const struct wal_piece *piece)
{
    struct list files = { 0 };
    struct segment_wish wish = {
        ship->o.dir, fd, piece, &files, &ship->signer, &ship->o.recipients
    };
    struct segment seg = { .stream = ship->stream,
                           .number = ship->number + 1,
                           .previous = arena_text(s->arena, ship->previous),
                           .program = ship->o.program };
    int64_t start = clock_mono_ms();

    new_keys(s, ship, &files);
    if (fault_fails("ship.write"))
        return fail(s, E_UNAVAILABLE, "a fault was asked for");
    TRY(segment_write(s, &wish, &seg));
    crash_point("ship.written");
    ship->number = seg.number;
    ship->place = piece->to;
    ship->may_begin_anew = false;
    (void)snprintf(ship->previous, sizeof(ship->previous), "%s", seg.hash);
    LIST_EACH(struct backup_file, f, &files)
    (void)map_put(ship->sent, arena_text(ship->scope->arena, f->name), ship);
    backup_measured(KIND, clock_mono_ms() - start, seg.size);
    log_event(s, LOG_INFO, "backup.shipped", "a segment of the log was copied",
              lf_text("stream", ship->stream), lf_int("segment", seg.number),
              lf_int("pages", (int64_t)piece->pages.count), lf_int("bytes", seg.size),
              lf_int("duration_ms", clock_mono_ms() - start));
    return OK;
}

/** The log began anew: with nothing lost in between, or else a stream ends here. */
static enum err
follow_log(struct scope *s, struct ship *ship, const struct wal_place *fresh)
{
    const struct wal_place none = { 0 }, *was = &ship->place;
    bool first = was->salt1 == none.salt1 && was->salt2 == none.salt2 && was->frame == 0;

    scope_clear(s);
    if (first || (ship->may_begin_anew && fresh->salt1 == (was->salt1 + 1) % (UINT32_MAX + 1LL))) {
        ship->place = *fresh;
        ship->may_begin_anew = false;
        return OK;
    }
    log_warn(s, "the database's log began anew before all of it was copied: a new stream begins");
    return begin_stream(s, ship, fresh);
}

static enum err
copy_all(struct scope *s, struct ship *ship)
{
    AUTO(fd_close) int fd = -1;
    struct wal_piece piece;
    bool more;

    if (!*ship->stream)
        TRY(find_stream(s, ship));
    TRY(wal_open(s, db_path(ship->o.db), &fd));
    if (fd < 0)
        return OK;
    do {
        enum err e = wal_since(s, fd, &ship->place, SEGMENT_FRAMES, &piece);

        more = piece.more;
        if (e == E_CONFLICT) {
            TRY(follow_log(s, ship, &piece.to));
            more = true;
        } else if (e != OK) {
            return e;
        } else if (piece.pages.count) {
            TRY(copy_piece(s, ship, fd, &piece));
        }
    } while (more);
    return OK;
}

/** Copy all that is there, and note how that went. */
static enum err
copy_now(struct scope *s, struct ship *ship)
{
    struct when now = clock_now();
    int64_t mono = clock_mono_ms();
    AUTO(scope_free) struct scope *own = scope_new("ship"); /* a log may be long */
    enum err e = copy_all(own, ship);

    if (e == OK) {
        *ship->why = '\0';
        ship->good_mono_ms = mono;
        if (ship->based)
            backup_succeeded(KIND, now);
        return OK;
    }
    backup_failed(KIND);
    if (!*ship->why)
        log_failure(own, LOG_ERROR, "the database's log cannot be copied");
    (void)snprintf(ship->why, sizeof(ship->why), "%s", own->error.text ? own->error.text : "");
    return fail(s, e, "%s", ship->why);
}

/* The lane ---------------------------------------------------------------------------------------
 */

static enum err
before(struct scope *s, void *arg)
{
    struct ship *ship = arg;
    enum err e;

    (void)pthread_mutex_lock(&ship->lock);
    e = copy_now(s, ship);
    (void)pthread_mutex_unlock(&ship->lock);
    return e;
}

static void
after(void *arg, int64_t frames, int64_t done)
{
    struct ship *ship = arg;

    (void)pthread_mutex_lock(&ship->lock);
    ship->may_begin_anew = frames > 0 && frames == done && frames == ship->place.frame;
    (void)pthread_mutex_unlock(&ship->lock);
}

/* The thread -------------------------------------------------------------------------------------
 */

static bool
pause_or_stop(struct ship *ship, int64_t ms)
{
    bool stop;

    (void)pthread_mutex_lock(&ship->waking);
    if (!ship->stopping)
        (void)wait_until(&ship->wake, &ship->waking, clock_mono_ms() + ms);
    stop = ship->stopping;
    (void)pthread_mutex_unlock(&ship->waking);
    return stop;
}

/** Once it is time, or so much was written that the lane would have to wait for it. */
static bool
is_due(const struct ship *ship, int64_t last_ms)
{
    int64_t frames = db_log_frames(ship->o.db);

    return clock_mono_ms() - last_ms >= ship->o.every_ms ||
           frames - (frames < ship->place.frame ? 0 : ship->place.frame) >= PENDING;
}

static void *
run(void *arg)
{
    struct ship *ship = arg;
    int64_t last_ms = 0;

    do {
        AUTO(scope_free) struct scope *s = scope_new("ship");
        bool want = false;

        (void)pthread_mutex_lock(&ship->lock);
        if (is_due(ship, last_ms)) {
            last_ms = clock_mono_ms();
            (void)copy_now(s, ship);
        }
        if (*ship->stream && !ship->based && !ship->told)
            want = ship->told = true;
        (void)pthread_mutex_unlock(&ship->lock);
        if (want && ship->o.want_base)
            ship->o.want_base(ship->o.arg);
    } while (!pause_or_stop(ship, MIN(TICK_MS, ship->o.every_ms)));
    return NULL;
}

/* Start and stop ---------------------------------------------------------------------------------
 */

static void
set_up(struct ship *ship)
{
    wait_init(&ship->wake);
    (void)pthread_mutex_init(&ship->waking, NULL);
    (void)pthread_mutex_init(&ship->lock, NULL);
    ship->good_mono_ms = clock_mono_ms();
    ship->keeper = (struct db_keeper){ before, after, ship };
}

enum err
ship_start(struct scope *s, const struct ship_options *o, struct ship **out)
{
    struct ship *ship = mem_alloc(sizeof(*ship));
    enum err e;

    ship->scope = scope_new("ship");
    ship->o = *o;
    ship->o.dir = arena_text(ship->scope->arena, o->dir);
    ship->o.key_dir = arena_text(ship->scope->arena, o->key_dir);
    ship->o.recipients = (struct list){ 0 };
    LIST_EACH(const char *, one, &o->recipients)
    list_add(ship->scope->arena, &ship->o.recipients, const char *,
             arena_text(ship->scope->arena, *one));
    set_up(ship);
    e = keyring_signer(ship->scope, o->db, o->seal, "audit",
                       (struct key_spec){ .type = KEY_ED25519 }, &ship->signer);
    if (e != OK) {
        e = fail(s, e, "%s", ship->scope->error.text ? ship->scope->error.text : "");
        ship_free(ship);
        return e;
    }
    db_keep(o->db, &ship->keeper);
    ship->running = pthread_create(&ship->thread, NULL, run, ship) == 0;
    *out = ship;
    return ship->running ? OK : fail(s, E_INTERNAL, "cannot start a thread");
}

void
ship_stop(struct ship *ship)
{
    if (!ship || !ship->running)
        return;
    (void)pthread_mutex_lock(&ship->waking);
    ship->stopping = true;
    (void)pthread_cond_signal(&ship->wake);
    (void)pthread_mutex_unlock(&ship->waking);
    (void)pthread_join(ship->thread, NULL);
    ship->running = false;
}

void
ship_free(struct ship *ship)
{
    if (!ship)
        return;
    (void)pthread_mutex_destroy(&ship->waking);
    (void)pthread_mutex_destroy(&ship->lock);
    (void)pthread_cond_destroy(&ship->wake);
    scope_free(ship->scope);
    mem_free(ship);
}

/* Backups ----------------------------------------------------------------------------------------
 */

void
ship_from(struct scope *s, struct ship *ship, struct backup_manifest *m)
{
    if (!ship)
        return;
    (void)pthread_mutex_lock(&ship->lock);
    if (copy_now(s, ship) == OK) {
        m->stream = arena_new_of(s->arena, struct backup_stream);
        m->stream->id = arena_text(s->arena, ship->stream);
        m->stream->from = ship->number + 1;
        ship->sent = map_new(ship->scope->arena, false); /* what the backup may have missed */
    }
    (void)pthread_mutex_unlock(&ship->lock);
    scope_clear(s);
}

void
ship_through(struct scope *s, struct ship *ship, struct backup_manifest *m)
{
    if (!ship || !m->stream)
        return;
    (void)pthread_mutex_lock(&ship->lock);
    if (copy_now(s, ship) == OK && text_eq(m->stream->id, ship->stream))
        m->stream->through = ship->number;
    else
        m->stream = NULL;
    (void)pthread_mutex_unlock(&ship->lock);
    scope_clear(s);
}

void
ship_based(struct ship *ship, const char *stream, bool based)
{
    if (!ship)
        return;
    (void)pthread_mutex_lock(&ship->lock);
    if (!stream || text_eq(stream, ship->stream))
        ship->based = based;
    (void)pthread_mutex_unlock(&ship->lock);
}

void
ship_state(struct arena *a, struct ship *ship, struct ship_state *out)
{
    int64_t behind_ms;

    (void)pthread_mutex_lock(&ship->lock);
    behind_ms = clock_mono_ms() - ship->good_mono_ms;
    *out = (struct ship_state){ .stream = arena_text(a, ship->stream),
                                .signer = arena_text(a, ship->signer.kid),
                                .number = ship->number,
                                .based = ship->based,
                                .behind_ms = behind_ms > LATE * ship->o.every_ms ? behind_ms : 0,
                                .why = *ship->why ? arena_text(a, ship->why) : NULL };
    (void)pthread_mutex_unlock(&ship->lock);
}

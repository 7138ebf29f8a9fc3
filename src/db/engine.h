/**
 * Engine: what SQLite and PostgreSQL each offer to the rest of db/. Internal to the folder: a
 * connection and what runs on it belong to one thread at a time; the pool of readers and the queue
 * of writes are for any thread.
 */
#ifndef DB_ENGINE_H
#define DB_ENGINE_H

#include "db/cache.h"
#include "db/db.h"
#include "db/dump.h"
#include "db/queue.h"

#include <pthread.h>
#include <stdatomic.h>

#define DB_LANES_MAX 16
#define DB_READERS_MAX 64
#define DB_AT_ONCE_MAX 4 /* connections that one caller has at once */
#define DB_BATCH_MAX 256 /* writes in one commit */

struct carry;
struct conn;
struct seen;
struct watch;

/** What becomes of the rows: dropped, the first kept, all kept, or each shown to a function. */
enum take { TAKE_NONE, TAKE_ONE, TAKE_ALL, TAKE_EACH };
struct answer {
    enum take take;
    struct row one;   /* TAKE_ONE */
    struct list rows; /* TAKE_ALL: of struct row */
    enum err (*each)(struct scope *s, struct row *row, void *arg);
    void *arg;
    bool later;      /* nobody waits for the result: it may be known with that of what follows */
    size_t seen;     /* rows so far */
    int64_t changed; /* rows inserted, updated or deleted */
};

struct engine {
    enum db_kind kind;
    const char *name;
    /** Open a connection; only a writer may change anything. */
    enum err (*connect)(struct scope *s, struct db *db, bool writer, struct conn **out);
    void (*disconnect)(struct conn *c);
    /** Prepare (once), bind, run and read. The scope's deadline holds on readers. */
    enum err (*run)(struct scope *s, struct conn *c, const struct question *q, struct answer *a);
    /** The two halves of .run on a reader: send Q, and read the answer that was sent for. NULL: it
     * is this process that answers. */
    enum err (*send)(struct scope *s, struct conn *c, const struct question *q);
    enum err (*receive)(struct scope *s, struct conn *c, const struct question *q,
                        struct answer *a);
    enum err (*prepare)(struct scope *s, struct conn *c, const struct question *q);
    /** Begin the transaction in which the schema changes; only one program is inside at a time. */
    enum err (*lock_schema)(struct scope *s, struct conn *c);
    /** The body of a lane's thread: takes a struct lane, returns NULL when the queue is closed and
     * empty. */
    void *(*lane)(void *lane);
    /** Begin and end a transaction of questions; NULL: it would cost more than it spares. */
    enum err (*view_begin)(struct scope *s, struct conn *c);
    void (*view_end)(struct conn *c);
    /** Dump by a reader that is inside a transaction. @see view_dump() */
    enum err (*dump)(struct scope *s, struct conn *c, const char *scratch,
                     const struct db_sink *sink);
    /** @see db_look(), db_load(); DB has no lanes and no pool. */
    enum err (*look)(struct scope *s, struct db *db, struct db_place *out);
    enum err (*load)(struct scope *s, struct db *db, const struct db_source *from);
};
extern const struct engine sqlite_engine, postgres_engine;

/** The head of every connection. */
struct conn {
    const struct engine *engine;
    struct db *db;
    struct conn *next; /* idle readers */
    struct cache cache;
    bool broken; /* close it; another one may work */
    bool again;  /* the last failure was a conflict between transactions: run it again */
};

struct lane {
    struct db *db;
    pthread_t thread;
    int number; /* 0 while there is no connection */
    struct conn *conn;
    struct carry *carry; /* SQLite's; NULL: the lane does it */
};

struct tx {
    struct db *db;
    struct conn *conn;
    int lane;
    bool failed;      /* a statement failed: nothing more can be done but undo */
    struct list sums; /* of struct sum, in the write's scope */
};

/** What a statement is told once for many. */
struct sum {
    struct sql *sql;
    const char *kind;
    int64_t key, by;
};
void sums_add(struct arena *a, struct list *sums, struct sum more);
/** Tell the statements, inside TX. */
enum err sums_tell(struct scope *s, struct tx *tx, const struct list *sums);

/** Idle readers, the last used first. */
struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    struct conn *idle;
    int open, busy, most;
};

struct db {
    const struct engine *engine;
    const char *place; /* path of the SQLite file, or URL of the PostgreSQL database */
    const char *vfs;
    int64_t busy_ms;
    int log_pages;
    size_t batch;
    bool guest, keep_log; /* as struct db_options has them */
    bool twice;           /* a test wants all that SQLite's lane runs to run again */
    const struct db_keeper *_Atomic keeper;
    _Atomic int64_t log_frames;
    struct pool pool;
    struct queue queue;
    struct lane lanes[DB_LANES_MAX];
    int lane_count;
    _Atomic(struct seen *) seen; /* NULL: nothing is learned; set by the lane */
    _Atomic(struct watch *) watches;
};
/** Forget what was learned; takes NULL. */
void seen_free(struct seen *seen);
/** SQLite's lane: a row of TABLE is changed or removed. */
void watches_touch(struct db *db, const char *table);
/** And that is committed, or undone. */
void watches_tell(struct db *db);
void watches_free(struct db *db);

/** A database that is known by its address only: for a connection or two, without lanes. */
enum err db_place(struct scope *s, const char *url, struct db **out);
void db_place_free(struct db *db);

/** Take in one row, whose values need live only for the call. */
enum err answer_row(struct scope *s, struct answer *a, const struct value *cells, size_t count);
/** True when no further row is wanted. */
bool answer_full(const struct answer *a);

/** Run Q on C; a failed write remembers that it failed. */
enum err conn_text(struct scope *s, struct conn *c, const char *text);

void pool_init(struct pool *p, int most);
void pool_done(struct pool *p);
/** A reader for this thread alone; waits as the scope's deadline and db->busy_ms allow. */
enum err pool_take(struct scope *s, struct db *db, struct conn **out);
/** One more, for the caller who has one: NULL when more than half of all
 * would be busy then. */
struct conn *pool_take_spare(struct scope *s, struct db *db);
void pool_give(struct db *db, struct conn *c);

/**
 * Run a write's function in TX and say what came of it; what an earlier try left in the scope is
 * forgotten. OK only when function and statements all succeeded.
 */
enum err tx_run(struct tx *tx, struct write *w);
/** Before W runs again: what an earlier try left in its scope is forgotten, even if it succeeded.
 */
void write_forget(struct write *w);

/* What the lanes count. */
void meter_write(const struct write *w);
/** W is a lane's from now on. */
void meter_taken(const struct write *w);
void meter_commit(size_t writes);
void meter_error(const char *kind);
void meter_up(bool up);
void meter_sizes(double data, double log);

#endif

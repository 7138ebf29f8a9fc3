/**
 * Database: SQLite and PostgreSQL behind one interface. Reads see a committed snapshot on
 * connections of their own; writes pass through writer lanes, which commit for everyone who waits.
 * Any thread may call.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/scope.h"

struct db;
struct tx; /* a write in progress; only db_write makes one */
enum db_kind { DB_SQLITE, DB_POSTGRES };

struct db_options {
    int lanes;       /* PostgreSQL writer connections; 0: 4. SQLite has one */
    int readers;     /* most read connections; 0: 8 */
    int64_t busy_ms; /* how long to wait for a connection; 0: 10 s */
    const char *vfs; /* SQLite: name of the VFS, tests only; NULL: the system's */
    bool no_migrate; /* do not bring the schema up to date */
    int log_pages;   /* SQLite: pages in the log that make the lane empty it; 0: 8192 */
    int batch;       /* SQLite: most writes in one commit; 0: 256 */
    bool guest;      /* SQLite: another program may work here: its log is left alone */
    bool keep_log;   /* SQLite: the log waits for db_keep(), and is there at the next start */
};

/**
 * Open `sqlite:PATH` or `postgresql://...`, and bring the schema up to date under a lock.
 *
 * @return E_UNAVAILABLE: cannot be reached; E_CONFLICT: a newer program wrote it
 */
enum err db_open(struct scope *s, const char *url, const struct db_options *o, struct db **out);
/** Finish what was accepted, then close. */
void db_close(struct db *db);
OWNED(struct db, db_close);
enum db_kind db_kind(const struct db *db);
/** The path of an SQLite database; NULL: it is another. */
const char *db_path(const struct db *db);

/** Who copies SQLite's log before it is emptied. Called beside the lane, which writes on, and for
 * the little that is left on the lane's thread, which everybody waits for; never twice at once. */
struct db_keeper {
    /** Copy what is in the log. Any failure: it is not emptied, unless it grew too large. */
    enum err (*before)(struct scope *s, void *arg);
    /** Of the FRAMES that the log held, so many are DONE: when all are, it may begin anew. */
    void (*after)(void *arg, int64_t frames, int64_t done);
    void *arg;
};
/** From now on KEEPER, which must outlive the lanes, is asked before the log is emptied, and once
 * more when they end. */
void db_keep(struct db *db, const struct db_keeper *keeper);
/** Frames in SQLite's log behind this program's last commit; 0: it made none yet. */
int64_t db_log_frames(const struct db *db);
/** The newest migration that the database has, and the newest that this program knows. */
enum err db_schema(struct scope *s, struct db *db, int64_t *have, int64_t *known);
/** One cheap write and read within the scope's deadline: for readiness. */
enum err db_check(struct scope *s, struct db *db);

/* Values: what is bound to $1, $2, ... */
enum value_type { V_NULL, V_INT, V_TEXT, V_BYTES, V_REAL };
struct value {
    enum value_type type;
    int64_t number;
    double real;
    const char *text;
    struct bytes bytes;
};
struct values {
    const struct value *at;
    size_t count;
};
#define BIND(...)                                            \
    ((struct values){ (const struct value[]){ __VA_ARGS__ }, \
                      sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value) })
#define BIND_NONE ((struct values){ NULL, 0 })
struct value v_null(void);
struct value v_int(int64_t i);
struct value v_bool(bool b);
struct value v_real(double d);
struct value v_text(const char *text); /* NULL binds NULL */
struct value v_bytes(struct bytes b);  /* {NULL, 0} binds NULL */
struct value v_when(struct when w);    /* milliseconds; WHEN_NONE binds NULL */
struct value v_id(int64_t id);         /* 0 binds NULL */
/** NUMBERS (of int64_t) as one value, for `column @among $1 @among_end` of an engine. */
struct value v_among(struct arena *a, enum db_kind kind, const struct list *numbers);

/** A statement of the program; it stands at file level right above the code that binds and reads
 * it. */
struct sql {
    const char *name, *text, *file;
    int number; /* given at registration: prepared statements are kept by it */
    struct sql *next;
};
#define SQL(name_, text_)                                                            \
    static struct sql name_ = { .name = #name_, .text = (text_), .file = __FILE__ }; \
    CONSTRUCTOR static void name_##_register_(void)                                  \
    {                                                                                \
        sql_register(&name_);                                                        \
    }                                                                                \
    struct sql_takes_a_semicolon
void sql_register(struct sql *sql);
/** All registered statements, for the test that prepares each on both engines. */
const struct sql *sql_first(void);

/** Rows: read into the scope's arena; columns come in the order the statement names them. */
struct row {
    const struct value *columns;
    size_t count, at;
};
struct rows {
    struct row *at;
    size_t count;
};
int64_t row_int(struct row *row); /* NULL reads as 0 */
bool row_bool(struct row *row);
double row_real(struct row *row);
const char *row_text(struct row *row);   /* NULL stays NULL */
struct bytes row_bytes(struct row *row); /* NULL reads as {NULL, 0} */
struct when row_when(struct row *row);   /* NULL reads as WHEN_NONE */
bool row_null(const struct row *row);    /* is the next column NULL? does not move */
/** Cut ROWS, of which one more than MOST was asked for, to a page; true: there are more. */
bool rows_cut(struct rows *rows, int64_t most);

/** Questions. db_one: E_NOT_FOUND without a row; more than one row is the first. */
enum err db_one(struct scope *s, struct db *db, struct sql *sql, struct values v, struct row *out);
enum err db_all(struct scope *s, struct db *db, struct sql *sql, struct values v, struct rows *out);
/** Text compiled at run time (search); values still travel as parameters only. */
enum err db_query(struct scope *s, struct db *db, const char *text, struct values v,
                  struct rows *out);
/** A question that does not depend on others asked with it, and what it receives. */
struct db_question {
    const char *text;
    struct values values;
    struct rows rows;
};
/**
 * Ask all of QUESTIONS, each as db_query() does: at once where the database has processes of its
 * own (PostgreSQL) and connections are idle, one after the other else.
 */
enum err db_query_many(struct scope *s, struct db *db, struct db_question *questions, size_t count);
/**
 * Row by row, for what does not fit in memory; EACH returns anything but OK to end early. ROW and
 * what is in it live only for the call; a reader connection is busy until the end, so nothing slow
 * belongs in EACH.
 */
enum err db_each(struct scope *s, struct db *db, const char *text, struct values v,
                 enum err (*each)(struct scope *s, struct row *row, void *arg), void *arg);
/**
 * Run LOOK, whose questions to DB are asked together: on SQLite they see the same state and cost
 * less than each by itself, on PostgreSQL each sees the latest. LOOK asks this database, and writes
 * nothing.
 */
enum err db_together(struct scope *s, struct db *db, enum err (*look)(struct scope *s, void *arg),
                     void *arg);
/** Prepare every registered statement; what cannot be is told, all at once, as E_INVALID. For tests
 * and `doctor`. */
enum err db_prepare_all(struct scope *s, struct db *db);

/**
 * Run RUN inside a transaction and return after its commit is on disk. RUN may run again, after a
 * conflict or, having succeeded, because another write of the same commit failed, so it touches
 * nothing but the database and what the next run sets anew; what it returns other than OK undoes
 * it. On SQLite many share a commit. RUN never calls db_write, and a
 * statement that fails ends it: nothing but undo can follow (ON CONFLICT DO NOTHING is no failure,
 * nor is E_NOT_FOUND).
 *
 * @return E_CONFLICT: a constraint, tag "unique" or "reference"; E_TIMEOUT: never begun, or
 * cancelled; E_LIMIT: too many are waiting; E_UNAVAILABLE: the database is away, full or broken.
 * When it was lost during the commit itself, the write may have happened; the error's tag is
 * "unknown" then.
 */
enum err db_write(struct scope *s, struct db *db,
                  enum err (*run)(struct scope *s, struct tx *tx, void *arg), void *arg);
/**
 * The same, of many rows or one of a long series: the writes of others go before it, for some time.
 * The series is cut so that RUN takes some milliseconds, as others wait for it once it runs.
 */
enum err db_write_many(struct scope *s, struct db *db,
                       enum err (*run)(struct scope *s, struct tx *tx, void *arg), void *arg);
/**
 * What follows a commit, before anybody hears of it: called on the lane's thread, which everybody
 * waits for, with the ARG of each write of that commit that asked for it. S is the scope of one.
 */
typedef void db_then(struct scope *s, void *const *args, size_t count);
/** db_write(), and THEN once its commit is on disk; not when it failed. */
enum err db_write_then(struct scope *s, struct db *db,
                       enum err (*run)(struct scope *s, struct tx *tx, void *arg), void *arg,
                       db_then *then);
/**
 * Do it. On PostgreSQL it is sent on with what follows, so its failure may be that of the next
 * call, or of the write; db_write tells it either way.
 */
enum err tx_do(struct scope *s, struct tx *tx, struct sql *sql, struct values v);
/** The same; *CHANGED receives how many rows. */
enum err tx_count(struct scope *s, struct tx *tx, struct sql *sql, struct values v,
                  int64_t *changed);
/**
 * Before the commit, tell SQL the sum of all BY that the writes of that commit gave for KIND (which
 * must outlive the write) and KEY; SQL takes KIND, KEY, the lane and the sum. Within the write
 * nothing of it is to be seen, and of a write that is undone nothing is told.
 */
enum err tx_sum(struct scope *s, struct tx *tx, struct sql *sql, const char *kind, int64_t key,
                int64_t by);
enum err tx_one(struct scope *s, struct tx *tx, struct sql *sql, struct values v, struct row *out);
enum err tx_all(struct scope *s, struct tx *tx, struct sql *sql, struct values v, struct rows *out);
enum err tx_query(struct scope *s, struct tx *tx, const char *text, struct values v,
                  struct rows *out);
/**
 * Until the commit, no other write that names this ANCHOR (a hash of 8 octets or more) comes
 * between: for a rule about rows that are not there yet, so that there is none to lock. What others
 * with the anchor committed is seen by the next statement. Costs nothing on SQLite, which has one
 * lane.
 */
enum err tx_anchor(struct scope *s, struct tx *tx, struct bytes anchor);
/**
 * The lane this write runs in: from 1, held by one connection at a time in the whole installation;
 * the audit chain and the event stream of that number belong to it until commit.
 */
int tx_lane(const struct tx *tx);
struct db *tx_db(const struct tx *tx);
enum db_kind tx_kind(const struct tx *tx);
/** E_CONFLICT (CHY_VERSION_CHANGED) unless VERSION, as a caller read it, is 0 (any) or PRESENT, the
 * row's own; WHAT is "the role". */
enum err version_check(struct scope *s, int64_t version, int64_t present, const char *what);
/** True when E came from a UNIQUE constraint (E_CONFLICT with s->error.tag "unique"). */
bool db_is_unique_conflict(const struct scope *s, enum err e);

#endif

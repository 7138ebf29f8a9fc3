/**
 * Dump: the whole database as it is at one moment, and back. A dump goes on while others write, and
 * keeps nobody from it. Any thread.
 */
#ifndef DB_DUMP_H
#define DB_DUMP_H

#include "db/db.h"

/** The database as it was when the view was first asked; for one thread. */
struct db_view;

/**
 * Let RUN look at the database as it is at one moment, on a connection of its own. The scope's
 * deadline holds for each question alone.
 *
 * @return what RUN returns, or E_UNAVAILABLE
 */
enum err db_view(struct scope *s, struct db *db,
                 enum err (*run)(struct scope *s, struct db_view *view, void *arg), void *arg);
/** db_one() and db_all(), of the view. */
enum err view_one(struct scope *s, struct db_view *view, struct sql *sql, struct values v,
                  struct row *out);
enum err view_all(struct scope *s, struct db_view *view, struct sql *sql, struct values v,
                  struct rows *out);

/** A part of a dump: SQLite has one, the file; PostgreSQL one for each table, in COPY's text form.
 */
struct db_part {
    const char *name;    /* "database.sqlite", "table/certificate" */
    const char *columns; /* of a table, in order, with commas between; NULL: none */
    int64_t rows;        /* of a table, once it is ended */
};
#define DB_SQLITE_PART "database.sqlite"
#define DB_TABLE_PARTS "table/"

/** Who takes a dump: parts come one after another, each in pieces. */
struct db_sink {
    enum err (*begin)(struct scope *s, void *arg, const struct db_part *part);
    enum err (*piece)(struct scope *s, void *arg, struct bytes piece);
    enum err (*end)(struct scope *s, void *arg, const struct db_part *part);
    void *arg;
};
/** Dump all of it. @param scratch  a path for a file as large as a SQLite database; removed again
 */
enum err view_dump(struct scope *s, struct db_view *view, const char *scratch,
                   const struct db_sink *sink);

/** Who gives a dump back. */
struct db_source {
    const struct list *parts;  /* of struct db_part */
    const struct list *schema; /* of int64_t: the migrations it had */
    /** Hand all pieces of PART to PIECE. */
    enum err (*read)(struct scope *s, void *arg, const struct db_part *part,
                     enum err (*piece)(struct scope *s, void *to, struct bytes piece), void *to);
    void *arg;
    /** A statement that is in place with the rows, behind all of them; or NULL. */
    const char *also;
    /** Of SQLite: bring the file at PATH, open as FD, further before it gets its place; or NULL. */
    enum err (*patch)(struct scope *s, void *arg, int fd, const char *path);
};
/** What stands where a dump is to be put back. */
struct db_place {
    bool used; /* there is a database with tables */
    bool busy; /* a server works on it */
};
/**
 * Look at the place of URL. Not while this process has it open: to close a descriptor of a SQLite
 * file ends the locks on it.
 *
 * @return E_UNAVAILABLE: cannot be reached; E_FORBIDDEN: may not be read
 */
enum err db_look(struct scope *s, const char *url, struct db_place *out);
/**
 * Put a dump back in place of what is at URL, whole or not at all. Nobody else may be at it.
 *
 * @return E_INVALID: the dump is of the other kind of database, or does not fit; E_CONFLICT
 * (CHY_DB_NEWER): it has a migration that this program does not know
 */
enum err db_load(struct scope *s, const char *url, const struct db_source *from);

#endif

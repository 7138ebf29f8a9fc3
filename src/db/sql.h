/** Sql: the statements of the program, and how our few words are spelled for each engine. Any
 * thread. */
#ifndef DB_SQL_H
#define DB_SQL_H

#include "db/db.h"

/** How many statements are registered; their numbers run from 1. */
size_t sql_count(void);

/**
 * TEXT as the engine KIND reads it: `@id @int @real @text @bytes`, `@clustered` after a table
 * (rows stand in the order of its primary key; good for short ones), `@lock @lock_skip`,
 * `@contains(column, $1)`, `@hex_of column @hex_end`, `@json_of column @json_at '$.a.b'
 * @json_end`, `column @among $1 @among_end` (numbers in one text, as the engine writes arrays), and
 * for SQLite `?1` in place of `$1`. Literals and comments stay as they are.
 *
 * @return E_INTERNAL: an unknown word
 */
enum err sql_spell(struct scope *s, enum db_kind kind, const char *text, const char **out);

/**
 * The statements of a migration: they end with `;` at the end of a line; lines that begin with
 * `@sqlite ` or
 * `@postgres ` are for that engine alone; comments are dropped; SQLite's tables become STRICT.
 *
 * @param out  receives const char *, spelled for KIND
 */
enum err sql_split(struct scope *s, enum db_kind kind, const char *text, struct list *out);

#endif

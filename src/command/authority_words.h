/** Authority words: what the files about authorities share; for the files of this folder. */
#ifndef COMMAND_AUTHORITY_WORDS_H
#define COMMAND_AUTHORITY_WORDS_H

#include "command/command.h"

/* The handlers, each of the operation of its name (api/authority_edit.h). */
enum err authority_create(struct request *rq);
enum err authority_edit(struct request *rq);
enum err authority_test(struct request *rq);
enum err authority_import(struct request *rq);
enum err templates_import(struct request *rq);

/** An authority as the API shows it; it points into SNAP. */
void authority_reply_of(struct scope *s, const struct ca_snapshot *snap,
                        const struct ca_authority *ca, struct authority_reply *out);

/** What an order (ca/order.h) and a face call one member. */
struct authority_path {
    const char *order, *face;
};
/** Let the problems of the scope speak of a face's members; PATHS ends with a NULL. */
void authority_paths(struct scope *s, const struct authority_path *paths);

#endif

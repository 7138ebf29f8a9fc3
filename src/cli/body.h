/** Body: a JSON object that is written member by member, to be sent. For the files of this folder.
 */
#ifndef CLI_BODY_H
#define CLI_BODY_H

#include "cli/run.h"

/** Begin one in B; whoever has written its members ends it with a brace. */
void body_begin(struct cli *c, struct buf *b);
/** A member's name, with the comma that it needs; its value follows. */
void body_member(struct buf *b, const char *name);
/* Whole members; nothing for NULL, no texts and no time. */
void body_text(struct buf *b, const char *name, const char *value);
void body_texts(struct buf *b, const char *name, struct list values); /* of const char * */
void body_time(struct buf *b, const char *name, struct when at);

#endif

#include "cli/body.h"

void
body_begin(struct cli *c, struct buf *b)
{
    buf_init_in(b, c->s->arena, CLI_BODY_MAX);
    buf_byte(b, '{');
}

void
body_member(struct buf *b, const char *name)
{
    if (b->len && b->data[b->len - 1] != '{')
        buf_byte(b, ',');
    json_text(b, name);
    buf_byte(b, ':');
}

void
body_text(struct buf *b, const char *name, const char *value)
{
    if (!value)
        return;
    body_member(b, name);
    json_text(b, value);
}

void
body_texts(struct buf *b, const char *name, struct list values)
{
    if (!values.count)
        return;
    body_member(b, name);
    json_encode_list(b, &text_model, &values);
}

void
body_time(struct buf *b, const char *name, struct when at)
{
    if (!when_given(at))
        return;
    body_member(b, name);
    json_when(b, at);
}

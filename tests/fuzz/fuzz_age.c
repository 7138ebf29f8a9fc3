/*
 * Files of age, and its keys as text. However a file is cut into pieces, it comes to the same end
 * with the same bytes; a text that is taken for a recipient is taken whatever stands around it, and
 * an identity leads to a recipient that is one.
 */
#include "fuzz.h"

#include "pki/age.h"

#include <string.h>

#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define PLAIN_MAX ((size_t)4 << 20)

static enum err
collect(struct scope *s, void *to, struct bytes piece)
{
    (void)s;
    buf_add(to, piece.data, piece.len);
    return OK;
}

static enum err
read_cut(struct scope *s, const struct age_identities *ids, struct bytes file, size_t step,
         struct buf *plain)
{
    AUTO(age_reader_free)
    struct age_reader *r = age_reader_new(ids, (struct age_out){ collect, plain });

    for (size_t at = 0; at < file.len; at += step)
        TRY(age_reader_add(
            s, r, (struct bytes){ file.data + at, file.len - at < step ? file.len - at : step }));
    return age_reader_end(s, r);
}

static void
check_file(struct scope *s, struct bytes file)
{
    static const size_t steps[] = { 1, 61, 4096, PLAIN_MAX };
    struct age_identities *ids = NULL;
    struct buf first, other;
    enum err e = OK;

    PROMISE(age_identities_read(s, bytes_of_text(IDENTITY), &ids) == OK);
    buf_init_in(&first, s->arena, PLAIN_MAX);
    for (size_t i = 0; i < COUNT(steps); i++) {
        enum err now;

        buf_init_in(&other, s->arena, PLAIN_MAX);
        now = read_cut(s, ids, file, steps[i], i ? &other : &first);
        PROMISE(now == OK || now == E_INVALID || now == E_FORBIDDEN);
        PROMISE(i == 0 || now == e);
        if (now == OK && i)
            PROMISE(bytes_eq(buf_bytes(&other), buf_bytes(&first)));
        e = now;
#ifdef PLANT_BUG
        /* of a kind that is easily made: that there is but one stanza */
        PROMISE(now != OK || !file.len || !memmem(file.data, file.len, "\n-> X25519 ", 11) ||
                !memmem((const uint8_t *)memmem(file.data, file.len, "\n-> X25519 ", 11) + 1,
                        file.len - (size_t)((const uint8_t *)memmem(file.data, file.len,
                                                                    "\n-> X25519 ", 11) +
                                            1 - file.data),
                        "\n-> ", 4));
#endif
    }
    age_identities_free(ids);
}

static void
check_text(struct scope *s, struct bytes data)
{
    struct age_identities *ids = NULL;
    const char *text;

    if (!text_is_utf8(data.data, data.len))
        return;
    text = arena_text_n(s->arena, (const char *)data.data, data.len);
    if (age_recipient_check(s, text) == OK)
        PROMISE(strlen(text) == 62 && text_starts(text, "age1"));
    if (age_identities_read(s, data, &ids) == OK) {
        PROMISE(age_recipient_check(s, age_identities_recipient(s, ids)) == OK);
        age_identities_free(ids);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct scope *s = scope_new("fuzz");
    static const uint8_t none[1];

    if (len > 0 && len < PLAIN_MAX / 4) {
        check_file(s, (struct bytes){ len ? data : none, len });
        check_text(s, (struct bytes){ data, len });
    }
    scope_free(s);
    return 0;
}

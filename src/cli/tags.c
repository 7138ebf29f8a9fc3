/* Tags: words about certificates. They are the values of one metadata field, a text with commas
 * between them, so that whatever knows metadata knows tags. */
#include "cli/body.h"
#include "cli/certs_more.h"
#include "cli/register.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FIELD_NAME "Tags"
#define WORD_MAX 64
#define CHUNK 1000 /* certificates that one call changes */

/** Certificates that get the same words. */
struct alike {
    const char *words;
    struct list ids; /* of int64_t */
};

struct tagging {
    struct list add, remove; /* of const char * */
    struct list alike;       /* of struct alike */
    struct buf rows;         /* JSON, when nothing is to change */
    size_t count, changes;
};

static bool
has_word(const struct list *words, const char *word)
{
    LIST_EACH(const char *, have, words)
    if (text_eq_fold(*have, word))
        return true;
    return false;
}

static int
by_name(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order and once each, as they are kept. */
static const char *
joined(struct cli *c, struct list *words)
{
    const char *out = "";

    list_sort(words, by_name);
    LIST_EACH(const char *, word, words)
    out = *out ? arena_printf(c->s->arena, "%s,%s", out, *word) : *word;
    return out;
}

static void
add_words(struct cli *c, struct list *out, const struct list *words)
{
    LIST_EACH(const char *, word, words)
    if (!has_word(out, *word))
        list_add(c->s->arena, out, const char *, *word);
}

static struct list
split(struct cli *c, const char *text)
{
    struct list out = { 0 };

    while (text && *text) {
        size_t len = strcspn(text, ",");
        const char *word = text_trim(c->s->arena, arena_text_n(c->s->arena, text, len));

        if (*word && !has_word(&out, word))
            list_add(c->s->arena, &out, const char *, word);
        text += len + (text[len] == ',');
    }
    return out;
}

static enum err
words_given(struct cli *c, const char *flag, struct list *out)
{
    struct list words = cli_texts(c, flag);

    LIST_EACH(const char *, word, &words)
    {
        size_t len = strlen(*word), plain = strcspn(*word, " \t\"'\\");

        for (size_t i = 0; i < len; i++)
            if (iscntrl((unsigned char)(*word)[i]))
                plain = 0;
        if (!len || len > WORD_MAX || plain < len)
            return fail_code(c->s, E_INVALID, CHY_USAGE,
                             "--%s: \"%.80s\" is no tag: a word of 1 to %d bytes, without blanks, "
                             "quotes and backslashes",
                             flag, *word, WORD_MAX);
    }
    add_words(c, out, &words);
    return OK;
}

enum err
tags_given(struct cli *c, struct list *out)
{
    struct list words = { 0 };

    TRY(words_given(c, "tag", &words));
    if (!words.count)
        return OK;
    LIST_EACH(struct pair, p, out)
    if (text_eq_fold(p->name, FIELD_NAME))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--tag and --meta " FIELD_NAME "= say the same twice");
    list_add(c->s->arena, out, struct pair, ((struct pair){ FIELD_NAME, joined(c, &words) }));
    return OK;
}

const char *
tags_query(struct cli *c, const char *tag)
{
    if (!tag)
        return FIELD_NAME " -eq NULL";
    return arena_printf(c->s->arena,
                        "(" FIELD_NAME " -eq \"%s\" OR " FIELD_NAME
                        " -startswith \"%s,\" OR " FIELD_NAME " -endswith \",%s\" OR " FIELD_NAME
                        " -contains \",%s,\")",
                        tag, tag, tag, tag);
}

/* Changing them. */

static const char *
words_of(const struct json *row)
{
    const char *words = json_str(json_get(json_get(row, "Metadata"), FIELD_NAME));

    return words ? words : "";
}

static void
put_into(struct cli *c, struct tagging *t, const char *words, int64_t id)
{
    struct alike *same = NULL;

    LIST_EACH(struct alike, g, &t->alike)
    if (text_eq(g->words, words))
        same = g;
    if (!same) {
        same = list_push(c->s->arena, &t->alike, struct alike);
        *same = (struct alike){ .words = words };
    }
    list_add(c->s->arena, &same->ids, int64_t, id);
    t->changes++;
}

static enum err
take(struct cli *c, const struct json *row, void *arg)
{
    struct tagging *t = arg;
    struct list had = split(c, words_of(row)), has = { 0 };
    const char *words;

    t->count++;
    LIST_EACH(const char *, word, &had)
    if (!has_word(&t->remove, *word))
        list_add(c->s->arena, &has, const char *, *word);
    add_words(c, &has, &t->add);
    words = joined(c, &has);
    if (!text_eq(words, words_of(row)))
        put_into(c, t, words, row_id(row));
    return OK;
}

static enum err
send_words(struct cli *c, const struct alike *g, size_t from)
{
    struct ask ask = { .method = "PUT",
                       .path = COMMAND_API "/Certificates/Metadata/All",
                       .not_done = "not tagged" };
    struct answer a;
    struct buf b;
    enum err e;

    body_begin(c, &b);
    body_member(&b, "CertificateIds");
    for (size_t i = from; i < MIN(from + CHUNK, g->ids.count); i++)
        buf_printf(&b, "%c%lld", i > from ? ',' : '[', (long long)*list_at(&g->ids, int64_t, i));
    buf_text(&b, "],\"Metadata\":[{\"OverwriteExisting\":true");
    body_text(&b, "MetadataName", FIELD_NAME);
    body_text(&b, "Value", g->words);
    buf_text(&b, "}]}");
    ask.body = buf_str(&b);
    e = ask_server(c, &ask, &a);
    if (e == E_INVALID || e == E_NOT_FOUND)
        c->fix = "tags are kept in a metadata field: chancery metadata create " FIELD_NAME;
    return e;
}

static enum err
change(struct cli *c, struct tagging *t)
{
    const char *query = cli_text(c, "query");

    TRY(each_chosen(c, take, t));
    if (cli_has(c, "dry-run")) {
        (void)printf("would change the tags of %zu certificates of %zu\n", t->changes, t->count);
        return OK;
    }
    if (query && t->changes)
        TRY(confirm(c,
                    arena_printf(c->s->arena, "change the tags of %zu certificates", t->changes)));
    LIST_EACH(struct alike, g, &t->alike)
    for (size_t from = 0; from < g->ids.count; from += CHUNK)
        TRY(send_words(c, g, from));
    say(c, "the tags of %zu certificates are changed", t->changes);
    return OK;
}

/* Showing them. */

static enum err
show(struct cli *c, const struct json *row, void *arg)
{
    struct tagging *t = arg;
    struct list words = split(c, words_of(row));

    buf_printf(&t->rows, "%s{\"id\":%lld,\"name\":", t->count++ ? "," : "[",
               (long long)row_id(row));
    json_text(&t->rows, json_str(json_get(row, "IssuedCN")));
    buf_text(&t->rows, ",\"tags\":");
    json_text(&t->rows, joined(c, &words));
    buf_byte(&t->rows, '}');
    return OK;
}

enum err
run_certs_tag(struct cli *c)
{
    static const struct column columns[] = { { "id", NULL, COL_RIGHT },
                                             { "name", NULL, 0 },
                                             { "tags", NULL, 0 } };
    static const struct view view = { .kind = "certificate",
                                      .key = "id",
                                      .columns = columns,
                                      .column_count = COUNT(columns),
                                      .none = "No certificates match." };
    struct tagging t = { 0 };

    TRY(words_given(c, "tag", &t.add));
    TRY(words_given(c, "remove", &t.remove));
    LIST_EACH(const char *, word, &t.add)
    if (has_word(&t.remove, *word))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--tag and --remove both name \"%s\"", *word);
    if (t.add.count || t.remove.count)
        return change(c, &t);
    buf_init_in(&t.rows, c->s->arena, CLI_BODY_MAX);
    TRY(each_chosen(c, show, &t));
    buf_text(&t.rows, t.count ? "]" : "[]");
    return print_json(c, &view, &t.rows);
}

#include "access/permission_words.h"

#include <string.h>

/** What holds everywhere, as a truth for each permission. */
struct held {
    bool all; /* and what there will be */
    bool of[PERM_END];
};

static struct held
held_by(const struct list *grants)
{
    struct held h = { 0 };

    LIST_EACH(struct grant, g, grants)
    {
        if (g->on != GRANT_GLOBAL)
            continue;
        if (g->permission == PERM_ALL)
            h.all = true;
        else
            h.of[g->permission] = true;
    }
    for (int p = PERM_NONE + 1; h.all && p < PERM_END; p++)
        h.of[p] = true;
    return h;
}

static const char *
word_of(enum permission p, enum word_form form)
{
    const struct permission_info *info = permission_info(p);

    if (form == WORDS_V2)
        return info->v2;
    return info->v1[0] ? info->v1 : info->name;
}

static void
words_of(struct arena *a, const struct held *h, enum word_form form, struct list *out)
{
    if (h->all && form == WORDS_V2) {
        list_add(a, out, const char *, permission_info(PERM_ALL)->v2);
        return;
    }
    for (int p = PERM_NONE + 1; p < PERM_END; p++) {
        const char *word = word_of((enum permission)p, form);

        if (h->of[p] && !list_has_fold(out, word))
            list_add(a, out, const char *, word);
    }
}

void
permission_words(struct arena *a, const struct list *grants, enum word_form form, struct list *out)
{
    struct held h = held_by(grants);
    struct list words = { 0 };

    words_of(a, &h, form, &words);
    *out = words;
}

/** Add what WORD stands for: of what was shown under it, what was there. */
static bool
add_word(const struct held *old, const struct list *shown, const char *word, struct held *out)
{
    enum permission found[PERM_END];
    int count = permission_expand(word, found);
    bool had = list_has_fold(shown, word);

    if (text_eq(word, permission_info(PERM_ALL)->v2)) {
        found[0] = PERM_ALL;
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        if (found[i] == PERM_ALL)
            out->all = true;
        else if (!had || old->of[found[i]])
            out->of[found[i]] = true;
    }
    return count > 0;
}

static void
add_global(struct scope *s, enum permission p, struct list *out)
{
    list_add(s->arena, out, struct grant, ((struct grant){ .permission = p, .on = GRANT_GLOBAL }));
}

void
permission_words_set(struct scope *s, const char *path, const struct word_edit *edit,
                     struct list *out)
{
    struct held had = held_by(edit->old), now = edit->keep ? had : (struct held){ 0 };
    struct list shown = { 0 }, result = { 0 };
    bool same = true;
    size_t i = 0;

    words_of(s->arena, &had, edit->form, &shown);
    LIST_EACH(const char *, word, edit->words)
    {
        if (!*word || !add_word(&had, &shown, *word, &now))
            problem(s, arena_printf(s->arena, "%s[%zu]", path, i), CHY_BAD_VALUE,
                    "there is no permission \"%.100s\"", *word ? *word : "");
        i++;
    }
    LIST_EACH(const char *, word, &shown)
    same &= list_has_fold(edit->words, *word);
    now.all |= had.all && same; /* read and written back */
    LIST_EACH(struct grant, g, edit->old)
    if (g->on != GRANT_GLOBAL)
        list_add(s->arena, &result, struct grant, *g);
    if (now.all)
        add_global(s, PERM_ALL, &result);
    for (int p = PERM_NONE + 1; p < PERM_END && !now.all; p++)
        if (now.of[p])
            add_global(s, (enum permission)p, &result);
    *out = result;
}

void
permission_word_cut(struct arena *a, const char *word, const char **area, const char **permission)
{
    size_t len = strcspn(word, ":/");

    *area = arena_text_n(a, word, len);
    *permission = word[len] ? arena_text(a, word + len + 1) : "";
}

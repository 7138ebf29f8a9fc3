#include "backup/backup.h"
#include "base/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void
add(struct scope *s, struct list *all, const char *at)
{
    struct backup_entry e = { .name = at };

    assert_true(when_parse(at, &e.at));
    list_add(s->arena, all, struct backup_entry, e);
}

TEST(the_newest_of_days_weeks_and_months_are_kept)
{
    static const struct {
        struct backup_keep keep;
        const char *gone;
    } cases[] = {
        { { 100, 0, 0 }, "2026-11-21T02:00:00Z " }, /* two on one day */
        { { 1, 0, 0 },
          "2026-11-21T02:00:00Z 2026-11-20T02:00:00Z 2026-11-16T02:00:00Z "
          "2026-11-15T02:00:00Z 2026-10-31T02:00:00Z 2025-11-30T02:00:00Z " },
        { { 1, 2, 0 },
          "2026-11-21T02:00:00Z 2026-11-20T02:00:00Z 2026-11-16T02:00:00Z "
          "2026-10-31T02:00:00Z 2025-11-30T02:00:00Z " },
        { { 2, 0, 3 }, "2026-11-21T02:00:00Z 2026-11-16T02:00:00Z 2026-11-15T02:00:00Z " },
        { { 0, 0, 0 },
          "2026-11-21T02:00:00Z 2026-11-20T02:00:00Z 2026-11-16T02:00:00Z "
          "2026-11-15T02:00:00Z 2026-10-31T02:00:00Z 2025-11-30T02:00:00Z " },
    };
    static const char *const all[] = { "2026-11-21T14:00:00Z", "2026-11-21T02:00:00Z",
                                       "2026-11-20T02:00:00Z", "2026-11-16T02:00:00Z",
                                       "2026-11-15T02:00:00Z", "2026-10-31T02:00:00Z",
                                       "2025-11-30T02:00:00Z" };

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(scope_free) struct scope *s = scope_new("test");
        struct list entries = { 0 }, gone = { 0 };
        const char *text = "";

        for (size_t j = 0; j < COUNT(all); j++)
            add(s, &entries, all[j]);
        backup_choose(s->arena, &entries, &cases[i].keep, &gone);
        LIST_EACH(struct backup_entry, e, &gone)
        text = arena_printf(s->arena, "%s%s ", text, e->name);
        assert_string_equal(text, cases[i].gone);
    }
}

TEST(what_is_kept_no_longer_is_removed)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    const char *dir = arena_printf(s->arena, "%s/kept", test_dir());
    static const char *const names[] = { "chancery-20261121T020000Z.tar",
                                         "chancery-20261120T020000Z.tar",
                                         "chancery-20261119T020000Z.tar", "else" };
    struct list gone = { 0 };
    struct when oldest, wanted;

    assert_ok(s, backup_prune(s, dir, &(struct backup_keep){ 2, 0, 0 }, false, &gone, &oldest));
    assert_false(when_given(oldest));
    assert_int_equal(mkdir(dir, 0700), 0);
    for (size_t i = 0; i < COUNT(names); i++) {
        FILE *file = fopen(arena_printf(s->arena, "%s/%s", dir, names[i]), "we");

        assert_non_null(file);
        (void)fclose(file);
    }
    for (int dry = 1; dry >= 0; dry--) {
        gone = (struct list){ 0 };
        assert_ok(s, backup_prune(s, dir, &(struct backup_keep){ 2, 0, 0 }, dry, &gone, &oldest));
        assert_int_equal(gone.count, 1);
        assert_true(when_parse("2026-11-20T02:00:00Z", &wanted));
        assert_int_equal(when_cmp(oldest, wanted), 0);
        for (size_t i = 0; i < COUNT(names); i++)
            assert_int_equal(access(arena_printf(s->arena, "%s/%s", dir, names[i]), F_OK),
                             i == 2 && !dry ? -1 : 0);
    }
}

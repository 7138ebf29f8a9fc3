#include "base/test.h"

#include "audit/audit.h"
#include "issue/built_in.h"
#include "issue/template.h"

#define GOOD "\"key_types\":[\"ec\"],\"eku\":[\"serverAuth\"]"

static struct template_shelf *
open_shelf(struct scope *s, struct db **db)
{
    static int number;
    struct template_shelf *shelf;

    assert_ok(s,
              db_open(s, arena_printf(s->arena, "sqlite:%s/t%d", test_dir(), ++number), NULL, db));
    assert_ok(s, template_built_in(s, *db));
    assert_ok(s, template_shelf_open(s, *db, &shelf));
    return shelf;
}

static enum err
save(struct scope *s, struct template_shelf *shelf, struct template_edit edit, int64_t *id)
{
    return template_save(s, shelf, &edit, NULL, id);
}

TEST(a_bad_template_is_told_by_path)
{
    static const struct {
        const char *body, *path;
    } cases[] = {
        { "{}", "key_types" },
        { "{\"key_types\":[]}", "key_types" },
        { "{\"key_types\":[\"ec\",\"rsa:512\"]}", "key_types[1]" },
        { "{\"key_types\":[\"rsa:7\"]}", "key_types[0]" },
        { "{\"key_types\":[\"ec\",\"rsa\",\"dsa:2048\"]}", "key_types[2]" },
        { "{" GOOD ",\"subject\":[{\"type\":\"CN\"},{\"type\":\"nonsense\"}]}", "subject[1].type" },
        { "{" GOOD ",\"subject\":[{\"type\":\"O\",\"mode\":\"fixed\"}]}", "subject[0].value" },
        { "{" GOOD ",\"subject\":[{\"type\":\"O\",\"pattern\":\"(\"}]}", "subject[0].pattern" },
        { "{" GOOD ",\"subject\":[{\"type\":\"O\",\"pattern\":\"a{1,99}{1,99}\"}]}",
          "subject[0].pattern" },
        { "{" GOOD ",\"subject\":[{\"type\":\"O\",\"mode\":\"sometimes\"}]}", "subject[0].mode" },
        { "{" GOOD ",\"permitted\":[\"*.a.example\",\"10.0.0.0/33\"]}", "permitted[1]" },
        { "{" GOOD ",\"excluded\":[\"a b\"]}", "excluded[0]" },
        { "{" GOOD ",\"key_usage\":[\"keyCertSign\"]}", "key_usage[0]" },
        { "{" GOOD ",\"policies\":[\"1.2.x\"]}", "policies[0]" },
        { "{\"key_types\":[\"ec\"],\"eku\":[\"OCSPSigning\"]}", "eku[0]" }, /* row 19 */
        { "{\"key_types\":[\"ec\"],\"eku\":[\"serverAuth\",\"2.5.29.37.0\"]}", "eku[1]" },
        { "{\"key_types\":[\"ec\"],\"eku\":[\"nonsense\"]}", "eku[0]" },
        { "{" GOOD ",\"validity\":\"400d\"}", "validity" },
        { "{" GOOD ",\"validity_min\":\"91d\"}", "validity_min" },
        { "{" GOOD ",\"backdate\":\"49h\"}", "backdate" },
        { "{" GOOD ",\"max_names\":0}", "max_names" },
        { "{" GOOD ",\"max_active_per_subject\":-1}", "max_active_per_subject" },
        { "{" GOOD ",\"wildcard\":\"leftmost\"}", "wildcard" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    AUTO(template_shelf_close) struct template_shelf *shelf = open_shelf(s, &db);
    int64_t id;

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool found = false;

        scope_clear(s);
        if (save(s, shelf,
                 (struct template_edit){ .name = "bad", .body = bytes_of_text(cases[i].body) },
                 &id) != E_INVALID)
            fail_msg("%s is taken", cases[i].body);
        LIST_EACH(struct problem, p, &s->problems)
        found = found || text_eq(p->path, cases[i].path);
        if (!found)
            fail_msg("%s: not at %s, but: %s", cases[i].body, cases[i].path, s->error.text);
    }
}

TEST(a_template_keeps_its_versions)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    AUTO(template_shelf_close) struct template_shelf *shelf = open_shelf(s, &db);
    AUTO(templates_unref) const struct templates *before = templates_ref(shelf);
    const struct templates *after;
    const struct template *t;
    struct list versions;
    int64_t id, same;

    assert_ok(s, save(s, shelf,
                      (struct template_edit){
                          .name = "Mine", .display_name = "My own", .body = BYTES("{" GOOD "}") },
                      &id));
    assert_err(E_CONFLICT,
               save(s, shelf, (struct template_edit){ .name = "MINE", .body = BYTES("{" GOOD "}") },
                    &same));
    assert_null(template_find(before, "mine")); /* what was taken does not change */
    after = templates_ref(shelf);
    t = template_find(after, "my OWN (mine)");
    assert_non_null(t);
    assert_int_equal(t->number, 1);
    assert_int_equal(t->body->validity_ms, 90 * DAY_MS);
    assert_err(E_CONFLICT,
               save(s, shelf,
                    (struct template_edit){
                        .id = id, .body = BYTES("{" GOOD "}"), .version = t->version + 1 },
                    &same));
    assert_int_equal(s->error.code, CHY_VERSION_CHANGED);
    scope_clear(s);
    assert_ok(s, save(s, shelf,
                      (struct template_edit){ .id = id,
                                              .body = BYTES("{" GOOD ",\"validity\":\"1d\"}"),
                                              .version = t->version },
                      &same));
    assert_int_equal(t->body->validity_ms, 90 * DAY_MS);
    templates_unref(after);
    assert_ok(s, template_versions(s, db, id, &versions));
    assert_int_equal(versions.count, 2);
    assert_int_equal(list_at(&versions, struct template_version_row, 0)->number, 2);
    assert_err(E_NOT_FOUND, template_set_enabled(s, shelf, 4711, false, 0, NULL));
}

TEST(built_in_templates_are_there_once)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(db_close) struct db *db = NULL;
    AUTO(template_shelf_close) struct template_shelf *shelf = open_shelf(s, &db);
    AUTO(templates_unref) const struct templates *t = NULL;
    size_t wanted = 0;

    while (built_in_templates[wanted].name)
        wanted++;
    assert_ok(s, template_built_in(s, db));
    assert_ok(s, templates_reload(s, shelf));
    t = templates_ref(shelf);
    assert_int_equal(t->all.count, wanted);
}

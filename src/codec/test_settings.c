#include "base/test.h"
#include "codec/json.h"
#include "codec/settings.h"

#include <sys/stat.h>
#include <unistd.h>

struct http {
    int64_t port, body, idle;
    const char *host;
    struct list networks; /* of const char * */
};
static const struct field http_fields[] = {
    FIELD(http, port, "port", .min = 1, .max = 65535, .preset = "8443",
          .doc = "TCP port of the HTTPS listener."),
    FIELD(http, body, "body", .flags = SIZE, .min = 1, .max = 1 << 30, .preset = "8MiB"),
    FIELD(http, idle, "idle", .flags = DURATION, .preset = "75s"),
    FIELD(http, host, "host", .pattern = "host", .preset = "localhost"),
    FIELD(http, networks, "networks", .model = &text_model, .pattern = "network", .max = 3,
          .preset = "127.0.0.0/8"),
};
static const struct model http_model = MODEL(http, http_fields);

static const struct choice levels[] = {
    { 0, "error", NULL }, { 2, "info", NULL }, { 3, "debug", NULL }, { 0, NULL, NULL }
};
struct pool {
    int64_t max;
};
static const struct field pool_fields[] = { FIELD(pool, max, "max", .preset = "10") };
static const struct model pool_model = MODEL(pool, pool_fields);
struct db {
    const char *url, *password;
    struct pool *pool;
};
static const struct field db_fields[] = {
    FIELD(db, url, "url", .flags = REQUIRED | SECRET | URL_SECRET),
    FIELD(db, password, "password", .flags = SECRET),
    FIELD(db, pool, "pool", .model = &pool_model),
};
static const struct model db_model = MODEL(db, db_fields);
struct user {
    const char *name, *password;
};
static const struct field user_fields[] = {
    FIELD(user, name, "name", .flags = REQUIRED),
    FIELD(user, password, "password", .flags = SECRET),
};
static const struct model user_model = MODEL(user, user_fields);
struct root {
    struct http *http;
    struct db *db;
    int64_t level;
    bool dev;
    struct pairs keystores;
    struct list users; /* of struct user */
    struct raw extra;
    const char *data_dir;
};
static const char *const level_aliases[] = { "LogLevel", NULL };
static const struct field root_fields[] = {
    FIELD(root, http, "http", .model = &http_model, .doc = "The listener."),
    FIELD(root, db, "db", .model = &db_model, .flags = REQUIRED),
    FIELD(root, level, "level", .choices = levels, .preset = "info", .aliases = level_aliases),
    FIELD(root, dev, "dev"),
    FIELD(root, keystores, "keystores", .flags = KEEP_REF),
    FIELD(root, users, "users", .model = &user_model),
    FIELD(root, extra, "extra"),
    FIELD(root, data_dir, "data_dir", .preset = "/var/lib/chancery"),
};
static const struct model root_model = MODEL(root, root_fields);

static const char *
write_file(struct scope *s, const char *name, const char *text, mode_t mode)
{
    const char *path = arena_printf(s->arena, "%s/%s", test_dir(), name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

/* The problems that a main file of TEXT has; "" when none. */
static const char *
problems_of(struct scope *s, const char *text)
{
    struct settings_sources from = { .main_file = write_file(s, "main.yaml", text, 0644) };
    AUTO(settings_unref) struct settings *settings = NULL;

    scope_clear(s);
    return settings_load(s, &root_model, &from, &settings) == OK ? "" : s->error.text;
}

TEST(later_sources_win_and_each_value_knows_its_own)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(settings_unref) struct settings *settings = NULL;
    const char *dir = arena_printf(s->arena, "%s/conf.d", test_dir());
    const char *main_file = write_file(s, "a.yaml",
                                       "http:\n"
                                       "  port: 1000\n"
                                       "  host: a.example\n"
                                       "  networks: [10.0.0.0/8, \"::1\"]\n"
                                       "db: {url: sqlite:a, pool: {max: 3}}\n"
                                       "keystores:\n"
                                       "  vault: file:/keys\n"
                                       "  hsm: pkcs11:token\n"
                                       "LogLevel: error\n",
                                       0644);
    const char *const environment[] = { "CHANCERY_HTTP__PORT=3000",
                                        "CHANCERY_CONFIG=x",
                                        "CHANCERY_DATA_DIR=/data",
                                        "PATH=/bin",
                                        "CHANCERY_KEYSTORES__VAULT=file:/env",
                                        "CHANCERY_HTTP__NETWORKS=10.1.0.0/16, 10.2.0.0/16",
                                        NULL };
    const char *const sets[] = { "http.idle=1m30s", "http.port=4000",
                                 "users=[{name: ana, password: 'file:/x'}]", NULL };
    const char *const defaults[] = { "dev=true", "db.url=sqlite:dev", "http.body=1MiB", NULL };
    const struct root *root;

    mkdir(dir, 0755);
    write_file(s, "conf.d/20.yaml", "http: {port: 2002}\ndb: {pool: {max: 5}}\n", 0644);
    write_file(s, "conf.d/10.json", "{\"http\": {\"port\": 2001, \"body\": \"2MiB\"}}", 0644);
    write_file(s, "conf.d/30.txt", "not: read\n", 0644);
    write_file(s, "conf.d/40.yml", "# nothing\n", 0644);
    struct settings_sources from = { .defaults = defaults,
                                     .defaults_name = "--dev",
                                     .main_file = main_file,
                                     .drop_in_dir = dir,
                                     .environment = environment,
                                     .sets = sets };
    assert_ok(s, settings_load(s, &root_model, &from, &settings));
    root = settings_root(settings);
    assert_int_equal(root->http->port, 4000);
    assert_int_equal(root->http->body, 2 << 20);
    assert_int_equal(root->http->idle, 90000);
    assert_string_equal(root->http->host, "a.example");
    assert_int_equal(root->http->networks.count, 2);
    assert_string_equal(*list_at(&root->http->networks, const char *, 1), "10.2.0.0/16");
    assert_string_equal(root->db->url, "sqlite:a");
    assert_int_equal(root->db->pool->max, 5);
    assert_int_equal(root->level, 0);
    assert_true(root->dev);
    assert_string_equal(root->data_dir, "/data");
    assert_string_equal(list_at(&root->keystores.of, struct pair, 0)->value, "file:/env");
    assert_string_equal(list_at(&root->users, struct user, 0)->password, "file:/x");
    assert_string_equal(settings_origin(settings, "http.port"), "--set http.port");
    assert_string_equal(settings_origin(settings, "dev"), "--dev");
    assert_string_equal(settings_origin(settings, "keystores.vault"),
                        "environment CHANCERY_KEYSTORES__VAULT");
    assert_string_equal(settings_origin(settings, "http.host"),
                        arena_printf(s->arena, "%s:3:9", main_file));
    assert_string_equal(settings_origin(settings, "db.pool.max"),
                        arena_printf(s->arena, "%s/20.yaml:2:18", dir));
    assert_string_equal(settings_origin(settings, "db.password"), "preset");
}

TEST(presets_alone_make_all_sections)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(settings_unref) struct settings *settings = NULL;
    const char *const sets[] = { "db.url=x", NULL };
    struct settings_sources from = { .sets = sets,
                                     .main_file = "/nowhere/x",
                                     .main_optional = true,
                                     .drop_in_dir = "/nowhere/conf.d" };
    const struct root *root;

    assert_ok(s, settings_load(s, &root_model, &from, &settings));
    root = settings_root(settings);
    assert_int_equal(root->http->port, 8443);
    assert_int_equal(root->db->pool->max, 10);
    assert_int_equal(root->level, 2);
    assert_null(root->extra.json);
    from.main_optional = false;
    assert_err(E_NOT_FOUND, settings_load(s, &root_model, &from, &settings));
}

TEST(every_problem_is_named_with_line_column_and_key)
{
    static const char *const cases[][2] = {
        { "db: {url: x}\nhttp:\n  prot: 1\n",
          "main.yaml:3:3: http.prot: there is no such setting; did you mean \"port\"?" },
        { "db: {url: x}\nport: 1\n",
          "main.yaml:2:1: port: there is no such setting; did you mean \"http.port\"?" },
        { "db: {url: x}\nzzzzzz: 1\n", "main.yaml:2:1: zzzzzz: there is no such setting" },
        { "{\"db\": {\"url\": \"x\"},\n \"Http\": {}}",
          "main.yaml:2:2: Http: there is no such setting; did you mean \"http\"?" },
        { "db: {url: x}\nhttp: {port: \"1\"}\n",
          "main.yaml:2:14: http.port: must be a number, not text in quotes" },
        { "db: {url: x}\nhttp: {port: 0}\n",
          "main.yaml:2:14: http.port: must be between 1 and 65535" },
        { "db: {url: x}\nhttp: {port: []}\n", "main.yaml:2:14: http.port: must be a single value" },
        { "db: {url: x}\nhttp: {body: 2TiB}\n", "http.body: must be between 1 and 1GiB" },
        { "db: {url: x}\nhttp: {idle: 75}\n", "http.idle: must be a duration such as" },
        { "db: {url: x}\nhttp: {networks: [10.0.0.0/8, x]}\n",
          "main.yaml:2:31: http.networks[1]: does not have the form \"network\"" },
        { "db: {url: x}\nhttp: {networks: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4]}\n",
          "has 4 entries, more than 3" },
        { "db: {url: x}\nhttp: {networks: 10.0.0.1}\n", "http.networks: must be a list" },
        { "db: {url: x}\nhttp: 5\n", "main.yaml:2:7: http: must be a section with keys" },
        { "db: {url: x}\nlevel: loud\n", "level: must be one of: 0 error, 2 info, 3 debug" },
        { "db: {url: x}\ndev: 5\n", "dev: must be true or false" },
        { "db: {url: x}\ndev: 'true'\n", "dev: must be true or false, not text in quotes" },
        { "db: {url: x}\nkeystores: [a]\n", "keystores: must be names with texts" },
        { "db: {url: x}\nkeystores: {a: {b: c}}\n", "keystores.a: must be a single value" },
        { "db: {url: x}\nusers: [{name: a}, {nam: b}]\n",
          "main.yaml:2:21: users[1].nam: there is no such setting; did you mean \"name\"?; " },
        { "db: {url: x}\nusers: [{name: a}, {}]\n", "main.yaml:2:20: users[1].name: is missing" },
        { "http: {port: 1}\n", "settings: db.url: is missing" },
        { "db:\n", "settings: db.url: is missing" },
        { "", "settings: db.url: is missing" },
        { "db: {}\n", "main.yaml:1:5: db.url: is missing" },
        { "db: {url: x, password: hunter2}\n",
          "main.yaml:1:24: db.password: is a secret in a file that others can read" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = problems_of(s, cases[i][0]);

        if (!strstr(got, cases[i][1]))
            fail_msg("%s gives %s", cases[i][0], got);
        assert_null(strstr(got, "hunter2"));
    }
    problems_of(s, "http: {prot: 1, port: 0}\nwhat: 1\n");
    assert_int_equal(s->problems.count, 4);
}

TEST(yaml_is_read_without_its_traps)
{
    static const char *const cases[][2] = {
        { "db: {url: x}\ndb: {url: y}\n", "main.yaml:2:1: \"db\" is given twice, first at" },
        { "{\"db\": {\"url\": 1, \"url\": 2}}", "\"url\" is given twice" },
        { "a: &x 1\n", "main.yaml:1:4: anchors are not allowed" },
        { "a: *x\n", "main.yaml:1:4: aliases are not allowed" },
        { "a: !!str 1\n", "tags are not allowed" },
        { "--- {}\n--- {}\n", "a second document is not allowed" },
        { "? [a]\n: 1\n", "a name must be text" },
        { "db: {url: \"a\\0b\"}\n", "must not hold a NUL" },
        { "db: {url: \"a\xff\"}\n", "is not UTF-8" },
        { "db: {url: x\n", "main.yaml:2:1: " },
        { "db:\n\turl: x\n", "main.yaml:2:1: " },
        { "- a\n", "main.yaml:1:1: must be sections and keys" },
        { "text\n", "main.yaml:1:1: must be sections and keys" },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");
    struct buf b;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = problems_of(s, cases[i][0]);

        if (!strstr(got, cases[i][1]))
            fail_msg("%s gives %s", cases[i][0], got);
    }
    buf_init_in(&b, s->arena, 1 << 22);
    buf_text(&b, "extra: ");
    for (int i = 0; i < 40; i++)
        buf_byte(&b, '[');
    assert_non_null(strstr(problems_of(s, buf_str(&b)), "nested too deep"));
    buf_reset(&b);
    for (int i = 0; i < 110000; i++)
        buf_text(&b, "- 1\n");
    assert_non_null(strstr(problems_of(s, buf_str(&b)), "too many values"));
    for (int i = 0; i < 200000; i++)
        buf_text(&b, "- 12345\n");
    assert_non_null(strstr(problems_of(s, buf_str(&b)), "is larger than"));
}

TEST(problems_of_environment_and_flags_name_them)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(settings_unref) struct settings *settings = NULL;
    const char *const environment[] = { "CHANCERY_HTTP__PROT=1", "CHANCERY_DB__POOL__MAX=x",
                                        "CHANCERY_DEV=\xff", NULL };
    const char *const sets[] = { "level",   "a.b.c.d.e.f.g.h.i.j=1", "http.port=99999",
                                 "users={", "keystores.a.b=c",       NULL };
    struct settings_sources from = { .environment = environment, .sets = sets };

    assert_err(E_INVALID, settings_load(s, &root_model, &from, &settings));
    assert_says(s, "environment CHANCERY_HTTP__PROT: HTTP__PROT: there is no such setting; did you "
                   "mean \"port\"?");
    assert_says(s, "environment CHANCERY_DB__POOL__MAX: db.pool.max: must be a whole number");
    assert_says(s, "DEV: is not UTF-8");
    assert_says(s, "--set: level: must have the form key=value");
    assert_says(s, "a.b.c.d.e.f.g.h.i.j: there is no such setting");
    assert_says(s, "--set http.port: http.port: must be between");
    assert_says(s, "--set users:2:1: ");
    assert_says(s, "keystores.a.b: there is no such setting");
    assert_null(settings);
}

static enum err
resolve(struct scope *s, void *arg, const char *key, const char *reference, const char **out)
{
    if (text_eq(reference, "env:GONE"))
        return fail_code(s, E_NOT_FOUND, CHY_BAD_SECRET_REF, "GONE is not set");
    *out = arena_printf(s->arena, "<%s %s %s>", (const char *)arg, key, reference);
    return OK;
}

TEST(references_are_resolved_and_secrets_are_not_shown)
{
    static char arg[] = "arg";
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(settings_unref) struct settings *settings = NULL;
    struct settings_sources from = { .resolve = resolve, .resolve_arg = arg };
    const struct root *root;
    struct buf b;

    from.main_file = write_file(s, "refs.yaml",
                                "db: {url: env:URL, password: plainsecret}\n"
                                "keystores: {vault: file:/keys}\n"
                                "users: [{name: literal:env:x, password: seal:AAAA}]\n"
                                "extra: {a: [1, \"1\", x, null, 2.50], b: true}\n",
                                0600);
    assert_ok(s, settings_load(s, &root_model, &from, &settings));
    root = settings_root(settings);
    assert_string_equal(root->db->url, "<arg db.url env:URL>");
    assert_string_equal(root->db->password, "plainsecret");
    assert_string_equal(list_at(&root->keystores.of, struct pair, 0)->value, "file:/keys");
    assert_string_equal(list_at(&root->users, struct user, 0)->name, "env:x");
    assert_string_equal(list_at(&root->users, struct user, 0)->password,
                        "<arg users[0].password seal:AAAA>");
    assert_string_equal(root->extra.json, "{\"a\":[1,\"1\",\"x\",null,2.50],\"b\":true}");
    assert_int_equal(settings_warnings(settings)->count, 1);
    buf_init_in(&b, s->arena, 1 << 16);
    settings_show(&b, settings, SETTINGS_LINES, true);
    assert_non_null(strstr(buf_str(&b), "db.password = \"***\"  # "));
    assert_non_null(strstr(buf_str(&b), "db.url = env:URL  # "));
    assert_non_null(strstr(buf_str(&b), "\"password\": \"seal:AAAA\""));
    assert_null(strstr(buf_str(&b), "plainsecret"));
    assert_null(strstr(buf_str(&b), "<arg"));

    from.main_file = write_file(s, "refs.yaml", "db: {url: env:GONE}\n", 0644);
    assert_err(E_INVALID, settings_load(s, &root_model, &from, &settings));
    assert_says(s, "db.url: GONE is not set");
}

TEST(a_url_is_a_secret_when_a_password_is_in_it)
{
    static const struct {
        const char *url;
        bool secret;
    } cases[] = {
        { "sqlite:/var/lib/x:y@z/chancery.db", false },
        { "postgresql://ana@db.example:5432,other:5432/chancery?sslmode=verify-full", false },
        { "postgresql:///chancery?host=/run/postgresql", false },
        { "postgresql://ana:hidden@db.example/chancery", true },
        { "postgresql://ana:hid/den?@db.example/chancery", true },
        { "postgresql://@", false },
        { "postgresql:///chancery?user=ana&password=hidden", true },
        { "postgresql:///chancery?sslPASSWORD=hidden", true },
        { "postgresql:///chancery?p%61ssword=hidden", true },
    };
    AUTO(scope_free) struct scope *s = scope_new("test");

    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(settings_unref) struct settings *settings = NULL;
        struct settings_sources from = {
            .sets = (const char *[]){ arena_printf(s->arena, "db.url=%s", cases[i].url), NULL }
        };
        struct buf b;

        assert_ok(s, settings_load(s, &root_model, &from, &settings));
        assert_string_equal(((const struct root *)settings_root(settings))->db->url, cases[i].url);
        buf_init_in(&b, s->arena, 1 << 16);
        settings_show(&b, settings, SETTINGS_LINES, false);
        if ((settings_warnings(settings)->count == 1) != cases[i].secret ||
            !strstr(buf_str(&b), cases[i].url) != cases[i].secret)
            fail_msg("%s", cases[i].url);
    }
}

TEST(settings_are_shown_in_three_forms)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(settings_unref) struct settings *settings = NULL, *again = NULL;
    const char *const sets[] = { "db.url=sqlite:x", "keystores.a=b: c", "data_dir=yes", NULL };
    struct settings_sources from = { .sets = sets };
    struct json *j;
    struct buf b;

    assert_ok(s, settings_load(s, &root_model, &from, &settings));
    buf_init_in(&b, s->arena, 1 << 16);
    settings_show(&b, settings, SETTINGS_YAML, true);
    assert_string_equal(buf_str(&b), "http:\n"
                                     "  port: 8443  # preset\n"
                                     "  body: \"8MiB\"  # preset\n"
                                     "  idle: \"1m15s\"  # preset\n"
                                     "  host: localhost  # preset\n"
                                     "  networks: [\"127.0.0.0/8\"]  # preset\n"
                                     "db:\n"
                                     "  url: sqlite:x  # --set db.url\n"
                                     "  password: null  # preset\n"
                                     "  pool:\n"
                                     "    max: 10  # preset\n"
                                     "level: \"info\"  # preset\n"
                                     "dev: false  # preset\n"
                                     "keystores: {\"a\": \"b: c\"}  # --set keystores.a\n"
                                     "users: []  # preset\n"
                                     "extra: null  # preset\n"
                                     "data_dir: \"yes\"  # --set data_dir\n");
    buf_reset(&b);
    settings_show(&b, settings, SETTINGS_YAML, false);
    from = (struct settings_sources){ .main_file = write_file(s, "again.yaml", buf_str(&b), 0600) };
    assert_ok(s, settings_load(s, &root_model, &from, &again));
    assert_string_equal(((const struct root *)settings_root(again))->data_dir, "yes");
    buf_reset(&b);
    settings_show(&b, settings, SETTINGS_JSON, false);
    assert_ok(s, json_parse(s, buf_bytes(&b), &j));
    assert_string_equal(json_str(json_get(json_get(j, "http"), "body")), "8MiB");
    buf_reset(&b);
    settings_show(&b, settings, SETTINGS_JSON, true);
    assert_ok(s, json_parse(s, buf_bytes(&b), &j));
    assert_string_equal(json_str(json_get(json_get(j, "http.port"), "origin")), "preset");
}

TEST(the_reference_of_settings_is_itself_readable)
{
    AUTO(scope_free) struct scope *s = scope_new("test");
    AUTO(settings_unref) struct settings *settings = NULL;
    const char *const sets[] = { "db.url=x", NULL };
    struct settings_sources from = { .sets = sets };
    struct buf b;

    buf_init_in(&b, s->arena, 1 << 16);
    settings_describe(&b, &root_model);
    assert_non_null(strstr(buf_str(&b), "  # TCP port of the HTTPS listener.\n"
                                        "  # (number, 1 to 65535; CHANCERY_HTTP__PORT)\n"
                                        "  #port: 8443\n"));
    assert_non_null(strstr(buf_str(&b), "#level: info\n"));
    from.main_file = write_file(s, "reference.yaml", buf_str(&b), 0644);
    assert_ok(s, settings_load(s, &root_model, &from, &settings));
}

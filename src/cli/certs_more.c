/* Certificates: bringing them in, what happened to one, and how things stand with it. */
#include "cli/certs_more.h"

#include "api/certificate_details.h"
#include "cli/register.h"
#include "pki/pem.h"
#include <string.h>

#define FILE_SIZE_MAX ((size_t)2 << 20)
#define TIME_PERCENT 66 /* of its life that a certificate has behind it when it is time */

/* Import. */

struct imports {
    struct buf rows; /* JSON */
    size_t done, failed;
};

static enum err
import_one(struct cli *c, struct imports *i, const char *file, const char *text,
           const struct secret *password)
{
    struct ask ask = { .method = "POST",
                       .path = COMMAND_API "/Certificates/Import",
                       .not_done = "certificate not imported" };
    struct list metadata = { 0 };
    int64_t status = 0;
    struct answer a;
    struct buf b;

    TRY(metadata_given(c, &metadata));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, "{\"Certificate\":");
    json_text(&b, text);
    if (password) {
        buf_text(&b, ",\"Password\":");
        json_text(&b, (const char *)password->data);
    }
    metadata_add(&b, "Metadata", &metadata);
    buf_byte(&b, '}');
    ask.body = buf_str(&b);
    TRY(ask_server(c, &ask, &a));
    (void)json_int(json_get(a.json, "ImportStatus"), &status);
    buf_printf(&i->rows, "%s{\"file\":", i->done++ ? "," : "[");
    json_text(&i->rows, file);
    buf_text(&i->rows, ",\"thumbprint\":");
    json_text(&i->rows, json_str(json_get(a.json, "Thumbprint")));
    buf_printf(&i->rows, ",\"status\":\"%s\"}", status == 1 ? "new" : "known");
    return OK;
}

/* What may have a key goes as a whole, and so does what is not PEM; of the rest, each certificate.
 */
static enum err
import_file(struct cli *c, struct imports *i, const char *file, const struct secret *password)
{
    struct list certs = { 0 };
    struct bytes data;

    TRY(read_input(c, file, FILE_SIZE_MAX, &data));
    if (!memmem(data.data, data.len, "-----BEGIN ", strlen("-----BEGIN ")) ||
        memmem(data.data, data.len, "PRIVATE KEY-----", strlen("PRIVATE KEY-----")) ||
        pem_read_certs(c->s, data, &certs) != OK) {
        scope_clear(c->s);
        return note(c->s, import_one(c, i, file, base64_encode(c->s->arena, data), password), "%s",
                    file);
    }
    LIST_EACH(struct bytes, der, &certs)
    TRY(note(c->s, import_one(c, i, file, base64_encode(c->s->arena, *der), NULL), "%s", file));
    return OK;
}

enum err
run_certs_import(struct cli *c)
{
    static const struct column columns[] = { { "file", NULL, 0 },
                                             { "status", NULL, COL_STATUS },
                                             { "thumbprint", NULL, 0 } };
    static const struct view view = { .kind = "certificate",
                                      .key = "thumbprint",
                                      .columns = columns,
                                      .column_count = COUNT(columns) };
    AUTO(secret_free) struct secret *password = NULL;
    struct list files = { 0 };
    struct imports i = { 0 };

    TRY(references_of(c, 0, &files));
    if (cli_text(c, "password-file"))
        TRY(read_password(c, "password-file", "", &password));
    buf_init_in(&i.rows, c->s->arena, CLI_BODY_MAX);
    LIST_EACH(const char *, file, &files)
    {
        enum err e = import_file(c, &i, *file, password);

        if (e != OK && files.count == 1)
            return e;
        if (e != OK) {
            (void)error_report(c, e);
            scope_clear(c->s);
            c->cause = c->fix = NULL;
            i.failed++;
        }
    }
    buf_text(&i.rows, i.done ? "]" : "[]");
    c->status = !i.failed ? EXIT_DONE : i.done ? EXIT_PARTLY : EXIT_FAILED;
    return print_json(c, &view, &i.rows);
}

/* History. */

enum err
run_certs_history(struct cli *c)
{
    static const struct column columns[] = { { "OperationStart", "TIME", 0 },
                                             { "Action", NULL, 0 },
                                             { "Username", "WHO", 0 },
                                             { "Comment", NULL, 0 } };
    static const struct view view = { .kind = "operation",
                                      .key = "Id",
                                      .columns = columns,
                                      .column_count = COUNT(columns),
                                      .model = &certificate_operation_reply_model,
                                      .none = "The record goes not back so far." };
    struct ask ask = { 0 };
    const struct json *row;

    if (fields_helped(c, &view))
        return OK;
    TRY(certificate_of(c, cli_arg(c, 0), &row));
    ask.path =
        arena_printf(c->s->arena, COMMAND_API "/Certificates/%lld/History", (long long)row_id(row));
    return print_pages(c, &ask, &view);
}

/* How things stand. */

struct stand {
    const struct json *cert; /* of our own API */
    const char *state, *message;
    struct when from, to, due, superseded;
    int64_t id, way, percent; /* WAY: 1 by the server, 2 with a request; else not at all */
    struct list blockers;     /* of const char * */
};

static struct when
time_in(const struct json *row, const char *name)
{
    const char *text = json_str(json_get(row, name));
    struct when when = WHEN_NONE;

    return text && when_parse(text, &when) ? when : WHEN_NONE;
}

static enum err
learn(struct cli *c, int64_t id, struct stand *out)
{
    const char *number = arena_printf(c->s->arena, "%lld", (long long)id);
    struct answer a;
    int64_t life;

    TRY(ask_get(c, arena_printf(c->s->arena, REST_API "/certificates/%s", number), &a));
    out->id = id;
    out->cert = a.json;
    out->state = json_str(json_get(a.json, "state"));
    out->from = time_in(a.json, "not_before");
    out->to = time_in(a.json, "not_after");
    out->superseded = time_in(a.json, "superseded_at");
    life = out->to.ms - out->from.ms;
    out->due = when_add_ms(out->from, life / 100 * TIME_PERCENT);
    out->percent = life > 0 ? (clock_now().ms - out->from.ms) / MAX(life / 100, INT64_C(1)) : 100;
    TRY(ask_get(c,
                arena_printf(c->s->arena, COMMAND_API "/Enrollment/AvailableRenewal/Id/%s", number),
                &a));
    (void)json_int(json_get(a.json, "AvailableRenewalType"), &out->way);
    out->message = json_str(json_get(a.json, "Message"));
    return OK;
}

static void
find_blockers(struct cli *c, struct stand *s)
{
    struct list *l = &s->blockers;

    if (!text_eq_fold(s->state, "active"))
        list_add(c->s->arena, l, const char *, arena_printf(c->s->arena, "it is %s", s->state));
    if (when_cmp(clock_now(), s->to) > 0)
        list_add(c->s->arena, l, const char *, "it is expired");
    if (when_given(s->superseded))
        list_add(c->s->arena, l, const char *,
                 arena_printf(c->s->arena, "another one took its place on %s",
                              when_rfc3339(c->s->arena, s->superseded)));
    if (s->way != 1 && s->way != 2)
        list_add(c->s->arena, l, const char *,
                 s->message ? s->message : "the server does not offer it");
}

static const char *
way_of(struct cli *c, const struct stand *s)
{
    if (s->way == 1)
        return arena_printf(c->s->arena, "with a new key of the server's: chancery renew %lld",
                            (long long)s->id);
    if (s->way == 2)
        return arena_printf(c->s->arena,
                            "with a request of your own, since its key is not kept by the server: "
                            "chancery renew %lld --csr FILE",
                            (long long)s->id);
    return "not by the server";
}

static const char *
text_in(const struct stand *s, const char *name)
{
    const char *text = json_str(json_get(s->cert, name));

    return text_empty(text) ? "none" : text;
}

static enum err
tell_people(struct cli *c, const struct stand *s)
{
    bool due = when_cmp(clock_now(), s->due) >= 0;
    int64_t renews = 0;
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "certificate %lld (%s) is %s\n", (long long)s->id, text_in(s, "subject"),
               s->state);
    buf_printf(&b, "  life     %s to %s; %lld %% of it are over\n",
               when_rfc3339(c->s->arena, s->from), when_rfc3339(c->s->arena, s->to),
               (long long)MIN(MAX(s->percent, INT64_C(0)), INT64_C(100)));
    buf_printf(&b, "  policy   template %s, authority %s; by %s, through %s\n",
               text_in(s, "template"), text_in(s, "authority"), text_in(s, "requester"),
               text_in(s, "protocol"));
    if (json_int(json_get(s->cert, "renews"), &renews) && renews)
        buf_printf(&b, "  renews   certificate %lld\n", (long long)renews);
    buf_printf(&b, "  time     %s %s, after %d %% of its life\n",
               due ? "it has been time to renew it since" : "it is time to renew it from",
               when_rfc3339(c->s->arena, s->due), TIME_PERCENT);
    buf_printf(&b, "  how      %s\n", way_of(c, s));
    buf_text(&b, "  next     nothing renews it by itself\n");
    LIST_EACH(const char *, why, &s->blockers)
    buf_printf(&b, "  blocked  %s\n", *why);
    return print_bytes(c, buf_bytes(&b));
}

static enum err
tell_programs(struct cli *c, const struct stand *s)
{
    static const struct view view = { .kind = "certificate", .key = "id" };
    static const char *const names[] = { "subject",  "state",        "not_before", "not_after",
                                         "template", "authority",    "requester",  "protocol",
                                         "renews",   "superseded_at" };
    struct buf b;

    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_printf(&b, "{\"id\":%lld", (long long)s->id);
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct json *value = json_get(s->cert, names[i]);

        buf_printf(&b, ",\"%s\":", names[i]);
        if (value)
            json_write(&b, value);
        else
            buf_text(&b, "null");
    }
    buf_printf(&b, ",\"due_at\":\"%s\",\"due\":%s,\"way\":\"%s\",\"next_attempt_at\":null",
               when_rfc3339(c->s->arena, s->due),
               when_cmp(clock_now(), s->due) >= 0 ? "true" : "false",
               s->way == 1   ? "server"
               : s->way == 2 ? "csr"
                             : "none");
    buf_text(&b, ",\"blockers\":[");
    LIST_EACH(const char *, why, &s->blockers)
    {
        buf_text(&b, why == s->blockers.items ? "" : ",");
        json_text(&b, *why);
    }
    buf_text(&b, "]}");
    return print_json(c, &view, &b);
}

enum err
run_certs_explain(struct cli *c)
{
    const struct json *row;
    struct stand s = { 0 };

    TRY(certificate_of(c, cli_arg(c, 0), &row));
    TRY(learn(c, row_id(row), &s));
    find_blockers(c, &s);
    return output_is_table(c) ? tell_people(c, &s) : tell_programs(c, &s);
}

#include "command/keys.h"

#include "flow/csr_made.h"
#include "pki/pem.h"
#include <string.h>

static const char *
pem_of(struct scope *s, const struct csr_pending *p)
{
    return pem_text(s->arena, PEM_CSR, p->csr);
}

/* What the client may call the file. */
static const char *
file_of(struct scope *s, const struct csr_pending *p)
{
    const char *cn = text_starts(p->subject, "CN=") ? p->subject + 3 : "request";
    char *name = arena_text_n(s->arena, cn, MIN(strcspn(cn, ","), (size_t)64));

    for (char *at = name; *at; at++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_", *at))
            *at = '_';
    return arena_printf(s->arena, "%s.csr", name);
}

static enum err
reply_file(struct request *rq, const struct csr_pending *p)
{
    const char *pem = pem_of(rq->scope, p);

    return reply(rq, 200, &(struct csr_file_reply){ pem, file_of(rq->scope, p), pem });
}

enum err
csr_generate(struct request *rq)
{
    const struct csr_generate_request *in = rq->body;
    struct scope *s = rq->scope;
    struct enroll names = { 0 };
    struct csr_wish wish = { .caller = rq->caller,
                             .subject = in->subject,
                             .key = { in->key_type, in->key_length.value, in->curve },
                             .template_name = in->tmpl };
    struct csr_pending made;

    command_sans(s, in->sans, &names);
    TRY(problems_check(s));
    wish.sans = names.sans;
    wish.san_paths = names.san_paths;
    TRY(flow_csr_make(s, &rq->app->flow, &wish, &made));
    return reply_file(rq, &made);
}

enum err
csr_pending_list(struct request *rq)
{
    struct scope *s = rq->scope;
    struct list found, out = { 0 };

    TRY(flow_csr_list(s, &rq->app->flow, rq->caller, &found));
    LIST_EACH(struct csr_pending, p, &found)
    {
        struct csr_pending_reply *r = list_push(s->arena, &out, struct csr_pending_reply);

        *r = (struct csr_pending_reply){ .id = p->id,
                                         .csr = pem_of(s, p),
                                         .request_time = p->created_at };
        list_add(s->arena, &r->subject, const char *, p->subject);
    }
    return reply_page(rq, &csr_pending_reply_model, "Id", &out);
}

enum err
csr_pending_get(struct request *rq)
{
    struct csr_pending found;
    int64_t id;

    TRY(var_int(rq, "id", &id));
    TRY(flow_csr_get(rq->scope, &rq->app->flow, rq->caller, id, &found));
    return reply_file(rq, &found);
}

enum err
csr_pending_delete(struct request *rq)
{
    struct list ids = { 0 };
    int64_t id;

    TRY(var_int(rq, "id", &id));
    list_add(rq->scope->arena, &ids, int64_t, id);
    TRY(flow_csr_drop(rq->scope, &rq->app->flow, rq->caller, &ids));
    return reply_none(rq);
}

enum err
csr_pending_delete_many(struct request *rq)
{
    TRY(flow_csr_drop(rq->scope, &rq->app->flow, rq->caller, &rq->body_list));
    return reply_none(rq);
}

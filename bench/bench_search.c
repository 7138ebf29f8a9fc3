/*
 * Search in a large register, by the Command API over TLS with one client: pages by what people ask
 * for, walks, a jump, totals.
 *
 * usage: bench-search --fill DATABASE_URL SIZE     before the server starts
 *        bench-search READY_FILE NAME SIZE         NAME is part of the keys of results
 *
 * Every page has 100 rows and its exact total. Latencies are those of the whole call.
 */
#include "fill.h"
#include "load.h"
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 100

static struct scope *S;

/** What is asked; %ld in the query is a number below SIZE that differs from call to call. */
struct question {
    const char *key, *title, *query, *sort;
    const char *more; /* further parameters */
    int requests;
    const char *as_it_is; /* the whole call, instead of all that */
    int values;           /* so many are asked about by turns, each of them once before */
};

static const struct question questions[] = {
    { "take100", "GET Certificates?take=100", "", "", "", 200, "Certificates?take=100" },
    { "expiry", "by expiry, the next 30 days",
      "ExpirationDate -ge \"%TODAY%\" AND ExpirationDate "
      "-le \"%TODAY+30%\"",
      "NotAfter", "", 100 },
    { "expiry.all", "by expiry, all", "", "NotAfter", "", 100 },
    { "recent", "the newest", "", "Id", "&pq.sortAscending=1", 100 },
    { "thumbprint", "by thumbprint", "Thumbprint -eq \"#THUMB\"", "", "", 100 },
    { "cn", "by exact name", "CN -eq \"#CN\"", "", "", 200 },
    { "cn.rare", "part of a name, rare", "CN -contains \"t-#PAD\"", "", "", 200 },
    { "cn.few", "part of a name, some hundreds", "CN -contains \"#FEW.dept-\"", "", "", 100 },
    { "cn.common", "part of a name, common", "CN -contains \"example\"", "", "", 50 },
    { "cn.absent", "part of a name, absent", "CN -contains \"no-such-#PAD\"", "", "", 200 },
    { "san.rare", "part of an alternative name, rare", "SAN -contains \"t-#PAD\"", "", "", 100 },
    { "ca.state", "by issuer and state", "CA -eq \"Chancery Issuing CA 1\" AND Status -eq Active",
      "", "", 50 },
    { "template.state", "by issuer, template and state",
      "CA -eq \"Chancery Issuing CA 1\" AND TemplateShortName -eq \"WebServer\" AND Status -eq "
      "Active",
      "", "", 50 },
    { "meta", "by metadata, exact, 1 of 500", "Owner -eq \"team-#TEAM\"", "", "", 100,
      .values = 40 },
    { "meta.one", "by metadata, exact, one", "Ticket -eq \"CHG#PAD\"", "", "", 200 },
    { "meta.part", "by metadata, part, 500 values", "Owner -contains \"am-#TEAM\"", "", "", 50 },
    { "meta.rare", "by metadata, part, rare", "Ticket -contains \"hg#PAD\"", "", "", 50 },
    { "meta.common", "by metadata, part, common", "Owner -contains \"team\"", "", "", 30 },
    { "meta.absent", "by metadata, part, absent", "Ticket -contains \"none#PAD\"", "", "", 50 },
};

/** A question on its way. */
struct asked {
    const struct question *q;
    const char *auth;
    int64_t size;
    struct list thumbs; /* of const char * */
    int64_t page, step; /* walks: the first page, and how far on the next is */
};

static const char *
replaced(struct arena *a, const char *text, const char *word, const char *with)
{
    const char *at = strstr(text, word);

    return at ? arena_printf(a, "%.*s%s%s", (int)(at - text), text, with, at + strlen(word)) : text;
}

static struct bytes
make(void *arg, struct arena *a, int64_t n)
{
    const struct asked *k = arg;
    int64_t i = ((k->q->values ? n % k->q->values : n) * 7919 + 12345) % k->size;
    const char *query = k->q->query;

    query = replaced(
        a, query, "#CN",
        arena_printf(a, "host-%07lld.dept-%lld.example.com", (long long)i, (long long)(i % 97)));
    query = replaced(a, query, "#PAD", arena_printf(a, "%07lld", (long long)i));
    query = replaced(a, query, "#FEW", arena_printf(a, "%03lld", (long long)(i % 1000)));
    query = replaced(a, query, "#TEAM", arena_printf(a, "%03lld", (long long)(100 + i % 400)));
    if (k->thumbs.count)
        query = replaced(a, query, "#THUMB",
                         *list_at(&k->thumbs, const char *, (size_t)n % k->thumbs.count));
    if (k->q->as_it_is)
        return bytes_of_text(arena_printf(a,
                                          "GET /KeyfactorAPI/%s HTTP/1.1\r\nHost: localhost\r\n"
                                          "Authorization: Basic %s\r\n\r\n",
                                          k->q->as_it_is, k->auth));
    return bytes_of_text(arena_printf(
        a,
        "GET /KeyfactorAPI/Certificates?pq.returnLimit=%d&pq.pageReturned=%lld&pq.queryString=%s"
        "&pq.sortField=%s%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\n"
        "x-keyfactor-requested-with: APIClient\r\n\r\n",
        PAGE, (long long)(k->page ? k->page + n * k->step : 1), percent_encode(a, query),
        k->q->sort, k->q->more, k->auth));
}

static struct load_result
measure(const struct target *t, struct asked *k, int requests)
{
    struct load_result *r = arena_new_of(S->arena, struct load_result);

    load_run(&(struct load){ .host = "127.0.0.1",
                             .port = t->port,
                             .tls = true,
                             .clients = 1,
                             .requests = requests,
                             .most_s = 20,
                             .make = make,
                             .arg = k,
                             .want_status = 200,
                             .cpu = 1 },
             r);
    if (r->failed) {
        fprintf(stderr, "%s: %s\n", k->q->title, r->first_failure);
        exit(1);
    }
    return *r;
}

static void
tell(const char *name, const char *key, const char *title, const struct load_result *first,
     const struct load_result *r)
{
    printf("%-36s first %8.1f ms, then p50 %8.2f p95 %8.2f ms (%lld calls)\n", title, first->p50_ms,
           r->p50_ms, r->p95_ms, (long long)r->done);
    result(arena_printf(S->arena, "search.%s.%s.first", name, key), first->p50_ms);
    result(arena_printf(S->arena, "search.%s.%s.p50", name, key), r->p50_ms);
    result(arena_printf(S->arena, "search.%s.%s.p95", name, key), r->p95_ms);
}

/* The first call is told apart, or of several values all first ones: they may count what the others
 * remember. */
static void
ask(const struct target *t, const char *name, struct asked *k)
{
    struct load_result first = measure(t, k, MAX(k->q->values, 1)),
                       then = measure(t, k, k->q->requests);

    tell(name, k->q->key, k->q->title, &first, &then);
}

/* Pages in order, by Id: as dear at the end as at the beginning; and one far page, cold. */
static void
walk(const struct target *t, const char *name, struct asked *k)
{
    static const struct question by_id = { "walk", "walking pages", "", "Id", "", 0 };
    static const struct {
        const char *key, *title;
        int64_t of, requests; /* the page after this share (in percent) of all */
    } parts[] = { { "walk.begin", "walking, the first 100 pages", 0, 100 },
                  { "walk.end", "walking, the last 100 pages", 100, 100 },
                  { "jump", "a jump to the middle", 50, 1 } };
    int64_t pages = MIN(k->size * 9 / 10 / PAGE, INT64_C(5000)) - 101;

    k->q = &by_id;
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct load_result first, then;

        k->page = MAX(pages * parts[i].of / 100, INT64_C(1));
        k->step = 1;
        first = measure(t, k, 1);
        k->page++;
        then = measure(t, k, (int)parts[i].requests);
        tell(name, parts[i].key, parts[i].title, &first, &then);
    }
    k->page = 0;
}

/* Some that there are, from all over. */
static void
thumbprints(const struct target *t, struct asked *k)
{
    struct load l = { .host = "127.0.0.1", .port = t->port, .tls = true };

    for (int64_t n = 1; n <= 20; n++) {
        const char *path = arena_printf(
            S->arena,
            "/KeyfactorAPI/Certificates?pq.returnLimit=1&pq.sortField=Id&pq.pageReturned=%lld",
            (long long)(n * k->size / 25));
        const char *at = strstr(load_get(&l, S->arena, path, t->auth), "\"Thumbprint\":\"");

        if (at)
            list_add(S->arena, &k->thumbs, const char *, arena_text_n(S->arena, at + 14, 40));
    }
}

int
main(int argc, char **argv)
{
    struct asked k = { 0 };
    struct target t;

    if (argc != 4) {
        fputs("usage: bench-search --fill DATABASE_URL SIZE | READY_FILE NAME SIZE\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    S = scope_new("bench");
    k.size = atoll(argv[3]);
    if (text_eq(argv[1], "--fill")) {
        fill_register(S, argv[2], k.size);
        return 0;
    }
    t = target_read(S, argv[1]);
    k.auth = t.auth;
    thumbprints(&t, &k);
    for (size_t i = 0; i < COUNT(questions); i++) {
        k.q = &questions[i];
        ask(&t, argv[2], &k);
    }
    walk(&t, argv[2], &k);
    return 0;
}

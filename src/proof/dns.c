#include "proof/dns.h"

#include "base/file.h"
#include "base/metric.h"
#include "base/wait.h"
#include "net/reach.h"
#include "pki/name.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#define RESOLV_CONF_MAX (64 * 1024)

COUNTER(queries_total, "chancery_acme_dns_queries_total",
        "Questions that validators asked, by type, end, and the resolvers that were asked.", "type",
        "rcode", "resolver");
HISTOGRAM(query_seconds, "chancery_acme_dns_seconds", "Time that one question took.");

/* The root's keys of 2017 and 2024, as IANA publishes them (RFC 7958). */
static const char *const root_anchors[] = {
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

static const char *const end_names[] = {
    [DNS_ANSWERED] = "NOERROR",  [DNS_NO_DATA] = "NODATA",  [DNS_NO_NAME] = "NXDOMAIN",
    [DNS_FAILED] = "SERVFAIL",   [DNS_REFUSED] = "REFUSED", [DNS_UNKNOWN] = "OTHER",
    [DNS_TIMED_OUT] = "TIMEOUT", [DNS_BOGUS] = "BOGUS",     [DNS_UNSIGNED] = "UNSIGNED",
    [DNS_TOO_MUCH] = "TOO_MUCH",
};

const char *
dns_end_name(enum dns_end end)
{
    return end_names[end];
}

const char *
dns_type_name(enum dns_type type)
{
    switch (type) {
    case DNS_A:
        return "A";
    case DNS_NS:
        return "NS";
    case DNS_AAAA:
        return "AAAA";
    case DNS_TXT:
        return "TXT";
    case DNS_CAA:
        return "CAA";
    case DNS_CNAME:
        return "CNAME";
    }
    return "?";
}

bool
dns_is_nothing(enum dns_end end)
{
    return end == DNS_NO_DATA || end == DNS_NO_NAME;
}

/* One way to ask: the world's resolvers, or those of a suffix. A thread of ours hands out what the
 * library's thread has found. */
struct way {
    const char *suffix; /* lower case, without dots at its ends; "": everything */
    const char *label;  /* for metrics: "default" or the suffix */
    struct ub_ctx *ctx;
    pthread_t pump;
    bool pumping;
    int stop_fd;
};

struct resolver {
    struct arena *arena;
    struct list ways; /* of struct way, the longest suffix first */
    int64_t timeout_ms;
    enum dnssec_mode dnssec;
    pthread_mutex_t lock; /* of every question */
};

/* A question under way. Who asks and the library's call back hold one reference each. */
struct question {
    struct resolver *resolver;
    int references;
    pthread_cond_t told;
    bool done;
    int failure; /* enum ub_ctx_err */
    struct ub_result *result;
};

static void
question_drop(struct question *q)
{
    if (--q->references == 0) {
        ub_resolve_free(q->result);
        (void)pthread_cond_destroy(&q->told);
        mem_free(q);
    }
}

static void
on_answer(void *arg, int failure, struct ub_result *result)
{
    struct question *q = arg;
    struct resolver *r = q->resolver;

    (void)pthread_mutex_lock(&r->lock);
    q->done = true;
    q->failure = failure;
    q->result = result;
    (void)pthread_cond_signal(&q->told);
    question_drop(q);
    (void)pthread_mutex_unlock(&r->lock);
}

static void *
pump_run(void *arg)
{
    struct way *w = arg;
    struct pollfd p[2] = { { .fd = ub_fd(w->ctx), .events = POLLIN },
                           { .fd = w->stop_fd, .events = POLLIN } };

    for (;;) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (p[1].revents)
            return NULL;
        if (p[0].revents)
            (void)ub_process(w->ctx);
    }
}

/* Making one. */

/** ADDRESS[:PORT], IPv6 in brackets when there is a port, in the library's spelling. */
static enum err
server_spelling(struct scope *s, const char *text, const char **out)
{
    const char *colon = strrchr(text, ':'), *port = NULL;
    char *address = arena_text(s->arena, text);
    struct bytes octets;
    int64_t number = 53;

    if (text[0] == '[') {
        const char *end = strchr(text, ']');

        if (!end || (end[1] && end[1] != ':'))
            return fail(s, E_INVALID, "\"%s\" is no ADDRESS:PORT", text);
        address = arena_text_n(s->arena, text + 1, (size_t)(end - text - 1));
        port = end[1] ? end + 2 : NULL;
    } else if (colon && strchr(text, ':') == colon) {
        address = arena_text_n(s->arena, text, (size_t)(colon - text));
        port = colon + 1;
    }
    if (!ip_parse(s->arena, address, &octets))
        return fail(s, E_INVALID, "the resolver \"%s\" is no IP address, with or without a port",
                    text);
    if (port && (!text_to_int(port, &number) || number < 1 || number > 65535))
        return fail(s, E_INVALID, "the port of the resolver \"%s\" is none", text);
    *out = arena_printf(s->arena, "%s@%d", ip_text(s->arena, octets), (int)number);
    return OK;
}

struct option {
    const char *name, *value;
};

static enum err
set_options(struct scope *s, struct ub_ctx *ctx, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int e = ub_ctx_set_option(ctx, options[i].name, options[i].value);

        if (e)
            return fail(s, E_INTERNAL, "libunbound refuses %s %s: %s", options[i].name,
                        options[i].value, ub_strerror(e));
    }
    return OK;
}

static enum err
set_general(struct scope *s, struct ub_ctx *ctx, const struct proof_settings *settings)
{
    const struct option options[] = {
        { "use-caps-for-id:", "yes" },        { "edns-buffer-size:", "1232" },
        { "do-not-query-localhost:", "no" }, /* who may be asked is our own matter: below */
        { "infra-host-ttl:", "30" },         /* a server that was down is soon asked again */
        { "aggressive-nsec:", "no" },         { "prefetch:", "no" },
        { "serve-expired:", "no" },           { "harden-glue:", "yes" },
        { "harden-dnssec-stripped:", "yes" }, { "harden-short-bufsize:", "yes" },
        { "harden-large-queries:", "yes" },   { "outgoing-range:", "512" },
        { "num-queries-per-thread:", "512" }, { "msg-cache-size:", "1m" },
        { "rrset-cache-size:", "2m" },        { "key-cache-size:", "1m" },
        { "neg-cache-size:", "256k" },        { "tcp-upstream:", settings->dns_tcp ? "yes" : "no" },
    };

    return set_options(s, ctx, options, COUNT(options));
}

static enum err
set_dnssec(struct scope *s, struct ub_ctx *ctx, const struct proof_settings *settings)
{
    const struct option off = { "module-config:", "iterator" };
    int e = 0;

    if (settings->dnssec == DNSSEC_OFF)
        return set_options(s, ctx, &off, 1);
    if (settings->trust_anchors) {
        e = ub_ctx_add_ta_file(ctx, settings->trust_anchors);
        if (e || access(settings->trust_anchors, R_OK) != 0)
            return fail(s, E_INVALID, "trust_anchors: %s cannot be read", settings->trust_anchors);
    }
    for (size_t i = 0; !settings->trust_anchors && i < COUNT(root_anchors) && !e; i++)
        e = ub_ctx_add_ta(ctx, root_anchors[i]);
    if (e)
        return fail(s, E_INTERNAL, "libunbound refuses a trust anchor: %s", ub_strerror(e));
    LIST_EACH(const char *const, name, &settings->insecure_domains)
    {
        const struct option insecure = { "domain-insecure:", *name };

        TRY(set_options(s, ctx, &insecure, 1));
    }
    return OK;
}

/** A forwarded zone has a setting that only a file can hold: nothing of it is kept. */
static enum err
set_forward(struct scope *s, struct ub_ctx *ctx, const struct list *servers, bool keep)
{
    int fd = memfd_create("unbound.conf", MFD_CLOEXEC), e = UB_READFILE;
    struct buf conf;
    const char *spelling = NULL;

    buf_init_in(&conf, s->arena, 64 * 1024);
    buf_printf(&conf, "forward-zone:\n name: \".\"\n forward-no-cache: %s\n", keep ? "no" : "yes");
    LIST_EACH(const char *const, server, servers)
    {
        enum err bad = server_spelling(s, *server, &spelling);

        if (bad != OK) {
            (void)close(fd);
            return bad;
        }
        buf_printf(&conf, " forward-addr: %s\n", spelling);
    }
    if (fd >= 0 && write(fd, buf_str(&conf), conf.len) == (ssize_t)conf.len)
        e = ub_ctx_config(ctx, arena_printf(s->arena, "/proc/self/fd/%d", fd));
    (void)close(fd);
    return e ? fail(s, E_INTERNAL, "libunbound: the forwarders: %s", ub_strerror(e)) : OK;
}

/** Who is asked: these, or, when there are none, the servers of each zone, but none in a network
 * that strangers must not reach. */
static enum err
set_servers(struct scope *s, struct ub_ctx *ctx, const struct proof_settings *settings,
            const struct list *servers, const char *const *refused)
{
    const char *age = arena_printf(s->arena, "%lld", (long long)settings->dns_cache / 1000);
    const struct option keep[] = { { "cache-max-ttl:", age },
                                   { "cache-max-negative-ttl:", age },
                                   { "val-bogus-ttl:", age } };

    if (servers->count == 0 || settings->dns_cache > 0)
        TRY(set_options(s, ctx, keep, COUNT(keep)));
    if (servers->count)
        return set_forward(s, ctx, servers, settings->dns_cache > 0);
    for (; refused && *refused; refused++) {
        const struct option never = { "do-not-query-address:", *refused };

        TRY(set_options(s, ctx, &never, 1));
    }
    return OK;
}

static enum err
way_start(struct scope *s, struct way *w)
{
    /* names that the library answers by itself, though a private network may well use them */
    static const char *const used[] = { "test.", "home.arpa." };
    int e = ub_ctx_async(w->ctx, 1);

    for (size_t i = 0; i < COUNT(used) && !e; i++)
        e = ub_ctx_zone_remove(w->ctx, used[i]);
    if (e)
        return fail(s, E_INTERNAL, "libunbound: %s", ub_strerror(e));
    w->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (w->stop_fd < 0 || pthread_create(&w->pump, NULL, pump_run, w) != 0)
        return fail(s, E_INTERNAL, "no thread for the resolver: %s", strerror(errno));
    w->pumping = true;
    return OK;
}

static enum err
way_add(struct scope *s, struct resolver *r, const struct proof_settings *settings,
        const char *suffix, const struct list *servers, const char *const *refused)
{
    struct way *w = arena_new_of(r->arena, struct way);

    list_add(r->arena, &r->ways, struct way *, w);
    w->stop_fd = -1;
    w->suffix = text_fold(r->arena, suffix);
    w->label = *suffix ? w->suffix : "default";
    w->ctx = ub_ctx_create();
    if (!w->ctx)
        return fail(s, E_INTERNAL, "libunbound cannot start");
    (void)ub_ctx_debugout(w->ctx, NULL);
    TRY(set_general(s, w->ctx, settings));
    TRY(set_dnssec(s, w->ctx, settings));
    return set_servers(s, w->ctx, settings, servers, refused);
}

/** "a, b" or "a b" as a list. */
static struct list
split(struct arena *a, const char *text)
{
    struct list out = { 0 };

    while (*(text += strspn(text, ", "))) {
        size_t len = strcspn(text, ", ");

        list_add(a, &out, const char *, arena_text_n(a, text, len));
        text += len;
    }
    return out;
}

enum err
resolvers_of_system(struct scope *s, const char *path, struct list *out)
{
    struct list found = { 0 };
    struct bytes text;

    TRY(file_read(s, path, RESOLV_CONF_MAX, &text));
    for (char *line = arena_text_n(s->arena, (const char *)text.data, text.len), *end; line;
         line = end) {
        struct list words;

        end = strchr(line, '\n');
        if (end)
            *end++ = 0;
        for (char *c = line; *c; c++)
            *c = (char)(*c == '\t' || *c == '\r' ? ' ' : *c);
        words = split(s->arena, line);
        if (words.count > 1 && text_eq(*list_at(&words, const char *, 0), "nameserver"))
            list_add(s->arena, &found, const char *, *list_at(&words, const char *, 1));
    }
    if (found.count == 0)
        return fail(s, E_INVALID, "%s names no name server", path);
    *out = found;
    return OK;
}

/** The setting `resolvers`, with `system` written out. */
static enum err
written_out(struct scope *s, const struct list *servers, struct list *out)
{
    LIST_EACH(const char *const, server, servers)
    {
        struct list of_system = { 0 };

        if (!text_eq(*server, "system")) {
            list_add(s->arena, out, const char *, *server);
            continue;
        }
        TRY(resolvers_of_system(s, "/etc/resolv.conf", &of_system));
        LIST_EACH(const char *const, one, &of_system)
        {
            list_add(s->arena, out, const char *, *one);
        }
    }
    return OK;
}

struct proof_settings
resolver_only(struct arena *a, const struct proof_settings *settings, const char *servers)
{
    struct proof_settings only = *settings;

    only.resolvers = split(a, servers);
    only.resolvers_by_suffix = (struct pairs){ 0 };
    return only;
}

static int
by_length(const void *a, const void *b)
{
    const struct way *const *x = a, *const *y = b;
    size_t m = strlen((*x)->suffix), n = strlen((*y)->suffix);

    return m < n ? 1 : m > n ? -1 : 0;
}

static enum err
add_all(struct scope *s, struct resolver *r, const struct proof_settings *settings,
        const char *const *refused)
{
    struct list servers = { 0 };

    TRY(note(s, written_out(s, &settings->resolvers, &servers), "resolvers"));
    TRY(note(s, way_add(s, r, settings, "", &servers, refused), "resolvers"));
    LIST_EACH(const struct pair, p, &settings->resolvers_by_suffix.of)
    {
        const char *suffix = p->name + strspn(p->name, ".");
        struct list its = split(s->arena, p->value);

        if (!*suffix || its.count == 0)
            return fail(s, E_INVALID, "resolvers_by_suffix: \"%s\" names no suffix or no resolver",
                        p->name);
        TRY(note(s, way_add(s, r, settings, suffix, &its, NULL), "resolvers_by_suffix: %s",
                 p->name));
    }
    list_sort(&r->ways, by_length);
    LIST_EACH(struct way *, w, &r->ways)
    {
        TRY(way_start(s, *w));
    }
    return OK;
}

enum err
resolver_new(struct scope *s, const struct proof_settings *settings, const char *const *refused,
             struct resolver **out)
{
    struct resolver *r = mem_alloc(sizeof(*r));
    enum err e;

    r->arena = arena_new();
    r->timeout_ms = settings->dns_timeout;
    r->dnssec = (enum dnssec_mode)settings->dnssec;
    (void)pthread_mutex_init(&r->lock, NULL);
    e = add_all(s, r, settings, refused);
    if (e != OK) {
        resolver_free(r);
        return e;
    }
    *out = r;
    return OK;
}

void
resolver_free(struct resolver *r)
{
    if (!r)
        return;
    LIST_EACH(struct way *, w, &r->ways)
    {
        const uint64_t one = 1;

        if ((*w)->pumping && write((*w)->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one))
            (void)pthread_join((*w)->pump, NULL);
        if ((*w)->stop_fd >= 0)
            (void)close((*w)->stop_fd);
        ub_ctx_delete((*w)->ctx);
    }
    (void)pthread_mutex_destroy(&r->lock);
    arena_free(r->arena);
    mem_free(r);
}

/* Asking. */

static const struct way *
way_for(const struct resolver *r, const char *name)
{
    size_t len = strlen(name);

    LIST_EACH(struct way *const, w, &r->ways)
    {
        size_t n = strlen((*w)->suffix);

        if (n == 0 || (len >= n && text_ends_fold(name, (*w)->suffix) &&
                       (len == n || name[len - n - 1] == '.')))
            return *w;
    }
    return NULL; /* the last one takes everything */
}

/** Wait for the answer: true, with the lock held, when it came. */
static bool
wait_for(struct scope *s, struct resolver *r, struct question *q)
{
    int64_t until = clock_mono_ms() + MIN(r->timeout_ms, scope_left_ms(s));

    (void)pthread_mutex_lock(&r->lock);
    while (!q->done && !reach_stopping()) {
        int64_t now = clock_mono_ms();

        if (until <= now)
            break;
        (void)wait_until(&q->told, &r->lock, MIN(until, now + 250));
    }
    return q->done;
}

/** How many CNAMEs stand in the answer. */
static int
count_aliases(const struct ub_result *u)
{
    ns_msg m;
    int aliases = 0;

    if (!u->answer_packet || ns_initparse(u->answer_packet, u->answer_len, &m) != 0)
        return 0;
    for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
        ns_rr rr;

        if (ns_parserr(&m, ns_s_an, i, &rr) != 0)
            return aliases;
        aliases += ns_rr_type(rr) == ns_t_cname;
    }
    return aliases;
}

static void
take_records(struct arena *a, const struct ub_result *u, struct dns_answer *out)
{
    size_t total = 0;

    out->all = true;
    for (size_t i = 0; u->data && u->data[i]; i++) {
        struct bytes rdata = { (const uint8_t *)u->data[i], (size_t)u->len[i] };

        total += rdata.len;
        out->all = i < DNS_RECORDS_MAX;
        if (out->all)
            list_add(a, &out->records, struct bytes, bytes_copy(a, rdata));
    }
    if (total > DNS_RECORDS_BYTES) {
        out->end = DNS_TOO_MUCH;
        out->why = "the answer is longer than 64 KiB";
        out->records = (struct list){ 0 };
    }
}

static void
take_end(struct scope *s, const struct resolver *r, const struct ub_result *u,
         struct dns_answer *out)
{
    static const struct {
        int rcode;
        enum dns_end end;
        const char *why;
    } codes[] = {
        { ns_r_servfail, DNS_FAILED, "the resolver answered SERVFAIL" },
        { ns_r_refused, DNS_REFUSED, "the resolver answered REFUSED" },
        { ns_r_notimpl, DNS_UNKNOWN, "the resolver answered NOTIMP" },
    };

    if (u->bogus) {
        out->end = DNS_BOGUS;
        out->why = arena_printf(s->arena, "DNSSEC validation failed: %s",
                                text_shown(s->arena, bytes_of_text(u->why_bogus), 300));
        return;
    }
    for (size_t i = 0; i < COUNT(codes); i++) {
        if (u->rcode == codes[i].rcode) {
            out->end = codes[i].end;
            out->why = codes[i].why;
            return;
        }
    }
    if (u->rcode != ns_r_noerror && u->rcode != ns_r_nxdomain) {
        out->end = DNS_UNKNOWN;
        out->why = arena_printf(s->arena, "the resolver answered with code %d", u->rcode);
    } else if (r->dnssec == DNSSEC_REQUIRE && !u->secure) {
        out->end = DNS_UNSIGNED;
        out->why = "the answer is not signed, and DNSSEC is required";
    } else if (out->aliases > DNS_ALIASES_MAX) {
        out->end = DNS_TOO_MUCH;
        out->why =
            arena_printf(s->arena, "more than %d aliases follow one another", DNS_ALIASES_MAX);
    } else {
        out->end = u->nxdomain ? DNS_NO_NAME : u->havedata ? DNS_ANSWERED : DNS_NO_DATA;
        take_records(s->arena, u, out);
    }
}

static void
take_answer(struct scope *s, const struct resolver *r, const struct ub_result *u,
            struct dns_answer *out)
{
    out->secure = u->secure;
    out->ttl_s = MAX(u->ttl, 0);
    out->aliases = count_aliases(u);
    out->owner = arena_text(s->arena, u->canonname ? u->canonname : u->qname);
    if (text_ends(out->owner, ".") && strlen(out->owner) > 1)
        out->owner = arena_text_n(s->arena, out->owner, strlen(out->owner) - 1);
    take_end(s, r, u, out);
}

/* One of the questions that are asked together. */
struct ask {
    const struct way *way;
    enum dns_type type;
    struct question *question; /* NULL: it was never asked */
    int id;
    int64_t began_us;
};

static enum err
ask_start(struct scope *s, struct resolver *r, const char *name, struct ask *a)
{
    struct question *q = mem_alloc(sizeof(*q));
    int e;

    *q = (struct question){ .resolver = r, .references = 2 };
    wait_init(&q->told);
    a->way = way_for(r, name);
    a->began_us = clock_mono_us();
    e = ub_resolve_async(a->way->ctx, arena_printf(s->arena, "%s.", name), (int)a->type, 1, q,
                         on_answer, &a->id);
    if (e) {
        (void)pthread_cond_destroy(&q->told);
        mem_free(q);
        return fail(s, E_UNAVAILABLE, "libunbound: %s", ub_strerror(e));
    }
    a->question = q;
    return OK;
}

static enum err
ask_finish(struct scope *s, struct resolver *r, const struct ask *a, struct dns_answer *out)
{
    struct question *q = a->question;
    enum err result = OK;

    if (wait_for(s, r, q)) {
        if (q->failure || !q->result)
            result = fail(s, E_UNAVAILABLE, "libunbound: %s", ub_strerror(q->failure));
        else
            take_answer(s, r, q->result, out);
    } else {
        int e;

        (void)pthread_mutex_unlock(&r->lock);
        e = ub_cancel(a->way->ctx, a->id); /* on success nobody calls back */
        (void)pthread_mutex_lock(&r->lock);
        if (e == 0)
            q->references--;
        out->why =
            arena_printf(s->arena, "no answer within %lld s", (long long)r->timeout_ms / 1000);
        if (reach_stopping())
            result = fail(s, E_UNAVAILABLE, "the program is stopping");
    }
    question_drop(q);
    (void)pthread_mutex_unlock(&r->lock);
    out->took_ms = (clock_mono_us() - a->began_us) / 1000;
    metric_add(&queries_total, 1, dns_type_name(a->type), dns_end_name(out->end), a->way->label);
    metric_observe(&query_seconds, (double)out->took_ms / 1000);
    return result;
}

enum err
resolver_ask_both(struct scope *s, const struct resolver *shared, const char *name,
                  const enum dns_type types[2], struct dns_answer out[2])
{
    struct resolver *r = (struct resolver *)(uintptr_t)shared; /* its lock and library lock */
    struct ask asks[2] = { { .type = types[0] }, { .type = types[1] } };
    struct dns_answer answers[2] = { { .end = DNS_TIMED_OUT, .owner = name },
                                     { .end = DNS_TIMED_OUT, .owner = name } };
    enum err result = OK;

    for (size_t i = 0; i < 2 && result == OK && types[i]; i++)
        result = ask_start(s, r, name, &asks[i]);
    for (size_t i = 0; i < 2;
         i++) { /* what was asked is waited for, whatever became of the other */
        enum err e = asks[i].question ? ask_finish(s, r, &asks[i], &answers[i]) : OK;

        result = result == OK ? e : result;
    }
    if (result != OK)
        return result;
    out[0] = answers[0];
    if (types[1])
        out[1] = answers[1];
    return OK;
}

enum err
resolver_ask(struct scope *s, const struct resolver *r, const char *name, enum dns_type type,
             struct dns_answer *out)
{
    const enum dns_type types[2] = { type, 0 };

    return resolver_ask_both(s, r, name, types, out);
}

bool
dns_txt_read(struct arena *a, struct bytes rdata, struct bytes *out)
{
    struct span p = span_of(rdata);
    struct buf b;

    if (rdata.len == 0)
        return false;
    buf_init_in(&b, a, DNS_RECORDS_BYTES);
    while (span_left(&p)) {
        uint8_t len;
        struct bytes part;

        if (!span_byte(&p, &len) || !span_take(&p, len, &part))
            return false;
        buf_add(&b, part.data, part.len);
    }
    *out = buf_bytes(&b);
    return !b.failed;
}

const char *
dns_name_read(struct arena *a, struct bytes rdata)
{
    char text[NS_MAXDNAME];
    const uint8_t *end = rdata.data + rdata.len;

    if (rdata.len == 0 ||
        ns_name_uncompress(rdata.data, end, rdata.data, text, sizeof(text)) != (int)rdata.len)
        return NULL;
    return text_fold(a, text);
}

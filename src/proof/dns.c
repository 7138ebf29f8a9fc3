#include "proof/dns.h"

#include "base/file.h"
#include "base/metric.h"
#include "net/reach.h"
#include "pki/name.h"
#include "proof/asker.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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

/* One way to ask: the world's resolvers, or those of a suffix. */
struct way {
    const char *suffix; /* lower case, without dots at its ends; "": everything */
    const char *label;  /* for metrics: "default" or the suffix */
    struct ub_ctx *ctx;
};

struct resolver {
    struct arena *arena;
    struct list ways; /* of struct way, the longest suffix first */
    int64_t timeout_ms;
    enum dnssec_mode dnssec;
    struct asker *asker;
};

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

/** Names that the library answers by itself, though a private network may well use them. */
static enum err
free_names(struct scope *s, const struct way *w)
{
    static const char *const used[] = { "test.", "home.arpa." };
    int e = 0;

    for (size_t i = 0; i < COUNT(used) && !e; i++)
        e = ub_ctx_zone_remove(w->ctx, used[i]);
    return e ? fail(s, E_INTERNAL, "libunbound: %s", ub_strerror(e)) : OK;
}

static enum err
way_add(struct scope *s, struct resolver *r, const struct proof_settings *settings,
        const char *suffix, const struct list *servers, const char *const *refused)
{
    struct way *w = arena_new_of(r->arena, struct way);

    list_add(r->arena, &r->ways, struct way *, w);
    w->suffix = text_fold(r->arena, suffix);
    w->label = *suffix ? w->suffix : "default";
    TRY(asker_context(s, r->asker, &w->ctx));
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
        TRY(free_names(s, *w));
    }
    return asker_start(s, r->asker);
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
    e = asker_new(s, r->timeout_ms, &r->asker);
    if (e == OK)
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
    asker_free(r->asker);
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

/** The records of TYPE, those that follow the aliases from the question's own name on, and what
 * goes with them (RFC 1034 section 3.6.2). */
struct reading {
    struct arena *a;
    ns_msg m;
    enum dns_type type;
    const char *owner; /* whose records are looked for */
    struct dns_answer *out;
    size_t total, bytes;
};

/** RDATA as it stands by itself: names in it may point into the message. */
static bool
whole_rdata(struct reading *r, const ns_rr *rr, struct bytes *out)
{
    uint8_t name[NS_MAXCDNAME];
    struct bytes rdata = { ns_rr_rdata(*rr), ns_rr_rdlen(*rr) };
    int len;

    if (r->type != DNS_NS && r->type != DNS_CNAME) {
        *out = bytes_copy(r->a, rdata);
        return true;
    }
    if (ns_name_unpack(ns_msg_base(r->m), ns_msg_end(r->m), rdata.data, name, sizeof(name)) !=
        (int)rdata.len)
        return false;
    for (len = 0; name[len]; len += 1 + name[len])
        ;
    *out = bytes_copy(r->a, (struct bytes){ name, (size_t)len + 1 });
    return true;
}

static bool
follow(struct reading *r, const ns_rr *rr)
{
    char name[NS_MAXDNAME];

    if (ns_name_uncompress(ns_msg_base(r->m), ns_msg_end(r->m), ns_rr_rdata(*rr), name,
                           sizeof(name)) < 0)
        return false;
    r->owner = arena_text(r->a, name);
    return true;
}

static bool
read_record(struct reading *r, const ns_rr *rr)
{
    struct bytes rdata;
    bool is_owners = text_eq_fold(ns_rr_name(*rr), r->owner) && ns_rr_class(*rr) == ns_c_in;

    r->out->aliases += ns_rr_type(*rr) == ns_t_cname;
    if (is_owners && ns_rr_type(*rr) == (unsigned)r->type) {
        r->bytes += ns_rr_rdlen(*rr);
        r->out->all = r->total++ < DNS_RECORDS_MAX;
        if (!r->out->all)
            return true;
        if (!whole_rdata(r, rr, &rdata))
            return false;
        list_add(r->a, &r->out->records, struct bytes, rdata);
        return true;
    }
    return !is_owners || ns_rr_type(*rr) != ns_t_cname || r->total > 0 || follow(r, rr);
}

/** How long the record is good; the absence of others by the SOA of their zone (RFC 2308 section
 * 5).
 */
static int64_t
ttl_of(const ns_rr *rr)
{
    int64_t ttl = ns_rr_ttl(*rr);

    if (ns_rr_type(*rr) == ns_t_soa && ns_rr_rdlen(*rr) >= NS_INT32SZ)
        ttl = MIN(ttl, (int64_t)ns_get32(ns_rr_rdata(*rr) + ns_rr_rdlen(*rr) - NS_INT32SZ));
    return ttl;
}

/** False when the message is malformed. */
static bool
read_message(struct reading *r, struct bytes packet)
{
    static const ns_sect sections[] = { ns_s_an, ns_s_ns };
    int64_t ttl_s = INT64_MAX;
    ns_rr rr;

    if (ns_initparse(packet.data, (int)packet.len, &r->m) != 0 ||
        ns_msg_count(r->m, ns_s_qd) != 1 || ns_parserr(&r->m, ns_s_qd, 0, &rr) != 0)
        return false;
    r->owner = arena_text(r->a, ns_rr_name(rr));
    for (size_t i = 0; i < COUNT(sections); i++) {
        if (sections[i] == ns_s_ns && r->total > 0)
            break;
        for (int at = 0; at < ns_msg_count(r->m, sections[i]); at++) {
            if (ns_parserr(&r->m, sections[i], at, &rr) != 0 ||
                (sections[i] == ns_s_an && !read_record(r, &rr)))
                return false;
            ttl_s = MIN(ttl_s, ttl_of(&rr));
        }
    }
    r->out->ttl_s = ttl_s == INT64_MAX ? 0 : ttl_s;
    return true;
}

static void
take_end(struct scope *s, const struct resolver *r, const struct asked *asked, int rcode,
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

    if (asked->bogus) {
        out->end = DNS_BOGUS;
        out->why = arena_printf(s->arena, "DNSSEC validation failed: %s",
                                asked->why_bogus ? asked->why_bogus : "no reason is known");
        return;
    }
    for (size_t i = 0; i < COUNT(codes); i++) {
        if (rcode == codes[i].rcode) {
            out->end = codes[i].end;
            out->why = codes[i].why;
            return;
        }
    }
    if (rcode != ns_r_noerror && rcode != ns_r_nxdomain) {
        out->end = DNS_UNKNOWN;
        out->why = arena_printf(s->arena, "the resolver answered with code %d", rcode);
    } else if (r->dnssec == DNSSEC_REQUIRE && !asked->secure) {
        out->end = DNS_UNSIGNED;
        out->why = "the answer is not signed, and DNSSEC is required";
    } else if (out->aliases > DNS_ALIASES_MAX) {
        out->end = DNS_TOO_MUCH;
        out->why =
            arena_printf(s->arena, "more than %d aliases follow one another", DNS_ALIASES_MAX);
    } else {
        out->end = rcode == ns_r_nxdomain ? DNS_NO_NAME
                   : out->records.count   ? DNS_ANSWERED
                                          : DNS_NO_DATA;
    }
}

/** What the library answered; what it cannot be read as is a failure of the resolver. */
static void
take_answer(struct scope *s, const struct resolver *r, const struct asked *asked,
            struct dns_answer *out)
{
    struct reading reading = { .a = s->arena, .type = (enum dns_type)asked->type, .out = out };
    const char *name = out->owner;
    int rcode = asked->rcode;

    out->secure = asked->secure;
    out->all = true;
    if (rcode == ns_r_noerror && read_message(&reading, asked->packet)) {
        rcode = (int)ns_msg_getflag(reading.m, ns_f_rcode);
        out->owner = text_eq_fold(reading.owner, name) ? name : reading.owner;
    } else if (rcode == ns_r_noerror) {
        rcode = ns_r_servfail;
    }
    take_end(s, r, asked, rcode, out);
    if (out->end == DNS_ANSWERED && reading.bytes > DNS_RECORDS_BYTES) {
        out->end = DNS_TOO_MUCH;
        out->why = "the answer is longer than 64 KiB";
    }
    if (out->end != DNS_ANSWERED)
        out->records = (struct list){ 0 };
}

/** What became of one question. */
static enum err
finish(struct scope *s, const struct resolver *r, const struct way *w, const struct asked *asked,
       struct dns_answer *out)
{
    enum err result = OK;

    if (asked->answered && asked->failure)
        result = fail(s, E_UNAVAILABLE, "libunbound: %s", ub_strerror(asked->failure));
    else if (asked->answered)
        take_answer(s, r, asked, out);
    else if (reach_stopping())
        result = fail(s, E_UNAVAILABLE, "the program is stopping");
    else
        out->why =
            arena_printf(s->arena, "no answer within %lld s", (long long)r->timeout_ms / 1000);
    out->took_ms = asked->took_us / 1000;
    metric_add(&queries_total, 1, dns_type_name((enum dns_type)asked->type), dns_end_name(out->end),
               w->label);
    metric_observe(&query_seconds, (double)out->took_ms / 1000);
    return result;
}

enum err
resolver_ask_both(struct scope *s, const struct resolver *r, const char *name,
                  const enum dns_type types[2], struct dns_answer out[2])
{
    const struct way *w = way_for(r, name);
    struct asked asked[2] = { { .type = types[0] }, { .type = types[1] } };
    struct dns_answer answers[2] = { { .end = DNS_TIMED_OUT, .owner = name },
                                     { .end = DNS_TIMED_OUT, .owner = name } };
    size_t count = types[1] ? 2 : 1;
    enum err result = OK;

    asker_ask(s, r->asker, w->ctx, arena_printf(s->arena, "%s.", name), asked, count);
    for (size_t i = 0; i < count; i++) {
        enum err e = finish(s, r, w, &asked[i], &answers[i]);

        result = result == OK ? e : result;
    }
    if (result != OK)
        return result;
    for (size_t i = 0; i < count; i++)
        out[i] = answers[i];
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

#include "net/reach.h"

#include "base/wait.h"
#include "net/client_try.h"
#include "pki/name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The special-purpose registries of IANA (RFC 6890), and multicast. */
static const char *const refused[] = {
    "0.0.0.0/8",         "10.0.0.0/8",      "100.64.0.0/10",   "127.0.0.0/8",
    "169.254.0.0/16",    "172.16.0.0/12",   "192.0.0.0/24",    "192.0.2.0/24",
    "192.31.196.0/24",   "192.52.193.0/24", "192.88.99.0/24",  "192.168.0.0/16",
    "192.175.48.0/24",   "198.18.0.0/15",   "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4",       "240.0.0.0/4",     "::/127",          "64:ff9b:1::/48",
    "100::/64",          "100:0:0:1::/64",  "2001::/23",       "2001:db8::/32",
    "2620:4f:8000::/48", "3fff::/20",       "5f00::/16",       "fc00::/7",
    "fe80::/10",         "fec0::/10",       "ff00::/8",        NULL
};

/* Where clouds tell their machines' secrets; one of them is a public address. */
static const char *const metadata[] = { "169.254.169.254", "fd00:ec2::254", "100.100.100.200",
                                        "168.63.129.16",   "192.0.0.192",   "169.254.170.2" };
static const char *const metadata_names[] = { "metadata.google.internal",
                                              "metadata.azure.internal" };

static struct network refused_networks[COUNT(refused) - 1], metadata_addresses[COUNT(metadata)];

/* Networks. */

enum err
network_read(struct scope *s, const char *text, struct network *out)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    char *address =
        slash ? arena_text_n(s->arena, text, (size_t)(slash - text)) : arena_text(s->arena, text);
    struct network n = { 0 };
    struct bytes octets;
    int64_t bits;

    if (text_empty(address) || !ip_parse(s->arena, address, &octets))
        return fail(s, E_INVALID, "\"%s\" is no address and no network such as 10.0.0.0/8",
                    text ? text : "");
    bits = (int64_t)octets.len * 8;
    if (slash && (!text_to_int(slash + 1, &bits) || bits < 0 || bits > (int64_t)octets.len * 8))
        return fail(s, E_INVALID, "the prefix length of \"%s\" is not between 0 and %zu", text,
                    octets.len * 8);
    n.len = (uint8_t)octets.len;
    n.bits = (uint8_t)bits;
    memcpy(n.octets, octets.data, octets.len);
    for (size_t i = (size_t)bits; i < octets.len * 8; i++) {
        if (n.octets[i / 8] & (0x80 >> i % 8))
            return fail(s, E_INVALID, "\"%s\" has bits set behind its prefix", text);
    }
    *out = n;
    return OK;
}

enum err
networks_read(struct scope *s, const struct list *texts, struct list *out)
{
    struct list networks = { 0 };

    LIST_EACH(const char *const, text, texts)
    {
        TRY(network_read(s, *text, list_push(s->arena, &networks, struct network)));
    }
    *out = networks;
    return OK;
}

bool
network_holds(const struct network *n, struct bytes ip)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;

    if (n->len != ip.len || memcmp(n->octets, ip.data, whole) != 0)
        return false;
    return rest == 0 || (n->octets[whole] ^ ip.data[whole]) >> (8 - rest) == 0;
}

bool
networks_hold(const struct list *networks, struct bytes ip)
{
    LIST_EACH(const struct network, n, networks)
    {
        if (network_holds(n, ip))
            return true;
    }
    return false;
}

/* Our own tables are read once, before main(). */
CONSTRUCTOR static void
read_tables(void)
{
    AUTO(scope_free) struct scope *s = scope_new("reach");

    for (size_t i = 0; i < COUNT(refused_networks); i++)
        (void)!network_read(s, refused[i], &refused_networks[i]);
    for (size_t i = 0; i < COUNT(metadata_addresses); i++)
        (void)!network_read(s, metadata[i], &metadata_addresses[i]);
}

const char *const *
reach_refused_networks(void)
{
    return refused;
}

static bool
any_is(const struct list *networks, struct bytes ip)
{
    LIST_EACH(const struct network, n, networks)
    {
        if (n->bits == ip.len * 8 && network_holds(n, ip))
            return true;
    }
    return false;
}

/* Judging. */

/** The IPv4 address inside an IPv6 one; else the address itself. */
static struct bytes
unwrapped(struct bytes ip)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t translated[12] = { [8] = 0xff, [9] = 0xff }; /* RFC 2765 section 2.1 */
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
    static const uint8_t compatible[12] = { 0 };
    static const uint8_t tail_of_own[2][4] = { { 0 }, { 0, 0, 0, 1 } }; /* :: and ::1 */

    if (ip.len != 16)
        return ip;
    if (ip.data[0] == 0x20 && ip.data[1] == 0x02) /* 6to4 */
        return (struct bytes){ ip.data + 2, 4 };
    if (memcmp(ip.data, compatible, 12) == 0 && (memcmp(ip.data + 12, tail_of_own[0], 4) == 0 ||
                                                 memcmp(ip.data + 12, tail_of_own[1], 4) == 0))
        return ip;
    if (memcmp(ip.data, mapped, 12) == 0 || memcmp(ip.data, translated, 12) == 0 ||
        memcmp(ip.data, nat64, 12) == 0 || memcmp(ip.data, compatible, 12) == 0)
        return (struct bytes){ ip.data + 12, 4 };
    return ip;
}

/** Is it one that no network announces? Of IPv6 only 2000::/3 is given out (RFC 4291 section 2.4).
 */
static bool
is_special(struct bytes ip)
{
    for (size_t i = 0; i < COUNT(refused_networks); i++)
        if (network_holds(&refused_networks[i], ip))
            return true;
    return ip.len == 16 && ip.data[0] >> 5 != 1;
}

static socklen_t
sockaddr_of(struct bytes ip, int port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (ip.len == 4) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

        memcpy(&in.sin_addr, ip.data, 4);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

    memcpy(&in6.sin6_addr, ip.data, 16);
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
}

/** Is the address one of this machine's? Then a socket can be bound to it. */
static bool
is_ours(struct bytes ip)
{
    static const uint8_t any[16] = { 0 };
    struct sockaddr_storage to;
    socklen_t len = sockaddr_of(ip, 0, &to);
    int fd;
    bool ours;

    if (memcmp(ip.data, any, ip.len) == 0) /* Linux takes it for the loopback */
        return true;
    fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    ours = bind(fd, (struct sockaddr *)&to, len) == 0;
    (void)close(fd);
    return ours;
}

static bool
is_own_endpoint(const struct reach_rules *rules, struct bytes ip, int port)
{
    static const uint8_t any[16] = { 0 };

    LIST_EACH(const struct endpoint, e, &rules->own)
    {
        if (e->port && e->port != port)
            continue;
        if (memcmp(e->address.octets, any, e->address.len) == 0 ? is_ours(ip)
                                                                : network_holds(&e->address, ip))
            return true;
    }
    return false;
}

enum reach_verdict
reach_judge(const struct reach_rules *rules, struct bytes ip, int port)
{
    struct bytes in = unwrapped(ip);

    if (is_own_endpoint(rules, ip, port) || is_own_endpoint(rules, in, port))
        return REACH_REFUSED;
    if (networks_hold(&rules->denied, ip) || networks_hold(&rules->denied, in))
        return REACH_REFUSED;
    for (size_t i = 0; i < COUNT(metadata_addresses); i++) {
        if (network_holds(&metadata_addresses[i], in))
            return any_is(&rules->allowed, in) ? REACH_ALLOWED : REACH_REFUSED;
    }
    if (is_special(in))
        return networks_hold(&rules->allowed, in) ? REACH_ALLOWED : REACH_REFUSED;
    return REACH_OPEN;
}

bool
reach_refuses_name(const char *name)
{
    for (size_t i = 0; i < COUNT(metadata_names); i++) {
        if (text_eq_fold(name, metadata_names[i]))
            return true;
    }
    return false;
}

/* Connecting. */

/** Wait until FD can be written; in steps, so that a stopping program need not wait. */
static enum err
wait_connected(struct scope *s, int fd, int64_t ms)
{
    int64_t until = clock_mono_ms() + MIN(ms, scope_left_ms(s));
    int reason = 0;
    socklen_t len = sizeof(reason);

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        int64_t left = until - clock_mono_ms();

        if (try_stopping())
            return fail(s, E_UNAVAILABLE, "the program is stopping");
        if (left <= 0)
            return fail(s, E_TIMEOUT, "no connection within %lld ms", (long long)ms);
        if (poll(&p, 1, (int)MIN(left, 250)) > 0)
            break;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len) != 0)
        reason = errno;
    if (reason == ETIMEDOUT)
        return fail(s, E_TIMEOUT, "%s", strerror(reason));
    return reason ? fail(s, E_UNAVAILABLE, "%s", strerror(reason)) : OK;
}

enum err
reach_connect(struct scope *s, struct bytes ip, int port, int64_t ms, int *out)
{
    struct sockaddr_storage to;
    socklen_t len = sockaddr_of(ip, port, &to);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    enum err e;

    if (fd < 0)
        return fail(s, E_UNAVAILABLE, "%s", strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&to, len) == 0)
        e = OK;
    else if (errno == EINPROGRESS)
        e = wait_connected(s, fd, ms);
    else
        e = fail(s, E_UNAVAILABLE, "%s", strerror(errno));
    if (e == OK && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) != 0)
        e = fail(s, E_UNAVAILABLE, "%s", strerror(errno));
    if (e != OK) {
        (void)close(fd);
        return e;
    }
    *out = fd;
    return OK;
}

bool
reach_stopping(void)
{
    return try_stopping();
}

void
reach_setup(void)
{
    try_setup();
}

/* How many at once. */

static struct {
    pthread_mutex_t lock;
    struct waiter {
        struct waiter *next;
        struct bytes ip;
        pthread_cond_t turn;
        bool called;
    } * waiting; /* the first comer first */
    int taken;
    struct {
        uint8_t ip[16];
        size_t len; /* 0: a free row */
        int count;
    } of[REACH_AT_ONCE];
} places = { .lock = PTHREAD_MUTEX_INITIALIZER };

/** The address's row, or a free one; the rows are as many as the places, so there is one. */
static size_t
place_of(struct bytes ip)
{
    size_t empty = 0;

    for (size_t i = 0; i < COUNT(places.of); i++) {
        if (places.of[i].len == ip.len && memcmp(places.of[i].ip, ip.data, ip.len) == 0)
            return i;
        if (places.of[i].len == 0)
            empty = i;
    }
    return empty;
}

static bool
take_place(struct bytes ip)
{
    size_t i = places.taken < REACH_AT_ONCE ? place_of(ip) : 0;

    if (places.taken >= REACH_AT_ONCE || places.of[i].count >= REACH_AT_ONCE_EACH)
        return false;
    memcpy(places.of[i].ip, ip.data, ip.len);
    places.of[i].len = ip.len;
    places.of[i].count++;
    places.taken++;
    return true;
}

static bool
has_room(struct bytes ip)
{
    return places.of[place_of(ip)].count < REACH_AT_ONCE_EACH;
}

/** A place of IP is free: call the first who can use it, and who was not called yet. */
static void
call_next(struct bytes ip)
{
    bool was_full = places.taken + 1 >= REACH_AT_ONCE;

    for (struct waiter *w = places.waiting; w; w = w->next) {
        if (w->called || (!bytes_eq(w->ip, ip) && !(was_full && has_room(w->ip))))
            continue;
        w->called = true;
        (void)pthread_cond_signal(&w->turn);
        return;
    }
}

static void
queue_up(struct waiter *w)
{
    struct waiter **end = &places.waiting;

    wait_init(&w->turn);
    while (*end)
        end = &(*end)->next;
    *end = w;
}

static void
leave(struct waiter *w)
{
    struct waiter **at = &places.waiting;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    (void)pthread_cond_destroy(&w->turn);
}

bool
reach_take(struct scope *s, struct bytes ip, int64_t ms)
{
    int64_t until = clock_mono_ms() + MIN(ms, scope_left_ms(s)), now;
    struct waiter w = { .ip = ip };
    bool taken;

    (void)pthread_mutex_lock(&places.lock);
    taken = !try_stopping() && take_place(ip);
    if (!taken) {
        queue_up(&w);
        while (!taken && !try_stopping() && (now = clock_mono_ms()) < until) {
            (void)wait_until(&w.turn, &places.lock, MIN(until, now + 250));
            w.called = false;
            taken = !try_stopping() && take_place(ip);
        }
        leave(&w);
    }
    (void)pthread_mutex_unlock(&places.lock);
    return taken;
}

void
reach_give(struct bytes ip)
{
    size_t i;

    (void)pthread_mutex_lock(&places.lock);
    i = place_of(ip);
    if (places.of[i].count > 0) {
        places.taken--;
        if (--places.of[i].count == 0)
            places.of[i].len = 0;
    }
    call_next(ip);
    (void)pthread_mutex_unlock(&places.lock);
}

#include "net/server_in.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ACCEPTS_MAX 64 /* in one turn of the loop */
#define REST_MS 100    /* when the process has no descriptor left */

/* "127.0.0.1:8443", "[::1]:0", ":80" */
static enum err
resolve(struct scope *s, const char *address, struct addrinfo **out)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    const char *colon = strrchr(address, ':');
    const char *host;
    int problem_found;

    if (!colon)
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS, "%s: an address ends in a port", address);
    host = arena_text_n(s->arena, address, (size_t)(colon - address));
    if (*host == '[' && text_ends(host, "]"))
        host = arena_text_n(s->arena, host + 1, strlen(host) - 2);
    problem_found = getaddrinfo(*host ? host : NULL, colon + 1, &hints, out);
    if (problem_found)
        return fail_code(s, E_INVALID, CHY_BAD_SETTINGS, "%s: %s", address,
                         gai_strerror(problem_found));
    return OK;
}

/* The address as text, and in 128 bits: IPv4 whole, of IPv6 the network, since a host has that
 * many. */
static void
name_peer(const struct sockaddr_storage *from, char *text, uint64_t key[2])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;

    key[0] = key[1] = 0;
    *text = '\0';
    if (from->ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, PEER_MAX);
        memcpy(&key[0], &v6->sin6_addr, 8);
        key[1] = 6;
        return;
    }
    if (from->ss_family == AF_INET6)
        memcpy(&key[0], (const uint8_t *)&v6->sin6_addr + 12, 4);
    else
        memcpy(&key[0], &v4->sin_addr, 4);
    (void)inet_ntop(AF_INET, &key[0], text, PEER_MAX);
    key[1] = 4;
}

static void
name_self(struct listener *l)
{
    struct sockaddr_storage self = { 0 };
    socklen_t len = sizeof(self);
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";
    bool v6;

    if (getsockname(l->fd, (struct sockaddr *)&self, &len) != 0 ||
        getnameinfo((struct sockaddr *)&self, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    v6 = self.ss_family == AF_INET6;
    (void)snprintf(l->address, sizeof(l->address), "%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
                   port);
}

static int
bind_one(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

enum err
listener_open(struct scope *s, struct listener *l, const char *address)
{
    struct addrinfo *found = NULL;
    int why = 0;

    TRY(resolve(s, address, &found));
    for (const struct addrinfo *ai = found; ai && l->fd < 0; ai = ai->ai_next) {
        l->fd = bind_one(ai);
        why = errno;
    }
    freeaddrinfo(found);
    if (l->fd < 0)
        return fail_code(s, E_UNAVAILABLE, CHY_BAD_SETTINGS, "cannot listen on %s: %s", address,
                         strerror(why));
    name_self(l);
    return OK;
}

/* Count the connection; false when it may not be. */
static bool
welcome(struct http_server *server, const uint64_t key[2])
{
    if (atomic_load(&server->conn_count) >= server->o.conns_max) {
        stats_rejected("connections");
        return false;
    }
    if (!addresses_add(server->addresses, key)) {
        stats_rejected("address");
        return false;
    }
    (void)atomic_fetch_add(&server->conn_count, 1);
    return true;
}

static void
give_away(struct listener *l, int fd, const char *peer, const uint64_t key[2])
{
    struct http_server *server = l->server;
    struct loop *to = &server->loops[server->next_loop];
    struct handed *h;

    server->next_loop = (server->next_loop + 1) % server->o.loops;
    if (to == l->loop) {
        conn_new(to, fd, l->kind, peer, key);
        return;
    }
    h = mem_alloc(sizeof(*h));
    *h = (struct handed){ .fd = fd, .listener = l->kind, .address_key = { key[0], key[1] } };
    memcpy(h->peer, peer, PEER_MAX);
    loop_hand(to, h);
}

/* Accept one; false when none waits. */
static bool
accept_one(struct listener *l)
{
    struct sockaddr_storage from = { 0 };
    socklen_t len = sizeof(from);
    int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct timeval rest = { .tv_usec = REST_MS * 1000 };
    char peer[PEER_MAX];
    uint64_t key[2];
    int on = 1;

    if (fd < 0) {
        if (errno == ECONNABORTED || errno == EINTR)
            return true;
        if (errno != EAGAIN && errno != EWOULDBLOCK) { /* EMFILE and the like: wait for better */
            stats_rejected("descriptors");
            (void)event_del(&l->on_ready);
            (void)event_add(&l->on_rest, &rest);
        }
        return false;
    }
    name_peer(&from, peer, key);
    if (!welcome(l->server, key)) {
        (void)close(fd);
        return true;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    give_away(l, fd, peer, key);
    return true;
}

static void
on_ready(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
    struct listener *l = arg;

    l->loop->now_ms = clock_mono_ms();
    for (int i = 0; i < ACCEPTS_MAX && accept_one(l); i++)
        ;
    loop_bury(l->loop);
}

static void
on_rest(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
    struct listener *l = arg;

    (void)event_add(&l->on_ready, NULL);
}

void
listener_add(struct listener *l, struct loop *loop)
{
    l->loop = loop;
    (void)event_assign(&l->on_ready, loop->base, l->fd, EV_READ | EV_PERSIST, on_ready, l);
    (void)event_assign(&l->on_rest, loop->base, -1, 0, on_rest, l);
    (void)event_add(&l->on_ready, NULL);
}

void
listener_close(struct listener *l)
{
    if (l->fd < 0)
        return;
    if (l->loop) {
        while (accept_one(l))
            ;
        (void)event_del(&l->on_ready);
        (void)event_del(&l->on_rest);
    }
    (void)close(l->fd);
    l->fd = -1;
}

#include "load.h"

#include "base/when.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    const struct load *l;
    SSL_CTX *ctx;
    pthread_t thread;
    int64_t from, to; /* of the prepared requests */
    struct bytes *requests;
    double *latencies; /* ms, in no order */
    _Atomic int64_t *asked, *failed;
    char *first_failure;
    pthread_barrier_t *ready;
};

/* -1: nobody there. */
static int
try_connect(const char *host, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    (void)inet_pton(AF_INET, host, &to.sin_addr);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static int
connect_to(const struct load *l)
{
    int fd = try_connect(l->host, l->port);

    if (fd < 0) {
        perror("connect");
        exit(1);
    }
    return fd;
}

void
load_wait_for(const char *host, int port)
{
    int64_t until = clock_mono_ms() + 10000;
    int fd;

    while ((fd = try_connect(host, port)) < 0) {
        if (clock_mono_ms() > until) {
            fprintf(stderr, "nobody answers on port %d\n", port);
            exit(1);
        }
        usleep(20000);
    }
    close(fd);
}

/* TLS on FD, handshake done; NULL when CTX is. */
static SSL *
secure(SSL_CTX *ctx, int fd)
{
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;

    if (!ssl)
        return NULL;
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1) {
        fputs("the TLS handshake failed\n", stderr);
        exit(1);
    }
    return ssl;
}

static ssize_t
get(SSL *ssl, int fd, char *to, size_t room)
{
    return ssl ? SSL_read(ssl, to, (int)room) : read(fd, to, room);
}

static bool
put(SSL *ssl, int fd, struct bytes b)
{
    while (b.len) {
        ssize_t n = ssl ? SSL_write(ssl, b.data, (int)b.len) : write(fd, b.data, b.len);

        if (n <= 0)
            return false;
        b.data += n;
        b.len -= (size_t)n;
    }
    return true;
}

const char *
header_in(const char *answer, const char *name)
{
    const char *at = answer;
    size_t len = strlen(name);

    while ((at = strstr(at, "\r\n"))) {
        at += 2;
        if (*at == '\r') /* the body follows */
            return NULL;
        if (strncasecmp(at, name, len) == 0 && at[len] == ':')
            return at + len + 1 + strspn(at + len + 1, " ");
    }
    return NULL;
}

/* One answer, by its Content-Length or in chunks; its status, or -1. */
static int
answer(SSL *ssl, int fd, char *room, size_t size)
{
    size_t have = 0, want = 0;
    char *body = NULL;
    bool chunked = false;

    while (!body || have < want || (chunked && memcmp(room + have - 5, "0\r\n\r\n", 5) != 0)) {
        ssize_t n = get(ssl, fd, room + have, size - 1 - have);

        if (n <= 0)
            return -1;
        have += (size_t)n;
        room[have] = 0;
        if (!body && (body = strstr(room, "\r\n\r\n"))) {
            const char *length = header_in(room, "content-length");
            const char *coding = header_in(room, "transfer-encoding");

            chunked = coding && strncasecmp(coding, "chunked\r", 8) == 0;
            want = (size_t)(body + 4 - room) + (length ? strtoul(length, NULL, 10) : 0);
            if (want >= size)
                return -1;
        }
    }
    return atoi(room + 9);
}

static void *
drive(void *arg)
{
    struct client *c = arg;
    int fd = connect_to(c->l);
    SSL *ssl = secure(c->ctx, fd);
    char *room = malloc(1 << 20);
    int64_t until;

    pthread_barrier_wait(c->ready);
    until = c->l->most_s > 0 ? clock_mono_us() + (int64_t)(c->l->most_s * 1e6) : INT64_MAX;
    for (int64_t n = c->from; n < c->to; n++) {
        int64_t start = clock_mono_us();
        int status;

        if (start >= until)
            break;
        status = put(ssl, fd, c->requests[n]) ? answer(ssl, fd, room, 1 << 20) : -1;
        c->latencies[atomic_fetch_add(c->asked, 1)] = (double)(clock_mono_us() - start) / 1000;
        if (status != c->l->want_status) {
            if (atomic_fetch_add(c->failed, 1) == 0)
                snprintf(c->first_failure, 512, "status %d: %.400s", status,
                         status < 0 ? "" : room);
            if (status < 0)
                break;
        }
    }
    SSL_free(ssl);
    close(fd);
    free(room);
    return NULL;
}

const char *
load_get(const struct load *l, struct arena *a, const char *path, const char *auth)
{
    char *room = arena_alloc(a, 1 << 20);
    const char *request =
        arena_printf(a, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", path,
                     auth ? "Authorization: Basic " : "", auth ? auth : "", auth ? "\r\n" : "");
    SSL_CTX *ctx = l->tls ? SSL_CTX_new(TLS_client_method()) : NULL;
    int fd = connect_to(l);
    SSL *ssl = secure(ctx, fd);

    if (!put(ssl, fd, bytes_of_text(request)) || answer(ssl, fd, room, 1 << 20) < 0) {
        fprintf(stderr, "GET %s: no answer\n", path);
        exit(1);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return room;
}

struct bytes *
load_bodies(const struct load *l, struct arena *a)
{
    struct bytes *out = arena_alloc(a, (size_t)l->requests * sizeof(*out));
    static char room[65536];
    int fd = connect_to(l);

    for (int64_t n = 0; n < l->requests; n++) {
        int status =
            put(NULL, fd, l->make(l->arg, a, n)) ? answer(NULL, fd, room, sizeof(room)) : -1;
        const char *body = strstr(room, "\r\n\r\n");

        if (status != l->want_status || !body) {
            fprintf(stderr, "an answer with status %d\n", status);
            exit(1);
        }
        body += 4;
        out[n].len = strtoul(strcasestr(room, "content-length:") + 15, NULL, 10);
        out[n].data = arena_copy(a, body, out[n].len);
    }
    close(fd);
    return out;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void
load_run(const struct load *l, struct load_result *out)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct client *clients = arena_alloc(a, (size_t)l->clients * sizeof(*clients));
    struct bytes *requests = arena_alloc(a, (size_t)l->requests * sizeof(*requests));
    double *latencies = arena_alloc(a, (size_t)l->requests * sizeof(*latencies));
    SSL_CTX *ctx = l->tls ? SSL_CTX_new(TLS_client_method()) : NULL;
    _Atomic int64_t asked = 0, failed = 0;
    pthread_barrier_t ready;
    int64_t start;
    cpu_set_t cpus;

    *out = (struct load_result){ 0 };
    for (int64_t n = 0; n < l->requests; n++)
        requests[n] = l->make(l->arg, a, n);
    pthread_barrier_init(&ready, NULL, (unsigned)l->clients + 1);
    for (int i = 0; i < l->clients; i++) {
        clients[i] = (struct client){ .l = l,
                                      .ctx = ctx,
                                      .from = l->requests * i / l->clients,
                                      .to = l->requests * (i + 1) / l->clients,
                                      .requests = requests,
                                      .latencies = latencies,
                                      .asked = &asked,
                                      .failed = &failed,
                                      .first_failure = out->first_failure,
                                      .ready = &ready };
        pthread_create(&clients[i].thread, NULL, drive, &clients[i]);
        if (l->cpu >= 0) {
            CPU_ZERO(&cpus);
            CPU_SET(l->cpu, &cpus);
            pthread_setaffinity_np(clients[i].thread, sizeof(cpus), &cpus);
        }
    }
    pthread_barrier_wait(&ready);
    start = clock_mono_us();
    for (int i = 0; i < l->clients; i++)
        pthread_join(clients[i].thread, NULL);
    out->seconds = (double)(clock_mono_us() - start) / 1e6;
    out->failed = failed;
    out->asked = asked;
    out->done = asked - failed;
    qsort(latencies, (size_t)asked, sizeof(*latencies), by_size);
    out->p50_ms = latencies[asked / 2];
    out->p95_ms = latencies[asked * 95 / 100];
    out->p99_ms = latencies[asked * 99 / 100];
    SSL_CTX_free(ctx);
    pthread_barrier_destroy(&ready);
}

/* One thread for all connections. */

struct plain {
    int fd;
    int64_t number; /* of the request under way */
    size_t have;
    char room[16384];
};

/* The next request of a connection; false when there is none left. */
static bool
send_next(struct plain *p, const struct bytes *requests, int64_t *next, int64_t count)
{
    if (*next >= count)
        return false;
    p->number = (*next)++;
    p->have = 0;
    return put(NULL, p->fd, requests[p->number]);
}

static size_t
answer_size(const struct plain *p)
{
    const char *body = memmem(p->room, p->have, "\r\n\r\n", 4), *length;

    if (!body)
        return 0;
    length = strcasestr(p->room, "content-length:");
    return (size_t)(body + 4 - p->room) + (length ? strtoul(length + 15, NULL, 10) : 0);
}

static void
plain_loop(const struct load *l, struct plain *all, const struct bytes *requests,
           struct load_result *out)
{
    struct epoll_event events[256];
    int ep = epoll_create1(0);
    int64_t next = 0, done = 0;

    for (int i = 0; i < l->clients; i++) {
        events[0] = (struct epoll_event){ .events = EPOLLIN, .data.ptr = &all[i] };
        (void)epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, events);
        (void)send_next(&all[i], requests, &next, l->requests);
    }
    while (done < l->requests) {
        int count = epoll_wait(ep, events, 256, 10000);

        if (count <= 0) {
            fputs("no answer for ten seconds\n", stderr);
            exit(1);
        }
        for (int i = 0; i < count; i++) {
            struct plain *p = events[i].data.ptr;
            ssize_t n = recv(p->fd, p->room + p->have, sizeof(p->room) - 1 - p->have, 0);
            size_t want;

            if (n <= 0) {
                fputs("the server closed a connection\n", stderr);
                exit(1);
            }
            p->have += (size_t)n;
            p->room[p->have] = 0;
            want = answer_size(p);
            if (!want || p->have < want)
                continue;
            if (atoi(p->room + 9) != l->want_status && out->failed++ == 0)
                snprintf(out->first_failure, sizeof(out->first_failure), "%.500s", p->room);
            done++;
            out->answer_len = p->have;
            if (!send_next(p, requests, &next, l->requests) && done == l->requests)
                memcpy(out->answer, p->room, p->have);
        }
    }
    close(ep);
}

void
load_plain(const struct load *l, struct load_result *out)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct plain *all = arena_alloc(a, (size_t)l->clients * sizeof(*all));
    struct bytes *requests = arena_alloc(a, (size_t)l->requests * sizeof(*requests));
    cpu_set_t cpus, before;
    int64_t start;

    *out = (struct load_result){ 0 };
    (void)sched_getaffinity(0, sizeof(before), &before);
    if (l->cpu >= 0) {
        CPU_ZERO(&cpus);
        CPU_SET(l->cpu, &cpus);
        (void)sched_setaffinity(0, sizeof(cpus), &cpus);
    }
    for (int64_t n = 0; n < l->requests; n++)
        requests[n] = l->make(l->arg, a, n);
    for (int i = 0; i < l->clients; i++)
        all[i].fd = connect_to(l);
    start = clock_mono_us();
    plain_loop(l, all, requests, out);
    out->seconds = (double)(clock_mono_us() - start) / 1e6;
    out->asked = l->requests;
    out->done = l->requests - out->failed;
    for (int i = 0; i < l->clients; i++)
        close(all[i].fd);
    (void)sched_setaffinity(0, sizeof(before), &before);
}

int64_t
load_idle_rss(const struct load *l, int pid)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL **all = calloc((size_t)l->clients, sizeof(SSL *));
    int64_t rss;

    for (int i = 0; i < l->clients; i++)
        all[i] = secure(ctx, connect_to(l));
    sleep(1);
    rss = process_rss(pid);
    for (int i = 0; i < l->clients; i++) {
        close(SSL_get_fd(all[i]));
        SSL_free(all[i]);
    }
    free(all);
    SSL_CTX_free(ctx);
    return rss;
}

/* Conversations. */

#define LINE_ROOM 65536

struct line {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    char room[LINE_ROOM];
};

struct line *
line_open(const struct load *l)
{
    struct line *line = calloc(1, sizeof(*line));

    line->fd = connect_to(l);
    line->ctx = l->tls ? SSL_CTX_new(TLS_client_method()) : NULL;
    line->ssl = secure(line->ctx, line->fd);
    return line;
}

void
line_close(struct line *line)
{
    SSL_free(line->ssl);
    SSL_CTX_free(line->ctx);
    close(line->fd);
    free(line);
}

int
line_ask(struct line *line, struct bytes request, const char **answered)
{
    *answered = line->room;
    line->room[0] = 0;
    return put(line->ssl, line->fd, request)
               ? answer(line->ssl, line->fd, line->room, sizeof(line->room))
               : -1;
}

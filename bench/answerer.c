#include "answerer.h"

#include "base/text.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DNS_HEAD 12
#define DNS_A 1
#define BACKLOG 4096
#define TOKEN_PATH "/.well-known/acme-challenge/"

static int dns_fd, web_fd;

/* Whose each token is, by the hash of the token; none is removed by itself. */
#define TOKENS ((size_t)1 << 20)
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t hash; /* 0: nobody's */
    char thumbprint[48];
} * tokens;

static int
listen_on(int type, int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, type, 0), one = 1;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) != 0)) {
        perror("the answerer's port");
        exit(1);
    }
    return fd;
}

/* DNS. */

/* The end of the question, 0 when there is none. */
static size_t
question_end(const uint8_t *data, size_t len)
{
    size_t at = DNS_HEAD;

    while (at < len && data[at])
        at += 1U + data[at];
    return at + 5 <= len ? at + 5 : 0;
}

static void *
answer_dns(void *arg)
{
    static const uint8_t record[] = {
        0xc0, DNS_HEAD, 0, DNS_A, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1
    };
    uint8_t data[1024];

    for (;;) {
        struct sockaddr_in from;
        socklen_t from_len = sizeof(from);
        ssize_t got = recvfrom(dns_fd, data, sizeof(data) - sizeof(record), 0,
                               (struct sockaddr *)&from, &from_len);
        size_t end = got > 0 ? question_end(data, (size_t)got) : 0;
        bool is_a = end && data[end - 4] == 0 && data[end - 3] == DNS_A;

        if (!end)
            continue;
        data[2] = 0x85; /* an answer, authoritative; recursion is there */
        data[3] = 0x80;
        memset(data + 6, 0, 6);
        data[7] = is_a;
        if (is_a)
            memcpy(data + end, record, sizeof(record));
        (void)sendto(dns_fd, data, end + (is_a ? sizeof(record) : 0), 0, (struct sockaddr *)&from,
                     from_len);
    }
    return arg;
}

/* HTTP: one question for each connection. */

static uint64_t
hash_of(const char *text, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

/* The place of a token, or the empty one where it belongs. */
static size_t
place_of(uint64_t hash)
{
    size_t at = hash % TOKENS;

    while (tokens[at].hash && tokens[at].hash != hash)
        at = (at + 1) % TOKENS;
    return at;
}

void
answerer_expect(const char *token, const char *thumbprint)
{
    uint64_t hash = hash_of(token, strlen(token));
    size_t at;

    pthread_mutex_lock(&lock);
    at = place_of(hash);
    tokens[at].hash = hash;
    snprintf(tokens[at].thumbprint, sizeof(tokens[at].thumbprint), "%s", thumbprint);
    pthread_mutex_unlock(&lock);
}

void
answerer_forget(void)
{
    pthread_mutex_lock(&lock);
    memset(tokens, 0, TOKENS * sizeof(*tokens));
    pthread_mutex_unlock(&lock);
}

struct visitor {
    int fd;
    size_t have;
    char room[2048];
};

static void
answer_visitor(struct visitor *v)
{
    char *token = strstr(v->room, TOKEN_PATH), answer[512];
    int len = token ? (int)strcspn(token += strlen(TOKEN_PATH), " ") : 0;
    const char *thumbprint;
    int size;

    pthread_mutex_lock(&lock);
    thumbprint = tokens[place_of(hash_of(token ? token : "", (size_t)len))].thumbprint;
    pthread_mutex_unlock(&lock);
    size = snprintf(answer, sizeof(answer),
                    "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%.*s.%s",
                    token ? "200 OK" : "404 Not Found", (size_t)len + 1 + strlen(thumbprint), len,
                    token ? token : "", thumbprint);

    (void)!write(v->fd, answer, MIN((size_t)size, sizeof(answer) - 1));
}

static void
leave(struct visitor *v)
{
    close(v->fd);
    free(v);
}

static void
listen_to(struct visitor *v)
{
    ssize_t n = read(v->fd, v->room + v->have, sizeof(v->room) - 1 - v->have);

    if (n <= 0) {
        leave(v);
        return;
    }
    v->have += (size_t)n;
    v->room[v->have] = 0;
    if (!strstr(v->room, "\r\n\r\n") && v->have < sizeof(v->room) - 1)
        return;
    answer_visitor(v);
    leave(v);
}

static void *
answer_web(void *arg)
{
    struct epoll_event events[256], one = { .events = EPOLLIN };
    int ep = epoll_create1(0);

    (void)epoll_ctl(ep, EPOLL_CTL_ADD, web_fd, &one);
    for (;;) {
        int count = epoll_wait(ep, events, 256, -1);

        for (int i = 0; i < count; i++) {
            struct visitor *v = events[i].data.ptr;

            if (v) {
                listen_to(v);
                continue;
            }
            v = calloc(1, sizeof(*v));
            v->fd = accept(web_fd, NULL, NULL);
            one.data.ptr = v;
            (void)epoll_ctl(ep, EPOLL_CTL_ADD, v->fd, &one);
            one.data.ptr = NULL;
        }
    }
    return arg;
}

void
answerer_start(int dns_port, int http_port)
{
    pthread_t thread;

    tokens = calloc(TOKENS, sizeof(*tokens));
    dns_fd = listen_on(SOCK_DGRAM, dns_port);
    web_fd = listen_on(SOCK_STREAM, http_port);
    pthread_create(&thread, NULL, answer_dns, NULL);
    pthread_create(&thread, NULL, answer_web, NULL);
}

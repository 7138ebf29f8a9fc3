#include "net/test_fake_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct fake_conn {
    struct fake_peer *f;
    SSL *ssl;
    int fd;
};

static ssize_t
conn_read(struct fake_conn *c, void *data, size_t len)
{
    return c->ssl ? SSL_read(c->ssl, data, (int)len) : read(c->fd, data, len);
}

static void
conn_write(struct fake_conn *c, const char *data, size_t len)
{
    if (c->ssl)
        (void)SSL_write(c->ssl, data, (int)len);
    else
        (void)!write(c->fd, data, len);
}

static bool
wait_readable(struct fake_conn *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };

    for (;;) {
        bool stop;

        if (c->ssl && SSL_pending(c->ssl))
            return true;
        if (poll(&p, 1, 20) > 0)
            return true;
        (void)pthread_mutex_lock(&c->f->lock);
        stop = c->f->stop;
        (void)pthread_mutex_unlock(&c->f->lock);
        if (stop)
            return false;
    }
}

/** One request with its body; false at the end of the connection. */
static bool
read_request(struct fake_conn *c, char *text, size_t size)
{
    size_t len = 0;

    text[0] = 0;
    while (len + 1 < size && wait_readable(c)) {
        ssize_t n = conn_read(c, text + len, size - 1 - len);
        const char *end, *field;

        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = 0;
        end = strstr(text, "\r\n\r\n");
        field = strstr(text, "Content-Length: ");
        if (end && (!field || field > end ||
                    len >= (size_t)(end + 4 - text) + strtoul(field + 16, NULL, 10)))
            return true;
    }
    return false;
}

static bool
answer(struct fake_conn *c, const struct fake_step *step)
{
    AUTO(arena_free) struct arena *a = arena_new();
    const char *body = step->body ? step->body : "", *text;

    if (step->delay_ms) {
        struct timespec t = { .tv_nsec = step->delay_ms * 1000000L };

        (void)nanosleep(&t, NULL);
    }
    if (step->status == 0) {
        if (step->raw)
            conn_write(c, step->raw, strlen(step->raw));
        return false;
    }
    text = arena_printf(a, "HTTP/1.1 %d Fake\r\nContent-Length: %zu\r\n%s\r\n%s", step->status,
                        strlen(body), step->fields ? step->fields : "", body);
    conn_write(c, text, strlen(text));
    return true;
}

static void
serve(struct fake_conn *c)
{
    struct fake_peer *f = c->f;
    char *text = mem_alloc(sizeof(f->last));
    bool more = true;

    while (more && read_request(c, text, sizeof(f->last))) {
        const struct fake_step *step;

        (void)pthread_mutex_lock(&f->lock);
        memcpy(f->last, text, sizeof(f->last));
        step = &f->steps[MIN((size_t)f->calls, f->step_count - 1)];
        f->calls++;
        f->at_once++;
        f->most_at_once = MAX(f->most_at_once, f->at_once);
        (void)pthread_mutex_unlock(&f->lock);
        more = answer(c, step);
        (void)pthread_mutex_lock(&f->lock);
        f->at_once--;
        (void)pthread_mutex_unlock(&f->lock);
    }
    mem_free(text);
}

/** Let the alert arrive: closing with unread data would reset the connection. */
static void
drain(int fd)
{
    char junk[4096];

    (void)shutdown(fd, SHUT_WR);
    while (read(fd, junk, sizeof(junk)) > 0)
        continue;
}

static void *
conn_main(void *arg)
{
    struct fake_conn *c = arg;
    struct fake_peer *f = c->f;

    if (f->tls) {
        c->ssl = SSL_new(f->tls);
        (void)SSL_set_fd(c->ssl, c->fd);
        if (SSL_accept(c->ssl) == 1)
            serve(c);
        else
            drain(c->fd);
        SSL_free(c->ssl);
    } else {
        serve(c);
    }
    (void)close(c->fd);
    mem_free(c);
    (void)pthread_mutex_lock(&f->lock);
    f->threads--;
    (void)pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void *
accept_main(void *arg)
{
    struct fake_peer *f = arg;

    for (;;) {
        int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC);
        struct timeval limit = { .tv_sec = 5 };
        struct fake_conn *c;
        pthread_t thread;

        if (fd < 0)
            return NULL;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        c = mem_alloc(sizeof(*c));
        c->f = f;
        c->fd = fd;
        (void)pthread_mutex_lock(&f->lock);
        f->connections++;
        f->threads++;
        (void)pthread_mutex_unlock(&f->lock);
        if (pthread_create(&thread, NULL, conn_main, c) != 0)
            abort();
        (void)pthread_detach(thread);
    }
}

void
fake_script(struct fake_peer *f, const struct fake_step *steps, size_t count)
{
    (void)pthread_mutex_lock(&f->lock);
    f->steps = steps;
    f->step_count = count;
    f->calls = f->connections = f->most_at_once = 0;
    (void)pthread_mutex_unlock(&f->lock);
}

void
fake_start(struct fake_peer *f, SSL_CTX *tls, const struct fake_step *steps, size_t count)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);

    *f = (struct fake_peer){ .tls = tls };
    (void)pthread_mutex_init(&f->lock, NULL);
    fake_script(f, steps, count);
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->fd >= 0);
    assert_int_equal(bind(f->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(f->fd, 64), 0);
    assert_int_equal(getsockname(f->fd, (struct sockaddr *)&at, &len), 0);
    f->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&f->thread, NULL, accept_main, f), 0);
}

void
fake_stop(struct fake_peer *f)
{
    bool busy = true;

    if (!f->port)
        return;
    (void)shutdown(f->fd, SHUT_RDWR);
    (void)pthread_join(f->thread, NULL);
    (void)close(f->fd);
    while (busy) {
        struct timespec t = { .tv_nsec = 2000000 };

        (void)pthread_mutex_lock(&f->lock);
        f->stop = true;
        busy = f->threads > 0;
        (void)pthread_mutex_unlock(&f->lock);
        (void)nanosleep(&t, NULL);
    }
    (void)pthread_mutex_destroy(&f->lock);
    f->port = 0;
}

int
fake_calls(struct fake_peer *f)
{
    int calls;

    (void)pthread_mutex_lock(&f->lock);
    calls = f->calls;
    (void)pthread_mutex_unlock(&f->lock);
    return calls;
}

bool
fake_heard(struct fake_peer *f, const char *text)
{
    bool heard;

    (void)pthread_mutex_lock(&f->lock);
    heard = strstr(f->last, text) != NULL;
    (void)pthread_mutex_unlock(&f->lock);
    return heard;
}

const char *
fake_url(struct scope *s, const struct fake_peer *f, const char *path)
{
    return arena_printf(s->arena, "%s://127.0.0.1:%d%s", f->tls ? "https" : "http", f->port, path);
}

static bool
fake_sleep(void *arg, int64_t ms)
{
    struct fake_clock *c = arg;

    assert_true(c->count < COUNT(c->waits));
    c->waits[c->count++] = ms;
    c->now_ms += ms;
    return true;
}

static int64_t
fake_now(void *arg)
{
    return ((struct fake_clock *)arg)->now_ms;
}

struct peer_clock
fake_clock_of(struct fake_clock *c)
{
    return (struct peer_clock){ .sleep = fake_sleep, .now_ms = fake_now, .arg = c, .seed = 42 };
}

struct peer *
fake_client(struct scope *s, struct fake_clock *c, struct peer_options o)
{
    struct peer *p = NULL;

    if (c)
        o.clock = fake_clock_of(c);
    o.integration = o.integration ? o.integration : "fake";
    o.plain_http = !o.ca_pem.len;
    assert_ok(s, peer_new(s, &o, &p));
    return p;
}

const struct fake_step fake_ok[1] = { { .status = 200, .body = "hello" } };

struct reply
fake_get(struct scope *s, struct peer *p, const char *url)
{
    struct call c = { .url = url };
    struct reply r = { 0 };

    assert_ok(s, peer_call(s, p, &c, &r));
    return r;
}

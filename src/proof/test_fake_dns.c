#include "proof/test_fake_dns.h"

#include "pki/name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static void
put16(struct fake_dns_reply *r, int value)
{
    r->out[r->len++] = (uint8_t)(value >> 8);
    r->out[r->len++] = (uint8_t)value;
}

static void
put_name(struct fake_dns_reply *r, const char *name)
{
    while (*name) {
        size_t len = strcspn(name, ".");

        r->out[r->len++] = (uint8_t)len;
        memcpy(r->out + r->len, name, len);
        r->len += len;
        name += len + (name[len] == '.');
    }
    r->out[r->len++] = 0;
}

static void
put_head(struct fake_dns_reply *r, int type, size_t len)
{
    assert_true(r->len + 12 + len < sizeof(r->out));
    put16(r, 0xc000 | r->owner);
    put16(r, type);
    put16(r, 1);
    put16(r, (int)(r->ttl >> 16));
    put16(r, (int)(r->ttl & 0xffff));
    put16(r, (int)len);
    r->answers++;
}

void
fake_dns_rdata(struct fake_dns_reply *r, int type, const void *data, size_t len)
{
    put_head(r, type, len);
    memcpy(r->out + r->len, data, len);
    r->len += len;
}

void
fake_dns_address(struct fake_dns_reply *r, const char *text)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct bytes ip;

    /* a mapped address is 16 octets here, whatever ip_parse() makes of it */
    uint8_t v6[16];

    if (strchr(text, ':') && inet_pton(AF_INET6, text, v6) == 1) {
        fake_dns_rdata(r, DNS_AAAA, v6, 16);
        return;
    }
    assert_true(ip_parse(a, text, &ip));
    fake_dns_rdata(r, DNS_A, ip.data, ip.len);
}

void
fake_dns_txt(struct fake_dns_reply *r, const char *text)
{
    uint8_t rdata[4096];
    size_t len = 0, left = strlen(text);

    do {
        size_t part = MIN(left, 255);

        rdata[len++] = (uint8_t)part;
        memcpy(rdata + len, text, part);
        len += part;
        text += part;
        left -= part;
    } while (left);
    fake_dns_rdata(r, DNS_TXT, rdata, len);
}

void
fake_dns_caa(struct fake_dns_reply *r, int flags, const char *tag, const char *value)
{
    char rdata[1024];
    int len = snprintf(rdata, sizeof(rdata), "%c%c%s%s", 'f', (int)strlen(tag), tag, value);

    rdata[0] = (char)flags;
    fake_dns_rdata(r, DNS_CAA, rdata, (size_t)len);
}

void
fake_dns_cname(struct fake_dns_reply *r, const char *target)
{
    size_t len = strlen(target) + 2;

    put_head(r, DNS_CNAME, len);
    r->owner = (uint16_t)r->len;
    put_name(r, target);
}

void
fake_dns_ns(struct fake_dns_reply *r, const char *target)
{
    put_head(r, DNS_NS, strlen(target) + 2);
    put_name(r, target);
}

/* The server. */

static int
count_asked(struct fake_dns *f, const char *name, int type)
{
    for (size_t i = 0; i < f->asked_count; i++) {
        if (f->asked[i].type == type && strcmp(f->asked[i].name, name) == 0)
            return f->asked[i].times++;
    }
    if (f->asked_count < COUNT(f->asked)) {
        (void)snprintf(f->asked[f->asked_count].name, sizeof(f->asked[0].name), "%s", name);
        f->asked[f->asked_count].type = type;
        f->asked[f->asked_count++].times = 1;
    }
    return 0;
}

int
fake_dns_asked(struct fake_dns *f, const char *name, int type)
{
    int times = 0;

    (void)pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->asked_count; i++) {
        if (f->asked[i].type == type && strcmp(f->asked[i].name, name) == 0)
            times = f->asked[i].times;
    }
    (void)pthread_mutex_unlock(&f->lock);
    return times;
}

int
fake_dns_by_tcp(struct fake_dns *f)
{
    int count;

    (void)pthread_mutex_lock(&f->lock);
    count = f->by_tcp;
    (void)pthread_mutex_unlock(&f->lock);
    return count;
}

/** The question as text; where it ends, or 0. */
static size_t
read_question(const uint8_t *in, size_t len, char name[256], int *type)
{
    size_t at = 12, n = 0;

    while (at < len && in[at]) {
        size_t label = in[at++];

        if (label > 63 || at + label >= len || n + label + 2 > 255)
            return 0;
        for (size_t i = 0; i < label; i++)
            name[n++] = (char)tolower(in[at++]);
        name[n++] = '.';
    }
    name[n ? n - 1 : 0] = 0;
    if (at + 5 > len)
        return 0;
    *type = in[at + 1] << 8 | in[at + 2];
    return at + 5;
}

/** Make the answer to IN; false when there is none. */
static bool
make_reply(struct fake_dns *f, const uint8_t *in, size_t len, struct fake_dns_reply *r)
{
    char name[256];
    int type = 0, times;
    size_t end = len >= 17 ? read_question(in, len, name, &type) : 0;

    if (!end)
        return false;
    memcpy(r->out, in, end);
    r->len = end;
    r->owner = 12;
    (void)pthread_mutex_lock(&f->lock);
    f->by_tcp += r->tcp;
    times = count_asked(f, name, type);
    (void)pthread_mutex_unlock(&f->lock);
    f->answer(r, name, type, times, f->arg);
    if (r->truncated && !r->tcp) {
        r->len = end;
        r->answers = 0;
    }
    r->out[0] ^= r->wrong_id ? 0x55 : 0;
    r->out[2] = (uint8_t)(0x85 | (r->truncated && !r->tcp ? 2 : 0)); /* QR AA RD (TC) */
    r->out[3] = (uint8_t)(0x80 | r->rcode);
    memset(r->out + 4, 0, 8);
    r->out[5] = 1;
    r->out[6] = (uint8_t)(r->answers >> 8);
    r->out[7] = (uint8_t)r->answers;
    for (size_t i = 12; r->wrong_case && i < end - 5; i++)
        r->out[i] = (uint8_t)(isalpha(r->out[i]) ? r->out[i] ^ 0x20 : r->out[i]);
    return !r->drop;
}

static void
answer_udp(struct fake_dns *f, struct fake_dns_reply *r)
{
    uint8_t in[4096];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(f->udp, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);

    *r = (struct fake_dns_reply){ .ttl = 0 };
    if (len > 0 && make_reply(f, in, (size_t)len, r))
        (void)!sendto(f->udp, r->out, r->len, 0, (struct sockaddr *)&from, from_len);
}

static void
answer_tcp(struct fake_dns *f, struct fake_dns_reply *r)
{
    uint8_t in[4096], head[2];
    int fd = accept(f->tcp, NULL, NULL);
    struct timeval patience = { .tv_sec = 2 };

    *r = (struct fake_dns_reply){ .tcp = true };
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (recv(fd, head, 2, MSG_WAITALL) == 2) {
        size_t len = (size_t)(head[0] << 8 | head[1]);

        if (len <= sizeof(in) && recv(fd, in, len, MSG_WAITALL) == (ssize_t)len &&
            make_reply(f, in, len, r)) {
            head[0] = (uint8_t)(r->len >> 8);
            head[1] = (uint8_t)r->len;
            (void)!send(fd, head, 2, MSG_NOSIGNAL | MSG_MORE);
            (void)!send(fd, r->out, r->len, MSG_NOSIGNAL);
        }
    }
    (void)close(fd);
}

static void *
serve(void *arg)
{
    struct fake_dns *f = arg;
    struct fake_dns_reply *r = mem_alloc(sizeof(*r));
    bool stop = false;

    while (!stop) {
        struct pollfd p[2] = { { .fd = f->udp, .events = POLLIN },
                               { .fd = f->tcp, .events = POLLIN } };

        (void)poll(p, 2, 20);
        if (p[0].revents)
            answer_udp(f, r);
        if (p[1].revents)
            answer_tcp(f, r);
        (void)pthread_mutex_lock(&f->lock);
        stop = f->stop;
        (void)pthread_mutex_unlock(&f->lock);
    }
    mem_free(r);
    return NULL;
}

/** UDP and TCP on one port: the system chooses it for one, and it may be taken for the other. */
static bool
bind_both(struct fake_dns *f, uint32_t address, int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(address) } };
    socklen_t len = sizeof(at);

    f->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    f->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(f->tcp, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        getsockname(f->tcp, (struct sockaddr *)&at, &len) == 0 &&
        bind(f->udp, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(f->tcp, 16) == 0) {
        f->port = ntohs(at.sin_port);
        return true;
    }
    (void)close(f->tcp);
    (void)close(f->udp);
    return false;
}

bool
fake_dns_numbered(const char *name, const char *before, int *n)
{
    char *end;
    long number;

    if (!text_starts(name, before))
        return false;
    number = strtol(name + strlen(before), &end, 10);
    *n = (int)number;
    return number >= 0 && number < 10000 && end > name + strlen(before) && !strcmp(end, ".test");
}

static void
start_serving(struct fake_dns *f)
{
    (void)pthread_mutex_init(&f->lock, NULL);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

void
fake_dns_start(struct fake_dns *f, fake_dns_fn *answer, void *arg)
{
    bool bound = false;

    *f = (struct fake_dns){ .answer = answer, .arg = arg };
    for (int i = 0; i < 20 && !bound; i++)
        bound = bind_both(f, INADDR_LOOPBACK, 0);
    assert_true(bound);
    start_serving(f);
}

void
fake_dns_start_pair(struct fake_dns pair[2], fake_dns_fn *const answer[2], void *arg)
{
    bool bound = false;

    for (size_t i = 0; i < 2; i++)
        pair[i] = (struct fake_dns){ .answer = answer[i], .arg = arg };
    for (int i = 0; i < 20 && !bound; i++) {
        assert_true(bind_both(&pair[0], INADDR_LOOPBACK, 0));
        bound = bind_both(&pair[1], INADDR_LOOPBACK + 1, pair[0].port);
        if (!bound) {
            (void)close(pair[0].tcp);
            (void)close(pair[0].udp);
        }
    }
    assert_true(bound);
    for (size_t i = 0; i < 2; i++)
        start_serving(&pair[i]);
}

void
fake_dns_stop(struct fake_dns *f)
{
    if (!f->port)
        return;
    (void)pthread_mutex_lock(&f->lock);
    f->stop = true;
    (void)pthread_mutex_unlock(&f->lock);
    (void)pthread_join(f->thread, NULL);
    (void)close(f->udp);
    (void)close(f->tcp);
    (void)pthread_mutex_destroy(&f->lock);
    f->port = 0;
}

struct proof_settings
fake_settings(struct scope *s, const struct fake_dns *f, int port)
{
    struct proof_settings o = { 0 };

    model_init(s->arena, &proof_settings_model, &o);
    list_add(s->arena, &o.resolvers, const char *, arena_printf(s->arena, "127.0.0.1:%d", f->port));
    list_add(s->arena, &o.allow_networks, const char *, "127.0.0.0/8");
    o.dnssec = DNSSEC_OFF;
    o.timeout = 10000;
    o.http_port = o.https_port = o.tls_port = port;
    return o;
}

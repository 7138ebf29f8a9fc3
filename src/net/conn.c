#include "net/server_in.h"

#include "net/tls.h"
#include <string.h>

#define TURNS 4         /* reads of one connection before others have theirs */
#define REQUESTS_MAX 32 /* pipelined ones, likewise */

static void flush(struct http_conn *c);

void
conn_until(struct http_conn *c, int64_t ms)
{
    c->until_ms = c->loop->now_ms + ms;
    loop_watch(c->loop, c->until_ms);
}

static void
set_reading(struct http_conn *c, bool on)
{
    if (c->reading == on)
        return;
    c->reading = on;
    if (on)
        (void)event_add(&c->on_read, NULL);
    else
        (void)event_del(&c->on_read);
}

/* Bytes have moved: who keeps a steady pace keeps the MS of its time, and nobody gets more. */
static void
moved(struct http_conn *c, size_t bytes, int64_t ms)
{
    c->moved += (int64_t)bytes;
    while (c->moved - c->earned >= PROGRESS_BYTES) {
        c->earned += PROGRESS_BYTES;
        c->until_ms = MIN(c->until_ms + SECOND_MS, c->loop->now_ms + ms);
    }
}

/* True in the states that read a request. */
static bool
takes(const struct http_conn *c)
{
    return c->state == CONN_IDLE || c->state == CONN_HEAD || c->state == CONN_BODY ||
           c->state == CONN_DRAIN;
}

void
conn_close(struct http_conn *c)
{
    struct loop *l = c->loop;

    if (c->state == CONN_DEAD)
        return;
    if (c->state == CONN_HANDSHAKE)
        stats_handshake(&c->wire, false);
    if (c->scope.arena)
        exchange_end(c);
    c->state = CONN_DEAD;
    (void)event_del(&c->on_read);
    (void)event_del(&c->on_write);
    wire_close(&c->wire);
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    c->next = l->dead;
    l->dead = c;
    l->conn_count--;
    stats_conns(l, 0, -1);
}

void
conn_free(struct http_conn *c)
{
    struct http_server *server = c->loop->server;

    addresses_remove(server->addresses, c->address_key);
    mem_free(c->ahead);
    arena_free(c->peer_arena);
    mem_free(c);
    if (atomic_fetch_sub(&server->conn_count, 1) == 1 && atomic_load(&server->stopping)) {
        (void)pthread_mutex_lock(&server->empty_lock);
        (void)pthread_cond_broadcast(&server->empty);
        (void)pthread_mutex_unlock(&server->empty_lock);
    }
}

void
conn_linger(struct http_conn *c)
{
    if (c->scope.arena)
        exchange_end(c);
    mem_free(c->ahead);
    c->ahead = NULL;
    wire_shutdown(&c->wire);
    c->state = CONN_LINGER;
    c->moved = 0;
    conn_until(c, LINGER_MS);
    set_reading(c, true);
}

/* Forget what a closed peer sends. */
static void
discard(struct http_conn *c)
{
    for (int turn = 0; turn < TURNS; turn++) {
        ssize_t got = wire_discard(&c->wire, c->loop->buffer, READ_SIZE);

        if (got == WIRE_WANT_READ)
            return;
        c->moved += MAX(got, (ssize_t)0);
        if (got <= 0 || c->moved > LINGER_MAX) {
            conn_close(c);
            return;
        }
    }
}

/* True when the handshake is done. */
static bool
handshake(struct http_conn *c)
{
    ssize_t answer = wire_handshake(&c->wire);

    if (answer == WIRE_WANT_READ) {
        set_reading(c, true);
        return false;
    }
    if (answer == WIRE_WANT_WRITE) {
        c->write_to_read = true;
        (void)event_add(&c->on_write, NULL);
        return false;
    }
    if (answer != 1) {
        conn_close(c);
        return false;
    }
    stats_handshake(&c->wire, true);
    if (SSL_get0_peer_certificate(c->wire.ssl)) {
        c->peer_arena = arena_new();
        c->client_cert = wire_peer_cert(&c->wire, c->peer_arena);
    }
    c->end_point_len = wire_end_point(&c->wire, c->end_point);
    c->state = CONN_IDLE;
    conn_until(c, c->loop->server->o.head_ms);
    return true;
}

void
conn_recheck(struct http_conn *c)
{
    struct http_server *server = c->loop->server;
    unsigned trusted = atomic_load(&server->trusted);
    bool good;

    if (!c->client_cert.len || c->trusted == trusted)
        return;
    (void)pthread_mutex_lock(&server->tls_lock);
    good = wire_verify(&c->wire, server->tls);
    (void)pthread_mutex_unlock(&server->tls_lock);
    c->trusted = trusted;
    if (!good)
        c->client_cert = (struct bytes){ 0 };
}

/* Let the request have its bytes; what is left belongs to a later state. */
static void
take(struct http_conn *c, const uint8_t *data, size_t len)
{
    int requests = 0;

    while (len > 0 && takes(c)) {
        size_t used;

        if (c->state == CONN_IDLE) {
            if (++requests > REQUESTS_MAX)
                break;
            exchange_begin(c);
        } else if (c->state != CONN_HEAD) {
            moved(c, len, c->state == CONN_BODY ? c->loop->server->o.body_ms : DRAIN_MS);
        }
        used = exchange_feed(c, data, len);
        data += used;
        len -= used;
    }
    if (len > 0 && c->state != CONN_LINGER && c->state != CONN_DEAD) {
        c->ahead = mem_copy(data, len);
        c->ahead_len = len;
    }
}

/* Read once; true when more may be there at once. */
static bool
read_once(struct http_conn *c)
{
    size_t most = c->state == CONN_BODY || c->state == CONN_DRAIN ? READ_SIZE : HEAD_READ;
    bool full = false;
    ssize_t got;

    if (c->ahead) {
        uint8_t *data = c->ahead;

        c->ahead = NULL;
        take(c, data, c->ahead_len);
        mem_free(data);
        return true;
    }
    set_reading(c, true);
    got = wire_read(&c->wire, c->loop->buffer, most, &full);
    if (got > 0) {
        take(c, c->loop->buffer, (size_t)got);
        return full;
    }
    if (got == WIRE_WANT_WRITE) {
        c->write_to_read = true;
        (void)event_add(&c->on_write, NULL);
    } else if (got != WIRE_WANT_READ) {
        conn_close(c);
    }
    return false;
}

void
conn_go(struct http_conn *c)
{
    for (int turn = 0; turn < TURNS; turn++) {
        if (c->state == CONN_LINGER)
            discard(c);
        else if (c->state == CONN_HANDSHAKE && handshake(c))
            continue;
        if (!takes(c) || !read_once(c)) {
            if (takes(c) && c->ahead)
                continue;
            return;
        }
    }
    if (takes(c))
        event_active(&c->on_read, EV_READ, 0); /* the others first */
}

static void
on_readable(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
    struct http_conn *c = arg;
    struct loop *l = c->loop;

    l->now_ms = clock_mono_tick_ms();
    if (c->state == CONN_WRITE && c->read_to_write) {
        c->read_to_write = false;
        flush(c);
        conn_go(c);
    } else if (takes(c) || c->state == CONN_HANDSHAKE || c->state == CONN_LINGER) {
        conn_go(c);
    } else {
        set_reading(c, false); /* until it is this one's turn again */
    }
    loop_bury(l);
}

static void
on_writable(UNUSED evutil_socket_t fd, UNUSED short what, void *arg)
{
    struct http_conn *c = arg;
    struct loop *l = c->loop;

    l->now_ms = clock_mono_tick_ms();
    if (c->write_to_read)
        c->write_to_read = false;
    else if (c->state == CONN_WRITE)
        flush(c);
    conn_go(c);
    loop_bury(l);
}

static void
advance(struct reply *r, size_t done)
{
    while (r->part_count && done >= r->parts[0].iov_len) {
        done -= r->parts[0].iov_len;
        r->parts[0] = r->parts[1];
        r->part_count--;
    }
    if (r->part_count) {
        r->parts[0].iov_base = (uint8_t *)r->parts[0].iov_base + done;
        r->parts[0].iov_len -= done;
    }
}

static void
flush(struct http_conn *c)
{
    struct reply *r = &c->reply;

    while (r->part_count) {
        ssize_t put = wire_write(&c->wire, r->parts, r->part_count);

        if (put == WIRE_WANT_WRITE) {
            (void)event_add(&c->on_write, NULL);
            return;
        }
        if (put == WIRE_WANT_READ) {
            c->read_to_write = true;
            set_reading(c, true);
            return;
        }
        if (put < 0) {
            conn_close(c);
            return;
        }
        moved(c, (size_t)put, c->loop->server->o.write_ms);
        advance(r, (size_t)put);
    }
    if (c->then == CONN_BODY) {
        c->state = CONN_BODY;
        c->moved = c->earned = 0;
        conn_until(c, c->loop->server->o.body_ms);
    } else {
        exchange_written(c);
    }
}

void
conn_write(struct http_conn *c, enum conn_state then)
{
    c->state = CONN_WRITE;
    c->then = then;
    c->moved = c->earned = 0;
    conn_until(c, c->loop->server->o.write_ms);
    flush(c);
}

void
conn_returned(struct http_conn *c)
{
    exchange_returned(c);
    if (c->state == CONN_IDLE && c->reading && !c->ahead && !wire_pending(&c->wire))
        return; /* what comes next will make itself known */
    conn_go(c);
}

void
conn_expired(struct http_conn *c)
{
    c->until_ms = INT64_MAX;
    if ((c->state == CONN_HEAD && http1_begun(&c->parser)) || c->state == CONN_BODY) {
        stats_rejected(c->state == CONN_HEAD ? "slow_head" : "slow_body");
        c->unread = true;
        exchange_refuse(c, 408, E_TIMEOUT, CHY_BAD_REQUEST, "the request did not come in time",
                        false);
        return;
    }
    if (c->state == CONN_HANDSHAKE || c->state == CONN_WRITE)
        stats_rejected(c->state == CONN_WRITE ? "slow_reader" : "slow_handshake");
    if (c->state == CONN_IDLE)
        wire_shutdown(&c->wire);
    conn_close(c);
}

void
conn_stop(struct http_conn *c)
{
    if (c->state == CONN_IDLE)
        conn_go(c); /* what is here already was sent to a server that ran */
    if (c->state == CONN_IDLE && !c->ahead) {
        wire_shutdown(&c->wire);
        conn_close(c);
    } else if (c->state == CONN_HANDSHAKE) {
        conn_close(c);
    }
}

void
conn_new(struct loop *l, int fd, int listener, const char *peer, const uint64_t key[2])
{
    struct http_conn *c = mem_alloc(sizeof(*c));
    struct http_server *server = l->server;

    c->loop = l;
    c->listener = listener;
    c->address_key[0] = key[0];
    c->address_key[1] = key[1];
    memcpy(c->peer, peer, PEER_MAX);
    if (listener == ON_HTTPS) {
        (void)pthread_mutex_lock(&server->tls_lock);
        wire_open(&c->wire, fd, server->tls);
        c->trusted = atomic_load(&server->trusted);
        (void)pthread_mutex_unlock(&server->tls_lock);
    } else {
        wire_open(&c->wire, fd, NULL);
    }
    c->state = c->wire.ssl ? CONN_HANDSHAKE : CONN_IDLE;
    c->next = l->conns;
    c->at = &l->conns;
    if (c->next)
        c->next->at = &c->next;
    l->conns = c;
    l->conn_count++;
    stats_conns(l, 0, 1);
    (void)event_assign(&c->on_read, l->base, fd, EV_READ | EV_PERSIST, on_readable, c);
    (void)event_assign(&c->on_write, l->base, fd, EV_WRITE, on_writable, c);
    conn_until(c, c->wire.ssl ? server->o.handshake_ms : server->o.head_ms);
    if (listener == ON_HTTPS && !c->wire.ssl)
        conn_close(c);
    else
        set_reading(c, true);
    if (l->stopping)
        conn_stop(c);
}

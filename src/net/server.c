#include "net/server_in.h"

#include "base/log.h"
#include "base/wait.h"
#include "net/tls.h"
#include "pki/hash.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS_MORE 200 /* beside those of connections */

static void
defaults(struct http_server_options *o)
{
    long cpus = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    static const int64_t ms[] = { 10, 30, 75, 10, 30 };
    int64_t *times[] = { &o->head_ms, &o->body_ms, &o->idle_ms, &o->handshake_ms, &o->write_ms };

    for (size_t i = 0; i < COUNT(ms); i++)
        if (*times[i] <= 0)
            *times[i] = ms[i] * SECOND_MS;
    o->loops = MAX(o->loops, 1);
    o->queue_max = o->queue_max > 0 ? o->queue_max : 1024;
    o->conns_max = o->conns_max > 0 ? o->conns_max : 10000;
    o->conns_per_address = o->conns_per_address > 0 ? o->conns_per_address : 2000;
    o->head_max = o->head_max ? o->head_max : 16 * 1024;
    o->target_max = o->target_max ? o->target_max : 9 * 1024;
    o->fields_max = o->fields_max > 0 ? o->fields_max : 100;
    if (o->workers[POOL_MAIN] <= 0)
        o->workers[POOL_MAIN] = (int)MIN(MAX(16 * cpus, 64L), 256L);
    if (o->workers[POOL_SLOW] <= 0)
        o->workers[POOL_SLOW] = 32;
}

/* Connections need descriptors: take as many as the system lets us. */
static void
raise_descriptors(int conns)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)conns + DESCRIPTORS_MORE;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = MIN(want, limit.rlim_max);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < want)
        log_warn(NULL, "only %llu descriptors for up to %d connections: raise the limit",
                 (unsigned long long)limit.rlim_cur, conns);
}

static void
release(struct http_server *server)
{
    struct arena *a = server->arena;

    for (size_t i = 0; i < COUNT(server->listeners); i++)
        listener_close(&server->listeners[i]);
    for (int i = 0; server->loops && i < server->o.loops; i++)
        if (server->loops[i].server)
            loop_done(&server->loops[i]);
    SSL_CTX_free(server->tls);
    tls_tickets_free(server->tickets);
    addresses_free(server->addresses);
    (void)pthread_mutex_destroy(&server->tls_lock);
    (void)pthread_mutex_destroy(&server->empty_lock);
    (void)pthread_cond_destroy(&server->empty);
    arena_free(a);
}

static enum err
open_all(struct scope *s, struct http_server *server)
{
    for (int i = 0; i < server->o.loops; i++)
        TRY(loop_init(s, &server->loops[i], server));
    if (server->o.https)
        TRY(listener_open(s, &server->listeners[0], server->o.https));
    if (server->o.http)
        TRY(listener_open(s, &server->listeners[1], server->o.http));
    return OK;
}

enum err
http_server_new(struct scope *s, const struct http_server_options *o, struct http_server **out)
{
    struct arena *a = arena_new();
    struct http_server *server = arena_new_of(a, struct http_server);
    enum err e;

    *server = (struct http_server){ .o = *o, .arena = a };
    defaults(&server->o);
    server->limits = (struct http1_limits){ .head_max = server->o.head_max,
                                            .target_max = server->o.target_max,
                                            .fields_max = server->o.fields_max };
    atomic_store(&server->head_max, server->o.head_max);
    for (size_t i = 0; i < COUNT(server->listeners); i++)
        server->listeners[i] =
            (struct listener){ .server = server, .fd = -1, .kind = i == 0 ? ON_HTTPS : ON_HTTP };
    (void)pthread_mutex_init(&server->tls_lock, NULL);
    (void)pthread_mutex_init(&server->empty_lock, NULL);
    wait_init(&server->empty);
    server->addresses = addresses_new(server->o.conns_per_address);
    server->tickets = tls_tickets_new();
    server->loops = arena_alloc(a, (size_t)server->o.loops * sizeof(*server->loops));
    raise_descriptors(server->o.conns_max);
    e = open_all(s, server);
    if (e != OK) {
        release(server);
        return e;
    }
    *out = server;
    return OK;
}

const char *
http_server_address(const struct http_server *server, int listener)
{
    return server->listeners[listener == ON_HTTPS ? 0 : 1].address;
}

enum err
http_server_tls(struct scope *s, struct http_server *server, const char *chain_pem,
                struct bytes key_der, const char *client_ca)
{
    uint8_t hash[SHA256_LEN];
    SSL_CTX *fresh, *old;

    TRY(tls_server_context(s, chain_pem, key_der, client_ca, server->tickets, &fresh));
    hash_sha256(bytes_of_text(client_ca ? client_ca : ""), hash);
    (void)pthread_mutex_lock(&server->tls_lock);
    old = server->tls;
    server->tls = fresh;
    if (memcmp(hash, server->client_ca, sizeof(hash)) != 0)
        (void)atomic_fetch_add(&server->trusted, 1);
    memcpy(server->client_ca, hash, sizeof(hash));
    (void)pthread_mutex_unlock(&server->tls_lock);
    SSL_CTX_free(old); /* connections hold references of their own */
    return OK;
}

static enum err
start_threads(struct scope *s, struct http_server *server)
{
    static const char *const names[POOL_COUNT] = { "loop", "main", "slow" };

    for (int i = POOL_MAIN; i < POOL_COUNT; i++)
        TRY(pool_start(s, &server->pools[i], server, names[i], server->o.workers[i]));
    for (size_t i = 0; i < COUNT(server->listeners); i++)
        if (server->listeners[i].fd >= 0)
            listener_add(&server->listeners[i], &server->loops[0]);
    for (int i = 0; i < server->o.loops; i++)
        TRY(loop_start(s, &server->loops[i]));
    return OK;
}

void
http_server_head_max(struct http_server *server, size_t bytes)
{
    atomic_store(&server->head_max, bytes);
}

enum err
http_server_start(struct scope *s, struct http_server *server)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    if (server->listeners[0].fd >= 0 && !server->tls)
        return fail(s, E_INVALID, "the HTTPS listener has no certificate yet");
    (void)sigaction(SIGPIPE, &ignore, NULL); /* OpenSSL writes without MSG_NOSIGNAL */
    server->started = true;
    return start_threads(s, server);
}

/* Wait until the last connection is gone, at most DRAIN_MS. */
static void
wait_empty(struct http_server *server, int64_t drain_ms)
{
    int64_t until = clock_mono_ms() + drain_ms;

    (void)pthread_mutex_lock(&server->empty_lock);
    while ((server->stopped < server->o.loops || atomic_load(&server->conn_count) > 0) &&
           wait_until(&server->empty, &server->empty_lock, until))
        ;
    (void)pthread_mutex_unlock(&server->empty_lock);
}

static void
tell_all(struct http_server *server, int what)
{
    for (int i = 0; i < server->o.loops; i++)
        if (server->loops[i].started)
            loop_tell(&server->loops[i], what);
}

void
http_server_stop(struct http_server *server, int64_t drain_ms)
{
    if (!server)
        return;
    atomic_store(&server->stopping, true);
    if (server->started) {
        tell_all(server, LOOP_STOP);
        wait_empty(server, drain_ms);
        for (int i = POOL_MAIN; i < POOL_COUNT; i++)
            pool_stop(&server->pools[i]);
        tell_all(server, LOOP_END);
        for (int i = 0; i < server->o.loops; i++)
            loop_join(&server->loops[i]);
    }
    for (size_t i = 0; i < COUNT(server->listeners); i++)
        server->listeners[i].loop = NULL;
    release(server);
}

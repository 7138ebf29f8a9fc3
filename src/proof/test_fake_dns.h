/** A fake name server for tests: it answers on the loopback, by UDP and TCP, what a function says.
 */
#ifndef PROOF_TEST_FAKE_DNS_H
#define PROOF_TEST_FAKE_DNS_H

#include "base/test.h"
#include "proof/dns.h"
#include "proof/proof.h"

#include <pthread.h>

/* An answer that is being made. */
struct fake_dns_reply {
    uint8_t out[65536];
    size_t len;
    int answers, rcode;
    uint32_t ttl;
    uint16_t owner; /* where in OUT the name of the next record stands */
    bool tcp;       /* the question came by TCP */
    bool truncated, wrong_id, wrong_case, drop;
};

/** Answer the question for NAME (lower case) and TYPE; the TIMES-th one like it, from 0. */
typedef void fake_dns_fn(struct fake_dns_reply *reply, const char *name, int type, int times,
                         void *arg);

struct fake_dns {
    int udp, tcp, port;
    fake_dns_fn *answer;
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    struct {
        char name[256];
        int type, times;
    } asked[400];
    size_t asked_count;
    int by_tcp;
    bool stop;
};

/* Records for the answer. */
void fake_dns_address(struct fake_dns_reply *r, const char *text);
void fake_dns_txt(struct fake_dns_reply *r, const char *text);
void fake_dns_caa(struct fake_dns_reply *r, int flags, const char *tag, const char *value);
/** An alias; the records that follow are the target's. */
void fake_dns_cname(struct fake_dns_reply *r, const char *target);
void fake_dns_ns(struct fake_dns_reply *r, const char *target);
void fake_dns_rdata(struct fake_dns_reply *r, int type, const void *data, size_t len);

/** Whether NAME is BEFORE, a number and ".test"; N receives the number. */
bool fake_dns_numbered(const char *name, const char *before, int *n);

/** Start on a free port. */
void fake_dns_start(struct fake_dns *f, fake_dns_fn *answer, void *arg);
/** Start two, at 127.0.0.1 and 127.0.0.2, on one port. */
void fake_dns_start_pair(struct fake_dns pair[2], fake_dns_fn *const answer[2], void *arg);
void fake_dns_stop(struct fake_dns *f);
OWNED_VALUE(struct fake_dns, fake_dns_stop);
/** How often this was asked for. */
int fake_dns_asked(struct fake_dns *f, const char *name, int type);
/** How many questions came by TCP. */
int fake_dns_by_tcp(struct fake_dns *f);

/** Settings of proofs for tests: presets, that resolver, no DNSSEC, the loopback allowed. */
struct proof_settings fake_settings(struct scope *s, const struct fake_dns *f, int port);

#endif

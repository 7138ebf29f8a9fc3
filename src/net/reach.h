/**
 * Reach: which addresses a connection may go to that a stranger can steer, and how it is made. Who
 * asks resolves a name once, has every address judged, and connects to one that passed: nobody
 * resolves again, so nothing can be rebound in between. Any thread.
 */
#ifndef NET_REACH_H
#define NET_REACH_H

#include "base/scope.h"

struct sockaddr_storage;

/** A network: the octets of its address, 4 or 16 of them, and how many bits count. */
struct network {
    uint8_t octets[16];
    uint8_t len, bits;
};

/**
 * Read `10.0.0.0/8`, `fd00::/8`, or an address alone, which is a network of one.
 *
 * @return E_INVALID, which says why; bits set behind the prefix are refused, they mean a mistake
 */
enum err network_read(struct scope *s, const char *text, struct network *out);
/** The same of a list of text, into a list of struct network. */
enum err networks_read(struct scope *s, const struct list *texts, struct list *out);
/** Does the network hold this address of 4 or 16 octets? */
bool network_holds(const struct network *n, struct bytes ip);
/** Does one of NETWORKS (of struct network)? */
bool networks_hold(const struct list *networks, struct bytes ip);

/** An address and port that no stranger's connection may ever reach: our own listeners, database,
 * HSM. Octets that are all 0 stand for every address of this machine. */
struct endpoint {
    struct network address; /* of one */
    int port;               /* 0: all of them */
};

/** What this installation allows beyond public addresses, and forbids among them. */
struct reach_rules {
    struct list allowed, denied; /* of struct network; what is denied is denied */
    struct list own;             /* of struct endpoint */
};

enum reach_verdict {
    REACH_OPEN,    /* public */
    REACH_ALLOWED, /* only because the rules name its network: show nobody what is said there */
    REACH_REFUSED,
};

/**
 * May this address be connected to? IPv4 inside IPv6 (mapped, compatible, NAT64, 6to4) is judged as
 * what it holds. Metadata services of clouds are refused unless the rules allow that very address.
 *
 * @see acme.md, A-SSRF-02 to 04
 */
enum reach_verdict reach_judge(const struct reach_rules *rules, struct bytes ip, int port);
/** The same of a name: those of metadata services are refused, whatever their addresses are. */
bool reach_refuses_name(const char *name);
/** The networks that are refused unless allowed, as text such as "10.0.0.0/8"; ends with NULL. */
const char *const *reach_refused_networks(void);

/**
 * Connect to the address, which was judged before, waiting at most MS milliseconds and the scope's
 * deadline. Connections under way are counted, by reach_take(), which the caller has asked.
 *
 * @param fd  receives the connected socket, in blocking mode
 * @return E_TIMEOUT; E_UNAVAILABLE with the system's reason
 */
enum err reach_connect(struct scope *s, struct bytes ip, int port, int64_t ms, int *fd);

#define REACH_AT_ONCE 256    /* connections that strangers steer, in the whole program */
#define REACH_AT_ONCE_EACH 4 /* and to one address, so that nobody makes us a flood */
/** Take a place for this address, waiting for one until MS milliseconds have passed. False: none
 * came free; else reach_give() ends it. */
bool reach_take(struct scope *s, struct bytes ip, int64_t ms);
void reach_give(struct bytes ip);

/** True once the program stops (peer_stop_all()): whoever waits gives up. */
bool reach_stopping(void);
/** Prepare libcurl, before the first handle; any number of times. */
void reach_setup(void);

#endif

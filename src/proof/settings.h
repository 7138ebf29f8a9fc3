/** Settings of proofs: a section for whoever has validators. acme.md section 28, `validation`. */
#ifndef PROOF_SETTINGS_H
#define PROOF_SETTINGS_H

#include "codec/model.h"

enum dnssec_mode {
    DNSSEC_OFF,     /* signatures are not looked at */
    DNSSEC_PREFER,  /* what is signed must be right, what is not signed is taken */
    DNSSEC_REQUIRE, /* what is not signed is refused */
};

struct proof_settings {
    int64_t timeout;                  /* ms, for a whole proof */
    int64_t connect_timeout;          /* ms */
    int64_t tls_timeout;              /* ms */
    int64_t first_byte_timeout;       /* ms */
    int64_t redirects;                /* how many http-01 follows */
    bool redirect_to_address;         /* http-01: a name's redirect may go to an IP address */
    struct list allow_networks;       /* of const char * */
    struct list deny_networks;        /* of const char * */
    struct list resolvers;            /* of const char *, ADDRESS[:PORT]; none: we recurse */
    struct pairs resolvers_by_suffix; /* of ADDRESS[:PORT],...; by suffix */
    struct pairs perspectives;        /* of ADDRESS[:PORT],...; by name */
    bool all_name_servers;            /* dns-01: each of the zone's must have the record */
    int64_t dnssec;                   /* enum dnssec_mode */
    const char *trust_anchors;        /* file; NULL: the root's, as this program knows it */
    struct list insecure_domains;     /* of const char *: below these, signatures do not matter */
    int64_t dns_timeout;              /* ms, for one question */
    int64_t dns_cache;                /* ms; how old an answer may be */
    bool dns_tcp;                     /* never ask by UDP */
    int64_t http_port, https_port, tls_port, dns_port;
    const char *contact; /* URL in User-Agent */
};
extern const struct model proof_settings_model;

#endif

#include "proof/settings.h"

static const struct choice dnssec_modes[] = {
    { DNSSEC_OFF, "off", "Signatures are not looked at." },
    { DNSSEC_PREFER, "prefer", "What is signed must be right; what is not signed is taken." },
    { DNSSEC_REQUIRE, "require", "What is not signed is refused." },
    { 0 },
};

#define V(member, ...) FIELD(proof_settings, member, #member, __VA_ARGS__)
static const struct field proof_settings_fields[] = {
    V(timeout, .flags = DURATION, .preset = "30s", .min = 1000, .max = 300000,
      .doc = "How long one attempt may take, redirects included."),
    V(connect_timeout, .flags = DURATION, .preset = "5s", .min = 100, .max = 60000,
      .doc = "How long a connection may take to come about."),
    V(tls_timeout, .flags = DURATION, .preset = "10s", .min = 100, .max = 60000,
      .doc = "How long a TLS handshake may take."),
    V(first_byte_timeout, .flags = DURATION, .preset = "10s", .min = 100, .max = 60000,
      .doc = "How long the first byte of an answer may take."),
    V(redirects, .preset = "5", .min = 0, .max = 10,
      .doc = "http-01: how many redirects are followed."),
    V(redirect_to_address, .preset = "false",
      .doc = "http-01: a redirect of a name may lead to an IP address."),
    V(allow_networks, .model = &text_model, .max = 200,
      .doc = "Networks that validators may reach though they are not public: 10.0.0.0/8. A private "
             "authority names its own here. A cloud's metadata service must be named by itself."),
    V(deny_networks, .model = &text_model, .max = 200,
      .doc = "Networks that validators never reach, whatever else is said."),
    V(resolvers, .model = &text_model, .max = 16,
      .doc = "Recursive resolvers to ask, ADDRESS or ADDRESS:PORT; when one fails the next is "
             "asked; system: those of /etc/resolv.conf at the start. None: the servers of each "
             "zone are "
             "asked directly."),
    V(resolvers_by_suffix,
      .doc = "Others for names below a suffix: {internal.example.com: \"10.0.0.53, 10.0.1.53\"}."),
    V(perspectives,
      .doc =
          "Other views of DNS that must agree: {frankfurt: \"192.0.2.53\", oslo: ...}. What the "
          "resolvers prove is proved again by each of these; of two to five one may disagree, of "
          "more two, of one none."),
    V(all_name_servers, .preset = "false",
      .doc = "dns-01: the record must be found at each name server of its zone, which are asked "
             "directly; at most eight."),
    V(dnssec, .choices = dnssec_modes, .flags = CHOICE_TEXT, .preset = "prefer",
      .doc = "What is made of DNSSEC, which this program checks by itself."),
    V(trust_anchors,
      .doc = "File of DS or DNSKEY records to trust; none: the root's keys of 2017 and 2024."),
    V(insecure_domains, .model = &text_model, .max = 100,
      .doc = "Domains whose signatures do not matter: internal ones below a signed zone."),
    V(dns_timeout, .flags = DURATION, .preset = "10s", .min = 100, .max = 60000,
      .doc = "How long one DNS question may take."),
    V(dns_cache, .flags = DURATION, .preset = "0s", .min = 0, .max = 86400000,
      .doc = "How old a DNS answer may be; whole seconds. 0s: each is asked for anew."),
    V(dns_tcp, .preset = "false", .doc = "Ask by TCP only."),
    V(http_port, .preset = "80", .min = 1, .max = 65535,
      .doc = "http-01: the port, for tests and closed networks."),
    V(https_port, .preset = "443", .min = 1, .max = 65535,
      .doc = "http-01: the port of redirects to https."),
    V(tls_port, .preset = "443", .min = 1, .max = 65535, .doc = "tls-alpn-01: the port."),
    V(dns_port, .preset = "53", .min = 1, .max = 65535,
      .doc = "all_name_servers: the port of name servers, for tests and closed networks."),
    V(contact, .max = 200,
      .doc = "URL or e-mail address that stands in User-Agent, for those who wonder who asks."),
};
#undef V
const struct model proof_settings_model = MODEL(proof_settings, proof_settings_fields);

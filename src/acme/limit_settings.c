#include "acme/limit_settings.h"

#define O(limit, member) \
    FIELD(acme_limits_own, most[limit], #member, .flags = OMIT_EMPTY, .min = 0, .max = 1000000000)
static const struct field acme_limits_own_fields[] = {
    O(LIMIT_ORDERS_PER_DAY, orders_per_day),
    O(LIMIT_ORDERS_PER_HOUR, orders_per_hour),
    O(LIMIT_NONCES, nonces_per_hour),
    O(LIMIT_ACCOUNTS, accounts_per_hour),
    O(LIMIT_DOMAIN, certificates_per_domain),
    O(LIMIT_NAMES, certificates_per_names),
    O(LIMIT_FAILURES, failures_per_hour),
    O(LIMIT_PENDING, pending_authorizations),
    O(LIMIT_RETRIES, retries_per_hour),
    O(LIMIT_RENEWAL_INFO, renewal_info_per_minute),
    O(LIMIT_AUTHORIZATIONS, authorizations_per_hour),
};
#undef O
const struct model acme_limits_own_model = MODEL(acme_limits_own, acme_limits_own_fields);

#define L(member, preset_, doc_)                                                          \
    FIELD(acme_limits, member, #member, .preset = (preset_), .min = 0, .max = 1000000000, \
          .doc = doc_)
static const struct field acme_limits_fields[] = {
    L(orders_per_day, "50", "New orders of an account within a day; 0: any number, as below."),
    L(orders_per_hour, "5", "The same within an hour."),
    L(nonces_per_hour, "100",
      "Calls of newNonce from one address (IPv6: its /64), by each server."),
    L(accounts_per_hour, "10",
      "New accounts from one address (IPv6: its /48); to find the account of a key is free."),
    L(certificates_per_domain, "5",
      "Certificates within a week for names below one registered domain, or the last two labels "
      "where there is none; renewals do not count."),
    L(certificates_per_names, "5", "Certificates within a week for the very same names."),
    L(failures_per_hour, "5", "Proofs of one name that an account fails within an hour."),
    L(pending_authorizations, "300", "Authorizations of an account that wait for their proof."),
    L(retries_per_hour, "60", "How often an account may ask that a challenge is looked at again."),
    L(renewal_info_per_minute, "120", "Calls of renewalInfo from one address, by each server."),
    L(authorizations_per_hour, "100",
      "Calls of newAuthz by an account: names that are to be proved before an order."),
    L(orders_in_flight, "1000",
      "Calls of newOrder and newAuthz that a server works on at once; more get 503."),
    L(signings_in_flight, "500", "The same of finalize."),
    FIELD(acme_limits, exempt, "exempt", .model = &text_model, .max = 1000,
          .doc = "Networks whose clients no limit concerns: 10.0.0.0/8; --dev: this machine."),
    FIELD(acme_limits, help_url, "help_url", .max = 1024, .pattern = "url",
          .doc = "Where people read about the limits; none: a page of this server."),
};
#undef L
const struct model acme_limits_model = MODEL(acme_limits, acme_limits_fields);

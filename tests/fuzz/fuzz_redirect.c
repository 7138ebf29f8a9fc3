/*
 * Redirects of http-01. What is followed leads by http or https to the port of that scheme, to a
 * host that reads as one, and its URL says the same when it is read again.
 */
#include "fuzz.h"

#include "pki/dnsname.h"
#include "proof/redirect.h"

#include <string.h>

/* A bug of a kind that is easily made: a redirect is taken to have no query. */
static void
planted(const struct place *place)
{
#ifdef PLANT_BUG
    PROMISE(!strchr(place->url, '?'));
#endif
    (void)place;
}

static void
check(struct scope *s, const struct place_rules *rules, const char *location)
{
    struct place place = { 0 }, again = { 0 };
    char *normal;

    if (redirect_read(s, rules, "http://a.example/.well-known/acme-challenge/tok", location,
                      &place)) {
        PROMISE(!place.url);
        return;
    }
    PROMISE(text_starts(place.url, place.tls ? "https://" : "http://"));
    PROMISE(place.port == (place.tls ? rules->https_port : rules->http_port));
    PROMISE(!place.is_address || rules->to_address);
    if (!place.is_address)
        PROMISE(!dns_check(s->arena, place.host, NAMES_INTERNAL | NAMES_UNDERSCORE, &normal) &&
                text_eq(normal, place.host));
    PROMISE(!strpbrk(place.url, "#\r\n \t\\"));
    PROMISE(!strchr(place.url + strcspn(place.url, "/") + 2, '@') ||
            strcspn(place.url + 8, "@") > strcspn(place.url + 8, "/?"));
    planted(&place);
    if (redirect_read(s, rules, "http://other.example/", place.url, &again))
        return; /* what was added to it may make it too long */
    PROMISE(text_eq(place.url, again.url) && text_eq(place.host, again.host));
    PROMISE(place.tls == again.tls && place.port == again.port);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct place_rules usual = { 80, 443, false }, loose = { 5002, 5003, true };
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    const char *location =
        arena_text_n(s->arena, (const char *)data, strnlen((const char *)data, len));

    check(s, &usual, location);
    check(s, &loose, location);
    return 0;
}

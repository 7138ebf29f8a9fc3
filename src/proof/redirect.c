#include "proof/redirect.h"

#include "pki/dnsname.h"

#include <curl/curl.h>
#include <string.h>

OWNED(CURLU, curl_url_cleanup);

/** A part of the URL in the arena; NULL when there is none. */
static const char *
part(struct scope *s, CURLU *u, CURLUPart what)
{
    char *text = NULL;
    const char *out = NULL;

    if (curl_url_get(u, what, &text, 0) == CURLUE_OK)
        out = arena_text(s->arena, text);
    curl_free(text);
    return out;
}

/** The ways in which readers of URLs disagree are refused before one of them is asked. */
static const char *
text_problem(const char *location)
{
    if (text_empty(location))
        return "it has no Location";
    if (strlen(location) > REDIRECT_PATH_MAX + 300)
        return "its Location is too long";
    for (const char *c = location; *c; c++) {
        if (*c <= ' ' || *c > '~' || *c == '\\')
            return "its Location holds characters that no URL may hold";
    }
    if (text_starts(location, "//"))
        return "its Location has a host but no scheme";
    if (strstr(location, ":///")) /* some skip the third slash and take what follows for the host */
        return "it names no host";
    return NULL;
}

static const char *
host_problem(struct scope *s, const struct place_rules *rules, const char *host, struct place *out)
{
    char *bare = text_fold(s->arena, host ? host : "");
    size_t len = strlen(bare);
    struct bytes octets;
    const char *why;
    char *normal;

    if (len > 2 && bare[0] == '[' && bare[len - 1] == ']')
        bare = arena_text_n(s->arena, bare + 1, len - 2);
    else if (len && bare[len - 1] == '.')
        bare[len - 1] = 0;
    if (text_empty(bare))
        return "it names no host";
    out->host = bare;
    out->is_address = ip_parse(s->arena, bare, &octets);
    if (out->is_address)
        return rules->to_address ? NULL : "it leads to an IP address";
    if (text_ends(bare, ".well-known"))
        return "its host ends in .well-known: is there a slash missing in the redirect?";
    why = dns_check(s->arena, bare, NAMES_INTERNAL | NAMES_UNDERSCORE, &normal);
    return why ? arena_printf(s->arena, "its host is malformed: %s", why) : NULL;
}

static const char *
port_problem(struct scope *s, const struct place_rules *rules, const char *text, struct place *out)
{
    int64_t port = 0;

    out->port = out->tls ? rules->https_port : rules->http_port;
    if (!text)
        return NULL;
    if (!text_to_int(text, &port) || port != out->port)
        return arena_printf(s->arena, "it names the port %s", text);
    return NULL;
}

const char *
place_url(struct arena *a, bool tls, const char *host, int port, const char *path)
{
    bool v6 = strchr(host, ':') != NULL;
    const char *number = port == (tls ? 443 : 80) ? "" : arena_printf(a, ":%d", port);

    return arena_printf(a, "%s://%s%s%s%s%s", tls ? "https" : "http", v6 ? "[" : "", host,
                        v6 ? "]" : "", number, path);
}

const char *
redirect_read(struct scope *s, const struct place_rules *rules, const char *base,
              const char *location, struct place *out)
{
    AUTO(curl_url_cleanup) CURLU *u = curl_url();
    struct place found = { 0 };
    const char *why = text_problem(location), *scheme, *path, *query;

    if (why)
        return why;
    if (!u || curl_url_set(u, CURLUPART_URL, base, 0) != CURLUE_OK ||
        curl_url_set(u, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        return "its Location is malformed";
    scheme = part(s, u, CURLUPART_SCHEME);
    found.tls = text_eq(scheme, "https");
    if (!found.tls && !text_eq(scheme, "http"))
        return arena_printf(s->arena, "it leads to the scheme %s", scheme ? scheme : "none");
    if (part(s, u, CURLUPART_USER) || part(s, u, CURLUPART_PASSWORD))
        return "its Location holds a user";
    if ((why = host_problem(s, rules, part(s, u, CURLUPART_HOST), &found)))
        return why;
    if ((why = port_problem(s, rules, part(s, u, CURLUPART_PORT), &found)))
        return why;
    path = part(s, u, CURLUPART_PATH);
    query = part(s, u, CURLUPART_QUERY);
    if ((path ? strlen(path) : 0) + (query ? strlen(query) : 0) > REDIRECT_PATH_MAX)
        return "its path is longer than 2000 octets";
    found.url = place_url(
        s->arena, found.tls, found.host, found.port,
        arena_printf(s->arena, "%s%s%s", path ? path : "/", query ? "?" : "", query ? query : ""));
    *out = found;
    return NULL;
}

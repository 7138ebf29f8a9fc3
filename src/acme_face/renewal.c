/* Renewal information on the wire (RFC 9773 section 4). */
#include "acme/ari.h"
#include "acme/limit.h"
#include "acme_face/call.h"
#include "base/metric.h"
#include "base/random.h"

COUNTER(ari_total, "chancery_acme_ari_requests_total", "Questions when to renew.");

struct window_doc {
    const char *start, *end;
};
static const struct field window_doc_fields[] = {
    FIELD(window_doc, start, "start"),
    FIELD(window_doc, end, "end"),
};
static const struct model window_doc_model = MODEL(window_doc, window_doc_fields);

struct renewal_doc {
    struct window_doc *window;
    const char *url;
};
static const struct field renewal_doc_fields[] = {
    FIELD(renewal_doc, window, "suggestedWindow", .model = &window_doc_model),
    FIELD(renewal_doc, url, "explanationURL", .flags = OMIT_EMPTY),
};
static const struct model renewal_doc_model = MODEL(renewal_doc, renewal_doc_fields);

enum err
renewal_info_get(struct call *c)
{
    struct arena *a = c->s->arena;
    int64_t retry_s = c->ep->set->ari_retry / 1000;
    struct window_doc window;
    struct renewal_doc doc = { &window, NULL };
    struct acme_ari ari;

    TRY(acme_limit_address(c->s, c->acme, c->ep, LIMIT_RENEWAL_INFO, c->peer.address));
    TRY(acme_ari_window(c->s, c->acme, c->id, &ari));
    metric_add(&ari_total, 1);
    doc.url = ari.url;
    window = (struct window_doc){ when_rfc3339(a, ari.start), when_rfc3339(a, ari.end) };
    http_reply_header(c->http, "Cache-Control",
                      arena_printf(a, "public, max-age=%lld", (long long)(retry_s / 5)));
    retry_s += (int64_t)random_below((uint64_t)(retry_s / 5 * 2 + 1)) - retry_s / 5;
    http_reply_header(c->http, "Retry-After", arena_printf(a, "%lld", (long long)retry_s));
    return answer_json(c, 200, &renewal_doc_model, &doc);
}

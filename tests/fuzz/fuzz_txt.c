/*
 * TXT records, as strangers' name servers give them: the strings of one that is taken fill it to
 * its last octet and stand side by side in what is read.
 */
#include "fuzz.h"

#include "proof/dns.h"

#include <string.h>

/* A bug of a kind that is easily made: a record is taken to be one string. */
static void
planted(struct bytes rdata, struct bytes text)
{
#ifdef PLANT_BUG
    PROMISE(text.len + 1 == rdata.len);
#endif
    (void)rdata, (void)text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(arena_free) struct arena *a = arena_new();
    struct bytes text, rdata = { data, len };
    size_t at = 0, strings = 0, done = 0;
    bool taken = dns_txt_read(a, rdata, &text);

    for (; at < len; at += 1 + (size_t)data[at])
        strings++;
    PROMISE(taken == (at == len && strings > 0 && len - strings <= DNS_RECORDS_BYTES));
    if (!taken)
        return 0;
    PROMISE(text.len == len - strings);
    for (at = 0; at < len; at += 1 + (size_t)data[at]) {
        PROMISE(!data[at] || memcmp(text.data + done, data + at + 1, data[at]) == 0);
        done += data[at];
    }
    planted(rdata, text);
    return 0;
}

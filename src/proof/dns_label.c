#include "proof/dns_label.h"

#include "pki/hash.h"

#define LABEL_OCTETS 10

const char *
dns_account_label(struct arena *a, const char *account_url)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t digest[SHA256_LEN];
    char *out = arena_alloc(a, LABEL_OCTETS * 8 / 5 + 1);

    hash_sha256(bytes_of_text(account_url), digest);
    for (size_t i = 0; i < LABEL_OCTETS * 8 / 5; i++) {
        size_t bit = i * 5;
        unsigned two = (unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1];

        out[i] = digits[two >> (11 - bit % 8) & 31];
    }
    return out;
}

const char *
dns_reverse_name(struct arena *a, struct bytes ip)
{
    struct buf b;

    buf_init_in(&b, a, 256);
    for (size_t i = ip.len; i-- > 0;) {
        if (ip.len == 4)
            buf_printf(&b, "%d.", ip.data[i]);
        else
            buf_printf(&b, "%x.%x.", ip.data[i] & 15, ip.data[i] >> 4);
    }
    buf_text(&b, ip.len == 4 ? "in-addr.arpa" : "ip6.arpa");
    return buf_str(&b);
}

/*
 * Certification requests, as DER and as users send them. What our reader takes OpenSSL's must take
 * too, and both must see the same in it.
 */
#include "fuzz.h"

#include "oracle.h"

/* A bug of a kind that is easily made: challenges are taken to begin with a letter. */
static void
planted(const struct csr *c)
{
#ifdef PLANT_BUG
    PROMISE(!c->challenge || (c->challenge[0] >= 'a' && c->challenge[0] <= 'z'));
#else
    (void)c;
#endif
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct bytes text = { data, len }, der;
    struct csr c;
    const char *why;

    if (csr_decode(s, text, &der) != OK) {
        PROMISE(text_eq(s->error.tag, "badCSR"));
        return 0;
    }
    why = csr_differs(s, der, NULL);
    if (why)
        (void)fprintf(stderr, "%s\n", why);
    PROMISE(!why);
    if (csr_read(s, der, &c) != OK)
        return 0;
    PROMISE(text_is_utf8(c.subject.text, strlen(c.subject.text)));
    planted(&c);
    return 0;
}

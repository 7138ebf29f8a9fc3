/*
 * Certificates. What our reader takes OpenSSL's must take too, and both must see the same in it;
 * what is taken is shown and compared without harm.
 */
#include "fuzz.h"

#include "oracle.h"

/* A bug of a kind that is easily made: chains are short, so a table by path length has few rows. */
static void
planted(const struct exts *e)
{
#ifdef PLANT_BUG
    PROMISE(e->path_len <= 3);
#else
    (void)e;
#endif
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO(scope_free) struct scope *s = scope_new("fuzz");
    struct bytes der = { data, len };
    const char *why = cert_differs(s, der, NULL);
    struct cert c;

    if (why)
        (void)fprintf(stderr, "%s\n", why);
    PROMISE(!why);
    if (cert_read(s, der, &c) != OK)
        return 0;
    PROMISE(text_is_utf8(c.subject.text, strlen(c.subject.text)));
    PROMISE(name_same(s->arena, c.subject.der, c.subject.der));
    planted(&c.exts);
    return 0;
}

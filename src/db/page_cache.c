#include "db/page_cache.h"

#include "base/arena.h"

#include <sqlite3.h>

/* SQLite numbers the pages that a tree's balancing puts in order anew, by way of a number that no
 * page has: that of the page with its locks. From then on its cache takes this for the largest
 * number there is, and at the end of each transaction looks at every page for those behind the
 * database's end. There are none, as long as nobody asked for one. */

#define LOCK_BYTE 0x40000000 /* of the file; SQLite's PENDING_BYTE */

struct page_cache {
    sqlite3_pcache *real;
    unsigned most;  /* no page but that of the locks has a larger number */
    unsigned locks; /* its number */
};

static sqlite3_pcache_methods2 below;

static struct page_cache *
mine(sqlite3_pcache *p)
{
    return (struct page_cache *)p;
}

static int
cache_init(void *arg UNUSED)
{
    return below.xInit ? below.xInit(below.pArg) : SQLITE_OK;
}

static void
cache_shutdown(void *arg UNUSED)
{
    if (below.xShutdown)
        below.xShutdown(below.pArg);
}

static sqlite3_pcache *
cache_create(int size, int extra, int purgeable)
{
    struct page_cache *c;
    sqlite3_pcache *real = below.xCreate(size, extra, purgeable);

    if (!real)
        return NULL;
    c = mem_alloc(sizeof(*c));
    *c = (struct page_cache){ .real = real, .locks = LOCK_BYTE / (unsigned)size + 1 };
    return (sqlite3_pcache *)c;
}

static void
cache_size(sqlite3_pcache *p, int pages)
{
    below.xCachesize(mine(p)->real, pages);
}

static int
cache_count(sqlite3_pcache *p)
{
    return below.xPagecount(mine(p)->real);
}

static sqlite3_pcache_page *
cache_fetch(sqlite3_pcache *p, unsigned number, int create)
{
    struct page_cache *c = mine(p);

    if (create)
        c->most = MAX(c->most, number);
    return below.xFetch(c->real, number, create);
}

static void
cache_unpin(sqlite3_pcache *p, sqlite3_pcache_page *page, int discard)
{
    below.xUnpin(mine(p)->real, page, discard);
}

static void
cache_rekey(sqlite3_pcache *p, sqlite3_pcache_page *page, unsigned old, unsigned number)
{
    struct page_cache *c = mine(p);

    if (number != c->locks) /* where it stays for a moment only */
        c->most = MAX(c->most, number);
    below.xRekey(c->real, page, old, number);
}

/** Drop the pages from LIMIT on. */
static void
cache_truncate(sqlite3_pcache *p, unsigned limit)
{
    struct page_cache *c = mine(p);

    if (limit > c->most)
        return;
    below.xTruncate(c->real, limit);
    c->most = limit > 0 ? limit - 1 : 0;
}

static void
cache_destroy(sqlite3_pcache *p)
{
    below.xDestroy(mine(p)->real);
    mem_free(p);
}

static void
cache_shrink(sqlite3_pcache *p)
{
    below.xShrink(mine(p)->real);
}

void
page_cache_set_up(void)
{
    static const sqlite3_pcache_methods2 methods = {
        .iVersion = 1,
        .xInit = cache_init,
        .xShutdown = cache_shutdown,
        .xCreate = cache_create,
        .xCachesize = cache_size,
        .xPagecount = cache_count,
        .xFetch = cache_fetch,
        .xUnpin = cache_unpin,
        .xRekey = cache_rekey,
        .xTruncate = cache_truncate,
        .xDestroy = cache_destroy,
        .xShrink = cache_shrink,
    };

    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &below) == SQLITE_OK)
        (void)sqlite3_config(SQLITE_CONFIG_PCACHE2, &methods);
}

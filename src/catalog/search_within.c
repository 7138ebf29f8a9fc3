/* A collection as a condition on the register. */
#include "catalog/search_sql.h"

#include "catalog/collection.h"

/** How a certificate finds those that share what the policy names: k is that of the row o. */
static const struct {
    int64_t policy;
    const char *key, *join;
} shares[] = {
    { DUP_CN, "c.cn", " JOIN certificate c ON c.cn = o.k" },
    { DUP_DN, "c.dn", " JOIN certificate c ON c.dn = o.k" },
    { DUP_UPN,
      "(SELECT d.name FROM certificate_name d WHERE d.certificate = c.id AND d.kind = 100 "
      "ORDER BY d.position LIMIT 1)",
      " JOIN certificate_name u ON u.name = o.k AND u.kind = 100"
      " JOIN certificate c ON c.id = u.certificate" },
};

static enum err
finds(struct scope *s, const struct query *q, struct search_sql *b)
{
    if (q->root)
        return search_condition(s, q, b);
    buf_text(&b->text, "1 = 1");
    return OK;
}

/* A newer one in the collection takes its place; one that is revoked takes nobody's, unless the
 * collection is about such. */
static enum err
is_newest(struct scope *s, const struct query *q, int64_t policy, struct search_sql *b)
{
    for (size_t i = 0; i < COUNT(shares); i++) {
        if (shares[i].policy != policy)
            continue;
        buf_printf(&b->text,
                   " AND NOT EXISTS (SELECT 1 FROM (SELECT c.id AS id, %s AS k, c.not_before AS "
                   "since) o%s WHERE (c.not_before > o.since OR (c.not_before = o.since AND c.id > "
                   "o.id)) AND ",
                   shares[i].key, shares[i].join);
        if (!(b->named & LIFTS_REVOKED)) {
            buf_text(&b->text, "c.state <> ");
            search_bind(s, b, v_int(CERT_REVOKED));
            buf_text(&b->text, " AND ");
        }
        TRY(finds(s, q, b));
        buf_byte(&b->text, ')');
    }
    return OK;
}

enum err
search_within(struct scope *s, const struct collection *c, const char *me, struct when now,
              struct search_sql *b)
{
    unsigned named = b->named;
    struct query q;

    TRY(note(s, query_parse(s, c->query, &q), "collection %s", c->name));
    q.now = now;
    q.me = me;
    b->named = 0;
    buf_byte(&b->text, '(');
    TRY(note(s, finds(s, &q, b), "collection %s", c->name));
    TRY(is_newest(s, &q, c->duplicates.value, b));
    buf_byte(&b->text, ')');
    b->named |= named;
    return OK;
}

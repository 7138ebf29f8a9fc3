/* How many certificates of one subject may be good at once. Where a subject is empty, each of its
 * names stands for it: no order and no further name makes it another's. */
#include "flow/passage.h"

#include "pki/alike.h"
#include "pki/hash.h"

/* One that is on hold may come back. What is renewed makes room for what comes after it. */
#define GOOD_OF_TEMPLATE                                                                        \
    "SELECT COUNT(*) FROM certificate WHERE template = $1 AND not_after > $2 AND id <> $3 AND " \
    "(state = 1 OR (state = 2 AND revocation_reason = 6)) AND dn IN "
/* $5: what entered before it was noted what is alike is known in one spelling, in any case of A to
 * Z. */
#define ALIKE                                        \
    "(SELECT id FROM name WHERE folded IN ($4, $5) " \
    "UNION SELECT name FROM name_alike WHERE alike = $4)"
SQL(good_of_subject, GOOD_OF_TEMPLATE ALIKE);
SQL(good_of_name,
    GOOD_OF_TEMPLATE "(SELECT id FROM name WHERE folded = '') AND id IN (SELECT certificate FROM "
                     "certificate_name WHERE name IN " ALIKE ")");

/* TX: NULL before the commit. */
static enum err
ask(struct scope *s, struct tx *tx, const struct passage *p, struct sql *sql, const char *name)
{
    int64_t most = p->tmpl->body->max_active_per_subject, good;
    struct values v = BIND(v_int(p->tmpl->id), v_when(p->now), v_int(p->in->renews),
                           v_text(name_alike(s->arena, name)), v_text(text_fold(s->arena, name)));
    struct row row;

    TRY(tx ? tx_one(s, tx, sql, v, &row) : db_one(s, p->flow->db, sql, v, &row));
    good = row_int(&row);
    if (good >= most)
        problem(s, path_or(p->in->csr_path, "CSR"), CHY_TOO_MANY_ACTIVE,
                "the template allows %lld good certificate%s of one subject "
                "(max_active_per_subject), and of %s there %s",
                (long long)most, most == 1 ? "" : "s", name,
                good == 1 ? "is one" : arena_printf(s->arena, "are %lld", (long long)good));
    return problems_check(s);
}

static enum err
ask_all(struct scope *s, struct tx *tx, const struct passage *p)
{
    if (!text_empty(p->plan.subject.text))
        return ask(s, tx, p, &good_of_subject, p->plan.subject.text);
    LIST_EACH(struct general_name, name, &p->plan.names)
    TRY(ask(s, tx, p, &good_of_name, name->text));
    return OK;
}

/* However it is written; those without a subject wait for one another. */
static enum err
hold(struct scope *s, struct tx *tx, const struct passage *p)
{
    uint8_t anchor[SHA256_LEN];

    hash_sha256(bytes_of_text(arena_printf(s->arena, "max_active_per_subject %lld %s",
                                           (long long)p->tmpl->id,
                                           name_alike(s->arena, p->plan.subject.text))),
                anchor);
    return tx_anchor(s, tx, (struct bytes){ anchor, SHA256_LEN });
}

enum err
passage_ask_active(struct scope *s, const struct passage *p)
{
    return p->tmpl->body->max_active_per_subject ? ask_all(s, NULL, p) : OK;
}

enum err
passage_ask_active_held(struct scope *s, struct tx *tx, const struct passage *p)
{
    if (!p->tmpl->body->max_active_per_subject)
        return OK;
    TRY(hold(s, tx, p));
    return ask_all(s, tx, p);
}

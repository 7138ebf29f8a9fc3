#include "catalog/search_parts.h"

#include "catalog/archive.h"
#include "catalog/metadata.h"
#include "pki/cert.h"
#include <ctype.h>
#include <string.h>

#define SQL_MAX ((size_t)4 << 20)
#define METADATA_COMMON 10000 /* as many certificates with a value are sooner met than fetched */

void
search_sql_init(struct search_sql *b, struct db *db, struct arena *a)
{
    *b = (struct search_sql){ .db = db };
    buf_init_in(&b->text, a, SQL_MAX);
}

enum err
search_text(struct scope *s, struct search_sql *b, const char **out)
{
    *out = buf_str(&b->text);
    if (*out && b->archived)
        *out = archived_sql(s, *out);
    return *out ? OK : fail_code(s, E_INVALID, CHY_BAD_QUERY, "query: it is too long");
}

void
search_bind(struct scope *s, struct search_sql *b, struct value v)
{
    list_add(s->arena, &b->values, struct value, v);
    buf_printf(&b->text, "$%zu", b->values.count);
}

struct values
search_values(const struct search_sql *b)
{
    return (struct values){ b->values.items, b->values.count };
}

/** Write TEXT, with a bound value for each `?` in it, one after the other; text holds no other. */
static void
put(struct scope *s, struct search_sql *b, const char *text, struct values v)
{
    size_t next = 0;

    for (; *text; text++)
        if (*text == '?')
            search_bind(s, b, v.at[next++]);
        else
            buf_byte(&b->text, (uint8_t)*text);
}

static const char *
sign_of(enum query_ask ask)
{
    static const char *const signs[] = {
        [QL_EQ] = "=", [QL_LT] = "<", [QL_LE] = "<=", [QL_GT] = ">", [QL_GE] = ">="
    };

    return signs[ask];
}

/* Texts. */

/**
 * The first text behind all that begin with PREFIX, in the order of bytes, which is that of code
 * points; NULL when there is none.
 */
static const char *
behind(struct scope *s, const char *prefix)
{
    size_t len = strlen(prefix);

    for (;;) {
        const uint8_t *p = (const uint8_t *)prefix;
        uint32_t c;
        size_t start;
        struct buf b;

        if (!len)
            return NULL;
        for (start = len - 1; start > 0 && (p[start] & 0xc0) == 0x80; start--)
            ;
        c = p[start] < 0x80 ? p[start] : p[start] & (0x7fU >> (len - start));
        for (size_t i = start + 1; i < len; i++)
            c = c << 6 | (p[i] & 0x3f);
        len = start;
        if (c == 0x10ffff) /* the last there is: the one before it has to grow */
            continue;
        c = c == 0xd7ff ? 0xe000 : c + 1;
        buf_init_in(&b, s->arena, QUERY_MAX_BYTES + 8);
        buf_add(&b, prefix, start);
        if (c < 0x80) {
            buf_byte(&b, (uint8_t)c);
        } else {
            size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

            buf_byte(&b, (uint8_t)((0xff00U >> (more + 1) & 0xff) | c >> (6 * more)));
            while (more--)
                buf_byte(&b, (uint8_t)(0x80 | (c >> (6 * more) & 0x3f)));
        }
        return buf_str(&b);
    }
}

/** The folded text that EXPR is: no text is as the empty one. */
static void
text_leaf(struct scope *s, struct search_sql *b, const char *expr, const struct query_leaf *leaf)
{
    struct value text = v_text(leaf->text);
    const char *end;

    switch (leaf->ask) {
    case QL_NULL:
        buf_printf(&b->text, "(%s IS NULL OR %s = '')", expr, expr);
        break;
    case QL_CONTAINS:
        buf_printf(&b->text, "@contains(%s, ", expr);
        put(s, b, "?)", BIND(text));
        break;
    case QL_STARTS:
        end = behind(s, leaf->text);
        buf_printf(&b->text, "(%s >= ", expr);
        put(s, b, "?", BIND(text));
        if (end) {
            buf_printf(&b->text, " AND %s < ", expr);
            put(s, b, "?", BIND(v_text(end)));
        }
        buf_byte(&b->text, ')');
        break;
    case QL_ENDS: {
        int64_t len = (int64_t)text_code_points(leaf->text);

        buf_printf(&b->text, "(length(%s) >= %lld AND substr(%s, length(%s) - %lld) = ", expr,
                   (long long)len, expr, expr, (long long)len - 1);
        put(s, b, "?)", BIND(text));
        break;
    }
    case QL_EQ:
        buf_printf(&b->text, "%s = ", expr);
        put(s, b, "?", BIND(text));
        break;
    default:
        buf_printf(&b->text, "(%s <> '' AND %s %s ", expr, expr, sign_of(leaf->ask));
        put(s, b, "?)", BIND(text));
    }
}

static void
ref_leaf(struct scope *s, struct search_sql *b, const struct cert_field *f,
         const struct query_leaf *leaf)
{
    bool bare = f->kind == CF_CA && (leaf->ask == QL_EQ || leaf->ask == QL_STARTS);

    buf_byte(&b->text, '(');
    if (leaf->ask == QL_NULL)
        buf_printf(&b->text, "%s IS NULL OR ", f->expr);
    buf_printf(&b->text, "%s IN (SELECT n.id FROM %s n WHERE ", f->expr, f->table);
    if (leaf->ask == QL_NULL)
        buf_printf(&b->text, "%s = ''", f->text);
    else
        text_leaf(s, b, f->text, leaf);
    if (bare) { /* shown as host\\name; the host may be left out */
        buf_text(&b->text, " OR ");
        text_leaf(s, b, "n.name_folded", leaf);
    }
    buf_text(&b->text, "))");
}

static void
san_leaf(struct scope *s, struct search_sql *b, const struct query_leaf *leaf)
{
    if (leaf->ask == QL_NULL) {
        buf_text(&b->text, "NOT EXISTS (SELECT 1 FROM certificate_name d "
                           "WHERE d.certificate = c.id)");
        return;
    }
    buf_text(&b->text, "c.id IN (SELECT d.certificate FROM name n JOIN certificate_name d "
                       "ON d.name = n.id WHERE ");
    text_leaf(s, b, "n.folded", leaf);
    buf_byte(&b->text, ')');
}

/** A value as it stands in a DN's text. */
static const char *
dn_escaped(struct scope *s, const char *text)
{
    struct buf b;

    buf_init_in(&b, s->arena, 4 * QUERY_MAX_BYTES);
    for (const char *c = text; *c; c++) {
        if (strchr(",+\"\\<>;", *c))
            buf_byte(&b, '\\');
        buf_byte(&b, (uint8_t)*c);
    }
    return buf_str(&b) ? buf_str(&b) : text;
}

/* The unit stands in the text of the name only: ",ou=it,", or with a plus where an RDN has more. */
static enum err
ou_leaf(struct scope *s, const struct query *q, const struct query_term *t, struct search_sql *b,
        const char *expr, const struct query_leaf *leaf)
{
    const char *value = leaf->ask == QL_NULL ? "" : dn_escaped(s, leaf->text);
    const char *ends = leaf->ask == QL_EQ ? ",+" : "";

    if (leaf->ask != QL_EQ && leaf->ask != QL_STARTS && leaf->ask != QL_NULL)
        return query_fail(s, q, t->op_at, CHY_BAD_QUERY,
                          "\"%.60s\" knows -eq, -ne and -startswith only", t->field);
    buf_printf(&b->text, "%s %s (SELECT n.id FROM name n WHERE ", expr,
               leaf->ask == QL_NULL ? "NOT IN" : "IN");
    for (int i = 0; i < 4; i++) {
        if (i > 1 && !*ends)
            break;
        buf_printf(&b->text, "%s@contains(',' || n.folded || ',', ", i ? " OR " : "");
        put(s, b, "?)",
            BIND(v_text(arena_printf(s->arena, "%cou=%s%.1s", ",+"[i % 2], value,
                                     *ends ? ends + i / 2 : ""))));
    }
    buf_byte(&b->text, ')');
    return OK;
}

/* Bytes as digits. */

/** Digits without the colons and blanks that people write, and without zeros in front when ZEROS
 * mean nothing; NULL when it is no such text. */
static const char *
digits_of(struct scope *s, const char *text, bool zeros)
{
    char *digits = arena_alloc(s->arena, strlen(text) + 1), *to = digits;

    for (; *text; text++) {
        if (*text == ' ' || *text == ':')
            continue;
        if (!isxdigit((unsigned char)*text))
            return NULL;
        *to++ = *text;
    }
    if (zeros)
        digits += strspn(digits, "0");
    return digits;
}

/** The bytes that DIGITS stand for in EXPR; NULL data: none can. */
static struct bytes
bytes_of(struct scope *s, enum cert_field_kind kind, const char *digits)
{
    struct bytes none = { 0 }, b;

    if (kind == CF_SERIAL)
        digits = *digits ? arena_printf(s->arena, "%s%s", strlen(digits) % 2 ? "0" : "", digits)
                         : "00"; /* zero itself */
    return hex_decode(s->arena, digits, &b) && b.len ? b : none;
}

/** The first bytes behind all whose digits begin with DIGITS; NULL data: there are none. */
static struct bytes
bytes_behind(struct scope *s, const char *digits)
{
    char *next = arena_text(s->arena, digits);
    size_t len = strlen(next);
    struct bytes b = { 0 };

    while (len && (next[len - 1] == 'f' || next[len - 1] == 'F'))
        len--;
    if (!len)
        return b;
    next[len] = 0;
    next[len - 1] = next[len - 1] == '9' ? 'a' : (char)(next[len - 1] + 1);
    (void)hex_decode(s->arena, len % 2 ? arena_printf(s->arena, "%s0", next) : next, &b);
    return b;
}

/** Bytes that begin with DIGITS, as a range that an index finds. */
static void
starts_leaf(struct scope *s, struct search_sql *b, const char *expr, const char *digits)
{
    struct bytes from = { 0 }, behind_all = bytes_behind(s, digits);

    (void)hex_decode(s->arena, strlen(digits) % 2 ? arena_printf(s->arena, "%s0", digits) : digits,
                     &from);
    buf_printf(&b->text, "(%s >= ", expr);
    put(s, b, "?", BIND(v_bytes(from)));
    if (behind_all.len) {
        buf_printf(&b->text, " AND %s < ", expr);
        put(s, b, "?", BIND(v_bytes(behind_all)));
    }
    buf_byte(&b->text, ')');
}

static void
bytes_leaf(struct scope *s, struct search_sql *b, const struct cert_field *f,
           const struct query_leaf *leaf)
{
    bool serial = f->kind == CF_SERIAL;
    const char *digits =
        digits_of(s, leaf->text, serial && leaf->ask != QL_CONTAINS && leaf->ask != QL_ENDS);
    struct query_leaf asked = *leaf;
    struct bytes value;

    if (leaf->ask == QL_NULL || !digits) {
        buf_text(&b->text, "1 = 0");
        return;
    }
    if (leaf->ask == QL_STARTS && !serial && *digits) {
        starts_leaf(s, b, f->expr, digits);
        return;
    }
    if (leaf->ask != QL_EQ) {
        asked.text = digits;
        text_leaf(s, b,
                  arena_printf(s->arena,
                               serial ? "ltrim(@hex_of %s @hex_end, '0')" : "@hex_of %s @hex_end",
                               f->expr),
                  &asked);
        return;
    }
    value = bytes_of(s, f->kind, digits);
    if (!value.data) {
        buf_text(&b->text, "1 = 0");
        return;
    }
    buf_printf(&b->text,
               "%s = ", f->kind == CF_HASH && value.len == SHA256_LEN ? "c.sha256" : f->expr);
    put(s, b, "?", BIND(v_bytes(value)));
}

/* Numbers and dates. */

static void
int_leaf(struct scope *s, struct search_sql *b, const char *expr, const struct query_leaf *leaf)
{
    if (leaf->ask == QL_NULL) {
        buf_printf(&b->text, "%s IS NULL", expr);
        return;
    }
    buf_printf(&b->text, "%s %s ", expr, sign_of(leaf->ask));
    put(s, b, "?", BIND(v_int(leaf->number)));
}

static void
date_leaf(struct scope *s, struct search_sql *b, const char *expr, const struct query_leaf *leaf)
{
    if (leaf->ask == QL_NULL) {
        buf_printf(&b->text, "%s IS NULL", expr);
    } else if (leaf->ask == QL_EQ) {
        buf_printf(&b->text, "(%s >= ", expr);
        put(s, b, "?", BIND(v_when(leaf->from)));
        buf_printf(&b->text, " AND %s < ", expr);
        put(s, b, "?)", BIND(v_when(leaf->to)));
    } else {
        buf_printf(&b->text, "%s %s ", expr, sign_of(leaf->ask));
        put(s, b, "?", BIND(v_when(leaf->from)));
    }
}

/* Usages. */

static const struct choice usage_bits[] = {
    { KU_DIGITAL_SIGNATURE, "DigitalSignature", NULL },
    { KU_NON_REPUDIATION, "NonRepudiation", NULL },
    { KU_KEY_ENCIPHERMENT, "KeyEncipherment", NULL },
    { KU_DATA_ENCIPHERMENT, "DataEncipherment", NULL },
    { KU_KEY_AGREEMENT, "KeyAgreement", NULL },
    { KU_CERT_SIGN, "KeyCertSign", NULL },
    { KU_CRL_SIGN, "CrlSign", NULL },
    { KU_ENCIPHER_ONLY, "EncipherOnly", NULL },
    { KU_DECIPHER_ONLY, "DecipherOnly", NULL },
    { 0, NULL, NULL },
};

static enum err
usage_leaf(struct scope *s, const struct query *q, const struct query_term *t,
           const struct cert_field *f, struct search_sql *b, struct query_leaf *leaf)
{
    int64_t mask = 0;

    if (t->op != Q_CONTAINS && t->op != Q_NOT_CONTAINS) {
        TRY(query_leaf_enum(s, q, t, usage_bits, leaf));
        int_leaf(s, b, f->expr, leaf);
        return OK;
    }
    TRY(query_leaf_text(s, q, t, leaf));
    for (const struct choice *c = usage_bits; c->name; c++)
        if (strstr(text_fold(s->arena, c->name), leaf->text))
            mask |= c->number;
    if (leaf->ask == QL_NULL) { /* -contains "": has any */
        buf_printf(&b->text, "%s = 0", f->expr);
        return OK;
    }
    buf_printf(&b->text, "(%s & ", f->expr);
    put(s, b, "?) <> 0", BIND(v_int(mask)));
    return OK;
}

/** The purposes that have names people search for. */
static const char *const purposes[] = {
    OID_EKU_ANY,   OID_EKU_SERVER, OID_EKU_CLIENT, OID_EKU_CODE,
    OID_EKU_EMAIL, OID_EKU_TIME,   OID_EKU_OCSP,
};

static bool
named_so(struct scope *s, const char *name, const struct query_leaf *leaf)
{
    const char *folded = text_fold(s->arena, name);

    switch (leaf->ask) {
    case QL_EQ:
        return text_eq(folded, leaf->text);
    case QL_CONTAINS:
        return strstr(folded, leaf->text) != NULL;
    case QL_STARTS:
        return text_starts(folded, leaf->text);
    default:
        return text_ends(folded, leaf->text);
    }
}

static enum err
eku_leaf(struct scope *s, const struct query *q, const struct query_term *t,
         const struct cert_field *f, struct search_sql *b, const struct query_leaf *leaf)
{
    bool whole_start = leaf->ask == QL_EQ || leaf->ask == QL_STARTS;
    bool whole_end = leaf->ask == QL_EQ || leaf->ask == QL_ENDS;

    if (leaf->ask == QL_NULL) {
        buf_printf(&b->text, "%s = ''", f->expr);
        return OK;
    }
    if (t->op >= Q_LT && t->op <= Q_GE)
        return query_fail(s, q, t->op_at, CHY_BAD_QUERY, "%s does not go with \"%.60s\", a list",
                          query_op_text(t->op), t->field);
    buf_printf(&b->text, "(@contains(%s, ", f->expr);
    put(s, b, "?)",
        BIND(v_text(arena_printf(s->arena, "%s%s%s", whole_start ? " " : "", leaf->text,
                                 whole_end ? " " : ""))));
    for (size_t i = 0; i < COUNT(purposes); i++) {
        const struct oid_info *info = oid_of_text(purposes[i]);

        if (!info || (!named_so(s, info->title, leaf) && !named_so(s, info->name, leaf)))
            continue;
        buf_printf(&b->text, " OR @contains(%s, ", f->expr);
        put(s, b, "?)", BIND(v_text(arena_printf(s->arena, " %s ", purposes[i]))));
    }
    buf_byte(&b->text, ')');
    return OK;
}

/* Words. */

static enum err
word_leaf(struct scope *s, const struct query *q, const struct query_term *t,
          const struct cert_field *f, struct search_sql *b, struct query_leaf *leaf)
{
    int64_t number = 0;
    bool by_number;

    if (t->op >= Q_LT && t->op <= Q_GE)
        return query_fail(s, q, t->op_at, CHY_BAD_QUERY, "%s does not go with \"%.60s\", a word",
                          query_op_text(t->op), t->field);
    TRY(query_leaf_text(s, q, t, leaf));
    if (leaf->ask == QL_NULL) {
        buf_text(&b->text, "1 = 0");
        return OK;
    }
    by_number = leaf->ask == QL_EQ && text_to_int(leaf->text, &number);
    buf_printf(&b->text, "%s IN (''", f->expr);
    for (const struct field_word *w = f->words; w->stored; w++)
        if (by_number ? w->number == number
                      : named_so(s, w->title, leaf) || named_so(s, w->stored, leaf))
            put(s, b, ", ?", BIND(v_text(w->stored)));
    buf_byte(&b->text, ')');
    return OK;
}

/* What people note. */

/** A comparison of what is noted. */
struct noted {
    const struct cert_field *f;
    const struct query_leaf *leaf;
    bool listed; /* its values are those of ROWS */
    struct rows rows;
};

/** The condition on a row m of certificate_metadata. */
static void
metadata_row(struct scope *s, struct search_sql *b, const struct noted *n)
{
    const struct query_leaf *leaf = n->leaf;

    if (n->listed) {
        buf_text(&b->text, "m.folded IN ");
        parts_texts(s, b, &n->rows);
    } else if (n->f->type == META_DATE) {
        date_leaf(s, b, "m.number", leaf);
    } else if (metadata_is_number(n->f->type)) {
        int_leaf(s, b, "m.number", leaf);
    } else if (n->f->type == META_BIG_TEXT && /* an index holds the beginning only */
               (leaf->ask != QL_EQ || text_code_points(leaf->text) >= METADATA_TEXT_MAX)) {
        text_leaf(s, b, "lower(m.value)", leaf);
    } else {
        text_leaf(s, b, "m.folded", leaf);
    }
}

/**
 * Is it true of so many that a page is found sooner by walking its order? Asked where an index
 * answers at once, and for pages only: a count needs each of them.
 */
static enum err
is_common(struct scope *s, const struct search_sql *b, const struct noted *n, bool *out)
{
    struct search_sql probe;
    struct rows rows;
    const char *text;

    *out = false;
    if (!b->page || (!n->listed && (n->leaf->ask == QL_CONTAINS || n->leaf->ask == QL_ENDS)))
        return OK;
    search_sql_init(&probe, b->db, s->arena);
    probe.archived = b->archived;
    buf_text(&probe.text, "SELECT COUNT(*) FROM (SELECT 1 FROM certificate_metadata m "
                          "WHERE m.field = ");
    put(s, &probe, "? AND ", BIND(v_int(n->f->field)));
    metadata_row(s, &probe, n);
    put(s, &probe, " LIMIT ?) few", BIND(v_int(METADATA_COMMON)));
    TRY(search_text(s, &probe, &text));
    TRY(db_query(s, b->db, text, (struct values){ probe.values.items, probe.values.count }, &rows));
    *out = rows.count && row_int(&rows.at[0]) == METADATA_COMMON;
    return OK;
}

/** Parts of short texts: which values have it, when they are few; COMMON: they are many. */
static enum err
metadata_parts(struct scope *s, const struct search_sql *b, struct noted *n, bool *common)
{
    struct parts found;

    if (n->leaf->ask != QL_CONTAINS || !*n->leaf->text || n->f->type == META_BIG_TEXT)
        return OK;
    TRY(parts_find(s, b, INDEX_METADATA, n->f->field, n->leaf, &found));
    n->listed = !found.many;
    n->rows = found.rows;
    *common = found.many && b->page;
    return OK;
}

static enum err
metadata_leaf(struct scope *s, const struct query *q, const struct query_term *t,
              const struct cert_field *f, struct search_sql *b, struct query_leaf *leaf)
{
    struct noted n = { .f = f, .leaf = leaf };
    bool many = false, common;

    TRY(f->type == META_INT    ? query_leaf_int(s, q, t, leaf)
        : f->type == META_BOOL ? query_leaf_bool(s, q, t, leaf)
        : f->type == META_DATE ? query_leaf_date(s, q, t, leaf)
                               : query_leaf_text(s, q, t, leaf));
    if (leaf->ask == QL_NULL) {
        buf_text(&b->text, "NOT EXISTS (SELECT 1 FROM certificate_metadata m "
                           "WHERE m.certificate = c.id AND m.field = ");
        put(s, b, "?)", BIND(v_int(f->field)));
        return OK;
    }
    TRY(metadata_parts(s, b, &n, &many));
    if (n.listed && !n.rows.count) {
        buf_text(&b->text, "1 = 0");
        return OK;
    }
    TRY(is_common(s, b, &n, &common));
    n.listed = n.listed && !common; /* walking, the text itself is looked at */
    common = common || many;
    buf_text(&b->text, common ? "0 < (SELECT COUNT(*) FROM certificate_metadata m WHERE "
                                "m.certificate = c.id AND m.field = "
                              : "c.id IN (SELECT m.certificate FROM certificate_metadata m WHERE "
                                "m.field = ");
    put(s, b, "? AND ", BIND(v_int(f->field)));
    metadata_row(s, b, &n);
    buf_byte(&b->text, ')');
    return OK;
}

/* Terms and what joins them. */

/** A distinguished name as the register writes it: no blanks behind the commas (RFC 4514). */
static const char *
dn_text(struct arena *a, const char *text)
{
    char *out = arena_text(a, text), *to = out;

    for (const char *p = text; *p; p++) {
        *to++ = *p;
        if (*p == '\\' && p[1])
            *to++ = *++p;
        else if (*p == ',')
            p += strspn(p + 1, " ");
    }
    *to = '\0';
    return out;
}

static enum err
text_term(struct scope *s, const struct query *q, const struct query_term *t,
          const struct cert_field *f, struct search_sql *b, struct query_leaf *leaf)
{
    TRY(f->flags & NAMES_CALLER ? query_leaf_caller(s, q, t, leaf)
                                : query_leaf_text(s, q, t, leaf));
    if (f->flags & IS_DN && leaf->text)
        leaf->text = dn_text(s->arena, leaf->text);
    switch (f->kind) {
    case CF_REF:
    case CF_CA:
        if (parts_indexed(b, f->table, leaf))
            return parts_ref(s, b, f, leaf);
        ref_leaf(s, b, f, leaf);
        break;
    case CF_SAN:
        if (parts_indexed(b, "name", leaf))
            return parts_san(s, b, leaf);
        san_leaf(s, b, leaf);
        break;
    case CF_OU:
        return ou_leaf(s, q, t, b, f->expr, leaf);
    case CF_EKU:
        return eku_leaf(s, q, t, f, b, leaf);
    case CF_HASH:
    case CF_BYTES:
    case CF_SERIAL:
        bytes_leaf(s, b, f, leaf);
        break;
    case CF_NOTHING:
        buf_text(&b->text, leaf->ask == QL_NULL ? "1 = 1" : "1 = 0");
        break;
    default:
        text_leaf(s, b, f->expr, leaf);
    }
    return OK;
}

static enum err
leaf_sql(struct scope *s, const struct query *q, const struct query_term *t,
         const struct cert_field *f, struct search_sql *b, struct query_leaf *leaf)
{
    switch (f->kind) {
    case CF_INT:
        TRY(query_leaf_int(s, q, t, leaf));
        int_leaf(s, b, f->expr, leaf);
        return OK;
    case CF_ENUM:
        TRY(query_leaf_enum(s, q, t, f->choices, leaf));
        int_leaf(s, b, f->expr, leaf);
        return OK;
    case CF_BOOL:
        TRY(query_leaf_bool(s, q, t, leaf));
        int_leaf(s, b, f->expr, leaf);
        return OK;
    case CF_DATE:
        TRY(query_leaf_date(s, q, t, leaf));
        date_leaf(s, b, f->expr, leaf);
        return OK;
    case CF_ARCHIVED:
        TRY(query_leaf_bool(s, q, t, leaf));
        buf_text(&b->text, leaf->ask == QL_EQ && leaf->number == b->archived ? "1 = 1" : "1 = 0");
        return OK;
    case CF_USAGE:
        return usage_leaf(s, q, t, f, b, leaf);
    case CF_METADATA:
        return metadata_leaf(s, q, t, f, b, leaf);
    case CF_WORD:
        return word_leaf(s, q, t, f, b, leaf);
    default:
        return text_term(s, q, t, f, b, leaf);
    }
}

/** What is unknown (NULL) is false: so it is in the end for what stands as it is, and for what is
 * turned round it is made so. */
static enum err
term_sql(struct scope *s, const struct query *q, const struct query_term *t, bool negated,
         struct search_sql *b)
{
    const struct cert_field *f;
    struct query_leaf leaf = { 0 };
    struct search_sql part = *b;

    if (b->own)
        f = b->own(t->field);
    else
        TRY(search_field_of(s, b->db, t->field, &f));
    if (!f)
        return query_fail(s, q, t->field_at, CHY_QUERY_FIELD, "unknown field \"%.60s\"%s", t->field,
                          b->own ? "" : cert_field_did_you_mean(s->arena, t->field));
    buf_init_in(&part.text, s->arena, SQL_MAX);
    TRY(leaf_sql(s, q, t, f, &part, &leaf));
    b->values = part.values;
    b->named |= f->flags & (LIFTS_REVOKED | LIFTS_EXPIRED);
    negated = negated != leaf.negated;
    buf_printf(&b->text, negated ? "((%s) IS NOT TRUE)" : "(%s)",
               buf_str(&part.text) ? buf_str(&part.text) : "");
    b->text.failed |= part.text.failed;
    return OK;
}

static enum err node_sql(struct scope *s, const struct query *q, const struct query_node *n,
                         bool negated, struct search_sql *b);

/** The children of a node, COUNT of them from AT on. */
struct part {
    struct query_node **at;
    size_t count;
    const char *word; /* between them */
};

/** Halved again and again: engines limit how deep an expression is. */
static enum err
join_sql(struct scope *s, const struct query *q, const struct part *p, bool negated,
         struct search_sql *b)
{
    size_t half = p->count / 2;

    if (p->count == 1)
        return node_sql(s, q, *p->at, negated, b);
    buf_byte(&b->text, '(');
    TRY(join_sql(s, q, &(const struct part){ p->at, half, p->word }, negated, b));
    buf_text(&b->text, p->word);
    TRY(join_sql(s, q, &(const struct part){ p->at + half, p->count - half, p->word }, negated, b));
    buf_byte(&b->text, ')');
    return OK;
}

/** NOT goes down to the terms, by the laws of De Morgan. */
static enum err
node_sql(struct scope *s, const struct query *q, const struct query_node *n, bool negated,
         struct search_sql *b)
{
    if (n->kind == Q_TERM)
        return term_sql(s, q, &n->term, negated, b);
    return join_sql(s, q,
                    &(const struct part){ n->children.items, n->children.count,
                                          (n->kind == Q_AND) != negated ? " AND " : " OR " },
                    n->kind == Q_NOT ? !negated : negated, b);
}

enum err
search_condition(struct scope *s, const struct query *q, struct search_sql *b)
{
    return node_sql(s, q, q->root, false, b);
}

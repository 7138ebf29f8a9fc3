#include "catalog/test_search_rows.h"

#include "base/test.h"
#include "catalog/query.h"
#include "db/test_pg.h"

static const struct choice states[] = {
    { 0, "Unknown", NULL }, { 1, "Active", NULL },
    { 2, "Revoked", NULL }, { 6, "CertificateAuthority", NULL },
    { 0, NULL, NULL },
};
static const struct choice key_types[] = {
    { 1, "RSA", NULL }, { 3, "ECC", NULL }, { 6, "Ed25519", NULL }, { 0, NULL, NULL }
};
static const struct choice reasons[] = { { 0, "Unspecified", NULL },
                                         { 1, "KeyCompromise", NULL },
                                         { 4, "Superseded", NULL },
                                         { 0, NULL, NULL } };

static const struct field known_fields[] = {
    FIELD(known, id, "CertId"),
    FIELD(known, cn, "IssuedCN"),
    FIELD(known, dn, "IssuedDN"),
    FIELD(known, issuer, "IssuerDN"),
    FIELD(known, serial, "SerialNumber"),
    FIELD(known, thumbprint, "Thumbprint"),
    FIELD(known, curve, "Curve"),
    FIELD(known, algorithm, "SigningAlgorithm"),
    FIELD(known, requester, "RequesterName"),
    FIELD(known, principal, "PrincipalName"),
    FIELD(known, template_name, "TemplateName"),
    FIELD(known, template_short, "TemplateShortName"),
    FIELD(known, role, "OwnerRoleName"),
    FIELD(known, not_before, "NotBefore"),
    FIELD(known, not_after, "NotAfter"),
    FIELD(known, imported, "ImportDate"),
    FIELD(known, revoked, "RevocationDate"),
    FIELD(known, state, "CertState", .choices = states),
    FIELD(known, key_type, "KeyType", .choices = key_types),
    FIELD(known, key_bits, "KeySize"),
    FIELD(known, usage, "KeyUsage"),
    FIELD(known, template_id, "TemplateId"),
    FIELD(known, authority, "CertificateAuthorityId"),
    FIELD(known, request, "CertRequestId"),
    FIELD(known, reason, "RevocationReason", .choices = reasons),
    FIELD(known, has_key, "HasPrivateKey"),
    FIELD(known, self_signed, "SelfSigned"),
    FIELD(known, sans, "SAN", .model = &text_model),
    FIELD(known, cas, "CA", .model = &text_model),
};
const struct model known_model = MODEL(known, known_fields);

static uint64_t dice_state = 88172645463325252U;

uint32_t
known_dice(uint32_t limit)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (uint32_t)(dice_state >> 20) % limit;
}

const char *
known_text(struct arena *a)
{
    static const char *const letters[] = {
        "a",
        "b",
        "A",
        "B",
        "%",
        "_",
        "'",
        "\"",
        "\\",
        " ",
        "\x7f",
        "\xc3\xa9",
        "\xc3\x89",
        "\xed\x9f\xbf",
        "\xef\xbf\xbd",
        "\xf4\x8f\xbf\xbf",
    };
    const char *text = "";

    for (uint32_t left = 1 + known_dice(4); left > 0; left--)
        text =
            arena_printf(a, "%s%s", text, letters[known_dice(known_dice(2) ? 4 : COUNT(letters))]);
    return text;
}

/** The text, now and then the empty one, now and then none. */
static const char *
maybe(struct arena *a)
{
    uint32_t n = known_dice(6);

    return n == 0 ? NULL : n == 1 ? "" : known_text(a);
}

SQL(add_role, "INSERT INTO role (id, name, name_folded) VALUES (7, 'Ops', 'ops')");
SQL(add_authorities,
    "INSERT INTO authority (id, name, name_folded, slug, host, driver, created_at) VALUES "
    "(1, 'Web A', 'web a', 'a', '', 'embedded', 0), (2, 'Web B', 'web b', 'b', 'HOST', 'embedded', "
    "0)");
SQL(add_templates, "INSERT INTO template (id, name, name_folded, display_name, oid, created_at) "
                   "VALUES (3, 'Web', 'web', 'Web Server', '1.2', 0), "
                   "(4, 'Mail', 'mail', '', '1.3', 0)");
SQL(add_request,
    "INSERT INTO request (id, public_id, endpoint, requester_kind, requester_id, "
    "requester_name, disposition, created_at) VALUES ($1, $2, 'rest', 0, 0, '', 1, 0)");
SQL(add_row,
    "INSERT INTO certificate (sha256, sha1, issuer_hash, serial, subject_hash, key_hash, dn, cn, "
    "issuer_dn, not_before, not_after, imported_at, state, key_type, key_bits, curve, key_usage, "
    "signing_algorithm, self_signed, authority, template, request, requester_name, principal_name, "
    "owner_role, has_private_key, revoked_at, revocation_reason) VALUES ($1, $2, $1, $3, $1, $1, "
    "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, "
    "$24, $25) RETURNING id");
SQL(add_der, "INSERT INTO certificate_der (certificate, der) VALUES ($1, $2)");
SQL(add_name, "INSERT INTO certificate_name (certificate, position, kind, name) "
              "VALUES ($1, $2, 2, $3)");

static struct bytes
random_bytes(struct arena *a, size_t len)
{
    uint8_t *data = arena_alloc(a, len);

    for (size_t i = 0; i < len; i++) /* no digit is 0 */
        data[i] = (uint8_t)((1 + known_dice(15)) << 4 | (1 + known_dice(15)));
    return (struct bytes){ data, len };
}

static struct known
make_known(struct arena *a, struct when now)
{
    static const int64_t some_states[] = { 0, 1, 1, 1, 2, 2, 6 }, types[] = { 1, 3, 6 };
    struct known k = {
        .cn = known_dice(5) ? known_text(a) : NULL,
        .dn = known_dice(5) ? arena_printf(a, "CN=%s,O=%s", known_text(a), known_text(a)) : "",
        .issuer = known_dice(2) ? "CN=Web A" : "CN=Web B",
        .curve = known_dice(2) ? "P-256" : NULL,
        .algorithm = known_dice(2) ? "ECDSA With SHA-256" : "SHA-256 With RSA Encryption",
        .requester = maybe(a),
        .principal = maybe(a),
        .role = known_dice(2) ? "ops" : NULL,
        .not_before = when_add_ms(now, -(int64_t)known_dice(10) * DAY_MS),
        .not_after = when_add_ms(now, ((int64_t)known_dice(200) - 100) * HOUR_MS),
        .imported = when_add_ms(now, -(int64_t)known_dice(100000)),
        .revoked = WHEN_NONE,
        .state = some_states[known_dice(COUNT(some_states))],
        .key_type = types[known_dice(COUNT(types))],
        .key_bits = known_dice(2) ? 256 : 2048,
        .usage = known_dice(256),
        .template_id = { known_dice(3) != 0, 3 + known_dice(2) },
        .authority = { known_dice(3) != 0, 1 + known_dice(2) },
        .request = { known_dice(3) != 0, 1 + known_dice(5) },
        .has_key = known_dice(2),
        .self_signed = known_dice(2),
    };
    static const char *const cas[][2] = { { "Web A", "Web A" }, { "HOST\\Web B", "Web B" } };

    if (k.state == CERT_REVOKED) {
        k.revoked = when_add_ms(now, -(int64_t)known_dice(100) * HOUR_MS);
        k.reason = (struct opt_int){ true, known_dice(2) ? 4 : known_dice(2) };
    }
    if (k.template_id.given) {
        k.template_short = k.template_id.value == 3 ? "Web" : "Mail";
        k.template_name = k.template_id.value == 3 ? "Web Server" : "";
    }
    for (size_t i = 0; k.authority.given && i < 2; i++)
        list_add(a, &k.cas, const char *, cas[k.authority.value - 1][i]);
    for (uint32_t left = known_dice(4); left > 0; left--)
        list_add(a, &k.sans, const char *, known_text(a));
    return k;
}

struct job {
    struct when now;
    size_t count;
    struct list *out;
};

static enum err
optional_name(struct scope *s, struct tx *tx, const char *text, int64_t *id)
{
    *id = 0;
    return text ? name_id(s, tx, text, id) : OK;
}

static enum err
add(struct scope *s, struct tx *tx, struct known *k)
{
    struct bytes sha256 = random_bytes(s->arena, 32), sha1 = random_bytes(s->arena, 20),
                 serial = random_bytes(s->arena, 9);
    int64_t dn, cn, issuer, name, position = 0;
    struct row row;

    while (!serial.data[0]) /* a magnitude */
        serial = random_bytes(s->arena, 9);
    k->serial = hex_upper(s->arena, serial);
    k->thumbprint = hex_upper(s->arena, sha1);
    TRY(name_id(s, tx, k->dn, &dn));
    TRY(optional_name(s, tx, k->cn, &cn));
    TRY(name_id(s, tx, k->issuer, &issuer));
    TRY(tx_one(s, tx, &add_row,
               BIND(v_bytes(sha256), v_bytes(sha1), v_bytes(serial), v_int(dn), v_id(cn),
                    v_int(issuer), v_when(k->not_before), v_when(k->not_after), v_when(k->imported),
                    v_int(k->state), v_int(k->key_type), v_int(k->key_bits), v_text(k->curve),
                    v_int(k->usage), v_text(k->algorithm), v_bool(k->self_signed),
                    v_id(k->authority.given ? k->authority.value : 0),
                    v_id(k->template_id.given ? k->template_id.value : 0),
                    v_id(k->request.given ? k->request.value : 0), v_text(k->requester),
                    v_text(k->principal), v_id(k->role ? 7 : 0), v_bool(k->has_key),
                    v_when(k->revoked), k->reason.given ? v_int(k->reason.value) : v_null()),
               &row));
    k->id = row_int(&row);
    TRY(tx_do(s, tx, &add_der, BIND(v_int(k->id), v_bytes(sha1))));
    LIST_EACH(const char *, san, &k->sans)
    {
        position++;
        TRY(name_id(s, tx, *san, &name));
        TRY(tx_do(s, tx, &add_name, BIND(v_int(k->id), v_int(position), v_int(name))));
    }
    TRY(counter_add(s, tx, "expiry_day", k->not_after.ms / DAY_MS, 1));
    if (k->state != CERT_REVOKED)
        TRY(counter_add(s, tx, "valid_day", k->not_after.ms / DAY_MS, 1));
    return counter_add(s, tx, "state", k->state, 1);
}

static enum err
add_all(struct scope *s, struct tx *tx, void *arg)
{
    const struct job *job = arg;

    *job->out = (struct list){ 0 };
    dice_state = 88172645463325252U;
    TRY(tx_do(s, tx, &add_role, BIND_NONE));
    TRY(tx_do(s, tx, &add_authorities, BIND_NONE));
    TRY(tx_do(s, tx, &add_templates, BIND_NONE));
    for (int64_t i = 1; i <= 5; i++)
        TRY(tx_do(s, tx, &add_request,
                  BIND(v_int(i), v_text(arena_printf(s->arena, "%lld", (long long)i)))));
    for (size_t i = 0; i < job->count; i++) {
        struct known *k = list_push(s->arena, job->out, struct known);

        *k = make_known(s->arena, job->now);
        TRY(add(s, tx, k));
    }
    return OK;
}

void
known_rows(struct scope *s, struct db *db, size_t count, struct when now, struct list *out)
{
    struct job job = { now, count, out };

    assert_ok(s, db_write(s, db, add_all, &job));
}

struct db *
known_db(struct scope *s, enum db_kind kind)
{
    static int number;
    const char *url = kind == DB_POSTGRES
                          ? test_pg_ready()
                          : arena_printf(s->arena, "sqlite:%s/search%d.db", test_dir(), ++number);
    struct db *db = NULL;

    if (url)
        assert_ok(s, db_open(s, url, &(const struct db_options){ 0 }, &db));
    return db;
}

/* What memory finds. */

static void
leave_out(struct list *l, bool revoked, bool expired)
{
    size_t kept = 0;

    LIST_EACH(struct known, k, l)
    if ((revoked || k->state != CERT_REVOKED) &&
        (expired || when_cmp(k->not_after, KNOWN_NOW) >= 0))
        *list_at(l, struct known, kept++) = *k;
    l->count = kept;
}

static void
turn_round(struct scope *s, struct list *l)
{
    struct list turned = { 0 };

    for (size_t i = l->count; i > 0; i--)
        list_add(s->arena, &turned, struct known, *list_at(l, struct known, i - 1));
    *l = turned;
}

struct list
known_found(struct scope *s, const struct cert_search *q, const struct list *all, bool revoked,
            bool expired)
{
    struct list l = *all;

    l.items = arena_copy(s->arena, all->items, all->count * sizeof(struct known));
    leave_out(&l, revoked || q->include_revoked, expired || q->include_expired);
    assert_ok(s, query_filter(s, q->query, &known_model, q->now, &l));
    if (q->descending)
        turn_round(s, &l);
    assert_ok(s, query_sort(s, q->sort, q->descending, &known_model, &l));
    return l;
}

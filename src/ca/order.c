/* Authorities made, given new keys, certified by others. */
#include "ca/order.h"

#include "base/log.h"
#include "ca/found.h"
#include "codec/json.h"
#include "pki/csr.h"
#include "pki/tbs.h"
#include <string.h>

#define ROOT_LIFE_MS (20 * 365 * DAY_MS)
#define BELOW_LIFE_MS (10 * 365 * DAY_MS)
#define NAME_MAX_CHARACTERS 64

SQL(next_generation, "SELECT COALESCE(MAX(generation), 0) + 1 FROM ca_key WHERE authority = $1");
SQL(waiting_key,
    "SELECT k.id, k.key_uri, k.spki, k.generation, a.name, a.slug FROM ca_key k "
    "JOIN authority a ON a.id = k.authority WHERE k.authority = $1 AND NOT EXISTS "
    "(SELECT 1 FROM ca_certificate c WHERE c.ca_key = k.id) ORDER BY k.generation DESC LIMIT 1");
SQL(all_certificates, "SELECT c.id, k.generation, c.preferred, c.der, COALESCE(r.id, 0), "
                      "COALESCE(r.ca_key, 0), r.revoked_at, COALESCE(r.revocation_reason, -1) "
                      "FROM ca_certificate c JOIN ca_key k ON k.id = c.ca_key "
                      "LEFT JOIN certificate r ON r.id = c.certificate WHERE k.authority = $1 "
                      "ORDER BY k.generation DESC, c.preferred DESC, c.id");
SQL(key_place, "SELECT key_uri FROM ca_key WHERE id = $1");
SQL(keep_wishes, "UPDATE authority SET settings = $2 WHERE id = $1");
SQL(read_wishes, "SELECT settings FROM authority WHERE id = $1");

static enum err
no_authority(struct scope *s, int64_t id)
{
    return fail_code(s, E_NOT_FOUND, CHY_NO_CA, "certificate authority %lld not found",
                     (long long)id);
}

static void
check_constraints(struct scope *s, const char *field, const struct list *names)
{
    LIST_EACH(const char *, name, names)
    {
        const char *wrong = name_constraint_fault(s, *name);

        if (wrong)
            problem(s,
                    arena_printf(s->arena, "%s[%zu]", field,
                                 (size_t)(name - (const char **)names->items)),
                    CHY_BAD_VALUE,
                    "name constraints: \"%.253s\" is neither a DNS name nor a network: %s", *name,
                    wrong);
    }
}

/* Where the key is to be made; NULL: in a file of ours, be it said or not. */
static const char *
place_of(const struct ca_order *o)
{
    return text_empty(o->key_uri) || text_eq(o->key_uri, "file:") ? NULL : o->key_uri;
}

/* What an order says that can be judged before anything is made. */
static void
check_order(struct scope *s, const struct ca_order *o)
{
    struct key_spec spec;

    if (o->key_type && !key_spec_parse(o->key_type, &spec))
        problem(s, "key_type", CHY_BAD_VALUE,
                "\"%.64s\" is no kind of key: ec-p256, ec-p384, ec-p521, rsa-2048 to rsa-4096, "
                "ed25519",
                o->key_type);
    else if (o->key_type && spec.type == KEY_RSA && (spec.bits < 2048 || spec.bits > 4096))
        problem(s, "key_type", CHY_BAD_VALUE, "an RSA key of a CA has 2048 to 4096 bits");
    if (place_of(o) && !text_starts(o->key_uri, "pkcs11:"))
        problem(s, "key_uri", CHY_BAD_VALUE,
                "a key is made on a token, pkcs11:token=T;object=K, or in a file of ours, file:");
    if (o->outside && o->parent)
        problem(s, "parent", CHY_BAD_VALUE,
                "an authority that is certified outside has no parent here");
    if (o->path_len < -1 || o->path_len > 16)
        problem(s, "path_length", CHY_BAD_VALUE, "from 0 to 16, or -1 for no limit");
    check_constraints(s, "permitted", &o->permitted);
    check_constraints(s, "excluded", &o->excluded);
}

static void
check_name(struct scope *s, struct ca_office *office UNUSED, const char *name)
{
    if (text_empty(name))
        problem(s, "name", CHY_MISSING, "an authority has a name");
    else if (text_code_points(name) > NAME_MAX_CHARACTERS || text_has_control(name))
        problem(s, "name", CHY_BAD_VALUE, "a name has at most 64 characters, none for control");
    else if (strspn(name, "0123456789") == strlen(name))
        problem(s, "name", CHY_BAD_VALUE,
                "a name is no number: numbers name authorities by their ids");
}

/* The authority above, when it can and may have one more below it. */
static const struct ca_key *
parent_of(struct scope *s, const struct ca_snapshot *snap, const struct ca_order *o,
          const struct ca_authority **parent)
{
    const struct ca_authority *ca = ca_find(snap, o->parent);
    const struct ca_key *key = ca ? ca->key : NULL;

    if (!ca)
        problem(s, "parent", CHY_NO_CA, "there is no certificate authority \"%.128s\"", o->parent);
    else if (!key)
        problem(s, "parent", CHY_CA_OFFLINE,
                ca->revoked ? "the certificate of %s is revoked" : "%s has no key that can sign",
                ca->name);
    else if (!ca->enabled)
        problem(s, "parent", CHY_CA_OFFLINE, "%s is switched off", ca->name);
    else if (key->cert->exts.path_len == 0)
        problem(s, "parent", CHY_BAD_VALUE, "the path length of %s allows no authority below it",
                ca->name);
    else if (key->cert->exts.path_len > 0 && o->path_len >= key->cert->exts.path_len)
        problem(s, "path_length", CHY_BAD_VALUE, "below %s at most %d", ca->name,
                key->cert->exts.path_len - 1);
    if (s->problems.count)
        return NULL;
    *parent = ca;
    return key;
}

/* Without a limit of its own a child has one less than its parent. */
static int
path_of(const struct ca_order *o, const struct ca_key *parent)
{
    int above = parent ? parent->cert->exts.path_len : -1;

    return o->path_len < 0 && above > 0 ? above - 1 : (int)o->path_len;
}

static const char *
usual_key(struct scope *s, const struct ca_key *like)
{
    struct key_spec spec = { KEY_EC, 384 };

    if (like)
        spec = (struct key_spec){ like->cert->key.type, like->cert->key.bits };
    return spec.type == KEY_RSA  ? arena_printf(s->arena, "rsa-%d", spec.bits)
           : spec.type == KEY_EC ? arena_printf(s->arena, "ec-p%d", spec.bits)
                                 : "ed25519";
}

struct making {
    struct ca_office *office;
    struct founding *f, *also; /* ALSO: a second certificate for the same key */
    const char *settings;      /* what is kept until a certificate says it; or NULL */
    const struct audit_actor *actor;
};

static enum err
make_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct making *m = arg;

    TRY(found_register(s, tx, m->f, m->actor));
    if (m->settings)
        TRY(tx_do(s, tx, &keep_wishes, BIND(v_int(m->f->authority), v_text(m->settings))));
    if (!m->also)
        return OK;
    m->also->authority = m->f->authority;
    m->also->ca_key = m->f->ca_key;
    return found_add_certificate(s, tx, m->also, false, m->actor);
}

static enum err
make(struct scope *s, struct making *m)
{
    enum err e = db_write(s, m->office->o.db, make_in, m);

    if (e != OK) {
        found_undo(m->office, m->f);
        return e;
    }
    if (found_finish(s, m->office) != OK) {
        log_failure(s, LOG_ERROR, "a new authority is not complete yet; its jobs go on");
        scope_clear(s);
    }
    return OK;
}

static enum err
subject_of(struct scope *s, const struct ca_order *o, struct bytes *der)
{
    if (text_empty(o->subject))
        return cn_name(s, o->name, der);
    if (name_from_text(s, o->subject, der) != OK) {
        problem(s, "subject", CHY_BAD_VALUE, "%s", s->error.text);
        return problems_check(s);
    }
    return OK;
}

/* A name that stands in certificates already would make two authorities one. */
static void
check_subject(struct scope *s, const struct ca_snapshot *snap, struct bytes subject)
{
    LIST_EACH(struct ca_key *, k, &snap->keys)
    if (name_same(s->arena, subject, (*k)->cert->subject.der)) {
        problem(s, "subject", CHY_BAD_VALUE, "\"%s\" is the name of an authority that is here",
                (*k)->cert->subject.text);
        return;
    }
}

static enum err
certified(struct scope *s, struct ca_office *office, const struct ca_order *o,
          const struct exts *like, struct founding *f)
{
    struct found_terms terms = {
        .life_ms = o->life_ms  ? o->life_ms
                   : f->issuer ? BELOW_LIFE_MS
                               : ROOT_LIFE_MS,
        .path_len = path_of(o, f->issuer),
        .permitted = &o->permitted,
        .excluded = &o->excluded,
        .like = like,
        .exact = o->life_ms != 0,
    };

    return o->outside ? OK : found_certify(s, office, f, &terms);
}

/* What the request to an outside authority will say, until a certificate says it. */
static enum err
remember(struct scope *s, const struct ca_order *o, struct bytes subject, const char **settings)
{
    struct list wishes = { 0 };
    struct buf b;

    ext_ca(s, &wishes, (int)o->path_len);
    TRY(ext_name_constraints(s, &wishes, &o->permitted, &o->excluded));
    buf_init_in(&b, s->arena, CERT_MAX_LEN);
    exts_write(&b, &wishes);
    if (b.failed)
        return fail_code(s, E_LIMIT, CHY_BAD_VALUE, "the name constraints are too long");
    *settings =
        arena_printf(s->arena, "{\"subject\":\"%s\",\"extensions\":\"%s\"}",
                     base64_encode(s->arena, subject), base64_encode(s->arena, buf_bytes(&b)));
    return OK;
}

enum err
ca_create(struct scope *s, struct ca_office *office, const struct ca_order *o,
          const struct audit_actor *actor, int64_t *id)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    const struct ca_authority *parent = NULL;
    struct founding f = { .name = o->name,
                          .generation = 1,
                          .uri = place_of(o),
                          .offers_enrollment = o->offers_enrollment };
    struct making m = { .office = office, .f = &f, .actor = actor };
    enum err e;

    check_name(s, office, o->name);
    check_order(s, o);
    if (o->parent)
        f.issuer = parent_of(s, snap, o, &parent);
    TRY(problems_check(s));
    if (ca_find(snap, o->name))
        return fail_code(s, E_CONFLICT, CHY_BAD_VALUE,
                         "there is a certificate authority \"%s\" already", o->name);
    TRY(subject_of(s, o, &f.subject));
    check_subject(s, snap, f.subject);
    TRY(problems_check(s));
    f.slug = slug_of(s->arena, o->name);
    if (parent) {
        f.parent = parent->id;
        f.issuer_row = f.issuer->cert_row;
    }
    if (o->outside)
        TRY(remember(s, o, f.subject, &m.settings));
    TRY(found_key(s, office, o->key_type ? o->key_type : usual_key(s, f.issuer), false, &f));
    e = certified(s, office, o, NULL, &f);
    if (e != OK)
        found_undo(office, &f);
    TRY(e);
    TRY(make(s, &m));
    *id = f.authority;
    return OK;
}

/* The new key of a root, certified by the old one (RFC 4210 section 4.4). */
static enum err
certify_by_old(struct scope *s, struct ca_office *office, const struct ca_key *old,
               const struct founding *f, struct founding *also)
{
    struct found_terms terms = { .life_ms = BELOW_LIFE_MS,
                                 .path_len = old->cert->exts.path_len,
                                 .like = &old->cert->exts };

    *also = *f;
    also->issuer = old;
    also->issuer_row = old->cert_row;
    return note(s, found_certify(s, office, also, &terms), "certifying the new key by the old one");
}

/* What is on a token has no successor on the disk but for who says so. */
static enum err
check_place(struct scope *s, const struct ca_office *office, const struct ca_key *old,
            const struct ca_order *o)
{
    struct row row;

    if (!text_empty(o->key_uri))
        return OK;
    TRY(db_one(s, office->o.db, &key_place, BIND(v_int(old->id)), &row));
    if (!text_starts(row_text(&row), "file:"))
        problem(s, "key_uri", CHY_MISSING,
                "the present key is on a token: say where the next one is made, "
                "pkcs11:token=T;object=K, or file: for a file of ours");
    return OK;
}

enum err
ca_rollover(struct scope *s, struct ca_office *office, int64_t id, const struct ca_order *asked,
            const struct audit_actor *actor)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    const struct ca_authority *ca = ca_by_id(snap, id), *parent = NULL;
    struct founding f = { .existing = id, .uri = place_of(asked) }, also = { 0 };
    struct making m = { .office = office, .f = &f, .actor = actor };
    struct ca_order o = *asked;
    const struct ca_key *old;
    struct row row;
    enum err e = OK;

    if (!ca)
        return no_authority(s, id);
    old = ca_present_key(ca);
    if (!old || !text_eq(ca->driver, "embedded"))
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE, "%s has no key that can be followed",
                         ca->name);
    parent = ca_by_id(snap, ca->parent);
    o.parent = parent && !o.outside ? parent->name : NULL;
    o.outside = o.outside || (!o.parent && !old->cert->self_issued);
    o.path_len = old->cert->exts.path_len;
    check_order(s, &o);
    TRY(check_place(s, office, old, &o));
    if (o.parent)
        f.issuer = parent_of(s, snap, &o, &parent);
    TRY(problems_check(s));
    TRY(db_one(s, office->o.db, &next_generation, BIND(v_int(id)), &row));
    f.generation = row_int(&row);
    f.name = ca->name;
    f.slug = ca->slug;
    f.subject = old->cert->subject.der;
    f.issuer_row = f.issuer ? f.issuer->cert_row : 0;
    TRY(found_key(s, office, o.key_type ? o.key_type : usual_key(s, old), false, &f));
    e = certified(s, office, &o, &old->cert->exts, &f);
    if (e == OK && !f.issuer && !o.outside && old == ca->key) {
        m.also = &also;
        e = certify_by_old(s, office, old, &f, &also);
    }
    if (e != OK)
        found_undo(office, &f);
    TRY(e);
    return make(s, &m);
}

/* Requests and what comes back. */

struct waiting {
    int64_t key, generation;
    const char *uri, *name, *slug;
    struct bytes spki, subject;
    struct exts exts; /* as the certificate before said, or the order */
};

static bool
member(struct scope *s, const struct json *j, const char *name, struct bytes *out)
{
    const char *text = json_str(json_get(j, name));

    return text && base64_decode(s->arena, text, strlen(text), false, out);
}

/* What is to stand in the first certificate of authority ID. */
static enum err
read_remembered(struct scope *s, struct ca_office *office, int64_t id, struct waiting *w)
{
    struct bytes exts;
    struct json *j;
    struct row row;

    TRY(db_one(s, office->o.db, &read_wishes, BIND(v_int(id)), &row));
    TRY(json_parse(s, bytes_of_text(row_text(&row)), &j));
    if (!member(s, j, "subject", &w->subject))
        return fail(s, E_INTERNAL, "the name of authority %lld is lost", (long long)id);
    w->exts = (struct exts){ .path_len = -1 };
    /* orders of former times kept the name alone */
    return member(s, j, "extensions", &exts) ? exts_read(s, exts, CHY_BAD_CERT, &w->exts) : OK;
}

static enum err
read_waiting(struct scope *s, struct ca_office *office, int64_t id, struct waiting *w)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    const struct ca_authority *ca = ca_by_id(snap, id);
    struct row row;

    if (!ca)
        return no_authority(s, id);
    TRY(db_one(s, office->o.db, &waiting_key, BIND(v_int(id)), &row));
    w->key = row_int(&row);
    w->uri = row_text(&row);
    w->spki = row_bytes(&row);
    w->generation = row_int(&row);
    w->name = row_text(&row);
    w->slug = row_text(&row);
    if (ca->keys.count) { /* a new generation is called, and bound, as the one before */
        const struct cert *c = (*list_at(&ca->keys, struct ca_key *, 0))->cert;
        struct cert *copy = arena_new_of(s->arena, struct cert);

        TRY(cert_read(s, bytes_copy(s->arena, c->der), copy));
        w->subject = copy->subject.der;
        w->exts = copy->exts;
        return OK;
    }
    return read_remembered(s, office, id, w);
}

/* A request says what keyUsage and basicConstraints it wants (RFC 2986, PKCS #9), and else what is
 * in LIKE. */
static enum err
build_request(struct scope *s, const struct ca_office *office, struct signer *signer,
              struct bytes subject, const struct exts *like, struct bytes *der)
{
    struct csr_plan plan = { .subject = subject };
    enum sig_alg alg = signer_preferred(signer);
    struct bytes info, signature;
    struct pubkey pub;
    EVP_PKEY *key;

    ext_ca(s, &plan.exts, like->path_len);
    ext_key_usage(s, &plan.exts, ca_key_usage(office));
    ext_like(s, &plan.exts, like);
    TRY(csr_info(s, &plan, signer_public_key(signer), &info));
    TRY(signer_sign(s, signer, alg, info, &signature));
    TRY(pubkey_read(s, signer_public_key(signer), &pub));
    TRY(pubkey_import(s, &pub, &key));
    if (key_verify(s, key, alg, info, signature) != OK)
        return fail_code(s, E_UNAVAILABLE, CHY_SIGNER_FAILED,
                         "the signature made by the authority's key does not verify");
    return cert_assemble(s, info, alg, signature, der);
}

enum err
ca_csr(struct scope *s, struct ca_office *office, int64_t id, struct bytes *der)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    AUTO(signer_close) struct signer *signer = NULL;
    const struct ca_authority *ca = ca_by_id(snap, id);
    struct waiting w;
    enum err e = read_waiting(s, office, id, &w);

    if (e == E_NOT_FOUND && ca && ca->key)
        return build_request(s, office, ca->key->signer, ca->key->cert->subject.der,
                             &ca->key->cert->exts, der);
    if (e == E_NOT_FOUND && ca && ca->revoked)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         "the certificate of %s is revoked, and its key is not certified again: "
                         "make a new one",
                         ca->name);
    TRY(e);
    TRY(signer_open_known(s, &office->env, w.uri, w.spki, &signer));
    return build_request(s, office, signer, w.subject, &w.exts, der);
}

enum err
ca_install(struct scope *s, struct ca_office *office, int64_t id, const struct list *chain,
           const struct audit_actor *actor)
{
    struct founding f = { .existing = id };
    struct waiting w;
    enum err e = read_waiting(s, office, id, &w);

    if (e == E_NOT_FOUND) {
        AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);

        return ca_by_id(snap, id) ? fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                                              "no key of this authority waits for a certificate")
                                  : e;
    }
    TRY(e);
    f.name = w.name;
    f.slug = w.slug;
    f.generation = w.generation;
    f.uri = w.uri;
    f.ca_key = w.key;
    f.authority = id;
    TRY(signer_open_known(s, &office->env, w.uri, w.spki, &f.signer));
    (void)arena_own(s->arena, f.signer, signer_close);
    f.key.signer = f.signer;
    f.key.sig_alg = signer_preferred(f.signer);
    return found_install(s, office, &f, w.subject, chain, actor);
}

/* Cross-certificates. */

struct crossing {
    struct founding f;
    const struct audit_actor *actor;
};

static enum err
cross_in(struct scope *s, struct tx *tx, void *arg)
{
    struct crossing *c = arg;

    return found_add_certificate(s, tx, &c->f, false, c->actor);
}

static enum err
may_cross(struct scope *s, const struct ca_authority *ca, const struct ca_authority *by)
{
    if (!ca->key)
        return fail_code(s, E_CONFLICT, CHY_WRONG_STATE,
                         ca->revoked ? "the certificate of %s is revoked, and its key is not "
                                       "certified again: make a new one"
                                     : "%s has no key to be certified",
                         ca->name);
    if (ca == by)
        problem(s, "issuer", CHY_BAD_VALUE, "an authority does not certify itself across");
    return problems_check(s);
}

enum err
ca_cross_sign(struct scope *s, struct ca_office *office, const struct ca_crossing *in,
              const struct audit_actor *actor, struct bytes *der)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    const struct ca_authority *ca = ca_by_id(snap, in->authority), *by = ca_by_id(snap, in->issuer),
                              *ignored;
    struct crossing c = { .actor = actor };
    struct found_terms terms = { .life_ms = in->life_ms ? in->life_ms : BELOW_LIFE_MS,
                                 .exact = in->life_ms != 0 };
    struct ca_order o = { 0 };

    if (!ca || !by)
        return no_authority(s, ca ? in->issuer : in->authority);
    TRY(may_cross(s, ca, by));
    o.parent = by->name;
    o.path_len = ca->key->cert->exts.path_len;
    c.f = (struct founding){ .name = ca->name,
                             .subject = ca->key->cert->subject.der,
                             .signer = ca->key->signer,
                             .issuer = parent_of(s, snap, &o, &ignored),
                             .authority = in->authority,
                             .ca_key = ca->key->id };
    if (!c.f.issuer)
        return problems_fail(s);
    c.f.issuer_row = c.f.issuer->cert_row;
    terms.path_len = path_of(&o, c.f.issuer);
    terms.like = &ca->key->cert->exts;
    TRY(found_certify(s, office, &c.f, &terms));
    TRY(db_write(s, office->o.db, cross_in, &c));
    *der = c.f.cert.der;
    return OK;
}

enum err
ca_certificates(struct scope *s, struct ca_office *office, int64_t id, struct list *out)
{
    struct rows rows;

    TRY(db_all(s, office->o.db, &all_certificates, BIND(v_int(id)), &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct ca_certificate *c = list_push(s->arena, out, struct ca_certificate);

        c->id = row_int(&rows.at[i]);
        c->generation = row_int(&rows.at[i]);
        c->preferred = row_bool(&rows.at[i]);
        c->der = row_bytes(&rows.at[i]);
        c->certificate = row_int(&rows.at[i]);
        c->issuer_key = row_int(&rows.at[i]);
        c->revoked_at = row_when(&rows.at[i]);
        c->revocation_reason = row_int(&rows.at[i]);
    }
    return OK;
}

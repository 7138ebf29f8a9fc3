/* `chancery issue --offline`: signed here, by a key in a file, without a server. */
#include "cli/issue.h"
#include "cli/offline.h"

#include "pki/oid.h"
#include "pki/pem.h"
#include "seal/private_file.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_LEN ((size_t)1 << 20)
#define LEAF_LIFE_S (INT64_C(86400) * 90)
#define CA_LIFE_S (INT64_C(86400) * 365 * 5)
#define BACKDATE_S 3600

/* What signs, and where it is written down what it signed. */
struct issuer {
    struct offline o;
    struct list chain;  /* of struct bytes: its certificate, then those above it */
    const char *record; /* a directory */
};

/* Usages. */

enum err
wish_usages(struct cli *c, struct list *oids)
{
    static const char *const switches[][2] = { { "server-auth", OID_EKU_SERVER },
                                               { "client-auth", OID_EKU_CLIENT },
                                               { "ocsp-signing", OID_EKU_OCSP } };
    struct list asked = cli_texts(c, "eku");

    LIST_EACH(const char *, text, &asked)
    {
        const char *oid = oid_resolve(c->s->arena, *text);

        if (!oid)
            return fail_code(c->s, E_INVALID, CHY_USAGE,
                             "--eku: \"%s\" is neither an OID nor serverAuth, clientAuth, "
                             "codeSigning, emailProtection, timeStamping, OCSPSigning",
                             *text);
        list_add(c->s->arena, oids, const char *, oid);
    }
    for (size_t i = 0; i < COUNT(switches); i++)
        if (cli_has(c, switches[i][0]))
            list_add(c->s->arena, oids, const char *, switches[i][1]);
    for (size_t i = 0; i < oids->count; i++)
        for (size_t k = i + 1; k < oids->count; k++)
            if (text_eq(*list_at(oids, const char *, i), *list_at(oids, const char *, k)))
                return fail_code(c->s, E_INVALID, CHY_USAGE, "--eku: %s is there twice",
                                 *list_at(oids, const char *, i));
    return OK;
}

/* The issuer. */

static enum err
open_key(struct cli *c, struct issuer *i, const struct secret *pem, const char *const names[2])
{
    AUTO(secret_free) struct secret *password = NULL;
    struct bytes der = *list_at(&i->chain, struct bytes, 0);
    enum err e;

    if (cli_text(c, "issuer-password-file"))
        TRY(read_password(c, "issuer-password-file", "", &password));
    e = offline_open(c, der, secret_bytes(pem), password, names, &i->o);
    if (e != E_FORBIDDEN || password)
        return e;
    scope_clear(c->s);
    TRY(read_password(c, "issuer-password-file", "Passphrase of the issuer's key", &password));
    return offline_open(c, der, secret_bytes(pem), password, names, &i->o);
}

static enum err
open_files(struct cli *c, const char *path, struct issuer *out)
{
    AUTO(secret_free) struct secret *pem = NULL;
    const char *key = cli_text(c, "issuer-key");
    struct bytes text;

    if (!key)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--issuer %s is a file: say where its key is, by --issuer-key FILE", path);
    TRY(read_input(c, path, FILE_MAX_LEN, &text));
    TRY(note(c->s, pem_read_certs(c->s, text, &out->chain), "%s", path));
    TRY(private_file_read(c->s, key, FILE_MAX_LEN, PRIVATE_OWNER, &pem));
    out->record = arena_printf(c->s->arena, "%s.issued", path);
    return open_key(c, out, pem, (const char *const[]){ path, key });
}

static enum err
open_item(struct cli *c, const char *ref, struct issuer *out)
{
    AUTO(secret_free) struct secret *pem = NULL;
    struct item item;

    TRY(item_read(c, ref, cli_text(c, "store"), &item));
    if (!item.dir)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--offline: --issuer %s is neither a file nor NAME@STORE", ref);
    TRY(item_chain(c, &item, &out->chain));
    if (!out->chain.count)
        return fail_code(c->s, E_NOT_FOUND, CHY_NO_CA, "there is no certificate of %s", ref);
    TRY(note(c->s, item_key(c, &item, &pem), "the key of %s", ref));
    out->record = arena_printf(c->s->arena, "%s/%s.issued", item.dir, item.name);
    return open_key(c, out, pem, (const char *const[]){ ref, ref });
}

static enum err
open_issuer(struct cli *c, const char *ref, struct issuer *out)
{
    const struct cert *cert = &out->o.cert;
    struct when now = clock_now();
    struct stat st;

    if (stat(ref, &st) == 0 || (strchr(ref, '/') && !item_is(ref)))
        TRY(open_files(c, ref, out));
    else
        TRY(open_item(c, ref, out));
    if (!cert->exts.is_ca || (cert->exts.has_key_usage && !(cert->exts.key_usage & KU_CERT_SIGN)))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "%s is no authority: it may not sign", ref);
    if (when_cmp(now, cert->not_before) < 0 || when_cmp(now, cert->not_after) > 0)
        return fail_code(c->s, E_CONFLICT, CHY_CA_OFFLINE, "%s is valid from %s to %s", ref,
                         when_rfc3339(c->s->arena, cert->not_before),
                         when_rfc3339(c->s->arena, cert->not_after));
    return OK;
}

/* What the certificate will say. */

static enum err
plan_life(struct cli *c, const struct wish *w, const struct cert *issuer, struct cert_plan *plan)
{
    int64_t from = MAX(when_s(clock_now()) - BACKDATE_S, when_s(issuer->not_before));
    int64_t most, life = cli_has(c, "is-ca") ? CA_LIFE_S : LEAF_LIFE_S;

    if (when_given(w->not_before))
        from = when_s(w->not_before);
    most = when_s(issuer->not_after) - from + 1;
    if (when_given(w->not_after))
        life = when_s(w->not_after) - from + 1;
    else if (w->duration_ms)
        life = w->duration_ms / 1000;
    else
        life = MIN(life, most);
    if (from < when_s(issuer->not_before) || life > most)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "the certificate would not lie within its issuer's life, from %s to %s",
                         when_rfc3339(c->s->arena, issuer->not_before),
                         when_rfc3339(c->s->arena, issuer->not_after));
    if (life < 1)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "the certificate would end before it begins");
    plan_validity(plan, WHEN_S(from), life);
    return OK;
}

/* Without another word: for servers when it has names of hosts, else for clients. */
static void
usual_usages(struct cli *c, const struct list *sans, struct list *oids)
{
    const char *oid = OID_EKU_CLIENT;

    LIST_EACH(struct general_name, n, sans)
    if (n->kind == GN_DNS || n->kind == GN_IP)
        oid = OID_EKU_SERVER;
    list_add(c->s->arena, oids, const char *, oid);
}

static bool
is_responder(const struct list *usages)
{
    return usages->count == 1 && text_eq(*list_at(usages, const char *, 0), OID_EKU_OCSP);
}

static enum err
plan_kind(struct cli *c, const struct csr *csr, const struct list *sans, struct cert_plan *plan,
          enum lint_kind *kind)
{
    struct list usages = { 0 };
    unsigned bits = KU_DIGITAL_SIGNATURE;

    if (cli_has(c, "is-ca")) {
        *kind = LINT_SUB_CA;
        ext_key_usage(c->s, &plan->exts, KU_CERT_SIGN | KU_CRL_SIGN);
        ext_ca(c->s, &plan->exts, (int)cli_number(c, "path-len", 0));
        return OK;
    }
    if (csr->exts.is_ca)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "the request is that of an authority: say --is-ca");
    TRY(wish_usages(c, &usages));
    if (!usages.count)
        usages = csr->exts.eku;
    if (!usages.count)
        usual_usages(c, sans, &usages);
    *kind = is_responder(&usages) ? LINT_RESPONDER : LINT_LEAF;
    if (csr->key.type == KEY_RSA && *kind == LINT_LEAF)
        bits |= KU_KEY_ENCIPHERMENT;
    ext_key_usage(c->s, &plan->exts, bits);
    ext_not_ca(c->s, &plan->exts);
    ext_eku(c->s, &plan->exts, &usages, false);
    if (*kind == LINT_RESPONDER)
        ext_ocsp_nocheck(c->s, &plan->exts);
    if (sans->count)
        ext_san(c->s, &plan->exts, sans, csr->subject.der.len <= 2);
    return OK;
}

static enum err
make_plan(struct cli *c, const struct wish *w, const struct issuer *i, struct cert_plan *plan,
          enum lint_kind *kind)
{
    struct list crl = cli_texts(c, "crl-url"), ocsp = cli_texts(c, "ocsp-url");
    struct list above = cli_texts(c, "ca-issuers-url");
    uint8_t *key_id = arena_alloc(c->s->arena, SHA1_LEN);
    struct bytes der;
    struct csr csr;

    TRY(csr_decode(c->s, w->csr, &der));
    TRY(csr_read(c->s, der, &csr));
    TRY(csr_verify(c->s, &csr));
    plan->alg = i->o.alg;
    plan->issuer = i->o.cert.subject.der;
    plan->subject = csr.subject.der;
    plan->spki = csr.key.spki;
    offline_serial(c, plan);
    TRY(plan_life(c, w, &i->o.cert, plan));
    pubkey_id(&csr.key, key_id);
    ext_aki(c->s, &plan->exts, i->o.cert.exts.ski);
    ext_ski(c->s, &plan->exts, (struct bytes){ key_id, SHA1_LEN });
    TRY(plan_kind(c, &csr, w->sans.count ? &w->sans : &csr.exts.san, plan, kind));
    if (crl.count)
        ext_cdp(c->s, &plan->exts, &crl);
    ext_aia(c->s, &plan->exts, &ocsp, &above);
    return OK;
}

static enum err
print_plan(struct cli *c, const struct issuer *i, const struct cert_plan *plan, struct bytes tbs)
{
    static const struct view view = { .kind = "plan" };
    struct name subject;
    struct buf b;

    TRY(name_read(c->s, plan->subject, &subject));
    buf_init_in(&b, c->s->arena, FILE_MAX_LEN);
    buf_text(&b, "{\"disposition\":\"planned\",\"subject\":");
    json_text(&b, subject.text);
    buf_text(&b, ",\"issuer\":");
    json_text(&b, i->o.cert.subject.text);
    buf_printf(&b, ",\"not_before\":\"%s\",\"not_after\":\"%s\",\"tbs\":\"%s\"}",
               when_rfc3339(c->s->arena, plan->not_before),
               when_rfc3339(c->s->arena, plan->not_after), base64_encode(c->s->arena, tbs));
    return print_json(c, &view, &b);
}

/* Before it is handed over: no register knows of it yet. */
static enum err
keep_record(struct cli *c, const struct issuer *i, struct bytes der)
{
    struct cert cert;
    const char *path;

    TRY(cert_read(c->s, der, &cert));
    if (mkdir(i->record, 0700) != 0 && errno != EEXIST)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "cannot make %s: %s", i->record,
                         strerror(errno));
    path = arena_printf(c->s->arena, "%s/%s.pem", i->record, cert.serial_hex);
    TRY(private_file_write(c->s, path, bytes_of_text(pem_text(c->s->arena, PEM_CERT, der)), false));
    say(c, "recorded in %s; later: chancery certs import %s", path, path);
    return OK;
}

enum err
wish_sign_offline(struct cli *c, const char *issuer, const struct wish *w, struct list *certs)
{
    struct issuer i = { 0 };
    struct cert_plan plan = { 0 };
    enum lint_kind kind;
    struct bytes tbs, der;

    TRY(open_issuer(c, issuer, &i));
    TRY(make_plan(c, w, &i, &plan, &kind));
    if (cli_has(c, "dry-run")) {
        TRY(offline_certify(c, &i.o, &plan, kind, &tbs, NULL));
        return print_plan(c, &i, &plan, tbs);
    }
    TRY(offline_certify(c, &i.o, &plan, kind, NULL, &der));
    TRY(keep_record(c, &i, der));
    list_add(c->s->arena, certs, struct bytes, der);
    LIST_EACH(struct bytes, above, &i.chain)
    list_add(c->s->arena, certs, struct bytes, *above);
    return OK;
}

/* What a server has to do. */
enum err
check_offline(struct cli *c)
{
    static const char *const servers[] = { "template", "owner", "meta", "tag", "wait" };
    static const char *const ours[] = { "issuer-key", "issuer-password-file",
                                        "path-len",   "ocsp-url",
                                        "crl-url",    "ca-issuers-url",
                                        "is-ca" };
    bool offline = cli_has(c, "offline");

    for (size_t i = 0; offline && i < COUNT(servers); i++)
        if (cli_has(c, servers[i]))
            return fail_code(c->s, E_INVALID, CHY_USAGE,
                             "--%s needs the server, and --offline asks none", servers[i]);
    for (size_t i = 0; !offline && i < COUNT(ours); i++)
        if (cli_has(c, ours[i])) {
            if (text_eq(ours[i], "is-ca"))
                c->fix = "make the authority on the server, chancery ca create NAME --parent CA, "
                         "or sign with a key in a file: --offline";
            return fail_code(c->s, E_INVALID, CHY_USAGE,
                             "--%s is for --offline: the server decides it by its own rules",
                             ours[i]);
        }
    if (cli_has(c, "is-ca") && (cli_has(c, "eku") || cli_has(c, "server-auth") ||
                                cli_has(c, "client-auth") || cli_has(c, "ocsp-signing")))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--is-ca: an authority's certificate has no usage but signing");
    return cli_has(c, "path-len") && !cli_has(c, "is-ca")
               ? fail_code(c->s, E_INVALID, CHY_USAGE, "--path-len is for --is-ca")
               : OK;
}

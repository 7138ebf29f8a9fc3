/* Looking into certificates and requests that lie somewhere, without asking the register. */
#include "cli/inspect_rows.h"

#include "cli/keystore.h"
#include "cli/session.h"
#include "pki/csr.h"
#include "pki/oid.h"
#include "pki/pem.h"
#include <string.h>
#include <sys/stat.h>

#define FILE_SIZE_MAX ((size_t)1 << 20)

static void
add_text(struct buf *b, const char *name, const char *text)
{
    buf_printf(b, ",\"%s\":", name);
    json_text(b, text);
}

static void
add_hash(struct cli *c, struct buf *b, const char *name, const uint8_t *hash, size_t len)
{
    add_text(b, name, hex_upper(c->s->arena, (struct bytes){ hash, len }));
}

static void
add_names(struct cli *c, struct buf *b, const struct list *sans)
{
    static const char *const kinds[] = {
        [GN_DNS] = "dns", [GN_IP] = "ip", [GN_EMAIL] = "email", [GN_URI] = "uri", [GN_UPN] = "upn"
    };
    const char *all = "";

    LIST_EACH(struct general_name, n, sans)
    {
        const char *kind =
            (size_t)n->kind < COUNT(kinds) && kinds[n->kind] ? kinds[n->kind] : "other";

        all = arena_printf(c->s->arena, "%s%s%s:%s", all, *all ? ", " : "", kind,
                           n->text ? n->text : "");
    }
    add_text(b, "sans", all);
}

static void
add_list(struct cli *c, struct buf *b, const char *name, const struct list *texts, bool oids)
{
    const char *all = "";

    LIST_EACH(const char *, text, texts)
    {
        const struct oid_info *info = oids ? oid_of_text(*text) : NULL;

        all = arena_printf(c->s->arena, "%s%s%s", all, *all ? ", " : "", info ? info->name : *text);
    }
    if (*all)
        add_text(b, name, all);
}

static void
add_usages(struct cli *c, struct buf *b, const struct exts *exts)
{
    static const struct {
        unsigned bit;
        const char *name;
    } bits[] = { { KU_DIGITAL_SIGNATURE, "digitalSignature" },
                 { KU_NON_REPUDIATION, "nonRepudiation" },
                 { KU_KEY_ENCIPHERMENT, "keyEncipherment" },
                 { KU_DATA_ENCIPHERMENT, "dataEncipherment" },
                 { KU_KEY_AGREEMENT, "keyAgreement" },
                 { KU_CERT_SIGN, "keyCertSign" },
                 { KU_CRL_SIGN, "cRLSign" } };
    struct list named = { 0 };

    for (size_t i = 0; i < COUNT(bits); i++)
        if (exts->has_key_usage && exts->key_usage & bits[i].bit)
            list_add(c->s->arena, &named, const char *, bits[i].name);
    add_list(c, b, "key_usage", &named, false);
    add_list(c, b, "extended_key_usage", &exts->eku, true);
    if (exts->has_basic)
        buf_printf(b, ",\"is_ca\":%s", exts->is_ca ? "true" : "false");
    if (exts->has_basic && exts->is_ca && exts->path_len >= 0)
        buf_printf(b, ",\"path_length\":%d", exts->path_len);
}

static const char *
key_text(struct cli *c, const struct pubkey *key)
{
    return key_type_name(key->type) && key->bits
               ? arena_printf(c->s->arena, "%s %d", key_type_name(key->type), key->bits)
               : "unknown";
}

enum err
tell_certificate(struct cli *c, struct buf *b, struct bytes der, bool is_signed)
{
    struct cert cert;

    TRY(cert_read(c->s, der, &cert));
    buf_text(b, b->len > 1 ? ",{\"subject\":" : "{\"subject\":");
    json_text(b, cert.subject.text);
    add_text(b, "issuer", cert.issuer.text);
    add_text(b, "serial_number", cert.serial_hex);
    add_text(b, "not_before", when_rfc3339(c->s->arena, cert.not_before));
    add_text(b, "not_after", when_rfc3339(c->s->arena, cert.not_after));
    add_names(c, b, &cert.exts.san);
    add_text(b, "key", key_text(c, &cert.key));
    add_text(b, "signature",
             cert.sig_alg == SIG_NONE ? oid_text(c->s->arena, cert.sig_oid)
                                      : sig_alg_info(cert.sig_alg)->name);
    add_usages(c, b, &cert.exts);
    add_list(c, b, "crl", &cert.exts.cdp, false);
    add_list(c, b, "ocsp", &cert.exts.aia_ocsp, false);
    add_list(c, b, "issuers", &cert.exts.aia_issuers, false);
    if (is_signed) {
        add_hash(c, b, "sha256", cert.sha256, SHA256_LEN);
        add_hash(c, b, "sha1", cert.sha1, SHA1_LEN);
    }
    buf_byte(b, '}');
    return OK;
}

static enum err
tell_request(struct cli *c, struct buf *b, struct bytes der)
{
    struct csr csr;

    TRY(csr_read(c->s, der, &csr));
    buf_text(b, "{\"subject\":");
    json_text(b, csr.subject.text);
    add_names(c, b, &csr.exts.san);
    add_text(b, "key", key_text(c, &csr.key));
    add_text(b, "signature", csr.sig_alg == SIG_NONE ? "unknown" : sig_alg_info(csr.sig_alg)->name);
    add_usages(c, b, &csr.exts);
    if (csr.ms_template)
        add_text(b, "template", csr.ms_template);
    buf_printf(b, ",\"challenge\":%s", csr.has_challenge ? "true" : "false");
    buf_printf(b, ",\"proof\":%s}", csr_verify(c->s, &csr) == OK ? "true" : "false");
    scope_clear(c->s);
    return OK;
}

static const struct column columns[] = {
    { "subject", NULL, 0 }, { "issuer", NULL, 0 },      { "not_after", "EXPIRES", COL_AGO },
    { "key", NULL, 0 },     { "sans", NULL, COL_WIDE }, { "sha256", NULL, COL_WIDE }
};
static const struct view certificates = {
    .kind = "certificate", .key = "sha256", .columns = columns, .column_count = COUNT(columns)
};
static const struct view request = { .kind = "request", .key = "subject" };

enum err
run_csr_show(struct cli *c)
{
    struct bytes text, der;
    struct buf b;

    TRY(read_input(c, cli_arg(c, 0), FILE_SIZE_MAX, &text));
    TRY(note(c->s, csr_decode(c->s, text, &der), "%s", cli_arg(c, 0)));
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    TRY(note(c->s, tell_request(c, &b, der), "%s", cli_arg(c, 0)));
    return print_json(c, &request, &b);
}

bool
is_somewhere(const char *ref)
{
    struct stat st;

    return text_starts_fold(ref, "https://") || text_eq(ref, "-") || item_is(ref) ||
           (stat(ref, &st) == 0 && S_ISREG(st.st_mode));
}

enum err
certificates_at(struct cli *c, const char *ref, bool with_chain, struct list *certs)
{
    struct item item;
    struct bytes data;
    struct stat st;

    if (text_starts_fold(ref, "https://"))
        return with_chain ? shown_chain(c, ref, certs)
                          : shown_certificate(c, ref, list_push(c->s->arena, certs, struct bytes));
    if (item_is(ref) && stat(ref, &st) != 0) {
        TRY(item_read(c, ref, NULL, &item));
        TRY(item_chain(c, &item, certs));
        return certs->count
                   ? OK
                   : fail_code(c->s, E_NOT_FOUND, CHY_NO_CERT, "certificate %s not found", ref);
    }
    TRY(read_input(c, ref, FILE_SIZE_MAX, &data));
    return pem_read_certs(c->s, data, certs) == OK
               ? OK
               : fail_code(c->s, E_INVALID, CHY_USAGE, "%s: %s", ref,
                           arena_text(c->s->arena, c->s->error.text));
}

enum err
run_inspect(struct cli *c)
{
    const char *ref = cli_arg(c, 0);
    struct list certs = { 0 };
    struct bytes text;
    struct stat st;
    struct buf b;
    bool one;

    if (stat(ref, &st) == 0 && S_ISREG(st.st_mode)) {
        TRY(read_input(c, ref, FILE_SIZE_MAX, &text));
        if (memmem(text.data, text.len, "CERTIFICATE REQUEST-----",
                   strlen("CERTIFICATE REQUEST-----")))
            return run_csr_show(c);
    }
    TRY(certificates_at(c, ref, false, &certs));
    one = certs.count == 1;
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    buf_text(&b, one ? "" : "[");
    LIST_EACH(struct bytes, der, &certs)
    TRY(note(c->s, tell_certificate(c, &b, *der, true), "%s", ref));
    buf_text(&b, one ? "" : "]");
    return print_json(c, &certificates, &b);
}

/* A row of the register as the API shows it. */
#include "command/command.h"

#include <string.h>

static const char *
state_name(enum cert_state state)
{
    static const char *const names[] = {
        "Unknown", "Active", "Revoked", "Denied", "Failed", "Pending", "CertificateAuthority"
    };

    return (size_t)state < COUNT(names) ? names[state] : "Unknown";
}

static const char *
key_type_name_of(int64_t type)
{
    static const char *const names[] = { "Unknown", "RSA", "DSA", "ECC", "DH", "Ed448", "Ed25519" };

    return type >= 0 && (size_t)type < COUNT(names) ? names[type] : "Unknown";
}

static struct opt_int
id_or_null(int64_t id)
{
    return (struct opt_int){ id != 0, id };
}

/* SHA-1 as people use it to compare; hashes of values are the product's habit. */
static const char *
short_hash(struct scope *s, const char *text)
{
    uint8_t h[SHA1_LEN];

    hash_sha1(bytes_of_text(text), h);
    return hex_upper(s->arena, (struct bytes){ h, sizeof(h) });
}

static void
add_ekus(struct scope *s, const char *oids, struct list *out)
{
    int64_t id = 0;

    for (const char *at = oids; at && *at;) {
        size_t len;
        const char *oid;
        const struct oid_info *info;

        at += strspn(at, " ");
        len = strcspn(at, " ");
        if (!len)
            break;
        oid = arena_text_n(s->arena, at, len);
        info = oid_of_text(oid);
        list_add(s->arena, out, struct eku_reply,
                 ((struct eku_reply){ ++id, oid, info ? info->title : oid }));
        at += len;
    }
}

static struct key_usage_reply *
usage_of(struct scope *s, int64_t bits)
{
    struct key_usage_reply *u = arena_new_of(s->arena, struct key_usage_reply);

    *u = (struct key_usage_reply){
        .crl_sign = bits & KU_CRL_SIGN,
        .data_encipherment = bits & KU_DATA_ENCIPHERMENT,
        .decipher_only = bits & KU_DECIPHER_ONLY,
        .digital_signature = bits & KU_DIGITAL_SIGNATURE,
        .encipher_only = bits & KU_ENCIPHER_ONLY,
        .key_agreement = bits & KU_KEY_AGREEMENT,
        .key_cert_sign = bits & KU_CERT_SIGN,
        .key_encipherment = bits & KU_KEY_ENCIPHERMENT,
        .non_repudiation = bits & KU_NON_REPUDIATION,
        .hex_code = arena_printf(s->arena, "%llx", (unsigned long long)bits),
    };
    return u;
}

/* What only the DER tells. */
static enum err
add_from_der(struct scope *s, const struct cert_row *row, struct certificate_reply *out)
{
    struct cert cert;
    int64_t id = 0;

    if (!row->der.len)
        return OK;
    TRY(cert_read(s, row->der, &cert));
    out->issued_ou = name_get(&cert.subject, "OU");
    out->issued_email = name_get(&cert.subject, "emailAddress");
    out->content_bytes = base64_encode(s->arena, row->der);
    LIST_EACH(const char *, url, &cert.exts.cdp)
    list_add(s->arena, &out->cdps, struct cdp_reply,
             ((struct cdp_reply){ ++id, *url, short_hash(s, *url) }));
    return OK;
}

static void
add_revocation(const struct cert_row *row, struct certificate_reply *out)
{
    out->revocation_eff_date = WHEN_NONE;
    if (row->state != CERT_REVOKED)
        return;
    out->revocation_eff_date = row->revoked_at;
    out->revocation_reason = (struct opt_int){ true, row->revocation_reason };
    out->revocation_comment = row->revocation_comment;
}

enum err
certificate_reply_of(struct scope *s, const struct cert_row *row, struct certificate_reply *out)
{
    const char *host = row->authority_host;

    *out = (struct certificate_reply){
        .id = row->id,
        .thumbprint = hex_upper(s->arena, row->sha1),
        .serial_number = serial_hex(s->arena, row->serial),
        .issued_dn = row->dn,
        .issued_cn = row->cn,
        .import_date = row->imported_at,
        .not_before = row->not_before,
        .not_after = row->not_after,
        .issuer_dn = row->issuer_dn,
        .template_id = id_or_null(row->template_id),
        .cert_state = (int64_t)row->state,
        .key_size_in_bits = row->key_bits,
        .key_type = row->key_type,
        .key_usage = row->key_usage,
        .signing_algorithm = row->signing_algorithm,
        .cert_state_string = state_name(row->state),
        .key_type_string = key_type_name_of(row->key_type),
        .certificate_authority_id = id_or_null(row->authority),
        .certificate_authority_name =
            text_empty(host) ? row->authority_name
                             : arena_printf(s->arena, "%s\\%s", host, row->authority_name),
        .template_name = row->template_display,
        .has_private_key = row->has_private_key,
        .key_recoverable = row->has_private_key,
        .principal_name = row->principal,
        .cert_request_id = id_or_null(row->request),
        .requester_name = row->requester,
        .certificate_key_id = row->id,
        .ca_row_index = row->request,
        .ca_record_id = arena_printf(s->arena, "%lld", (long long)row->request),
        .detailed_key_usage = usage_of(s, row->key_usage),
        .curve = row->curve,
        .metadata = row->metadata,
        .owner_role_id = id_or_null(row->owner_role),
        .owner_role_name = row->owner_role_name,
        .enrollment_pattern_id = id_or_null(row->enrollment_pattern),
        .key_algorithm = key_type_name_of(row->key_type),
    };
    add_revocation(row, out);
    add_ekus(s, row->ext_key_usages, &out->ext_key_usages);
    LIST_EACH(struct cert_san, san, &row->names)
    list_add(s->arena, &out->sans, struct san_reply,
             ((struct san_reply){ san->id, san->text, san->kind, short_hash(s, san->text) }));
    return add_from_der(s, row, out);
}

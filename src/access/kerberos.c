#include "access/kerberos.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <string.h>

#define TOKEN_MAX ((size_t)96 * 1024)
#define NAME_MAX_LEN 256
#define BINDING_PREFIX "tls-server-end-point:" /* RFC 5929 section 4 */

struct kerberos {
    struct arena *arena;
    struct kerberos_options o;
};

/* The object identifiers of SPNEGO (RFC 4178 section 3.1) and Kerberos (RFC 4121 section 1). */
static gss_OID_desc spnego = { 6, (void *)"\x2b\x06\x01\x05\x05\x02" };
static gss_OID_desc krb5 = { 9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02" };

/** What the library holds of one check. */
struct check {
    gss_cred_id_t cred;
    gss_ctx_id_t context;
    gss_name_t client;
    gss_buffer_desc answer, name;
};

static void
check_done(struct check *c)
{
    OM_uint32 minor;

    (void)gss_release_buffer(&minor, &c->name);
    (void)gss_release_buffer(&minor, &c->answer);
    (void)gss_release_name(&minor, &c->client);
    (void)gss_delete_sec_context(&minor, &c->context, GSS_C_NO_BUFFER);
    (void)gss_release_cred(&minor, &c->cred);
}
OWNED_VALUE(struct check, check_done);

static gss_buffer_desc
buffer_of(const void *data, size_t len)
{
    gss_buffer_desc b = { .length = len };

    memcpy(&b.value, &data, sizeof data); /* it is only read */
    return b;
}

/** What the library says of a code. */
static const char *
status_text(struct scope *s, OM_uint32 code, int kind)
{
    OM_uint32 minor, next = 0;
    gss_buffer_desc said = GSS_C_EMPTY_BUFFER;
    const char *text = "";

    if (gss_display_status(&minor, code, kind, &krb5, &next, &said) == GSS_S_COMPLETE &&
        text_is_utf8(said.value, said.length))
        text = arena_text_n(s->arena, said.value, said.length);
    (void)gss_release_buffer(&minor, &said);
    return text_has_control(text) ? "" : text;
}

/** Why a call failed: the mechanism's reason, which is the more exact one, or the general one. */
static const char *
why(struct scope *s, OM_uint32 major, OM_uint32 minor)
{
    const char *text = minor ? status_text(s, minor, GSS_C_MECH_CODE) : "";

    if (GSS_ROUTINE_ERROR(major) == GSS_S_BAD_BINDINGS)
        return "it was made for another TLS connection";
    if (strstr(text, "Clock skew"))
        return "the client's clock and ours differ by more than five minutes";
    return *text ? text : status_text(s, major, GSS_C_GSS_CODE);
}

/* ---- our own credentials */

static enum err
import_service(struct scope *s, const char *service, gss_name_t *out)
{
    gss_buffer_desc text = buffer_of(service, strlen(service));
    OM_uint32 minor, major;

    major = gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, out);
    return major == GSS_S_COMPLETE ? OK
                                   : fail(s, E_INVALID, "\"%.200s\" is no principal: %s", service,
                                          why(s, major, minor));
}

/** The keys of the keytab, for Kerberos alone: SPNEGO is not to agree on anything else. */
static enum err
acquire(struct scope *s, const struct kerberos *k, gss_cred_id_t *out)
{
    gss_OID_desc both[] = { krb5, spnego };
    gss_OID_set_desc mechs = { COUNT(both), both }, kerberos = { 1, &krb5 };
    gss_key_value_element_desc elements[] = {
        { "keytab", arena_printf(s->arena, "FILE:%s", k->o.keytab) },
        { "rcache", arena_printf(s->arena, "file2:%s", k->o.replay_cache) },
    };
    gss_key_value_set_desc store = { COUNT(elements), elements };
    gss_name_t service = GSS_C_NO_NAME;
    OM_uint32 minor, ignored, major;

    if (k->o.service)
        TRY(import_service(s, k->o.service, &service));
    major = gss_acquire_cred_from(&minor, service, GSS_C_INDEFINITE, &mechs, GSS_C_ACCEPT, &store,
                                  out, NULL, NULL);
    if (major == GSS_S_COMPLETE)
        major = gss_set_neg_mechs(&minor, *out, &kerberos);
    (void)gss_release_name(&ignored, &service);
    return major == GSS_S_COMPLETE ? OK
                                   : fail(s, E_INVALID, "the keytab %s cannot be used: %s",
                                          k->o.keytab, why(s, major, minor));
}

enum err
kerberos_open(struct scope *s, const struct kerberos_options *o, struct kerberos **out)
{
    struct arena *a = arena_new();
    struct kerberos *k = arena_new_of(a, struct kerberos);
    AUTO(check_done) struct check c = { 0 };
    enum err e;

    *k = (struct kerberos){ .arena = a,
                            .o = { .name = arena_text(a, o->name),
                                   .keytab = arena_text(a, o->keytab),
                                   .service =
                                       text_empty(o->service) ? NULL : arena_text(a, o->service),
                                   .replay_cache = arena_text(a, o->replay_cache),
                                   .binding = o->binding } };
    e = acquire(s, k, &c.cred);
    if (e != OK) {
        kerberos_close(k);
        return e;
    }
    *out = k;
    return OK;
}

void
kerberos_close(struct kerberos *k)
{
    if (k)
        arena_free(k->arena);
}

const char *
kerberos_name(const struct kerberos *k)
{
    return k->o.name;
}

void
kerberos_try(struct scope *s, const struct kerberos *k, struct list *steps)
{
    AUTO(check_done) struct check c = { 0 };
    int64_t from_ms = clock_mono_ms();
    enum err e = acquire(s, k, &c.cred);

    (void)!directory_step_add(s, steps, "keytab", e, from_ms,
                              arena_printf(s->arena, "%s, for %s", k->o.keytab,
                                           k->o.service ? k->o.service : "any of its keys"));
    scope_clear(s);
}

/* ---- tickets */

static enum err
refused(struct scope *s, const char *reason)
{
    return fail_code(s, E_UNAUTHENTICATED, CHY_BAD_TOKEN, "the Kerberos ticket is refused: %s",
                     reason);
}

bool
kerberos_split(struct scope *s, const char *principal, struct kerberos_said *out)
{
    const char *at = strrchr(principal, '@');
    size_t len = at ? (size_t)(at - principal) : 0;

    if (len == 0 || at[1] == '\0' || strlen(principal) > NAME_MAX_LEN ||
        text_has_control(principal) || strchr(principal, '\\'))
        return false;
    out->principal = arena_text(s->arena, principal);
    out->realm = arena_text(s->arena, at + 1);
    out->login = memchr(principal, '/', len) || memchr(principal, '@', len)
                     ? NULL
                     : arena_text_n(s->arena, principal, len);
    return true;
}

static enum err
read_name(struct scope *s, struct check *c, struct kerberos_said *out)
{
    OM_uint32 minor, major = gss_display_name(&minor, c->client, &c->name, NULL);

    if (major != GSS_S_COMPLETE)
        return refused(s, why(s, major, minor));
    if (!text_is_utf8(c->name.value, c->name.length) ||
        !kerberos_split(s, arena_text_n(s->arena, c->name.value, c->name.length), out))
        return refused(s, "its principal is no name that could be used here");
    return OK;
}

/** Judge what the library agreed to. */
static enum err
judge(struct scope *s, const struct kerberos *k, const struct check *c, OM_uint32 flags,
      gss_OID mech)
{
    if (!mech || mech->length != krb5.length ||
        memcmp(mech->elements, krb5.elements, krb5.length) != 0)
        return refused(s, "it is of another mechanism than Kerberos");
    if (flags & GSS_C_ANON_FLAG || c->client == GSS_C_NO_NAME)
        return refused(s, "it names nobody");
    if (k->o.binding == BINDING_REQUIRED && !(flags & GSS_C_CHANNEL_BOUND_FLAG))
        return refused(s, "it is not bound to its TLS connection, as this server wants it");
    return OK;
}

/** Let the library look at the token. */
static enum err
accept(struct scope *s, const struct kerberos *k, struct bytes token, struct bytes end_point,
       struct check *c, struct kerberos_said *out)
{
    gss_buffer_desc input = buffer_of(token.data, token.len);
    struct gss_channel_bindings_struct binding = { 0 };
    OM_uint32 minor, major, flags = 0, life_s = 0;
    gss_OID mech = GSS_C_NO_OID;
    struct buf data;

    buf_init_in(&data, s->arena, 256);
    buf_text(&data, BINDING_PREFIX);
    buf_add(&data, end_point.data, end_point.len);
    binding.application_data = buffer_of(data.data, data.len);
    major = gss_accept_sec_context(&minor, &c->context, c->cred, &input,
                                   k->o.binding == BINDING_IGNORED || end_point.len == 0
                                       ? GSS_C_NO_CHANNEL_BINDINGS
                                       : &binding,
                                   &c->client, &mech, &c->answer, &flags, &life_s, NULL);
    if (GSS_ERROR(major))
        return refused(s, why(s, major, minor));
    if (major & GSS_S_CONTINUE_NEEDED)
        return refused(s, "the client offers no Kerberos ticket, or wants more than one round");
    TRY(judge(s, k, c, flags, mech));
    out->ends = when_add_ms(clock_now(), MIN((int64_t)life_s, INT64_C(86400)) * SECOND_MS);
    return read_name(s, c, out);
}

enum err
kerberos_check(struct scope *s, struct kerberos *k, const char *text, struct bytes end_point,
               struct kerberos_said *out)
{
    AUTO(check_done) struct check c = { 0 };
    struct kerberos_said said = { 0 };
    struct bytes token;

    if (strlen(text) > TOKEN_MAX || !base64_decode(s->arena, text, strlen(text), false, &token) ||
        token.len == 0)
        return refused(s, "it is not in base64 (RFC 4559 section 4.2)");
    if (acquire(s, k, &c.cred) != OK) /* it was good at start: somebody is changing it */
        return fail(s, E_UNAVAILABLE, "Kerberos tickets cannot be checked at the moment: %s",
                    arena_text(s->arena, s->error.text));
    TRY(accept(s, k, token, end_point, &c, &said));
    if (c.answer.length)
        said.answer = base64_encode(
            s->arena, (struct bytes){ (const uint8_t *)c.answer.value, c.answer.length });
    *out = said;
    return OK;
}

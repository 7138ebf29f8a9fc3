#include "net/directory_in.h"

#include <errno.h>
#include <lber.h>
#include <ldap.h>
#include <openldap.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>
#include <sys/time.h>

#define MESSAGE_MAX ((ber_len_t)4 * 1024 * 1024) /* of one answer */
#define VALUES_MAX 5000                          /* of one attribute */
#define SAID_MAX 300

OWNED(BIO, BIO_free);
OWNED(X509, X509_free);

struct directory {
    LDAP *ld;
    struct line line;
    struct directory_options o;
    bool dead; /* libldap would connect anew by itself, to who knows whom: it is not asked again */
};

enum err
directory_step_add(struct scope *s, struct list *steps, const char *name, enum err e,
                   int64_t from_ms, const char *detail)
{
    if (!steps)
        return e;
    list_add(s->arena, steps, struct directory_step,
             ((struct directory_step){
                 .name = name,
                 .ok = e == OK,
                 .detail = arena_text(s->arena, e == OK ? detail : s->error.text),
                 .ms = clock_mono_ms() - from_ms,
             }));
    return e;
}

enum err
directory_url(struct scope *s, const char *url, struct directory_address *out)
{
    struct directory_address to = { .start_tls = text_starts_fold(url, "ldap://") };
    const char *host, *end, *port;

    if (!to.start_tls && !text_starts_fold(url, "ldaps://"))
        return fail(s, E_INVALID,
                    "\"%.100s\" begins neither with ldaps:// nor with ldap:// (which becomes TLS "
                    "by StartTLS)",
                    url);
    host = strstr(url, "://") + 3;
    to.port = to.start_tls ? "389" : "636";
    end = host + strcspn(host, *host == '[' ? "]" : ":/?#@");
    port = *host == '[' && *end ? end + 1 : end;
    host += *host == '[';
    to.host = arena_text_n(s->arena, host, (size_t)(end - host));
    if (*port == ':') {
        int64_t number;

        to.port = port + 1;
        if (!text_to_int(arena_text_n(s->arena, to.port, strcspn(to.port, "/")), &number) ||
            number < 1 || number > 65535)
            return fail(s, E_INVALID, "\"%.100s\" has no port between 1 and 65535", url);
        port += 1 + strcspn(to.port, "/");
        to.port = arena_printf(s->arena, "%d", (int)number);
    }
    if (text_empty(to.host) || text_has_control(to.host) || strchr(to.host, ' '))
        return fail(s, E_INVALID, "\"%.100s\" names no host", url);
    if (*port && !text_eq(port, "/"))
        return fail(s, E_INVALID, "\"%.100s\" has more than a host and a port", url);
    *out = to;
    return OK;
}

static bool
trust_pem(SSL_CTX *ctx, struct bytes pem)
{
    AUTO(BIO_free) BIO *in = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    X509 *raw;
    int count = 0;

    while (in && (raw = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        AUTO(X509_free) X509 *cert = raw;

        count += X509_STORE_add_cert(store, cert) == 1;
    }
    ERR_clear_error();
    /* who names an authority below a root trusts that one, not the root */
    return count > 0 && X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
}

enum err
directory_trust(struct scope *s, struct bytes ca_pem, SSL_CTX **out)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        (ca_pem.len == 0 && SSL_CTX_set_default_verify_paths(ctx) != 1) ||
        (ca_pem.len > 0 && !trust_pem(ctx, ca_pem))) {
        ERR_clear_error();
        SSL_CTX_free(ctx);
        return fail(s, E_INVALID, "the authorities of the server hold no PEM certificate");
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    *out = ctx;
    return OK;
}

/* ---- libldap above our wire */

static int
io_setup(Sockbuf_IO_Desc *io, void *line)
{
    io->sbiod_pvt = line;
    return 0;
}

static int
io_remove(Sockbuf_IO_Desc *io)
{
    io->sbiod_pvt = NULL;
    return 0;
}

static int
io_control(Sockbuf_IO_Desc *io, int option, UNUSED void *arg)
{
    const struct line *line = io->sbiod_pvt;

    return option == LBER_SB_OPT_DATA_READY && line && wire_pending(&line->wire);
}

static ber_slen_t
io_read(Sockbuf_IO_Desc *io, void *to, ber_len_t len)
{
    return line_read(io->sbiod_pvt, to, len);
}

static ber_slen_t
io_write(Sockbuf_IO_Desc *io, void *from, ber_len_t len)
{
    return line_write(io->sbiod_pvt, from, len);
}

static int
io_close(UNUSED Sockbuf_IO_Desc *io)
{
    return 0; /* directory_close() does */
}

static Sockbuf_IO line_io = { io_setup, io_remove, io_control, io_read, io_write, io_close };

/* libldap reads its environment once, at its first call, and without a lock. */
static void
wake_library(void)
{
    int version = 0;

    (void)ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
}

static bool
set_options(struct directory *d)
{
    int version = LDAP_VERSION3, never = LDAP_DEREF_NEVER;
    struct timeval tv = { .tv_sec = d->o.timeout_ms / SECOND_MS + 1 };

    return ldap_set_option(d->ld, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_OPT_SUCCESS &&
           ldap_set_option(d->ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_OPT_SUCCESS &&
           ldap_set_option(d->ld, LDAP_OPT_DEREF, &never) == LDAP_OPT_SUCCESS &&
           ldap_set_option(d->ld, LDAP_OPT_TIMEOUT, &tv) == LDAP_OPT_SUCCESS &&
           ldap_set_option(d->ld, LDAP_OPT_NETWORK_TIMEOUT, &tv) == LDAP_OPT_SUCCESS;
}

static enum err
attach(struct scope *s, struct directory *d)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ber_len_t most = MESSAGE_MAX;
    Sockbuf *sb = NULL;

    (void)pthread_once(&once, wake_library);
    /* the address is for a library that would connect anew: it leads nowhere */
    if (ldap_init_fd(d->line.wire.fd, LDAP_PROTO_EXT, "ldapi://%2Fdev%2Fnull%2Fnowhere", &d->ld) !=
            LDAP_SUCCESS ||
        ldap_get_option(d->ld, LDAP_OPT_SOCKBUF, &sb) != LDAP_OPT_SUCCESS || !sb ||
        ber_sockbuf_add_io(sb, &line_io, LBER_SBIOD_LEVEL_PROVIDER, &d->line) != 0 ||
        ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &most) < 0 || !set_options(d))
        return fail(s, E_INTERNAL, "the directory's library refuses its options");
    return OK;
}

/* ---- calls and their answers */

/** What the server said with a result code, fit for a log. */
static const char *
said_text(struct scope *s, const char *said)
{
    if (text_empty(said) || !text_is_utf8(said, strlen(said)))
        return "";
    said = arena_text_n(s->arena, said, MIN(strlen(said), (size_t)SAID_MAX));
    return text_has_control(said) || !text_is_utf8(said, strlen(said)) ? "" : said;
}

/** The kind of failure that a result code is. */
static enum err
kind_of(int code)
{
    switch (code) {
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:
    case LDAP_INVALID_DN_SYNTAX:
    case LDAP_CONSTRAINT_VIOLATION: /* how password policies lock an account */
    case LDAP_UNWILLING_TO_PERFORM:
    case LDAP_INSUFFICIENT_ACCESS:
        return E_UNAUTHENTICATED;
    case LDAP_NO_SUCH_OBJECT:
        return E_NOT_FOUND;
    case LDAP_FILTER_ERROR:
        return E_INVALID;
    case LDAP_TIMEOUT:
    case LDAP_TIMELIMIT_EXCEEDED:
        return E_TIMEOUT;
    default:
        return E_UNAVAILABLE;
    }
}

static enum err
refused(struct scope *s, int code, const char *said)
{
    const char *more = said_text(s, said);

    if (code == LDAP_REFERRAL)
        return fail(s, E_UNAVAILABLE, "the directory refers to another one, which is not asked");
    return fail(s, kind_of(code), "the directory answers: %s (%d)%s%s", ldap_err2string(code), code,
                *more ? ": " : "", more);
}

/** The connection is of no more use. */
static enum err
broken(struct scope *s, struct directory *d, int code)
{
    bool late = code == LDAP_TIMEOUT || clock_mono_ms() >= d->line.until_ms;

    d->dead = true;
    if (code == LDAP_FILTER_ERROR)
        return fail(s, E_INVALID, "the filter is malformed (RFC 4515)");
    return late ? fail(s, E_TIMEOUT, "the directory takes too long to answer")
                : fail(s, E_UNAVAILABLE, "the connection to the directory broke: %s",
                       ldap_err2string(code));
}

static enum err
begin(struct scope *s, struct directory *d)
{
    if (d->dead)
        return fail(s, E_UNAVAILABLE, "the connection to the directory is broken");
    d->line.until_ms = line_until(s, d->o.timeout_ms);
    return OK;
}

static int
error_of(struct directory *d)
{
    int code = LDAP_OTHER;

    (void)ldap_get_option(d->ld, LDAP_OPT_RESULT_CODE, &code);
    return code;
}

/** Wait for the whole answer to MESSAGE; the caller releases it with ldap_msgfree(). */
static enum err
await(struct scope *s, struct directory *d, int message, LDAPMessage **out)
{
    int64_t left = MAX(d->line.until_ms - clock_mono_ms(), 1);
    struct timeval tv = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
    int got = ldap_result(d->ld, message, LDAP_MSG_ALL, &tv, out);

    if (got > 0)
        return OK;
    return broken(s, d, got == 0 ? LDAP_TIMEOUT : error_of(d));
}

/** The result code of an answer and what was said with it; ANSWER stays the caller's. */
static enum err
result_of(struct scope *s, struct directory *d, LDAPMessage *answer, int *code, const char **said)
{
    char *text = NULL;
    int got = ldap_parse_result(d->ld, answer, code, NULL, &text, NULL, NULL, 0);

    *said = arena_text(s->arena, said_text(s, text));
    ldap_memfree(text);
    return got == LDAP_SUCCESS ? OK : broken(s, d, got);
}

/** Wait for an answer that is nothing but its result code. */
static enum err
plain_answer(struct scope *s, struct directory *d, int message)
{
    LDAPMessage *answer = NULL;
    const char *said;
    int code = LDAP_OTHER;
    enum err e;

    TRY(await(s, d, message, &answer));
    e = result_of(s, d, answer, &code, &said);
    (void)ldap_msgfree(answer);
    TRY(e);
    return code == LDAP_SUCCESS ? OK : refused(s, code, said);
}

static enum err
start_tls(struct scope *s, struct directory *d)
{
    int message,
        code = ldap_extended_operation(d->ld, LDAP_EXOP_START_TLS, NULL, NULL, NULL, &message);
    enum err e = code == LDAP_SUCCESS ? plain_answer(s, d, message) : broken(s, d, code);

    if (e != OK && e != E_TIMEOUT)
        e = fail(s, E_UNAVAILABLE, "the directory refuses StartTLS: %s",
                 arena_text(s->arena, s->error.text));
    return e;
}

static enum err
open_line(struct scope *s, struct directory *d)
{
    struct directory_address to;
    int64_t from_ms;
    enum err e;

    TRY(directory_url(s, d->o.url, &to));
    TRY(line_connect(s, &d->line, &to, d->o.steps));
    if (!to.start_tls)
        TRY(line_tls(s, &d->line, &to, d->o.trust, d->o.steps));
    TRY(attach(s, d));
    if (!to.start_tls)
        return OK;
    from_ms = clock_mono_ms();
    e = start_tls(s, d);
    if (e != OK)
        return directory_step_add(s, d->o.steps, "tls", e, from_ms, NULL);
    return line_tls(s, &d->line, &to, d->o.trust, d->o.steps);
}

enum err
directory_open(struct scope *s, const struct directory_options *o, struct directory **out)
{
    struct directory *d = mem_alloc(sizeof *d);
    enum err e;

    *d = (struct directory){ .o = *o, .line.wire.fd = -1 };
    d->line.until_ms = line_until(s, o->timeout_ms);
    e = open_line(s, d);
    if (e != OK) {
        directory_close(d);
        return e;
    }
    *out = d;
    return OK;
}

void
directory_close(struct directory *d)
{
    if (!d)
        return;
    d->line.until_ms = clock_mono_ms() + 100; /* for saying good-bye */
    if (d->ld)
        (void)ldap_unbind_ext(d->ld, NULL, NULL);
    if (d->line.wire.fd >= 0 && !d->dead)
        wire_shutdown(&d->line.wire);
    wire_close(&d->line.wire);
    mem_free(d);
}

enum err
directory_bind(struct scope *s, struct directory *d, const char *dn, const char *password)
{
    struct berval cred = { .bv_len = password ? strlen(password) : 0 };
    int message, code;

    if (text_empty(dn) || cred.bv_len == 0)
        return fail(s, E_UNAUTHENTICATED,
                    "a bind without a name or a password is anonymous (RFC 4513 section 5.1.2)");
    TRY(begin(s, d));
    memcpy(&cred.bv_val, &password, sizeof password); /* it is only read */
    code = ldap_sasl_bind(d->ld, dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, &message);
    return code == LDAP_SUCCESS ? plain_answer(s, d, message) : broken(s, d, code);
}

/* ---- searching */

static void
take_values(struct scope *s, struct directory *d, LDAPMessage *entry, const char *name,
            struct directory_entry *out)
{
    struct berval **values = ldap_get_values_len(d->ld, entry, name);
    struct directory_attribute *a =
        list_push(s->arena, &out->attributes, struct directory_attribute);

    a->name = arena_text(s->arena, name);
    for (size_t i = 0; values && values[i] && i < VALUES_MAX; i++) {
        struct bytes value = { (const uint8_t *)values[i]->bv_val, values[i]->bv_len };

        list_add(s->arena, &a->values, struct bytes, bytes_copy(s->arena, value));
    }
    ldap_value_free_len(values);
}

static void
take_entry(struct scope *s, struct directory *d, LDAPMessage *entry, struct list *out)
{
    struct directory_entry e = { 0 };
    char *dn = ldap_get_dn(d->ld, entry), *name;
    BerElement *ber = NULL;

    if (dn && text_is_utf8(dn, strlen(dn))) {
        e.dn = arena_text(s->arena, dn);
        for (name = ldap_first_attribute(d->ld, entry, &ber); name;
             name = ldap_next_attribute(d->ld, entry, ber)) {
            take_values(s, d, entry, name, &e);
            ldap_memfree(name);
        }
        ber_free(ber, 0);
        list_add(s->arena, out, struct directory_entry, e);
    }
    ldap_memfree(dn);
}

/** What the answer to a search holds, and how it ended. */
static enum err
take_all(struct scope *s, struct directory *d, LDAPMessage *answer, struct list *out, bool *more)
{
    LDAPMessage *last = NULL;
    const char *said;
    int code;

    for (LDAPMessage *m = ldap_first_message(d->ld, answer); m; m = ldap_next_message(d->ld, m)) {
        if (ldap_msgtype(m) == LDAP_RES_SEARCH_ENTRY)
            take_entry(s, d, m, out);
        if (ldap_msgtype(m) == LDAP_RES_SEARCH_RESULT)
            last = m;
    }
    if (!last)
        return broken(s, d, LDAP_DECODING_ERROR);
    TRY(result_of(s, d, last, &code, &said));
    *more = code == LDAP_SIZELIMIT_EXCEEDED;
    if (code == LDAP_SUCCESS || *more)
        return OK;
    if (kind_of(code) == E_UNAUTHENTICATED) /* who searches may not: nobody's password is wrong */
        return fail(s, E_UNAVAILABLE, "the directory lets us not search: %s (%d)",
                    ldap_err2string(code), code);
    return refused(s, code, said);
}

enum err
directory_search(struct scope *s, struct directory *d, const struct directory_query *q,
                 struct list *out, bool *more)
{
    struct timeval tv = { 0 };
    LDAPMessage *answer = NULL;
    struct list found = { 0 };
    char **attributes = NULL;
    int message, code;
    bool over = false;
    enum err e;

    if (text_empty(q->filter)) /* the library would take it for a search of everything */
        return fail(s, E_LIMIT, "the filter is empty, or longer than it may be");
    TRY(begin(s, d));
    tv.tv_sec = d->o.timeout_ms / SECOND_MS + 1;
    memcpy(&attributes, &q->attributes, sizeof attributes); /* they are only read */
    code = ldap_search_ext(d->ld, q->base, q->base_only ? LDAP_SCOPE_BASE : LDAP_SCOPE_SUBTREE,
                           q->filter, attributes, 0, NULL, NULL, &tv, q->limit, &message);
    if (code == LDAP_FILTER_ERROR)
        return fail(s, E_INVALID, "the filter is malformed (RFC 4515)");
    if (code != LDAP_SUCCESS)
        return broken(s, d, code);
    TRY(await(s, d, message, &answer));
    e = take_all(s, d, answer, &found, &over);
    (void)ldap_msgfree(answer);
    TRY(e);
    *out = found;
    *more = over;
    return OK;
}

const struct list *
directory_values(const struct directory_entry *e, const char *attribute)
{
    static const struct list none;

    LIST_EACH(struct directory_attribute, a, &e->attributes)
    if (text_eq_fold(a->name, attribute))
        return &a->values;
    return &none;
}

const char *
directory_text(struct scope *s, const struct directory_entry *e, const char *attribute)
{
    LIST_EACH(struct bytes, v, directory_values(e, attribute))
    if (v->len > 0 && text_is_utf8(v->data, v->len))
        return arena_text_n(s->arena, (const char *)v->data, v->len);
    return NULL;
}

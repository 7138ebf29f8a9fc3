/* `chancery issue`: from a key to a stored certificate. */
#include "cli/issue.h"

#include "base/file.h"
#include "cli/bulk.h"
#include "cli/inspect_rows.h"
#include "cli/register.h"
#include "pki/bundle.h"
#include "pki/dnsname.h"
#include "pki/oid.h"
#include "pki/pem.h"
#include "pki/tbs.h"
#include "seal/private_file.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CN_MAX 64
#define KEY_FILE_MAX ((size_t)64 * 1024)

/* What the arguments and flags come to. */
struct issue {
    const char *issuer;      /* as it was written */
    struct item item;        /* .name NULL: files only */
    struct bytes before;     /* the present certificate of the item, DER; or none */
    struct cert previous;    /* the same, read */
    struct list names;       /* of struct general_name */
    struct bytes subject;    /* DER */
    EVP_PKEY *key;           /* NULL: the request was made by others */
    struct secret *password; /* of --pfx; or NULL */
    struct list usages;      /* of const char *: asked for */
    struct wish wish;
};

static enum err
read_arguments(struct cli *c, struct issue *j)
{
    const char *target = cli_arg(c, c->args.count == 2);

    j->issuer = cli_text(c, "issuer");
    if (!j->issuer && c->args.count == 2)
        j->issuer = cli_arg(c, 0);
    else if (c->args.count == 2)
        return fail_code(c->s, E_INVALID, CHY_USAGE, "\"%s\" and --issuer %s: which is the issuer?",
                         cli_arg(c, 0), j->issuer);
    if (text_empty(j->issuer))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--issuer is needed: the authority to ask");
    if (cli_text(c, "duration") && cli_text(c, "not-after"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--duration and --not-after say the same twice");
    return target ? item_read(c, target, cli_text(c, "store"), &j->item) : OK;
}

/* Is there a place for what will be made? */
static enum err
check_places(struct cli *c, const struct issue *j)
{
    const char *out = cli_text(c, "out"), *key_out = cli_text(c, "key-out");
    const char *pfx = cli_text(c, "pfx");
    bool makes_key = !cli_text(c, "csr") && !cli_text(c, "key-from");

    if (pfx && cli_text(c, "csr"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--pfx: the key of a request is not here");
    if (pfx && text_eq(pfx, "-") && isatty(STDOUT_FILENO))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "a key is not for a terminal: --pfx FILE");
    if (cli_has(c, "dry-run"))
        return OK;
    TRY(places_differ(c, (const char *const[]){ "out", "key-out", "pfx", NULL }, 3));
    TRY(out_ready(c, pfx, OUT_KEY));
    if (j->item.dir || (pfx && !out && !key_out))
        return OK;
    if (!out)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "say where the certificate goes: --out FILE, or NAME@STORE");
    if (makes_key && !key_out && !pfx && !text_eq(out, "-"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "say where the key goes: --key-out FILE");
    TRY(key_ready(c, key_out, text_eq(out, "-") ? NULL : out));
    return out_ready(c, out, OUT_PUBLIC);
}

/* What to do when a certificate is there, but could not be written. */
static enum err
told(struct cli *c, const struct wish_come_true *got, enum err e)
{
    if (e != OK && got->id)
        c->fix = arena_printf(
            c->s->arena, "certificate %lld was issued: chancery certs download %lld --out FILE",
            (long long)got->id, (long long)got->id);
    return e;
}

/* The names given, else those of the certificate that is renewed, else the item's own. */
static enum err
choose_names(struct cli *c, struct issue *j)
{
    TRY(wish_names(c, &j->names));
    if (j->item.dir) {
        TRY(item_certificate(c, &j->item, &j->before));
        if (j->before.len)
            TRY(note(c->s, cert_read(c->s, j->before, &j->previous), "%s", j->item.name));
    }
    if (!j->names.count && j->before.len)
        LIST_EACH(struct general_name, n, &j->previous.exts.san)
    list_add(c->s->arena, &j->names, struct general_name, *n);
    return OK;
}

static const char *
default_cn(const struct issue *j)
{
    LIST_EACH(struct general_name, n, &j->names)
    if (n->kind == GN_DNS)
        return strlen(n->text) <= CN_MAX ? n->text : NULL;
    if (j->item.name)
        return j->item.name;
    return j->names.count && list_at(&j->names, struct general_name, 0)->kind != GN_URI
               ? list_at(&j->names, struct general_name, 0)->text
               : NULL;
}

static enum err
choose_subject(struct cli *c, struct issue *j)
{
    const char *text = cli_text(c, "subject"), *cn = cli_text(c, "cn");
    struct list attrs = { 0 };

    if (text)
        return note(c->s, name_from_text(c->s, text, &j->subject), "--subject");
    if (!cn && j->before.len && !cli_texts(c, "dns").count) {
        j->subject = j->previous.subject.der;
        return OK;
    }
    if (!cn)
        cn = default_cn(j);
    if (!cn)
        return OK;
    list_add(c->s->arena, &attrs, struct name_attr,
             ((struct name_attr){ .type = "CN", .value = cn }));
    TRY(name_build(c->s, &attrs, &j->subject));
    return problems_check(c->s);
}

static struct key_spec
spec_of(struct cli *c, const struct issue *j)
{
    struct key_spec spec = { KEY_EC, 256 };

    if (cli_text(c, "key-type"))
        (void)key_spec_parse(cli_text(c, "key-type"), &spec);
    else if (j->before.len && (j->previous.key.type == KEY_RSA || j->previous.key.type == KEY_EC ||
                               j->previous.key.type == KEY_ED25519))
        spec = (struct key_spec){ j->previous.key.type, j->previous.key.bits };
    if (spec.type == KEY_ED25519)
        spec.bits = 0;
    return spec;
}

static enum err
choose_key(struct cli *c, struct issue *j)
{
    AUTO(secret_free) struct secret *pem = NULL;
    const char *from = cli_text(c, "key-from");

    if (!from)
        return note(c->s, key_generate(c->s, spec_of(c, j), &j->key), "making a key");
    TRY(private_file_read(c->s, from, KEY_FILE_MAX, PRIVATE_OWNER, &pem));
    return note(c->s, key_from_pem(c->s, secret_bytes(pem), NULL, &j->key), "%s", from);
}

/* Names of hosts, mailboxes and addresses are ASCII in certificates (RFC 5280 section 4.2.1.6). */
static enum err
check_ascii(struct cli *c, const struct list *names)
{
    const unsigned lenient =
        NAMES_UNICODE | NAMES_WILDCARD | NAMES_INTERNAL | NAMES_UNDERSCORE | NAMES_RESERVED_IP;

    LIST_EACH(struct general_name, n, names)
    {
        const char *flag = n->kind == GN_DNS     ? "dns"
                           : n->kind == GN_EMAIL ? "email"
                           : n->kind == GN_URI   ? "uri"
                                                 : NULL;
        char *plain;

        if (!flag || text_is_ascii(n->text))
            continue;
        if (n->kind == GN_DNS && !dns_check(c->s->arena, n->text, lenient, &plain))
            return fail_code(c->s, E_INVALID, CHY_USAGE,
                             "--dns: \"%s\" holds characters outside ASCII: write it %s", n->text,
                             plain);
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--%s: \"%s\" holds characters outside ASCII",
                         flag, n->text);
    }
    return OK;
}

static enum err
make_request(struct cli *c, struct issue *j)
{
    const char *csr = cli_text(c, "csr");
    struct csr_plan plan = { 0 };
    struct list usages = { 0 };
    struct bytes der;

    TRY(wish_usages(c, &usages));
    if (csr && usages.count && !cli_has(c, "offline"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--eku: a request made elsewhere says itself what it is for");
    if (csr) {
        TRY(read_input(c, csr, CSR_MAX_LEN, &j->wish.csr));
        j->wish.sans = j->names;
        return OK;
    }
    TRY(check_ascii(c, &j->names));
    TRY(choose_subject(c, j));
    TRY(choose_key(c, j));
    plan.subject = j->subject;
    plan.sans = j->names;
    if (usages.count)
        ext_eku(c->s, &plan.exts, &usages, false);
    j->usages = usages;
    TRY(note(c->s, csr_build(c->s, &plan, j->key, SIG_NONE, &der), "making the request"));
    j->wish.csr = bytes_of_text(pem_text(c->s->arena, PEM_CSR, der));
    return OK;
}

static enum err
make_wish(struct cli *c, struct issue *j)
{
    struct when now = clock_now();

    TRY(choose_names(c, j));
    if (!cli_has(c, "offline")) {
        TRY(wish_issuer(c, j->issuer, &j->wish.issuer));
        TRY(wish_template(c, &j->wish.tmpl));
    }
    TRY(make_request(c, j));
    j->wish.owner = cli_text(c, "owner");
    j->wish.duration_ms = cli_duration(c, "duration", 0);
    j->wish.not_before = cli_time(c, "not-before", now);
    j->wish.not_after = cli_time(c, "not-after", now);
    return j->before.len && !cli_has(c, "offline") ? wish_known(c, j->before, &j->wish.renews) : OK;
}

/* Key and chain in one file. */
static enum err
keep_pfx(struct cli *c, const struct issue *j, const struct wish_come_true *got)
{
    struct bundle bundle = { .key = j->key, .certs = got->certs };
    struct bytes file;

    TRY(bundle_write(c->s, &bundle, BUNDLE_PFX, j->password, &file));
    return write_out(c, cli_text(c, "pfx"), file, OUT_KEY);
}

/* The directory of the key's file, locked until the descriptor is closed, so that whoever writes
 * the same files at the same time leaves key and certificate that belong together; a file system
 * that knows no locks does without. */
static int
lock_beside(struct cli *c, const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL, *dir = ".";
    struct stat st;
    int fd;

    if (!path || text_eq(path, "-") || (stat(path, &st) == 0 && !S_ISREG(st.st_mode)))
        return -1;
    if (slash)
        dir = arena_text_n(c->s->arena, path, (size_t)(slash - path) + 1);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)flock(fd, LOCK_EX);
    return fd;
}

/* The files of --key-out and --out, either of which may be NULL. */
static enum err
keep_files(struct cli *c, const char *key_out, struct bytes key, const char *out,
           struct bytes chain)
{
    AUTO(fd_close) int lock = lock_beside(c, key_out);

    if (key_out && key.len)
        TRY(write_key(c, key_out, key));
    return out ? write_out(c, out, chain, OUT_PUBLIC) : OK;
}

/* Key and certificate to the store and to the files asked for; nothing is lost when one of them
 * cannot be written: the error comes after the others. */
static enum err
keep(struct cli *c, const struct issue *j, const struct wish_come_true *got)
{
    const char *out = cli_text(c, "out"), *key_out = cli_text(c, "key-out");
    AUTO(secret_free) struct secret *pem = NULL;
    struct bytes chain = wish_pem(c, &got->certs), key = { NULL, 0 };
    int64_t version = 0;

    if (j->key) {
        TRY(key_to_pem(c->s, j->key, NULL, &pem));
        key = secret_bytes(pem);
    }
    if (cli_text(c, "pfx"))
        TRY(keep_pfx(c, j, got));
    else if (!key_out && !j->item.dir && key.len && !cli_text(c, "key-from"))
        key_out = out; /* "-" */
    if (j->item.dir) {
        TRY(item_write(c, &j->item, key, chain, &version));
        say(c, "%s@%s: version %lld", j->item.name, j->item.store, (long long)version);
    }
    return keep_files(c, key_out, key, out, chain);
}

/* What was asked for and is not in it: a template gives what it gives. */
static void
tell_missing(struct cli *c, const struct issue *j, const struct wish_come_true *got)
{
    struct cert cert;

    if (!j->usages.count || cert_read(c->s, *list_at(&got->certs, struct bytes, 0), &cert) != OK)
        return;
    LIST_EACH(const char *, asked, &j->usages)
    {
        const struct oid_info *info = oid_of_text(*asked);

        if (!list_has(&cert.exts.eku, *asked))
            caution(c, "the certificate is not for %s: template %s does not give that",
                    info ? info->name : *asked, j->wish.tmpl);
    }
}

static enum err
run_offline_issue(struct cli *c, struct issue *j)
{
    struct wish_come_true got = { 0 };

    TRY(wish_sign_offline(c, j->issuer, &j->wish, &got.certs));
    return got.certs.count ? keep(c, j, &got) : OK;
}

enum err
run_issue(struct cli *c)
{
    static const struct flag is_ca = { .name = "is-ca", .kind = FLAG_SWITCH };
    struct issue j = { .wish = { .not_before = WHEN_NONE, .not_after = WHEN_NONE } };
    AUTO(secret_free) struct secret *password = NULL;
    struct wish_come_true got;

    if (text_eq(c->command->path, "issue-intermediate-cert"))
        list_add(c->s->arena, &c->given, struct given, ((struct given){ .flag = &is_ca }));
    TRY(check_offline(c));
    TRY(read_arguments(c, &j));
    TRY(check_places(c, &j));
    if (cli_text(c, "pfx") && !cli_has(c, "dry-run"))
        TRY(read_password(c, "password-file", "Password of the new file", &password));
    j.password = password;
    TRY(make_wish(c, &j));
    if (cli_has(c, "offline"))
        return run_offline_issue(c, &j);
    TRY(metadata_given(c, &j.wish.metadata));
    if (cli_has(c, "dry-run"))
        return wish_try(c, &j.wish);
    TRY(wish_send(c, &j.wish, &got));
    if (!got.certs.count)
        return OK;
    tell_missing(c, &j, &got);
    TRY(told(c, &got, keep(c, &j, &got)));
    return text_eq(cli_text(c, "out"), "-") ? OK : wish_print(c, &got);
}

enum err
run_csr_create(struct cli *c)
{
    const char *out = cli_text(c, "out"), *key_out = cli_text(c, "key-out");
    struct issue j = { .wish = { .not_before = WHEN_NONE, .not_after = WHEN_NONE } };
    AUTO(secret_free) struct secret *pem = NULL;
    struct bytes key = { NULL, 0 };

    if (!key_out && !cli_text(c, "key-from"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "say where the key goes: --key-out FILE");
    if (key_out && cli_text(c, "key-from"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--key-out is for a new key, and --key-from has one");
    TRY(places_differ(c, (const char *const[]){ "out", "key-out", "key-from", NULL }, 2));
    TRY(key_ready(c, key_out, NULL));
    TRY(out_ready(c, out, OUT_PUBLIC));
    TRY(choose_names(c, &j));
    TRY(make_request(c, &j));
    if (key_out) {
        TRY(key_to_pem(c->s, j.key, NULL, &pem));
        key = secret_bytes(pem);
    }
    return keep_files(c, key_out, key, out ? out : "-", j.wish.csr);
}

enum err
run_enroll_csr(struct cli *c)
{
    const char *out = cli_text(c, "out"), *ca = cli_text(c, "ca");
    struct wish w = { .owner = cli_text(c, "owner"),
                      .duration_ms = cli_duration(c, "duration", 0),
                      .not_before = WHEN_NONE,
                      .not_after = cli_time(c, "not-after", clock_now()) };
    struct wish_come_true got;

    if (cli_text(c, "from"))
        return run_bulk(c);
    if (!cli_arg(c, 0))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "enroll csr needs its argument CSR, or --from LIST");
    TRY(read_input(c, cli_arg(c, 0), CSR_MAX_LEN, &w.csr));
    TRY(wish_names(c, &w.sans));
    TRY(metadata_given(c, &w.metadata));
    if (ca)
        TRY(wish_issuer(c, ca, &w.issuer));
    TRY(wish_template(c, &w.tmpl));
    if (cli_has(c, "dry-run"))
        return wish_try(c, &w);
    TRY(out_ready(c, out, OUT_PUBLIC));
    TRY(wish_send(c, &w, &got));
    if (!got.certs.count)
        return OK;
    TRY(told(c, &got, write_out(c, out ? out : "-", wish_pem(c, &got.certs), OUT_PUBLIC)));
    return out && !text_eq(out, "-") ? wish_print(c, &got) : OK;
}

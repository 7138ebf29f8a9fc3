/* Download: certificates, chains and keys into files. */
#include "cli/certs_more.h"

#include "cli/keys.h"
#include "cli/keystore.h"
#include "pki/bundle.h"
#include "pki/cert.h"
#include "pki/pem.h"
#include "pki/pkcs7.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** What is downloaded, and where to. */
struct download {
    const char *form;
    const char *out;         /* "-": stdout */
    bool dir;                /* OUT is a directory */
    struct secret *password; /* of files with a key; or NULL */
    struct list ids;         /* of int64_t */
    struct list names;       /* of const char *: what their files are called */
    size_t failed;
};

enum err
certificate_chain(struct cli *c, int64_t id, struct list *certs)
{
    struct ask ask = { .method = "POST", .path = COMMAND_API "/Certificates/Download" };
    const char *content;
    struct answer a;
    struct bytes pem;

    ask.body = arena_printf(c->s->arena,
                            "{\"CertID\":%lld,\"IncludeChain\":true,"
                            "\"ChainOrder\":\"EndEntityFirst\"}",
                            (long long)id);
    list_add(c->s->arena, &ask.headers, struct header,
             ((struct header){ "x-certificateformat", "PEM" }));
    TRY(ask_server(c, &ask, &a));
    content = json_str(json_get(a.json, "Content"));
    if (!content || !base64_decode(c->s->arena, content, strlen(content), true, &pem))
        return fail(c->s, E_UNAVAILABLE, "the server sent no certificate");
    return note(c->s, pem_read_certs(c->s, pem, certs), "the server's answer");
}

/* A root is no part of what a server sends. */
static size_t
without_root(struct cli *c, const struct list *certs)
{
    struct cert last;

    if (certs->count > 1 && cert_read(c->s, *list_last(certs, struct bytes), &last) == OK &&
        last.self_issued)
        return certs->count - 1;
    return certs->count;
}

static enum err
pack(struct cli *c, const char *form, const struct list *certs, struct bytes *out)
{
    const struct bytes *at = certs->items;
    size_t from = text_eq(form, "chain"), to = without_root(c, certs);
    const char *pem;
    struct buf b;

    if (text_eq(form, "der")) {
        *out = at[0];
        return OK;
    }
    if (text_eq(form, "p7b")) {
        TRY(pkcs7_of_certs_pem(c->s, at, certs->count, &pem));
        *out = bytes_of_text(pem);
        return OK;
    }
    if (text_eq(form, "pem"))
        to = 1;
    if (from >= to)
        to = certs->count; /* a chain that is a root alone */
    buf_init_in(&b, c->s->arena, CLI_BODY_MAX);
    for (size_t i = from; i < to; i++)
        pem_add(&b, PEM_CERT, at[i]);
    *out = buf_bytes(&b);
    return OK;
}

static bool
has_key(const char *form)
{
    return text_eq(form, "pfx") || text_eq(form, "jks") || text_eq(form, "zip");
}

/* Several of them can follow one another. */
static bool
is_pem(const char *form)
{
    return text_eq(form, "pem") || text_eq(form, "chain") || text_eq(form, "fullchain");
}

/* A name that is good for a file, and that the id makes one of a kind: "web.example.com-12.pem". No
 * hidden one, and none that a command takes for a flag. */
static const char *
file_name(struct cli *c, const struct json *row, const char *form)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    const char *cn = json_str(json_get(row, "IssuedCN")), *ending = form;
    char *stem = arena_text(c->s->arena, cn ? cn : "");

    if (strlen(stem) > 64)
        stem[64] = '\0';
    for (char *at = stem; *at; at++)
        if (!strchr(good, *at) || (at == stem && (*at == '.' || *at == '-')))
            *at = '_';
    if (is_pem(form))
        ending = text_eq(form, "pem") ? "pem" : arena_printf(c->s->arena, "%s.pem", form);
    return arena_printf(c->s->arena, "%s%s%lld.%s", stem, *stem ? "-" : "", (long long)row_id(row),
                        ending);
}

static enum err
take(struct cli *c, const struct json *row, void *arg)
{
    struct download *d = arg;

    list_add(c->s->arena, &d->ids, int64_t, row_id(row));
    list_add(c->s->arena, &d->names, const char *, file_name(c, row, d->form));
    return OK;
}

static enum err
make_dir(struct cli *c, const char *path)
{
    struct stat st;

    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return OK;
    return fail(c->s, E_INVALID, "--out: cannot make the directory %s: %s", path, strerror(errno));
}

/* Where they go, once it is known how many there are. */
static enum err
choose_place(struct cli *c, struct download *d)
{
    size_t len = strlen(d->out);
    struct stat st;

    d->dir = !text_eq(d->out, "-") && (d->ids.count > 1 || (len && d->out[len - 1] == '/') ||
                                       (stat(d->out, &st) == 0 && S_ISDIR(st.st_mode)));
    if (!d->dir && d->ids.count > 1 && !is_pem(d->form))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "several certificates as %s: --out DIR",
                         d->form);
    if (!d->dir && text_eq(d->form, "der") && isatty(STDOUT_FILENO) && text_eq(d->out, "-"))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "DER is not for a terminal: --out FILE");
    if (cli_has(c, "dry-run"))
        return OK;
    return d->dir ? make_dir(c, d->out) : OK;
}

static enum err
download_one(struct cli *c, const struct download *d, size_t i)
{
    int64_t id = *list_at(&d->ids, int64_t, i);
    const char *out = d->out;
    struct list certs = { 0 };
    struct bytes data;

    if (d->dir)
        out = arena_printf(c->s->arena, "%s%s%s", d->out,
                           d->out[strlen(d->out) - 1] == '/' ? "" : "/",
                           *list_at(&d->names, const char *, i));
    if (cli_has(c, "dry-run"))
        return print_bytes(
            c, bytes_of_text(arena_printf(c->s->arena, "would write certificate %lld to %s\n",
                                          (long long)id, out)));
    if (has_key(d->form))
        return recover_with(c, id, d->form, out, d->password);
    TRY(certificate_chain(c, id, &certs));
    TRY(pack(c, d->form, &certs, &data));
    TRY(write_out(c, out, data, OUT_PUBLIC));
    if (!text_eq(out, "-"))
        say(c, "certificate %lld written to %s", (long long)id, out);
    return OK;
}

/* Each on its own: one that cannot be had keeps no other back. */
static enum err
download_all(struct cli *c, struct download *d)
{
    for (size_t i = 0; i < d->ids.count; i++) {
        enum err e = download_one(c, d, i);

        if (e != OK && d->ids.count == 1)
            return e;
        if (e != OK) {
            (void)note(c->s, e, "certificate %lld", (long long)*list_at(&d->ids, int64_t, i));
            (void)error_report(c, e);
            scope_clear(c->s);
            c->cause = c->fix = NULL;
            d->failed++;
        }
    }
    if (d->failed)
        c->status = d->failed < d->ids.count ? EXIT_PARTLY : EXIT_FAILED;
    return OK;
}

static enum err
read_key_password(struct cli *c, struct secret **out)
{
    const char *open = cli_text(c, "pfx-password");

    if (!open)
        return read_password(c, "password-file", "Password of the new file", out);
    caution(c, "a secret in an argument is seen by others: --password-file FILE");
    *out = secret_copy(bytes_of_text(open));
    return OK;
}

static enum err
download(struct cli *c, struct download *d)
{
    AUTO(secret_free) struct secret *password = NULL;

    TRY(choose_place(c, d));
    if (has_key(d->form) && !cli_has(c, "dry-run")) {
        if (!d->dir)
            TRY(key_place_ready(c, d->out));
        TRY(read_key_password(c, &password));
        d->password = password;
    }
    return download_all(c, d);
}

enum err
run_certs_download(struct cli *c)
{
    struct download d = { .form = cli_text(c, "as"), .out = cli_text(c, "out") };

    if (!d.form)
        d.form = cli_has(c, "chain") ? "fullchain" : "pem";
    if (!d.out)
        d.out = "-";
    TRY(each_chosen(c, take, &d));
    if (!d.ids.count)
        say(c, "No certificates match.");
    return d.ids.count ? download(c, &d) : OK;
}

/* download-cert: of a key store with its key there. */
static enum err
download_item(struct cli *c, const struct download *d, const char *ref)
{
    AUTO(secret_free) struct secret *pem = NULL, *password = NULL;
    struct bundle bundle = { 0 };
    struct bytes data;
    struct item item;

    TRY(item_read(c, ref, NULL, &item));
    TRY(item_key(c, &item, &pem));
    TRY(item_chain(c, &item, &bundle.certs));
    TRY(key_place_ready(c, d->out));
    if (text_eq(d->form, "pfx")) {
        TRY(read_key_password(c, &password));
        TRY(key_from_pem(c->s, (struct bytes){ pem->data, pem->len }, NULL, &bundle.key));
        TRY(bundle_write(c->s, &bundle, BUNDLE_PFX, password, &data));
        return write_out(c, d->out, data, OUT_KEY);
    }
    return write_out(c, d->out, (struct bytes){ pem->data, pem->len }, OUT_KEY);
}

enum err
run_download_cert(struct cli *c)
{
    struct download d = { .form = cli_text(c, "as"), .out = cli_text(c, "out") };
    bool pfx = cli_has(c, "pfx"), key = cli_has(c, "key");
    const struct json *row;

    if (!d.out)
        d.out = cli_arg(c, 1) ? cli_arg(c, 1) : "-";
    else if (cli_arg(c, 1))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--out and %s say where twice", cli_arg(c, 1));
    if (d.form && (pfx || key))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "--as and --%s say the same twice",
                         pfx ? "pfx" : "key");
    if (!d.form)
        d.form = pfx ? "pfx" : cli_has(c, "chain") ? "fullchain" : "pem";
    if ((pfx || key) && item_is(cli_arg(c, 0)))
        return download_item(c, &d, cli_arg(c, 0));
    if (key && !pfx)
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "--key alone is for NAME@STORE: the server hands keys out as --pfx");
    TRY(certificate_of(c, cli_arg(c, 0), &row));
    TRY(take(c, row, &d));
    return download(c, &d);
}

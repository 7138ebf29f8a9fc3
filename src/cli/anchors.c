/* Anchors: the commands by which machines trust our roots. Nothing is changed here: what is printed
 * is read by a person, or piped into a shell. */
#include "cli/run.h"

#include "pki/cert.h"
#include "pki/pem.h"
#include <string.h>

#define TEXT_MAX ((size_t)16 << 20)
#define DEPTH_MAX 16

/** A certificate of an authority. */
struct anchor {
    const char *file; /* its name without an ending: "example-root-ca-1a2b3c4d" */
    const char *subject, *fingerprint, *pem;
    struct when until;
    bool root;
};

/* Names come from certificates, and go into scripts: letters, digits and hyphens are all they keep.
 */
static const char *
file_name(struct cli *c, const struct cert *cert, const char *digits)
{
    const char *cn = strstr(cert->subject.text, "CN=");
    struct buf b;

    buf_init_in(&b, c->s->arena, 256);
    for (const char *p = cn ? cn + 3 : cert->subject.text; *p && *p != ',' && b.len < 64; p++)
        if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'))
            buf_byte(&b, (uint8_t)*p);
        else if (*p >= 'A' && *p <= 'Z')
            buf_byte(&b, (uint8_t)(*p - 'A' + 'a'));
        else if (b.len && b.data[b.len - 1] != '-')
            buf_byte(&b, '-');
    if (!b.len)
        buf_text(&b, "ca");
    buf_printf(&b, "%s%.8s", b.data[b.len - 1] == '-' ? "" : "-", digits);
    return buf_str(&b);
}

/* For one line of a comment. */
static const char *
one_line(struct cli *c, const char *text)
{
    char *out = arena_text(c->s->arena, text);

    for (char *p = out; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    return out;
}

static const char *
with_colons(struct cli *c, const char *digits)
{
    struct buf b;

    buf_init_in(&b, c->s->arena, 256);
    for (size_t i = 0; digits[i]; i++)
        buf_printf(&b, i && i % 2 == 0 ? ":%c" : "%c", digits[i]);
    return buf_str(&b);
}

/* Once each, and none that is over. */
static enum err
add(struct cli *c, struct list *out, struct bytes der)
{
    struct cert cert;
    struct anchor *a;
    const char *digits;

    TRY(cert_read(c->s, der, &cert));
    digits = hex_lower(c->s->arena, (struct bytes){ cert.sha256, sizeof(cert.sha256) });
    if (!cert.exts.is_ca || when_cmp(cert.not_after, clock_now()) < 0)
        return OK;
    LIST_EACH(struct anchor, have, out)
    if (text_eq(have->fingerprint, with_colons(c, digits)))
        return OK;
    a = list_push(c->s->arena, out, struct anchor);
    *a = (struct anchor){ .file = file_name(c, &cert, digits),
                          .subject = one_line(c, cert.subject.text),
                          .fingerprint = with_colons(c, digits),
                          .pem = pem_text(c->s->arena, PEM_CERT, der),
                          .until = cert.not_after,
                          .root = cert_is_root(c->s, &cert) };
    return OK;
}

static enum err
add_pem(struct cli *c, struct list *out, struct bytes text)
{
    struct list certs;

    TRY(pem_read_certs(c->s, text, &certs));
    LIST_EACH(struct bytes, der, &certs)
    TRY(add(c, out, *der));
    return OK;
}

/* Of each key that is in use, also those that another authority certified too. */
static enum err
add_authority(struct cli *c, struct list *out, const char *name)
{
    const struct json *items;
    struct answer a;

    TRY(ask_get(
        c, arena_printf(c->s->arena, REST_API "/authorities/%s/certificates", segment(c, name)),
        &a));
    items = json_get(a.json, "items");
    for (size_t i = 0; i < json_count(items); i++) {
        const char *pem = json_str(json_get(json_item(items, i), "certificate"));

        if (!text_empty(pem))
            TRY(add_pem(c, out, bytes_of_text(pem)));
    }
    return OK;
}

/* NAME and those above it, or all that there are. */
static enum err
add_ours(struct cli *c, struct list *out)
{
    const char *name = cli_arg(c, 0);
    const struct json *items;
    struct answer a;

    for (int depth = 0; name && depth < DEPTH_MAX; depth++) {
        TRY(note(
            c->s,
            ask_get(c, arena_printf(c->s->arena, REST_API "/authorities/%s", segment(c, name)), &a),
            "certificate authority %s", name));
        TRY(add_authority(c, out, name));
        name = json_str(json_get(a.json, "parent"));
    }
    if (cli_arg(c, 0))
        return OK;
    TRY(ask_get(c, REST_API "/authorities?limit=1000", &a));
    items = json_get(a.json, "items");
    for (size_t i = 0; i < json_count(items); i++)
        TRY(add_authority(c, out, json_str(json_get(json_item(items, i), "name"))));
    return OK;
}

/* ---- platforms */

/* %s stands for the file's name without its ending, wherever it is. */
struct platform {
    const char *name, *title;
    const char *first;        /* once, before the rest; or NULL */
    const char *root;         /* for each root */
    const char *intermediate; /* for each authority below; NULL: servers send those themselves */
    const char *last;         /* once, after them; or NULL */
    bool powershell;
};

#define NSS(trust)                                                                        \
    "for db in \"$HOME/.pki/nssdb\" \"$HOME\"/.mozilla/firefox/*/ \"$HOME\"/snap/firefox" \
    "/common/.mozilla/firefox/*/; do\n"                                                   \
    "    if [ -f \"$db/cert9.db\" ]; then\n"                                              \
    "        certutil -A -d \"sql:$db\" -n %s -t " trust " -i %s.crt\n"                   \
    "    fi\n"                                                                            \
    "done\n"

static const struct platform platforms[] = {
    { "debian", "Debian, Ubuntu, Alpine, as root", NULL,
      "install -D -m 644 %s.crt /usr/local/share/ca-certificates/%s.crt\n", NULL,
      "update-ca-certificates\n", false },
    { "rhel", "Red Hat, Fedora, Rocky, Alma, Amazon Linux, as root", NULL,
      "install -D -m 644 %s.crt /etc/pki/ca-trust/source/anchors/%s.crt\n", NULL,
      "update-ca-trust extract\n", false },
    { "suse", "SUSE, as root", NULL, "install -D -m 644 %s.crt /etc/pki/trust/anchors/%s.crt\n",
      NULL, "update-ca-certificates\n", false },
    { "arch", "Arch, and whatever has p11-kit, as root", NULL, "trust anchor --store %s.crt\n",
      NULL, NULL, false },
    { "macos", "macOS, for all users; Safari, Chrome and curl read it", NULL,
      "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain "
      "%s.crt\n",
      "sudo security add-certificates -k /Library/Keychains/System.keychain %s.crt\n", NULL,
      false },
    { "windows", "Windows, in a PowerShell of an administrator", NULL,
      "Import-Certificate -FilePath .\\%s.crt -CertStoreLocation Cert:\\LocalMachine\\Root\n",
      "Import-Certificate -FilePath .\\%s.crt -CertStoreLocation Cert:\\LocalMachine\\CA\n", NULL,
      true },
    { "active-directory", "every Windows machine of a forest, by an Enterprise Admin", NULL,
      "certutil -dspublish -f .\\%s.crt RootCA\n", "certutil -dspublish -f .\\%s.crt SubCA\n",
      "gpupdate /force\n", true },
    { "java", "Java, its own list: once for each Java that is installed", NULL,
      "keytool -importcert -noprompt -trustcacerts -cacerts -storepass changeit -alias %s -file "
      "%s.crt\n",
      NULL, NULL, false },
    { "nss", "Firefox, and Chrome on Linux: certutil of libnss3-tools, as their user", NULL,
      NSS("C,,"), NSS(",,"), NULL, false },
    { "environment", "one shell: Python, Node, curl, git and Go, which then trust these alone",
      ": > chancery-roots.pem\n", "cat %s.crt >> chancery-roots.pem\n", NULL,
      "export SSL_CERT_FILE=\"$PWD/chancery-roots.pem\" "
      "REQUESTS_CA_BUNDLE=\"$PWD/chancery-roots.pem\"\n"
      "export CURL_CA_BUNDLE=\"$PWD/chancery-roots.pem\" "
      "GIT_SSL_CAINFO=\"$PWD/chancery-roots.pem\"\n"
      "export NODE_EXTRA_CA_CERTS=\"$PWD/chancery-roots.pem\"\n",
      false },
};
const char *const platform_words[] = {
    "debian",           "rhel", "suse", "arch",        "macos", "windows",
    "active-directory", "java", "nss",  "environment", NULL
};

/* TEMPLATE with FILE for each %s. */
static void
fill_in(struct buf *out, const char *template, const char *file)
{
    const char *at;

    while ((at = strstr(template, "%s"))) {
        buf_printf(out, "%.*s%s", (int)(at - template), template, file);
        template = at + 2;
    }
    buf_text(out, template);
}

static void
add_platform(struct buf *out, const struct platform *p, const struct list *anchors)
{
    buf_printf(out, "\n# ---- %s: %s\n", p->name, p->title);
    buf_text(out, p->first ? p->first : "");
    LIST_EACH(struct anchor, a, anchors)
    if (a->root || p->intermediate)
        fill_in(out, a->root ? p->root : p->intermediate, a->file);
    buf_text(out, p->last ? p->last : "");
}

static void
add_files(struct buf *out, const struct list *anchors, bool powershell, bool below)
{
    LIST_EACH(struct anchor, a, anchors)
    if (a->root || below)
        buf_printf(out,
                   powershell ? "@'\n%s'@ | Set-Content -Encoding Ascii .\\%s.crt\n"
                              : "cat > %2$s.crt <<'PEM'\n%1$sPEM\n",
                   a->pem, a->file);
}

static void
add_head(struct cli *c, struct buf *out, const struct list *anchors, bool below)
{
    buf_text(out, "# Compare the fingerprints with what those say who run the authority.\n");
    LIST_EACH(struct anchor, a, anchors)
    if (a->root || below)
        buf_printf(out, "# %s %s, until %.10s\n#   SHA-256 %s\n",
                   a->root ? "root" : "below it:", a->subject, when_rfc3339(c->s->arena, a->until),
                   a->fingerprint);
}

static const struct platform *
platform_named(const char *name)
{
    for (size_t i = 0; name && i < COUNT(platforms); i++)
        if (text_eq_fold(platforms[i].name, name))
            return &platforms[i];
    return NULL;
}

static enum err
collect(struct cli *c, struct list *out)
{
    const char *file = cli_text(c, "file");
    struct bytes text;

    if (file && cli_arg(c, 0))
        return fail_code(c->s, E_INVALID, CHY_USAGE, "either --file or the name of an authority");
    if (file) {
        TRY(read_input(c, file, PEM_MAX_LEN, &text));
        TRY(note(c->s, add_pem(c, out, text), "%s", file));
    } else {
        TRY(add_ours(c, out));
    }
    LIST_EACH(struct anchor, a, out)
    if (a->root)
        return OK;
    return fail_code(c->s, E_NOT_FOUND, CHY_NOT_FOUND, "there is no root among %s",
                     file ? "those certificates" : "the authorities; --file FILE names one");
}

enum err
run_ca_trust(struct cli *c)
{
    const struct platform *only = platform_named(cli_text(c, "platform"));
    struct list anchors = { 0 };
    struct buf out;

    if (!cli_has(c, "print"))
        return fail_code(c->s, E_INVALID, CHY_USAGE,
                         "this machine's trust is changed by you alone: --print shows how, and "
                         "`--print --platform debian | sudo sh` does it");
    TRY(collect(c, &anchors));
    buf_init_in(&out, c->s->arena, TEXT_MAX);
    add_head(c, &out, &anchors, !only || only->intermediate);
    add_files(&out, &anchors, only && only->powershell, !only || only->intermediate);
    for (size_t i = 0; i < COUNT(platforms); i++)
        if (!only || only == &platforms[i])
            add_platform(&out, &platforms[i], &anchors);
    return print_long(c, buf_bytes(&out));
}

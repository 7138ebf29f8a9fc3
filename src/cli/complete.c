/* `chancery __complete`: what may stand next, for the scripts of completion.c. A line for each: the
 * word, a tab, what it means; the line ":files" stands for names of files. */
#include "cli/complete.h"

#include "audit/actions.h"
#include "cli/acme_rows.h"
#include "cli/issue.h"
#include "cli/session.h"
#include "pki/hash.h"
#include "seal/private_file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_MS 300
#define CACHE_S 60
#define ROWS "200"
#define CACHE_MAX ((size_t)256 * 1024)

/** Where the words of a flag or an argument come from. */
enum source {
    FROM_NOWHERE,
    FROM_FILES,
    FROM_AUTHORITIES,
    FROM_TEMPLATES,
    FROM_COLLECTIONS,
    FROM_CERTIFICATES,
    FROM_METADATA,
    FROM_USERS,
    FROM_ROLES,
    FROM_PROVIDERS,
    FROM_CONTEXTS,
    FROM_ACTIONS,
    FROM_FIELDS,
    FROM_QUERY,
    FROM_SHELLS,
    FROM_HELP,
    FROM_ACME_CLIENTS,
};

/** A command line that is being written. */
struct line {
    struct cli *c;
    const char *word;              /* the one at the cursor, as far as it is there */
    const char *before;            /* what stands before each answer: "--ca=", or "" */
    const char *path;              /* the words of the command so far */
    const struct command *command; /* once they name one */
    size_t args;                   /* how many of its arguments are there */
    const struct flag *flag;       /* whose value is asked for */
    struct buf out;
};

static void
offer_any(struct line *l, const char *word, const char *doc)
{
    if (text_empty(word) || text_has_control(word))
        return;
    buf_printf(&l->out, "%s%s\t%s\n", l->before, word, doc && !text_has_control(doc) ? doc : "");
}

/* What begins as the word does. */
static void
offer(struct line *l, const char *word, const char *doc)
{
    if (word && text_starts_fold(word, l->word))
        offer_any(l, word, doc);
}

static void
offer_words(struct line *l, const char *const *words)
{
    for (; *words; words++)
        offer(l, *words, NULL);
}

/* Commands and flags. */

static const struct flag *
flag_of(const struct line *l, const char *name, size_t len)
{
    const struct flag *sets[] = { l->command ? l->command->flags : NULL, global_flags };
    size_t counts[] = { l->command ? l->command->flag_count : 0, global_flag_count };

    for (size_t set = 0; set < COUNT(sets); set++)
        for (size_t i = 0; i < counts[set]; i++) {
            const struct flag *f = &sets[set][i];

            if ((strlen(f->name) == len && !strncmp(f->name, name, len)) ||
                (f->alias && strlen(f->alias) == len && !strncmp(f->alias, name, len)))
                return f;
        }
    return NULL;
}

static const struct flag *
flag_of_letter(const struct line *l, char letter)
{
    const struct flag *sets[] = { l->command ? l->command->flags : NULL, global_flags };
    size_t counts[] = { l->command ? l->command->flag_count : 0, global_flag_count };

    for (size_t set = 0; set < COUNT(sets); set++)
        for (size_t i = 0; i < counts[set]; i++)
            if (sets[set][i].letter == letter)
                return &sets[set][i];
    return NULL;
}

static bool
takes_value(const struct flag *f)
{
    return f && f->kind != FLAG_SWITCH && f->kind != FLAG_OPTIONAL;
}

static void
offer_flags(struct line *l, const struct flag *flags, size_t count)
{
    for (size_t i = 0; i < count; i++)
        offer(l, arena_printf(l->c->s->arena, "--%s", flags[i].name), flags[i].doc);
}

/* The part of PATH behind the words so far, when it is one word more. */
static const char *
next_word(const struct line *l, const char *path)
{
    size_t len = strlen(l->path);

    if (len && (strncmp(path, l->path, len) != 0 || path[len] != ' '))
        return NULL;
    path += len ? len + 1 : 0;
    return strchr(path, ' ') ? NULL : path;
}

static void
offer_commands(struct line *l)
{
    for (size_t i = 0; i < group_count; i++)
        offer(l, next_word(l, groups[i].name), groups[i].doc);
    for (size_t i = 0; i < command_count; i++)
        if (!(commands[i].traits & COMMAND_HIDDEN))
            offer(l, next_word(l, commands[i].path), commands[i].doc);
}

/* Does any command begin with these words? */
static bool
leads_on(const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < command_count; i++)
        if (!strncmp(commands[i].path, path, len) && commands[i].path[len] == ' ')
            return true;
    return false;
}

static void
take_word(struct line *l, const char *word)
{
    const char *path = arena_printf(l->c->s->arena, "%s%s%s", l->path, *l->path ? " " : "", word);

    if (l->command) {
        l->args++;
        return;
    }
    l->command = command_find(path);
    if (l->command || leads_on(path))
        l->path = path;
}

/* Flags that say which server, and as whom, count here too. */
static void
take_given(struct line *l, const struct flag *f, const char *value)
{
    struct given given = { f, value, false };

    if (f >= global_flags && f < global_flags + global_flag_count)
        list_add(l->c->s->arena, &l->c->given, struct given, given);
}

static void
take_words(struct line *l, char **words, int count)
{
    bool ended = false;

    for (int i = 0; i < count; i++) {
        const char *word = words[i], *equals = strchr(word, '=');
        const struct flag *f = NULL;

        if (ended || *word != '-' || word[1] == 0) {
            take_word(l, word);
            continue;
        }
        ended = text_eq(word, "--");
        if (ended)
            continue;
        if (word[1] == '-')
            f = flag_of(l, word + 2, equals ? (size_t)(equals - word) - 2 : strlen(word + 2));
        else
            f = flag_of_letter(l, word[strlen(word) - 1]);
        if (f && equals && word[1] == '-')
            take_given(l, f, equals + 1);
        else if (takes_value(f) && i + 1 < count)
            take_given(l, f, words[++i]);
        else if (takes_value(f))
            l->flag = f;
    }
}

/* Which source. */

static enum source
source_of_flag(const struct flag *f)
{
    static const struct {
        const char *name;
        enum source source;
    } names[] = {
        { "ca", FROM_AUTHORITIES },
        { "issuer", FROM_AUTHORITIES },
        { "parent", FROM_AUTHORITIES },
        { "template", FROM_TEMPLATES },
        { "collection", FROM_COLLECTIONS },
        { "context", FROM_CONTEXTS },
        { "fields", FROM_FIELDS },
        { "sort", FROM_FIELDS },
        { "filter", FROM_QUERY },
        { "query", FROM_QUERY },
        { "role", FROM_ROLES },
        { "owner", FROM_ROLES },
        { "action", FROM_ACTIONS },
        { "meta", FROM_METADATA },
        { "renews", FROM_CERTIFICATES },
    };

    if (f->value && (text_eq(f->value, "FILE") || text_eq(f->value, "DIR")))
        return FROM_FILES;
    for (size_t i = 0; i < COUNT(names); i++)
        if (text_eq(f->name, names[i].name))
            return names[i].source;
    return FROM_NOWHERE;
}

static enum source
source_of_argument(const struct line *l)
{
    static const struct {
        const char *path, *args; /* what they begin with */
        enum source source;
    } known[] = {
        { "help", "", FROM_HELP },
        { "completion", "", FROM_SHELLS },
        { "", "REF", FROM_CERTIFICATES },
        { "", "[REF", FROM_CERTIFICATES },
        { "", "[QUERY", FROM_QUERY },
        { "", "[WORD", FROM_QUERY },
        { "ca offline ", "", FROM_FILES },
        { "ca ", "NAME", FROM_AUTHORITIES },
        { "check ca", "", FROM_AUTHORITIES },
        { "generate-crl", "", FROM_AUTHORITIES },
        { "acme client", "", FROM_ACME_CLIENTS },
        { "acme ", "", FROM_NOWHERE },
        { "templates ", "NAME", FROM_TEMPLATES },
        { "collections ", "NAME", FROM_COLLECTIONS },
        { "metadata ", "NAME", FROM_METADATA },
        { "users ", "NAME", FROM_USERS },
        { "providers ", "NAME", FROM_PROVIDERS },
        { "context ", "NAME", FROM_CONTEXTS },
        { "", "", FROM_FILES },
    };

    if (l->command->most >= 0 && l->args >= (size_t)l->command->most)
        return FROM_NOWHERE;
    if (l->args && text_eq(l->command->path, "templates edit")) /* KEY=VALUE */
        return FROM_NOWHERE;
    if (text_eq(l->command->path, "certs diff"))
        return FROM_CERTIFICATES;
    for (size_t i = 0; i < COUNT(known); i++)
        if (text_starts(l->command->path, known[i].path) &&
            text_starts(l->command->args, known[i].args))
            return l->args && known[i].source != FROM_QUERY && l->command->most >= 0
                       ? FROM_FILES
                       : known[i].source;
    return FROM_NOWHERE;
}

/* What is at hand. */

static void
offer_fields(struct line *l)
{
    const struct model *m = certificates_view.model;
    const char *comma = strrchr(l->word, ',');

    if (comma) { /* the last of several */
        l->before =
            arena_printf(l->c->s->arena, "%s%.*s", l->before, (int)(comma + 1 - l->word), l->word);
        l->word = comma + 1;
    }
    if (text_eq(l->path, "certs list") || text_eq(l->path, "search") ||
        text_eq(l->path, "certs show"))
        for (size_t i = 0; i < m->count; i++)
            offer(l, m->fields[i].wire, m->fields[i].doc);
    offer(l, "help", "list them");
}

static void
offer_query(struct line *l)
{
    static const char *const terms[][2] = {
        { "is:active", "in force" },
        { "is:revoked", "revoked" },
        { "is:expired", "past its end" },
        { "is:archived", "in the archive" },
        { "expires:<30d", "ends within 30 days" },
        { "expires:>30d", "ends later" },
        { "cn:", "common name" },
        { "dns:", "DNS name" },
        { "issuer:", "issuer's name" },
        { "ca:", "authority" },
        { "template:", "template" },
        { "serial:", "serial number" },
        { "requester:", "who asked for it" },
        { "owner:", "role that owns it; none" },
        { "tag:", "a tag; none" },
        { "meta.", "a metadata field: meta.FIELD:VALUE; none" },
        { "is:effective", "in force, and nothing took its place" },
        { "is:superseded", "another took its place" },
        { "is:on-hold", "revoked until a release" },
        { "is:ca", "of an authority" },
        { "is:self-signed", "signed by its own key" },
        { "is:wildcard", "with a wildcard name" },
        { "issued:<30d", "begun within 30 days" },
        { "key:", "rsa, ec, ed25519; with bits: key:rsa<3072" },
        { "sig:", "signature algorithm" },
        { "san:", "any alternative name" },
        { "ip:", "address" },
        { "email:", "mail address" },
        { "thumbprint:", "SHA-1 or SHA-256, or how it begins" },
        { "id:", "number in the register" },
    };

    for (size_t i = 0; i < COUNT(terms); i++)
        offer(l, terms[i][0], terms[i][1]);
}

static void
offer_contexts(struct line *l)
{
    struct contexts all;

    if (contexts_load(l->c->s, &all) != OK)
        return;
    LIST_EACH(struct context, x, &all.all)
    offer(l, x->name, x->server);
}

static void
offer_actions(struct line *l)
{
    size_t count;
    const struct audit_action_info *all = audit_action_all(&count);

    for (size_t i = 0; i < count; i++)
        if (all[i].name)
            offer(l, all[i].name, all[i].doc);
}

static void
offer_help(struct line *l)
{
    static const char *const topics[] = { "topics",        "query",      "formats", "exit-codes",
                                          "environment",   "references", "flags",   "codes",
                                          "audit-actions", NULL };

    if (l->args == 0)
        offer_words(l, topics);
    l->path = "";
    offer_commands(l);
}

/* What the server knows, and what of it was told within the last minute. */

struct question {
    const char *path, *rows, *name, *doc; /* .rows: the member that holds the array; NULL: all */
};

static const struct question questions[] = {
    [FROM_AUTHORITIES] = { COMMAND_API "/CertificateAuthority", NULL, "LogicalName", "HostName" },
    [FROM_TEMPLATES] = { COMMAND_API "/Templates?pq.returnLimit=" ROWS, NULL, "CommonName",
                         "DisplayName" },
    [FROM_COLLECTIONS] = { COMMAND_API "/CertificateCollections?pq.returnLimit=" ROWS, NULL, "Name",
                           "Description" },
    [FROM_METADATA] = { COMMAND_API "/MetadataFields", NULL, "Name", "Description" },
    [FROM_USERS] = { REST_API "/users?limit=" ROWS, "items", "name", "display_name" },
    [FROM_ROLES] = { REST_API "/roles?limit=" ROWS, "items", "name", "description" },
    [FROM_PROVIDERS] = { REST_API "/providers", "items", "name", "kind" },
};

static enum err
ask_names(struct line *l, const struct question *q, struct buf *text)
{
    const struct json *rows;
    struct answer a;

    TRY(ask_get(l->c, q->path, &a));
    rows = q->rows ? json_get(a.json, q->rows) : a.json;
    for (size_t i = 0; i < json_count(rows); i++) {
        const char *name = json_str(json_get(json_item(rows, i), q->name));
        const char *doc = json_str(json_get(json_item(rows, i), q->doc));

        if (!text_empty(name) && !text_has_control(name))
            buf_printf(text, "%s\t%s\n", name, doc && !text_has_control(doc) ? doc : "");
    }
    return OK;
}

/* Certificates have numbers; who types a name gets the numbers of those that bear it. */
static enum err
ask_certificates(struct line *l, struct buf *text)
{
    struct arena *a = l->c->s->arena;
    bool digits = strspn(l->word, "0123456789") == strlen(l->word);
    const char *query = digits || strpbrk(l->word, "\"\\@/:.") == l->word
                            ? NULL
                            : arena_printf(a, "CN -startswith \"%s\"", l->word);
    struct ask ask = { .path = COMMAND_API "/Certificates" };
    struct answer answer;

    if (strchr(l->word, '"'))
        return OK;
    ask_param(l->c, &ask, "pq.queryString", query);
    ask_param(l->c, &ask, "pq.returnLimit", "50");
    ask_param(l->c, &ask, "pq.sortField", "Id");
    ask_param(l->c, &ask, "pq.sortAscending", "1");
    TRY(ask_server(l->c, &ask, &answer));
    for (size_t i = 0; i < json_count(answer.json); i++) {
        const struct json *row = json_item(answer.json, i);
        const char *cn = json_str(json_get(row, "IssuedCN"));
        const char *number = arena_printf(a, "%lld", (long long)row_id(row));

        if (!digits || text_starts(number, l->word))
            buf_printf(text, "%s\t%s\n", number, cn && !text_has_control(cn) ? cn : "");
    }
    return OK;
}

/* A file for what was asked of this server as this somebody; NULL: there is no place for it. */
static const char *
cache_file(struct line *l, const struct session *n, enum source source)
{
    struct arena *a = l->c->s->arena;
    const char *home = getenv("HOME"), *base = getenv("XDG_CACHE_HOME"), *token;
    const char *dir = !text_empty(base)   ? arena_printf(a, "%s/chancery", base)
                      : !text_empty(home) ? arena_printf(a, "%s/.cache/chancery", home)
                                          : NULL;
    uint8_t hash[SHA256_LEN];

    if (!dir)
        return NULL;
    if (text_empty(base))
        (void)mkdir(arena_printf(a, "%s/.cache", home), 0700);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return NULL;
    token = n->token ? (const char *)n->token->data : "";
    hash_sha256(
        bytes_of_text(arena_printf(a, "%s\n%s\n%s\n%d\n%s", n->url, n->user ? n->user : "", token,
                                   (int)source, source == FROM_CERTIFICATES ? l->word : "")),
        hash);
    return arena_printf(a, "%s/complete-%s", dir, hex_lower(a, (struct bytes){ hash, 16 }));
}

static bool
is_fresh(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && when_s(clock_now()) - st.st_mtime < CACHE_S;
}

static enum err
answers(struct line *l, enum source source, const char **out)
{
    AUTO(secret_free) struct secret *kept = NULL;
    struct scope *s = l->c->s;
    struct session *n;
    const char *path;
    struct buf text;

    TRY(session_of(l->c, false, &n));
    path = cache_file(l, n, source);
    if (path && is_fresh(path) &&
        private_file_read(s, path, CACHE_MAX, PRIVATE_OWNER, &kept) == OK) {
        *out = arena_text_n(s->arena, (const char *)kept->data, kept->len);
        return OK;
    }
    buf_init_in(&text, s->arena, CACHE_MAX);
    scope_deadline_in(s, ASK_MS);
    TRY(source == FROM_CERTIFICATES ? ask_certificates(l, &text)
                                    : ask_names(l, &questions[source], &text));
    *out = buf_str(&text) ? buf_str(&text) : "";
    if (path)
        (void)private_file_write(s, path, bytes_of_text(*out), true);
    return OK;
}

static void
offer_answers(struct line *l, enum source source)
{
    const char *text = "";
    char *row, *rest;

    if (answers(l, source, &text) != OK)
        return; /* silence: this is no place for errors */
    for (row = strtok_r(arena_text(l->c->s->arena, text), "\n", &rest); row;
         row = strtok_r(NULL, "\n", &rest)) {
        char *tab = strchr(row, '\t');

        if (!tab)
            continue;
        *tab = 0;
        if (source == FROM_CERTIFICATES)
            offer_any(l, row, tab + 1);
        else
            offer(l,
                  source == FROM_METADATA && l->flag ? arena_printf(l->c->s->arena, "%s=", row)
                                                     : row,
                  tab + 1);
    }
}

static void
offer_source(struct line *l, enum source source)
{
    static const char *const shells[] = { "bash", "zsh", "fish", "powershell", NULL };

    switch (source) {
    case FROM_NOWHERE:
        return;
    case FROM_FILES:
        buf_text(&l->out, ":files\n");
        return;
    case FROM_CONTEXTS:
        offer_contexts(l);
        return;
    case FROM_ACTIONS:
        offer_actions(l);
        return;
    case FROM_FIELDS:
        offer_fields(l);
        return;
    case FROM_QUERY:
        offer_query(l);
        return;
    case FROM_SHELLS:
        offer_words(l, shells);
        return;
    case FROM_ACME_CLIENTS:
        offer_words(l, acme_client_words(l->c->s->arena));
        return;
    case FROM_HELP:
        offer_help(l);
        return;
    default:
        offer_answers(l, source);
    }
}

static void
offer_value(struct line *l)
{
    static const char *const reasons[] = {
        "unspecified",         "key-compromise",      "ca-compromise",
        "affiliation-changed", "superseded",          "cessation-of-operation",
        "certificate-hold",    "privilege-withdrawn", NULL
    };
    static const char *const keys[] = { "ec:p256",  "ec:p384",  "ec:p521", "rsa:2048",
                                        "rsa:3072", "rsa:4096", "ed25519", NULL };

    switch (l->flag->kind) {
    case FLAG_WORD:
        offer_words(l, l->flag->words);
        return;
    case FLAG_OUTPUT:
        offer_words(l, output_words);
        return;
    case FLAG_REASON:
        offer_words(l, reasons);
        return;
    case FLAG_KEY:
        offer_words(l, keys);
        return;
    case FLAG_SWITCH:
    case FLAG_OPTIONAL:
    case FLAG_NUMBER:
    case FLAG_COUNT:
    case FLAG_DURATION:
    case FLAG_TIME:
        return;
    case FLAG_TEXT:
    case FLAG_TEXTS:
    case FLAG_NAMES:
    case FLAG_SET:
        offer_source(l, source_of_flag(l->flag));
    }
}

static void
offer_next(struct line *l)
{
    const char *equals = text_starts(l->word, "--") ? strchr(l->word, '=') : NULL;

    if (equals) { /* --as=p */
        l->flag = flag_of(l, l->word + 2, (size_t)(equals - l->word) - 2);
        l->before = arena_text_n(l->c->s->arena, l->word, (size_t)(equals + 1 - l->word));
        l->word = equals + 1;
    }
    if (l->flag) {
        offer_value(l);
    } else if (*l->word == '-') {
        if (l->command)
            offer_flags(l, l->command->flags, l->command->flag_count);
        offer_flags(l, global_flags, global_flag_count);
    } else if (!l->command) {
        offer_commands(l);
    } else {
        offer_source(l, source_of_argument(l));
    }
}

enum err
complete_words(struct cli *c, char **words, int count, struct bytes *out)
{
    struct line l = { .c = c, .word = "", .before = "", .path = "" };

    buf_init_in(&l.out, c->s->arena, CACHE_MAX);
    if (count > 0 && *words[0] == '=')
        l.word = words[0] + 1;
    for (int i = 0; i < count; i++)
        if (!text_is_utf8(words[i], strlen(words[i])))
            return OK;
    if (count > 1)
        take_words(&l, words + 1, count - 1);
    offer_next(&l);
    *out = buf_bytes(&l.out);
    return OK;
}

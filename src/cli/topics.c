/* Topics: `chancery help query`, and the explanations of error codes. */
#include "cli/command.h"

#include "audit/actions.h"
#include <string.h>

static const struct {
    const char *name, *doc, *text;
} topics[] = {
    { "query", "how to search",
      "Words find certificates whose name, alternative names, subject, thumbprint or serial "
      "number\n"
      "hold them: chancery search web01 example\n"
      "\n"
      "Terms:  is:active is:revoked is:expired is:archived is:effective is:superseded is:on-hold\n"
      "        is:ca is:self-signed is:wildcard\n"
      "        expires:<30d  expires:>30d  cn:TEXT  dns:TEXT\n"
      "        issuer:TEXT  ca:NAME  template:NAME  serial:HEX  requester:NAME  owner:ROLE|none\n"
      "        tag:WORD|none  meta.FIELD:VALUE|none  key:rsa|ec|ed25519  key:rsa<3072  sig:TEXT\n"
      "        issued:<30d  issued:>30d  san:TEXT  ip:TEXT  email:TEXT  thumbprint:HEX  id:N\n"
      "A minus before a term: it must not hold. chancery search 'web -tag:lab'\n"
      "Quotes hold blanks together: chancery search 'ca:\"Example Issuing CA 1\" is:active'\n"
      "\n"
      "The query language, after -q or --filter:\n"
      "  FIELD -eq \"value\"     also -ne -lt -le -gt -ge -contains -notcontains -startswith "
      "-endswith\n"
      "  A AND B, A OR B, NOT A, (A)\n"
      "  FIELD -eq NULL        nothing is there\n"
      "  %TODAY%, %TODAY-30%   days from today's midnight, UTC; %ME% is you\n"
      "Fields: CN DN SAN IssuerDN SerialNumber Thumbprint NotBefore NotAfter Status KeyType "
      "KeySize\n"
      "TemplateName CA RequesterName CertRequestId RevocationReason OwnerRoleName, and more: the\n"
      "columns of `chancery certs list --fields help`.\n"
      "\n"
      "  chancery search -q '(CN -contains \"web\") AND NotAfter -lt \"%TODAY+30%\"'\n" },
    { "formats", "forms of output",
      "-o table      aligned columns for people (the default)\n"
      "-o wide       all columns, nothing cut\n"
      "-o json       one document; lists are arrays; names as in the API; times RFC 3339 in UTC\n"
      "-o jsonl      an object a line, written page by page\n"
      "-o yaml       the same as json\n"
      "-o csv        RFC 4180; --no-headers, --bom, --excel\n"
      "-o name       kind/id a line\n"
      "-o env        NAME='value' lines for a shell\n"
      "-o template=  TEXT with {{Field}} in it, a line for each row\n"
      "\n"
      "--fields A,B chooses columns; --fields help lists them. stdout holds data and nothing "
      "else.\n" },
    { "exit-codes", "what the exit status means",
      "0   done, or answered (also when nothing was found)\n"
      "1   failed for a reason not below\n"
      "2   usage: a bad flag, argument, query; a missing answer\n"
      "3   not found\n"
      "4   not signed in, or not permitted\n"
      "5   conflict: changed meanwhile, exists already, wrong state\n"
      "6   accepted, pending\n"
      "7   partly done\n"
      "8   the server or the network cannot be reached\n"
      "9   timed out; the operation may still run\n"
      "10  refused by policy: template, name or key rule\n"
      "11  too many calls\n"
      "12  a check failed: audit verify, certs validate, doctor\n"
      "130 interrupted; 143 terminated\n"
      "\nneeds-renewal: 0 it is time, 1 it is not, 2 cannot be found or read.\n"
      "check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n" },
    { "environment", "variables that are read",
      "CHANCERY_SERVER, CHANCERY_CONTEXT, CHANCERY_CONFIG, CHANCERY_CACERT, CHANCERY_CLIENT_CERT,\n"
      "CHANCERY_CLIENT_KEY, CHANCERY_OUTPUT, CHANCERY_TIMEOUT, CHANCERY_NO_INPUT, "
      "CHANCERY_PROGRESS\n"
      "    stand for the flags of these names.\n"
      "CHANCERY_TOKEN                         a bearer token\n"
      "CHANCERY_LOG                           info: as -v; debug: as -vv; quiet: as -q\n"
      "CHANCERY_USERNAME, CHANCERY_PASSWORD   name and password\n"
      "CHANCERY_SECTION__KEY                  a setting of the server\n"
      "NO_COLOR, CLICOLOR_FORCE               colours\n"
      "XDG_CONFIG_HOME                        where chancery/config.yaml is; default ~/.config\n"
      "\n"
      "Honoured when the variable above is unset: KEYFACTOR_HOSTNAME, _PORT, _API_PATH, _CA_CERT,\n"
      "_CLIENT_TIMEOUT, _USERNAME, _PASSWORD, _DOMAIN, _AUTH_CLIENT_ID, _AUTH_CLIENT_SECRET,\n"
      "_AUTH_TOKEN_URL, _AUTH_SCOPES, _AUTH_AUDIENCE, _AUTH_ACCESS_TOKEN, _AUTH_CA_CERT.\n"
      "So is ~/.keyfactor/command_config.json: --context kf:NAME, or its server \"default\".\n"
      "A flag wins over the environment, the environment over the context.\n" },
    { "references", "how things are named",
      "A certificate:\n"
      "  1234               its id\n"
      "  3F2A91BC...        the beginning of its SHA-1 or SHA-256 thumbprint, 8 digits or more\n"
      "                     (an id wins where they are decimal)\n"
      "  serial:1A2B...     its serial number; --ca NAME when two authorities used it\n"
      "  ./cert.pem         a file\n"
      "  https://HOST[:N]   what that server shows\n"
      "  device1@vault      an item of a key store\n"
      "@file stands for the references in it, one a line, # begins a comment.\n"
      "\n"
      "NAME@STORE: STORE is a name among the settings, `keystores.vault: file:DIR`, or file:DIR\n"
      "itself. DIR keeps NAME.key and NAME.pem (certificate, then its chain), and each version as\n"
      "NAME.v1.key, NAME.v1.pem, ...; NAME@STORE/1 is such a version.\n"
      "An issuer is the name of an authority; NAME@STORE is the authority that the setting\n"
      "`issuers.NAME@STORE` names, else the one called NAME; ca stands for the only one that "
      "issues.\n"
      "\n"
      "Durations: 90d 12h 30m 45s 6w 1y, sums (1d12h), P90D, PT12H, 90.00:00:00.\n"
      "Times: RFC 3339, 2025-10-22, +90d, -1h.\n" },
};

static void
list_actions(struct buf *out)
{
    size_t count;
    const struct audit_action_info *all = audit_action_all(&count);

    buf_text(out, "What the audit record can say was done.\n\n");
    for (size_t i = 0; i < count; i++)
        if (all[i].name)
            buf_printf(out, "%-24s %s\n", all[i].name, all[i].doc);
}

static void
list_codes(struct buf *out)
{
    unsigned count;
    const struct code_info *all = code_all(&count);

    buf_text(out, "Error codes; `chancery help CHY-nnnn` explains one.\n\n");
    for (unsigned i = 0; i < count; i++)
        buf_printf(out, "CHY-%04d  %s\n", (int)all[i].code, all[i].meaning);
}

static void
list_topics(struct buf *out)
{
    buf_text(out, "Topics of `chancery help`:\n\n");
    for (size_t i = 0; i < COUNT(topics); i++)
        buf_printf(out, "  %-14s %s\n", topics[i].name, topics[i].doc);
    buf_text(out, "  flags          flags that every command takes\n"
                  "  codes          error codes\n"
                  "  audit-actions  what the audit record says was done\n"
                  "  CHY-2104       one error code\n");
}

bool
help_topic(struct buf *out, const char *name)
{
    for (size_t i = 0; i < COUNT(topics); i++)
        if (!strcmp(topics[i].name, name)) {
            buf_text(out, topics[i].text);
            return true;
        }
    if (!strcmp(name, "topics"))
        list_topics(out);
    else if (!strcmp(name, "flags"))
        help_flags(out);
    else if (!strcmp(name, "codes"))
        list_codes(out);
    else if (!strcmp(name, "audit-actions"))
        list_actions(out);
    else
        return false;
    return true;
}

bool
help_code(struct buf *out, const char *name)
{
    const struct code_info *info;
    int64_t number;

    if (!text_starts_fold(name, "CHY-") ||
        !text_to_int(name + 4 + strspn(name + 4, "0"), &number) || number < 1 || number > 9999)
        return false;
    info = code_info((int)number);
    if (!info)
        return false;
    buf_printf(out, "CHY-%04d: %s\n\n  What to do: %s\n", (int)number, info->meaning, info->advice);
    return true;
}

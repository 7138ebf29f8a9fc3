#include "server/settings.h"

#include "access/kerberos.h"

#include "base/log.h"
#include "pki/age.h"

#define L(member, wire, ...) FIELD(listen_settings, member, wire, __VA_ARGS__)
#define DURATION_OF(member, wire, preset_, text, ...) \
    L(member, wire, .flags = DURATION, .preset = preset_, .doc = text, __VA_ARGS__)
static const struct field listen_settings_fields[] = {
    L(https, "https", .preset = "0.0.0.0:8443",
      .doc = "Address of the HTTPS listener; port 0: any free one."),
    L(http, "http", .preset = "0.0.0.0:8080",
      .doc = "Address of the plain HTTP listener for CRL, OCSP and CA certificates; empty: none."),
    L(client_ca, "client_ca",
      .doc = "PEM file of the authorities whose client certificates are welcome."),
    L(certificate, "certificate",
      .doc = "PEM file of the server's certificate and chain; none: one of our own CA, renewed by "
             "itself."),
    L(key, "key",
      .doc = "PEM file of its private key, mode 0600, or 0640 for a group; others are warned of."),
    L(names, "names", .model = &text_model, .max = 100,
      .doc = "Further names and addresses of this server."),
    L(loops, "loops", .preset = "0", .min = 0, .max = 64,
      .doc = "Threads that do network work; 0: one."),
    L(workers, "workers", .preset = "0", .min = 0, .max = 1024,
      .doc = "Threads that handle requests; 0: by machine."),
    L(slow_workers, "slow_workers", .preset = "0", .min = 0, .max = 1024,
      .doc = "Threads for what may take long."),
    L(queue, "queue", .preset = "1024", .min = 1, .max = 1000000,
      .doc = "Requests that may wait for a thread."),
    L(connections, "connections", .preset = "10000", .min = 1, .max = 1000000,
      .doc = "Most connections."),
    L(connections_per_address, "connections_per_address", .preset = "2000", .min = 1,
      .max = 1000000, .doc = "Most connections from one address."),
    DURATION_OF(head_ms, "head_timeout", "10s", "For a request's head to come in.", .min = 100,
                .max = 600000),
    DURATION_OF(body_ms, "body_timeout", "30s", "For its body to make progress.", .min = 100,
                .max = 600000),
    DURATION_OF(idle_ms, "idle_timeout", "75s", "For the next request of a connection.", .min = 100,
                .max = 86400000),
    DURATION_OF(handshake_ms, "handshake_timeout", "10s", "For a TLS handshake.", .min = 100,
                .max = 600000),
    DURATION_OF(drain_ms, "drain", "30s", "For accepted requests at the end.", .min = 0,
                .max = 600000),
};
static const struct model listen_settings_model = MODEL(listen_settings, listen_settings_fields);

static const struct field db_settings_fields[] = {
    FIELD(db_settings, url, "url", .flags = SECRET | URL_SECRET,
          .doc = "sqlite:PATH or postgresql://...; none: chancery.db in the data directory."),
    FIELD(db_settings, lanes, "lanes", .preset = "4", .min = 1, .max = 64,
          .doc = "PostgreSQL: writer connections."),
    FIELD(db_settings, readers, "readers", .preset = "8", .min = 1, .max = 256,
          .doc = "Most read connections."),
    FIELD(db_settings, vfs, "vfs", .doc = "SQLite: name of the VFS; for tests."),
};
static const struct model db_settings_model = MODEL(db_settings, db_settings_fields);

static const struct choice ocsp_signers[] = {
    { 0, "responder", "A key that the authority appoints for it." },
    { 1, "authority", "The authority's own key." },
    { 0 },
};

#define P(member, wire, ...) FIELD(pki_settings, member, wire, __VA_ARGS__)
static const struct field pki_settings_fields[] = {
    P(base_url, "base_url",
      .doc = "What the addresses in certificates begin with: http://pki.example.com; none: the "
             "HTTP listener."),
    P(crl_url, "crl_url", .max = 1024,
      .doc = "Where the certificates of the issuing authority that the first run made say its list "
             "is, http://crl.example.com/ca.crl, and whoever answers there has it from this "
             "server; none: this server's own address."),
    P(ocsp_url, "ocsp_url", .max = 1024,
      .doc = "The same for its OCSP answers: http://ocsp.example.com."),
    P(name, "name", .preset = "Chancery", .max = 40,
      .doc = "First run: of the authorities, \"NAME Root CA\" and \"NAME Issuing CA 1\"."),
    P(root_key, "root_key", .preset = "ec-p384",
      .doc = "First run: ec-p256, ec-p384, rsa-4096, ed25519 ..."),
    P(issuing_key, "issuing_key", .preset = "ec-p256",
      .doc = "The same for the issuing authority."),
    P(root_key_uri, "root_key_uri",
      .doc = "First run: where the root's key is made, pkcs11:token=T;object=K; none: a file."),
    P(issuing_key_uri, "issuing_key_uri", .doc = "The same for the issuing authority."),
    P(root_life, "root_life", .flags = DURATION, .preset = "7300d", .min = 86400000,
      .max = INT64_C(1576800000000), .doc = "First run: how long the root lives."),
    P(issuing_life, "issuing_life", .flags = DURATION, .preset = "3650d", .min = 3600000,
      .max = INT64_C(1576800000000), .doc = "The same for the issuing authority."),
    P(crl_interval, "crl_interval", .flags = DURATION, .preset = "1d", .min = 60000,
      .max = 604800000,
      .doc = "Between two planned CRLs; nextUpdate is twice that and a day ahead."),
    P(crl_delay, "crl_delay", .flags = DURATION, .preset = "2s", .min = 0, .max = 10000,
      .doc = "From a revocation to the next CRL."),
    P(ocsp_life, "ocsp_life", .flags = DURATION, .preset = "4d", .min = 3600000, .max = 864000000,
      .doc = "How long an OCSP answer holds."),
    P(ocsp_signer, "ocsp_signer", .choices = ocsp_signers, .flags = CHOICE_TEXT,
      .preset = "responder",
      .doc =
          "Who signs OCSP answers: a responder that each authority appoints, whose key is in the "
          "database, or the authority's own key, where its certificate allows digitalSignature, "
          "as those do that are made while it is so."),
    P(ocsp_cache, "ocsp_cache", .flags = SIZE, .preset = "32MiB", .min = 65536,
      .max = INT64_C(17179869184), .doc = "Room for kept OCSP answers."),
    P(signing_journal, "signing_journal", .preset = "normal",
      .doc = "strict: serial and TBS hash are on disk before a key is used."),
    P(signed_dir, "signed_dir",
      .doc = "Directory of the log of signatures, best on another disk; none: `signed` in the data "
             "directory."),
    P(blocked_keys, "blocked_keys", .model = &text_model, .max = 100,
      .doc = "Files of keys that are never certified; see \"Block lists\"."),
};
static const struct model pki_settings_model = MODEL(pki_settings, pki_settings_fields);

#define O(member, wire, ...) FIELD(provider_settings, member, wire, __VA_ARGS__)
static const struct field provider_settings_fields[] = {
    O(name, "name", .flags = REQUIRED, .min = 1, .max = 64,
      .doc = "Short; claims may be bound to it."),
    O(issuer, "issuer", .flags = REQUIRED, .min = 1, .max = 2048,
      .doc = "iss of its tokens, https; its metadata are below it."),
    O(audience, "audience", .flags = REQUIRED, .min = 1, .max = 1024,
      .doc = "What aud of its tokens must be or hold, so that tokens for others are no good here."),
    O(jwks_url, "jwks_url", .max = 2048, .doc = "Where its keys are; none: as its metadata say."),
    O(user_claim, "user_claim", .max = 256,
      .doc = "The name to show; none: preferred_username, upn, email, sub."),
    O(roles_claim, "roles_claim", .preset = "roles", .max = 256,
      .doc = "Claims of type oauth_role; a path such as realm_access.roles."),
    O(groups_claim, "groups_claim", .preset = "groups", .max = 256,
      .doc = "Claims of type group; a path."),
    O(ca, "ca", .doc = "PEM file of the authorities of its TLS certificate; none: the system's."),
    O(skew, "skew", .flags = DURATION, .preset = "60s", .min = 0, .max = 600000,
      .doc = "How far its clock may be off."),
};
static const struct model provider_settings_model =
    MODEL(provider_settings, provider_settings_fields);

#define D(member, wire, ...) FIELD(directory_settings, member, wire, __VA_ARGS__)
static const struct field directory_settings_fields[] = {
    D(name, "name", .flags = REQUIRED, .min = 1, .max = 64,
      .doc = "Short; claims may be bound to it."),
    D(domains, "domains", .model = &text_model, .flags = REQUIRED, .min = 1, .max = 20,
      .doc = "Its domains, CONTOSO and contoso.com: of names such as CONTOSO\\ana and "
             "ana@contoso.com; the first is shown."),
    D(urls, "urls", .model = &text_model, .flags = REQUIRED, .min = 1, .max = 20,
      .doc = "Its servers, in the order in which they are tried: ldaps://HOST[:PORT], or "
             "ldap://HOST[:PORT], which becomes TLS by StartTLS before anything else."),
    D(ca, "ca", .doc = "PEM file of the authorities of their certificates; none: the system's."),
    D(bind_dn, "bind_dn", .max = 1024,
      .doc = "The account that searches; none: people search themselves, or nobody's name is "
             "needed."),
    D(bind_password, "bind_password", .flags = SECRET | KEEP_REF,
      .doc = "Reference to its password: file:PATH, env:NAME, seal:..."),
    D(user_bind, "user_bind", .max = 1024,
      .doc =
          "What people bind as to search themselves, {login}@contoso.com or "
          "uid={login},ou=people,dc=example; what user_filter finds must take the password, too. "
          "None: bind_dn searches."),
    D(base, "base", .flags = REQUIRED, .min = 1, .max = 1024, .doc = "Below it people are."),
    D(user_filter, "user_filter", .preset = "(|(sAMAccountName={login})(uid={login}))", .max = 2048,
      .doc = "Finds the one entry of a person: {login}, {domain}."),
    D(member_of, "member_of", .preset = "memberOf", .max = 64,
      .doc = "Attribute of a person that names their groups; empty: none."),
    D(group_base, "group_base", .max = 1024,
      .doc = "Below it groups are, and only those count; none: base."),
    D(group_filter, "group_filter", .preset = "(|(member={dn})(uniqueMember={dn}))", .max = 2048,
      .doc = "Finds a person's groups: {dn}, {login}; empty: they are not searched."),
    D(nested, "nested", .doc = "Groups of groups count, too."),
    D(timeout, "timeout", .flags = DURATION, .preset = "5s", .min = 100, .max = 60000,
      .doc = "Of connecting, and of each answer."),
};
#undef D
static const struct model directory_settings_model =
    MODEL(directory_settings, directory_settings_fields);

static const struct choice channel_bindings[] = {
    { BINDING_CHECKED, "check", NULL },
    { BINDING_REQUIRED, "require", NULL },
    { BINDING_IGNORED, "ignore", NULL },
    { 0, NULL, NULL },
};
#define K(member, wire, ...) FIELD(kerberos_settings, member, wire, __VA_ARGS__)
static const struct field kerberos_settings_fields[] = {
    K(keytab, "keytab", .doc = "File of the service's keys; none: no tickets."),
    K(service, "service", .max = 256,
      .doc =
          "Whom tickets are for, HTTP/pki.contoso.com@CONTOSO.COM; none: any key of the keytab."),
    K(name, "name", .preset = "kerberos", .min = 1, .max = 64,
      .doc = "Short; claims of people whose realm is no directory's domain may be bound to it."),
    K(channel_binding, "channel_binding", .choices = channel_bindings, .flags = CHOICE_TEXT,
      .preset = "check",
      .doc = "check: a ticket that names its TLS connection must name this one; require: each has "
             "to; ignore: another program ends TLS."),
};
#undef K
static const struct model kerberos_settings_model =
    MODEL(kerberos_settings, kerberos_settings_fields);

#define H(member, wire, ...) FIELD(hsm_settings, member, wire, __VA_ARGS__)
static const struct field hsm_settings_fields[] = {
    H(module, "module", .doc = "The PKCS#11 module: path of the shared library; none: no HSM."),
    H(pin, "pin", .flags = SECRET | KEEP_REF,
      .doc = "Reference to the PIN of the tokens: file:PATH, env:NAME, seal:..."),
    H(pins, "pins", .max = 100, .flags = SECRET | KEEP_REF,
      .doc = "TOKEN: reference to its PIN, for tokens that have their own."),
    H(sessions, "sessions", .preset = "4", .min = 1, .max = 64,
      .doc = "Threads, each with a session, for each token."),
    H(timeout, "timeout", .flags = DURATION, .preset = "10s", .min = 100, .max = 600000,
      .doc = "The longest wait for a token's answer."),
};
#undef H
static const struct model hsm_settings_model = MODEL(hsm_settings, hsm_settings_fields);

static const struct field access_settings_fields[] = {
    FIELD(access_settings, providers, "providers", .model = &provider_settings_model, .max = 50,
          .doc = "Identity providers (OpenID Connect) whose access tokens are good here."),
    FIELD(access_settings, directories, "directories", .model = &directory_settings_model,
          .max = 20,
          .doc = "Directories (Active Directory, LDAP) whose people log in with their passwords."),
    FIELD(access_settings, kerberos, "kerberos", .model = &kerberos_settings_model,
          .doc = "Tickets of Kerberos (Negotiate)."),
    FIELD(access_settings, domain, "domain", .doc = "Of account names that come without one."),
    FIELD(access_settings, token_life, "token_life", .flags = DURATION, .preset = "1h",
          .min = 60000, .max = 86400000, .doc = "Of an access token."),
    FIELD(access_settings, lock_after, "lock_after", .preset = "5", .min = 1, .max = 1000,
          .doc = "Wrong passwords before an account is locked for a while."),
    FIELD(access_settings, lock_time, "lock_time", .flags = DURATION, .preset = "30s", .min = 100,
          .max = 3600000,
          .doc = "The first lock; each further one is twice as long, up to an hour."),
    FIELD(access_settings, rate_per_caller, "rate_per_caller", .preset = "300", .min = -1,
          .max = 1000000000,
          .doc = "Calls of one caller and address in any minute; -1: no limit. Not for who is "
                 "granted rate/exempt by its name."),
    FIELD(access_settings, rate_per_address, "rate_per_address", .preset = "500", .min = -1,
          .max = 1000000000, .doc = "Calls from one address in any minute; -1: no limit."),
};
static const struct model access_settings_model = MODEL(access_settings, access_settings_fields);

static const struct choice log_levels[] = {
    { LOG_ERROR, "error", NULL }, { LOG_WARN, "warn", NULL },   { LOG_INFO, "info", NULL },
    { LOG_DEBUG, "debug", NULL }, { LOG_TRACE, "trace", NULL }, { 0, NULL, NULL },
};
static const struct choice log_forms[] = {
    { LOG_JSON, "json", NULL },
    { LOG_LOGFMT, "logfmt", NULL },
    { LOG_TEXT, "text", NULL },
    { 0, NULL, NULL },
};
static const struct field log_settings_fields[] = {
    FIELD(log_settings, level, "level", .choices = log_levels, .flags = CHOICE_TEXT,
          .preset = "info", .doc = "What is less grave is left out."),
    FIELD(log_settings, form, "form", .choices = log_forms, .flags = CHOICE_TEXT, .preset = "json",
          .doc = "How a line is written."),
    FIELD(log_settings, access, "access", .preset = "true", .doc = "A line for each request."),
};
static const struct model log_settings_model = MODEL(log_settings, log_settings_fields);

static const struct field metrics_settings_fields[] = {
    FIELD(metrics_settings, enabled, "enabled", .preset = "true", .doc = "Offer /metrics."),
    FIELD(metrics_settings, allow, "allow", .model = &text_model, .max = 100,
          .preset = "127.0.0.0/8,::1", .doc = "Networks that may read /metrics without login."),
};
static const struct model metrics_settings_model = MODEL(metrics_settings, metrics_settings_fields);

static const struct field command_settings_fields[] = {
    FIELD(command_settings, product_version, "product_version", .preset = "10.5.0.0", .max = 32,
          .doc = "x-keyfactor-product-version, by which clients of the Command API choose what "
                 "they offer."),
};
static const struct model command_settings_model = MODEL(command_settings, command_settings_fields);

static const struct choice unknowns[] = {
    { METADATA_REFUSE, "refuse", NULL },
    { METADATA_CREATE, "create", NULL },
    { 0, NULL, NULL },
};
static const struct field metadata_settings_fields[] = {
    FIELD(metadata_settings, unknown, "unknown", .choices = unknowns, .flags = CHOICE_TEXT,
          .preset = "refuse",
          .doc = "What becomes of a request that names a metadata field that there is not: it is "
                 "refused, or the field is made, as a text."),
};
static const struct model metadata_settings_model =
    MODEL(metadata_settings, metadata_settings_fields);

static const struct field audit_settings_fields[] = {
    FIELD(audit_settings, retention, "retention", .flags = DURATION, .preset = "365d", .min = 0,
          .max = INT64_C(3153600000000),
          .doc = "How long events are kept; then they are exported to a file and removed. 0s: "
                 "for ever."),
    FIELD(audit_settings, dir, "dir",
          .doc = "Where those files go; none: audit in the data directory."),
};
static const struct model audit_settings_model = MODEL(audit_settings, audit_settings_fields);

static const struct field requests_settings_fields[] = {
    FIELD(requests_settings, wait, "wait", .flags = DURATION, .preset = "30d", .min = 60000,
          .max = INT64_C(31536000000),
          .doc = "How long a request may wait for an approval before it is denied."),
};
static const struct model requests_settings_model =
    MODEL(requests_settings, requests_settings_fields);

static const struct field archive_settings_fields[] = {
    FIELD(archive_settings, after, "after", .flags = DURATION, .preset = "730d", .min = 0,
          .max = INT64_C(3153600000000),
          .doc = "How long after their expiry certificates are moved to the archive. 0s: never."),
};
static const struct model archive_settings_model = MODEL(archive_settings, archive_settings_fields);

static const struct field jobs_settings_fields[] = {
    FIELD(jobs_settings, keep_done, "keep_done", .flags = DURATION, .preset = "90d", .min = 1000,
          .max = INT64_C(3153600000000),
          .doc = "How long jobs are shown that succeeded or were cancelled."),
    FIELD(jobs_settings, keep_failed, "keep_failed", .flags = DURATION, .preset = "365d",
          .min = 1000, .max = INT64_C(3153600000000), .doc = "The same of those that failed."),
};
static const struct model jobs_settings_model = MODEL(jobs_settings, jobs_settings_fields);

static const struct field seal_settings_fields[] = {
    FIELD(seal_settings, master_key, "master_key", .flags = KEEP_REF,
          .doc = "file:PATH of 32 bytes, mode 0600, or pkcs11:token=T;object=K, the AES key on a "
                 "token that wraps master.wrapped in the data directory; none: master.key there. "
                 "Made on first run."),
};
static const struct model seal_settings_model = MODEL(seal_settings, seal_settings_fields);

static const struct field keys_settings_fields[] = {
    FIELD(keys_settings, without_csr, "without_csr", .preset = "true",
          .doc = "POST /Enrollment/CSR without a CSR makes the key here; false: it is refused."),
    FIELD(keys_settings, pfx_legacy, "pfx_legacy", .preset = "false",
          .doc = "PKCS#12 files by 3DES and SHA-1, for readers from before 2018; a request may ask "
                 "for PFX-LEGACY by itself."),
    FIELD(keys_settings, password_min, "password_min", .preset = "8", .min = 1, .max = 255,
          .doc = "Characters that a password of a private key has at least."),
    FIELD(keys_settings, ahead, "ahead", .preset = "2", .min = 0, .max = 16,
          .doc = "RSA keys of each size that are made ahead, once one was asked for."),
    FIELD(keys_settings, recovery_approval, "recovery_approval", .preset = "false",
          .doc = "Every kept key is recovered only once a second person agreed; false: those whose "
                 "template says so."),
    FIELD(keys_settings, recovery_wait, "recovery_wait", .flags = DURATION, .preset = "7d",
          .min = 60000, .max = INT64_C(31536000000),
          .doc = "How long such a recovery waits for the second person."),
    FIELD(keys_settings, recovery_take, "recovery_take", .flags = DURATION, .preset = "1d",
          .min = 60000, .max = INT64_C(2592000000),
          .doc = "How long, once approved, whoever asked may take the key: once."),
};
static const struct model keys_settings_model = MODEL(keys_settings, keys_settings_fields);

#define C(member, wire, ...) FIELD(ship_settings, member, wire, __VA_ARGS__)
static const struct field ship_settings_fields[] = {
    C(dir, "dir",
      .doc = "SQLite: directory that the database's log is copied to, best on another disk; it may "
             "be that of the backups, which it continues; none: it is not copied."),
    C(every, "every", .flags = DURATION, .preset = "60s", .min = 100, .max = 3600000,
      .doc = "How much a lost disk may take with it: after so long what was committed is copied."),
    C(keep, "keep", .flags = DURATION, .preset = "7d", .min = 60000, .max = INT64_C(31536000000),
      .doc = "For backups so old every moment since can be restored; for older ones their own."),
};
#undef C
static const struct model ship_settings_model = MODEL(ship_settings, ship_settings_fields);

#define B(member, wire, ...) FIELD(backup_settings, member, wire, __VA_ARGS__)
static const struct field backup_settings_fields[] = {
    B(dir, "dir",
      .doc = "Directory of the backups, best on another disk; none: the server makes none by "
             "itself."),
    B(every, "every", .flags = DURATION, .preset = "1d", .min = 60000, .max = INT64_C(31536000000),
      .doc = "How old the newest gets before the server makes another."),
    B(daily, "daily", .preset = "14", .min = 1, .max = 10000,
      .doc = "How many of the last days' backups are kept, the newest of each day."),
    B(weekly, "weekly", .preset = "8", .min = 0, .max = 10000, .doc = "The same of weeks."),
    B(monthly, "monthly", .preset = "12", .min = 0, .max = 10000, .doc = "The same of months."),
    B(recipients, "recipients", .model = &text_model, .max = AGE_RECIPIENTS_MAX,
      .doc =
          "Recipients of age, age1...: backups and what is copied of the log are encrypted to all "
          "of them; none: to nobody."),
    B(ship, "ship", .model = &ship_settings_model, .doc = "Copying the database's log."),
};
#undef B
static const struct model backup_settings_model = MODEL(backup_settings, backup_settings_fields);

#define S(member, wire, ...) FIELD(server_settings, member, wire, __VA_ARGS__)
static const struct field server_settings_fields[] = {
    S(data_dir, "data_dir", .preset = "/var/lib/chancery",
      .doc = "Database, keys and master key, when they are files."),
    S(listen, "listen", .model = &listen_settings_model, .doc = "The listeners."),
    S(db, "db", .model = &db_settings_model, .doc = "The database."),
    S(pki, "pki", .model = &pki_settings_model, .doc = "The embedded authorities."),
    S(hsm, "hsm", .model = &hsm_settings_model, .doc = "Tokens that hold authorities' keys."),
    S(access, "access", .model = &access_settings_model, .doc = "Logging in."),
    S(log, "log", .model = &log_settings_model, .doc = "The log."),
    S(metrics, "metrics", .model = &metrics_settings_model, .doc = "Metrics."),
    S(command, "command", .model = &command_settings_model, .doc = "The Command API."),
    S(metadata, "metadata", .model = &metadata_settings_model,
      .doc = "What is noted about certificates."),
    S(seal, "seal", .model = &seal_settings_model, .doc = "The master key."),
    S(keys, "keys", .model = &keys_settings_model, .doc = "Keys that the server makes."),
    S(backup, "backup", .model = &backup_settings_model, .doc = "Backups."),
    S(audit, "audit", .model = &audit_settings_model, .doc = "The audit record."),
    S(requests, "requests", .model = &requests_settings_model,
      .doc = "Requests that wait for an approval."),
    S(archive, "archive", .model = &archive_settings_model,
      .doc = "Certificates that expired long ago."),
    S(jobs, "jobs", .model = &jobs_settings_model, .doc = "The queue of jobs."),
    S(acme, "acme", .model = &acme_settings_model, .doc = "The ACME server."),
    S(keystores, "keystores", .max = 100, .flags = KEEP_REF,
      .doc = "Of the command line: NAME: file:DIR, for NAME in `cert@NAME`."),
    S(issuers, "issuers", .max = 100,
      .doc = "Of the command line: REF: the authority that `--issuer REF` stands for."),
};
const struct model server_settings_model = MODEL(server_settings, server_settings_fields);

/** Settings of the server, as a tree of structs; chancery.yaml(5) is printed from the tables. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include "acme/settings.h"
#include "codec/settings.h"

struct listen_settings {
    const char *https, *http; /* "0.0.0.0:8443"; "" for none */
    const char *client_ca;    /* PEM file */
    const char *certificate,
        *key;          /* PEM files; none: a certificate of our own CA, renewed by itself */
    struct list names; /* of const char *: further names of the server for that certificate */
    int64_t loops, workers, slow_workers, queue, connections, connections_per_address;
    int64_t head_ms, body_ms, idle_ms, handshake_ms, drain_ms;
};
struct db_settings {
    const char *url;
    int64_t lanes, readers;
    const char *vfs;
};
struct pki_settings {
    const char *base_url, *crl_url, *ocsp_url, *name, *root_key, *issuing_key, *signing_journal;
    const char *root_key_uri, *issuing_key_uri, *signed_dir;
    int64_t root_life, issuing_life, crl_interval, crl_delay, ocsp_life, ocsp_cache;
    int64_t ocsp_signer;      /* 1: authorities themselves */
    struct list blocked_keys; /* of const char *: block-list files */
};
/** An identity provider whose tokens are good here. */
struct provider_settings {
    const char *name, *issuer, *audience, *jwks_url, *user_claim, *roles_claim, *groups_claim;
    const char *ca; /* PEM file */
    int64_t skew;
};
/** A directory whose people log in with the passwords that they have there. */
struct directory_settings {
    const char *name, *ca, *bind_dn, *bind_password, *user_bind, *base, *user_filter, *member_of,
        *group_base, *group_filter;
    struct list domains, urls; /* of const char * */
    bool nested;
    int64_t timeout;
};
/** Tickets of Kerberos. */
struct kerberos_settings {
    const char *name, *keytab, *service;
    int64_t channel_binding; /* enum channel_binding (access/kerberos.h) */
};
struct hsm_settings {
    const char *module, *pin;
    struct pairs pins;
    int64_t sessions, timeout;
};
struct access_settings {
    struct list providers;   /* of struct provider_settings */
    struct list directories; /* of struct directory_settings */
    struct kerberos_settings *kerberos;
    const char *domain;
    int64_t token_life, lock_after, lock_time, rate_per_caller, rate_per_address;
};
struct log_settings {
    int64_t level, form; /* enum log_level, enum log_form */
    bool access;
};
struct metrics_settings {
    bool enabled;
    struct list allow; /* of const char *: networks */
};
struct command_settings {
    const char *product_version;
};
struct metadata_settings {
    int64_t unknown; /* enum metadata_unknown */
};
enum metadata_unknown { METADATA_REFUSE, METADATA_CREATE };
struct keys_settings {
    bool without_csr, pfx_legacy;
    int64_t password_min, ahead;
    bool recovery_approval;
    int64_t recovery_wait, recovery_take;
};
struct requests_settings {
    int64_t wait;
};
struct archive_settings {
    int64_t after; /* 0: never */
};
struct jobs_settings {
    int64_t keep_done, keep_failed;
};
struct audit_settings {
    int64_t retention; /* 0: for ever */
    const char *dir;
};
struct seal_settings {
    const char *master_key;
};
struct ship_settings {
    const char *dir;
    int64_t every, keep;
};
struct backup_settings {
    const char *dir;
    int64_t every, daily, weekly, monthly;
    struct list recipients; /* of const char * */
    struct ship_settings *ship;
};
struct server_settings {
    const char *data_dir;
    struct listen_settings *listen;
    struct db_settings *db;
    struct pki_settings *pki;
    struct hsm_settings *hsm;
    struct access_settings *access;
    struct log_settings *log;
    struct metrics_settings *metrics;
    struct command_settings *command;
    struct metadata_settings *metadata;
    struct seal_settings *seal;
    struct keys_settings *keys;
    struct backup_settings *backup;
    struct audit_settings *audit;
    struct requests_settings *requests;
    struct archive_settings *archive;
    struct jobs_settings *jobs;
    struct acme_settings *acme;
    struct pairs keystores; /* of the command line: `vault: file:DIR` */
    struct pairs issuers;   /* of the command line: `ca@vault: NAME` */
};
extern const struct model server_settings_model;
/** What the keys of another program come to in a file, up to ALIAS_END. */
extern const struct settings_alias server_settings_aliases[];

struct scope;
struct settings;
/** Judge what the settings mean. @return E_INVALID with every problem found, as settings_load() */
enum err settings_judge(struct scope *s, const struct settings *settings);
/** Judge the files that the settings name for logins, as the server's user sees them. */
enum err settings_judge_files(struct scope *s, const struct settings *settings);

#endif

/**
 * Actions: everything that the audit record can say was done. The list is the catalogue; `chancery
 * help audit-actions` prints it. A name never changes its meaning and is never used again.
 */
#ifndef AUDIT_ACTIONS_H
#define AUDIT_ACTIONS_H

#include "base/macros.h"

/* ACTION(NAME, "category", "action", "what it records"), grouped by category. */
#define AUDIT_ACTIONS                                                                              \
    ACTION(CERTIFICATE_ISSUE, "certificate", "certificate.issue", "A certificate was issued.")     \
    ACTION(CERTIFICATE_RENEW, "certificate", "certificate.renew",                                  \
           "A certificate was issued that renews another.")                                        \
    ACTION(CERTIFICATE_REVOKE, "certificate", "certificate.revoke", "A certificate was revoked.")  \
    ACTION(CERTIFICATE_REVOKE_ALL, "certificate", "certificate.revoke_all",                        \
           "All certificates that a query finds were asked to be revoked.")                        \
    ACTION(CERTIFICATE_HOLD, "certificate", "certificate.hold", "A certificate was put on hold.")  \
    ACTION(CERTIFICATE_RELEASE, "certificate", "certificate.release",                              \
           "A certificate was taken off hold.")                                                    \
    ACTION(CERTIFICATE_DOWNLOAD, "certificate", "certificate.download",                            \
           "A certificate was downloaded.")                                                        \
    ACTION(CERTIFICATE_IMPORT, "certificate", "certificate.import",                                \
           "A certificate that others issued entered the register.")                               \
    ACTION(CERTIFICATE_RESTORE, "certificate", "certificate.restore",                              \
           "A certificate that was signed after the backup entered the register again.")           \
    ACTION(CERTIFICATE_LOST, "certificate", "certificate.lost",                                    \
           "A certificate that was signed after the backup could not enter the register.")         \
    ACTION(CERTIFICATE_DELETE, "certificate", "certificate.delete",                                \
           "A certificate was removed from the register.")                                         \
    ACTION(CERTIFICATE_ARCHIVE, "certificate", "certificate.archive",                              \
           "Certificates that expired long ago were moved to the archive.")                        \
    ACTION(HOLD_PLACE, "certificate", "hold.place", "A legal hold was placed.")                    \
    ACTION(HOLD_LIFT, "certificate", "hold.lift", "A legal hold was lifted.")                      \
    ACTION(CERTIFICATE_METADATA, "certificate", "certificate.metadata",                            \
           "What is noted about a certificate was changed.")                                       \
    ACTION(CERTIFICATE_KEY_RECOVER, "certificate", "certificate.key.recover",                      \
           "The private key of a certificate was handed out.")                                     \
    ACTION(CERTIFICATE_KEY_ASK, "certificate", "certificate.key.ask",                              \
           "The recovery of a private key was asked for, and waits for a second person.")          \
    ACTION(CERTIFICATE_KEY_APPROVE, "certificate", "certificate.key.approve",                      \
           "The recovery of a private key was approved.")                                          \
    ACTION(CERTIFICATE_KEY_DENY, "certificate", "certificate.key.deny",                            \
           "The recovery of a private key was denied.")                                            \
    ACTION(CERTIFICATE_KEY_WITHDRAW, "certificate", "certificate.key.withdraw",                    \
           "The recovery of a private key was taken back by whoever asked for it.")                \
    ACTION(CERTIFICATE_KEY_LAPSE, "certificate", "certificate.key.lapse",                          \
           "The recovery of a private key was not decided about, or not taken, in time.")          \
    ACTION(CERTIFICATE_KEY_DELETE, "certificate", "certificate.key.delete",                        \
           "The private key of a certificate was destroyed.")                                      \
    ACTION(REQUEST_CSR_MAKE, "request", "request.csr.make",                                        \
           "A request was made whose key waits here for its certificate.")                         \
    ACTION(REQUEST_CSR_DELETE, "request", "request.csr.delete",                                    \
           "A request that waited for its certificate was dropped, with its key.")                 \
    ACTION(REQUEST_SUBMIT, "request", "request.submit", "A request for a certificate came in.")    \
    ACTION(REQUEST_PENDING, "request", "request.pending", "A request waits for somebody.")         \
    ACTION(REQUEST_APPROVE, "request", "request.approve", "A request was approved.")               \
    ACTION(REQUEST_DENIED, "request", "request.denied", "A request was refused.")                  \
    ACTION(REQUEST_WITHDRAW, "request", "request.withdraw",                                        \
           "A request that waited was taken back by whoever made it.")                             \
    ACTION(REQUEST_EXPIRE, "request", "request.expire",                                            \
           "A request that nobody decided about in time was denied.")                              \
    ACTION(REQUEST_FAILED, "request", "request.failed", "A request failed.")                       \
    ACTION(REQUEST_UNKNOWN, "request", "request.unknown",                                          \
           "Nobody knows yet whether an outside authority signed a request.")                      \
    ACTION(CA_CREATE, "ca", "ca.create", "A certificate authority was made.")                      \
    ACTION(CA_EDIT, "ca", "ca.edit", "The settings of an authority were changed.")                 \
    ACTION(CA_ENABLE, "ca", "ca.enable", "An authority was switched on.")                          \
    ACTION(CA_DISABLE, "ca", "ca.disable", "An authority was switched off.")                       \
    ACTION(CA_DELETE, "ca", "ca.delete", "An authority was retired.")                              \
    ACTION(CA_KEY_CREATE, "ca", "ca.key.create", "A key of an authority was made.")                \
    ACTION(CA_CERTIFICATE_ISSUE, "ca", "ca.certificate.issue",                                     \
           "A certificate of an authority was issued.")                                            \
    ACTION(CA_CERTIFICATE_REVOKE, "ca", "ca.certificate.revoke",                                   \
           "A certificate of an authority was revoked.")                                           \
    ACTION(CA_CRL_PUBLISH, "ca", "ca.crl.publish", "A certificate revocation list was published.") \
    ACTION(CA_OCSP_KEY, "ca", "ca.ocsp.key", "An OCSP responder got a new key and certificate.")   \
    ACTION(CA_SIGNING_INTENT, "ca", "ca.signing.intent",                                           \
           "An authority is about to use its key (strict signing journal).")                       \
    ACTION(CA_SERIAL_BURNT, "ca", "ca.serial.burnt",                                               \
           "A serial number was signed, its certificate was never entered: it counts as revoked.") \
    ACTION(ACME_ACCOUNT_CREATE, "acme", "acme.account.create",                                     \
           "An ACME client registered its key.")                                                   \
    ACTION(ACME_ACCOUNT_EDIT, "acme", "acme.account.edit", "An ACME account got other contacts.")  \
    ACTION(ACME_ACCOUNT_KEY, "acme", "acme.account.key", "An ACME account got another key.")       \
    ACTION(ACME_ACCOUNT_DEACTIVATE, "acme", "acme.account.deactivate",                             \
           "An ACME account was ended for good.")                                                  \
    ACTION(ACME_ACCOUNT_SUSPEND, "acme", "acme.account.suspend",                                   \
           "An ACME account was suspended by an operator.")                                        \
    ACTION(ACME_ACCOUNT_RESTORE, "acme", "acme.account.restore",                                   \
           "An ACME account that was suspended may go on.")                                        \
    ACTION(ACME_AUTHZ_VALID, "acme", "acme.authz.valid", "An ACME client proved a name.")          \
    ACTION(ACME_AUTHZ_INVALID, "acme", "acme.authz.invalid",                                       \
           "An ACME client did not prove a name.")                                                 \
    ACTION(ACME_AUTHZ_DEACTIVATE, "acme", "acme.authz.deactivate",                                 \
           "An ACME client gave up its proof of a name.")                                          \
    ACTION(ACME_AUTHZ_REVOKE, "acme", "acme.authz.revoke",                                         \
           "A proof of a name does not count any more: an operator revoked it.")                   \
    ACTION(ACME_WINDOW_CREATE, "acme", "acme.window.create", "Certificates got a renewal window.") \
    ACTION(ACME_WINDOW_DELETE, "acme", "acme.window.delete", "A renewal window was taken away.")   \
    ACTION(ACME_EAB_CREATE, "acme", "acme.eab.create", "A key for ACME account binding was made.") \
    ACTION(ACME_EAB_EDIT, "acme", "acme.eab.edit", "A key for ACME account binding was changed.")  \
    ACTION(ACME_EAB_REVOKE, "acme", "acme.eab.revoke",                                             \
           "A key for ACME account binding was ended.")                                            \
    ACTION(ACME_PROFILE_CREATE, "acme", "acme.profile.create", "An ACME profile was made.")        \
    ACTION(ACME_PROFILE_EDIT, "acme", "acme.profile.edit", "An ACME profile was changed.")         \
    ACTION(ACME_PROFILE_DELETE, "acme", "acme.profile.delete", "An ACME profile was ended.")       \
    ACTION(ACME_LIMIT_SET, "acme", "acme.limit.set",                                               \
           "An ACME account got a rate limit of its own.")                                         \
    ACTION(ACME_LIMIT_UNSET, "acme", "acme.limit.unset",                                           \
           "An ACME account's own rate limit was taken away.")                                     \
    ACTION(ACME_LIMIT_RESET, "acme", "acme.limit.reset", "A rate limit of ACME was reset.")        \
    ACTION(TEMPLATE_CREATE, "template", "template.create", "A template was made.")                 \
    ACTION(TEMPLATE_EDIT, "template", "template.edit", "A template got a new version.")            \
    ACTION(TEMPLATE_ENABLE, "template", "template.enable", "A template was switched on.")          \
    ACTION(TEMPLATE_DISABLE, "template", "template.disable", "A template was switched off.")       \
    ACTION(TEMPLATE_DELETE, "template", "template.delete", "A template was retired.")              \
    ACTION(TEMPLATE_SETTINGS, "template", "template.settings",                                     \
           "What holds beside every template was changed.")                                        \
    ACTION(PATTERN_CREATE, "template", "pattern.create", "An enrollment pattern was made.")        \
    ACTION(PATTERN_EDIT, "template", "pattern.edit", "An enrollment pattern was changed.")         \
    ACTION(PATTERN_DELETE, "template", "pattern.delete", "An enrollment pattern was removed.")     \
    ACTION(METADATA_FIELD_CREATE, "metadata", "metadata.field.create",                             \
           "A metadata field was made.")                                                           \
    ACTION(METADATA_FIELD_EDIT, "metadata", "metadata.field.edit",                                 \
           "A metadata field was changed.")                                                        \
    ACTION(METADATA_FIELD_DELETE, "metadata", "metadata.field.delete",                             \
           "A metadata field was removed, with its values.")                                       \
    ACTION(COLLECTION_CREATE, "collection", "collection.create", "A collection was made.")         \
    ACTION(COLLECTION_EDIT, "collection", "collection.edit", "A collection was changed.")          \
    ACTION(COLLECTION_DELETE, "collection", "collection.delete",                                   \
           "A collection was removed, with the permissions on it.")                                \
    ACTION(REPORT_EDIT, "report", "report.edit", "What is shown of a report was changed.")         \
    ACTION(REPORT_CREATE, "report", "report.create", "A link to a report was made.")               \
    ACTION(REPORT_DELETE, "report", "report.delete", "A link to a report was removed.")            \
    ACTION(LOGIN_SUCCESS, "identity", "login.success",                                             \
           "Somebody proved who they are (at most once a minute for each credential).")            \
    ACTION(LOGIN_FAILED, "identity", "login.failed", "Credentials were refused.")                  \
    ACTION(LOGIN_LOCKED, "identity", "login.locked",                                               \
           "An account was locked after too many wrong passwords.")                                \
    ACTION(TOKEN_ISSUE, "identity", "token.issue", "An access token was issued.")                  \
    ACTION(TOKEN_KEY_ROTATE, "identity", "token.key.rotate", "Access tokens got a new key.")       \
    ACTION(API_TOKEN_CREATE, "identity", "api_token.create", "A token for a program was made.")    \
    ACTION(API_TOKEN_REVOKE, "identity", "api_token.revoke", "A token for a program was revoked.") \
    ACTION(USER_CREATE, "identity", "user.create", "A user was made.")                             \
    ACTION(USER_EDIT, "identity", "user.edit", "A user was changed.")                              \
    ACTION(USER_PASSWORD, "identity", "user.password", "A user's password was set.")               \
    ACTION(USER_UNLOCK, "identity", "user.unlock", "A locked account was opened again.")           \
    ACTION(USER_DELETE, "identity", "user.delete", "A user was removed.")                          \
    ACTION(CLIENT_CREATE, "identity", "client.create", "An OAuth2 client was made.")               \
    ACTION(CLIENT_EDIT, "identity", "client.edit", "An OAuth2 client was changed.")                \
    ACTION(CLIENT_SECRET, "identity", "client.secret", "An OAuth2 client got a new secret.")       \
    ACTION(CLIENT_DELETE, "identity", "client.delete", "An OAuth2 client was removed.")            \
    ACTION(CLAIM_CREATE, "identity", "claim.create", "A claim was made known.")                    \
    ACTION(CLAIM_EDIT, "identity", "claim.edit", "A claim was changed.")                           \
    ACTION(CLAIM_DELETE, "identity", "claim.delete", "A claim was removed.")                       \
    ACTION(PROVIDER_TEST, "identity", "provider.test", "A provider of logins was tried.")          \
    ACTION(ROLE_CREATE, "permission", "role.create", "A role was made.")                           \
    ACTION(ROLE_EDIT, "permission", "role.edit", "A role was changed.")                            \
    ACTION(ROLE_DELETE, "permission", "role.delete", "A role was removed.")                        \
    ACTION(ROLE_MEMBER_ADD, "permission", "role.member.add", "Somebody was given a role.")         \
    ACTION(ROLE_MEMBER_REMOVE, "permission", "role.member.remove",                                 \
           "A role was taken from somebody.")                                                      \
    ACTION(PERMISSION_GRANT, "permission", "permission.grant", "A role was given a permission.")   \
    ACTION(PERMISSION_WITHDRAW, "permission", "permission.withdraw",                               \
           "A permission was taken from a role.")                                                  \
    ACTION(PERMISSION_DENIED, "permission", "permission.denied",                                   \
           "A caller asked for what they may not do.")                                             \
    ACTION(SETTINGS_EDIT, "settings", "settings.edit", "A setting was changed.")                   \
    ACTION(SECRET_CREATE, "secret", "secret.create", "A secret was stored.")                       \
    ACTION(SECRET_USE, "secret", "secret.use", "A secret was read.")                               \
    ACTION(SECRET_DELETE, "secret", "secret.delete", "A secret was removed.")                      \
    ACTION(MASTER_KEY_ROTATE, "secret", "secret.rotate", "Secrets were wrapped by a new key.")     \
    ACTION(JOB_FAILED, "job", "job.failed", "A job was given up.")                                 \
    ACTION(JOB_CANCEL, "job", "job.cancel", "A job was cancelled.")                                \
    ACTION(SCHEDULE_EDIT, "job", "schedule.edit", "A schedule was changed.")                       \
    ACTION(BACKUP_CREATE, "backup", "backup.create", "A backup was made.")                         \
    ACTION(BACKUP_RESTORE, "backup", "backup.restore", "A backup was restored.")                   \
    ACTION(CHAIN_GENESIS, "system", "chain.genesis", "An audit chain was begun.")                  \
    ACTION(CHAIN_CHECKPOINT, "system", "chain.checkpoint",                                         \
           "The heads of all audit chains were signed.")                                           \
    ACTION(AUDIT_VERIFY, "system", "audit.verify", "The audit chains were verified.")              \
    ACTION(AUDIT_EXPORT, "system", "audit.export", "Audit events were exported.")                  \
    ACTION(AUDIT_REMOVE, "system", "audit.remove",                                                 \
           "Audit events that were kept long enough were exported and removed.")                   \
    ACTION(SYSTEM_INIT, "system", "system.init", "The installation was set up.")                   \
    ACTION(SYSTEM_START, "system", "system.start", "A server started.")                            \
    ACTION(SYSTEM_STOP, "system", "system.stop", "A server stopped.")                              \
    ACTION(SYSTEM_MEND, "system", "system.mend",                                                   \
           "What follows from the rows of the register was computed anew.")

enum audit_action {
    AUDIT_NO_ACTION,
#define ACTION(name, category, action, doc) AUDIT_##name,
    AUDIT_ACTIONS
#undef ACTION
};

/** A row of the catalogue. */
struct audit_action_info {
    enum audit_action action;
    const char *category; /* "certificate" */
    const char *name;     /* "certificate.issue" */
    const char *doc;
};

/** The row of ACTION, which is one of the list. */
const struct audit_action_info *audit_action_info(enum audit_action action);
/** The row with this name, or NULL. */
const struct audit_action_info *audit_action_by_name(const char *name);
/** All rows; *COUNT receives how many. */
const struct audit_action_info *audit_action_all(size_t *count);

#endif

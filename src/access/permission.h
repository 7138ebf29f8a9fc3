/**
 * Permissions: the closed list of what a role may be allowed to do, each under three names: ours
 * (`certificates/read`), and the two forms of the Command API (`Certificates:Read`,
 * `/certificates/collections/read/`).
 *
 * @see command-api.md section 1.5
 */
#ifndef ACCESS_PERMISSION_H
#define ACCESS_PERMISSION_H

#include "base/macros.h"

/* PERMISSION(NAME, "ours", "Area:Permission", "/path/of/version/two/", "what it allows"). */
/* clang-format off */
#define PERMISSIONS                                                                                \
    PERMISSION(CERTIFICATES_READ, "certificates/read", "Certificates:Read",                        \
               "/certificates/collections/read/", "See certificates.")                             \
    PERMISSION(CERTIFICATES_EDIT, "certificates/edit", "Certificates:EditMetadata",                \
               "/certificates/collections/metadata/modify/", "Change what is noted about certificates.") \
    PERMISSION(CERTIFICATES_IMPORT, "certificates/import", "Certificates:Import",                  \
               "/certificates/import/", "Bring certificates into the register.")                   \
    PERMISSION(CERTIFICATES_RECOVER, "certificates/recover", "Certificates:Recover",               \
               "/certificates/collections/private_key/read/", "Recover private keys.")             \
    PERMISSION(CERTIFICATES_REVOKE, "certificates/revoke", "Certificates:Revoke",                  \
               "/certificates/collections/revoke/", "Revoke certificates.")                        \
    PERMISSION(CERTIFICATES_DELETE, "certificates/delete", "Certificates:Delete",                  \
               "/certificates/collections/delete/", "Remove certificates from the register.")      \
    PERMISSION(CERTIFICATES_IMPORT_KEY, "certificates/import_key", "Certificates:ImportPrivateKey", \
               "/certificates/collections/private_key/import/", "Store private keys.")             \
    PERMISSION(ENROLLMENT_PFX, "enrollment/pfx", "CertificateEnrollment:EnrollPFX",                \
               "/certificates/enrollment/pfx/", "Ask for a certificate whose key the server makes.") \
    PERMISSION(ENROLLMENT_CSR, "enrollment/csr", "CertificateEnrollment:EnrollCSR",                \
               "/certificates/enrollment/csr/", "Ask for a certificate by a request of one's own.") \
    PERMISSION(ENROLLMENT_CSR_MAKE, "enrollment/csr_generation", "CertificateEnrollment:CsrGeneration", \
               "/certificates/enrollment/csr_generation/", "Have the server make requests.")       \
    PERMISSION(ENROLLMENT_PENDING, "enrollment/pending", "CertificateEnrollment:PendingCsr",       \
               "/certificates/enrollment/pending/", "See and drop requests that wait.")            \
    PERMISSION(COLLECTIONS_MODIFY, "collections/modify", "CertificateCollections:Modify",          \
               "/certificates/collections/modify/", "Change collections.")                         \
    PERMISSION(METADATA_READ, "metadata/read", "CertificateMetadataTypes:Read",                    \
               "/metadata/types/read/", "See the metadata fields.")                                \
    PERMISSION(METADATA_MODIFY, "metadata/modify", "CertificateMetadataTypes:Modify",              \
               "/metadata/types/modify/", "Change the metadata fields.")                           \
    PERMISSION(STORES_READ, "stores/read", "CertificateStoreManagement:Read",                      \
               "/certificate_stores/read/", "See certificate stores.")                             \
    PERMISSION(STORES_SCHEDULE, "stores/schedule", "CertificateStoreManagement:Schedule",          \
               "/certificate_stores/schedule/", "Plan jobs of certificate stores.")                \
    PERMISSION(STORES_MODIFY, "stores/modify", "CertificateStoreManagement:Modify",                \
               "/certificate_stores/modify/", "Change certificate stores.")                        \
    PERMISSION(TEMPLATES_READ, "templates/read", "PkiManagement:Read",                             \
               "/certificate_templates/read/", "See templates.")                                   \
    PERMISSION(TEMPLATES_MODIFY, "templates/modify", "PkiManagement:Modify",                       \
               "/certificate_templates/modify/", "Change templates.")                              \
    PERMISSION(AUTHORITIES_READ, "authorities/read", "PkiManagement:Read",                         \
               "/certificate_authorities/read/", "See certificate authorities.")                   \
    PERMISSION(AUTHORITIES_MODIFY, "authorities/modify", "PkiManagement:Modify",                   \
               "/certificate_authorities/modify/", "Change certificate authorities.")              \
    PERMISSION(PATTERNS_READ, "patterns/read", "PkiManagement:Read",                               \
               "/enrollment_pattern/read/", "See enrollment patterns.")                            \
    PERMISSION(PATTERNS_MODIFY, "patterns/modify", "PkiManagement:Modify",                         \
               "/enrollment_pattern/modify/", "Change enrollment patterns.")                       \
    PERMISSION(AGENTS_READ, "agents/read", "AgentManagement:Read",                                 \
               "/agents/management/read/", "See agents.")                                          \
    PERMISSION(AGENTS_MODIFY, "agents/modify", "AgentManagement:Modify",                           \
               "/agents/management/modify/", "Approve and change agents.")                         \
    PERMISSION(AGENT_REGISTRATION_READ, "agents/registration/read", "AgentAutoRegistration:Read",  \
               "/agents/auto_registration/read/", "See the rules by which agents register.")       \
    PERMISSION(AGENT_REGISTRATION_MODIFY, "agents/registration/modify", "AgentAutoRegistration:Modify", \
               "/agents/auto_registration/modify/", "Change the rules by which agents register.")  \
    PERMISSION(SECURITY_READ, "security/read", "SecuritySettings:Read",                            \
               "/security/read/", "See users, clients and roles.")                                 \
    PERMISSION(SECURITY_MODIFY, "security/modify", "SecuritySettings:Modify",                      \
               "/security/modify/", "Change users, clients and roles.")                            \
    PERMISSION(SYSTEM_READ, "system/read", "SystemSettings:Read",                                  \
               "/system_settings/read/", "See settings and jobs.")                                 \
    PERMISSION(SYSTEM_MODIFY, "system/modify", "SystemSettings:Modify",                            \
               "/system_settings/modify/", "Change settings and jobs.")                            \
    PERMISSION(WORKFLOWS_READ, "workflows/read", "WorkflowManagement:Read",                        \
               "/workflows/definitions/read/", "See workflows, alerts and waiting requests.")      \
    PERMISSION(WORKFLOWS_MODIFY, "workflows/modify", "WorkflowManagement:Modify",                  \
               "/workflows/definitions/modify/", "Change workflows and alerts.")                   \
    PERMISSION(WORKFLOWS_TEST, "workflows/test", "WorkflowManagement:Test",                        \
               "/workflows/definitions/test/", "Try workflows and alerts.")                        \
    PERMISSION(WORKFLOWS_PARTICIPATE, "workflows/participate", "WorkflowManagement:Participate",   \
               "/workflows/instances/participate/", "Approve and deny what waits.")                \
    PERMISSION(WORKFLOWS_MANAGE, "workflows/manage", "WorkflowManagement:Manage",                  \
               "/workflows/instances/manage/", "Stop and restart workflows of others.")            \
    PERMISSION(MONITORING_READ, "monitoring/read", "Monitoring:Read",                              \
               "/monitoring/read/", "See what is monitored.")                                      \
    PERMISSION(MONITORING_MODIFY, "monitoring/modify", "Monitoring:Modify",                        \
               "/monitoring/modify/", "Change what is monitored.")                                 \
    PERMISSION(REPORTS_READ, "reports/read", "Reports:Read", "/reports/read/", "See reports.")     \
    PERMISSION(REPORTS_MODIFY, "reports/modify", "Reports:Modify",                                 \
               "/reports/modify/", "Change and plan reports.")                                     \
    PERMISSION(AUDIT_READ, "audit/read", "Auditing:Read",                                          \
               "/auditing/read/", "See the audit record.")                                         \
    PERMISSION(AUDIT_EXPORT, "audit/export", "", "/auditing/export/", "Export the audit record.")  \
    PERMISSION(AUDIT_VERIFY, "audit/verify", "", "/auditing/verify/", "Verify the audit record.")  \
    PERMISSION(HOLDS_READ, "holds/read", "", "/holds/read/", "See legal holds.")                   \
    PERMISSION(HOLDS_MODIFY, "holds/modify", "", "/holds/modify/", "Place and lift legal holds.")  \
    PERMISSION(SSL_READ, "ssl/read", "SslManagement:Read",                                         \
               "/ssl/read/", "See network discovery.")                                             \
    PERMISSION(SSL_MODIFY, "ssl/modify", "SslManagement:Modify",                                   \
               "/ssl/modify/", "Change network discovery.")                                        \
    PERMISSION(SSH_READ, "ssh/read", "SSH:Read", "/ssh/read/", "See SSH keys.")                    \
    PERMISSION(SSH_MODIFY, "ssh/modify", "SSH:Modify", "/ssh/modify/", "Change SSH keys.")         \
    PERMISSION(DASHBOARD_READ, "dashboard/read", "Dashboard:Read",                                 \
               "/dashboard/read/", "See the dashboard.")                                           \
    PERMISSION(DASHBOARD_MODIFY, "dashboard/modify", "Dashboard:Modify",                           \
               "/dashboard/modify/", "Change the dashboard.")                                      \
    PERMISSION(PORTAL_READ, "portal/read", "AdminPortal:Read", "/portal/read/", "Use the portal.") \
    PERMISSION(PORTAL_MODIFY, "portal/modify", "AdminPortal:Modify",                               \
               "/portal/modify/", "Change the portal.")                                            \
    PERMISSION(API_READ, "api/read", "API:Read", "/api/read/", "Call the API.")                    \
    PERMISSION(MAC_READ, "mac/read", "MacAutoEnrollManagement:Read",                               \
               "/mac_auto_enroll/read/", "See the settings of Mac enrollment.")                    \
    PERMISSION(MAC_MODIFY, "mac/modify", "MacAutoEnrollManagement:Modify",                         \
               "/mac_auto_enroll/modify/", "Change the settings of Mac enrollment.")               \
    PERMISSION(PAM_READ, "pam/read", "PrivilegedAccessManagement:Read",                            \
               "/pam/read/", "See secret providers.")                                              \
    PERMISSION(PAM_MODIFY, "pam/modify", "PrivilegedAccessManagement:Modify",                      \
               "/pam/modify/", "Change secret providers.")                                         \
    PERMISSION(METRICS_READ, "metrics/read", "", "/metrics/read/", "Read the metrics.")            \
    PERMISSION(HEALTH_READ, "health/read", "", "/health/read/", "Read the details of the health report.") \
    PERMISSION(RATE_EXEMPT, "rate/exempt", "", "/rate/exempt/", "Call as often as one likes. It is granted by its name: * is not enough.")
/* clang-format on */

enum permission {
    PERM_NONE,
#define PERMISSION(name, ours, v1, v2, doc) PERM_##name,
    PERMISSIONS
#undef PERMISSION
        PERM_END
};
#define PERM_ALL PERM_END /* in grants: every permission there is, or will be */

/** A row of the table. */
struct permission_info {
    enum permission permission;
    const char *name; /* ours: what the database holds */
    const char *v1;   /* "" when the Command API has none; several of ours may share one */
    const char *v2;
    const char *doc;
};

const struct permission_info *permission_info(enum permission p);
/** By our name or the version-two path, in any case; PERM_NONE when there is no such permission. */
enum permission permission_by_name(const char *name);
/**
 * All that NAME, in any of its forms, stands for: `PkiManagement:Read` gives templates/read,
 * authorities/read and patterns/read.
 *
 * @param out  receives at most PERM_END of them
 * @return how many; 0: no such name
 */
int permission_expand(const char *name, enum permission *out);
/**
 * Whether P can be granted on single objects: a collection, a template. All else counts only where
 * it is granted everywhere.
 */
bool permission_on_objects(enum permission p);
/** All rows; *COUNT receives how many. */
const struct permission_info *permission_all(size_t *count);

#endif

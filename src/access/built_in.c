/* The roles that every installation has. */
#include "access/manage.h"

static const enum permission administrator[] = { PERM_ALL, PERM_NONE };

static const enum permission auditor[] = {
    PERM_CERTIFICATES_READ, PERM_METADATA_READ, PERM_STORES_READ,    PERM_TEMPLATES_READ,
    PERM_AUTHORITIES_READ,  PERM_PATTERNS_READ, PERM_AGENTS_READ,    PERM_AGENT_REGISTRATION_READ,
    PERM_SECURITY_READ,     PERM_SYSTEM_READ,   PERM_WORKFLOWS_READ, PERM_MONITORING_READ,
    PERM_REPORTS_READ,      PERM_AUDIT_READ,    PERM_AUDIT_EXPORT,   PERM_AUDIT_VERIFY,
    PERM_SSL_READ,          PERM_SSH_READ,      PERM_DASHBOARD_READ, PERM_PORTAL_READ,
    PERM_API_READ,          PERM_MAC_READ,      PERM_PAM_READ,       PERM_METRICS_READ,
    PERM_HEALTH_READ,       PERM_NONE,
};

static const enum permission operator[] = {
    PERM_CERTIFICATES_READ,   PERM_CERTIFICATES_EDIT,  PERM_CERTIFICATES_IMPORT,
    PERM_CERTIFICATES_REVOKE, PERM_ENROLLMENT_CSR,     PERM_ENROLLMENT_PFX,
    PERM_ENROLLMENT_CSR_MAKE, PERM_ENROLLMENT_PENDING, PERM_COLLECTIONS_MODIFY,
    PERM_METADATA_READ,       PERM_STORES_READ,        PERM_STORES_SCHEDULE,
    PERM_TEMPLATES_READ,      PERM_AUTHORITIES_READ,   PERM_PATTERNS_READ,
    PERM_AGENTS_READ,         PERM_WORKFLOWS_READ,     PERM_WORKFLOWS_PARTICIPATE,
    PERM_MONITORING_READ,     PERM_REPORTS_READ,       PERM_SSL_READ,
    PERM_DASHBOARD_READ,      PERM_PORTAL_READ,        PERM_API_READ,
    PERM_METRICS_READ,        PERM_HEALTH_READ,        PERM_NONE,
};

static const enum permission requester[] = {
    PERM_CERTIFICATES_READ,
    PERM_ENROLLMENT_CSR,
    PERM_ENROLLMENT_PFX,
    PERM_ENROLLMENT_CSR_MAKE,
    PERM_ENROLLMENT_PENDING,
    PERM_METADATA_READ,
    PERM_TEMPLATES_READ,
    PERM_AUTHORITIES_READ,
    PERM_PATTERNS_READ,
    PERM_DASHBOARD_READ,
    PERM_PORTAL_READ,
    PERM_API_READ,
    PERM_NONE,
};

static const struct {
    const char *name, *description;
    const enum permission *permissions;
} built_in[] = { { ROLE_ADMINISTRATOR, "May do everything.", administrator },
                 { ROLE_AUDITOR, "Sees everything, changes nothing.", auditor },
                 {
                     ROLE_OPERATOR,
                     "Enrolls, revokes, and plans the daily work.",
                     operator},
                     { ROLE_REQUESTER, "Asks for certificates and sees them.", requester },
};

SQL(built_in_put,
    "INSERT INTO role (name, name_folded, description, built_in) VALUES ($1, $2, $3, 1) "
    "ON CONFLICT (name_folded) DO NOTHING");
SQL(built_in_id, "SELECT id FROM role WHERE name_folded = $1");
SQL(built_in_grant, "INSERT INTO permission_grant (role, permission, scope_kind, scope_id) "
                    "VALUES ($1, $2, '', 0) ON CONFLICT (role, permission, scope_kind, scope_id) "
                    "DO NOTHING");

static enum err
ensure_in(struct scope *s, struct tx *tx, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT(built_in); i++) {
        const char *folded = text_fold(s->arena, built_in[i].name);
        struct row row;
        int64_t id;

        TRY(tx_do(s, tx, &built_in_put,
                  BIND(v_text(built_in[i].name), v_text(folded), v_text(built_in[i].description))));
        TRY(tx_one(s, tx, &built_in_id, BIND(v_text(folded)), &row));
        id = row_int(&row);
        for (const enum permission *p = built_in[i].permissions; *p != PERM_NONE; p++)
            TRY(tx_do(s, tx, &built_in_grant, BIND(v_int(id), v_text(permission_info(*p)->name))));
    }
    return OK;
}

enum err
roles_ensure(struct scope *s, struct db *db)
{
    return note(s, db_write(s, db, ensure_in, NULL), "making the built-in roles");
}

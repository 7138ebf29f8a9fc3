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
    PERM_HEALTH_READ,       PERM_HOLDS_READ,    PERM_NONE,
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

/* Full control of certificates, templates and stores, and nothing else. */
static const enum permission certificate_administrator[] = {
    PERM_CERTIFICATES_READ,
    PERM_CERTIFICATES_EDIT,
    PERM_CERTIFICATES_IMPORT,
    PERM_CERTIFICATES_RECOVER,
    PERM_CERTIFICATES_REVOKE,
    PERM_CERTIFICATES_DELETE,
    PERM_CERTIFICATES_IMPORT_KEY,
    PERM_TEMPLATES_READ,
    PERM_TEMPLATES_MODIFY,
    PERM_STORES_READ,
    PERM_STORES_SCHEDULE,
    PERM_STORES_MODIFY,
    PERM_NONE,
};

/* Enrollment and a view of certificates, and nothing else. */
static const enum permission certificate_requester[] = {
    PERM_CERTIFICATES_READ,   PERM_ENROLLMENT_CSR,     PERM_ENROLLMENT_PFX,
    PERM_ENROLLMENT_CSR_MAKE, PERM_ENROLLMENT_PENDING, PERM_NONE,
};

struct ready_made {
    const char *name, *description;
    const enum permission *permissions;
};

/* What these may do comes with the program. */
static const struct ready_made built_in[] = {
    { ROLE_ADMINISTRATOR, "May do everything.", administrator },
    { ROLE_AUDITOR, "Sees everything, changes nothing.", auditor },
    {
        ROLE_OPERATOR,
        "Enrolls, revokes, and plans the daily work.",
        operator},
        { ROLE_REQUESTER, "Asks for certificates and sees them.", requester },
    };

/* These are made once; what people make of them, stays. */
static const struct ready_made made_once[] = {
    { ROLE_CERTIFICATE_ADMINISTRATOR, "Full control of certificates, templates and stores.",
      certificate_administrator },
    { ROLE_CERTIFICATE_REQUESTER, "Enrolls, and views certificates.", certificate_requester },
};

SQL(built_in_put,
    "INSERT INTO role (name, name_folded, description, built_in) VALUES ($1, $2, $3, 1) "
    "ON CONFLICT (name_folded) DO NOTHING");
SQL(built_in_id, "SELECT id FROM role WHERE name_folded = $1");
SQL(built_in_grant, "INSERT INTO permission_grant (role, permission, scope_kind, scope_id) "
                    "VALUES ($1, $2, '', 0) ON CONFLICT (role, permission, scope_kind, scope_id) "
                    "DO NOTHING");

SQL(once_mark, "INSERT INTO setting (name, value) VALUES ($1, '1') ON CONFLICT (name) DO NOTHING");
SQL(once_put, "INSERT INTO role (name, name_folded, description) VALUES ($1, $2, $3) "
              "ON CONFLICT (name_folded) DO NOTHING");

static enum err
grants_put(struct scope *s, struct tx *tx, const struct ready_made *r, const char *folded)
{
    struct row row;
    int64_t id;

    TRY(tx_one(s, tx, &built_in_id, BIND(v_text(folded)), &row));
    id = row_int(&row);
    for (const enum permission *p = r->permissions; *p != PERM_NONE; p++)
        TRY(tx_do(s, tx, &built_in_grant, BIND(v_int(id), v_text(permission_info(*p)->name))));
    return OK;
}

/** A role that somebody made under this name already is theirs. */
static enum err
make_once(struct scope *s, struct tx *tx, const struct ready_made *r)
{
    const char *folded = text_fold(s->arena, r->name);
    const char *mark = arena_printf(s->arena, "role_made:%s", folded);
    int64_t first, made;

    TRY(tx_count(s, tx, &once_mark, BIND(v_text(mark)), &first));
    if (first == 0)
        return OK;
    TRY(tx_count(s, tx, &once_put, BIND(v_text(r->name), v_text(folded), v_text(r->description)),
                 &made));
    return made ? grants_put(s, tx, r, folded) : OK;
}

static enum err
ensure_in(struct scope *s, struct tx *tx, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT(built_in); i++) {
        const char *folded = text_fold(s->arena, built_in[i].name);

        TRY(tx_do(s, tx, &built_in_put,
                  BIND(v_text(built_in[i].name), v_text(folded), v_text(built_in[i].description))));
        TRY(grants_put(s, tx, &built_in[i], folded));
    }
    for (size_t i = 0; i < COUNT(made_once); i++)
        TRY(make_once(s, tx, &made_once[i]));
    return OK;
}

enum err
roles_ensure(struct scope *s, struct db *db)
{
    return note(s, db_write(s, db, ensure_in, NULL), "making the built-in roles");
}

/**
 * Pattern: a way of enrolling by a template, for some roles and authorities and with rules of its
 * own. It only ever narrows its template, whose policy holds beside it; where it is silent the
 * template speaks alone. Each template has a default pattern, used where a request names no other.
 * Any thread.
 */
#ifndef ISSUE_PATTERN_H
#define ISSUE_PATTERN_H

#include "catalog/metadata.h"
#include "issue/template.h"
#include "pki/hash.h"

enum { TYPE_PFX = 1, TYPE_CSR = 2, TYPE_CSR_MADE = 4 };

/** The body of a pattern: all of it JSON by pattern_body_model. */
struct pattern_body {
    struct list roles;       /* of int64_t: those that may use it; none: as the template has it */
    bool restrict_cas;       /* only .authorities */
    struct list authorities; /* of int64_t: ids */
    struct opt_int types;    /* TYPE_PFX and so on */
    struct opt_bool key_reuse, wildcards, names_required;
    struct list key_types; /* of const char *, as a template's; none: as the template has it */
    struct opt_int owner;  /* OWNER_OPTIONAL and so on */
    int64_t owner_role;    /* 0: as the template has it */
    struct list defaults, rules, notes; /* as a template's, which hold too */
};
extern const struct model pattern_body_model;

struct pattern {
    int64_t id, version, template_id;
    const char *name, *description;
    bool is_default;
    struct when created_at;
    const struct pattern_body *body;
};

/** NULL: there is none. */
const struct pattern *pattern_by_id(const struct templates *t, int64_t id);
const struct pattern *pattern_default(const struct templates *t, int64_t template_id);
/** The template as the pattern leaves it; both stay as they are, and what comes back points into
 * them. @param p  NULL: the template itself */
struct template pattern_narrow(struct arena *a, const struct template *t, const struct pattern *p);
/** The template as it holds for requests by this pattern: narrowed by what holds everywhere, too.
 */
struct template pattern_whole(struct arena *a, const struct templates *all,
                              const struct template *t, const struct pattern *p);
/** Does it take requests from CALLER's roles, and of this authority? */
bool pattern_takes(const struct pattern *p, const struct caller *caller);
bool pattern_offers(const struct pattern *p, int64_t authority);

/** What a pattern, or a new one, will be: all of it. */
struct pattern_edit {
    int64_t id, template_id; /* 0: a new one; the template of a new one */
    const char *name, *description;
    bool is_default;
    struct pattern_body body;
    int64_t version; /* as it was read; 0: whichever it is */
};
/**
 * Make or change a pattern. A default one makes the one before an ordinary one.
 *
 * @return E_CONFLICT: the name is taken (CHY_CONFLICT), or it changed meanwhile; E_INVALID: the
 * default one cannot become an ordinary one by itself
 */
enum err pattern_save(struct scope *s, struct template_shelf *shelf,
                      const struct pattern_edit *edit, const struct audit_actor *actor,
                      int64_t *out_id);
/** E_CONFLICT: it is its template's default. */
enum err pattern_delete(struct scope *s, struct template_shelf *shelf, int64_t id,
                        const struct audit_actor *actor);
/** Say what holds beside every template: rules, defaults where a template has none, kinds of keys,
 * and the truths of the policy. Only what narrows counts. */
enum err everywhere_save(struct scope *s, struct template_shelf *shelf,
                         const struct pattern_body *body, const struct audit_actor *actor);
/** Its SHA-256: another one when something else holds. */
void everywhere_digest(struct scope *s, const struct templates *t, uint8_t out[SHA256_LEN]);
/** Read it into OUT, whose texts live in own->arena. For the shelf. */
enum err everywhere_read(struct scope *s, struct db *db, struct scope *own,
                         const struct pattern **out);
/** As part of TX, the default pattern of a new template, which has its name. @return E_CONFLICT:
 * another pattern has it already; unless MAY_LACK: then the template has none */
enum err pattern_of_template(struct scope *s, struct tx *tx, int64_t template_id, const char *name,
                             bool may_lack);
/** Read all of them into OUT, of struct pattern *; texts live in own->arena. For the shelf. */
enum err patterns_read(struct scope *s, struct db *db, struct scope *own, struct list *out);

#endif

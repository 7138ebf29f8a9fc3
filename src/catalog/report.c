#include "catalog/report.h"

#include "audit/audit.h"
#include "catalog/edit.h"

#define API "/KeyfactorAPI/Certificates?"
#define FIND API "pq.queryString="

/* Numbers are for ever. */
static const struct report built_in[] = {
    { 1, "Certificates Expiring in 30 Days", "Expiring30",
      "What ends within 30 days, the next first.", "Certificates",
      FIND "NotAfter%20-ge%20%22%25TODAY%25%22%20AND%20NotAfter%20-le%20%22%25TODAY%2B30%25%22"
           "&pq.sortField=NotAfter" },
    { 2, "Certificates Expiring in 90 Days", "Expiring90",
      "What ends within 90 days, the next first.", "Certificates",
      FIND "NotAfter%20-ge%20%22%25TODAY%25%22%20AND%20NotAfter%20-le%20%22%25TODAY%2B90%25%22"
           "&pq.sortField=NotAfter" },
    { 3, "Expired Certificates", "Expired", "What ended and is still in the register.",
      "Certificates", FIND "NotAfter%20-lt%20%22%25TODAY%25%22&pq.sortField=NotAfter" },
    { 4, "Certificates by Authority", "ByAuthority", "What is valid, by who issued it.",
      "Certificates", API "pq.sortField=CertificateAuthorityName" },
    { 5, "Certificates by Template", "ByTemplate", "What is valid, by its template.",
      "Certificates", API "pq.sortField=TemplateName" },
    { 6, "Certificates by Key", "ByKey", "What is valid, by the size of its key.", "Certificates",
      API "pq.sortField=KeySizeInBits" },
    { 7, "Certificates without an Owner", "Unowned", "What is valid and nobody's.", "Certificates",
      FIND "OwnerRoleName%20-eq%20NULL" },
    { 8, "Issued in the Last 30 Days", "Issued30", "What entered the register within 30 days.",
      "Activity",
      FIND "ImportDate%20-ge%20%22%25TODAY-30%25%22&pq.sortField=ImportDate&pq.sortAscending=1" },
    { 9, "Revoked Certificates", "Revoked", "What was revoked, the last first.", "Activity",
      FIND "Status%20-eq%20Revoked&pq.sortField=RevocationDate&pq.sortAscending=1" },
    { 10, "Audit Extract", "Audit", "What was done within 30 days, the last first.", "Audit",
      "/KeyfactorAPI/Audit?pq.queryString=Timestamp%20-ge%20%22%25TODAY-30%25%22" },
};

static const char *
number(struct scope *s, int64_t id)
{
    return arena_printf(s->arena, "%lld", (long long)id);
}

static const char *
truth(struct opt_bool b)
{
    return !b.given ? NULL : b.value ? "true" : "false";
}

static struct opt_bool
merged(struct opt_bool given, struct opt_bool kept)
{
    return (struct opt_bool){ true, given.given ? given.value : kept.value };
}

/* Those that there always are. */

SQL(choices_all, "SELECT report, in_navigator, favorite, remove_duplicates FROM report_choice");
SQL(choice_write,
    "INSERT INTO report_choice (report, in_navigator, favorite, remove_duplicates) VALUES ($1, $2, "
    "$3, $4) ON CONFLICT (report) DO UPDATE SET in_navigator = $2, favorite = $3, "
    "remove_duplicates = $4");

enum err
report_list(struct scope *s, struct db *db, struct list *out)
{
    struct list all = { 0 };
    struct rows rows;

    TRY(db_all(s, db, &choices_all, BIND_NONE, &rows));
    for (size_t i = 0; i < COUNT(built_in); i++) {
        struct report *r = list_push(s->arena, &all, struct report);

        *r = built_in[i];
        r->in_navigator = (struct opt_bool){ true, true };
        r->favorite = r->remove_duplicates = (struct opt_bool){ true, false };
    }
    for (size_t i = 0; i < rows.count; i++) {
        int64_t id = row_int(&rows.at[i]);

        LIST_EACH(struct report, r, &all)
        if (r->id == id) {
            r->in_navigator.value = row_bool(&rows.at[i]);
            r->favorite.value = row_bool(&rows.at[i]);
            r->remove_duplicates.value = row_bool(&rows.at[i]);
        }
    }
    *out = all;
    return OK;
}

enum err
report_get(struct scope *s, struct db *db, int64_t id, struct report *out)
{
    struct list all;

    TRY(report_list(s, db, &all));
    LIST_EACH(struct report, r, &all)
    if (r->id == id) {
        *out = *r;
        return OK;
    }
    return fail_code(s, E_NOT_FOUND, CHY_NOT_FOUND, "report %lld not found", (long long)id);
}

/** A change of one on its way through its transaction. */
struct choice_made {
    const struct caller *by;
    struct report old, now;
};

static enum err
choose_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct choice_made *c = arg;
    struct list changes = { 0 };

    edit_tell(s, &changes, "favorite", truth(c->old.favorite), truth(c->now.favorite));
    edit_tell(s, &changes, "in_navigator", truth(c->old.in_navigator), truth(c->now.in_navigator));
    edit_tell(s, &changes, "remove_duplicates", truth(c->old.remove_duplicates),
              truth(c->now.remove_duplicates));
    TRY(tx_do(s, tx, &choice_write,
              BIND(v_int(c->now.id), v_bool(c->now.in_navigator.value),
                   v_bool(c->now.favorite.value), v_bool(c->now.remove_duplicates.value))));
    return audit_add(
        s, tx,
        &(struct audit_event){ .action = AUDIT_REPORT_EDIT,
                               .actor = &c->by->actor,
                               .target = { "report", number(s, c->now.id), c->now.name },
                               .changes = changes.items,
                               .change_count = changes.count });
}

enum err
report_edit(struct scope *s, struct db *db, const struct caller *by, const struct report *in,
            struct report *out)
{
    struct choice_made c = { .by = by };

    TRY(report_get(s, db, in->id, &c.old));
    c.now = c.old;
    c.now.in_navigator = merged(in->in_navigator, c.old.in_navigator);
    c.now.favorite = merged(in->favorite, c.old.favorite);
    c.now.remove_duplicates = merged(in->remove_duplicates, c.old.remove_duplicates);
    TRY(db_write(s, db, choose_in, &c));
    *out = c.now;
    return OK;
}

/* Links. */

#define LINK "SELECT id, name, description, url, in_navigator, favorite FROM custom_report "
SQL(links_all, LINK "ORDER BY name_folded");
SQL(link_by_id, LINK "WHERE id = $1");
SQL(link_insert, "INSERT INTO custom_report (name, name_folded, description, url, in_navigator, "
                 "favorite, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id");
SQL(link_update,
    "UPDATE custom_report SET name = $2, name_folded = $3, description = $4, url = $5, "
    "in_navigator = $6, favorite = $7 WHERE id = $1");
SQL(link_delete, "DELETE FROM custom_report WHERE id = $1");

static void
link_read(struct row *row, struct custom_report *out)
{
    *out = (struct custom_report){ .id = row_int(row) };
    out->name = row_text(row);
    out->description = row_text(row);
    out->url = row_text(row);
    out->in_navigator = (struct opt_bool){ true, row_bool(row) };
    out->favorite = (struct opt_bool){ true, row_bool(row) };
}

enum err
custom_report_list(struct scope *s, struct db *db, struct list *out)
{
    struct list all = { 0 };
    struct rows rows;

    TRY(db_all(s, db, &links_all, BIND_NONE, &rows));
    for (size_t i = 0; i < rows.count; i++)
        link_read(&rows.at[i], list_push(s->arena, &all, struct custom_report));
    *out = all;
    return OK;
}

enum err
custom_report_get(struct scope *s, struct db *db, int64_t id, struct custom_report *out)
{
    struct row row;
    enum err e = db_one(s, db, &link_by_id, BIND(v_int(id)), &row);

    if (e == E_NOT_FOUND)
        return fail_code(s, e, CHY_NOT_FOUND, "custom report %lld not found", (long long)id);
    TRY(e);
    link_read(&row, out);
    return OK;
}

static enum err
judge(struct scope *s, const struct custom_report *r)
{
    if (text_empty(text_trim(s->arena, r->name)))
        problem(s, "DisplayName", CHY_MISSING, "is required");
    edit_judge_text(s, "DisplayName", r->name, 100);
    edit_judge_text(s, "Description", r->description, 4000);
    edit_judge_text(s, "CustomURL", r->url, 2000);
    if (!text_starts_fold(r->url, "http://") && !text_starts_fold(r->url, "https://"))
        problem(s, "CustomURL", CHY_BAD_VALUE, "must begin with http:// or https://");
    return problems_check(s);
}

/** A change of a link; .old.id or .now.id is 0 where there is none. */
struct link_change {
    const struct caller *by;
    struct custom_report old, now;
};

static enum err
link_told(struct scope *s, struct tx *tx, const struct link_change *c, enum audit_action action)
{
    const struct custom_report *old = &c->old, *now = &c->now, *target = now->id ? now : old;
    struct list changes = { 0 };

    edit_tell(s, &changes, "description", old->description, now->description);
    edit_tell(s, &changes, "favorite", truth(old->favorite), truth(now->favorite));
    edit_tell(s, &changes, "in_navigator", truth(old->in_navigator), truth(now->in_navigator));
    edit_tell(s, &changes, "name", old->name, now->name);
    edit_tell(s, &changes, "url", old->url, now->url);
    return audit_add(
        s, tx,
        &(struct audit_event){ .action = action,
                               .actor = &c->by->actor,
                               .target = { "custom_report", number(s, target->id), target->name },
                               .changes = changes.items,
                               .change_count = changes.count });
}

static enum err
link_add_in(struct scope *s, struct tx *tx, void *arg)
{
    struct link_change *c = arg;
    const struct custom_report *n = &c->now;
    struct row row;

    TRY(tx_one(s, tx, &link_insert,
               BIND(v_text(n->name), v_text(text_fold(s->arena, n->name)), v_text(n->description),
                    v_text(n->url), v_bool(n->in_navigator.value), v_bool(n->favorite.value),
                    v_when(clock_now())),
               &row));
    c->now.id = row_int(&row);
    return link_told(s, tx, c, AUDIT_REPORT_CREATE);
}

static enum err
link_edit_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct link_change *c = arg;
    const struct custom_report *n = &c->now;

    TRY(tx_do(s, tx, &link_update,
              BIND(v_int(n->id), v_text(n->name), v_text(text_fold(s->arena, n->name)),
                   v_text(n->description), v_text(n->url), v_bool(n->in_navigator.value),
                   v_bool(n->favorite.value))));
    return link_told(s, tx, c, AUDIT_REPORT_EDIT);
}

static enum err
link_delete_in(struct scope *s, struct tx *tx, void *arg)
{
    const struct link_change *c = arg;

    TRY(tx_do(s, tx, &link_delete, BIND(v_int(c->old.id))));
    return link_told(s, tx, c, AUDIT_REPORT_DELETE);
}

/** What IN makes of what there was. */
static struct custom_report
link_merged(const struct custom_report *in, const struct custom_report *old)
{
    return (struct custom_report){ .id = old->id,
                                   .name = edit_merged(in->name, old->name),
                                   .description = edit_merged(in->description, old->description),
                                   .url = edit_merged(in->url, old->url),
                                   .in_navigator = merged(in->in_navigator, old->in_navigator),
                                   .favorite = merged(in->favorite, old->favorite) };
}

enum err
custom_report_add(struct scope *s, struct db *db, const struct caller *by,
                  const struct custom_report *in, struct custom_report *out)
{
    struct link_change c = { .by = by };

    c.now = link_merged(in, &c.old);
    TRY(judge(s, &c.now));
    TRY(edit_name_taken(s, db_write(s, db, link_add_in, &c), "a report", c.now.name));
    *out = c.now;
    return OK;
}

enum err
custom_report_edit(struct scope *s, struct db *db, const struct caller *by,
                   const struct custom_report *in, struct custom_report *out)
{
    struct link_change c = { .by = by };

    TRY(custom_report_get(s, db, in->id, &c.old));
    c.now = link_merged(in, &c.old);
    TRY(judge(s, &c.now));
    TRY(edit_name_taken(s, db_write(s, db, link_edit_in, &c), "a report", c.now.name));
    *out = c.now;
    return OK;
}

enum err
custom_report_delete(struct scope *s, struct db *db, const struct caller *by, int64_t id)
{
    struct link_change c = { .by = by };

    TRY(custom_report_get(s, db, id, &c.old));
    return db_write(s, db, link_delete_in, &c);
}

/* Watching the authorities' keys. */
#include "ca/office_in.h"

#include "base/metric.h"
#include "jobs/jobs.h"

#define ASK_MS 4000

GAUGE(key_up, "chancery_ca_up", "1 when the authority's key can sign.", "ca", "type");

void
ca_key_tell(const struct ca_authority *ca, bool up)
{
    metric_set(&key_up, up ? 1 : 0, ca->name, ca->driver);
}

enum err
ca_keys_watch(struct scope *s, struct ca_office *office)
{
    AUTO(ca_snapshot_unref) const struct ca_snapshot *snap = ca_snapshot_ref(office);
    bool missing = false;

    LIST_EACH(struct ca_authority *, ca, &snap->authorities)
    {
        AUTO(scope_free) struct scope *one = scope_new("ca"); /* a failure is a finding */

        scope_deadline_in(one, MIN(ASK_MS, scope_left_ms(s)));
        if ((*ca)->key)
            ca_key_tell(*ca, signer_health(one, (*ca)->key->signer) == OK);
        LIST_EACH(struct ca_key *, k, &(*ca)->keys)
        missing = missing || (!(*k)->signer && !(*k)->over);
    }
    return missing ? ca_office_reload(s, office) : OK;
}

static enum err
keys_job(struct scope *s, void *app, const struct job *job UNUSED)
{
    return ca_keys_watch(s, *(struct ca_office **)app);
}

const struct job_kind ca_keys_kind = {
    .kind = "ca.keys",
    .run = keys_job,
    .every = "30s",
    .doc = "Ask after each authority's key.",
};

/** Outside: the directories and the keytab that judge names and tickets, as they are configured
 * now. For the files of this folder; any thread. */
#ifndef ACCESS_OUTSIDE_H
#define ACCESS_OUTSIDE_H

#include "access/domains.h"
#include "access/kerberos.h"
#include "access/office.h"
#include "base/snapshot.h"

/** Those of one configuration; who asks them keeps them until they have answered. */
struct outside {
    struct snapshot head;
    struct domains *domains;
    struct kerberos *kerberos; /* NULL: no tickets */
};

/** The present ones; they stay for as long as S does. */
const struct outside *outside_of(struct scope *s, const struct access *a);
/** The same with a reference, for who has no scope. */
const struct outside *outside_ref(const struct access *a);
void outside_unref(const struct outside *o);
OWNED(const struct outside, outside_unref);

/**
 * Take the directories, the keytab and the identity providers of O, all or none.
 *
 * @return E_INVALID: authorities that are none, a keytab that has no key
 */
enum err outside_take(struct scope *s, struct access *a, const struct access_options *o);

#endif

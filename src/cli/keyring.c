#include "cli/keyring.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PREFIX "keyring:"
#define KIND "user"
#define SECRET_MAX 32767 /* of the kernel, for keys of this kind */
/* The key's permissions, keyutils' KEY_POS_ALL | KEY_USR_ALL: whoever is this user, with or without
 * a session that holds the keyring; nobody else. */
#define OURS_ALONE 0x3f3f0000UL

const char *
keyring_name(const char *text)
{
    return text && text_starts(text, PREFIX) && text[strlen(PREFIX)] ? text + strlen(PREFIX) : NULL;
}

static long
find(const char *name)
{
    return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, KIND, name, 0);
}

enum err
keyring_put(struct scope *s, const char *name, const char *secret, int64_t life_s)
{
    long id = syscall(SYS_add_key, KIND, name, secret, strlen(secret), KEY_SPEC_USER_KEYRING);

    if (id >= 0 && syscall(SYS_keyctl, KEYCTL_SETPERM, id, OURS_ALONE) == 0 &&
        (life_s <= 0 || syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, id, (unsigned)life_s) == 0))
        return OK;
    (void)fail(s, E_UNAVAILABLE, "the kernel's keyring cannot be used: %s", strerror(errno));
    keyring_drop(name);
    return E_UNAVAILABLE;
}

enum err
keyring_get(struct scope *s, const char *name, struct secret **out)
{
    AUTO(secret_free) struct secret *room = secret_new(SECRET_MAX);
    long id = find(name), len = -1;

    if (id >= 0)
        len = syscall(SYS_keyctl, KEYCTL_READ, id, room->data, room->len);
    if (len <= 0 || (size_t)len > room->len)
        return fail(s, E_NOT_FOUND, "the keyring no longer holds %s", name);
    *out = secret_copy((struct bytes){ room->data, (size_t)len });
    return OK;
}

void
keyring_drop(const char *name)
{
    long id = find(name);

    if (id >= 0)
        (void)syscall(SYS_keyctl, KEYCTL_UNLINK, id, KEY_SPEC_USER_KEYRING);
}

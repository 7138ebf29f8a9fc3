/* Contacts: RFC 8555 section 7.3, RFC 6068. */
#include "acme/account.h"

#include "pki/dnsname.h"
#include <string.h>

#define CONTACTS_MAX 10
#define CONTACT_LEN 512

static enum err
check(struct scope *s, const char *contact)
{
    const char *address, *domain;
    char *normal;

    if (!text_starts_fold(contact, "mailto:"))
        return acme_fail(s, E_INVALID, "unsupportedContact",
                         "only mailto: addresses are supported as contacts");
    address = contact + strlen("mailto:");
    if (strpbrk(address, "?#,;") || strlen(address) > CONTACT_LEN)
        return acme_fail(s, E_INVALID, "invalidContact",
                         "a contact is one plain mail address, without headers or further "
                         "addresses (RFC 8555 section 7.3)");
    domain = strrchr(address, '@');
    if (!domain || !strchr(domain, '.') ||
        email_check(s->arena, address, NAMES_INTERNAL, &normal) != NULL)
        return acme_fail(s, E_INVALID, "invalidContact", "a contact is no good mail address");
    return OK;
}

enum err
acme_contacts(struct scope *s, const struct list *contacts, const char **json)
{
    struct buf out;

    *json = NULL;
    if (!contacts || !contacts->count)
        return OK;
    if (contacts->count > CONTACTS_MAX)
        return acme_fail(s, E_INVALID, "malformed", "at most %d contacts are kept", CONTACTS_MAX);
    LIST_EACH(const char *, contact, contacts)
    TRY(check(s, *contact));
    buf_init_in(&out, s->arena, 32768);
    json_encode_list(&out, &text_model, contacts);
    *json = buf_str(&out);
    return *json ? OK : acme_fail(s, E_INVALID, "malformed", "the contacts are too long");
}

/* Contacts: RFC 8555 section 7.3, RFC 6068. */
#include "acme/account.h"

#include "pki/dnsname.h"
#include <string.h>

#define CONTACTS_MAX 10
#define CONTACT_LEN 512

static enum err
check(struct scope *s, const char *contact, size_t place)
{
    const char *address, *domain, *wrong;
    char *normal;

    if (!text_starts_fold(contact, "mailto:"))
        return acme_fail(s, E_INVALID, "unsupportedContact",
                         "contact[%zu]: only mailto: addresses are supported", place);
    address = contact + strlen("mailto:");
    if (strpbrk(address, "?#,;") || strlen(address) > CONTACT_LEN)
        return acme_fail(s, E_INVALID, "invalidContact",
                         "contact[%zu] is one plain mail address, without headers or further "
                         "addresses (RFC 8555 section 7.3)",
                         place);
    domain = strrchr(address, '@');
    wrong = email_check(s->arena, address, NAMES_INTERNAL, &normal);
    if (!wrong && (!domain || !strchr(domain, '.')))
        wrong = "its domain has no dot";
    return wrong ? acme_fail(s, E_INVALID, "invalidContact", "contact[%zu]: %s", place, wrong) : OK;
}

enum err
acme_contacts(struct scope *s, const struct list *contacts, const char **json)
{
    struct buf out;
    size_t place = 0;

    *json = NULL;
    if (!contacts || !contacts->count)
        return OK;
    if (contacts->count > CONTACTS_MAX)
        return acme_fail(s, E_INVALID, "malformed", "at most %d contacts are kept", CONTACTS_MAX);
    LIST_EACH(const char *, contact, contacts)
    TRY(check(s, *contact, place++));
    buf_init_in(&out, s->arena, 32768);
    json_encode_list(&out, &text_model, contacts);
    *json = buf_str(&out);
    return *json ? OK : acme_fail(s, E_INVALID, "malformed", "the contacts are too long");
}

/* Commands that share their first word, and what for. */
#include "cli/command.h"

#include <string.h>

const struct group groups[] = {
    { "certs", "List, show, download and revoke certificates." },
    { "enroll", "Get certificates, for requests of your own or with keys of the server's." },
    { "csr", "Make requests, and look into them." },
    { "requests", "Requests that wait for somebody: see, approve, deny, collect." },
    { "recoveries", "Private keys that two people recover: see, approve, deny, take." },
    { "acme", "ACME: accounts, orders, keys for binding; what to tell clients." },
    { "acme accounts", "Accounts of ACME clients: see, suspend, restore, end." },
    { "acme orders", "Orders of ACME clients, and why they failed." },
    { "acme authorizations", "Who proved which names." },
    { "acme eab", "Keys by which accounts are bound." },
    { "acme limits", "Rate limits: what is left, and what single accounts have instead." },
    { "acme profiles", "Directories of their own, with their rules." },
    { "acme windows", "When certificates shall be renewed, whatever their life says." },
    { "metadata", "Manage the metadata fields, which say what may be noted about certificates." },
    { "collections", "Manage the collections, which are kept queries." },
    { "ca", "Certificate authorities: their keys, certificates and revocation lists." },
    { "ca offline", "An authority without a server or a network: keys in files." },
    { "templates",
      "The templates, which say what may be issued: look at them, change and try them." },
    { "archive", "Put away certificates that expired long ago." },
    { "audit", "Read and verify the record of who did what." },
    { "backup", "Back the installation up, and check backups." },
    { "users", "Manage who may log in." },
    { "roles", "Manage what people and programs may do." },
    { "tokens", "Tokens for programs: less than their owner, for a time." },
    { "legal-holds", "What must stay, whatever the retention says." },
    { "providers", "Identity providers and directories, which log people in, too." },
    { "context", "Manage the servers and identities that are kept." },
    { "check", "Plug-ins for monitoring: exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN." },
    { "config", "Look at the settings of the server, and change them." },
};
const size_t group_count = COUNT(groups);

const struct group *
group_find(const char *name)
{
    for (size_t i = 0; i < group_count; i++)
        if (!strcmp(groups[i].name, name))
            return &groups[i];
    return NULL;
}

/* Settings files of KeyVault-CA, as its plan of an ACME server has them. */
#include "server/settings.h"

#define IS(key_, to_)                                            \
    {                                                            \
        ALIAS_AS_IS, "AcmeServer." key_, "acme." to_, NULL, NULL \
    }
#define NO(key_, why_)                        \
    {                                         \
        ALIAS_REFUSED, key_, NULL, why_, NULL \
    }
#define KEY_VAULT                                                                            \
    "keys in Azure Key Vault are not used here, but pki.issuing_key_uri names one in an HSM" \
    " (none: a file)"

const struct settings_alias server_settings_aliases[] = {
    { ALIAS_SECTION, "AcmeServer", "acme.enabled", "true", NULL },
    IS("BaseUrl", "base_url"),
    { ALIAS_FLAG, "AcmeServer.ExternalAccountBindingRequired", "acme.eab", "required", "optional" },
    { ALIAS_ITEM, "AcmeServer.ChallengeTypes.Http01Enabled", "acme.challenges", "http-01", NULL },
    { ALIAS_ITEM, "AcmeServer.ChallengeTypes.Dns01Enabled", "acme.challenges", "dns-01", NULL },
    { ALIAS_ITEM, "AcmeServer.ChallengeTypes.TlsAlpn01Enabled", "acme.challenges", "tls-alpn-01",
      "off" },
    IS("DomainValidation.AllowedDomains", "allow"),
    IS("DomainValidation.BlockedDomains", "deny"),
    { ALIAS_HOST, "AcmeServer.DomainValidation.CheckCAA", "acme.caa_identities",
      "AcmeServer.BaseUrl", NULL },
    IS("RateLimits.MaxOrdersPerDay", "limits.orders_per_day"),
    IS("RateLimits.MaxOrdersPerHour", "limits.orders_per_hour"),
    IS("RateLimits.MaxNewAccountsPerIpPerHour", "limits.accounts_per_hour"),
    NO("Issuer.KeyVaultUrl", KEY_VAULT),
    NO("Issuer.CertificateName", KEY_VAULT),
    { ALIAS_AS_IS, "Revocation.OcspUrl", "pki.ocsp_url", NULL, NULL },
    { ALIAS_AS_IS, "Revocation.CrlUrl", "pki.crl_url", NULL, NULL },
    { ALIAS_END, NULL, NULL, NULL, NULL },
};

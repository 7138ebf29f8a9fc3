#include "drivers/p11_open.h"

#include "codec/model.h"

const char *
p11_pin_of(const struct hsm_options *hsm, const char *token)
{
    if (hsm->pins && token)
        LIST_EACH(struct pair, one, &hsm->pins->of)
    if (text_eq(one->name, token))
        return one->value;
    return text_empty(hsm->pin) ? NULL : hsm->pin;
}

enum err
p11_open(struct scope *s, const struct hsm_options *hsm, struct seal *seal,
         const struct p11_uri *uri, struct p11_token **out)
{
    static const struct hsm_options none = { 0 };
    struct p11_options o = { .seal = seal };

    hsm = hsm ? hsm : &none;
    if (!hsm->trusts_uris && (uri->module_path || uri->pin_source))
        return fail_code(
            s, E_FORBIDDEN, CHY_BAD_VALUE,
            "module-path and pin-source are not taken from a key's URI here: hsm.module "
            "and hsm.pin of the settings say them");
    o.sessions = (int)hsm->sessions;
    o.timeout_ms = hsm->timeout_ms;
    o.module = uri->module_path ? uri->module_path : hsm->module;
    o.pin = uri->pin_source ? uri->pin_source : p11_pin_of(hsm, uri->token);
    if (text_empty(o.module))
        return fail_code(s, E_UNSUPPORTED, CHY_BAD_SETTINGS,
                         "no PKCS#11 module is configured: hsm.module");
    return p11_token_open(s, &o, uri, out);
}

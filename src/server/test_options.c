#include "base/test.h"
#include "server/options.h"

TEST(drop_ins_belong_to_the_installed_settings_however_they_are_named)
{
    static const struct {
        const char *config;
        bool dev, drop_ins;
    } cases[] = {
        { NULL, false, true },
        { "/etc/chancery/chancery.yaml", false, true }, /* as the unit names it */
        { "/etc/chancery/chancery.yaml", true, true },
        { "/etc/chancery/other.yaml", false, false },
        { "/srv/chancery.yaml", false, false },
        { NULL, true, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct options o = { .config = cases[i].config, .dev = cases[i].dev };
        const char *found = options_drop_ins(&o);

        assert_true(cases[i].drop_ins ? found && text_eq(found, "/etc/chancery/conf.d") : !found);
    }
}

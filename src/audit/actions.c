#include "audit/actions.h"

#include "base/text.h"

static const struct audit_action_info actions[] = {
#define ACTION(name_, category_, action_, doc_) \
    { .action = AUDIT_##name_, .category = (category_), .name = (action_), .doc = (doc_) },
    AUDIT_ACTIONS
#undef ACTION
};

const struct audit_action_info *
audit_action_info(enum audit_action action)
{
    return &actions[action - 1];
}

const struct audit_action_info *
audit_action_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(actions); i++)
        if (text_eq(actions[i].name, name))
            return &actions[i];
    return NULL;
}

const struct audit_action_info *
audit_action_all(size_t *count)
{
    *count = COUNT(actions);
    return actions;
}

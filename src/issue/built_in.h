/** Built-in templates: what a new installation offers. */
#ifndef ISSUE_BUILT_IN_H
#define ISSUE_BUILT_IN_H

struct built_in_template {
    const char *name, *display_name;
    const char *body; /* JSON by template_body_model */
};
/** Ends with a NULL name. */
extern const struct built_in_template built_in_templates[];

#endif

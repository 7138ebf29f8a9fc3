/** Header: a name and a value, as HTTP carries them. */
#ifndef NET_HEADER_H
#define NET_HEADER_H

struct header {
    const char *name, *value; /* value trimmed; names match in any case */
};

/** The methods that are known by name; of any other only its text is. */
enum http_verb {
    VERB_OTHER,
    VERB_GET,
    VERB_POST,
    VERB_PUT,
    VERB_DELETE,
    VERB_HEAD,
    VERB_OPTIONS,
    VERB_PATCH,
    VERB_COUNT,
};
/** Their names, upper case; that of VERB_OTHER is "other". */
extern const char *const http_verbs[VERB_COUNT];

#endif

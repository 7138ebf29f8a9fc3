/** Header: a name and a value, as HTTP carries them. */
#ifndef NET_HEADER_H
#define NET_HEADER_H

struct header {
    const char *name, *value; /* value trimmed; names match in any case */
};

#endif

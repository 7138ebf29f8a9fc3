/* Loaded before the C library: the system's file of trusted roots is ROOTS. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef FILE *open_fn(const char *path, const char *mode);

static FILE *
open_as(const char *name, const char *path, const char *mode)
{
    open_fn *real = (open_fn *)dlsym(RTLD_NEXT, name);

    return real(strcmp(path, "/etc/ssl/certs/ca-certificates.crt") ? path : ROOTS, mode);
}

FILE *
fopen(const char *path, const char *mode)
{
    return open_as("fopen", path, mode);
}

FILE *
fopen64(const char *path, const char *mode)
{
    return open_as("fopen64", path, mode);
}

/** Fuzz: what the targets share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/** A promise that no input may break; the process dies when one does. */
#define PROMISE(that)                                                          \
    do {                                                                       \
        if (!(that)) {                                                         \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #that); \
            abort();                                                           \
        }                                                                      \
    } while (0)

#endif

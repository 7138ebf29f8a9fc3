/**
 * Alike: names of certificates that are one and the same to who compares them by RFC 5280 section
 * 7.1: letters in any case, blanks in any number and of any width. Any thread.
 */
#ifndef PKI_ALIKE_H
#define PKI_ALIKE_H

#include "base/arena.h"

/**
 * The one way to write all that are the same as TEXT, a distinguished name (RFC 4514) or another
 * name in UTF-8: small letters, one plain blank between words, none beside what separates. The
 * order and number of parts stay as they are. It is text_fold() of what is ASCII and has no blank
 * but single ones between words.
 */
char *name_alike(struct arena *a, const char *text);

#endif

#!/bin/sh
# Each header stands alone, and its comments describe the parameters that it has.
cd "$(dirname "$0")/.."
find src -name '*.h' ! -name 'test_*.h' | sort | xargs -P 2 -n 1 clang-14 -x c -std=gnu17 -fdouble-square-bracket-attributes \
    -D_GNU_SOURCE -Isrc $(pkg-config --cflags-only-I libpq p11-kit-1) -fsyntax-only -Wall -Wextra -Wdocumentation -Werror -Wno-unused-function \
    -Wno-unused-macros -Wno-unused-variable -Wno-pragma-once-outside-header -Wno-empty-translation-unit

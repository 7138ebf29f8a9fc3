/** Test: what every unit test includes. TEST(claim) { ... } registers itself; cmocka runs it. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#undef fail /* cmocka's word for a failed test is ours for a failed call */
#undef fail_msg
#define fail_msg(...)                       \
    do {                                    \
        print_error("ERROR: " __VA_ARGS__); \
        print_error("\n");                  \
        _fail(__FILE__, __LINE__);          \
    } while (0)

#include "base/scope.h"

/** Used by TEST alone. */
void test_register(const char *name, void (*run)(void **));

#define TEST(name)                                 \
    static void name(void **);                     \
    CONSTRUCTOR static void name##_register_(void) \
    {                                              \
        test_register(#name, name);                \
    }                                              \
    static void name(UNUSED void **test_state_)

/** The call succeeds; when it does not, the scope's error is printed. */
#define assert_ok(s, call)                                       \
    do {                                                         \
        enum err assert_err_ = (call);                           \
        if (assert_err_ != OK)                                   \
            fail_msg("%s: %s: %s", #call, err_name(assert_err_), \
                     (s)->error.text ? (s)->error.text : "");    \
    } while (0)
/** The call fails in this way. */
#define assert_err(kind, call)                                                             \
    do {                                                                                   \
        enum err assert_err_ = (call);                                                     \
        if (assert_err_ != (kind))                                                         \
            fail_msg("%s: got %s, want %s", #call, err_name(assert_err_), err_name(kind)); \
    } while (0)
/** The scope's error text contains PART. */
#define assert_says(s, part)                                                                      \
    do {                                                                                          \
        if (!(s)->error.text || !strstr((s)->error.text, (part)))                                 \
            fail_msg("the error says \"%s\", not \"%s\"", (s)->error.text ? (s)->error.text : "", \
                     (part));                                                                     \
    } while (0)

/** The path of a file of the source tree, such as "tests/data/x.pem"; lives until the process ends.
 */
const char *test_source(const char *path);
/** A fresh directory under the system's temporary one, removed with all in it when the process
 * ends. */
const char *test_dir(void);
/** Run COMMAND by the shell; its exit status, -1 when it had none. */
int test_run(const char *command);

#endif

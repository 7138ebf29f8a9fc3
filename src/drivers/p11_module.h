/**
 * PKCS#11 module: a shared library that speaks Cryptoki, loaded once a process, initialised when it
 * is first used and again after its token was lost. Sessions and handles belong to an epoch, which
 * ends with every initialisation. Any thread.
 */
#ifndef DRIVERS_P11_MODULE_H
#define DRIVERS_P11_MODULE_H

#include "base/scope.h"
#include <p11-kit/pkcs11.h>

struct p11_module;

/**
 * Load the library at PATH, or share it when it is loaded already; end with p11_module_close().
 *
 * @return E_NOT_FOUND: there is no such library; E_INVALID: it is no PKCS#11 module
 */
enum err p11_module_open(struct scope *s, const char *path, struct p11_module **out);
void p11_module_close(struct p11_module *m);
const char *p11_module_path(const struct p11_module *m);
/** The module's functions; constant. */
CK_FUNCTION_LIST_PTR p11_functions(const struct p11_module *m);

/**
 * Enter the module, initialising it if need be; end with p11_leave(). Between the two nobody
 * initialises it anew.
 *
 * @param epoch  receives the present epoch: handles of another one are void
 * @return CKR_OK, or why it cannot be initialised
 */
CK_RV p11_enter(struct p11_module *m, uint64_t *epoch);
void p11_leave(struct p11_module *m);
/**
 * Initialise the module anew, unless somebody did since EPOCH: its handles became void, or its
 * token went. Waits for the others inside, at most five seconds. Not from between enter and leave.
 *
 * @return CKR_OK; CKR_CANT_LOCK: the others inside do not come out
 */
CK_RV p11_restart(struct p11_module *m, uint64_t epoch);
/** The name of a return value: "CKR_PIN_INCORRECT". */
const char *p11_rv_name(CK_RV rv);

#endif

/**
 * Device name: names that makers give to devices, as otherName: permanent identifiers (RFC 4043)
 * and hardware modules (RFC 4108). As text they are "SERIAL", "SERIAL/1.2.3.4": who assigned it, or
 * what type of module it is, is an object identifier behind the slash.
 *
 * @see draft-ietf-acme-device-attest sections 3 and 4
 */
#ifndef PKI_DEVICE_NAME_H
#define PKI_DEVICE_NAME_H

#include "pki/name.h"

#define DEVICE_NAME_MAX 256

/** ACME's identifier types for them. */
#define DEVICE_PERMANENT "permanent-identifier"
#define DEVICE_MODULE "hardware-module"
/** Whether TYPE is one of these two. */
bool device_type_is(const char *type);

/** What is wrong with the text of a device name of this TYPE, as a clause; NULL: nothing. */
const char *device_name_fault(struct arena *a, const char *type, const char *text);
/** The otherName of a device name that has no fault. */
struct general_name device_name_make(struct arena *a, const char *type, const char *text);
/**
 * Let the text of the otherName N be that of a device name: "permanentIdentifier:SERIAL". False,
 * and N stays: it is none, or of a form that has no such text.
 */
bool device_name_read(struct arena *a, struct general_name *n);
/** The same of an otherName whose text is all that is known, as requests keep it: type and value
 * follow from it. */
void device_name_restore(struct arena *a, struct general_name *n);
/** Whether N is a device name that was read or made so. */
bool device_name_is(const struct general_name *n);
/** Its type and text, as ACME has them; NULL: it is none. */
const char *device_name_type(const struct general_name *n);
const char *device_name_text(const struct general_name *n);
/** The text without what stands behind the slash. */
const char *device_name_serial(struct arena *a, const char *text);

#endif

/**
 * Attestation: an attestation object, as WebAuthn has them and device-attest-01 sends them, says
 * that a key was made in a device, and which device that is. The formats that are judged: "step"
 * (YubiKey PIV and its like), "apple", "tpm". Nothing is asked of anybody; any thread.
 *
 * @see draft-ietf-acme-device-attest section 5; WebAuthn Level 2 sections 6.5.4 and 8
 */
#ifndef PROOF_ATTEST_H
#define PROOF_ATTEST_H

#include "pki/cert.h"

/** What an object must say. */
struct attest_question {
    struct bytes object;           /* CBOR */
    const char *token;             /* of the challenge */
    const char *key_authorization; /* token "." thumbprint */
    const struct list *formats;    /* of const char *: that are taken */
    const struct list *roots;      /* of struct bytes: certificates that are trusted */
    struct when now;
};
/** A name of the device, as ACME's identifiers have it. */
struct attest_name {
    const char *type, *value;
};
/** What it says. */
struct attested {
    const char *format;
    struct list names; /* of struct attest_name */
    struct pubkey key; /* that is in the device */
    struct bytes root; /* of the roots, the one that its certificates lead to */
    const char *maker; /* the subject of the certificate that is trusted by its issuers, or "" */
};

/** Whether there is such a format. */
bool attest_format_known(const char *format);
/** Their names, with commas between. */
const char *attest_formats(struct arena *a);
/**
 * Judge an object. OUT points into it, and into s->arena.
 *
 * @return E_INVALID, E_LIMIT, with what is wrong, for the client
 */
enum err attest_judge(struct scope *s, const struct attest_question *q, struct attested *out);

/** The SHA-256 of a root, in hex: how the report of a proof tells it. */
const char *attest_root_mark(struct arena *a, struct bytes root);
/**
 * Whether the attestation that REPORT tells of (proof_report.steps; NULL: none) would count where
 * these FORMATS are taken and these ROOTS are trusted: its format and its root are among them.
 */
bool attest_still_holds(struct scope *s, const char *report, const struct list *formats,
                        const struct list *roots);

#endif

/**
 * OCSP ahead: answers signed before anybody asks, for authorities that want it. They lie in the
 * database, for all servers, and are signed anew at half of their life; one is given only while the
 * register says what it says. Any thread.
 *
 * @see ca-core.md section 11.4
 */
#ifndef CA_OCSP_AHEAD_H
#define CA_OCSP_AHEAD_H

#include "ca/office_in.h"

/** What is asked about one certificate of ours, and what the register says. */
struct ocsp_question {
    const struct ocsp_cert_id *id;
    int64_t certificate; /* 0: none */
    const struct ocsp_single *single;
};
/**
 * The stored answer to Q.
 *
 * @param out  receives it, without lines; .until is when it is too old to be given
 * @return E_NOT_FOUND: none, or it says something else, or is too old
 */
enum err ocsp_ahead_find(struct scope *s, struct ca_office *office, const struct ca_key *key,
                         const struct ocsp_question *q, struct ocsp_kept *out);

/** For the files of this folder: sign PLAN by the responder of KEY. */
enum err ocsp_sign(struct scope *s, const struct ca_responder *r, const struct ocsp_plan *plan,
                   struct bytes *der);
/** How long an answer of this office lives. */
int64_t ocsp_life_ms(const struct ca_office *office);

#endif

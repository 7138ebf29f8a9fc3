/** Codes: every error that a user can meet has a number that never changes. `chancery help
 * CHY-0412` prints it. */
#ifndef BASE_CODES_H
#define BASE_CODES_H

/*
 * CODE(number, NAME, "what it means", "what to do about it"). A folder's codes stand together under
 * its name; numbers are never used again.
 */
#define CODES                                                                                      \
    /* base, codec: 01xx */                                                                        \
    CODE(101, BAD_JSON, "The body is not well-formed JSON.",                                       \
         "Mend it at the line and column named.")                                                  \
    CODE(102, BAD_TYPE, "A value has the wrong type.", "Send the type that the field asks for.")   \
    CODE(103, MISSING, "A required value is missing.", "Send it.")                                 \
    CODE(104, BAD_VALUE, "A value is outside what the field allows.", "See the reason named.")     \
    CODE(105, UNKNOWN_FIELD, "There is no such field.", "Check the spelling.")                     \
    CODE(106, TOO_LARGE, "The input is larger than allowed.", "Send less at once.")                \
    CODE(107, BAD_TEXT, "Text holds a NUL or is not UTF-8.", "Send valid UTF-8.")                  \
    /* settings: 02xx */                                                                           \
    CODE(201, BAD_SETTINGS, "The settings cannot be read.", "Mend the file at the line named.")    \
    CODE(202, UNKNOWN_SETTING, "There is no such setting.",                                        \
         "Check the spelling: `chancery config show`.")                                            \
    /* net: 03xx */                                                                                \
    CODE(301, BAD_REQUEST, "The HTTP request is malformed or ambiguous.",                          \
         "Use a conforming client.")                                                               \
    CODE(302, NO_ROUTE, "There is no such path.", "Check the path.")                               \
    CODE(303, BAD_METHOD, "The path does not know this method.",                                   \
         "Use one of the methods in Allow.")                                                       \
    CODE(304, NOT_YET, "This operation is not offered by this server.",                            \
         "Use another, or a newer server.")                                                        \
    CODE(305, OVERLOADED, "The server has too much to do.", "Try again after the time named.")     \
    CODE(306, PEER_FAILED, "Another system did not answer as it should.", "Look at that system.")  \
    CODE(307, RATE_LIMITED, "Too many calls.", "Wait for the time named in Retry-After.")          \
    /* db: 04xx */                                                                                 \
    CODE(401, DB_UNAVAILABLE, "The database cannot be reached.", "Look at the database.")          \
    CODE(402, DB_NEWER, "The database was written by a newer program.", "Run that program.")       \
    CODE(412, VERSION_CHANGED, "The object changed since it was read.", "Read it again.")          \
    /* seal: 05xx */                                                                               \
    CODE(501, NO_MASTER_KEY, "The master key cannot be read.",                                     \
         "Restore the file, or its mode 0600.")                                                    \
    CODE(502, BAD_SECRET_REF, "A reference to a secret cannot be resolved.",                       \
         "Check the reference.")                                                                   \
    /* pki: 06xx */                                                                                \
    CODE(601, BAD_DER, "The data is not strict DER.", "Encode it anew with a conforming tool.")    \
    CODE(602, BAD_CSR, "The certificate request is malformed.", "Make a new PKCS#10 request.")     \
    CODE(603, BAD_POP, "The request's signature does not match its key.",                          \
         "Sign it with its own key.")                                                              \
    CODE(604, WEAK_KEY, "The key is too weak.",                                                    \
         "Make a new key of a type that the template allows.")                                     \
    CODE(605, BLOCKED_KEY, "The key is known to be compromised.", "Make a new key.")               \
    CODE(606, BAD_CERT, "The certificate is malformed.", "Check where it came from.")              \
    /* access: 10xx */                                                                             \
    CODE(1001, BAD_LOGIN, "The credentials are wrong.", "Check name and password.")                \
    CODE(1002, BAD_TOKEN, "The token is expired, malformed or not ours.", "Log in again.")         \
    CODE(1003, LOCKED_OUT, "Too many wrong passwords.", "Wait, or ask an administrator.")          \
    CODE(1004, NOT_PERMITTED, "The caller lacks a permission.", "Ask an administrator for it.")    \
    CODE(1005, SWITCHED_OFF, "An administrator switched it off.",                                  \
         "PUT /KeyfactorAPI/SystemSettings switches it on again.")                                 \
    /* face: 11xx */                                                                               \
    CODE(1101, NOT_FOUND, "There is no such object.", "Check its name or id.")                     \
    CODE(1102, CONFLICT, "It exists already, or is in use.", "Look at what is there.")             \
    CODE(1103, INTERNAL, "The server failed.", "Tell the operator the request's id.")              \
    CODE(1104, TIMED_OUT, "It took longer than allowed.", "Try again.")                            \
    CODE(1105, UNAVAILABLE, "A part of the server is away.", "Try again after the time named.")    \
    CODE(1106, KEY_USED, "The idempotency key was used for another request.", "Take a new key.")   \
    CODE(1107, STILL_RUNNING, "The first request with this key is not finished.", "Try later.")    \
    /* catalog: 12xx */                                                                            \
    CODE(1201, BAD_QUERY, "The search query cannot be understood.",                                \
         "Mend it at the position named.")                                                         \
    CODE(1202, QUERY_FIELD, "The query names an unknown field.", "See `chancery help query`.")     \
    CODE(1203, NO_CERT, "There is no such certificate.", "Check the id.")                          \
    CODE(1204, METADATA_REQUIRED, "A metadata field that every request names is missing.",         \
         "Send a value for it: `chancery metadata list`.")                                         \
    CODE(1205, NO_ORDER, "The register has no order by that field.", "Sort by another field.")     \
    /* issue: 21xx */                                                                              \
    CODE(2101, NO_TEMPLATE, "There is no such template.", "See `chancery templates list`.")        \
    CODE(2102, TEMPLATE_FORBIDDEN, "The caller may not use this template.",                        \
         "Ask an administrator.")                                                                  \
    CODE(2103, KEY_NOT_ALLOWED, "The template does not allow this key.",                           \
         "Use a key type it allows.")                                                              \
    CODE(2104, NAME_NOT_ALLOWED, "The template does not allow this name.",                         \
         "See `chancery templates show`.")                                                         \
    CODE(2105, BAD_NAME, "A name is malformed.", "Correct it.")                                    \
    CODE(2106, TOO_MANY_NAMES, "The request holds too many names.", "Split it.")                   \
    CODE(2107, EXTENSION_FORBIDDEN,                                                                \
         "The request asks for an extension that may not be asked for.", "Leave it out.")          \
    CODE(2108, BAD_VALIDITY, "The validity asked for is not allowed.", "Ask for less.")            \
    CODE(2109, LINT_FAILED, "The certificate would break a rule.", "See the findings.")            \
    CODE(2110, KEY_REUSED, "The key is in use for another subject.", "Make a new key.")            \
    CODE(2111, TOO_MANY_ACTIVE,                                                                    \
         "There are as many good certificates of this subject as the template allows at once.",    \
         "Revoke one, or renew it.")                                                               \
    /* ca: 22xx */                                                                                 \
    CODE(2201, NO_CA, "There is no such certificate authority.", "See `chancery ca list`.")        \
    CODE(2202, CA_OFFLINE, "The certificate authority is switched off.", "Switch it on, or wait.") \
    CODE(2203, SIGNER_FAILED, "The CA's key cannot be used.", "Look at the key store.")            \
    /* flow: 23xx */                                                                               \
    CODE(2301, BAD_REASON, "The revocation reason is not allowed.", "Use 0, 1, 3, 4, 5 or 6.")     \
    CODE(2302, WRONG_STATE, "The certificate is in a state that does not allow this.",             \
         "Check its state.")                                                                       \
    CODE(2303, NO_KEY, "The private key of the certificate is not kept here.",                     \
         "Ask whoever made the key.")                                                              \
    CODE(2304, KEY_NOT_EXPORTABLE, "The template keeps the private key from being handed out.",    \
         "Enroll anew by a template that allows it.")                                              \
    CODE(2305, NO_SERVER_KEYS, "Keys are not made on the server here.",                            \
         "Send a request of your own.")                                                            \
    CODE(2306, WEAK_PASSWORD, "The password is too short.", "Take a longer one.")                  \
    CODE(2307, NOT_RENEWABLE, "The certificate cannot be renewed this way.",                       \
         "See the reason named.")                                                                  \
    CODE(2308, OWN_REQUEST, "Nobody approves their own request.",                                  \
         "Ask somebody else who may approve it.")                                                  \
    CODE(2309, REQUEST_DENIED, "The request was denied.", "Ask anew for what the reason allows.")  \
    CODE(2310, RECOVERY_WAITS, "A second person has to agree to the recovery first.",              \
         "Ask again once it is approved.")                                                         \
    /* backup: 24xx */                                                                             \
    CODE(2401, BACKUP_DAMAGED, "The backup is not what was written.",                              \
         "Take another: `chancery backup list`.")                                                  \
    CODE(2402, NOT_EMPTY, "There is an installation already.",                                     \
         "Restore into an empty place, or stop the server and say --force.")                       \
    CODE(2403, HALF_RESTORED, "A restore did not finish.", "Run `chancery restore` again.")        \
    CODE(2404, WRONG_MASTER_KEY, "The master key is not that of the backup.",                      \
         "Find the key whose id is named.")                                                        \
    /* cli: 40xx */                                                                                \
    CODE(4001, USAGE, "The command line is wrong.", "See --help.")                                 \
    CODE(4002, UNREACHABLE, "The server cannot be reached.", "Check --server and the network.")

enum code {
    CHY_NONE = 0,
#define CODE(number, name, meaning, advice) CHY_##name = number,
    CODES
#undef CODE
};

/** A row of the table. */
struct code_info {
    enum code code;
    const char *name, *meaning, *advice;
};
/** NULL for a number that is not in the table. */
const struct code_info *code_info(int number);
/** All rows; *COUNT receives how many. */
const struct code_info *code_all(unsigned *count);

#endif

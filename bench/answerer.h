/** Answerer: the DNS server at which every name is at 127.0.0.1, and the web server that answers
 * http-01 challenges. Any thread. */
#ifndef BENCH_ANSWERER_H
#define BENCH_ANSWERER_H

/** Answer from two threads until the program ends, on these ports of 127.0.0.1; ends the program
 * when one is taken. */
void answerer_start(int dns_port, int http_port);
/** TOKEN will be asked for; it was given to the account whose key has this THUMBPRINT. */
void answerer_expect(const char *token, const char *thumbprint);
/** No token of before will be asked for any more. */
void answerer_forget(void);

#endif

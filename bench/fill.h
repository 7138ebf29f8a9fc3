/** Fill: a register of many certificates, written straight into the database of a server. */
#ifndef BENCH_FILL_H
#define BENCH_FILL_H

#include "db/db.h"

/**
 * Add certificates until the register has SIZE, all as one that is there but for names, serial
 * number, hashes, dates, state and what is noted: common names `host-0000017.dept-17.example.com`,
 * two names each, four templates of which the first has half, one in fifty revoked, one in twenty
 * expired, all others expiring within two years, the metadata fields Owner (500 values) and Ticket
 * (all differ). Ends the program when it fails.
 */
void fill_register(struct scope *s, const char *url, int64_t size);

#endif

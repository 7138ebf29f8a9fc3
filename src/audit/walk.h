/** Walk: follow one chain, event by event, and stop at the first that does not fit. */
#ifndef AUDIT_WALK_H
#define AUDIT_WALK_H

#include "audit/merkle.h"
#include "audit/signed.h"
#include "audit/verify.h"

#define BREAKS_MAX 100

/** What the row of an event says beside its text; NULL in exports. */
struct walk_columns {
    struct when at;
    const char *id, *category, *action, *outcome, *actor_name, *target_type, *target_id;
};

struct walk {
    struct scope *s;
    struct audit_report *report;
    struct list *keys; /* of struct keyring_key: who may sign checkpoints */
    int64_t lane;
    int64_t begins; /* the number that the chain begins with here; 0: any, it is a part */
    int64_t first;  /* the number of the first event met; 0: none yet */
    int64_t next;   /* the number that comes next; 0: whichever the first has, its link unchecked */
    uint8_t prev[AUDIT_HASH_LEN];
    struct buf before;        /* the text of the event before */
    struct audit_break *open; /* waits for the event after it */
    bool broken;
    struct list intervals; /* of struct interval, by from, then to */
    struct merkle **trees; /* as many; those that are under way */
    struct merkle *spare;
    size_t first_open, next_interval;
};

/** Begin with chain LANE; INTERVALS are its checkpoints in order. */
void walk_begin(struct walk *w, int64_t lane, const struct list *intervals);
/** The next event. Returns false when there is no need for more. */
bool walk_event(struct walk *w, int64_t seq, struct bytes text, struct bytes hash,
                const struct walk_columns *columns);
/** The chain's end: HEAD_SEQ and HEAD_HASH are what its head says; HEAD_SEQ -1: there is no head to
 * ask. */
void walk_end(struct walk *w, int64_t head_seq, struct bytes head_hash);
/** Begin behind what was removed up to the event BEGINS - 1, which had the hash PREV; after
 * walk_begin(). */
void walk_behind(struct walk *w, int64_t begins, const uint8_t prev[AUDIT_HASH_LEN]);
/** The chain cannot be followed at all, from SEQ on. */
void walk_fault(struct walk *w, int64_t seq, const char *reason);
/** A checkpoint over FROM to TO was made, says an event somewhere, but it is not there. */
void walk_missing(struct walk *w, int64_t from, int64_t to);
/** Release what the walk itself holds. */
void walk_done(struct walk *w);

#endif

/**
 * Queue: writes that wait for a lane, in order of arrival, but one of many rows behind those that
 * somebody waits for. Callers put and wait; lanes take and answer. Any thread.
 */
#ifndef DB_QUEUE_H
#define DB_QUEUE_H

#include "db/db.h"

#include <pthread.h>
#include <semaphore.h>

struct tx;

/** One write, on the stack of the caller, who is blocked until it is answered: a lane may use its
 * scope. */
struct write {
    struct scope *scope;
    enum err (*run)(struct scope *s, struct tx *tx, void *arg);
    void *arg;
    db_then *then;        /* or NULL */
    struct list problems; /* of the scope, before the first try */
    enum err result;
    bool bulk;  /* one of many rows: others go before it */
    bool taken; /* by a lane: too late to leave */
    sem_t answered;
    int64_t since_us;
    struct write *next, *prev;
};

struct line {
    struct write *first, *last;
};

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t added;
    struct line one, bulk;
    bool bulk_was_late; /* and went first: now it is another's turn */
    bool bulk_held, nudged;
    size_t depth;
    bool closed;
};

void queue_init(struct queue *q);
void queue_done(struct queue *q);
/** Put W in the queue and wait for its answer; while no lane has taken it, the scope's deadline
 * holds. */
enum err queue_pass(struct queue *q, struct write *w);
/**
 * The next write, or NULL when none came within WAIT_MS (0 does not wait), when somebody nudged, or
 * the queue is closed and empty.
 */
struct write *queue_take(struct queue *q, int64_t wait_ms);
/** While they are held, nobody takes writes of many rows, unless the queue is closed. */
void queue_hold_bulk(struct queue *q, bool hold);
/** Whoever waits for a write has something else to look at. */
void queue_nudge(struct queue *q);
/** Tell the caller of W; W is gone after that. */
void queue_answer(struct write *w, enum err result);
/** Accept no more. */
void queue_close(struct queue *q);
/** Closed, and all that was accepted is taken? */
bool queue_ended(struct queue *q);
/** Writes that wait in all queues of the process. */
double queue_depth(void);

#endif

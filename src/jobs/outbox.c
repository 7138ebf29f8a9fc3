#include "jobs/outbox.h"

SQL(next_seq, "INSERT INTO event_stream (lane, seq) VALUES ($1, 1) "
              "ON CONFLICT (lane) DO UPDATE SET seq = event_stream.seq + 1");
SQL(add_event, "INSERT INTO event (lane, seq, ts, kind, object, detail) "
               "SELECT lane, seq, $2, $3, $4, $5 FROM event_stream WHERE lane = $1");

enum err
outbox_add(struct scope *s, struct tx *tx, const char *kind, int64_t object, const char *detail)
{
    int64_t lane = tx_lane(tx);

    TRY(tx_do(s, tx, &next_seq, BIND(v_int(lane))));
    return tx_do(
        s, tx, &add_event,
        BIND(v_int(lane), v_when(clock_now()), v_text(kind), v_int(object), v_text(detail)));
}

/* How far a follower has read one lane. */
struct position {
    int64_t lane, seq;
};

struct outbox_reader {
    struct arena *arena;
    struct list positions; /* of struct position */
};

SQL(stream_ends, "SELECT lane, seq FROM event_stream ORDER BY lane");
SQL(lane_events, "SELECT lane, seq, ts, kind, object, detail FROM event "
                 "WHERE lane = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT 1000");

enum err
outbox_follow(struct scope *s, struct db *db, struct outbox_reader **out)
{
    AUTO(outbox_reader_free) struct outbox_reader *f = NULL;
    struct arena *a;
    struct rows ends;

    TRY(db_all(s, db, &stream_ends, BIND_NONE, &ends));
    a = arena_new();
    f = arena_new_of(a, struct outbox_reader);
    f->arena = a;
    for (size_t i = 0; i < ends.count; i++) {
        int64_t lane = row_int(&ends.at[i]);

        list_add(a, &f->positions, struct position,
                 ((struct position){ lane, row_int(&ends.at[i]) }));
    }
    *out = f;
    f = NULL;
    return OK;
}

void
outbox_reader_free(struct outbox_reader *f)
{
    if (f)
        arena_free(f->arena);
}

static struct position *
position_of(struct outbox_reader *f, int64_t lane)
{
    LIST_EACH(struct position, p, &f->positions)
    if (p->lane == lane)
        return p;
    list_add(f->arena, &f->positions, struct position, ((struct position){ lane, 0 }));
    return list_last(&f->positions, struct position);
}

enum err
outbox_next(struct scope *s, struct db *db, struct outbox_reader *f, struct list *out)
{
    struct rows ends, events;

    *out = (struct list){ 0 };
    TRY(db_all(s, db, &stream_ends, BIND_NONE, &ends));
    for (size_t i = 0; i < ends.count; i++) {
        int64_t lane = row_int(&ends.at[i]), end = row_int(&ends.at[i]);
        struct position *p = position_of(f, lane);

        while (p->seq < end) {
            TRY(db_all(s, db, &lane_events, BIND(v_int(lane), v_int(p->seq), v_int(end)), &events));
            for (size_t e = 0; e < events.count; e++) {
                struct row *row = &events.at[e];
                struct outbox_event *ev = list_push(s->arena, out, struct outbox_event);

                ev->lane = row_int(row);
                ev->seq = row_int(row);
                ev->at = row_when(row);
                ev->kind = row_text(row);
                ev->object = row_int(row);
                ev->detail = row_text(row);
                p->seq = ev->seq;
            }
            if (events.count == 0)
                p->seq = end; /* removed by a clean-up */
        }
    }
    return OK;
}

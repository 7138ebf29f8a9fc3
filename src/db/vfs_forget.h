/**
 * A SQLite VFS for tests, named "forget": what was written reaches the file only when it is synced,
 * so that killing the process loses all that a power failure could. One process at a time uses such
 * a file. Only in builds with faults. Crash points: db.in_checkpoint, db.after_wal_sync,
 * db.torn_sync; failures: db.disk_full, db.io_error, db.sync_error,
 * db.checkpoint_error.
 */
#ifndef DB_VFS_FORGET_H
#define DB_VFS_FORGET_H

#include "base/macros.h"

#ifdef CHANCERY_FAULTS
/** Make the VFS known; SQLite is initialised, and this is called once. */
void vfs_forget_register(void);
#endif

#endif

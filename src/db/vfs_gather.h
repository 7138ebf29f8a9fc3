/**
 * A SQLite VFS that gathers what is written to the write-ahead log, frame after frame in small
 * pieces, into few large writes before the next sync. Nobody misses it: other connections read only
 * frames of finished commits, and those are synced. All other files go straight to the VFS
 * underneath.
 */
#ifndef DB_VFS_GATHER_H
#define DB_VFS_GATHER_H

/**
 * The name of a VFS that gathers above the one named BELOW (NULL: the system's), made when it is
 * first asked for. SQLite is initialised. Any thread.
 */
const char *vfs_gather(const char *below);

#endif

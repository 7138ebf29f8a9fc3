/** Upkeep: the jobs that keep the tables from growing for ever and the installation from being
 * lost; for the files of this folder. */
#ifndef SERVER_UPKEEP_H
#define SERVER_UPKEEP_H

#include "jobs/jobs.h"

struct parts;

/** Export and remove audit events that were kept long enough. */
extern const struct job_kind audit_retain_kind;

/** Make a backup when the newest is old enough, and remove those that are kept no longer, with the
 * log of signatures from before. */
extern const struct job_kind backup_kind;
#define BACKUP_JOB "backup.create"
/** Copy the database's log from now on, if the settings say so. */
enum err upkeep_ship(struct scope *s, struct parts *p);

/** Move certificates that expired long ago to the archive. */
extern const struct job_kind archive_kind;
/** Issue what was approved and not issued with its approval. */
extern const struct job_kind request_issue_kind;
/** Deny what waited too long for an approval. */
extern const struct job_kind requests_expire_kind;
/** Remove jobs that ended long ago, and the like. */
extern const struct job_kind jobs_cleanup_kind;

#endif

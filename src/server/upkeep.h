/** Upkeep: the jobs that keep the tables from growing for ever; for the files of this folder. */
#ifndef SERVER_UPKEEP_H
#define SERVER_UPKEEP_H

#include "jobs/jobs.h"

/** Export and remove audit events that were kept long enough. */
extern const struct job_kind audit_retain_kind;

#endif

/* Gauges that are asked for when somebody scrapes: the process and the totals of the register. */
#include "server/parts.h"

#include "base/metric.h"
#include "catalog/catalog.h"
#include "flow/approve.h"
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static double
resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%*d %ld", &pages) != 1) /* NOLINT(cert-err34-c): the kernel's own digits */
        pages = 0;
    if (f)
        (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double
cpu_seconds(void)
{
    struct rusage r;

    (void)getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static double
open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double count = -3; /* itself, . and .. */

    while (dir && readdir(dir))
        count++;
    if (dir)
        (void)closedir(dir);
    return MAX(count, 0.0);
}

GAUGE(rss, "process_resident_memory_bytes", "Resident memory.", NULL);
GAUGE(cpu, "process_cpu_seconds_total", "CPU time, user and system.", NULL);
GAUGE(fds, "process_open_fds", "Open files.", NULL);
GAUGE(certificates, "chancery_certificates", "Certificates in the register.", "state");
GAUGE(pending, "chancery_enrollment_pending", "Requests that wait.", "reason");

CONSTRUCTOR static void
ask(void)
{
    rss.ask = resident;
    cpu.ask = cpu_seconds;
    fds.ask = open_files;
    cpu.kind = METRIC_COUNTER;
}

enum err
gauges_refresh(struct scope *s, struct db *db)
{
    static const struct {
        const char *name;
        enum cert_state state;
    } states[] = { { "active", CERT_ACTIVE }, { "revoked", CERT_REVOKED }, { "ca", CERT_CA } };
    int64_t approval, authority;

    for (size_t i = 0; i < COUNT(states); i++) {
        int64_t count;

        TRY(counter_get(s, db, "state", (int64_t)states[i].state, &count));
        metric_set(&certificates, (double)count, states[i].name);
    }
    TRY(flow_requests_waiting(s, db, &approval, &authority));
    metric_set(&pending, (double)approval, "approval");
    metric_set(&pending, (double)authority, "ca");
    return OK;
}

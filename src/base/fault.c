#include "base/fault.h"

#ifdef CHANCERY_FAULTS
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One switch of the form name or name:n, read once from the environment. */
struct fault_switch {
    const char *variable;
    char name[64];
    int at; /* the passing that counts; 0: each */
    _Atomic int passed;
};

static struct fault_switch crash = { .variable = "CHANCERY_CRASH_AT" };
static struct fault_switch failing = { .variable = "CHANCERY_FAIL_AT" };

static void
read_switch(struct fault_switch *f)
{
    const char *told = getenv(f->variable), *colon = told ? strchr(told, ':') : NULL;
    size_t len = colon ? (size_t)(colon - told) : told ? strlen(told) : 0;

    if (len == 0 || len >= sizeof(f->name))
        return;
    memcpy(f->name, told, len);
    f->at = colon ? atoi(colon + 1) : 1; /* NOLINT(cert-err34-c): a test's own switch */
}

CONSTRUCTOR static void
read_switches(void)
{
    read_switch(&crash);
    read_switch(&failing);
}

static bool
hit(struct fault_switch *f, const char *name)
{
    if (!f->name[0] || strcmp(f->name, name))
        return false;
    return f->at == 0 || atomic_fetch_add(&f->passed, 1) + 1 == f->at;
}

void
crash_point(const char *name)
{
    if (hit(&crash, name)) {
        (void)dprintf(STDERR_FILENO, "crash point %s\n", name);
        (void)kill(getpid(), SIGKILL);
        pause();
    }
}

bool
fault_fails(const char *name)
{
    return hit(&failing, name);
}

const char *
fault_env(const char *name)
{
    return getenv(name);
}
#endif

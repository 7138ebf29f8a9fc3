#include "net/notify.h"

#include "base/when.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 2048

/* Written by notify_start() before there are threads, read by all after. */
static int sock = -1;
static struct sockaddr_un manager;
static socklen_t manager_len;
static int64_t watchdog_ms;

/** The manager's address: a path, or a name of the abstract name space after `@`. */
static bool
read_address(const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (len < 2 || (text[0] != '/' && text[0] != '@') || len >= sizeof(manager.sun_path))
        return false;
    memset(&manager, 0, sizeof(manager));
    manager.sun_family = AF_UNIX;
    memcpy(manager.sun_path, text, len);
    if (text[0] == '@')
        manager.sun_path[0] = 0;
    manager_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
                              (text[0] == '/' ? 1 : 0)); /* abstract names have no end byte */
    return true;
}

/** WATCHDOG_USEC counts when WATCHDOG_PID is ours or absent. */
static int64_t
read_watchdog(const char *usec, const char *pid)
{
    int64_t us, whose;

    if (!usec || !text_to_int(usec, &us) || us <= 0)
        return 0;
    if (pid && (!text_to_int(pid, &whose) || whose != getpid()))
        return 0;
    return MAX(us / 2000, 1);
}

bool
notify_start(void)
{
    if (sock >= 0)
        (void)close(sock);
    sock = -1;
    watchdog_ms = 0;
    if (read_address(getenv("NOTIFY_SOCKET")))
        sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock >= 0)
        watchdog_ms = read_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    return sock >= 0;
}

/** A manager that does not listen is no reason to fail or to wait. */
static void
tell(const char *message)
{
    ssize_t sent;

    if (sock < 0)
        return;
    do {
        sent = sendto(sock, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT,
                      (const struct sockaddr *)&manager, manager_len);
    } while (sent < 0 && errno == EINTR);
}

void
notify_ready(void)
{
    tell("READY=1");
}

void
notify_reloading(void)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)clock_mono_us());
    tell(text);
}

void
notify_stopping(void)
{
    tell("STOPPING=1");
}

void
notify_status(const char *format, ...)
{
    char text[MESSAGE_MAX] = "STATUS=";
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text + 7, sizeof(text) - 7, format, args);
    va_end(args);
    text[7 + strcspn(text + 7, "\r\n")] = 0; /* a second line would be a command of its own */
    tell(text);
}

void
notify_alive(void)
{
    tell("WATCHDOG=1");
}

void
notify_extend_ms(int64_t ms)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%lld", (long long)ms * 1000);
    tell(text);
}

int64_t
notify_watchdog_ms(void)
{
    return watchdog_ms;
}

/** Notify: tell the service manager how we are, as systemd's sd_notify(3) does. Any thread. */
#ifndef NET_NOTIFY_H
#define NET_NOTIFY_H

#include "base/scope.h"

/**
 * Remember the service manager's socket and take NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out
 * of what child processes inherit. Call once at start, before there are threads.
 *
 * @return true when somebody listens; all functions do nothing otherwise
 */
bool notify_start(void);

/** The service answers requests. */
void notify_ready(void);
/** A reload begins (with the time that systemd's Type=notify-reload wants); notify_ready() ends it.
 */
void notify_reloading(void);
/** The service is going down. */
void notify_stopping(void);
/** One line for `systemctl status`. */
void notify_status(const char *format, ...) LIKE_PRINTF(1, 2);
/** Still alive: call it at least as often as notify_watchdog_ms() says. */
void notify_alive(void);
/** Ask for MS milliseconds more before a start, reload or stop counts as hung. */
void notify_extend_ms(int64_t ms);

/** Half of the time after which the manager gives us up, in milliseconds; 0 when it has no watchdog
 * for us. */
int64_t notify_watchdog_ms(void);

#endif

#include "base/test.h"
#include "net/notify.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/** A service manager's socket; NAME begins with `/`, or with `@` for the abstract name space. */
static int
listen_at(const char *name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

    assert_true(fd >= 0);
    memcpy(at.sun_path, name, strlen(name));
    if (name[0] == '@')
        at.sun_path[0] = 0;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len + (name[0] == '/')), 0);
    return fd;
}

static const char *
heard(int fd)
{
    static char text[4096];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ssize_t n;

    if (poll(&p, 1, 1000) != 1)
        return "(nothing)";
    n = recv(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static void
set(const char *name, const char *value)
{
    if (value)
        assert_int_equal(setenv(name, value, 1), 0);
    else
        assert_int_equal(unsetenv(name), 0);
}

TEST(the_service_manager_hears_of_start_reload_stop_and_life)
{
    AUTO(arena_free) struct arena *a = arena_new();
    const char *names[] = { arena_printf(a, "%s/notify", test_dir()),
                            arena_printf(a, "@chancery-test-%d", (int)getpid()) };

    for (size_t i = 0; i < COUNT(names); i++) {
        int fd = listen_at(names[i]);

        set("NOTIFY_SOCKET", names[i]);
        assert_true(notify_start());
        assert_null(getenv("NOTIFY_SOCKET")); /* children must not speak for us */
        notify_status("issued %d certificates\nREADY=1", 7);
        assert_string_equal(heard(fd), "STATUS=issued 7 certificates");
        notify_ready();
        assert_string_equal(heard(fd), "READY=1");
        notify_reloading();
        assert_true(text_starts(heard(fd), "RELOADING=1\nMONOTONIC_USEC="));
        notify_alive();
        assert_string_equal(heard(fd), "WATCHDOG=1");
        notify_extend_ms(1500);
        assert_string_equal(heard(fd), "EXTEND_TIMEOUT_USEC=1500000");
        notify_stopping();
        assert_string_equal(heard(fd), "STOPPING=1");
        (void)close(fd);
        notify_ready(); /* nobody listens any more: no harm */
    }
}

TEST(without_a_service_manager_nothing_happens)
{
    static const char *const names[] = { NULL, "", "/", "relative/path", "vsock:2:1234" };
    char *too_long;
    AUTO(arena_free) struct arena *a = arena_new();

    for (size_t i = 0; i < COUNT(names); i++) {
        set("NOTIFY_SOCKET", names[i]);
        set("WATCHDOG_USEC", "30000000");
        assert_false(notify_start());
        assert_int_equal(notify_watchdog_ms(), 0);
        notify_ready();
        notify_status("x");
    }
    too_long = arena_alloc(a, 200);
    memset(too_long, '/', 199);
    set("NOTIFY_SOCKET", too_long);
    assert_false(notify_start());
}

TEST(the_watchdog_is_fed_at_half_its_time_when_it_is_ours)
{
    AUTO(arena_free) struct arena *a = arena_new();
    const char *us = arena_printf(a, "%d", (int)getpid());
    const struct {
        const char *usec, *pid;
        int64_t want;
    } cases[] = {
        { "30000000", us, 15000 },
        { "30000000", NULL, 15000 },
        { "30000000", "1", 0 },
        { "1", us, 1 },
        { "0", us, 0 },
        { "-5", us, 0 },
        { "soon", us, 0 },
        { NULL, us, 0 },
        { "30000000", "x", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        set("NOTIFY_SOCKET", "@chancery-nobody");
        set("WATCHDOG_USEC", cases[i].usec);
        set("WATCHDOG_PID", cases[i].pid);
        assert_true(notify_start());
        assert_int_equal(notify_watchdog_ms(), cases[i].want);
        assert_null(getenv("WATCHDOG_USEC"));
    }
    (void)notify_start(); /* and forget the socket */
}

#include "bare.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct bytes fixed;

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
    struct event *ev = *(struct event **)arg;
    char room[16384];

    (void)what;
    if (recv(fd, room, sizeof(room), 0) <= 0) {
        event_free(ev);
        free(arg);
        close(fd);
    } else if (send(fd, fixed.data, fixed.len, MSG_NOSIGNAL) < 0) {
        perror("send");
    }
}

static void
on_accept(evutil_socket_t listener, short what, void *base)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    struct event **self;

    (void)what;
    if (fd < 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    self = malloc(sizeof(struct event *));
    *self = event_new(base, fd, EV_READ | EV_PERSIST, on_read, self);
    (void)event_add(*self, NULL);
}

int
bare_start(struct bytes answer, int *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), pid;
    struct event_base *base;
    struct event *accepting;

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0 || (pid = fork()) < 0) {
        perror("a bare server");
        exit(1);
    }
    *port = ntohs(at.sin_port);
    if (pid > 0) {
        close(fd);
        return pid;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    fixed = answer;
    base = event_base_new();
    accepting = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, base);
    (void)event_add(accepting, NULL);
    (void)event_base_dispatch(base);
    _exit(0);
}

int
bare_free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        perror("a free port");
        exit(1);
    }
    close(fd);
    return ntohs(at.sin_port);
}

/** The program: everything it does is a command of cli/. */
#include "base/secret.h"
#include "cli/cli.h"

#include <fcntl.h>
#include <unistd.h>

/* A standard stream that was closed would be the next file that is opened; held by one that cannot
 * be used its way, what is written there fails. */
static void
hold_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_PATH);
    while (fd >= STDIN_FILENO && fd <= STDERR_FILENO);
    if (fd >= 0)
        (void)close(fd);
}

int
main(int argc, char **argv)
{
    hold_streams();
    secret_guard();
    return cli_main(argc, argv);
}

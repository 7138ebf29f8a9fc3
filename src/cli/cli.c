#include "cli/cli.h"

#include "server/server.h"
#include <stdio.h>
#include <string.h>

int
cli_main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "version")) {
        puts("chancery 0.1.0");
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "serve"))
        return server_serve(argc - 2, argv + 2);
    if (argc > 1 && !strcmp(argv[1], "init"))
        return server_init(argc - 2, argv + 2);
    fputs("usage: chancery COMMAND\n", stderr);
    return 2;
}

#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

int
cli_main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "version")) {
        puts("chancery 0.1.0");
        return 0;
    }
    fputs("usage: chancery COMMAND\n", stderr);
    return 2;
}

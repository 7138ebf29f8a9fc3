/** The program: everything it does is a command of cli/. */
#include "base/secret.h"
#include "cli/cli.h"

int
main(int argc, char **argv)
{
    secret_guard();
    return cli_main(argc, argv);
}

/** Command line: the verbs of `chancery`. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/** Run the command that ARGV names; returns the exit code of cli.md section 5. */
int cli_main(int argc, char **argv);

#endif

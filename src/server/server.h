/** Server: `chancery serve` and `chancery init`: wiring only. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

/** Run the server with the arguments behind `serve`; returns the exit code. */
int server_serve(int argc, char **argv);
/** Set up an installation without a server: database, authorities, first user. */
int server_init(int argc, char **argv);
/** What `serve --help` prints. */
extern const char server_serve_usage[], server_init_usage[];

#endif

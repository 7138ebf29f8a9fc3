#include "server/advice.h"

#include "base/macros.h"

#include <stdio.h>
#include <string.h>

/* By words of the failure's text; both, where there are two. The first that fits counts. */
static const struct {
    const char *word, *also, *advice;
} advices[] = {
    { "is neither sqlite:PATH nor postgresql", NULL,
      "mend db.url: sqlite:/var/lib/chancery/chancery.db, or "
      "postgresql://USER@HOST/NAME?sslmode=verify-full" },
    { "the address is not of the form postgresql", NULL,
      "mend db.url: what is not a letter or a digit in user and password is written as %40 and so "
      "on" },
    { "password authentication failed", NULL,
      "db.url has another password than the database's user: set one of the two (ALTER ROLE ... "
      "PASSWORD)" },
    { "no pg_hba.conf entry", NULL,
      "PostgreSQL does not let this user in from this machine: add a line to its pg_hba.conf and "
      "reload it" },
    { "role \"", "does not exist",
      "the user that db.url names is not there: createuser NAME, or mend db.url" },
    { "database \"", "does not exist",
      "the database that db.url names is not there: createdb --owner USER --encoding UTF8 NAME, or "
      "mend db.url" },
    { "permission denied for", NULL,
      "the user that db.url names must own the database: ALTER DATABASE NAME OWNER TO USER, and "
      "the "
      "same of its schema" },
    { "could not translate host name", NULL,
      "nobody knows the host in db.url: mend it, or look at the DNS" },
    { "encoding UTF8", NULL, "make the database anew: createdb --encoding UTF8" },
    { "connecting to PostgreSQL", NULL,
      "PostgreSQL does not answer where db.url leads: is it running, and are host and port "
      "right?" },
    { "the master key", "there is no file",
      "put the copy of the master key back (mode 0600), or say in seal.master_key where it is; "
      "never make a new one beside old data" },
    { "seal.master_key", "another key wrapped it",
      "name the key that wrapped the file in seal.master_key, or put back the file that this key "
      "wrapped" },
    { "seal.master_key", "token",
      "is the HSM there, are hsm.module and hsm.pin right, and does it hold the key that "
      "seal.master_key names?" },
    { "the database knows no authority", NULL,
      "bring the database back (chancery restore), or mend db.url; to begin anew, do it in another "
      "data_dir" },
    { "chmod 0640 it", NULL, "chmod 0640 the file that is named, or 0600" },
    { "mode 0", NULL, "chmod 0600 the file that is named" },
    { "Permission denied", NULL,
      "what is named must belong to the user that runs the server: chown -R chancery: "
      "/var/lib/chancery" },
    { "we may not read", NULL,
      "what is named must belong to the user that runs the server: chown it to them" },
    { "belongs to another user", NULL,
      "what is named must belong to the user that runs the server: chown it to them" },
    { "readonly database", NULL,
      "the database's file and directory must belong to the user that runs the server, on a file "
      "system that can be written" },
    { "unable to open database file", NULL,
      "the database's file and directory must belong to the user that runs the server" },
    { "Read-only file system", NULL,
      "the directory must be on a file system that can be written; of a unit file: "
      "ReadWritePaths=" },
    { "database or disk is full", NULL, "make room on the disk that is named" },
    { "No space left on device", NULL, "make room on the disk that is named" },
    { "file is not a database", NULL,
      "the file is damaged or none of ours: restore a backup (chancery restore)" },
    { "database disk image is malformed", NULL,
      "the file is damaged: keep a copy of it, and restore a backup (chancery restore)" },
    { "wants a program of version", NULL,
      "run the newer program, or restore a backup from before it" },
    { "Address already in use", NULL,
      "another program listens there: ss -ltnp shows which; or mend listen.https, listen.http" },
};

const char *
advice_for(const char *text)
{
    for (size_t i = 0; text && i < COUNT(advices); i++)
        if (strstr(text, advices[i].word) && (!advices[i].also || strstr(text, advices[i].also)))
            return advices[i].advice;
    return NULL;
}

void
advice_print(const struct scope *s)
{
    const char *advice = advice_for(s->error.text);

    if (advice)
        (void)fprintf(stderr, "  fix:  %s\n", advice);
}

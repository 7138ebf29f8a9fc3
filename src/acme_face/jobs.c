/* Jobs of the ACME server. */
#include "jobs/jobs.h"
#include "acme/challenge.h"
#include "acme/cleanup.h"
#include "acme/finalize.h"
#include "acme/limit.h"
#include "acme_face/acme_face.h"

static enum err
validate_run(struct scope *s, void *app, const struct job *job)
{
    return acme_challenge_try(s, ((struct app *)app)->acme, job);
}

static enum err
finalize_run(struct scope *s, void *app, const struct job *job)
{
    return acme_finalize_again(s, ((struct app *)app)->acme, job);
}

static enum err
cleanup_run(struct scope *s, void *app, const struct job *job)
{
    const struct acme *acme = ((struct app *)app)->acme;
    int64_t count = 1;

    while (count > 0 && !job_should_stop(job))
        TRY(nonces_expire(s, acme->nonces, &count));
    for (count = 1; count > 0 && !job_should_stop(job);)
        TRY(acme_cleanup(s, acme, &count));
    for (count = 1; count > 0 && !job_should_stop(job);)
        TRY(acme_limits_expire(s, acme, &count));
    return OK;
}

const struct job_kind acme_validate_kind = {
    .kind = ACME_VALIDATE_JOB,
    .run = validate_run,
    .doc = "Looks whether an ACME challenge is met.",
    .max_attempts = 1000,
};
const struct job_kind acme_finalize_kind = {
    .kind = ACME_FINALIZE_JOB,
    .run = finalize_run,
    .doc = "Issues the certificate of an ACME order when it could not be issued at once.",
    .max_attempts = 200, /* some three hours */
};
const struct job_kind acme_cleanup_kind = {
    .kind = "acme.cleanup",
    .run = cleanup_run,
    .doc = "Removes what ACME clients left and nobody needs any more.",
    .every = "5m",
};

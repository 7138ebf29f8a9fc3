/** What the files about EAB keys share. */
#ifndef ACME_EAB_IN_H
#define ACME_EAB_IN_H

#include "acme/eab.h"

/** What their secrets are sealed for. */
#define ACME_EAB_COLUMN "acme_eab_key.sealed"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the simulated traffic goes: places of a few addresses each. An address may change its name
 * and share it with others of its place, but never with another place: so bytes are compared place
 * by place, whatever they were called when they were stored.
 */
#pragma once

#include "record.h"

#define DESTINATIONS_NET 77 /* 10.77.place.member */
#define N_PLACES         12
#define PLACE_MEMBERS    4
#define N_OBSERVERS      4
#define N_DESTINATIONS   (N_PLACES + 3) /* and the three remainders */

/* A row's: a place, or a remainder. */
unsigned destination_of_record(const struct record *record);
/* A receiver's, as it stands in a line. N_DESTINATIONS: none. */
unsigned destination_of_name(const char *name);

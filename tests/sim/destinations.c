/* SPDX-License-Identifier: Apache-2.0 */
#include "destinations.h"

#include <stdlib.h>
#include <string.h>

static const char *const remainders[] = {"~other", "~non-ip", "~malformed"};

unsigned destination_of_record(const struct record *record)
{
	if (record->kind == RECORD_FLOW)
		return record->remote.bytes[2];
	return N_PLACES + (unsigned)record->kind - RECORD_OTHER;
}

static unsigned place_of(const char *digits)
{
	unsigned long place = strtoul(digits, NULL, 10);

	return place < N_PLACES ? (unsigned)place : N_DESTINATIONS;
}

unsigned destination_of_name(const char *name)
{
	for (unsigned i = 0; i < sizeof(remainders) / sizeof(remainders[0]); i++)
		if (strncmp(name, remainders[i], strlen(remainders[i])) == 0)
			return N_PLACES + i;
	if (name[0] == 's')
		return place_of(name + 1);
	if (strncmp(name, "10.77.", strlen("10.77.")) == 0)
		return place_of(name + strlen("10.77."));
	return N_DESTINATIONS;
}

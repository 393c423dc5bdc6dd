/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a datagram may hold, in the one place that lists it; wire_encode and wire_decode are the way
 * there and back (nstats.proto).
 */
#pragma once

#include "record.h"

#define WIRE_DATAGRAM_MAX    1232          /* IPv6's minimum MTU, 1280, less IPv6 and UDP headers */
#define WIRE_RECORDS_MAX     256           /* in one datagram */
#define WIRE_PARTS_MAX       1024          /* of one interval */
#define WIRE_LOCALS_MAX      32            /* distinct local addresses in one datagram */
#define WIRE_INTERVAL_MAX_MS 3660000       /* an hour, and a late timer */
#define WIRE_START_MAX_MS    4102444800000 /* the year 2100 */
#define WIRE_START_UNIT_MS                                                                         \
	1000 /* starts lie on whole seconds: the collector numbers points in between */
#define WIRE_NAMES_MAX    256       /* names that flows of one datagram refer to */
#define WIRE_COUNTER_MAX  INT64_MAX /* any counter; a datagram's bytes, and its packets, summed */
#define WIRE_IDENTITY_MAX 791 /* the four texts together; longer may leave no room for a record */

enum wire_result {
	WIRE_OK,
	WIRE_OVERSIZE,    /* longer than WIRE_DATAGRAM_MAX */
	WIRE_UNDECODABLE, /* not protobuf, or no body that we know */
	WIRE_LIMIT,       /* decodes, but a field is outside what this header allows */
	WIRE_NOT_REPORT,  /* an ack or a sealed datagram where a report was expected */
	WIRE_N_RESULTS,
};

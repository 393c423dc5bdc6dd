/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to datagrams and back (nstats.proto). The one place that knows protobuf, and the one
 * place that lists what a datagram may hold. Neither way allocates: encoder and decoder own their
 * scratch memory from the start.
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
#define WIRE_IDENTITY_MAX 842 /* the four names together; longer may leave no room for a record */

enum wire_result {
	WIRE_OK,
	WIRE_OVERSIZE,    /* longer than WIRE_DATAGRAM_MAX */
	WIRE_UNDECODABLE, /* not protobuf, or no body that we know */
	WIRE_LIMIT,       /* decodes, but a field is outside what this header allows */
	WIRE_NOT_REPORT,  /* an ack or a sealed datagram where a report was expected */
	WIRE_N_RESULTS,
};

struct wire_encoder;
struct wire_encoder *wire_encoder_new(void); /* NULL: out of memory */
void wire_encoder_free(struct wire_encoder *encoder);

/*
 * How many of the first n records fit into one datagram under this header, at least 1 of n > 0
 * (WIRE_IDENTITY_MAX). Upper bounds are taken for what is not known yet (part, parts, sequence).
 */
size_t wire_fit(struct wire_encoder *encoder, const struct report *report,
	const struct record *records, size_t n);

/* Bytes written to buf; 0 where it does not fit into WIRE_DATAGRAM_MAX. */
size_t wire_encode(struct wire_encoder *encoder, const struct report *report,
	const struct record *records, size_t n, uint8_t buf[static WIRE_DATAGRAM_MAX]);

struct wire_decoder;
struct wire_decoder *wire_decoder_new(void);
void wire_decoder_free(struct wire_decoder *decoder);

/*
 * A datagram is taken whole or rejected whole. On WIRE_OK *ret_records points into the decoder and
 * holds until its next call.
 */
enum wire_result wire_decode(struct wire_decoder *decoder, const uint8_t *data, size_t len,
	struct report *ret, const struct record **ret_records, size_t *ret_n);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to datagrams (nstats.proto). Nothing allocates: the encoder owns its memory from the
 * start.
 */
#pragma once

#include "wire.h"

struct wire_encoder;
struct wire_encoder *wire_encoder_new(void); /* NULL: out of memory */
void wire_encoder_free(struct wire_encoder *encoder);

/* From now on records go with their names, or without: what a name takes is a row's room. */
void wire_encoder_use_names(struct wire_encoder *encoder, bool has_names);

/*
 * How many of the first n records fit into one datagram under this header, at least 1 of n > 0
 * (WIRE_IDENTITY_MAX). A record's name is 1 to 253 bytes long. Upper bounds are taken for what is
 * not known yet (part, parts, sequence).
 */
size_t wire_fit(struct wire_encoder *encoder, const struct report *report,
	const struct record *records, size_t n);

/* Bytes written to buf; 0 where it does not fit into WIRE_DATAGRAM_MAX. */
size_t wire_encode(struct wire_encoder *encoder, const struct report *report,
	const struct record *records, size_t n, uint8_t buf[static WIRE_DATAGRAM_MAX]);

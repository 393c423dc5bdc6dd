/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams to records (nstats.proto). Nothing allocates: the decoder owns its memory from the
 * start.
 */
#pragma once

#include "wire.h"

struct wire_decoder;
struct wire_decoder *wire_decoder_new(void);
void wire_decoder_free(struct wire_decoder *decoder);

/*
 * A datagram is taken whole or rejected whole. On WIRE_OK *ret_records and their names point into
 * the decoder and hold until its next call.
 */
enum wire_result wire_decode(struct wire_decoder *decoder, const uint8_t *data, size_t len,
	struct report *ret, const struct record **ret_records, size_t *ret_n);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acknowledgements to datagrams and back (nstats.proto). Beside wire.h the one place that knows
 * protobuf. Nothing allocates.
 */
#pragma once

#include "record.h"
#include "wire.h"

/*
 * Bytes written to buf, at most max: the bitmap is cut to what fits. 0: not even without it.
 */
size_t wire_ack_encode(const struct ack *ack, size_t max, uint8_t buf[static WIRE_DATAGRAM_MAX]);

/* WIRE_NOT_REPORT: well-formed, and no acknowledgement. *ret holds unless WIRE_OK what it held. */
enum wire_result wire_ack_decode(const uint8_t *data, size_t len, struct ack *ret);

/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_columns.h"

const struct wire_column wire_columns[N_COLUMNS] = {
#define COLUMN(field) offsetof(Nstats__V1__Flows, n_##field), offsetof(Nstats__V1__Flows, field)
	[PROTO] = {COLUMN(proto), false, 1, UINT8_MAX},
	[KIND] = {COLUMN(kind), false, 1, NSTATS__V1__KIND__MALFORMED},
	[ROLE] = {COLUMN(role), false, 1, N_ROLES - 1},
	[PORT] = {COLUMN(port), false, 1, UINT16_MAX},
	[LOCAL] = {COLUMN(local), false, 1, UINT32_MAX},
	[TX_BYTES] = {COLUMN(tx_bytes), true, 1, WIRE_COUNTER_MAX},
	[RX_BYTES] = {COLUMN(rx_bytes), true, 1, WIRE_COUNTER_MAX},
	[TX_PACKETS] = {COLUMN(tx_packets), true, 1, WIRE_COUNTER_MAX},
	[RX_PACKETS] = {COLUMN(rx_packets), true, 1, WIRE_COUNTER_MAX},
	[CONNECTIONS] = {COLUMN(connections), false, 1, UINT32_MAX},
	[RETRANSMITS] = {COLUMN(retransmits), true, 1, WIRE_COUNTER_MAX},
	[RESETS] = {COLUMN(resets), false, 1, UINT32_MAX},
	[FAILED] = {COLUMN(failed), false, 1, UINT32_MAX},
	[RTT_US] = {COLUMN(rtt_us), false, 2, UINT32_MAX},
	[NAME] = {COLUMN(name), false, 2, WIRE_NAMES_MAX},
#undef COLUMN
};

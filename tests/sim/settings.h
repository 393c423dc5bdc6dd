/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How bad the world is at this moment: faults.c turns these from the seed, all that is simulated
 * obeys. Zero is a good day. Chances are per mille.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum backend_mood {
	BACKEND_WELL,
	BACKEND_AWAY,    /* no connection */
	BACKEND_BUSY,    /* 503, nothing is stored */
	BACKEND_BREAKS,  /* stores, then breaks the connection or is silent */
	BACKEND_REFUSES, /* 400 to some, 413 to others */
	BACKEND_HALF,    /* stores half of a body, then says 400 "partial write" */
	BACKEND_LOCKED,  /* 401, 404 */
	BACKEND_MOODY,   /* any of these, or well, for each request */
	N_BACKEND_MOODS,
};

struct settings {
	/* The network, each way. */
	unsigned loss;
	unsigned duplicates;
	unsigned delay_ms;  /* at most, each datagram its own: that is how they overtake */
	bool is_cut[2];     /* towards the collector, and back */
	unsigned no_buffer; /* the probe's kernel takes no datagram now */
	bool is_name_gone;  /* of the collector: no address is found for it */

	/* The collector's disk and threads. */
	unsigned job_ms;         /* at most, of each piece of work */
	unsigned commit_failure; /* before it took effect */
	unsigned read_failure;   /* also of deletes */
	unsigned quota_bytes;    /* of bodies; 0: none */
	unsigned no_memory;      /* of allocations, once it has started */
	unsigned crash;          /* right after a step that is dangerous */

	unsigned name_ms; /* at most, until an address has its name; some never get one */
	enum backend_mood backend;
};
extern struct settings settings;

/* Ways to break the collector on purpose, to see that the oracle notices. */
enum sabotage {
	SABOTAGE_NONE,
	SABOTAGE_EARLY_ACK,   /* acknowledges what has only arrived */
	SABOTAGE_NO_DEDUP,    /* takes each duplicate for something new */
	SABOTAGE_LOST_LEDGER, /* the ledger is not kept with the rows */
	SABOTAGE_LOST_SERIES, /* nor is it remembered which series there are */
	SABOTAGE_SAME_POINT,  /* k is 0 always */
	SABOTAGE_LYING_DISK,  /* says that a commit worked where it failed */
	SABOTAGE_FORGET_LIVE, /* a full ledger forgets whoever is silent for a moment */
	N_SABOTAGES,
};
extern enum sabotage sabotage;

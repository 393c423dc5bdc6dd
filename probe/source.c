/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include "clock.h"
#include "log.h"
#include "offload.h"
#include "reopen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURE_BUFFER_BYTES (1 << 20)

struct source {
	struct source_config config;
	struct link *link;       /* NULL until there is a netlink socket */
	struct capture *capture; /* NULL: nothing is open */
	struct reopen reopen;
	char interface[LINK_NAME_LEN]; /* of the last opening */
	struct source_opening opening;
	bool is_new;           /* the opening was not taken yet */
	uint64_t closed_drops; /* of captures that were lost */
};

static int find_interface(
	struct source *source, char ret[static LINK_NAME_LEN], char err[static ERR_LEN])
{
	const char *wanted = source->config.interface;
	int r;

	if (wanted) {
		snprintf(ret, LINK_NAME_LEN, "%s", wanted);
		return 0;
	}
	r = link_default_interface(source->link, ret);
	if (r == -ENOENT)
		snprintf(err, ERR_LEN,
			"--interface: there is no default route to take it from: name an "
			"interface");
	else if (r < 0)
		snprintf(err, ERR_LEN, "--interface: default route: %s", strerror(-r));
	return r;
}

static int describe_interface(struct source *source, const char *interface,
	struct source_opening *ret, char err[static ERR_LEN])
{
	int r = link_describe(source->link, interface, &ret->state);

	if (r == -ENODEV)
		snprintf(err, ERR_LEN, "--interface: '%s' is no interface of this machine",
			interface);
	else if (r < 0)
		snprintf(err, ERR_LEN, "interface '%s': %s", interface, strerror(-r));
	if (r < 0)
		return r;
	/* Only Ethernet has a MAC here; its header is in both counts. */
	ret->is_comparable = ret->state.direction.has_mac && !offload_may_merge(interface);
	return 0;
}

/* The counters are those before the capture is opened, so that what is captured never exceeds what
 * is counted from here on. */
static int open_capture(struct source *source, char err[static ERR_LEN])
{
	char interface[LINK_NAME_LEN];
	const struct capture_config config = {
		.interface = interface,
		.buffer_bytes = CAPTURE_BUFFER_BYTES,
		.wants_dns = source->config.is_dns_on,
	};
	struct source_opening opening;
	int r = 0;

	if (!source->link)
		r = link_open(&source->link, err);
	if (r == 0)
		r = find_interface(source, interface, err);
	if (r == 0)
		r = describe_interface(source, interface, &opening, err);
	if (r == 0)
		r = capture_open_live(&config, &source->capture, err);
	if (r < 0)
		return r;
	memcpy(source->interface, interface, sizeof(source->interface));
	source->opening = opening;
	source->is_new = true;
	reopen_succeed(&source->reopen, clock_mono_ms());
	return 0;
}

int source_new(const struct source_config *config, struct source **ret, char err[static ERR_LEN])
{
	struct source *source = calloc(1, sizeof(*source));
	int r = 0;

	if (!source) {
		snprintf(err, ERR_LEN, "capture: out of memory");
		return -ENOMEM;
	}
	source->config = *config;
	reopen_init(&source->reopen, clock_mono_ms());
	if (!config->is_patient)
		r = open_capture(source, err);
	if (r < 0) {
		source_free(source);
		return r;
	}
	*ret = source;
	return 0;
}

void source_free(struct source *source)
{
	if (!source)
		return;
	capture_close(source->capture);
	link_close(source->link);
	free(source);
}

static void fail(struct source *source, const char *reason)
{
	if (reopen_fail(&source->reopen, reason, clock_mono_ms()))
		log_error("nothing is captured",
			"error=\"%s\" act=\"tried again, with pauses of %d s at most\"", reason,
			REOPEN_MAX_MS / 1000);
}

int64_t source_step(struct source *source, int64_t now_ms)
{
	char err[ERR_LEN];

	if (now_ms >= reopen_due_ms(&source->reopen) && open_capture(source, err) < 0)
		fail(source, err);
	return reopen_due_ms(&source->reopen);
}

bool source_take_opening(struct source *source, struct source_opening *ret)
{
	if (!source->is_new)
		return false;
	source->is_new = false;
	*ret = source->opening;
	return true;
}

int source_fd(const struct source *source)
{
	return source->capture ? capture_fd(source->capture) : -1;
}

static void lose_capture(struct source *source, const char *reason)
{
	source->closed_drops += capture_kernel_drops(source->capture);
	capture_close(source->capture);
	source->capture = NULL;
	source->is_new = false;
	fail(source, reason);
}

int source_dispatch(
	struct source *source, int max, capture_fn *fn, void *ctx, char err[static ERR_LEN])
{
	int r;

	if (!source->capture)
		return 0;
	r = capture_dispatch(source->capture, max, fn, ctx, err);
	if (r >= 0 || !source->config.is_patient)
		return r;
	lose_capture(source, err);
	return 0;
}

const char *source_interface(const struct source *source)
{
	return source->interface;
}

const char *source_trouble(const struct source *source)
{
	return source->capture ? NULL : source->reopen.reason;
}

int source_describe(struct source *source, struct link_state *ret)
{
	struct link_state now;
	int r;

	if (!source->capture)
		return -ENETDOWN;
	r = link_describe(source->link, source->interface, &now);
	if (r < 0)
		return r;
	if (now.index != source->opening.state.index)
		return -ENODEV;
	*ret = now;
	return 0;
}

uint64_t source_kernel_drops(struct source *source)
{
	uint64_t drops = source->capture ? capture_kernel_drops(source->capture) : 0;

	return source->closed_drops + drops;
}

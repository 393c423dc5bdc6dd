/* SPDX-License-Identifier: Apache-2.0 */
#include "dns.h"

#include "bytes.h"
#include "clock.h"

#include <ares.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

/*
 * c-ares doubles the wait with each try (ares_process.c, next_server), so that 0.65 s and 1.3 s end
 * before the 2 s that the pipeline waits for names.
 */
#define TIMEOUT_MS 650
#define TRIES      2

#define HEADER_LEN   12 /* RFC 1035 4.1.1 */
#define QUESTION_LEN 4  /* behind the name: type, class */
#define RECORD_LEN   10 /* behind the name: type, class, TTL, RDLENGTH */
#define TYPE_PTR     12
#define CLASS_IN     1
#define RECORDS_MAX  64        /* of one answer; the rest is not looked at */
#define TTL_MAX      INT32_MAX /* RFC 2181 section 8: above it is to be read as 0 */

#define SOCKETS_MAX 32 /* one a server, and one more for its TCP */
#define SERVER_LEN  (ADDR_STRLEN + sizeof("[]:65535"))

/* "f." for each half byte, and "ip6.arpa" */
#define REVERSE_LEN (16 * 4 + sizeof("in-addr.arpa"))

struct dns;

/* loop_fn does not say which descriptor it is about. */
struct socket {
	struct dns *dns;
	int fd; /* -1: not in use */
};

struct dns {
	struct loop *loop;
	struct loop_timer timer;
	ares_channel channel;
	dns_fn *fn;
	void *ctx;
	bool is_closing;
	struct socket sockets[SOCKETS_MAX];
};

struct question {
	struct dns *dns;
	struct addr addr;
};

struct answer {
	const unsigned char *data;
	size_t len;
	size_t at;
};

struct ptr {
	char *name; /* by ares_free_string */
	uint32_t ttl_s;
};

static bool skip(struct answer *a, size_t n)
{
	if (a->len - a->at < n)
		return false;
	a->at += n;
	return true;
}

/* The name at a->at, as text; c-ares follows compression and refuses loops. */
static bool take_name(struct answer *a, char **ret)
{
	char *name;
	long encoded;

	if (a->at >= a->len)
		return false;
	if (ares_expand_name(a->data + a->at, a->data, (int)a->len, &name, &encoded) !=
		ARES_SUCCESS)
		return false;
	if (encoded < 0 || !skip(a, (size_t)encoded)) {
		ares_free_string(name);
		return false;
	}
	*ret = name;
	return true;
}

static bool skip_name(struct answer *a)
{
	char *name;

	if (!take_name(a, &name))
		return false;
	ares_free_string(name);
	return true;
}

/* Keeps the better of two names, and the shorter life: what was chosen holds as long as all hold.
 * Takes name. */
static void ptr_add(struct ptr *best, char *name, uint32_t ttl_s)
{
	size_t len = strlen(name);
	size_t best_len = best->name ? strlen(best->name) : SIZE_MAX;
	bool is_better = len < best_len || (len == best_len && strcasecmp(name, best->name) < 0);

	if (ttl_s > TTL_MAX)
		ttl_s = 0;
	if (!best->name || ttl_s < best->ttl_s)
		best->ttl_s = ttl_s;
	if (is_better) {
		ares_free_string(best->name);
		best->name = name;
	} else {
		ares_free_string(name);
	}
}

/* Only PTR records count; a CNAME before them (RFC 2317) is passed over. */
static bool take_record(struct answer *a, struct ptr *best)
{
	const unsigned char *fixed;
	uint16_t rdlength;
	struct answer rdata;
	char *name;

	if (!skip_name(a))
		return false;
	fixed = a->data + a->at;
	if (!skip(a, RECORD_LEN))
		return false;
	rdlength = bytes_be16(fixed + 8);
	rdata = *a;
	if (!skip(a, rdlength))
		return false;
	if (bytes_be16(fixed) != TYPE_PTR || bytes_be16(fixed + 2) != CLASS_IN)
		return true;
	if (!take_name(&rdata, &name))
		return false;
	if (rdata.at != a->at) {
		ares_free_string(name);
		return false;
	}
	ptr_add(best, name, bytes_be32(fixed + 4));
	return true;
}

static bool take_answer(struct answer *a, struct ptr *best)
{
	uint16_t n_questions, n_records;

	if (!skip(a, HEADER_LEN))
		return false;
	n_questions = bytes_be16(a->data + 4);
	n_records = bytes_be16(a->data + 6);
	if (n_questions != 1 || !skip_name(a) || !skip(a, QUESTION_LEN))
		return false;
	for (unsigned i = 0; i < n_records && i < RECORDS_MAX; i++)
		if (!take_record(a, best))
			return false;
	return true;
}

static void report(struct question *q, int status, const unsigned char *data, int len)
{
	struct answer answer = {.data = data, .len = len > 0 ? (size_t)len : 0};
	enum dns_outcome outcome = DNS_FAILED;
	struct ptr best = {0};
	struct dns *dns = q->dns;

	if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
		outcome = DNS_NONE;
	else if (status == ARES_SUCCESS && take_answer(&answer, &best))
		outcome = best.name ? DNS_NAME : DNS_NONE;
	dns->fn(dns->ctx, &q->addr, outcome, outcome == DNS_NAME ? best.name : "",
		outcome == DNS_NAME ? best.ttl_s : 0);
	ares_free_string(best.name);
}

static void query_done(void *arg, int status, int timeouts, unsigned char *data, int len)
{
	struct question *q = arg;

	(void)timeouts;
	if (!q->dns->is_closing)
		report(q, status, data, len);
	free(q);
}

/* After all that c-ares did: when does it want to be called next? */
static void timer_update(struct dns *dns)
{
	struct timeval tv;
	int64_t ms;

	if (!ares_timeout(dns->channel, NULL, &tv)) {
		loop_timer_cancel(dns->loop, &dns->timer);
		return;
	}
	ms = (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1;
	loop_timer_set(dns->loop, &dns->timer, clock_mono_ms() + ms);
}

static void timer_fired(void *ctx, int64_t now_ms)
{
	struct dns *dns = ctx;

	(void)now_ms;
	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	timer_update(dns);
}

/* An error (an ICMP "port unreachable") is reported by the read. */
static void socket_ready(void *ctx, uint32_t events)
{
	struct socket *socket = ctx;
	struct dns *dns = socket->dns;
	ares_socket_t fd = socket->fd;

	ares_process_fd(dns->channel, events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
		events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	timer_update(dns);
}

static struct socket *socket_of(struct dns *dns, int fd)
{
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (dns->sockets[i].fd == fd)
			return &dns->sockets[i];
	return NULL;
}

/* ares_sock_state_cb: with neither before c-ares closes the socket. */
static void socket_changed(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns *dns = data;
	struct socket *socket = socket_of(dns, fd);
	uint32_t events = (readable ? EPOLLIN : 0U) | (writable ? EPOLLOUT : 0U);

	if (!events) {
		loop_unwatch(dns->loop, fd);
		if (socket)
			socket->fd = -1;
		return;
	}
	if (!socket)
		socket = socket_of(dns, -1);
	/* A socket that cannot be watched leaves its queries to their time-outs. */
	if (socket && loop_watch(dns->loop, fd, events, socket_ready, socket) == 0)
		socket->fd = fd;
}

static int server_set(struct dns *dns, const char *server, char err[static ERR_LEN])
{
	char host[ADDR_HOST_LEN], csv[SERVER_LEN];
	struct addr addr;
	uint16_t port;

	if (addr_split_host(server, 53, host, &port) < 0 || addr_parse(host, &addr) < 0) {
		snprintf(err, ERR_LEN,
			"--dns-server: '%.100s' is not ADDR[:PORT], such as 10.0.0.10 or "
			"[fd00::a]:53",
			server);
		return -EINVAL;
	}
	snprintf(
		csv, sizeof(csv), addr.len == 16 ? "[%.45s]:%u" : "%.45s:%u", host, (unsigned)port);
	if (ares_set_servers_ports_csv(dns->channel, csv) != ARES_SUCCESS) {
		snprintf(err, ERR_LEN, "--dns-server: '%.100s' was not taken by c-ares", server);
		return -EINVAL;
	}
	return 0;
}

/* The flags leave out search lists: a reversed address is a full name. */
static int channel_open(struct dns *dns, char err[static ERR_LEN])
{
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH,
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.sock_state_cb = socket_changed,
		.sock_state_cb_data = dns,
	};
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	if (status == ARES_SUCCESS) {
		status = ares_init_options(&dns->channel, &options,
			ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				ARES_OPT_SOCK_STATE_CB);
		if (status != ARES_SUCCESS)
			ares_library_cleanup();
	}
	if (status == ARES_SUCCESS)
		return 0;
	snprintf(err, ERR_LEN, "DNS resolver: %s", ares_strerror(status));
	return status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

int dns_open(struct loop *loop, const char *server, dns_fn *fn, void *ctx, struct dns **ret,
	char err[static ERR_LEN])
{
	struct dns *dns = calloc(1, sizeof(*dns));
	int r;

	if (!dns) {
		snprintf(err, ERR_LEN, "DNS resolver: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	dns->loop = loop;
	dns->fn = fn;
	dns->ctx = ctx;
	dns->timer = (struct loop_timer){.fn = timer_fired, .ctx = dns};
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		dns->sockets[i] = (struct socket){.dns = dns, .fd = -1};
	r = channel_open(dns, err);
	if (r < 0) {
		free(dns);
		return r;
	}
	if (server)
		r = server_set(dns, server, err);
	if (r < 0) {
		dns_close(dns);
		return r;
	}
	*ret = dns;
	return 0;
}

void dns_close(struct dns *dns)
{
	if (!dns)
		return;
	dns->is_closing = true;
	ares_destroy(dns->channel);
	ares_library_cleanup();
	loop_timer_cancel(dns->loop, &dns->timer);
	free(dns);
}

/* RFC 1035 3.5 and RFC 3596 2.5. */
static void reverse_format(const struct addr *addr, char ret[static REVERSE_LEN])
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *b = addr->bytes;
	char *at = ret;

	if (addr->len == 4) {
		snprintf(ret, REVERSE_LEN, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
		return;
	}
	for (size_t i = 16; i-- > 0;) {
		*at++ = hex[b[i] & 15];
		*at++ = '.';
		*at++ = hex[b[i] >> 4];
		*at++ = '.';
	}
	memcpy(at, "ip6.arpa", sizeof("ip6.arpa"));
}

bool dns_ask_ptr(struct dns *dns, const struct addr *addr)
{
	struct question *q = malloc(sizeof(*q));
	char name[REVERSE_LEN];

	if (!q)
		return false;
	*q = (struct question){.dns = dns, .addr = *addr};
	reverse_format(addr, name);
	ares_query(dns->channel, name, CLASS_IN, TYPE_PTR, query_done, q);
	timer_update(dns);
	return true;
}

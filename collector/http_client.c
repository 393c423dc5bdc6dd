/* SPDX-License-Identifier: Apache-2.0 */
/*
 * curl's multi interface with sockets and timer on our loop (curl_multi_socket_action(3)). Its
 * callbacks only note what to wait for; answers are given out after curl has returned, so that a
 * callback may post again.
 *
 * Proxies are what curl takes from the environment (http_proxy, no_proxy, ...). Redirects are not
 * followed: a credential goes to the configured host and to no other.
 */
#include "http_client.h"

#include "clock.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_MAX          (1024 * 1024) /* of an answer; beyond it the connection is broken off */
#define LOW_SPEED_BYTES   100L          /* a second: a body or an answer that trickles */
#define LOW_SPEED_S       20L  /* InfluxDB 1.x gives up a write after 10 s (its write-timeout) */
#define HEADER_MAX        8192 /* a token of 4 KiB and "Authorization: Token " */
#define DEADLINE_GRACE_MS 1000
#define CONNECTIONS_KEPT  4L
#define SOCKETS_MAX       32 /* connections and those who race to become one (RFC 8305) */

struct socket {
	struct http_client *client; /* NULL: not in use */
	int fd;
};

struct http_exchange {
	struct http_client *client;
	struct http_exchange *prev;
	struct http_exchange *next;
	CURL *easy;
	struct curl_slist *headers;
	http_data_fn *data; /* NULL: a POST */
	http_answer_fn *fn;
	void *ctx;
	struct loop_timer deadline;
	bool is_lost;   /* curl may have forgotten it */
	bool is_enough; /* said data */
	size_t n_read;
	size_t body_len;
	char *body; /* HTTP_CLIENT_BODY_MAX and NUL */
	char error[CURL_ERROR_SIZE];
};

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct http_exchange *exchanges;
	struct socket sockets[SOCKETS_MAX];
};

static void exchange_free(struct http_exchange *exchange)
{
	if (!exchange)
		return;
	curl_easy_cleanup(exchange->easy);
	curl_slist_free_all(exchange->headers);
	free(exchange->body);
	free(exchange);
}

static void exchange_unlink(struct http_exchange *exchange)
{
	loop_timer_cancel(exchange->client->loop, &exchange->deadline);
	*(exchange->prev ? &exchange->prev->next : &exchange->client->exchanges) = exchange->next;
	if (exchange->next)
		exchange->next->prev = exchange->prev;
	curl_multi_remove_handle(exchange->client->multi, exchange->easy);
}

static const char *header_value(CURL *easy, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return "";
	return header->value;
}

/* Where it was us who broke off an endless body, the status has been read and counts. */
static bool has_status(const struct http_exchange *exchange, CURLcode code)
{
	return code == CURLE_OK ||
	       (code == CURLE_WRITE_ERROR && (exchange->is_enough || exchange->n_read > READ_MAX));
}

static void answer_give(struct http_exchange *exchange, CURLcode code)
{
	struct http_answer answer = {.error = "", .content_type = "", .retry_after = ""};
	long status = 0;

	exchange->body[exchange->body_len] = '\0';
	answer.body = exchange->body;
	if (has_status(exchange, code)) {
		curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
		answer.status = (int)status;
		answer.content_type = header_value(exchange->easy, "Content-Type");
		answer.retry_after = header_value(exchange->easy, "Retry-After");
	}
	if (answer.status == 0)
		answer.error = exchange->error[0] ? exchange->error : curl_easy_strerror(code);
	exchange->fn(exchange->ctx, &answer);
}

static void exchange_end(struct http_exchange *exchange, CURLcode code)
{
	exchange_unlink(exchange);
	answer_give(exchange, code);
	exchange_free(exchange);
}

static void answers_give(struct http_client *client)
{
	const CURLMsg *message;
	int n_left;

	while ((message = curl_multi_info_read(client->multi, &n_left))) {
		CURLcode code = message->data.result;
		struct http_exchange *exchange;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
		exchange_end(exchange, code);
	}
}

/* Later than curl's own, which does not come where curl had no memory at a bad moment. */
static void deadline_passed(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	exchange_end(ctx, CURLE_OPERATION_TIMEDOUT);
}

static struct http_exchange *find_lost(const struct http_client *client)
{
	struct http_exchange *exchange = client->exchanges;

	while (exchange && !exchange->is_lost)
		exchange = exchange->next;
	return exchange;
}

/* Curl had no memory, and does not say for whom: that one would never end. What callbacks ask for
 * meanwhile is not concerned. */
static void break_off_all(struct http_client *client)
{
	struct http_exchange *exchange;

	for (exchange = client->exchanges; exchange; exchange = exchange->next)
		exchange->is_lost = true;
	while ((exchange = find_lost(client)))
		exchange_end(exchange, CURLE_OUT_OF_MEMORY);
}

static void act(struct http_client *client, curl_socket_t fd, int mask)
{
	int n_running;
	CURLMcode code = curl_multi_socket_action(client->multi, fd, mask, &n_running);

	answers_give(client);
	if (code != CURLM_OK)
		break_off_all(client);
}

static void socket_ready(void *ctx, uint32_t events)
{
	const struct socket *sock = ctx; /* gone once curl has closed it */
	struct http_client *client = sock->client;
	int mask = 0;

	if (events & (EPOLLIN | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	act(client, sock->fd, mask);
}

static void timer_fired(void *ctx, int64_t now_ms)
{
	(void)now_ms;
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

/*
 * Where there is no room or no memory the socket is not watched, and its exchange ends as a silent
 * one does. To tell curl would end all exchanges, and 7.88 does not survive that for long.
 */
static void socket_watch(struct http_client *client, struct socket *sock, int fd, int what)
{
	uint32_t events = 0;

	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	for (size_t i = 0; i < SOCKETS_MAX && !sock; i++)
		if (!client->sockets[i].client)
			sock = &client->sockets[i];
	if (!sock)
		return;
	*sock = (struct socket){.client = client, .fd = fd};
	curl_multi_assign(client->multi, fd, sock);
	(void)loop_watch(client->loop, fd, events, socket_ready, sock);
}

/* curl_socket_callback */
static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *sock)
{
	struct http_client *client = ctx;
	struct socket *slot = sock;

	(void)easy;
	if (what != CURL_POLL_REMOVE) {
		socket_watch(client, slot, fd, what);
		return 0;
	}
	loop_unwatch(client->loop, fd);
	if (slot)
		slot->client = NULL;
	return 0;
}

/* curl_multi_timer_callback */
static int timer_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http_client *client = ctx;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_cancel(client->loop, &client->timer);
	else
		loop_timer_set(client->loop, &client->timer, clock_mono_ms() + timeout_ms);
	return 0;
}

static bool is_streamed(const struct http_exchange *exchange)
{
	long status = 0;

	if (!exchange->data)
		return false;
	curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
	return status / 100 == 2;
}

/* curl_write_callback; taking less than was offered ends the transfer with CURLE_WRITE_ERROR. */
static size_t body_arrived(char *data, size_t size, size_t n, void *ctx)
{
	struct http_exchange *exchange = ctx;
	size_t len = size * n;
	size_t room = HTTP_CLIENT_BODY_MAX - exchange->body_len;
	size_t kept = len < room ? len : room;

	if (is_streamed(exchange)) {
		exchange->is_enough = !exchange->data(exchange->ctx, data, len);
		return exchange->is_enough ? 0 : len;
	}
	memcpy(exchange->body + exchange->body_len, data, kept);
	exchange->body_len += kept;
	exchange->n_read += len;
	return exchange->n_read > READ_MAX ? 0 : len;
}

int http_client_open(struct loop *loop, struct http_client **ret, char err[static ERR_LEN])
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (!client)
		goto fail;
	client->loop = loop;
	client->timer = (struct loop_timer){.fn = timer_fired, .ctx = client};
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto fail;
	client->multi = curl_multi_init();
	if (!client->multi) {
		curl_global_cleanup();
		goto fail;
	}
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	*ret = client;
	return 0;

fail:
	free(client);
	snprintf(err, ERR_LEN, "HTTP client: %s", strerror(ENOMEM));
	return -ENOMEM;
}

void http_client_close(struct http_client *client)
{
	if (!client)
		return;
	while (client->exchanges) {
		struct http_exchange *exchange = client->exchanges;

		exchange_unlink(exchange);
		exchange_free(exchange);
	}
	curl_multi_cleanup(client->multi); /* closes what was kept alive, by socket_wanted */
	loop_timer_cancel(client->loop, &client->timer);
	curl_global_cleanup();
	free(client);
}

static bool header_add(struct http_exchange *exchange, const char *name, const char *value)
{
	char line[HEADER_MAX];
	struct curl_slist *more;
	int len = snprintf(line, sizeof(line), "%s: %s", name, value);

	if (len < 0 || (size_t)len >= sizeof(line))
		return false;
	more = curl_slist_append(exchange->headers, line);
	if (more)
		exchange->headers = more;
	return more != NULL;
}

/* "Expect:" with nothing takes it out: waiting for 100 Continue would cost a round trip or a
 * second. */
static bool headers_set(struct http_exchange *exchange, const struct http_request *request)
{
	struct curl_slist *more = curl_slist_append(NULL, "Expect:");

	exchange->headers = more;
	return more &&
	       (!request->authorization ||
		       header_add(exchange, "Authorization", request->authorization)) &&
	       (!request->content_type ||
		       header_add(exchange, "Content-Type", request->content_type)) &&
	       (!request->content_encoding ||
		       header_add(exchange, "Content-Encoding", request->content_encoding)) &&
	       curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, more) == CURLE_OK;
}

static void limits_set(CURL *easy, int64_t total_ms)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CLIENT_CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)total_ms);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	/* Else a timeout during a look-up waits for getaddrinfo's thread, and the loop with it. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	/* Else what --ca-file held is believed for a day (curl 7.87 and later). */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
}

/* Where curl was built with a folder of the system's certificates, it would trust these too. */
static bool trust_file_alone(CURL *easy, const char *ca_file)
{
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	return curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK;
}

/* What can fail copies a string, or asks for what this build of curl may not have. */
static bool request_set(struct http_exchange *exchange, const struct http_request *request)
{
	CURL *easy = exchange->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_USERAGENT, "nstats-collector/" NSTATS_VERSION) ==
		       CURLE_OK &&
	       (!request->ca_file || trust_file_alone(easy, request->ca_file)) &&
	       headers_set(exchange, request);
}

static void post_set(CURL *easy, const struct http_request *request)
{
	limits_set(easy, HTTP_CLIENT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_S);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
}

/* Takes what is wanted of it over; NULL: no memory. */
static struct http_exchange *exchange_new(
	struct http_client *client, const struct http_request *request)
{
	struct http_exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->client = client;
	exchange->body = malloc(HTTP_CLIENT_BODY_MAX + 1);
	exchange->easy = curl_easy_init();
	if (exchange->body && exchange->easy && request_set(exchange, request))
		return exchange;
	exchange_free(exchange);
	return NULL;
}

/* 0, or -ENOMEM: then it is freed. */
static int exchange_start(struct http_exchange *exchange, int64_t total_ms)
{
	struct http_client *client = exchange->client;

	if (curl_multi_add_handle(client->multi, exchange->easy) != CURLM_OK) {
		exchange_free(exchange);
		return -ENOMEM;
	}
	exchange->next = client->exchanges;
	if (exchange->next)
		exchange->next->prev = exchange;
	client->exchanges = exchange;
	exchange->deadline = (struct loop_timer){.fn = deadline_passed, .ctx = exchange};
	if (total_ms)
		loop_timer_set(client->loop, &exchange->deadline,
			clock_mono_ms() + total_ms + DEADLINE_GRACE_MS);
	return 0;
}

int http_client_post(struct http_client *client, const struct http_request *request,
	http_answer_fn *fn, void *ctx)
{
	struct http_exchange *exchange = exchange_new(client, request);

	if (!exchange)
		return -ENOMEM;
	exchange->fn = fn;
	exchange->ctx = ctx;
	post_set(exchange->easy, request);
	return exchange_start(exchange, HTTP_CLIENT_TIMEOUT_MS);
}

int http_client_get(
	struct http_client *client, const struct http_get *get, struct http_exchange **ret)
{
	const struct http_request request = {
		.url = get->url, .authorization = get->authorization, .ca_file = get->ca_file};
	struct http_exchange *exchange = exchange_new(client, &request);
	int r;

	if (!exchange)
		return -ENOMEM;
	exchange->data = get->data;
	exchange->fn = get->done;
	exchange->ctx = get->ctx;
	limits_set(exchange->easy, get->total_ms);
	r = exchange_start(exchange, get->total_ms);
	if (r == 0)
		*ret = exchange;
	return r;
}

void http_client_cancel(struct http_exchange *exchange)
{
	exchange_unlink(exchange);
	exchange_free(exchange);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ship_auth.h"

#include "secret.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* RFC 4648 section 4. */
static void append_base64(char *out, const char *text, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t bits = 0;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (i + j < len ? (unsigned char)text[i + j] : 0);
		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[bits & 63] : '=';
	}
	*out = '\0';
}

static int basic_read(
	const struct ship_config *config, char ret[static SHIP_AUTH_LEN], char err[static ERR_LEN])
{
	static const char scheme[] = "Basic ";
	char password[SECRET_MAX + 1];
	char pair[SECRET_MAX + 1]; /* in base64 it fits into SHIP_AUTH_LEN */
	int r = secret_read("--password-file", config->password_file, password, err);
	int len;

	if (r < 0)
		return r;
	len = snprintf(pair, sizeof(pair), "%s:%s", config->user, password);
	if (len < 0 || (size_t)len >= sizeof(pair) || strchr(config->user, ':') ||
		secret_has_control(config->user, strlen(config->user))) {
		snprintf(err, ERR_LEN,
			"--user: '%.100s' is not a name without ':' and control characters (RFC "
			"7617), or too long",
			config->user);
		return -EINVAL;
	}
	memcpy(ret, scheme, sizeof(scheme));
	append_base64(ret + strlen(scheme), pair, (size_t)len);
	return 0;
}

static int token_read(
	const struct ship_config *config, char ret[static SHIP_AUTH_LEN], char err[static ERR_LEN])
{
	char token[SECRET_MAX + 1];
	int r = secret_read("--token-file", config->token_file, token, err);

	if (r < 0)
		return r;
	snprintf(ret, SHIP_AUTH_LEN, "Token %s", token);
	return 0;
}

int ship_auth_read(
	const struct ship_config *config, char ret[static SHIP_AUTH_LEN], char err[static ERR_LEN])
{
	bool has_user = config->user && *config->user;
	bool has_password = config->password_file && *config->password_file;
	bool has_token = config->token_file && *config->token_file;

	if (has_user != has_password) {
		snprintf(err, ERR_LEN, "%s: is only of use together with %s",
			has_user ? "--user" : "--password-file",
			has_user ? "--password-file" : "--user");
		return -EINVAL;
	}
	if (has_token && has_user) {
		snprintf(err, ERR_LEN, "--token-file: not together with --user");
		return -EINVAL;
	}
	if (has_token)
		return token_read(config, ret, err);
	if (has_user)
		return basic_read(config, ret, err);
	ret[0] = '\0';
	return 0;
}

/* curl would say so at the first POST only, and each time. */
int ship_auth_check_ca(const struct ship_config *config, char err[static ERR_LEN])
{
	int r;

	if (!config->ca_file || access(config->ca_file, R_OK) == 0)
		return 0;
	r = -errno;
	snprintf(
		err, ERR_LEN, "--ca-file: cannot read '%.100s': %s", config->ca_file, strerror(-r));
	return r;
}

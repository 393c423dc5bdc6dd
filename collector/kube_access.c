/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_access.h"

#include "secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

static const char *set(const char *text, const char *otherwise)
{
	return text && *text ? text : otherwise;
}

/* False: no cluster around. */
static bool url_of_cluster(char ret[static KUBE_URL_LEN])
{
	const char *host = set(getenv("KUBERNETES_SERVICE_HOST"), NULL);
	const char *port = set(getenv("KUBERNETES_SERVICE_PORT"), NULL);
	bool is_v6 = host && strchr(host, ':');
	int len;

	if (!host || !port)
		return false;
	len = snprintf(ret, KUBE_URL_LEN, "https://%s%s%s:%s", is_v6 ? "[" : "", host,
		is_v6 ? "]" : "", port);
	return len > 0 && len < KUBE_URL_LEN;
}

static bool is_url(const char *text, size_t len)
{
	return (strncmp(text, "http://", 7) == 0 && len > 7) ||
	       (strncmp(text, "https://", 8) == 0 && len > 8);
}

int kube_access_find(
	const struct kube_config *config, struct kube_access *ret, char err[static ERR_LEN])
{
	const char *text = set(config->kubernetes, "auto");
	size_t len = strlen(text);

	if (strcmp(text, "off") == 0)
		return 0;
	*ret = (struct kube_access){
		.token_file = set(config->token_file, NULL), .ca_file = set(config->ca_file, NULL)};
	if (strcmp(text, "auto") == 0) {
		ret->token_file = set(config->token_file, SERVICE_ACCOUNT "token");
		ret->ca_file = set(config->ca_file, SERVICE_ACCOUNT "ca.crt");
		return url_of_cluster(ret->url);
	}
	while (len && text[len - 1] == '/')
		len--;
	if (!is_url(text, len) || len >= KUBE_URL_LEN || strpbrk(text, "?#@ ")) {
		snprintf(err, ERR_LEN,
			"--kubernetes: '%.100s' is not auto, off or a URL such as "
			"http://127.0.0.1:8001",
			text);
		return -EINVAL;
	}
	memcpy(ret->url, text, len);
	return 1;
}

bool kube_access_is_exposed(const struct kube_access *access)
{
	static const char *const local[] = {"127.0.0.1", "localhost", "[::1]"};
	const char *host = access->url + strlen("http://");
	size_t len;

	if (!access->token_file || strncmp(access->url, "http://", strlen("http://")) != 0)
		return false;
	len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if (len == strlen(local[i]) && strncmp(host, local[i], len) == 0)
			return false;
	return true;
}

int kube_access_authorization(const struct kube_access *access,
	char ret[static KUBE_AUTHORIZATION_LEN], char err[static ERR_LEN])
{
	char token[SECRET_MAX + 1];
	int r;

	ret[0] = '\0';
	if (!access->token_file)
		return 0;
	r = secret_read("--kubernetes-token-file", access->token_file, token, err);
	if (r == 0)
		snprintf(ret, KUBE_AUTHORIZATION_LEN, "Bearer %s", token);
	return r;
}

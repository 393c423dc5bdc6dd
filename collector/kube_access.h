/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the Kubernetes API server is, and what it is shown. In a pod by what the kubelet puts there
 * (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/): the environment's
 * KUBERNETES_SERVICE_HOST and _PORT, and the service account's token and ca.crt.
 */
#pragma once

#include "err.h"

#include <stdbool.h>

#define KUBE_URL_LEN           512
#define KUBE_AUTHORIZATION_LEN 8192

struct kube_config {
	const char *kubernetes; /* "auto", "off" or a URL */
	const char *token_file; /* NULL: with auto the service account's, with a URL none */
	const char *ca_file;    /* NULL: likewise, with a URL the system's */
};

struct kube_access {
	char url[KUBE_URL_LEN]; /* "https://10.0.0.1:443"; no slash at its end */
	const char *token_file;
	const char *ca_file;
};

/* 1; 0: off, or auto outside a cluster; -EINVAL: no such URL. */
int kube_access_find(
	const struct kube_config *config, struct kube_access *ret, char err[static ERR_LEN]);

/* Others can read the token on its way: it is sent without TLS, and not to this machine itself,
 * where kubectl proxy listens. */
bool kube_access_is_exposed(const struct kube_access *access);

/* The Authorization header's value, read anew: tokens rotate. "" without a token. 0 or -errno. */
int kube_access_authorization(const struct kube_access *access,
	char ret[static KUBE_AUTHORIZATION_LEN], char err[static ERR_LEN]);

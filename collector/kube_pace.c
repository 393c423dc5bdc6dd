/* SPDX-License-Identifier: Apache-2.0 */
#include "kube_pace.h"

#include "retry.h"

enum kube_trouble kube_pace_trouble(int status)
{
	switch (status) {
	case 200:
		return KUBE_TROUBLE_NONE;
	case 0:
		return KUBE_TROUBLE_UNREACHABLE;
	case 401:
		return KUBE_TROUBLE_UNAUTHORIZED;
	case 403:
		return KUBE_TROUBLE_FORBIDDEN;
	case 410:
		return KUBE_TROUBLE_EXPIRED;
	case 429:
	case 502:
	case 503:
	case 504:
		return KUBE_TROUBLE_BUSY;
	default:
		return KUBE_TROUBLE_FAILED;
	}
}

/* Where there is no right to watch, lists in slow succession are the next best. */
static bool is_to_list_anew(const struct kube_pace *pace, enum kube_trouble trouble)
{
	return trouble == KUBE_TROUBLE_EXPIRED || trouble == KUBE_TROUBLE_UNDECODABLE ||
	       trouble == KUBE_TROUBLE_FAILED ||
	       (trouble == KUBE_TROUBLE_FORBIDDEN && pace->stage == KUBE_WATCHING);
}

static int64_t pause_ms(const struct kube_pace *pace, enum kube_trouble trouble,
	int64_t retry_after_s, uint64_t random)
{
	unsigned failures = pace->failures > pace->relists ? pace->failures : pace->relists;
	int64_t ms = retry_backoff_ms(KUBE_DELAY_MAX_MS, failures, random);

	if (trouble == KUBE_TROUBLE_FORBIDDEN)
		return KUBE_REFUSED_MS;
	return retry_after_s * 1000 > ms ? retry_after_s * 1000 : ms;
}

static void forgive(struct kube_pace *pace, int64_t lasted_ms)
{
	if (pace->stage == KUBE_WATCHING && lasted_ms >= KUBE_LASTING_MS)
		pace->relists = 0;
}

int64_t kube_pace_failed(struct kube_pace *pace, enum kube_trouble trouble, int64_t lasted_ms,
	int64_t retry_after_s, uint64_t random, bool *ret_is_anew)
{
	forgive(pace, lasted_ms);
	*ret_is_anew = is_to_list_anew(pace, trouble);
	if (*ret_is_anew) {
		pace->relists++;
		pace->stage = KUBE_LISTING;
	}
	pace->failures++;
	return pause_ms(pace, trouble, retry_after_s, random);
}

int64_t kube_pace_ended(struct kube_pace *pace, int64_t lasted_ms, bool is_list_whole)
{
	pace->failures = 0;
	if (pace->stage == KUBE_LISTING) {
		if (is_list_whole)
			pace->stage = KUBE_WATCHING;
		return 0;
	}
	forgive(pace, lasted_ms);
	return lasted_ms < KUBE_SHORT_WATCH_MS ? KUBE_SHORT_WATCH_MS : 0;
}

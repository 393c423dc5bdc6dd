/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's counters: a row in COLLECTOR_STATS gives the field, the name in /metrics, its
 * type and its help. What is called _seconds there is kept in microseconds. One thread (the loop's)
 * writes and reads them. Bytes are traffic bytes, tx +
 * rx, unless the name says otherwise; at any moment accepted = waiting + committing + commit_failed
 * + rows_dropped + committed, and committed + spooled at the start + replayed = spooled + delivered
 * + rejected + evicted + corrupt.
 */
#pragma once

#include "strbuf.h"

#include <stdint.h>

/*	  field, metric name (and labels), type, help */
#define COLLECTOR_STATS(X)                                                                         \
	X(datagrams, "nstats_datagrams_total", "counter", "Datagrams received")                    \
	X(datagram_bytes, "nstats_datagram_bytes_total", "counter",                                \
		"Bytes of the datagrams received")                                                 \
	X(accepted, "nstats_datagrams_accepted_total", "counter",                                  \
		"Datagrams whose records were taken")                                              \
	X(receive_drops, "nstats_receive_kernel_drops_total", "counter",                           \
		"Datagrams that the kernel dropped since the socket buffer was full")              \
	X(receive_truncated, "nstats_datagrams_rejected_total{reason=\"truncated\"}", "counter",   \
		"Datagrams not taken")                                                             \
	X(reject_oversize, "nstats_datagrams_rejected_total{reason=\"oversize\"}", "counter", "")  \
	X(reject_undecodable, "nstats_datagrams_rejected_total{reason=\"undecodable\"}",           \
		"counter", "")                                                                     \
	X(reject_limit, "nstats_datagrams_rejected_total{reason=\"limit\"}", "counter", "")        \
	X(reject_not_report, "nstats_datagrams_rejected_total{reason=\"not_report\"}", "counter",  \
		"")                                                                                \
	X(reject_busy, "nstats_datagrams_rejected_total{reason=\"busy\"}", "counter", "")          \
	X(reject_ahead, "nstats_datagrams_rejected_total{reason=\"ahead\"}", "counter", "")        \
	X(reject_ledger_full, "nstats_datagrams_rejected_total{reason=\"ledger_full\"}",           \
		"counter", "")                                                                     \
	X(duplicates, "nstats_datagrams_duplicate_total", "counter",                               \
		"Datagrams that were counted before")                                              \
	X(acks, "nstats_acks_total", "counter", "Acknowledgements sent")                           \
	X(ack_bytes, "nstats_ack_bytes_total", "counter", "Bytes of the acknowledgements sent")    \
	X(acks_dropped, "nstats_acks_dropped_total", "counter",                                    \
		"Acknowledgements owed and not sent: too many at a time, or no room in the "       \
		"kernel")                                                                          \
	X(late, "nstats_datagrams_late_total", "counter",                                          \
		"Datagrams that came after their probe had given them up")                         \
	X(records, "nstats_records_total", "counter", "Flow records accepted")                     \
	X(accepted_bytes, "nstats_accepted_bytes_total", "counter",                                \
		"Traffic in the accepted records")                                                 \
	X(waiting_bytes, "nstats_waiting_bytes", "gauge", "Traffic that waits for names or parts") \
	X(committing_bytes, "nstats_committing_bytes", "gauge",                                    \
		"Traffic in the commit that is under way")                                         \
	X(committed_bytes, "nstats_committed_bytes_total", "counter",                              \
		"Traffic committed to the spool")                                                  \
	X(commits, "nstats_commits_total", "counter", "Batches committed")                         \
	X(commit_failures, "nstats_commit_failures_total", "counter",                              \
		"Batches that could not be committed")                                             \
	X(commit_failed_bytes, "nstats_commit_failed_bytes_total", "counter",                      \
		"Traffic in batches that could not be committed")                                  \
	X(rows_dropped_bytes, "nstats_rows_dropped_bytes_total", "counter",                        \
		"Traffic of rows whose interval was committed 1,000 times before; lost as well")   \
	X(points, "nstats_points_total", "counter", "Points of measurement nstat committed")       \
	X(points_shifted, "nstats_points_shifted_total", "counter",                                \
		"Points whose offset k is not 0")                                                  \
	X(lost_bytes, "nstats_lost_bytes", "gauge",                                                \
		"Traffic that probes sealed and that never arrived, or had no point left; of "     \
		"forgotten ones while this collector runs")                                        \
	X(missing_bytes, "nstats_missing_bytes", "gauge",                                          \
		"Traffic that probes sealed before they fell silent for two minutes or more, and " \
		"that has not arrived")                                                            \
	X(ledger_boots, "nstats_ledger_boots", "gauge", "Starts of probes that the ledger knows")  \
	X(ledger_observers, "nstats_ledger_observers", "gauge", "Pod names that the ledger knows") \
	X(forgotten_finished, "nstats_ledger_boots_forgotten_total{reason=\"finished\"}",          \
		"counter", "Starts of probes that the full ledger forgot for new ones")            \
	X(forgotten_silent, "nstats_ledger_boots_forgotten_total{reason=\"silent\"}", "counter",   \
		"")                                                                                \
	X(forgotten_observers, "nstats_ledger_observers_forgotten_total", "counter",               \
		"Pod names that the full ledger forgot for new ones")                              \
	X(spool_bodies, "nstats_spool_bodies", "gauge", "Request bodies in the spool")             \
	X(spool_lines, "nstats_spool_lines", "gauge", "Lines in the spool")                        \
	X(spool_bytes, "nstats_spool_bytes", "gauge", "Traffic in the spool")                      \
	X(spool_data_bytes, "nstats_spool_data_bytes", "gauge", "Gzipped bytes in the spool")      \
	X(spool_max_bytes, "nstats_spool_max_bytes", "gauge", "What the spool may take on disk")   \
	X(spool_used_bytes, "nstats_spool_used_bytes", "gauge", "The spool's pages in use")        \
	X(spool_quota_bytes, "nstats_spool_quota_bytes", "gauge",                                  \
		"Pages in use above which the oldest rows are evicted")                            \
	X(spool_oldest_us, "nstats_spool_oldest_seconds", "gauge",                                 \
		"Time since the end of the oldest interval in the spool")                          \
	X(dead_lines, "nstats_dead_letter_lines", "gauge", "Lines among the dead letters")         \
	X(dead_evicted_lines, "nstats_dead_letter_evicted_lines_total", "counter",                 \
		"Lines that left the dead letters, for others' room or since they were damaged")   \
	X(dead_evicted_bytes, "nstats_dead_letter_evicted_bytes_total", "counter",                 \
		"Traffic that left the dead letters in the same way")                              \
	X(dead_damaged, "nstats_dead_letters_damaged_total", "counter",                            \
		"Damaged dead letters that were put aside in the spool")                           \
	X(evicted_lines, "nstats_evicted_lines_total", "counter", "Lines evicted over the quota")  \
	X(evicted_bytes, "nstats_evicted_bytes_total", "counter",                                  \
		"Traffic evicted over the quota")                                                  \
	X(spool_room_bytes, "nstats_spool_room_bytes", "gauge",                                    \
		"What the spool has of its disk whatever others do")                               \
	X(replayed_lines, "nstats_replayed_lines_total", "counter",                                \
		"Lines that went from the dead letters back into the spool")                       \
	X(replayed_bytes, "nstats_replayed_bytes_total", "counter",                                \
		"Traffic that went from the dead letters back into the spool")                     \
	X(corrupt_files, "nstats_spool_corrupt_total", "counter",                                  \
		"Damaged spools that were moved aside")                                            \
	X(corrupt_lines, "nstats_spool_corrupt_lines_total", "counter",                            \
		"Lines in spools that were moved aside")                                           \
	X(corrupt_bytes, "nstats_spool_corrupt_bytes_total", "counter",                            \
		"Traffic in spools that were moved aside")                                         \
	X(delivered_lines, "nstats_delivered_lines_total", "counter", "Lines that InfluxDB took")  \
	X(delivered_bytes, "nstats_delivered_bytes_total", "counter",                              \
		"Traffic that InfluxDB took")                                                      \
	X(rejected_lines, "nstats_rejected_lines_total", "counter",                                \
		"Lines that InfluxDB refused for good")                                            \
	X(rejected_bytes, "nstats_rejected_bytes_total", "counter",                                \
		"Traffic that InfluxDB refused for good")                                          \
	X(posts, "nstats_posts_total", "counter", "Requests sent to InfluxDB")                     \
	X(posts_kept, "nstats_posts_kept_total", "counter",                                        \
		"Requests after which the body was kept")                                          \
	X(commit_us, "nstats_commit_latency_seconds", "gauge",                                     \
		"Longest time from an interval's end to its commit, over the last 10 s")           \
	X(delivery_us, "nstats_delivery_latency_seconds", "gauge",                                 \
		"Longest time from an interval's end until InfluxDB had it, over the last 10 s")   \
	X(spool_errors, "nstats_spool_errors_total", "counter",                                    \
		"Reads and deletes of the spool that failed")                                      \
	X(series, "nstats_series", "gauge", "Live series, the remainders not among them")          \
	X(series_max, "nstats_series_max", "gauge", "Live series that there may be: --max-series") \
	X(folded_port_pod, "nstats_series_folded_total{what=\"port\",reason=\"pod\"}", "counter",  \
		"Records of new series beyond the budget, by what they lost: of all pods, or of "  \
		"their pod")                                                                       \
	X(folded_port_total, "nstats_series_folded_total{what=\"port\",reason=\"total\"}",         \
		"counter", "")                                                                     \
	X(folded_name_pod, "nstats_series_folded_total{what=\"name\",reason=\"pod\"}", "counter",  \
		"")                                                                                \
	X(folded_name_total, "nstats_series_folded_total{what=\"name\",reason=\"total\"}",         \
		"counter", "")                                                                     \
	X(labels, "nstats_labels", "gauge", "Prefixes that --labels names")                        \
	X(labels_read, "nstats_labels_read_total{result=\"ok\"}", "counter",                       \
		"Times that --labels was read again; what failed left the labels as they were")    \
	X(labels_failed, "nstats_labels_read_total{result=\"failed\"}", "counter", "")             \
	X(seen_unusable, "nstats_seen_names_unusable_total", "counter",                            \
		"Look-ups of names that pods saw, of which nothing was left as a tag")             \
	X(ptr_asked, "nstats_ptr_queries_total", "counter", "PTR queries sent")                    \
	X(ptr_names, "nstats_ptr_answers_total{result=\"name\"}", "counter",                       \
		"Answers to PTR queries")                                                          \
	X(ptr_none, "nstats_ptr_answers_total{result=\"none\"}", "counter", "")                    \
	X(ptr_failed, "nstats_ptr_answers_total{result=\"failed\"}", "counter", "")                \
	X(ptr_throttled, "nstats_ptr_throttled_total", "counter",                                  \
		"Look-ups not asked since the rate limit or the table was full")                   \
	X(kube_pods, "nstats_kubernetes_objects{kind=\"pod\"}", "gauge",                           \
		"What of Kubernetes is known and there")                                           \
	X(kube_services, "nstats_kubernetes_objects{kind=\"service\"}", "gauge", "")               \
	X(kube_nodes, "nstats_kubernetes_objects{kind=\"node\"}", "gauge", "")                     \
	X(kube_past, "nstats_kubernetes_objects_past", "gauge",                                    \
		"What of Kubernetes is over, and kept for intervals that come late")               \
	X(kube_lists, "nstats_kubernetes_lists_total", "counter",                                  \
		"Lists that Kubernetes gave to their end")                                         \
	X(kube_events, "nstats_kubernetes_events_total", "counter",                                \
		"Events of Kubernetes' watches, bookmarks included")                               \
	X(kube_stale, "nstats_kubernetes_objects_stale_total", "counter",                          \
		"Objects that a new list had no more, without an event that said so")              \
	X(kube_overflow, "nstats_kubernetes_objects_rejected_total{reason=\"full\"}", "counter",   \
		"Objects, or versions of one, that were not taken")                                \
	X(kube_oversized, "nstats_kubernetes_objects_rejected_total{reason=\"oversize\"}",         \
		"counter", "")                                                                     \
	X(kube_malformed, "nstats_kubernetes_objects_rejected_total{reason=\"malformed\"}",        \
		"counter", "")                                                                     \
	X(kube_unreachable, "nstats_kubernetes_errors_total{reason=\"unreachable\"}", "counter",   \
		"Requests to Kubernetes that came to nothing")                                     \
	X(kube_silent, "nstats_kubernetes_errors_total{reason=\"silent\"}", "counter", "")         \
	X(kube_unauthorized, "nstats_kubernetes_errors_total{reason=\"unauthorized\"}", "counter", \
		"")                                                                                \
	X(kube_forbidden, "nstats_kubernetes_errors_total{reason=\"forbidden\"}", "counter", "")   \
	X(kube_busy, "nstats_kubernetes_errors_total{reason=\"busy\"}", "counter", "")             \
	X(kube_expired, "nstats_kubernetes_errors_total{reason=\"expired\"}", "counter", "")       \
	X(kube_undecodable, "nstats_kubernetes_errors_total{reason=\"undecodable\"}", "counter",   \
		"")                                                                                \
	X(kube_failed, "nstats_kubernetes_errors_total{reason=\"failed\"}", "counter", "")         \
	X(probes, "nstats_probes", "gauge", "Probes heard of in the last minute")                  \
	X(probes_refused, "nstats_probes_refused_total", "counter",                                \
		"Probes beyond the table of probes")                                               \
	X(cpu_us, "process_cpu_seconds_total", "counter",                                          \
		"Processor time of the collector, user and system")                                \
	X(rss_bytes, "process_resident_memory_bytes", "gauge", "Resident memory of the collector")

struct stats {
#define X(field, name, type, help) uint64_t field;
	COLLECTOR_STATS(X)
#undef X
};

/* For commit_us and delivery_us. By the clocks of two machines, so that it may be negative. */
static inline void stats_note_longest(uint64_t *longest_us, int64_t took_ms)
{
	if (took_ms > 0 && (uint64_t)took_ms * 1000 > *longest_us)
		*longest_us = (uint64_t)took_ms * 1000;
}

/* Prometheus' text format: HELP and TYPE once a name, in the order of the table. */
void stats_render(const struct stats *stats, struct strbuf *out);

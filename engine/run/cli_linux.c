/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/cli_linux.h"

#include <inttypes.h>

#include "engine/base/stat.h"
#include "engine/run/cli_json.h"

#define PARTS_MAX 5

/* STAT_rx_frames, which is 0, is no part of any. */
static const struct {
	const char *name;
	uint8_t parts[PARTS_MAX]; /* enum stat */
} names[] = {
    {"IpReasmReqds", {STAT_fragments}},
    {"IpReasmOKs", {STAT_reassembled}},
    {"IpReasmTimeout", {STAT_drop_fragment_timeout}},
    {"IpOutNoRoutes", {STAT_no_route}},
    {"TcpActiveOpens", {STAT_active_opens}},
    {"TcpPassiveOpens", {STAT_passive_opens}},
    {"TcpAttemptFails", {STAT_active_open_failed}},
    {"TcpEstabResets", {STAT_established_resets}},
    {"TcpInSegs", {STAT_rx_segments, STAT_drop_bad_tcp_offset, STAT_drop_bad_tcp_csum}},
    {"TcpOutSegs", {STAT_tx_segments}},
    {"TcpRetransSegs", {STAT_retransmitted, STAT_synack_retransmitted}},
    {"TcpInErrs", {STAT_drop_bad_tcp_offset, STAT_drop_bad_tcp_csum}},
    {"TcpOutRsts", {STAT_rst_sent}},
    {"TcpInCsumErrors", {STAT_drop_bad_tcp_csum}},
    {"TcpExtSyncookiesSent", {STAT_syncookies_sent}},
    {"TcpExtSyncookiesRecv", {STAT_syncookies_received}},
    {"TcpExtSyncookiesFailed",
     {STAT_syncookies_failed, STAT_syncookies_stale, STAT_syncookies_early}},
    {"TcpExtOutOfWindowIcmps", {STAT_drop_icmp_stale}},
    {"TcpExtTWRecycled", {STAT_time_wait_reused}},
    {"TcpExtPAWSEstab", {STAT_drop_paws}},
    {"TcpExtDelayedACKs", {STAT_delayed_acks}},
    {"TcpExtListenOverflows", {STAT_drop_listen_overflow}},
    {"TcpExtListenDrops",
     {STAT_drop_listen_overflow, STAT_drop_no_half_open, STAT_drop_no_connection,
      STAT_drop_no_table_slot, STAT_drop_max_connections}},
    {"TcpExtTCPSACKReneging", {STAT_sack_reneged}},
    {"TcpExtTCPTimeouts", {STAT_rto_expired}},
    {"TcpExtTCPLossProbes", {STAT_tail_loss_probes}},
    {"TcpExtTCPLossProbeRecovery", {STAT_tail_losses}},
    {"TcpExtTCPDSACKRecv", {STAT_dsack_received}},
    {"TcpExtTCPAbortOnTimeout", {STAT_gave_up, STAT_keepalive_failed}},
    {"TcpExtTCPAbortOnMemory", {STAT_orphans_reset, STAT_stalled_reset}},
    {"TcpExtTCPBacklogDrop", {STAT_drop_handover_full}},
    {"TcpExtTCPRcvQDrop", {STAT_drop_rx_memory, STAT_drop_memory_full}},
    {"TcpExtTCPTimeWaitOverflow", {STAT_time_wait_overflow}},
    {"TcpExtTCPReqQFullDoCookies", {STAT_syncookies_sent}},
    {"TcpExtTCPReqQFullDrop", {STAT_drop_no_half_open}},
    {"TcpExtTCPOFOQueue", {STAT_out_of_order}},
    {"TcpExtTCPOFODrop", {STAT_drop_reassembly_full}},
    {"TcpExtTCPChallengeACK", {STAT_challenge_acks}},
    {"TcpExtTCPACKSkippedChallenge", {STAT_challenge_acks_limited}},
    {"TcpExtTCPKeepAlive", {STAT_keepalive_probes}},
};
static_assert(STAT_COUNT <= UINT8_MAX && STAT_rx_frames == 0, "parts hold them in a byte");

json_t *linux_counters(json_t *counters)
{
	json_t *sums = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t sum = 0;

		for (size_t p = 0; p < PARTS_MAX && names[i].parts[p]; p++)
			sum += number_of(counters, stat_name(names[i].parts[p]));
		json_object_set_new(sums, names[i].name, json_integer((json_int_t)sum));
	}
	json_decref(counters);
	return sums;
}

json_t *linux_explanations(void)
{
	json_t *texts = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char text[160];
		size_t at = 0;

		for (size_t p = 0; p < PARTS_MAX && names[i].parts[p]; p++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", p ? " + " : "",
					       stat_name(names[i].parts[p]));
		json_object_set_new(texts, names[i].name, json_string(text));
	}
	return texts;
}

void show_linux_counters(FILE *out, const json_t *counters, const struct show_counters *which)
{
	void *i = json_object_iter((json_t *)counters);

	fputs("#terminus\n", out);
	for (; i; i = json_object_iter_next((json_t *)counters, i)) {
		const char *name = json_object_iter_key(i);
		uint64_t v = number_of(counters, name);

		if (is_wanted(which, name, v))
			fprintf(out, "%-31s %-18" PRIu64 " 0.0\n", name, v);
	}
}

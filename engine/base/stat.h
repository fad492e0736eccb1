/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters: one list of names for the whole engine, one array per shard with a
 * single writer. Readers sum the shards. Every frame that is not processed
 * raises exactly one drop_* counter. Names are part of the user interface.
 */
#pragma once

#include "engine/base/compiler.h"

/* clang-format off */
#define STAT_LIST(X) \
	X(rx_frames,			"frames received, those from other workers included") \
	X(tx_frames,			"frames handed to a port") \
	X(rx_segments,			"TCP segments that passed all checks of their headers") \
	X(tx_segments,			"TCP segments sent") \
	X(rx_data_segments,		"segments received with data or FIN") \
	X(rx_bytes,			"payload bytes accepted in order") \
	X(tx_bytes,			"payload bytes sent, retransmissions included") \
	X(handed_over,			"frames that belong to another worker, passed on by ring") \
	X(taken_over,			"frames received from other workers by ring") \
	X(drop_too_short,		"a header or its length field exceeds the frame") \
	X(drop_not_ours_l2,		"another station's MAC address") \
	X(drop_unknown_ethertype,	"neither IPv4, IPv6, ARP nor a VLAN of these") \
	X(drop_bad_ip_version,		"version field does not match the Ethernet type") \
	X(drop_bad_ip_csum,		"IPv4 header checksum wrong") \
	X(fragments,			"IP fragments taken for reassembly") \
	X(reassembled,			"datagrams put together from them") \
	X(drop_fragment_bad,		"IP fragment of an impossible length") \
	X(drop_fragment_too_big,	"IP fragment of a datagram larger than a packet buffer") \
	X(drop_fragment_repeated,	"IP fragment received before") \
	X(drop_fragment_overlap,	"IP fragments that overlap or contradict each other") \
	X(drop_fragment_timeout,	"IP fragments whose datagram did not become complete") \
	X(drop_fragment_evicted,	"IP fragments given up for those of a newer datagram") \
	X(drop_source_route,		"IPv4 source route (RFC 7126)") \
	X(drop_unknown_protocol,	"neither TCP nor ICMP") \
	X(drop_bad_tcp_offset,		"TCP data offset impossible") \
	X(drop_bad_tcp_csum,		"TCP checksum wrong") \
	X(drop_bad_icmp_csum,		"ICMP checksum wrong") \
	X(drop_bad_source,		"source address not unicast (RFC 9293 MUST-57, MUST-63)") \
	X(drop_unknown_iface,		"VLAN without an interface") \
	X(drop_not_ours_l3,		"destination address is not ours") \
	X(drop_multicast_tcp,		"TCP sent to a group address (RFC 9293 MUST-57)") \
	X(drop_land,			"source equals destination") \
	X(drop_bad_arp,			"malformed ARP") \
	X(drop_bad_nd,			"malformed neighbour discovery (RFC 4861 section 7.1), or a listener query that is not from the link") \
	X(drop_unused_icmp,		"ICMP message of a kind that is not used") \
	X(drop_icmp_limited,		"echo request, query or SYN not answered by ICMP: icmp_msgs_per_sec") \
	X(drop_icmp_too_long,		"echo request that came in pieces, its answer no frame carries") \
	X(drop_icmp_stale,		"ICMP error about a segment that is not in flight (RFC 5927)") \
	X(drop_closed,			"segment to a closed port that must not be answered") \
	X(drop_refused,			"SYN or segment to a closed port dropped, since refuse says drop") \
	X(drop_no_buffer,		"no packet buffer left") \
	X(drop_tx_full,			"transmit queue full; the segment can be lost") \
	X(drop_handover_full,		"the other worker's ring is full") \
	X(drop_no_half_open,		"SYN refused: half-open table full (TCPReqQFullDrop)") \
	X(drop_no_table_slot,		"connection refused: connection table full") \
	X(drop_no_connection,		"connection refused: no control block left") \
	X(drop_max_connections,		"connection refused: its listener has max_connections") \
	X(drop_no_transfer,		"segment not taken: no transfer block left") \
	X(drop_listen_overflow,		"accept queue full (ListenOverflows)") \
	X(drop_bad_syn_ack_ack,		"ACK in SYN_RECEIVED acknowledges something else") \
	X(drop_out_of_window,		"segment outside the receive window") \
	X(drop_old_duplicate,		"segment entirely received before") \
	X(drop_paws,			"timestamp older than the last one (RFC 7323 section 5)") \
	X(drop_no_timestamp,		"timestamp missing on a connection that negotiated them") \
	X(drop_no_ack_flag,		"segment without ACK in a synchronized state") \
	X(drop_ack_unsent,		"acknowledges data never sent") \
	X(drop_ack_old,			"acknowledgment too old (RFC 5961 section 5)") \
	X(drop_bad_rst,			"RST outside the window or not exact (RFC 5961 section 3)") \
	X(drop_time_wait_rst,		"RST in TIME_WAIT ignored (RFC 1337)") \
	X(drop_after_close,		"data for a connection its service has closed") \
	X(drop_reassembly_full,		"out-of-order data beyond the receive buffer") \
	X(drop_rx_memory,		"receive queue's share of buffers used up") \
	X(drop_memory_full,		"text that came while too few buffers were left to queue it") \
	X(drop_not_synchronized,	"segment unacceptable in LISTEN or SYN_SENT") \
	X(syn_received,			"SYNs that opened a half-open entry") \
	X(synack_retransmitted,		"SYN-ACKs sent again") \
	X(half_open_expired,		"half-open entries given up") \
	X(half_open_evicted,		"half-open entries given up for newer ones") \
	X(syncookies_begun,		"times that a listener began to send SYN cookies") \
	X(syncookies_ended,		"times that a listener had room again and sent no more") \
	X(syncookies_sent,		"SYNs answered with a cookie (SyncookiesSent, TCPReqQFullDoCookies)") \
	X(syncookies_received,		"connections opened by an ACK that brought one back (SyncookiesRecv)") \
	X(syncookies_stale,		"ACKs refused: their cookie is too old") \
	X(syncookies_early,		"ACKs refused: their cookie is of a time to come (clocks differ)") \
	X(syncookies_failed,		"ACKs refused: they bring no cookie of ours (SyncookiesFailed)") \
	X(prefix_refused,		"SYNs and cookies refused: a listener's prefix lists say so") \
	X(source_limit_refused,		"SYNs and handshakes refused: their source has connections enough") \
	X(source_rate_refused,		"SYNs and handshakes refused: their source connects too often") \
	X(sources_crowded,		"connections counted roughly: no entry was left for their source") \
	X(passive_opens,		"connections accepted (PassiveOpens)") \
	X(active_opens,			"connections begun (ActiveOpens)") \
	X(active_open_failed,		"connections begun that did not come up (AttemptFails)") \
	X(established_resets,		"established connections ended by a RST (EstabResets)") \
	X(rst_sent,			"RSTs sent (OutRsts)") \
	X(rst_limited,			"RSTs left out by max_rst_per_second") \
	X(rst_received,			"acceptable RSTs received") \
	X(challenge_acks,		"challenge ACKs sent (RFC 5961)") \
	X(challenge_acks_limited,	"challenge ACKs left out by their rate limit") \
	X(retransmitted,		"segments sent again (RetransSegs)") \
	X(rto_expired,			"retransmission timeouts") \
	X(fast_retransmits,		"loss recoveries begun by SACK, RACK or duplicate ACKs") \
	X(spurious_recoveries,		"reductions of the window taken back: nothing was lost") \
	X(tail_loss_probes,		"probes of a silent tail (RFC 8985)") \
	X(tail_losses,			"losses that such a probe repaired") \
	X(sack_reneged,			"SACKed data that had to be sent again") \
	X(dsack_received,		"reports of data received twice") \
	X(ecn_marked,			"segments that a router marked instead of dropping (CE)") \
	X(ecn_reductions,		"windows reduced because the peer echoed such a mark") \
	X(window_probes,		"zero-window probes sent") \
	X(keepalive_probes,		"keepalive probes sent") \
	X(keepalive_failed,		"connections given up after unanswered keepalives") \
	X(idle_expired,			"connections ended by their idle timeout") \
	X(gave_up,			"connections given up after R2 retransmissions") \
	X(out_of_order,			"segments queued out of order") \
	X(duplicate_bytes,		"payload bytes received more than once") \
	X(delayed_acks,			"ACKs sent by the delayed-ACK timer") \
	X(time_wait,			"connections that entered TIME_WAIT") \
	X(time_wait_reused,		"TIME_WAIT ended by a new SYN (RFC 6191)") \
	X(time_wait_overflow,		"TIME_WAIT skipped: table full (TCPTimeWaitOverflow)") \
	X(orphans_reset,		"connections reset because too many were closing (TCPAbortOnMemory)") \
	X(memory_pressure,		"times that packet buffers ran short (TCPMemoryPressures)") \
	X(stalled_reset,		"connections reset for want of memory: their peers took nothing") \
	X(early_forgotten,		"out-of-order segments forgotten for want of memory (OfoPruned)") \
	X(first_byte_expired,		"clients reset: nothing sent in first_byte_timeout") \
	X(request_expired,		"clients reset: request head not complete in request_timeout") \
	X(half_close_expired,		"half-closed connections ended by half_close_timeout") \
	X(slow_read_reaped,		"clients reset: they take data slower than min_rate") \
	X(slow_write_reaped,		"clients reset: they trickle a request, slower than min_rate") \
	X(fin_wait_2_expired,		"FIN_WAIT_2 ended by its timeout") \
	X(urgent_received,		"segments with urgent data") \
	X(icmp_echo,			"echo requests answered") \
	X(icmp_unreachable_sent,	"SYNs answered with port unreachable, since refuse says so") \
	X(icmp_errors,			"ICMP errors that match a connection") \
	X(path_mtu_lowered,		"connections whose segments became smaller (RFC 1191, 8201)") \
	X(arp_replies,			"ARP requests answered") \
	X(nd_replies,			"neighbour solicitations answered") \
	X(mld_replies,			"multicast listener queries answered") \
	X(neighbour_requests,		"ARP requests and solicitations sent") \
	X(neighbour_failed,		"next hops that did not answer") \
	X(neighbour_contested,		"claims by others to the address of a next hop that is known") \
	X(neighbour_moved,		"next hops that fell silent, taken over by who claimed them") \
	X(neighbour_full,		"neighbour table full") \
	X(neighbour_limited,		"neighbours' answers not passed on to other workers: too many") \
	X(no_route,			"destinations without a route") \
	X(proxy_sessions,		"client connections paired with a backend") \
	X(proxy_connect_failed,		"backend connections refused or timed out") \
	X(proxy_retries,		"connections retried on another backend") \
	X(proxy_no_backend,		"clients reset because every backend failed") \
	X(proxy_no_port,		"no free source port towards a backend") \
	X(http_requests,		"requests answered by the http service") \
	X(http_bad_requests,		"requests the http service could not parse")
/* clang-format on */

enum stat {
#define STAT_ENUM(name, text) STAT_##name,
	STAT_LIST(STAT_ENUM)
#undef STAT_ENUM
	    STAT_COUNT
};

/* Name and explanation of counter i < STAT_COUNT. */
const char *stat_name(enum stat i);
const char *stat_text(enum stat i);

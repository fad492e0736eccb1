/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a shard tells about itself: connections, listeners, pools and objects,
 * copied into plain structs that listings can be made from on another thread.
 * The calls are made on the shard's own thread and each does a bounded amount
 * of work, so that a listing of millions of connections never stalls a turn.
 * The only reader of engine/tcp's records outside of it.
 */
#pragma once

#include "engine/shard.h"

#define INFO_VISIT_MAX 4096 /* records looked at in one call at most */

enum info_kind { INFO_CONN, INFO_HALF, INFO_TIME_WAIT, INFO_NB_KINDS };

/* Why a connection's timer is armed, in the words of ss(8) where it has one. */
enum info_timer {
	INFO_TIMER_OFF,
	INFO_TIMER_ON,        /* retransmission, of a SYN or SYN-ACK as well */
	INFO_TIMER_KEEPALIVE, /* next keepalive probe */
	INFO_TIMER_TIME_WAIT, /* TIME_WAIT or FIN_WAIT_2 ends */
	INFO_TIMER_PERSIST,   /* next zero-window probe */
	INFO_TIMER_ACK,       /* delayed ACK */
	INFO_TIMER_IDLE,      /* idle timeout */
};

/* One connection. Sizes in bytes; ports in network order; indexes are those of
 * struct conf, CONF_NONE where there is none. Half-open and TIME_WAIT entries
 * have no round trip, no windows and no queues: those fields are 0. */
struct conn_info {
	struct ipaddr local, remote;
	uint16_t lport_be, rport_be;
	uint8_t kind;                        /* enum info_kind */
	uint8_t state;                       /* enum tcp_state */
	uint8_t timer;                       /* enum info_timer */
	uint8_t retries;                     /* unanswered retransmissions or probes in a row */
	bool active;                         /* we sent the first SYN */
	bool timestamps, sack, wscale;       /* what both SYNs offered */
	uint8_t snd_wscale, rcv_wscale;      /* shifts: the peer's, ours */
	uint16_t mss;                        /* largest payload we may send */
	uint16_t listener;                   /* passive: whose connection it is */
	uint16_t pool, backend;              /* active */
	uint32_t recv_q;                     /* received in order and not yet read by the service */
	uint32_t send_q;                     /* not yet acknowledged by the peer, unsent included */
	uint32_t timer_ms;                   /* until the timer expires */
	uint32_t rto_us, srtt_us, rttvar_us; /* srtt_us 0: not measured yet */
	uint32_t cwnd, ssthresh, snd_wnd;
	uint32_t age_ms;  /* since the control block was taken; 0 for the small entries */
	uint32_t idle_ms; /* since the last acceptable segment; likewise */
};

/* Ports lo..hi in host order, 0..65535: any. */
struct info_ports {
	uint16_t lo, hi;
	bool invert; /* all ports but these */
};

/* One side of a connection: addresses within a prefix, ports within a range. */
struct info_side {
	struct ipaddr addr; /* family 0: any */
	uint8_t prefix_len;
	struct info_ports ports;
};

/* What to list: everything that fits all of it. */
struct info_filter {
	uint32_t states; /* bit 1 << enum tcp_state for each that is wanted */
	struct info_side local, remote;
	uint16_t listener_first, listener_last; /* a range, CONF_NONE: any */
	uint16_t pool;                          /* CONF_NONE: any */
};

/* A filter that everything passes. */
void info_filter_all(struct info_filter *f);

bool info_filter_matches(const struct info_filter *f, const struct conn_info *c);

/*
 * Copies the next connections that pass the filter to out[0..max) and returns
 * how many. Begin with cursor 0 and go on with *next, until that is 0; a call
 * may return nothing and still not be at the end. Connections that come, go or
 * change their kind between two calls are listed once, twice or not at all.
 * Cursors are below 2^40.
 */
uint32_t info_connections(const struct shard *sh, uint64_t cursor, const struct info_filter *f,
			  struct conn_info *out, uint32_t max, uint64_t *next);

/* This shard's part of a listener. */
struct listener_info {
	uint32_t backlog;         /* limit of the accept queue */
	uint32_t queued;          /* connections in it */
	uint32_t half_open;       /* SYN_RECEIVED entries, */
	uint32_t max_half_open;   /* of at most so many */
	uint32_t connections;     /* of the whole listener, with all its addresses, */
	uint32_t max_connections; /* of at most so many, 0: no limit, */
	uint32_t reserve;         /* and so many that others cannot take */
	bool cookies;             /* SYNs are answered with cookies for want of room, */
	bool supply;              /* of the room of all listeners, else of its own, */
	uint32_t pressed_ms;      /* for so long by now */
	uint64_t accepted;
	uint64_t overflows; /* SYNs and completed handshakes that found the accept queue full */
	uint64_t drops;     /* these, and what was refused for want of anything else */
	uint64_t cookies_sent, cookies_received, cookies_failed;
	uint64_t time_wait_overflows; /* connections that ended without TIME_WAIT: no record */
	uint64_t prefix_refused; /* clients turned away by prefix lists, */
	uint64_t source_limit_refused, source_rate_refused; /* and by limits of their source */
};

/* Adds another shard's part of the same listener. */
void listener_info_add(struct listener_info *sum, const struct listener_info *l);

/* Copies listeners first .. of conf->listeners; returns how many, 0: no more. */
uint32_t info_listeners(const struct shard *sh, uint32_t first, struct listener_info *out,
			uint32_t max);

/* This shard's part of one backend of a pool. */
struct backend_info {
	uint16_t pool, backend; /* indexes in struct conf */
	uint32_t active;        /* connections now, TIME_WAIT not counted */
	uint32_t free_ports;    /* source ports left towards it, */
	uint32_t nb_ports;      /* of so many */
	uint32_t pool_sessions; /* pairs of the whole pool now, */
	uint32_t pool_limit;    /* of at most so many, 0: no limit */
	uint64_t total, failed; /* connections begun, and of these not established */
};

/* Copies the backends of all pools one after the other, from number `first` on;
 * returns how many, 0: no more. */
uint32_t info_backends(const struct shard *sh, uint32_t first, struct backend_info *out,
		       uint32_t max);

/* This shard's part of a source that limits count. */
struct source_info {
	struct ipaddr addr;
	uint8_t prefix_len;
	uint16_t listener; /* index in struct conf of its first entry */
	uint32_t connections;
	uint32_t refused;
	uint32_t recent_milli; /* connections begun lately, in thousandths a second */
};

/* Copies the next sources with connections, or refused something, to out[0..max) and returns how
 * many, as info_connections() does. Sources without an entry of their own are not listed. */
uint32_t info_sources(const struct shard *sh, uint64_t cursor, struct source_info *out,
		      uint32_t max, uint64_t *next);

/* Objects of limited number. */
enum info_object {
	INFO_CONNECTIONS,
	INFO_HALF_OPEN,
	INFO_TIME_WAITS,
	INFO_TRANSFERS,
	INFO_SESSIONS,
	INFO_PEERS_V6, /* IPv6 addresses of peers */
	INFO_SOURCES,  /* sources with connections, of those that limits count */
	INFO_NB_OBJECTS
};

struct object_info {
	uint32_t used[INFO_NB_OBJECTS], limit[INFO_NB_OBJECTS];
	uint32_t cached_buffers; /* free packet buffers that the shard keeps at hand */
};

void info_objects(const struct shard *sh, struct object_info *out);

/* Name of an object, as the configuration calls its limit. */
const char *info_object_name(enum info_object i);
const char *info_timer_name(enum info_timer t);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A shard: everything one worker owns. Tables, pools, wheels, secrets, counters
 * and the frames about to leave; no other thread touches any of it, but for the
 * counts of its sources, which others read, so there is no lock. It lives in one
 * piece of memory that its owner allocates before the start; nothing is allocated
 * afterwards. The connections lie right behind the struct: they are found without a load.
 *
 * A turn of the worker is: shard_receive() for each burst, shard_timers(),
 * shard_finish(), then the frames in shard.tx go to the ports. `now` is sampled
 * once per turn. The same calls drive the engine in tests and simulations.
 */
#pragma once

#include "engine/base/budget.h"
#include "engine/base/buf.h"
#include "engine/base/group_wheel.h"
#include "engine/base/pool.h"
#include "engine/base/prf.h"
#include "engine/base/stat.h"
#include "engine/base/tick.h"
#include "engine/base/wheel.h"
#include "engine/conf.h"
#include "engine/net/frag.h"
#include "engine/net/hops.h"
#include "engine/net/net.h"
#include "engine/table/conn_table.h"
#include "engine/table/source_table.h"
#include "engine/table/time_wait_lines.h"
#include "engine/tcp/conn.h"

#define SHARD_BURST	64   /* frames in one burst at most */
#define SHARD_TX_RING	512  /* frames waiting for a port at most */
#define SHARD_HANDOVER	256  /* frames waiting for other workers at most */
#define SHARD_BUF_CACHE 128  /* free bufs kept at hand */

struct prefix_set; /* table/prefix_table.h */
struct prefix_table;

/* Frames finished and not yet taken by their port, oldest first. */
struct txq {
	uint32_t count;
	struct buf *bufs[SHARD_TX_RING];
};

/* Free buffers, last freed first: the next reply goes out in a warm one. */
struct buf_cache {
	uint32_t count;
	struct buf *bufs[SHARD_BUF_CACHE];
};

/* Whether SYN cookies are due, and may come back. */
struct syn_pressure {
	bool cookies;	     /* SYNs are answered with cookies for want of room, */
	bool supply;	     /* of the room of all listeners, else of its own, */
	uint32_t syns;	     /* answered with one since `second` that has not come back */
	tick_t second;	     /* when the second that is being counted began */
	tick_t crowded_at;   /* when there was too little room, or too many SYNs, last */
	tick_t cookie_at;    /* when a cookie was sent last, if any was */
	tick_t begun_at;     /* when there was no room first */
	uint64_t cookies_sent;
};

/* A key of SYN cookies, drawn from the secret for a period (tcp/cookie.c). */
struct cookie_key {
	struct prf_key key;
	uint32_t period;
	bool valid;
};

#define SHARD_COOKIE_KEYS 4

#define HALF_MARKS 8

/* Where a listener's half-open entries lie in their pool (tcp/backlog.c). */
struct half_trail {
	uint32_t hand;	 /* where one that may go is looked for next */
	uint32_t newest; /* the entry made last, and */
	uint32_t marks[HALF_MARKS]; /* some of those before, as far apart as makes them reach to
				     * the oldest; next: the first of them */
	uint32_t next;
	uint32_t left; /* entries to be made until there is another mark */
};

/* A listener's state in this shard: its accept queue (M8), its half-open entries (M7), and who may
 * connect (tcp/admit.c). */
struct listener_state {
	uint32_t head, tail; /* conn indexes linked by svc_data */
	uint32_t length;
	uint32_t backlog;    /* limit: this shard's share */
	uint32_t half_open;  /* SYN_RECEIVED entries of this listener */
	uint32_t max_half_open; /* limit: this shard's share of max_syn_backlog */
	struct syn_pressure pressure;
	bool guarded;	     /* not everybody may connect: what follows the first line says who */

	const struct prefix_table *prefixes; /* 64: who may, NULL: whoever they are */
	uint32_t dead; /* connections that have ended in the accept queue and are still there */
	uint64_t accepted;
	uint64_t overflows; /* SYNs and completed handshakes that found the accept queue full */
	uint64_t drops;	    /* these, and what was refused for want of anything else */
	uint64_t cookies_received, cookies_failed;
	uint64_t time_wait_overflows; /* connections that ended without the wait for want of room */
	uint64_t prefix_refused; /* SYNs and cookies of who may not */
	uint64_t source_limit_refused, source_rate_refused; /* and of who may no more */
	struct half_trail trail;
} CACHE_ALIGNED;
static_assert(offsetof(struct listener_state, prefixes) == CACHE_LINE,
	      "what each SYN needs is in one line");

/* How many connections a listener, with all its addresses, or a pool may have (tcp/quota.c). */
struct quota {
	uint32_t used;
	uint32_t max;	  /* UINT32_MAX: as many as there are */
	uint32_t reserve; /* so many at any time */
};

/* What of a listener's, or a pool's, has deadlines of its own, or comes later. */
enum profile_limits {
	LIMIT_SILENCE = 1 << 0, /* idle_timeout or keepalive */
	LIMIT_FIRST_BYTE = 1 << 1,
	LIMIT_MIN_RATE = 1 << 2,
	LIMIT_DEFER = 1 << 3,
};

/* How a class of connections behaves: one per listener, one per pool. */
struct profile {
	const struct conf_tcp *tcp;
	const struct service *service; /* who gets the events; NULL never */
	const struct conf_body *body;  /* http: the answer; NULL with others */
	uint16_t listener;	       /* index, CONF_NONE for a pool's */
	uint16_t pool;		       /* index, CONF_NONE for a listener's */
	uint16_t quota : 11;	       /* index */
	uint16_t limits : 4;	       /* enum profile_limits */
	uint16_t tw_line : 11;	       /* of its connections in TIME_WAIT */
	uint16_t wscale : 4;	       /* the shift that lets 16 bits hold the receive buffer */
	uint16_t ordinary : 1;	       /* neither pacing nor a user timeout, but PMTU discovery */
};
static_assert(sizeof(struct profile) == 32, "found by a shift");
static_assert(CONF_MAX_LISTENERS + CONF_MAX_POOLS + 2 <= 1 << 11, "a line each, two of cookies");

struct toeplitz;

/* Limits for each source (tcp/admit.c): our counts, and those of all shards, ours included. */
struct source_guard {
	struct source_table table;
	const struct source_table *all[CONF_MAX_WORKERS];
	uint16_t nb;
};

/* What a shard is made from. Everything pointed to outlives the shard. */
struct shard_args {
	const struct conf *conf;
	const struct net_link *links; /* one per conf->ports: MAC, MTU, capabilities */
	const struct buf_ops *buf_ops;
	uint16_t id, nb_shards;
	usec_t now;
	uint8_t entropy[64]; /* secret of the engine, the same for each of its shards */
	/* Secret that other machines have as well, whose SYN cookies are taken and who take ours;
	 * NULL: nobody has. Needed during the call only. */
	const uint8_t *shared_secret; /* SHARD_SHARED_SECRET bytes */
	uint64_t wall_offset_us; /* what makes the time of day of `now`; with a shared secret */
};

#define SHARD_SHARED_SECRET (2 * PRF_SECRET)

/* What was challenged last among all that falls on this entry (RFC 5961 §7). */
struct challenged {
	uint32_t ref, salt;
	tick_t at;
};

#define SHARD_CHALLENGED 64

/* A tuple, and a number, whose ACK brought no cookie, and when the first such one came. */
struct cookieless {
	uint32_t tag;
	tick_t since;
};

#define SHARD_COOKIELESS 256

/* Whether memory runs short, and what is done about it (tcp/pressure.h). */
struct pressure {
	uint32_t lean_below, lean_until; /* free buffers at which less is held, and no more */
	uint32_t reclaim_below, full_below;
	uint32_t cursor;	   /* connection looked at last */
	tick_t looked_at;
	bool lean;
	bool full;		   /* no text is queued */
	struct conf_tcp *lean_tcp; /* of each profile: in force while `lean` */
};

struct shard {
	usec_t now_us;
	tick_t now;
	uint16_t id, nb_shards;
	const struct conf *conf;
	const struct buf_ops *buf_ops;
	const struct toeplitz *toeplitz; /* NULL with one shard: everything is ours */

	struct conn_table table;
	struct pool conns, halves, xfers, addr6s, sessions; /* accessors: below */
	struct tw_lines time_waits;
	uint16_t spent_line, cookie_line; /* of records that wait as long as a SYN cookie is good */
	struct wheel conn_wheel;
	struct group_wheel half_wheel;
	uint32_t half_open_share; /* half-open entries that each listener is sure to get */
	uint32_t xfer_reserve;	  /* so many transfers are few, and not for what is to be
				   * carried on; 0: there is one for each connection */
	uint16_t half_rich;	  /* the listener that took more than its share last, and */
	uint16_t half_cursor;	  /* where another one is looked for when it has no more */
	tick_t swept_at;
	uint32_t swept;
	uint32_t work_head; /* conns with events or output due, linked by work_next */
	uint32_t *work_end; /* where the next one is linked */
	struct pressure pressure;
	uint32_t orphans, max_orphans; /* connections that their service has closed */
	bool flushing; /* inside shard_finish(): tells misuse in tests */
	bool flooded;  /* the last burst was answered with cookies (tcp/flood.h) */

	bool has_quotas;   /* some of them is limited or reserved */
	uint32_t reserved; /* control blocks that reserves still lack */
	struct quota *quotas; /* by profile, of which those of one listener share the first's */
	struct profile *profiles;
	struct listener_state *listeners;
	struct pool_state *pools;
	bool sessions_short; /* a pool's clients wait though it may have more sessions */
	uint16_t next_pool;  /* whose clients are asked first when there are some */
	struct progress *progress; /* of the transfers, by index; NULL: nobody has a min_rate */
	uint16_t *listen_table; /* see table/listen_table.h */
	uint32_t listen_mask;
	struct source_guard *sources; /* NULL: no listener has such limits */
	struct net net;
	struct frags frags;

	const struct prf *prf;
	struct prf_key table_key, isn_key, cookie_secret;
	struct cookie_key cookie_keys[SHARD_COOKIE_KEYS]; /* of the latest periods */
	const struct prf *cookie_prf; /* what their values are made with */
	uint64_t cookie_clock_ms;     /* added to the clock that periods are counted by */
	uint32_t cookie_skew_ms;      /* how far ahead of ours other machines' clocks may be; 0:
				       * there are none */
	struct cookieless cookieless[SHARD_COOKIELESS];
	uint32_t last_dst_be;	   /* IPv4 address that a segment was sent to last, and */
	uint16_t last_local;	   /* what net_local() says of it */
	uint16_t ip_id;		   /* of the last packet that may be fragmented */
	uint32_t ts_offset;	   /* added to the clock in timestamps: hides the uptime */
	/* Of challenge ACKs (RFC 5961 §7), RSTs to strangers, ICMP messages, and neighbours'
	 * answers that other workers are told of: about `hops`, those of their known holders and
	 * of anybody else, and about others. */
	struct budget challenge_budget, rst_budget, icmp_budget;
	struct budget holder_budget, hop_budget, share_budget;
	struct hops hops;
	struct challenged challenged[SHARD_CHALLENGED];

	struct buf_cache cache;
	struct txq tx[CONF_MAX_PORTS];
	uint32_t handover_count;
	struct buf *handover[SHARD_HANDOVER]; /* buf.owner, buf.port say where to */
	uint64_t stats[STAT_COUNT];
} CACHE_ALIGNED;

/* Bytes of memory for one of conf's shards, everything included but buffers. */
size_t shard_bytes(const struct conf *conf);

/* `mem` holds shard_bytes() zeroed bytes, cache-line aligned; the shard is at its beginning. Never
 * fails. */
struct shard *shard_init(void *mem, const struct shard_args *args);

/* Gives back every buffer the shard holds. Connections end silently. */
void shard_fini(struct shard *sh);

/* Sets the time of the turn; never goes back. Call before the others. When it leaps
 * by days it takes several turns to get there. */
void shard_set_time(struct shard *sh, usec_t now);

/* Takes n <= SHARD_BURST received frames, buf.port filled in, and owns them. */
void shard_receive(struct shard *sh, struct buf *const *bufs, uint32_t n);

/* Expires at most `budget` timers. Returns how many were handled. */
uint32_t shard_timers(struct shard *sh, uint32_t budget);

/* Delivers events to services, sends what is due, frees what has died. */
void shard_finish(struct shard *sh);

/* Earliest time at which shard_timers() has work; false: never. */
bool shard_next_deadline(struct shard *sh, usec_t *at);

/* From now on these lists say who may connect to the listeners; connections that are there are
 * not touched. The set is the configuration's, or one for the same listeners; it outlives the
 * shard, or the next call. Until the first one everybody may. */
void shard_set_prefixes(struct shard *sh, const struct prefix_set *set);

/* The shards of one engine learn of each other's tables of sources, so that limits are the
 * engine's. Before any of them runs; without it each has limits of its own. All of them exist
 * until the last has ended. */
void shard_share_sources(struct shard *const *shards, uint16_t n);

/* True when every table, wheel and pool is consistent and every connection
 * satisfies its invariants. Slow; for tests and simulations. */
bool shard_check(struct shard *sh);

static inline void stat_add(struct shard *sh, enum stat i, uint64_t n)
{
	sh->stats[i] += n;
}

static inline void stat_inc(struct shard *sh, enum stat i)
{
	sh->stats[i]++;
}

/* A fresh buf with BUF_HEADROOM in front, NULL when none is left. */
struct buf *shard_buf_alloc(struct shard *sh);

/* Frees a buf that no port holds (received, or never sent with BUF_KEEP). */
void shard_buf_free(struct shard *sh, struct buf *b);

/* Frees a buf that was sent with BUF_KEEP and may still be in a port. */
void shard_buf_free_kept(struct shard *sh, struct buf *b);

/* True while a sent buf must not be written to: it waits in shard.tx, or a port
 * still holds it. */
bool shard_buf_busy(const struct shard *sh, const struct buf *b);

/* Hands n frames to a port, returns how many it took: port_ops.tx_burst. */
typedef uint32_t (*shard_send_fn)(void *ctx, struct buf **bufs, uint32_t n);

/* Offers everything in sh->tx[port] to `send`; what it does not take stays for
 * the next turn. The only way frames leave a shard. Returns how many left. */
uint32_t shard_transmit(struct shard *sh, uint16_t port, shard_send_fn send, void *ctx);

static inline uint32_t shard_tx_room(const struct shard *sh, uint16_t port)
{
	return SHARD_TX_RING - sh->tx[port].count;
}

/* Queues a finished frame for its port; there must be room. */
static inline void shard_tx(struct shard *sh, uint16_t port, struct buf *b)
{
	struct txq *q = &sh->tx[port];

	INVARIANT(q->count < SHARD_TX_RING);
	b->port = (uint8_t)port;
	b->flags |= BUF_IN_TXQ;
	q->bufs[q->count++] = b;
	sh->stats[STAT_tx_frames]++;
}

/* Connections lie behind the shard itself. */
static inline struct conn_pair *shard_pairs(const struct shard *sh)
{
	return (struct conn_pair *)((uintptr_t)sh + sizeof(*sh));
}

static inline struct conn *shard_conn(const struct shard *sh, uint32_t index)
{
	return &shard_pairs(sh)[index].hot;
}

static inline struct half *shard_half(const struct shard *sh, uint32_t index)
{
	return (struct half *)(void *)sh->halves.base + index;
}

static inline uint32_t half_index(const struct shard *sh, const struct half *h)
{
	return (uint32_t)(h - shard_half(sh, 0));
}

static inline uint32_t conn_index(const struct shard *sh, const struct conn *c)
{
	return (uint32_t)(CONTAINER_OF(c, struct conn_pair, hot) - shard_pairs(sh));
}

static inline struct conn_cold *conn_cold(const struct conn *c)
{
	return (struct conn_cold *)((uintptr_t)c + offsetof(struct conn_pair, cold));
}

static inline struct xfer *conn_xfer(const struct shard *sh, const struct conn *c)
{
	return c->xfer ? (struct xfer *)(void *)sh->xfers.base + c->xfer : NULL;
}

static inline const struct profile *conn_profile(const struct shard *sh, const struct conn *c)
{
	return &sh->profiles[conn_cold(c)->profile];
}

static inline const struct conf_tcp *conn_tcp(const struct shard *sh, const struct conn *c)
{
	return conn_profile(sh, c)->tcp;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keyed functions of a few words that an outsider without the 128-bit key cannot compute: behind
 * places in tables, initial sequence numbers and SYN cookies.
 *
 * On a processor with AES instructions they are made of AES, else of SipHash; which one is
 * chosen once, when a shard begins. The two give different values: what is to mean something on
 * another machine is made with prf_portable.
 */
#pragma once

#include "engine/base/siphash.h"

#define PRF_SECRET   16 /* bytes of a secret */
#define PRF_TOGETHER 8

struct prf_key {
	uint8_t aes[11][16]; /* AES-128's round keys (FIPS 197) */
	uint8_t last[16];    /* CMAC's K1 (RFC 4493 §2.3) */
	struct siphash_key sip;
};

/*
 * place() and mac() take n words, an even number of them up to 6. Messages of different lengths are
 * different messages.
 */
struct prf {
	/* For places in tables, whose values nobody sees: AES of four rounds as a CBC-MAC, whose
	 * differentials have a probability of 2^-113 at most (Keliher, Sui: Exact maximum
	 * expected differential probability for AES, 2007), or SipHash-1-3. */
	uint64_t (*place)(const struct prf_key *key, const uint64_t *words, unsigned n);
	/* place() of any number of messages of two words, in less time than that many calls. */
	void (*places)(const struct prf_key *key, const uint64_t (*words)[2], uint32_t n,
		       uint64_t *places);
	/* Where values are seen: AES-CMAC (RFC 4493), cut to 64 bits, or SipHash-2-4. */
	uint64_t (*mac)(const struct prf_key *key, const uint64_t *words, unsigned n);
	/* mac() of PRF_TOGETHER messages of four words, in less time than that many calls. */
	void (*mac_together)(const struct prf_key *key, const uint64_t (*words)[4],
			     uint64_t *macs);
};

extern const struct prf prf_portable;

/* The fastest for this processor. */
const struct prf *prf_choose(void);

/* Prepares a key for either. */
void prf_key_init(struct prf_key *key, const uint8_t secret[PRF_SECRET]);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of the pcapng file format (draft-ietf-opsawg-pcapng) and of its
 * predecessor, pcap: those that the reader and the writer both need.
 */
#pragma once

enum pcapng_block {
	PCAPNG_IDB = 1, /* interface description */
	PCAPNG_SPB = 3, /* simple packet */
	PCAPNG_EPB = 6, /* enhanced packet */
	PCAPNG_SHB = 0x0a0d0d0a, /* section header; reads alike in both byte orders */
};

enum pcapng_option {
	PCAPNG_OPT_END = 0,
	PCAPNG_OPT_SHB_USERAPPL = 4,
	PCAPNG_OPT_IF_NAME = 2,
	PCAPNG_OPT_IF_MACADDR = 6,
	PCAPNG_OPT_IF_TSRESOL = 9,
	PCAPNG_OPT_IF_TSOFFSET = 14,
	PCAPNG_OPT_EPB_FLAGS = 2,
};

#define PCAPNG_BYTE_ORDER 0x1a2b3c4du

/* First two bits of epb_flags. */
enum pcapng_direction { PCAPNG_UNKNOWN = 0, PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

#define PCAP_MAGIC_USEC 0xa1b2c3d4u
#define PCAP_MAGIC_NSEC 0xa1b23c4du

#define LINKTYPE_ETHERNET 1

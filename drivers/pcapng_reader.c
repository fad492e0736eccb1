/* SPDX-License-Identifier: BSD-3-Clause */
/* Capture files as frames; see pcapng_reader.h. A block is read whole into one
 * buffer of fixed size and then parsed there; the few that are longer and hold
 * no packet are skipped over. */
#include "drivers/pcapng_reader.h"

#include <stdlib.h>

#define BODY_MAX   (1u << 20) /* of a block that is parsed: far above any frame */
#define IFACES_MAX 256

#define NSEC_PER_SEC 1000000000

struct iface {
	uint16_t link_type;
	uint32_t snap_len; /* 0: no limit */
	uint8_t resolution; /* as if_tsresol: of the timestamps */
	int64_t offset_s;   /* if_tsoffset */
	uint8_t mac[6];
	bool has_mac;
};

struct pcapng_reader {
	FILE *file;
	bool classic; /* pcap, not pcapng */
	bool swapped; /* the file's byte order is not ours */
	uint32_t nb_ifaces; /* of this section, the unstored ones past IFACES_MAX included */
	struct iface ifaces[IFACES_MAX];
	uint64_t bad;
	const char *error;
	uint8_t *body; /* BODY_MAX */
};

static uint16_t get16(const struct pcapng_reader *r, const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct pcapng_reader *r, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap32(v) : v;
}

static uint64_t get64(const struct pcapng_reader *r, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return r->swapped ? __builtin_bswap64(v) : v;
}

static bool fail(struct pcapng_reader *r, const char *why)
{
	r->error = why;
	return false;
}

static bool read_exactly(struct pcapng_reader *r, void *to, size_t n)
{
	if (fread(to, 1, n, r->file) == n)
		return true;
	return fail(r, ferror(r->file) ? "it cannot be read" : "it ends in the middle of a packet");
}

/* As read_exactly(), but between blocks, where the file may end: then false
 * without an error. */
static bool read_next(struct pcapng_reader *r, void *to, size_t n)
{
	size_t got = fread(to, 1, 1, r->file);

	if (got == 0 && !ferror(r->file))
		return false;
	return read_exactly(r, (uint8_t *)to + got, n - got);
}

static bool skip(struct pcapng_reader *r, uint64_t n)
{
	while (n > 0) {
		size_t piece = MIN(n, BODY_MAX);

		if (!read_exactly(r, r->body, piece))
			return false;
		n -= piece;
	}
	return true;
}

/* Nanoseconds of a timestamp in the interface's unit; saturates. 128 bits hold
 * every product below: 64 bits times at most 10^9. */
static uint64_t time_ns(const struct iface *i, uint64_t t)
{
	unsigned exponent = i->resolution & 0x7f;
	__int128 ns = t;

	if (i->resolution & 0x80) {
		ns = ns * NSEC_PER_SEC >> exponent;
	} else {
		for (; exponent < 9; exponent++)
			ns *= 10;
		for (; exponent > 9 && ns > 0; exponent--)
			ns /= 10;
	}
	ns += (__int128)i->offset_s * NSEC_PER_SEC;
	if (ns < 0)
		return 0;
	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

/* One option at *at; false at the end of the list. A length beyond `end` also
 * ends it: options are hints, the packet is still good. */
static bool next_option(const struct pcapng_reader *r, const uint8_t **at, const uint8_t *end,
			uint16_t *code, uint16_t *len, const uint8_t **value)
{
	if (end - *at < 4)
		return false;
	*code = get16(r, *at);
	*len = get16(r, *at + 2);
	*value = *at + 4;
	if (*code == PCAPNG_OPT_END || end - *value < (ptrdiff_t)ALIGN_UP(*len, 4u))
		return false;
	*at = *value + ALIGN_UP(*len, 4u);
	return true;
}

static void interface_block(struct pcapng_reader *r, uint32_t len)
{
	const uint8_t *at = r->body + 8, *end = r->body + len, *value;
	uint16_t code, size;
	struct iface *i;

	if (r->nb_ifaces++ >= IFACES_MAX)
		return;
	i = &r->ifaces[r->nb_ifaces - 1];
	*i = (struct iface){.resolution = 6};
	if (len < 8)
		return;
	i->link_type = get16(r, r->body);
	i->snap_len = get32(r, r->body + 4);
	while (next_option(r, &at, end, &code, &size, &value)) {
		if (code == PCAPNG_OPT_IF_TSRESOL && size == 1) {
			i->resolution = value[0];
		} else if (code == PCAPNG_OPT_IF_TSOFFSET && size == 8) {
			i->offset_s = (int64_t)get64(r, value);
		} else if (code == PCAPNG_OPT_IF_MACADDR && size == 6) {
			memcpy(i->mac, value, 6);
			i->has_mac = true;
		}
	}
}

/* What every packet has from its interface; false: not one that we read. */
static bool from_iface(struct pcapng_reader *r, uint32_t index, struct pcapng_packet *out)
{
	const struct iface *i;

	*out = (struct pcapng_packet){0};
	if (index >= r->nb_ifaces || index >= IFACES_MAX)
		return false;
	i = &r->ifaces[index];
	if (i->link_type != LINKTYPE_ETHERNET)
		return false;
	memcpy(out->mac, i->mac, sizeof(out->mac));
	out->has_mac = i->has_mac;
	return true;
}

static bool enhanced_packet(struct pcapng_reader *r, uint32_t len, struct pcapng_packet *out)
{
	const uint8_t *b = r->body, *at, *end = b + len, *value;
	uint16_t code, size;
	uint32_t index;

	if (len < 20)
		return false;
	index = get32(r, b);
	if (!from_iface(r, index, out))
		return false;
	out->time_ns = time_ns(&r->ifaces[index],
			       (uint64_t)get32(r, b + 4) << 32 | get32(r, b + 8));
	out->has_time = true;
	out->len = get32(r, b + 12);
	out->orig_len = get32(r, b + 16);
	out->data = b + 20;
	if (out->len > len - 20)
		return false;
	/* Blocks are padded, but a body that was not is no reason to read past it. */
	at = b + MIN(20 + ALIGN_UP(out->len, 4u), len);
	while (next_option(r, &at, end, &code, &size, &value)) {
		if (code == PCAPNG_OPT_EPB_FLAGS && size == 4)
			out->direction = get32(r, value) & 3;
	}
	return true;
}

static bool simple_packet(struct pcapng_reader *r, uint32_t len, struct pcapng_packet *out)
{
	if (len < 4 || !from_iface(r, 0, out))
		return false;
	out->orig_len = get32(r, r->body);
	out->len = out->orig_len;
	if (r->ifaces[0].snap_len > 0)
		out->len = MIN(out->len, r->ifaces[0].snap_len);
	out->data = r->body + 4;
	return out->len <= len - 4;
}

/* The rest of a section header, whose type has been read. */
static bool section_header(struct pcapng_reader *r)
{
	uint8_t head[8], trailer[4];
	uint32_t order, total;

	if (!read_exactly(r, head, sizeof(head)))
		return false;
	memcpy(&order, head + 4, sizeof(order));
	if (order != PCAPNG_BYTE_ORDER && order != __builtin_bswap32(PCAPNG_BYTE_ORDER))
		return fail(r, "a section header has no valid byte-order mark");
	r->swapped = order != PCAPNG_BYTE_ORDER;
	r->nb_ifaces = 0;
	total = get32(r, head);
	if (total < 28 || total % 4 != 0)
		return fail(r, "a section header has an impossible length");
	if (!skip(r, total - 16) || !read_exactly(r, trailer, sizeof(trailer)))
		return false;
	return get32(r, trailer) == total || fail(r, "a block's two lengths differ");
}

static bool is_parsed(uint32_t type)
{
	return type == PCAPNG_IDB || type == PCAPNG_SPB || type == PCAPNG_EPB;
}

/* Reads one block's length, body and second length. *len: bytes of body that
 * are in r->body, 0 when it was skipped over. */
static bool block_body(struct pcapng_reader *r, uint32_t type, uint32_t *len)
{
	uint8_t word[4];
	uint32_t total;

	*len = 0;
	if (!read_exactly(r, word, sizeof(word)))
		return false;
	total = get32(r, word);
	if (total < 12 || total % 4 != 0)
		return fail(r, "a block has an impossible length");
	if (is_parsed(type) && total - 12 <= BODY_MAX) {
		*len = total - 12;
		if (!read_exactly(r, r->body, *len))
			return false;
	} else if (!skip(r, total - 12)) {
		return false;
	}
	if (!read_exactly(r, word, sizeof(word)))
		return false;
	return get32(r, word) == total || fail(r, "a block's two lengths differ");
}

static bool next_pcapng(struct pcapng_reader *r, struct pcapng_packet *out)
{
	uint8_t word[4];
	uint32_t type, len;

	while (read_next(r, word, sizeof(word))) {
		type = get32(r, word);
		if (type == PCAPNG_SHB) {
			if (!section_header(r))
				return false;
			continue;
		}
		if (!block_body(r, type, &len))
			return false;
		if (type == PCAPNG_IDB)
			interface_block(r, len);
		if (type != PCAPNG_EPB && type != PCAPNG_SPB)
			continue;
		if (type == PCAPNG_EPB ? enhanced_packet(r, len, out) : simple_packet(r, len, out))
			return true;
		r->bad++;
	}
	return false;
}

static bool next_classic(struct pcapng_reader *r, struct pcapng_packet *out)
{
	uint8_t head[16];
	uint32_t len;

	if (!read_next(r, head, sizeof(head)))
		return false;
	len = get32(r, head + 8);
	if (len > BODY_MAX)
		return fail(r, "a packet has an impossible length");
	if (!read_exactly(r, r->body, len))
		return false;
	*out = (struct pcapng_packet){
		.data = r->body,
		.len = len,
		.orig_len = get32(r, head + 12),
		.time_ns = (uint64_t)get32(r, head) * NSEC_PER_SEC +
			   time_ns(&r->ifaces[0], get32(r, head + 4)),
		.has_time = true,
	};
	return true;
}

/* The rest of a classic file's header; `magic` as it stands in the file. */
static bool classic_header(struct pcapng_reader *r, uint32_t magic)
{
	uint8_t head[20];

	r->classic = true;
	r->swapped = magic != PCAP_MAGIC_USEC && magic != PCAP_MAGIC_NSEC;
	if (r->swapped)
		magic = __builtin_bswap32(magic);
	if (!read_exactly(r, head, sizeof(head)))
		return false;
	r->ifaces[0].resolution = magic == PCAP_MAGIC_NSEC ? 9 : 6;
	/* The upper bits tell of frame check sequences. */
	if ((get32(r, head + 16) & 0xffff) != LINKTYPE_ETHERNET)
		return fail(r, "its packets are not Ethernet frames");
	return true;
}

static bool is_classic(uint32_t magic)
{
	uint32_t swapped = __builtin_bswap32(magic);

	return magic == PCAP_MAGIC_USEC || magic == PCAP_MAGIC_NSEC ||
	       swapped == PCAP_MAGIC_USEC || swapped == PCAP_MAGIC_NSEC;
}

static bool file_header(struct pcapng_reader *r)
{
	uint32_t magic;

	if (fread(&magic, 1, sizeof(magic), r->file) != sizeof(magic))
		return fail(r, "it is empty or too short");
	if (is_classic(magic))
		return classic_header(r, magic);
	if (magic != PCAPNG_SHB)
		return fail(r, "it is neither a pcapng nor a pcap file");
	return section_header(r);
}

struct pcapng_reader *pcapng_reader_open(FILE *f, struct report *report)
{
	struct pcapng_reader *r = calloc(1, sizeof(*r));

	if (r)
		r->body = malloc(BODY_MAX);
	if (!r || !r->body) {
		report_error(report, "out of memory");
		free(r);
		return NULL;
	}
	r->file = f;
	if (!file_header(r)) {
		report_error(report, "%s", r->error);
		pcapng_reader_close(r);
		return NULL;
	}
	return r;
}

bool pcapng_reader_next(struct pcapng_reader *r, struct pcapng_packet *out)
{
	if (r->error)
		return false;
	return r->classic ? next_classic(r, out) : next_pcapng(r, out);
}

const char *pcapng_reader_error(const struct pcapng_reader *r)
{
	return r->error;
}

uint64_t pcapng_reader_bad(const struct pcapng_reader *r)
{
	return r->bad;
}

void pcapng_reader_close(struct pcapng_reader *r)
{
	if (!r)
		return;
	free(r->body);
	free(r);
}

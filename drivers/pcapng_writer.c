/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of a pcapng file; see pcapng_writer.h. */
#include "drivers/pcapng_writer.h"

#define TSRESOL_NSEC  9
#define OPT_COMMENT   1
#define OPT_EPB_QUEUE 6

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *put_padded(uint8_t *p, const void *data, uint32_t len)
{
	memcpy(p, data, len);
	memset(p + len, 0, ALIGN_UP(len, 4u) - len);
	return p + ALIGN_UP(len, 4u);
}

static uint8_t *put_option(uint8_t *p, uint16_t code, const void *value, uint16_t len)
{
	memcpy(p, &code, sizeof(code));
	memcpy(p + 2, &len, sizeof(len));
	return put_padded(p + 4, value, len);
}

/* Both lengths of the block from `start` on, whose body ends at `p`. */
static size_t finish(uint8_t *start, uint8_t *p)
{
	uint32_t total = (uint32_t)(p + 4 - start);

	put32(p, total);
	put32(start + 4, total);
	return total;
}

size_t pcapng_put_section(uint8_t *to, size_t room)
{
	static const char application[] = "terminus";
	const uint16_t version[2] = {1, 0};
	uint8_t *p = to + 8;

	if (room < PCAPNG_HEAD_MAX)
		return 0;
	put32(to, PCAPNG_SHB);
	p = put32(p, PCAPNG_BYTE_ORDER);
	p = put_padded(p, version, sizeof(version));
	p = put32(p, UINT32_MAX); /* section length: not given */
	p = put32(p, UINT32_MAX);
	p = put_option(p, PCAPNG_OPT_SHB_USERAPPL, application, sizeof(application) - 1);
	p = put32(p, PCAPNG_OPT_END);
	return finish(to, p);
}

size_t pcapng_put_interface(uint8_t *to, size_t room, const char *name, const uint8_t mac[6])
{
	const uint8_t resolution = TSRESOL_NSEC;
	uint8_t *p = to + 8;

	if (room < PCAPNG_HEAD_MAX)
		return 0;
	put32(to, PCAPNG_IDB);
	p = put_padded(p, &(const uint16_t[2]){LINKTYPE_ETHERNET, 0}, 4);
	p = put32(p, 0); /* frames are kept whole */
	p = put_option(p, PCAPNG_OPT_IF_NAME, name, (uint16_t)strnlen(name, 127));
	p = put_option(p, PCAPNG_OPT_IF_MACADDR, mac, 6);
	p = put_option(p, PCAPNG_OPT_IF_TSRESOL, &resolution, 1);
	p = put32(p, PCAPNG_OPT_END);
	return finish(to, p);
}

static size_t put_frame(uint8_t *to, const struct pcapng_frame *f)
{
	uint32_t flags = f->direction;
	uint8_t *p = to + 8;

	put32(to, PCAPNG_EPB);
	p = put32(p, f->iface);
	p = put32(p, (uint32_t)(f->time_ns >> 32));
	p = put32(p, (uint32_t)f->time_ns);
	p = put32(p, f->kept);
	p = put32(p, f->len);
	p = put_padded(p, f->data, f->kept);
	if (f->comment)
		p = put_option(p, OPT_COMMENT, f->comment,
			       (uint16_t)strnlen(f->comment, PCAPNG_COMMENT_MAX));
	p = put_option(p, PCAPNG_OPT_EPB_FLAGS, &flags, sizeof(flags));
	if (f->queue)
		p = put_option(p, OPT_EPB_QUEUE, f->queue, sizeof(*f->queue));
	p = put32(p, PCAPNG_OPT_END);
	return finish(to, p);
}

size_t pcapng_put_packet(uint8_t *to, size_t room, uint32_t iface, uint64_t time_ns,
			 enum pcapng_direction direction, const uint8_t *data, uint32_t len)
{
	struct pcapng_frame f = {iface, time_ns, direction, data, len, len, NULL, NULL};

	if (room < PCAPNG_PACKET_EXTRA)
		return 0;
	f.kept = (uint32_t)MIN(len, room - PCAPNG_PACKET_EXTRA);
	return put_frame(to, &f);
}

size_t pcapng_put_frame(uint8_t *to, size_t room, const struct pcapng_frame *f)
{
	if (room < (size_t)f->kept + PCAPNG_FRAME_EXTRA)
		return 0;
	return put_frame(to, f);
}

uint64_t pcapng_unwritten(const uint8_t *blocks, size_t bytes, size_t at, size_t *whole)
{
	uint64_t packets = 0;
	uint32_t head[2]; /* type, length */

	*whole = 0;
	for (size_t i = 0; i < bytes; i += head[1]) {
		memcpy(head, blocks + i, sizeof(head));
		if (i + head[1] <= at)
			*whole = i + head[1];
		else
			packets += head[0] == PCAPNG_EPB;
	}
	return packets;
}

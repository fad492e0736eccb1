/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/run/capture_filter.h"

#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAME_MAX 65535

/* From this offset on Linux answers questions about a packet that is not in the
 * frame, as which way it goes; other machines answer none of them. */
#define OUTSIDE_FRAME 0xfffff000u

static bool fail(char *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail(char *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CAPTURE_FILTER_ERROR_MAX, fmt, ap);
	va_end(ap);
	/* What libpcap quotes from the expression may have lines. */
	for (char *p = err; (p = strchr(p, '\n'));)
		*p = ' ';
	return false;
}

/* The program, in memory of our own; NULL with the reason in err[]. */
static struct bpf_insn *copy_program(const struct bpf_program *p, char *err)
{
	size_t bytes = p->bf_len * sizeof(p->bf_insns[0]);
	struct bpf_insn *program = malloc(bytes);

	if (program)
		memcpy(program, p->bf_insns, bytes);
	else
		fail(err, "no memory for the capture's filter");
	return program;
}

/* True when the program asks for what the frame's bytes do not tell: it would
 * never match. */
static bool asks_outside(const struct bpf_program *p)
{
	for (u_int i = 0; i < p->bf_len; i++)
		if (BPF_CLASS(p->bf_insns[i].code) == BPF_LD &&
		    BPF_MODE(p->bf_insns[i].code) == BPF_ABS && p->bf_insns[i].k >= OUTSIDE_FRAME)
			return true;
	return false;
}

static bool take_program(struct capture_filter *f, const struct bpf_program *p, const char *text,
			 char *err)
{
	if (asks_outside(p))
		return fail(err,
			    "filter \"%.40s\": it asks for more than is in the frame: leave "
			    "out inbound, outbound",
			    text);
	f->program = copy_program(p, err);
	return f->program != NULL;
}

bool capture_filter_compile(struct capture_filter *f, const char *text,
			    char err[CAPTURE_FILTER_ERROR_MAX])
{
	struct bpf_program p;
	bool ok = false;
	pcap_t *pcap;

	f->program = NULL;
	if (strspn(text, " ") == strlen(text))
		return true;
	if (strlen(text) > CAPTURE_FILTER_MAX)
		return fail(err, "filter: longer than %d characters", CAPTURE_FILTER_MAX);
	pcap = pcap_open_dead(DLT_EN10MB, FRAME_MAX);
	if (!pcap)
		return fail(err, "no memory for the capture's filter");
	if (pcap_compile(pcap, &p, text, 1, PCAP_NETMASK_UNKNOWN) == 0) {
		ok = take_program(f, &p, text, err);
		pcap_freecode(&p);
	} else {
		fail(err, "filter \"%.40s\": %.60s: write it as for tcpdump", text,
		     pcap_geterr(pcap));
	}
	pcap_close(pcap);
	return ok;
}

void capture_filter_free(struct capture_filter *f)
{
	free(f->program);
	f->program = NULL;
}

bool capture_filter_matches(const struct capture_filter *f, const uint8_t *frame, uint32_t len)
{
	return !f->program || bpf_filter(f->program, frame, len, len) != 0;
}

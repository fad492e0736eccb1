/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole shard, driven by a stream of operations: segments from peers that are
 * nearly right, other frames, time, what the service does, a port that is slow
 * or full. After each of them the laws of world_laws.c hold; at the end
 * everything closes and nothing is left over. See world.h for what is verified
 * on the way.
 *
 * Input: five bytes of configuration (world_init), then operations of one byte
 * and the bytes that they read themselves.
 */
#include "tests/fuzz/world.h"

#define OPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 0 to 63 ms, 20 ms, s or min. */
static usec_t span(uint8_t b)
{
	static const usec_t units[] = {1000, 20000, 1000000, 60000000};

	return (b & 63) * units[b >> 6];
}

static void set_mood(struct world *w, struct input *in)
{
	uint8_t which = input_u8(in), action = which >> 4;

	switch (which & 15) {
	case 0:
		w->moods.acceptable = action;
		break;
	case 1:
		w->moods.connected = action;
		break;
	case 2:
		w->moods.readable = action;
		break;
	case 3:
		w->moods.eof = action;
		break;
	case 4:
		w->moods.writable = action;
		break;
	case 5:
		w->moods.closed = action;
		break;
	default:
		/* The manners of a service that behaves. */
		w->moods = (struct moods){.acceptable = 4, .readable = 6, .eof = 8, .writable = 4};
	}
}

static void change_wire(struct world *w, struct input *in)
{
	uint8_t how = input_u8(in);

	switch (how & 7) {
	case 1:
		w->wire_keeps = true;
		break;
	case 2:
		w->wire_takes = how >> 3;
		break;
	case 3:
		world_wire_release(w, how >> 3);
		break;
	case 4:
		world_wire_fill(w, how >> 3);
		break;
	case 5:
		net_announce(w->sh, 0);
		break;
	default:
		w->wire_takes = WORLD_WIRE_MAX;
		w->wire_keeps = false;
	}
}

static void use_call(struct world *w, struct input *in)
{
	uint8_t index = input_u8(in), action = input_u8(in);

	if (action >> 4 == 1)
		world_accept(w, index % 4);
	else if (action >> 4 == 2)
		world_connect(w);
	else if (action >> 4 == 3)
		world_list(w, index);
	else
		world_act(w, 1 + index % WORLD_CONNS_MAX, action & 15);
}

static void operate(struct world *w, uint8_t op, struct input *in)
{
	switch (op % 10) {
	case 0:
	case 1:
	case 2:
		world_peer_segment(w, in);
		if (op & 0x80)
			world_turn(w, 100);
		break;
	case 3:
		world_turn(w, op & 0x80 ? 1 : 100);
		break;
	case 4:
		world_receive(w);
		break;
	case 5:
		world_advance(w, span(input_u8(in)));
		if (op & 0x80)
			world_turn(w, 100);
		break;
	case 6:
		use_call(w, in);
		break;
	case 7:
		set_mood(w, in);
		break;
	case 8:
		change_wire(w, in);
		break;
	case 9:
		world_peer_other(w, in);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct world w;

	world_init(&w, &in);
	for (int ops = 0; in.left && ops < OPS_MAX; ops++) {
		operate(&w, input_u8(&in), &in);
		world_check(&w);
	}
	world_fini(&w);
	return 0;
}

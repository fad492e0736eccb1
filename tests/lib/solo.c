/* SPDX-License-Identifier: BSD-3-Clause */
/* See solo.h. */
#include "tests/lib/solo.h"

void solo_start(struct solo *s, uint64_t seed, usec_t now)
{
	testconf_init(&s->tc);
	testconf_port(&s->tc, 1500);
	testconf_iface(&s->tc, 0, 0);
	testconf_addr(&s->tc, "192.0.2.1", 24, 0);
	testconf_addr(&s->tc, "2001:db8::1", 64, 0);
	testconf_listener(&s->tc, 0, 80, CONF_SERVICE_ECHO, CONF_NONE);
	s->pool = mem_pool_create(16, 0, 0);
	rig_init(&s->rig, &s->tc, s->pool, 0, seed, false, now);
	s->sh = s->rig.sh;
}

void solo_stop(struct solo *s)
{
	rig_fini(&s->rig);
	mem_pool_destroy(s->pool);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses for people to read: in listings and messages. */
#pragma once

#include "engine/base/ipaddr.h"

#define ADDR_TEXT_MAX 64 /* bytes, NUL included, for either form */

/* "192.0.2.1", "2001:db8::1"; all zero: "0.0.0.0", "::". Returns buf. */
const char *addr_text(const struct ipaddr *a, char buf[ADDR_TEXT_MAX]);

/* "192.0.2.1:80", "[2001:db8::1]:80". Returns buf. */
const char *endpoint_text(const struct ipaddr *a, uint16_t port_be, char buf[ADDR_TEXT_MAX]);

/* "02:00:00:00:00:01". Returns buf. */
const char *mac_text(const uint8_t mac[6], char buf[ADDR_TEXT_MAX]);

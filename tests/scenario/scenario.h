/* Runs the plays of one file as cmocka tests, each with one worker and with two. A play without
 * configurations is played in the house below. PLAY=text in the environment picks those whose
 * names hold it. */
#pragma once

#include <stddef.h>

#include "tests/world/script.h"

int scenario_main(const char *name, const struct play *plays, size_t n);

/* The house: corp.example with two backends, berlin (users anna and team*, by TCP) and munich
 * (carl and team*, by UDP); partner.example with bob by mtls, plain.example with dora by UDP
 * (trusted by address), weak.example with will by TCP (not trustworthy: digest), many.example
 * with the servers mary and, if she is gone, moe; off.example, whose route is disabled. eve has
 * a certificate that nobody asked for, mallory nothing at all. */
extern const char *const house[];
extern const struct role house_cast[];
extern const char house_users[];

/* How a configuration begins that is about backends; its "backends:" come behind. */
/* clang-format off */
#define HOUSE_OF_BACKENDS \
	"version: 1\n" \
	"domains: [corp.example]\n" \
	"listeners:\n" \
	"  - { name: wan, network: wan, bind: 127.0.2.10, port: 5061, transport: mtls, certificate: edge }\n" \
	"  - { name: lan, network: lan, bind: 127.0.1.2, port: 5060, transport: tcp }\n" \
	"  - { name: lan-udp, network: lan, bind: 127.0.1.2, port: 5060, transport: udp }\n" \
	"certificates:\n" \
	"  edge: { chain: edge.pem, key: edge.key }\n" \
	"tls: { trust: [ca.pem] }\n" \
	"realm: corp.example\n" \
	"partners:\n" \
	"  routes:\n" \
	"    - { domain: partner.example, server: 203.0.113.10, port: 5061, transport: mtls, probe: 0 }\n"
/* clang-format on */

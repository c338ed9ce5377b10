/* SPDX-License-Identifier: ISC */
/* pmptest.h - messages of NAT-PMP and PCP as text: two hexadecimal digits for
 * each byte, with spaces where they help; for the tests of pmp/. */
#ifndef TESTS_UNIT_PMPTEST_H
#define TESTS_UNIT_PMPTEST_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/str.h"

/* The hosts of the tests. */
#define H_ANN	"00000000 00000000 0000ffff c0a8580a"	/* 192.168.88.10 */
#define H_BOB	"00000000 00000000 0000ffff c0a8580b"	/* 192.168.88.11 */
#define H_EXT	"00000000 00000000 0000ffff cb007107"	/* 203.0.113.7 */
#define H_PEER	"00000000 00000000 0000ffff c6336409"	/* 198.51.100.9 */
#define H_PEER2	"00000000 00000000 0000ffff c633640a"	/* 198.51.100.10 */
#define H_NO4	"00000000 00000000 0000ffff 00000000"	/* 0.0.0.0 */
#define H_NO6	"00000000 00000000 00000000 00000000"	/* :: */
#define H_ANN6	"20010db8 00880000 00000000 00000010"	/* 2001:db8:88::10 */
#define H_PEER6	"20010db8 00990000 00000000 00000009"	/* 2001:db8:99::9 */
#define H_NONCE	"010203 04050607 08090a0b 0c"
#define H_NONCE2 "f10203 04050607 08090a0b 0c"

/* Options of PCP. */
#define H_THIRD(a)	"01 00 0010" a
#define H_PREFER	"02 00 0000"
/* @bits and @port: hexadecimal, 2 and 4 digits */
#define H_FILTER(bits, port, a)	"03 00 0014 00" bits port a

/* The bytes of such a text, in a buffer that the next call but three uses. */
static inline struct str bytes_of(const char *hex)
{
	static char buf[4][4096];
	static unsigned turn;
	char *p = buf[turn++ % 4];
	size_t n = 0;
	int hi = -1;

	for (; *hex; hex++) {
		int digit = str_hex(*hex);

		if (digit < 0)
			continue;
		if (hi < 0) {
			hi = digit;
			continue;
		}
		p[n++] = (char)(hi << 4 | digit);
		hi = -1;
	}
	return (struct str){ p, n };
}

/* Are these the bytes of the text? Prints both if they are not. */
static inline bool are_bytes(const void *p, size_t n, const char *hex)
{
	struct str want = bytes_of(hex);

	if (str_eq((struct str){ p, n }, want))
		return true;
	fprintf(stderr, "want ");
	for (size_t i = 0; i < want.n; i++)
		fprintf(stderr, "%02x%s", (uint8_t)want.p[i],
			i % 4 == 3 ? " " : "");
	fprintf(stderr, "\nhave ");
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%02x%s", ((const uint8_t *)p)[i],
			i % 4 == 3 ? " " : "");
	fprintf(stderr, "\n");
	return false;
}

#endif

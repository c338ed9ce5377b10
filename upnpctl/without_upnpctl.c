/* SPDX-License-Identifier: ISC */
/*
 * without_upnpctl.c - takes the place of upnpctl in a build without it
 * (tools/parts.mk). Reached only by a link of that name from somebody else.
 * Runs in: upnpctl
 */
#include <stdio.h>
#include "upnpctl/upnpctl.h"

int upnpctl_main(int argc, char **argv)
{
	fputs("upnpctl: this upnpd was built without upnpctl; build it with "
	      "UPNPCTL=yes\n", stderr);
	return 2;
}

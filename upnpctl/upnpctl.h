/* SPDX-License-Identifier: ISC */
/*
 * upnpctl.h - the operator's command, a second name of the same binary.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_UPNPCTL_H
#define UPNPCTL_UPNPCTL_H

/** upnpctl_main - main() of upnpctl. Return: exit status */
int upnpctl_main(int argc, char **argv);

#endif

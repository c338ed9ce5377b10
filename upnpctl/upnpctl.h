/* SPDX-License-Identifier: ISC */
/* upnpctl.h - the operator's command: another name of the same binary. */
#ifndef UPNPCTL_UPNPCTL_H
#define UPNPCTL_UPNPCTL_H

/** upnpctl_main - main() of upnpctl. Return: exit status */
int upnpctl_main(int argc, char **argv);

#endif

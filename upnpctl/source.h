/* SPDX-License-Identifier: ISC */
/*
 * source.h - where the configuration is kept: in its file, or in UCI, from
 * which OpenWrt's service makes the file. Runs in: upnpctl
 */
#ifndef UPNPCTL_SOURCE_H
#define UPNPCTL_SOURCE_H

#include <stdbool.h>
#include "conf/conffile.h"

/* The service that makes the file, and the place of that file. */
#define SOURCE_SERVICE "/etc/init.d/upnpd"
#define SOURCE_UCI_FILE "/etc/config/upnpd"
#define SOURCE_MADE "/var/etc/upnpd.conf"

/**
 * source_open - conffile_open(), and find out where the configuration is kept.
 * @ret_uci: it is kept in UCI: change it by uci_write()
 *
 * A file that is made from UCI says so in its first line. While the service is
 * off it does not exist; its text is what the service would make then.
 *
 * Return: as conffile_open()
 */
int source_open(struct conffile *, const char *path, bool change,
		struct confedit *ret_text, bool *ret_uci);

/** source_is_made - does the text say that it is made from UCI? */
bool source_is_made(struct str text);

#endif

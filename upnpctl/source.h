/* SPDX-License-Identifier: ISC */
/*
 * source.h - where the configuration is kept: in its file, or in UCI, from
 * which OpenWrt's service makes the file. Runs in: upnpctl
 */
#ifndef UPNPCTL_SOURCE_H
#define UPNPCTL_SOURCE_H

#include <stdbool.h>
#include "base/wr.h"
#include "conf/conffile.h"

/* The service, the UCI file that it reads and the file that it makes. */
#define SOURCE_SERVICE "/etc/init.d/upnpd"
#define SOURCE_UCI_FILE "/etc/config/upnpd"
#define SOURCE_MADE "/var/etc/upnpd.conf"
/* The configuration, unless -f names another one. */
#define SOURCE_FILE "/etc/upnpd.conf"
#define SOURCE_REASON SOURCE_MADE ".reason"

/**
 * source_open - as conffile_open(), and find out where the configuration is
 * kept.
 * @ret_uci: true if it is kept in UCI; uci_write() changes it there
 *
 * The first line of a file shows that it is made from UCI. While the service is
 * off, the file does not exist; @ret_text is then the text that the service
 * would write.
 *
 * Return: as conffile_open()
 */
int source_open(struct conffile *, const char *path, bool change,
		struct confedit *ret_text, bool *ret_uci);

/** source_is_missing - is there no configuration at all: no file, and none that
 * the service would make? */
bool source_is_missing(const char *path);

/** source_put_begin - write the commands that make a configuration, joined by
 * "&&". @path: of the configuration */
void source_put_begin(struct wr *, const char *path);

/**
 * source_reason - read why OpenWrt's service did not start upnpd, or did not
 * reload it.
 * @path: of the configuration
 * @ret: printable text without a line feed, NUL-terminated; cut at @cap
 *
 * The service writes it into a file beside the configuration that it makes.
 * Return: false, and "", if @path is another configuration or there is no
 * reason
 */
bool source_reason(const char *path, char *ret, size_t cap);

/** source_is_made - does the first line show that the text is made from UCI? */
bool source_is_made(struct str text);

#endif

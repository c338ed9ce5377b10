/* SPDX-License-Identifier: ISC */
/* desc.h - the documents of the gateway, written from the model.
 * Runs in: engine */
#ifndef IGD_DESC_H
#define IGD_DESC_H

#include "base/addr.h"
#include "base/str.h"
#include "base/wr.h"
#include "igd/model.h"

/* A UUID as text: "uuid:" 8-4-4-4-12 hex digits, NUL. */
#define UDN_SIZE 42

/* What the operator may set: UTF-8, escaped on output. "" or NULL leaves the
 * element out where UDA 1.1 2.3 does not require it. */
struct desc_info {
	const char *friendly_name, *manufacturer, *manufacturer_url,
		*model_name, *model_number, *serial_number;
	const char *presentation_url;	/* "" : http://<local address>/ */
	char udn[3][IGD_DEVICES][UDN_SIZE];	/* [n][device]; [0] unused */
	uint32_t config_id;		/* desc_config_id() */
};

/**
 * desc_udns - derive the UDN of each device of both roots from one base.
 * @base: 16 bytes made once and kept; the last byte is counted up
 */
void desc_udns(const uint8_t base[16], struct desc_info *ret);

/**
 * desc_root - the device description of root version @n.
 * @local: the address the request came in on, for presentationURL
 *
 * Starts with "<?xml" at byte 0 and is ASCII (Open.NAT). UDA 1.1 2.3.
 */
void desc_root(struct wr *, const struct desc_info *, unsigned n,
	       struct addr local);

/** desc_scpd - the SCPD of @svc as version @n knows it. UDA 1.1 2.5. */
void desc_scpd(struct wr *, const struct desc_info *,
	       const struct igd_service *, unsigned n);

/**
 * desc_config_id - a CONFIGID that changes when any document does.
 * @buf, @cap: scratch, HTTP_REPLY_MAX
 * @versions: bit 1: root 1 is on, bit 2: root 2 is on
 *
 * A hash of the documents with config_id 0 and the local address 0.0.0.0,
 * folded to 24 bits;
 * 1..16777215 (UDA 1.1 1.2.2 allows 0 too; it is kept for "not known yet").
 * Another version of this program may compute another one.
 */
uint32_t desc_config_id(const struct desc_info *, unsigned versions,
			char *buf, size_t cap);

#endif

/* SPDX-License-Identifier: ISC */
/* desc.h - write the gateway's description documents from the model.
 * Runs in: engine */
#ifndef IGD_DESC_H
#define IGD_DESC_H

#include "base/addr.h"
#include "base/str.h"
#include "base/wr.h"
#include "igd/model.h"

/* A UUID as text: "uuid:" 8-4-4-4-12 hex digits, NUL. */
#define UDN_SIZE 42

/* The operator's settings: UTF-8, escaped on output. If one is "" or NULL, its
 * element is left out, unless UDA 1.1 2.3 requires it. */
struct desc_info {
	const char *friendly_name, *manufacturer, *manufacturer_url,
		*model_name, *model_number, *serial_number;
	const char *presentation_url;	/* "": http://<local address>/, with our
					 * port if has_page */
	char udn[3][IGD_DEVICES][UDN_SIZE];	/* [n][device]; [0] unused */
	uint32_t config_id;		/* desc_config_id() */
	bool has_page;			/* there is a status page */
};

/**
 * desc_udns - derive the UDN of each device of both roots from one base.
 * @base: 16 bytes, generated once and stored; each UDN increments the last byte
 */
void desc_udns(const uint8_t base[16], struct desc_info *ret);

/**
 * desc_root - write the device description of root version @n.
 * @local, @port: the router's, for presentationURL
 *
 * Starts with "<?xml" at byte 0 and is ASCII (Open.NAT). UDA 1.1 2.3.
 */
void desc_root(struct wr *, const struct desc_info *, unsigned n,
	       struct addr local, uint16_t port);

/** desc_scpd - write the SCPD of @svc under root version @n. UDA 1.1 2.5. */
void desc_scpd(struct wr *, const struct desc_info *,
	       const struct igd_service *, unsigned n);

/**
 * desc_config_id - compute a CONFIGID that changes when any document does.
 * @buf, @cap: scratch, HTTP_REPLY_MAX
 * @versions: bit 1: root 1 is on, bit 2: root 2 is on
 *
 * A hash of the documents with config_id 0, local address 0.0.0.0 and port 0,
 * folded to 24 bits. Another version of this program may compute a different
 * one.
 *
 * Return: 1..16777215 (UDA 1.1 1.2.2 allows 0 as well; here 0 means "not known
 * yet")
 */
uint32_t desc_config_id(const struct desc_info *, unsigned versions,
			char *buf, size_t cap);

#endif

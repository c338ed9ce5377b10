/* SPDX-License-Identifier: ISC */
/*
 * desc.c - write the gateway's description documents from the model.
 *
 * Invariants: the output is ASCII, is well-formed whatever names the operator
 * has set, and depends only on the arguments. Elements are in the order of UDA
 * 1.1 2.3 and 2.5, because some clients have a validating parser. There is no
 * white space between them, to keep the documents small.
 * Runs in: engine
 */
#include "igd/desc.h"
#include <string.h>
#include "base/hash.h"
#include "base/uuid.h"
#include "base/wr.h"
#include "igd/igd.h"
#include "igd/value.h"

/* UDA 1.1: some control points ignore devices of version 2.0. */
#define PROLOG "<?xml version=\"1.0\"?>\n"
#define SPEC_VERSION \
	"<specVersion><major>1</major><minor>1</minor></specVersion>"

/* Most of a document is written by this function. It has no wr_fmt(), which
 * takes twice the time. */
static void put_elem(struct wr *w, const char *name, const char *text)
{
	wr_ch(w, '<');
	wr_z(w, name);
	wr_ch(w, '>');
	value_put_text(w, str_z(text));
	wr_z(w, "</");
	wr_z(w, name);
	wr_ch(w, '>');
}

/* A setting that the operator left empty has no element: an empty element would
 * not be a URL or a number. */
static void put_optional(struct wr *w, const char *name, const char *text)
{
	if (str_z(text).n)
		put_elem(w, name, text);
}

/* ---- device description, UDA 1.1 2.3 ------------------------------- */

static const struct {
	const char *suffix;	/* of friendlyName */
	const char *description;
} role[IGD_DEVICES] = {
	{ "", "Internet Gateway Device" },
	{ " WAN device", "WAN device of the gateway" },
	{ " WAN connection", "WAN connection of the gateway" },
};

static void put_urn(struct wr *w, const char *elem, const char *kind,
		    const char *name, unsigned version)
{
	wr_fmt(w, "<%s>urn:schemas-upnp-org:%s:%s:%u</%s>", elem, kind, name,
	       version, elem);
}

static void put_url(struct wr *w, const char *elem,
		    const struct igd_service *svc, unsigned n, const char *tail)
{
	wr_fmt(w, "<%s>/igd%u/%s%s</%s>", elem, n, svc->path, tail, elem);
}

/* Write the part of device @d that comes before its embedded device. */
static void open_device(struct wr *w, const struct desc_info *info,
			unsigned n, size_t d)
{
	const struct igd_device *dev = &igd_device[d];

	wr_z(w, "<device>");
	put_urn(w, "deviceType", "device", dev->name, n);
	wr_z(w, "<friendlyName>");
	value_put_text(w, str_z(info->friendly_name));
	wr_fmt(w, "%s</friendlyName>", role[d].suffix);
	put_elem(w, "manufacturer", info->manufacturer);
	put_optional(w, "manufacturerURL", info->manufacturer_url);
	put_elem(w, "modelDescription", role[d].description);
	put_elem(w, "modelName", info->model_name);
	put_optional(w, "modelNumber", info->model_number);
	put_optional(w, "serialNumber", info->serial_number);
	put_elem(w, "UDN", info->udn[n][d]);
	wr_z(w, "<serviceList>");
	for (size_t i = 0; i < model_service_n(dev, n); i++) {
		const struct igd_service *svc = dev->service[i];

		wr_z(w, "<service>");
		put_urn(w, "serviceType", "service", svc->name,
			model_service_version(svc, n));
		wr_fmt(w, "<serviceId>urn:upnp-org:serviceId:%s</serviceId>",
		       svc->id);
		put_url(w, "SCPDURL", svc, n, ".xml");
		put_url(w, "controlURL", svc, n, "/control");
		put_url(w, "eventSubURL", svc, n, "/event");
		wr_z(w, "</service>");
	}
	wr_z(w, "</serviceList>");
}

void desc_root(struct wr *w, const struct desc_info *info, unsigned n,
	       struct addr local, uint16_t port)
{
	wr_fmt(w,
	       PROLOG "<root xmlns=\"urn:schemas-upnp-org:device-1-0\" "
		      "configId=\"%u\">" SPEC_VERSION,
	       (unsigned)info->config_id);
	open_device(w, info, n, 0);
	for (size_t d = 1; d < IGD_DEVICES; d++) {
		wr_z(w, "<deviceList>");
		open_device(w, info, n, d);
	}
	for (size_t d = 1; d < IGD_DEVICES; d++)
		wr_z(w, "</device></deviceList>");
	/* Without a presentationURL, Windows shows an icon that cannot be
	 * opened. */
	if (str_z(info->presentation_url).n) {
		put_elem(w, "presentationURL", info->presentation_url);
	} else {
		wr_z(w, "<presentationURL>http://");
		addr_host_write(w, local);
		if (info->has_page)
			wr_fmt(w, ":%u", (unsigned)port);
		wr_z(w, "/</presentationURL>");
	}
	wr_z(w, "</device></root>\n");
}

/* ---- service description, UDA 1.1 2.5 ------------------------------ */

static void put_action(struct wr *w, const struct igd_service *svc,
		       const struct igd_action *act)
{
	wr_z(w, "<action>");
	put_elem(w, "name", act->name);
	if (act->arg_n)
		wr_z(w, "<argumentList>");
	for (size_t i = 0; i < act->arg_n; i++) {
		const struct igd_arg *arg = &act->arg[i];

		wr_z(w, "<argument>");
		put_elem(w, "name", arg->name);
		put_elem(w, "direction", arg->out ? "out" : "in");
		put_elem(w, "relatedStateVariable",
			 model_arg_var(svc, arg)->name);
		wr_z(w, "</argument>");
	}
	if (act->arg_n)
		wr_z(w, "</argumentList>");
	wr_z(w, "</action>");
}

static void put_var(struct wr *w, const struct igd_var *var, unsigned version)
{
	static const char *const type[] = {
		[IGD_UI2] = "ui2",
		[IGD_UI4] = "ui4",
		[IGD_BOOL] = "boolean",
		[IGD_STRING] = "string",
	};

	wr_fmt(w, "<stateVariable sendEvents=\"%s\">",
	       var->evented ? "yes" : "no");
	put_elem(w, "name", var->name);
	put_elem(w, "dataType", type[var->type]);
	if (var->dflt && version >= var->dflt_since)
		put_elem(w, "defaultValue", var->dflt);
	if (var->allowed && version >= var->allowed_since) {
		wr_z(w, "<allowedValueList>");
		for (const char *const *v = var->allowed; *v; v++)
			put_elem(w, "allowedValue", *v);
		wr_z(w, "</allowedValueList>");
	}
	if (value_ranged(var, version))
		wr_fmt(w,
		       "<allowedValueRange><minimum>%u</minimum>"
		       "<maximum>%u</maximum></allowedValueRange>",
		       (unsigned)var->min, (unsigned)var->max);
	wr_z(w, "</stateVariable>");
}

void desc_scpd(struct wr *w, const struct desc_info *info,
	       const struct igd_service *svc, unsigned n)
{
	unsigned version = model_service_version(svc, n);

	wr_fmt(w,
	       PROLOG "<scpd xmlns=\"urn:schemas-upnp-org:service-1-0\" "
		      "configId=\"%u\">" SPEC_VERSION "<actionList>",
	       (unsigned)info->config_id);
	for (size_t i = 0; i < svc->action_n; i++)
		if (svc->action[i].since <= version)
			put_action(w, svc, &svc->action[i]);
	wr_z(w, "</actionList><serviceStateTable>");
	for (size_t i = 0; i < svc->var_n; i++)
		if (svc->var[i].since <= version)
			put_var(w, &svc->var[i], version);
	wr_z(w, "</serviceStateTable></scpd>\n");
}

/* ---- identity ------------------------------------------------------ */

void desc_udns(const uint8_t base[16], struct desc_info *ret)
{
	uint8_t uuid[UUID_BYTES];

	memcpy(uuid, base, sizeof(uuid));
	for (unsigned n = 1; n <= 2; n++)
		for (size_t d = 0; d < IGD_DEVICES; d++) {
			struct wr w = wr_init(ret->udn[n][d], UDN_SIZE);

			wr_z(&w, "uuid:");
			uuid_put(&w, uuid);
			wr_cstr(&w);
			uuid[UUID_BYTES - 1]++;
		}
}

static uint64_t hash_device(uint64_t h, const struct desc_info *info,
			    const struct igd_device *dev, unsigned n,
			    struct wr scratch)
{
	for (size_t i = 0; i < model_service_n(dev, n); i++) {
		struct wr w = scratch;

		desc_scpd(&w, info, dev->service[i], n);
		h = hash_add(h, w.buf, w.len);
	}
	return h;
}

uint32_t desc_config_id(const struct desc_info *info, unsigned versions,
			char *buf, size_t cap)
{
	struct desc_info plain = *info;
	uint64_t h = HASH_BEGIN;

	plain.config_id = 0;
	for (unsigned n = 1; n <= 2; n++) {
		const struct wr scratch = wr_init(buf, cap);
		struct wr w = scratch;

		if (!(versions & 1u << n))
			continue;
		desc_root(&w, &plain, n, addr_ip4(0), 0);
		h = hash_add(h, w.buf, w.len);
		for (size_t d = 0; d < IGD_DEVICES; d++)
			h = hash_device(h, &plain, &igd_device[d], n, scratch);
	}
	h = (h >> 48 ^ h >> 24 ^ h) & 0xffffff;
	return h ? (uint32_t)h : 1;
}

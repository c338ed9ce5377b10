/* SPDX-License-Identifier: ISC */
/*
 * identity.c - the UUIDs, names, CONFIGID and SERVER text of the gateway.
 * Runs in: engine
 */
#include <errno.h>
#include <sys/utsname.h>
#include "base/mem.h"
#include "engine/identity.h"
#include "base/wr.h"
#include "engine/state.h"

/* Only major and minor of the kernel's release: "6.1". */
static void name_server(struct identity *id)
{
	struct wr w = wr_init(id->server, sizeof(id->server));
	struct utsname u;
	struct str rest, major = STR("0"), minor = STR("0");

	if (uname(&u))
		str_copy(u.release, sizeof(u.release), STR("0.0"));
	rest = str_z(u.release);
	str_cut(&rest, '.', &major);
	str_cut(&rest, '.', &minor);
	wr_fmt(&w, "Linux/%.*s.%.*s UPnP/1.1 upnpd/" UPNPD_VERSION,
	       STR_F(major), STR_F(minor));
	wr_cstr(&w);
}

int identity_read(struct identity *ret, const struct conf *c, int dir_fd)
{
	uint8_t uuid[16];
	int err = state_uuid(dir_fd, c->uuid, uuid);
	char *scratch = mem_new(1, HTTP_REPLY_MAX);

	ret->desc = (struct desc_info){
		c->friendly_name, c->manufacturer, c->manufacturer_url,
		c->model_name, c->model_number, c->serial_number,
		c->presentation_url,
		.has_page = c->status_page != CONF_PAGE_NO,
	};
	desc_udns(uuid, &ret->desc);
	name_server(ret);
	if (!scratch)
		return err ? err : -ENOMEM;
	/* The documents are written once for the hash. */
	ret->desc.config_id = desc_config_id(&ret->desc, c->igd_version,
					     scratch, HTTP_REPLY_MAX);
	mem_free(scratch, 1, HTTP_REPLY_MAX);
	return err;
}

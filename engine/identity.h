/* SPDX-License-Identifier: ISC */
/*
 * identity.h - the identity of the gateway: UUIDs, names, SERVER.
 * Runs in: engine
 */
#ifndef ENGINE_IDENTITY_H
#define ENGINE_IDENTITY_H

#include "conf/conf.h"
#include "igd/desc.h"

struct identity {
	struct desc_info desc;	/* its texts point into the configuration */
	char server[96];	/* "Linux/6.1 UPnP/1.1 upnpd/0.1.0" */
};

/**
 * identity_read - make the identity from the configuration and the state
 * directory.
 * @conf: borrowed for as long as @ret is used
 * @dir_fd: the state directory, where the UUID is stored
 * @ret: set also after an error
 *
 * Return: 0, or -errno: the UUID could not be stored, or there is no memory
 */
int identity_read(struct identity *ret, const struct conf *conf, int dir_fd);

#endif

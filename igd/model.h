/* SPDX-License-Identifier: ISC */
/*
 * model.h - the gateway as const tables: devices, services, actions,
 * arguments, state variables, types, ranges.
 *
 * Three files use the model, so they cannot disagree: desc.c writes the
 * documents from it, soap.c checks arguments and writes replies by it, and
 * gena.c finds the evented variables in it.
 *
 * There may be two root devices, IGD:1 and IGD:2. Entries that version 1 does
 * not have are marked since = 2. Device types have the root's version. The
 * version of a service is the root's, or its own highest if that is lower.
 * Runs in: engine
 */
#ifndef IGD_MODEL_H
#define IGD_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

struct igd;
struct igd_call;

enum igd_type { IGD_UI2, IGD_UI4, IGD_BOOL, IGD_STRING };

struct igd_var {
	const char *name;
	uint8_t type;		/* enum igd_type */
	uint8_t since;
	bool evented;
	bool ranged;		/* <allowedValueRange>: min, max */
	uint32_t min, max;
	const char *const *allowed;	/* <allowedValueList>, ends with NULL;
					 * NULL: any text */
	const char *dflt;	/* <defaultValue>, or NULL */
	/* the SCPD has them from this version of the service on; 0: always.
	 * The list is checked at each version */
	uint8_t allowed_since, dflt_since;
	uint8_t range_since;	/* versions below have no range; 0: all have */
	bool optional;		/* clients leave out an empty argument of it; an
				 * empty number is 0 */
	bool range_told;	/* the SCPD has the range, but the action checks
				 * it, because it returns a code of its own */
};

struct igd_arg {
	const char *name;	/* "NewExternalPort" */
	bool out;
	uint8_t var;		/* index in the service's variable table */
};
#define IGD_ANY_TEXT 255	/* instead of an index: any text, without a
				 * variable */

/* An action returns 0, an enum upnp_err, or IGD_WAIT: it answers later. */
#define IGD_WAIT (-1)
typedef int igd_action_fn(struct igd *, struct igd_call *);

struct igd_action {
	const char *name;
	uint8_t since;
	const struct igd_arg *arg;	/* in-arguments first, as the standard
					 * orders them */
	size_t arg_n;
	igd_action_fn *run;
	bool waits;		/* may return IGD_WAIT */
};

/* The value of a state variable is an out argument of one of the actions. */
struct igd_reader {
	const char *name;	/* of the variable */
	uint8_t out;		/* which of the action's out arguments */
	igd_action_fn *get;	/* the action; it never returns IGD_WAIT */
};

struct igd_service {
	const char *name;	/* "WANIPConnection" */
	const char *id;		/* "WANIPConn1" */
	const char *path; /* "wanip": /igd1/wanip.xml, .../control, .../event */
	uint8_t max_version;
	uint8_t since;		/* version of the root; 0: every root has it */
	const struct igd_service *also;	/* actions of this one are accepted at
					 * the same control URL; or NULL */
	const struct igd_action *action;
	size_t action_n;
	const struct igd_var *var;	/* in SCPD order */
	size_t var_n;
	/* how to read a variable's current value; ends with name NULL. A
	 * variable without one value (ExternalPort, ...) is not in it. */
	const struct igd_reader *reader;
};

/* root, WANDevice, WANConnectionDevice: one inside the other. */
struct igd_device {
	const char *name;	/* "InternetGatewayDevice" */
	const struct igd_service *const *service;	/* those that a lower
							 * version lacks are
							 * last */
	size_t service_n;
};
#define IGD_DEVICES 3
extern const struct igd_device igd_device[IGD_DEVICES];

/** model_service_version - the version of @svc under a root of version @n. */
unsigned model_service_version(const struct igd_service *svc, unsigned n);

/** model_service_n - how many services the device has under a root of version
 * @n. */
size_t model_service_n(const struct igd_device *, unsigned n);

/* What a URL path refers to. */
enum igd_doc { IGD_NOTHING, IGD_ROOT_XML, IGD_SCPD, IGD_CONTROL, IGD_EVENT };

/**
 * model_resolve - find what a URL path refers to.
 * @path: decoded, starts with '/'
 * @ret_n: the root's version, 1 or 2
 * @ret_svc: set for all but IGD_ROOT_XML
 */
enum igd_doc model_resolve(struct str path, unsigned *ret_n,
			   const struct igd_service **ret_svc);

/** model_action - find the action @name (case-sensitive) under root version @n.
 * Return: NULL if there is none */
const struct igd_action *model_action(const struct igd_service *, unsigned n,
				      struct str name);

/** model_arg_var - the related state variable of an argument of one of the
 * service's actions. */
const struct igd_var *model_arg_var(const struct igd_service *,
				    const struct igd_arg *);

/** model_var - the same as model_action() for a state variable. */
const struct igd_var *model_var(const struct igd_service *, unsigned n,
				struct str name);

#endif

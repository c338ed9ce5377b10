/* SPDX-License-Identifier: ISC */
/* soaphead.h - the service and the action that SOAPAction requests.
 * Runs in: engine */
#ifndef SOAP_SOAPHEAD_H
#define SOAP_SOAPHEAD_H

#include "soap.h"

#define SOAPHEAD_CONTROL_URN "urn:schemas-upnp-org:control-1-0"

/* QueryStateVariable (UDA 1.0 3.3). Every service has it, so it is not in the
 * model's tables. Windows XP reads ConnectionStatus with it. */
extern const struct igd_action soaphead_query;

struct soaphead {
	bool given;			/* SOAPAction is not empty */
	struct str action;		/* its name */
	const struct igd_action *act;	/* NULL: there is none */
	const struct igd_service *svc;	/* that has the action */
	const struct igd_service *named;	/* the reply names it as well */
	unsigned version;		/* of the service, as requested */
};

/** soaphead_parse - read the SOAPAction of @post. Strings in @ret are parts of
 * it; ret->svc is at least the service of the URL. */
void soaphead_parse(const struct soap_post *post, struct soaphead *ret);

#endif

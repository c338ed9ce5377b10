/* SPDX-License-Identifier: ISC */
/*
 * soaphead.c - the service and the action that SOAPAction requests.
 *
 * Pure and without state.
 * Runs in: engine
 */
#include "soap/soaphead.h"
#include "soap/soaplist.h"

static const struct igd_arg query_arg = { "varName", false, IGD_ANY_TEXT };
const struct igd_action soaphead_query = {
	"QueryStateVariable", 1, &query_arg, 1,
};

/* A value of one quotation mark is not quoted: there is no second one to remove
 * (CVE-2026-5720). */
static struct str unquote(struct str s)
{
	s = str_trim(s);
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = str_trim((struct str){ s.p + 1, s.n - 2 });
	return s;
}

/* The service whose actions are accepted at the URL of the request as well;
 * NULL: there is none. */
static const struct igd_service *other_service(const struct soap_post *post)
{
	const struct igd_service *also = post->svc->also;

	return also && also->since <= post->n ? also : NULL;
}

/* It must be the service of the URL, or the other one there, in the version of
 * the root or a lower one. rust's igd always asks for version 1. */
static bool parse_service(const struct soap_post *post, struct str urn,
			  struct soaphead *ret)
{
	const struct igd_service *svc = post->svc, *also = other_service(post);
	struct str name = STR("");
	uint32_t version;

	if (!str_istarts(urn, STR(SOAPLIST_SERVICE_URN)))
		return false;
	urn = str_skip(urn, sizeof(SOAPLIST_SERVICE_URN) - 1);
	str_cut(&urn, ':', &name);
	if (also && str_ieq(name, str_z(also->name)))
		svc = also;
	if (!str_ieq(name, str_z(svc->name)) ||
	    str_u32(urn, 1, model_service_version(svc, post->n), &version))
		return false;
	ret->svc = ret->named = svc;
	ret->version = version;
	return true;
}

static void find_action(const struct soap_post *post, struct soaphead *head)
{
	const struct igd_service *also = other_service(post);

	head->act = model_action(head->svc, post->n, head->action);
	if (head->act || !also)
		return;
	head->act = model_action(also, post->n, head->action);
	if (head->act)
		head->svc = also;
}

void soaphead_parse(const struct soap_post *post, struct soaphead *ret)
{
	struct str action = unquote(post->soap_action), urn = STR("");

	*ret = (struct soaphead){ .given = action.n, .svc = post->svc };
	str_cut(&action, '#', &urn);
	ret->action = action;
	if (parse_service(post, urn, ret))
		find_action(post, ret);
	else if (str_ieq(urn, STR(SOAPHEAD_CONTROL_URN)) &&
		 str_eq(ret->action, str_z(soaphead_query.name)))
		ret->act = &soaphead_query;
}

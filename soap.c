/* SPDX-License-Identifier: ISC */
/*
 * soap.c - from a POST to an action of the gateway, and back.
 *
 * A request goes through four steps, each of which may end it:
 *   head      find the service and the action: soaphead.h  400 401 415
 *   envelope  parse the whole body                         400 402 605
 *   arguments check each against its variable in the model 402 600 601 605
 *   action    run the function in igd/, which may answer later
 *
 * Owns: slots for replies that wait, one buffer for the text of arguments and
 * one for the reply.
 * Never does: run an action before the whole body is known to be well-formed;
 * copy a byte of the request into a reply without escaping it.
 * Runs in: engine
 */
#include <stddef.h>
#include <string.h>
#include "base/limits.h"
#include "base/mem.h"
#include "soap.h"
#include "base/wr.h"
#include "igd/upnp_err.h"
#include "igd/value.h"
#include "igd/wanip2.h"
#include "soap/soaphead.h"
#include "soap/soaplist.h"
#include "xmltiny.h"

#define VALUE_MAX	256	/* of a state variable */

/* A reply that waits for the kernel, or for the length of its list. */
struct pending {
	struct igd_wait wait;
	struct soaplist list;	/* as it will be sent */
	struct igd_list ahead;	/* from here on, it is to be measured */
	size_t length;		/* so far */
	bool measures;
	struct soap *soap;
	const struct igd_service *named;	/* as requested */
	const struct igd_action *act;
	unsigned version;	/* of the service, as requested */
	uint32_t token;
	bool used;
};

struct soap {
	struct loop *loop;
	struct loop_timer measure;	/* of a long list */
	struct igd *igd;
	void (*answer)(void *arg, uint32_t token, const struct soap_reply *);
	void *arg;
	char text[SOAP_TEXT_MAX];
	char reply[HTTP_REPLY_MAX];
	struct httpsource source;
	struct pending pending[SOAP_PENDING_MAX];
};

/* ---- replies ------------------------------------------------------- */

static struct wr reply_open(struct soap *soap)
{
	struct wr w = wr_init(soap->reply, sizeof(soap->reply));

	wr_z(&w, SOAPLIST_ENVELOPE_OPEN);
	return w;
}

static void reply_close(struct wr *w, int status, struct soap_reply *ret)
{
	wr_z(w, SOAPLIST_ENVELOPE_CLOSE);
	*ret = (struct soap_reply){ w->over ? 500 : status, STR(""), NULL };
	if (!w->over)
		ret->body = wr_done(w);
}

static void reply_empty(int status, struct soap_reply *ret)
{
	*ret = (struct soap_reply){ status, STR(""), NULL };
}

/* UDA 1.1 3.2.2. weupnp reads a fault only with status 500, rust's igd only
 * with both elements filled. */
static void reply_fault(struct soap *soap, int code, struct soap_reply *ret)
{
	struct wr w = reply_open(soap);

	wr_z(&w, "<s:Fault><faultcode>s:Client</faultcode>"
	     "<faultstring>UPnPError</faultstring><detail>"
	     "<UPnPError xmlns=\"" SOAPHEAD_CONTROL_URN "\"><errorCode>");
	wr_u64(&w, upnp_err_code(code));
	wr_z(&w, "</errorCode><errorDescription>");
	wr_z(&w, upnp_err_text(code));
	wr_z(&w, "</errorDescription></UPnPError></detail></s:Fault>");
	reply_close(&w, 500, ret);
}

/* ---- results ------------------------------------------------------- */

/* @named: the service that the request names */
static void reply_result(struct soap *soap, const struct igd_call *call,
			 const struct igd_service *named, unsigned version,
			 struct soap_reply *ret)
{
	const struct igd_action *act = call->act;
	const struct igd_out *out = call->out;
	struct wr w = reply_open(soap);

	soaplist_response_tag(&w, named, act, version);
	for (size_t i = 0; i < act->arg_n; i++) {
		if (!act->arg[i].out)
			continue;
		wr_fmt(&w, "<%s>", act->arg[i].name);
		if (out->s.p)
			value_put_text(&w, out->s);
		else
			wr_u64(&w, out->u);
		wr_fmt(&w, "</%s>", act->arg[i].name);
		out++;
	}
	wr_fmt(&w, "</u:%sResponse>", act->name);
	reply_close(&w, 200, ret);
}

/* httpsource.write */
static void write_list(void *arg, void *at, size_t left, struct wr *w)
{
	const struct soap *soap = arg;

	soaplist_write(soap->igd, at, left, w);
}

/* @length: of the list */
static void reply_list(struct soap *soap, const struct soaplist *list,
		       size_t length, struct soap_reply *ret)
{
	soap->source = (struct httpsource){
		.write = write_list, .arg = soap,
		.left = soaplist_ends_length(list) + length,
	};
	/* A mapping that is renewed before it is sent may need more room. What
	 * is not needed is blank. */
	if (soap->source.left > HTTP_REPLY_MAX)
		soap->source.left += WANIP2_ENTRY_MAX;
	memcpy(soap->source.at, list, sizeof(*list));
	*ret = (struct soap_reply){ 200, STR(""), &soap->source };
}

/* ---- envelope ------------------------------------------------------ */

/* The depth of Envelope; Header and Body; the action; its arguments. */
enum { AT_ENVELOPE = 1, AT_BODY, AT_ACTION, AT_ARG };

#define NO_ARG SOAP_ARGS_MAX

struct envelope {
	const struct igd_action *act;	/* whose arguments are read */
	bool ok;		/* the root is an Envelope */
	bool in_body, in_action;
	struct str action;	/* name of the first element in Body */
	size_t arg;		/* index in in[] of the one being read, or
				 * NO_ARG */
	size_t arg_at;		/* where its text begins */
	bool bad_args;		/* one occurs twice, or contains elements */
	struct wr text;		/* of all arguments, decoded */
	bool seen[SOAP_ARGS_MAX];
	struct igd_in in[SOAP_ARGS_MAX];
};

/* In the model, in-arguments come before out-arguments. */
static void arg_open(struct envelope *env, struct str name)
{
	const struct igd_action *act = env->act;
	size_t i = 0, end = act ? act->arg_n : 0;

	env->arg = NO_ARG;
	while (i < end && i < SOAP_ARGS_MAX && !act->arg[i].out &&
	       !str_eq(name, str_z(act->arg[i].name)))
		i++;
	if (i == end || i == SOAP_ARGS_MAX || act->arg[i].out)
		return;
	if (env->seen[i])
		env->bad_args = true;
	env->seen[i] = true;
	env->arg = i;
	env->arg_at = env->text.len;
}

static void envelope_open(struct envelope *env, const struct xml *x)
{
	if (x->depth == AT_ENVELOPE) {
		env->ok = str_eq(x->local, STR("Envelope"));
	} else if (x->depth == AT_BODY) {
		env->in_body = str_eq(x->local, STR("Body"));
	} else if (x->depth == AT_ACTION) {
		/* only the first element is for us (SOAP 1.1 4.3) */
		env->in_action = env->in_body && !env->action.n;
		if (env->in_action)
			env->action = x->local;
	} else if (x->depth == AT_ARG && env->in_action) {
		arg_open(env, x->local);
	} else if (env->arg != NO_ARG) {
		env->bad_args = true;
	}
}

/* x->depth is already the depth after the end tag. */
static void envelope_close(struct envelope *env, const struct xml *x)
{
	if (x->depth < AT_BODY)
		env->in_body = false;
	if (x->depth < AT_ACTION)
		env->in_action = false;
	if (x->depth >= AT_ARG)
		return;
	if (env->arg != NO_ARG)
		env->in[env->arg].s = str_skip(wr_done(&env->text),
					       env->arg_at);
	env->arg = NO_ARG;
}

static bool envelope_parse(struct envelope *env, struct str body)
{
	struct xml x;

	xmltiny_init(&x, body);
	for (;;) {
		switch (xmltiny_next(&x)) {
		case XML_OPEN:
			envelope_open(env, &x);
			break;
		case XML_CLOSE:
			envelope_close(env, &x);
			break;
		case XML_TEXT:
			/* env->text.over reports text that does not fit */
			if (env->arg != NO_ARG &&
			    !xmltiny_decode(x.text, x.cdata, &env->text) &&
			    !env->text.over)
				return false;
			break;
		case XML_END:
			return env->ok;
		default:
			return false;
		}
	}
}

/* ---- arguments ----------------------------------------------------- */

/* First check that all arguments are there, then their values. */
static int check_args(struct envelope *env, const struct igd_service *svc,
		      unsigned n)
{
	const struct igd_arg *arg = env->act->arg;
	unsigned version = model_service_version(svc, n);
	size_t in_n = 0;
	int err = UPNP_OK;

	for (; in_n < env->act->arg_n && !arg[in_n].out; in_n++)
		if (in_n == SOAP_ARGS_MAX ||
		    (!env->seen[in_n] &&
		     !model_arg_var(svc, &arg[in_n])->optional))
			return UPNP_INVALID_ARGS;
	if (env->bad_args)
		return UPNP_INVALID_ARGS;
	if (env->text.over)
		return UPNP_STRING_TOO_LONG;
	for (size_t i = 0; i < in_n && !err; i++)
		err = value_check(model_arg_var(svc, &arg[i]), version,
				&env->in[i]);
	return err;
}

/* ---- replies that wait --------------------------------------------- */

/* Few requests wait at a time, so the search is short. */
static struct pending *pending_get(struct soap *soap)
{
	struct pending *p;

	for (size_t i = 0; i < SOAP_PENDING_MAX; i++) {
		p = &soap->pending[i];
		if (p->used)
			continue;
		p->soap = soap;
		p->used = true;
		p->measures = false;
		return p;
	}
	return NULL;
}

/* Measure the next part of a list. Return: false: it is not measured yet */
static bool measure_part(struct pending *p)
{
	size_t part;
	bool more = wanip2_list_measure(p->soap->igd, &p->ahead, &part);

	p->length += part;
	return !more;
}

/* One part in each round of the loop, so that a long list does not keep other
 * requests waiting. */
static void on_measure(struct loop_timer *t)
{
	struct soap *soap = LOOP_OWNER(t, struct soap, measure);
	struct pending *p = soap->pending;
	struct soap_reply reply;

	while (p < soap->pending + SOAP_PENDING_MAX &&
	       !(p->used && p->measures))
		p++;
	if (p == soap->pending + SOAP_PENDING_MAX)
		return;
	loop_timer_set(soap->loop, t, 0);
	if (!measure_part(p))
		return;
	p->used = false;
	reply_list(soap, &p->list, p->length, &reply);
	soap->answer(soap->arg, p->token, &reply);
}

/* igd_wait.done. An action that waits has at most one out argument. */
static void pending_done(struct igd_wait *wait, int err, uint32_t value)
{
	struct pending *p = (struct pending *)
		((char *)wait - offsetof(struct pending, wait));
	struct igd_call call = { .act = p->act, .out = { { .u = value } } };
	struct soap *soap = p->soap;
	uint32_t token = p->token;
	struct soap_reply reply;

	if (err)
		reply_fault(soap, err, &reply);
	else
		reply_result(soap, &call, p->named, p->version, &reply);
	/* the answer may start the next request, which needs the slot */
	p->used = false;
	soap->answer(soap->arg, token, &reply);
}

/* ---- action -------------------------------------------------------- */

static void run_query(struct soap *soap, const struct soap_post *post,
		      struct str name, struct soap_reply *ret)
{
	const struct igd_var *var = model_var(post->svc, post->n,
					      str_trim(name));
	char value[VALUE_MAX];
	struct wr v = wr_init(value, sizeof(value)), w;
	int err = UPNP_INVALID_VAR;

	if (var)
		err = igd_read(soap->igd, post->svc, post->n, var,
			       post->now_ms, &v);
	if (!err && v.over)
		err = UPNP_ACTION_FAILED;
	if (err) {
		reply_fault(soap, err, ret);
		return;
	}
	w = reply_open(soap);
	wr_z(&w, "<u:QueryStateVariableResponse xmlns:u=\"" SOAPHEAD_CONTROL_URN "\">"
	     "<return>");
	value_put_text(&w, wr_done(&v));
	wr_z(&w, "</return></u:QueryStateVariableResponse>");
	reply_close(&w, 200, ret);
}

static void call_init(struct igd_call *call, const struct soap_post *post,
		      const struct igd_service *svc,
		      const struct envelope *env)
{
	*call = (struct igd_call){
		.svc = svc, .act = env->act, .n = post->n,
		.version = model_service_version(svc, post->n),
		.client = post->client, .local = post->local,
		.ifindex = post->ifindex,
		.now_ms = post->now_ms,
	};
	memcpy(call->in, env->in, sizeof(call->in));
}

/* Return: false if the answer comes later. */
static bool run_list(struct soap *soap, const struct soap_post *post,
		     const struct igd_call *call, unsigned version,
		     struct soap_reply *ret)
{
	struct pending *p = pending_get(soap);

	if (!p) {
		reply_empty(503, ret);
		return true;
	}
	p->token = post->token;
	p->list = (struct soaplist){ call->svc, call->act, call->list, false,
				     (uint8_t)version };
	p->ahead = call->list;
	p->length = 0;
	p->measures = true;
	if (!measure_part(p)) {
		loop_timer_set(soap->loop, &soap->measure, 0);
		return false;
	}
	p->used = false;
	reply_list(soap, &p->list, p->length, ret);
	return true;
}

/* Return: false if the answer comes later. */
static bool run_action(struct soap *soap, const struct soap_post *post,
		       const struct soaphead *head, const struct envelope *env,
		       struct soap_reply *ret)
{
	struct pending *p = NULL;
	struct igd_call call;
	int err;

	if (env->act->waits) {
		p = pending_get(soap);
		if (!p) {
			reply_empty(503, ret);
			return true;
		}
	}
	call_init(&call, post, head->svc, env);
	if (p) {
		p->named = head->named;
		p->act = env->act;
		p->version = head->version;
		p->token = post->token;
		p->wait.done = pending_done;
		call.wait = &p->wait;
	}
	err = env->act->run(soap->igd, &call);
	if (err == IGD_WAIT)
		return false;
	if (p)
		p->used = false;
	if (err)
		reply_fault(soap, err, ret);
	else if (call.out[0].list)
		return run_list(soap, post, &call, head->version, ret);
	else
		reply_result(soap, &call, head->named, head->version, ret);
	return true;
}

static bool content_is_xml(struct str content_type)
{
	struct str type = STR("");

	str_cut(&content_type, ';', &type);
	type = str_trim(type);
	return str_ieq(type, STR("text/xml")) ||
	       str_ieq(type, STR("application/xml")) ||
	       str_ieq(type, STR("application/soap+xml"));
}

bool soap_post(struct soap *soap, const struct soap_post *post,
	       struct soap_reply *ret)
{
	struct envelope env = { .arg = NO_ARG };
	int err = UPNP_INVALID_ACTION;
	struct soaphead head;

	if (!content_is_xml(post->content_type)) {
		reply_empty(415, ret);
		return true;
	}
	soaphead_parse(post, &head);
	env.act = head.act;
	env.text = wr_init(soap->text, sizeof(soap->text));
	if (!head.given || !envelope_parse(&env, post->body)) {
		reply_empty(400, ret);
		return true;
	}
	/* the action of the body must be the one of the header */
	if (head.act && str_eq(env.action, head.action))
		err = check_args(&env, head.svc, post->n);
	if (!err && head.act != &soaphead_query)
		return run_action(soap, post, &head, &env, ret);
	if (err)
		reply_fault(soap, err, ret);
	else
		run_query(soap, post, env.in[0].s, ret);
	return true;
}

void soap_cancel(struct soap *soap, uint32_t token)
{
	struct pending *p;

	for (size_t i = 0; i < SOAP_PENDING_MAX; i++) {
		p = &soap->pending[i];
		if (!p->used || p->token != token)
			continue;
		if (!p->measures)
			igd_cancel(soap->igd, &p->wait);
		p->used = false;
		return;
	}
}

struct soap *soap_new(struct loop *loop, struct igd *igd,
		      void (*answer)(void *arg, uint32_t token,
				     const struct soap_reply *),
		      void *arg)
{
	struct soap *soap = mem_new(1, sizeof(*soap));

	if (!soap)
		return NULL;
	soap->loop = loop;
	soap->measure.cb = on_measure;
	soap->igd = igd;
	soap->answer = answer;
	soap->arg = arg;
	return soap;
}

void soap_free(struct soap *soap)
{
	if (!soap)
		return;
	loop_timer_del(soap->loop, &soap->measure);
	mem_free(soap, 1, sizeof(*soap));
}

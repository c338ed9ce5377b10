/* SPDX-License-Identifier: ISC */
/* answer.h - the monitor's answers to the engine's requests.
 * Runs in: monitor */
#ifndef MONITOR_ANSWER_H
#define MONITOR_ANSWER_H

#include "ipc/brokermsg.h"
#include "monitor/flows.h"
#include "natfw.h"

/**
 * answer_send - send the result of a request.
 * @fd: the SOCK_SEQPACKET end, non-blocking
 * @repaired: of BROKER_VERIFY, else false
 *
 * Return: 0, -EPIPE the engine closed its end, -EXFULL it does not read its
 * answers
 */
int answer_send(int fd, const struct broker_req *req, enum nat_err err,
		bool repaired);

/** answer_synced - send the result of BROKER_SYNC_END: @err, and what pinholes
 * can do. Return: as answer_send() */
int answer_synced(int fd, const struct broker_req *req, enum nat_err err,
		  enum nat_ip6 ip6);

/**
 * answer_packets - read how many packets a pinhole let in, and send it.
 *
 * NAT_EKIND: the backend does not count; NAT_EFAIL: there is no such pinhole,
 * or the kernel cannot be read. Return: as answer_send()
 */
int answer_packets(int fd, const struct broker_req *req, struct natfw *fw);

/**
 * answer_flow - send the external port of a flow.
 * @err: rulecheck_flow(); the kernel is asked only after NAT_OK
 *
 * NAT_EFAIL: the kernel does not tell, for example because it tracks no flows.
 * Return: as answer_send()
 */
int answer_flow(int fd, const struct broker_req *req, enum nat_err err,
		const struct flows *);

#endif

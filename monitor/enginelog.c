/* SPDX-License-Identifier: ISC */
/* enginelog.c - the rate of log lines about the engine. Runs in: monitor */
#include "base/log.h"
#include "monitor/enginelog.h"

bool enginelog_may(struct lograte *rate, uint64_t now_ms)
{
	unsigned dropped;
	bool may = lograte_may(rate, now_ms, &dropped);

	if (dropped)
		log_warn("engine: dropped %u more lines about its requests "
			 "within ten seconds", dropped);
	return may;
}

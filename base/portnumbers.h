/* SPDX-License-Identifier: ISC */
/* portnumbers.h - the ports that the standards fix. Runs in: any */
#ifndef BASE_PORTNUMBERS_H
#define BASE_PORTNUMBERS_H

#define SSDP_PORT	1900	/* UDA 1.1 1: UDP */
#define PMP_CLIENT_PORT	5350	/* announcements: RFC 6887 8.1.3 */
#define PMP_PORT	5351	/* requests: RFC 6886 3, RFC 6887 8.1 */

#endif

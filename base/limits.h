/* SPDX-License-Identifier: ISC */
/* limits.h - the limits of the program, each with its reason. Runs in: any */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* ---- HTTP ---------------------------------------------------------- */

/* The goal is 200 requests at once beside 2,000 idle connections. */
#define HTTP_CONNS_MAX		512
/* Half of the pool: a burst of 200 from one host fits, and one host cannot take
 * all connections. What counts as one client: base/addrshare.h. */
#define HTTP_CONNS_PER_CLIENT	256
/* Only buffers cost memory, not connections, and only a connection with a part
 * of a request or of a reply holds one. 48 x 24 KiB bounds the worst case. */
#define HTTP_BUFS_MAX		48
/* A client's head has below 1 KiB and AddPortMapping's body about 1 KiB. */
#define HTTP_HEAD_MAX		8192
#define HTTP_BODY_MAX		16384
/* The longest SCPD takes two thirds of this. A list of mappings is sent in
 * pieces of it. */
#define HTTP_REPLY_MAX		24576
#define HTTP_HEADERS_MAX 48	/* fields in one head; clients send <= 12 */
#define HTTP_REQUEST_MS		10000	/* first byte to complete request */
#define HTTP_IDLE_MS		30000	/* between two requests */
#define HTTP_REPLY_MS		10000	/* to read a reply, or a part of it */
/* A reply has a deadline: HTTP_REPLY_MS, and a millisecond for so many of its
 * bytes. A list of 1,024 mappings has 600 kB; the slowest radio link that works
 * has this rate. */
#define HTTP_REPLY_BYTES_MS	16
#define HTTP_BACKLOG		1024	/* a burst of 200 connects must fit */

/* ---- SSDP ---------------------------------------------------------- */

#define SSDP_DATAGRAM_MAX	2048	/* received; longer: dropped */
#define SSDP_REPLY_MAX		1024	/* sent; some clients read no more */
#define SSDP_PENDING_MAX	64	/* searches waiting for their answer */
#define SSDP_SPREAD_MS		100	/* clients wait as little as 250 ms */
/* For the first datagram of an answer to leave the kernel. A host that exists
 * replies to the first or the second ARP request; they are 1 s apart. */
#define SSDP_LEAVE_MS		1500
/* Datagrams that answer one source, for each root device; further ones are
 * dropped. A burst of five ssdp:all passes, or of 12 searches (Open.NAT)
 * several times over; the long-term rate is too low for a reflection attack. */
#define SSDP_ANSWERS_BURST	64
#define SSDP_ANSWERS_S		20
#define SSDP_MAX_AGE_MIN_S	1800	/* UDA 1.1 1.2.2 */

/* ---- NAT-PMP and PCP ------------------------------------------------ */

#define PMP_MSG_MAX		1100	/* bytes of a message: RFC 6887 7 */
/* Received: a longer message than PMP_MSG_MAX gets an error. An Ethernet frame
 * has 1,472 bytes at most; a longer datagram is dropped. */
#define PMP_DATAGRAM_MAX	2048
/* Datagrams that a socket receives in one round of the loop: most of a round is
 * spent in ppoll(). Eight take less than a tenth of a millisecond. */
#define PMP_TURN		8
/* Requests that wait for the kernel: as many as are applied in one transaction
 * (NAT_BATCH_MAX). Clients repeat a request that was dropped. */
#define PMP_PENDING_MAX		128
/* Half of them: one host cannot take all. */
#define PMP_PENDING_PER_CLIENT	64
/* Requests of one source. Most are answered without the kernel, in a few
 * microseconds. A client may send hundreds a second (RFC 6886 3.1), and all
 * programs of a host send again at once when the epoch begins anew. New mappings
 * have a limit of their own (ADDS_PER_S_MIN). */
#define PMP_REQUESTS_BURST	20000
#define PMP_REQUESTS_S		10000
/* Each announcement is sent so often, after 250 ms, and twice as long each time
 * (RFC 6886 3.2.1, RFC 6887 14.1.3). */
#define PMP_ANNOUNCE_N		10
#define PMP_ANNOUNCE_MS		250
/* Each mapping update is sent so often, after 250 ms and after twice as long
 * (RFC 6887 14.2). */
#define PMP_UPDATE_N		3
#define PMP_UPDATE_MS		250
/* Updates are sent a few at a time, so that 1,000 take 320 ms, and the datagrams
 * fit into the buffers of a client that has many mappings. */
#define PMP_UPDATE_BURST	16
#define PMP_UPDATE_GAP_MS	5
/* Lifetimes of PCP: RFC 6887 15. */
#define PCP_LEASE_MIN_S		120
#define PCP_LEASE_MAX_S		86400
/* Lifetimes of PCP's errors: RFC 6887 7.4. */
#define PCP_ERROR_SHORT_S	30
#define PCP_ERROR_LONG_S	1800

/* ---- the upstream: another NAT in front of this router ---------------- */

#define UPSTREAM_DATAGRAM_MAX	2048	/* received; longer: dropped */
#define UPSTREAM_PATH_MAX	256	/* bytes of a URL's path, with the NUL */
#define UPSTREAM_REQUEST_MAX	1536	/* AddPortMapping has 900 bytes, and a
					 * path */
/* An answer by HTTP. Descriptions of gateways have 2 to 8 KiB. */
#define UPSTREAM_REPLY_MAX	16384
#define UPSTREAM_WAIT_MS	2000	/* for an answer, while a client waits */
#define UPSTREAM_TRIES		4	/* datagrams: after 0, 250, 750, 1750 ms */
#define UPSTREAM_TRY_MS		250	/* to the second one; doubled each time */
#define UPSTREAM_HTTP_MS	5000	/* for a whole answer */
#define UPSTREAM_LEASE_S	3600	/* asked for; renewed before half of it */
#define UPSTREAM_RETRY_MS	30000	/* after a refusal, or without an answer */
/* From one look at the upstream's epoch to the next. An upstream that has lost
 * its mappings is noticed within this time. */
#define UPSTREAM_ALIVE_MS	60000
/* From one change of the upstream's external address to the next. */
#define UPSTREAM_EXT_MS		10000
/* Requests to an upstream that has restarted leave in batches, so that 1,000
 * of them do not overrun its buffer. */
#define UPSTREAM_BATCH		8
#define UPSTREAM_BATCH_MS	20

/* ---- SOAP ---------------------------------------------------------- */

#define SOAP_ARGS_MAX		10	/* AddPortMapping has 8 */
#define SOAP_TEXT_MAX		2048	/* decoded text of all arguments */
#define SOAP_PENDING_MAX	HTTP_CONNS_MAX	/* one for each connection */

/* ---- events -------------------------------------------------------- */

/* A control point subscribes once to each of three services of each root it
 * uses; a home has about ten such programs. */
#define GENA_SUBS_MAX		64
/* A quarter of the pool: one host cannot take it all. */
#define GENA_SUBS_PER_CLIENT	16
/* If the pool is full, a client with fewer takes a place from one with more:
 * the services of two roots, 3 and 4, for one program. */
#define GENA_SUBS_SHARE		7
/* From one message to all subscribers that finds the dead to the next, so that
 * a client which subscribes often cannot make the others busy. */
#define GENA_PROBE_MS		60000
#define GENA_TIMEOUT_MIN_S	1800	/* UDA 1.1 4.1.2: should be at least */
#define GENA_TIMEOUT_MAX_S	7200	/* a vanished subscriber expires */
#define GENA_CALLBACK_MAX	512	/* overruns: CVE-2021-35392 */
#define GENA_URLS_MAX		4	/* one for each family, and more */
#define GENA_MODERATE_MS	200	/* at most five events a second */
/* Delay of the initial event after the answer to SUBSCRIBE: libgupnp drops an
 * event that comes before it has read the SID, and the next one as well. */
#define GENA_INITIAL_MS		100
/* A message to an address of which the neighbour table does not show yet whose
 * it is waits for so long, so often: one that exists answers in milliseconds,
 * and the kernel asks three times within three seconds. */
#define GENA_ASK_MS		100
#define GENA_ASKS_MAX		30
#define GENA_CONNECT_MS		5000	/* of a LAN host; CVE-2020-12695 */
#define GENA_ANSWER_MS		30000	/* UDA 1.1 4.3.2: for the answer */
#define GENA_BODY_MAX		1280	/* 8 variables of about 120 bytes */
/* Request line, path, fields of about 300 bytes, body. */
#define GENA_MSG_MAX		(GENA_CALLBACK_MAX + 512 + GENA_BODY_MAX)
#define GENA_VARS_MAX		8	/* evented ones of a service; 5 now */
#define GENA_TOPICS_MAX		16	/* services of both roots; now 7 */

/* ---- mappings ------------------------------------------------------ */

#define PM_DESC_MAX		256	/* bytes of a description; above: 605 */
/* Bytes of fields in the lease file that a later version wrote, which are kept
 * for each mapping. The longest field that a version added, PCP's nonce, needs
 * 30. */
#define PM_NOTE_MAX		192
/* New mappings of a client per second, if its share is less: some clients retry
 * with other ports at once. */
#define ADDS_PER_S_MIN		32
#define PM_LEASE_MAX_S		604800	/* WANIPConnection:2 2.3.18, a week */
#define ABSENT_MAX_S		31536000	/* of absent-timeout: a year */
/* Clients of mappings without an end are looked for this often, or four times
 * in absent-timeout. The kernel gives up an address that it knows eight seconds
 * after a packet to it, so it has decided when they are looked for again. */
#define ABSENT_ROUND_MS		30000
/* After this time, the table is read. An address that the kernel does not know
 * is asked for three times, once a second. If the table is full, the kernel
 * drops what it has given up, and the next round would not find it. */
#define ABSENT_ASK_MS		2500
/* Mappings that are looked at in one turn, so that others do not wait: each
 * needs a few system calls. */
#define ABSENT_TURN		32
#define ABSENT_TURN_MS		50	/* from one turn to the next */
/* Silent clients that an engine leaves to its successor, 8 KB. For more of
 * them, a reload begins the time anew. */
#define ABSENT_KEPT_MAX		256
/* A mapping expires if its client's network is missing for this long. */
#define PM_SUSPENDED_MAX_S	86400
/* From one try to the next, for a suspended mapping whose network exists but
 * which the firewall refuses. */
#define MAP_RESUME_MS		10000
/* Overwrites in progress while the table is full, renewals among them: each
 * needs a second slot. Further ones fail. A connection has one request, and so
 * has each pending one of NAT-PMP and PCP. */
#define PM_SPARE_SLOTS		(HTTP_CONNS_MAX + PMP_PENDING_MAX)
/* Retries of AddAnyPortMapping with another port, when the port is taken: each
 * is a batch. */
#define PM_ANY_TRIES		8
#define PM_MAPPINGS_LIMIT	60000	/* of max-mappings: number of ports */
/* Of max-pinholes: a UniqueID has 16 bits, and the ID of a pinhole that ended
 * is not used again soon. */
#define PM_PINHOLES_LIMIT	16384
/* The longest lease of a pinhole, a day (WANIPv6FirewallControl:1). */
#define PINHOLE_LEASE_MAX_S	86400
/* Requests that wait until the neighbour table tells whose an address is. Each
 * may send a packet to an address that its client chose, so few; of one host,
 * as many as it may have addresses in use. */
#define MAP_ASKING_MAX		16
#define MAP_ASKING_PER_HOST	4
/* How long such a request waits. A host answers within milliseconds, and the
 * kernel asks once a second. */
#define HOSTS_RESOLVE_MS	1000
/* Addresses of MAP_ASKING_MAX that are resolved for one host. They are so for
 * the whole time, even if the host closes its connections at once; others must
 * not have to wait for that. */
#define HOSTS_ASKS_PER_HOST	(MAP_ASKING_MAX / 2)
/* New pinholes of an interface per second, in rates of one host: a burst after
 * a power cut, when all hosts start. */
#define MAP_IFACE_RATES		4
/* The part of max-pinholes that the hosts of one interface leave to those of the
 * others, if there are others: a quarter. */
#define MAP_IFACE_LEAVES	4

/* ---- lease file ---------------------------------------------------- */

/* Renewals that make a lease no longer than this are written so much later,
 * however often a client renews; after a crash, leases end so much later. A
 * client renews every few minutes or more rarely. */
#define LEASES_LATE_MS		60000
/* From one rewrite of the file to the next, unless the file is full. */
#define LEASES_REWRITE_MS	60000
/* From the end of a write until the kernel has written it to the disk. It does
 * that after 30 s and at most 5 s more by default (vm.dirty_expire_centisecs,
 * vm.dirty_writeback_centisecs). */
#define LEASES_DISK_MS		60000
/* Lines in the file, and for each mapping: more than honest clients cause in
 * LEASES_REWRITE_MS. Then the file is rewritten at once. A rewrite leaves at
 * most 2 lines, and 1 for each mapping. So it follows 1,000 changes, and 4 for
 * each mapping: rewrites write at most half as much as the changes do. */
#define LEASES_LINES		1024
#define LEASES_LINES_EACH	5

/* ---- monitor ------------------------------------------------------- */

/* Ops applied in one transaction, and ops that the engine sends before their
 * answers come: these always fit into the socket. */
#define NAT_BATCH_MAX		128
/* Questions about flows that the engine has not sent yet: one for each PEER
 * request that can wait for its answer. */
#define BROKER_FLOWS_MAX	128
/* The kernel deletes 2,000 flows in 5 ms, in one system call that nothing can
 * interrupt: above this number of flows we do not ask it to search. */
#define CONNTRACK_SEARCH_MAX	4096
/* A walk over the kernel's flows takes 2 s if the table is full, in parts of so
 * much CPU time with so long a pause. A request waits for one part at most, and
 * a walk takes half of the CPU time. */
#define FLOWS_PART_US		10000
#define FLOWS_PAUSE_MS		10
/* From one walk to the next. A walk takes 10 ms if the table is large: ten
 * times the rest of a deletion. In a burst the gap is so many times the length
 * of a walk, so walks take a twentieth of the CPU time. */
#define FLOWS_GAP_MS		100
#define FLOWS_GAP_WALKS		20
#define FLOWS_GAP_MAX_MS	1000
/* A UDP socket of the router takes the port of a mapping in force if it was
 * there in two looks this far apart. A resolver's socket exists for a few
 * seconds, or as long as it tries again. */
#define TAKEN_UDP_MS		30000
#define TAKEN_SOCKETS_MAX	32	/* of these; later ones take nothing */
/* Mappings looked at in one turn: 1,024 take a few milliseconds; and the CPU
 * time of a turn, because a look at one follows a packet through all rules. */
#define OVERRULE_LOOKS_MAX	1024
#define OVERRULE_LOOKS_US	10000
/* Reports that the engine has not read: they fit into the socket beside
 * NAT_BATCH_MAX answers. */
#define OVERRULE_REPORTS_MAX	64
#define OVERRULE_STEP_MS	20	/* to the next turn, if more is due */
/* The log names the rule that has a port once in REFUSAL_LOG_MS for each error,
 * for so many ports. */
#define BROKER_PORTS_LOGGED	16
#define BROKER_WHY_MAX		256	/* bytes: a rule, and a remedy */
#define PROC_DEADLINE_MS	5000	/* for a firewall tool that hangs */
/* For a tool that only lists: control points wait while verify waits for it. */
#define PROC_LIST_DEADLINE_MS	2000
/* Retry iptables for this long while another process holds the xtables lock.
 * Short, because control points wait, and the lock may never be released. */
#define NATFW_BUSY_MS		1000
#define NATFW_BUSY_STEP_MS	100	/* from one try to the next */
/* Legacy iptables sends no notice: how often its tables are compared while no
 * client asks. Mappings work within a second of a change. */
#define NATFW_LEGACY_MS		1000
/* After a change of ours they are read soon, unless the next request comes
 * first and reads them: a client that makes several mappings waits for none of
 * these readings. */
#define NATFW_LEGACY_OWN_MS	20
/* Its tables are read as a whole, one by one: the accepts of 20000 mappings, or
 * as many rules of a blocklist. Only what a table needs is resident, and only
 * while it is read. A larger one counts by the number and size of its rules. */
#define NATFW_LEGACY_MAX	(8 << 20)
/* CPU time for reading the administrator's rules, before other things have
 * their turn. A home router's rules take 1 ms, 10,000 rules 30 ms on a PC. */
#define NATFW_READ_US		10000
#define NATFW_READ_STEP_MS	1	/* to the next part: requests first */
/* From one try to the next if the rules changed while they were read; doubled
 * each time, up to verify-interval. */
#define NATFW_READ_AGAIN_MS	50
#define ENGINE_DEATHS_MAX	5	/* in a minute, then the daemon exits */
#define ENGINE_RESTART_MS	100	/* mappings work within a second */
#define ENGINE_STOP_MS		2000	/* for an engine to send byebye */
/* The monitor asks the engine so often whether its loop still runs: seldom
 * enough for a router that sleeps in between. */
#define ENGINE_PING_MS		3000
/* For the answer, of the monitor's running time: longer than any wait for a
 * slow disk. The first answer may take longer, because the engine reads its
 * files before it enters its loop. */
#define ENGINE_ANSWER_MS	10000
#define ENGINE_START_MS		30000
/* For the fork server to fork, or to see a killed process exit. If it takes
 * longer, it was stopped, or the machine is overloaded beyond use. */
#define FORKSERVER_ANSWER_MS	10000
#define FORKSERVER_END_MS	3000	/* ENGINE_STOP_MS, and a little */
/* A start waits for another daemon that is about to end, or that removes what
 * an earlier run left: a firewall tool takes a second on a slow router. */
#define INSTANCE_WAIT_MS	2000
#define INSTANCE_STEP_MS	50	/* from one try to the next */
#define INSTANCE_QUEUE		64	/* connections of other daemons, or of
					 * users, until they are closed */
/* For a service manager whose queue is full: it is busy at boot. */
#define NOTIFY_WAIT_MS		1000

/* ---- log ----------------------------------------------------------- */

#define LOG_LINE_MAX		512	/* bytes of one line */
/* Lines copied from the engine in ten seconds. MAPLOG_LINES may come at once. */
#define LOG_ENGINE_LINES	100
/* A line that is repeated while a fault lasts is counted. The count is written
 * after the first time, then after twice as long each, to the second time. */
#define LOG_REPEATS_MS		60000
#define LOG_REPEATS_MAX_MS	3600000

/* Lines about mappings in this time: two for each of 30 programs that start at
 * once. The others are counted. */
#define MAPLOG_LINES		60
#define MAPLOG_WINDOW_MS	60000
/* A client that deletes a mapping before it adds it does so within a second.
 * So many deletions wait for that: more than a burst of one client has. */
#define MAPLOG_HOLD_MS		2000
#define MAPLOG_HELD_MAX		16
#define MAPLOG_DESC_MAX		80	/* bytes of a description in the log */
/* One line for a client and a reason in this time, for so many clients. Most
 * clients have one or two reasons; a hostile one has 20 at most. */
#define REFUSAL_LOG_MS		60000
#define REFUSAL_CLIENTS_MAX	32

/* ---- status page ---------------------------------------------------- */

/* Refusals that the page shows, of all hosts and of one. A household has few
 * programs that are refused; each asks again for the same port. */
#define RECENT_MAX		32
#define RECENT_PER_HOST		8
/* Mappings that are looked at for one piece of the page, if few of them are the
 * viewer's: it takes a millisecond if the kernel is asked about each. */
#define STATUSPAGE_SCAN		64

/* ---- control socket ------------------------------------------------- */

#define CTL_CLIENTS_MAX		8	/* several upnpctl at once */
/* Of them "upnpctl monitor", which may never end: the others stay for requests,
 * which do. */
#define CTL_MONITORS_MAX	6
#define CTL_TURN_MS		10000	/* to send a request, to read answers */

/* ---- upnpctl ------------------------------------------------------- */

/* For a whole answer. The firewall tool's deadlines to list and to repair fit
 * into it; an operator waits no longer than 10 s. */
#define CTLCLIENT_WAIT_MS	9000
#define CTLCLIENT_RETRY_MS	100	/* ENGINE_RESTART_MS */
/* "monitor" without a daemon: it gives up after this, longer than a restart
 * takes; and it prints a notice after CTLCLIENT_QUIET_MS. */
#define CTLCLIENT_GONE_MS	30000
#define CTLCLIENT_QUIET_MS	2000
/* Names of hosts: more than a large LAN has. A file with the names of so many
 * has 200 kB; the rest of a longer one is a list of blocked names. */
#define NAMES_MAX		4096
#define NAMES_FILE_MAX		262144

/* ---- configuration ------------------------------------------------- */

/* A file has a few hundred bytes; 64 KiB leaves room for comments. */
#define CONF_FILE_MAX		65536
/* Bytes of a line that is written. The longest has a comment of PM_DESC_MAX
 * bytes, each escaped, and two IPv6 addresses: 140 bytes more. */
#define CONF_LINE_MAX		704
#define CONF_LOCK_MS		10000	/* others hold it for ms */
#define CONF_LOCK_STEP_MS	50	/* from one try to the next */
#define CONF_IFACES_MAX		16
/* Of them, enabled external ones: two uplinks and a VPN leave one free. */
#define CONF_EXTERNALS_MAX	4
/* The active one changes so often at once, then once in so many ms. A failover
 * and the return take two; a link that flaps needs more. */
#define EXTERNAL_MOVES		4
#define EXTERNAL_MOVE_MS	15000
/* Networks behind another router on the LAN, of one interface: a home has one
 * such router, with a network of each family. A site with more of them writes
 * a prefix that holds several. */
#define CONF_NETWORKS_MAX	8
/* Of all interfaces: hairpin takes a rule for each pair of networks. */
#define CONF_NETWORKS_ALL	16
#define CONF_RULES_MAX		64	/* allow and deny lines */
/* Mapping lines, and the bytes of all their comments (64 for each). A home has
 * about ten. A configuration is sent to the engine as one record, which must
 * fit into the buffer of a socket. */
#define CONF_MAPPINGS_MAX	128
#define CONF_COMMENTS_MAX	8192
#define CONF_STR_MAX		128	/* bytes of one value, with the NUL */
/* Addresses of the whole router that are kept: twice those that are served, of
 * both families. The kernel knows the others (route_is_local()). */
#define NETIF_ADDRS_MAX		128
/* Addresses of internal interfaces that are served, by HTTP and by SSDP: one of
 * each kind (IPv4, global, unique local, link-local) on each of
 * CONF_IFACES_MAX interfaces. Few routers have so many interfaces; then there
 * is room for second networks, and for the virtual addresses of VRRP. Further
 * addresses are logged and not served. */
#define IFSOCKS_MAX		64
/* Sockets of the groups of SSDP: those of 239.255.255.250, FF05::C and FF0E::C,
 * and for each interface that of FF02::C. The kernel binds a socket with a
 * group of that scope to one interface. */
#define IFSOCK_GROUPS_MAX	(3 + CONF_IFACES_MAX)
/* All networks that are served. */
#define NETWORKS_SERVED_MAX	(IFSOCKS_MAX + CONF_NETWORKS_ALL)
/* Networks in the firewall: those, without the link-local ones. Hairpin and
 * masquerade take rules for each. */
#define NATFW_NETS_MAX		(IFSOCKS_MAX - CONF_IFACES_MAX + \
				 CONF_NETWORKS_ALL)

/* Connections, HTTP listeners, events, SSDP sockets, those of NAT-PMP and PCP,
 * monitor, netlink. */
#define ENGINE_FDS_MAX	(HTTP_CONNS_MAX + IFSOCKS_MAX + \
			 GENA_SUBS_MAX + IFSOCKS_MAX + IFSOCK_GROUPS_MAX + \
			 IFSOCKS_MAX + CTL_CLIENTS_MAX + 1 + 8 + 1 + 3)
/* RLIMIT_NOFILE: those, a socket for each search that is being answered, and
 * files and sockets that are open for a moment. */
#define ENGINE_FILES_MAX (ENGINE_FDS_MAX + SSDP_PENDING_MAX + 16)
/* RLIMIT_FSIZE: the lease journal of the default table, several times over; a
 * runaway writer must not fill a router's flash. */
#define ENGINE_FILE_BYTES	(16u << 20)
/* RLIMIT_DATA and RLIMIT_AS: the monitor maps 52 MiB, most of it for two models
 * of the administrator's rules (17 each) and NATFW_LEGACY_MAX (8), and 1.7 KiB
 * for each mapping. It touches few pages. */
#define MONITOR_BYTES		(56u << 20)
#define MONITOR_BYTES_MAPPING	2048

#endif

/* SPDX-License-Identifier: ISC */
/*
 * test_nfnl.c - a batch is one transaction, and no answer of a hostile peer is
 * taken for its own. The last tests use the real kernel, with nft beside it, in
 * a namespace for each test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "sys/netlink.h"
#include "natfw/nfnl.h"
#include "tests/unit/nltest.h"

#define TCP	6
#define UDP	17
#define CLIENT	IP(192, 168, 88, 10)
#define BATCH_BYTES 98304	/* well below the least SO_SNDBUF */

static const struct nfnl_set ports = { "ip", "t", "ports" };
static const struct nfnl_set sockets = { "ip", "t", "sockets" };
static const struct nfnl_set peers = { "ip", "t", "peers" };

static struct nfnl_batch batch;
static uint32_t batch_room[BATCH_BYTES / sizeof(uint32_t)];

static void begin(uint32_t seq)
{
	nfnl_begin(&batch, batch_room, sizeof(batch_room), seq);
}

static struct nfnl_value port_key(uint8_t proto, uint16_t port)
{
	struct nfnl_value v = { 0 };

	nfnl_proto(&v, proto);
	nfnl_port(&v, port);
	return v;
}

static struct nfnl_value socket_key(uint32_t ip, uint8_t proto, uint16_t port)
{
	struct nfnl_value v = { 0 };

	nfnl_ip(&v, ip);
	nfnl_proto(&v, proto);
	nfnl_port(&v, port);
	return v;
}

static struct nfnl_value target(uint32_t ip, uint16_t port)
{
	struct nfnl_value v = { 0 };

	nfnl_ip(&v, ip);
	nfnl_port(&v, port);
	return v;
}

static void add_port(uint8_t proto, uint16_t port, uint32_t ip, uint16_t to)
{
	struct nfnl_value key = port_key(proto, port), data = target(ip, to);

	nfnl_elem(&batch, NFNL_ADD, &ports, &key, &data);
}

static void del_port(uint8_t proto, uint16_t port)
{
	struct nfnl_value key = port_key(proto, port);

	nfnl_elem(&batch, NFNL_DEL, &ports, &key, NULL);
}

static void put_socket(enum nfnl_verb verb, uint16_t port)
{
	struct nfnl_value key = socket_key(CLIENT, TCP, port);

	nfnl_elem(&batch, verb, &sockets, &key, NULL);
}

/* ---- values ------------------------------------------------------------ */

static void test_value_has_a_register_for_each_part(void **state)
{
	static const uint8_t want[] = {
		192, 168, 88, 10, 17, 0, 0, 0, 0x9c, 0x40, 0, 0,
	};
	struct nfnl_value v = socket_key(CLIENT, UDP, 40000);

	const uint8_t address[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };

	assert_int_equal(v.n, sizeof(want));
	assert_memory_equal(v.bytes, want, sizeof(want));
	nfnl_ip6(&v, address);
	nfnl_ip6(&v, address);
	assert_int_equal(v.n, NFNL_VALUE_MAX);
	assert_memory_equal(v.bytes + 28, address, sizeof(address));
	nfnl_proto(&v, 1);	/* a part too many: invalid from here on */
	assert_true(v.n > NFNL_VALUE_MAX);
	nfnl_port(&v, 1);
	assert_true(v.n > NFNL_VALUE_MAX);
	assert_memory_equal(v.bytes, want, sizeof(want));
}

/* ---- the messages of a batch ------------------------------------------- */

/* Two connected sockets: ours, and the kernel's, which the test plays. */
struct wire {
	int fd, peer;
};

static struct wire wire_new(void)
{
	int fd[2], size = 1 << 20;

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0,
				    fd), 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return (struct wire){ fd[0], fd[1] };
}

static void wire_done(struct wire w)
{
	close(w.fd);
	close(w.peer);
}

static void reply(struct wire w, uint32_t seq, uint16_t type, int code)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} m = {
		.h = { sizeof(m), type, 0, seq, 0 }, .e = { .error = code },
	};

	assert_int_equal(send(w.peer, &m, sizeof(m), 0), sizeof(m));
}

/* The messages that the kernel received. */
static struct nl_span received(struct wire w)
{
	static union {
		struct nlmsghdr first;
		char bytes[BATCH_BYTES + 1];
	} buf;
	ssize_t n = recv(w.peer, buf.bytes, sizeof(buf.bytes), 0);

	return (struct nl_span){ buf.bytes, n > 0 ? (size_t)n : 0 };
}

static uint32_t next_seq;

static const struct nlmsghdr *next(struct nl_span *s, int type, int flags)
{
	const struct nlmsghdr *h = netlink_next_msg(s);

	assert_non_null(h);
	assert_int_equal(h->nlmsg_type, type);
	assert_int_equal(h->nlmsg_flags, flags);
	/* sequence numbers from 7 on */
	if (type == NFNL_MSG_BATCH_BEGIN)
		next_seq = 7;
	assert_int_equal(h->nlmsg_seq, next_seq++);
	return h;
}

static struct nl_span attr(struct nl_span *s, unsigned type)
{
	const struct rtattr *a = netlink_next_attr(s);

	assert_non_null(a);
	assert_int_equal(a->rta_type, type);
	return (struct nl_span){ (const char *)(a + 1),
				 a->rta_len - sizeof(*a) };
}

static void assert_bytes(struct nl_span s, const void *p, size_t n)
{
	assert_int_equal(s.n, n);
	assert_memory_equal(s.p, p, n);
}

#define NEST(type) (NLA_F_NESTED | (type))

static void assert_value(struct nl_span *elem, unsigned type,
			 const struct nfnl_value *v)
{
	struct nl_span nest = attr(elem, NEST(type));

	assert_bytes(attr(&nest, NFTA_DATA_VALUE), v->bytes, v->n);
	assert_int_equal(nest.n, 0);
}

static void assert_elem(const struct nlmsghdr *h, const struct nfnl_set *set,
			const struct nfnl_value *key,
			const struct nfnl_value *data)
{
	struct nl_span s = netlink_attrs(h, sizeof(struct nfgenmsg)), list,
		       elem;

	assert_bytes(attr(&s, NFTA_SET_ELEM_LIST_TABLE), set->table,
		     strlen(set->table) + 1);
	assert_bytes(attr(&s, NFTA_SET_ELEM_LIST_SET), set->name,
		     strlen(set->name) + 1);
	list = attr(&s, NEST(NFTA_SET_ELEM_LIST_ELEMENTS));
	assert_int_equal(s.n, 0);
	elem = attr(&list, NEST(NFTA_LIST_ELEM));
	assert_int_equal(list.n, 0);
	assert_value(&elem, NFTA_SET_ELEM_KEY, key);
	if (data)
		assert_value(&elem, NFTA_SET_ELEM_DATA, data);
	assert_int_equal(elem.n, 0);
}

static void assert_bracket(const struct nlmsghdr *h)
{
	static const uint8_t about[] = { AF_UNSPEC, NFNETLINK_V0, 0, 10 };

	assert_int_equal(h->nlmsg_len, NLMSG_LENGTH(sizeof(about)));
	assert_memory_equal(netlink_body(h, sizeof(about)), about,
			    sizeof(about));
}

static uint8_t family(const struct nlmsghdr *h)
{
	const struct nfgenmsg *about = netlink_body(h, sizeof(*about));

	assert_non_null(about);
	assert_int_equal(about->version, NFNETLINK_V0);
	assert_int_equal(about->res_id, 0);
	return about->nfgen_family;
}

#define ELEM(verb)	(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_##verb##SETELEM)
#define REQUEST		NLM_F_REQUEST

static void test_each_set_and_verb_has_a_message(void **state)
{
	static const struct nfnl_set other = { "inet", "fw4", "accept" };
	struct nfnl_value key = socket_key(CLIENT, TCP, 8000);
	struct nfnl_value data = target(IP(203, 0, 113, 7), 40000);
	struct wire w = wire_new();
	const struct nlmsghdr *h;
	struct nl_span s;

	begin(7);
	nfnl_elem(&batch, NFNL_DEL, &sockets, &key, NULL);
	nfnl_elem(&batch, NFNL_ADD, &sockets, &key, &data);
	nfnl_elem(&batch, NFNL_ADD, &other, &key, NULL);
	reply(w, 7, NLMSG_ERROR, 0);
	assert_int_equal(nfnl_commit(&batch, w.fd), 0);
	s = received(w);
	assert_bracket(next(&s, NFNL_MSG_BATCH_BEGIN, REQUEST));
	h = next(&s, ELEM(DEL), REQUEST);
	assert_int_equal(family(h), 2);
	assert_elem(h, &sockets, &key, NULL);
	h = next(&s, ELEM(NEW), REQUEST | NLM_F_CREATE);
	assert_int_equal(family(h), 2);
	assert_elem(h, &sockets, &key, &data);
	h = next(&s, ELEM(NEW), REQUEST | NLM_F_CREATE | NLM_F_ACK);
	assert_int_equal(family(h), 1);
	assert_elem(h, &other, &key, NULL);
	assert_bracket(next(&s, NFNL_MSG_BATCH_END, REQUEST));
	assert_int_equal(s.n, 0);
	wire_done(w);
}

static void test_empty_batch_sends_nothing(void **state)
{
	begin(7);
	assert_int_equal(nfnl_commit(&batch, -1), 0);
}

/* An invalid name, family or value: nothing is sent, whatever follows it. */
static void spoilt(const struct nfnl_set *set, const struct nfnl_value *key,
		   int err)
{
	struct wire w = wire_new();

	begin(7);
	nfnl_elem(&batch, NFNL_ADD, set, key, NULL);
	put_socket(NFNL_ADD, 1);
	reply(w, 7, NLMSG_ERROR, 0);
	assert_int_equal(nfnl_commit(&batch, w.fd), err);
	assert_int_equal(received(w).n, 0);
	wire_done(w);
}

static void test_invalid_element_spoils_the_batch(void **state)
{
	static char name[NFT_NAME_MAXLEN + 1];
	struct nfnl_value key = port_key(TCP, 1), big = key;

	memset(name, 'n', NFT_NAME_MAXLEN);
	while (big.n <= NFNL_VALUE_MAX)
		nfnl_ip(&big, 1);
	spoilt(&ports, &big, -ENOBUFS);
	spoilt(&(struct nfnl_set){ "ip", "t", name }, &key, -ENOBUFS);
	spoilt(&(struct nfnl_set){ "ip", name, "s" }, &key, -ENOBUFS);
	spoilt(&(struct nfnl_set){ "netdev", "t", "s" }, &key, -EAFNOSUPPORT);
	spoilt(&(struct nfnl_set){ "", "t", "s" }, &key, -EAFNOSUPPORT);
	/* the first error counts */
	spoilt(&(struct nfnl_set){ "", name, "s" }, &big, -EAFNOSUPPORT);
}

/* A batch of @n elements, the first with a set's name of @name_n letters. */
static int fill(struct wire w, size_t n, size_t name_n)
{
	char name[NFT_NAME_MAXLEN] = "";
	struct nfnl_set set = { "ip", "t", name };
	struct nfnl_value key = port_key(TCP, 1);
	size_t i;

	memset(name, 'n', name_n);
	begin(7);
	for (i = 0; i < n; i++)
		nfnl_elem(&batch, NFNL_ADD, i ? &sockets : &set, &key, NULL);
	return nfnl_commit(&batch, w.fd);
}

/* Let the batch end at each position within an element: the longest batch that
 * fits is exactly as long as the buffer. */
static void test_batch_fills_its_buffer_exactly(void **state)
{
	/* elements of one set share a message, as many as are in one list */
	const size_t elem = 4 + 4 + 12, begun = 20 + 8 + 12 + 4;
	const size_t in_list = (NFNL_LIST_MAX - 4 + elem - 1) / elem;
	size_t left = BATCH_BYTES - 2 * 20 - (20 + 8 + 8 + 4 + elem) -
		      (begun + in_list * elem) - begun;
	size_t n = 1 + in_list + left / elem, len, longest = 0;
	struct wire w = wire_new();
	int err;

	for (len = 1; len < elem + 8; len++) {
		reply(w, 7, NLMSG_ERROR, 0);
		err = fill(w, n, len);
		if (err) {
			assert_int_equal(err, -ENOBUFS);
			break;
		}
		longest = received(w).n;
		assert_in_range(longest, 1, BATCH_BYTES);
	}
	assert_int_equal(longest, BATCH_BYTES);
	for (; len < NFT_NAME_MAXLEN; len++)
		assert_int_equal(fill(w, n, len), -ENOBUFS);
	assert_int_equal(fill(w, 10 * n, 1), -ENOBUFS);
	assert_int_equal(received(w).n, 0);
	wire_done(w);
}

/* Adjacent elements of one set and verb share a message, others do not. */
static void test_adjacent_elements_share_a_message(void **state)
{
	static const struct nfnl_set twin = { "ip", "t", "sockets" };
	struct nfnl_value key = socket_key(CLIENT, TCP, 8000);
	struct wire w = wire_new();
	const struct nlmsghdr *h;
	struct nl_span s, list;
	unsigned i, n;

	begin(7);
	for (i = 0; i < 5; i++)
		nfnl_elem(&batch, i < 3 ? NFNL_ADD : NFNL_DEL,
			  i & 1 ? &twin : &sockets, &key, NULL);
	nfnl_elem(&batch, NFNL_DEL, &ports, &key, NULL);
	reply(w, 10, NLMSG_ERROR, 0);
	assert_int_equal(nfnl_commit(&batch, w.fd), 0);
	s = received(w);
	next(&s, NFNL_MSG_BATCH_BEGIN, REQUEST);
	for (i = 0; i < 3; i++) {
		h = next(&s, i ? ELEM(DEL) : ELEM(NEW), REQUEST |
			 (i == 0 ? NLM_F_CREATE : i == 2 ? NLM_F_ACK : 0));
		list = netlink_attrs(h, sizeof(struct nfgenmsg));
		attr(&list, NFTA_SET_ELEM_LIST_TABLE);
		attr(&list, NFTA_SET_ELEM_LIST_SET);
		list = attr(&list, NEST(NFTA_SET_ELEM_LIST_ELEMENTS));
		for (n = 0; list.n; n++)
			attr(&list, NEST(NFTA_LIST_ELEM));
		assert_int_equal(n, 3 - i);
	}
	next(&s, NFNL_MSG_BATCH_END, REQUEST);
	assert_int_equal(s.n, 0);
	wire_done(w);
}

/* ---- dumps ------------------------------------------------------------- */

static void count(void *arg, const struct nlmsghdr *h)
{
	++*(unsigned *)arg;
}

static int dump_one(struct wire w, uint32_t seq, unsigned *ret_n)
{
	const struct nfnl_query q = {
		NFT_MSG_GETSETELEM, "inet", "fw4", "upnpd_accept"
	};

	*ret_n = 0;
	return nfnl_dump(w.fd, seq, &q, count, ret_n);
}

static void part(struct wire w, uint32_t seq, uint16_t type, uint16_t flags)
{
	struct {
		struct nlmsghdr h;
		int code;
	} m = { .h = { sizeof(m), type, flags, seq, 0 } };

	assert_int_equal(send(w.peer, &m, sizeof(m), 0), sizeof(m));
}

static void test_dump_ends_with_its_own_answer(void **state)
{
	struct wire w = wire_new();
	const struct nlmsghdr *h;
	struct nl_span s;
	unsigned n;

	part(w, 6, ELEM(NEW), 0);	/* rest of another answer */
	part(w, 6, NLMSG_DONE, 0);
	part(w, 7, ELEM(NEW), 0);
	part(w, 7, ELEM(NEW), 0);
	part(w, 7, NLMSG_DONE, 0);
	assert_int_equal(dump_one(w, 7, &n), 0);
	assert_int_equal(n, 2);
	s = received(w);
	h = netlink_next_msg(&s);
	assert_int_equal(h->nlmsg_type, NFNL_SUBSYS_NFTABLES << 8 |
					NFT_MSG_GETSETELEM);
	assert_int_equal(h->nlmsg_flags, REQUEST | NLM_F_DUMP);
	assert_int_equal(family(h), 1);
	s = netlink_attrs(h, sizeof(struct nfgenmsg));
	assert_bytes(attr(&s, NFTA_SET_ELEM_LIST_TABLE), "fw4", 4);
	assert_bytes(attr(&s, NFTA_SET_ELEM_LIST_SET), "upnpd_accept", 13);

	part(w, 8, ELEM(NEW), NLM_F_DUMP_INTR);
	part(w, 8, NLMSG_DONE, 0);
	assert_int_equal(dump_one(w, 8, &n), -EINTR);
	reply(w, 9, NLMSG_ERROR, -ENOENT);
	assert_int_equal(dump_one(w, 9, &n), -ENOENT);
	part(w, 10, ELEM(NEW), 0);	/* without an end */
	assert_int_equal(dump_one(w, 10, &n), -EAGAIN);
	assert_int_equal(send(w.peer, "abcdefghijklmnopqrst", 20, 0), 20);
	assert_int_equal(dump_one(w, 11, &n), -EBADMSG);
	wire_done(w);
}

static void stop_it(void *arg, const struct nlmsghdr *h)
{
	*(bool *)arg = true;
}

/* The rest of the answer stays in the socket. */
static void test_dump_ends_when_the_caller_has_enough(void **state)
{
	struct wire w = wire_new();
	bool stop = false;
	const struct nfnl_query q = {
		.type = NFT_MSG_GETSETELEM, .stop = &stop,
	};

	part(w, 7, ELEM(NEW), 0);
	part(w, 7, ELEM(NEW), 0);
	part(w, 7, NLMSG_DONE, 0);
	assert_int_equal(nfnl_dump(w.fd, 7, &q, stop_it, &stop),
			 -ECANCELED);
	/* at the end there is nothing to stop */
	part(w, 8, NLMSG_DONE, 0);
	assert_int_equal(nfnl_dump(w.fd, 8, &q, stop_it, &stop), 0);
	wire_done(w);
}

/* The failed message, and the offset of the fault in it. */
static void test_fault_names_the_failed_message(void **state)
{
	struct wire w = wire_new();
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		struct nlattr a;
		uint32_t at;
	} m = {
		.h = { sizeof(m), NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED,
		       9, 0 },
		.e = { .error = -ENOENT },
		.a = { sizeof(m.a) + 4, NLMSGERR_ATTR_OFFS }, .at = 44,
	};

	begin(7);
	add_port(TCP, 1, CLIENT, 1);
	put_socket(NFNL_ADD, 1);
	assert_int_equal(send(w.peer, &m, sizeof(m), 0), sizeof(m));
	reply(w, 10, NLMSG_ERROR, -EPERM);
	assert_int_equal(nfnl_commit(&batch, w.fd), -ENOENT);
	assert_int_equal(batch.fault, 9);
	assert_int_equal(batch.fault_at, 44);
	assert_int_equal(batch.m.seq, 11);
	wire_done(w);
}

/* ---- answers ----------------------------------------------------------- */

static int commit_one(struct wire w)
{
	begin(7);
	put_socket(NFNL_ADD, 1);
	return nfnl_commit(&batch, w.fd);
}

static void test_only_the_answer_to_this_batch_counts(void **state)
{
	struct wire w = wire_new();

	assert_int_equal(commit_one(w), -EAGAIN);
	reply(w, 7, NLMSG_ERROR, -ENOENT);
	assert_int_equal(commit_one(w), -ENOENT);
	/* of an older batch: its success or failure is not ours */
	reply(w, 6, NLMSG_ERROR, 0);
	assert_int_equal(commit_one(w), -EAGAIN);
	reply(w, 6, NLMSG_ERROR, -EPERM);
	reply(w, 7, NLMSG_ERROR, 0);
	assert_int_equal(commit_one(w), 0);
	reply(w, 6, NLMSG_ERROR, 0);
	reply(w, 7, NLMSG_ERROR, -EBUSY);
	assert_int_equal(commit_one(w), -EBUSY);
	/* the first error counts, whatever the order */
	reply(w, 7, NLMSG_ERROR, 0);
	reply(w, 7, NLMSG_ERROR, -ENOMEM);
	reply(w, 7, NLMSG_ERROR, -ENOENT);
	reply(w, 7, NLMSG_ERROR, -EMSGSIZE);
	assert_int_equal(commit_one(w), -ENOMEM);
	/* and nothing is left for the next */
	assert_int_equal(commit_one(w), -EAGAIN);
	reply(w, 7, NLMSG_NOOP, 0);
	assert_int_equal(commit_one(w), -EAGAIN);
	reply(w, 7, NLMSG_ERROR, 5);	/* no errno */
	assert_int_equal(commit_one(w), -EBADMSG);
	wire_done(w);
}

/* An ack that is cut at any byte does not count. */
static void test_cut_answer_does_not_count(void **state)
{
	struct wire w = wire_new();
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} m = { .h = { sizeof(m), NLMSG_ERROR, 0, 7, 0 } };
	size_t n;

	for (n = 0; n < sizeof(m); n++) {
		assert_int_equal(send(w.peer, &m, n, 0), n);
		assert_int_equal(commit_one(w), n ? -EBADMSG : -EAGAIN);
		/* now the whole message arrives */
		m.h.nlmsg_len = (uint32_t)n;
		send(w.peer, &m, n, 0);
		if (n < NLMSG_LENGTH(sizeof(int)))
			assert_int_equal(commit_one(w), n ? -EBADMSG :
							    -EAGAIN);
		else
			assert_int_equal(commit_one(w), 0);
		m.h.nlmsg_len = sizeof(m);
	}
	wire_done(w);
}

static void test_too_long_an_answer_is_an_error(void **state)
{
	static char big[NL_BUF + 1];
	struct wire w = wire_new();
	int size = 1 << 20;

	setsockopt(w.peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(send(w.peer, big, sizeof(big), 0), sizeof(big));
	reply(w, 7, NLMSG_ERROR, 0);
	assert_int_equal(commit_one(w), -EMSGSIZE);
	assert_int_equal(commit_one(w), -EAGAIN);
	wire_done(w);
}

static void test_bad_socket_is_an_error(void **state)
{
	struct wire w = wire_new();

	assert_int_equal(commit_one((struct wire){ -1, -1 }), -EBADF);
	close(w.peer);
	assert_true(commit_one(w) < 0);
	close(w.fd);
}

/* ---- the real kernel --------------------------------------------------- */

/* Run nft on @script. Return: its output, until the next call; NULL if it
 * failed */
static const char *nft(const char *script)
{
	static char out_text[1 << 17];
	int in[2], out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execlp("nft", "nft", "-nn", "-f", "-", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], script, strlen(script)), strlen(script));
	close(in[1]);
	while ((n = read(out[0], out_text + len,
			 sizeof(out_text) - 1 - len)) > 0)
		len += (size_t)n;
	close(out[0]);
	out_text[len] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status ? NULL : out_text;
}

static const char layout[] =
	"table ip t {\n"
	" map ports { type inet_proto . inet_service"
	" : ipv4_addr . inet_service; }\n"
	" map peers { type ipv4_addr . inet_proto . inet_service"
	" : ipv4_addr . inet_service; }\n"
	" set sockets { type ipv4_addr . inet_proto . inet_service; }\n"
	"}\n";

static int kernel_fd(void)
{
	int fd = nfnl_open();

	assert_true(fd >= 0);
	assert_non_null(nft(layout));
	return fd;
}

static bool listed(const char *what)
{
	const char *out_text = nft("list ruleset\n");

	assert_non_null(out_text);
	return strstr(out_text, what);
}

static void test_kernel_lists_the_elements(void **state)
{
	struct nfnl_value key = socket_key(IP(198, 51, 100, 9), UDP, 53);
	struct nfnl_value data = target(CLIENT, 5353);
	int fd;

	NEED_ROOT();
	fd = kernel_fd();
	begin(1);
	add_port(TCP, 40000, CLIENT, 8000);
	add_port(UDP, 65535, IP(255, 255, 255, 255), 1);
	nfnl_elem(&batch, NFNL_ADD, &peers, &key, &data);
	put_socket(NFNL_ADD, 8000);
	assert_int_equal(nfnl_commit(&batch, fd), 0);
	assert_true(listed("6 . 40000 : 192.168.88.10 . 8000"));
	assert_true(listed("17 . 65535 : 255.255.255.255 . 1 "));
	assert_true(listed("198.51.100.9 . 17 . 53 : 192.168.88.10 . 5353 "));
	assert_true(listed("elements = { 192.168.88.10 . 6 . 8000 }"));

	/* the key is enough to delete; another mapping replaces it */
	begin(2);
	del_port(TCP, 40000);
	add_port(TCP, 40000, CLIENT, 9000);
	del_port(UDP, 65535);
	nfnl_elem(&batch, NFNL_DEL, &peers, &key, NULL);
	put_socket(NFNL_DEL, 8000);
	assert_int_equal(nfnl_commit(&batch, fd), 0);
	assert_true(listed("elements = { 6 . 40000 : 192.168.88.10 . 9000 }"));
	assert_false(listed("5353"));
	assert_false(listed("8000"));
	close(fd);
}

static void test_kernel_lets_nft_change_our_elements(void **state)
{
	int fd;

	NEED_ROOT();
	fd = kernel_fd();
	assert_non_null(nft("add element ip t ports"
			    " { 6 . 40000 : 192.168.88.10 . 8000 }\n"
			    "add element ip t sockets"
			    " { 192.168.88.10 . 6 . 8000 }\n"));
	begin(1);
	del_port(TCP, 40000);	/* nft's */
	add_port(TCP, 40001, CLIENT, 8001);
	put_socket(NFNL_ADD, 8000);	/* exists with the same data */
	assert_int_equal(nfnl_commit(&batch, fd), 0);
	assert_non_null(nft("delete element ip t ports { 6 . 40001 }\n"
			    "add element ip t ports"
			    " { 6 . 40000 : 192.168.88.10 . 8000 }\n"));
	begin(2);
	del_port(TCP, 40000);
	put_socket(NFNL_DEL, 8000);
	assert_int_equal(nfnl_commit(&batch, fd), 0);
	assert_false(listed("elements"));
	close(fd);
}

/* A valid batch with one bad element somewhere in it. */
static int commit_with(int fd, size_t at, void (*bad)(void))
{
	size_t i;

	begin(5);
	for (i = 0; i < 4; i++) {
		if (i == at)
			bad();
		else
			put_socket(NFNL_ADD, (uint16_t)(100 + i));
	}
	return nfnl_commit(&batch, fd);
}

static void bad_absent(void)
{
	del_port(TCP, 7);
}

static void bad_busy(void)
{
	add_port(TCP, 40000, CLIENT, 9);
}

static void bad_set(void)
{
	struct nfnl_value key = port_key(TCP, 1);

	nfnl_elem(&batch, NFNL_ADD, &(struct nfnl_set){ "ip", "t", "no" }, &key,
		  NULL);
}

static void bad_table(void)
{
	struct nfnl_value key = socket_key(CLIENT, TCP, 1);

	nfnl_elem(&batch, NFNL_ADD,
		  &(struct nfnl_set){ "inet", "t", "sockets" }, &key, NULL);
}

static void bad_key(void)
{
	struct nfnl_value key = port_key(TCP, 1);

	nfnl_elem(&batch, NFNL_ADD, &sockets, &key, NULL);
}

static void bad_empty_key(void)
{
	struct nfnl_value key = { 0 };

	nfnl_elem(&batch, NFNL_ADD, &sockets, &key, NULL);
}

static void bad_data(void)
{
	struct nfnl_value key = port_key(TCP, 1), data = { 0 };

	nfnl_ip(&data, CLIENT);
	nfnl_elem(&batch, NFNL_ADD, &ports, &key, &data);
}

static void bad_no_data(void)
{
	struct nfnl_value key = port_key(TCP, 1);

	nfnl_elem(&batch, NFNL_ADD, &ports, &key, NULL);
}

static void test_kernel_applies_all_or_nothing(void **state)
{
	static const struct {
		void (*bad)(void);
		int err;
	} cases[] = {
		{ bad_absent, -ENOENT }, { bad_busy, -EBUSY },
		{ bad_set, -ENOENT }, { bad_table, -ENOENT },
		{ bad_key, -EINVAL }, { bad_empty_key, -EINVAL },
		{ bad_data, -EINVAL }, { bad_no_data, -EINVAL },
	};
	size_t i, at;
	int fd, err;

	NEED_ROOT();
	fd = kernel_fd();
	begin(1);
	add_port(TCP, 40000, CLIENT, 8);
	assert_int_equal(nfnl_commit(&batch, fd), 0);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (at = 0; at < 4; at++) {
			err = commit_with(fd, at, cases[i].bad);
			if (cases[i].err == -EBUSY && err == -EEXIST)
				err = -EBUSY;
			assert_int_equal(err, cases[i].err);
		}
	}
	assert_true(listed("elements = { 6 . 40000 : 192.168.88.10 . 8 }"));
	assert_false(listed(". 6 . 10"));
	assert_non_null(nft("delete table ip t\n"));
	assert_int_equal(commit_with(fd, 9, NULL), -ENOENT);
	close(fd);
}

/* Every element fails: the kernel's answers overflow the socket. The next batch
 * must still get its own answer. */
static void test_kernel_with_many_errors_answers_the_next(void **state)
{
	int fd, i;

	NEED_ROOT();
	fd = kernel_fd();
	begin(1);
	for (i = 1; i <= 1000; i++)
		del_port(TCP, (uint16_t)i);
	assert_true(nfnl_commit(&batch, fd) < 0);
	begin(2);
	put_socket(NFNL_ADD, 8000);
	assert_int_equal(nfnl_commit(&batch, fd), 0);
	begin(3);
	del_port(TCP, 1);
	assert_int_equal(nfnl_commit(&batch, fd), -ENOENT);
	close(fd);
}

/* The largest batch of the monitor, added and deleted. */
static void test_kernel_takes_the_largest_batch(void **state)
{
	uint16_t i;
	int fd;

	NEED_ROOT();
	fd = kernel_fd();
	begin(1);
	for (i = 1; i <= 512; i++) {
		add_port(UDP, i, CLIENT, i);
		put_socket(NFNL_ADD, i);
	}
	assert_int_equal(nfnl_commit(&batch, fd), 0);
	assert_true(listed("17 . 512 : 192.168.88.10 . 512"));
	begin(2);
	for (i = 1; i <= 512; i++) {
		del_port(UDP, i);
		put_socket(NFNL_DEL, i);
	}
	assert_int_equal(nfnl_commit(&batch, fd), 0);
	assert_false(listed("elements"));
	close(fd);
}

/* The result for an ordinary user, with root's socket or with a new one. */
static int commit_as_nobody(int fd)
{
	if (setuid(65534))
		return 0;
	if (fd < 0)
		fd = nfnl_open();
	begin(1);
	put_socket(NFNL_ADD, 8000);
	return nfnl_commit(&batch, fd);
}

static void test_kernel_refuses_an_ordinary_user(void **state)
{
	int fds[2], i, status;
	pid_t pid;

	NEED_ROOT();
	fds[0] = kernel_fd();
	fds[1] = -1;
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (pid == 0)
			_exit(-commit_as_nobody(fds[i]));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), EPERM);
	}
	assert_false(listed("8000"));
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value_has_a_register_for_each_part),
		cmocka_unit_test(test_each_set_and_verb_has_a_message),
		cmocka_unit_test(test_empty_batch_sends_nothing),
		cmocka_unit_test(test_invalid_element_spoils_the_batch),
		cmocka_unit_test(test_batch_fills_its_buffer_exactly),
		cmocka_unit_test(test_adjacent_elements_share_a_message),
		cmocka_unit_test(test_dump_ends_with_its_own_answer),
		cmocka_unit_test(test_dump_ends_when_the_caller_has_enough),
		cmocka_unit_test(test_fault_names_the_failed_message),
		cmocka_unit_test(test_only_the_answer_to_this_batch_counts),
		cmocka_unit_test(test_cut_answer_does_not_count),
		cmocka_unit_test(test_too_long_an_answer_is_an_error),
		cmocka_unit_test(test_bad_socket_is_an_error),
		netns_test(test_kernel_lists_the_elements),
		netns_test(test_kernel_lets_nft_change_our_elements),
		netns_test(test_kernel_applies_all_or_nothing),
		netns_test(test_kernel_with_many_errors_answers_the_next),
		netns_test(test_kernel_takes_the_largest_batch),
		netns_test(test_kernel_refuses_an_ordinary_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

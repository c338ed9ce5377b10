/* SPDX-License-Identifier: ISC */
/* test_watch.c - each transaction that changes something makes one notice. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <cmocka.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "sys/netlink.h"
#include "tests/unit/nltest.h"
#include "natfw/watch.h"

static size_t put(char *at, uint16_t type, uint16_t flags, const char *table)
{
	struct nfgenmsg about = { .nfgen_family = 2 };
	struct msg m;

	if (!table)
		about = (struct nfgenmsg){
			.res_id = htobe16(NFNL_SUBSYS_NFTABLES) };
	m = msg_new(type, &about, sizeof(about));
	m.h.nlmsg_flags = NLM_F_REQUEST | flags;
	if (table)
		msg_attr(&m, NFTA_TABLE_NAME, table, strlen(table) + 1);
	memcpy(at, &m, m.len);
	return m.len;
}

/* One transaction: @type is NFT_MSG_NEWTABLE or NFT_MSG_DELTABLE. */
static void transact(int fd, int type, const char *table)
{
	char buf[512];
	union nl_buf answer;
	size_t n = put(buf, NFNL_MSG_BATCH_BEGIN, 0, NULL);

	n += put(buf + n, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
		 NLM_F_ACK, table);
	n += put(buf + n, NFNL_MSG_BATCH_END, 0, NULL);
	assert_int_equal(send(fd, buf, n, 0), n);
	assert_true(netlink_recv(fd, &answer) > 0);
}

static void test_each_transaction_makes_one_notice(void **state)
{
	struct pollfd p = { .events = POLLIN };
	int fd, nft;

	if (unshare(CLONE_NEWNET)) {
		print_message("no network namespace: skipped\n");
		skip();
	}
	fd = watch_open();
	if (fd == -EPROTONOSUPPORT || fd == -EPERM) {
		print_message("no nf_tables here: skipped\n");
		skip();
	}
	assert_true(fd >= 0);
	nft = netlink_open(NETLINK_NETFILTER);
	assert_true(nft >= 0);
	p.fd = fd;
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(watch_read(fd), 0);
	transact(nft, NFT_MSG_NEWTABLE, "t1");
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(watch_read(fd), 1);
	assert_int_equal(watch_read(fd), 0);
	transact(nft, NFT_MSG_NEWTABLE, "t2");
	transact(nft, NFT_MSG_DELTABLE, "t1");
	assert_int_equal(watch_read(fd), 2);
	/* a transaction without a change makes none */
	transact(nft, NFT_MSG_DELTABLE, "t1");
	assert_int_equal(watch_read(fd), 0);
	close(nft);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_transaction_makes_one_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

# SPDX-License-Identifier: ISC
# parts.mk - parts of upnpd that a build for small flash leaves out. Included by
# the Makefile. Each combination needs a BUILD of its own.
#
# BACKENDS="netlink iptables"   one of them, or both
# UPNPCTL=no                    without the operator's command
# PMP=no                        without NAT-PMP and PCP
# STATUS_PAGE=no                without the page for browsers
#
# make small        build/small/upnpd: netlink alone, and nothing else of these
# make small-sizes  the table of docs/building.md: static builds with and
#                   without each part (tools/small-sizes; some minutes)
#
# A part that is left out is a list of source files, and of unit tests, that
# are not built. Files without_NAME.c have the functions that others call.

BACKENDS	?= netlink iptables
UPNPCTL		?= yes
PMP		?= yes
STATUS_PAGE	?= yes

PARTS		= netlink iptables UPNPCTL PMP STATUS_PAGE
yes_or_no	= $(or $(filter yes no,$($(1))),$(error $(1) is yes or no))
ifneq ($(filter-out netlink iptables,$(BACKENDS))$(if $(strip $(BACKENDS)),,x),)
$(error BACKENDS is netlink, iptables or both)
endif
WITHOUT		:= $(filter-out $(BACKENDS),netlink iptables) \
		   $(foreach p,UPNPCTL PMP STATUS_PAGE,$(if $(filter \
		   no,$(call yes_or_no,$(p))),$(p)))
WITHOUT		:= $(strip $(WITHOUT))

IN_STEAD_netlink	= natfw/without_netlink.c
# upnpctl reads counters by the others.
FILES_netlink	= $(filter-out natfw/nl_list.c natfw/nl_map.c \
		  natfw/nl_pinhole.c,$(wildcard natfw/nl_*.c)) natfw/nl.c
TESTS_netlink	= tests/unit/natfw/test_nl*.c

IN_STEAD_iptables	= natfw/without_iptables.c natfw/without_ipt_tool.c \
		  natfw/without_ruleset_ipt.c
FILES_iptables	= $(filter-out natfw/ipt_tool_has_table.c,$(wildcard \
		  natfw/ipt_*.c)) natfw/iptables.c natfw/iptopt.c \
		  natfw/iptval.c natfw/ruleset_ipt.c
TESTS_iptables	= tests/unit/natfw/test_ipt*.c $(addprefix \
		  tests/unit/natfw/test_,ruleset_ipt.c ruleset_nl.c \
		  ruleset_read.c place.c) $(addprefix \
		  tests/unit/upnpctl/test_check_,advice.c firewall.c)

IN_STEAD_UPNPCTL	= upnpctl/without_upnpctl.c
FILES_UPNPCTL	= $(filter-out $(IN_STEAD_UPNPCTL),$(wildcard upnpctl/*.c))
TESTS_UPNPCTL	= tests/unit/upnpctl/test_*.c

IN_STEAD_PMP	= pmp/without_pmp.c
FILES_PMP	= $(filter-out $(IN_STEAD_PMP),$(wildcard pmp/*.c))
TESTS_PMP	= tests/unit/pmp/test_*.c

IN_STEAD_STATUS_PAGE	= engine/without_statuspage.c
FILES_STATUS_PAGE	= engine/statuspage.c engine/statushtml.c \
			  engine/viewer.c
TESTS_STATUS_PAGE	= tests/unit/engine/test_statuspage.c

# The files that this build does not have.
LEFT_OUT	:= $(foreach p,$(PARTS),$(if $(filter $(p),$(WITHOUT)),$(wildcard \
		   $(FILES_$(p)) $(TESTS_$(p))),$(IN_STEAD_$(p))))

$(OBJS)/conf/parts.o: STD += -DPARTS_WITHOUT='"$(WITHOUT)"'

# Unit tests configure parts that were left out, and have fakes of them, so they
# are linked with this object.
PARTS_FULL	= $(if $(WITHOUT),$(OBJS)/full/parts.o)
$(OBJS)/full/parts.o: STD += -DPARTS_WITHOUT='""'
$(OBJS)/full/parts.o: conf/parts.c
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALLCFLAGS) -c -o $@ $<

SMALL_PARTS	= BACKENDS=netlink UPNPCTL=no PMP=no STATUS_PAGE=no
small:
	$(MAKE) BUILD=$(BUILD)/small $(SMALL_PARTS) all

# Without the tests of what it leaves out.
unit-small:
	$(MAKE) -j"$$(nproc)" BUILD=$(BUILD)/small $(SMALL_PARTS) units
	$(MAKE) -j4 -O BUILD=$(BUILD)/small $(SMALL_PARTS) unit

small-sizes:
	tools/small-sizes $(BUILD)

.PHONY: small unit-small small-sizes

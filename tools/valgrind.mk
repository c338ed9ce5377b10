# SPDX-License-Identifier: ISC
# Run the unit tests, and the part of the lab that works with a slow daemon, under
# valgrind's memcheck. As root; `make test` does not include it.
#
# Both targets fail if memcheck finds an error; its lines begin with ==.

VALGRIND_LAB ?= test_discovery.py test_mapping.py test_events.py \
	  test_lifecycle.py test_faults.py test_tools.py test_upnpctl_live.py
VG	= $(BUILD)/valgrind
VG_MAKE	= $(MAKE) BUILD=$(VG) FILTER=none CFLAGS='-O1 -g'

# The engine's limit of open files, for tests/netns/valgrind.
VG_FILES = $$(printf '\#include "engine/engine.h"\nn = ENGINE_FILES_MAX\n' | \
	  $(CC) $(STD) -E -P - | sed -n 's/^n = //p')

lab-valgrind:
	tools/install-test-deps valgrind
	$(VG_MAKE) all
	rm -rf $(VG)/logs
	mkdir -p -m 777 $(VG)/logs
	cd tests/netns && SLOW=5 UPNPD=$(CURDIR)/tests/netns/valgrind/upnpd \
		VALGRIND_OF=$(abspath $(VG)) \
		VALGRIND_LOGS=$(abspath $(VG))/logs \
		VALGRIND_FILES=$$(cd $(CURDIR) && echo $$(($(VG_FILES)))) \
		./run $(VALGRIND_LAB)
	! grep -h '^==' $(VG)/logs/*.log

unit-valgrind:
	tools/install-test-deps valgrind
	$(VG_MAKE) units
	for t in $(UNITS); do \
		echo "== $$t"; \
		valgrind -q --error-exitcode=97 $(VG)/tests/test_$$t || exit; \
	done

.PHONY: lab-valgrind unit-valgrind

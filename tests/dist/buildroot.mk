# SPDX-License-Identifier: ISC
# A stand-in for Buildroot: the variables and the generic-package that upnpd.mk
# uses. Needs TOP, a folder with dl/; makes TOP/build and TOP/target.
# INIT: sysv, openrc or systemd.
TARGET_DIR = $(TOP)/target
INSTALL = install
TARGET_MAKE_ENV = PATH="$$PATH"
TARGET_CONFIGURE_OPTS = CC="$(CC)" STRIP=strip CFLAGS="-O0" LDFLAGS=""
INIT ?= sysv
init_sysv = SYSV
init_openrc = OPENRC
init_systemd = SYSTEMD

NEEDED = VERSION SOURCE SITE LICENSE LICENSE_FILES BUILD_CMDS \
	 INSTALL_TARGET_CMDS USERS
KCONFIG_ENABLE_OPT = @echo "kernel $(1)"

define generic-package
$(foreach v,$(NEEDED),$(if $(value UPNPD_$(v)),,$(error UPNPD_$(v) is not set)))
upnpd-extract:
	cd $(TOP)/dl && grep '^sha256.*upnpd-' $(PACKAGE)/upnpd.hash | \
		cut -c 9- | sha256sum -c --quiet
	mkdir -p $(TOP)/build $(TARGET_DIR)
	tar -C $(TOP)/build -xf $(TOP)/dl/$(UPNPD_SOURCE)
	cd $(TOP)/build/upnpd-$(UPNPD_VERSION) && \
		grep '  LICENSE$$$$' $(PACKAGE)/upnpd.hash | cut -c 9- | \
		sha256sum -c --quiet
upnpd-build:
	$$(UPNPD_BUILD_CMDS)
upnpd-install:
	$$(UPNPD_INSTALL_TARGET_CMDS)
	$$(UPNPD_INSTALL_INIT_$(init_$(INIT)))
upnpd-linux:
	$$(UPNPD_LINUX_CONFIG_FIXUPS)
upnpd-build upnpd-install: @D = $(TOP)/build/upnpd-$(UPNPD_VERSION)
endef

include $(PACKAGE)/upnpd.mk

################################################################################
#
# upnpd
#
################################################################################

UPNPD_VERSION = @VERSION@
UPNPD_SOURCE = upnpd-$(UPNPD_VERSION).tar.xz
UPNPD_SITE = @SOURCE@
UPNPD_LICENSE = ISC
UPNPD_LICENSE_FILES = LICENSE

UPNPD_MAKE = $(TARGET_MAKE_ENV) $(MAKE) $(TARGET_CONFIGURE_OPTS) -C $(@D)
# Buildroot strips the program itself.
UPNPD_INSTALL = $(UPNPD_MAKE) DESTDIR=$(TARGET_DIR) PREFIX=/usr STRIP=:

define UPNPD_BUILD_CMDS
	$(UPNPD_MAKE) all
endef

define UPNPD_INSTALL_TARGET_CMDS
	$(UPNPD_INSTALL) install
	$(INSTALL) -D -m 0644 $(@D)/dist/initial.conf $(TARGET_DIR)/etc/upnpd.conf
endef

define UPNPD_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/dist/busybox/S60upnpd \
		$(TARGET_DIR)/etc/init.d/S60upnpd
endef

define UPNPD_INSTALL_INIT_OPENRC
	$(UPNPD_INSTALL) install-openrc
endef

define UPNPD_INSTALL_INIT_SYSTEMD
	$(UPNPD_INSTALL) install-systemd
endef

define UPNPD_USERS
	upnpd -1 upnpd -1 * /var/lib/upnpd - - UPnP gateway
endef

# The backend netlink. dist/kernel/upnpd.config has the others as well.
define UPNPD_LINUX_CONFIG_FIXUPS
	$(call KCONFIG_ENABLE_OPT,CONFIG_SECCOMP)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NETFILTER)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NETFILTER_ADVANCED)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_CONNTRACK)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_CT_NETLINK)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_NAT)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_TABLES)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_TABLES_INET)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_TABLES_IPV4)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NF_TABLES_IPV6)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NFT_CT)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NFT_NAT)
	$(call KCONFIG_ENABLE_OPT,CONFIG_NFT_MASQ)
endef

$(eval $(generic-package))

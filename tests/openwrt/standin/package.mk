# SPDX-License-Identifier: ISC
# A stand-in for OpenWrt's package.mk: BuildPackage makes the targets info,
# prepare, compile and install (to OUT/root), and names missing variables.

PKG_BUILD_DIR ?= $(BUILD_DIR)/$(PKG_NAME)-$(PKG_VERSION)
UNSET := $(foreach v,PKG_NAME PKG_VERSION PKG_RELEASE PKG_LICENSE PKG_SOURCE \
	PKG_SOURCE_URL PKG_HASH PKG_MAINTAINER PKG_LICENSE_FILES,\
	$(if $($(v)),,$(v)))
ifneq ($(strip $(UNSET)),)
  $(error not set: $(UNSET))
endif

# The defaults of hardening.mk.
PKG_FORTIFY_SOURCE ?= 1
PKG_SSP ?= 1
ifeq ($(strip $(PKG_FORTIFY_SOURCE)),1)
  TARGET_CFLAGS += -D_FORTIFY_SOURCE=1
endif
ifeq ($(strip $(PKG_SSP)),1)
  TARGET_CFLAGS += -fstack-protector
endif
TARGET_CFLAGS += -Wformat -Werror=format-security -Wl,-z,now -Wl,-z,relro
TARGET_LDFLAGS += -znow -zrelro

define Build/Prepare
	mkdir -p $(PKG_BUILD_DIR)
	tar -C $(BUILD_DIR) -xf $(TOPDIR)/dl/$(PKG_SOURCE)
endef
define Build/Configure
	cd $(PKG_BUILD_DIR) && ./configure
endef
define Build/Compile
	$(MAKE) -C $(PKG_BUILD_DIR)
endef

define BuildPackage
  $(foreach d,Package/$(1) Package/$(1)/install Package/$(1)/conffiles \
	Package/$(1)/description,$(if $($(d)),,$(error $(d) is not defined)))
  $(eval $(Package/$(1)))
  $(foreach v,SECTION CATEGORY TITLE DEPENDS,\
	$(if $($(v)),,$(error $(v) is not set in Package/$(1))))

.PHONY: info prepare compile install
info:
	@echo "section=$(SECTION)"
	@echo "category=$(CATEGORY)"
	@echo "title=$(TITLE)"
	@echo "depends=$(DEPENDS)"
	@echo "conflicts=$(CONFLICTS)"
	@echo "userid=$(USERID)"
	@echo "version=$(PKG_VERSION)"
	@echo "source=$(PKG_SOURCE)"
	@echo "source_url=$(PKG_SOURCE_URL)"
	@echo "hash=$(PKG_HASH)"
	@echo "maintainer=$(PKG_MAINTAINER)"
	@echo "license=$(PKG_LICENSE)"
	@echo "url=$(URL)"
	@echo "conffiles=$(strip $(Package/$(1)/conffiles))"

prepare:
	$(Build/Prepare)

compile:
	$(Build/Configure)
	$(Build/Compile)

install:
	$(call Package/$(1)/install,$(OUT)/root)
endef

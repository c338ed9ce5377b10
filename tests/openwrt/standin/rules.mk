# SPDX-License-Identifier: ISC
# A stand-in for OpenWrt's rules.mk: what a package's Makefile uses of it.

INCLUDE_DIR := $(TOPDIR)
INSTALL_BIN := install -m 0755
INSTALL_SUID := install -m 4755
INSTALL_DIR := install -d -m 0755
INSTALL_DATA := install -m 0644
INSTALL_CONF := install -m 0600
CP := cp -fpR
LN := ln -sf
TARGET_CC ?= cc
TARGET_CFLAGS := -Os -g
TARGET_CPPFLAGS :=
TARGET_LDFLAGS :=
BUILD_DIR := $(OUT)/build_dir

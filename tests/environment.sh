# shellcheck shell=sh
# SPDX-License-Identifier: ISC
# Sourced by tests/*/run: gives every test the same environment, whoever runs it
# and whatever else is installed.

umask 022
LC_ALL=C.UTF-8 TZ=UTC TMPDIR=/tmp
# The system's tools come first; node may be elsewhere.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# Load no plugin of pytest's but xdist, which each run script names.
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
export LC_ALL TZ TMPDIR PATH PYTEST_DISABLE_PLUGIN_AUTOLOAD
# A daemon that a test starts would notify the service manager of this shell.
unset NOTIFY_SOCKET PYTEST_ADDOPTS PYTEST_PLUGINS

# shellcheck shell=sh
# SPDX-License-Identifier: ISC
# Sourced by tests/*/run: what a test sees of the machine is the same whoever
# runs it and whatever else is installed.

umask 022
LC_ALL=C.UTF-8 TZ=UTC TMPDIR=/tmp
# The system's tools first; another place may have node.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
# Of pytest's plugins only xdist, which each run names.
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
export LC_ALL TZ TMPDIR PATH PYTEST_DISABLE_PLUGIN_AUTOLOAD
# A daemon that a test starts would speak to this one's service manager.
unset NOTIFY_SOCKET PYTEST_ADDOPTS PYTEST_PLUGINS

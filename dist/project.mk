# SPDX-License-Identifier: ISC
# What the recipes in dist/ and the programs say about the project. The Makefile
# includes this file; tools/recipe reads it too, so each line is NAME = VALUE.

VERSION = 0.2.0

# The day of the release (UTC): the time stamp of all files in the tarball and
# in packages, so that they can be built again to the same bytes.
RELEASED = 2026-12-01

# Not set, because the project is not published yet. `make dist` names those
# that are not set.
#
# PROJECT_URL		the home page
# PROJECT_SOURCE	the folder of upnpd-VERSION.tar.xz, as a URL
# PROJECT_BUGS		where to report faults, as a URL
# PROJECT_MAINTAINER	of the packages, NAME <MAIL>
PROJECT_URL =
PROJECT_SOURCE =
PROJECT_BUGS =
PROJECT_MAINTAINER =

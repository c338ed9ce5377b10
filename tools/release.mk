# SPDX-License-Identifier: ISC
# Releases and packages (docs/packaging.md). dist/project.mk has the version.
#
# make dist        build/dist: the tarball, its SBOM, recipes of packages, and
#                  checksums
# make deb         build/upnpd_VERSION-1_ARCH.deb, on Debian; needs debhelper
# make deb-source  build/debian/upnpd_VERSION-1.dsc and its files

dist:
	tools/release dist $(BUILD)/dist

deb:
	tools/deb $(BUILD) -b

deb-source:
	tools/deb $(BUILD) -S

.PHONY: dist deb deb-source

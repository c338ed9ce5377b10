# SPDX-License-Identifier: ISC
# Installation and packages. No target writes /etc/upnpd.conf: the sample is
# installed in share/doc, and the package has it as a configuration file.
#
# make install            both names, manuals, completion, the sample, and
#                         upnpd-from-miniupnpd
# make install-systemd    the same, and a unit
# make install-openrc     the same, and a script for OpenRC
# make uninstall          all of these
#
# STRIP: the command that strips the installed program; STRIP=: leaves the
# symbols, for packagers whose tools take them.

TO	= $(DESTDIR)$(PREFIX)
# Debian's package sets another folder for zsh.
ZSH	= share/zsh/site-functions
# The service files name the path of the installed program.
PLACED	= sed 's,/usr/sbin/,$(PREFIX)/sbin/,g'

STRIP	?= strip

install: all $(if $(filter UPNPCTL,$(WITHOUT)),,install-upnpctl)
	install -D -m 755 $(BUILD)/upnpd $(TO)/sbin/upnpd
	$(STRIP) $(TO)/sbin/upnpd
	install -D -m 644 man/upnpd.8 $(TO)/share/man/man8/upnpd.8
	install -D -m 644 man/upnpd.conf.5 $(TO)/share/man/man5/upnpd.conf.5
	install -D -m 644 dist/upnpd.conf $(TO)/share/doc/upnpd/upnpd.conf
	install -D -m 755 dist/upnpd-from-miniupnpd \
		$(TO)/share/upnpd/upnpd-from-miniupnpd

install-upnpctl: all
	install -d $(TO)/sbin
	ln -sf upnpd $(TO)/sbin/upnpctl
	install -D -m 644 man/upnpctl.8 $(TO)/share/man/man8/upnpctl.8
	install -D -m 644 dist/completion/upnpctl.bash \
		$(TO)/share/bash-completion/completions/upnpctl
	install -D -m 644 dist/completion/upnpctl.zsh $(TO)/$(ZSH)/_upnpctl
	install -D -m 644 dist/completion/upnpctl.fish \
		$(TO)/share/fish/vendor_completions.d/upnpctl.fish

# systemd-sysusers makes the user, at the next boot or when run by hand.
install-systemd: install
	install -D -m 644 dist/systemd/upnpd.sysusers \
		$(TO)/lib/sysusers.d/upnpd.conf
	install -d $(TO)/lib/systemd/system
	$(PLACED) dist/systemd/upnpd.service \
		> $(TO)/lib/systemd/system/upnpd.service
	chmod 644 $(TO)/lib/systemd/system/upnpd.service

install-openrc: install
	install -d $(DESTDIR)/etc/init.d
	$(PLACED) dist/openrc/upnpd > $(DESTDIR)/etc/init.d/upnpd
	chmod 755 $(DESTDIR)/etc/init.d/upnpd

uninstall:
	rm -f $(TO)/sbin/upnpd $(TO)/sbin/upnpctl \
		$(TO)/share/man/man8/upnpd.8 $(TO)/share/man/man8/upnpctl.8 \
		$(TO)/share/man/man5/upnpd.conf.5 \
		$(TO)/share/bash-completion/completions/upnpctl \
		$(TO)/$(ZSH)/_upnpctl \
		$(TO)/share/fish/vendor_completions.d/upnpctl.fish \
		$(TO)/share/doc/upnpd/upnpd.conf \
		$(TO)/share/upnpd/upnpd-from-miniupnpd \
		$(TO)/lib/sysusers.d/upnpd.conf \
		$(TO)/lib/systemd/system/upnpd.service \
		$(DESTDIR)/etc/init.d/upnpd
	for d in $(TO)/share/doc/upnpd $(TO)/share/upnpd; do \
		[ ! -d $$d ] || rmdir $$d; \
	done

.PHONY: install install-upnpctl install-systemd install-openrc uninstall

#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# An administrator's script with Net::UPnP, which shares no code with the other
# clients: client_perl.pl PROTOCOL EXTERNAL CLIENT INTERNAL. Prints "mapped" with
# the external address and the gateway's list, and deletes the mapping at the end
# of stdin.
use strict;
use warnings;
use Net::UPnP::ControlPoint;
use Net::UPnP::GW::Gateway;

$| = 1;
my ($proto, $ext, $client, $port) = @ARGV;
my $point = Net::UPnP::ControlPoint->new();
my ($device) = grep { $_->getdevicetype() =~ /:InternetGatewayDevice:/ }
	$point->search(st => 'upnp:rootdevice', mx => 1);
die "found none\n" unless $device;
my $gateway = Net::UPnP::GW::Gateway->new();
$gateway->setdevice($device);
$gateway->addportmapping(NewRemoteHost => '', NewExternalPort => $ext,
	NewProtocol => $proto, NewInternalPort => $port,
	NewInternalClient => $client, NewEnabled => 1,
	NewPortMappingDescription => 'a script', NewLeaseDuration => 0)
	or die "not added\n";
my ($entry) = grep { $_->{NewExternalPort} == $ext }
	$gateway->getportmappingentry();
print join(' ', 'mapped', $gateway->getexternalipaddress(), $ext,
	$entry->{NewInternalClient}, $entry->{NewInternalPort}), "\n";
<STDIN>;
$gateway->deleteportmapping(NewRemoteHost => '', NewExternalPort => $ext,
	NewProtocol => $proto) or die "not deleted\n";

-- SPDX-License-Identifier: ISC
-- A script for wrk: requests to a gateway. Arguments: what, the path, the
-- client's address, the first port, the number of ports (0: no limit), the
-- protocol. After the last port it asks for the external address only.
local WANIP = "urn:schemas-upnp-org:service:WANIPConnection:1"
local WANIP6 = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
local key = "<NewRemoteHost></NewRemoteHost><NewExternalPort>%d" ..
	"</NewExternalPort><NewProtocol>%s</NewProtocol>"
local what, path, client, first, n, protocol
local i = -2	-- wrk calls request() once without sending it

local actions = {
	getip = function() return WANIP, "GetExternalIPAddress", "" end,
	add = function(port)
		return WANIP, "AddPortMapping", key:format(port, protocol) ..
			("<NewInternalPort>%d</NewInternalPort>" ..
			"<NewInternalClient>%s</NewInternalClient>" ..
			"<NewEnabled>1</NewEnabled><NewPortMappingDescription>" ..
			"load</NewPortMappingDescription><NewLeaseDuration>0" ..
			"</NewLeaseDuration>"):format(port, client)
	end,
	delete = function(port)
		return WANIP, "DeletePortMapping", key:format(port, protocol)
	end,
	pinhole = function(port)
		return WANIP6, "AddPinhole", ("<RemoteHost></RemoteHost>" ..
			"<RemotePort>0</RemotePort><InternalClient>%s" ..
			"</InternalClient><InternalPort>%d</InternalPort>" ..
			"<Protocol>17</Protocol><LeaseTime>86400</LeaseTime>")
			:format(client, port)
	end,
	list = function(port)
		return WANIP, "GetGenericPortMappingEntry",
			("<NewPortMappingIndex>%d</NewPortMappingIndex>")
			:format(i % n)
	end,
}

function init(args)
	what, path, client, first, n, protocol = args[1], args[2], args[3],
		tonumber(args[4]), tonumber(args[5]), args[6]
end

function request()
	i = i + 1
	if what == "get" then
		return wrk.format("GET", path, { Connection = "close" })
	end
	local over = i < 0 or (what ~= "list" and n > 0 and i >= n)
	local service, name, arguments =
		actions[over and "getip" or what](first + i)
	return wrk.format("POST", path, {
		Connection = "close",
		["Content-Type"] = 'text/xml; charset="utf-8"',
		SOAPAction = '"' .. service .. "#" .. name .. '"',
	}, '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.' ..
		'xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.' ..
		'xmlsoap.org/soap/encoding/"><s:Body><u:' .. name ..
		' xmlns:u="' .. service .. '">' .. arguments .. "</u:" .. name ..
		"></s:Body></s:Envelope>\r\n")
end

function done(summary, latency)
	local e = summary.errors
	io.write(("rate %f answered %d errors %d max_us %d\n"):format(
		summary.requests * 1e6 / summary.duration, summary.requests,
		e.connect + e.read + e.write + e.status + e.timeout,
		latency.max))
end

// SPDX-License-Identifier: ISC
// Maps a port by go-nat-pmp, as IPFS and Syncthing do: client_natpmp GATEWAY
// PROTOCOL EXTERNAL INTERNAL. Prints "mapped" with the external address and
// port, renews the mapping at each line of stdin and prints "renewed" with the
// port, and deletes it at the end of stdin.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strconv"

	natpmp "github.com/jackpal/go-nat-pmp"
)

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	client := natpmp.NewClient(net.ParseIP(os.Args[1]))
	external, _ := strconv.Atoi(os.Args[3])
	internal, _ := strconv.Atoi(os.Args[4])
	at, err := client.GetExternalAddress()
	must(err)
	port, err := client.AddPortMapping(os.Args[2], internal, external, 3600)
	must(err)
	fmt.Println("mapped", net.IP(at.ExternalIPAddress[:]),
		port.MappedExternalPort)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		port, err = client.AddPortMapping(os.Args[2], internal, 0, 3600)
		must(err)
		fmt.Println("renewed", port.MappedExternalPort)
	}
	_, err = client.AddPortMapping(os.Args[2], internal, 0, 0)
	must(err)
}

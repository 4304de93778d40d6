// An echo server in Go, with a goroutine per connection.
//
//	echo tcp [PORT] | unix PATH | udp [PORT]
package main

import (
	"fmt"
	"net"
	"os"
)

const piece = 65536

func main() {
	transport, address := "tcp", "0"
	if len(os.Args) > 1 {
		transport = os.Args[1]
	}
	if len(os.Args) > 2 {
		address = os.Args[2]
	}
	if transport != "unix" {
		address = "127.0.0.1:" + address
	}
	if err := run(transport, address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(transport, address string) error {
	if transport == "udp" {
		conn, err := net.ListenPacket(transport, address)
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "listening on", conn.LocalAddr())
		return echoDatagrams(conn.(*net.UDPConn))
	}
	// Go sets the backlog to the system's maximum, and TCP_NODELAY on accepted sockets.
	listener, err := net.Listen(transport, address)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening on", listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go echo(conn)
	}
}

func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, piece)
	for {
		count, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:count]); err != nil {
			return
		}
	}
}

func echoDatagrams(conn *net.UDPConn) error {
	buffer := make([]byte, piece)
	for {
		count, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return err
		}
		conn.WriteToUDPAddrPort(buffer[:count], from)
	}
}

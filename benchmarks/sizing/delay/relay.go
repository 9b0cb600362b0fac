// GPL-3.0-or-later (see LICENSE)

package main

import (
	"log"
	"net"
	"time"
)

// What is under way in one direction of one connection: 4096 pieces of at most 32 KiB are more than any client here
// sends within a round trip, so the way is long but never narrow.
const underWay = 4096

type piece struct {
	data []byte
	due  time.Time
}

func serve(listener net.Listener, target string, rtt time.Duration) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go connect(client, target, rtt)
	}
}

// connect answers at once, as the listening kernel does, and makes up for it: the handshake's round trip is waited for
// before the first byte goes on.
func connect(client net.Conn, target string, rtt time.Duration) {
	opened := time.Now()
	server, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		log.Print(err)
		client.Close()
		return
	}
	time.Sleep(time.Until(opened.Add(rtt)))
	back := make(chan struct{})
	go func() {
		defer close(back)
		carry(server, client, rtt/2)
	}()
	carry(client, server, rtt/2)
	<-back
	client.Close()
	server.Close()
}

// carry moves what comes in out again after the delay, in order. Its end closes the other side's writing half, delayed
// like data.
func carry(from, to net.Conn, delay time.Duration) {
	way, done := make(chan piece, underWay), make(chan struct{})
	go func() {
		defer close(done)
		defer closeWrite(to)
		for next := range way {
			if wait := time.Until(next.due); wait > 0 {
				time.Sleep(wait)
			}
			if _, err := to.Write(next.data); err != nil {
				from.Close()
				for range way { // the reader must not block
				}
				return
			}
		}
	}()
	defer func() {
		close(way)
		<-done
	}()
	buffer := make([]byte, 32<<10)
	for {
		size, err := from.Read(buffer)
		if size > 0 {
			way <- piece{append([]byte(nil), buffer[:size]...), time.Now().Add(delay)}
		}
		if err != nil {
			return
		}
	}
}

func closeWrite(connection net.Conn) {
	if half, ok := connection.(*net.TCPConn); ok {
		half.CloseWrite()
		return
	}
	connection.Close()
}

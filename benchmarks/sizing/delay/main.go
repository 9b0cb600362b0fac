// GPL-3.0-or-later (see LICENSE)

// Command delay is the network between a worker and its servers, and the rest of the fediverse.
//
//	delay -rtt 20ms -pair 15432=127.0.0.1:5432 -pair 26379=127.0.0.1:6379
//	delay -inbox 8090 -answer 50ms -slow-share 0.1 -slow 10s
//
// A pair listens on a loopback port and forwards to an address, half a round trip later in each direction. The inbox
// takes any POST and answers 202 after a while.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"strings"
	"time"
)

type pairs map[string]string

func (p pairs) String() string { return fmt.Sprint(map[string]string(p)) }

func (p pairs) Set(text string) error {
	port, target, found := strings.Cut(text, "=")
	if !found || port == "" || target == "" {
		return errors.New("write PORT=ADDRESS:PORT")
	}
	p[port] = target
	return nil
}

func listen(port string) net.Listener {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		log.Fatal(err)
	}
	return listener
}

func main() {
	forward := pairs{}
	rtt := flag.Duration("rtt", 0, "round trip that a pair adds")
	flag.Var(forward, "pair", "PORT=ADDRESS:PORT, may be repeated")
	inbox := flag.String("inbox", "", "port of the remote inbox")
	answer := flag.Duration("answer", 50*time.Millisecond, "until the inbox answers")
	slowShare := flag.Float64("slow-share", 0, "share of requests that get the slow answer")
	slow := flag.Duration("slow", 10*time.Second, "until a slow inbox answers")
	flag.Parse()
	if len(forward) == 0 && *inbox == "" {
		log.Fatal("nothing to do: pass -pair or -inbox")
	}
	for port, target := range forward {
		go serve(listen(port), target, *rtt)
	}
	if *inbox != "" {
		go func() { log.Fatal(serveInbox(listen(*inbox), *answer, *slow, *slowShare)) }()
	}
	select {}
}

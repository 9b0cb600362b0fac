// GPL-3.0-or-later (see LICENSE)

package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// echo returns the address of a proxy in front of a server that sends everything back.
func echo(t *testing.T, rtt time.Duration) string {
	server, proxy := open(t), open(t)
	go func() {
		for {
			connection, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(connection, connection)
				connection.Close()
			}()
		}
	}()
	go serve(proxy, server.Addr().String(), rtt)
	return proxy.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

func ask(t *testing.T, connection net.Conn) time.Duration {
	t.Helper()
	started, answer := time.Now(), make([]byte, 4)
	if _, err := connection.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(connection, answer); err != nil || string(answer) != "ping" {
		t.Fatal(string(answer), err)
	}
	return time.Since(started)
}

func TestAQuestionTakesOneRoundTrip(t *testing.T) {
	connection := dial(t, echo(t, 40*time.Millisecond))
	if first := ask(t, connection); first < 79*time.Millisecond {
		t.Errorf("first answer after %v, the handshake costs a round trip too", first)
	}
	if later := ask(t, connection); later < 39*time.Millisecond || later > 80*time.Millisecond {
		t.Errorf("answer after %v", later)
	}
}

func TestConnectionsDoNotWaitForEachOther(t *testing.T) {
	address, started := echo(t, 50*time.Millisecond), time.Now()
	var all sync.WaitGroup
	for range 50 {
		connection := dial(t, address)
		all.Add(1)
		go func() {
			defer all.Done()
			ask(t, connection)
		}()
	}
	all.Wait()
	if took := time.Since(started); took > 500*time.Millisecond {
		t.Errorf("50 questions at once took %v", took)
	}
}

func TestWhatIsUnderWayIsNotLimitedToOnePiece(t *testing.T) {
	connection := dial(t, echo(t, 100*time.Millisecond))
	sent, started := bytes.Repeat([]byte("0123456789abcdef"), 1<<16), time.Now()
	go func() {
		connection.Write(sent)
		connection.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(connection)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(sent), err)
	}
	if took := time.Since(started); took > time.Second {
		t.Errorf("1 MiB took %v: one piece after the other would take seconds", took)
	}
}

func TestWithoutAServerTheClientIsHungUp(t *testing.T) {
	gone, proxy := open(t), open(t)
	address := gone.Addr().String()
	gone.Close()
	go serve(proxy, address, 0)
	if _, err := dial(t, proxy.Addr().String()).Read(make([]byte, 1)); err == nil {
		t.Error("no end of the connection")
	}
}

func TestTheInboxAnswersAfterAWhile(t *testing.T) {
	listener := open(t)
	go serveInbox(listener, 30*time.Millisecond, time.Second, 0)
	started := time.Now()
	answer, err := http.Post("http://"+listener.Addr().String()+"/inbox", "application/activity+json", bytes.NewBufferString("{}"))
	if err != nil || answer.StatusCode != http.StatusAccepted {
		t.Fatal(answer, err)
	}
	answer.Body.Close()
	if took := time.Since(started); took < 30*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

func TestTheSlowShareIsExact(t *testing.T) {
	for _, share := range []float64{0, 0.05, 0.3, 1} {
		slow := 0
		for number := range uint64(1000) {
			if isSlow(number+1, share) {
				slow++
			}
		}
		if want := int(1000 * share); slow < want-1 || slow > want {
			t.Errorf("%d slow of 1000 at %v", slow, share)
		}
	}
}

// GPL-3.0-or-later (see LICENSE)

package main

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// serveInbox is everybody else's server. Which requests are slow does not depend on chance, so that every
// configuration meets the same.
func serveInbox(listener net.Listener, answer, slow time.Duration, slowShare float64) error {
	var count atomic.Uint64
	return http.Serve(listener, http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		io.Copy(io.Discard, request.Body)
		wait := answer
		if isSlow(count.Add(1), slowShare) {
			wait = slow
		}
		time.Sleep(wait)
		writer.WriteHeader(http.StatusAccepted)
	}))
}

// isSlow spreads the share evenly: of 10 requests with a share of 0.3, the 4th, the 7th and the 10th.
func isSlow(number uint64, share float64) bool {
	return uint64(float64(number)*share) > uint64(float64(number-1)*share)
}

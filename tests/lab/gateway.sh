#!/bin/sh
# The gateway of a site. What the site sends leaves under the gateway's own address; only answers come in.
# SITE and PLAIN are the networks, INNER and OUTER this container's addresses there, ROUTER is what the site's hosts
# have as default route, UPSTREAM what we have; MTU (or nothing), FRAGMENTS (pass or drop) and DELAY (ms each way).
set -eu

device() {
    # shellcheck disable=SC2046
    set -- $(ip -o -4 address show to "$1")
    printf '%s' "${2:-}"
}

until inner=$(device "$INNER") && outer=$(device "$OUTER") && [ -n "$inner" ] && [ -n "$outer" ]; do
    sleep 0.1
done
ip address replace "$ROUTER" dev "$inner"
# The kernel holds forwarded packets to a route's locked MTU, whatever the interfaces carry.
# shellcheck disable=SC2086
ip route replace default via "$UPSTREAM" dev "$outer" ${MTU:+mtu lock $MTU}
# shellcheck disable=SC2086
ip route replace "$PLAIN" dev "$outer" scope link src "$OUTER" ${MTU:+mtu lock $MTU}
# shellcheck disable=SC2086
ip route replace "$SITE" dev "$inner" scope link src "${ROUTER%/*}" ${MTU:+mtu lock $MTU}

nft -f - <<RULES
table inet site
delete table inet site
table inet site {
    chain forward {
        type filter hook forward priority 0
        tcp flags syn tcp option maxseg size set rt mtu
        iifname "$outer" ct state != { established, related } drop
    }
    chain translation {
        type nat hook postrouting priority 100
        oifname "$outer" masquerade fully-random
    }
}
RULES

if [ "$FRAGMENTS" = drop ]; then
    # A hole: what is too large vanishes without a word, whole or in pieces. Fragments are dropped before they are put
    # together; all others must not be fragmented here, and what that would tell the sender is not sent.
    nft -f - <<RULES
table inet hole
delete table inet hole
table inet hole {
    chain pieces {
        type filter hook prerouting priority -450
        ip frag-off & 0x3fff != 0 drop
    }
    chain whole {
        type filter hook prerouting priority -150
        ip frag-off set 0x4000
    }
    chain word {
        type filter hook output priority 0
        icmp type destination-unreachable icmp code 4 drop
    }
}
RULES
fi

if [ "$DELAY" != 0 ]; then
    # Both ways lead through a program that waits. On the side of it that faces the site nothing is translated, so
    # nothing may be tracked there either: the kernel translates what it has once seen, or never.
    nft -f - <<RULES
table inet late
delete table inet late
table inet late {
    chain untracked {
        type filter hook prerouting priority -300
        iifname "$inner" notrack
        iifname "late" ip daddr $SITE notrack
    }
}
RULES
    python3 -c "$DELAYER" "$DELAY" &
    until ip link set late up 2>/dev/null; do sleep 0.1; done
    ip rule del iif "$inner" 2>/dev/null || true
    ip rule del iif "$outer" 2>/dev/null || true
    ip route replace default dev late table 7
    ip route replace "$SITE" dev late table 8
    ip rule add iif "$inner" lookup 7
    ip rule add iif "$outer" lookup 8
fi

: >/run/site-ready
exec sleep infinity

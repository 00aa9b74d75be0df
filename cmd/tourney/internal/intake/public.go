package intake

import "net/netip"

// special are the addresses that are not hosts of the public internet, beside
// those that package netip knows (IANA special-purpose address registries).
var special = prefixes(
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // shared by carriers
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation, as the two that follow
	"198.51.100.0/24", //
	"203.0.113.0/24",  //
	"192.88.99.0/24",  // 6to4 relays
	"198.18.0.0/15",   // benchmarks
	"240.0.0.0/4",     // reserved, and broadcast
	"::/96",           // IPv4-compatible
	"100::/64",        // discard
	"2001::/23",       // protocol assignments, Teredo among them
	"2001:db8::/32",   // documentation
	"3fff::/20",       // documentation
	"5f00::/16",       // segment routing
	"64:ff9b:1::/48",  // local translation
	"fec0::/10",       // site-local
)

// Prefixes whose addresses hold one of IPv4, at that byte.
var (
	translated = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// isPublic reports whether an address is a host's of the public internet:
// neither this machine's, nor the local network's, nor that of a cloud's
// metadata service, in whatever form it is written.
func isPublic(addr netip.Addr) bool {
	addr = addr.WithZone("").Unmap()
	if !addr.IsValid() || !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false // also loopback, link-local, multicast, unspecified
	}
	for _, p := range special {
		if p.Contains(addr) {
			return false
		}
	}
	raw := addr.As16()
	switch {
	case translated.Contains(addr):
		return isPublic(netip.AddrFrom4([4]byte(raw[12:16])))
	case sixToFour.Contains(addr):
		return isPublic(netip.AddrFrom4([4]byte(raw[2:6])))
	}
	return true
}

// IsPublic is isPublic, for others that make requests for users.
func IsPublic(addr netip.Addr) bool { return isPublic(addr) }

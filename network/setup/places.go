package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Places are where a validator listens: HOST:PORT each.
type Places struct {
	Peer      string        `json:"peer"`
	HTTP      string        `json:"http"`
	RPC       string        `json:"rpc"`
	Metrics   string        `json:"metrics"`
	Peers     []string      `json:"peers"` // ID@HOST:PORT; none: those of the description
	BlockTime time.Duration `json:"block_time"`
}

// Usual are the places of a validator that has a machine to itself.
var Usual = Places{
	Peer: "0.0.0.0:26656", HTTP: "127.0.0.1:8545", RPC: "127.0.0.1:26657", Metrics: "127.0.0.1:0", BlockTime: time.Second,
}

// longest pause after a block.
const longest = time.Minute

// PlacesOf are those that a folder was written with last, the usual ones for a new folder.
func PlacesOf(home string) (Places, error) {
	places := Usual
	raw, err := os.ReadFile(placesOf(home))
	if errors.Is(err, os.ErrNotExist) {
		return places, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &places)
	}
	return places, err
}

func placesOf(home string) string { return filepath.Join(home, "config", "places.json") }

// Check refuses what no validator listens at, and whom none reaches. It is asked before anything is written, as one that runs obeys
// the new names at once.
func (p Places) Check() error {
	for _, each := range []struct {
		name, where string
		least       uint64 // 0: any port that is free
	}{{"peer", p.Peer, 1}, {"http", p.HTTP, 1}, {"rpc", p.RPC, 1}, {"metrics", p.Metrics, 0}} {
		if err := place(each.where, each.least); err != nil {
			return fmt.Errorf("--%s: %w", each.name, err)
		}
	}
	for _, peer := range p.Peers {
		id, where, _ := strings.Cut(peer, "@")
		if !nodeID.MatchString(id) {
			return fmt.Errorf("--peers: %q is not ID@HOST:PORT, ID being 40 hexadecimal digits in small letters", peer)
		}
		if err := reached(where); err != nil {
			return fmt.Errorf("--peers: %q is not ID@HOST:PORT: %w", peer, err)
		}
	}
	if p.BlockTime < 0 || p.BlockTime > longest {
		return fmt.Errorf("--block-time: %s is not between 0s and %s", p.BlockTime, longest)
	}
	return nil
}

// SplitPeers reads lists of peers with commas between.
func SplitPeers(lists []string) []string {
	var peers []string
	for _, list := range lists {
		if strings.TrimSpace(list) == "" {
			continue
		}
		for peer := range strings.SplitSeq(list, ",") {
			peers = append(peers, strings.TrimSpace(peer))
		}
	}
	return peers
}

// A host is named so; what ends in digits alone is an address, or a mistyped one.
var (
	hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)
	numbered = regexp.MustCompile(`(^|\.)[0-9]+$`)
)

// place refuses what is not HOST:PORT. It asks no name server: a name may have its address only when the chain begins.
func place(where string, least uint64) error {
	host, port, err := net.SplitHostPort(where)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", where)
	}
	address, err := netip.ParseAddr(host)
	if err == nil && address.Zone() != "" || err != nil && (!hostName.MatchString(host) || numbered.MatchString(host)) {
		return fmt.Errorf("%q: %q is neither an IP address nor the name of a machine", where, host)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number < least || strconv.FormatUint(number, 10) != port {
		return fmt.Errorf("%q: %q is not a port from %d to 65535", where, port, least)
	}
	return nil
}

// reached refuses what is not HOST:PORT of another machine.
func reached(where string) error {
	if err := place(where, 1); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(where)
	if address, err := netip.ParseAddr(host); err == nil && address.IsUnspecified() {
		return fmt.Errorf("%q is where one listens, and nobody is reached there", where)
	}
	return nil
}

package chain

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"

	abci "github.com/cometbft/cometbft/abci/types"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// PeersFile of a validator's folder names whom it talks to: ID@HOST:PORT, one a line.
func PeersFile(home string) string { return filepath.Join(home, "config", "peers") }

// onlyNamed lets in the peers that the file names now. A stranger who said that the chain is far ahead would keep a validator that
// has come back from voting, for as long as it says so.
func onlyNamed(home string) sdk.PeerFilter {
	return func(id string) *abci.ResponseQuery {
		if isNamed(home, id) {
			return &abci.ResponseQuery{}
		}
		return &abci.ResponseQuery{Code: 1, Log: id + " is not among the peers that validator init was told"}
	}
}

func isNamed(home, id string) bool {
	file, err := os.Open(PeersFile(home))
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // it was only read
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, _, _ := strings.Cut(lines.Text(), "@"); name == id {
			return true
		}
	}
	return false
}

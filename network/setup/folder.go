package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"

	sdkserver "github.com/cosmos/cosmos-sdk/server"
	sdkconfig "github.com/cosmos/cosmos-sdk/server/config"
	evmconfig "github.com/cosmos/evm/server/config"

	"fabmarket/network/chain"
)

// Template is that of app.toml.
const Template = sdkconfig.DefaultConfigTemplate + evmconfig.DefaultEVMConfigTemplate

// connections that JSON-RPC holds at once: whoever reaches it could else take all the memory.
const connections = 512

// Keys are a validator's public ones.
type Keys struct {
	NodeID string `json:"node_id"`
	Key    string `json:"key"`

	signed int64 // the height that was signed last
}

// RequireValidator refuses a folder in which nothing is to start: the engine would make one of its own, with keys of nobody's seat.
func RequireValidator(home string) error {
	for _, name := range []string{"priv_validator_key.json", "node_key.json", "genesis.json", "peers", "config.toml", "app.toml"} {
		if _, err := os.Stat(filepath.Join(home, "config", name)); err != nil {
			return fmt.Errorf("there is no validator in %s (%w); run validator init --home %s --consortium consortium.json", home, err, home)
		}
	}
	return RequireState(home)
}

// RequireState refuses a folder that has the key and not what was signed with it: its validator could sign once more.
func RequireState(home string) error {
	if _, err := os.Stat(keyOf(home)); err != nil {
		return nil
	}
	if _, err := os.Stat(stateOf(home)); err != nil {
		return fmt.Errorf("%s is missing, which says what was signed last: take that of the lost disk, or run validator restore;"+
			" one of zeros or of another day signs blocks twice, and costs the seat", stateOf(home))
	}
	return nil
}

// Restore says for a validator, of which the keys alone are left, that all up to a height is signed.
func Restore(home string, above int64) error {
	if _, err := os.Stat(keyOf(home)); err != nil {
		return fmt.Errorf("%s: no key to restore; unpack the backup first", keyOf(home))
	}
	if _, err := os.Stat(stateOf(home)); err == nil {
		return fmt.Errorf("%s is there, and knows better what was signed; nothing was written", stateOf(home))
	}
	if above < 1 {
		return fmt.Errorf("height %d is no block", above)
	}
	if err := os.MkdirAll(filepath.Join(home, "data"), 0o700); err != nil {
		return err
	}
	state := fmt.Sprintf(`{"height": "%d", "round": %d, "step": %d}`, above, math.MaxInt32, lastStep)
	return os.WriteFile(stateOf(home), []byte(state+"\n"), 0o600)
}

// lastStep of a round: the precommit.
const lastStep = 3

func keyOf(home string) string   { return filepath.Join(home, "config", "priv_validator_key.json") }
func stateOf(home string) string { return filepath.Join(home, "data", "priv_validator_state.json") }

// MakeKeys makes the keys of a folder, or reads those that are there.
func MakeKeys(home string) (Keys, error) {
	if err := RequireState(home); err != nil {
		return Keys{}, err
	}
	for _, part := range []string{"config", "data"} {
		if err := os.MkdirAll(filepath.Join(home, part), 0o700); err != nil {
			return Keys{}, err
		}
	}
	node, err := p2p.LoadOrGenNodeKey(filepath.Join(home, "config", "node_key.json"))
	if err != nil {
		return Keys{}, err
	}
	signer := privval.LoadOrGenFilePV(keyOf(home), stateOf(home))
	key, err := signer.GetPubKey()
	if err != nil {
		return Keys{}, err
	}
	return Keys{NodeID: string(node.ID()), Key: fmt.Sprintf("0x%x", key.Bytes()), signed: signer.LastSignState.Height}, nil
}

// Written is what a folder was written with: the SHA-256 of its genesis file, and the seat of its key as it was read, if there is one.
type Written struct {
	Genesis string  `json:"genesis_sha256"`
	Seat    *Member `json:"seat"`
}

// Try writes a folder elsewhere, and reads it as a validator does that starts.
func Try(described Description, genesis cmttypes.GenesisDoc, places Places) error {
	draft, err := os.MkdirTemp("", "validator-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft) //nolint:errcheck // it is nobody's
	if _, err := Write(draft, described, genesis, places); err != nil {
		return err
	}
	files, settings := sdkserver.NewDefaultContext().Viper, cmtcfg.DefaultConfig()
	files.SetConfigFile(filepath.Join(draft, "config", "config.toml"))
	if err := files.ReadInConfig(); err != nil {
		return err
	}
	if err := files.Unmarshal(settings); err != nil {
		return err
	}
	files.SetConfigFile(filepath.Join(draft, "config", "app.toml"))
	if err := files.MergeInConfig(); err != nil {
		return err
	}
	app, err := evmconfig.GetConfig(files)
	if err != nil {
		return err
	}
	return errors.Join(settings.ValidateBasic(), app.ValidateBasic())
}

// Write writes genesis and configuration. Keys and data stay as they are, and so does the genesis of a chain that has begun: this
// program may be a later one, with another code for the contract.
func Write(home string, described Description, genesis cmttypes.GenesisDoc, places Places) (Written, error) {
	var written Written
	keys, err := MakeKeys(home)
	if err != nil {
		return written, err
	}
	if written.Seat, err = described.seatOf(keys); err != nil {
		return written, err
	}
	path := filepath.Join(home, "config", "genesis.json")
	if _, err := os.Stat(filepath.Join(home, "data", "blockstore.db")); err != nil {
		if err := genesis.SaveAs(path); err != nil {
			return written, err
		}
	} else if _, err := GenesisOf(described, path); err != nil {
		return written, fmt.Errorf("the chain has begun: %w", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return written, err
	}
	hash := sha256.Sum256(raw)
	written.Genesis = hex.EncodeToString(hash[:])
	return written, configure(home, described, places, keys.NodeID)
}

func configure(home string, described Description, places Places, self string) error {
	peers := places.Peers
	if len(peers) == 0 {
		peers = othersOf(described, self)
	}
	settled, err := json.MarshalIndent(places, "", " ")
	if err != nil {
		return err
	}
	if err := replace(placesOf(home), append(settled, '\n')); err != nil {
		return err
	}
	settings := consensusConfig(home, places, peers)
	settings.Moniker = nameOf(described, self)
	cmtcfg.WriteConfigFile(filepath.Join(home, "config", "config.toml"), settings)
	sdkconfig.SetConfigTemplate(Template)
	sdkconfig.WriteConfigFile(filepath.Join(home, "config", "app.toml"), appConfig(described, places))
	return replace(chain.PeersFile(home), []byte(strings.Join(peers, "\n")+"\n"))
}

// replace writes a file at once, as a validator that runs may read it at any time.
func replace(path string, raw []byte) error {
	draft := path + ".new"
	if err := os.WriteFile(draft, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}

// seatOf is the seat of a validator's key. Who has signed may have another node_id since, where its disk was lost.
func (d Description) seatOf(keys Keys) (*Member, error) {
	for _, seat := range d.Seats {
		if seat.Key != keys.Key {
			continue
		}
		if seat.NodeID != keys.NodeID && keys.signed == 0 {
			return nil, fmt.Errorf("seat %q has this validator's key and the node_id %s; its own is %s", seat.Name, seat.NodeID, keys.NodeID)
		}
		owner, err := address(seat.Owner)
		seat.Owner = owner.Hex()
		return &seat, err
	}
	return nil, nil
}

// nameOf is what peers see in lists.
func nameOf(described Description, self string) string {
	for _, seat := range described.Seats {
		if seat.NodeID == self {
			return seat.Name
		}
	}
	return self[:8]
}

func othersOf(described Description, self string) []string {
	var others []string
	for _, seat := range described.Seats {
		if seat.NodeID != self {
			others = append(others, seat.NodeID+"@"+seat.Address)
		}
	}
	return others
}

func idsOf(peers []string) []string {
	var ids []string
	for _, peer := range peers {
		id, _, _ := strings.Cut(peer, "@")
		ids = append(ids, id)
	}
	return ids
}

func consensusConfig(home string, places Places, peers []string) *cmtcfg.Config {
	settings := cmtcfg.DefaultConfig()
	settings.SetRoot(home)
	settings.P2P.ListenAddress = "tcp://" + places.Peer
	settings.P2P.PersistentPeers = strings.Join(peers, ",")
	settings.P2P.UnconditionalPeerIDs = strings.Join(idsOf(peers), ",") // strangers cannot take their places
	settings.P2P.PexReactor = false
	settings.FilterPeers = true
	// Firms may share a machine, a network or an address.
	settings.P2P.AddrBookStrict = false
	settings.P2P.AllowDuplicateIP = true
	settings.RPC.ListenAddress = "tcp://" + places.RPC
	settings.Mempool.Type = cmtcfg.MempoolTypeApp
	// Peers take 1 MiB with what frames each transaction, which the sender leaves out of its count (cometbft#5956).
	settings.Mempool.MaxBatchBytes = 512 * 1024
	settings.Consensus.TimeoutCommit = places.BlockTime
	settings.Consensus.TimeoutPropose = 2 * time.Second
	return settings
}

func appConfig(described Description, places Places) evmconfig.Config {
	settings := evmconfig.DefaultConfig()
	settings.MinGasPrices = "0" + chain.Coin
	settings.API.Enable, settings.GRPC.Enable, settings.GRPCWeb.Enable = false, false, false
	settings.EVM.EVMChainID = described.ChainID
	settings.EVM.MinTip = 0
	settings.EVM.GethMetricsAddress = places.Metrics
	settings.JSONRPC.Enable = true
	settings.JSONRPC.Address = places.HTTP
	settings.JSONRPC.WsAddress = "127.0.0.1:0"
	settings.JSONRPC.EnableIndexer = true
	settings.JSONRPC.MaxOpenConnections = connections
	settings.JSONRPC.API = []string{chain.Questions, "net", "web3", "txpool"}
	settings.EVM.Mempool.GlobalSlots = 8192
	return *settings
}

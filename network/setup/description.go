// Package setup makes a validator's folder: its keys, its genesis, its configuration.
package setup

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"fabmarket/network/consortium"
)

// Description is what the firms agree on before the first block: the file consortium.json.
type Description struct {
	ChainID     uint64            `json:"chain_id"`
	GenesisTime time.Time         `json:"genesis_time"`
	Seats       []Member          `json:"seats"`
	Deployers   []string          `json:"deployers"` // null: everybody
	Senders     []string          `json:"senders"`   // null: everybody
	MinGasPrice json.Number       `json:"min_gas_price"`
	BlockGas    uint64            `json:"block_gas"`
	Coins       map[string]string `json:"coins"`
}

// Member is a firm with a seat, and where its validator is reached.
type Member struct {
	Name    string `json:"name"`
	Owner   string `json:"owner"`
	Key     string `json:"key"`
	NodeID  string `json:"node_id"`
	Address string `json:"address"`
}

// Read returns a description, and refuses one that lacks a part or has it twice: a list that is missing or misspelt would
// open the chain to everybody.
func Read(path string) (Description, error) {
	var described Description
	raw, err := os.ReadFile(path)
	if err != nil {
		return described, err
	}
	if err := requireParts(raw); err != nil {
		return described, fmt.Errorf("%s: %w", path, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&described); err != nil {
		return described, fmt.Errorf("%s: %w", path, err)
	}
	if decoder.More() {
		return described, fmt.Errorf("%s: more than one description", path)
	}
	if err := described.check(); err != nil {
		return described, fmt.Errorf("%s: %w", path, err)
	}
	return described, nil
}

var parts = []string{"block_gas", "chain_id", "coins", "deployers", "genesis_time", "min_gas_price", "seats", "senders"}

// requireParts wants each part once and in these letters, as encoding/json takes any case and the last of several.
func requireParts(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return fmt.Errorf("not a JSON object")
	}
	var found []string
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		found = append(found, name.(string))
		var part json.RawMessage
		if err := decoder.Decode(&part); err != nil {
			return err
		}
	}
	if slices.Sort(found); !slices.Equal(found, parts) {
		return fmt.Errorf("its parts are %q where each of %q is needed once", found, parts)
	}
	return nil
}

var nodeID = regexp.MustCompile("^[0-9a-f]{40}$")

func (d Description) check() error {
	if d.ChainID == 0 || d.GenesisTime.IsZero() || len(d.Seats) == 0 {
		return fmt.Errorf("chain_id, genesis_time and seats are needed")
	}
	for at, seat := range d.Seats {
		if _, _, err := net.SplitHostPort(seat.Address); err != nil {
			return fmt.Errorf("seat %d: address: %w", at, err)
		}
		if !nodeID.MatchString(seat.NodeID) {
			return fmt.Errorf("seat %d: node_id %q is not 40 hexadecimal digits", at, seat.NodeID)
		}
	}
	_, err := d.consortium()
	return err
}

// consortium is what the contract is founded with.
func (d Description) consortium() (consortium.Genesis, error) {
	var genesis consortium.Genesis
	for at, seat := range d.Seats {
		owner, err := address(seat.Owner)
		if err != nil {
			return genesis, fmt.Errorf("seat %d: owner: %w", at, err)
		}
		key, err := hex.DecodeString(strings.TrimPrefix(seat.Key, "0x"))
		if err != nil || len(key) != common.HashLength {
			return genesis, fmt.Errorf("seat %d: key %q is not 32 bytes in hexadecimal", at, seat.Key)
		}
		genesis.Seats = append(genesis.Seats, consortium.Seat{Owner: owner, Key: common.BytesToHash(key)})
	}
	var err error
	if genesis.Deploy, err = access(d.Deployers); err != nil {
		return genesis, fmt.Errorf("deployers: %w", err)
	}
	if genesis.Send, err = access(d.Senders); err != nil {
		return genesis, fmt.Errorf("senders: %w", err)
	}
	price, ok := new(big.Int).SetString(d.MinGasPrice.String(), 10)
	if !ok || price.Sign() < 0 {
		return genesis, fmt.Errorf("min_gas_price %q is not a whole number of wei", d.MinGasPrice)
	}
	genesis.Gas = consortium.Gas{MinPrice: price, BlockLimit: d.BlockGas}
	return genesis, nil
}

func access(names []string) (consortium.Access, error) {
	listed := consortium.Access{Everybody: names == nil, Accounts: []common.Address{}}
	for _, name := range names {
		account, err := address(name)
		if err != nil {
			return listed, err
		}
		listed.Accounts = append(listed.Accounts, account)
	}
	return listed, nil
}

func address(name string) (common.Address, error) {
	if !strings.HasPrefix(name, "0x") || !common.IsHexAddress(name) {
		return common.Address{}, fmt.Errorf("%q is not an address", name)
	}
	return common.HexToAddress(name), nil
}

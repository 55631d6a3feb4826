// Package setup makes a validator's folder: its keys, its genesis, its configuration.
package setup

import (
	"bytes"
	"crypto/sha256"
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
	for at, name := range found {
		if !slices.Contains(parts, name) {
			return fmt.Errorf("%q is no part of it; they are %s", name, strings.Join(parts, ", "))
		}
		if slices.Contains(found[:at], name) {
			return fmt.Errorf("%s stands in it twice", name)
		}
	}
	for _, name := range parts {
		if !slices.Contains(found, name) {
			return fmt.Errorf("%s is missing", name)
		}
	}
	return nil
}

var nodeID = regexp.MustCompile("^[0-9a-f]{40}$")

func (d Description) check() error {
	if d.ChainID == 0 || d.GenesisTime.IsZero() || len(d.Seats) == 0 {
		return fmt.Errorf("chain_id, genesis_time and seats are needed")
	}
	if ahead := time.Until(d.GenesisTime); ahead > latest {
		return fmt.Errorf("genesis_time %s is more than 30 days ahead: no block would come before", d.GenesisTime)
	}
	for at, seat := range d.Seats {
		if _, _, err := net.SplitHostPort(seat.Address); err != nil {
			return fmt.Errorf("seat %d: address: %w", at, err)
		}
		if !nodeID.MatchString(seat.NodeID) {
			return fmt.Errorf("seat %d: node_id %q is not 40 hexadecimal digits", at, seat.NodeID)
		}
		for _, other := range d.Seats[:at] {
			if what, value := shared(seat, other); what != "" {
				return fmt.Errorf("seats %q and %q have one %s, %s", other.Name, seat.Name, what, value)
			}
		}
	}
	_, err := d.consortium()
	return err
}

// latest is how far ahead a chain may begin.
const latest = 30 * 24 * time.Hour

// shared names what two seats have in common, where no two may.
func shared(one, other Member) (what, value string) {
	for _, each := range [][3]string{
		{"name", one.Name, other.Name},
		{"owner", one.Owner, other.Owner},
		{"key", one.Key, other.Key},
		{"node_id", one.NodeID, other.NodeID},
		{"address", one.Address, other.Address},
	} {
		if strings.EqualFold(each[1], each[2]) {
			return each[0], each[1]
		}
	}
	return "", ""
}

// digest is that of all values, however the file is written.
func (d Description) digest() (string, error) {
	d.GenesisTime = d.GenesisTime.UTC()
	raw, err := json.Marshal(d)
	hash := sha256.Sum256(raw)
	return hex.EncodeToString(hash[:]), err
}

// consortium is what the contract is founded with.
func (d Description) consortium() (consortium.Genesis, error) {
	var genesis consortium.Genesis
	var err error
	if genesis.Description, err = d.digest(); err != nil {
		return genesis, err
	}
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
	account := common.HexToAddress(name)
	if digits := name[2:]; digits != strings.ToLower(digits) && name != account.Hex() {
		return account, fmt.Errorf("%s has a digit of a wrong case, so one may be wrong: copy it whole (EIP-55)", name)
	}
	return account, nil
}

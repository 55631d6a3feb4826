// Package setup makes a validator's folder: its keys, its genesis, its configuration.
package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"fabmarket/network/chain"
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
	if err := exact(raw); err != nil {
		return described, fmt.Errorf("%s: %w", path, err)
	}
	if err := json.Unmarshal(raw, &described); err != nil {
		return described, fmt.Errorf("%s: %w", path, err)
	}
	if err := described.check(); err != nil {
		return described, fmt.Errorf("%s: %w", path, err)
	}
	return described, nil
}

var nodeID = regexp.MustCompile("^[0-9a-f]{40}$")

// check refuses in words what the contract, or a validator's start, would refuse in others.
func (d Description) check() error {
	if d.ChainID == 0 || d.GenesisTime.IsZero() || len(d.Seats) == 0 {
		return fmt.Errorf("chain_id, genesis_time and seats are needed")
	}
	if d.ChainID > math.MaxInt64 { // app.toml holds no larger number
		return fmt.Errorf("chain_id %d is above %d", d.ChainID, math.MaxInt64)
	}
	if d.GenesisTime.Unix() < 0 { // contracts read seconds since then, unsigned
		return fmt.Errorf("genesis_time %s is before 1970", d.GenesisTime)
	}
	if ahead := time.Until(d.GenesisTime); ahead > latest {
		return fmt.Errorf("genesis_time %s is more than 30 days ahead: no block would come before", d.GenesisTime)
	}
	if len(d.Seats) > consortium.MaxSeats {
		return fmt.Errorf("%d seats are more than %d", len(d.Seats), consortium.MaxSeats)
	}
	for at, seat := range d.Seats {
		if err := seat.check(); err != nil {
			return fmt.Errorf("seat %d: %w", at, err)
		}
		for _, other := range d.Seats[:at] {
			if what, value := shared(seat, other); what != "" {
				return fmt.Errorf("seats %q and %q have one %s, %s", other.Name, seat.Name, what, value)
			}
		}
	}
	if d.BlockGas < consortium.MinBlock || d.BlockGas > consortium.MaxBlock {
		return fmt.Errorf("block_gas %d is not from %d to %d", d.BlockGas, consortium.MinBlock, consortium.MaxBlock)
	}
	if _, err := d.held(); err != nil {
		return fmt.Errorf("coins: %w", err)
	}
	_, err := d.consortium()
	return err
}

// A name stands in config.toml, and CometBFT wants it to be ASCII.
var firmName = regexp.MustCompile(`^[!#-\[\]-~]([ !#-\[\]-~]{0,62}[!#-\[\]-~])?$`)

func (m Member) check() error {
	if !firmName.MatchString(m.Name) {
		return fmt.Errorf("name %q is not 1 to 64 letters of ASCII, without blanks around it, quotes and backslashes", m.Name)
	}
	if _, err := m.seat(); err != nil {
		return err
	}
	if !nodeID.MatchString(m.NodeID) {
		return fmt.Errorf("node_id %q is not 40 hexadecimal digits in small letters", m.NodeID)
	}
	if err := reached(m.Address); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	return nil
}

// seat is what the contract hears of a member.
func (m Member) seat() (consortium.Seat, error) {
	owner, err := address(m.Owner)
	if err != nil {
		return consortium.Seat{}, fmt.Errorf("owner: %w", err)
	}
	if owner == (common.Address{}) || owner == consortium.Address {
		return consortium.Seat{}, fmt.Errorf("owner %s is nobody's account", m.Owner)
	}
	if !publicKey.MatchString(m.Key) {
		return consortium.Seat{}, fmt.Errorf("key %q is not 0x and 32 bytes in hexadecimal, in small letters", m.Key)
	}
	key := common.HexToHash(m.Key)
	if key == (common.Hash{}) {
		return consortium.Seat{}, fmt.Errorf("key %s is nobody's", m.Key)
	}
	return consortium.Seat{Owner: owner, Key: key}, nil
}

var publicKey = regexp.MustCompile("^0x[0-9a-f]{64}$")

// latest is how far ahead a chain may begin.
const latest = 30 * 24 * time.Hour

// shared names what two seats have in common, where no two may.
func shared(one, other Member) (what, value string) {
	for _, each := range [][3]string{
		{"name", one.Name, other.Name},
		{"owner", one.Owner, other.Owner},
		{"key", one.Key, other.Key},
		{"node_id", one.NodeID, other.NodeID},
		{"address", spelled(one.Address), spelled(other.Address)},
	} {
		if strings.EqualFold(each[1], each[2]) {
			return each[0], each[1]
		}
	}
	return "", ""
}

// spelled is a place in the one spelling of its IP address.
func spelled(where string) string {
	if place, err := netip.ParseAddrPort(where); err == nil {
		return place.String()
	}
	return where
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
		founded, err := seat.seat()
		if err != nil {
			return genesis, fmt.Errorf("seat %d: %w", at, err)
		}
		genesis.Seats = append(genesis.Seats, founded)
	}
	if genesis.Deploy, err = access(d.Deployers); err != nil {
		return genesis, fmt.Errorf("deployers: %w", err)
	}
	if genesis.Send, err = access(d.Senders); err != nil {
		return genesis, fmt.Errorf("senders: %w", err)
	}
	price, ok := wei(d.MinGasPrice.String())
	if !ok || price.Cmp(big.NewInt(consortium.MaxPrice)) > 0 {
		return genesis, fmt.Errorf("min_gas_price %q is not a whole number of wei from 0 to %d", d.MinGasPrice, consortium.MaxPrice)
	}
	genesis.Gas = consortium.Gas{MinPrice: price, BlockLimit: d.BlockGas}
	return genesis, nil
}

// wholeNumber has one spelling.
var wholeNumber = regexp.MustCompile("^(0|[1-9][0-9]*)$")

func wei(text string) (*big.Int, bool) {
	if !wholeNumber.MatchString(text) {
		return nil, false
	}
	return new(big.Int).SetString(text, 10)
}

// mostBits of an account's coin leave room for the sum of all, and for what owners are given.
const mostBits = 128

// balance is the coin that an account begins with.
type balance struct {
	account common.Address
	amount  *big.Int
}

// held is who begins with coin, in the order of the names as they are spelled.
func (d Description) held() ([]balance, error) {
	var all []balance
	seen := map[common.Address]bool{}
	for _, name := range slices.Sorted(maps.Keys(d.Coins)) {
		account, err := address(name)
		if err != nil {
			return nil, err
		}
		if seen[account] {
			return nil, fmt.Errorf("%s stands in it twice", account)
		}
		seen[account] = true
		if chain.IsOwn(account) {
			return nil, fmt.Errorf("%s is an account of the chain itself", account)
		}
		amount, ok := wei(d.Coins[name])
		if !ok || amount.Sign() == 0 || amount.BitLen() > mostBits {
			return nil, fmt.Errorf("%q is not a whole number of wei above 0 and below 2^%d", d.Coins[name], mostBits)
		}
		all = append(all, balance{account, amount})
	}
	return all, nil
}

func access(names []string) (consortium.Access, error) {
	listed := consortium.Access{Everybody: names == nil, Accounts: []common.Address{}}
	seen := map[common.Address]bool{}
	for _, name := range names {
		account, err := address(name)
		if err != nil {
			return listed, err
		}
		if seen[account] {
			return listed, fmt.Errorf("%s stands in it twice", account)
		}
		seen[account] = true
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

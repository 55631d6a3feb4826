// Package consortium lets a contract decide who validates, who may deploy and send, and what gas costs.
//
// The contract Consortium stands in genesis at Address. Its votes are ordinary transactions. After a
// block in which it changed, the module tells CometBFT, the EVM and the fee market what it says; and
// it tells the contract who has signed two blocks of one height.
package consortium

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	sdk "github.com/cosmos/cosmos-sdk/types"
	evmkeeper "github.com/cosmos/evm/x/vm/keeper"
	"github.com/cosmos/evm/x/vm/statedb"
	evmtypes "github.com/cosmos/evm/x/vm/types"
)

var (
	// Address is where the contract stands.
	Address = common.HexToAddress("0x000000000000000000000000000000000000Fab1")
	// System calls what only the chain itself may call; nobody has its key (as in EIP-4788).
	System = common.HexToAddress("0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE")
)

// Limits of the contract, whose own refusals are hard to read.
const (
	MaxSeats = 64
	MaxPrice = 1_000_000_000_000 // wei
	MinBlock = 10_000_000
	MaxBlock = 1_000_000_000
)

// Seat is one vote: an account, and the ed25519 key of its validator.
type Seat struct {
	Owner common.Address `json:"owner"`
	Key   common.Hash    `json:"key"`
}

// Access says who has a right: everybody, or only the accounts.
type Access struct {
	Everybody bool             `json:"everybody"`
	Accounts  []common.Address `json:"accounts"`
}

// Gas is the least price of a unit of gas, wei, and how many units a block holds.
type Gas struct {
	MinPrice   *big.Int `json:"min_price"`
	BlockLimit uint64   `json:"block_limit"`
}

// State is all that the contract says, in the order of its ABI.
type State struct {
	Version uint64
	Seats   []Seat
	Deploy  Access
	Send    Access
	Gas     Gas
}

//go:embed contract.json
var artifact []byte

var contract, code = parsed(artifact)

func parsed(artifact []byte) (abi.ABI, string) {
	var file struct {
		ABI  json.RawMessage `json:"abi"`
		Code string          `json:"deployedBytecode"`
	}
	if err := json.Unmarshal(artifact, &file); err != nil {
		panic(err)
	}
	read, err := abi.JSON(bytes.NewReader(file.ABI))
	if err != nil {
		panic(err)
	}
	return read, strings.TrimPrefix(file.Code, "0x")
}

// Code is the contract's runtime code, hexadecimal without 0x, as a genesis account holds it.
func Code() string { return code }

// call has the system call the contract; without commit it only reads.
func call(ctx sdk.Context, keeper *evmkeeper.Keeper, commit bool, method string, args ...any) ([]any, error) {
	state := statedb.New(ctx, keeper, statedb.NewEmptyTxConfig())
	answer, err := keeper.CallEVM(ctx, state, contract, System, Address, commit, false, nil, method, args...)
	if err != nil {
		return nil, fmt.Errorf("the contract Consortium refuses %s%s: %w", method, why(answer), err)
	}
	return contract.Unpack(method, answer.Ret)
}

// why is the error of the contract's own that a call ended with.
func why(answer *evmtypes.MsgEthereumTxResponse) string {
	if answer == nil || len(answer.Ret) < 4 {
		return ""
	}
	for _, known := range contract.Errors {
		if bytes.Equal(known.ID[:4], answer.Ret[:4]) {
			if values, err := known.Inputs.Unpack(answer.Ret[4:]); err == nil {
				return fmt.Sprintf(" with %s%v", known.Name, values)
			}
		}
	}
	return ""
}

func stateOf(ctx sdk.Context, keeper *evmkeeper.Keeper) (State, error) {
	said, err := call(ctx, keeper, false, "state")
	if err != nil {
		return State{}, err
	}
	return *abi.ConvertType(said[0], new(State)).(*State), nil
}

// versionOf reads the slot that grows with every change.
func versionOf(ctx sdk.Context, keeper *evmkeeper.Keeper) uint64 {
	return keeper.GetState(ctx, Address, common.Hash{}).Big().Uint64()
}

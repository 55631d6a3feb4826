package consortium

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/ethereum/go-ethereum/common"
	"github.com/grpc-ecosystem/grpc-gateway/runtime"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/comet"
	"cosmossdk.io/math"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	bankkeeper "github.com/cosmos/cosmos-sdk/x/bank/keeper"
	feemarketkeeper "github.com/cosmos/evm/x/feemarket/keeper"
	feemarkettypes "github.com/cosmos/evm/x/feemarket/types"
	evmkeeper "github.com/cosmos/evm/x/vm/keeper"
	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// Name is the module's, in genesis and of its store.
const Name = "consortium"

// power is every validator's: one seat, one vote. It is far above 1, as CometBFT takes whoever has a third or more of all power, in
// whole numbers, for one whom the chain waits for: such a one never fetches blocks in bulk, but votes on what is long decided.
const power = 1000

// Coin of an owner, in its smallest units: ten votes at the highest price, and what is given below that, once in a while: an
// owner who passes it on could make coin without end.
var (
	least    = math.NewIntWithDecimal(10, 18)
	provided = math.NewIntWithDecimal(100, 18)
)

const while = 24 * time.Hour

var versionKey, seatsKey = []byte("version"), []byte("seats")

// Genesis is what the contract is founded with. Description is the SHA-256 of all that the firms agreed on, of which the contract
// hears only a part: so that one genesis is one description.
type Genesis struct {
	Description string `json:"description"`

	Seats  []Seat `json:"seats"`
	Deploy Access `json:"deploy"`
	Send   Access `json:"send"`
	Gas    Gas    `json:"gas"`
}

// Module carries what the contract says to the chain, and double votes to the contract.
type Module struct {
	key       storetypes.StoreKey
	evm       *evmkeeper.Keeper
	bank      bankkeeper.Keeper
	coin      string
	feeMarket feemarketkeeper.Keeper
	params    collections.Item[cmtproto.ConsensusParams]
}

var (
	_ module.HasABCIGenesis  = Module{}
	_ module.HasABCIEndBlock = Module{}
)

// NewModule makes the module over the keepers of what it decides about.
func NewModule(
	key storetypes.StoreKey, evm *evmkeeper.Keeper, bank bankkeeper.Keeper, coin string,
	feeMarket feemarketkeeper.Keeper, params collections.Item[cmtproto.ConsensusParams],
) Module {
	return Module{key, evm, bank, coin, feeMarket, params}
}

// InitGenesis founds the contract, whose code is a genesis account of the EVM.
func (m Module) InitGenesis(ctx sdk.Context, _ codec.JSONCodec, raw json.RawMessage) []abci.ValidatorUpdate {
	var genesis Genesis
	if err := json.Unmarshal(raw, &genesis); err != nil {
		panic(err)
	}
	if _, err := call(ctx, m.evm, true, "found", genesis.Seats, genesis.Deploy, genesis.Send, genesis.Gas); err != nil {
		panic(err)
	}
	updates, err := m.apply(ctx)
	if err != nil {
		panic(err)
	}
	return updates
}

// BeginBlock tells the contract of double votes that CometBFT has proof of.
func (m Module) BeginBlock(ctx context.Context) error {
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	proofs := sdkCtx.CometInfo().GetEvidence()
	for i := range proofs.Len() {
		proof := proofs.Get(i)
		if kind := proof.Type(); kind != comet.DuplicateVote && kind != comet.LightClientAttack {
			continue
		}
		var validator [20]byte
		copy(validator[:], proof.Validator().Address())
		if _, err := call(sdkCtx, m.evm, true, "punish", validator, uint64(proof.Height())); err != nil {
			return err
		}
		sdkCtx.Logger().Error("a validator has signed twice", "validator", fmt.Sprintf("%x", validator), "height", proof.Height())
	}
	return nil
}

// EndBlock tells the chain what the contract says, if it has changed.
func (m Module) EndBlock(ctx context.Context) ([]abci.ValidatorUpdate, error) {
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	if versionOf(sdkCtx, m.evm) != m.applied(sdkCtx) {
		return m.apply(sdkCtx)
	}
	seats, err := m.seats(sdkCtx)
	if err != nil {
		return nil, err
	}
	m.provide(sdkCtx, seats)
	return nil, nil
}

func (m Module) applied(ctx sdk.Context) uint64 {
	raw := ctx.KVStore(m.key).Get(versionKey)
	if raw == nil {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}

func (m Module) apply(ctx sdk.Context) ([]abci.ValidatorUpdate, error) {
	state, err := stateOf(ctx, m.evm)
	if err != nil {
		return nil, err
	}
	if err := m.setAccess(ctx, state); err != nil {
		return nil, err
	}
	if err := m.setGas(ctx, state.Gas); err != nil {
		return nil, err
	}
	updates, err := m.setSeats(ctx, state.Seats)
	if err != nil {
		return nil, err
	}
	m.provide(ctx, state.Seats)
	ctx.KVStore(m.key).Set(versionKey, binary.BigEndian.AppendUint64(nil, state.Version))
	return updates, nil
}

// setAccess always lets seats' owners send, or no vote could open what a vote has closed, and those who are listed to deploy,
// as what they deploy may call others at once.
func (m Module) setAccess(ctx sdk.Context, state State) error {
	params := m.evm.GetParams(ctx)
	senders := slices.Concat(state.Send.Accounts, state.Deploy.Accounts)
	for _, seat := range state.Seats {
		senders = append(senders, seat.Owner)
	}
	// The system, and calls that only read, as nobody (address 0) or as the contract would make them.
	senders = append(senders, System, Address, common.Address{})
	params.AccessControl.Create = accessOf(state.Deploy.Everybody, state.Deploy.Accounts)
	params.AccessControl.Call = accessOf(state.Send.Everybody, senders)
	return m.evm.SetParams(ctx, params)
}

func accessOf(everybody bool, accounts []common.Address) evmtypes.AccessControlType {
	if everybody {
		return evmtypes.AccessControlType{AccessType: evmtypes.AccessTypePermissionless}
	}
	var names []string
	for _, account := range accounts {
		if name := account.Hex(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return evmtypes.AccessControlType{AccessType: evmtypes.AccessTypePermissioned, AccessControlList: names}
}

func (m Module) setGas(ctx sdk.Context, gas Gas) error {
	consensus, err := m.params.Get(ctx)
	if err != nil {
		return err
	}
	consensus.Block.MaxGas = int64(gas.BlockLimit)
	if err := m.params.Set(ctx, consensus); err != nil {
		return err
	}
	return m.feeMarket.SetParams(ctx, FeeMarket(m.feeMarket.GetParams(ctx), gas))
}

// FeeMarket is the fee market of gas rules: none where gas is free, else EIP-1559 from that price up.
func FeeMarket(params feemarkettypes.Params, gas Gas) feemarkettypes.Params {
	price := math.LegacyNewDecFromBigInt(gas.MinPrice)
	params.NoBaseFee = price.IsZero()
	params.MinGasPrice = price
	if params.BaseFee.LT(price) || params.NoBaseFee {
		params.BaseFee = price
	}
	params.MinGasMultiplier = math.LegacyZeroDec() // gas used is what the EVM used
	return params
}

// provide keeps every owner able to vote where gas has a price, or nobody could ever lower it. It fails for nobody: an error at the
// end of a block would end the chain.
func (m Module) provide(ctx sdk.Context, seats []Seat) {
	if m.feeMarket.GetParams(ctx).NoBaseFee {
		return
	}
	for _, seat := range seats {
		owner := sdk.AccAddress(seat.Owner.Bytes())
		if m.bank.GetBalance(ctx, owner, m.coin).Amount.GTE(least) || ctx.BlockTime().Before(m.given(ctx, seat.Owner).Add(while)) {
			continue
		}
		coins := sdk.NewCoins(sdk.NewCoin(m.coin, provided))
		err := m.bank.MintCoins(ctx, Name, coins)
		if err == nil {
			err = m.bank.SendCoins(ctx, authtypes.NewModuleAddress(Name), owner, coins)
		}
		if err != nil {
			ctx.Logger().Error("an owner has no coin for its votes", "owner", seat.Owner, "error", err)
		}
		ctx.KVStore(m.key).Set(givenKey(seat.Owner), sdk.FormatTimeBytes(ctx.BlockTime()))
	}
}

// given is when an account was last given coin for its votes, long ago if never.
func (m Module) given(ctx sdk.Context, owner common.Address) time.Time {
	raw := ctx.KVStore(m.key).Get(givenKey(owner))
	if raw == nil {
		return time.Time{}
	}
	at, err := sdk.ParseTimeBytes(raw)
	if err != nil {
		panic(err) // we wrote it
	}
	return at
}

func givenKey(owner common.Address) []byte { return append([]byte("given/"), owner.Bytes()...) }

// Owners are those of the seats that CometBFT has been told of.
func (m Module) Owners(ctx sdk.Context) []common.Address {
	seats, err := m.seats(ctx)
	if err != nil {
		panic(err) // we wrote it
	}
	owners := make([]common.Address, len(seats))
	for at, seat := range seats {
		owners[at] = seat.Owner
	}
	return owners
}

// seats are those that CometBFT has been told of.
func (m Module) seats(ctx sdk.Context) ([]Seat, error) {
	var seats []Seat
	if raw := ctx.KVStore(m.key).Get(seatsKey); raw != nil {
		if err := json.Unmarshal(raw, &seats); err != nil {
			return nil, err
		}
	}
	return seats, nil
}

// setSeats returns what differs from the validators that CometBFT has been told of.
func (m Module) setSeats(ctx sdk.Context, seats []Seat) ([]abci.ValidatorUpdate, error) {
	store := ctx.KVStore(m.key)
	before, err := m.seats(ctx)
	if err != nil {
		return nil, err
	}
	var updates []abci.ValidatorUpdate
	for _, seat := range before {
		if !holds(seats, seat.Key) {
			updates = append(updates, abci.Ed25519ValidatorUpdate(seat.Key[:], 0))
		}
	}
	for _, seat := range seats {
		if !holds(before, seat.Key) {
			updates = append(updates, abci.Ed25519ValidatorUpdate(seat.Key[:], power))
		}
		store.Set(ownerKey(addressOf(seat.Key)), seat.Owner.Bytes())
	}
	raw, err := json.Marshal(seats)
	if err != nil {
		return nil, err
	}
	store.Set(seatsKey, raw)
	return updates, nil
}

func holds(seats []Seat, key common.Hash) bool {
	return slices.ContainsFunc(seats, func(seat Seat) bool { return seat.Key == key })
}

// addressOf is a validator's address in CometBFT.
func addressOf(key common.Hash) []byte {
	hash := sha256.Sum256(key[:])
	return hash[:20]
}

func ownerKey(validator []byte) []byte { return append([]byte("owner/"), validator...) }

// Name is the module's.
func (Module) Name() string { return Name }

// DefaultGenesis is none: a consortium is of somebody.
func (Module) DefaultGenesis(codec.JSONCodec) json.RawMessage { return nil }

// ValidateGenesis leaves it to the contract.
func (Module) ValidateGenesis(codec.JSONCodec, client.TxEncodingConfig, json.RawMessage) error {
	return nil
}

// ExportGenesis is not offered: the contract's storage is the state.
func (Module) ExportGenesis(sdk.Context, codec.JSONCodec) json.RawMessage { return nil }

// IsAppModule, IsOnePerModuleType and the rest are what the SDK asks of a module; there are no messages and no queries.
func (Module) IsAppModule() {}

// IsOnePerModuleType marks the module for the SDK.
func (Module) IsOnePerModuleType() {}

// RegisterLegacyAminoCodec registers nothing.
func (Module) RegisterLegacyAminoCodec(*codec.LegacyAmino) {}

// RegisterInterfaces registers nothing.
func (Module) RegisterInterfaces(codectypes.InterfaceRegistry) {}

// RegisterGRPCGatewayRoutes registers nothing.
func (Module) RegisterGRPCGatewayRoutes(client.Context, *runtime.ServeMux) {}

// ConsensusVersion changes with what the module stores.
func (Module) ConsensusVersion() uint64 { return 1 }

package setup

import (
	"encoding/json"
	"fmt"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/ethereum/go-ethereum/common"

	"cosmossdk.io/math"

	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	feemarkettypes "github.com/cosmos/evm/x/feemarket/types"
	evmtypes "github.com/cosmos/evm/x/vm/types"

	"fabmarket/network/chain"
	"fabmarket/network/consortium"
)

// Genesis is the chain before its first block, the same for everybody who has the same description.
func Genesis(described Description) (cmttypes.GenesisDoc, error) {
	founded, err := described.consortium()
	if err != nil {
		return cmttypes.GenesisDoc{}, err
	}
	cdc := chain.Encoding(described.ChainID).Codec
	state := map[string]json.RawMessage{}
	if err := setCoins(state, cdc, described); err != nil {
		return cmttypes.GenesisDoc{}, err
	}
	setEVM(state, cdc, founded.Gas)
	if state[consortium.Name], err = json.Marshal(founded); err != nil {
		return cmttypes.GenesisDoc{}, err
	}
	all, err := json.MarshalIndent(state, "", " ")
	if err != nil {
		return cmttypes.GenesisDoc{}, err
	}
	params := cmttypes.DefaultConsensusParams()
	params.Block.MaxGas = int64(described.BlockGas)
	genesis := cmttypes.GenesisDoc{
		ChainID:         fmt.Sprintf("fabmarket-%d", described.ChainID),
		GenesisTime:     described.GenesisTime,
		ConsensusParams: params,
		AppState:        all,
	}
	return genesis, genesis.ValidateAndComplete()
}

// GenesisOf returns the genesis in a file, which another program may have made of the description.
func GenesisOf(described Description, path string) (cmttypes.GenesisDoc, error) {
	genesis, err := cmttypes.GenesisDocFromFile(path)
	if err != nil {
		return cmttypes.GenesisDoc{}, err
	}
	var state struct{ Consortium consortium.Genesis }
	if err := json.Unmarshal(genesis.AppState, &state); err != nil {
		return cmttypes.GenesisDoc{}, fmt.Errorf("%s: %w", path, err)
	}
	if wanted, err := described.digest(); err != nil || state.Consortium.Description != wanted {
		return cmttypes.GenesisDoc{}, fmt.Errorf("%s: the genesis of %s, made of another description", path, genesis.ChainID)
	}
	return *genesis, nil
}

// setCoins gives accounts what the description says; the contract and the system are accounts as well.
func setCoins(state map[string]json.RawMessage, cdc codec.Codec, described Description) error {
	held, err := described.held()
	if err != nil {
		return fmt.Errorf("coins: %w", err)
	}
	var accounts []authtypes.GenesisAccount
	open := func(account common.Address) sdk.AccAddress {
		place := sdk.AccAddress(account.Bytes())
		accounts = append(accounts, authtypes.NewBaseAccount(place, nil, 0, 0))
		return place
	}
	open(consortium.Address)
	open(consortium.System)
	var balances []banktypes.Balance
	var supply sdk.Coins
	for _, each := range held {
		coins := sdk.NewCoins(sdk.NewCoin(chain.Coin, math.NewIntFromBigInt(each.amount)))
		balances = append(balances, banktypes.Balance{Address: open(each.account).String(), Coins: coins})
		supply = supply.Add(coins...)
	}
	metadata := banktypes.Metadata{
		Description: "what gas is paid in", Base: chain.Coin, Display: "fab", Name: "fab", Symbol: "FAB",
		DenomUnits: []*banktypes.DenomUnit{{Denom: chain.Coin}, {Denom: "fab", Exponent: 18}},
	}
	state[authtypes.ModuleName] = cdc.MustMarshalJSON(authtypes.NewGenesisState(authtypes.DefaultParams(), accounts))
	state[banktypes.ModuleName] = cdc.MustMarshalJSON(banktypes.NewGenesisState(
		banktypes.DefaultParams(), balances, supply, []banktypes.Metadata{metadata}, nil))
	return nil
}

// setEVM puts the contract there; who may do what is set once it is founded.
func setEVM(state map[string]json.RawMessage, cdc codec.Codec, gas consortium.Gas) {
	market := feemarkettypes.DefaultGenesisState()
	market.Params = consortium.FeeMarket(market.Params, gas)
	state[feemarkettypes.ModuleName] = cdc.MustMarshalJSON(market)
	evm := evmtypes.DefaultGenesisState()
	evm.Params.EvmDenom = chain.Coin
	evm.Params.ExtraEIPs = []int64{chain.BlobBaseFee}
	evm.Params.ExtendedDenomOptions = &evmtypes.ExtendedDenomOptions{ExtendedDenom: chain.Coin}
	evm.Accounts = []evmtypes.GenesisAccount{{Address: consortium.Address.Hex(), Code: consortium.Code()}}
	state[evmtypes.ModuleName] = cdc.MustMarshalJSON(evm)
}

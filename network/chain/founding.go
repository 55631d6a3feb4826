package chain

import (
	"errors"
	"fmt"
	"strings"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/baseapp"
	srvflags "github.com/cosmos/evm/server/flags"
)

// options are the settings, which are in no file where the chain is in memory.
type options map[string]any

func (o options) Get(name string) any { return o[name] }

// Try founds a chain in memory, once in a process: what genesis fails at would end every validator at its first start.
func Try(genesis cmttypes.GenesisDoc, chainID uint64) error {
	err := founded(genesis, chainID)
	if err != nil && strings.Contains(err.Error(), "out of gas") {
		return fmt.Errorf("list fewer accounts, and allow the others by votes: %w", err)
	}
	return err
}

func founded(genesis cmttypes.GenesisDoc, chainID uint64) (err error) {
	defer func() {
		if failed := recover(); failed != nil {
			err = fmt.Errorf("%v", failed)
		}
	}()
	set := options{srvflags.EVMChainID: chainID, srvflags.EVMMempoolInsertQueueSize: 1}
	app := New(log.NewNopLogger(), dbm.NewMemDB(), set, baseapp.SetChainID(genesis.ChainID))
	defer func() { err = errors.Join(err, app.Close()) }()
	params := genesis.ConsensusParams.ToProto()
	_, err = app.InitChain(&abci.RequestInitChain{
		ChainId: genesis.ChainID, Time: genesis.GenesisTime, InitialHeight: genesis.InitialHeight,
		ConsensusParams: &params, AppStateBytes: genesis.AppState,
	})
	return err
}

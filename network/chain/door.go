package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/ethereum/go-ethereum/common"

	sdk "github.com/cosmos/cosmos-sdk/types"
	evmmempool "github.com/cosmos/evm/mempool"
	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// Transactions that wait in the mempool, in all and of more than bulky bytes, before it takes more of owners of seats alone: it
// has a fixed number of places, and whoever filled them with what costs nothing kept votes away from blocks.
const (
	crowd      = 5000
	bulkyCrowd = 1000
	bulky      = 32 * 1024
)

var errFull = errors.New("so many transactions wait that no more are taken for now; send it again in a while")

// door is the mempool as JSON-RPC has it: the pool would take what strangers send, and drop it in silence.
type door struct {
	*evmmempool.Mempool
	app *App
}

// Insert refuses what the chain would refuse at present.
func (d door) Insert(ctx context.Context, tx sdk.Tx) error {
	if err := d.check(tx); err != nil {
		return err
	}
	return d.Mempool.Insert(ctx, tx)
}

func (d door) check(tx sdk.Tx) error {
	latest, err := d.app.CreateQueryContext(0, false)
	if err != nil {
		return err
	}
	params := d.app.evm.GetParams(latest)
	if err := (mayDo{&params.AccessControl}).check(tx); err != nil {
		return err
	}
	return d.room(latest, tx)
}

// room refuses what would take the places that are kept for owners of seats.
func (d door) room(latest sdk.Context, tx sdk.Tx) error {
	waiting, behind := d.GetTxPool().Stats()
	count := waiting + behind
	if count < bulkyCrowd {
		return nil
	}
	for _, message := range tx.GetMsgs() {
		sent, transaction, err := evmtypes.UnpackEthMsg(message)
		if err != nil {
			return err
		}
		if count < crowd && transaction.Size() <= bulky {
			continue
		}
		sender := common.BytesToAddress(sent.GetFrom())
		if !slices.Contains(d.app.consortium.Owners(latest), sender) {
			return fmt.Errorf("%d transactions: %w", count, errFull)
		}
	}
	return nil
}

// insert takes what peers pass on.
func (d door) insert(request *abci.RequestInsertTx) (*abci.ResponseInsertTx, error) {
	tx, err := d.app.TxDecode(request.GetTx())
	if err != nil {
		return nil, err
	}
	if err := d.check(tx); err != nil {
		return &abci.ResponseInsertTx{Code: evmmempool.CodeTypeNoRetry}, nil
	}
	return d.Mempool.NewInsertTxHandler(d.app.TxDecode)(request)
}

// SetEventBus does nothing: CometBFT's bus drops for good whoever is slow for a moment, as while blocks are fetched in bulk, and
// the pool would never hear of a block again. It hears of them from the application.
func (door) SetEventBus(*cmttypes.EventBus) {}

// Commit commits a block and has the mempool hear of it.
func (app *App) Commit() (*abci.ResponseCommit, error) {
	done, err := app.BaseApp.Commit()
	select {
	case app.blocks <- struct{}{}:
	default: // the last is not heard yet, and the pool looks at the latest block anyway
	}
	return done, err
}

func (app *App) tellOfBlocks() {
	for {
		select {
		case <-app.blocks:
			app.mempool.NotifyNewBlock()
		case <-app.closed: // CometBFT may still commit its last block
			return
		}
	}
}

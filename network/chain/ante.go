package chain

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkante "github.com/cosmos/cosmos-sdk/x/auth/ante"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	evmcosmosante "github.com/cosmos/evm/ante"
	evmante "github.com/cosmos/evm/ante/evm"
	evmtypes "github.com/cosmos/evm/x/vm/types"
)

const ethereum = "/cosmos.evm.vm.v1.ExtensionOptionsEthereumTx"

var errNotEthereum = errors.New("only Ethereum transactions are taken")

// ante takes Ethereum transactions of those who may send, of no more gas than one may have, and none of the SDK's own kind.
//
// The EVM refuses strangers as well, but only once their transaction is in a block: where gas is
// free they could fill it.
func (app *App) ante(maxGasWanted uint64) sdk.AnteHandler {
	sdkante.FeeRecipientModule = authtypes.FeeCollectorName // set only by the SDK's decorator, which is for its own transactions
	return func(ctx sdk.Context, tx sdk.Tx, simulate bool) (sdk.Context, error) {
		extended, ok := tx.(sdkante.HasExtensionOptionsTx)
		if !ok || len(extended.GetExtensionOptions()) != 1 || extended.GetExtensionOptions()[0].GetTypeUrl() != ethereum {
			return ctx, errNotEthereum
		}
		evmParams, feeParams := app.evm.GetParams(ctx), app.feeMarket.GetParams(ctx)
		ctx, err := sdk.ChainAnteDecorators(
			evmante.NewEVMMonoDecorator(app.accounts, app.feeMarket, app.evm, maxGasWanted, &evmParams, &feeParams),
			mayDo{&evmParams.AccessControl},
			evmcosmosante.NewTxListenerDecorator(app.accepted),
		)(ctx, tx, simulate)
		return ctx, err
	}
}

func (app *App) accepted(transaction common.Hash) {
	for _, listener := range app.pending {
		listener(transaction)
	}
}

type mayDo struct{ access *evmtypes.AccessControl }

func (m mayDo) AnteHandle(ctx sdk.Context, tx sdk.Tx, simulate bool, next sdk.AnteHandler) (sdk.Context, error) {
	if err := m.check(tx); err != nil {
		return ctx, err
	}
	return next(ctx, tx, simulate)
}

func (m mayDo) check(tx sdk.Tx) error {
	for _, message := range tx.GetMsgs() {
		sent, transaction, err := evmtypes.UnpackEthMsg(message)
		if err != nil {
			return err
		}
		if gas := transaction.Gas(); gas > mostGas {
			return fmt.Errorf("%d gas where a transaction may ask for %d", gas, mostGas)
		}
		from := common.BytesToAddress(sent.GetFrom())
		policy := evmtypes.NewRestrictedPermissionPolicy(m.access, from)
		if transaction.To() == nil && !policy.CanCreate(from, from) {
			return fmt.Errorf("%s may not deploy on this chain", from)
		}
		if transaction.To() != nil && !policy.CanCall(from, from, *transaction.To()) {
			return fmt.Errorf("%s may not send on this chain", from)
		}
	}
	return nil
}

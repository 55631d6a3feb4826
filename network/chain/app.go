// Package chain wires the application that a validator runs: the EVM of cosmos/evm under CometBFT.
package chain

import (
	"encoding/json"
	"errors"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/ethereum/go-ethereum/common"
	gethvm "github.com/ethereum/go-ethereum/core/vm"
	"github.com/spf13/cast"

	"cosmossdk.io/core/store"
	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/baseapp/txnrunner"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/grpc/cmtservice"
	nodeservice "github.com/cosmos/cosmos-sdk/client/grpc/node"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/server/api"
	"github.com/cosmos/cosmos-sdk/server/config"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkmempool "github.com/cosmos/cosmos-sdk/types/mempool"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/x/auth"
	authkeeper "github.com/cosmos/cosmos-sdk/x/auth/keeper"
	authtx "github.com/cosmos/cosmos-sdk/x/auth/tx"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/bank"
	bankkeeper "github.com/cosmos/cosmos-sdk/x/bank/keeper"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/cosmos/cosmos-sdk/x/consensus"
	consensuskeeper "github.com/cosmos/cosmos-sdk/x/consensus/keeper"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	"github.com/cosmos/evm/encoding"
	evmaddress "github.com/cosmos/evm/encoding/address"
	evmmempool "github.com/cosmos/evm/mempool"
	precompiletypes "github.com/cosmos/evm/precompiles/types"
	evmserver "github.com/cosmos/evm/server"
	srvflags "github.com/cosmos/evm/server/flags"
	"github.com/cosmos/evm/x/feemarket"
	feemarketkeeper "github.com/cosmos/evm/x/feemarket/keeper"
	feemarkettypes "github.com/cosmos/evm/x/feemarket/types"
	"github.com/cosmos/evm/x/vm"
	evmkeeper "github.com/cosmos/evm/x/vm/keeper"
	vmrunner "github.com/cosmos/evm/x/vm/runner"
	evmtypes "github.com/cosmos/evm/x/vm/types"

	"fabmarket/network/consortium"
)

// Coin pays for gas; 10^18 of its units are one coin.
const Coin = "afab"

// Accounts of modules, and what they may do with coins. Fees come to the collector and stay there.
var moduleAccounts = map[string][]string{
	authtypes.FeeCollectorName: nil,
	consortium.Name:            {authtypes.Minter},
	evmtypes.ModuleName:        {authtypes.Minter, authtypes.Burner},
	feemarkettypes.ModuleName:  nil,
}

// IsOwn says whether an account is a part of the chain. Where it had coin before its module, the module would end the chain once it
// looked for it.
func IsOwn(account common.Address) bool {
	for name := range moduleAccounts {
		if account == common.BytesToAddress(authtypes.NewModuleAddress(name)) {
			return true
		}
	}
	return false
}

// Encoding knows the types that genesis, blocks and JSON-RPC hold.
func Encoding(chainID uint64) encoding.Config {
	enc := encoding.MakeConfig(chainID)
	authtypes.RegisterInterfaces(enc.InterfaceRegistry)
	banktypes.RegisterInterfaces(enc.InterfaceRegistry)
	consensustypes.RegisterInterfaces(enc.InterfaceRegistry)
	evmtypes.RegisterInterfaces(enc.InterfaceRegistry)
	feemarkettypes.RegisterInterfaces(enc.InterfaceRegistry)
	return enc
}

// App is the chain's state machine.
type App struct {
	*baseapp.BaseApp
	enc     encoding.Config
	modules *module.Manager
	mempool *evmmempool.Mempool
	pending []func(common.Hash)

	accounts  authkeeper.AccountKeeper
	bank      bankkeeper.BaseKeeper
	consensus consensuskeeper.Keeper
	feeMarket feemarketkeeper.Keeper
	evm       *evmkeeper.Keeper

	consortium consortium.Module
	blocks     chan struct{} // that the mempool has not heard of
	closed     chan struct{}
}

var _ evmserver.Application = (*App)(nil)

// New opens the application at its last state.
func New(logger log.Logger, db dbm.DB, options servertypes.AppOptions, base ...func(*baseapp.BaseApp)) *App {
	chainID := cast.ToUint64(options.Get(srvflags.EVMChainID))
	enc := Encoding(chainID)
	app := &App{
		BaseApp: baseapp.NewBaseApp("fabmarket", logger, db, enc.TxConfig.TxDecoder(), base...),
		enc:     enc, blocks: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	app.SetInterfaceRegistry(enc.InterfaceRegistry)
	app.SetTxEncoder(enc.TxConfig.TxEncoder())

	keys := storetypes.NewKVStoreKeys(authtypes.StoreKey, banktypes.StoreKey, consensustypes.StoreKey,
		evmtypes.StoreKey, feemarkettypes.StoreKey, consortium.Name)
	objects := storetypes.NewObjectStoreKeys(banktypes.ObjectStoreKey, evmtypes.ObjectKey)
	app.keep(logger, keys, objects, chainID, cast.ToString(options.Get(srvflags.EVMTracer)))
	vmModule := app.order(keys)

	app.MountKVStores(keys)
	app.MountObjectStores(objects)
	app.SetInitChainer(app.initChain)
	app.SetPreBlocker(func(ctx sdk.Context, _ *abci.RequestFinalizeBlock) (*sdk.ResponsePreBlock, error) {
		return app.modules.PreBlock(ctx)
	})
	app.SetBeginBlocker(app.modules.BeginBlock)
	app.SetEndBlocker(app.modules.EndBlock)
	app.SetAnteHandler(app.ante(cast.ToUint64(options.Get(srvflags.EVMMaxTxGasWanted))))
	app.setMempool(options, logger)
	if home := cast.ToString(options.Get(flags.FlagHome)); home != "" {
		app.SetIDPeerFilter(onlyNamed(home))
	}
	vmrunner.SetRunner(app.BaseApp, txnrunner.NewDefaultRunner(enc.TxConfig.TxDecoder()))

	if err := app.LoadLatestVersion(); err != nil {
		panic(err)
	}
	header := cmtproto.Header{Height: app.LastBlockHeight(), ChainID: app.ChainID()}
	vmModule.HydrateGlobals(app.NewContextLegacy(true, header))
	return app
}

// keep makes the keepers. Nobody is the authority over them: parameters change by the consortium alone.
func (app *App) keep(
	logger log.Logger, keys map[string]*storetypes.KVStoreKey, objects map[string]*storetypes.ObjectStoreKey,
	chainID uint64, tracer string,
) {
	cdc, prefixes := app.enc.Codec, sdk.GetConfig()
	nobody := authtypes.NewModuleAddress(consortium.Name)
	accountCodec := evmaddress.NewEvmCodec(prefixes.GetBech32AccountAddrPrefix())
	service := func(name string) store.KVStoreService { return runtime.NewKVStoreService(keys[name]) }

	app.consensus = consensuskeeper.NewKeeper(cdc, service(consensustypes.StoreKey), nobody.String(), runtime.EventService{})
	app.SetParamStore(app.consensus.ParamsStore)
	app.accounts = authkeeper.NewAccountKeeper(cdc, service(authtypes.StoreKey), authtypes.ProtoBaseAccount,
		moduleAccounts, accountCodec, prefixes.GetBech32AccountAddrPrefix(), nobody.String())
	blocked := map[string]bool{}
	for name := range moduleAccounts {
		blocked[authtypes.NewModuleAddress(name).String()] = true
	}
	app.bank = bankkeeper.NewBaseKeeper(cdc, service(banktypes.StoreKey), app.accounts, blocked, nobody.String(), logger).
		WithObjStoreKey(objects[banktypes.ObjectStoreKey])
	app.feeMarket = feemarketkeeper.NewKeeper(cdc, nobody, keys[feemarkettypes.StoreKey])

	var all []storetypes.StoreKey
	for _, key := range keys {
		all = append(all, key)
	}
	for _, key := range objects {
		all = append(all, key)
	}
	validators := consortium.NewValidators(keys[consortium.Name],
		evmaddress.NewEvmCodec(prefixes.GetBech32ValidatorAddrPrefix()), Coin)
	app.evm = evmkeeper.NewKeeper(cdc, keys[evmtypes.StoreKey], objects[evmtypes.ObjectKey], all, nobody,
		app.accounts, app.bank, validators, app.feeMarket, &app.consensus, noWrappedCoins{}, chainID, tracer).
		WithStaticPrecompiles(precompiletypes.NewStaticPrecompiles().WithPraguePrecompiles().WithP256Precompile())
}

// order makes the modules and says in which order they begin and end a block.
func (app *App) order(keys map[string]*storetypes.KVStoreKey) vm.AppModule {
	cdc := app.enc.Codec
	vmModule := vm.NewAppModule(app.evm, app.accounts, app.bank, app.accounts.AddressCodec())
	app.consortium = consortium.NewModule(keys[consortium.Name], app.evm, app.bank, Coin, app.feeMarket, app.consensus.ParamsStore)
	app.modules = module.NewManager(
		auth.NewAppModule(cdc, app.accounts, nil, nil),
		bank.NewAppModule(cdc, app.bank, app.accounts, nil),
		consensus.NewAppModule(cdc, app.consensus),
		feemarket.NewAppModule(app.feeMarket),
		vmModule,
		app.consortium,
	)

	app.modules.SetOrderPreBlockers(authtypes.ModuleName, evmtypes.ModuleName)
	app.modules.SetOrderBeginBlockers(feemarkettypes.ModuleName, evmtypes.ModuleName, consortium.Name)
	app.modules.SetOrderEndBlockers(banktypes.ModuleName, evmtypes.ModuleName, feemarkettypes.ModuleName, consortium.Name)
	app.modules.SetOrderInitGenesis(authtypes.ModuleName, banktypes.ModuleName, feemarkettypes.ModuleName,
		evmtypes.ModuleName, consensustypes.ModuleName, consortium.Name)
	configurator := module.NewConfigurator(cdc, app.MsgServiceRouter(), app.GRPCQueryRouter())
	if err := app.modules.RegisterServices(configurator); err != nil {
		panic(err)
	}
	return vmModule
}

func (app *App) setMempool(options servertypes.AppOptions, logger log.Logger) {
	settings := evmserver.ResolveMempoolConfig(app.AnteHandler(), options, logger)
	encoder := evmmempool.NewTxEncoder(app.enc.TxConfig)
	pool := evmmempool.NewMempool(app.CreateQueryContext, logger, app.evm, app.feeMarket, app.enc.TxConfig,
		evmmempool.NewTxRechecker(settings.AnteHandler, encoder), evmmempool.NewTxRechecker(settings.AnteHandler, encoder),
		settings, evmserver.GetCosmosPoolMaxTx(options, logger))
	app.mempool = pool
	// Told nothing of senders it would leave one out that does not fit and take the next of the same sender, which every
	// validator refuses, for ever.
	proposals := baseapp.NewDefaultProposalHandler(turns{pool, app.consortium}, app)
	signers := sdkmempool.NewDefaultSignerExtractionAdapter()
	proposals.SetSignerExtractionAdapter(evmmempool.NewEthSignerExtractionAdapter(signers))
	app.SetPrepareProposal(proposals.PrepareProposalHandler())
	app.SetProcessProposal(proposals.ProcessProposalHandler())
	app.SetInsertTxHandler(door{pool, app}.insert)
	app.SetReapTxsHandler(pool.NewReapTxsHandler())
	app.SetCheckTxHandler(pool.NewCheckTxHandler(app.TxDecode, evmserver.GetMempoolCheckTxTimeout(options, logger)))
	app.SetMempool(pool)
	go app.tellOfBlocks()
}

func (app *App) initChain(ctx sdk.Context, request *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	var genesis map[string]json.RawMessage
	if err := json.Unmarshal(request.AppStateBytes, &genesis); err != nil {
		return nil, err
	}
	return app.modules.InitGenesis(ctx, app.enc.Codec, genesis)
}

// GetMempool returns where transactions wait.
func (app *App) GetMempool() sdkmempool.ExtMempool { return door{app.mempool, app} }

// RegisterPendingTxListener has somebody told of every transaction that is accepted.
func (app *App) RegisterPendingTxListener(listener func(common.Hash)) {
	app.pending = append(app.pending, listener)
}

// RegisterAPIRoutes offers nothing: JSON-RPC is the way in.
func (app *App) RegisterAPIRoutes(*api.Server, config.APIConfig) {}

// RegisterTxService serves what JSON-RPC asks the application about transactions.
func (app *App) RegisterTxService(ctx client.Context) {
	app.mempool.SetClientCtx(ctx) // which the server does for a mempool without a door
	authtx.RegisterTxService(app.GRPCQueryRouter(), ctx, app.Simulate, app.enc.InterfaceRegistry)
}

// RegisterTendermintService serves what JSON-RPC asks about blocks.
func (app *App) RegisterTendermintService(ctx client.Context) {
	cmtservice.RegisterTendermintService(ctx, app.GRPCQueryRouter(), app.enc.InterfaceRegistry, app.Query)
}

// RegisterNodeService serves what JSON-RPC asks about this node.
func (app *App) RegisterNodeService(ctx client.Context, settings config.Config) {
	earliest := func() int64 { return app.CommitMultiStore().EarliestVersion() }
	nodeservice.RegisterNodeService(ctx, app.GRPCQueryRouter(), settings, earliest)
}

// Close lets the mempool and the databases go.
func (app *App) Close() error {
	close(app.closed)
	return errors.Join(app.mempool.Close(), app.BaseApp.Close())
}

// noWrappedCoins says that no coin of the chain is an ERC-20 as well.
type noWrappedCoins struct{}

func (noWrappedCoins) GetERC20PrecompileInstance(sdk.Context, common.Address) (gethvm.PrecompiledContract, bool, error) {
	return nil, false, nil
}

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"cosmossdk.io/log/v2"
	"cosmossdk.io/math"

	"github.com/cosmos/cosmos-sdk/baseapp"
	simutils "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	evmtypes "github.com/cosmos/evm/x/vm/types"

	"fabmarket/network/chain"
	"fabmarket/network/consortium"
	"fabmarket/network/setup"
)

const chainID = 4711

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func account(seed byte) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte{seed}))
	if err != nil {
		panic(err)
	}
	return key
}

func owner(seed byte) common.Address { return crypto.PubkeyToAddress(account(seed).PublicKey) }

func validator(seed byte) ed25519.PublicKey {
	key := ed25519.NewKeyFromSeed(crypto.Keccak256([]byte("validator"), []byte{seed}))
	return key.Public().(ed25519.PublicKey)
}

func described(senders []string) setup.Description {
	var seats []setup.Member
	for seed := range byte(4) {
		seats = append(seats, setup.Member{
			Name: string('a' + rune(seed)), Owner: owner(seed).Hex(), Key: "0x" + hex.EncodeToString(validator(seed)),
			NodeID: strings.Repeat("0", 40), Address: "127.0.0.1:26656",
		})
	}
	return setup.Description{
		ChainID: chainID, GenesisTime: start, Seats: seats, Senders: senders, MinGasPrice: "0", BlockGas: 30_000_000,
	}
}

// ledger is a chain without a network: blocks are finalised as they are given.
type ledger struct {
	*testing.T
	app    *chain.App
	height int64
	later  time.Duration // how far the clock was put forward
	nonces map[common.Address]uint64
	abi    abi.ABI
}

func found(t *testing.T, described setup.Description) *ledger {
	genesis, err := setup.Genesis(described)
	if err != nil {
		t.Fatal(err)
	}
	options := simutils.AppOptionsMap{"evm.evm-chain-id": uint64(chainID), "evm.mempool.insert-queue-size": 10}
	app := chain.New(log.NewNopLogger(), dbm.NewMemDB(), options, baseapp.SetChainID(genesis.ChainID))
	params := genesis.ConsensusParams.ToProto()
	answer, err := app.InitChain(&abci.RequestInitChain{
		ChainId: genesis.ChainID, Time: start, InitialHeight: 1, ConsensusParams: &params, AppStateBytes: genesis.AppState,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Validators) != len(described.Seats) {
		t.Fatalf("%d validators of %d seats", len(answer.Validators), len(described.Seats))
	}
	raw, err := os.ReadFile("consortium/contract.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ ABI json.RawMessage }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	contract, err := abi.JSON(strings.NewReader(string(file.ABI)))
	if err != nil {
		t.Fatal(err)
	}
	return &ledger{T: t, app: app, nonces: map[common.Address]uint64{}, abi: contract}
}

// now is the time of the latest block.
func (l *ledger) now() time.Time { return start.Add(time.Duration(l.height)*time.Second + l.later) }

func (l *ledger) block(misbehavior []abci.Misbehavior, transactions ...[]byte) *abci.ResponseFinalizeBlock {
	l.Helper()
	l.height++
	proposer := sha256.Sum256(validator(0))
	answer, err := l.app.FinalizeBlock(&abci.RequestFinalizeBlock{
		Height: l.height, Time: l.now(), Txs: transactions,
		Misbehavior: misbehavior, ProposerAddress: proposer[:20],
	})
	if err != nil {
		l.Fatal(err)
	}
	if _, err := l.app.Commit(); err != nil {
		l.Fatal(err)
	}
	return answer
}

func (l *ledger) call(method string, arguments ...any) []byte {
	l.Helper()
	data, err := l.abi.Pack(method, arguments...)
	if err != nil {
		l.Fatal(err)
	}
	return data
}

// sent is a transaction of somebody as it stands in a block.
func (l *ledger) sent(seed byte, price int64, to *common.Address, data []byte) []byte {
	l.Helper()
	return l.sentWith(seed, price, new(big.Int), to, data)
}

func (l *ledger) sentWith(seed byte, price int64, value *big.Int, to *common.Address, data []byte) []byte {
	l.Helper()
	from := owner(seed)
	signer := types.LatestSignerForChainID(big.NewInt(chainID))
	transaction := types.MustSignNewTx(account(seed), signer, &types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Nonce: l.nonces[from], To: to, Data: data, Gas: 500_000,
		GasFeeCap: big.NewInt(price), GasTipCap: big.NewInt(0), Value: value,
	})
	l.nonces[from]++
	var message evmtypes.MsgEthereumTx
	if err := message.FromSignedEthereumTx(transaction, signer); err != nil {
		l.Fatal(err)
	}
	config := chain.Encoding(chainID).TxConfig
	built, err := message.BuildTx(config.NewTxBuilder(), chain.Coin)
	if err != nil {
		l.Fatal(err)
	}
	raw, err := config.TxEncoder()(built)
	if err != nil {
		l.Fatal(err)
	}
	return raw
}

// agree has the owners say that they want a call, in one block, at a price of gas.
func (l *ledger) agree(price int64, call []byte, owners ...byte) *abci.ResponseFinalizeBlock {
	l.Helper()
	until := uint64(l.now().Add(24 * time.Hour).Unix())
	var transactions [][]byte
	for _, seed := range owners {
		transactions = append(transactions, l.sent(seed, price, &consortium.Address, l.call("agree", call, until)))
	}
	answer := l.block(nil, transactions...)
	for _, result := range answer.TxResults {
		if result.Code != 0 {
			l.Fatalf("a vote failed: %s", result.Log)
		}
	}
	return answer
}

func changes(answer *abci.ResponseFinalizeBlock) map[string]int64 {
	found := map[string]int64{}
	for _, update := range answer.ValidatorUpdates {
		found[hex.EncodeToString(update.PubKey.GetEd25519())] = update.Power
	}
	return found
}

func hasOnly(found map[string]int64, seed byte, power int64) bool {
	said, ok := found[hex.EncodeToString(validator(seed))]
	return ok && len(found) == 1 && said == power
}

// The EVM's settings are the process's own, so that all parts share one chain.
func TestWhatTheContractSaysTheChainDoes(t *testing.T) {
	l := found(t, described([]string{owner(7).Hex()}))
	l.block(nil)
	// The price of blobs, and 32 bytes of it as a contract's code: there was a panic, and no receipt.
	priced := common.FromHex("4a5f5260205ff3")
	if result := l.block(nil, l.sent(7, 0, nil, priced)).TxResults[0]; result.Code != 0 {
		l.Fatalf("BLOBBASEFEE: code %d, %.200s", result.Code, result.Log)
	}
	var key [32]byte
	copy(key[:], validator(4))

	if found := changes(l.agree(0, l.call("admit", owner(4), key), 0, 1)); len(found) != 0 {
		t.Fatalf("two of four seats changed the validators: %v", found)
	}
	if found := changes(l.agree(0, l.call("admit", owner(4), key), 2)); !hasOnly(found, 4, 1000) {
		t.Fatalf("a seat was admitted by three of four, and the validators' changes are %v", found)
	}
	if found := changes(l.agree(0, l.call("remove", owner(3)), 0, 1, 2, 4)); !hasOnly(found, 3, 0) {
		t.Fatalf("a seat was removed, and the validators' changes are %v", found)
	}
	l.strangers()
	l.doubleVote()
	l.gas()
}

// Whoever may not send is refused before the EVM, so that no failed transaction of a stranger is in a block.
func (l *ledger) strangers() {
	l.Helper()
	nobody := common.Address{1}
	answer := l.block(nil, l.sent(7, 0, &nobody, nil), l.sent(8, 0, &nobody, nil), l.cosmos())
	if listed := answer.TxResults[0]; listed.Code != 0 {
		l.Fatalf("one who may send was refused: %s", listed.Log)
	}
	if stranger := answer.TxResults[1]; stranger.Code == 0 || !strings.Contains(stranger.Log, "may not send on this chain") {
		l.Fatalf("a stranger's transaction: code %d, %s", stranger.Code, stranger.Log)
	}
	if other := answer.TxResults[2]; other.Code == 0 || !strings.Contains(other.Log, "only Ethereum transactions") {
		l.Fatalf("a transaction of the SDK's kind: code %d, %s", other.Code, other.Log)
	}
	refused := l.app.GetMempool().Insert(context.Background(), l.decoded(l.sent(8, 0, &nobody, nil)))
	if refused == nil || !strings.Contains(refused.Error(), "may not send on this chain") {
		l.Fatalf("JSON-RPC takes a stranger's transaction: %v", refused)
	}
	l.nonces[owner(8)] = 0
	l.agree(0, l.call("allow", uint8(0), owner(8), true), 0, 1, 2, 4)
	if deployer := l.block(nil, l.sent(8, 0, &nobody, nil)).TxResults[0]; deployer.Code != 0 {
		l.Fatalf("one who may deploy may not send: %s", deployer.Log)
	}
	l.agree(0, l.call("allow", uint8(0), owner(8), false), 0, 1, 2, 4)
	l.agree(0, l.call("open", uint8(0), false), 0, 1, 2, 4)
	l.agree(0, l.call("open", uint8(1), true), 0, 1, 2, 4)
	l.nonces[owner(8)] = 1
	answer = l.block(nil, l.sent(8, 0, &nobody, nil), l.sent(8, 0, nil, []byte{0}))
	if anybody := answer.TxResults[0]; anybody.Code != 0 {
		l.Fatalf("everybody may send, and one was refused: %s", anybody.Log)
	}
	if deployer := answer.TxResults[1]; deployer.Code == 0 || !strings.Contains(deployer.Log, "may not deploy") {
		l.Fatalf("nobody may deploy: code %d, %s", deployer.Code, deployer.Log)
	}
}

func (l *ledger) decoded(raw []byte) sdk.Tx {
	l.Helper()
	decoded, err := chain.Encoding(chainID).TxConfig.TxDecoder()(raw)
	if err != nil {
		l.Fatal(err)
	}
	return decoded
}

// cosmos is a transaction without the extension that marks Ethereum's.
func (l *ledger) cosmos() []byte {
	l.Helper()
	config := chain.Encoding(chainID).TxConfig
	builder := config.NewTxBuilder()
	one := sdk.NewCoins(sdk.NewCoin(chain.Coin, math.OneInt()))
	err := builder.SetMsgs(banktypes.NewMsgSend(owner(7).Bytes(), owner(8).Bytes(), one))
	if err != nil {
		l.Fatal(err)
	}
	raw, err := config.TxEncoder()(builder.GetTx())
	if err != nil {
		l.Fatal(err)
	}
	return raw
}

// A validator that signed twice loses its seat, and its key never has one again.
func (l *ledger) doubleVote() {
	l.Helper()
	address := sha256.Sum256(validator(1))
	proof := abci.Misbehavior{
		Type: abci.MisbehaviorType_DUPLICATE_VOTE, Height: l.height, Time: start,
		Validator: abci.Validator{Address: address[:20], Power: 1}, TotalVotingPower: 4,
	}
	if found := changes(l.block([]abci.Misbehavior{proof})); !hasOnly(found, 1, 0) {
		l.Fatalf("a double vote was proved, and the validators' changes are %v", found)
	}
	if found := changes(l.block([]abci.Misbehavior{proof})); len(found) != 0 {
		l.Fatalf("the same proof again changed the validators: %v", found)
	}
	var key [32]byte
	copy(key[:], validator(1))
	l.agree(0, l.call("admit", owner(9), key), 0, 2)
	until := uint64(l.now().Add(24 * time.Hour).Unix())
	answer := l.block(nil, l.sent(4, 0, &consortium.Address, l.call("agree", l.call("admit", owner(9), key), until)))
	if len(changes(answer)) != 0 {
		l.Fatal("a punished key has a seat again")
	}
}

// Where gas has a price owners have coin for their votes, or it could never be lowered again.
func (l *ledger) gas() {
	l.Helper()
	type gas struct {
		MinPrice   *big.Int
		BlockLimit uint64
	}
	const dear = 1_000_000_000_000
	// Where an owner can be given no coin, as an account of the chain itself, the chain goes on.
	var key [32]byte
	copy(key[:], validator(5))
	l.agree(0, l.call("admit", common.BytesToAddress(authtypes.NewModuleAddress(authtypes.FeeCollectorName)), key), 0, 2, 4)
	answer := l.agree(0, l.call("setGas", gas{big.NewInt(dear), 40_000_000}), 0, 2, 4)
	if limit := answer.ConsensusParamUpdates.Block.MaxGas; limit != 40_000_000 {
		l.Fatalf("gas of a block: %d", limit)
	}
	nobody := common.Address{1}
	l.nonces[owner(8)] = 2
	if stranger := l.block(nil, l.sent(8, 0, &nobody, nil)).TxResults[0]; stranger.Code == 0 {
		l.Fatal("gas has a price, and a transaction went without")
	}
	l.passedOn(2 * dear)
	for range 30 {
		l.agree(2*dear, l.call("setGas", gas{new(big.Int), 10_000_000}), 0, 2)
	}
	l.agree(2*dear, l.call("setGas", gas{new(big.Int), 10_000_000}), 4)
	l.nonces[owner(8)] = 2
	if free := l.block(nil, l.sent(8, 0, &nobody, nil)).TxResults[0]; free.Code != 0 {
		l.Fatalf("gas is free again, and a transaction without a price was refused: %s", free.Log)
	}
	l.proposals(&nobody)
}

// An owner who passes its coin on is given more once a day, or it could make coin without end.
func (l *ledger) passedOn(price int64) {
	l.Helper()
	for day := range 3 {
		amount := new(big.Int).Mul(big.NewInt(95), big.NewInt(1e18))
		for again := range 2 {
			result := l.block(nil, l.sentWith(0, price, amount, &common.Address{2}, nil)).TxResults[0]
			if refused := result.Code != 0; refused != (again == 1) {
				l.Fatalf("day %d, transfer %d of all the coin: code %d, %s", day, again, result.Code, result.Log)
			}
			if again == 1 {
				l.nonces[owner(0)]--
			}
		}
		l.later += 25 * time.Hour
		l.block(nil)
	}
}

// A proposal of more gas than a block may hold is refused by whoever is asked.
func (l *ledger) proposals(to *common.Address) {
	l.Helper()
	l.nonces[owner(8)] = 3
	var transactions [][]byte
	for range 21 { // of half a million gas each
		transactions = append(transactions, l.sent(8, 0, to, nil))
	}
	for count, wanted := range map[int]abci.ResponseProcessProposal_ProposalStatus{
		20: abci.ResponseProcessProposal_ACCEPT, 21: abci.ResponseProcessProposal_REJECT,
	} {
		answer, err := l.app.ProcessProposal(&abci.RequestProcessProposal{
			Height: l.height + 1, Time: start.Add(time.Hour), Txs: transactions[:count],
		})
		if err != nil || answer.Status != wanted {
			l.Fatalf("%d transactions of half a million gas in a block of ten: %v, %v", count, answer, err)
		}
	}
}

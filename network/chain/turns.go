package chain

import (
	"context"

	"github.com/ethereum/go-ethereum/common"

	sdk "github.com/cosmos/cosmos-sdk/types"
	evmmempool "github.com/cosmos/evm/mempool"
	evmtypes "github.com/cosmos/evm/x/vm/types"

	"fabmarket/network/consortium"
)

// mostGas is what a transaction may ask for (EIP-7825): of free gas one would else ask for a block.
const mostGas = 1 << 24

// voteGas is more than the dearest vote costs; what asks for more waits its turn.
const voteGas = 1_000_000

// turns is the mempool as a proposal takes from it: the votes that are next of their owners first, then one transaction of
// each sender after the other, in the pool's order. By that order alone whoever sent most and first would fill blocks for as
// long as gas is free, and keep off the votes that could end it.
type turns struct {
	*evmmempool.Mempool
	consortium consortium.Module
}

type waiting struct {
	tx     sdk.Tx
	sender common.Address
	isVote bool
}

// SelectBy gives transactions until take says no.
func (t turns) SelectBy(ctx context.Context, txs [][]byte, take func(sdk.Tx) bool) {
	owners := map[common.Address]bool{}
	for _, owner := range t.consortium.Owners(sdk.UnwrapSDKContext(ctx)) {
		owners[owner] = true
	}
	var all []waiting
	t.Mempool.SelectBy(ctx, txs, func(tx sdk.Tx) bool {
		if sent, transaction, err := evmtypes.UnpackEthMsg(tx.GetMsgs()[0]); err == nil {
			sender := common.BytesToAddress(sent.GetFrom())
			to := transaction.To()
			isVote := owners[sender] && to != nil && *to == consortium.Address && transaction.Gas() <= voteGas
			all = append(all, waiting{tx, sender, isVote})
		}
		return true
	})
	for _, each := range inTurn(all) {
		if !take(each.tx) {
			return
		}
	}
}

// inTurn orders what waits; a sender's own stay in their order.
func inTurn(all []waiting) []waiting {
	var senders []common.Address
	lines := map[common.Address][]waiting{}
	for _, each := range all {
		if len(lines[each.sender]) == 0 {
			senders = append(senders, each.sender)
		}
		lines[each.sender] = append(lines[each.sender], each)
	}
	ordered := make([]waiting, 0, len(all))
	next := func(sender common.Address) {
		ordered = append(ordered, lines[sender][0])
		lines[sender] = lines[sender][1:]
	}
	for _, sender := range senders {
		for len(lines[sender]) > 0 && lines[sender][0].isVote {
			next(sender)
		}
	}
	for len(ordered) < len(all) {
		for _, sender := range senders {
			if len(lines[sender]) > 0 {
				next(sender)
			}
		}
	}
	return ordered
}

package chain

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	gethrpc "github.com/ethereum/go-ethereum/rpc"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/server"
	"github.com/cosmos/evm/rpc"
	"github.com/cosmos/evm/rpc/backend"
	"github.com/cosmos/evm/rpc/namespaces/ethereum/eth"
	"github.com/cosmos/evm/rpc/namespaces/ethereum/eth/filters"
	"github.com/cosmos/evm/rpc/stream"
	rpctypes "github.com/cosmos/evm/rpc/types"
)

// Questions is the set of JSON-RPC methods eth_… that a validator answers.
const Questions = "eth-bounded"

// mostPercentiles of a fee history, as in go-ethereum. A request of 5 MB took more memory than a machine has.
const mostPercentiles = 100

type bounded struct{ *eth.PublicAPI }

// FeeHistory is eth_feeHistory.
func (b bounded) FeeHistory(
	blocks math.HexOrDecimal64, last gethrpc.BlockNumber, percentiles []float64,
) (*rpctypes.FeeHistoryResult, error) {
	if len(percentiles) > mostPercentiles {
		return nil, fmt.Errorf("%d percentiles where %d are the most", len(percentiles), mostPercentiles)
	}
	return b.PublicAPI.FeeHistory(blocks, last, percentiles)
}

// Accounts is eth_accounts: a validator keeps no account for others.
func (bounded) Accounts() ([]common.Address, error) { return []common.Address{}, nil }

func init() {
	err := rpc.RegisterAPINamespace(Questions, func(
		ctx *server.Context, client client.Context, stream *stream.RPCStream, node backend.BackendI,
	) []gethrpc.API {
		usual := filters.NewPublicAPI(ctx.Logger, client, stream, node.(filters.Backend))
		return []gethrpc.API{
			{Namespace: rpc.EthNamespace, Service: bounded{eth.NewPublicAPI(ctx.Logger, node)}},
			{Namespace: rpc.EthNamespace, Service: usual},
		}
	})
	if err != nil {
		panic(err)
	}
}

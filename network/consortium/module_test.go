package consortium

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
)

func TestTheLimitsAreTheContracts(t *testing.T) {
	for name, limit := range map[string]int64{"MAX_SEATS": MaxSeats, "MAX_PRICE": MaxPrice, "MIN_BLOCK": MinBlock, "MAX_BLOCK": MaxBlock} {
		question, err := contract.Pack(name)
		if err != nil {
			t.Fatal(err)
		}
		answer, _, err := runtime.Execute(common.FromHex(Code()), question, nil)
		if err != nil || new(big.Int).SetBytes(answer).Cmp(big.NewInt(limit)) != 0 {
			t.Errorf("%s is %d here and %x in the contract (%v)", name, limit, answer, err)
		}
	}
}

// CometBFT reckons so, in whole numbers, for whom the chain waits: its blocksync never fetches for such a one.
func TestTheChainWaitsForNoneOfFour(t *testing.T) {
	for seats := int64(4); seats <= 64; seats++ {
		if power >= seats*power/3 {
			t.Fatalf("of %d seats each counts as one that the chain waits for", seats)
		}
	}
}

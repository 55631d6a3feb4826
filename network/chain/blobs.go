package chain

import (
	"math/big"

	"github.com/ethereum/go-ethereum/core/vm"
)

// BlobBaseFee is the number of an activator of ours: here are no blobs, so that nobody sets their price, and whoever asked for it
// ended in a panic, with its nonce used and no receipt. It is the least that it can be, as on a chain where nobody buys blobs (EIP-7516).
const BlobBaseFee = 7516_000

func init() {
	err := vm.ExtendActivators(map[int]func(*vm.JumpTable){BlobBaseFee: func(table *vm.JumpTable) {
		// The gas of a step is reckoned before it is taken.
		table[vm.BLOBBASEFEE].SetDynamicGas(func(evm *vm.EVM, _ *vm.Contract, _ *vm.Stack, _ *vm.Memory, _ uint64) (uint64, error) {
			evm.Context.BlobBaseFee = big.NewInt(1)
			return 0, nil
		})
	}})
	if err != nil {
		panic(err)
	}
}

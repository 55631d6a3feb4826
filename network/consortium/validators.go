package consortium

import (
	"context"
	"errors"

	"cosmossdk.io/core/address"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
)

// Validators answers the EVM's questions about stake, of which there is none.
type Validators struct {
	key   storetypes.StoreKey
	codec address.Codec
	denom string
}

// NewValidators reads from the module's store.
func NewValidators(key storetypes.StoreKey, codec address.Codec, denom string) Validators {
	return Validators{key, codec, denom}
}

// GetValidatorByConsAddr names as operator the owner of the seat, which the EVM calls coinbase.
//
// A validator signs on for a block or two after its seat is gone, so past owners are kept; address 0
// stands for one that never had a seat.
func (v Validators) GetValidatorByConsAddr(ctx context.Context, validator sdk.ConsAddress) (stakingtypes.Validator, error) {
	owner := sdk.UnwrapSDKContext(ctx).KVStore(v.key).Get(ownerKey(validator))
	if owner == nil {
		owner = make([]byte, 20)
	}
	return stakingtypes.Validator{OperatorAddress: sdk.ValAddress(owner).String()}, nil
}

// ValidatorAddressCodec reads operators' addresses.
func (v Validators) ValidatorAddressCodec() address.Codec { return v.codec }

// BondDenom is the coin for gas: nothing is bonded.
func (v Validators) BondDenom(context.Context) (string, error) { return v.denom, nil }

// GetHistoricalInfo has none: block hashes are in the EVM's own history (EIP-2935).
func (Validators) GetHistoricalInfo(context.Context, int64) (stakingtypes.HistoricalInfo, error) {
	return stakingtypes.HistoricalInfo{}, errors.New("no history of stake is kept")
}

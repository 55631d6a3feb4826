package chain

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

func TestVotesThenSendersTakeTurns(t *testing.T) {
	for _, each := range []struct{ waits, taken []string }{
		{nil, nil},
		{[]string{"a", "a", "a", "b"}, []string{"a", "b", "a", "a"}},
		{[]string{"a", "a", "b", "c", "b", "a"}, []string{"a", "b", "c", "a", "b", "a"}},
		{[]string{"a", "a", "v!", "v!", "b"}, []string{"v!", "v!", "a", "b", "a"}},
		{[]string{"a", "v", "v!", "a", "b"}, []string{"a", "v", "b", "a", "v!"}}, // nonces come before rank
	} {
		var all []waiting
		for _, name := range each.waits {
			all = append(all, waiting{sender: common.Address{name[0]}, isVote: len(name) == 2})
		}
		var taken []string
		for _, one := range inTurn(all) {
			name := string(one.sender[0])
			if one.isVote {
				name += "!"
			}
			taken = append(taken, name)
		}
		if !slices.Equal(taken, each.taken) {
			t.Errorf("%v came as %v", each.waits, taken)
		}
	}
}

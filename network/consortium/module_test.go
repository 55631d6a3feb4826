package consortium

import "testing"

// CometBFT reckons so, in whole numbers, for whom the chain waits: its blocksync never fetches for such a one.
func TestTheChainWaitsForNoneOfFour(t *testing.T) {
	for seats := int64(4); seats <= 64; seats++ {
		if power >= seats*power/3 {
			t.Fatalf("of %d seats each counts as one that the chain waits for", seats)
		}
	}
}

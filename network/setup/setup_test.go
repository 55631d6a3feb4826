package setup

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cometbft/cometbft/privval"
)

const good = `{"chain_id": 1, "genesis_time": "2026-01-01T00:00:00Z",
 "seats": [{"name": "a", "owner": "0x00000000000000000000000000000000000000aa", "key": "0x` + key + `",
  "node_id": "` + id + `", "address": "127.0.0.1:26656"}],
 "deployers": null, "senders": [], "min_gas_price": 0, "block_gas": 30000000, "coins": {}}`

const (
	key = "1111111111111111111111111111111111111111111111111111111111111111"
	id  = "2222222222222222222222222222222222222222"
)

func written(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "consortium.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnEmptyListIsNobodyAndNullIsEverybody(t *testing.T) {
	described, err := Read(written(t, good))
	if err != nil {
		t.Fatal(err)
	}
	founded, err := described.consortium()
	if err != nil {
		t.Fatal(err)
	}
	if !founded.Deploy.Everybody || founded.Send.Everybody {
		t.Fatalf("deploy %v, send %v", founded.Deploy, founded.Send)
	}
}

func TestABadDescriptionIsRefusedByItsValue(t *testing.T) {
	for _, each := range []struct{ old, new, said string }{
		{`"senders"`, `"sender"`, `"sender" is no part`},
		{`"senders"`, `"Senders"`, `"Senders" is no part`},
		{`"senders": []`, `"senders": [], "senders": null`, "senders stands in it twice"},
		{`"senders": [], `, ``, "senders is missing"},
		{`"senders": []`, `"senders": ["0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92267"]`, "wrong case"},
		{"2026-01-01", "2126-01-01", "30 days ahead"},
		{good, `[]`, "not a JSON object"},
		{`"coins": {}}`, `"coins": {}`, "EOF"},
		{`"senders": []`, `"senders": ["0x12"]`, "0x12"},
		{`"min_gas_price": 0`, `"min_gas_price": 1.5`, "1.5"},
		{`"min_gas_price": 0`, `"min_gas_price": -1`, "-1"},
		{key, key[2:], "32 bytes"},
		{id, id[2:], "40 hexadecimal digits"},
		{"127.0.0.1:26656", "127.0.0.1", "127.0.0.1"},
		{`"owner": "0x`, `"owner": "`, "is not an address"},
		{`"chain_id": 1`, `"chain_id": 0`, "chain_id"},
		{`"coins": {}`, `"coins": {"0x00000000000000000000000000000000000000aa": "-1"}`, "-1"},
		{`"coins": {}`, `"coins": {"0x00000000000000000000000000000000000000aa": "1` + strings.Repeat("0", 39) + `"}`, "2^128"},
		{`"coins": {}}`, `"coins": {}} {}`, "more than one"},
	} {
		described, err := Read(written(t, strings.Replace(good, each.old, each.new, 1)))
		if err == nil {
			_, err = Genesis(described)
		}
		if err == nil || !strings.Contains(err.Error(), each.said) {
			t.Errorf("%s: %v", each.new, err)
		}
	}
}

func TestTheSameDescriptionGivesTheSameGenesisAndKeepsKeys(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	described, err := Read(written(t, good))
	if err != nil {
		t.Fatal(err)
	}
	var hashes []string
	before, err := MakeKeys(home)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{home, home, filepath.Join(t.TempDir(), "other")} {
		genesis, err := Genesis(described)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := Write(folder, described, genesis, Places{Peer: "127.0.0.1:1", HTTP: "127.0.0.1:2", RPC: "127.0.0.1:3", Metrics: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, hash)
	}
	if hashes[0] != hashes[1] || hashes[0] != hashes[2] {
		t.Errorf("genesis differs: %v", hashes)
	}
	asAnotherFirmHasIt(t, described, home, hashes[0])
	if after, err := MakeKeys(home); err != nil || after != before {
		t.Errorf("keys changed: %v, %v", after, err)
	}
	for _, name := range []string{"node_key.json", "priv_validator_key.json"} {
		info, err := os.Stat(filepath.Join(home, "config", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// An earlier program's genesis holds another code for the contract: who made it anew was alone on its chain.
func asAnotherFirmHasIt(t *testing.T, described Description, home, hash string) {
	path := filepath.Join(home, "config", "genesis.json")
	genesis, err := GenesisOf(described, path)
	if err != nil {
		t.Fatal(err)
	}
	joined := filepath.Join(t.TempDir(), "joined")
	if again, err := Write(joined, described, genesis, Places{}); err != nil || again != hash {
		t.Errorf("taken over it is %s, %v", again, err)
	}
	if err := os.Mkdir(filepath.Join(joined, "data", "blockstore.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	genesis.AppState = []byte("{}")
	if again, err := Write(joined, described, genesis, Places{}); err != nil || again != hash {
		t.Errorf("of a chain that has begun it is made %s, %v", again, err)
	}
	described.Seats[0].Address = "elsewhere:26656"
	if _, err := GenesisOf(described, path); err == nil || !strings.Contains(err.Error(), "another description") {
		t.Errorf("one of another description was taken: %v", err)
	}
}

// Names and places of validators were in nobody's digest: an altered copy passed where firms read theirs to each other.
func TestNoTwoDescriptionsHaveOneGenesis(t *testing.T) {
	seen := map[string]string{}
	for _, each := range []struct{ old, new string }{
		{"", ""},
		{`"name": "a"`, `"name": "b"`},
		{id, "3" + id[1:]},
		{"127.0.0.1:26656", "127.0.0.1:26657"},
		{`"coins": {}`, `"coins": {"0x00000000000000000000000000000000000000aa": "1"}`},
		{"2026-01-01T00", "2026-01-01T01"},
	} {
		described, err := Read(written(t, strings.Replace(good, each.old, each.new, 1)))
		if err != nil {
			t.Fatal(err)
		}
		genesis, err := Genesis(described)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := Write(t.TempDir(), described, genesis, Places{})
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[hash]; ok {
			t.Errorf("%q and %q have one genesis", other, each.new)
		}
		seen[hash] = each.new
	}
}

func TestWhatTwoSeatsMayNotShareIsNamed(t *testing.T) {
	one := Member{"a", "0xaa", "0x11", "22", "here:1"}
	for what, other := range map[string]Member{
		"name":    {"A", "0xbb", "0x12", "23", "here:2"},
		"owner":   {"b", "0xAA", "0x12", "23", "here:2"},
		"key":     {"b", "0xbb", "0x11", "23", "here:2"},
		"node_id": {"b", "0xbb", "0x12", "22", "here:2"},
		"address": {"b", "0xbb", "0x12", "23", "here:1"},
		"":        {"b", "0xbb", "0x12", "23", "here:2"},
	} {
		if found, _ := shared(one, other); found != what {
			t.Errorf("%q was found where they share %q", found, what)
		}
	}
}

func TestKeysWithoutWhatWasSignedAreRestoredByAHeight(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	if err := Restore(home, 7); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("without keys: %v", err)
	}
	if _, err := MakeKeys(home); err != nil {
		t.Fatal(err)
	}
	if err := Restore(home, 7); err == nil || !strings.Contains(err.Error(), "knows better") {
		t.Errorf("beside a state: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(home, "data")); err != nil {
		t.Fatal(err)
	}
	if _, err := MakeKeys(home); err == nil || !strings.Contains(err.Error(), "validator restore") {
		t.Errorf("a state of zeros was made: %v", err)
	}
	if err := Restore(home, 0); err == nil {
		t.Error("of height 0")
	}
	if err := Restore(home, 7); err != nil {
		t.Fatal(err)
	}
	signer := privval.LoadFilePV(keyOf(home), stateOf(home))
	if state := signer.LastSignState; state.Height != 7 || state.Round != math.MaxInt32 || state.Step != 3 {
		t.Errorf("signed up to %v", state)
	}
	if _, err := MakeKeys(home); err != nil {
		t.Error(err)
	}
}

func TestPlacesStayAsTheyWereGiven(t *testing.T) {
	home := t.TempDir()
	if places, err := PlacesOf(home); err != nil || places.HTTP != Usual.HTTP {
		t.Errorf("of a new folder: %v, %v", places, err)
	}
	described, err := Read(written(t, good))
	if err != nil {
		t.Fatal(err)
	}
	genesis, err := Genesis(described)
	if err != nil {
		t.Fatal(err)
	}
	given := Usual
	given.HTTP, given.Peers = "127.0.0.1:4711", []string{id + "@there:1"}
	if _, err := Write(home, described, genesis, given); err != nil {
		t.Fatal(err)
	}
	if places, err := PlacesOf(home); err != nil || !reflect.DeepEqual(places, given) {
		t.Errorf("%v was read as %v, %v", given, places, err)
	}
}

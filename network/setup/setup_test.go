package setup

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cometbft/cometbft/privval"
	cmttypes "github.com/cometbft/cometbft/types"
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
		{`"coins": {}}`, `"coins": {}`, "unexpected end"},
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
		{`"coins": {}}`, `"coins": {}} {}`, "after top-level value"},
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
		hashes = append(hashes, hash.Genesis)
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
	if again, err := Write(joined, described, genesis, Places{}); err != nil || again.Genesis != hash {
		t.Errorf("taken over it is %s, %v", again.Genesis, err)
	}
	if err := os.Mkdir(filepath.Join(joined, "data", "blockstore.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	genesis.AppState = []byte("{}")
	if again, err := Write(joined, described, genesis, Places{}); err != nil || again.Genesis != hash {
		t.Errorf("of a chain that has begun it is made %s, %v", again.Genesis, err)
	}
	described.Seats[0].Address = "elsewhere:26656"
	if _, err := Write(joined, described, genesis, Places{}); err == nil || !strings.Contains(err.Error(), "another description") {
		t.Errorf("of a chain that has begun another description was taken: %v", err)
	}
	if _, err := GenesisOf(described, path); err == nil || !strings.Contains(err.Error(), "another description") {
		t.Errorf("one of another description was taken: %v", err)
	}
}

// The file showed a firm its own values, and its seat had another's: encoding/json takes the last of two, in letters of any case.
func TestRegressionAPartStandsOnceAtEveryDepth(t *testing.T) {
	const own, other = "0x00000000000000000000000000000000000000aa", "0x00000000000000000000000000000000000000bb"
	const mixed, small = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
	for _, each := range []struct{ old, new, said string }{
		{`"owner": "` + own + `"`, `"owner": "` + own + `", "owner": "` + other + `"`, "seat 0: owner stands in it twice"},
		{`"owner": "` + own + `"`, `"owner": "` + own + `", "Owner": "` + other + `"`, `seat 0: "Owner" is no part`},
		{`"owner": "` + own + `"`, `"owner": "` + own + `", "\u006fwner": "` + other + `"`, "seat 0: owner stands in it twice"},
		{`"owner": `, `"OWNER": `, `seat 0: "OWNER" is no part`},
		{`"name": "a", `, ``, "seat 0: name is missing"},
		{`"name": "a", `, `"name": "a", "stake": 1, `, `seat 0: "stake" is no part`},
		{`"seats": [`, `"seats": [null, `, "seat 0: not a JSON object"},
		{`"seats": [`, `"Seats": [], "seats": [`, `"Seats" is no part`},
		{`"coins": {}`, `"coins": {"` + own + `": "1", "` + own + `": "100000"}`, "coins: " + own + " stands in it twice"},
		{`"coins": {}`, `"coins": {"` + mixed + `": "1", "` + small + `": "2"}`, "coins: " + mixed + " stands in it twice"},
		{`"coins": {}`, `"coins": null`, "coins: not a JSON object"},
		{`"senders": []`, `"senders": ["` + mixed + `", "` + small + `"]`, "senders: " + mixed + " stands in it twice"},
		{`"deployers": null`, `"deployers": ["` + small + `", "` + small + `"]`, "deployers: " + mixed + " stands in it twice"},
	} {
		if _, err := Read(written(t, strings.Replace(good, each.old, each.new, 1))); err == nil || !strings.Contains(err.Error(), each.said) {
			t.Errorf("%s: %v", each.new, err)
		}
	}
}

// All these passed, and ended validators at their start, or shut their peers out.
func TestRegressionWhatNoValidatorStartsWithIsRefused(t *testing.T) {
	const account, minter = "0x00000000000000000000000000000000000000aa", "0x74b48be3653491eb2026e23baa4e95261be1e8ce"
	for _, each := range []struct{ old, new, said string }{
		{`"chain_id": 1`, `"chain_id": 18446744073709551615`, "chain_id 18446744073709551615"},
		{"2026-01-01", "1960-01-01", "before 1970"},
		{`"address": "127.0.0.1:26656"`, `"address": ":26656"`, "neither an IP address nor the name"},
		{`"address": "127.0.0.1:26656"`, `"address": "firm3:"`, "is not a port"},
		{`"address": "127.0.0.1:26656"`, `"address": "firm3:99999"`, "is not a port"},
		{`"address": "127.0.0.1:26656"`, `"address": "firm3:026656"`, "is not a port"},
		{`"address": "127.0.0.1:26656"`, `"address": "300.0.0.1:26656"`, "neither an IP address nor the name"},
		{`"address": "127.0.0.1:26656"`, `"address": "0.0.0.0:26656"`, "nobody is reached there"},
		{`"address": "127.0.0.1:26656"`, `"address": "a\n` + id + `@b:26656"`, "neither an IP address nor the name"},
		{`"name": "a"`, `"name": "a\"b"`, "without blanks around it, quotes"},
		{`"name": "a"`, `"name": "a\n[rpc]"`, "without blanks around it, quotes"},
		{`"name": "a"`, `"name": "Müller"`, "letters of ASCII"},
		{`"name": "a"`, `"name": "` + strings.Repeat("a", 65) + `"`, "1 to 64"},
		{`"name": "a"`, `"name": ""`, "without blanks around it, quotes"},
		{id, strings.ToUpper("abcd" + id[4:]), "small letters"},
		{"0x" + key, key, "0x and 32 bytes"},
		{"0x" + key, "0x" + strings.Repeat("0", 64), "nobody's"},
		{account, "0x" + strings.Repeat("0", 40), "nobody's account"},
		{account, "0x000000000000000000000000000000000000fab1", "nobody's account"},
		{`"coins": {}`, `"coins": {"` + account + `": "0x10"}`, "0x10"},
		{`"coins": {}`, `"coins": {"` + account + `": "010"}`, "010"},
		{`"coins": {}`, `"coins": {"` + minter + `": "1"}`, "an account of the chain itself"}, // ended it at the first vote for a price of gas
		{`"coins": {}`, `"coins": {"` + account + `": null}`, "not a whole number"},
		{`"min_gas_price": 0`, `"min_gas_price": 1000000000001`, "from 0 to 1000000000000"},
		{`"block_gas": 30000000`, `"block_gas": 9999999`, "block_gas 9999999"},
		{`"block_gas": 30000000`, `"block_gas": 1000000001`, "block_gas 1000000001"},
	} {
		if _, err := Read(written(t, strings.Replace(good, each.old, each.new, 1))); err == nil || !strings.Contains(err.Error(), each.said) {
			t.Errorf("%s: %v", each.new, err)
		}
	}
	for _, each := range [][2]string{
		{`"chain_id": 1`, `"chain_id": 9223372036854775807`},
		{"127.0.0.1:26656", "[2001:db8::1]:26656"},
		{"127.0.0.1:26656", "validator-1.firm_1.example:65535"},
		{`"name": "a"`, `"name": "Mueller & 'Soehne' <~[^}>, Giesserei!#"`},
	} {
		described, err := Read(written(t, strings.Replace(good, each[0], each[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := Try(described, genesisOf(t, described), Usual); err != nil {
			t.Errorf("%s: %v", each[1], err)
		}
	}
}

func genesisOf(t *testing.T, described Description) cmttypes.GenesisDoc {
	genesis, err := Genesis(described)
	if err != nil {
		t.Fatal(err)
	}
	return genesis
}

// What start would not read is found where a folder is written elsewhere first.
func TestWhatIsWrittenIsReadAsAStartDoes(t *testing.T) {
	described, err := Read(written(t, good))
	if err != nil {
		t.Fatal(err)
	}
	genesis := genesisOf(t, described)
	described.ChainID = math.MaxUint64
	if err := Try(described, genesis, Usual); err == nil {
		t.Error("app.toml holds no such number, and it was taken")
	}
}

// A peer with a blank was shut out, and a mistyped place was in the file that a running validator obeys.
func TestRegressionPlacesAndPeersAreReadBeforeAnythingIsWritten(t *testing.T) {
	for said, change := range map[string]func(*Places){
		`--http: "nonsense"`:                        func(p *Places) { p.HTTP = "nonsense" },
		`--rpc: "99"`:                               func(p *Places) { p.RPC = "99" },
		`--peer: ":26656"`:                          func(p *Places) { p.Peer = ":26656" },
		`--http: "127.0.0.1:0"`:                     func(p *Places) { p.HTTP = "127.0.0.1:0" },
		`--metrics: "127.0.0.1:x"`:                  func(p *Places) { p.Metrics = "127.0.0.1:x" },
		`--block-time: -5s`:                         func(p *Places) { p.BlockTime = -5 * time.Second },
		`--block-time: 1000h0m0s`:                   func(p *Places) { p.BlockTime = 1000 * time.Hour },
		`--peers: "garbage"`:                        func(p *Places) { p.Peers = []string{"garbage"} },
		`--peers: ""`:                               func(p *Places) { p.Peers = SplitPeers([]string{id + "@b:1,"}) },
		`--peers: "` + id + `@127.0.0.1"`:           func(p *Places) { p.Peers = []string{id + "@127.0.0.1"} },
		`--peers: "` + id + `@0.0.0.0:1"`:           func(p *Places) { p.Peers = []string{id + "@0.0.0.0:1"} },
		`--peers: "AB` + id[2:] + `@b:1"`:           func(p *Places) { p.Peers = []string{"AB" + id[2:] + "@b:1"} },
		`--peers: "` + id + `@b:1\n` + id + `@c:1"`: func(p *Places) { p.Peers = SplitPeers([]string{id + "@b:1\n" + id + "@c:1"}) },
	} {
		places := Usual
		change(&places)
		if err := places.Check(); err == nil || !strings.HasPrefix(err.Error(), said) {
			t.Errorf("%s: %v", said, err)
		}
	}
	places := Usual
	places.Peers = SplitPeers([]string{id + "@b:1, " + id + "@[::1]:2", "", " " + id + "@c:3"})
	if err := places.Check(); err != nil || !slices.Equal(places.Peers, []string{id + "@b:1", id + "@[::1]:2", id + "@c:3"}) {
		t.Errorf("%q: %v", places.Peers, err)
	}
}

// A seat with a firm's own key and another's node_id shut its validator out at all others.
func TestRegressionTheSeatOfOnesOwnKeyIsSaidAndHasOnesNodeID(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	keys, err := MakeKeys(home)
	if err != nil {
		t.Fatal(err)
	}
	small := "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
	text := strings.Replace(strings.Replace(good, "0x"+key, keys.Key, 1), "0x00000000000000000000000000000000000000aa", small, 1)
	described, err := Read(written(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Write(home, described, genesisOf(t, described), Usual); err == nil || !strings.Contains(err.Error(), keys.NodeID) {
		t.Errorf("another's node_id: %v", err)
	}
	if _, err := os.Stat(filepath.Join(home, "config", "peers")); err == nil {
		t.Error("something was written")
	}
	if seat, err := described.seatOf(Keys{NodeID: keys.NodeID, Key: keys.Key, signed: 7}); err != nil || seat == nil {
		t.Errorf("who has lost its disk, and node_id with it: %v, %v", seat, err)
	}
	described.Seats[0].NodeID = keys.NodeID
	said, err := Write(home, described, genesisOf(t, described), Usual)
	wanted := Member{"a", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", keys.Key, keys.NodeID, "127.0.0.1:26656"}
	if err != nil || said.Seat == nil || *said.Seat != wanted {
		t.Errorf("its seat is said to be %v, %v", said.Seat, err)
	}
	if other, err := Write(t.TempDir(), described, genesisOf(t, described), Usual); err != nil || other.Seat != nil {
		t.Errorf("who has no seat is said to have %v, %v", other.Seat, err)
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
		if other, ok := seen[hash.Genesis]; ok {
			t.Errorf("%q and %q have one genesis", other, each.new)
		}
		seen[hash.Genesis] = each.new
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

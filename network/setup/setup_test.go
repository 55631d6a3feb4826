package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		{`"senders"`, `"sender"`, `"sender"`},
		{`"senders"`, `"Senders"`, `"Senders"`},
		{`"senders": []`, `"senders": [], "senders": null`, "needed once"},
		{`"senders": [], `, ``, "needed once"},
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

package setup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// exact wants each part once and in these letters, at every depth: encoding/json takes any case and the last of several, so that
// one who reads the file would see another owner than the chain has.
func exact(raw []byte) error {
	parts, err := partsOf(raw, namesOf[Description]())
	if err != nil {
		return err
	}
	var seats []json.RawMessage
	if err := json.Unmarshal(parts["seats"], &seats); err != nil {
		return fmt.Errorf("seats: %w", err)
	}
	for at, seat := range seats {
		if _, err := partsOf(seat, namesOf[Member]()); err != nil {
			return fmt.Errorf("seat %d: %w", at, err)
		}
	}
	if _, err := partsOf(parts["coins"], nil); err != nil {
		return fmt.Errorf("coins: %w", err)
	}
	return nil
}

// namesOf are those of a type's parts in JSON.
func namesOf[T any]() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		names = append(names, field.Tag.Get("json"))
	}
	return names
}

// partsOf reads an object whose names are the wanted ones; where none are wanted any are taken, each once.
func partsOf(raw []byte, wanted []string) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	parts := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name := token.(string)
		if wanted != nil && !slices.Contains(wanted, name) {
			return nil, fmt.Errorf("%q is no part of it; they are %s", name, strings.Join(wanted, ", "))
		}
		if _, ok := parts[name]; ok {
			return nil, fmt.Errorf("%s stands in it twice", name)
		}
		var part json.RawMessage
		if err := decoder.Decode(&part); err != nil {
			return nil, err
		}
		parts[name] = part
	}
	for _, name := range wanted {
		if _, ok := parts[name]; !ok {
			return nil, fmt.Errorf("%s is missing", name)
		}
	}
	return parts, nil
}

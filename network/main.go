// Command validator takes part in a consortium's chain, which runs Solidity contracts under CometBFT.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	cmtcfg "github.com/cometbft/cometbft/config"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/cobra"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	sdkserver "github.com/cosmos/cosmos-sdk/server"
	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	evmserver "github.com/cosmos/evm/server"
	evmconfig "github.com/cosmos/evm/server/config"

	"fabmarket/network/chain"
	"fabmarket/network/setup"
)

func main() {
	root := &cobra.Command{
		Use: "validator", Short: "A validator of a consortium's chain", SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(keysCommand(), initCommand(), restoreCommand(), startCommand())
	if err := svrcmd.Execute(root, "VALIDATOR", ""); err != nil {
		os.Exit(1)
	}
}

func requireHome(command *cobra.Command, _ []string) error {
	if home, err := command.Flags().GetString(flags.FlagHome); err != nil || home != "" {
		return err
	}
	return fmt.Errorf("--home is needed: the validator's folder, which validator keys and validator init make")
}

func keysCommand() *cobra.Command {
	var home string
	command := &cobra.Command{
		Use: "keys", Short: "Make this validator's keys, or read them, and print the public ones",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			keys, err := setup.MakeKeys(home)
			if err != nil {
				return err
			}
			return json.NewEncoder(command.OutOrStdout()).Encode(keys)
		},
	}
	homeFlag(command, &home)
	return command
}

func initCommand() *cobra.Command {
	var home, consortium, known string
	var given setup.Places
	var peers []string
	command := &cobra.Command{
		Use: "init", Short: "Write genesis and configuration from the consortium's description",
		Long: `Write genesis and configuration from the consortium's description, and print the genesis file's SHA-256,
which must be the same at every firm, and the seat of this validator's key as it was read, null where it has none. Run again it writes
them anew: what is not given stays as it was given last, and so do keys, data and the genesis of a chain that has begun.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			given.Peers = setup.SplitPeers(peers)
			places, err := placesOf(command, home, given)
			if err != nil {
				return err
			}
			described, err := setup.Read(consortium)
			if err != nil {
				return err
			}
			genesis, err := setup.Genesis(described)
			if err == nil && known != "" {
				genesis, err = setup.GenesisOf(described, known)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", consortium, err)
			}
			if err := chain.Try(genesis, described.ChainID); err != nil {
				return fmt.Errorf("%s: no chain begins with this: %w", consortium, err)
			}
			if err := setup.Try(described, genesis, places); err != nil {
				return fmt.Errorf("%s: no validator starts with this: %w", consortium, err)
			}
			written, err := setup.Write(home, described, genesis, places)
			if err != nil {
				return err
			}
			out := json.NewEncoder(command.OutOrStdout())
			out.SetEscapeHTML(false) // a firm reads its name in it
			return out.Encode(written)
		},
	}
	homeFlag(command, &home)
	set := command.Flags()
	set.StringVar(&consortium, "consortium", "consortium.json", "the description that all firms have")
	set.StringVar(&known, "genesis", "", "the genesis of a chain that an earlier program began, as another firm has it; by default made of the description")
	set.StringVar(&given.Peer, "peer", setup.Usual.Peer, "where it listens for the other validators")
	set.StringVar(&given.HTTP, "http", setup.Usual.HTTP, "where it answers JSON-RPC")
	set.StringVar(&given.RPC, "rpc", setup.Usual.RPC, "where it answers about consensus; keep it to this machine")
	set.StringVar(&given.Metrics, "metrics", setup.Usual.Metrics, "where it shows figures of its EVM")
	set.StringArrayVar(&peers, "peers", nil, "the others, as ID@HOST:PORT with commas between; by default those of the description")
	set.DurationVar(&given.BlockTime, "block-time", setup.Usual.BlockTime, "pause after a block")
	return command
}

// placesOf are those of the folder, but for what is given now.
func placesOf(command *cobra.Command, home string, given setup.Places) (setup.Places, error) {
	places, err := setup.PlacesOf(home)
	for name, set := range map[string]func(){
		"peer":       func() { places.Peer = given.Peer },
		"http":       func() { places.HTTP = given.HTTP },
		"rpc":        func() { places.RPC = given.RPC },
		"metrics":    func() { places.Metrics = given.Metrics },
		"peers":      func() { places.Peers = given.Peers },
		"block-time": func() { places.BlockTime = given.BlockTime },
	} {
		if command.Flags().Changed(name) {
			set()
		}
	}
	if err != nil {
		return places, err
	}
	return places, places.Check()
}

func restoreCommand() *cobra.Command {
	var home string
	var above int64
	command := &cobra.Command{
		Use: "restore", Short: "Say of a validator whose keys alone are left which blocks count as signed", Args: cobra.NoArgs,
		Long: `Say of a validator whose keys alone are left that all blocks up to a height count as signed, so that it signs none of them a second
time: give a height that no validator has reached yet, one above the newest that another firm has.`,
		RunE: func(*cobra.Command, []string) error { return setup.Restore(home, above) },
	}
	homeFlag(command, &home)
	command.Flags().Int64Var(&above, "above", 0, "the height")
	if err := command.MarkFlagRequired("above"); err != nil {
		panic(err)
	}
	return command
}

func homeFlag(command *cobra.Command, home *string) {
	command.Flags().StringVar(home, "home", "", "the validator's folder")
	command.PreRunE = requireHome
}

func startCommand() *cobra.Command {
	open := func(logger log.Logger, db dbm.DB, options servertypes.AppOptions) evmserver.Application {
		return chain.New(logger, db, options, sdkserver.DefaultBaseappOptions(options)...)
	}
	command := evmserver.StartCmd(evmserver.NewDefaultStartOptions(open, ""))
	command.Short, command.Long = "Run the validator", "Run the validator until it is interrupted."
	command.Args = cobra.NoArgs
	bind := command.PreRunE
	command.PreRunE = func(command *cobra.Command, arguments []string) error {
		if err := requireHome(command, arguments); err != nil {
			return err
		}
		if err := readFolder(command); err != nil {
			return err
		}
		return bind(command, arguments)
	}
	return command
}

// readFolder gives the server what it reads from the validator's folder.
func readFolder(command *cobra.Command) error {
	enc := chain.Encoding(0)
	home, err := command.Flags().GetString(flags.FlagHome)
	if err != nil {
		return err
	}
	if err := setup.RequireValidator(home); err != nil {
		return err
	}
	context := client.Context{}.WithCodec(enc.Codec).WithInterfaceRegistry(enc.InterfaceRegistry).
		WithTxConfig(enc.TxConfig).WithLegacyAmino(enc.Amino).
		WithAccountRetriever(authtypes.AccountRetriever{}).WithViper("").WithHomeDir(home)
	if err := client.SetCmdClientContextHandler(context, command); err != nil {
		return err
	}
	return sdkserver.InterceptConfigsPreRunHandler(command, setup.Template, evmconfig.DefaultConfig(), cmtcfg.DefaultConfig())
}

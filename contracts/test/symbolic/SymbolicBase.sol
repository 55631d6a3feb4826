// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ICapacityExchange} from "../base/ExchangeBase.sol";
import {CHEATS, Vm} from "../base/Vm.sol";

/// @notice The cheat codes that only proofs use; halmos answers them.
interface Symbolic {
    function getCode(string calldata artifact) external view returns (bytes memory);
    function enableSymbolicStorage(address account) external;
}

/// @notice The deployed exchange in an arbitrary state: every storage word is a free variable, so that what holds here
/// holds in every state that can be reached, and in all others.
/// @dev A signature's recovery is an uninterpreted function: a proof covers every answer it could give.
abstract contract SymbolicBase {
    Vm internal constant vm = CHEATS;
    Symbolic private constant SVM = Symbolic(address(uint160(uint256(keccak256("svm cheat code")))));
    /// @dev Where `make symbolic` builds.
    string private constant ARTIFACT = "cache/symbolic/CapacityExchange.sol/CapacityExchange.json";

    uint16 internal constant WHOLE = 10_000;

    ICapacityExchange internal exchange;
    bytes[] internal noProofs;

    function setUp() public virtual {
        address[] memory operators = new address[](1);
        operators[0] = address(0x09);
        bytes memory code =
            bytes.concat(Symbolic(address(vm)).getCode(ARTIFACT), abi.encode(operators, uint256(1), new address[](0)));
        address made;
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        assert(made != address(0));
        exchange = ICapacityExchange(made);
        SVM.enableSymbolicStorage(made);
    }

    function _account(address owner, address token) internal view returns (IAccounts.Account memory) {
        return exchange.accountOf(owner, token);
    }

    function _listing(bytes32 id) internal view returns (IResourceVerification.Listing memory) {
        return exchange.listingOf(id);
    }

    /// @dev Whether the call went through; its answer is the error if not.
    function _call(bytes memory data) internal returns (bool ok, bytes memory answer) {
        return address(exchange).call(data);
    }

    /// @dev The selector of the error a call reverted with; zero for none.
    function _reason(bytes memory answer) internal pure returns (bytes4) {
        // casting to 'bytes4' is safe because the selector is what is wanted
        // forge-lint: disable-next-line(unsafe-typecast)
        return bytes4(answer);
    }

    function _settles(IResourceTrading.SignedTrade calldata signed) internal returns (bool ok) {
        (ok,) = _call(abi.encodeCall(exchange.settle, (signed, noProofs)));
    }

    function _same(IAccounts.Account memory left, IAccounts.Account memory right) internal pure returns (bool) {
        return left.balance == right.balance && left.epoch == right.epoch && left.used == right.used;
    }

    function _same(IResourceVerification.Listing memory left, IResourceVerification.Listing memory right)
        internal
        pure
        returns (bool)
    {
        return left.supplier == right.supplier && left.available == right.available && left.epoch == right.epoch;
    }
}

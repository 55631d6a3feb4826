// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IParameters} from "../../src/interfaces/IParameters.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
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
    uint16 internal constant WHOLE = 10_000;
    /// @dev What each side of an escrow deposits, of the payment.
    uint16 internal constant DEPOSIT_SHARE = 500;

    ICapacityExchange internal exchange;
    bytes[] internal noProofs;

    function setUp() public virtual {
        address[] memory operators = new address[](1);
        operators[0] = address(0x09);
        bytes memory parameters = abi.encode(_parameters());
        address escrow = _create("ResourceEscrow", parameters);
        address net = _create("NetSettlement", parameters);
        bytes memory arguments = abi.encode(operators, uint256(1), new address[](0), _parameters(), escrow, net);
        exchange = ICapacityExchange(_create("CapacityExchange", arguments));
        SVM.enableSymbolicStorage(address(exchange));
    }

    function _parameters() internal pure returns (IParameters.Parameters memory) {
        return IParameters.Parameters(86_400, 600, 700, 900, 800, 1000, 300, 5, 5_184_000, DEPOSIT_SHARE);
    }

    /// @dev From where `make symbolic` builds.
    function _create(string memory name, bytes memory arguments) private returns (address made) {
        string memory artifact = string.concat("cache/symbolic/", name, ".sol/", name, ".json");
        bytes memory code = bytes.concat(Symbolic(address(vm)).getCode(artifact), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        assert(made != address(0));
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

    /// @dev What both parties have and `held` fit 128 bits together: deposits see to that for all money of a token. In an
    /// arbitrary state a credit could carry into the epoch beside a balance.
    function _assumeFits(IResourceTrading.Trade calldata trade, uint256 held) internal view {
        uint256 buyer = exchange.balanceOf(trade.demander, trade.token);
        uint256 seller = exchange.balanceOf(_listing(trade.listing).supplier, trade.token);
        vm.assume(held <= type(uint128).max && buyer + seller + held <= type(uint128).max);
    }

    /// @dev Payment, bond and both deposits.
    function _held(IResourceTrading.Trade calldata trade, IResourceEscrow.Escrow calldata escrow)
        internal
        view
        returns (uint256)
    {
        uint256 payment = exchange.heldOf(exchange.escrowDigestOf(trade, escrow)).payment;
        return payment + escrow.bond + 2 * _deposit(trade);
    }

    function _deposit(IResourceTrading.Trade calldata trade) internal pure returns (uint256) {
        return _product(trade) * DEPOSIT_SHARE / WHOLE;
    }

    function _product(IResourceTrading.Trade calldata trade) internal pure returns (uint256) {
        unchecked {
            return uint256(trade.quantity) * trade.unitPrice;
        }
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

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Rounds} from "./Rounds.sol";
import {Votes} from "./Votes.sol";

/// @title The contract of one swarm.
/// @notice It has no owner, holds no ether, calls nothing and cannot be changed. A new version is a new contract that
///         names this one as its predecessor; members move there by using its address.
contract Swarm is Rounds {
    constructor(Candidate[] memory founders, address predecessor_, uint256 votingSeconds_)
        EIP712("wsi-swarm", "1")
        Votes(founders, predecessor_, votingSeconds_)
    {}
}

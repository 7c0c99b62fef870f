// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Members} from "../Members.sol";
import {Rounds} from "../Rounds.sol";
import {Runs} from "../Runs.sol";
import {Swarm} from "../Swarm.sol";
import {vm} from "./Vm.sol";

/// @dev A swarm of founders 0, 1, ... with private keys 1, 2, ..., and what they sign, computed beside the contract.
abstract contract People {
    bytes32 internal constant ROOT = "merged";
    uint256 internal constant RUN = 1;
    Swarm internal swarm;

    function account(uint256 who) internal pure returns (address) {
        return vm.addr(who + 1);
    }

    function by(uint256 who) internal {
        vm.prank(account(who));
    }

    function candidate(uint256 who) internal pure returns (Members.Candidate memory) {
        return Members.Candidate(account(who), bytes32(who + 1), keccak256("endpoint"));
    }

    function found(uint256 founders) internal {
        vm.warp(1_000_000);
        Members.Candidate[] memory first = new Members.Candidate[](founders);
        for (uint256 who = 0; who < founders; ++who) first[who] = candidate(who);
        swarm = new Swarm(first, address(0), 1000);
    }

    function terms() internal pure returns (Runs.RunTerms memory) {
        return Runs.RunTerms("config", "base", 3, 2, 100, 60, 30, 500, 0);
    }

    /// @dev Run 1 with everybody enrolled, so in round 1.
    function open(uint256 founders, Runs.RunTerms memory told) internal {
        found(founders);
        by(0);
        swarm.proposeRun(told);
        for (uint256 who = 1; who <= founders / 2; ++who) {
            by(who);
            swarm.vote(1, true);
        }
        for (uint256 who = 0; who < founders; ++who) {
            by(who);
            swarm.enrol(RUN, 5);
        }
    }

    function commit(uint256 who) internal {
        Runs.RunView memory v = swarm.run(RUN);
        by(who);
        swarm.commit(RUN, v.round, keccak256(abi.encode(who, v.round)));
    }

    /// @dev Everybody has committed in round 1.
    function close(uint256 founders, Runs.RunTerms memory told) internal {
        open(founders, told);
        for (uint256 who = 0; who < founders; ++who) commit(who);
    }

    function domain() internal view returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(kind, keccak256("wsi-swarm"), keccak256("1"), block.chainid, address(swarm)));
    }

    function digest(uint256 contributors, bytes32 root) internal view returns (bytes32) {
        Runs.RunView memory v = swarm.run(RUN);
        bytes32 kind = keccak256(
            "Attest(uint256 run,uint256 round,bytes32 baseRoot,bytes32 commitsHash,uint256 contributors,bytes32 mergedRoot)"
        );
        bytes32 told = keccak256(abi.encode(kind, RUN, v.round, v.baseRoot, v.commitsHash, contributors, root));
        return keccak256(abi.encodePacked(hex"1901", domain(), told));
    }

    function sign(uint256 who, bytes32 what) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(who + 1, what);
        return abi.encodePacked(r, s, v);
    }

    function bundle(uint256 contributors, bytes32 root, uint256 signers) internal view returns (bytes memory all) {
        bytes32 what = digest(contributors, root);
        for (uint256 who = 0; signers >> who != 0; ++who) {
            if ((signers >> who) & 1 == 1) all = bytes.concat(all, sign(who, what));
        }
    }

    function finalise(uint256 contributors, bytes32 root, uint256 signers) internal {
        Runs.RunView memory v = swarm.run(RUN);
        bytes memory signatures = bundle(contributors, root, signers);
        by(0);
        swarm.finalise(RUN, v.round, contributors, root, signers, signatures);
    }

    function request(uint256 who, uint64 expiry) internal view returns (bytes memory) {
        Members.Candidate memory c = candidate(who);
        bytes32 kind = keccak256("JoinRequest(address account,bytes32 curveKey,bytes32 endpointHash,uint64 expiry)");
        bytes32 told = keccak256(abi.encode(kind, c.account, c.curveKey, c.endpointHash, expiry));
        return sign(who, keccak256(abi.encodePacked(hex"1901", domain(), told)));
    }

    function equivocation(uint256 who) internal view returns (Rounds.Equivocation memory) {
        Runs.RunView memory v = swarm.run(RUN);
        bytes memory a = sign(who, digest(7, "a"));
        bytes memory b = sign(who, digest(7, "b"));
        return Rounds.Equivocation(v.round, v.baseRoot, v.commitsHash, 7, "a", a, "b", b);
    }

    /// @dev Everything that the contract tells of itself but the time.
    function fingerprint() internal view returns (bytes32) {
        Runs.RunView memory v = swarm.run(RUN);
        v.chainTime = 0;
        return keccak256(abi.encode(swarm.members(), swarm.proposalCount(), swarm.runCount(), v));
    }
}

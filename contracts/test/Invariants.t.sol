// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bitmap} from "../Bitmap.sol";
import {Rounds} from "../Rounds.sol";
import {Runs} from "../Runs.sol";
import {People} from "./People.sol";
import {vm} from "./Vm.sol";

/// @dev Five members and an outsider do what they like; what must never happen is noted at once.
contract Crowd is People {
    using Bitmap for uint256;

    uint256 private constant N = 5;
    mapping(uint256 round => bytes32) private _roots;
    bool public finalWithoutQuorum;
    bool public secondRoot;
    bool public outsiderChangedSomething;
    bool public struckTookPart;
    uint256 public finals;
    uint256 public voids;

    constructor(uint16 committee) {
        Runs.RunTerms memory t = terms();
        t.rounds = type(uint32).max;
        t.committee = committee;
        open(N, t);
    }

    function stuck() external returns (bool) {
        uint256 now_ = block.timestamp;
        uint256 active = _active();
        for (uint256 who = 0; who < N; ++who) {
            if ((active >> who) & 1 == 0) continue;
            try this.endsInTime(who) {
                vm.warp(now_);
                return true; // it reverts in any case
            } catch (bytes memory said) {
                vm.warp(now_);
                if (said.length != 0) return true;
            }
        }
        return false;
    }

    /// @dev Reverts with nothing if `who` can end the round after its deadlines, with something if not.
    function endsInTime(uint256 who) external {
        Runs.RunView memory v = swarm.run(RUN);
        vm.warp(block.timestamp + v.terms.commitSeconds + v.terms.attestSeconds);
        vm.prank(account(who));
        (bool done,) = address(swarm).call(abi.encodeCall(swarm.poke, (RUN)));
        if (done && swarm.run(RUN).round == v.round + 1) revert();
        revert("stuck");
    }

    function wait(uint8 seconds_) external {
        vm.warp(block.timestamp + (seconds_ % 40));
    }

    function commits(uint8 members) external {
        for (uint256 who = 0; who < N; ++who) {
            if ((members >> who) & 1 == 1) attempt(who, abi.encodeCall(swarm.commit, (RUN, swarm.run(RUN).round, "u")));
        }
    }

    function theExpectedCommit() public {
        uint256 expected = swarm.run(RUN).expected;
        for (uint256 who = 0; who < N; ++who) {
            if ((expected >> who) & 1 == 1) attempt(who, abi.encodeCall(swarm.commit, (RUN, swarm.run(RUN).round, "u")));
        }
    }

    function rejects(uint8 who) external {
        attempt(who % N, abi.encodeCall(swarm.reject, (RUN, swarm.run(RUN).round)));
    }

    function leaves(uint8 who, uint8 seldom) external {
        if (seldom % 4 == 0) attempt(who % N, abi.encodeCall(swarm.leaveRun, (RUN)));
    }

    function enrols(uint8 who) external {
        attempt(who % N, abi.encodeCall(swarm.enrol, (RUN, 5)));
    }

    function pokes(uint8 who) external {
        if (attempt(who % N, abi.encodeCall(swarm.poke, (RUN)))) ++voids;
    }

    function rotates(uint8 who, uint8 key) external {
        attempt(who % N, abi.encodeCall(swarm.rotateKey, (bytes32(uint256(key)), "e")));
    }

    function proposesRemoval(uint8 who, uint8 of_) external {
        attempt(who % N, abi.encodeCall(swarm.proposeRemoval, (of_ % N)));
    }

    function votes(uint8 who, bool yes) external {
        if (swarm.run(RUN).round % 8 == 7) attempt(who % N, abi.encodeCall(swarm.vote, (swarm.proposalCount(), yes)));
    }

    function isReported(uint8 who, uint8 liar) external {
        // Not too many, or nobody is left that could make a round final.
        if (who % 4 == 0 && swarm.run(RUN).struck.count() < 2) {
            attempt(who % N, abi.encodeCall(swarm.reportEquivocation, (RUN, equivocation(liar % N))));
        }
    }

    function finalises(uint8 who, uint8 left, uint8 signers, bytes32 root) external {
        tryFinal(who % N, swarm.run(RUN).committed & ~uint256(left), signers % 32, root);
    }

    /// @dev With all that are able, or a quorum, or one fewer.
    function finalisesSoundly(uint8 who, bytes32 root, uint8 fewer) public {
        Runs.RunView memory v = swarm.run(RUN);
        uint256 able = v.committed.committee(v.round, v.terms.committee) & _active() & ~v.rejected;
        uint256 quorum = _quorum(v);
        if (able.count() > quorum) able = able.withoutLowest(able.count() - quorum);
        tryFinal(who % N, v.committed, able.withoutLowest(fewer % 3 == 0 ? 1 : 0), root);
    }

    function playsARound(uint8 who, bytes32 root, uint8 fewer) external {
        theExpectedCommit();
        finalisesSoundly(who, root, fewer);
    }

    function outsider(bytes calldata anything) external {
        bytes32 before = fingerprint();
        vm.prank(account(N));
        (bool done,) = address(swarm).call(anything);
        vm.prank(account(N));
        (bool poked,) = address(swarm).call(abi.encodeCall(swarm.poke, (RUN)));
        if (poked || (done && fingerprint() != before)) outsiderChangedSomething = true;
    }

    function tryFinal(uint256 who, uint256 contributors, uint256 signers, bytes32 root) private {
        Runs.RunView memory v = swarm.run(RUN);
        bytes memory signatures = bundle(contributors, root, signers);
        if (!attempt(who, abi.encodeCall(swarm.finalise, (RUN, v.round, contributors, root, signers, signatures)))) return;
        ++finals;
        if (signers.count() < _quorum(v) || !signers.within(v.committed & _active() & ~v.rejected)) {
            finalWithoutQuorum = true;
        }
        if (_roots[v.round] != 0 || swarm.run(RUN).baseRoot != root) secondRoot = true;
        _roots[v.round] = root;
        if (signers & v.struck != 0 || swarm.run(RUN).electorate & v.struck != 0) struckTookPart = true;
    }

    function attempt(uint256 who, bytes memory data) private returns (bool done) {
        by(who);
        (done,) = address(swarm).call(data);
    }

    function _quorum(Runs.RunView memory v) private pure returns (uint256) {
        uint256 size = v.terms.committee;
        uint256 n = v.committed.count();
        if (size == 0 || size > n) size = n;
        return size / 2 + 1 < v.terms.minPeers ? v.terms.minPeers : size / 2 + 1;
    }

    function _active() private view returns (uint256 set) {
        for (uint256 who = 0; who < N; ++who) {
            if (swarm.members()[who].active) set |= 1 << who;
        }
    }
}

abstract contract InvariantsTest {
    Crowd internal crowd;

    /// @dev forge asks for this: only the crowd acts.
    function targetContracts() external view returns (address[] memory only) {
        only = new address[](1);
        only[0] = address(crowd);
    }

    /// @dev One function for all: forge plays its histories anew for each.
    function invariant_whatTheContractPromises() external {
        require(!crowd.finalWithoutQuorum(), "final without quorum");
        require(!crowd.secondRoot(), "second final root of a round");
        require(!crowd.outsiderChangedSomething(), "outsider changed something");
        require(!crowd.struckTookPart(), "struck member took part");
        require(!crowd.stuck(), "no active member can end the round in time");
    }

    /// @dev A history without a final and a void round would have proved little.
    function afterInvariant() external view {
        require(crowd.finals() > 0 && crowd.voids() > 0, "nothing happened");
    }
}

contract WholeInvariantsTest is InvariantsTest {
    function setUp() external {
        crowd = new Crowd(0);
    }
}

contract CommitteeInvariantsTest is InvariantsTest {
    function setUp() external {
        crowd = new Crowd(3);
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Members} from "../Members.sol";
import {Rounds} from "../Rounds.sol";
import {Runs} from "../Runs.sol";
import {Votes} from "../Votes.sol";
import {People} from "./People.sol";
import {Log, vm} from "./Vm.sol";

contract RoundsTest is People {
    function test_runOfThreeFinalRoundsFinishes() public {
        open(3, terms());
        for (uint256 round = 1; round <= 3; ++round) {
            for (uint256 who = 0; who < 3; ++who) commit(who);
            assert(swarm.run(RUN).phase == Runs.Phase.Attest);
            finalise(7, bytes32(round), 3);
        }
        Runs.RunView memory v = swarm.run(RUN);
        assert(v.phase == Runs.Phase.Finished && v.finals == 3 && v.baseRoot == bytes32(uint256(3)));
        by(0);
        vm.expectRevert(Rounds.WrongPhase.selector);
        swarm.enrol(RUN, 5);
        by(0);
        vm.expectRevert(Rounds.WrongPhase.selector);
        swarm.leaveRun(RUN);
        by(0);
        vm.expectRevert(Rounds.NothingToPoke.selector);
        swarm.poke(RUN);
    }

    function test_enrolmentFixesTheWeightAndOpensRoundOne() public {
        found(3);
        by(0);
        swarm.proposeRun(terms());
        by(1);
        swarm.vote(1, true);
        refuseEnrolment(0, 0, Rounds.BadWeight.selector);
        refuseEnrolment(0, 501, Rounds.BadWeight.selector);
        refuseEnrolment(3, 5, Members.NotMember.selector);
        by(0);
        vm.expectRevert(Runs.UnknownRun.selector);
        swarm.enrol(2, 5);
        by(0);
        swarm.enrol(RUN, 5);
        refuseEnrolment(0, 6, Rounds.WeightFixed.selector);
        refuseEnrolment(0, 5, Rounds.AlreadyEnrolled.selector);
        vm.warp(block.timestamp + 100);
        by(0);
        vm.expectRevert(Rounds.NothingToPoke.selector);
        swarm.poke(RUN);
        by(1);
        swarm.enrol(RUN, 5);
        Runs.RunView memory v = swarm.run(RUN);
        assert(v.round == 1 && v.expected == 3 && v.electorate == 3 && v.weights[1] == 5 && v.weights[2] == 0);
    }

    function test_enrolmentIsOpenedByAPoke() public {
        found(3);
        by(0);
        swarm.proposeRun(terms());
        by(1);
        swarm.vote(1, true);
        for (uint256 who = 0; who < 2; ++who) {
            by(who);
            swarm.enrol(RUN, 5);
        }
        by(0);
        vm.expectRevert(Rounds.NothingToPoke.selector);
        swarm.poke(RUN);
        vm.warp(block.timestamp + 100);
        by(0);
        swarm.poke(RUN);
        assert(swarm.run(RUN).round == 1);
    }

    function test_commitsAreTakenOnceInTimeFromTheElectorate() public {
        open(4, terms());
        by(3);
        swarm.leaveRun(RUN);
        refuseCommit(3, 1, "u", Votes.NotInElectorate.selector);
        refuseCommit(0, 2, "u", Rounds.WrongRound.selector);
        refuseCommit(0, 1, 0, Rounds.BadCommitment.selector);
        refuseCommit(4, 1, "u", Members.NotMember.selector);
        commit(0);
        refuseCommit(0, 1, "u", Rounds.AlreadyCommitted.selector);
        vm.warp(block.timestamp + 60);
        refuseCommit(1, 1, "u", Rounds.WrongPhase.selector);
        assert(swarm.run(RUN).phase == Runs.Phase.Overdue);
        assert(voided() == uint256(Rounds.Reason.TooFewCommits));
    }

    function test_roundWithoutQuorumIsVoidAtTheDeadline() public {
        close(3, terms());
        vm.warp(block.timestamp + 29);
        assert(swarm.run(RUN).phase == Runs.Phase.Attest);
        vm.warp(block.timestamp + 1);
        assert(swarm.run(RUN).phase == Runs.Phase.Overdue);
        assert(voided() == uint256(Rounds.Reason.NoQuorum));
        assert(swarm.run(RUN).baseRoot == "base" && swarm.run(RUN).round == 2);
    }

    function test_roundIsVoidAtOnceWhenNoQuorumIsLeft() public {
        open(3, terms());
        refuseReject(0, 1, Rounds.WrongPhase.selector);
        for (uint256 who = 0; who < 3; ++who) commit(who);
        refuseReject(0, 2, Rounds.WrongRound.selector);
        refuseReject(3, 1, Members.NotMember.selector);
        by(2);
        swarm.reject(RUN, 1);
        refuseReject(2, 1, Rounds.AlreadyRejected.selector);
        assert(swarm.run(RUN).phase == Runs.Phase.Attest);
        by(1);
        swarm.reject(RUN, 1);
        assert(swarm.run(RUN).phase == Runs.Phase.Overdue && swarm.run(RUN).rejected == 6);
        assert(voided() == uint256(Rounds.Reason.Rejected));
        assert(swarm.run(RUN).rejected == 0 && swarm.run(RUN).expected == 7);
    }

    function test_bundlesThatProveNothingAreRefused() public {
        close(3, terms());
        bytes memory good = bundle(7, ROOT, 3);
        refuseBundle(1, 7, 0, 3, good, Rounds.BadRoot.selector);
        refuseBundle(2, 7, ROOT, 3, good, Rounds.WrongRound.selector);
        refuseBundle(1, 15, ROOT, 3, good, Rounds.BadContributors.selector);
        refuseBundle(1, 1, ROOT, 3, good, Rounds.BadContributors.selector);
        refuseBundle(1, 7, ROOT, 9, good, Rounds.BadAttesters.selector);
        refuseBundle(1, 7, ROOT, 7, good, Rounds.BadAttesters.selector);
        refuseBundle(1, 7, ROOT, 1, bundle(7, ROOT, 1), Rounds.NoQuorum.selector);
        refuseBundle(1, 7, ROOT, 5, good, Members.BadSignature.selector);
        refuseBundle(1, 7, "other", 3, good, Members.BadSignature.selector);
        refuseBundle(1, 3, ROOT, 3, good, Members.BadSignature.selector);
        by(3);
        vm.expectRevert(Members.NotMember.selector);
        swarm.finalise(RUN, 1, 7, ROOT, 3, good);
        finalise(7, ROOT, 3);
        refuseBundle(2, 7, ROOT, 3, good, Rounds.WrongPhase.selector);
    }

    function test_onlyTheCommitteeAttestsAndRejects() public {
        Runs.RunTerms memory t = terms();
        t.committee = 3;
        close(5, t);
        // Round 1: places 3, 4 and 0.
        refuseReject(1, 1, Rounds.NotAttester.selector);
        refuseBundle(1, 31, ROOT, 7, bundle(31, ROOT, 7), Rounds.BadAttesters.selector);
        finalise(31, ROOT, 24);
        assert(swarm.run(RUN).finals == 1);
    }

    function test_whoLeavesIsNotWaitedForAndComesBackWithItsWeight() public {
        open(3, terms());
        commit(0);
        commit(1);
        by(2);
        swarm.leaveRun(RUN);
        Runs.RunView memory v = swarm.run(RUN);
        assert(v.phase == Runs.Phase.Attest && v.enrolled == 3 && v.electorate == 3 && v.expected == 3);
        by(2);
        vm.expectRevert(Rounds.NotEnrolled.selector);
        swarm.leaveRun(RUN);
        refuseEnrolment(2, 6, Rounds.WeightFixed.selector);
        by(2);
        swarm.enrol(RUN, 5);
        finalise(3, ROOT, 3);
        assert(swarm.run(RUN).expected == 7);
    }

    function test_whoSignsTwoRootsIsStruckForGood() public {
        close(3, terms());
        Rounds.Equivocation memory proof = equivocation(2);
        by(0);
        swarm.reportEquivocation(RUN, proof);
        by(1);
        vm.expectRevert(Rounds.AlreadyStruck.selector);
        swarm.reportEquivocation(RUN, proof);
        refuseBundle(1, 7, ROOT, 5, bundle(7, ROOT, 5), Rounds.BadAttesters.selector);
        finalise(7, ROOT, 3);
        Runs.RunView memory v = swarm.run(RUN);
        assert(v.struck == 4 && v.electorate == 3 && v.expected == 3 && swarm.members()[2].active);
        refuseEnrolment(2, 5, Rounds.StruckFromRun.selector);
    }

    function test_strikeWhileCommitsAreOpenClosesThem() public {
        open(3, terms());
        commit(0);
        commit(1);
        Rounds.Equivocation memory proof = equivocation(2);
        by(0);
        swarm.reportEquivocation(RUN, proof);
        assert(swarm.run(RUN).phase == Runs.Phase.Attest);
    }

    function test_nobodyIsStruckWithoutProof() public {
        close(3, terms());
        Rounds.Equivocation memory good = equivocation(2);
        Rounds.Equivocation memory wrong = equivocation(2);
        wrong.rootB = "a";
        refuseReport(wrong, Rounds.NoEquivocation.selector);
        wrong = equivocation(2);
        wrong.signatureB = equivocation(1).signatureB;
        refuseReport(wrong, Members.BadSignature.selector);
        wrong = equivocation(2);
        wrong.signatureA = hex"00";
        refuseReport(wrong, Members.BadSignature.selector);
        refuseReport(equivocation(5), Members.UnknownMember.selector);
        by(3);
        vm.expectRevert(Members.NotMember.selector);
        swarm.reportEquivocation(RUN, good);
    }

    function testFuzz_outsiderChangesNothing(address sender, uint8 which, bytes32 a, uint256 b, bool c) public {
        close(3, terms());
        for (uint256 who = 0; who < 3; ++who) vm.assume(sender != account(who));
        bytes[] memory calls = new bytes[](14);
        bytes memory good = bundle(7, ROOT, 3);
        calls[0] = abi.encodeCall(swarm.proposeMember, (candidate(3), 1_000_500, request(3, 1_000_500)));
        calls[1] = abi.encodeCall(swarm.proposeRemoval, (b % 3));
        calls[2] = abi.encodeCall(swarm.proposeReplacement, (b % 3, candidate(3), 1_000_500, request(3, 1_000_500)));
        calls[3] = abi.encodeCall(swarm.proposeRun, (terms()));
        calls[4] = abi.encodeCall(swarm.vote, (1, c));
        calls[5] = abi.encodeCall(swarm.enrol, (RUN, 5));
        calls[6] = abi.encodeCall(swarm.leaveRun, (RUN));
        calls[7] = abi.encodeCall(swarm.commit, (RUN, 1, a));
        calls[8] = abi.encodeCall(swarm.reject, (RUN, 1));
        calls[9] = abi.encodeCall(swarm.finalise, (RUN, 1, 7, ROOT, 3, good));
        calls[10] = abi.encodeCall(swarm.poke, (RUN));
        calls[11] = abi.encodeCall(swarm.reportEquivocation, (RUN, equivocation(2)));
        calls[12] = abi.encodeCall(swarm.resign, ());
        calls[13] = abi.encodeCall(swarm.rotateKey, (a, a));
        bytes32 before = fingerprint();
        vm.prank(sender);
        (bool done, bytes memory said) = address(swarm).call(calls[which % 14]);
        assert(!done && bytes4(said) == Members.NotMember.selector && fingerprint() == before);
    }

    function testFuzz_finalNeedsAQuorumOfTheCommittee(uint8 contributors, uint8 signers, uint8 committee) public {
        Runs.RunTerms memory t = terms();
        t.committee = committee % 6 < 2 ? 0 : committee % 6;
        close(5, t);
        uint256 able = t.committee == 0 ? 31 : window(t.committee);
        uint256 size = t.committee == 0 ? 5 : t.committee;
        bytes memory signatures = bundle(contributors & 31, ROOT, signers & 31);
        by(0);
        (bool done,) = address(swarm).call(
            abi.encodeCall(swarm.finalise, (RUN, 1, contributors & 31, ROOT, signers & 31, signatures))
        );
        bool right = bits(contributors & 31) >= 2 && (signers & 31) & ~able == 0
            && bits(signers & 31) >= (size / 2 + 1 < 2 ? 2 : size / 2 + 1);
        assert(done == right);
    }

    /// @dev Of five committers in round 1: `size` places from `size % 5` on.
    function window(uint256 size) private pure returns (uint256 set) {
        for (uint256 place = 0; place < size; ++place) set |= 1 << ((size + place) % 5);
    }

    function bits(uint256 set) private pure returns (uint256 n) {
        for (; set != 0; set >>= 1) n += set & 1;
    }

    /// @return The reason that poke gives for voiding the round.
    function voided() private returns (uint256) {
        vm.recordLogs();
        by(0);
        swarm.poke(RUN);
        Log[] memory logs = vm.getRecordedLogs();
        assert(logs[0].topics[0] == Rounds.Void.selector);
        (uint256 reason,) = abi.decode(logs[0].data, (uint256, bytes32));
        return reason;
    }

    function refuseEnrolment(uint256 who, uint256 weight, bytes4 code) private {
        by(who);
        vm.expectRevert(code);
        swarm.enrol(RUN, weight);
    }

    function refuseCommit(uint256 who, uint256 round, bytes32 commitment, bytes4 code) private {
        by(who);
        vm.expectRevert(code);
        swarm.commit(RUN, round, commitment);
    }

    function refuseReject(uint256 who, uint256 round, bytes4 code) private {
        by(who);
        vm.expectRevert(code);
        swarm.reject(RUN, round);
    }

    function refuseReport(Rounds.Equivocation memory proof, bytes4 code) private {
        by(0);
        vm.expectRevert(code);
        swarm.reportEquivocation(RUN, proof);
    }

    function refuseBundle(uint256 round, uint256 merged, bytes32 root, uint256 who, bytes memory signed, bytes4 code)
        private
    {
        by(0);
        vm.expectRevert(code);
        swarm.finalise(RUN, round, merged, root, who, signed);
    }
}

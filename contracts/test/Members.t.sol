// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Members} from "../Members.sol";
import {Rounds} from "../Rounds.sol";
import {Runs} from "../Runs.sol";
import {Swarm} from "../Swarm.sol";
import {Votes} from "../Votes.sol";
import {People} from "./People.sol";
import {vm} from "./Vm.sol";

contract MembersTest is People {
    uint64 private constant LATER = 1_000_500;

    function setUp() public {
        found(3);
    }

    function test_contractIsFoundedSoundlyOrNotAtAll() public {
        Members.Candidate[] memory nobody = new Members.Candidate[](0);
        vm.expectRevert(Members.TooFewMembers.selector);
        new Swarm(nobody, address(0), 1);
        vm.expectRevert(Votes.BadVotingTime.selector);
        new Swarm(nobody, address(0), 0);
        vm.expectRevert(Votes.BadVotingTime.selector);
        new Swarm(nobody, address(0), 365 days + 1);
        assert(swarm.memberCount() == 3 && swarm.votingSeconds() == 1000 && swarm.predecessor() == address(0));
    }

    function test_applicantIsAdmittedByMajorityAndReadmittedUnderItsIndex() public {
        proposeMember(0, 3);
        assert(swarm.memberCount() == 3);
        vote(1, 1, true);
        assert(swarm.memberCount() == 4 && swarm.members()[3].account == account(3));
        by(3);
        swarm.resign();
        by(3);
        vm.expectRevert(Members.NotMember.selector);
        swarm.resign();
        proposeMember(0, 3);
        vote(1, 2, true);
        assert(swarm.memberCount() == 4 && swarm.members()[3].active);
    }

    function test_applicationsWithoutSenseAreRefused() public {
        Members.Candidate memory c = candidate(3);
        bytes memory signed = request(3, LATER);
        by(4);
        vm.expectRevert(Members.NotMember.selector);
        swarm.proposeMember(c, LATER, signed);
        by(0);
        vm.expectRevert(Members.BadSignature.selector);
        swarm.proposeMember(c, LATER + 1, signed);
        by(0);
        vm.expectRevert(Members.BadSignature.selector);
        swarm.proposeMember(c, LATER, hex"00");
        by(0);
        vm.expectRevert(Members.RequestExpired.selector);
        swarm.proposeMember(c, 1_000_000, signed);
        c.curveKey = bytes32(uint256(1));
        by(0);
        vm.expectRevert(Members.CurveKeyTaken.selector);
        swarm.proposeMember(c, LATER, signed);
        c.curveKey = 0;
        by(0);
        vm.expectRevert(Members.BadMember.selector);
        swarm.proposeMember(c, LATER, signed);
        c.account = address(0);
        by(0);
        vm.expectRevert(Members.BadMember.selector);
        swarm.proposeMember(c, LATER, signed);
        c = candidate(1);
        by(0);
        vm.expectRevert(Members.AlreadyMember.selector);
        swarm.proposeMember(c, LATER, signed);
    }

    function test_contractHolds256Members() public {
        found(256);
        Members.Candidate memory c = candidate(256);
        bytes memory signed = request(256, LATER);
        by(0);
        vm.expectRevert(Members.TooManyMembers.selector);
        swarm.proposeMember(c, LATER, signed);
    }

    function test_removalTakesEffectAtOnceButNotOnTheLast() public {
        by(0);
        swarm.proposeRemoval(2);
        vote(1, 1, true);
        assert(!swarm.members()[2].active);
        by(2);
        vm.expectRevert(Members.NotMember.selector);
        swarm.proposeRemoval(1);
        by(0);
        vm.expectRevert(Members.UnknownMember.selector);
        swarm.proposeRemoval(2);
        by(0);
        vm.expectRevert(Members.UnknownMember.selector);
        swarm.proposeRemoval(type(uint256).max);
        by(1);
        swarm.resign();
        by(0);
        vm.expectRevert(Members.TooFewMembers.selector);
        swarm.resign();
    }

    function test_twoRemovalsOfOneMemberExecuteOnce() public {
        by(0);
        swarm.proposeRemoval(2);
        by(0);
        swarm.proposeRemoval(2);
        vote(1, 1, true);
        by(1);
        vm.expectRevert(Members.UnknownMember.selector);
        swarm.vote(2, true);
    }

    function test_votesCountOnceInTimeAndOfTheElectorate() public {
        by(0);
        swarm.proposeRemoval(2);
        proposeMember(0, 3);
        by(0);
        vm.expectRevert(Votes.AlreadyVoted.selector);
        swarm.vote(1, false);
        vote(1, 2, true);
        by(3);
        vm.expectRevert(Votes.NotInElectorate.selector);
        swarm.vote(1, true);
        by(0);
        vm.expectRevert(Votes.UnknownProposal.selector);
        swarm.vote(0, true);
        by(0);
        vm.expectRevert(Votes.UnknownProposal.selector);
        swarm.vote(3, true);
        assert(swarm.proposal(2).status == Votes.Status.Executed && swarm.proposal(2).outcome == 3);
        vote(1, 1, false);
        vote(2, 1, false);
        assert(swarm.proposal(1).status == Votes.Status.Rejected);
        by(0);
        swarm.proposeRemoval(1);
        vm.warp(1_001_000);
        assert(swarm.proposal(3).status == Votes.Status.Expired);
        by(1);
        vm.expectRevert(Votes.ProposalClosed.selector);
        swarm.vote(3, true);
    }

    function test_voteOnARequestEndsWithIt() public {
        proposeMember(0, 3);
        assert(swarm.proposal(1).expiresAt == LATER);
        by(0);
        swarm.proposeRemoval(1);
        assert(swarm.proposal(2).expiresAt == 1_001_000);
    }

    function test_keyIsRotatedButNeverPassedOn() public {
        by(0);
        swarm.rotateKey("new", "there");
        assert(swarm.members()[0].curveKey == "new" && swarm.members()[0].endpointHash == "there");
        by(1);
        vm.expectRevert(Members.CurveKeyTaken.selector);
        swarm.rotateKey("new", "there");
        by(1);
        vm.expectRevert(Members.CurveKeyTaken.selector);
        swarm.rotateKey(bytes32(uint256(1)), "there");
        by(1);
        vm.expectRevert(Members.BadMember.selector);
        swarm.rotateKey(0, "there");
        by(3);
        vm.expectRevert(Members.NotMember.selector);
        swarm.rotateKey("other", "there");
    }

    function test_replacedMemberKeepsItsIndexAndTheOldAccountHasNoSay() public {
        Members.Candidate memory c = candidate(3);
        bytes memory signed = request(3, LATER);
        by(0);
        swarm.proposeReplacement(2, c, LATER, signed);
        by(0);
        swarm.proposeReplacement(1, c, LATER, signed);
        vote(1, 1, true);
        assert(swarm.memberCount() == 3 && swarm.members()[2].account == account(3));
        by(2);
        vm.expectRevert(Members.NotMember.selector);
        swarm.resign();
        by(1);
        vm.expectRevert(Members.AlreadyMember.selector);
        swarm.vote(2, true);
        by(3);
        swarm.resign();
        by(0);
        vm.expectRevert(Members.UnknownMember.selector);
        swarm.proposeReplacement(2, c, LATER, signed);
        c.account = address(0);
        by(0);
        vm.expectRevert(Members.BadMember.selector);
        swarm.proposeReplacement(1, c, LATER, signed);
    }

    function test_termsWithoutSenseAreRefused() public {
        for (uint256 fault = 0; fault < 12; ++fault) {
            Runs.RunTerms memory t = terms();
            if (fault == 0) t.configHash = 0;
            if (fault == 1) t.baseRoot = 0;
            if (fault == 2) t.rounds = 0;
            if (fault == 3) t.minPeers = 1;
            if (fault == 4) t.minPeers = 257;
            if (fault == 5) t.enrolSeconds = 0;
            if (fault == 6) t.commitSeconds = 0;
            if (fault == 7) t.attestSeconds = 0;
            if (fault == 8) t.maxWeight = 0;
            if (fault == 9) t.committee = 1;
            by(fault == 10 ? 5 : 0);
            if (fault < 10) vm.expectRevert(Runs.BadTerms.selector);
            if (fault == 10) vm.expectRevert(Members.NotMember.selector);
            swarm.proposeRun(t);
        }
        vm.expectRevert(Runs.UnknownRun.selector);
        swarm.run(1);
        assert(swarm.runCount() == 0 && swarm.proposalCount() == 1 && swarm.chainTime() == block.timestamp);
    }

    function proposeMember(uint256 who, uint256 applicant) private {
        Members.Candidate memory c = candidate(applicant);
        bytes memory signed = request(applicant, LATER);
        by(who);
        swarm.proposeMember(c, LATER, signed);
    }

    function vote(uint256 who, uint256 id, bool yes) private {
        by(who);
        swarm.vote(id, yes);
    }
}

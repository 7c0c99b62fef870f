// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bitmap} from "./Bitmap.sol";
import {Votes} from "./Votes.sol";

/// @title Runs: their terms, what is known of the current round of each, and in which phase it is.
/// @notice What is recorded is hashes, counts and bitmaps, never an update.
/// @dev `_phase` is a function of what is stored and of block.timestamp alone: nobody has to call anything for a
///      deadline to take effect. Validators may shift it by seconds, which changes nothing where deadlines are minutes;
///      no other clock is there that all members see alike. (slither: timestamp, excluded in check-contracts.sh.)
abstract contract Runs is Votes {
    using Bitmap for uint256;

    enum Phase {
        Enrol,
        Commit,
        Attest,
        Overdue,
        Finished
    }

    /// @param configHash Hash of the run configuration that every member must hold.
    /// @param baseRoot Root of the initial model.
    /// @param rounds Number of final rounds after which the run is finished.
    /// @param minPeers Fewest committers, contributors and attesters of a final round.
    /// @param attestSeconds Time for reveal, merge and attestation together.
    /// @param maxWeight Cap of a member's merge weight.
    /// @param committee How many committers of a round attest; 0 for all of them.
    struct RunTerms {
        bytes32 configHash;
        bytes32 baseRoot;
        uint32 rounds;
        uint16 minPeers;
        uint32 enrolSeconds;
        uint32 commitSeconds;
        uint32 attestSeconds;
        uint32 maxWeight;
        uint16 committee;
    }

    /// @dev The sets are those of the current round; slots are used again by the next one.
    struct Run {
        RunTerms terms;
        bytes32 baseRoot; // of the last final round
        uint32 round; // 0 is enrolment
        uint32 finals;
        uint40 openedAt;
        uint40 closedAt; // 0 while commits are open, and when they closed by the deadline
        uint64 openedBlock;
        uint256 enrolled;
        uint256 joining; // enrolled (again) since the round opened: expected from the next one on
        uint256 electorate; // may commit
        uint256 expected; // commits close when all of these have committed
        uint256 committed;
        uint256 rejected; // will not attest in this round: by their own word, or struck in it
        uint256 struck; // out of the run for good
        bytes32 commitsHash;
        mapping(uint256 member => uint256) weights;
    }

    struct RunView {
        RunTerms terms;
        Phase phase;
        uint256 round;
        uint256 finals;
        bytes32 baseRoot;
        uint256 enrolled;
        uint256 joining;
        uint256 electorate;
        uint256 expected;
        uint256 committed;
        uint256 rejected;
        uint256 struck;
        uint256[] weights; // by member index, 0 for who never enrolled
        bytes32 commitsHash;
        uint256 openedAt;
        uint256 openedBlock;
        uint256 closedAt; // 0 while commits are open
        uint256 chainTime;
    }

    mapping(uint256 id => Run) private _runs;
    uint256 private _runCount;

    event RunOpened(uint256 indexed run, uint256 indexed proposal, bytes32 configHash, bytes32 baseRoot);
    event RoundOpened(
        uint256 indexed run,
        uint256 indexed round,
        bytes32 baseRoot,
        uint256 electorate,
        uint256 expected,
        uint256 openedAt
    );

    error UnknownRun();
    error BadTerms();

    /// @notice Propose to open a run; counts as the proposer's yes.
    function proposeRun(RunTerms calldata terms) external returns (uint256 id) {
        uint256 proposer = _memberOf(msg.sender);
        if (
            terms.configHash == 0 || terms.baseRoot == 0 || terms.rounds == 0 || terms.minPeers < 2
                || terms.minPeers > MAX_MEMBERS || terms.enrolSeconds == 0 || terms.commitSeconds == 0
                || terms.attestSeconds == 0 || terms.maxWeight == 0
                || (terms.committee != 0 && terms.committee < terms.minPeers)
        ) revert BadTerms();
        return _propose(Kind.OpenRun, proposer, type(uint64).max, abi.encode(terms));
    }

    /// @return block.timestamp, so that a member reads the same time as the phases do.
    function chainTime() external view returns (uint256) {
        return block.timestamp;
    }

    /// @return Number of runs; ids run from 1 to it.
    function runCount() external view returns (uint256) {
        return _runCount;
    }

    /// @return v The run as it stands at block.timestamp.
    function run(uint256 id) external view returns (RunView memory v) {
        Run storage r = _run(id);
        v.terms = r.terms;
        v.phase = _phase(r);
        v.round = r.round;
        v.finals = r.finals;
        v.baseRoot = r.baseRoot;
        v.enrolled = r.enrolled;
        v.joining = r.joining;
        v.electorate = r.electorate;
        v.expected = r.expected;
        v.committed = r.committed;
        v.rejected = r.rejected;
        v.struck = r.struck;
        v.commitsHash = r.commitsHash;
        v.openedAt = r.openedAt;
        v.openedBlock = r.openedBlock;
        v.closedAt = r.round == 0 ? 0 : _commitsClosedAt(r);
        v.chainTime = block.timestamp;
        v.weights = new uint256[](memberCount());
        for (uint256 i = 0; i < v.weights.length; ++i) {
            v.weights[i] = r.weights[i];
        }
    }

    /// @inheritdoc Votes
    function _openRun(uint256 proposalId, bytes memory subject) internal override returns (uint256 id) {
        RunTerms memory terms = abi.decode(subject, (RunTerms));
        id = ++_runCount;
        Run storage r = _runs[id];
        r.terms = terms;
        r.baseRoot = terms.baseRoot;
        r.openedAt = uint40(block.timestamp);
        r.openedBlock = uint64(block.number);
        emit RunOpened(id, proposalId, terms.configHash, terms.baseRoot);
    }

    /// @param heard Members that the last round heard of to its end: contributors of a final, committers of a void one.
    ///        A member that died after its commit is not waited for again.
    function _openRound(uint256 id, Run storage r, uint256 heard) internal {
        uint256 electorate = r.enrolled & _activeMembers();
        uint256 expected = (heard | r.joining) & electorate;
        uint32 round = r.round + 1;
        r.electorate = electorate;
        r.expected = expected;
        r.committed = 0;
        r.joining = 0;
        r.rejected = 0;
        r.round = round;
        r.openedAt = uint40(block.timestamp);
        r.closedAt = 0;
        r.openedBlock = uint64(block.number);
        emit RoundOpened(id, round, r.baseRoot, electorate, expected, block.timestamp);
    }

    /// @dev Asks the run itself whether it is there: that slot is read anyway, the counter's would cost 2,100 gas more.
    function _run(uint256 id) internal view returns (Run storage r) {
        r = _runs[id];
        if (r.openedAt == 0) revert UnknownRun();
    }

    function _phase(Run storage r) internal view returns (Phase) {
        if (r.finals == r.terms.rounds) return Phase.Finished;
        if (r.round == 0) return Phase.Enrol;
        uint256 closedAt = _commitsClosedAt(r);
        if (closedAt == 0) return Phase.Commit;
        if (block.timestamp >= closedAt + r.terms.attestSeconds) return Phase.Overdue;
        (uint256 able, uint256 quorum) = _attesters(r);
        return able.count() < quorum ? Phase.Overdue : Phase.Attest;
    }

    /// @return able Members whose signatures count in this round.
    /// @return quorum How many of them make it final: more than half of the committee, and never below minPeers.
    function _attesters(Run storage r) internal view returns (uint256 able, uint256 quorum) {
        uint256 committee = r.committed.committee(r.round, r.terms.committee);
        able = committee & _activeMembers() & ~r.rejected;
        quorum = committee.count() / 2 + 1;
        if (quorum < r.terms.minPeers) quorum = r.terms.minPeers;
    }

    /// @dev All active members are there, or enough of them and the time is over.
    function _enrolmentComplete(Run storage r) internal view returns (bool) {
        uint256 active = _activeMembers();
        if ((r.enrolled & active).count() < r.terms.minPeers) return false;
        return active.within(r.enrolled | r.struck) || block.timestamp >= uint256(r.openedAt) + r.terms.enrolSeconds;
    }

    /// @dev 0 while commits are open.
    function _commitsClosedAt(Run storage r) private view returns (uint256) {
        if (r.closedAt != 0) return r.closedAt;
        uint256 deadline = uint256(r.openedAt) + r.terms.commitSeconds;
        return block.timestamp >= deadline ? deadline : 0;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bitmap} from "./Bitmap.sol";
import {Registry} from "./Registry.sol";

/// @title Runs and their rounds: enrol, commit, attest, final or void.
/// @notice A round takes commitments to updates until everybody expected has committed or the deadline has passed,
///         then a quorum of its committers attests to one merged model. If none does in time the round is void and
///         the base stays. What is recorded is hashes, counts and bitmaps, never an update.
/// @dev Invariants:
///      - a round is final only with max(minPeers, floor(committers / 2) + 1) valid signatures of distinct active
///        committers over the same base, contributors and merged root;
///      - a round has one final root at most, since the round number moves on in the transaction that makes it final;
///      - only an active member changes anything;
///      - in every round after enrolment, `finalise` can succeed or, once a deadline has passed, `poke` does: nobody
///        waits longer than commitSeconds + attestSeconds for a member that is silent;
///      - a member's weight never changes within a run.
///      Commits are kept in events; `commitsHash` chains them, so that nobody can show an auditor fewer or others.
abstract contract Rounds is Registry {
    using Bitmap for uint256;

    enum Phase {
        Enrol,
        Commit,
        Attest,
        Overdue,
        Finished
    }

    enum Reason {
        TooFewCommits,
        NoQuorum
    }

    /// @param configHash Hash of the run configuration that every member must hold.
    /// @param baseRoot Root of the initial model.
    /// @param rounds Number of final rounds after which the run is finished.
    /// @param minPeers Fewest committers, contributors and attesters of a final round.
    /// @param attestSeconds Time for reveal, merge and attestation together.
    /// @param maxWeight Cap of a member's merge weight.
    struct RunTerms {
        bytes32 configHash;
        bytes32 baseRoot;
        uint32 rounds;
        uint16 minPeers;
        uint32 enrolSeconds;
        uint32 commitSeconds;
        uint32 attestSeconds;
        uint32 maxWeight;
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
        uint256[] weights; // by member index, 0 for who never enrolled
        bytes32 commitsHash;
        uint256 openedAt;
        uint256 openedBlock;
        uint256 closedAt; // 0 while commits are open
        uint256 chainTime;
    }

    uint256 private constant SIGNATURE_BYTES = 65;
    bytes32 private constant ATTEST_TYPE =
        keccak256("Attest(uint256 run,uint256 round,bytes32 baseRoot,uint256 contributors,bytes32 mergedRoot)");

    mapping(uint256 id => Run) private _runs;
    uint256 private _runCount;

    event RunOpened(uint256 indexed run, uint256 indexed proposal, bytes32 configHash, bytes32 baseRoot);
    event Enrolled(uint256 indexed run, uint256 indexed member, uint256 weight, uint256 round);
    event RoundOpened(
        uint256 indexed run,
        uint256 indexed round,
        bytes32 baseRoot,
        uint256 electorate,
        uint256 expected,
        uint256 openedAt
    );
    event Committed(
        uint256 indexed run, uint256 indexed round, uint256 indexed member, bytes32 commitment, bytes32 commitsHash
    );
    event CommitsClosed(uint256 indexed run, uint256 indexed round, uint256 closedAt);
    event Final(
        uint256 indexed run,
        uint256 indexed round,
        bytes32 mergedRoot,
        uint256 contributors,
        uint256 attesters,
        bytes32 commitsHash
    );
    event Void(uint256 indexed run, uint256 indexed round, Reason reason, bytes32 commitsHash);
    event RunFinished(uint256 indexed run, bytes32 finalRoot);

    error UnknownRun();
    error BadTerms();
    error BadWeight();
    error WeightFixed();
    error AlreadyEnrolled();
    error WrongRound();
    error WrongPhase();
    error AlreadyCommitted();
    error BadCommitment();
    error BadRoot();
    error BadContributors();
    error BadAttesters();
    error NoQuorum();
    error NothingToPoke();

    /// @notice Propose to open a run; counts as the proposer's yes.
    function proposeRun(RunTerms calldata terms) external returns (uint256 id) {
        uint256 proposer = _memberOf(msg.sender);
        if (
            terms.configHash == 0 || terms.baseRoot == 0 || terms.rounds == 0 || terms.minPeers < 2
                || terms.minPeers > MAX_MEMBERS || terms.enrolSeconds == 0 || terms.commitSeconds == 0
                || terms.attestSeconds == 0 || terms.maxWeight == 0
        ) revert BadTerms();
        return _propose(Kind.OpenRun, proposer, block.timestamp + votingSeconds, abi.encode(terms));
    }

    /// @notice Take part in a run from the next round on. A member that missed a round enrols again to be expected
    ///         again; its weight is that of its first enrolment.
    /// @dev The enrolment that completes round 0 opens round 1.
    function enrol(uint256 run_, uint256 weight) external {
        uint256 member = _memberOf(msg.sender);
        Run storage r = _run(run_);
        if (_phase(r) == Phase.Finished) revert WrongPhase();
        if (weight == 0 || weight > r.terms.maxWeight) revert BadWeight();
        uint256 fixedWeight = r.weights[member];
        if (fixedWeight != 0 && fixedWeight != weight) revert WeightFixed();
        if (Bitmap.only(member) & (r.joining | r.committed) != 0) revert AlreadyEnrolled();
        if (fixedWeight == 0) r.weights[member] = weight;
        r.enrolled |= Bitmap.only(member);
        r.joining |= Bitmap.only(member);
        emit Enrolled(run_, member, weight, r.round);
        if (r.round == 0 && _enrolmentComplete(r)) _openRound(run_, r, 0);
    }

    /// @notice Commit to an update: keccak256(abi.encode(member account, this contract, run, round, base root,
    ///         update root, uint32 flags, bytes32 salt)).
    /// @dev The commit that completes `expected` closes the phase, so that nobody waits for a deadline in vain.
    function commit(uint256 run_, uint256 round, bytes32 commitment) external {
        uint256 member = _memberOf(msg.sender);
        Run storage r = _run(run_);
        if (round != r.round) revert WrongRound();
        uint256 committed = r.committed;
        if (Bitmap.only(member) & committed != 0) revert AlreadyCommitted();
        if (_phase(r) != Phase.Commit) revert WrongPhase();
        if (Bitmap.only(member) & r.electorate == 0) revert NotInElectorate();
        if (commitment == 0) revert BadCommitment();
        committed |= Bitmap.only(member);
        r.committed = committed;
        bytes32 commitsHash = keccak256(abi.encode(r.commitsHash, round, member, commitment));
        r.commitsHash = commitsHash;
        emit Committed(run_, round, member, commitment, commitsHash);
        if (r.expected.within(committed) && committed.count() >= r.terms.minPeers) {
            r.closedAt = uint40(block.timestamp);
            emit CommitsClosed(run_, round, block.timestamp);
        }
    }

    /// @notice Make the round final. Whoever submits has no power over the result: the attesters signed all of it.
    /// @param contributors Committers whose updates were merged.
    /// @param attesters Committers whose signatures follow.
    /// @param signatures One of 65 bytes (r, s, v) for each attester, in index order, over
    ///        Attest(run, round, base root, contributors, merged root).
    function finalise(
        uint256 run_,
        uint256 round,
        uint256 contributors,
        bytes32 mergedRoot,
        uint256 attesters,
        bytes calldata signatures
    ) external {
        _memberOf(msg.sender);
        Run storage r = _run(run_);
        if (round != r.round) revert WrongRound();
        if (_phase(r) != Phase.Attest) revert WrongPhase();
        if (mergedRoot == 0) revert BadRoot();
        uint256 committed = r.committed;
        uint256 minPeers = r.terms.minPeers;
        if (!contributors.within(committed) || contributors.count() < minPeers) revert BadContributors();
        uint256 count = attesters.count();
        if (!attesters.within(committed & _activeMembers()) || signatures.length != count * SIGNATURE_BYTES) {
            revert BadAttesters();
        }
        uint256 majority = committed.count() / 2 + 1;
        if (count < majority || count < minPeers) revert NoQuorum();
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(ATTEST_TYPE, run_, round, r.baseRoot, contributors, mergedRoot))
        );
        _checkSignatures(digest, attesters, signatures);

        emit Final(run_, round, mergedRoot, contributors, attesters, r.commitsHash);
        r.baseRoot = mergedRoot;
        uint32 finals = r.finals + 1;
        r.finals = finals;
        if (finals == r.terms.rounds) emit RunFinished(run_, mergedRoot);
        else _openRound(run_, r, contributors);
    }

    /// @notice Move a run on whose deadline has passed: open round 1, or void the round and open the next.
    function poke(uint256 run_) external {
        _memberOf(msg.sender);
        Run storage r = _run(run_);
        Phase phase = _phase(r);
        if (phase == Phase.Overdue) {
            bool enough = r.committed.count() >= r.terms.minPeers;
            emit Void(run_, r.round, enough ? Reason.NoQuorum : Reason.TooFewCommits, r.commitsHash);
        } else if (phase != Phase.Enrol || !_enrolmentComplete(r)) {
            revert NothingToPoke();
        }
        _openRound(run_, r, r.committed);
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

    /// @inheritdoc Registry
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
    function _openRound(uint256 id, Run storage r, uint256 heard) private {
        uint256 electorate = r.enrolled & _activeMembers();
        uint256 expected = (heard | r.joining) & electorate;
        uint32 round = r.round + 1;
        r.electorate = electorate;
        r.expected = expected;
        r.committed = 0;
        r.joining = 0;
        r.round = round;
        r.openedAt = uint40(block.timestamp);
        r.closedAt = 0;
        r.openedBlock = uint64(block.number);
        emit RoundOpened(id, round, r.baseRoot, electorate, expected, block.timestamp);
    }

    function _checkSignatures(bytes32 digest, uint256 attesters, bytes calldata signatures) private view {
        uint256 next = 0;
        for (uint256 member = 0; attesters != 0; ++member) {
            if (attesters & 1 == 1) {
                bytes calldata signature = signatures[next:next + SIGNATURE_BYTES];
                if (!_isSignedBy(digest, signature, _accountOf(member))) revert BadSignature();
                next += SIGNATURE_BYTES;
            }
            attesters >>= 1;
        }
    }

    /// @dev Asks the run itself whether it is there: that slot is read anyway, the counter's would cost 2,100 gas more.
    function _run(uint256 id) private view returns (Run storage r) {
        r = _runs[id];
        if (r.openedAt == 0) revert UnknownRun();
    }

    function _phase(Run storage r) private view returns (Phase) {
        if (r.finals == r.terms.rounds) return Phase.Finished;
        if (r.round == 0) return Phase.Enrol;
        uint256 closedAt = _commitsClosedAt(r);
        if (closedAt == 0) return Phase.Commit;
        if (block.timestamp >= closedAt + r.terms.attestSeconds) return Phase.Overdue;
        return r.committed.count() < r.terms.minPeers ? Phase.Overdue : Phase.Attest;
    }

    /// @dev 0 while commits are open.
    function _commitsClosedAt(Run storage r) private view returns (uint256) {
        if (r.closedAt != 0) return r.closedAt;
        uint256 deadline = uint256(r.openedAt) + r.terms.commitSeconds;
        return block.timestamp >= deadline ? deadline : 0;
    }

    /// @dev All active members are there, or enough of them and the time is over.
    function _enrolmentComplete(Run storage r) private view returns (bool) {
        uint256 active = _activeMembers();
        if ((r.enrolled & active).count() < r.terms.minPeers) return false;
        return active.within(r.enrolled) || block.timestamp >= uint256(r.openedAt) + r.terms.enrolSeconds;
    }
}

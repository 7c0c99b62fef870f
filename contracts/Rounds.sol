// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bitmap} from "./Bitmap.sol";
import {Runs} from "./Runs.sol";

/// @title Rounds of a run: enrol, commit, attest, final or void.
/// @notice A round takes commitments to updates until everybody expected has committed or the deadline has passed,
///         then a quorum of its committee attests to one merged model. If none does in time, or none is left that
///         could, the round is void and the base stays.
/// @dev Invariants:
///      - a round is final only with max(minPeers, floor(committee / 2) + 1) valid signatures of distinct active
///        members of its committee over the same base, commits, contributors and merged root;
///      - a round has one final root at most, since the round number moves on in the transaction that makes it final;
///      - only an active member changes anything;
///      - in every round after enrolment, `finalise` can succeed or, once a deadline has passed, `poke` does: nobody
///        waits longer than commitSeconds + attestSeconds for a member that is silent;
///      - a member's weight never changes within a run;
///      - a member that was struck from a run is in no later electorate and attests to nothing in it.
///      Commits are kept in events; `commitsHash` chains them, so that nobody can show an auditor fewer or others.
abstract contract Rounds is Runs {
    using Bitmap for uint256;

    enum Reason {
        TooFewCommits,
        NoQuorum,
        Rejected
    }

    /// @notice Two signatures of one member over two roots for the same merge.
    /// @dev The merge is a function of round, base, commits and contributors, so that at least one of both is a lie.
    struct Equivocation {
        uint256 round;
        bytes32 baseRoot;
        bytes32 commitsHash;
        uint256 contributors;
        bytes32 rootA;
        bytes signatureA;
        bytes32 rootB;
        bytes signatureB;
    }

    uint256 private constant SIGNATURE_BYTES = 65;
    bytes32 private constant ATTEST_TYPE = keccak256(
        "Attest(uint256 run,uint256 round,bytes32 baseRoot,bytes32 commitsHash,uint256 contributors,bytes32 mergedRoot)"
    );

    event Enrolled(uint256 indexed run, uint256 indexed member, uint256 weight, uint256 round);
    event Left(uint256 indexed run, uint256 indexed member, uint256 round);
    event Struck(uint256 indexed run, uint256 indexed member, uint256 round, bytes32 rootA, bytes32 rootB);
    event Committed(
        uint256 indexed run, uint256 indexed round, uint256 indexed member, bytes32 commitment, bytes32 commitsHash
    );
    event CommitsClosed(uint256 indexed run, uint256 indexed round, uint256 closedAt);
    event Rejected(uint256 indexed run, uint256 indexed round, uint256 indexed member);
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

    error BadWeight();
    error WeightFixed();
    error AlreadyEnrolled();
    error NotEnrolled();
    error StruckFromRun();
    error AlreadyStruck();
    error NoEquivocation();
    error WrongRound();
    error WrongPhase();
    error AlreadyCommitted();
    error BadCommitment();
    error AlreadyRejected();
    error NotAttester();
    error BadRoot();
    error BadContributors();
    error BadAttesters();
    error NoQuorum();
    error NothingToPoke();

    /// @notice Take part in a run from the next round on. A member that missed a round enrols again to be expected
    ///         again; its weight is that of its first enrolment.
    /// @dev The enrolment that completes round 0 opens round 1.
    function enrol(uint256 run_, uint256 weight) external {
        uint256 member = _memberOf(msg.sender);
        Run storage r = _run(run_);
        if (_phase(r) == Phase.Finished) revert WrongPhase();
        if (Bitmap.only(member) & r.struck != 0) revert StruckFromRun();
        if (weight == 0 || weight > r.terms.maxWeight) revert BadWeight();
        uint256 fixedWeight = r.weights[member];
        if (fixedWeight != 0 && fixedWeight != weight) revert WeightFixed();
        if (Bitmap.only(member) & r.enrolled & (r.joining | r.committed) != 0) revert AlreadyEnrolled();
        if (fixedWeight == 0) r.weights[member] = weight;
        r.enrolled |= Bitmap.only(member);
        r.joining |= Bitmap.only(member);
        emit Enrolled(run_, member, weight, r.round);
        if (r.round == 0 && _enrolmentComplete(r)) _openRound(run_, r, 0);
    }

    /// @notice Take no part in a run any more, from now on. A commit already made stays; to come back, enrol again.
    function leaveRun(uint256 run_) external {
        uint256 member = _memberOf(msg.sender);
        Run storage r = _run(run_);
        if (_phase(r) == Phase.Finished) revert WrongPhase();
        if (Bitmap.only(member) & r.enrolled == 0) revert NotEnrolled();
        emit Left(run_, member, r.round);
        _drop(run_, r, member);
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
        r.committed = committed | Bitmap.only(member);
        bytes32 commitsHash = keccak256(abi.encode(r.commitsHash, round, member, commitment));
        r.commitsHash = commitsHash;
        emit Committed(run_, round, member, commitment, commitsHash);
        _closeIfComplete(run_, r);
    }

    /// @notice Say that one will not attest in this round, so that nobody waits for it; not to be taken back. When so
    ///         many do that no quorum is left, the round is overdue at once.
    function reject(uint256 run_, uint256 round) external {
        uint256 member = _memberOf(msg.sender);
        Run storage r = _run(run_);
        if (round != r.round) revert WrongRound();
        if (Bitmap.only(member) & r.rejected != 0) revert AlreadyRejected();
        if (_phase(r) != Phase.Attest) revert WrongPhase();
        (uint256 able,) = _attesters(r);
        if (Bitmap.only(member) & able == 0) revert NotAttester();
        r.rejected |= Bitmap.only(member);
        emit Rejected(run_, round, member);
    }

    /// @notice Make the round final. Whoever submits has no power over the result: the attesters signed all of it.
    /// @param contributors Committers whose updates were merged.
    /// @param attesters Members of the committee whose signatures follow.
    /// @param signatures One of 65 bytes (r, s, v) for each attester, in index order, over
    ///        Attest(run, round, base root, commits hash, contributors, merged root).
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
        if (!contributors.within(r.committed) || contributors.count() < r.terms.minPeers) revert BadContributors();
        _checkAttesters(r, attesters, signatures.length);
        _checkSignatures(
            _attestation(run_, round, r.baseRoot, r.commitsHash, contributors, mergedRoot), attesters, signatures
        );

        emit Final(run_, round, mergedRoot, contributors, attesters, r.commitsHash);
        r.baseRoot = mergedRoot;
        uint32 finals = r.finals + 1;
        r.finals = finals;
        if (finals == r.terms.rounds) emit RunFinished(run_, mergedRoot);
        else _openRound(run_, r, contributors);
    }

    /// @notice Move on a run that is due: open round 1, or void an overdue round and open the next.
    function poke(uint256 run_) external {
        _memberOf(msg.sender);
        Run storage r = _run(run_);
        Phase phase = _phase(r);
        if (phase == Phase.Overdue) {
            emit Void(run_, r.round, _reason(r), r.commitsHash);
        } else if (phase != Phase.Enrol || !_enrolmentComplete(r)) {
            revert NothingToPoke();
        }
        _openRound(run_, r, r.committed);
    }

    /// @notice Strike the member that signed both roots from the run: it is in no later electorate and its signature
    ///         counts for nothing any more. Whether it stays a member is for a vote.
    function reportEquivocation(uint256 run_, Equivocation calldata proof) external {
        _memberOf(msg.sender);
        Run storage r = _run(run_);
        if (proof.rootA == proof.rootB) revert NoEquivocation();
        address signer = _attester(run_, proof, proof.rootA, proof.signatureA);
        if (signer == address(0) || signer != _attester(run_, proof, proof.rootB, proof.signatureB)) {
            revert BadSignature();
        }
        uint256 member = _activeIndexOf(signer);
        if (Bitmap.only(member) & r.struck != 0) revert AlreadyStruck();
        r.struck |= Bitmap.only(member);
        r.rejected |= Bitmap.only(member);
        emit Struck(run_, member, proof.round, proof.rootA, proof.rootB);
        _drop(run_, r, member);
    }

    /// @dev Takes a member out of everything to come; commits that it alone kept open close.
    function _drop(uint256 id, Run storage r, uint256 member) private {
        uint256 others = ~Bitmap.only(member);
        r.enrolled &= others;
        r.joining &= others;
        r.electorate &= others;
        r.expected &= others;
        if (_phase(r) == Phase.Commit) _closeIfComplete(id, r);
    }

    function _closeIfComplete(uint256 id, Run storage r) private {
        uint256 committed = r.committed;
        if (!r.expected.within(committed) || committed.count() < r.terms.minPeers) return;
        r.closedAt = uint40(block.timestamp);
        emit CommitsClosed(id, r.round, block.timestamp);
    }

    function _reason(Run storage r) private view returns (Reason) {
        if (r.committed.count() < r.terms.minPeers) return Reason.TooFewCommits;
        (uint256 able, uint256 quorum) = _attesters(r);
        return able.count() < quorum ? Reason.Rejected : Reason.NoQuorum;
    }

    function _checkAttesters(Run storage r, uint256 attesters, uint256 signatureBytes) private view {
        (uint256 able, uint256 quorum) = _attesters(r);
        uint256 count = attesters.count();
        if (!attesters.within(able) || signatureBytes != count * SIGNATURE_BYTES) revert BadAttesters();
        if (count < quorum) revert NoQuorum();
    }

    function _checkSignatures(bytes32 digest, uint256 attesters, bytes calldata signatures) private view {
        uint256 next = 0;
        for (uint256 member = 0; attesters != 0; ++member) {
            if (attesters & 1 == 1) {
                bytes calldata signature = signatures[next:next + SIGNATURE_BYTES];
                if (_signerOf(digest, signature) != _accountOf(member)) revert BadSignature();
                next += SIGNATURE_BYTES;
            }
            attesters >>= 1;
        }
    }

    function _attester(uint256 id, Equivocation calldata proof, bytes32 root, bytes calldata signature)
        private
        view
        returns (address)
    {
        bytes32 digest =
            _attestation(id, proof.round, proof.baseRoot, proof.commitsHash, proof.contributors, root);
        return _signerOf(digest, signature);
    }

    /// @return What an attester signs: "merging these contributors' updates onto this base gives this root".
    /// @dev commitsHash says which updates: other commits (after a reorganisation of the chain), another statement.
    function _attestation(
        uint256 id,
        uint256 round,
        bytes32 baseRoot,
        bytes32 commitsHash,
        uint256 contributors,
        bytes32 mergedRoot
    ) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(ATTEST_TYPE, id, round, baseRoot, commitsHash, contributors, mergedRoot))
        );
    }
}

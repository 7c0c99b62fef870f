// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bitmap} from "./Bitmap.sol";
import {Members} from "./Members.sol";

/// @title What members decide together: who belongs to them, and which runs are opened.
/// @notice There is no owner: everything is decided by majority vote.
/// @dev Invariant: a proposal is executed at most once, in the vote that makes its yes votes exceed half of the
///      electorate that was fixed when it was made; votes of members removed since do not count, the half stays.
abstract contract Votes is Members {
    using Bitmap for uint256;

    enum Kind {
        AddMember,
        RemoveMember,
        OpenRun,
        ReplaceMember
    }

    enum Status {
        Open,
        Executed,
        Rejected,
        Expired
    }

    struct Proposal {
        Kind kind;
        uint16 proposer;
        uint64 expiresAt;
        bool executed;
        uint32 outcome;
        uint256 electorate;
        uint256 yes;
        uint256 no;
        bytes subject;
    }

    struct ProposalView {
        Kind kind;
        uint256 proposer;
        uint256 electorate;
        uint256 yes;
        uint256 no;
        uint256 expiresAt;
        Status status;
        uint256 outcome;
        bytes subject;
    }

    uint256 public constant MAX_VOTING_SECONDS = 365 days;

    /// @notice The contract that this one succeeds, or zero.
    address public immutable predecessor;
    /// @notice How long a proposal is open.
    uint256 public immutable votingSeconds;

    Proposal[] private _proposals;

    event Deployed(address indexed predecessor, uint256 votingSeconds);
    /// @param subject abi.encode of a Candidate, a member index, RunTerms, or a member index and a Candidate, by kind.
    event Proposed(
        uint256 indexed proposal, Kind kind, uint256 proposer, uint256 electorate, uint256 expiresAt, bytes subject
    );
    event Voted(uint256 indexed proposal, uint256 indexed member, bool yes);
    event Executed(uint256 indexed proposal, uint256 outcome);

    error BadVotingTime();
    error UnknownProposal();
    error ProposalClosed();
    error AlreadyVoted();
    error NotInElectorate();

    constructor(Candidate[] memory founders, address predecessor_, uint256 votingSeconds_) {
        if (votingSeconds_ == 0 || votingSeconds_ > MAX_VOTING_SECONDS) revert BadVotingTime();
        if (founders.length == 0) revert TooFewMembers();
        predecessor = predecessor_;
        votingSeconds = votingSeconds_;
        emit Deployed(predecessor_, votingSeconds_);
        for (uint256 i = 0; i < founders.length; ++i) {
            _addMember(founders[i]);
        }
    }

    /// @notice Propose to admit an applicant; counts as the proposer's yes.
    /// @param signature The applicant's EIP-712 signature over JoinRequest: nobody is admitted without asking.
    /// @dev The vote lasts no longer than the request, so that execution needs no second look at the expiry.
    function proposeMember(Candidate calldata candidate, uint64 expiry, bytes calldata signature)
        external
        returns (uint256 id)
    {
        uint256 proposer = _memberOf(msg.sender);
        _checkCandidate(candidate);
        _checkRequest(candidate, expiry, signature);
        return _propose(Kind.AddMember, proposer, expiry, abi.encode(candidate));
    }

    /// @notice Propose to remove a member; counts as the proposer's yes.
    function proposeRemoval(uint256 member) external returns (uint256 id) {
        uint256 proposer = _memberOf(msg.sender);
        if (!_isActive(member)) revert UnknownMember();
        return _propose(Kind.RemoveMember, proposer, type(uint64).max, abi.encode(member));
    }

    /// @notice Propose that a member, whose keys are lost or stolen, gets another account and CURVE key and keeps its
    ///         index and its runs; counts as the proposer's yes.
    /// @param signature The new account's EIP-712 signature over JoinRequest.
    function proposeReplacement(uint256 member, Candidate calldata candidate, uint64 expiry, bytes calldata signature)
        external
        returns (uint256 id)
    {
        uint256 proposer = _memberOf(msg.sender);
        _checkReplacement(member, candidate);
        _checkRequest(candidate, expiry, signature);
        return _propose(Kind.ReplaceMember, proposer, expiry, abi.encode(member, candidate));
    }

    /// @notice Vote; the vote that makes the majority executes the proposal in the same transaction.
    function vote(uint256 id, bool yes) external {
        uint256 voter = _memberOf(msg.sender);
        Proposal storage p = _proposal(id);
        if (Bitmap.only(voter) & (p.yes | p.no) != 0) revert AlreadyVoted();
        if (_status(p) != Status.Open) revert ProposalClosed();
        if (Bitmap.only(voter) & p.electorate == 0) revert NotInElectorate();
        _cast(id, p, voter, yes);
    }

    /// @return Number of proposals; ids run from 1 to it.
    function proposalCount() external view returns (uint256) {
        return _proposals.length;
    }

    /// @return v The proposal as it stands at block.timestamp.
    function proposal(uint256 id) external view returns (ProposalView memory v) {
        Proposal storage p = _proposal(id);
        v.kind = p.kind;
        v.proposer = p.proposer;
        v.electorate = p.electorate;
        v.yes = p.yes;
        v.no = p.no;
        v.expiresAt = p.expiresAt;
        v.status = _status(p);
        v.outcome = p.outcome;
        v.subject = p.subject;
    }

    /// @dev Opens the run that the members voted for; returns its id.
    function _openRun(uint256 proposalId, bytes memory terms) internal virtual returns (uint256 run);

    /// @param latest The vote ends after votingSeconds, but no later than this.
    function _propose(Kind kind, uint256 proposer, uint64 latest, bytes memory subject) internal returns (uint256 id) {
        uint256 electorate = _activeMembers();
        uint256 expiresAt = block.timestamp + votingSeconds;
        if (expiresAt > latest) expiresAt = latest;
        Proposal storage p = _proposals.push();
        id = _proposals.length;
        p.kind = kind;
        p.proposer = uint16(proposer);
        p.expiresAt = uint64(expiresAt);
        p.electorate = electorate;
        p.subject = subject;
        emit Proposed(id, kind, proposer, electorate, expiresAt, subject);
        _cast(id, p, proposer, true);
    }

    function _cast(uint256 id, Proposal storage p, uint256 voter, bool yes) private {
        emit Voted(id, voter, yes);
        if (!yes) {
            p.no |= Bitmap.only(voter);
            return;
        }
        uint256 inFavour = p.yes | Bitmap.only(voter);
        p.yes = inFavour;
        if (2 * (inFavour & _activeMembers()).count() <= p.electorate.count()) return;
        p.executed = true;
        uint256 outcome = _execute(id, p.kind, p.subject);
        p.outcome = uint32(outcome);
        emit Executed(id, outcome);
    }

    function _execute(uint256 id, Kind kind, bytes memory subject) private returns (uint256 outcome) {
        if (kind == Kind.AddMember) return _addMember(abi.decode(subject, (Candidate)));
        if (kind == Kind.RemoveMember) return _removeMember(abi.decode(subject, (uint256)));
        if (kind == Kind.OpenRun) return _openRun(id, subject);
        (uint256 member, Candidate memory candidate) = abi.decode(subject, (uint256, Candidate));
        return _replaceMember(member, candidate);
    }

    function _proposal(uint256 id) private view returns (Proposal storage) {
        if (id == 0 || id > _proposals.length) revert UnknownProposal();
        return _proposals[id - 1];
    }

    function _status(Proposal storage p) private view returns (Status) {
        if (p.executed) return Status.Executed;
        if (2 * (p.no & _activeMembers()).count() >= p.electorate.count()) return Status.Rejected;
        return block.timestamp >= p.expiresAt ? Status.Expired : Status.Open;
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Bitmap} from "./Bitmap.sol";

/// @title Members of a swarm and their votes.
/// @notice There is no owner: members admit and remove each other, and open runs, by majority vote.
/// @dev Invariants:
///      - an index belongs to one account for ever; an account that is admitted again gets its old index back;
///      - a CURVE key belongs to one account for ever;
///      - at least one member is active;
///      - a proposal is executed at most once, in the vote that makes its yes votes exceed half of the electorate
///        that was fixed when it was made; votes of members removed since do not count, the half stays the same.
abstract contract Registry is EIP712 {
    using Bitmap for uint256;

    enum Kind {
        AddMember,
        RemoveMember,
        OpenRun
    }

    enum Status {
        Open,
        Executed,
        Rejected,
        Expired
    }

    /// @param account Ethereum address that sends transactions and signs attestations.
    /// @param curveKey Public CURVE key of the member's peer-to-peer links.
    /// @param endpointHash keccak256 of the endpoint; the endpoint itself is exchanged off chain.
    struct Candidate {
        address account;
        bytes32 curveKey;
        bytes32 endpointHash;
    }

    struct Member {
        address account;
        bool active;
        bytes32 curveKey;
        bytes32 endpointHash;
    }

    /// @dev What a call needs to know of its sender, in one slot. `active` repeats the bit in `_active`.
    struct Seat {
        uint16 number; // index + 1, so that 0 means "never a member"
        bool active;
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

    uint256 public constant MAX_MEMBERS = 256;
    uint256 public constant MAX_VOTING_SECONDS = 365 days;
    bytes32 private constant JOIN_TYPE =
        keccak256("JoinRequest(address account,bytes32 curveKey,bytes32 endpointHash,uint64 expiry)");

    /// @notice The contract that this one succeeds, or zero.
    address public immutable predecessor;
    /// @notice How long a proposal is open.
    uint256 public immutable votingSeconds;

    Member[] private _members;
    uint256 private _active;
    mapping(address account => Seat) private _seats;
    mapping(bytes32 curveKey => uint256 number) private _curveKeys;
    Proposal[] private _proposals;

    event Deployed(address indexed predecessor, uint256 votingSeconds);
    event MemberAdded(uint256 indexed member, address indexed account, bytes32 curveKey, bytes32 endpointHash);
    event MemberRemoved(uint256 indexed member, address indexed account);
    /// @param subject abi.encode of a Candidate, a member index or RunTerms, by kind.
    event Proposed(
        uint256 indexed proposal, Kind kind, uint256 proposer, uint256 electorate, uint256 expiresAt, bytes subject
    );
    event Voted(uint256 indexed proposal, uint256 indexed member, bool yes);
    event Executed(uint256 indexed proposal, uint256 outcome);

    error NotMember();
    error UnknownMember();
    error AlreadyMember();
    error BadMember();
    error CurveKeyTaken();
    error TooManyMembers();
    error TooFewMembers();
    error BadVotingTime();
    error RequestExpired();
    error BadSignature();
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
    /// @dev That the applicant holds the CURVE key is checked by the voters, who make a handshake before they vote.
    ///      The vote lasts no longer than the request, so that execution needs no second look at the expiry.
    function proposeMember(Candidate calldata candidate, uint64 expiry, bytes calldata signature)
        external
        returns (uint256 id)
    {
        uint256 proposer = _memberOf(msg.sender);
        if (block.timestamp >= expiry) revert RequestExpired();
        _checkCandidate(candidate);
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(JOIN_TYPE, candidate.account, candidate.curveKey, candidate.endpointHash, expiry))
        );
        if (!_isSignedBy(digest, signature, candidate.account)) revert BadSignature();
        uint256 expiresAt = block.timestamp + votingSeconds;
        return _propose(Kind.AddMember, proposer, expiresAt < expiry ? expiresAt : expiry, abi.encode(candidate));
    }

    /// @notice Propose to remove a member; counts as the proposer's yes.
    function proposeRemoval(uint256 member) external returns (uint256 id) {
        uint256 proposer = _memberOf(msg.sender);
        if (!_isActive(member)) revert UnknownMember();
        return _propose(Kind.RemoveMember, proposer, block.timestamp + votingSeconds, abi.encode(member));
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

    /// @return Members that were ever admitted; indices run from 0 to one less.
    function memberCount() public view returns (uint256) {
        return _members.length;
    }

    /// @return All members by index, past ones too.
    function members() external view returns (Member[] memory) {
        return _members;
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

    function _propose(Kind kind, uint256 proposer, uint256 expiresAt, bytes memory subject)
        internal
        returns (uint256 id)
    {
        uint256 electorate = _active;
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

    /// @return index of the active member that `account` is.
    function _memberOf(address account) internal view returns (uint256 index) {
        Seat storage seat = _seats[account];
        if (!seat.active) revert NotMember();
        return uint256(seat.number) - 1;
    }

    function _activeMembers() internal view returns (uint256) {
        return _active;
    }

    function _accountOf(uint256 member) internal view returns (address) {
        return _members[member].account;
    }

    function _isSignedBy(bytes32 digest, bytes calldata signature, address account) internal pure returns (bool) {
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, signature);
        return problem == ECDSA.RecoverError.NoError && signer == account;
    }

    function _cast(uint256 id, Proposal storage p, uint256 voter, bool yes) private {
        emit Voted(id, voter, yes);
        if (!yes) {
            p.no |= Bitmap.only(voter);
            return;
        }
        uint256 inFavour = p.yes | Bitmap.only(voter);
        p.yes = inFavour;
        if (2 * (inFavour & _active).count() <= p.electorate.count()) return;
        p.executed = true;
        uint256 outcome;
        if (p.kind == Kind.AddMember) outcome = _addMember(abi.decode(p.subject, (Candidate)));
        else if (p.kind == Kind.RemoveMember) outcome = _removeMember(abi.decode(p.subject, (uint256)));
        else outcome = _openRun(id, p.subject);
        p.outcome = uint32(outcome);
        emit Executed(id, outcome);
    }

    function _addMember(Candidate memory candidate) private returns (uint256 index) {
        _checkCandidate(candidate);
        Seat storage seat = _seats[candidate.account];
        Member memory member = Member(candidate.account, true, candidate.curveKey, candidate.endpointHash);
        if (seat.number == 0) {
            _members.push(member);
            seat.number = uint16(_members.length);
        } else {
            _members[uint256(seat.number) - 1] = member;
        }
        index = uint256(seat.number) - 1;
        seat.active = true;
        _active |= Bitmap.only(index);
        _curveKeys[candidate.curveKey] = seat.number;
        emit MemberAdded(index, candidate.account, candidate.curveKey, candidate.endpointHash);
    }

    function _removeMember(uint256 index) private returns (uint256) {
        if (!_isActive(index)) revert UnknownMember();
        if (_active == Bitmap.only(index)) revert TooFewMembers();
        Member storage member = _members[index];
        member.active = false;
        _seats[member.account].active = false;
        _active &= ~Bitmap.only(index);
        emit MemberRemoved(index, member.account);
        return index;
    }

    function _checkCandidate(Candidate memory candidate) private view {
        if (candidate.account == address(0) || candidate.curveKey == 0) revert BadMember();
        Seat storage seat = _seats[candidate.account];
        if (seat.active) revert AlreadyMember();
        if (seat.number == 0 && _members.length == MAX_MEMBERS) revert TooManyMembers();
        uint256 owner = _curveKeys[candidate.curveKey];
        if (owner != 0 && owner != seat.number) revert CurveKeyTaken();
    }

    function _isActive(uint256 member) private view returns (bool) {
        return member < MAX_MEMBERS && Bitmap.only(member) & _active != 0;
    }

    function _proposal(uint256 id) private view returns (Proposal storage) {
        if (id == 0 || id > _proposals.length) revert UnknownProposal();
        return _proposals[id - 1];
    }

    function _status(Proposal storage p) private view returns (Status) {
        if (p.executed) return Status.Executed;
        if (2 * (p.no & _active).count() >= p.electorate.count()) return Status.Rejected;
        return block.timestamp >= p.expiresAt ? Status.Expired : Status.Open;
    }
}

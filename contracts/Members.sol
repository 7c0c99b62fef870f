// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Bitmap} from "./Bitmap.sol";

/// @title Members of a swarm: who has a say, and with which keys.
/// @dev Invariants:
///      - an index belongs to one member for ever; an account that is admitted again gets its old index back;
///      - an index has one account at a time; only a vote (`_replaceMember`) gives it another one;
///      - a CURVE key belongs to one index for ever;
///      - at least one member is active.
abstract contract Members is EIP712 {
    using Bitmap for uint256;

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

    uint256 public constant MAX_MEMBERS = 256;
    bytes32 private constant JOIN_TYPE =
        keccak256("JoinRequest(address account,bytes32 curveKey,bytes32 endpointHash,uint64 expiry)");

    Member[] private _members;
    uint256 private _active;
    mapping(address account => Seat) private _seats;
    mapping(bytes32 curveKey => uint256 number) private _curveKeys;

    event MemberAdded(uint256 indexed member, address indexed account, bytes32 curveKey, bytes32 endpointHash);
    event MemberRemoved(uint256 indexed member, address indexed account);
    event MemberReplaced(uint256 indexed member, address indexed account, bytes32 curveKey, bytes32 endpointHash);
    event KeyRotated(uint256 indexed member, bytes32 curveKey, bytes32 endpointHash);

    error NotMember();
    error UnknownMember();
    error AlreadyMember();
    error BadMember();
    error CurveKeyTaken();
    error TooManyMembers();
    error TooFewMembers();
    error RequestExpired();
    error BadSignature();

    /// @notice Stop being a member, at once. The last member cannot.
    function resign() external {
        _removeMember(_memberOf(msg.sender));
    }

    /// @notice Use another CURVE key, be reached at another endpoint, or both.
    /// @dev The account vouches for the key, as it does for everything that the member does.
    function rotateKey(bytes32 curveKey, bytes32 endpointHash) external {
        uint256 index = _memberOf(msg.sender);
        _checkCurveKey(curveKey, index);
        _curveKeys[curveKey] = index + 1;
        Member storage member = _members[index];
        member.curveKey = curveKey;
        member.endpointHash = endpointHash;
        emit KeyRotated(index, curveKey, endpointHash);
    }

    /// @return Members that were ever admitted; indices run from 0 to one less.
    function memberCount() public view returns (uint256) {
        return _members.length;
    }

    /// @return All members by index, past ones too.
    function members() external view returns (Member[] memory) {
        return _members;
    }

    function _addMember(Candidate memory candidate) internal returns (uint256 index) {
        index = _checkCandidate(candidate);
        _curveKeys[candidate.curveKey] = index + 1;
        Member memory member = Member(candidate.account, true, candidate.curveKey, candidate.endpointHash);
        if (index == _members.length) _members.push(member);
        else _members[index] = member;
        _seats[candidate.account] = Seat(uint16(index + 1), true);
        _active |= Bitmap.only(index);
        emit MemberAdded(index, candidate.account, candidate.curveKey, candidate.endpointHash);
    }

    function _removeMember(uint256 index) internal returns (uint256) {
        if (!_isActive(index)) revert UnknownMember();
        if (_active == Bitmap.only(index)) revert TooFewMembers();
        Member storage member = _members[index];
        member.active = false;
        _seats[member.account].active = false;
        _active &= ~Bitmap.only(index);
        emit MemberRemoved(index, member.account);
        return index;
    }

    /// @dev The old account is nobody's any more: what it signed, a thief of its key may have signed.
    function _replaceMember(uint256 index, Candidate memory candidate) internal returns (uint256) {
        _checkReplacement(index, candidate);
        _curveKeys[candidate.curveKey] = index + 1;
        delete _seats[_members[index].account];
        _seats[candidate.account] = Seat(uint16(index + 1), true);
        _members[index] = Member(candidate.account, true, candidate.curveKey, candidate.endpointHash);
        emit MemberReplaced(index, candidate.account, candidate.curveKey, candidate.endpointHash);
        return index;
    }

    /// @return index The one that the candidate has, or will have.
    function _checkCandidate(Candidate memory candidate) internal view returns (uint256 index) {
        if (candidate.account == address(0)) revert BadMember();
        Seat storage seat = _seats[candidate.account];
        if (seat.active) revert AlreadyMember();
        index = seat.number == 0 ? _members.length : uint256(seat.number) - 1;
        if (index == MAX_MEMBERS) revert TooManyMembers();
        _checkCurveKey(candidate.curveKey, index);
    }

    function _checkReplacement(uint256 index, Candidate memory candidate) internal view {
        if (!_isActive(index)) revert UnknownMember();
        if (candidate.account == address(0)) revert BadMember();
        if (_seats[candidate.account].number != 0) revert AlreadyMember();
        _checkCurveKey(candidate.curveKey, index);
    }

    /// @dev That the account asks, nobody else for it. That it holds the CURVE key too is checked by the voters.
    function _checkRequest(Candidate calldata candidate, uint64 expiry, bytes calldata signature) internal view {
        if (block.timestamp >= expiry) revert RequestExpired();
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(JOIN_TYPE, candidate.account, candidate.curveKey, candidate.endpointHash, expiry))
        );
        if (_signerOf(digest, signature) != candidate.account) revert BadSignature();
    }

    /// @return index of the active member that `account` is.
    function _memberOf(address account) internal view returns (uint256 index) {
        Seat storage seat = _seats[account];
        if (!seat.active) revert NotMember();
        return uint256(seat.number) - 1;
    }

    /// @dev As `_memberOf`, but `account` is not the sender's: the refusal says so.
    function _activeIndexOf(address account) internal view returns (uint256 index) {
        if (!_seats[account].active) revert UnknownMember();
        return _memberOf(account);
    }

    function _activeMembers() internal view returns (uint256) {
        return _active;
    }

    function _isActive(uint256 member) internal view returns (bool) {
        return member < MAX_MEMBERS && Bitmap.only(member) & _active != 0;
    }

    function _accountOf(uint256 member) internal view returns (address) {
        return _members[member].account;
    }

    /// @return Who signed, or address(0), which is no member's.
    function _signerOf(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        // What was wrong with a signature matters to nobody: signer is address(0) whenever something was.
        // slither-disable-next-line unused-return
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        return signer;
    }

    function _checkCurveKey(bytes32 curveKey, uint256 index) private view {
        if (curveKey == 0) revert BadMember();
        uint256 owner = _curveKeys[curveKey];
        if (owner != 0 && owner != index + 1) revert CurveKeyTaken();
    }
}

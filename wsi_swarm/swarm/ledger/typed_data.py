"""What members sign and commit to: EIP-712 digests, recoverable signatures and the commitment hash.

Pure functions. The same digests are computed by ``contracts/``; a test compares both.
EIP-712: https://eips.ethereum.org/EIPS/eip-712.
"""

from __future__ import annotations

from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from wsi_swarm.swarm.ledger.base import JoinRequest

ZERO_ADDRESS = "0x" + "00" * 20
"""Stands for the contract in the join request of a founder, who signs before the contract exists."""

_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_ATTEST_TYPE = keccak(
    b"Attest(uint256 run,uint256 round,bytes32 baseRoot,bytes32 commitsHash,uint256 contributors,bytes32 mergedRoot)"
)
_JOIN_TYPE = keccak(b"JoinRequest(address account,bytes32 curveKey,bytes32 endpointHash,uint64 expiry)")
_NAME = keccak(b"wsi-swarm")
_VERSION = keccak(b"1")


def bitmap(members: frozenset[int]) -> int:
    """Return the uint256 with bit ``i`` set for each member index ``i``."""
    return sum(1 << member for member in members)


def indices(bits: int) -> frozenset[int]:
    """Return the member indices whose bits are set in ``bits``; the inverse of :func:`bitmap`."""
    return frozenset(i for i in range(bits.bit_length()) if bits >> i & 1)


def checksum_address(raw: bytes) -> str:
    """Return the 20 bytes ``raw`` as a checksummed address (EIP-55)."""
    plain = raw.hex()
    digest = keccak(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) >= 8 else c for c, d in zip(plain, digest, strict=False))


def account_of(key: bytes) -> str:
    """Return the checksummed address of the 32-byte private ``key``."""
    return _account(PrivateKey(key).public_key)


def endpoint_hash(endpoint: str) -> bytes:
    """Return the 32 bytes that stand on chain for an endpoint such as ``tcp://10.1.2.3:7000``."""
    return keccak(endpoint.encode())


def commitment(
    member: str, contract: str, run: int, round_: int, base_root: bytes, update_root: bytes, flags: int, salt: bytes
) -> bytes:
    """Return ``keccak256(abi.encode(member, contract, run, round, baseRoot, updateRoot, uint32 flags, salt))``.

    Parameters
    ----------
    base_root, update_root, salt : bytes
        32 bytes each.
    flags : int
        0 to 2**32 - 1.

    Raises
    ------
    ValueError
        A value has the wrong size.
    """
    if flags >= 2**32:
        msg = f"flags has 32 bits, {flags} does not fit"
        raise ValueError(msg)
    where = _address(member) + _address(contract) + _uint(run) + _uint(round_)
    return keccak(where + _word(base_root) + _word(update_root) + _uint(flags) + _word(salt))


def next_commits_hash(commits_hash: bytes, round_: int, member: int, commitment_: bytes) -> bytes:
    """Return the running hash of a run's commits after one more; it begins with 32 zero bytes."""
    return keccak(commits_hash + _uint(round_) + _uint(member) + commitment_)


def domain_separator(chain_id: int, contract: str) -> bytes:
    """Return the EIP-712 domain separator of the contract (name "wsi-swarm", version "1")."""
    return keccak(_DOMAIN_TYPE + _NAME + _VERSION + _uint(chain_id) + _address(contract))


def attest_digest(
    chain_id: int,
    contract: str,
    run: int,
    round_: int,
    base_root: bytes,
    commits_hash: bytes,
    contributors: frozenset[int],
    merged_root: bytes,
) -> bytes:
    """Return the 32 bytes that an attester signs: "merging these contributors onto this base gives this root".

    ``commits_hash`` (``RunState.commits_hash``) says what they had committed to: after a reorganisation of the chain
    other commits may stand there, and then signing another root is no equivocation.
    """
    struct = _ATTEST_TYPE + _uint(run) + _uint(round_) + _word(base_root) + _word(commits_hash)
    struct += _uint(bitmap(contributors)) + _word(merged_root)
    return keccak(b"\x19\x01" + domain_separator(chain_id, contract) + keccak(struct))


def join_digest(
    chain_id: int, contract: str, account: str, curve_key: bytes, endpoint_hash_: bytes, expiry: int
) -> bytes:
    """Return the 32 bytes that an applicant signs; ``contract`` is ``ZERO_ADDRESS`` for a founder."""
    struct = _JOIN_TYPE + _address(account) + _word(curve_key) + _word(endpoint_hash_) + _uint(expiry)
    return keccak(b"\x19\x01" + domain_separator(chain_id, contract) + keccak(struct))


def sign_join_request(
    key: bytes, chain_id: int, contract: str, curve_key: bytes, endpoint: str, expiry: int
) -> JoinRequest:
    """Return a signed join request of the account of ``key``."""
    account = account_of(key)
    digest = join_digest(chain_id, contract, account, curve_key, endpoint_hash(endpoint), expiry)
    return JoinRequest(account, curve_key, endpoint, expiry, sign(key, digest))


def join_request_is_authentic(request: JoinRequest, chain_id: int, contract: str) -> bool:
    """Return whether the request is signed by its own account for this chain and contract."""
    digest = join_digest(
        chain_id, contract, request.account, request.curve_key, endpoint_hash(request.endpoint), request.expiry
    )
    return recover(digest, request.signature) == request.account


def sign(key: bytes, digest: bytes) -> bytes:
    """Return the 65-byte signature ``r, s, v`` (v is 27 or 28, s is low) of a 32-byte digest."""
    signature: bytes = PrivateKey(key).sign_recoverable(digest, hasher=None)  # pyright: ignore[reportUnknownMemberType]  # cffi type of a default argument
    return signature[:64] + bytes([27 + signature[64]])


def recover(digest: bytes, signature: bytes) -> str | None:
    """Return the address that made ``signature`` over ``digest``, or None if it is no valid signature.

    As the contract does, it refuses signatures whose ``s`` lies in the upper half of the group order.
    """
    if len(signature) != 65 or signature[64] not in (27, 28) or int.from_bytes(signature[32:64]) > _HALF_ORDER:
        return None
    try:
        compact = signature[:64] + bytes([signature[64] - 27])
        return _account(PublicKey.from_signature_and_message(compact, digest, hasher=None))
    except ValueError:  # r or s out of range, or no curve point: nobody's signature
        return None


_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def _account(public_key: PublicKey) -> str:
    return checksum_address(keccak(public_key.format(compressed=False)[1:])[12:])


def _address(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")


def _word(value: bytes) -> bytes:
    if len(value) != 32:
        msg = f"a root, hash, key or salt has 32 bytes, not {len(value)}"
        raise ValueError(msg)
    return value


def _uint(value: int) -> bytes:
    return value.to_bytes(32)

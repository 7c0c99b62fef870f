"""Proof that an applicant holds the CURVE key that it names, for one verifier at a time.

A CURVE key (X25519) agrees on secrets and cannot sign. The applicant therefore agrees on a secret with the CURVE key of
each member and uses it as the key of a MAC over its signed request. Only who holds the applicant's or that member's
secret key can have computed the MAC, and the member knows that it was not itself.

X25519: RFC 7748. HMAC: RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import cast

_DOMAIN = b"wsi-swarm CURVE key proof 1\n"


def prove_curve_key(secret: bytes, verifier: bytes, digest: bytes) -> bytes:
    """Return the proof for one member.

    Parameters
    ----------
    secret : bytes
        32 bytes, the applicant's CURVE secret key.
    verifier : bytes
        32 bytes, the member's CURVE public key.
    digest : bytes
        32 bytes, the EIP-712 digest of the request (``typed_data.join_digest``).

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    ValueError
        ``verifier`` is no point that keeps a secret.
    """
    return hmac.digest(_agree(secret, verifier), _DOMAIN + digest, hashlib.sha256)


def curve_key_is_proven(secret: bytes, applicant: bytes, digest: bytes, proof: bytes) -> bool:
    """Return whether ``proof`` was made for this member by who holds the secret of ``applicant``.

    Parameters
    ----------
    secret : bytes
        32 bytes, this member's CURVE secret key.
    applicant : bytes
        32 bytes, the CURVE public key that the request names.
    """
    try:
        expected = prove_curve_key(secret, applicant, digest)
    except ValueError:  # a point of small order: anybody would know the "secret"
        return False
    return hmac.compare_digest(expected, proof)


def _agree(secret: bytes, public: bytes) -> bytes:
    from Crypto.Protocol.DH import import_x25519_private_key, import_x25519_public_key, key_agreement

    mine = import_x25519_private_key(secret)
    agreed = key_agreement(static_priv=mine, static_pub=import_x25519_public_key(public), kdf=lambda secret: secret)
    return cast("bytes", agreed)

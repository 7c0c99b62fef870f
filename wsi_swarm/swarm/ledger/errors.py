"""What the ledger refuses, as Python exceptions.

The contract reverts with custom errors; the adapter and the pure model turn each into a :class:`RefusedError`
(or one of its families) that carries the error's name as ``code``, so that both speak the same language.
"""

from __future__ import annotations

from wsi_swarm.errors import SwarmError


class LedgerError(SwarmError):
    """The chain cannot be used or refused something."""


class UnreachableError(LedgerError):
    """The node does not answer, or not in time; trying again later may help."""


class WrongChainError(LedgerError):
    """Chain id, contract address or contract code are not those of the federation file."""


class RefusedError(LedgerError):
    """The contract refused a call.

    Attributes
    ----------
    code : str
        Name of the contract's custom error, for example ``"NoQuorum"``.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class AlreadyDoneError(RefusedError):
    """The call had been made before; for an idempotent caller this is success."""


class NotNowError(RefusedError):
    """The moment has passed or not yet come: read the run or the proposal again."""


class NotAllowedError(RefusedError):
    """The sender has no say in this."""


_REFUSALS: dict[str, tuple[type[RefusedError], str]] = {
    "AlreadyVoted": (AlreadyDoneError, "this member has voted on the proposal before, and a vote is final."),
    "AlreadyEnrolled": (AlreadyDoneError, "this member is enrolled and will be expected in the next round."),
    "AlreadyCommitted": (AlreadyDoneError, "this member has committed to an update in this round."),
    "AlreadyRejected": (AlreadyDoneError, "this member has said before that it will not attest in this round."),
    "AlreadyStruck": (AlreadyDoneError, "the member that signed two roots is struck from the run already."),
    "NotEnrolled": (AlreadyDoneError, "this member takes no part in the run, so it cannot leave it."),
    "WrongRound": (NotNowError, "the run is in another round; read its state again."),
    "WrongPhase": (NotNowError, "the round is in another phase; read its state again."),
    "NothingToPoke": (NotNowError, "no deadline of the run has passed that a poke could act on."),
    "ProposalClosed": (NotNowError, "the proposal is executed, rejected or expired; make a new one."),
    "NotMember": (
        NotAllowedError,
        "the sending account is no active member of this swarm; ask the members for admission.",
    ),
    "NotInElectorate": (
        NotAllowedError,
        "this member does not belong to the electorate, which was fixed at opening; enrol, or wait for the next one.",
    ),
    "NotAttester": (NotAllowedError, "only a member that may attest in this round can reject it."),
    "StruckFromRun": (NotAllowedError, "this member signed two roots for one merge and is out of this run for good."),
    "UnknownProposal": (
        RefusedError,
        "there is no such proposal on the contract; `wsi-swarm swarm status` lists them.",
    ),
    "UnknownRun": (RefusedError, "there is no such run on the contract; `wsi-swarm swarm status` lists them."),
    "UnknownMember": (RefusedError, "there is no active member with this index; `wsi-swarm swarm status` lists them."),
    "AlreadyMember": (RefusedError, "the account is or was a member's already."),
    "CurveKeyTaken": (RefusedError, "another member uses this CURVE key; make a new key pair."),
    "BadMember": (RefusedError, "account and CURVE key of a member must not be zero."),
    "TooManyMembers": (RefusedError, "a contract holds at most 256 members; deploy a successor."),
    "TooFewMembers": (RefusedError, "a swarm needs at least one founder, and its last member cannot be removed."),
    "RequestExpired": (RefusedError, "the join request has expired; ask the applicant for a new one."),
    "BadVotingTime": (RefusedError, "the voting time must be at least one second and at most 365 days."),
    "BadSignature": (RefusedError, "a signature does not belong to the account that it is said to come from."),
    "BadTerms": (
        RefusedError,
        "run terms are invalid: roots and counts must not be zero, min_peers at least 2 and at most 256, and a "
        "committee not smaller than min_peers.",
    ),
    "BadWeight": (RefusedError, "the weight must be between 1 and the run's maximum."),
    "WeightFixed": (RefusedError, "a member's weight is fixed by its first enrolment in the run."),
    "BadCommitment": (RefusedError, "a commitment must not be zero."),
    "BadContributors": (RefusedError, "contributors must be committers of this round, and at least min_peers of them."),
    "BadAttesters": (
        RefusedError,
        "attesters must be active members of this round's committee that did not reject it, one signature for each.",
    ),
    "BadRoot": (RefusedError, "the root of a merged model must not be zero."),
    "NoEquivocation": (RefusedError, "two signatures over the same root contradict nothing."),
    "NoQuorum": (RefusedError, "too few members attest to this result."),
}

REFUSAL_CODES = frozenset(_REFUSALS)
"""Names of all custom errors of the contract."""


def refusal(code: str) -> RefusedError:
    """Return the exception for the contract's custom error ``code``.

    Raises
    ------
    KeyError
        ``code`` is no custom error of the contract.
    """
    family, sentence = _REFUSALS[code]
    return family(code, f"The contract refused ({code}): {sentence}")

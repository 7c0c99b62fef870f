"""The TRIPOD+AI checklist: what the software knows is filled in, everything else is named and left to the authors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.evaluation.estimates import Absent
from models.evaluation.wording import estimate, headline, number

if TYPE_CHECKING:
    from models.evaluation.evaluate import Evaluation
    from models.evaluation.provenance import Provenance

TO_COMPLETE = "To be completed"


@dataclass(frozen=True)
class Item:
    """One line of the checklist: its number, what it asks for, and the answer or None."""

    number: str
    topic: str
    asks: str
    answer: str | None


ITEMS = (
    ("1", "Title", "Names the study as evaluation of a prediction model, the population and the outcome"),
    ("2", "Abstract", "Structured, after TRIPOD+AI for Abstracts"),
    ("3a", "Background", "Healthcare context, reason for the model, existing models"),
    ("3b", "Background", "Target population, place in the care pathway, intended users"),
    ("3c", "Background", "Known health inequalities between groups"),
    ("4", "Objectives", "Development, evaluation or both"),
    ("5a", "Data", "Sources of the data, why they were chosen, how representative they are"),
    ("5b", "Data", "Dates of accrual"),
    ("6a", "Participants", "Setting, number and place of centres"),
    ("6b", "Participants", "Eligibility criteria"),
    ("6c", "Participants", "Treatments received, and how they were handled"),
    ("7", "Data preparation", "Pre-processing and quality control, and whether alike in all groups"),
    ("8a", "Outcome", "Definition, time, method of assessment, and whether alike in all groups"),
    ("8b", "Outcome", "Qualification of those who assessed it, where that needs judgement"),
    ("8c", "Outcome", "Whether assessment was blinded to the prediction"),
    ("9a", "Predictors", "Choice of predictors"),
    ("9b", "Predictors", "Definition, time and method of measurement, blinding"),
    ("9c", "Predictors", "Qualification of those who assessed them, where that needs judgement"),
    ("10", "Sample size", "How it was arrived at, and whether it suffices"),
    ("11", "Missing data", "How missing data were handled, and what was left out"),
    ("12a", "Analysis", "How the data were used and split"),
    ("12b", "Analysis", "How predictors were handled"),
    ("12c", "Analysis", "Type of model, how it was built, hyper-parameters, internal validation"),
    ("12d", "Analysis", "How heterogeneity between clusters (hospitals) was handled"),
    ("12e", "Analysis", "Measures and plots of performance, and of comparisons between models"),
    ("12f", "Analysis", "Updating of the model, for instance recalibration"),
    ("12g", "Analysis", "How predictions were calculated"),
    ("13", "Class imbalance", "Whether and how it was handled, and whether the model was recalibrated after it"),
    ("14", "Fairness", "Approaches to model fairness, and their reasons"),
    ("15", "Model output", "What the model returns, and thresholds with their reasons"),
    ("16", "Development and evaluation", "Differences between their data in setting, eligibility, outcome, predictors"),
    ("17", "Ethics", "Approval and consent"),
    ("18a", "Open science", "Funding"),
    ("18b", "Open science", "Conflicts of interest"),
    ("18c", "Open science", "Protocol"),
    ("18d", "Open science", "Registration"),
    ("18e", "Open science", "Availability of the data"),
    ("18f", "Open science", "Availability of the code"),
    ("19", "Patients and public", "Their involvement"),
    ("20a", "Participants", "Flow, with and without the outcome"),
    ("20b", "Participants", "Characteristics, overall and by setting, missing values, numbers by group"),
    ("20c", "Participants", "Comparison with the development data"),
    ("21", "Model development", "Patients and events in each analysis"),
    ("22", "Model specification", "The full model, or access to it"),
    ("23a", "Performance", "Estimates with intervals, also for groups"),
    ("23b", "Performance", "Heterogeneity between clusters"),
    ("24", "Model updating", "Results of any updating"),
    ("25", "Interpretation", "Of the main results, with fairness, objectives and earlier studies"),
    ("26", "Limitations", "Sample, size, overfitting, missing data, and their effects"),
    ("27a", "Usability", "How poor or missing input is handled at use"),
    ("27b", "Usability", "What users have to do, and what they have to know"),
    ("27c", "Usability", "Next steps of research"),
)
"""Item numbers of Collins et al. (BMJ 2024; 385: e078378); the words are ours."""


def checklist(evaluation: Evaluation, provenance: Provenance) -> tuple[Item, ...]:
    """Return every item, with an answer where the evaluation itself is one."""
    answers = _answers(evaluation, provenance)
    return tuple(Item(number, topic, asks, answers.get(number)) for number, topic, asks in ITEMS)


def _answers(evaluation: Evaluation, provenance: Provenance) -> dict[str, str]:
    request = evaluation.request
    flows = [(a.scored.name, a.scored.target.name, a.scored.flow) for a in evaluation.assessments]
    found = {
        "4": "Evaluation of models that exist; nothing was trained here.",
        "11": " ".join(
            f"{name}, {target}: {flow.without_label} patients without a label and {flow.unpredicted} without a "
            "prediction were left out; nothing was imputed."
            for name, target, flow in flows
        ),
        "12a": _splits(evaluation),
        "12e": "AUROC (DeLong, stratified bootstrap, Newcombe), AUPRC, operating points with exact intervals, "
        "calibration slope and intercept, Brier score, ECE, decision curve; see Methods."
        + (" Models were compared by paired DeLong and permutation tests with Holm's correction." * request.compare),
        "12g": "Read from " + ", ".join(f"{f.name} (sha256 {f.sha256[:12]})" for f in provenance.predictions) + ".",
        "22": _models(provenance),
        "15": "A probability per patient. " + _thresholds(evaluation),
        "18f": provenance.software + ".",
        "20a": " ".join(
            f"{name}, {target}: {flow.in_clini} patients in the clinical table, {flow.labelled} with a label, "
            f"{flow.analysed} evaluated ({flow.analysed_pos} positive, {flow.analysed_neg} negative)."
            for name, target, flow in flows
        ),
        "23a": " ".join(headline(a) for a in evaluation.assessments),
    }
    if not found["22"]:
        del found["22"]
    if request.centre:
        found["6a"] = _setting(evaluation) + f" Their setting and place: {TO_COMPLETE.lower()}."
        found["12d"] = (
            f"AUROC by {request.centre}, pooled with random effects on the logit scale, with a prediction interval; "
            "calibration and locked thresholds by centre."
        )
        found["12f"] = "Calibration in the large was re-estimated within each centre, judged by leaving one out."
        found["23b"] = _heterogeneity(evaluation)
    if request.subgroups:
        found["14"] = f"Performance by {', '.join(request.subgroups)} is reported. Reasons: {TO_COMPLETE.lower()}."
    return found


def _models(provenance: Provenance) -> str:
    """Name the model files; the same one may have made several tables."""
    known = {used.model.sha256: used.model for used in provenance.models if used.model is not None}
    said = [f"model file {model.name} (sha256 {sha256}), which reads {model.reads}" for sha256, model in known.items()]
    return f"Known by hash: {'; '.join(said)}. Access to it: {TO_COMPLETE.lower()}." if said else ""


def _splits(evaluation: Evaluation) -> str:
    if evaluation.request.calibration:
        return (
            "Thresholds were chosen on a calibration set that shares no patient with those evaluated. That the "
            f"training data share none either: {TO_COMPLETE.lower()}."
        )
    return f"No calibration set was used. That the training data share no patient: {TO_COMPLETE.lower()}."


def _thresholds(evaluation: Evaluation) -> str:
    said = []
    for a in evaluation.assessments:
        if not isinstance(a.points, Absent):
            listed = ", ".join(f"{number(p.locked.threshold)} for {100 * p.locked.wanted:g} %" for p in a.points)
            said.append(f"{a.scored.name}, {a.scored.target.name}: locked thresholds by wanted sensitivity: {listed}.")
    return " ".join(said) or f"Threshold: {TO_COMPLETE.lower()}."


def _setting(evaluation: Evaluation) -> str:
    centres = evaluation.assessments[0].centres
    return "" if centres is None else f"{len(centres.members)} centres by column {centres.column}."


def _heterogeneity(evaluation: Evaluation) -> str:
    said = []
    for a in evaluation.assessments:
        if a.centres is None:
            continue
        name, pooled = f"{a.scored.name}, {a.scored.target.name}", a.centres.pooled
        if isinstance(pooled, Absent):
            said.append(f"{name}: {pooled.reason}.")
        else:
            first, last = pooled.prediction
            said.append(
                f"{name}: mean AUROC of {pooled.groups} centres {estimate(pooled.mean)}, prediction interval "
                f"{number(first)} to {number(last)}."
            )
    return " ".join(said)

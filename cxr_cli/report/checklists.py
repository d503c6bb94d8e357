"""Reporting checklists: what a run's files say about each item, or that its author must write it.

Sources: CLAIM, the Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al.,
Radiology: Artificial Intelligence 6(4):e240300), 44 items; TRIPOD+AI (Collins et al., BMJ 2024;385:e078378),
27 items. The wording of the items is our own; submit the original forms.
"""

from collections.abc import Callable
from typing import NamedTuple

from cxr_cli.report.facts import data, model, results
from cxr_cli.report.study import Study

Fact = Callable[[Study], str | None]
"""What a study's files say about an item; None if nothing."""


class Item(NamedTuple):
    """An item of a checklist.

    Attributes:
        number: in the checklist.
        topic: what it asks for.
        fact: what the tool can fill in; None for what only the author knows.
        remains: what the author must add where the tool fills in a part.
    """

    number: str
    topic: str
    fact: Fact | None = None
    remains: str = ""


class Answer(NamedTuple):
    """An item and what is known about it; `known` is empty where the author must write all of it."""

    item: Item
    known: str


class Checklist(NamedTuple):
    """A published checklist: its name, where it was published, and its items by section."""

    name: str
    published: str
    sections: dict[str, tuple[Item, ...]]

    def answers(self, study: Study) -> dict[str, list[Answer]]:
        """Fill in what a study's files say, by section."""
        return {
            section: [Answer(item, (item.fact and item.fact(study)) or "") for item in items]
            for section, items in self.sections.items()
        }


CLAIM = Checklist(
    "CLAIM",
    "2024 update, Tejani et al., Radiology: Artificial Intelligence 6(4):e240300",
    {
        "Title, abstract, introduction": (
            Item("1", "Use of AI and its type, in the title or abstract", model.technology),
            Item("2", "Summary of design, methods, results and conclusions"),
            Item("3", "Background, intended use and role of the approach"),
            Item("4", "Aims, objectives and hypotheses"),
        ),
        "Methods: design and data": (
            Item("5", "Prospective or retrospective"),
            Item("6", "Goal of the study"),
            Item("7", "Sources of the data", data.sources, "where and when the images were made"),
            Item("8", "Inclusion and exclusion criteria", data.exclusions, "how patients were chosen"),
            Item("9", "Preprocessing", data.preprocessing),
            Item("10", "Selection of subsets of the data", data.selection),
            Item(
                "11",
                "De-identification",
                data.deidentification,
                "what was done before the images were received",
            ),
            Item("12", "Handling of missing data", data.missing),
            Item("13", "Image acquisition", data.acquisition, "protocols"),
        ),
        "Methods: reference standard": (
            Item(
                "14",
                "How the reference standard was obtained",
                data.label_source,
                "how the labels were obtained",
            ),
            Item("15", "Why this reference standard"),
            Item("16", "Who annotated, with which qualification"),
            Item("17", "Annotation of the test set"),
            Item("18", "Variability between and within raters"),
        ),
        "Methods: partitions and model": (
            Item("19", "How images were assigned to partitions", data.partitions),
            Item("20", "Level at which partitions are disjoint", data.disjoint),
            Item("21", "Intended sample size"),
            Item("22", "Model", model.architecture),
            Item("23", "Software", model.software),
            Item("24", "Initial parameters", model.initialization),
            Item("25", "Training", model.training),
            Item("26", "How the final model was selected", model.model_selection),
            Item("27", "Ensembles", model.ensembles),
        ),
        "Methods: evaluation": (
            Item("28", "Metrics", results.metrics),
            Item("29", "Significance and uncertainty", results.uncertainty),
            Item("30", "Robustness and sensitivity analyses", results.robustness),
            Item("31", "Explainability", results.explainability),
            Item("32", "Evaluation on internal data", results.internal_test),
            Item("33", "Testing on external data", data.external_test),
            Item("34", "Clinical trial registration"),
        ),
        "Results": (
            Item("35", "Numbers included and excluded", data.flow),
            Item("36", "Demographic and clinical characteristics by partition", data.characteristics),
            Item("37", "Performance with its uncertainty", results.performance),
            Item("38", "Diagnostic performance and its precision", results.diagnostic_performance),
            Item("39", "Failure analysis", results.failures, "the reasons, image by image"),
        ),
        "Discussion and other information": (
            Item("40", "Limitations", results.limitations, "all others"),
            Item("41", "Implications for practice"),
            Item("42", "Access to the protocol and further details", model.details),
            Item(
                "43",
                "Availability of software, model and data",
                model.availability,
                "where they can be obtained",
            ),
            Item("44", "Funding and the funders' role"),
        ),
    },
)

TRIPOD = Checklist(
    "TRIPOD+AI",
    "Collins et al., BMJ 2024;385:e078378",
    {
        "Title, abstract, introduction": (
            Item("1", "Development or evaluation of a model, target population, outcome", model.technology),
            Item("2", "Structured abstract"),
            Item("3a", "Healthcare context and rationale"),
            Item("3b", "Target population, purpose and users"),
            Item("3c", "Known inequalities between groups"),
            Item("4", "Objectives"),
        ),
        "Methods: data and outcome": (
            Item("5a", "Sources of data", data.sources, "why these, and how representative they are"),
            Item("5b", "Dates"),
            Item("6a", "Setting and centers", data.centers),
            Item("6b", "Eligibility", data.exclusions, "how patients were chosen"),
            Item("6c", "Treatments"),
            Item("7", "Preparation of the data", data.preprocessing),
            Item("8a", "Outcome", data.label_source, "how and when it was assessed"),
            Item("8b", "Assessors of the outcome"),
            Item("8c", "Blinding of the assessment"),
            Item("9a", "Choice of predictors", model.predictors),
            Item("9b", "Definition of predictors", data.preprocessing),
            Item("9c", "Assessors of predictors"),
            Item("10", "Sample size", data.flow, "how the size was determined"),
            Item("11", "Missing data", data.missing),
        ),
        "Methods: analysis": (
            Item("12a", "Use of the data in development and evaluation", data.partitions),
            Item("12b", "Handling of predictors", data.preprocessing),
            Item("12c", "Model, building, tuning, internal validation", model.training),
            Item("12d", "Heterogeneity between clusters", results.heterogeneity),
            Item("12e", "Measures of performance", results.metrics),
            Item("12f", "Updating of the model", model.updating),
            Item("12g", "How predictions were calculated", model.calculation),
            Item("13", "Class imbalance", model.imbalance),
            Item("14", "Fairness", results.fairness, "which groups matter here, and why"),
            Item("15", "Output of the model and its thresholds", model.output),
            Item("16", "Differences between training and evaluation", data.differences),
            Item("17", "Ethical approval"),
        ),
        "Open science and involvement": (
            Item("18a", "Funding"),
            Item("18b", "Conflicts of interest"),
            Item("18c", "Protocol"),
            Item("18d", "Registration"),
            Item("18e", "Sharing of data", model.availability, "where they can be obtained"),
            Item("18f", "Sharing of code", model.software),
            Item("19", "Involvement of patients and the public"),
        ),
        "Results": (
            Item("20a", "Flow of participants", data.flow),
            Item("20b", "Characteristics of participants", data.characteristics),
            Item("20c", "Development and evaluation data compared", data.differences),
            Item("21", "Numbers of participants and outcomes in each analysis", data.images_and_patients),
            Item("22", "The full model", model.details),
            Item("23a", "Performance with intervals, and in subgroups", results.performance),
            Item("23b", "Heterogeneity of performance", results.heterogeneity),
            Item("24", "Results of updating", model.updating),
        ),
        "Discussion": (
            Item("25", "Interpretation"),
            Item("26", "Limitations", results.limitations, "all others"),
            Item("27a", "Poor-quality or missing input", data.exclusions),
            Item("27b", "What users must do, and know"),
            Item("27c", "Next steps"),
        ),
    },
)

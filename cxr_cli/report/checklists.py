"""The checklists for studies of models: what a run knows of each item, or that its author must write it.

Sources: CLAIM, the Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al.,
Radiology: Artificial Intelligence 6(4):e240300), 44 items; TRIPOD+AI (Collins et al., BMJ 2024;385:e078378),
27 items. What an item asks for is in our own words; submit the original forms.
"""

from collections.abc import Callable
from typing import NamedTuple

from cxr_cli.report import facts
from cxr_cli.report.study import Study

Fact = Callable[[Study], str | None]
"""What a study's files tell of an item; None if they tell nothing."""


class Item(NamedTuple):
    """An item of a checklist.

    Attributes:
        number: in the checklist.
        asks: for what.
        fact: what the tool can know of it; None for what only the author knows.
        remains: what the author still has to say where the tool knows a part.
    """

    number: str
    asks: str
    fact: Fact | None = None
    remains: str = ""


class Answer(NamedTuple):
    """An item with what is known of it; `known` is empty where all is the author's to write."""

    item: Item
    known: str


class Checklist(NamedTuple):
    """A published checklist: its name, where it was published, and its items by section."""

    name: str
    published: str
    sections: dict[str, tuple[Item, ...]]

    def answers(self, study: Study) -> dict[str, list[Answer]]:
        """Fill in what a study's files tell, by section."""
        return {
            section: [Answer(item, (item.fact and item.fact(study)) or "") for item in items]
            for section, items in self.sections.items()
        }


CLAIM = Checklist(
    "CLAIM",
    "2024 update, Tejani et al., Radiology: Artificial Intelligence 6(4):e240300",
    {
        "Title, abstract, introduction": (
            Item("1", "AI methodology and its kind, in the title or abstract", facts.technology),
            Item("2", "Summary of design, methods, results and conclusions"),
            Item("3", "Background, intended use and role of the approach"),
            Item("4", "Aims, objectives and hypotheses"),
        ),
        "Methods: design and data": (
            Item("5", "Prospective or retrospective"),
            Item("6", "Goal of the study"),
            Item("7", "Sources of the data", facts.sources, "where and when the images were made"),
            Item("8", "Inclusion and exclusion criteria", facts.exclusions, "how patients were chosen"),
            Item("9", "Preprocessing", facts.preprocessing),
            Item("10", "Selection of subsets of the data", facts.selection),
            Item("11", "De-identification", facts.deidentification, "what was done before the images came"),
            Item("12", "Handling of missing data", facts.missing),
            Item("13", "Image acquisition", facts.acquisition, "protocols"),
        ),
        "Methods: reference standard": (
            Item("14", "How the reference standard was obtained", facts.label_source, "how labels were made"),
            Item("15", "Why this reference standard"),
            Item("16", "Who annotated, with which qualification"),
            Item("17", "Annotation of the test set"),
            Item("18", "Variability between and within raters"),
        ),
        "Methods: partitions and model": (
            Item("19", "How images were assigned to partitions", facts.partitions),
            Item("20", "Level at which partitions are disjoint", facts.disjoint),
            Item("21", "Intended sample size"),
            Item("22", "Model", facts.model),
            Item("23", "Software", facts.software),
            Item("24", "Initial parameters", facts.initialization),
            Item("25", "Training", facts.training),
            Item("26", "How the final model was selected", facts.model_selection),
            Item("27", "Ensembles", facts.ensembles),
        ),
        "Methods: evaluation": (
            Item("28", "Metrics", facts.metrics),
            Item("29", "Significance and uncertainty", facts.uncertainty),
            Item("30", "Robustness and sensitivity analyzes", facts.robustness),
            Item("31", "Explainability", facts.explainability),
            Item("32", "Evaluation on internal data", facts.internal_test),
            Item("33", "Testing on external data", facts.external_test),
            Item("34", "Clinical trial registration"),
        ),
        "Results": (
            Item("35", "Numbers included and excluded", facts.flow),
            Item("36", "Demographic and clinical characteristics by partition", facts.characteristics),
            Item("37", "Performance with its uncertainty", facts.performance),
            Item("38", "Diagnostic performance and its precision", facts.diagnostic_performance),
            Item("39", "Failure analysis", facts.failures, "why, image by image"),
        ),
        "Discussion and other information": (
            Item("40", "Limitations", facts.limitations, "all others"),
            Item("41", "Implications for practice"),
            Item("42", "Where the protocol and further details are", facts.details),
            Item("43", "Availability of software, model and data", facts.availability, "where they lie"),
            Item("44", "Funding and the funders' role"),
        ),
    },
)

TRIPOD = Checklist(
    "TRIPOD+AI",
    "Collins et al., BMJ 2024;385:e078378",
    {
        "Title, abstract, introduction": (
            Item("1", "Development or evaluation of a model, target population, outcome", facts.technology),
            Item("2", "Structured abstract"),
            Item("3a", "Healthcare context and rationale"),
            Item("3b", "Target population, purpose and users"),
            Item("3c", "Known inequalities between groups"),
            Item("4", "Objectives"),
        ),
        "Methods: data and outcome": (
            Item("5a", "Sources of data", facts.sources, "why these, and how representative"),
            Item("5b", "Dates"),
            Item("6a", "Setting and centers", facts.centers),
            Item("6b", "Eligibility", facts.exclusions, "how patients were chosen"),
            Item("6c", "Treatments"),
            Item("7", "Preparation of the data", facts.preprocessing),
            Item("8a", "Outcome", facts.label_source, "how and when it was assessed"),
            Item("8b", "Assessors of the outcome"),
            Item("8c", "Blinding of the assessment"),
            Item("9a", "Choice of predictors", facts.predictors),
            Item("9b", "Definition of predictors", facts.preprocessing),
            Item("9c", "Assessors of predictors"),
            Item("10", "Sample size", facts.flow, "how the size was arrived at"),
            Item("11", "Missing data", facts.missing),
        ),
        "Methods: analysis": (
            Item("12a", "Use of the data in development and evaluation", facts.partitions),
            Item("12b", "Handling of predictors", facts.preprocessing),
            Item("12c", "Model, building, tuning, internal validation", facts.training),
            Item("12d", "Heterogeneity between clusters", facts.heterogeneity),
            Item("12e", "Measures of performance", facts.metrics),
            Item("12f", "Updating of the model", facts.updating),
            Item("12g", "How predictions were calculated", facts.calculation),
            Item("13", "Class imbalance", facts.imbalance),
            Item("14", "Fairness", facts.fairness, "which groups matter here, and why"),
            Item("15", "Output of the model and its thresholds", facts.output),
            Item("16", "Differences between training and evaluation", facts.differences),
            Item("17", "Ethical approval"),
        ),
        "Open science and involvement": (
            Item("18a", "Funding"),
            Item("18b", "Conflicts of interest"),
            Item("18c", "Protocol"),
            Item("18d", "Registration"),
            Item("18e", "Sharing of data", facts.availability, "where they lie"),
            Item("18f", "Sharing of code", facts.software),
            Item("19", "Involvement of patients and the public"),
        ),
        "Results": (
            Item("20a", "Flow of participants", facts.flow),
            Item("20b", "Characteristics of participants", facts.characteristics),
            Item("20c", "Development and evaluation data compared", facts.differences),
            Item("21", "Numbers of participants and outcomes in each analysis", facts.images_and_patients),
            Item("22", "The full model", facts.details),
            Item("23a", "Performance with intervals, and in subgroups", facts.performance),
            Item("23b", "Heterogeneity of performance", facts.heterogeneity),
            Item("24", "Results of updating", facts.updating),
        ),
        "Discussion": (
            Item("25", "Interpretation"),
            Item("26", "Limitations", facts.limitations, "all others"),
            Item("27a", "Poor-quality or missing input", facts.exclusions),
            Item("27b", "What users must do, and know"),
            Item("27c", "Next steps"),
        ),
    },
)

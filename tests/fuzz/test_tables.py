"""A bounded run of the fuzzing of tables, records and weights; the long one is by command."""

from fuzz.tables import outcomes


def test_each_damaged_file_is_read_or_refused_in_one_line() -> None:
    found = list(outcomes(400, seed=17))
    assert [(name, wrong) for name, _, _, wrong in found if wrong] == []
    assert {outcome for _, _, outcome, _ in found} == {"read", "refused"}

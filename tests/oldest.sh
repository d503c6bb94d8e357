#!/usr/bin/env bash
# Install the oldest versions that pyproject.toml allows, run a study with them, and the tests of reading and
# of metrics.
#
#     tests/oldest.sh FOLDER      (a new folder for the environment; needs uv)
set -euo pipefail
cd "$(dirname "$0")/.."
environment=$(realpath "$1")
uv venv --python 3.11 "$environment"
uv pip install --python "$environment/bin/python" --resolution lowest-direct '.[dev]'
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
export XDG_CACHE_HOME=$work/cache PATH=$environment/bin:$PATH
(
    cd "$work"
    cxr phantom -o phantom --count 36 --size 64
    cxr preprocess phantom/images -o dataset --size 32
    cxr split dataset -o split.csv --val 0.25 --test 0.25
    cxr train dataset --split split.csv -o run --width 0.0625 --epochs 1
    cxr test run --resamples 100
    cxr stratify run/predictions.csv --by sex --resamples 100
    cxr report run
)
python -m pytest -q tests/images tests/evaluation tests/test_artifacts.py tests/test_user_tables.py

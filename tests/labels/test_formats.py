"""Label tables as public collections publish them; the rows here are made up in the published layouts."""

from pathlib import Path
from typing import get_args

import pytest

from cxr_cli.errors import BadInput
from cxr_cli.labels.choices import Format
from cxr_cli.labels.formats import FORMATS, Published, read_published
from cxr_cli.labels.table import LabelRow

NIH = """\
Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,\
OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],
00000001_000.png,Cardiomegaly,0,1,058Y,M,PA,2682,2749,0.143,0.143,
00000001_001.png,Cardiomegaly|Emphysema,1,1,58,M,PA,2894,2729,0.143,0.143,
00000002_000.png,No Finding,0,2,018M,F,AP,2500,2048,0.168,0.168,
"""

RSNA_BOXES = """\
patientId,x,y,width,height,Target
0004cfab,,,,,0
00436515,264.0,152.0,213.0,379.0,1
00436515,562.0,152.0,256.0,453.0,1
"""

RSNA_CLASSES = """\
patientId,class
0004cfab,No Lung Opacity / Not Normal
003d8fa0,Normal
00436515,Lung Opacity
00436515,Lung Opacity
"""

COHEN = """\
patientid,offset,sex,age,finding,RT_PCR_positive,view,modality,date,folder,filename,license,\
clinical_notes,other_notes
2,0,M,65,Pneumonia/Viral/COVID-19,Y,PA,X-ray,2020,images,a.jpg,CC,"a note,
of two lines",other
4,5,F,52,Pneumonia/Bacterial/Streptococcus,,AP Supine,X-ray,2020,images,b.png,CC,,
5,0,,,No Finding,,PA,X-ray,,images,c.png,,,
6,0,,,todo,,PA,X-ray,,images,d.png,,,
7,0,M,40,Pneumonia/Viral/COVID-19,Y,Axial,CT,,volumes,e.nii.gz,,,
8,0,M,40,"COVID-19, ARDS",Y,PA,X-ray,,images,f.png,,,
"""

CHEXPERT = """\
Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Cardiomegaly,Edema,Pleural Effusion,Support Devices
CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,0.0,
CheXpert-v1.0-small/train/patient00002/study1/view1_frontal.jpg,Male,87,Frontal,PA,,1.0,,1.0,1.0
CheXpert-v1.0-small/train/patient00002/study1/view2_lateral.jpg,Male,87,Lateral,,,-1.0,,1.0,
CheXpert-v1.0-small/train/patient00003/study2/view1_frontal.jpg,Unknown,0,Frontal,AP,,,,,
"""


def read(tmp_path: Path, text: str, label_format: str, finding: str | None = None) -> list[LabelRow]:
    table = tmp_path / ("list.txt" if label_format == "covidx" else "table.csv")
    table.write_text(text, "utf-8")
    return read_published([table], Published(label_format, finding))


def outcomes(rows: list[LabelRow]) -> list[str]:
    """The class of each row, or why it is left out."""
    assert all((row.label == "") == (row.reason is not None) for row in rows)
    return [row.reason or row.label for row in rows]


@pytest.mark.parametrize(
    ("label_format", "text", "finding", "expected"),
    [
        ("nih", NIH, None, ["Cardiomegaly", "several findings: Cardiomegaly, Emphysema", "No Finding"]),
        ("nih", NIH, "Emphysema", ["negative", "positive", "negative"]),
        ("nih", NIH, "No Finding", ["negative", "negative", "positive"]),
        ("rsna", RSNA_BOXES, None, ["No Lung Opacity", "Lung Opacity"]),
        ("rsna", RSNA_BOXES, "Lung Opacity", ["negative", "positive"]),
        ("rsna", RSNA_CLASSES, None, ["No Lung Opacity / Not Normal", "Normal", "Lung Opacity"]),
        ("rsna", RSNA_CLASSES, "Lung Opacity", ["negative", "negative", "positive"]),
        ("covidx", "7 a a.png pneumonia rsna\n8 b.png normal rsna\n", None, ["pneumonia", "normal"]),
        ("covidx", "7 a a.png pneumonia rsna\n8 b.png normal rsna\n", "normal", ["negative", "positive"]),
        (
            "cohen",
            COHEN,
            None,
            [
                "COVID-19",
                "Streptococcus",
                "No Finding",
                "no finding given",
                "no X-ray: modality CT",
                "several findings: COVID-19, ARDS",
            ],
        ),
        (
            "cohen",
            COHEN,
            "COVID-19",
            ["positive", "negative", "negative", "no finding given", "no X-ray: modality CT", "positive"],
        ),
        (
            "cohen",
            COHEN,
            "Pneumonia",
            ["positive", "positive", "negative", "no finding given", "no X-ray: modality CT", "negative"],
        ),
        (
            "chexpert",
            CHEXPERT,
            None,
            [
                "No Finding",
                "several findings: Cardiomegaly, Pleural Effusion, Support Devices",
                "uncertain findings: Cardiomegaly",
                "no finding given",
            ],
        ),
        (
            "chexpert",
            CHEXPERT,
            "Cardiomegaly",
            ["negative", "positive", "uncertain finding: Cardiomegaly", "negative"],
        ),
        ("chexpert", CHEXPERT, "Pleural Effusion", ["negative", "positive", "positive", "negative"]),
    ],
)
def test_the_class_of_each_image(
    tmp_path: Path, label_format: str, text: str, finding: str | None, expected: list[str]
) -> None:
    assert outcomes(read(tmp_path, text, label_format, finding)) == expected


def test_nih_values(tmp_path: Path) -> None:
    first, _, third = read(tmp_path, NIH, "nih")
    assert first.path == "00000001_000.png"
    assert first.values == {
        "Image Index": "00000001_000.png",
        "Finding Labels": "Cardiomegaly",
        "Follow-up #": "0",
        "patient_id": "1",
        "age": "58",
        "sex": "M",
        "view_position": "PA",
        "OriginalImage[Width": "2682",
        "Height]": "2749",
        "OriginalImagePixelSpacing[x": "0.143",
        "y]": "0.143",
    }
    assert (third.values["age"], third.values["sex"]) == ("1.5", "F")


def test_rsna_boxes_of_a_patient_are_joined(tmp_path: Path) -> None:
    without, boxed = read(tmp_path, RSNA_BOXES, "rsna")
    assert without.values == {"patient_id": "0004cfab", "boxes": ""}
    assert boxed.path == "00436515"
    assert boxed.values["boxes"] == "264.0 152.0 213.0 379.0; 562.0 152.0 256.0 453.0"
    assert read(tmp_path, RSNA_CLASSES, "rsna")[0].values == {"patient_id": "0004cfab"}


def test_cohen_values_have_no_free_text(tmp_path: Path) -> None:
    first, second, *_ = read(tmp_path, COHEN, "cohen")
    assert first.path == "a.jpg"
    assert {"patient_id", "sex", "age", "view_position", "modality", "finding"} <= first.values.keys()
    assert not {"clinical_notes", "other_notes", "filename"} & first.values.keys()
    assert (second.values["view_position"], second.values["view"]) == ("AP", "AP Supine")


def test_chexpert_values(tmp_path: Path) -> None:
    first, _, lateral, unknown = read(tmp_path, CHEXPERT, "chexpert")
    assert first.values == {
        "patient_id": "patient00001",
        "sex": "F",
        "age": "68",
        "view_position": "AP",
        "No Finding": "1.0",
        "Cardiomegaly": "",
        "Edema": "",
        "Pleural Effusion": "0.0",
        "Support Devices": "",
    }
    assert lateral.values["view_position"] == "LATERAL"
    assert unknown.values["sex"] == ""
    assert first.identifying_parts == 3


@pytest.mark.parametrize(
    ("label_format", "text", "finding", "message"),
    [
        ("nih", "path,label\na,b\n", None, "no column 'Image Index'; it has 'path', 'label'"),
        (
            "nih",
            NIH,
            "Pneumonia",
            "no image has the finding 'Pneumonia'; there are 'Cardiomegaly', 'Emphysema'",
        ),
        ("rsna", "patientId,label\n1,2\n", None, "no column 'Target' nor 'class'"),
        ("rsna", "patientId,Target\n1,2\n", None, "column 'Target' holds '2'; known are 0 and 1"),
        ("covidx", "7 a.png\n", None, "line 1 has 2 fields"),
        ("cohen", "patientid,finding,filename\n1,x,a.png\n", None, "no column 'view'"),
        (
            "chexpert",
            CHEXPERT.replace("-1.0", "yes"),
            None,
            "row 3, column 'Cardiomegaly' holds 'yes'; known are 1, 0, -1 and empty",
        ),
    ],
)
def test_a_table_of_another_layout_is_refused(
    tmp_path: Path, label_format: str, text: str, finding: str | None, message: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        read(tmp_path, text, label_format, finding)
    assert message in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_the_formats_are_those_of_the_command_line() -> None:
    assert tuple(FORMATS) == get_args(Format)


def test_the_real_findings_of_cxr3_in_nih_s_layout(real_images: Path, tmp_path: Path) -> None:
    """The columns of cxr3's own table that are NIH's, written back under NIH's names."""
    from cxr_cli.artifacts import read_csv

    real = read_csv(real_images / "cxr3" / "metadata.csv")
    real = real[real["source"] == "nih"]
    lines = ["Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"]
    lines += [
        f"{Path(image.path).name},{'Pneumonia' if image.label == 'pneumonia' else 'No Finding'},0,"
        f"{image.patient_id},{int(image.age):03}Y,{image.sex},{image.view_position}"
        for image in real.itertuples()
    ]
    rows = read(tmp_path, "\n".join(lines) + "\n", "nih", "Pneumonia")
    assert [row.label == "positive" for row in rows] == (real["label"] == "pneumonia").tolist()
    for column in ("patient_id", "sex", "age", "view_position"):
        assert [row.values[column] for row in rows] == real[column].tolist()

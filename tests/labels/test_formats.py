"""Label tables as public collections publish them; the rows here are made up in the published layouts."""

import gzip
from dataclasses import replace
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


PADCHEST = """\
,ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,Projection,Report,Labels
0,a.png,0,20140915,S1,839860488694292331637988,1930.0,F,PA,texto,"['emphysema', ' cardiomegaly']"
1,b.png,0,20120505,S2,84,1964.0,M,L,texto,['normal']
2,c.png,0,20120505,S2,84,,M,AP_horizontal,texto,"['cardiomegaly', 'cardiomegaly', '']"
3,d.png,0,20120505,S3,85,1964.0,None,COSTAL,texto,['fracture']
4,e.png,0,20120505,S4,86,1964.0,M,PA,texto,
5,f.png,0,20120505,S4,86,1964.0,M,PA,texto,['exclude']
"""

VINDR_BOXES = """\
image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max
5032,No finding,14,R11,,,,
5032,No finding,14,R7,,,,
5032,Cardiomegaly,3,R10,691,1375,1653,1831
9a53,Cardiomegaly,3,R9,691,1375,1653,1831
9a53,Cardiomegaly,3,R10,700,1380,1650,1830
9a53,Pleural effusion,10,R10,1,2,3,4
9a53,Aortic enlargement,0,R8,1264,743,1611,1019
0512,Cardiomegaly,3,R1,1,2,3,4
0512,No finding,14,R2,,,,
0513,Cardiomegaly,3,R1,1,2,3,4
0513,Mass,3,R2,1,2,3,4
0513,Nodule,3,R3,1,2,3,4
"""

VINDR_LABELS = """\
image_id,rad_id,Cardiomegaly,Mass,No finding
5032,R11,0,0,1
5032,R7,0,0,1
5032,R10,1,0,0
9a53,R9,1,0,0
9a53,R10,1,1,0
9a53,R8,0,0,1
"""

VINDR_TEST = """\
image_id,Cardiomegaly,Mass,No finding,institute
5032,0,0,1,A
9a53,1,0,0,B
"""

MIMIC = """\
subject_id,study_id,Atelectasis,Cardiomegaly,No Finding,Pneumonia
10000032,50414267,,,1.0,
10000032,53189527,1.0,,,0.0
10000764,57375967,,,,-1.0
"""

MIMIC_METADATA = """\
dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime
02aa804e,10000032,50414267,CHEST (PA AND LAT),PA,3056,2544,21800506,213014.531
174413ec,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544,21800506,213014.531
2a2277a9,10000032,53189527,CHEST (PA AND LAT),AP,3056,2544,21800626,165500.312
dead0000,10000099,99999999,CHEST (PA AND LAT),AP,3056,2544,21800626,165500.312
"""

MIMIC_SPLIT = """\
dicom_id,study_id,subject_id,split
02aa804e,50414267,10000032,train
2a2277a9,53189527,10000032,test
"""

SIIM = """\
ImageId, EncodedPixels
1.2.276.1,557374 2 1015 8
1.2.276.1,557375 3
1.2.276.2, -1
1.2.276.3,-1
1.2.276.3,5 2
1.2.276.4,
"""

OPENI_PROJECTIONS = """\
uid,filename,projection
1,1_IM-0001-4001.dcm.png,Frontal
1,1_IM-0001-3001.dcm.png,Lateral
2,2_IM-0652-1001.dcm.png,Frontal
3,3_IM-1384-1001.dcm.png,Frontal
4,4_IM-2050-1001.dcm.png,Frontal
9,9_IM-2407-1001.dcm.png,Frontal
"""

OPENI_REPORTS = """\
uid,MeSH,Problems,image,indication,comparison,findings,impression
1,normal,normal,Xray Chest PA and Lateral,Positive TB test,None.,"The cardiac
silhouette is normal.",Normal chest
2,Cardiomegaly/borderline;Pulmonary Artery/enlarged,Cardiomegaly;Pulmonary Artery,x,x,x,x,x
3,Opacity/lung/upper lobe/left,,x,x,x,x,x
4,No Indexing,No Indexing,x,x,x,x,x
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
        (
            "padchest",
            PADCHEST,
            None,
            [
                "several findings: emphysema, cardiomegaly",
                "normal",
                "cardiomegaly",
                "no view of the chest: Projection COSTAL",
                "no finding given",
                "excluded by PadChest's readers",
            ],
        ),
        (
            "padchest",
            PADCHEST,
            "cardiomegaly",
            [
                "positive",
                "negative",
                "positive",
                "no view of the chest: Projection COSTAL",
                "no finding given",
                "excluded by PadChest's readers",
            ],
        ),
        (
            "vindr",
            VINDR_BOXES,
            None,
            [
                "No finding",
                "Cardiomegaly",
                "uncertain findings: Cardiomegaly, No finding",
                "no finding of most readers",
            ],
        ),
        (
            "vindr",
            VINDR_BOXES,
            "Cardiomegaly",
            ["negative", "positive", "uncertain finding: Cardiomegaly", "negative"],
        ),
        ("vindr", VINDR_LABELS, None, ["No finding", "Cardiomegaly"]),
        ("vindr", VINDR_TEST, "Cardiomegaly", ["negative", "positive"]),
        ("mimic", MIMIC, None, ["No Finding", "Atelectasis", "uncertain findings: Pneumonia"]),
        ("mimic", MIMIC, "Pneumonia", ["negative", "negative", "uncertain finding: Pneumonia"]),
        (
            "nih",
            NIH.replace(",Cardiomegaly,", ",,"),
            "Emphysema",
            ["no finding given", "positive", "negative"],
        ),
        (
            "siim",
            SIIM,
            "Pneumothorax",
            ["positive", "negative", "uncertain finding: Pneumothorax", "no finding given"],
        ),
        (
            "siim",
            SIIM,
            None,
            ["Pneumothorax", "No Pneumothorax", "uncertain findings: Pneumothorax", "no finding given"],
        ),
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


def write_all(tmp_path: Path, *texts: str) -> list[Path]:
    tables = [tmp_path / f"{number}.csv" for number in range(len(texts))]
    for table, text in zip(tables, texts, strict=True):
        table.write_text(text, "utf-8")
    return tables


def test_padchest_values_have_no_dates_and_no_report(tmp_path: Path) -> None:
    first, second, third, *_ = read(tmp_path, PADCHEST, "padchest")
    assert first.values == {
        "ImageID": "a.png",
        "ImageDir": "0",
        "StudyID": "S1",
        "patient_id": "839860488694292331637988",
        "sex": "F",
        "Projection": "PA",
        "Labels": "['emphysema', ' cardiomegaly']",
        "view_position": "PA",
        "age": "84",
    }
    assert (second.values["view_position"], third.values["view_position"]) == ("LATERAL", "AP")
    assert "age" not in third.values


def test_each_reader_of_vindr_is_a_column_in_the_words_of_the_classes(tmp_path: Path) -> None:
    for text in (VINDR_BOXES, VINDR_LABELS):
        first, second, *_ = read(tmp_path, text, "vindr", "Cardiomegaly")
        assert first.path == "5032"
        calls = {"reader_R11": "negative", "reader_R7": "negative", "reader_R10": "positive"}
        assert {name: value for name, value in first.values.items() if name != "boxes"} == calls
        assert (second.values["reader_R9"], second.values["reader_R8"]) == ("positive", "negative")
    assert read(tmp_path, VINDR_LABELS, "vindr")[1].values == {
        "reader_R9": "Cardiomegaly",
        "reader_R10": "Cardiomegaly, Mass",
        "reader_R8": "No finding",
    }
    assert read(tmp_path, VINDR_BOXES, "vindr")[0].values["boxes"] == "R10 Cardiomegaly 691 1375 1653 1831"
    assert read(tmp_path, VINDR_TEST, "vindr")[0].values == {}


def test_mimic_by_study_is_of_its_folder(tmp_path: Path) -> None:
    first, *_ = read(tmp_path, MIMIC, "mimic")
    assert (first.path, first.of_folder) == ("p10000032/s50414267", True)
    assert first.values == {
        "patient_id": "10000032",
        "study_id": "50414267",
        "Atelectasis": "",
        "Cardiomegaly": "",
        "No Finding": "1.0",
        "Pneumonia": "",
    }
    without_subject = "\n".join(line.partition(",")[2] for line in MIMIC.splitlines())
    assert read(tmp_path, without_subject, "mimic")[0].path == "s50414267"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_mimic_with_metadata_is_by_image(tmp_path: Path, order: tuple[int, ...]) -> None:
    texts = [(MIMIC, MIMIC_METADATA, MIMIC_SPLIT)[number] for number in order]
    rows = read_published(write_all(tmp_path, *texts), Published("mimic", "Atelectasis"))
    by_path = {row.path: row for row in rows}
    assert {path: row.reason or row.label for path, row in by_path.items()} == {
        "02aa804e": "negative",
        "174413ec": "negative",
        "2a2277a9": "positive",
        "dead0000": "no row of its study in the label tables",
    }
    first = by_path["02aa804e"]
    assert not first.of_folder
    assert (first.values["patient_id"], first.values["view_position"]) == ("10000032", "PA")
    assert (first.values["split"], first.values["No Finding"]) == ("train", "1.0")
    assert not {"StudyDate", "StudyTime", "subject_id"} & first.values.keys()
    assert by_path["174413ec"].values["view_position"] == "LATERAL"


def test_siim_counts_masks(tmp_path: Path) -> None:
    assert [row.values for row in read(tmp_path, SIIM, "siim")][:2] == [{"masks": "2"}, {"masks": "0"}]


def test_openi_joins_reports_to_images_without_their_text(tmp_path: Path) -> None:
    for texts in ((OPENI_PROJECTIONS, OPENI_REPORTS), (OPENI_REPORTS, OPENI_PROJECTIONS)):
        rows = read_published(write_all(tmp_path, *texts), Published("openi"))
        assert outcomes(rows) == [
            "normal",
            "normal",
            "several findings: Cardiomegaly, Pulmonary Artery",
            "Opacity",
            "no finding given",
            "no row of its study in the label tables",
        ]
        assert rows[0].path == "1_IM-0001-4001.dcm.png"
        assert rows[0].values == {
            "patient_id": "1",
            "MeSH": "normal",
            "Problems": "normal",
            "filename": "1_IM-0001-4001.dcm.png",
        }
        assert rows[1].values["view_position"] == "LATERAL"


@pytest.mark.parametrize(
    ("label_format", "texts", "message"),
    [
        ("mimic", (MIMIC_METADATA,), "no findings; give mimic-cxr-2.0.0-chexpert.csv.gz, too"),
        ("mimic", ("study_id,x\n1,2\n",), "neither findings, such as 'Pneumonia', nor a column 'dicom_id'"),
        (
            "mimic",
            (MIMIC, MIMIC.replace(",1.0,\n", ",,1.0\n")),
            "row 1: study_id 50414267 has other findings in",
        ),
        ("openi", (OPENI_PROJECTIONS,), "no column 'Problems'; give indiana_reports.csv, too"),
        ("openi", (OPENI_REPORTS,), "no column 'filename'; give indiana_projections.csv, too"),
        ("openi", ("uid,x\n1,2\n",), "no column 'filename', 'Problems' or 'MeSH'"),
    ],
)
def test_what_is_missing_beside_a_table_is_named(
    tmp_path: Path, label_format: str, texts: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        read_published(write_all(tmp_path, *texts), Published(label_format))
    assert message in str(refusal.value)


@pytest.mark.parametrize("label_format", get_args(Format))
def test_a_published_table_may_be_packed(tmp_path: Path, label_format: str) -> None:
    texts = {
        "nih": [NIH],
        "rsna": [RSNA_BOXES],
        "covidx": ["7 a.png pneumonia rsna\n"],
        "cohen": [COHEN],
        "chexpert": [CHEXPERT],
        "padchest": [PADCHEST],
        "vindr": [VINDR_LABELS],
        "mimic": [MIMIC, MIMIC_METADATA],
        "siim": [SIIM],
        "openi": [OPENI_PROJECTIONS, OPENI_REPORTS],
    }[label_format]
    plain = write_all(tmp_path, *texts)
    packed = [table.with_name(f"{table.name}.gz") for table in plain]
    for table, other in zip(plain, packed, strict=True):
        other.write_bytes(gzip.compress(table.read_bytes()))

    def rows(tables: list[Path]) -> list[LabelRow]:
        return [replace(row, table=Path()) for row in read_published(tables, Published(label_format))]

    expected = rows(plain)
    if label_format == "covidx":  # named by the file's name
        expected = [replace(row, values={**row.values, "listed_in": "0"}) for row in expected]
    assert rows(packed) == expected


def test_chexpert_s_test_set_has_its_views_in_the_names(tmp_path: Path) -> None:
    folder = "CheXpert\\test\\patient64741\\study1"
    text = "Path,Pneumonia\n" + "".join(f"{folder}\\view1_{view}.jpg,1\n" for view in ("frontal", "lateral"))
    frontal, lateral = read(tmp_path, text, "chexpert")
    assert (frontal.label, frontal.values["patient_id"]) == ("Pneumonia", "patient64741")
    assert (frontal.values["view_position"], lateral.values["view_position"]) == ("", "LATERAL")


@pytest.mark.parametrize(
    ("label_format", "text", "finding", "message"),
    [
        ("padchest", "ImageID,PatientID,Labels\na,1,normal\n", None, "row 1, column 'Labels' holds no list"),
        ("vindr", "image_id,Mass\na,1\n", None, "no column 'class_name' and no column 'No finding'"),
        (
            "vindr",
            VINDR_LABELS.replace("R9,1", "R9,x"),
            None,
            "row 4, column 'Cardiomegaly' holds 'x'; known are 0 and 1",
        ),
        ("mimic", MIMIC.replace("-1.0", "2"), None, "row 3, column 'Pneumonia' holds '2'"),
        ("siim", "ImageId,x\n1,2\n", None, "no column 'EncodedPixels'"),
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

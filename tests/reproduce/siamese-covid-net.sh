#!/usr/bin/env bash
# Tables 1 to 3 of "Siamesifying the COVID-Net", with narrow models and few epochs:
#   tests/reproduce/siamese-covid-net.sh IMAGES LABELS.csv OUT
# About 15 minutes for 911 images on 2 CPU cores.
set -euo pipefail
images=$1 labels=$2 out=$3
epochs=${EPOCHS:-6} width=${WIDTH:-0.125} size=${SIZE:-96}
mkdir -p "$out" && cd "$out"

cxr preprocess "$images" --labels "$labels" -o dataset --size "$size"
cxr split dataset -o split.csv                                  # Table 1
small=(--width "$width" --lr 1e-3 --epochs "$epochs")
siamese=(--pairing in-batch --pairs 5000)
cxr sweep dataset --split split.csv -o sweep-single --recipe single --width "$width" --epochs 1 \
  --lr 1e-3 --lr 1e-4 --batch-size 16                           # Table 2, two of its nine points
cxr train dataset --split split.csv -o single --recipe single "${small[@]}"
cxr test single                                                 # Table 3; Figure 5
cxr train dataset --split split.csv -o siamese --recipe siamese "${small[@]}" "${siamese[@]}"
cxr validate3way siamese --trials 60
cxr template siamese
cxr test siamese                                                # Table 3; Figure 6
cxr compare single siamese -o compare                           # their difference and its p

cxr preprocess "$images" --labels "$labels" -o cropped --size "$size" --crop-top 0.08 --crop-border 0.08
cxr train cropped --split split.csv -o single-cropped --recipe single "${small[@]}"
cxr test single-cropped                                         # Table 3, cropped

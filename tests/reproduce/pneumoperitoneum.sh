#!/usr/bin/env bash
# The tables and figures of the pneumoperitoneum paper, with two small models and few epochs:
#   tests/reproduce/pneumoperitoneum.sh IMAGES LABELS.csv OUT
# Trained on fixed systems, tested on all others. About 6 minutes for 144 images on 2 CPU cores.
set -euo pipefail
images=$1 labels=$2 out=$3
epochs=${EPOCHS:-4}
mkdir -p "$out" && cd "$out"

cxr preprocess "$images" --labels "$labels" -o dataset
cxr split dataset -o split.csv --train-where "portable == 'fixed'" --val 0.2

cxr describe dataset --split split.csv -o describe             # Table 1; Figure 1: flow.png; Figure 3: manufacturers.png
for arch in efficientnet_lite0 efficientnet_lite1; do
  cxr train dataset --split split.csv -o "$arch" --recipe finetune --arch "$arch" \
    --epochs "$epochs" --batch-size 16 --lr 1e-3
  cxr test "$arch"
done
cxr compare efficientnet_lite0 efficientnet_lite1 -o compare   # Table 2; Figure 5: roc.png
cxr stratify efficientnet_lite0/predictions.csv --by manufacturer --by view_position -o strata   # Table 3; Figure 6
cxr compare efficientnet_lite0 efficientnet_lite1 --by manufacturer --by view_position -o compare-by   # Table 4
cxr gradcam efficientnet_lite0 -o maps --pick tp --pick fp --count 4 --color red                 # Figure 7

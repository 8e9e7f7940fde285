#!/bin/sh
# The potential potentials/molybdenum_density.h5: a density network of two layers and one of one layer become one
# committee. From the folder of the project: inputs/train_molybdenum_density.sh; 2 minutes of one core. Arguments go to
# each training, e.g. --set data.0.file=train.xyz --set data.1.file=test.xyz; TRAIN and TEST say the same to the last
# three commands.
set -eu
data=../shared/reference/datasets

train() {
    mdcore train inputs/train_molybdenum_density.toml "$@"
}

train "$@"
train --set output.name=molybdenum_density_one --set model.layers=1 --set loss.energy=balanced \
    --set optimizer.1.step=0.001 "$@"

mdcore convert results/molybdenum_density_two.h5 results/molybdenum_density_one.h5 results/molybdenum_density.h5 \
    --data "${TRAIN:-$data/Mo_mlearn_train.xyz}"
labels="stress=virial_stress_raw,stress_unit=kbar,stress_order=xx yy zz xy xz yz,stress_sign=pressure"
mdcore evaluate results/molybdenum_density.h5 "${TRAIN:-$data/Mo_mlearn_train.xyz}" --labels "$labels" --record train
mdcore evaluate results/molybdenum_density.h5 "${TEST:-$data/Mo_mlearn_test.xyz}" --labels "$labels" --record test

#!/bin/sh
# Three density networks of molybdenum, all of one layer, of products of four and of three densities, and their mean, beside
# linear ACE (docs/benchmarks/potentials.md, "Products of four densities"); no file in potentials/ is of it. From the folder of the
# project: inputs/train_molybdenum_one_layer.sh; about 3 minutes of one core. TRAIN and TEST say where the data are.
set -eu
TRAIN=${TRAIN:-../shared/reference/datasets/Mo_mlearn_train.xyz}
TEST=${TEST:-../shared/reference/datasets/Mo_mlearn_test.xyz}

train() {
    mdcore train "$@" --set data.0.file="$(realpath "$TRAIN")" --set data.1.file="$(realpath "$TEST")"
}

train inputs/train_molybdenum_one_layer.toml
train inputs/train_molybdenum_phases.toml --set model.layers=1 --set model.l_max=3 --set loss.energy=balanced --set optimizer.1.step=0.001 \
    --set output.name=molybdenum_three
train inputs/train_molybdenum_phases.toml --set model.layers=1 --set model.l_max=3 --set loss.energy=balanced --set optimizer.1.step=0.001 \
    --set optimizer.1.epochs=25 --set optimizer.1.energy=100 --set output.name=molybdenum_three_energies
mdcore convert results/molybdenum_one_layer.h5 results/molybdenum_three.h5 results/molybdenum_three_energies.h5 \
    results/molybdenum_one_layer_all.h5 --data "$TRAIN"

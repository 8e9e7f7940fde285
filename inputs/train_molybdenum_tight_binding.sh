#!/bin/sh
# potentials/molybdenum_density.h5: three density networks of one layer, two of which learned from tight binding
# (docs/benchmarks.md, "What networks of products of four learn of it"). From the folder of the project, after
# inputs/train_molybdenum_taught.sh: inputs/train_molybdenum_tight_binding.sh; half an hour or more of one core, as a label
# takes a second; needs ASE and SciPy. Its steps were run one by one, the labels of the file that ships by an earlier form
# of inputs/molybdenum; not yet as a whole. TRAIN and TEST say where the data are.
set -eu
TRAIN=${TRAIN:-../shared/reference/datasets/Mo_mlearn_train.xyz}
TEST=${TEST:-../shared/reference/datasets/Mo_mlearn_test.xyz}

train() {
    mdcore train inputs/train_molybdenum_tight_binding.toml --set data.0.file="$(realpath "$TRAIN")" \
        --set data.1.file="$(realpath "$TEST")" "$@"
}

teach() {
    python inputs/molybdenum/teach.py "$TRAIN" --dynamics results/molybdenum_one.h5 --beside results/molybdenum_taught.extxyz "$@"
}

teach --runs 9 --output results/molybdenum_tight_binding.extxyz
teach --runs 1 --seed 2 --output results/molybdenum_tight_binding_few.extxyz
for seed in 1 2; do
    # what tight binding knows, and then what the training set knows
    train --set seed=$seed --set output.name=molybdenum_before_$seed
    train --set seed=$seed --set output.name=molybdenum_four_$seed --set warm_start="$PWD/results/molybdenum_before_$seed.h5" \
        --set data.2.file="$PWD/results/molybdenum_tight_binding_few.extxyz" --set data.2.weight=0.1 \
        --set optimizer.0.epochs=1 --set optimizer.0.step=0.0003 --set optimizer.1.epochs=12 --set optimizer.1.step=0.0003
done

mdcore convert results/molybdenum_four_1.h5 results/molybdenum_four_2.h5 results/molybdenum_one.h5 \
    results/molybdenum_density.h5 --data "$TRAIN"
labels="stress=virial_stress_raw,stress_unit=kbar,stress_order=xx yy zz xy xz yz,stress_sign=pressure"
mdcore evaluate results/molybdenum_density.h5 "$TRAIN" --labels "$labels" --record train
mdcore evaluate results/molybdenum_density.h5 "$TEST" --labels "$labels" --record test

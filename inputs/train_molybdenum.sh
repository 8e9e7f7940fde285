#!/bin/sh
# The potential potentials/molybdenum.h5: four times six networks, whose descriptors differ, become one committee. From the
# folder of the project: inputs/train_molybdenum.sh; about 20 minutes of one core. Arguments go to each training, e.g.
# --set data.0.file=train.xyz --set data.1.file=test.xyz; TRAIN and TEST say the same to the last three commands.
set -eu
data=../shared/reference/datasets

train() {
    mdcore train inputs/train_molybdenum.toml "$@"
}

other() { # what the further three have in common
    number=$1
    shift
    train --set seed="$number" --set output.name=molybdenum-"$number" --set optimizer.0.epochs=8 \
        --set optimizer.0.variance=1 --set descriptors.radial=12 --set "descriptors.zetas=[1, 2, 4, 8, 16]" "$@"
}

train "$@"
other 2 --set descriptors.cutoff=7 --set descriptors.angular_cutoff=6 --set descriptors.angular=7 \
    --set descriptors.angular_shells=0 --set descriptors.keep=100 "$@"
other 3 --set descriptors.cutoff=7 --set descriptors.angular_cutoff=6.5 --set descriptors.angular=5 \
    --set descriptors.angular_shells=6 --set descriptors.keep=110 --set descriptors.cutoff_function=cosine "$@"
other 4 --set descriptors.cutoff=6.5 --set descriptors.angular_cutoff=6.5 --set descriptors.angular=7 \
    --set descriptors.angular_shells=5 --set descriptors.keep=120 "$@"

mdcore convert results/molybdenum.h5 results/molybdenum-2.h5 results/molybdenum-3.h5 results/molybdenum-4.h5 \
    results/molybdenum-all.h5 --data "${TRAIN:-$data/Mo_mlearn_train.xyz}"
labels="stress=virial_stress_raw,stress_unit=kbar,stress_order=xx yy zz xy xz yz,stress_sign=pressure"
mdcore evaluate results/molybdenum-all.h5 "${TRAIN:-$data/Mo_mlearn_train.xyz}" --labels "$labels" --record train
mdcore evaluate results/molybdenum-all.h5 "${TEST:-$data/Mo_mlearn_test.xyz}" --labels "$labels" --record test

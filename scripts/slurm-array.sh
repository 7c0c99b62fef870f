#!/usr/bin/env bash
# Features of a cohort on a SLURM cluster: each task of the array takes its part of the slides, on one GPU.
#
#   sbatch --array=1-8 scripts/slurm-array.sh /data/slides /data/job uni --weights /data/uni.safetensors
#
# Slides and job folder must be on a file system that all nodes see. A task that was killed or ran out of time is
# started again with the same command: what is done is not done again. Look at it before: add --dry-run.
#SBATCH --job-name=wsi-swarm
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=12:00:00
set -euo pipefail

if [ "$#" -lt 3 ]; then
  echo "usage: sbatch --array=1-N $0 SLIDES JOB ENCODER [options of wsi-swarm extract]" >&2
  exit 2
fi
slides=$1 job=$2 encoder=$3
shift 3

# Counted from the first task of this array: one that is submitted again for a few tasks has other parts, which does
# no harm, because the job folder knows what is done.
part=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))
parts=$((SLURM_ARRAY_TASK_MAX - SLURM_ARRAY_TASK_MIN + 1))
workers=${SLURM_CPUS_PER_TASK:-4}

# 5 means that some slides failed, each with its reason; the others go on.
wsi-swarm tile "$slides" --out "$job" --shard "$part/$parts" || [ "$?" -eq 5 ]
wsi-swarm extract "$slides" --out "$job" --encoder "$encoder" --shard "$part/$parts" --workers "$workers" "$@"

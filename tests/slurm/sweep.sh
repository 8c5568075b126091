#!/usr/bin/env bash
# usage: sweep.sh PROGRAM
# A sweep through a real Slurm (Debian: slurm-wlm, munge) that is started here, on one node, as root and
# without systemd, and stopped again. One task of the array job is killed on the way. The table has to be
# that of a sweep without Slurm. Needs root.
set -euo pipefail
program=$(readlink -f -- "$1")
for need in slurmctld slurmd munged sbatch squeue scancel; do
  command -v "$need" >/dev/null || { echo "sweep.sh: $need is not installed (slurm-wlm, munge)" >&2; exit 77; }
done
out=$(mktemp -d)
chmod 755 "$out"
pids=()
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for file in "$out"/slurmd.pid "$out"/slurmctld.pid "$out"/munged.pid; do
    [[ ! -f $file ]] || kill "$(<"$file")" 2>/dev/null || true
  done
  sleep 1
  rm -rf -- "$out"
}
trap stop EXIT
host=$(hostname -s)

# Munge proves to Slurm's parts who they are.
mkdir -p "$out/munge" "$out/spool" "$out/state"
dd if=/dev/urandom of="$out/munge/key" bs=1024 count=1 status=none
chmod 600 "$out/munge/key"
chown -R root:root "$out/munge"
munged --force --foreground 2>/dev/null --key-file="$out/munge/key" --socket="$out/munge/socket" \
  --pid-file="$out/munged.pid" --log-file="$out/munge/log" --seed-file="$out/munge/seed" &
pids+=($!)

cat >"$out/slurm.conf" <<END
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$out/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$out/state
SlurmdSpoolDir=$out/spool
SlurmctldPidFile=$out/slurmctld.pid
SlurmdPidFile=$out/slurmd.pid
SlurmctldLogFile=$out/slurmctld.log
SlurmdLogFile=$out/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SchedulerParameters=sched_interval=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=short Nodes=$host Default=YES MaxTime=60 State=UP
END
export SLURM_CONF=$out/slurm.conf
for ((i = 0; i < 50; ++i)); do [[ -S $out/munge/socket ]] && break; sleep 0.1; done
slurmctld -D >"$out/slurmctld.out" 2>&1 &
pids+=($!)
slurmd -D >"$out/slurmd.out" 2>&1 &
pids+=($!)
ready=false
for ((i = 0; i < 150; ++i)); do
  if sinfo -h -o %T 2>/dev/null | grep -q idle; then ready=true; break; fi
  sleep 0.2
done
if ! $ready; then
  echo "sweep.sh: Slurm did not start" >&2
  tail -5 "$out"/*.log "$out"/*.out >&2
  exit 1
fi

cd -- "$out"
cat >s.yaml <<'END'
base: mnist-mlp-lel
command: plan
set: [network=mnist-mlp-256]
axes:
  - {key: rule, values: [bp, lel]}
  - {key: policy, values: [layer, best]}
  - {key: batch, range: {from: 10, to: 50, step: 10}}
  - {key: device.buffer, range: {from: 32 KiB, to: 512 KiB, factor: 2}}
metrics: [words, high_water_bytes]
slurm: {tasks: 4, time: "10", partition: short, options: [--nice=1]}
END
"$program" sweep s.yaml --out alone -j 1 | head -1
"$program" sweep s.yaml --out cluster --engine slurm >cluster.log 2>&1 &
sweep=$!
# A task dies when it has done a part of its share.
killed=false
for ((i = 0; i < 600; ++i)); do
  count=$(find cluster/points -name '*.json' 2>/dev/null | wc -l || true)
  victim=$(pgrep -f "sweep .*--out '?$out/cluster.*--shard 2/4" | head -1 || true)
  if ((count >= 10)) && [[ -n $victim ]]; then
    kill -KILL "$victim"
    killed=true
    break
  fi
  sleep 0.05
done
$killed || { echo "no task could be killed"; cat cluster.log; exit 1; }
"$program" sweep status cluster
wait $sweep
cat cluster.log
[[ $(grep -c 'Slurm job' cluster.log) -ge 2 ]] || { echo "nothing was submitted again"; exit 1; }
"$program" sweep table alone --csv alone.csv >/dev/null
"$program" sweep table cluster --csv cluster.csv >/dev/null
cmp alone.csv cluster.csv
echo "through Slurm, one task killed: the same table"

#!/bin/sh
# shellcheck shell=dash
# secure-vmkfstools-wrapper: what an ESXi host without xcopy-agent runs for xcopy-coordinator, and for Forklift's pods, when they come by SSH with
# the restricted key. Put together from coordinator/host/script; do not edit it on a datastore. POSIX sh for busybox ash.
#
# Nothing that comes from outside is ever evaluated. Words of ours are percent-encoded (%20 for a blank), so that blanks, quotes, `&`,
# `;`, `$()` and line breaks are data and never syntax.
set -u
set -f # no word becomes a file name
LC_ALL=C
PATH=/bin:/sbin
export LC_ALL PATH

script_version=1
protocol_min=1
protocol_max=1
forklift_version=0.3.3 # what Forklift 2.11's own script says: with another it would put its own in our place

volumes=/vmfs/volumes
disks=/vmfs/devices/disks
max_running=4                   # clones at once: all that comes by SSH shares some 500 MB of memory (forklift README)
longest_descriptor=65536        # bytes
tool_limit=60                   # seconds that a question to esxcli may take
rescan_limit=300                # seconds that the rescan of one adapter may take

volatile=/tmp/xcopy-ssh         # what a reboot may take away: locks, who runs
if [ -d /scratch ] && [ -w /scratch ]; then
    state=/scratch/xcopy-ssh    # what it may not: orders, how they ended
else
    state=/tmp/xcopy-ssh-state
fi

tab=$(printf '\t')
newline='
'

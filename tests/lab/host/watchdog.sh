#!/bin/sh
# xcopy-lab's stand-in for VMware's watchdog (facts/esxi.md 4.2): keeps a command running until it fails too often.
#   watchdog.sh [++params] -d -s TAG [-u MINUP] [-q MAX_QUICK_FAILURES] [-t MAX_TOTAL] "CMD ++group=PATH args"
#   watchdog.sh -k TAG    stops the watchdog, not the command
#   watchdog.sh -r TAG    its pid
pids=/var/run/vmware
min_uptime=60
quick_most=5
while [ $# -gt 0 ]; do
    case $1 in
    ++* | -d | -i | -a) ;;
    -s) tag=$2 && shift ;;
    -u) min_uptime=$2 && shift ;;
    -q) quick_most=$2 && shift ;;
    -t | -b | -c | -f | -e) shift ;;
    -k)
        [ -s "$pids/watchdog-$2.PID" ] && kill "$(cat "$pids/watchdog-$2.PID")" 2>/dev/null
        rm -f "$pids/watchdog-$2.PID"
        exit 0
        ;;
    -r) exec cat "$pids/watchdog-$2.PID" ;;
    *) command=$1 ;;
    esac
    shift
done
mkdir -p "$pids"
echo $$ >"$pids/watchdog-$tag.PID"
trap 'exit 0' TERM
words=
# The agent that a VIB brought is run by the launcher of the lab, where there is one.
[ -s /bin/xcopy-launcher ] && words="/bin/xcopy-launcher --record /var/log/xcopy-launcher.log"
for word in $command; do
    case $word in
    ++group=*)
        localcli --plugin-dir=/usr/lib/vmware/esxcli/int sched group list --group-path="${word#++group=}" >/dev/null || {
            logger -t "watchdog-$tag" "no group ${word#++group=}: '$command' cannot start"
            exit 1
        }
        ;;
    *) words="$words $word" ;;
    esac
done
logger -t "watchdog-$tag" "Begin '$command', min-uptime = $min_uptime, max-quick-failures = $quick_most"
quick=0
while [ "$quick" -lt "$quick_most" ]; do
    begun=$(date +%s)
    # shellcheck disable=SC2086 # words of a command line
    setsid $words >>"/var/log/$tag.out" 2>&1 </dev/null &
    wait $!
    if [ $(($(date +%s) - begun)) -lt "$min_uptime" ]; then
        quick=$((quick + 1))
    else
        quick=0
    fi
    logger -t "watchdog-$tag" "'$command' exited"
done
logger -t "watchdog-$tag" "End '$command', failure limit reached"

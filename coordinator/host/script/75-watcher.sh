# ---- the watcher: the parent of vmkfstools, one a clone, in its own session ------------------------------------------------------

watch_clone() { # job
    trap '' HUP
    w_job=$1
    job_dir=$state/jobs/$1
    put "$volatile/run/$1" "$$"
    c_order=$(get "$job_dir/order")
    wait_for_a_slot
    refusal_file=$job_dir/refusal
    s_path=$(order_of "$1" path) s_volume=$(order_of "$1" volume) device=$(order_of "$1" target) size=$(order_of "$1" size)
    examine_source "$s_path" # the guards once more: an hour in the queue is a long time
    guard_attached "$1" "$device" "$size"
    guard_target "$size"
    source_device=$(source_devices | sed -n 1p)
    counters "$device" "$job_dir/before-target"
    [ -z "$source_device" ] || counters "$source_device" "$job_dir/before-source"
    if [ -f "$job_dir/stop" ]; then finish; fi
    mkdir "$job_dir/begun" || exit 1 # not written down, not begun; and only one can make it, ever
    put "$job_dir/started" "$(now_ms)"

    # rdm:, not rdmp: vmkfstools refuses to clone into a physical-mode mapping.
    /bin/vmkfstools -i "$s_path" -d "rdm:/vmfs/devices/disks/$device" "$(pointer_of "$s_path" "$1").vmdk" \
        > "$job_dir/out" 2> "$job_dir/err" < /dev/null &
    vmkfstools=$!
    put "$job_dir/vmkfstools" "$vmkfstools"
    mind "$1" "$vmkfstools" > /dev/null 2>&1 &
    minder=$!
    wait "$vmkfstools" 2> /dev/null
    put "$job_dir/exit" "$?"
    kill "$minder" 2>/dev/null
    counters "$device" "$job_dir/after-target"
    [ -z "$source_device" ] || counters "$source_device" "$job_dir/after-source"
    remove_pointers "$1"
    finish
}

# shellcheck disable=SC2317 # by the trap at the end
unlock_slot() { [ -z "${slot_number-}" ] || unlock "slot$slot" "$slot_number"; }

finish() {
    [ ! -f "$job_dir/stop" ] || cp "$job_dir/stop" "$job_dir/stopped"
    put "$job_dir/done" "$(now_ms)"
    exit 0 # our process id stays in run: the next clone of this id may already have written its own there
}

wait_for_a_slot() {
    while :; do
        if [ -f "$job_dir/stop" ]; then finish; fi
        if overdue "$w_job"; then continue; fi
        slot=1
        while [ "$slot" -le "$max_running" ]; do
            if try_lock "slot$slot"; then
                slot_number=$lock_number
                return 0
            fi
            slot=$((slot + 1))
        done
        pause_ms 200
    done
}

# True when it must end now: nobody asked for too long, or it takes too long.
overdue() { # job
    ttl=$(order_of "$1" ttl)
    heard=$(get "$state/jobs/$1/heard")
    if [ -n "$heard" ] && [ "$ttl" -gt 0 ] && [ $(($(uptime_s) - heard)) -ge "$ttl" ]; then
        ask_to_stop "$1" cancelled orphaned "nobody asked about it for $ttl s"
        return 0
    fi
    return 1
}

mind() { # job pid
    limit=$(order_of "$1" limit)
    until=$(($(uptime_s) + limit))
    while kill -0 "$2" 2>/dev/null; do
        if [ "$limit" -gt 0 ] && [ "$(uptime_s)" -ge "$until" ]; then
            ask_to_stop "$1" timed_out time_limit "longer than $limit s"
            end_writer "$1"
        fi
        if overdue "$1"; then end_writer "$1"; fi
        pause_ms 500
    done
}

# What coordinators that died while they put a script here left beside it (coordinator/host/deploy_script); an upload takes seconds.
forget_old_uploads() {
    case $0 in
    "$volumes"/*/secure-vmkfstools-wrapper)
        find "${0%/*}/" -maxdepth 1 -type f -name 'secure-vmkfstools-wrapper.*' -mtime +0 -exec rm -f {} \; 2>/dev/null
        ;;
    esac
}

verb_sweep() {
    removed='' kept=''
    lock_host # so that nobody orders a clone of an id whose pointer files are about to go
    set +f
    for folder in "$state"/jobs/*; do
        [ -f "$folder/order" ] || continue
        job=${folder##*/}
        judge "$job"
        if may_write "$job" || ! is_final "$c_state"; then
            kept=$kept${kept:+,}$(printf '{"id":"%s","state":"%s"}' "$job" "$c_state")
            continue
        fi
        remove_pointers "$job"
        # What ended stays known for five days, so that a coordinator that comes back learns how.
        if [ -n "$(find "$folder" -maxdepth 0 -mtime +5 2>/dev/null)" ]; then
            forget_job "$job"
            removed=$removed${removed:+,}\"$job\"
        fi
    done
    for record in "$state"/devices/*; do
        read -r job _ 2>/dev/null < "$record" || continue
        kept=$kept${kept:+,}$(printf '{"id":"%s","attached":"%s"}' "$job" "${record##*/}")
    done
    rm -rf "$state"/new.* "$state"/old.*
    set -f
    forget_old_uploads
    answer "{\"removed\":[$removed],\"kept\":[$kept]}"
}

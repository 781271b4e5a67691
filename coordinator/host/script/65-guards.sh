# ---- guards before writing: the agent's, in the agent's order (agent/guards.cpp) ---------------------------------------------------

# Needs s_… of the source and `device`; takes a new look. Refuses, or returns.
guard_target() { # bytes that the device must have; empty: nobody said
    look
    check_datastore
    see "$device" || refuse unavailable target_missing "the host no longer sees $device" "attach it again"
    [ -e "$disks/$device" ] || refuse unavailable target_missing "the host no longer sees $device" "attach it again"
    check_target_device "$device"
    if source_devices | grep -qxF "$device"; then
        refuse denied target_is_source_device "$device is the device the source itself lies on" "check which volume was mapped: nothing was written"
    fi
    if [ "$d_detached" = 1 ]; then refuse unavailable target_not_on "$device is detached" "attach it again"; fi
    case $d_status in
    on | degraded) ;;
    *) refuse unavailable target_not_on "$device is in state '$d_status'" "attach it again" ;;
    esac
    if [ -n "$1" ] && ! same_size "$1" "$d_bytes"; then
        refuse conflict size_mismatch "$device is $d_bytes bytes on this host but $1 bytes were ordered" \
            "rescan if the volume was just resized; else check which volume was mapped"
    fi
    if [ "${1:-$d_bytes}" -lt "$s_bytes" ]; then
        refuse conflict target_smaller_than_source "$device holds ${1:-$d_bytes} bytes, the disk has $s_bytes" "give the volume at least $s_bytes bytes"
    fi
}

guard_attached() { # job device bytes
    attached_for "$2" || refuse conflict not_attached "$2 was not attached for job $1" "attach it first: that is where its size and identity are checked"
    [ "$a_job" = "$1" ] || refuse_other_job "$2"
    [ -z "$a_leaving" ] || refuse conflict not_attached "$2 is being detached" "attach it again"
    [ "$a_bytes" = "$3" ] || refuse conflict size_mismatch "$2 was attached as $a_bytes bytes but the clone was ordered for $3 bytes" \
        "order the clone with the size of the array volume"
}

# Sets `writer` to whoever (a job of ours, a task of Forklift's) writes the device or may still do so; empty: none.
writer_of() { # device
    writer=''
    set +f
    for folder in "$state"/jobs/*; do
        [ -f "$folder/order" ] || continue
        if [ "$(order_of "${folder##*/}" target)" = "$1" ] && may_write "${folder##*/}"; then writer=${folder##*/}; fi
    done
    for folder in /tmp/vmkfstools-wrapper-*; do
        [ -f "$folder/targetLun" ] || continue
        if [ "$(get "$folder/targetLun")" = "$1" ] && [ ! -s "$folder/exitcode" ] && process_lives "$(get "$folder/pid")"; then
            writer=${folder##*/vmkfstools-wrapper-}
        fi
    done
    set -f
    # And whoever else it may be, by hand or left by somebody who was killed.
    if [ -z "$writer" ] && processes | grep vmkfstools | grep -qE "disks/($1([^0-9A-Za-z._]|\$)|vml\.[0-9a-f]*${1#*.})"; then writer='(unknown: a vmkfstools that nobody here answers for)'; fi
}

process_lives() { # pid
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null
}

# ESXi's ps shows command lines with -c; other busyboxes show them anyway.
processes() { ps -c 2>/dev/null || ps 2>/dev/null; }

# A process id may long be somebody else's. Just started, it still has its parent's command line.
is_vmkfstools() { # pid
    process_lives "$1" && processes | grep -w -- "$1" | grep -Eq 'vmkfstools|xcopy-watch'
}

# ---- clones -----------------------------------------------------------------------------------------------------------------------

# A job's folder:
#   order       what was ordered, "word value" lines; no     script      this script, for the watcher
#               two are alike, for the next of the same id
#   begun/      something may have been written from here on  started    when
#   vmkfstools  its process id
#   out err     what vmkfstools said                          exit        its exit status, seen by its parent
#   before-… after-…  VAAI counters of target and source     done        all of it is final; when it ended
#   stop        why it is to end: cancelled or timed_out, and a sentence   refusal  why it was not begun
#   stopped     that it was ended for that                    heard       when somebody last asked about it
# The watcher's process id is in $volatile/run/JOB: after a reboot nobody runs.

order_of() { # job word
    [ -f "$state/jobs/$1/order" ] || return 0
    while IFS= read -r order_line; do
        case $order_line in
        "$2 "*) printf '%s\n' "${order_line#"$2 "}" ;;
        esac
    done 2>/dev/null < "$state/jobs/$1/order"
}

watcher_lives() { process_lives "$(get "$volatile/run/$1")"; }

may_write() { # job
    job_dir=$state/jobs/$1
    [ -f "$job_dir/done" ] && return 1
    watcher_lives "$1" && return 0
    [ -d "$job_dir/begun" ] || return 1 # nothing was ever written, and nobody is there to begin
    if [ -s "$job_dir/exit" ]; then return 1; fi
    if [ -s "$job_dir/vmkfstools" ]; then
        is_vmkfstools "$(get "$job_dir/vmkfstools")"
    else # the watcher died before it wrote down whom it had started
        processes | grep -F -- "-xcopy-$1.vmdk" | grep -q vmkfstools
    fi
}

# Sets c_state and c_error (JSON or empty) from what lies in the folder, and c_order: of which order that is.
judge() { # job
    job_dir=$state/jobs/$1
    c_order=$(get "$job_dir/order")
    c_error='' c_exit='' alive=no begun=no
    if [ -d "$job_dir/begun" ]; then begun=yes; fi # before its watcher is looked for: one that just came may begin at once
    # First whether it ended, then how: the watcher writes the other way round.
    if [ ! -f "$job_dir/done" ] && watcher_lives "$1"; then alive=yes; else c_exit=$(get "$job_dir/exit"); fi
    c_percent=$(get "$job_dir/out" | tr '\r' '\n' |
        awk '{ while (match($0, /Clone: [0-9]+% done/)) { p = substr($0, RSTART + 7) + 0; if (p > m && p <= 100) m = p; $0 = substr($0, RSTART + RLENGTH) } } END { print m + 0 }')
    if [ $alive = yes ]; then
        c_state=queued
        [ ! -d "$job_dir/begun" ] || c_state=running
        [ ! -f "$job_dir/stop" ] || c_state=cancelling
        return 0
    fi
    stop=$job_dir/stop
    [ ! -f "$job_dir/done" ] || stop=$job_dir/stopped # what is final does not change any more
    if [ -f "$stop" ] && { [ -n "$c_exit" ] || [ ! -d "$job_dir/begun" ]; }; then
        read -r stop_code stop_reason stop_said < "$stop"
        c_state=failed
        [ "$stop_code" != cancelled ] || c_state=cancelled
        c_error=$(error_json "$stop_code" "$stop_reason" "clone stopped at $c_percent%: $stop_said" "")
    elif [ -s "$job_dir/refusal" ]; then
        c_state=failed
        c_error=$(get "$job_dir/refusal")
    elif [ -z "$c_exit" ] && [ $begun = yes ]; then
        c_state=indeterminate
        c_error=$(error_json indeterminate no_exit_status "vmkfstools left no exit status at $c_percent%" \
            "the volume's content is unknown: copy again onto it once no vmkfstools writes to it")
    elif [ -z "$c_exit" ]; then
        c_state=queued # nobody began it; the next question starts its watcher again
    elif [ "$c_exit" = 0 ]; then
        c_state=succeeded
    else
        c_state=failed
        c_error=$(error_json failed "" "vmkfstools exited $c_exit at $c_percent%: $(last_words "$job_dir")" "look into /var/log/vmkernel.log on the host")
    fi
}

# The last line that tells of a failure, else the last line. "… using Object Cloning" is noise of every clone.
last_words() { # job folder
    cat "$1/out" "$1/err" 2>/dev/null | tr '\r' '\n' | awk '
        { sub(/^.*Clone: [0-9]+% done\.?/, ""); sub(/^[ \t]+/, ""); sub(/[ \t]+$/, "") }
        $0 == "" { next }
        { last = $0 }
        (/Failed to / || /Error/) && !/DISKLIB-LIB_CLONE/ { failure = $0 }
        END { text = failure != "" ? failure : last; print text == "" ? "it said nothing" : substr(text, 1, 512) }'
}

is_final() { case $1 in succeeded | failed | cancelled | indeterminate) return 0 ;; *) return 1 ;; esac; }

# Grows with every change, without anybody counting: state and percent only ever go this way.
revision() {
    case $c_state in
    queued) printf 1 ;;
    running) printf '%s' $((2 + c_percent)) ;;
    cancelling) printf 200 ;;
    *) printf 1000 ;;
    esac
}

xcopy_verdict() { # job folder, bytes copied
    bytes=$2 awk '
        FNR == 1 { file = FILENAME; sub(/.*\//, "", file); there[file] = 1 }
        /:/ { split($0, half, ":"); key = tolower(half[1]); gsub(/[ \t_-]/, "", key); value = half[2]; gsub(/[ \t\r]/, "", value)
              if (value ~ /^[0-9]+$/) v[file, key] = value + 0 }
        function delta(side, key) { # -1: not to be told
            if (!((("before-" side), key) in v) || !((("after-" side), key) in v)) return -1
            if (v["after-" side, key] < v["before-" side, key]) { if (side == "target") reset = 1; return -1 }
            return v["after-" side, key] - v["before-" side, key]
        }
        function positive(n) { return n > 0 ? n : 0 }
        END {
            writes = delta("target", "clonewriteops"); reads = delta("source", "clonereadops")
            failed = positive(delta("target", "failedcloneops")) + positive(delta("source", "failedcloneops"))
            host = delta("target", "blockswritten"); array = delta("target", "cloneblockswritten")
            use = "unknown"
            if (writes >= 0 && !reset) {
                if (writes == 0) use = "none"
                else if (failed > 0) use = "partial"
                else if (host >= 0) use = host * 512 <= 1048576 + ENVIRON["bytes"] / 20 ? "full" : "partial"
            }
            printf "{\"use\":\"%s\",\"clone_write_ops\":%.0f,\"clone_read_ops\":%.0f,\"failed_clone_ops\":%.0f", use, positive(writes), positive(reads), failed
            if (array >= 0) printf ",\"bytes_by_array\":%.0f", array * 512
            if (host >= 0) printf ",\"bytes_by_host\":%.0f", host * 512
            printf "}"
        }' "$1/before-target" "$1/after-target" "$1/before-source" "$1/after-source" 2>/dev/null
}

# Sets `status`, JSON, and c_… as judge does. False when the job was forgotten meanwhile: then they mean nothing.
status_of() { # job
    judge "$1"
    status_as_judged "$1"
}

status_as_judged() { # job
    status=$(json_status "$1")
    is_as_judged "$1"
}

# Not forgotten since judge looked, nor forgotten and ordered anew: forget_job takes the folder away in one go.
is_as_judged() { # job
    [ -n "$c_order" ] && [ "$(get "$state/jobs/$1/order")" = "$c_order" ]
}

json_status() { # job; after judge
    job_dir=$state/jobs/$1
    bytes=$(order_of "$1" bytes)
    verdict=''
    if is_final "$c_state"; then verdict=$(xcopy_verdict "$job_dir" "${bytes:-0}"); fi
    position=0
    [ "$c_state" != queued ] || position=1
    printf '{"id":"%s","revision":%s,"state":"%s","percent":%s,"queue_position":%s,"source":%s,"target_naa":"%s","target_size":%s,"source_size":%s,"ordered_ms":%s,"started_ms":%s,"ended_ms":%s%s,"xcopy":%s%s}' \
        "$1" "$(revision)" "$c_state" "$c_percent" "$position" "$(json_string "$(order_of "$1" source)")" "$(order_of "$1" target)" \
        "$(order_of "$1" size)" "$bytes" "$(order_of "$1" ordered_ms)" "$(number_or_0 "$job_dir/started")" "$(number_or_0 "$job_dir/done")" \
        "${c_exit:+,\"exit_status\":$c_exit}" "${verdict:-{\}}" "${c_error:+,\"error\":$c_error}"
}

number_or_0() {
    number=$(get "$1")
    printf '%s' "${number:-0}"
}

answer_status() { # job
    status_of "$1" || refuse_forgotten "$1"
    answer "$status"
}

refuse_forgotten() { # job
    refuse not_found no_such_clone "clone $1 has ended and was forgotten meanwhile" "whoever ordered it knows how it ended"
}

known_job() {
    check_job
    [ -f "$state/jobs/$w_job/order" ] || refuse not_found no_such_clone "this host knows no clone $w_job" ""
}

heard_of() { # a finished job may be forgotten by another at this moment
    if [ -d "$state/jobs/$1" ]; then put "$state/jobs/$1/heard" "$(uptime_s)" 2>/dev/null || true; fi
}

pointer_of() { # canonical source, job
    printf '%s-xcopy-%s' "${1%.vmdk}" "$2"
}

verb_clone() {
    check_job
    check_device "$w_target"
    check_number size "$w_size" 9000000000000000
    check_number 'time limit' "$w_limit" 2147483647
    check_number 'orphan limit' "$w_ttl" 2147483647
    locate "$w_source"
    wanted="source $w_source
target $device
size $w_size
limit $w_limit
ttl $w_ttl"
    adopt "$wanted"
    examine_source "$located"
    guard_attached "$w_job" "$device" "$w_size"
    guard_target "$w_size"
    lock_host
    adopt "$wanted" # another connection may have been faster
    guard_attached "$w_job" "$device" "$w_size"
    writer_of "$device"
    [ -z "$writer" ] || refuse conflict target_busy "job $writer writes $device, or may still do so" "wait for that job, or cancel it"
    pointer=$(pointer_of "$s_path" "$w_job")
    for file in "$pointer.vmdk" "$pointer-rdm.vmdk"; do
        if [ -e "$file" ] || [ -L "$file" ]; then
            refuse conflict already_exists "$file is already there" "if no clone of this id runs on any host, remove it"
        fi
    done
    new=$state/new.$$
    if ! write_order 2> /dev/null; then
        rm -rf "$new"
        refuse unavailable no_space "cannot write to $state: is it full?" "look at \`vdf -h\` on the host"
    fi
    log "clone ordered job=$w_job source=$s_path target=$device"
    forget_old_uploads
    start_watcher "$w_job"
    unlock_host
    answer_status "$w_job"
}

write_order() { # all of it or nothing
    mkdir "$new" && put "$new/order" "$wanted
path $s_path
volume $s_volume
bytes $s_bytes
ordered_ms $(now_ms)
by $$ at $(uptime_s)" && cp "$0" "$new/script" && uptime_s > "$new/heard" && mv "$new" "$state/jobs/$w_job"
}

# The same id and the same order is the same clone; other content under the same id is refused.
adopt() { # the order
    [ -f "$state/jobs/$w_job/order" ] || return 0
    heard_of "$w_job"
    known="source $(order_of "$w_job" source)
target $(order_of "$w_job" target)
size $(order_of "$w_job" size)
limit $(order_of "$w_job" limit)
ttl $(order_of "$w_job" ttl)"
    [ "$known" = "$1" ] || refuse conflict other_order "job $w_job was ordered with another source, target or size" \
        "two copies were given one id: check their PersistentVolumeClaims"
    revive "$w_job"
    answer_status "$w_job"
}

# A job that nobody began and nobody watches any more may be begun; a begun one never again.
revive() { # job
    is_unattended "$1" || return 0
    lock_host
    if is_unattended "$1"; then start_watcher "$1"; fi # asked again: meanwhile it may have been begun, and even ended
}

is_unattended() { # job
    job_dir=$state/jobs/$1
    ! watcher_lives "$1" && [ -f "$job_dir/order" ] && [ ! -d "$job_dir/begun" ] && [ ! -f "$job_dir/done" ] && [ ! -f "$job_dir/stop" ] &&
        [ ! -f "$job_dir/refusal" ]
}

# In a session of its own, with nothing of the connection open: it outlives both.
start_watcher() { # job
    rm -f "$volatile/run/$1"
    setsid sh "$state/jobs/$1/script" --xcopy-watch "$1" < /dev/null > /dev/null 2>&1 &
    starter=$!
    tries=0
    until [ -f "$volatile/run/$1" ] || [ -f "$state/jobs/$1/done" ] || [ -f "$state/jobs/$1/refusal" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 500 ]; then refuse unavailable no_watcher "the watcher of job $1 did not start" "look for memory admission failures in /var/log/vmkernel.log"; fi
        pause_ms 20
    done
    log "watcher started job=$1 by=$starter"
}

verb_watch() {
    known_job
    check_number after "$w_after" 2147483647
    w_wait=${w_wait:-0}
    check_number wait "$w_wait" 60
    revive "$w_job"
    unlock_host
    give_up=$(($(uptime_s) + w_wait))
    while :; do
        heard_of "$w_job"
        [ -f "$state/jobs/$w_job/order" ] || refuse_forgotten "$w_job"
        judge "$w_job"
        if [ "$(revision)" -gt "$w_after" ] || [ "$(uptime_s)" -ge "$give_up" ]; then break; fi
        pause_ms 200
    done
    status_as_judged "$w_job" || refuse_forgotten "$w_job"
    answer "$status"
}

verb_clones() {
    list=''
    set +f
    for folder in "$state"/jobs/*; do
        [ -f "$folder/order" ] || continue
        if status_of "${folder##*/}"; then list=$list${list:+,}$status; fi
    done
    answer "{\"clones\":[$list]}"
}

# The first reason stays.
ask_to_stop() { # job code reason sentence; after judge
    job_dir=$state/jobs/$1
    is_as_judged "$1" || return 0
    [ -f "$job_dir/stop" ] || put "$job_dir/stop" "$2 $3 $4" 2> /dev/null || ! is_as_judged "$1" ||
        refuse unavailable no_space "cannot write to $state: is it full?" "look at \`vdf -h\` on the host"
}

# Asks the writer to end, SIGTERM now and SIGKILL after ten seconds, until it is gone. Never that of another order.
end_writer() { # job; after judge
    killed_at=$(($(uptime_s) + 10)) asked=''
    while may_write "$1" && is_as_judged "$1"; do
        pid=$(get "$state/jobs/$1/vmkfstools")
        if [ -n "$pid" ] && [ ! -f "$state/jobs/$1/exit" ] && is_vmkfstools "$pid"; then
            if [ "$(uptime_s)" -ge "$killed_at" ]; then
                kill -9 "$pid" 2>/dev/null
            elif [ -z "$asked" ]; then
                kill "$pid" 2>/dev/null
                asked=yes
            fi
        fi
        [ "$(uptime_s)" -lt $((killed_at + 50)) ] || refuse timed_out still_running "vmkfstools of job $1 does not end (process ${pid:-unknown})" \
            "device I/O may be stuck: look at the paths; a restart of the host ends it for certain"
        pause_ms 50
    done
}

verb_cancel() {
    known_job
    judge "$w_job"
    if ! is_final "$c_state"; then
        ask_to_stop "$w_job" cancelled cancelled "on request"
        log "clone cancelled job=$w_job"
    fi
    end_writer "$w_job"
    is_as_judged "$w_job" || refuse_forgotten "$w_job"
    answer_status "$w_job"
}

verb_forget() {
    check_job
    lock_host
    [ -f "$state/jobs/$w_job/order" ] || answer '{}'
    judge "$w_job"
    if ! is_final "$c_state" && [ "$c_state" != queued ] || may_write "$w_job"; then
        refuse busy still_running "clone $w_job is $c_state" "cancel it first"
    fi
    remove_pointers "$w_job"
    forget_job "$w_job"
    log "clone forgotten job=$w_job"
    answer '{}'
}

# In one go, so that whoever reads it meanwhile has all of it or knows that it is gone.
forget_job() { # job
    rm -f "$volatile/run/$1"
    mv "$state/jobs/$1" "$state/old.$1.$$" 2> /dev/null ||
        refuse unavailable no_space "cannot write to $state: is it full?" "look at \`vdf -h\` on the host"
    rm -rf "$state/old.$1.$$"
}

# Only what has the job's name and is what vmkfstools makes; the mapping first: while the descriptor is there, the next
# attempt still sees what the pair is. A mapping's content is never looked at: reading it reads the LUN.
remove_pointers() { # job
    path=$(order_of "$1" path)
    case $path in
    "$volumes"/*.vmdk) ;;
    *) return 0 ;;
    esac
    pointer=$(pointer_of "$path" "$1")
    if [ -L "$pointer.vmdk" ] || [ -L "$pointer-rdm.vmdk" ]; then return 0; fi
    if [ -s "$pointer.vmdk" ] && ! dd "if=$pointer.vmdk" bs=1024 count=65 2>/dev/null | grep -Eq '^createType *= *"vmfs(Passthrough)?RawDeviceMap"'; then
        log "not ours to remove: $pointer.vmdk"
        return 0
    fi
    rm -f "$pointer-rdm.vmdk" "$pointer.vmdk"
}

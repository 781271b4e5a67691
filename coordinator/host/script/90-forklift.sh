# ---- Forklift's four commands -----------------------------------------------------------------------------------------------------

# Same words, same answers, same files as the script of Forklift 2.11 (facts from kubev2v/forklift, vmkfstools-wrapper), so that its pods work
# with ours in place and a task that one script started is finished by the other.
tasks=/tmp/vmkfstools-wrapper-

xml_text() {
    text=$1 awk 'BEGIN { s = ENVIRON["text"]; gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); printf "%s", s }'
}

xml_output() { # status message
    printf '<?xml version="1.0" ?>\n<output xmlns="http://www.vmware.com/Products/ESX/5.0/esxcli/">\n    <structure typeName="result">\n'
    printf '        <field name="status"><string>%s</string></field>\n' "$1"
    printf '        <field name="message"><string>%s</string></field>\n' "$(xml_text "$2")"
    printf '    </structure>\n</output>\n'
}

forklift_refuse() { # text
    xml_output 1 "$1"
    exit 1
}

forklift_version() {
    if [ "$1" = "--version --output simple" ]; then
        printf '%s\n' "$forklift_version"
    else
        xml_output 0 "{\"version\": \"$forklift_version\"}"
    fi
}

# It joins words with blanks and quotes nothing, so a name with blanks is found by what stands around it.
forklift_clone() { # "--clone -s SOURCE -t TARGET"
    words=${1#--clone }
    case $words in
    '-s '*' -t '*) words=${words#-s } ;;
    '--source-vmdk '*' --target-lun '*) words=${words#--source-vmdk } ;;
    *) forklift_refuse "Unknown option: $words" ;;
    esac
    case $words in
    *' --target-lun '*) source=${words%' --target-lun '*} target=${words##*' --target-lun '} ;;
    *) source=${words%' -t '*} target=${words##*' -t '} ;;
    esac
    case $target in
    "$disks"/*) ;;
    *) forklift_refuse "Path validation error: Path not in allowed directories: $target" ;;
    esac
    check_device "${target##*/}"
    [ "$target" = "$disks/${target##*/}" ] || forklift_refuse "Path validation error: Invalid path detected: $target"
    locate "$source"
    examine_source "$located"
    must_ask extents storage vmfs extent list
    guard_target ''
    forklift_forget_old
    lock_host
    writer_of "$device"
    [ -z "$writer" ] || refuse conflict target_busy "job $writer writes $device, or may still do so" ""
    if attached_for "$device"; then refuse_other_job "$device"; fi
    task=$(dd if=/dev/urandom bs=16 count=1 2>/dev/null | od -A n -t x1 | tr -d ' \n' |
        sed 's/^\(.\{8\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)\(.*\)$/\1-\2-\3-\4-\5/')
    folder=$tasks$task
    mkdir -m 750 "$folder" || forklift_refuse "Failed to create task directory: $folder (exit code: 1)"
    pointer=$s_path-rdmdisk-$$
    if [ -e "$pointer" ] || [ -L "$pointer" ]; then forklift_refuse "$pointer is already there"; fi
    if ! { put "$folder/targetLun" "$device" && put "$folder/rdmfile" "$pointer" && cp "$0" "$folder/script"; }; then
        rm -rf "$folder"
        xml_output 28 "Error running subprocess: free space is low: check /var/log/vmkernel.log for more details"
        exit 1
    fi
    setsid sh "$folder/script" --forklift-watch "$task" "$s_path" "$device" "$pointer" < /dev/null > /dev/null 2>&1 &
    tries=0
    until [ -s "$folder/pid" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 500 ] || forklift_refuse "the watcher of task $task did not start: look for memory admission failures in /var/log/vmkernel.log"
        pause_ms 20
    done
    unlock_host
    xml_output 0 "{\"taskId\": \"$task\", \"pid\": $(get "$folder/pid"), \"xcopyUsed\": false}"
}

forklift_watch() { # task source device pointer
    trap '' HUP
    folder=$tasks$1
    put "$folder/pid" "$$" # of the one that will know how it ended
    counters "$3" "$folder/before-target"
    /bin/vmkfstools -i "$2" -d "rdm:$disks/$3" "$4" > "$folder/out" 2> "$folder/err" < /dev/null
    status=$?
    counters "$3" "$folder/after-target"
    printf '%s' "$status" > "$folder/exitcode.new" && mv "$folder/exitcode.new" "$folder/exitcode"
    exit 0
}

forklift_task() { # "… -i ID"; sets task and folder
    task=${1##* }
    case $1 in
    *' -i '* | *' --task-id '*) ;;
    *) task='' ;;
    esac
    if [ -z "$task" ]; then
        forklift_refuse "{\"stdErr\": \"-i (task-id) is required for ${1%% *}\", \"xcopyUsed\": false}"
    fi
    case $task in
    *[!0-9a-fA-F-]*) forklift_refuse "{\"taskId\": $(json_string "$task"), \"stdErr\": \"not a task id\", \"xcopyUsed\": false}" ;;
    esac
    folder=$tasks$task
    if [ ! -d "$folder" ] || [ -L "$folder" ]; then
        forklift_refuse "{\"taskId\": \"$task\", \"stdErr\": \"Task directory $folder not found\", \"xcopyUsed\": false}"
    fi
}

forklift_task_get() {
    pid=$(get "$folder/pid")
    case $pid in
    '' | *[!0-9]*) forklift_refuse "{\"taskId\": \"$task\", \"stdErr\": \"Failed to read PID\", \"xcopyUsed\": false}" ;;
    esac
    exit_code=$(get "$folder/exitcode")
    if [ -z "$exit_code" ] && ! process_lives "$pid"; then
        exit_code=$(get "$folder/exitcode") # written in between, or never: then nobody saw how it ended
        exit_code=${exit_code:-1}
    fi
    last_line=$(tail -c 4096 "$folder/out" 2>/dev/null | tr '\r' '\n' | tail -n 1)
    xml_output 0 "{\"taskId\": \"$task\", \"pid\": $pid, \"exitCode\": \"$exit_code\", \"lastLine\": $(json_string "$last_line"), \"xcopyUsed\": $(forklift_xcopy_used), \"stdErr\": $(json_string "$(dd "if=$folder/err" bs=1024 count=64 2>/dev/null)")}"
}

# It asks whether the target counts any XCOPY; we, with the baseline of our own watcher, whether this clone added any.
forklift_xcopy_used() {
    device=$(get "$folder/targetLun")
    baseline=0
    [ ! -s "$folder/before-target" ] || baseline=$(clone_writes < "$folder/before-target")
    if [ -s "$folder/after-target" ]; then
        writes=$(clone_writes < "$folder/after-target")
    else
        case $device in
        '' | *[!A-Za-z0-9.]*) device=none ;;
        esac
        counters "$device" "$work/counters"
        writes=$(clone_writes < "$work/counters" 2>/dev/null)
    fi
    if [ -z "$writes" ]; then
        printf null
    elif [ "$writes" -gt "${baseline:-0}" ]; then
        printf true
    else
        printf false
    fi
}

clone_writes() { sed -n 's/^ *[cC]lone[wW]rite[oO]ps: *\([0-9][0-9]*\) *$/\1/p'; }

forklift_task_clean() {
    if [ ! -s "$folder/exitcode" ] && process_lives "$(get "$folder/pid")"; then
        forklift_refuse "{\"taskId\": \"$task\", \"stdErr\": \"vmkfstools still runs\", \"xcopyUsed\": false}"
    fi
    pointer=$(get "$folder/rdmfile")
    case $pointer in
    "$volumes"/*-rdmdisk-*)
        if [ ! -L "$pointer" ] && grep -q 'VMFSRDM' "$pointer" 2>/dev/null; then
            mapping=$(sed -n 's/.*VMFSRDM "\([^"/]*\)".*/\1/p' "$pointer" | sed -n 1p)
            case $mapping in
            *-rdm.vmdk | *-rdmdisk-*) rm -f "${pointer%/*}/$mapping" ;;
            esac
            rm -f "$pointer"
        elif [ -f "$pointer" ] && [ ! -s "$pointer" ]; then
            rm -f "$pointer"
        fi
        ;;
    esac
    rm -rf "$folder" || forklift_refuse "failed to remove task directory $folder after cleanup"
    xml_output 0 ""
}

forklift_forget_old() {
    find /tmp -maxdepth 1 -type d -name 'vmkfstools-wrapper-*' -mtime +5 2>/dev/null | while IFS= read -r old; do
        process_lives "$(get "$old/pid")" || rm -rf "$old"
    done
}

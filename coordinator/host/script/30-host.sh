# ---- the host's tools -------------------------------------------------------------------------------------------------------------

# Ends a program that takes too long: esxcli hangs when hostd does. Output and error go to files.
bounded() { # seconds out err program words...
    local until out err
    until=$(($(uptime_s) + $1)) out=$2 err=$3
    shift 3
    "$@" > "$out" 2> "$err" < /dev/null &
    bounded_child=$!
    (
        while pause_ms 100 && kill -0 "$bounded_child" 2>/dev/null; do
            read -r up _ < /proc/uptime
            if [ "${up%%.*}" -ge "$until" ]; then kill -9 "$bounded_child"; fi
        done
    ) > /dev/null 2>&1 < /dev/null &
    bounded_minder=$!
    wait "$bounded_child" 2> /dev/null
    bounded_status=$?
    kill "$bounded_minder" 2>/dev/null
    wait "$bounded_minder" 2>/dev/null
    return "$bounded_status"
}

# Lines "record TAB key TAB value" of esxcli's XML; keys in lower case without blanks (they differ between releases). False when
# the text was cut off.
xml_records() {
    awk 'BEGIN { RS = "<"; OFS = "\t"; record = 0 }
    function plain(s) {
        gsub(/&lt;/, "<", s); gsub(/&gt;/, ">", s); gsub(/&quot;/, "\"", s); gsub(/&apos;/, "\047", s)
        gsub(/&#10;|&#13;|&#9;|&#x[aAdD9];/, " ", s); gsub(/&amp;/, "\\&", s); gsub(/[\t\r\n]/, " ", s)
        sub(/^ +/, "", s); sub(/ +$/, "", s); return s
    }
    /^structure/ { record++; next }
    /^field / {
        key = $0; sub(/^field +name *= *"/, "", key); sub(/".*/, "", key)
        key = tolower(key); gsub(/ /, "", key); seen = 0; next
    }
    /^\/structure/ { key = ""; next }
    /^\/output>/ { whole = 1; next }
    /^(string|integer|boolean)[ >]/ {
        value = $0; sub(/^[^>]*>/, "", value)
        if (record == 0) print 0, "text", plain(value)
        else if (key != "" && !seen) { print record, key, plain(value); seen = 1 }
    }
    END { exit !whole }'
}

# What it printed in lower case, one line: releases differ in the stream they use.
said_by_tool() { # out err
    cat "$2" "$1" 2>/dev/null | dd bs=512 count=1 2>/dev/null | tr '\t\r\n' '   '
}

# Sets `tool_code` and `tool_reason` from what esxcli said when it failed.
understand() { # status text
    tool_reason=''
    case $(printf '%s' "$2" | lower) in
    *'connect to localhost failed'* | *'connection failure'* | *'connection refused'*) tool_code=unavailable tool_reason=hostd_unreachable ;;
    *'unable to find device'*) tool_code=not_found tool_reason=no_such_device ;;
    *'unable to find'* | *'not found'* | *'no such file'*) tool_code=not_found ;;
    *'already in progress'*) tool_code=busy tool_reason=rescan_running ;;
    *'in use'* | *busy*) tool_code=busy tool_reason=in_use ;;
    *'unknown command'* | *'invalid option'*) tool_code=unsupported ;;
    *'not permitted'* | *'permission denied'*) tool_code=denied ;;
    *) tool_code=failed ;;
    esac
    if [ "$1" -eq 137 ]; then tool_code=unavailable tool_reason=hostd_unreachable; fi
}

# esxcli with its answer in $work/NAME.tsv. False when it failed; then tool_code, tool_reason and tool_said say why.
ask() { # name words...
    local name
    name=$1
    shift
    bounded "$tool_limit" "$work/$name.xml" "$work/$name.err" /bin/esxcli --formatter=xml "$@"
    ask_status=$?
    if [ "$ask_status" -eq 0 ] && xml_records < "$work/$name.xml" > "$work/$name.tsv"; then return 0; fi
    case "$ask_status $* " in
    0*' list '* | 0*' get '*) # a list that was cut off is not a short list
        tool_code=failed tool_reason=esxcli_answer
        ;;
    0*) return 0 ;; # commands that change something may say nothing
    *) tool_code='' ;;
    esac
    tool_said="esxcli $*: exit $ask_status: $(said_by_tool "$work/$name.xml" "$work/$name.err")"
    [ -n "$tool_code" ] || understand "$ask_status" "$tool_said"
    return 1
}

ask_aside() { # name words...; must_have waits for it
    if [ -f "$work/$1.failed" ]; then rm -f "$work/$1.failed"; fi
    (ask "$@" || put "$work/$1.failed" "$tool_code$newline$tool_reason$newline$tool_said") &
    asides="${asides-} $!"
}

# Waits for all that was asked aside; of it, these must have been answered.
must_have() { # names...
    # shellcheck disable=SC2086 # numbers
    wait $asides
    asides=''
    for part in "$@"; do
        if [ -f "$work/$part.failed" ]; then
            refuse "$(sed -n 1p "$work/$part.failed")" "$(sed -n 2p "$work/$part.failed")" "$(sed -n '3,$p' "$work/$part.failed")" \
                "check hostd on the host: /etc/init.d/hostd status"
        fi
    done
}

must_ask() {
    ask "$@" || refuse "$tool_code" "$tool_reason" "$tool_said" "check hostd on the host: /etc/init.d/hostd status"
}

# The value of a key in the only (or first) record.
value_of() { # name key
    key=$2 awk -F '\t' '$2 == ENVIRON["key"] { print $3; exit }' "$work/$1.tsv"
}

# A whole look at the host, in $work/view.tsv: a line a device,
#   name  bytes  status  local  boot  detached  lun  active-paths  dead-paths  vendor  model  used-by
# with "-" for nothing. The four questions run side by side.
look() {
    ask_aside devices storage core device list
    ask_aside paths storage core path list
    ask_aside extents storage vmfs extent list
    ask_aside detached storage core device detached list
    must_have devices paths extents detached
    awk -F '\t' 'BEGIN { OFS = "\t" }
    function file(n) { sub(/.*\//, "", n); return n }
    function put() {
        if (!have) return
        if (kind == "devices.tsv") {
            n++; names[n] = tolower(f["device"]); d = names[n]
            bytes[d] = sprintf("%.0f", f["size"] * 1048576); status[d] = f["status"]; vendor[d] = f["vendor"]; model[d] = f["model"]
            islocal[d] = f["islocal"] == "true" ? 1 : 0; boot[d] = f["isbootdevice"] == "true" ? 1 : 0
        } else if (kind == "paths.tsv") {
            d = tolower(f["device"])
            if (f["state"] == "active") active[d]++
            if (f["state"] == "dead") dead[d]++
            if (!(d in lun) && f["lun"] ~ /^[0-9]+$/) lun[d] = f["lun"]
        } else if (kind == "extents.tsv") {
            d = tolower(f["devicename"]); name = f["volumename"] == "" ? f["vmfsuuid"] : f["volumename"]
            used[d] = used[d] (used[d] == "" ? "" : ", ") name
        } else off[tolower(f["deviceuid"])] = 1
        for (k in f) delete f[k]
        have = 0
    }
    FNR == 1 || file(FILENAME) != kind { put(); kind = file(FILENAME); last = "" }
    { if ($1 != last) { put(); last = $1 } f[$2] = $3; have = 1 }
    END {
        put()
        for (i = 1; i <= n; i++) {
            d = names[i]
            print d, bytes[d], status[d] == "" ? "-" : status[d], islocal[d], boot[d], (d in off) + 0, (d in lun) ? lun[d] : "-", \
                  active[d] + 0, dead[d] + 0, vendor[d] == "" ? "-" : vendor[d], model[d] == "" ? "-" : model[d], used[d] == "" ? "-" : used[d]
        }
    }' "$work/devices.tsv" "$work/paths.tsv" "$work/extents.tsv" "$work/detached.tsv" > "$work/view.tsv"
}

# Sets d_… from the view. False when the host does not see the device.
see() { # name
    device_line=$(name=$1 awk -F '\t' '$1 == ENVIRON["name"] { print; exit }' "$work/view.tsv")
    [ -n "$device_line" ] || return 1
    IFS=$tab read -r _ d_bytes d_status d_local d_boot d_detached d_lun d_active _ _ _ d_used <<END
$device_line
END
}

# Numbers of the VAAI counters: vsish's whole text, into a file. Nothing when it cannot be had.
counters() { # device file
    bounded 10 "$2.new" /dev/null /bin/vsish -e cat "/storage/scsifw/devices/$1/stats" && mv -f "$2.new" "$2"
    rm -f "$2.new"
}

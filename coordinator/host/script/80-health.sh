# ---- what the host says about itself ----------------------------------------------------------------------------------------------

json_adapters() { # adapters.tsv
    awk -F '\t' '
        function put() {
            if (have) out = out (out == "" ? "" : ",") sprintf("{\"name\":\"%s\",\"driver\":\"%s\",\"link_state\":\"%s\",\"uid\":\"%s\",\"description\":\"%s\"}",
                  f["hbaname"], f["driver"], f["linkstate"], f["uid"], f["description"])
            for (k in f) delete f[k]
            have = 0
        }
        { if ($1 != last) { put(); last = $1 } gsub(/["\\]/, "", $3); f[$2] = $3; have = 1 }
        END { put(); printf "[%s]", out }' "$work/adapters.tsv"
}

json_datastores() { # filesystems.tsv, extents.tsv
    awk -F '\t' '
        function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
        function put() {
            if (have && kind == "extents.tsv") {
                u = f["vmfsuuid"]; on[u] = on[u] (on[u] == "" ? "" : ",") "\"" tolower(f["devicename"]) "\""
            } else if (have) {
                n++; uuid[n] = f["uuid"]
                text[n] = sprintf("{\"name\":%s,\"uuid\":%s,\"type\":%s,\"mount_point\":%s,\"mounted\":%s,\"size_bytes\":%.0f,\"free_bytes\":%.0f", \
                    quoted(f["volumename"]), quoted(f["uuid"]), quoted(f["type"]), quoted(f["mountpoint"]), f["mounted"] == "true" ? "true" : "false", f["size"], f["free"])
            }
            for (k in f) delete f[k]
            have = 0
        }
        FNR == 1 { put(); kind = FILENAME; sub(/.*\//, "", kind); last = "" }
        { if ($1 != last) { put(); last = $1 } f[$2] = $3; have = 1 }
        END { put(); for (i = 1; i <= n; i++) printf "%s%s,\"devices\":[%s]}", (i > 1 ? "," : ""), text[i], on[uuid[i]] }' \
        "$work/filesystems.tsv" "$work/extents.tsv"
}

verb_adapters() {
    must_ask adapters storage core adapter list
    answer "{\"adapters\":$(json_adapters)}"
}

verb_datastores() {
    must_ask filesystems storage filesystem list
    must_ask extents storage vmfs extent list
    answer "{\"datastores\":[$(json_datastores)]}"
}

option_json() { # field name-of-the-answer; nothing when it could not be read
    if [ ! -f "$work/$2.failed" ]; then printf '"%s":%s' "$1" "$(value_of "$2" intvalue)"; fi
}

count_jobs() { # state
    count=0
    set +f
    for folder in "$state"/jobs/*; do
        [ -f "$folder/order" ] || continue
        judge "${folder##*/}"
        [ "$c_state" != "$1" ] || count=$((count + 1))
    done
    set -f
    printf '%s' "$count"
}

problem() { # severity code subject message remedy
    problems=$problems${problems:+,}$(printf '{"severity":"%s","code":"%s","subject":%s,"message":%s,"remedy":%s}' "$1" "$2" \
        "$(json_string "$3")" "$(json_string "$4")" "$(json_string "$5")")
}

verb_health() {
    problems=''
    # Side by side, a few at a time: each takes esxcli a good part of a second, and memory.
    ask_aside version system version get
    ask_aside uuid system uuid get
    ask_aside name system hostname get
    ask_aside adapters storage core adapter list
    must_have version uuid name adapters
    look
    ask_aside filesystems storage filesystem list
    ask_aside max_lun system settings advanced list -o /Disk/MaxLUN
    ask_aside move system settings advanced list -o /DataMover/HardwareAcceleratedMove
    ask_aside init system settings advanced list -o /DataMover/HardwareAcceleratedInit
    ask_aside transfer system settings advanced list -o /DataMover/MaxHWTransferSize
    must_have filesystems
    product=$(value_of version product) release=$(value_of version version) build=$(value_of version build)
    uuid=$(value_of uuid text)
    [ -n "$uuid" ] || uuid=$(sed -n '1s/^[^\t]*\t[^\t]*\t//p' "$work/uuid.tsv")
    host=$(value_of name fullyqualifieddomainname)
    [ -n "$host" ] || host=$(value_of name hostname)
    limit=$(option_json disk_max_lun max_lun)
    highest=$(awk -F '\t' '$4 == 0 && $7 != "-" && $7 + 0 >= m + 0 { m = $7; have = 1 } END { if (have) print m }' "$work/view.tsv")
    switches=''
    for option in hardware_accelerated_move:move:HardwareAcceleratedMove hardware_accelerated_init:init:HardwareAcceleratedInit \
        max_hw_transfer_kb:transfer:MaxHWTransferSize; do
        name=/DataMover/${option##*:} option=${option%:*}
        switch=$(option_json "${option%%:*}" "${option#*:}")
        if [ -z "$switch" ]; then
            problem error not_readable "$name" "$name could not be read" "check that hostd runs: /etc/init.d/hostd status"
        fi
        switches=$switches${switches:+${switch:+,}}$switch
    done
    case $switches in
    *'move":0'*) problem error vaai_move_off /DataMover/HardwareAcceleratedMove \
        "array-side copies are switched off on this host: every copy goes through the host" \
        "esxcli system settings advanced set -o /DataMover/HardwareAcceleratedMove -i 1" ;;
    esac
    if [ -z "$limit" ]; then
        problem error not_readable /Disk/MaxLUN "/Disk/MaxLUN could not be read" "check that hostd runs: /etc/init.d/hostd status"
    elif [ -n "$highest" ] && [ "$highest" -ge $((${limit#*:} - 1)) ]; then
        problem error max_lun_low /Disk/MaxLUN \
            "the host looks at LUN numbers below ${limit#*:} and $highest is in use: volumes mapped above are invisible without any error" \
            "raise it: esxcli system settings advanced set -o /Disk/MaxLUN -i 4096, then rescan"
    fi
    answer "$(printf '{"protocol":{"min":%s,"max":%s},"agent_version":"ssh-script-%s","host_uuid":%s,"host_name":%s,"product":%s,"version":%s,"build":%s,"uptime_s":%s,"clock_ms":%s,%s%s"vaai":{%s},"adapters":%s,"datastores":[%s],"running":%s,"queued":%s,"max_running":%s,"problems":[%s]}' \
        "$protocol_min" "$protocol_max" "$script_version" "$(json_string "$uuid")" "$(json_string "$host")" "$(json_string "$product")" \
        "$(json_string "$release")" "$(json_string "$build")" "$(uptime_s)" "$(now_ms)" "${limit:+$limit,}" \
        "${highest:+\"highest_lun\":$highest,}" "$switches" "$(json_adapters)" "$(json_datastores)" "$(count_jobs running)" \
        "$(count_jobs queued)" "$max_running" "$problems")"
}

verb_maxlun() {
    limit=$(max_lun)
    [ -n "$limit" ] || refuse unavailable not_readable "/Disk/MaxLUN could not be read" "check hostd on the host: /etc/init.d/hostd status"
    answer "{\"disk_max_lun\":$limit}"
}

verb_counters() { # all that vsish counts for a device; with a job, what that clone added (its baseline is in its folder)
    if [ -n "$w_job" ]; then
        known_job
        answer "$(xcopy_verdict "$state/jobs/$w_job" "$(order_of "$w_job" bytes)")"
    fi
    check_device "$w_naa"
    counters "$device" "$work/counters"
    [ -s "$work/counters" ] || refuse unavailable no_counters "vsish has no counters of $device" ""
    answer "$(awk '/:/ { split($0, half, ":"); gsub(/[ \t]/, "", half[1]); gsub(/[ \t\r]/, "", half[2])
        if (half[1] ~ /^[A-Za-z_]+$/ && half[2] ~ /^[0-9]+$/) { printf "%s\"%s\":%s", n++ ? "," : "{", half[1], half[2] } } END { print n ? "}" : "{}" }' "$work/counters")"
}

verb_version() {
    answer "$(printf '{"script_version":%s,"protocol":{"min":%s,"max":%s},"sha256":"%s"}' "$script_version" "$protocol_min" "$protocol_max" \
        "$(sha256sum "$0" 2>/dev/null | cut -d ' ' -f 1)")"
}

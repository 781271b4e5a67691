# ---- devices that come and go -----------------------------------------------------------------------------------------------------

# esxcli gives whole MiB, so an array's size and a host's are compared as far as it can tell.
same_size() { # on-the-array seen-by-host
    [ "$1" = "$2" ] || { [ $(($2 % 1048576)) -eq 0 ] && [ $(($1 / 1048576)) -eq $(($2 / 1048576)) ]; }
}

# May this device ever be a target on this host?
check_target_device() { # name
    if [ "$d_boot" = 1 ]; then refuse denied target_is_boot "$1 is the host's boot device" "check which volume was mapped"; fi
    if [ "$d_local" = 1 ]; then
        refuse denied target_is_local "$1 is a local disk of the host, not an array volume" "check which volume was mapped"
    fi
    if [ "$d_used" != - ]; then
        refuse denied target_backs_datastore "$1 holds datastore '$d_used'" "check which volume was mapped: nothing was written"
    fi
}

attached_for() { # device; sets a_job and a_bytes, false when nobody attached it
    a_job='' a_bytes='' a_leaving=''
    [ -f "$state/devices/$1" ] && read -r a_job a_bytes a_leaving < "$state/devices/$1" && [ -n "$a_job" ]
}

refuse_other_job() { # device
    refuse conflict attached_for_other_job "$1 is attached for job $a_job" "two copies were given one volume: check their PersistentVolumeClaims"
}

max_lun() { # nothing when it cannot be read
    ask option system settings advanced list -o /Disk/MaxLUN && value_of option intvalue
}

json_device() { # name
    vaai='{}'
    if ask vaai storage core device vaai status get -d "$1"; then
        vaai=$(awk -F '\t' '{ f[$2] = $3 }
            function primitive(k) { return f[k] == "supported" || f[k] == "unsupported" ? f[k] : "" }
            END { gsub(/["\\]/, "", f["vaaipluginname"])
                  printf "{\"plugin\":\"%s\",\"ats\":\"%s\",\"clone\":\"%s\",\"zero\":\"%s\",\"reclaim\":\"%s\"}", f["vaaipluginname"],
                         primitive("atsstatus"), primitive("clonestatus"), primitive("zerostatus"), primitive("deletestatus") }' "$work/vaai.tsv")
    fi
    paths=$(name=$1 awk -F '\t' '
        function put() {
            if (tolower(f["device"]) == ENVIRON["name"])
                out = out (out == "" ? "" : ",") sprintf("{\"runtime_name\":\"%s\",\"adapter\":\"%s\",\"state\":\"%s\",\"transport\":\"%s\",\"lun\":%d}",
                      f["runtimename"], f["adapter"], f["state"], f["transport"], f["lun"] ~ /^[0-9]+$/ ? f["lun"] : -1)
            for (k in f) delete f[k]
        }
        { if ($1 != last) { put(); last = $1 } gsub(/["\\]/, "", $3); f[$2] = $3 }
        END { put(); print out }' "$work/paths.tsv")
    used=$(name=$1 awk -F '\t' '{ f[$1, $2] = $3; r[$1] = 1 }
        END { for (i in r) if (tolower(f[i, "devicename"]) == ENVIRON["name"])
                  print f[i, "volumename"] == "" ? f[i, "vmfsuuid"] : f[i, "volumename"] }' "$work/extents.tsv" | json_list)
    vendor=$(printf '%s\n' "$device_line" | cut -f 10)
    model=$(printf '%s\n' "$device_line" | cut -f 11)
    lun=''
    [ "$d_lun" = - ] || lun="\"lun\":$d_lun,"
    printf '{"name":"%s","size_bytes":%s,"status":%s,"vendor":%s,"model":%s,"is_local":%s,"is_boot":%s,"is_detached":%s,%s"used_by":%s,"paths":[%s],"vaai":%s}' \
        "$1" "$d_bytes" "$(json_string "$d_status")" "$(json_string "$vendor")" "$(json_string "$model")" "$(truth "$d_local")" \
        "$(truth "$d_boot")" "$(truth "$d_detached")" "$lun" "$used" "$paths" "$vaai"
}

truth() { if [ "$1" = 1 ]; then printf true; else printf false; fi; }

verb_device() {
    check_device "$w_naa"
    look
    see "$device" || refuse not_found no_such_device "this host does not see $device" ""
    answer "$(json_device "$device")"
}

# ---- rescan

can_carry_lun() { # lines "name TAB driver TAB uid" on stdin, names on stdout
    awk -F '\t' '$2 == "scini" || $3 ~ /^(fc|iqn|eui|sas|tcp|rdma)\./ { print $1 }'
}

adapter_lines() {
    awk -F '\t' '{ f[$1, $2] = $3; if (!($1 in seen)) { seen[$1] = 1; order[++n] = $1 } }
        END { for (i = 1; i <= n; i++) print f[order[i], "hbaname"] "\t" f[order[i], "driver"] "\t" f[order[i], "uid"] }' "$work/adapters.tsv"
}

# One adapter after the other, one round at a time on the whole host. A round that begins after we asked serves us as well:
# disks of one migration arrive together. Sets `rescanned` and `coalesced`; needs `adapters`.
rescan() { # add or delete
    if [ -z "$adapters" ]; then
        must_ask adapters storage core adapter list
        adapters=$(adapter_lines | can_carry_lun | sort | tr '\n' ' ')
        adapters=${adapters% }
        [ -n "$adapters" ] || refuse unavailable no_adapter "this host has no adapter that could carry a LUN" "look at \`esxcli storage core adapter list\`"
    fi
    round=$volatile/rounds/$1-$(printf '%s' "$adapters" | tr ' ' ,)
    before=$(get "$round")
    lock rescan $((rescan_limit * 2)) "a rescan"
    rescan_lock=$lock_number
    now=$(get "$round")
    rescanned=$(get "$round.served")
    coalesced=true rescan_failure="another request's rescan failed"
    if [ "${now:-0}" -le "${before:-0}" ]; then
        coalesced=false
        put "$round" $((${now:-0} + 1)) # begun
        rescan_adapters "$1"
        put "$round.served" "$rescanned"
    fi
    unlock rescan "$rescan_lock"
    [ -n "$rescanned" ] || refuse "${tool_code:-failed}" "${tool_reason-}" "$rescan_failure" "look at \`esxcli storage core adapter list\`"
}

rescan_adapters() {
    rescanned='' rescan_failure=''
    for adapter in $adapters; do
        busy_until=$(($(uptime_s) + 60))
        while :; do
            bounded "$rescan_limit" "$work/rescan.out" "$work/rescan.err" /bin/esxcli storage core adapter rescan -A "$adapter" -t "$1"
            status=$?
            if [ "$status" -eq 0 ]; then
                rescanned=$rescanned${rescanned:+ }$adapter
                break
            fi
            tool_said="rescan $adapter: exit $status: $(said_by_tool "$work/rescan.out" "$work/rescan.err")"
            understand "$status" "$tool_said"
            if [ "$tool_code" != busy ] || [ "$(uptime_s)" -ge "$busy_until" ]; then # somebody else's rescan ends, so busy is asked again
                rescan_failure=$rescan_failure${rescan_failure:+; }$tool_said
                break
            fi
            pause_ms 500
        done
    done
}

verb_rescan() {
    case $w_kind in
    add | delete) ;;
    *) refuse bad_request bad_kind "a rescan kind is 'add' or 'delete'" "" ;;
    esac
    check_adapters
    rescan "$w_kind"
    answer "$(printf '{"adapters":%s,"coalesced":%s}' "$(printf '%s\n' "$rescanned" | tr ' ' '\n' | json_list)" "$coalesced")"
}

# ---- attach, detach

forget_detached() { # device
    ask forget storage core device detached remove -d "$1" || [ "$tool_code" = not_found ] ||
        refuse "$tool_code" "$tool_reason" "remove $1 from the detached list: $tool_said" ""
}

switch_on() { # device; before it is forgotten: the list is what makes a return come up as off again
    [ "$d_status" != off ] || ask on storage core device set --state=on -d "$1" || log "$tool_said"
    forget_detached "$1"
}

# Sets `step`: ready, settle, rescan or switch_on.
next_attach_step() {
    step=rescan
    see "$device" || return 0
    check_target_device "$device"
    if [ "$d_detached" = 1 ] || [ "$d_status" = off ]; then
        step=switch_on
        return 0
    fi
    case $d_status in
    on | degraded) ;;
    *) return 0 ;;
    esac
    if ! same_size "$w_size" "$d_bytes"; then
        [ -n "$rescanned" ] || return 0 # a size from before a resize is corrected by one rescan
        refuse conflict size_mismatch "$device is $d_bytes bytes on this host, but the array volume has $w_size bytes" \
            "if the volume was resized, rescan its adapters; else the wrong volume was mapped"
    fi
    step=settle
    if [ "$d_active" -gt 0 ]; then step=ready; fi
}

verb_attach() {
    check_device "$w_naa"
    check_job
    check_number size "$w_size" 9000000000000000
    w_wait=${w_wait:-120}
    check_number wait "$w_wait" 600
    check_adapters
    refuse_if_taken "$device"
    limit=''
    if [ -n "$w_lun" ]; then
        check_number 'LUN number' "$w_lun" 65535
        limit=$(max_lun)
        if [ -n "$limit" ] && [ "$w_lun" -ge "$limit" ]; then
            refuse unsupported lun_above_max "$device is mapped as LUN $w_lun, but this host only looks at LUN numbers below $limit (Disk.MaxLUN)" \
                "map it with a LUN number below $limit, or raise the limit on the host: esxcli system settings advanced set -o /Disk/MaxLUN -i 4096 (at most 16384), then rescan"
        fi
    fi
    rescanned='' step=rescan wait_until=$(($(uptime_s) + w_wait)) ms=50
    while :; do
        look
        next_attach_step
        if [ "$step" = ready ] && [ -e "$disks/$device" ]; then break; fi
        if [ -n "$rescanned" ] && [ "$(uptime_s)" -ge "$wait_until" ]; then refuse_unseen; fi
        case $step in
        switch_on) switch_on "$device" ;;
        rescan)
            if [ -z "$rescanned" ] || [ "$ms" -ge 1000 ]; then
                wanted=$adapters
                rescan add
                adapters=$wanted ms=50
                continue
            fi
            ;;
        esac
        pause_ms "$ms"
        if [ "$ms" -lt 1000 ]; then ms=$((ms * 2)); fi
    done
    lock_host
    refuse_if_taken "$device"
    put "$state/devices/$device" "$w_job $w_size"
    unlock_host
    log "device attached job=$w_job device=$device lun=$d_lun bytes=$d_bytes"
    answer "$(json_device "$device")"
}

refuse_if_taken() { # device
    if attached_for "$1" && [ "$a_job" != "$w_job" ]; then refuse_other_job "$1"; fi
    writer_of "$1"
    if [ -n "$writer" ] && [ "$writer" != "$w_job" ]; then
        refuse conflict target_busy "job $writer writes $1, or may still do so" "wait for that job, or cancel it"
    fi
}

refuse_unseen() {
    if see "$device"; then
        refuse timed_out device_not_ready "$device is in state '$d_status' and did not become usable within $w_wait s" \
            "look at its paths: esxcli storage core path list -d $device"
    fi
    limit=$(max_lun)
    dead=$(awk -F '\t' '{ n += $9 } END { print n + 0 }' "$work/view.tsv")
    refuse timed_out device_not_seen \
        "$device did not appear within $w_wait s; rescanned $rescanned; LUN number ${w_lun:-not told}; Disk.MaxLUN ${limit:-unreadable}; $dead dead paths" \
        "check that the volume is mapped to this host's initiators, that the LUN number is below Disk.MaxLUN, and the zoning or iSCSI sessions of the adapters"
}

verb_detach() {
    check_device "$w_naa"
    check_job
    lock_host
    writer_of "$device"
    if [ -n "$writer" ]; then
        refuse conflict target_busy "job $writer writes $device, or may still do so" "cancel the clone, then detach"
    fi
    if attached_for "$device"; then
        [ "$a_job" = "$w_job" ] || refuse_other_job "$device"
        put "$state/devices/$device" "$a_job $a_bytes leaving" # from here on no clone to it begins
    else
        other=$(attached_by "$w_job")
        [ -z "$other" ] || refuse conflict not_attached "job $w_job attached $other, not $device" "detach the device this job attached"
    fi
    unlock_host
    look
    if see "$device"; then
        check_target_device "$device"
        [ "$d_status" = off ] || switch_off
    fi
    forget_detached "$device"
    rm -f "$state/devices/$device"
    log "device detached job=$w_job device=$device"
    answer '{}'
}

attached_by() { # job; the device
    set +f
    for record in "$state"/devices/*; do
        if read -r job _ 2>/dev/null < "$record" && [ "$job" = "$1" ]; then printf '%s' "${record##*/}"; fi
    done
    set -f
}

switch_off() {
    off_until=$(($(uptime_s) + 60))
    while :; do
        said='' refused_with=''
        if ! ask off storage core device set --state=off -d "$device"; then
            said=$tool_said refused_with=$tool_code
        fi
        while :; do
            ask now storage core device list -d "$device" || [ "$tool_code" != not_found ] || return 0
            case $(value_of now status) in
            off | dead | 'dead timeout') return 0 ;;
            esac
            case $refused_with in
            '' | busy) ;;
            *) refuse "$refused_with" device_in_use "switch $device off: $said" "something on this host uses the device" ;;
            esac
            if [ "$(uptime_s)" -ge "$off_until" ]; then
                refuse timed_out device_in_use "$device is still on after 60 s${said:+: $said}" "something on this host uses the device"
            fi
            pause_ms 200
            [ -z "$refused_with" ] || break # it was busy: outstanding I/O ends, so ask again
        done
    done
}

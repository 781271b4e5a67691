# ---- the disk to be copied --------------------------------------------------------------------------------------------------------

outside() { refuse denied source_outside_volumes "$1" "give the disk as \"[datastore] folder/disk.vmdk\""; }

bad_source() {
    refuse bad_request bad_source "$1" "give the disk as \"[datastore] folder/disk.vmdk\" or $volumes/datastore/folder/disk.vmdk"
}

# Sets `located`: a path below the volumes by its text alone. Blanks, quotes and any language are welcome.
locate() { # source
    [ -n "$1" ] || bad_source "the source's name is empty"
    [ ${#1} -lt 2048 ] || bad_source "the source's name is too long"
    case $1 in
    *[[:cntrl:]]*) bad_source "the source's name has a control character or a line break in it" ;;
    esac
    located=$1
    case $1 in
    \[*)
        located=${1#\[}
        case $located in
        *\]*) ;;
        *) bad_source "'$1' names no datastore" ;;
        esac
        datastore=${located%%\]*}
        below=${located#*\]}
        while :; do
            case $below in
            ' '* | /*) below=${below#?} ;;
            *) break ;;
            esac
        done
        case $datastore in
        '' | */*) bad_source "'$1' names no datastore" ;;
        esac
        [ -n "$below" ] || bad_source "'$1' names no file on a datastore"
        located=$volumes/$datastore/$below
        ;;
    esac
    case /$located/ in
    */../*) outside "'$1' leaves its folder with '..'" ;;
    esac
    case $located in
    "$volumes"/*) ;;
    *) outside "'$1' is not on a datastore (below $volumes)" ;;
    esac
    case $located in
    *.vmdk) ;;
    *) bad_source "'$1' is not a .vmdk file" ;;
    esac
}

not_a_descriptor() { refuse unsupported not_a_descriptor "$s_path: $1" "give the path of the disk's small text descriptor (.vmdk)"; }

# Sets s_path (canonical), s_volume (UUID), s_kind, s_bytes, and refuses what ESXi does not clone.
examine_source() { # located
    folder=${1%/*}
    s_path=$(CDPATH='' cd -P -- "$folder" 2>/dev/null && pwd -P && printf x) || s_path=''
    s_path=${s_path%"${newline}"x}
    if [ -z "$s_path" ] || [ ! -f "$s_path/${1##*/}" ]; then
        refuse not_found source_missing "$1: No such file or directory" "check the datastore's name and the disk's folder with \`ls $volumes/\`"
    fi
    s_path=$s_path/${1##*/}
    case $s_path in
    "$volumes"/*/*) ;;
    *) outside "$s_path is not on a datastore (below $volumes)" ;;
    esac
    [ ! -L "$s_path" ] || outside "$s_path is a link to somewhere else"
    s_volume=${s_path#"$volumes"/}
    s_volume=${s_volume%%/*}

    # One byte more than the largest, never the whole: this may be the data of a disk.
    dd "if=$s_path" bs=1024 count=65 2>/dev/null | tr '\000' '\001' > "$work/descriptor"
    [ "$(wc -c < "$work/descriptor")" -le $longest_descriptor ] || not_a_descriptor "it is larger than any descriptor: it is the data of a disk"
    description=$(awk '
        function unquoted(s) { if (match(s, /".*"/)) { s = substr(s, RSTART + 1, RLENGTH - 2); gsub(/\\"/, "\"", s) } return s }
        { sub(/\r$/, ""); line = line_end = $0; sub(/\001+$/, "", line_end) }
        NR == 1 && /^(KDMV|COWD)/ { wrong = "the file is a binary (sparse) disk, not a descriptor"; exit }
        ended && !/^\001*$/ { wrong = "the file is a binary (sparse) disk, not a descriptor"; exit }
        /\001/ { if (line_end ~ /\001/) { wrong = "the file is a binary (sparse) disk, not a descriptor"; exit } ended = 1; $0 = line_end }
        { sub(/^[ \t]+/, ""); sub(/[ \t]+$/, "") }
        tolower($0) ~ /^#[ \t]*disk descriptorfile$/ { signature = 1 }
        /^#/ { next }
        toupper($1) ~ /^(RW|RDONLY|NOACCESS)$/ {
            if ($2 !~ /^[0-9]+$/ || length($2) > 16 || $3 == "") { wrong = "the extent has no size or kind"; exit }
            if (toupper($3) != "ZERO" && !/".+"/) { wrong = "the extent names no file"; exit }
            sectors += $2; extents++; next
        }
        tolower($0) ~ /^createtype[ \t]*=/ { sub(/^[^=]*=[ \t]*/, ""); kind = unquoted($0) }
        END {
            if (wrong == "" && !signature) wrong = "the file does not begin as a disk descriptor does"
            if (wrong == "" && !extents) wrong = "the descriptor names no extent"
            if (wrong != "") print "wrong " wrong
            else printf "right %.0f %s\n", sectors * 512, kind
        }' "$work/descriptor")
    case $description in
    right\ *) ;;
    *) not_a_descriptor "${description#wrong }" ;;
    esac
    s_bytes=${description#right }
    s_kind=${s_bytes#* }
    s_bytes=${s_bytes%% *}
    case $s_kind in
    vmfs | vmfsThin | monolithicFlat | twoGbMaxExtentFlat | vmfsSparse | seSparse | vmfsRawDeviceMap | vmfsPassthroughRawDeviceMap) ;;
    *)
        refuse unsupported vmdk_kind_unsupported "$s_path is a VMDK of kind '$s_kind', which ESXi does not clone" \
            "convert it on the host with \`vmkfstools -i\` to a VMFS disk first"
        ;;
    esac
}

# The devices below the source's datastore, a line each.
source_devices() { # extents.tsv must be there
    volume=$s_volume awk -F '\t' '
        { f[$1, $2] = $3; if (!($1 in seen)) { seen[$1] = 1; order[++n] = $1 } }
        END { for (i = 1; i <= n; i++) if (f[order[i], "vmfsuuid"] == ENVIRON["volume"]) print tolower(f[order[i], "devicename"]) }' "$work/extents.tsv"
}

# Refuses datastores that are known to hold no raw device mapping (protocol/datastores.cpp). What lies on VMFS extents need not be asked.
check_datastore() { # extents.tsv must be there
    [ -z "$(source_devices)" ] || return 0
    if ! ask filesystems storage filesystem list; then
        log "type of the source's datastore not known source=$s_path why=$tool_said"
        return 0
    fi
    store=$(volume=$s_volume awk -F '\t' '
        function put() {
            end = "/" ENVIRON["volume"]; at = f["mountpoint"]
            if (f["uuid"] == ENVIRON["volume"] || (length(at) >= length(end) && substr(at, length(at) - length(end) + 1) == end))
                found = f["type"] "\t" (f["volumename"] == "" ? ENVIRON["volume"] : f["volumename"])
            for (k in f) delete f[k]
        }
        $1 != last { put(); last = $1 }
        { f[$2] = $3 }
        END { put(); print found }' "$work/filesystems.tsv")
    case $(printf '%s' "${store%%"$tab"*}" | lower) in
    nfs | nfs41 | vsan | vvol)
        refuse unsupported datastore_not_vmfs \
            "datastore '${store#*"$tab"}' is of type ${store%%"$tab"*} and cannot hold the raw device mapping through which vmkfstools writes to a volume; only VMFS can" \
            "move the disk to a VMFS datastore first (Storage vMotion), or migrate it without copy offload"
        ;;
    esac
}

json_list() { # a line an item on stdin
    list=''
    while IFS= read -r item; do
        list=$list${list:+,}$(json_string "$item")
    done
    printf '[%s]' "$list"
}

verb_source() {
    locate "$w_source"
    examine_source "$located"
    must_ask extents storage vmfs extent list
    check_datastore
    answer "$(printf '{"path":%s,"datastore":%s,"devices":%s,"size_bytes":%s,"create_type":"%s"}' "$(json_string "$s_path")" \
        "$(json_string "$s_volume")" "$(source_devices | json_list)" "$s_bytes" "$s_kind")"
}

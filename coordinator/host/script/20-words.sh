# ---- words of a command -----------------------------------------------------------------------------------------------------------

# Sets `decoded`. Bytes go through the shell as octal escapes and nothing else, so none of them can be syntax.
decode() { # word
    encoded=$(word=$1 awk 'BEGIN {
        hex = "0123456789abcdef"; word = ENVIRON["word"]; n = length(word)
        for (i = 1; i <= n; i++) {
            c = substr(word, i, 1)
            if (c != "%") { out = out c; continue }
            high = index(hex, tolower(substr(word, i + 1, 1))); low = index(hex, tolower(substr(word, i + 2, 1)))
            if (i + 2 > n || !high || !low || (high == 1 && low == 1)) exit 1
            out = out sprintf("\\0%03o", (high - 1) * 16 + low - 1); i += 2
        }
        printf "%s", out
    }') || refuse bad_request bad_word "'$1' is not percent-encoded" ""
    decoded=$(printf '%b' "${encoded}x")
    decoded=${decoded%x} # keeps line breaks at the end, which $() would eat
}

# Sets w_KEY for each KEY=VALUE that we know; what we do not know comes from a newer coordinator and is left alone.
read_words() {
    w_job='' w_source='' w_target='' w_size='' w_limit=0 w_ttl=900 w_naa='' w_adapters='' w_wait='' w_lun='' w_kind='' w_after=0
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9._/%:,=+-]*) refuse bad_request bad_word "a word holds a character that must be percent-encoded" "" ;;
        esac
        [ ${#word} -le 8192 ] || refuse bad_request bad_word "a word is longer than 8192 characters" ""
        decode "${word#*=}"
        case $word in
        job=*) w_job=$decoded ;;
        source=*) w_source=$decoded ;;
        target=*) w_target=$decoded ;;
        size=*) w_size=$decoded ;;
        limit=*) w_limit=$decoded ;;
        ttl=*) w_ttl=$decoded ;;
        naa=*) w_naa=$decoded ;;
        adapters=*) w_adapters=$decoded ;;
        wait=*) w_wait=$decoded ;;
        lun=*) w_lun=$decoded ;;
        kind=*) w_kind=$decoded ;;
        after=*) w_after=$decoded ;;
        esac
    done
}

check_job() {
    case $w_job in
    '' | -* | *[!A-Za-z0-9-]*)
        refuse bad_request bad_job_id "job id '$w_job' is not 1 to 64 letters, digits and dashes" "use the UID of the PersistentVolumeClaim"
        ;;
    esac
    [ ${#w_job} -le 64 ] || refuse bad_request bad_job_id "a job id has at most 64 characters" "use the UID of the PersistentVolumeClaim"
}

# Sets `device` to the name in lower case.
check_device() { # name
    device=$(printf '%s' "$1" | lower)
    digits=${device#???.}
    case $device in
    naa.* | eui.*) ;;
    *) digits=bad ;;
    esac
    case $digits in
    *[!0-9a-f]*) digits=bad ;;
    esac
    case ${#digits} in
    16 | 32) ;;
    *) refuse bad_request bad_device_name "device '$1' is not naa. or eui. followed by 16 or 32 hex digits" "" ;;
    esac
}

check_number() { # what value largest
    case $2 in
    '' | *[!0-9]* | 0?*) refuse bad_request bad_number "$1 '$2' is not a number" "" ;;
    esac
    if [ ${#2} -gt 16 ] || [ "$2" -gt "$3" ]; then
        refuse bad_request bad_number "$1 $2 is more than $3" ""
    fi
}

# Sets `adapters`, separated by blanks; empty: all that can carry a LUN.
check_adapters() {
    case $w_adapters in
    *[!A-Za-z0-9_.,]*) refuse bad_request bad_adapter "'$w_adapters' is not a list of adapters" "" ;;
    esac
    adapters=$(printf '%s' "$w_adapters" | tr ',' ' ')
}

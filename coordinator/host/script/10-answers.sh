# ---- answers ----------------------------------------------------------------------------------------------------------------------

# A JSON string, quotes included. Control characters become \u00XX; bytes above 127 stay as they are.
json_string() {
    text=$1 awk 'BEGIN {
        for (i = 1; i < 32; i++) escaped[sprintf("%c", i)] = sprintf("\\u%04x", i)
        escaped["\n"] = "\\n"; escaped["\r"] = "\\r"; escaped["\t"] = "\\t"; escaped["\b"] = "\\b"; escaped["\f"] = "\\f"
        escaped["\""] = "\\\""; escaped["\\"] = "\\\\"; escaped[sprintf("%c", 127)] = "\\u007f"
        n = length(ENVIRON["text"])
        for (i = 1; i <= n; i++) { c = substr(ENVIRON["text"], i, 1); out = out (c in escaped ? escaped[c] : c) }
        printf "\"%s\"", out
    }'
}

# One line "xcopy 1 ok" or "xcopy 1 refused", then the JSON: nobody takes a banner or a shell's complaint for an answer. The 1 is
# of this form only and stays when the protocol's range grows, so that older coordinators can still read which range that is.
answer() {
    printf 'xcopy 1 ok\n%s\n' "$1"
    exit 0
}

error_json() { # code reason message remedy
    printf '{"code":"%s","reason":"%s","message":%s,"remedy":%s}' "$1" "$2" "$(json_string "$3")" "$(json_string "$4")"
}

refuse() { # code reason message remedy
    if [ -n "${refusal_file-}" ]; then # a clone that waits in the queue has nobody to tell
        put "$refusal_file" "$(error_json "$@")"
        exit 1
    fi
    log "refused: $2: $3"
    if [ "${speaks-}" = forklift ]; then
        forklift_refuse "$3"
    fi
    printf 'xcopy 1 refused\n%s\n' "$(error_json "$@")"
    exit 1
}

lower() { tr '[:upper:]' '[:lower:]'; }

log() { logger -t xcopy-ssh "$1" 2>/dev/null || true; }

now_ms() { printf '%s000' "$(date +%s)"; }

# Seconds since the host started: a clock that nobody sets.
uptime_s() {
    read -r up _ < /proc/uptime
    printf '%s' "${up%%.*}"
}

pause_ms() { # only ever between two looks
    usleep "${1}000" 2>/dev/null || sleep 1
}

# Written whole or not at all.
put() { # file text
    printf '%s\n' "$2" > "$1.$$.new" && mv -f "$1.$$.new" "$1"
}

get() { # file
    cat "$1" 2>/dev/null || true
}

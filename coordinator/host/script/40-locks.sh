# ---- locks ------------------------------------------------------------------------------------------------------------------------

# A lock is the symbolic link NAME.N with the highest N; it points to its holder's process id, or to "released". Making a
# link is atomic and brings its content along, so there is no moment in which a lock has no holder; whoever finds a dead
# holder makes the next number, which only one can. The highest number is never removed.
holder_of() { # link; ESXi's busybox has no readlink
    # shellcheck disable=SC2012 # our own name, and a number behind the arrow
    ls -l "$1" 2>/dev/null | sed -n 's/.* -> //p'
}

highest() { # name
    highest_number=0
    set +f
    for link in "$volatile/locks/$1".*; do
        number=${link##*.}
        case $number in
        '' | *[!0-9]*) continue ;;
        esac
        [ "$number" -gt "$highest_number" ] && highest_number=$number
    done
    set -f
}

try_lock() { # name; the caller holds it for its process $$ until unlock or its end
    highest "$1"
    if [ "$highest_number" -gt 0 ]; then
        holder=$(holder_of "$volatile/locks/$1.$highest_number")
        if [ -z "$holder" ] || { [ "$holder" != released ] && kill -0 "$holder" 2>/dev/null; }; then
            return 1
        fi
    fi
    mine=$((highest_number + 1))
    ln -s "$$" "$volatile/locks/$1.$mine" 2>/dev/null || return 1
    highest "$1"
    if [ "$highest_number" -ne "$mine" ]; then # others went on meanwhile and took their old numbers away
        rm -f "$volatile/locks/$1.$mine"
        return 1
    fi
    rm -f "$volatile/locks/$1.$((mine - 2))"
    lock_number=$mine
}

lock() { # name seconds what-for
    give_up=$(($(uptime_s) + $2))
    until try_lock "$1"; do
        [ "$(uptime_s)" -lt "$give_up" ] || refuse busy locked "process ${holder:-?} of this host is still at $3" "ask again in a moment"
        pause_ms 50
    done
}

# Around every decision about who may write where. Let go at the end, however that comes.
lock_host() {
    [ -z "${host_lock-}" ] || return 0
    lock host 60 "a decision about devices"
    host_lock=$lock_number
}

unlock_host() {
    [ -z "${host_lock-}" ] || unlock host "$host_lock"
    host_lock=''
}

unlock() { # name number
    ln -s released "$volatile/locks/.released.$$" && mv -f "$volatile/locks/.released.$$" "$volatile/locks/$1.$2"
}

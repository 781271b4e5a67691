# ---- the command ------------------------------------------------------------------------------------------------------------------

# What connections left that were killed.
forget_dead_callers() {
    set +f
    for folder in "$volatile"/work/*; do
        process_lives "${folder##*/}" || rm -rf "$folder"
    done
    set -f
}

# All of it was read before any of it runs: the file may be replaced meanwhile.
main() {
    umask 077
    mkdir -p "$volatile/locks" "$volatile/run" "$volatile/rounds" "$volatile/work" "$state/jobs" "$state/devices" 2>/dev/null
    forget_dead_callers
    work=$volatile/work/$$
    rm -rf "$work"
    mkdir "$work" 2>/dev/null || refuse unavailable no_space "cannot write to $volatile: is /tmp full?" "look at \`vdf -h\` on the host"
    trap 'unlock_host; unlock_slot; rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM PIPE

    case ${1-} in
    --xcopy-watch) watch_clone "$2" ;;
    --forklift-watch) forklift_watch "$2" "$3" "$4" "$5" ;;
    esac

    command=${SSH_ORIGINAL_COMMAND-$*}
    case $command in
    --version | '--version --output '* | -v)
        forklift_version "$command"
        ;;
    '--clone '*)
        speaks=forklift
        forklift_clone "$command"
        ;;
    --task-get | '--task-get '*)
        speaks=forklift
        forklift_task "$command"
        forklift_task_get
        ;;
    --task-clean | '--task-clean '*)
        speaks=forklift
        forklift_task "$command"
        forklift_task_clean
        ;;
    '--xcopy '*)
        # shellcheck disable=SC2086 # words without blanks or quotes, split at blanks; set -f is on
        set -- ${command#--xcopy }
        verb=$1
        shift
        read_words "$@"
        case $verb in
        version) verb_version ;;
        health) verb_health ;;
        maxlun) verb_maxlun ;;
        counters) verb_counters ;;
        adapters) verb_adapters ;;
        datastores) verb_datastores ;;
        device) verb_device ;;
        source) verb_source ;;
        attach) verb_attach ;;
        detach) verb_detach ;;
        rescan) verb_rescan ;;
        clone) verb_clone ;;
        watch) verb_watch ;;
        clones) verb_clones ;;
        cancel) verb_cancel ;;
        forget) verb_forget ;;
        sweep) verb_sweep ;;
        *) refuse unsupported unknown_call "this script does not know '$verb'" "update the script: the coordinator does it at its next start" ;;
        esac
        ;;
    *)
        speaks=forklift
        forklift_refuse "Unknown option: $command"
        ;;
    esac
}

main "$@"
exit

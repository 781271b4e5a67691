#include "tests/lab/arrays/flashsystem/switches.hpp"

namespace lab::flashsystem {

Switches switches()
{
    return {
        {"error_style",
         "new",
         "status and body of a command error: 409, 500 with a JSON string, or 404 and 400 as text",
         {"legacy", "mixed"}},
        {"lapsed_status", 403, "what a token that has ended leads to", {401}},
        {"one_token", true, "a sign-in ends the user's older token", {false}},
        {"auth_per_second", 0, "sign-ins a second before 429; 0: any number", {3}},
        {"auth_retry_after", 0, "seconds in the Retry-After of such a 429; 0: there is none", {2}},
        {"calls_per_second", 0, "other calls a second before 429; 0: any number", {10}},
        {"hostports",
         "refused",
         "lshostports: an unknown command, unknown to the web server, or a list",
         {"404", "list", "empty"}},
        {"fabric", "list", "lsfabric shows hosts by name, shows no login, or is refused", {"empty", "refused"}},
        {"empty_list", "[]", "a list without rows", {""}},
        {"detail", "object", "lsvdisk of one volume: an object, or a list with its copies", {"list"}},
        {"uid_filter",
         "exact",
         "filter by vdisk_UID: exact, any case, ignored; or it finds nothing",
         {"any_case", "everything"}},
        {"protection", "off", "volume protection: nowhere, of the system with exempt pools, of both", {"system"}},
        {"pool_protection_field", true, "lsmdiskgrp shows it", {false}},
        {"protocol_words", "new", "mkhost: fcscsi and iscsi (8.5 and newer), or scsi and nvme", {"old"}},
        {"second_map_code", "CMMVC6071E", "mapped to another host and no force", {"CMMVC9375E"}},
        {"alias_differs", false, "the system's id_alias is not its id; the CSI driver writes the alias", {true}},
        {"progress_in_list", true, "lsfcmap shows the progress", {false}},
        {"taken_port_code", "CMMVC5867E", "a port that another host has", {"CMMVC6581E"}},

        {"protection_words", "The volume was not unmapped because it was active within the volume protection period.",
         "published nowhere"},
        {"protection_code", "CMMVC8999E", "published nowhere"},
        {"token_minutes", 60, "how long a token lives"},
        {"copy_ms", 3000, "a background copy from 0 to 100 %"},
        {"prepare_ms", 400, "flushing the caches before a start"},
        {"copy_fails", false, "a background copy stops halfway"},
    };
}

} // namespace lab::flashsystem

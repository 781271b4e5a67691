// Everything observable that happens in the lab is an event: an array request, a tool started on a host. Rules attach
// faults, delays, holds and kills to events. Tests synchronise on events, never on sleeps.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace lab {

struct Event {
    std::string where; // "array:ontap-a", "host:esx1"
    std::string what;  // "POST /api/protocols/san/lun-maps", "esxcli storage core adapter rescan -A vmhba64 -t add"
};

// What the place that raised the event must do instead of, or beside, its normal work. Delays, holds and kills are
// already done when this is returned.
struct Fault {
    int http_status = 0;          // arrays: answer this instead
    std::string http_body;        // arrays
    std::string retry_after;      // arrays: header value, if not empty
    bool drop_connection = false; // arrays: close without answering
    std::optional<int> tool_exit; // hosts: exit status instead of doing the work
    std::string tool_stdout;      // hosts
    std::string tool_stderr;      // hosts
};

// Thread-safe. One per lab.
class Events {
public:
    virtual ~Events() = default;

    // Called before an event takes effect, and after it did but before anybody is told (so a kill "after" leaves the
    // effect without the answer). Every event gets a number, counted from 1 over the whole lab.
    virtual std::optional<Fault> before(const Event&) = 0;
    virtual std::optional<Fault> after(const Event&) = 0;
};

} // namespace lab

#include "tests/lab/arrays/ontap/refusal.hpp"

#include <array>
#include <utility>

namespace lab::ontap {

int usual_status(std::string_view code)
{
    constexpr std::array<std::pair<std::string_view, int>, 21> not_400 = {{
        {"4", 404},       // no such object
        {"6", 403},       // the account may not
        {"1254193", 409}, // an initiator would see a LUN twice
        {"1254196", 409}, // LUN copy: the destination cannot be made
        {"1254197", 409}, // LUN is mapped
        {"1254201", 404}, // LUN does not exist
        {"1254207", 409}, // already mapped to this igroup
        {"1254213", 409}, // igroup is mapped
        {"1254324", 409}, // an initiator would see a LUN number twice
        {"5374023", 409}, // igroup name exists
        {"5374034", 404}, // initiator is not a member
        {"5374035", 409}, // initiator is a member already
        {"5374732", 409}, // initiator elsewhere with another OS type (create)
        {"5374734", 409}, // the same (add)
        {"5374852", 404}, // igroup does not exist
        {"5374875", 404}, // unmap: LUN missing
        {"5374878", 404}, // unmap: igroup missing
        {"5374922", 404}, // map does not exist
        {"6691623", 401}, // not signed in
        {"7018877", 429}, // too many copies
        {"3", 405},       // the resource has no such method
    }};
    for (const auto& [known, status] : not_400) {
        if (known == code)
            return status;
    }
    return 400;
}

} // namespace lab::ontap
